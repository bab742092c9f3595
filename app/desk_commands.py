"""`xinheng desk …`: the desk started, checked, backed up, restored, recovered, given new keys; its corpus written."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.desk_access import (
    RECOVERY,
    AcceptOlder,
    Database,
    Files,
    Home,
    KeyFile,
    Name,
    asked,
    connected,
    counter_told,
    files_of,
    home_of,
    new_passphrase,
    no_core_dump,
    not_copied,
    opened_by,
    require_behind,
    show_code,
    way_in,
)
from app.flags import Json
from app.terminal import Terminal
from xinheng.errors import CheckFailed, UsageError

# What the desk's extra brings, as modules.
PACKAGES = ("sqlalchemy", "pg8000", "gradio", "uvicorn", "pypdf", "docx", "reportlab")

desk = typer.Typer(
    name="desk",
    help="The counsellor's desk: start its pages, check it, back it up, bring it back, give it new keys.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


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
    files: Files = None,
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
    no_core_dump()
    if context.invoked_subcommand is not None:
        require_behind(context.invoked_subcommand, {"--home": home, "--database": database, "--files": files})
        return
    from app.desk.pages.models import Models
    from app.desk.pages.server import serve
    from xinheng.chat.embedding import embedder

    terminal, place = Terminal(), files_of(files, home)

    def ready(url: str, setup_code: str) -> None:
        terminal.line(f"The desk is at {url} (stop: Ctrl+C)")
        if setup_code:
            terminal.line(f"Whoever sets up a desk of his own there is asked for this code: {setup_code}")

    serve(
        connected(home, database, new=True),
        home_of(home),
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

    terminal, passphrase = Terminal(as_json=json), new_passphrase()
    _, code = practising.sample(
        connected(home, database, new=True), home_of(home), name, language=language, passphrase=passphrase
    )
    terminal.line(
        f"{name} has two invented clients in {home_of(home)}; start the pages: xinheng desk --home {home_of(home)}"
    )
    show_code(terminal, code)


@desk.command(epilog="Example: xinheng desk verify --name lin")
def verify(
    *,
    name: Name,
    home: Home = None,
    database: Database = None,
    files: Files = None,
    key_file: KeyFile = None,
    accept_older: AcceptOlder = False,
    json: Json = False,
) -> None:
    """Hold the log, its counter, all keys, records and files of a counsellor against each other; name what is wrong."""
    from app.desk import checking

    terminal, place = Terminal(as_json=json), files_of(files, home)
    found = checking.verify(opened_by(name, home, database, key_file, accept_older=accept_older), place)
    terminal.result(asdict(found))
    terminal.line(
        f"{found.clients} clients, {found.records} versions of records, {found.files} files, "
        f"{found.entries} entries of the log"
    )
    terminal.line(f"counters begun anew: {found.counters_begun}; older databases accepted: {found.older_accepted}")
    for sentence in found.wrong:
        terminal.line(sentence)
    if found.wrong:
        mend = "Restore from a backup; files that lie elsewhere are found by --files."
        raise CheckFailed("desk", f"{len(found.wrong)} things are wrong", mend=mend)


@desk.command(epilog="Example: xinheng desk backup desk-2026-11.backup")
def backup(
    to: Annotated[Path, typer.Argument(help="The file to write; nothing may be there yet.")],
    *,
    home: Home = None,
    database: Database = None,
    files: Files = None,
    json: Json = False,
) -> None:
    """Copy the whole desk into one file while it is in use; it is encrypted as the desk is, no passphrase is needed.

    Files in an object store are counted, not copied.
    """
    from app.desk import backup as backing

    terminal, place = Terminal(as_json=json), files_of(files, home)
    counts = backing.backup(connected(home, database, new=False), home_of(home), to, place=place)
    terminal.result({"file": str(to), "counts": counts})
    clients = counts["client"] - counts["counsellor"]
    terminal.line(f"{to}: {clients} clients, {counts['note']} versions of notes, {counts['files']} files")
    if counts["files_gone"]:
        terminal.line(f"{counts['files_gone']} files were taken out while it was made, and are not in it")
    if told := not_copied(counts, place):
        terminal.say(told)


@desk.command(epilog="Example: xinheng desk restore desk-2026-11.backup --home runs/restored")
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `xinheng desk backup` wrote.")],
    *,
    home: Home = None,
    database: Database = None,
    files: Files = None,
    json: Json = False,
) -> None:
    """Put a backup into an empty folder or database; all of it or nothing. The passphrase of its time opens it."""
    from app.desk import backup as backing

    terminal, place = Terminal(as_json=json), files_of(files, home)
    counts = backing.restore(connected(home, database, new=True), home_of(home), source, place=place)
    terminal.result({"home": str(home_of(home)), "files": str(place), "counts": counts})
    terminal.line(f"{counts['client'] - counts['counsellor']} clients are in {home_of(home)}")
    skipped = counts.get("files_skipped", 0)
    terminal.line(f"{counts['files'] - skipped} files are in {place}" + (f", {skipped} are no desk's" * bool(skipped)))
    if told := not_copied(counts, place):
        terminal.say(told)


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
    made = giving.write(opened_by(name, home, database, key_file, accept_older=accept_older), to)
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
    opened = opened_by(name, home, database, key_file, accept_older=accept_older)
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

    terminal, engine = Terminal(as_json=json), connected(home, database, new=False)
    code = os.environ.get(RECOVERY) or asked("Recovery code: ")
    opened, renewed = unlock.recover(
        engine, home_of(home), name, code, passphrase=new_passphrase(), accept_older=accept_older
    )
    counter_told(opened)
    show_code(terminal, renewed)


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

    terminal, engine = Terminal(as_json=json), connected(home, database, new=False)
    how = way_in(key_file)
    opened = counter_told(unlock.unlock(engine, home_of(home), name, **how, accept_older=accept_older))
    _, code = rotation.rotate(opened, **how)
    show_code(terminal, code)


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
