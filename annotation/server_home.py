"""The home of an embedded Argilla: its folder, its secrets, and whether a server runs for it.

A home holds `home.json` (what it is), `secrets.json` (the key that signs logins, PostgreSQL's address), `argilla.db`,
`owner.key`, while a server runs `server.json` (its address), and in the background `server.log`. All are readable to
their owner only. A server runs exactly while somebody holds the lock on the file `lock`: the system lifts it when a
process ends in whatever way, so a number used again by another process deceives nobody.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from annotation import environment
from xinheng.errors import InputError, UsageError, WriteError

KIND: Final = "xinheng annotation server"
FORMAT: Final = 1
DATABASE: Final = "argilla.db"
OWNER_KEY: Final = "owner.key"
SERVER_FILE: Final = "server.json"
LOG: Final = "server.log"
_WHO: Final = "annotate"


@dataclass(frozen=True)
class State:
    """What is known of a home's server.

    Args:
        running: Whether one serves the home now.
        died: Whether the last one ended without taking its leave: killed, or the machine went down.
        pid: Its process, where it runs.
        facts: What it told when it was ready: url, version, started_at, ca; empty before that.
    """

    running: bool
    died: bool
    pid: int | None
    facts: dict[str, Any]


def make(home: Path, *, postgres: str | None = None) -> None:
    """Make the home where it is absent; check it where it is there.

    Args:
        home: Its folder.
        postgres: PostgreSQL's address; kept in the home, so that it is given once.

    Raises:
        InputError: The folder is something else, or a newer Xinheng wrote it.
        UsageError: The home keeps its data elsewhere than is asked.
        WriteError: The disk refuses.
    """
    if postgres is not None:
        require_postgres(postgres)
    if home.exists() and not _unfinished(home):
        check(home)
        _same_database(home, postgres)
        _writable(home)
        return
    kept = {"auth_secret": secrets.token_hex(32)} | ({"postgres": postgres} if postgres else {})
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        with _making(home):
            if not (home / "home.json").exists():
                write(home / "secrets.json", json.dumps(kept))
                write(home / "home.json", json.dumps({"kind": KIND, "format": FORMAT, "argilla": version()}))
    except OSError as error:
        raise refused(home, error) from error
    _same_database(home, postgres)


def check(home: Path) -> dict[str, Any]:
    """What `home.json` says.

    Raises:
        InputError: The folder is absent, something else, damaged, or a newer Xinheng wrote it.
    """
    if not home.is_dir():
        mend = "Make it: xinheng annotate serve" if not home.exists() else "Name another folder with --home."
        have = "nothing" if not home.exists() else "a file"
        raise InputError(_WHO, f"no server's home at {home}", want="a folder", have=have, mend=mend)
    try:
        said = json.loads((home / "home.json").read_text(encoding="utf-8"))
        kept = json.loads((home / "secrets.json").read_text(encoding="utf-8"))
        right = said["kind"] == KIND and isinstance(said["format"], int) and bool(kept["auth_secret"])
    except PermissionError as error:
        raise refused(home, error) from error
    except (OSError, ValueError, KeyError, TypeError):
        right, said = False, {}
    if not right:
        have = "a folder of another kind" if not (home / "home.json").exists() else "files that cannot be read"
        mend = "Name an empty or a new folder with --home; nothing here was touched."
        raise InputError(_WHO, f"{home} is no server's home", want="home.json and secrets.json", have=have, mend=mend)
    if said["format"] > FORMAT:
        want, have = f"format {FORMAT} or older", f"format {said['format']}"
        mend = "Use the Xinheng that wrote it, or a newer one."
        raise InputError(_WHO, f"{home} was written by a newer Xinheng", want=want, have=have, mend=mend)
    return dict(said)


def stamp(home: Path) -> None:
    """Note which server the home is now for."""
    write(home / "home.json", json.dumps({**check(home), "argilla": version()}))


def postgres_of(home: Path) -> str | None:
    """PostgreSQL's address, where the home keeps its data there."""
    address = json.loads((home / "secrets.json").read_text(encoding="utf-8")).get("postgres")
    return None if address is None else str(address)


def version() -> str:
    """The version of argilla-server in the lock."""
    return next(pin.partition("==")[2] for pin in environment.pins() if pin.startswith("argilla-server=="))


def state(home: Path) -> State:
    """Whether a server runs for the home; asks the lock, not the process table."""
    import fcntl

    facts: dict[str, Any] = {}
    try:
        facts = json.loads((home / SERVER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = {}
    try:
        held = os.open(home / "lock", os.O_RDWR)
    except OSError:
        return State(running=False, died=bool(facts), pid=None, facts={})
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.read(held, 20).decode(errors="replace")
        pid = int(number) if number.isdigit() else None
        return State(running=True, died=False, pid=pid, facts=facts if facts.get("pid") == pid else {})
    finally:
        os.close(held)
    return State(running=False, died=bool(facts), pid=None, facts={})


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Keep every server away from the home while the block runs; an absent home needs nothing.

    Raises:
        UsageError: A server runs for it.
    """
    import fcntl

    if not home.exists():
        yield
        return
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A dead server's number would be taken for the holder's, and may be anybody's by now.
        os.ftruncate(handle, 0)
        yield
    except BlockingIOError as error:
        mend = f"Stop it first: xinheng annotate stop --home {shlex.quote(str(home))}"
        raise UsageError(_WHO, f"a server runs for {home}", mend=mend) from error
    finally:
        os.close(handle)


def write(path: Path, text: str) -> None:
    """Write a small file of the home, readable to its owner only, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def refused(place: Path, error: OSError) -> WriteError:
    """What the disk's refusal means, in one message."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return WriteError(_WHO, f"the disk is full at {place}", mend="Make room and run the command again.")
    have = error.strerror or type(error).__name__
    return WriteError(_WHO, f"{place} cannot be written", have=have, mend="Name a folder of yours with --home.")


def require_postgres(address: str) -> None:
    """Refuse an address that is none of PostgreSQL; it is never quoted, since it holds a password.

    Raises:
        UsageError: It is not.
    """
    if not re.fullmatch(r"postgres(ql)?://[^/\s]+/[^/\s]+", address):
        raise UsageError(_WHO, "no address of PostgreSQL", want="postgresql://USER:PASSWORD@HOST:PORT/DATABASE")


def _unfinished(home: Path) -> bool:
    """Whether nothing is there but what a maker killed midway, or one at work now, has left."""
    try:
        return home.is_dir() and all(
            entry.name in {"secrets.json", "lock"} or entry.name.startswith((".secrets.json.", ".home.json."))
            for entry in home.iterdir()
        )
    except OSError as error:
        raise refused(home, error) from error


@contextmanager
def _making(home: Path) -> Iterator[None]:
    """Two makers at once, one after the other."""
    import fcntl

    held = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _same_database(home: Path, postgres: str | None) -> None:
    if postgres is None or postgres_of(home) == postgres:
        return
    have = "SQLite" if postgres_of(home) is None else "another PostgreSQL"
    mend = "Make another home for it: --home FOLDER"
    raise UsageError(_WHO, f"{home} keeps its data elsewhere", want="the given PostgreSQL", have=have, mend=mend)


def _writable(home: Path) -> None:
    try:
        probe = home / f".probe.{os.getpid()}"
        probe.write_text("a few bytes", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise refused(home, error) from error
