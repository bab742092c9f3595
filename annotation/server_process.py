"""The embedded Argilla started, stopped and asked, as a process of its own Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from annotation import server_home
from annotation.environment import SERVER
from xinheng.errors import InputError

_STOP_S: Final = 20.0
_LARGEST_LOG_BYTES: Final = 5 * 2**20


@dataclass(frozen=True)
class Address:
    """Where the server listens, and how this machine reaches it.

    Args:
        host: What it listens on.
        port: 0 for any that is free.
        url: With `{port}` where the port stands.
        tls_cert: PEM file of its certificate; with `tls_key` it speaks HTTPS only.
        tls_key: PEM file of the certificate's key.
    """

    host: str = "127.0.0.1"
    port: int = 6900
    url: str = "http://127.0.0.1:{port}"
    tls_cert: Path | None = None
    tls_key: Path | None = None


def start(
    python: Path,
    home: Path,
    address: Address,
    *,
    raters: list[str],
    background: bool,
    told: Callable[[dict[str, Any]], None],
) -> subprocess.Popen[bytes]:
    """The server's process, once it answers.

    In the foreground it ends gracefully as soon as this process is gone, however that goes. Passwords come through a
    pipe of its own and stand in no log.

    Args:
        python: The Python of the server's environment.
        home: A home that is made.
        address: Where it listens.
        raters: Accounts to make where they are absent.
        background: Let it run on without this process, writing to `server.log`.
        told: Given each event in turn: `account` with username, role, password; `ready` with url.

    Raises:
        InputError: It does not start; the message says why.
    """
    reading, writing = os.pipe()
    command = [str(python), "-I", str(SERVER / "start.py"), str(home), "--host", address.host]
    command += ["--port", str(address.port), "--url", address.url, "--report", str(writing)]
    command += ["--raters", ",".join(raters)] if raters else []
    if address.tls_cert and address.tls_key:
        command += ["--tls-cert", str(address.tls_cert.absolute()), "--tls-key", str(address.tls_key.absolute())]
    with _words(home, background=background) as out:
        process = subprocess.Popen(  # noqa: S603 a command of ours
            command if background else [*command, "--watch"],
            stdin=subprocess.DEVNULL if background else subprocess.PIPE,
            stdout=out,
            stderr=out,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    try:
        _follow(process, reading, told)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return process


def _follow(process: subprocess.Popen[bytes], reading: int, told: Callable[[dict[str, Any]], None]) -> None:
    with os.fdopen(reading, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "failed":
                process.wait()
                raise _failure("annotate serve", event)
            ready = event["event"] == "ready"
            told(event)
            if ready:
                return
    code = process.wait()
    have = f"signal {-code}" if code < 0 else f"exit {code}"
    mend = "See server.log in the home, or start it without --background."
    raise InputError("annotate serve", "the server ended before it was ready", have=have, mend=mend)


def wait(process: subprocess.Popen[bytes], ready: Callable[[], None] = lambda: None) -> int:
    """Wait for a server in the foreground; Ctrl-C and SIGTERM to this process end it gracefully.

    Args:
        process: The server.
        ready: Called once they do.

    Returns:
        0 after a graceful end, else what it left with.
    """

    def end(*_: Any) -> None:
        process.terminate()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        ready()
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop(home: Path) -> bool:
    """End the home's server gracefully: requests under way are finished; False where none ran.

    One that does not end within 20 seconds is killed: what it acknowledged is on the disk.

    Raises:
        InputError: It runs as another user, or does not end at all.
    """
    state = server_home.state(home)
    if not state.running:
        return False
    deadline = time.monotonic() + _STOP_S
    number, killed = int(signal.SIGTERM), False
    while True:
        if state.pid is not None:
            try:
                os.kill(state.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError as error:
                mend = "Stop it as the user who started it."
                raise InputError("annotate stop", "the server runs as another user", mend=mend) from error
            number = 0
        if time.monotonic() > deadline:
            if killed:
                have = "the home's lock is still held"
                raise InputError("annotate stop", "the server does not end", have=have, mend="See what holds it: lsof")
            number, deadline, killed = int(signal.SIGKILL), time.monotonic() + _STOP_S, True
        time.sleep(0.05)
        state = server_home.state(home)
        if not state.running:
            return True


def ask(python: Path, home: Path, wish: str, names: list[str] | None = None) -> Any:
    """What the home's database says: `users`, `add`, `renew`, `version` or `upgrade`; served or not.

    Raises:
        InputError: The wish cannot be met; the message says why.
    """
    command = [str(python), "-I", str(SERVER / "admin.py"), str(home), wish, *(names or [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "answer":
            return event["value"]
        raise _failure(f"annotate {'users' if wish in {'users', 'add', 'renew'} else wish}", event)
    have = f"exit {done.returncode}"
    raise InputError("annotate", f"the server's database does not answer ({wish})", have=have)


def _failure(who: str, event: dict[str, Any]) -> InputError:
    return InputError(who, event["what"], want=event["want"], have=event["have"], mend=event["mend"])


@contextmanager
def _words(home: Path, *, background: bool) -> Iterator[int]:
    """Where the server's own words go: this terminal's error stream, or the home's log."""
    if not background:
        yield 2
        return
    log = home / server_home.LOG
    try:
        if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
            log.replace(log.with_name(f"{server_home.LOG}.1"))
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise server_home.refused(log, error) from error
    try:
        yield handle
    finally:
        os.close(handle)
