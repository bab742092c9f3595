"""What is still to be done of an erasure: a sealed record in the counsellor's own file, until its certificate is there.

It is a draft, which the log does not hold and which is deleted when it is done.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import database, store
from app.desk.database import RECORDS
from app.desk.store import Record
from app.desk.unlock import Desk, own_file
from xinheng.storage import Place

KIND: Final = "draft"
# What the ids of such records begin with; the client's follows.
PREFIX: Final = "erasure-"


@dataclass(frozen=True)
class Pending:
    """An erasure without its certificate: the client's rows and keys are gone, his files may be there.

    Args:
        client_id: Whose.
        entry: Of the log.
        rows: How many were deleted, by kind.
        derived: Files and folders to delete, those of the desk's folder as seen from there.
        traces: What is looked for.
        place: The desk's folder in which it was begun, as `here` names it.
        kept: Where his files are kept, as `named_place` names it.
        files: How many files were deleted so far,
        gone: and how many derived ones.
        version: Of its record.
    """

    client_id: str
    entry: int
    rows: dict[str, int]
    derived: list[str]
    traces: list[str]
    place: str
    kept: str
    files: int = 0
    gone: int = 0
    version: int = 1

    @property
    def body(self) -> dict[str, Any]:
        """As it is kept."""
        return {name: value for name, value in asdict(self).items() if name not in {"client_id", "version"}}

    @property
    def record_id(self) -> str:
        """Of its record."""
        return PREFIX + self.client_id


def pending(desk: Desk) -> list[Pending]:
    """Erasures of this counsellor that have no certificate yet, by client.

    Raises:
        DeskError: The record of one was changed.
    """
    return database.read(desk.engine, lambda connection: read(connection, desk))


def read(connection: sa.Connection, desk: Desk, client_id: str = "") -> list[Pending]:
    """All of them, or that of one client."""
    own = own_file(desk.counsellor_id)
    held, name = store.client_keys(connection, desk, own), PREFIX + client_id if client_id else None
    found = store.read_records(connection, desk, held, own, KIND, name)
    return [
        Pending(client_id=one.record_id.removeprefix(PREFIX), version=one.version, **one.body)
        for one in found
        if one.record_id.startswith(PREFIX)
    ]


def write(connection: sa.Connection, desk: Desk, left: Pending) -> None:
    """Keep it, in the transaction that deletes the client's rows."""
    own = own_file(desk.counsellor_id)
    record = Record(KIND, left.record_id, left.version, left.body)
    body = store.sealed(desk, store.client_keys(connection, desk, own), own, record)
    row = {"client_id": own, "record_id": record.record_id, "version": record.version, "body": body}
    connection.execute(RECORDS[KIND].insert().values(**row))


def save(desk: Desk, left: Pending) -> None:
    """Keep how far it came.

    Raises:
        Conflict: Somebody else was faster.
    """
    own = own_file(desk.counsellor_id)
    store.save(desk, own, KIND, left.body, record_id=left.record_id, version=left.version)


def done(desk: Desk, left: Pending) -> None:
    """Forget it: the certificate is written."""
    store.discard(desk, own_file(desk.counsellor_id), left.record_id)


def named(record_id: str) -> str:
    """What `verify` says of a record."""
    who = record_id.removeprefix(PREFIX)[:8]
    return f"the erasure of client {who} is not finished, files may be left: unlock the desk's pages, which finish it"


def named_place(desk: Desk, place: Place | None) -> str:
    """A place of files by its address; empty for `files` in the desk's folder, wherever that is moved."""
    if place is None or (isinstance(place, Path) and place.resolve() == (desk.home / "files").resolve()):
        return ""
    return str(place.resolve() if isinstance(place, Path) else place)


def here(desk: Desk) -> str:
    """A name for this desk's folder: of two desks before one database the one that began an erasure finishes it."""
    from app.desk import job_records

    return job_records.here(desk)
