"""Counsellors made, let in and slowed down; passphrases renewed, by the old one's bearer or with the recovery code."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import audit, guesses, keys
from app.desk.database import client_table, counsellor_table, desk_table, read, written
from app.desk.keys import COST, Cost, Keys, identity
from app.desk.recovery_code import new_code
from xinheng.errors import DeskError, UsageError
from xinheng.sealing import Unopened, opened, seal

SHORTEST_PASSPHRASE: Final = 10


@dataclass(frozen=True)
class Desk:
    """An unlocked desk of one counsellor: what every function of this room takes.

    `wrapped` is the sealed master key that it was opened with: whoever replaces it replaces this one alone.
    `new_counter` says that the counter beside the database was not there and began anew: whether the database is an
    older one could not be told.
    """

    engine: sa.Engine
    home: Path
    desk_id: str
    counsellor_id: str
    keys: Keys
    wrapped: bytes = field(repr=False, default=b"")
    new_counter: bool = False


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
    master, counsellor_id, desk_id = os.urandom(32), os.urandom(16).hex(), _desk_id(engine)
    ring = keys.new_ring(master, who(desk_id, counsellor_id, "ring"))
    made = keys.keys_of(master, 0, ring, None, who(desk_id, counsellor_id, "ring"))
    desk = Desk(engine, home, desk_id, counsellor_id, made)
    opening, code = wrappings(desk, master, 0, passphrase, key_file, cost)
    row = {
        **opening,
        "counsellor_id": counsellor_id,
        "name_tag": _name_tag(desk_id, name),
        "epoch": 0,
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
    return replace(desk, wrapped=opening["wrapped"]), code


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
        InputError: The key file cannot be used, which is no guess.
    """
    secret, desk_id = keys.secret(passphrase, key_file), _desk_id(engine)
    row = guesses.counted(engine, name_tag=_name_tag(desk_id, name))
    master = _master(desk_id, row, secret, "key file" if key_file else "passphrase")
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
    keys.secret(passphrase, None)
    recovery = keys.recovery_key(code)
    desk_id = _desk_id(engine)
    row = guesses.counted(engine, name_tag=_name_tag(desk_id, name))
    found = str(row.counsellor_id)
    try:
        master = opened(recovery, keys.blob(row.recovery), who(desk_id, found, "recovery", row.epoch))
    except Unopened as error:
        raise DeskError(
            "desk", "this recovery code opens nothing here", mend=guesses.after(row.failures + 1)
        ) from error
    desk = _entered(engine, home, desk_id, row, master, accept_older=accept_older, how="recovered")
    return desk, renew(desk, passphrase=passphrase, cost=cost)


def _master(desk_id: str, row: Any, secret: bytes, what: str) -> bytes:
    wrapping = keys.derived(row.salt, keys.cost_of(row.cost), secret)
    try:
        return opened(wrapping, keys.blob(row.wrapped), who(desk_id, str(row.counsellor_id), "master", row.epoch))
    except Unopened as error:
        raise DeskError("desk", f"wrong {what}, or a changed database", mend=guesses.after(row.failures + 1)) from error


def confirm(desk: Desk, *, passphrase: str | None = None, key_file: Path | None = None) -> Desk:
    """Ask whoever sits at an open desk for what opens it; a wrong answer is a guess like any other.

    Returns:
        The desk as what opens it now: `renew` of it replaces nothing that was changed after this.

    Raises:
        DeskError: It is wrong, or there were too many guesses.
    """
    secret = keys.secret(passphrase, key_file)
    row = guesses.counted(desk.engine, counsellor_id=desk.counsellor_id)
    _master(desk.desk_id, row, secret, "key file" if key_file else "passphrase")
    mine = counsellor_table.c.counsellor_id == desk.counsellor_id
    written(desk.engine, lambda c: c.execute(counsellor_table.update().where(mine).values(failures=0, not_before=0.0)))
    return replace(desk, wrapped=row.wrapped)


def renew(desk: Desk, *, passphrase: str | None = None, key_file: Path | None = None, cost: Cost = COST) -> str:
    """Give an open desk a new passphrase or key file, and a new recovery code, which is given back and kept nowhere.

    Raises:
        DeskError: Somebody else gave it a new one since it was opened or confirmed.
    """
    _long_enough(passphrase)
    values, code = wrappings(desk, desk.keys.master, desk.keys.epoch, passphrase, key_file, cost)

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        same_wrapping(connection, desk)
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
    salt, code = os.urandom(keys.SALT_BYTES), new_code()
    wrapping = keys.derived(salt, cost, keys.secret(passphrase, key_file))
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
    _opening(connection, desk)


def same_wrapping(connection: sa.Connection, desk: Desk) -> None:
    """Refuse to replace what opens a desk where somebody else has done so meanwhile: the newest passphrase stays.

    Raises:
        DeskError: The passphrase or the keys were replaced.
    """
    if _opening(connection, desk).wrapped != desk.wrapped:
        raise DeskError("desk", "the passphrase was changed meanwhile", mend="Unlock the desk again with the new one.")


def _opening(connection: sa.Connection, desk: Desk) -> Any:
    """Epoch and wrapped master of the counsellor's row, of the same epoch as the desk's keys."""
    query = sa.select(counsellor_table.c.epoch, counsellor_table.c.wrapped)
    row = connection.execute(query.where(counsellor_table.c.counsellor_id == desk.counsellor_id)).one_or_none()
    if row is None:
        raise DeskError("desk", "the counsellor's row is gone", mend="Restore the database from a backup.")
    if row.epoch != desk.keys.epoch:
        raise DeskError("desk", "the keys were rotated meanwhile", mend="Unlock the desk again.")
    return row


def _entered(
    engine: sa.Engine, home: Path, desk_id: str, row: Any, master: bytes, *, accept_older: bool, how: str
) -> Desk:
    found = str(row.counsellor_id)
    ring = keys.keys_of(master, row.epoch, row.ring, row.next_wrapped, who(desk_id, found, "ring"))
    audit.sweep(home)
    there = audit.counter(home, found, ring)
    older = read(engine, lambda connection: audit.rolled_back(connection, found, there))
    if older and not accept_older:
        raise DeskError(
            "desk",
            "the database was put back to an older state",
            have=older,
            mend="Bring the newer one back; if this one is meant (a backup), open it with --accept-older.",
        )

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        connection.execute(
            counsellor_table.update()
            .where(counsellor_table.c.counsellor_id == found)
            .values(failures=0, not_before=0.0)
        )
        about = {"older": older} if older else {"new_counter": True} if there is None else {}
        return audit.append(connection, found, ring, how, **about)

    seq, mac = written(engine, work)
    audit.keep_counter(home, found, ring, seq, mac, anew=older is not None)
    return Desk(engine, home, desk_id, found, ring, row.wrapped, new_counter=there is None)


def _long_enough(passphrase: str | None) -> None:
    if passphrase is not None and len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError("desk", "passphrase too short", want=f"{SHORTEST_PASSPHRASE} characters or more")


def _desk_id(engine: sa.Engine) -> str:
    found = read(engine, lambda connection: connection.execute(sa.select(desk_table.c.desk_id)).scalars().all())
    if len(found) != 1:
        raise DeskError("desk", "the database does not say which desk it is", mend="Restore it from a backup.")
    return str(found[0])


def _name_tag(desk_id: str, name: str) -> str:
    """Found without a key: whoever has the file can tell whether a name he guesses is a counsellor's here."""
    return keys.tag(hmac.digest(desk_id.encode(), b"names", "sha256"), "name", name)
