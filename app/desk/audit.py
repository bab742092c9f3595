"""The log of a counsellor: who opened, saved, trained, exported and erased, each entry chained to the one before.

An entry is sealed, and its MAC covers the MAC before it, so that nothing can be changed, taken out or put in between
without the key. A saved record's entry holds a mark of its words, made with a key of the client: the log finds a record
that was taken away or put back to an older version, and after an erasure says nothing about the words any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import sqlalchemy as sa

from app.desk.database import audit_table, counsellor_table
from app.desk.keys import Keys, blob, identity
from xinheng.errors import DeskError
from xinheng.sealing import Unopened, opened, seal, subkey
from xinheng.swapping import sync_folder

_LOG: Final = logging.getLogger("xinheng.desk")
_STALE_S: Final = 3600.0
# Writing a counter takes milliseconds.
_LONGEST_WAIT_S: Final = 5.0


@dataclass(frozen=True)
class Entry:
    """One entry as it was written: `action`, `at`, and what it was about."""

    seq: int
    facts: dict[str, Any]


def append(connection: sa.Connection, counsellor_id: str, keys: Keys, action: str, **about: Any) -> tuple[int, bytes]:
    """Write an entry inside a transaction; its number and MAC.

    The counsellor's row holds the last number: of two desks that append at once the database lets one win, and the
    other's whole transaction is done again.

    Raises:
        DeskError: The counsellor's row is gone, or the last number in it was changed.
    """
    row = _head(connection, counsellor_id)
    if not isinstance(row.audit_seq, int) or not isinstance(row.audit_mac, bytes) or row.audit_seq < 0:
        raise _changed_head("of another kind")
    seq = row.audit_seq + 1
    after = sa.select(audit_table.c.seq).where(audit_table.c.counsellor_id == counsellor_id, audit_table.c.seq == seq)
    if connection.execute(after).first():
        raise _changed_head(f"{row.audit_seq}, with entry {seq} there")
    facts = {"action": action, "at": datetime.now(UTC).isoformat(timespec="seconds"), **about}
    body = seal(subkey(keys.audit, "body"), json.dumps(facts).encode(), identity(counsellor_id, "audit", seq))
    mac = _mac(keys, row.audit_mac, counsellor_id, seq, body)
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
    ).all()  # see `store.read_records`
    for row in rows:
        if row.seq != expected:
            raise _broken(expected)
        try:
            good = _mac(keys, before, counsellor_id, row.seq, blob(row.body))
            body = opened(subkey(keys.audit, "body"), row.body, identity(counsellor_id, "audit", row.seq))
            if not hmac.compare_digest(good, blob(row.mac)):
                raise _broken(expected)
        except Unopened as error:
            raise _broken(expected) from error
        yield Entry(row.seq, json.loads(body))
        before, expected = good, expected + 1
    head = _head(connection, counsellor_id)
    if (head.audit_seq, head.audit_mac) != (expected - 1, before):
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
    for row in connection.execute(query.order_by(audit_table.c.seq.desc()).limit(most)).all():
        try:
            body = opened(subkey(keys.audit, "body"), blob(row.body), identity(counsellor_id, "audit", row.seq))
        except Unopened as error:
            raise _broken(row.seq) from error
        told.append(Entry(row.seq, json.loads(body)))
    return told


def _head(connection: sa.Connection, counsellor_id: str) -> Any:
    """The columns of the counsellor's row that hold the log's last number and MAC."""
    query = sa.select(counsellor_table.c.audit_seq, counsellor_table.c.audit_mac)
    row = connection.execute(query.where(counsellor_table.c.counsellor_id == counsellor_id)).one_or_none()
    if row is None:
        raise DeskError("desk", "the counsellor's row is gone", mend="Restore the database from a backup.")
    return row


def _changed_head(have: str) -> DeskError:
    return DeskError("log", "its last number was changed", have=have, mend="Restore the database from a backup.")


def _broken(seq: int) -> DeskError:
    return DeskError("log", "the chain is broken", have=f"entry {seq} changed or absent", mend="Restore a backup.")


def _mac(keys: Keys, before: bytes, counsellor_id: str, seq: int, body: bytes) -> bytes:
    return hmac.digest(subkey(keys.audit, "chain"), before + identity(counsellor_id, seq) + body, "sha256")


# ---- the counter beside the database


def counter_file(home: Path, counsellor_id: str) -> Path:
    """Where the last number that this desk wrote is kept."""
    return home / f"counter-{counsellor_id}.json"


def counter(home: Path, counsellor_id: str, keys: Keys) -> tuple[int, bytes] | None:
    """The last number that this desk wrote, with its MAC; None where there is no counter.

    It is read before the database is: a deed of another window in between makes the database newer, never older.

    Raises:
        DeskError: It was changed, or the disk refuses.
    """
    path = counter_file(home, counsellor_id)
    try:
        held = json.loads(path.read_text(encoding="ascii"))
        good = hmac.new(subkey(keys.audit, "counter"), held["last"].encode(), "sha256").hexdigest()
        seq, _, mac = held["last"].partition(":") if hmac.compare_digest(good, held["mac"]) else ("", "", "")
        return int(seq), bytes.fromhex(mac)
    except FileNotFoundError:
        return None
    except OSError as error:
        why, mend = f"the counter {path.name} cannot be read", "See that the folder's files are yours to read."
        raise DeskError("desk", why, have=error.strerror or "an error", mend=mend) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DeskError(
            "desk", f"the counter {path.name} was changed", mend="Remove it; the log tells that."
        ) from error


def keep_counter(home: Path, counsellor_id: str, keys: Keys, seq: int, mac: bytes, *, anew: bool = False) -> None:
    """Write the last entry's number and MAC beside the database, in one move; never a smaller one than is there.

    What the entry is about is saved by now, so nothing here may look as if it were not: a disk that refuses is warned
    of, and the next deed or unlocking writes a counter of its own.

    Args:
        home: The desk's folder.
        counsellor_id: Whose.
        keys: His.
        seq: The entry's number.
        mac: The entry's MAC.
        anew: Let the counter begin again, whatever is there: a person said that an older database is meant.
    """
    path = counter_file(home, counsellor_id)
    try:
        with _alone(path) as file:
            there = None if anew else counter(home, counsellor_id, keys)
            if there is None or there[0] < seq:
                _put(file, path, keys, f"{seq}:{mac.hex()}")
    except (OSError, DeskError) as error:
        why = error.what if isinstance(error, DeskError) else error.strerror or type(error).__name__
        _LOG.warning("The desk's counter could not be written (%s). All is saved; the next deed tries again.", why)


def sweep(home: Path) -> None:
    """Remove what killed writers of older programs left; one that was written just now may not be finished."""
    for path in home.glob(".counter-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()


def rolled_back(connection: sa.Connection, counsellor_id: str, there: tuple[int, bytes] | None) -> str | None:
    """What shows that the database is older than, or another than, what this desk last wrote; None where nothing does.

    A counter that was removed, or put back together with the database, shows nothing.

    Args:
        connection: Its transaction began after the counter was read.
        counsellor_id: Whose log.
        there: What `counter` gave.
    """
    if there is None:
        return None
    seq, mac = there
    row = connection.execute(
        sa.select(audit_table.c.mac).where(audit_table.c.counsellor_id == counsellor_id, audit_table.c.seq == seq)
    ).one_or_none()
    if row is None:
        return f"want {seq} log entries or more, have {_head(connection, counsellor_id).audit_seq}"
    same = isinstance(row.mac, bytes) and hmac.compare_digest(row.mac, mac)
    return None if same else f"another entry {seq} than this desk wrote"


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """The file that will be the next counter; who has it is the only one to look at the counter and replace it.

    It is the lock as well, so that of a killed writer one file stays at most, which the next one takes over.
    """
    new = path.with_suffix(".writing")
    while True:
        with os.fdopen(os.open(new, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            _lock(file)
            if not _is(file, new):
                continue  # it became the counter while this one waited
            try:
                yield file
            finally:
                if _is(file, new):
                    new.unlink()
            return


def _lock(file: BinaryIO) -> None:
    """Wait for whoever has the file, but not for one that was stopped: what is saved must not look as if it hung."""
    until = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.002)


def _is(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _put(file: BinaryIO, path: Path, keys: Keys, body: str) -> None:
    proof = hmac.new(subkey(keys.audit, "counter"), body.encode(), "sha256").hexdigest()
    os.fchmod(file.fileno(), 0o600)
    file.truncate(0)
    file.write(json.dumps({"last": body, "mac": proof}).encode())
    file.flush()
    os.fsync(file.fileno())
    path.with_suffix(".writing").replace(path)
    sync_folder(path.parent)
