"""Which files the records of a desk name, and whether each is there and opens to its end.

What is counted without a key can be no more than a range: an adapter that was not kept loses its file, and only its
client's sealed records tell which one that was.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from app.desk import store
from app.desk.adapters import CURRENT
from app.desk.blobs import file_pieces
from app.desk.database import RECORDS
from app.desk.job_records import OPEN
from app.desk.store import Record
from app.desk.unlock import Desk
from xinheng.errors import DeskError, StoreError
from xinheng.storage import Place, RemotePath

# Whose records are needed to tell which files count; a job's says what became of its adapter.
KINDS: Final = ("adapter", "attachment", "library", "job")
_GONE: Final = "is gone"
# A record of these keeps its file until a second version says that it was removed.
_UNTIL_REMOVED: Final = ("attachment", "library")


def owed(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """How many files each client's records name, at least and at most, as it can be told without any key."""
    found: dict[str, tuple[int, int]] = {}
    for kind in (*_UNTIL_REMOVED, "adapter"):
        table = RECORDS[kind]
        mine = (table.c.client_id, table.c.record_id)
        for client_id, record_id, last in connection.execute(
            sa.select(*mine, sa.func.max(table.c.version)).group_by(*mine)
        ):
            sure = kind in _UNTIL_REMOVED and last == 1
            maybe = sure or (kind == "adapter" and record_id != CURRENT)
            least, most = found.get(client_id, (0, 0))
            found[client_id] = (least + sure, most + maybe)
    return found


def named(records: Iterable[Record]) -> list[Record]:
    """Those of a client's records whose files must be there.

    Args:
        records: The newest version of each record of `KINDS`.
    """
    held = list(records)
    jobs = {record.record_id: record.body for record in held if record.kind == "job"}
    kept = {body.get("adapter") for body in jobs.values() if body.get("state") in ("trained", *OPEN)}
    for record in held:
        if record.kind == "adapter" and record.record_id == CURRENT:
            kept |= {record.body.get("adapter"), record.body.get("before")}
    return [
        record
        for record in held
        if "file" in record.body and (record.kind in _UNTIL_REMOVED or record.record_id in kept)
    ]


def faults(desk: Desk, place: Place, wanted: dict[str, list[Record]]) -> list[str]:
    """What is wrong with the files that records name, a sentence for each; every file is read to its end.

    Args:
        desk: The desk.
        place: Where files are kept.
        wanted: What `named` gives, by client.
    """
    every = [(client_id, record) for client_id, records in sorted(wanted.items()) for record in records]
    wrong: list[str] = []
    gone = 0
    for done, (client_id, record) in enumerate(every):
        try:
            why = _fault(desk, place, client_id, record)
        except StoreError as error:
            return [*wrong, f"{len(every) - done} files in {place} could not be looked at: {error}"]
        if why and _counts(desk, client_id, record):
            wrong.append(f"the file of {record.kind} {record.record_id[:8]} of client {client_id[:8]} {why}")
            gone += why == _GONE
    if gone > 1 and gone == len(every):  # as where `--files` is another than the desk was started with
        return [f"of {gone} files that records name none is in {_shown(place)} (--files)"]
    return wrong


def _fault(desk: Desk, place: Place, client_id: str, record: Record) -> str:
    try:
        if sum(map(len, file_pieces(desk, place, client_id, record))) == record.body["size"]:
            return ""
    except DeskError as error:
        return _GONE if error.what.endswith(_GONE) else "was changed or cut off"
    except OSError as error:
        return f"cannot be read ({error.strerror or type(error).__name__})"
    return "was changed or cut off"


def _counts(desk: Desk, client_id: str, record: Record) -> bool:
    """Whether a record names its file still: somebody at the desk may have taken it out since the rows were read."""
    try:
        newest = [one for kind in KINDS for one in store.records(desk, client_id, kind)]
    except DeskError:
        return client_id in store.clients(desk)
    return any(one.record_id == record.record_id and one.body == record.body for one in named(newest))


def _shown(place: Place) -> Path | RemotePath:
    return place if isinstance(place, RemotePath) else place.resolve()
