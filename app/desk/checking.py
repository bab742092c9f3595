"""What `xinheng desk verify` does: log, counter, keys and every record of a counsellor held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from app.desk import audit
from app.desk.database import KINDS, RECORDS, client_table, read
from app.desk.store import FLEETING, client_keys, mark, open_record
from app.desk.unlock import Desk, own_file
from xinheng.errors import DeskError

# Client, kind, record and version to the mark that the log holds.
_Marks = dict[tuple[str, str, str, int], str]


@dataclass
class Checked:
    """What was looked at, and what is wrong, one sentence each; nothing is wrong where `wrong` is empty."""

    clients: int = 0
    records: int = 0
    entries: int = 0
    counters_begun: int = 0
    older_accepted: int = 0
    wrong: list[str] = field(default_factory=list)


def verify(desk: Desk) -> Checked:
    """A counsellor's whole desk, read at one moment; it goes on after what is wrong, so that all of it is named."""
    return read(desk.engine, lambda connection: _verified(connection, desk))


def _verified(connection: sa.Connection, desk: Desk) -> Checked:
    found = Checked()
    marks, made = _marks(connection, desk, found)
    if (older := audit.rolled_back(connection, desk.home, desk.counsellor_id, desk.keys)) is not None:
        found.wrong.append(f"the database was put back to an older state: {older}")
    there = connection.execute(
        sa.select(client_table.c.client_id).where(client_table.c.counsellor_id == desk.counsellor_id)
    )
    ids = sorted(str(row[0]) for row in there)
    found.clients = len(ids) - (own_file(desk.counsellor_id) in ids)
    found.wrong += [f"client {client_id[:8]} is gone" for client_id in sorted(made.difference(ids))]
    for client_id in ids:
        _client(connection, desk, client_id, marks, found)
    known = {(client, kind, record) for client, kind, record, _ in marks}
    found.wrong += [f"{kind} {record} of client {client[:8]} is gone" for client, kind, record in sorted(known)]
    return found


def _marks(connection: sa.Connection, desk: Desk, found: Checked) -> tuple[_Marks, set[str]]:
    """What the log says must be there: marks of records, and clients; a broken chain ends it, and is named."""
    marks: _Marks = {}
    made: set[str] = set()
    try:
        for entry in audit.entries(connection, desk.counsellor_id, desk.keys):
            facts: dict[str, Any] = entry.facts
            found.entries += 1
            found.counters_begun += bool(facts.get("new_counter"))
            found.older_accepted += "older" in facts
            if facts["action"] == "client made":
                made.add(facts["client"])
            if facts["action"] == "saved":
                marks[facts["client"], facts["kind"], facts["record"], facts["version"]] = facts["mark"]
            if facts["action"] == "erased":
                made.discard(facts["client"])
                marks = {key: value for key, value in marks.items() if key[0] != facts["client"]}
    except DeskError as error:
        found.wrong.append(str(error))
    return marks, made


def _client(connection: sa.Connection, desk: Desk, client_id: str, marks: _Marks, found: Checked) -> None:
    """Look at a client's records; what was found is taken out of `marks`."""
    try:
        held = client_keys(connection, desk, client_id)
    except DeskError as error:
        found.wrong.append(str(error))
        return
    numbers = sa.select(RECORDS["note"].c.record_id).where(RECORDS["note"].c.client_id == client_id).distinct()
    last = max((int(row[0]) for row in connection.execute(numbers)), default=0)
    if last != connection.execute(sa.select(client_table.c.notes).filter_by(client_id=client_id)).scalar_one():
        found.wrong.append(f"the count of notes of client {client_id[:8]} was changed, or his last note is gone")
    for kind in KINDS:
        table = RECORDS[kind]
        query = sa.select(table).where(table.c.client_id == client_id).order_by(table.c.record_id, table.c.version)
        for row in connection.execute(query):
            found.records += 1
            expected = marks.pop((client_id, kind, row.record_id, row.version), None)
            try:
                record = open_record(desk, held, client_id, kind, row)
            except DeskError as error:
                found.wrong.append(str(error))
                continue
            if kind not in FLEETING and mark(held, client_id, record) != expected:
                found.wrong.append(f"{kind} {row.record_id} of client {client_id[:8]} is not as the log says")
