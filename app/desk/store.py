"""Clients and their records: saved as new versions, opened by whoever holds the keys, found by code.

A record is known by client, kind and id; a note's id is its number. A save says which version it was made from, and
where another desk saved meanwhile it raises `Conflict` with both sides, and nothing is written.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from app.desk import audit, keys
from app.desk.database import RECORDS, client_table, read, written
from app.desk.keys import ClientKeys, identity
from app.desk.unlock import Desk, client_who, own_file, same_epoch
from xinheng.errors import DeskError, UsageError
from xinheng.sealing import Unopened, opened, seal, subkey

# Replaced by every save; of all other kinds each version is kept and stands in the log.
FLEETING: Final = frozenset({"draft", "summary"})
_RESTORE: Final = "Restore the database from a backup."


@dataclass(frozen=True)
class Record:
    """One version of a record: `body` is what was saved."""

    kind: str
    record_id: str
    version: int
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"Record({self.kind} {self.record_id}, version {self.version})"


class Conflict(DeskError):
    """Another desk saved the record meanwhile; `mine` was not saved, `theirs` is there."""

    def __init__(self, mine: dict[str, Any], theirs: Record | None) -> None:
        self.mine, self.theirs = mine, theirs
        what = "it is gone" if theirs is None else f"it is at version {theirs.version}"
        super().__init__("desk", "the record was changed meanwhile", have=what, mend="Compare both and save again.")


def add_client(desk: Desk, code: str) -> str:
    """A new client's id.

    Raises:
        UsageError: The code is empty or another client has it.
    """
    if not code.strip():
        raise UsageError("desk", "no client code was given")
    client_id, wanted = os.urandom(16).hex(), keys.tag(desk.keys.lookup, "code", code)
    epoch, master = newest_master(desk)
    held = keys.new_client_keys()
    wrapped = keys.wrapped(held, master, client_who(desk.desk_id, desk.counsellor_id, client_id, epoch))

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        same_epoch(connection, desk)
        if _by_code(connection, desk, wanted):
            raise UsageError("desk", "another client has this code", mend="Choose another code.")
        row = {"client_id": client_id, "counsellor_id": desk.counsellor_id, "code_tag": wanted}
        connection.execute(client_table.insert().values(**row, epoch=epoch, wrapped=wrapped))
        audit.append(connection, desk.counsellor_id, desk.keys, "client made", client=client_id)
        return _insert(connection, desk, held, client_id, Record("info", "code", 1, {"code": code.strip()}))

    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *written(desk.engine, work))
    return client_id


def find_client(desk: Desk, code: str) -> str | None:
    """The id of the client with this code; None where there is none."""
    wanted = keys.tag(desk.keys.lookup, "code", code)
    return read(desk.engine, lambda connection: _by_code(connection, desk, wanted))


def clients(desk: Desk) -> list[str]:
    """The ids of this counsellor's clients, sorted."""
    query = sa.select(client_table.c.client_id).where(
        client_table.c.counsellor_id == desk.counsellor_id, client_table.c.client_id != own_file(desk.counsellor_id)
    )
    return sorted(read(desk.engine, lambda connection: [str(row[0]) for row in connection.execute(query)]))


def save(
    desk: Desk, client_id: str, kind: str, body: dict[str, Any], *, record_id: str | None = None, version: int = 0
) -> Record:
    """Save a record's new version, whole and on the disk when this returns.

    Args:
        desk: The desk.
        client_id: Whose record, or `own_file`.
        kind: A table of `database.KINDS`.
        body: What is to be kept, as JSON.
        record_id: Which record; None makes a new one, a note with the next number.
        version: The version that this one was made from; 0 for a new record.

    Raises:
        Conflict: The newest version is another one.
        DeskError: No such client here.
    """
    table = RECORDS[kind]

    def work(connection: sa.Connection) -> tuple[Record, tuple[int, bytes] | None]:
        held = client_keys(connection, desk, client_id)
        named = record_id or (_next_note(connection, client_id) if kind == "note" else os.urandom(16).hex())
        newest = _newest(connection, desk, held, client_id, kind, named)
        if newest and record_id is None:
            raise DeskError("desk", "a count of notes was changed", have=f"client {client_id[:8]}", mend=_RESTORE)
        if (newest.version if newest else 0) != version:
            raise Conflict(body, newest)
        if kind == "note" and version == 0:
            _count(connection, client_id, int(named))
        made = Record(kind, named, version + 1, body)
        if kind in FLEETING:
            connection.execute(table.delete().where(table.c.client_id == client_id, table.c.record_id == named))
        if kind not in FLEETING:
            return made, _insert(connection, desk, held, client_id, made)
        row = {"client_id": client_id, "record_id": named, "version": made.version}
        connection.execute(table.insert().values(**row, body=sealed(desk, held, client_id, made)))
        return made, None

    made, logged = written(desk.engine, work)
    if logged:
        audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *logged)
    return made


def records(
    desk: Desk, client_id: str, kind: str, *, every_version: bool = False, unread: list[str] | None = None
) -> list[Record]:
    """A client's records of one kind, notes by their numbers and others by their ids; the newest version of each.

    Args:
        desk: The desk.
        client_id: Whose.
        kind: A table of `database.KINDS`.
        every_version: Older versions too.
        unread: Gets a sentence for each that does not open, instead of an error; what is older than it is not given,
            or it would pass for the newest.

    Raises:
        DeskError: No such client here, or a record was changed or put in another's place; the first is named.
    """

    def work(connection: sa.Connection) -> list[Record]:
        held = client_keys(connection, desk, client_id)
        if unread is None:
            return read_records(connection, desk, held, client_id, kind)
        wrong: list[tuple[str, int, str]] = []
        there = read_records(connection, desk, held, client_id, kind, unread=wrong)
        unread.extend(said for _, _, said in wrong)
        last = {record_id: version for record_id, version, _ in sorted(wrong)}
        return [record for record in there if record.version > last.get(record.record_id, 0)]

    found = read(desk.engine, work)
    return found if every_version else list({record.record_id: record for record in found}.values())


def discard(desk: Desk, client_id: str, record_id: str) -> None:
    """Delete a draft; whoever saved its note needs it no longer."""
    table = RECORDS["draft"]
    condition = (table.c.client_id == client_id) & (table.c.record_id == record_id)

    def work(connection: sa.Connection) -> None:
        client_keys(connection, desk, client_id)
        connection.execute(table.delete().where(condition))

    written(desk.engine, work)


def log(desk: Desk, action: str, **about: Any) -> None:
    """Write into the log what was done with a client: opened, trained, exported. No words of a client belong here."""
    logged = written(desk.engine, lambda c: audit.append(c, desk.counsellor_id, desk.keys, action, **about))
    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *logged)


# ---- what the other files of this room share


def newest_master(desk: Desk) -> tuple[int, bytes]:
    """The master key that new things are wrapped with, and its epoch: the following one while keys are rotated."""
    following = desk.keys.next_master
    return (desk.keys.epoch, desk.keys.master) if following is None else (desk.keys.epoch + 1, following)


def client_keys(connection: sa.Connection, desk: Desk, client_id: str) -> ClientKeys:
    """A client's keys.

    Raises:
        DeskError: There is no such client of this counsellor, or the keys are not his.
    """
    row = connection.execute(
        sa.select(client_table.c.epoch, client_table.c.wrapped).where(
            client_table.c.client_id == client_id, client_table.c.counsellor_id == desk.counsellor_id
        )
    ).one_or_none()
    if row is None:
        raise DeskError("desk", "no such client here", have=f"client {client_id[:8]}")
    masters = {desk.keys.epoch: desk.keys.master, desk.keys.epoch + 1: desk.keys.next_master}
    master = masters.get(row.epoch)
    if master is None:
        raise DeskError("desk", "the keys were rotated meanwhile", mend="Unlock the desk again.")
    try:
        return keys.unwrapped(row.wrapped, master, client_who(desk.desk_id, desk.counsellor_id, client_id, row.epoch))
    except Unopened as error:
        raise DeskError("desk", "a client's keys were changed", have=f"client {client_id[:8]}") from error


def sealed(desk: Desk, held: ClientKeys, client_id: str, record: Record) -> bytes:
    """A record's body under its identity."""
    return seal(held.data, json.dumps(record.body).encode(), _identity(desk, client_id, record))


def mark(held: ClientKeys, client_id: str, record: Record) -> str:
    """What the log holds of a version, by which `verify` knows it again."""
    plain = identity(client_id, record.kind, record.record_id, record.version, json.dumps(record.body))
    return hmac.new(subkey(held.mark, "mark"), plain, "sha256").hexdigest()


def read_records(
    connection: sa.Connection,
    desk: Desk,
    held: ClientKeys,
    client_id: str,
    kind: str,
    record_id: str | None = None,
    unread: list[tuple[str, int, str]] | None = None,
) -> list[Record]:
    """All versions of a client's records of a kind, in order; `unread` gets what does not open: id, version, why."""
    table = RECORDS[kind]
    query = sa.select(table).where(table.c.client_id == client_id)
    if record_id is not None:
        query = query.where(table.c.record_id == record_id)
    found = []
    # All rows before one is opened: an error holds the query open, and its connection would stay at that moment.
    for row in connection.execute(query).all():
        try:
            found.append(open_record(desk, held, client_id, kind, row))
        except DeskError as error:
            if unread is None:
                raise
            # A version that is no number may have been the newest.
            version = row.version if isinstance(row.version, int) else sys.maxsize
            unread.append((str(row.record_id), version, str(error)))
    return sorted(found, key=lambda record: (len(record.record_id), record.record_id, record.version))


def open_record(desk: Desk, held: ClientKeys, client_id: str, kind: str, row: Any) -> Record:
    """One row opened.

    Raises:
        DeskError: It was changed, or is not the record whose place it has.
    """
    empty = Record(kind, row.record_id, row.version, {})
    try:
        body = opened(held.data, keys.blob(row.body), _identity(desk, client_id, empty))
    except Unopened as error:
        name = f"{kind} {row.record_id}, version {row.version}, of client {client_id[:8]}"
        raise DeskError("desk", "a record was changed or put in another's place", have=name) from error
    return Record(kind, row.record_id, row.version, json.loads(body))


def _insert(connection: sa.Connection, desk: Desk, held: ClientKeys, client_id: str, made: Record) -> tuple[int, bytes]:
    """Write a version and its entry in the log."""
    row = {"client_id": client_id, "record_id": made.record_id, "version": made.version}
    connection.execute(RECORDS[made.kind].insert().values(**row, body=sealed(desk, held, client_id, made)))
    about = {"client": client_id, "kind": made.kind, "record": made.record_id, "version": made.version}
    marked = mark(held, client_id, made)
    return audit.append(connection, desk.counsellor_id, desk.keys, "saved", **about, mark=marked)


def _identity(desk: Desk, client_id: str, record: Record) -> bytes:
    return identity(desk.desk_id, desk.counsellor_id, client_id, record.kind, record.record_id, record.version)


def _newest(
    connection: sa.Connection, desk: Desk, held: ClientKeys, client_id: str, kind: str, record_id: str
) -> Record | None:
    table = RECORDS[kind]
    row = connection.execute(
        sa.select(table)
        .where(table.c.client_id == client_id, table.c.record_id == record_id)
        .order_by(table.c.version.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else open_record(desk, held, client_id, kind, row)


def _next_note(connection: sa.Connection, client_id: str) -> str:
    last = connection.execute(sa.select(client_table.c.notes).where(client_table.c.client_id == client_id)).scalar_one()
    if not isinstance(last, int):
        raise DeskError("desk", "a count of notes was changed", have=f"client {client_id[:8]}", mend=_RESTORE)
    return str(last + 1)


def _count(connection: sa.Connection, client_id: str, number: int) -> None:
    fewer = (client_table.c.client_id == client_id) & (client_table.c.notes < number)
    connection.execute(client_table.update().where(fewer).values(notes=number))


def _by_code(connection: sa.Connection, desk: Desk, wanted: str) -> str | None:
    return connection.execute(
        sa.select(client_table.c.client_id).where(
            client_table.c.counsellor_id == desk.counsellor_id, client_table.c.code_tag == wanted
        )
    ).scalar_one_or_none()
