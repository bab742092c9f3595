"""The log of a counsellor: who opened, saved, trained, exported and erased, each entry chained to the one before.

An entry is sealed, and its MAC covers the MAC before it, so that nothing can be changed, taken out or put in between
without the key. A saved record's entry holds a mark of its words, made with a key of the client: the log finds a record
that was taken away or put back to an older version, and after an erasure says nothing about the words any more.
"""

from __future__ import annotations

import hmac
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.desk.database import audit_table, counsellor_table
from app.desk.keys import Keys, identity
from xinheng.errors import DeskError
from xinheng.sealing import Unopened, opened, seal, subkey


@dataclass(frozen=True)
class Entry:
    """One entry as it was written: `action`, `at`, and what it was about."""

    seq: int
    facts: dict[str, Any]


def append(connection: sa.Connection, counsellor_id: str, keys: Keys, action: str, **about: Any) -> tuple[int, bytes]:
    """Write an entry inside a transaction; its number and MAC.

    The counsellor's row holds the last number: of two desks that append at once the database lets one win, and the
    other's whole transaction is done again.
    """
    row = connection.execute(
        sa.select(counsellor_table.c.audit_seq, counsellor_table.c.audit_mac).where(
            counsellor_table.c.counsellor_id == counsellor_id
        )
    ).one()
    seq = row.audit_seq + 1
    facts = {"action": action, "at": datetime.now(UTC).isoformat(timespec="seconds"), **about}
    body = seal(subkey(keys.audit, "body"), json.dumps(facts).encode(), identity(counsellor_id, "audit", seq))
    mac = _mac(keys, bytes(row.audit_mac), counsellor_id, seq, body)
    connection.execute(audit_table.insert().values(counsellor_id=counsellor_id, seq=seq, body=body, mac=mac))
    connection.execute(
        counsellor_table.update()
        .where(counsellor_table.c.counsellor_id == counsellor_id, counsellor_table.c.audit_seq == row.audit_seq)
        .values(audit_seq=seq, audit_mac=mac)
    )
    return seq, mac


def entries(connection: sa.Connection, counsellor_id: str, keys: Keys) -> Iterator[Entry]:
    """The log from its first entry on.

    Raises:
        DeskError: A link is broken; its number is named.
    """
    before, expected = b"", 1
    rows = connection.execute(
        sa.select(audit_table.c.seq, audit_table.c.body, audit_table.c.mac)
        .where(audit_table.c.counsellor_id == counsellor_id)
        .order_by(audit_table.c.seq)
    )
    for row in rows:
        good = _mac(keys, before, counsellor_id, row.seq, bytes(row.body))
        if row.seq != expected or not hmac.compare_digest(good, bytes(row.mac)):
            raise _broken(expected)
        try:
            body = opened(subkey(keys.audit, "body"), bytes(row.body), identity(counsellor_id, "audit", row.seq))
        except Unopened as error:
            raise _broken(expected) from error
        yield Entry(row.seq, json.loads(body))
        before, expected = good, expected + 1
    head = connection.execute(
        sa.select(counsellor_table.c.audit_seq, counsellor_table.c.audit_mac).where(
            counsellor_table.c.counsellor_id == counsellor_id
        )
    ).one()
    if (head.audit_seq, bytes(head.audit_mac)) != (expected - 1, before):
        raise _broken(expected)


def newest(
    connection: sa.Connection, counsellor_id: str, keys: Keys, *, before: int = 0, most: int = 50
) -> list[Entry]:
    """The last entries, the newest first, or those before a number.

    Each is opened as what its number says; whether one was taken out shows when `entries` reads all.

    Raises:
        DeskError: An entry was changed; its number is named.
    """
    query = sa.select(audit_table.c.seq, audit_table.c.body).where(audit_table.c.counsellor_id == counsellor_id)
    if before:
        query = query.where(audit_table.c.seq < before)
    told = []
    for row in connection.execute(query.order_by(audit_table.c.seq.desc()).limit(most)):
        try:
            body = opened(subkey(keys.audit, "body"), bytes(row.body), identity(counsellor_id, "audit", row.seq))
        except Unopened as error:
            raise _broken(row.seq) from error
        told.append(Entry(row.seq, json.loads(body)))
    return told


def _broken(seq: int) -> DeskError:
    return DeskError("log", "the chain is broken", have=f"entry {seq} changed or absent", mend="Restore a backup.")


def _mac(keys: Keys, before: bytes, counsellor_id: str, seq: int, body: bytes) -> bytes:
    return hmac.digest(subkey(keys.audit, "chain"), before + identity(counsellor_id, seq) + body, "sha256")


# ---- the counter beside the database


def counter_file(home: Path, counsellor_id: str) -> Path:
    """Where the last number that this desk wrote is kept."""
    return home / f"counter-{counsellor_id}.json"


def keep_counter(home: Path, counsellor_id: str, keys: Keys, seq: int, mac: bytes) -> None:
    """Write the last entry's number and MAC beside the database, in one move; never a smaller one than is there."""
    path = counter_file(home, counsellor_id)
    there = _counter(path, keys)
    if there is not None and there[0] >= seq:
        return
    _write_counter(path, keys, seq, mac)


def _write_counter(path: Path, keys: Keys, seq: int, mac: bytes) -> None:
    body = f"{seq}:{mac.hex()}"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".counter-")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(
            {"last": body, "mac": hmac.new(subkey(keys.audit, "counter"), body.encode(), "sha256").hexdigest()}, file
        )
    Path(name).replace(path)


def _counter(path: Path, keys: Keys) -> tuple[int, bytes] | None:
    try:
        held = json.loads(path.read_text(encoding="ascii"))
        good = hmac.new(subkey(keys.audit, "counter"), held["last"].encode(), "sha256").hexdigest()
        seq, _, mac = held["last"].partition(":") if hmac.compare_digest(good, held["mac"]) else ("", "", "")
        return int(seq), bytes.fromhex(mac)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeskError(
            "desk", f"the counter {path.name} was changed", mend="Remove it; the log tells that."
        ) from error


def rolled_back(connection: sa.Connection, home: Path, counsellor_id: str, keys: Keys) -> str | None:
    """What shows that the database is older than, or another than, what this desk last wrote; None where nothing does.

    A counter that was put back together with the database shows nothing.
    """
    there = _counter(counter_file(home, counsellor_id), keys)
    if there is None:
        return None
    seq, mac = there
    row = connection.execute(
        sa.select(audit_table.c.mac).where(audit_table.c.counsellor_id == counsellor_id, audit_table.c.seq == seq)
    ).one_or_none()
    if row is None:
        last = connection.execute(
            sa.select(counsellor_table.c.audit_seq).where(counsellor_table.c.counsellor_id == counsellor_id)
        ).scalar_one()
        return f"want {seq} log entries or more, have {last}"
    return None if hmac.compare_digest(bytes(row.mac), mac) else f"another entry {seq} than this desk wrote"


def accept(home: Path, counsellor_id: str, keys: Keys, seq: int, mac: bytes) -> None:
    """Let the counter begin again here, after a person said that an older database is meant."""
    _write_counter(counter_file(home, counsellor_id), keys, seq, mac)
