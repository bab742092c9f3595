"""The files of a backup: found in a desk's folder, and put back before their rows so that all are there or none.

They are written into a folder of their own, `.restoring`, inside the place (which may be a disk of its own), and moved
from there once all of them are on the disk. Before the first is moved the empty database gets a number for this one
restore, which the rows replace by their own, and a journal keeps it. So a restore that was killed is told from a desk
in use: only where that very database still has the number does the next one take the files out again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

import sqlalchemy as sa

from app.desk.database import counsellor_table, desk_table, read, written
from xinheng.errors import DeskError, UsageError
from xinheng.swapping import sync_folder

STAGING: Final = ".restoring"
_JOURNAL: Final = "journal.json"
_NAME: Final = re.compile(r"(?:[0-9a-f]{32}/){2}[0-9a-f]{32}")


def require_empty(connection: sa.Connection) -> None:
    """Refuse a database that holds a desk already.

    Raises:
        UsageError: It does.
    """
    if connection.execute(sa.select(counsellor_table.c.counsellor_id)).first():
        raise UsageError("desk", "there is a desk in this database", mend="Restore into an empty folder.")


def is_name(name: str) -> bool:
    """Whether a path is one that `blobs.keep_file` gives: counsellor, client and file, all of them random."""
    return _NAME.fullmatch(name) is not None


def found(folder: Path) -> list[str]:
    """The names of all files that a desk keeps in this folder, sorted; whatever else lies there is none.

    Raises:
        OSError: A folder cannot be read; one that goes meanwhile holds nothing.
    """
    names = []
    for above, below, here in os.walk(folder, onerror=_unless_gone, followlinks=True):
        inner = Path(above).relative_to(folder)
        names += [(inner / name).as_posix() for name in here]
        if len(inner.parts) == 2:
            below.clear()
    return sorted(filter(is_name, names))


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def put_back(engine: sa.Engine, folder: Path, files: Iterable[tuple[str, bytes]]) -> Iterator[None]:
    """Files in their place while the block writes their rows, and taken out again where it fails.

    A file that is there already, byte for byte, stays as it is.

    Args:
        engine: The database that the rows will come into; it holds no counsellor.
        folder: Where the desk's files are.
        files: The name and the sealed bytes of each.

    Raises:
        UsageError: Another restore goes on there, or a file has the name of another one.
        OSError: The disk refuses; nothing was put there.
    """
    with _alone(folder):
        sweep(engine, folder)
        try:
            moves = _staged(folder, files)
            _note(folder, moves, _numbered(engine))
            _move(folder, moves)
            yield
        except BaseException:
            with contextlib.suppress(OSError, DeskError):
                sweep(engine, folder)
            raise
        shutil.rmtree(folder / STAGING, ignore_errors=True)


def sweep(engine: sa.Engine, folder: Path) -> None:
    """Take out what a restore that did not come to its end has left here; a desk's own files stay."""
    staging = folder / STAGING
    if not staging.is_dir():
        return
    # Without a whole journal nothing was moved.
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        held = json.loads((staging / _JOURNAL).read_text(encoding="ascii"))
        if held["database"] == _desk_id(engine):  # the rows, which bring their own number, never came
            put = set(held["put"])
            for name in [name for name in found(folder) if _digest(name) in put]:
                (folder / name).unlink(missing_ok=True)
            for path in [*folder.glob("*/*"), *folder.glob("*")]:
                if path.is_dir() and _digest(path.relative_to(folder).as_posix()) in put:
                    with contextlib.suppress(OSError):  # another file came into it
                        path.rmdir()
            sync_folder(folder)
    shutil.rmtree(staging)


def _staged(folder: Path, files: Iterable[tuple[str, bytes]]) -> dict[str, Path]:
    """The files that are not there yet, each written and on the disk, by name."""
    staging = folder / STAGING
    staging.mkdir(mode=0o700)
    moves: dict[str, Path] = {}
    for name, body in files:
        there = folder / name
        if there.exists():
            if there.read_bytes() != body:
                why, have = f"another file of the same name is in {folder}", f"file {there.name[:8]}"
                raise UsageError("desk", why, have=have, mend="Restore the files into an empty folder: say --files.")
            continue
        moves[name] = staging / str(len(moves))
        _write(moves[name], body)
    return moves


def _numbered(engine: sa.Engine) -> str:
    """A number that no other database has, given to this one."""
    fresh = os.urandom(16).hex()

    def work(connection: sa.Connection) -> None:
        require_empty(connection)
        connection.execute(desk_table.update().values(desk_id=fresh))

    written(engine, work)
    return fresh


def _note(folder: Path, moves: dict[str, Path], number: str) -> None:
    """Keep what is about to be put; as digests, for no name may stay that stood in an erased client's record."""
    above = {str(parent) for name in moves for parent in PurePosixPath(name).parents[:2]}
    put = [*moves, *(name for name in above if not (folder / name).exists())]
    held = {"database": number, "put": sorted(map(_digest, put))}
    writing = folder / STAGING / "journal.writing"
    _write(writing, json.dumps(held).encode())
    writing.replace(folder / STAGING / _JOURNAL)
    sync_folder(folder / STAGING)


def _move(folder: Path, moves: dict[str, Path]) -> None:
    folders = {folder}
    for name, staged in moves.items():
        to = folder / name
        to.parent.parent.mkdir(exist_ok=True, mode=0o700)
        to.parent.mkdir(exist_ok=True, mode=0o700)
        staged.rename(to)
        folders |= {to.parent, to.parent.parent}
    for each in sorted(folders):
        sync_folder(each)


def _write(path: Path, body: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _desk_id(engine: sa.Engine) -> str:
    return str(read(engine, lambda connection: connection.execute(sa.select(desk_table.c.desk_id)).scalar_one()))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One restore at a time; a folder that it had to make is removed where nothing came into it."""
    import fcntl

    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            why = f"another restore goes on in {folder}"
            raise UsageError("desk", why, mend="Wait until it is done.") from None
        if made:
            sync_folder(folder.parent)
        yield
    finally:
        os.close(handle)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
