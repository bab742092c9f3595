"""A client erased: keys, records, files and what was derived, and a search of the whole folder that proves it.

What no program can reach stays: backups, copies of the disk, deleted blocks of an SSD, a database server's own log.
They hold sealed bytes and, in a backup made before, the key; the certificate says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from app.desk import audit
from app.desk.blobs import remove_files
from app.desk.database import KINDS, RECORDS, client_table, written
from app.desk.search import strings
from app.desk.store import client_keys, read_records
from app.desk.unlock import Desk, own_file
from xinheng.errors import CheckFailed, DeskError, UsageError
from xinheng.storage import Place

_LEFT: Final = "backups made before, copies of the disk, and the logs of a database server"
# A window this long is looked for; what begins like it is compared for as long as it goes.
_WINDOW: Final = 8
_LONGEST: Final = 32
_PIECE: Final = 2**24
_THREE: Final = np.uint64(0xFFFFFF)
# How often the database is asked to give up what it deleted, where another window was reading meanwhile.
_TRIES: Final = 3

_Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Certificate:
    """What was erased and how it was looked for afterwards."""

    client_id: str
    entry: int
    rows: dict[str, int]
    files: int
    derived: int
    searched_files: int
    searched_bytes: int
    searched_for: int
    out_of_reach: str


def erase(desk: Desk, client_id: str, *, place: Place | None = None, derived: Sequence[Path] = ()) -> Certificate:
    """Erase a client for good.

    Args:
        desk: The desk; nobody else may be writing into its folder while it is searched.
        client_id: Who.
        place: Where files are kept; None for `files` in the desk's folder.
        derived: Files and folders that hold nothing but what was made of this client: journals, caches, rows.

    Raises:
        UsageError: It is the counsellor's own file.
        CheckFailed: Something of the client is still in the folder; his keys are gone, and the files are named.
    """
    if client_id == own_file(desk.counsellor_id):
        raise UsageError("desk", "the counsellor's own file is no client's")

    def work(connection: sa.Connection) -> tuple[dict[str, int], set[bytes], tuple[int, bytes]]:
        needles, rows = _needles(connection, desk, client_id), {}
        for kind in KINDS:
            table = RECORDS[kind]
            gone = connection.execute(table.delete().where(table.c.client_id == client_id))
            rows[kind] = gone.rowcount
        connection.execute(client_table.delete().where(client_table.c.client_id == client_id))
        logged = audit.append(connection, desk.counsellor_id, desk.keys, "erased", client=client_id)
        return rows, needles, logged

    rows, needles, logged = written(desk.engine, work)
    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *logged)
    files = remove_files(desk, place or desk.home / "files", client_id)
    gone = sum(_removed(path) for path in derived)
    looked, size = _searched(desk, needles)
    certificate = Certificate(client_id, logged[0], rows, files, gone, looked, size, len(needles), _LEFT)
    path = desk.home / "erased" / f"{client_id}.json"
    path.parent.mkdir(exist_ok=True, mode=0o700)
    path.write_text(json.dumps(asdict(certificate), indent=1), encoding="utf-8")
    return certificate


def _searched(desk: Desk, needles: set[bytes]) -> tuple[int, int]:
    """How many files and bytes were looked through: the desk's folder, and the one that gradio may write to.

    Raises:
        CheckFailed: Something is still there.
    """
    folders = [desk.home, *(Path(name) for name in (os.environ.get("GRADIO_TEMP_DIR"),) if name)]
    for again in range(_TRIES):
        time.sleep(again)
        _overwrite(desk.engine)
        found = [(folder, *found_in(folder, needles)) for folder in folders if folder.is_dir()]
        names = [str(path.relative_to(folder)) for folder, _, _, where in found for path in where]
        if not names:
            return sum(looked for _, looked, _, _ in found), sum(size for _, _, size, _ in found)
    raise CheckFailed(
        "desk", "the client is erased, but not everywhere", have=", ".join(names[:5]), mend="Close other windows."
    )


def found_in(folder: Path, needles: set[bytes]) -> tuple[int, int, list[Path]]:
    """How many files and bytes were looked through, and which files hold one of the needles, of 8 bytes or more each.

    All needles are looked for at once: every eight neighbouring bytes of a file are held against the first eight of
    each needle.
    """
    starts = np.array(sorted({int.from_bytes(n[:_WINDOW], "little") for n in needles}), dtype=np.uint64)
    # Few places begin with the same three bytes as any needle: only those are held against all of them.
    begins = np.zeros(2**24, dtype=np.bool_)
    begins[starts & _THREE] = True
    looked = size = 0
    where = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with contextlib.suppress(FileNotFoundError):  # what another deed of the desk has just put away
            looked, size = looked + 1, size + path.stat().st_size
            if _holds(path, needles, starts, begins):
                where.append(path)
    return looked, size, where


def _holds(path: Path, needles: set[bytes], starts: _Numbers, begins: _Numbers) -> bool:
    with path.open("rb") as file:
        tail = b""
        while piece := file.read(_PIECE):
            data = tail + piece
            for shift in range(_WINDOW):
                count = (len(data) - shift) // _WINDOW
                if count <= 0:
                    continue
                words = np.frombuffer(data, dtype="<u8", count=count, offset=shift)
                likely = np.flatnonzero(begins[words & _THREE])
                for at in likely[np.isin(words[likely], starts)] * _WINDOW + shift:
                    if any(data.startswith(needle, int(at)) for needle in needles):
                        return True
            tail = data[-_LONGEST:]
    return False


def _needles(connection: sa.Connection, desk: Desk, client_id: str) -> set[bytes]:
    """The beginnings of the client's sealed bodies and keys, and of his words as UTF-8 and UTF-16."""
    mine = (client_table.c.client_id == client_id) & (client_table.c.counsellor_id == desk.counsellor_id)
    row = connection.execute(sa.select(client_table).where(mine)).one_or_none()
    if row is None:
        raise DeskError("desk", "no such client here", have=f"client {client_id[:8]}")
    found = {bytes(row.wrapped)[:_LONGEST], row.code_tag.encode()[:_LONGEST]}
    for kind in KINDS:
        bodies = connection.execute(sa.select(RECORDS[kind].c.body).where(RECORDS[kind].c.client_id == client_id))
        found |= {bytes(body[0])[:_LONGEST] for body in bodies}
        # What somebody made unreadable must be erased all the same; then its words cannot be looked for.
        with contextlib.suppress(DeskError):
            held = client_keys(connection, desk, client_id)
            found.add(held.data)
            for record in read_records(connection, desk, held, client_id, kind):
                for text in strings(record.body):
                    found |= {text.encode(code, "surrogatepass")[:_LONGEST] for code in ("utf-8", "utf-16-le")}
    # A word as short as "林" is in many files that say nothing of this client.
    return {needle for needle in found if len(needle) >= 2 * _WINDOW}


def _removed(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        count = sum(file.is_file() for file in path.rglob("*"))
        shutil.rmtree(path)
        return count
    there = path.exists()
    path.unlink(missing_ok=True)
    return int(there)


def _overwrite(engine: sa.Engine) -> None:
    """Have the database give up what it deleted."""
    raw = engine.raw_connection()
    try:
        raw.rollback()  # a driver that is in a transaction already stays in it
        driver: Any = raw.driver_connection
        cursor = raw.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif engine.dialect.name == "postgresql":
            driver.autocommit = True
            for name in (*KINDS, "client"):
                cursor.execute(f'VACUUM "{name}"')
            driver.autocommit = False
        cursor.close()
    finally:
        raw.close()
    os.sync()
