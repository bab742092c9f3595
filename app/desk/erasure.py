"""A client erased: keys, records, files and what was derived, and a search of the whole folder that proves it.

Rows and keys go first, in one transaction that also leaves a sealed record in the counsellor's own file of what is
still to be done. It stays until the certificate is written: an erasure that was killed, or that a busy database or an
absent store kept from its end, is finished at the next unlock, or where it is asked for again.

What no program can reach stays: backups, copies of the disk, deleted blocks of an SSD, a database server's own log.
They hold sealed bytes and, in a backup made before, the key; the certificate says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import audit, erasure_pending
from app.desk.blobs import remove_files
from app.desk.database import KINDS, RECORDS, client_table, written
from app.desk.erasure_pending import KIND, Pending, pending
from app.desk.folder_search import LONGEST, WINDOW, Trace, found_in, told, trace
from app.desk.search import strings
from app.desk.store import client_keys, read_records
from app.desk.unlock import Desk, own_file
from xinheng.errors import CheckFailed, DeskError, UsageError, XinhengError
from xinheng.storage import Place
from xinheng.swapping import sync_folder

__all__ = ["Certificate", "Pending", "Unfinished", "erase", "finish", "found_in", "pending"]

_LEFT: Final = "backups made before, copies of the disk, and the logs of a database server"
# How often the database is asked to give up what it deleted, where another window was reading meanwhile.
_TRIES: Final = 3


@dataclass(frozen=True)
class Certificate:
    """What was erased and how it was looked for afterwards.

    Of one that was killed on its way, `files` and `derived` are those that were still there when it was finished.
    """

    client_id: str
    entry: int
    rows: dict[str, int]
    files: int
    derived: int
    searched_files: int
    searched_bytes: int
    searched_for: int
    out_of_reach: str


class Unfinished(CheckFailed):
    """The client's rows and keys are gone, but the rest was not deleted or not searched; it is tried again."""


def erase(desk: Desk, client_id: str, *, place: Place | None = None, derived: Sequence[Path] = ()) -> Certificate:
    """Erase a client for good, or finish what was begun.

    Args:
        desk: The desk; nobody else may be writing into its folder while it is searched.
        client_id: Who.
        place: Where files are kept; None for `files` in the desk's folder.
        derived: Files and folders that hold nothing but what was made of this client: journals, caches, rows.

    Raises:
        UsageError: It is the counsellor's own file.
        Unfinished: His keys are gone, and something kept the rest from being done.
        CheckFailed: Something of the client is still in the folder; his keys are gone, and the files are named.
    """
    if client_id == own_file(desk.counsellor_id):
        raise UsageError("desk", "the counsellor's own file is no client's")
    home, where, kept = desk.home.absolute(), erasure_pending.here(desk), erasure_pending.named_place(desk, place)
    paths = [path.absolute() for path in derived]
    names = [str(path.relative_to(home) if path.is_relative_to(home) else path) for path in paths]

    def work(connection: sa.Connection) -> tuple[Pending, tuple[int, bytes] | None]:
        if begun := erasure_pending.read(connection, desk, client_id):
            return replace(begun[0], derived=sorted({*begun[0].derived, *names})), None
        traces, rows = sorted(map(str, _traces(connection, desk, client_id))), {}
        for kind in KINDS:
            table = RECORDS[kind]
            gone = connection.execute(table.delete().where(table.c.client_id == client_id))
            rows[kind] = gone.rowcount
        connection.execute(client_table.delete().where(client_table.c.client_id == client_id))
        logged = audit.append(connection, desk.counsellor_id, desk.keys, "erased", client=client_id)
        left = Pending(client_id, logged[0], rows, names, traces, where, kept)
        erasure_pending.write(connection, desk, left)
        return left, logged

    left, logged = written(desk.engine, work)
    if logged:
        audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *logged)
    return finish(desk, left, place=place)


def finish(desk: Desk, left: Pending, *, place: Place | None = None) -> Certificate:
    """Do what is left of an erasure, and write its certificate; once, where two do it at the same moment.

    Args:
        desk: The desk.
        left: As `pending` tells it.
        place: Where files are kept; None for `files` in the desk's folder.

    Raises:
        Unfinished: Something kept it from being done.
        CheckFailed: Something of the client is still in the folder; the files are named.
    """
    with _refused(desk.engine), _alone(desk.home / "erased") as folder:
        path = folder / f"{left.client_id}.json"
        certificate = _certified(path, left)
        if certificate is None:
            certificate = _looked_for(desk, left, place or desk.home / "files")
            _write(path, certificate)
        erasure_pending.done(desk, left)
        with contextlib.suppress(*_errors(desk.engine)):  # sealed, and hardly a word is in it
            _overwrite(desk.engine, (KIND,))
    return certificate


def _looked_for(desk: Desk, left: Pending, place: Place) -> Certificate:
    """Delete the files, and search."""
    if erasure_pending.named_place(desk, place) != left.kept:
        raise DeskError("desk", "his files are in another place", have=f"--files {left.kept or desk.home / 'files'}")
    try:
        left = replace(left, files=left.files + remove_files(desk, place, left.client_id))
        for name in left.derived:
            left = replace(left, gone=left.gone + _removed(desk.home / name))
        traces = [told(text) for text in left.traces]
        looked, size = _searched(desk, traces)
    except Exception:  # whatever it is, how far it came is kept, and it goes on its way
        with contextlib.suppress(DeskError):  # it is told as it was, then: the count is no reason to hide why
            erasure_pending.save(desk, left)
        raise
    return Certificate(left.client_id, left.entry, left.rows, left.files, left.gone, looked, size, len(traces), _LEFT)


def _searched(desk: Desk, traces: list[Trace]) -> tuple[int, int]:
    """How many files and bytes were looked through: the desk's folder, and the one that gradio may write to.

    Raises:
        CheckFailed: Something is still there.
    """
    folders = [desk.home, *(Path(name) for name in (os.environ.get("GRADIO_TEMP_DIR"),) if name)]
    for again in range(_TRIES):
        time.sleep(again)
        _overwrite(desk.engine, (*KINDS, "client"))
        found = [(folder, *found_in(folder, traces)) for folder in folders if folder.is_dir()]
        names = [str(path.relative_to(folder)) for folder, _, _, where in found for path in where]
        if not names:
            return sum(looked for _, looked, _, _ in found), sum(size for _, _, size, _ in found)
    mend = "See to these files and close other windows; it is looked for again at the next unlock."
    raise CheckFailed("desk", "the client is erased, but not everywhere", have=", ".join(names[:5]), mend=mend)


@contextlib.contextmanager
def _refused(engine: sa.Engine) -> Iterator[None]:
    """What a disk, a store or a database refuses is one sentence, and says that the keys are gone.

    Raises:
        Unfinished: Instead of what was raised.
    """
    mend = "See to it; the erasure is finished at the next unlock."
    refusals: tuple[type[Exception], ...] = (OSError, XinhengError, *_errors(engine))
    try:
        yield
    except CheckFailed:
        raise
    except refusals as error:
        why = "the client's keys are gone, but the erasure is not finished"
        raise Unfinished("desk", why, have=_reason(error), mend=mend) from None


def _errors(engine: sa.Engine) -> tuple[type[Exception], ...]:
    """What a database raises, by SQLAlchemy or by its driver itself."""
    return sa.exc.SQLAlchemyError, engine.dialect.loaded_dbapi.Error


def _reason(error: Exception) -> str:
    if isinstance(error, XinhengError):
        return f"{error.what} ({error.have})" if error.have else error.what
    if isinstance(error, sqlite3.Error):
        return str(error)
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """One at a time; the lock is the folder's, so that no file of it stays."""
    folder.mkdir(exist_ok=True, mode=0o700)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(handle)


def _certified(path: Path, left: Pending) -> Certificate | None:
    """The certificate of this erasure where it was written already; None where it was not."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        found = Certificate(**json.loads(path.read_text(encoding="utf-8")))
        return found if found.entry == left.entry else None
    return None


def _write(path: Path, certificate: Certificate) -> None:
    writing = path.with_suffix(".writing")
    with writing.open("w", encoding="utf-8") as out:
        json.dump(asdict(certificate), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    writing.replace(path)
    sync_folder(path.parent)


def _traces(connection: sa.Connection, desk: Desk, client_id: str) -> set[Trace]:
    """Of the client's sealed bodies and keys, and of his words as UTF-8 and UTF-16."""
    mine = (client_table.c.client_id == client_id) & (client_table.c.counsellor_id == desk.counsellor_id)
    row = connection.execute(sa.select(client_table).where(mine)).one_or_none()
    if row is None:
        raise DeskError("desk", "no such client here", have=f"client {client_id[:8]}")
    found = {_bytes(row.wrapped), _bytes(row.code_tag)}
    for kind in KINDS:
        bodies = connection.execute(sa.select(RECORDS[kind].c.body).where(RECORDS[kind].c.client_id == client_id))
        found |= {_bytes(body[0]) for body in bodies}
        # What somebody made unreadable must be erased all the same; then its words cannot be looked for.
        with contextlib.suppress(DeskError):
            held = client_keys(connection, desk, client_id)
            found.add(held.data)
            for record in read_records(connection, desk, held, client_id, kind):
                for text in strings(record.body):
                    found |= {text[:LONGEST].encode(code, "surrogatepass") for code in ("utf-8", "utf-16-le")}
    # A word as short as "林" is in many files that say nothing of this client.
    return {trace(needle) for needle in found if len(needle) >= 2 * WINDOW}


def _bytes(value: Any) -> bytes:
    """A column as bytes, also where somebody put text into it; a number is none, and nothing to look for."""
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""


def _removed(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        count = sum(file.is_file() for file in path.rglob("*"))
        with contextlib.suppress(FileNotFoundError):  # a training that ends removes its folder itself
            shutil.rmtree(path)
        return count
    there = path.exists()
    path.unlink(missing_ok=True)
    return int(there)


def _overwrite(engine: sa.Engine, tables: Sequence[str]) -> None:
    """Have the database give up what it deleted."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        try:
            raw.rollback()  # a driver that is in a transaction already stays in it
            cursor = raw.cursor()
            if len(tables) > 1:  # what is deleted is overwritten already, but for what VACUUM alone finds
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.close()
        finally:
            raw.close()
    elif engine.dialect.name == "postgresql":
        # The connection has this mode by itself: whatever fails, the pool has it back as it was.
        with engine.connect() as connection:
            connection.connection.rollback()  # the pool's look whether it lives has begun a transaction
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for name in tables:
                connection.exec_driver_sql(f'VACUUM "{name}"')
    os.sync()
