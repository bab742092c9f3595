"""How a command reaches a counsellor's desk: where it is, and what opens it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.terminal import Terminal
from xinheng.errors import UsageError

PASSPHRASE = "XINHENG_DESK_PASSPHRASE"  # noqa: S105  the variable's name
RECOVERY = "XINHENG_DESK_RECOVERY"
DATABASE = "XINHENG_DESK_DATABASE"

Home = Annotated[Path | None, typer.Option(metavar="DIR", help="The desk's folder (runs/desk).")]
Database = Annotated[str | None, typer.Option(metavar="URL", help=f"postgresql://…, instead of a file; or {DATABASE}.")]
Name = Annotated[str, typer.Option(metavar="NAME", help="The counsellor's name.")]
KeyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help=f"Opens the desk instead of a passphrase (asked, or {PASSPHRASE}).")
]
AcceptOlder = Annotated[
    bool, typer.Option("--accept-older", help="Open a database that was put back on purpose; the log says so.")
]


def no_core_dump() -> None:
    """Let no crash write this process's memory, with keys and notes in it, to the disk."""
    try:
        import resource
    except ImportError:  # not POSIX
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def home_of(home: Path | None) -> Path:
    """The desk's folder: the one that is named, or `desk` among the runs."""
    from xinheng.settings import settings

    kept = settings().runs
    return home or (kept if isinstance(kept, Path) else Path("runs")) / "desk"


def connected(home: Path | None, database: str | None, *, new: bool) -> Any:
    """The engine of the desk's database; where `new` is false, a folder without a desk is an error and stays empty."""
    from app.desk.database import connect

    folder, url = home_of(home), database or os.environ.get(DATABASE)
    if not new and url is None and not (folder / "desk.sqlite").is_file():
        raise UsageError("desk", f"there is no desk in {folder}", mend="Say --home, or --database.")
    return connect(folder, url)


def opened_by(name: str, home: Path | None, database: str | None, key_file: Path | None, *, accept_older: bool) -> Any:
    """The desk of one counsellor, unlocked."""
    from app.desk import unlock

    engine = connected(home, database, new=False)
    return unlock.unlock(engine, home_of(home), name, **way_in(key_file), accept_older=accept_older)


def way_in(key_file: Path | None) -> dict[str, Any]:
    """What unlocks a desk, as `unlock` takes it: the key file, or a passphrase from the environment or asked for."""
    return {"key_file": key_file} if key_file else {"passphrase": os.environ.get(PASSPHRASE) or asked("Passphrase: ")}


def new_passphrase() -> str:
    """A passphrase from the environment, or asked for twice."""
    if given := os.environ.get(PASSPHRASE):
        return given
    first = asked("New passphrase: ")
    if asked("Once more: ") != first:
        raise UsageError("desk", "the two passphrases differ", mend="Nothing was changed; run it again.")
    return first


def asked(prompt: str) -> str:
    """What is typed, unseen; an error where there is no terminal."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise UsageError("desk", "no terminal to ask at", mend=f"Set {PASSPHRASE} (and {RECOVERY} to recover).")
    return getpass.getpass(prompt)


def show_code(terminal: Terminal, code: str) -> None:
    """Show a recovery code, which is kept nowhere."""
    terminal.result({"recovery_code": code})
    terminal.line("The recovery code, shown this once; write it down and keep it away from this machine:")
    terminal.line(code)
