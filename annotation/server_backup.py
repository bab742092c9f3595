"""A home as one file and back: taken while raters write, put back whole or not at all.

The file is a tar with `manifest.json` first (what it is, every part's SHA-256) and the database as SQLite's own online
backup gives it, of one moment. It holds the texts, the answers, the password hashes and the secrets in clear: it is
readable to its owner only, and wants to be kept like the home itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from annotation import server_home
from xinheng.errors import InputError, UsageError, WriteError

_WHO: Final = "annotate"
_KIND: Final = "xinheng annotation backup"
_DUMP: Final = "postgres.dump"
_SMALL: Final = ("home.json", "secrets.json", server_home.OWNER_KEY)


def back_up(home: Path, file: Path) -> dict[str, Any]:
    """Write the home into one file, which appears whole; raters may go on meanwhile.

    Args:
        home: A home; its server may run.
        file: The backup; one that is there is replaced.

    Returns:
        bytes, database (`SQLite` or `PostgreSQL`), responses (of SQLite; null of PostgreSQL).

    Raises:
        InputError: No home, or its database is damaged.
        UsageError: PostgreSQL's own `pg_dump` is needed and absent.
        WriteError: The disk refuses.
    """
    server_home.check(home)
    room = file.absolute().parent / f".{file.name}.{secrets.token_hex(4)}"
    try:
        room.mkdir(mode=0o700)
        try:
            address = server_home.postgres_of(home)
            part = room / (server_home.DATABASE if address is None else _DUMP)
            responses = None
            if address is None:
                responses = _copy_sqlite(home, part)
            else:
                _dump(address, part)
            size = _pack(home, part, room / "backup")
            (room / "backup").replace(file)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        if isinstance(error, IsADirectoryError):
            raise UsageError(_WHO, f"{file} is a folder", want="a file's name") from error
        raise server_home.refused(file, error) from error
    return {"bytes": size, "database": "SQLite" if address is None else "PostgreSQL", "responses": responses}


def restore(file: Path, home: Path) -> Path | None:
    """Put a backup in a home's place; what was there is kept beside it, under a name with the time.

    Args:
        file: A backup.
        home: The place; no server may run for it.

    Returns:
        Where the older home is now; None where there was none.

    Raises:
        InputError: The file is no backup, is damaged, or was written by a newer Xinheng.
        UsageError: A server runs for the home.
        WriteError: The disk refuses; the older home is in its place.
    """
    home = home.absolute()
    if home.exists() and any(home.iterdir() if home.is_dir() else [home]):
        server_home.check(home)
    with server_home.held(home):
        return _put_back(file, home)


def _put_back(file: Path, home: Path) -> Path | None:
    beside = home.with_name(f".{home.name}.restoring-{secrets.token_hex(4)}")
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        beside.mkdir(mode=0o700)
        try:
            _unpack(file, beside)
            server_home.check(beside)
            if (beside / server_home.DATABASE).exists():
                _require_sound(beside / server_home.DATABASE, file)
            if (beside / _DUMP).exists():
                _load(server_home.postgres_of(beside) or "", beside / _DUMP)
            return _swap(beside, home)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except FileNotFoundError as error:
        raise InputError(_WHO, f"no backup at {file}", want="a file of xinheng annotate backup") from error
    except OSError as error:
        raise server_home.refused(home, error) from error


def _copy_sqlite(home: Path, part: Path) -> int:
    """A copy of one moment; writers go on. The number of responses in it."""
    source = home / server_home.DATABASE
    if not source.exists():
        raise InputError(_WHO, f"{home} has no database yet", mend="Start it once: xinheng annotate serve")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(part)) as copy:
            live.backup(copy)
            # The copy is one file: what it says of a write-ahead log beside it would be an empty promise.
            copy.execute("PRAGMA journal_mode = DELETE")
            return int(copy.execute("SELECT count(*) FROM responses").fetchone()[0])
    except sqlite3.Error as error:
        if "full" in str(error) or "I/O" in str(error):
            raise WriteError(_WHO, f"the disk is full at {part.parent.parent}", mend="Make room.") from error
        have = type(error).__name__
        raise InputError(_WHO, f"{source} cannot be read as a database", have=have, mend="Restore a backup.") from error


def _dump(address: str, part: Path) -> None:
    _postgres_tool(["pg_dump", "--format=custom", "--no-owner", f"--file={part}"], address)
    part.chmod(0o600)


def _load(address: str, part: Path) -> None:
    command = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
    _postgres_tool([*command, str(part)], address, dbname=True)
    part.unlink()


def _postgres_tool(command: list[str], address: str, *, dbname: bool = False) -> None:
    """Run one of PostgreSQL's own tools; the address goes through a file, since a command line shows its password."""
    if shutil.which(command[0]) is None:
        mend = (
            "Install PostgreSQL's client programs (Debian: postgresql-client), or back the database up with your own."
        )
        raise UsageError(_WHO, f"{command[0]} is not installed", mend=mend)
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(address)
    given = {"PGHOST": parts.hostname, "PGPORT": parts.port, "PGUSER": parts.username, "PGPASSWORD": parts.password}
    name = unquote(parts.path.lstrip("/"))
    surroundings = {**os.environ, **{key: unquote(str(value)) for key, value in given.items() if value}}
    surroundings["PGDATABASE"] = name
    words = [*command, *(["--dbname", name] if dbname else [])]
    done = subprocess.run(words, env=surroundings, capture_output=True, check=False)  # noqa: S603 a command of ours
    if done.returncode != 0:
        have = f"{command[0]} left with {done.returncode}"
        raise InputError(
            _WHO, "PostgreSQL's database cannot be copied", have=have, mend="See that it runs and answers."
        )


def _pack(home: Path, part: Path, target: Path) -> int:
    """Write the tar; its size."""
    members = [home / name for name in _SMALL if (home / name).exists()] + [part]
    digests = {member.name: _digest(member) for member in members}
    manifest = {"kind": _KIND, "format": server_home.FORMAT, "argilla": server_home.version(), "sha256": digests}
    manifest["made_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            content = json.dumps(manifest).encode()
            info = tarfile.TarInfo("manifest.json")
            info.size, info.mode, info.mtime = len(content), 0o600, int(time.time())
            tar.addfile(info, io.BytesIO(content))
            for member in members:
                info = tarfile.TarInfo(member.name)
                info.size, info.mode, info.mtime = member.stat().st_size, 0o600, int(time.time())
                with member.open("rb") as content_file:
                    tar.addfile(info, content_file)
        out.flush()
        os.fsync(out.fileno())
    return target.stat().st_size


def _unpack(file: Path, folder: Path) -> None:
    """Write the parts that the manifest names, and only names that a home has; every digest must hold."""
    allowed = {*_SMALL, server_home.DATABASE, _DUMP}
    damaged = InputError(_WHO, f"{file} is no whole backup", want="a file of xinheng annotate backup, unchanged")
    try:
        with tarfile.open(file, mode="r:") as tar:
            manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
            if manifest["kind"] != _KIND or not set(manifest["sha256"]) <= allowed:
                raise damaged
            if manifest["format"] > server_home.FORMAT:
                mend = "Use the Xinheng that wrote it, or a newer one."
                raise InputError(_WHO, f"{file} was written by a newer Xinheng", mend=mend)
            for name, digest in manifest["sha256"].items():
                content = tar.extractfile(name)
                if content is None:
                    raise damaged
                handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as out:
                    shutil.copyfileobj(content, out, 2**20)
                    out.flush()
                    os.fsync(out.fileno())
                if _digest(folder / name) != digest:
                    raise damaged
    except (tarfile.TarError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged from error


def _require_sound(database: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as db:
            sound = db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            # Back to how a server keeps it.
            db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error:
        sound = False
    if not sound:
        raise InputError(_WHO, f"the database in {file} is damaged", mend="Use another backup.")


def _swap(new: Path, home: Path) -> Path | None:
    """Rename the new home into its place; the older one stays beside it."""
    old: Path | None = None
    if home.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        old = home.with_name(f"{home.name}.before-{stamp}-{secrets.token_hex(2)}")
        home.rename(old)
    try:
        new.rename(home)
    except OSError:
        if old is not None:
            old.rename(home)
        raise
    return old


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
