"""Counsellors made, let in and slowed down; passphrases renewed, by the old one's bearer or with the recovery code."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import audit, guesses, keys
from app.desk.database import client_table, counsellor_table, desk_table, read, written
from app.desk.keys import COST, Cost, Keys, identity
from app.desk.recovery_code import new_code
from xinheng.errors import DeskError, UsageError
from xinheng.sealing import Unopened, opened, seal, subkey

SHORTEST_PASSPHRASE: Final = 10


@dataclass(frozen=True)
class Desk:
    """An unlocked desk of one counsellor: what every function of this room takes."""

    engine: sa.Engine
    home: Path
    desk_id: str
    counsellor_id: str
    keys: Keys


def who(desk_id: str, counsellor_id: str, use: str, epoch: int = 0) -> bytes:
    """The identity that a counsellor's own rows are sealed under."""
    return identity(desk_id, counsellor_id, use, epoch)


def client_who(desk_id: str, counsellor_id: str, client_id: str, epoch: int) -> bytes:
    """The identity that a client's keys are wrapped under."""
    return identity(desk_id, counsellor_id, "client", client_id, epoch)


def own_file(counsellor_id: str) -> str:
    """The id of the file that a counsellor keeps for no client: the library and what belongs to nobody."""
    return counsellor_id


def add_counsellor(
    engine: sa.Engine,
    home: Path,
    name: str,
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
    cost: Cost = COST,
) -> tuple[Desk, str]:
    """A new counsellor, let in, and the recovery code, which is kept nowhere.

    Raises:
        UsageError: The name is taken, the passphrase short, or not exactly one way to open was given.
    """
    _long_enough(passphrase)
    master, counsellor_id, code, salt = os.urandom(32), os.urandom(16).hex(), new_code(), os.urandom(16)
    desk_id = _desk_id(engine)
    ring = keys.new_ring(master, who(desk_id, counsellor_id, "ring"))
    made = keys.keys_of(master, 0, ring, None, who(desk_id, counsellor_id, "ring"))
    wrapping = keys.derived(salt, cost, passphrase, key_file)
    row = {
        "counsellor_id": counsellor_id,
        "name_tag": _name_tag(desk_id, name),
        "opened_by": "file" if key_file else "passphrase",
        "salt": salt,
        "cost": str(cost),
        "epoch": 0,
        "wrapped": seal(wrapping, master, who(desk_id, counsellor_id, "master")),
        "recovery": seal(keys.recovery_key(code), master, who(desk_id, counsellor_id, "recovery")),
        "ring": ring,
        "audit_seq": 0,
        "audit_mac": b"",
        "failures": 0,
        "not_before": 0.0,
    }
    own = keys.wrapped(keys.new_client_keys(), master, client_who(desk_id, counsellor_id, counsellor_id, 0))

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        if connection.execute(sa.select(counsellor_table).filter_by(name_tag=row["name_tag"])).first():
            raise UsageError("desk", "a counsellor of this name is there already", mend="Choose another name.")
        connection.execute(counsellor_table.insert().values(**row))
        connection.execute(
            client_table.insert().values(
                client_id=own_file(counsellor_id), counsellor_id=counsellor_id, code_tag="", epoch=0, wrapped=own
            )
        )
        return audit.append(connection, counsellor_id, made, "made")

    seq, mac = written(engine, work)
    audit.keep_counter(home, counsellor_id, made, seq, mac)
    return Desk(engine, home, desk_id, counsellor_id, made), code


def unlock(
    engine: sa.Engine,
    home: Path,
    name: str,
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
    accept_older: bool = False,
) -> Desk:
    """The desk of a counsellor; its log says that it was opened.

    Args:
        engine: The database.
        home: The desk's folder.
        name: The counsellor's.
        passphrase: What opens it, or
        key_file: this.
        accept_older: Go on although the database is older than the counter beside it; the log says so.

    Raises:
        DeskError: Wrong passphrase, too many guesses, or a database that was put back to an older state.
    """
    desk_id = _desk_id(engine)
    row = guesses.counted(engine, name_tag=_name_tag(desk_id, name))
    master = _master(desk_id, row, passphrase, key_file)
    return _entered(engine, home, desk_id, row, master, accept_older=accept_older, how="opened")


def recover(
    engine: sa.Engine,
    home: Path,
    name: str,
    code: str,
    *,
    passphrase: str,
    cost: Cost = COST,
    accept_older: bool = False,
) -> tuple[Desk, str]:
    """The desk opened with the recovery code: it has a new passphrase, and a new code, which is kept nowhere.

    Raises:
        UsageError: A slip in the code, or a short passphrase.
        DeskError: The code is another desk's, or too many guesses.
    """
    _long_enough(passphrase)
    recovery = keys.recovery_key(code)
    desk_id = _desk_id(engine)
    row = guesses.counted(engine, name_tag=_name_tag(desk_id, name))
    found = str(row.counsellor_id)
    try:
        master = opened(recovery, bytes(row.recovery), who(desk_id, found, "recovery", row.epoch))
    except Unopened as error:
        raise DeskError(
            "desk", "this recovery code opens nothing here", mend=guesses.after(row.failures + 1)
        ) from error
    desk = _entered(engine, home, desk_id, row, master, accept_older=accept_older, how="recovered")
    return desk, renew(desk, passphrase=passphrase, cost=cost)


def _master(desk_id: str, row: Any, passphrase: str | None, key_file: Path | None) -> bytes:
    wrapping = keys.derived(bytes(row.salt), keys.cost_of(row.cost), passphrase, key_file)
    try:
        return opened(wrapping, bytes(row.wrapped), who(desk_id, str(row.counsellor_id), "master", row.epoch))
    except Unopened as error:
        what = "key file" if key_file else "passphrase"
        raise DeskError("desk", f"wrong {what}, or a changed database", mend=guesses.after(row.failures + 1)) from error


def confirm(desk: Desk, *, passphrase: str | None = None, key_file: Path | None = None) -> None:
    """Ask whoever sits at an open desk for what opens it; a wrong answer is a guess like any other.

    Raises:
        DeskError: It is wrong, or there were too many guesses.
    """
    row = guesses.counted(desk.engine, counsellor_id=desk.counsellor_id)
    _master(desk.desk_id, row, passphrase, key_file)
    mine = counsellor_table.c.counsellor_id == desk.counsellor_id
    written(desk.engine, lambda c: c.execute(counsellor_table.update().where(mine).values(failures=0, not_before=0.0)))


def renew(desk: Desk, *, passphrase: str | None = None, key_file: Path | None = None, cost: Cost = COST) -> str:
    """Give an open desk a new passphrase or key file, and a new recovery code, which is given back and kept nowhere."""
    _long_enough(passphrase)
    values, code = wrappings(desk, desk.keys.master, desk.keys.epoch, passphrase, key_file, cost)

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        same_epoch(connection, desk)
        connection.execute(
            counsellor_table.update().where(counsellor_table.c.counsellor_id == desk.counsellor_id).values(**values)
        )
        return audit.append(connection, desk.counsellor_id, desk.keys, "new passphrase")

    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *written(desk.engine, work))
    return code


def wrappings(
    desk: Desk, master: bytes, epoch: int, passphrase: str | None, key_file: Path | None, cost: Cost
) -> tuple[dict[str, Any], str]:
    """The columns that open a master key, and the recovery code they were made with."""
    salt, code = os.urandom(16), new_code()
    wrapping = keys.derived(salt, cost, passphrase, key_file)
    return {
        "opened_by": "file" if key_file else "passphrase",
        "salt": salt,
        "cost": str(cost),
        "wrapped": seal(wrapping, master, who(desk.desk_id, desk.counsellor_id, "master", epoch)),
        "recovery": seal(keys.recovery_key(code), master, who(desk.desk_id, desk.counsellor_id, "recovery", epoch)),
    }, code


def same_epoch(connection: sa.Connection, desk: Desk) -> None:
    """Refuse to write with keys that another desk has replaced meanwhile: nobody could read it.

    Raises:
        DeskError: They were replaced.
    """
    epoch = sa.select(counsellor_table.c.epoch).where(counsellor_table.c.counsellor_id == desk.counsellor_id)
    if connection.execute(epoch).scalar_one() != desk.keys.epoch:
        raise DeskError("desk", "the keys were rotated meanwhile", mend="Unlock the desk again.")


def _entered(
    engine: sa.Engine, home: Path, desk_id: str, row: Any, master: bytes, *, accept_older: bool, how: str
) -> Desk:
    found = str(row.counsellor_id)
    following = None if row.next_wrapped is None else bytes(row.next_wrapped)
    ring = keys.keys_of(master, row.epoch, bytes(row.ring), following, who(desk_id, found, "ring"))
    older = read(engine, lambda connection: audit.rolled_back(connection, home, found, ring))
    if older and not accept_older:
        raise DeskError(
            "desk",
            "the database was put back to an older state",
            have=older,
            mend="Bring the newer one back; if this one is meant (a backup), open it with --accept-older.",
        )
    new_counter = not audit.counter_file(home, found).exists()

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        connection.execute(
            counsellor_table.update()
            .where(counsellor_table.c.counsellor_id == found)
            .values(failures=0, not_before=0.0)
        )
        about = {"older": older} if older else {"new_counter": True} if new_counter else {}
        return audit.append(connection, found, ring, how, **about)

    seq, mac = written(engine, work)
    (audit.accept if older else audit.keep_counter)(home, found, ring, seq, mac)
    return Desk(engine, home, desk_id, found, ring)


def _long_enough(passphrase: str | None) -> None:
    if passphrase is not None and len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError("desk", "passphrase too short", want=f"{SHORTEST_PASSPHRASE} characters or more")


def _desk_id(engine: sa.Engine) -> str:
    return str(read(engine, lambda connection: connection.execute(sa.select(desk_table.c.desk_id)).scalar_one()))


def _name_tag(desk_id: str, name: str) -> str:
    """Found without a key: whoever has the file can tell whether a name he guesses is a counsellor's here."""
    return keys.tag(hmac.digest(desk_id.encode(), b"names", "sha256"), "name", name)


def with_keys(desk: Desk, changed: Keys) -> Desk:
    """The same desk with other keys."""
    return replace(desk, keys=changed)


def next_wrapping(desk: Desk, master: bytes) -> bytes:
    """A following master key under the one that is in use."""
    return seal(subkey(desk.keys.master, "desk next"), master, who(desk.desk_id, desk.counsellor_id, "ring"))
