"""What `xinheng desk verify` does: log, counter, keys, every record and its file held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from app.desk import audit, checking_files, erasure_pending
from app.desk.database import KINDS, RECORDS, client_table, counsellor_table, desk_table, read
from app.desk.keys import keys_of, tag
from app.desk.store import FLEETING, Record, client_keys, mark, open_record, read_records
from app.desk.unlock import Desk, own_file, same_epoch, who
from xinheng.errors import DeskError
from xinheng.storage import Place

# Client, kind, record and version to the mark that the log holds.
_Marks = dict[tuple[str, str, str, int], str]
# No number of a note is as long.
_DIGITS: Final = 19


@dataclass
class Checked:
    """What was looked at, and what is wrong, one sentence each; nothing is wrong where `wrong` is empty.

    `new_counter` is of this unlocking: whether the database is an older one could not be told.
    """

    clients: int = 0
    records: int = 0
    entries: int = 0
    files: int = 0
    counters_begun: int = 0
    older_accepted: int = 0
    new_counter: bool = False
    wrong: list[str] = field(default_factory=list)


def verify(desk: Desk, place: Place | None = None) -> Checked:
    """A counsellor's whole desk, read at one moment; it goes on after what is wrong, so that all of it is named.

    Args:
        desk: The desk.
        place: Where files are kept; None for `files` in the desk's folder. Each that a record names is read whole.
    """
    wanted: dict[str, list[Record]] = {}
    there, unread = None, []
    try:
        there = audit.counter(desk.home, desk.counsellor_id, desk.keys)  # before the database is: see there
    except DeskError as error:
        unread.append(str(error))
    found = read(desk.engine, lambda connection: _verified(connection, desk, there, wanted))
    found.wrong[:0] = unread
    found.files = sum(map(len, wanted.values()))
    found.wrong += checking_files.faults(desk, place or desk.home / "files", wanted)
    return found


def _verified(
    connection: sa.Connection, desk: Desk, there: tuple[int, bytes] | None, wanted: dict[str, list[Record]]
) -> Checked:
    """What is found; `wanted` gets the records whose files must be there, by client."""
    found = Checked(new_counter=desk.new_counter)
    wanted.clear()  # a transaction that met another is done again
    _own_rows(connection, desk, found)
    marks, made = _marks(connection, desk, found)
    try:
        if (older := audit.rolled_back(connection, desk.counsellor_id, there)) is not None:
            found.wrong.append(f"the database was put back to an older state: {older}")
    except DeskError as error:
        found.wrong.append(str(error))
    mine = sa.select(client_table.c.client_id).where(client_table.c.counsellor_id == desk.counsellor_id)
    ids = sorted(str(row[0]) for row in connection.execute(mine))
    found.clients = len(ids) - (own_file(desk.counsellor_id) in ids)
    found.wrong += [f"client {client_id[:8]} is gone" for client_id in sorted(made.difference(ids))]
    for client_id in ids:
        _code(connection, desk, client_id, found)
        wanted[client_id] = checking_files.named(_client(connection, desk, client_id, marks, found))
    known = {(client, kind, record) for client, kind, record, _ in marks}
    found.wrong += [f"{kind} {record} of client {client[:8]} is gone" for client, kind, record in sorted(known)]
    return found


def _own_rows(connection: sa.Connection, desk: Desk, found: Checked) -> None:
    """Look at what the desk is called, and at the keys that the counsellor's master opens."""
    if connection.execute(sa.select(desk_table.c.desk_id)).scalars().all() != [desk.desk_id]:
        found.wrong.append("the row that says which desk the database is was changed")
    query = sa.select(counsellor_table.c.epoch, counsellor_table.c.ring, counsellor_table.c.next_wrapped)
    try:
        same_epoch(connection, desk)
        row = connection.execute(query.where(counsellor_table.c.counsellor_id == desk.counsellor_id)).one()
        keys_of(desk.keys.master, row.epoch, row.ring, row.next_wrapped, who(desk.desk_id, desk.counsellor_id, "ring"))
    except DeskError as error:
        found.wrong.append(str(error))


def _code(connection: sa.Connection, desk: Desk, client_id: str, found: Checked) -> None:
    """Hold the keyed hash by which a client is found against his code: with another's, another's file would open."""
    try:
        held = client_keys(connection, desk, client_id)
        codes = read_records(connection, desk, held, client_id, "info", "code")
    except DeskError:
        return  # named where all of his records are looked at
    there = connection.execute(sa.select(client_table.c.code_tag).filter_by(client_id=client_id)).scalar_one()
    if codes and there != tag(desk.keys.lookup, "code", str(codes[-1].body.get("code", ""))):
        found.wrong.append(f"client {client_id[:8]} is not found by his code, or another is")


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


def _client(connection: sa.Connection, desk: Desk, client_id: str, marks: _Marks, found: Checked) -> list[Record]:
    """Look at a client's records; what was found is taken out of `marks`. The newest of those that tell of files."""
    newest: dict[tuple[str, str], Record] = {}
    try:
        held = client_keys(connection, desk, client_id)
    except DeskError as error:
        found.wrong.append(str(error))
        return []
    numbers = sa.select(RECORDS["note"].c.record_id).where(RECORDS["note"].c.client_id == client_id).distinct()
    # A number that is none is no note's: it is named below, where its row does not open.
    named = [str(row[0]) for row in connection.execute(numbers)]
    last = max((int(one) for one in named if one.isdecimal() and len(one) < _DIGITS), default=0)
    if last != connection.execute(sa.select(client_table.c.notes).filter_by(client_id=client_id)).scalar_one():
        found.wrong.append(f"the count of notes of client {client_id[:8]} was changed, or his last note is gone")
    for kind in KINDS:
        table = RECORDS[kind]
        query = sa.select(table).where(table.c.client_id == client_id).order_by(table.c.record_id, table.c.version)
        for row in connection.execute(query).all():  # see `store.read_records`
            found.records += 1
            expected = marks.pop((client_id, kind, row.record_id, row.version), None)
            try:
                record = open_record(desk, held, client_id, kind, row)
            except DeskError as error:
                found.wrong.append(str(error))
                continue
            if kind in checking_files.KINDS:
                newest[kind, row.record_id] = record
            if kind == erasure_pending.KIND and row.record_id.startswith(erasure_pending.PREFIX):
                found.wrong.append(erasure_pending.named(row.record_id))
            if kind not in FLEETING and mark(held, client_id, record) != expected:
                found.wrong.append(f"{kind} {row.record_id} of client {client_id[:8]} is not as the log says")
    return list(newest.values())
