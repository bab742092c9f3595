"""An erasure that PostgreSQL keeps from its end leaves transactions whole, and is finished later."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.desk import audit, blobs, checking, erasure, store
from app.desk.database import read, written
from app.desk.unlock import Desk
from tests.annotation.postgres_server import postgres
from tests.app.desk.desks import new_desk, opened


class Refused(Exception):
    """Raised in the middle of a deed."""


def half_a_deed(desk: Desk) -> list[str]:
    """A transaction that is given up in its middle; the actions of the log afterwards, the last one first."""

    def work(connection: sa.Connection) -> None:
        audit.append(connection, desk.counsellor_id, desk.keys, "half a deed")
        raise Refused

    with pytest.raises(Refused):
        written(desk.engine, work)
    newest = read(desk.engine, lambda c: audit.newest(c, desk.counsellor_id, desk.keys))
    return [str(entry.facts["action"]) for entry in newest]


def test_a_table_that_somebody_holds_is_one_sentence_and_transactions_stay_whole(tmp_path: Path) -> None:
    with postgres() as url:
        home = tmp_path / "desk"
        made = new_desk(home, url=url)
        with made.engine.begin() as connection:
            connection.exec_driver_sql("ALTER DATABASE ratings SET statement_timeout = '3s'")
        made.engine.dispose()
        desk = opened(home, url=url)
        client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
        store.save(desk, client, "note", {"text": "words of a person"})
        blobs.keep_file(desk, home / "files", client, "attachment", [b"x"], {"name": "x"})
        holding = sa.create_engine(made.engine.url)
        with holding.connect() as held, held.begin():
            # As another VACUUM, ANALYZE or CREATE INDEX holds it: the desk reads and writes all the same.
            held.exec_driver_sql("LOCK TABLE note IN SHARE UPDATE EXCLUSIVE MODE")
            with pytest.raises(erasure.Unfinished, match=r"keys are gone.*next unlock") as caught:
                erasure.erase(desk, client)
            assert "words" not in str(caught.value)
            assert half_a_deed(desk)[0] == "erased"
            raw = desk.engine.raw_connection()
            assert raw.driver_connection is not None
            assert raw.driver_connection.autocommit is False
            raw.close()
        assert store.clients(desk) == [other]
        assert len(checking.verify(desk).wrong) == 1
        assert erasure.erase(desk, client).files == 1
        assert checking.verify(desk).wrong == []
        assert half_a_deed(desk)[0] == "erased"
        with desk.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "serializable"
        for engine in (desk.engine, holding):
            engine.dispose()
