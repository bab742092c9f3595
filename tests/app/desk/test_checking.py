"""`verify`: what was changed, taken away or put back is named; what cannot be seen is said in docs/desk.md."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from app.desk import audit, checking, keys, store, unlock
from app.desk.database import KINDS, metadata, read
from app.desk.unlock import Desk
from tests.app.desk.desks import WORDS, opened, run
from xinheng.errors import DeskError, XinhengError


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


@pytest.mark.parametrize(
    "change",
    [
        "note SET record_id = 'abc' WHERE record_id = '1'",
        "note SET record_id = '³' WHERE record_id = '1'",
        "note SET record_id = :long WHERE record_id = '1'",
        "note SET record_id = x'00ff' WHERE record_id = '1'",
        "note SET version = 'x' WHERE record_id = '1'",
        "note SET version = 1.5 WHERE record_id = '1'",
        "note SET version = x'00' WHERE record_id = '1'",
        "note SET body = 'text' WHERE record_id = '1'",
        "note SET body = 10000000000000 WHERE record_id = '1'",
        "note SET body = x'' WHERE record_id = '1'",
    ],
)
def test_a_row_of_another_kind_is_named_and_the_check_goes_on(used: Desk, change: str) -> None:
    client = store.clients(used)[0]
    run(used, f"UPDATE {change}", **({"long": "9" * 5000} if ":long" in change else {}))
    run(used, "DELETE FROM note WHERE record_id = '2' AND version = 2")
    wrong = checking.verify(used).wrong
    assert any("changed or put in another's place" in sentence for sentence in wrong)
    assert f"note 2 of client {client[:8]} is gone" in wrong
    with pytest.raises(DeskError, match="changed or put in another's place"):
        store.records(used, client, "note")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("client SET wrapped = 'text'", "keys were changed"),
        ("client SET wrapped = 10000000000000", "keys were changed"),
        ("client SET epoch = x'00'", "client"),
        ("client SET notes = 'many'", "count of notes"),
        ("client SET notes = 1.5", "count of notes"),
    ],
)
def test_a_client_s_row_of_another_kind_is_named(used: Desk, change: str, said: str) -> None:
    client = store.clients(used)[0]
    run(used, f"UPDATE {change} WHERE client_id = :client", client=client)
    assert any(said in sentence or "rotated" in sentence for sentence in checking.verify(used).wrong)
    with pytest.raises(DeskError, match=f"{said}|rotated"):
        store.save(used, client, "note", {})


def test_codes_that_changed_places_are_named_for_both(used: Desk) -> None:
    a = store.clients(used)[0]
    b = store.add_client(used, "B")
    to = "UPDATE client SET code_tag = :tag WHERE client_id = :client"
    for client, tag in ((a, "meanwhile"), (b, keys.tag(used.keys.lookup, "code", "A"))):
        run(used, to, tag=tag, client=client)
    run(used, to, tag=keys.tag(used.keys.lookup, "code", "B"), client=a)
    assert (store.find_client(used, "A"), store.find_client(used, "B")) == (b, a)
    named = [f"client {one[:8]} is not found by his code, or another is" for one in sorted((a, b))]
    assert checking.verify(used).wrong == named


def test_an_epoch_that_was_changed_is_named(used: Desk) -> None:
    run(used, "UPDATE counsellor SET epoch = 1")
    assert any("rotated meanwhile" in sentence for sentence in checking.verify(used).wrong)


# What a column may hold instead of what the desk wrote, in SQLite.
_OTHER = ("x", b"\x00", 1.5, 10**13, -1, "9" * 5000)
# Tables of records are all alike; drafts are in no log.
_TABLES = sorted(set(metadata.tables).difference(KINDS) | {"note", "draft"})


@pytest.mark.parametrize("table", _TABLES)
def test_whatever_a_column_holds_reading_ends_in_an_error_of_the_desk_at_most(used: Desk, table: str) -> None:
    client, behind = store.clients(used)[0], sqlite3.connect(used.home / "desk.sqlite", isolation_level=None)
    for kind in ("note", "draft"):
        store.save(used, client, kind, {"text": kind})
    acts = (
        lambda: checking.verify(used),
        lambda: [store.records(used, client, kind) for kind in ("note", "draft")],
        lambda: [store.records(used, client, kind, unread=[]) for kind in ("note", "draft")],
        lambda: read(used.engine, lambda c: audit.newest(c, used.counsellor_id, used.keys)),
        lambda: store.find_client(used, "A"),
        lambda: unlock.confirm(used, passphrase=WORDS),
    )
    told = 0
    for column in metadata.tables[table].columns:
        row, before = behind.execute(f'SELECT rowid, "{column.name}" FROM "{table}" ORDER BY rowid DESC').fetchone()
        to = f'UPDATE "{table}" SET "{column.name}" = ? WHERE rowid = ?'
        for value in _OTHER:
            with contextlib.suppress(sqlite3.IntegrityError):  # a key of another row
                behind.execute(to, (value, row))
            for act in acts:
                try:
                    act()
                except XinhengError:
                    told += 1
            behind.execute(to, (before, row))
            behind.execute("UPDATE counsellor SET failures = 0, not_before = 0.0")
    behind.close()
    assert told
    assert checking.verify(used).wrong == []


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
