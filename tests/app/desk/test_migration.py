"""A desk of an older Xinheng brought up: all there afterwards, or nothing changed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.desk import backup, checking, erasure, migration, store
from app.desk.database import connect, read, written
from app.desk.migration import SCHEMA, STEPS, Step
from app.desk.unlock import Desk
from tests.annotation.postgres_server import postgres
from tests.app.desk.desks import new_desk, older, opened, run
from xinheng.errors import CheckFailed, DeskError, InputError

# A desk that the first schema's own program made: clients A-1 (12 notes, one in two versions) and B-2, keys rotated.
FIRST = Path(__file__).with_name("schema_1.sql")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    home = tmp_path / "first"
    home.mkdir()
    connection = sqlite3.connect(home / "desk.sqlite")
    connection.executescript(FIRST.read_text(encoding="utf-8"))
    connection.close()
    return home


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address


def failing(monkeypatch: pytest.MonkeyPatch, change: Callable[[sa.Connection], Any]) -> None:
    """Let the step to the second schema do something else."""
    monkeypatch.setattr(migration, "STEPS", (Step(2, STEPS[0].shape, change),))


def as_it_was(home: Path) -> None:
    connection = sqlite3.connect(home / "desk.sqlite")
    assert connection.execute("SELECT schema FROM desk").fetchone() == (1,)
    assert "notes" not in {row[1] for row in connection.execute("PRAGMA table_info(client)")}
    assert connection.execute("SELECT count(*) FROM note").fetchone() == (14,)
    connection.close()


def require_all(desk: Desk) -> None:
    """All that the fixture was made with is there, and the desk goes on."""
    assert checking.verify(desk).wrong == []
    a, b = store.find_client(desk, "A-1"), store.find_client(desk, "B-2")
    assert a
    assert b
    notes = store.records(desk, a, "note")
    assert [note.body["text"] for note in notes[:3]] == ["第1次", "第2次，改過", "第3次"]
    assert store.save(desk, a, "note", {"text": "十三"}).record_id == "13"
    assert store.save(desk, b, "note", {"text": "二"}).record_id == "2"
    assert store.records(desk, a, "draft")[0].body == {"text": "還沒寫完"}
    assert checking.verify(desk).wrong == []


def test_a_database_that_a_newer_program_made_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    desk = new_desk(tmp_path / "desk")
    run(desk, f"UPDATE desk SET schema = {SCHEMA + 1}")
    with pytest.raises(DeskError, match=f"newer Xinheng.*schema {SCHEMA}.*{SCHEMA + 1}"):
        connect(desk.home)
    assert read(desk.engine, lambda c: c.execute(sa.text("SELECT schema FROM desk")).scalar_one()) == SCHEMA + 1


def test_a_desk_that_runs_on_writes_nothing_once_another_has_brought_the_database_up(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    run(desk, f"UPDATE desk SET schema = {SCHEMA + 1}")
    with pytest.raises(DeskError, match="brought the database up"):
        store.save(desk, client, "note", {"text": "x"})
    assert store.records(desk, client, "note") == []


@pytest.mark.parametrize("statement", ["DELETE FROM note WHERE version = 2", "UPDATE client SET nothing = 1"])
def test_a_step_that_fails_or_loses_rows_changes_nothing_and_leaves_the_copy(
    first: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    with monkeypatch.context() as patched:
        failing(patched, lambda c: c.execute(sa.text(statement)))
        with pytest.raises(DeskError):
            connect(first)
    as_it_was(first)
    assert (first / "desk.schema-1.sqlite").stat().st_mode & 0o077 == 0
    require_all(opened(first))
    assert list(first.glob("desk.schema-*")) == []


def test_without_room_for_the_copy_nothing_is_begun(first: Path) -> None:
    (first / "desk.schema-1.writing").mkdir()  # nothing can be written there
    with pytest.raises((DeskError, OSError)):
        connect(first)
    as_it_was(first)


def test_a_desk_of_the_first_schema_opens_whole(first: Path) -> None:
    require_all(opened(first))
    assert list(first.glob("desk.schema-*")) == []


def test_what_was_brought_up_has_the_tables_of_a_new_desk(first: Path, tmp_path: Path) -> None:
    def shape(home: Path) -> dict[str, set[tuple[Any, ...]]]:
        connection = sqlite3.connect(home / "desk.sqlite")
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row[1:] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}

    def without_order(home: Path) -> dict[str, set[tuple[Any, ...]]]:
        return {name: {(c[0], c[1], c[2], str(c[3]).strip("'"), c[4]) for c in cs} for name, cs in shape(home).items()}

    made = new_desk(tmp_path / "made")
    was = without_order(first)
    older(made)
    assert without_order(made.home) == was
    connect(first)
    assert without_order(first) == without_order(new_desk(tmp_path / "new").home)


def test_a_copy_left_by_a_killed_start_is_removed_by_the_next(first: Path) -> None:
    connect(first).dispose()
    (first / "desk.schema-1.sqlite").write_bytes(b"left")
    (first / "desk.schema-1.writing").write_bytes(b"left")
    connect(first)
    assert list(first.glob("desk.schema-*")) == []


def test_desks_that_start_at_once_bring_it_up_once(first: Path) -> None:
    failed = at_once(lambda: connect(first).dispose())
    assert failed == []
    require_all(opened(first))


def test_a_kept_copy_is_found_when_a_client_is_erased(first: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes((first / "desk.sqlite").read_bytes())
    desk = opened(first)
    copy.rename(first / "desk.schema-1.sqlite")
    client = store.find_client(desk, "A-1")
    assert client
    with pytest.raises(CheckFailed, match=r"desk\.schema-1\.sqlite"):
        erasure.erase(desk, client)


def test_a_backup_of_the_first_schema_is_restored_into_todays(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    backup.restore(connect(home), home, FIRST.with_suffix(".backup"))
    require_all(opened(home))


def test_a_backup_of_a_newer_program_is_refused_and_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    engine = connect(tmp_path / "there")
    run(desk, f"UPDATE desk SET schema = {SCHEMA + 1}")
    backup.backup(desk.engine, desk.home, tmp_path / "b")
    with pytest.raises(DeskError, match="newer Xinheng"):
        backup.restore(engine, tmp_path / "there", tmp_path / "b")
    assert written(engine, lambda c: c.execute(sa.text("SELECT count(*) FROM counsellor")).scalar_one()) == 0
    broken = tmp_path / "broken"
    broken.write_text((tmp_path / "b").read_text().replace(f'"schema": {SCHEMA + 1}', '"schema": null'))
    with pytest.raises(InputError):
        backup.restore(engine, tmp_path / "there", broken)


@pytest.mark.parametrize("count", [0, 11, 99])
def test_a_changed_count_of_notes_is_named_and_no_number_is_given_twice(first: Path, count: int) -> None:
    desk = opened(first)
    client = store.find_client(desk, "A-1")
    assert client
    run(desk, "UPDATE client SET notes = :n WHERE client_id = :c", n=count, c=client)
    assert any("count of notes" in sentence for sentence in checking.verify(desk).wrong)
    before = {note.record_id: note.body for note in store.records(desk, client, "note")}
    if count < 12:
        with pytest.raises(DeskError, match="count of notes was changed"):
            store.save(desk, client, "note", {"text": "x"})
    else:
        store.save(desk, client, "note", {"text": "x"})
    after = {note.record_id: note.body for note in store.records(desk, client, "note")}
    assert after.items() >= before.items()


def test_postgresql_is_brought_up_by_desks_that_start_at_once(url: str, tmp_path: Path) -> None:
    desk = new_desk(tmp_path / "made", url=url)
    client = store.add_client(desk, "A")
    for n in range(3):
        store.save(desk, client, "note", {"n": n})
    older(desk)
    assert at_once(lambda: connect(tmp_path / "one", url).dispose()) == []
    again = opened(tmp_path / "made", url=url)
    assert checking.verify(again).wrong == []
    assert store.save(again, client, "note", {"n": 3}).record_id == "4"
    again.engine.dispose()
    desk.engine.dispose()


def test_a_step_that_fails_on_postgresql_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = new_desk(tmp_path / "made", url=url, name="wang")
    older(desk)
    with monkeypatch.context() as patched:
        failing(patched, lambda c: c.execute(sa.text("UPDATE client SET nothing = 1")))
        with pytest.raises(DeskError):
            connect(tmp_path / "made", url)
    columns = {column["name"] for column in sa.inspect(desk.engine).get_columns("client")}
    assert "notes" not in columns
    opened(tmp_path / "made", url=url, name="wang").engine.dispose()
    desk.engine.dispose()


def at_once(work: Callable[[], None]) -> list[Exception]:
    """What failed of the same work done four times at once."""
    failed: list[Exception] = []

    def one() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever it is, the test tells it
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed
