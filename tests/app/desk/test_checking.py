"""`verify`: what was changed, taken away or put back is named; what cannot be seen is said in docs/desk.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.desk import checking, store
from app.desk.unlock import Desk
from tests.app.desk.desks import opened, run
from xinheng.errors import DeskError


@pytest.fixture
def used(desk: Desk) -> Desk:
    client = store.add_client(desk, "A")
    for n in range(3):
        store.save(desk, client, "note", {"text": str(n)})
    store.save(desk, client, "note", {"text": "newer"}, record_id="2", version=1)
    store.log(desk, "exported", client=client)
    assert checking.verify(desk).wrong == []
    return desk


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit WHERE seq = 4",
        "UPDATE audit SET body = (SELECT body FROM audit WHERE seq = 5) WHERE seq = 4",
        "UPDATE audit SET mac = x'00' WHERE seq = 4",
    ],
)
def test_the_first_broken_link_is_named(used: Desk, change: str) -> None:
    run(used, change)
    assert any("entry 4 changed or absent" in sentence for sentence in checking.verify(used).wrong)


def test_a_log_that_was_cut_off_at_its_end_is_found(used: Desk) -> None:
    run(used, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    assert any("put back" in sentence for sentence in checking.verify(used).wrong)
    assert any("broken" in sentence for sentence in checking.verify(used).wrong)


def test_a_version_that_was_taken_away_is_named(used: Desk) -> None:
    run(used, "DELETE FROM note WHERE record_id = '2' AND version = 2")
    client = store.clients(used)[0]
    assert checking.verify(used).wrong == [f"note 2 of client {client[:8]} is gone"]


def test_a_client_that_was_taken_away_is_named(used: Desk) -> None:
    client = store.clients(used)[0]
    run(used, "DELETE FROM note", "DELETE FROM info", "DELETE FROM client WHERE client_id = :client", client=client)
    assert f"client {client[:8]} is gone" in checking.verify(used).wrong


def test_a_database_file_that_was_put_back_is_refused_until_it_is_accepted(used: Desk, tmp_path: Path) -> None:
    client = store.clients(used)[0]
    used.engine.dispose()
    shutil.copytree(used.home, tmp_path / "older")
    store.save(used, client, "note", {"text": "lost by the roll-back"})
    used.engine.dispose()
    for file in used.home.glob("desk.sqlite*"):
        file.unlink()
    for file in (tmp_path / "older").glob("desk.sqlite*"):
        shutil.copy(file, used.home)
    with pytest.raises(DeskError, match="put back to an older state"):
        opened(used.home)
    again = opened(used.home, accept_older=True)
    found = checking.verify(again)
    assert (found.older_accepted, found.wrong) == (1, [])
    assert opened(used.home).counsellor_id == used.counsellor_id


def test_another_history_of_the_same_length_is_refused(used: Desk, tmp_path: Path) -> None:
    used.engine.dispose()
    shutil.copytree(used.home, tmp_path / "other")
    store.log(used, "trained")
    other = opened(tmp_path / "other")
    store.log(other, "exported")
    for engine in (used.engine, other.engine):
        engine.dispose()
    for file in used.home.glob("desk.sqlite*"):
        file.unlink()
    for file in other.home.glob("desk.sqlite*"):
        shutil.copy(file, used.home)
    with pytest.raises(DeskError, match="another entry"):
        opened(used.home)


def test_a_changed_counter_is_named_and_one_that_was_removed_is_counted(used: Desk) -> None:
    counter = next(used.home.glob("counter-*.json"))
    counter.write_text(counter.read_text().replace('"last": "', '"last": "9'))
    with pytest.raises(DeskError, match="counter"):
        opened(used.home)
    counter.unlink()
    assert checking.verify(opened(used.home)).counters_begun == 1
