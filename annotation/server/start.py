"""The embedded Argilla: the real argilla-server with its web pages, in one process, for one home.

Started by `xinheng annotate serve` with the Python of the server's own virtual environment. What happens is told line
by line, as JSON, on the descriptor `--report`: accounts with their passwords, readiness, or why it does not start.
Whoever holds the home's lock serves it; the system lifts the lock even when the server is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import fcntl
import json
import os
import shlex
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from telling import Failed, Report, reason


def main() -> int:
    """Serve until told to stop; 0 after a graceful end, 2 where it could not start."""
    wanted = _arguments()
    report = Report(wanted.report)
    if wanted.watch:
        _end_with_parent()
    held = None
    try:
        held = lock(wanted.home)
        listening = listen(wanted.host, wanted.port)
        application = load(wanted.home)
        asyncio.run(prepare(wanted.home, wanted.raters, report))
        return serve(wanted, application, listening, report)
    except BaseException as error:  # noqa: BLE001 one readable message instead of a traceback with values
        import quiet_log

        if not isinstance(error, Failed):
            print(quiet_log.places(error), file=sys.stderr)
        report.tell("failed", **reason(error).facts)
        return 2
    finally:
        if held is not None:
            with contextlib.suppress(OSError):
                (wanted.home / "server.json").unlink()
            os.close(held)


def lock(home: Path) -> int:
    """Take the home's lock, for as long as the descriptor is open; who only asks for the state holds it a moment.

    Raises:
        Failed: Another process serves this home.
    """
    held = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    for attempt in range(20):
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if attempt == 19:
                os.close(held)
                mend = f"Stop it: xinheng annotate stop --home {shlex.quote(str(home))}"
                raise Failed("a server runs for this home already", mend=mend) from None
            time.sleep(0.05)
    os.ftruncate(held, 0)
    os.write(held, str(os.getpid()).encode())
    return held


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done.

    Raises:
        Failed: The port is taken, forbidden, or not of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            mend = "Choose another with --port, or 0 for any that is free."
            raise Failed("the port is taken", have=f"another program at {host}:{port}", mend=mend) from None
        if error.errno == errno.EACCES:
            raise Failed("the port is not ours to take", have=str(port), mend="Choose one above 1023.") from None
        raise Failed("no such address on this machine", have=host, mend="See --host.") from None


def load(home: Path) -> Any:
    """The application, with its search engine, its jobs and its guard."""
    import configured

    configured.configure(home)
    # Both change what argilla-server will find when it is imported.
    import jobs
    import speed

    speed.install()
    import guard
    import pages
    import quiet_log
    import search_plugin  # noqa: F401  registers itself when imported
    import stand_ins
    from argilla_server._app import app
    from argilla_server.api.routes import api_v1

    configured.hide_values()
    quiet_log.install()
    stand_ins.refuse_hub(api_v1)
    pages.mount(app)
    jobs.install(app)
    return guard.guarded(app, scripts=pages.inline_scripts())


async def prepare(home: Path, raters: list[str], report: Report) -> None:
    """Bring an empty database to the wanted tables; make the owner and absent raters; write the owner's key.

    Raises:
        Failed: The database was written by another version.
    """
    import accounts
    import migrations
    from argilla_server.database import AsyncSessionLocal, async_engine

    await migrations.ready(home)
    async with AsyncSessionLocal() as db:
        for name in raters:
            await accounts.require_free(db, name)
        for name, role in ((accounts.OWNER, "owner"), *((rater, "annotator") for rater in raters)):
            if made := await accounts.ensure(db, name, role):
                report.tell("account", username=made.username, role=made.role, password=made.password)
        write(home / "owner.key", await accounts.owner_key(db))
    await async_engine.dispose()


def serve(wanted: argparse.Namespace, application: Any, listening: socket.socket, report: Report) -> int:
    """Answer requests until a signal comes; requests under way are finished first."""
    import uvicorn
    from argilla_server._version import __version__
    from argilla_server.database import async_engine

    facts = {"url": wanted.url.replace("{port}", str(listening.getsockname()[1])), "pid": os.getpid()}
    facts |= {"version": __version__, "started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    facts |= {"ca": str(wanted.tls_cert)} if wanted.tls_cert else {}

    class Server(uvicorn.Server):
        """Tells when it is ready, and lets the database go at the end."""

        async def main_loop(self) -> None:
            write(wanted.home / "server.json", json.dumps(facts))
            report.tell("ready", **facts)
            report.close()
            await super().main_loop()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            await async_engine.dispose()

    config = uvicorn.Config(
        application,
        access_log=False,
        log_config=None,
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        ssl_certfile=wanted.tls_cert,
        ssl_keyfile=wanted.tls_key,
    )
    server = Server(config)

    def stop(number: int, _: Any) -> None:
        server.handle_exit(number, None)

    # uvicorn puts its own handlers in place while it serves, and raises what it caught once more at its end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listening])
    if not server.started:
        raise Failed("the web server did not start", mend="See the lines above, or server.log in the home.")
    return 0


def write(path: Path, text: str) -> None:
    """Write a small file of the home, readable to its owner only, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def _end_with_parent() -> None:
    """End gracefully when the command that started this process is gone: its end of standard input closes."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The embedded Argilla of one home.")
    parser.add_argument("home", type=lambda text: Path(text).absolute())
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6900)
    parser.add_argument("--url", default="http://127.0.0.1:{port}", help="where this machine reaches it")
    parser.add_argument("--raters", type=lambda text: [name for name in text.split(",") if name], default=[])
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--report", type=int, default=1, help="descriptor that is told what happens")
    parser.add_argument("--watch", action="store_true", help="end when standard input ends")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
