"""A restore into PostgreSQL that was killed has left nothing there, and another takes out the files that it put."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.desk import attachments, backup, backup_files, checking, migration, store
from app.desk.database import connect, read
from app.desk.unlock import Desk
from tests.annotation.postgres_server import postgres
from tests.app.desk.desks import opened
from xinheng.errors import DeskError


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address


def test_killed_before_its_rows_are_there_it_has_left_nothing(
    desk: Desk, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, there, place = store.add_client(desk, "A"), tmp_path / "there", tmp_path / "disk"
    kept = attachments.attach(desk, desk.home / "files", client, "a.txt", b"letter")
    backup.backup(desk.engine, desk.home, tmp_path / "b")
    connect(there, url).dispose()
    child = os.fork()
    if child == 0:
        # All rows are written, and their transaction has not ended.
        migration.fill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        backup.restore(connect(there, url), there, tmp_path / "b", place=place)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    engine = connect(there, url)
    assert read(engine, lambda c: c.execute(sa.text("SELECT count(*) FROM counsellor")).scalar_one()) == 0
    assert len(backup_files.found(place)) == 1
    assert (place / backup_files.STAGING).is_dir()
    with monkeypatch.context() as patched:  # a restore that fails takes it out as well
        patched.setattr(migration, "fill", lambda c, _: c.execute(sa.text("SELECT nothing FROM nowhere")))
        with pytest.raises(DeskError, match="the database refused"):
            backup.restore(engine, there, tmp_path / "b", place=place)
    assert list(place.iterdir()) == []
    backup.restore(engine, there, tmp_path / "b", place=place)
    again = opened(there, url=url)
    assert checking.verify(again, place).wrong == []
    assert attachments.given_back(again, place, client, kept.record_id)[1] == b"letter"
    again.engine.dispose()
    engine.dispose()
