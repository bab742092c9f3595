"""The same desk behind a real PostgreSQL, two desks at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.desk import backup, checking, erasure, rotation, store
from app.desk.database import connect
from tests.annotation.postgres_server import postgres
from tests.app.desk.desks import QUICK, WORDS, new_desk, opened
from xinheng.errors import DeskError


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address


def test_two_desks_at_once_lose_nothing_and_tell_conflicts(url: str, tmp_path: Path) -> None:
    first = new_desk(tmp_path / "first", url=url)
    client = store.add_client(first, "A")
    second = opened(tmp_path / "second", url=url)
    failed: list[Exception] = []

    def write(desk: store.Desk, name: str) -> None:
        try:
            for n in range(15):
                store.save(desk, client, "note", {"by": name, "n": n})
        except Exception as error:  # noqa: BLE001  whatever it is, the test tells it
            failed.append(error)

    threads = [threading.Thread(target=write, args=(d, n)) for d, n in ((first, "first"), (second, "second"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    notes = store.records(first, client, "note")
    assert [note.record_id for note in notes] == [str(n + 1) for n in range(30)]
    for name in ("first", "second"):
        assert [note.body["n"] for note in notes if note.body["by"] == name] == list(range(15))
    store.save(second, client, "note", {"by": "second"}, record_id="1", version=1)
    with pytest.raises(store.Conflict) as caught:
        store.save(first, client, "note", {"by": "first"}, record_id="1", version=1)
    assert caught.value.theirs is not None
    assert caught.value.theirs.body == {"by": "second"}
    assert checking.verify(first).wrong == checking.verify(second).wrong == []
    first.engine.dispose()  # the server ends when nobody is connected
    second.engine.dispose()


def test_rotation_erasure_and_a_backup_to_sqlite(url: str, tmp_path: Path) -> None:
    desk = new_desk(tmp_path / "desk", url=url, name="wang")
    client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
    for each in (client, other):
        store.save(desk, each, "note", {"text": "words of a person"})
    desk, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    assert erasure.erase(desk, client).rows["note"] == 1
    backup.backup(desk.engine, desk.home, tmp_path / "b")
    there = tmp_path / "there"
    backup.restore(connect(there), there, tmp_path / "b")
    assert store.records(opened(there, name="wang"), other, "note")[0].body == {"text": "words of a person"}
    assert checking.verify(desk).wrong == []
    desk.engine.dispose()


def test_a_database_that_is_not_there_is_one_sentence_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DeskError, match=r"does not answer|refused") as caught:
        connect(tmp_path / "desk", "postgresql://lin:geheim@127.0.0.1:9/desk")
    assert "geheim" not in str(caught.value)
