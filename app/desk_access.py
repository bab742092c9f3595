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
Files = Annotated[
    str | None, typer.Option(metavar="PLACE", help="Where the desk's sealed files are: a folder or s3://… (in --home).")
]
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


def files_of(files: str | None, home: Path | None) -> Any:
    """The place of a desk's sealed files: the one that is named, or `files` in its folder."""
    from xinheng.storage import place_of

    return place_of(files) if files else home_of(home) / "files"


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
    return counter_told(unlock.unlock(engine, home_of(home), name, **way_in(key_file), accept_older=accept_older))


def counter_told(opened: Any) -> Any:
    """The desk as it was opened; where its counter began anew, that is said: an older database would not be noticed."""
    if opened.new_counter:
        Terminal().say(
            f"The desk's counter is not in {opened.home} and begins anew: if an older database was put in this one's "
            "place, nobody can tell. After a restore, or where this desk is opened for the first time, it is no fault."
        )
    return opened


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


def not_copied(counts: dict[str, int], place: Any) -> str:
    """How many files that records name are not in a backup, and what to do; empty where all of them are."""
    least, most = counts.get("files_not_copied", 0), counts.get("files_not_copied_at_most", 0)
    if not most:
        return ""
    number = str(least) if least == most else f"{least} to {most}" if least else f"up to {most}"
    unsure = "" if least == most else " (adapters that were not kept count here as well, for they need a key to tell)"
    elsewhere = f"Those that are not in {place} are found by --files"
    away = f"{place} needs a backup of its own" if "://" in str(place) else elsewhere
    return f"Not in the backup: {number} of the files that records name{unsure}. {away}; see xinheng desk verify."


def require_behind(command: str, options: dict[str, Any]) -> None:
    """Refuse options before a command: they would say nothing to it, and it would work on another desk."""
    if before := [name for name, value in options.items() if value is not None]:
        named = ", ".join(before)
        mend = f"Say: xinheng desk {command} {' '.join(f'{name} …' for name in before)}"
        raise UsageError("desk", f"{named} must come after the command {command}", mend=mend)
