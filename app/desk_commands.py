"""`xinheng desk …`: the desk started, checked, backed up, restored, recovered, given new keys; its corpus written."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from app.flags import Json
from app.terminal import Terminal
from xinheng.errors import CheckFailed, UsageError

PASSPHRASE = "XINHENG_DESK_PASSPHRASE"  # noqa: S105  the variable's name
RECOVERY = "XINHENG_DESK_RECOVERY"
DATABASE = "XINHENG_DESK_DATABASE"
# What the desk's extra brings, as modules.
PACKAGES = ("sqlalchemy", "pg8000", "gradio", "uvicorn", "pypdf", "docx", "reportlab")

desk = typer.Typer(
    name="desk",
    help="The counsellor's desk: start its pages, check it, back it up, bring it back, give it new keys.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Home = Annotated[Path | None, typer.Option(metavar="DIR", help="The desk's folder (runs/desk).")]
Database = Annotated[str | None, typer.Option(metavar="URL", help=f"postgresql://…, instead of a file; or {DATABASE}.")]
Name = Annotated[str, typer.Option(metavar="NAME", help="The counsellor's name.")]
KeyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help=f"Opens the desk instead of a passphrase (asked, or {PASSPHRASE}).")
]
AcceptOlder = Annotated[
    bool, typer.Option("--accept-older", help="Open a database that was put back on purpose; the log says so.")
]


@desk.callback(epilog="Example: xinheng desk --port 8700")
def start(
    context: typer.Context,
    *,
    home: Home = None,
    database: Database = None,
    host: Annotated[str, typer.Option(help="Where to listen; another place than loopback needs TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8700,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Who drafts and answers: local:nano, local:FOLDER, ollama:NAME, …")
    ] = "local:nano",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let clients' words go to a model on another machine.")
    ] = False,
    files: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Sealed files: a folder or s3://… (in --home)."),
    ] = None,
    embed: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Finds passages by meaning as well: ollama:NAME or openai:NAME@URL."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate, for HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's key.")] = None,
    idle: Annotated[float, typer.Option(metavar="MINUTES", min=1, help="A session without a deed ends after.")] = 20,
) -> None:
    """Start the desk's pages, or run one of its commands."""
    _require_packages()
    if context.invoked_subcommand is not None:
        return
    from app.desk.pages.models import Models
    from app.desk.pages.server import serve
    from xinheng.chat.embedding import embedder
    from xinheng.storage import place_of

    terminal = Terminal()
    place = place_of(files) if files else _home(home) / "files"

    def ready(url: str, setup_code: str) -> None:
        terminal.line(f"The desk is at {url} (stop: Ctrl+C)")
        if setup_code:
            terminal.line(f"Whoever sets up a desk of his own there is asked for this code: {setup_code}")

    serve(
        _connected(home, database, new=True),
        _home(home),
        models=Models(model, allow_remote=allow_remote, files=place),
        files=place,
        embed=embedder(embed, allow_remote=allow_remote) if embed else None,
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        idle_s=60 * idle,
        ready=ready,
    )


@desk.command(epilog="Example: xinheng desk sample --name lin --home runs/practice")
def sample(
    *,
    name: Name,
    language: Annotated[str, typer.Option(help="zh-Hant, zh-Hans or en.")] = "zh-Hant",
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a counsellor with two invented clients to practise with; the passphrase is asked."""
    from app.desk import sample as practising

    terminal, passphrase = Terminal(as_json=json), _new_passphrase()
    _, code = practising.sample(
        _connected(home, database, new=True), _home(home), name, language=language, passphrase=passphrase
    )
    terminal.line(
        f"{name} has two invented clients in {_home(home)}; start the pages: xinheng desk --home {_home(home)}"
    )
    _shown(terminal, code)


@desk.command(epilog="Example: xinheng desk verify --name lin")
def verify(
    *,
    name: Name,
    home: Home = None,
    database: Database = None,
    key_file: KeyFile = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Hold the log, its counter, all keys and all records of a counsellor against each other; name what is wrong."""
    from app.desk import checking

    terminal = Terminal(as_json=json)
    found = checking.verify(_opened(name, home, database, key_file, accept_older=accept_older))
    terminal.result(asdict(found))
    terminal.line(f"{found.clients} clients, {found.records} versions of records, {found.entries} entries of the log")
    terminal.line(f"counters begun anew: {found.counters_begun}; older databases accepted: {found.older_accepted}")
    for sentence in found.wrong:
        terminal.line(sentence)
    if found.wrong:
        raise CheckFailed("desk", f"{len(found.wrong)} things are wrong", mend="Restore from a backup.")


@desk.command(epilog="Example: xinheng desk backup desk-2026-11.backup")
def backup(
    to: Annotated[Path, typer.Argument(help="The file to write; nothing may be there yet.")],
    *,
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Copy the whole desk into one file while it is in use; it is encrypted as the desk is, no passphrase is needed."""
    from app.desk import backup as backing

    terminal, engine = Terminal(as_json=json), _connected(home, database, new=False)
    counts = backing.backup(engine, _home(home), to)
    terminal.result({"file": str(to), "counts": counts})
    terminal.line(f"{to}: {counts['client'] - counts['counsellor']} clients, {counts['note']} versions of notes")


@desk.command(epilog="Example: xinheng desk restore desk-2026-11.backup --home runs/restored")
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `xinheng desk backup` wrote.")],
    *,
    home: Home = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Put a backup into an empty folder or database; all of it or nothing. The passphrase of its time opens it."""
    from app.desk import backup as backing

    terminal = Terminal(as_json=json)
    counts = backing.restore(_connected(home, database, new=True), _home(home), source)
    terminal.result({"home": str(_home(home)), "counts": counts})
    terminal.line(f"{counts['client'] - counts['counsellor']} clients are in {_home(home)}")


@desk.command(epilog="Example: xinheng desk corpus notes.jsonl --name lin")
def corpus(
    to: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="The file to write; nothing may be there yet.")],
    *,
    name: Name,
    home: Home = None,
    database: Database = None,
    key_file: KeyFile = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Write the notes of clients who consented to it, under other names, for `xinheng ingest notes`; unencrypted."""
    from app.desk import corpus as giving

    terminal = Terminal(as_json=json)
    if to.exists():  # before anybody is asked for a passphrase
        raise UsageError("desk", f"{to} is there already", mend="Choose another name.")
    made = giving.write(_opened(name, home, database, key_file, accept_older=accept_older), to)
    counts = {"notes": made.notes, "clients": made.clients, "replaced": made.replaced, "left_out": made.left_out}
    terminal.result({"file": str(to), **counts})
    terminal.line(f"{to}: {made.notes} notes of {made.clients} clients, not encrypted")
    terminal.line("replaced: " + (", ".join(f"{count} {kind}" for kind, count in made.replaced.items()) or "nothing"))
    for why, count in made.left_out.items():
        terminal.line(f"left out: {count} {why}")
    terminal.line("The search for names and numbers misses some: read the lines before they go out.")


@desk.command(epilog="Example: xinheng desk rows A-17 --name lin --out /mnt/ram/rows")
def rows(
    code: Annotated[str, typer.Argument(metavar="CLIENT_CODE", help="The client's code.")],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write; nothing may be there yet.")],
    name: Name,
    home: Home = None,
    database: Database = None,
    key_file: KeyFile = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Write a consenting client's training rows, unencrypted, for `xinheng train client` here or elsewhere."""
    from app.desk import store, teaching

    terminal = Terminal(as_json=json)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(str(out), "something is there already", want="a new or empty folder", mend="Choose another.")
    opened = _opened(name, home, database, key_file, accept_older=accept_older)
    client_id = store.find_client(opened, code)
    if client_id is None:
        raise UsageError("desk", "no client of this counsellor has this code", mend="Give the code as the desk has it.")
    before = os.umask(0o077)
    try:
        made = teaching.export(opened, client_id, out)
    finally:
        os.umask(before)
    splits = made.manifest["facts"]["splits"]
    terminal.result({"folder": str(out), "rows": splits, "left_out": made.manifest["facts"]["left_out"]})
    held = splits["validation"] + splits["test"]
    terminal.line(f"{out}: {splits['train']} rows to learn from, {held} held back")
    terminal.say(
        "These rows are not encrypted any more: keep the folder in memory or on an encrypted disk, and delete it, with "
        "whatever is trained on it, when it is done. Erasing the client does not reach it."
    )
    terminal.line(f"Train on it: xinheng train client --base nano --data {out}")


@desk.command(epilog="Example: xinheng desk recover --name lin")
def recover(
    *,
    name: Name,
    home: Home = None,
    database: Database = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Open the desk with the recovery code, give it a new passphrase, and show the new code, once."""
    from app.desk import unlock

    terminal, engine = Terminal(as_json=json), _connected(home, database, new=False)
    code = os.environ.get(RECOVERY) or _asked("Recovery code: ")
    _, renewed = unlock.recover(
        engine, _home(home), name, code, passphrase=_new_passphrase(), accept_older=accept_older
    )
    _shown(terminal, renewed)


@desk.command(epilog="Example: xinheng desk rotate --name lin")
def rotate(
    *,
    name: Name,
    home: Home = None,
    database: Database = None,
    key_file: KeyFile = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Make all keys new and seal all records again; the passphrase stays. Interrupted, it goes on when run again."""
    from app.desk import rotation, unlock

    terminal, engine = Terminal(as_json=json), _connected(home, database, new=False)
    how = _way(key_file)
    opened = unlock.unlock(engine, _home(home), name, **how, accept_older=accept_older)
    _, code = rotation.rotate(opened, **how)
    _shown(terminal, code)


def _require_packages() -> None:
    from importlib.util import find_spec

    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        raise UsageError(
            "desk",
            "packages are missing",
            have=f"no {', '.join(lacking)}",
            mend="Install them: pip install 'xinheng[desk]'",
        )


def _home(home: Path | None) -> Path:
    from xinheng.settings import settings

    kept = settings().runs
    return home or (kept if isinstance(kept, Path) else Path("runs")) / "desk"


def _connected(home: Path | None, database: str | None, *, new: bool) -> Any:
    from app.desk.database import connect

    folder, url = _home(home), database or os.environ.get(DATABASE)
    if not new and url is None and not (folder / "desk.sqlite").is_file():
        raise UsageError("desk", f"there is no desk in {folder}", mend="Say --home, or --database.")
    return connect(folder, url)


def _opened(name: str, home: Path | None, database: str | None, key_file: Path | None, *, accept_older: bool) -> Any:
    from app.desk import unlock

    engine = _connected(home, database, new=False)
    return unlock.unlock(engine, _home(home), name, **_way(key_file), accept_older=accept_older)


def _way(key_file: Path | None) -> dict[str, Any]:
    return {"key_file": key_file} if key_file else {"passphrase": os.environ.get(PASSPHRASE) or _asked("Passphrase: ")}


def _new_passphrase() -> str:
    if given := os.environ.get(PASSPHRASE):
        return given
    first = _asked("New passphrase: ")
    if _asked("Once more: ") != first:
        raise UsageError("desk", "the two passphrases differ", mend="Nothing was changed; run it again.")
    return first


def _asked(prompt: str) -> str:
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise UsageError("desk", "no terminal to ask at", mend=f"Set {PASSPHRASE} (and {RECOVERY} to recover).")
    return getpass.getpass(prompt)


def _shown(terminal: Terminal, code: str) -> None:
    terminal.result({"recovery_code": code})
    terminal.line("The recovery code, shown this once; write it down and keep it away from this machine:")
    terminal.line(code)
