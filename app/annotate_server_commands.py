"""`xinheng annotate serve`, `stop`, `users`, `backup`, `restore` and `upgrade`: the embedded Argilla."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.flags import Json
from app.terminal import Terminal

Home = Annotated[Path | None, typer.Option(metavar="DIR", help="The server's home folder (runs/argilla).")]


def serve(
    *,
    home: Home = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; loopback alone needs nothing else.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 6900,
    tls_cert: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate, for HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's key.")] = None,
    allow_plain_http: Annotated[
        bool, typer.Option("--allow-plain-http", help="Listen beyond this machine without TLS, in a trusted network.")
    ] = False,
    postgres: Annotated[
        str | None, typer.Option(metavar="URL", help="postgresql://…, for larger teams; or XINHENG_ARGILLA_POSTGRES.")
    ] = None,
    raters: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Accounts to make where they are absent.")
    ] = None,
    background: Annotated[bool, typer.Option("--background", help="Come back once it is ready; it goes on.")] = False,
    json: Json = False,
) -> None:
    """Run Argilla with its web page, for raters: no Docker, Elasticsearch or Redis.

    The first time its own environment is installed. Passwords are shown once.
    """
    from annotation import server_home, server_process
    from annotation.environment import environment
    from app import annotating_server
    from xinheng.settings import settings

    terminal = Terminal(as_json=json)
    place, wanted = annotating_server.home_of(home), annotating_server.names(raters)
    address = annotating_server.address(host, port, tls_cert, tls_key, plain_allowed=allow_plain_http)
    kept = settings().argilla_postgres
    database = postgres or (kept.get_secret_value() if kept and not (place / "home.json").exists() else None)
    server_home.make(place, postgres=database)
    made: list[dict[str, Any]] = []
    with terminal.busy("preparing Argilla"):
        python = environment(terminal.say)
        terminal.say("starting Argilla")
        facts: dict[str, Any] = {}

        def told(event: dict[str, Any]) -> None:
            if event["event"] == "account":
                made.append({key: event[key] for key in ("username", "role", "password")})
            else:
                facts.update(event)

        try:
            process = server_process.start(python, place, address, raters=wanted, background=background, told=told)
        finally:
            # An account made before a failure has its password nowhere else.
            if not facts:
                annotating_server.accounts_shown(terminal, made, home)
    terminal.result({"url": facts["url"], "pid": facts["pid"], "home": str(place), "accounts": made})
    annotating_server.accounts_shown(terminal, made, home)
    terminal.line(f"Argilla is ready at {facts['url']}")
    if background:
        terminal.line(f"Stop it: xinheng annotate stop{annotating_server.again(home)}")
        flag = annotating_server.again(home, "--server")
        terminal.line(f"next    xinheng annotate push TASK{flag}  (TASK is what `annotate plan` made)")
        return
    code = server_process.wait(process, lambda: terminal.line("Ctrl-C stops it."))
    terminal.say("Argilla has stopped" if code == 0 else f"Argilla ended with {code}; what was submitted is kept")
    raise typer.Exit(0 if code == 0 else 2)


def stop(*, home: Home = None, json: Json = False) -> None:
    """Stop the server gracefully; what raters are sending is taken first."""
    from annotation import server_home, server_process
    from app import annotating_server

    terminal, place = Terminal(as_json=json), annotating_server.home_of(home)
    server_home.check(place)
    stopped = server_process.stop(place)
    terminal.result({"stopped": stopped})
    terminal.line("Argilla has stopped." if stopped else f"No server runs for {place}.")


def users(
    *,
    home: Home = None,
    add: Annotated[str | None, typer.Option(metavar="NAME,…", help="Make these raters where they are absent.")] = None,
    renew: Annotated[str | None, typer.Option(metavar="NAME,…", help="Give these accounts new passwords.")] = None,
    json: Json = False,
) -> None:
    """List the server's accounts; make raters, give new passwords. Works while it runs."""
    from annotation import server_home, server_process
    from annotation.environment import environment
    from app import annotating_server

    terminal, place = Terminal(as_json=json), annotating_server.home_of(home)
    server_home.check(place)
    python = environment(terminal.say)
    made: list[dict[str, Any]] = []
    if wanted := annotating_server.names(add):
        made += server_process.ask(python, place, "add", wanted)
    if renewed := [name.strip() for name in (renew or "").split(",") if name.strip()]:
        made += server_process.ask(python, place, "renew", renewed)
    if add or renew:
        terminal.result(made)
        annotating_server.accounts_shown(terminal, made, home)
        if not made:
            terminal.line("These accounts are there already.")
            terminal.line(f"A new password: xinheng annotate users --renew NAME{annotating_server.again(home)}")
        return
    everybody = server_process.ask(python, place, "users")
    terminal.result(everybody)
    terminal.table(
        ("account", "role", "workspaces"), [(u["username"], u["role"], ", ".join(u["workspaces"])) for u in everybody]
    )


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write; readable to you only.")],
    *,
    home: Home = None,
    json: Json = False,
) -> None:
    """Write texts, answers, accounts and secrets into one file, while raters go on. It is not encrypted."""
    from annotation import server_backup
    from app import annotating_server

    terminal, place = Terminal(as_json=json), annotating_server.home_of(home)
    with terminal.busy(f"backing up {place}"):
        done = server_backup.back_up(place, file)
    terminal.result({**done, "file": str(file)})
    terminal.line(f"{file}: {done['bytes']:,} bytes, {done['database']}. It holds everything in clear: keep it safe.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `annotate backup`.")],
    *,
    home: Home = None,
    json: Json = False,
) -> None:
    """Put a backup in the home's place; the older home is kept beside it."""
    from annotation import server_backup
    from app import annotating_server

    terminal, place = Terminal(as_json=json), annotating_server.home_of(home)
    with terminal.busy(f"restoring {place}"):
        old = server_backup.restore(file, place)
    terminal.result({"home": str(place), "kept": None if old is None else str(old)})
    terminal.line(f"{place} is as it was when {file} was made.")
    if old is not None:
        terminal.line(f"The home before is kept at {old}; delete it when you are sure.")


def upgrade(*, home: Home = None, json: Json = False) -> None:
    """Bring a home of an older server up to date, with a backup first."""
    from annotation.environment import environment
    from app import annotating_server

    terminal, place = Terminal(as_json=json), annotating_server.home_of(home)
    done = annotating_server.upgraded(environment(terminal.say), place, terminal.say)
    terminal.result(done)
    if done["backup"] is None:
        terminal.line("The home is up to date.")
    else:
        terminal.line(f"The home is up to date; its backup: {done['backup']}")
