"""All keys of a counsellor made new, client by client, so that a killed rotation is gone on with.

First the following master key is kept, sealed by the one in use; then each client gets new keys under it, with all
records sealed again, in one transaction; last the following key becomes the one in use, with a new recovery code. At
every moment each client's keys open with one of the two.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.desk import audit, keys
from app.desk.database import KINDS, RECORDS, client_table, counsellor_table, read, written
from app.desk.keys import COST, ClientKeys, Cost
from app.desk.store import client_keys, read_records, sealed
from app.desk.unlock import Desk, client_who, same_epoch, same_wrapping, who, wrappings
from xinheng.errors import DeskError
from xinheng.sealing import seal, subkey


def rotate(
    desk: Desk, *, passphrase: str | None = None, key_file: Path | None = None, cost: Cost = COST
) -> tuple[Desk, str]:
    """The desk under new keys, and its new recovery code; what an interrupted rotation did is not done again.

    Other desks of this counsellor are told to unlock again. A passphrase that somebody changed after the desk was
    unlocked is not taken back: the rotation stops, and whoever unlocks with the new one goes on with it.

    Args:
        desk: The desk as it was unlocked.
        passphrase: What will open it: the same as before or another, or
        key_file: this.
        cost: Of the derivation.

    Raises:
        DeskError: The keys are rotated elsewhere, or the passphrase was changed meanwhile.
    """
    begun = desk if desk.keys.next_master else _begin(desk)
    query = sa.select(client_table.c.client_id).where(
        client_table.c.counsellor_id == desk.counsellor_id, client_table.c.epoch == desk.keys.epoch
    )
    ended = None
    while ended is None:  # a client that another desk made meanwhile takes another round
        for client_id in sorted(read(desk.engine, lambda c: [str(row[0]) for row in c.execute(query)])):
            _rotate_client(begun, client_id)
        ended = _end(begun, query, passphrase, key_file, cost)
    return ended


def _begin(desk: Desk) -> Desk:
    following = os.urandom(32)
    wrapped = seal(subkey(desk.keys.master, "desk next"), following, who(desk.desk_id, desk.counsellor_id, "ring"))

    def work(connection: sa.Connection) -> tuple[int, bytes]:
        same_wrapping(connection, desk)
        mine = counsellor_table.c.counsellor_id == desk.counsellor_id
        if connection.execute(sa.select(counsellor_table.c.next_wrapped).where(mine)).scalar_one() is not None:
            raise DeskError("desk", "its keys are being rotated elsewhere", mend="Unlock it again, then go on.")
        connection.execute(
            counsellor_table.update()
            .where(counsellor_table.c.counsellor_id == desk.counsellor_id)
            .values(next_wrapped=wrapped)
        )
        return audit.append(connection, desk.counsellor_id, desk.keys, "rotation begun")

    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *written(desk.engine, work))
    return replace(desk, keys=replace(desk.keys, next_master=following))


def _rotate_client(desk: Desk, client_id: str) -> None:
    epoch, master = desk.keys.epoch + 1, desk.keys.next_master
    assert master is not None  # noqa: S101  for the type alone

    def work(connection: sa.Connection) -> None:
        same_epoch(connection, desk)
        old = client_keys(connection, desk, client_id)
        # The mark's key stays: the log's marks are made with it, and it opens nothing.
        new = ClientKeys(os.urandom(32), old.mark)
        for kind in KINDS:
            table = RECORDS[kind]
            for record in read_records(connection, desk, old, client_id, kind):
                connection.execute(
                    table.update()
                    .where(
                        table.c.client_id == client_id,
                        table.c.record_id == record.record_id,
                        table.c.version == record.version,
                    )
                    .values(body=sealed(desk, new, client_id, record))
                )
        row = keys.wrapped(new, master, client_who(desk.desk_id, desk.counsellor_id, client_id, epoch))
        connection.execute(
            client_table.update().where(client_table.c.client_id == client_id).values(epoch=epoch, wrapped=row)
        )

    written(desk.engine, work)


def _end(
    desk: Desk, left: sa.Select[Any], passphrase: str | None, key_file: Path | None, cost: Cost
) -> tuple[Desk, str] | None:
    """The desk under the following master and its code; None where a client is left under the one before."""
    epoch, master = desk.keys.epoch + 1, desk.keys.next_master
    assert master is not None  # noqa: S101  for the type alone
    values, code = wrappings(desk, master, epoch, passphrase, key_file, cost)
    mine = who(desk.desk_id, desk.counsellor_id, "ring")
    values["ring"] = keys.sealed_ring(master, mine, desk.keys.lookup, desk.keys.audit)

    def work(connection: sa.Connection) -> tuple[int, bytes] | None:
        same_wrapping(connection, desk)
        if connection.execute(left).first():
            return None
        row = counsellor_table.update().where(counsellor_table.c.counsellor_id == desk.counsellor_id)
        connection.execute(row.values(**values, epoch=epoch, next_wrapped=None))
        return audit.append(connection, desk.counsellor_id, desk.keys, "rotation ended")

    logged = written(desk.engine, work)
    if logged is None:
        return None
    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, *logged)
    held = replace(desk.keys, epoch=epoch, master=master, next_master=None)
    return replace(desk, keys=held, wrapped=values["wrapped"]), code
