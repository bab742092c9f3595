"""Killed or refused by the disk at any of its steps, a restore has put back nothing or all, and can be done again."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa

from app.desk import attachments, backup, backup_files, checking, store
from app.desk.backup_files import STAGING, found
from app.desk.database import connect, read
from app.desk.unlock import Desk
from tests.app.desk.desks import opened
from xinheng.errors import DeskError, UsageError, WriteError

_STEPS = {"backup_files.py", "backup.py"}
_DONE, _REFUSED = 0, 3


class Backups:
    """Two backups of one desk: of two attachments, and the older one of the first of them; an empty desk beside."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        client = store.add_client(desk, "A")
        self.newer, self.older, self.folder = folder / "newer", folder / "older", folder
        self.names: dict[Path, list[str]] = {}
        for to in (self.older, self.newer):
            attachments.attach(desk, desk.home / "files", client, "a.txt", b"letter" * 1000)
            store.save(desk, client, "note", {"text": "words"})
            backup.backup(desk.engine, desk.home, to)
            self.names[to] = found(desk.home / "files")
        connect(folder / "empty").dispose()

    def empty(self, name: str) -> tuple[Path, Path]:
        """A new, empty desk's folder, and a place for its files; those of the round before are gone."""
        for before in (*self.folder.glob("killed*"), *self.folder.glob("full*")):
            shutil.rmtree(before)
        return shutil.copytree(self.folder / "empty", self.folder / name), self.folder / f"{name}-files"


@pytest.fixture
def backups(desk: Desk, tmp_path: Path) -> Iterator[Backups]:
    """In memory, where there is such a folder: hundreds of databases are made, and each would wait for the disk."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    yield Backups(desk, folder)
    shutil.rmtree(folder)


def in_a_child(work: Callable[[], object], trace: Callable[[FrameType, str], None] | None = None) -> tuple[int, str]:
    """How a child left (a signal is negative), and what it said; `trace` sees every line of a step before it runs."""

    def tracing(frame: FrameType, event: str, _: Any) -> Any:
        if Path(frame.f_code.co_filename).name not in _STEPS:
            return None
        if event == "line" and trace:
            trace(frame, f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        return tracing

    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(back)
        code = 1
        try:
            sys.settrace(tracing)
            work()
            code = _DONE
        except (WriteError, DeskError) as error:
            os.write(out, str(error).encode())
            code = _REFUSED
        except BaseException as error:  # noqa: BLE001  the test tells it
            os.write(out, repr(error).encode())
        finally:
            sys.settrace(None)
            os._exit(code)
    os.close(out)
    with os.fdopen(back) as said:
        told = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


def restored(home: Path, place: Path, source: Path) -> None:
    backup.restore(connect(home), home, source, place=place)


def steps_of(backups: Backups) -> list[str]:
    """Every line that a restore goes through, by file and number, in the order in which it comes to them."""
    home, place = backups.empty("steps")
    at = backups.folder / "steps.txt"

    def write(_: FrameType, step: str) -> None:
        with at.open("a") as file:
            file.write(f"{step}\n")

    assert in_a_child(partial(restored, home, place, backups.newer), write)[0] == _DONE
    return list(dict.fromkeys(at.read_text().splitlines()))


def rows(home: Path) -> int:
    engine = connect(home)
    counted = read(engine, lambda c: c.execute(sa.text("SELECT count(*) FROM counsellor")).scalar_one())
    engine.dispose()
    return int(counted)


def require_whole(backups: Backups, source: Path, home: Path, place: Path) -> None:
    assert found(place) == backups.names[source]
    assert not (place / STAGING).exists() or rows(home)
    with pytest.raises(UsageError, match="there is a desk"):
        backup.restore(connect(home), home, source, place=place)


@pytest.mark.parametrize("share", range(3))
def test_killed_at_any_step_it_has_put_back_nothing_or_all_and_another_is_not_in_its_way(
    backups: Backups, share: int
) -> None:
    steps = steps_of(backups)
    assert len(steps) > 60
    outcomes = []
    for number, fatal in list(enumerate(steps))[share::3]:
        home, place = backups.empty(f"killed{number}")

        def kill(_: FrameType, step: str, fatal: str = fatal) -> None:
            if step == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

        code, told = in_a_child(partial(restored, home, place, backups.newer), kill)
        assert code == -signal.SIGKILL, (fatal, told)
        source = backups.newer
        outcomes.append(rows(home))
        if not outcomes[-1]:
            source = backups.older if number % 2 else backups.newer
            backup.restore(connect(home), home, source, place=place)
            assert not (place / STAGING).exists(), fatal
        require_whole(backups, source, home, place)
    assert set(outcomes) == {0, 1} or share


def test_killed_while_it_takes_out_what_an_earlier_one_left_the_next_one_does(backups: Backups) -> None:
    home, place = backups.empty("left")
    inside = {"sweep"}

    def kill_at_rows(frame: FrameType, _: str) -> None:
        if frame.f_code.co_name == "_put_rows":
            os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(partial(restored, home, place, backups.newer), kill_at_rows)
    assert found(place) == backups.names[backups.newer]
    assert rows(home) == 0
    for number in range(40):
        again, there = backups.folder / f"again{number}", backups.folder / f"again{number}-files"
        for before in backups.folder.glob("again*"):
            shutil.rmtree(before)
        shutil.copytree(home, again)
        shutil.copytree(place, there)
        seen: list[str] = []

        def kill(frame: FrameType, step: str, seen: list[str] = seen, number: int = number) -> None:
            if frame.f_code.co_name in inside:
                seen.append(step)
                if len(seen) > number:
                    os.kill(os.getpid(), signal.SIGKILL)

        code, _ = in_a_child(partial(restored, again, there, backups.older), kill)
        if code == _DONE:
            break
        backup.restore(connect(again), again, backups.older, place=there)
        require_whole(backups, backups.older, again, there)
    assert number > 10


def test_refused_by_the_disk_at_any_step_it_leaves_nothing_and_says_so(backups: Backups) -> None:
    steps = [step for step in steps_of(backups) if step.startswith("backup_files.py")]
    for number, fatal in enumerate(steps):
        home, place = backups.empty(f"full{number}")

        def refuse(frame: FrameType, step: str, fatal: str = fatal) -> None:
            if step == fatal and frame.f_code.co_name not in {"is_name", "require_empty"}:  # these ask no disk
                raise OSError(errno.ENOSPC, "No space left on device")

        code, told = in_a_child(partial(restored, home, place, backups.newer), refuse)
        if rows(home):
            require_whole(backups, backups.newer, home, place)
            continue
        assert code == _REFUSED, (fatal, told)
        assert "No space left" in told
        assert "Nothing was restored" in told
        assert not place.exists() or list(place.iterdir()) == [], fatal
        backup.restore(connect(home), home, backups.newer, place=place)
        require_whole(backups, backups.newer, home, place)


@pytest.mark.parametrize("large", ["file", "note"])
def test_a_disk_that_takes_no_more_bytes_is_one_sentence_and_nothing_stays(
    desk: Desk, tmp_path: Path, large: str
) -> None:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home / "files", client, "a", os.urandom(400_000 if large == "file" else 1_000))
    store.save(desk, client, "note", {"text": os.urandom(400_000 if large == "note" else 10).hex()})
    backup.backup(desk.engine, desk.home, tmp_path / "b")
    home = tmp_path / "there"
    connect(home).dispose()

    def restore() -> None:
        engine = connect(home)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        backup.restore(engine, home, tmp_path / "b")

    code, told = in_a_child(restore)
    assert code == _REFUSED, told
    assert "\n" not in told
    assert rows(home) == 0
    assert not (home / "files").exists()
    backup.restore(connect(home), home, tmp_path / "b")
    assert checking.verify(opened(home)).wrong == []


def test_files_that_are_there_already_stay_and_others_of_the_same_name_are_not_written_over(
    backups: Backups, tmp_path: Path
) -> None:
    home, place = backups.empty("there")
    backup.restore(connect(home), home, backups.newer, place=place)
    another = tmp_path / "another"
    before = {name: (place / name).stat().st_ino for name in found(place)}
    backup.restore(connect(another), another, backups.older, place=place)
    assert {name: (place / name).stat().st_ino for name in found(place)} == before
    (place / backups.names[backups.older][0]).write_bytes(b"changed")
    third = tmp_path / "third"
    with pytest.raises(UsageError, match="another file of the same name"):
        backup.restore(connect(third), third, backups.older, place=place)
    assert rows(third) == 0
    assert (place / backups.names[backups.older][0]).read_bytes() == b"changed"
    assert found(place) == backups.names[backups.newer]


def test_what_a_killed_restore_left_is_no_reason_to_take_files_from_a_desk_in_use(
    backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, place = backups.empty("used")
    with monkeypatch.context() as patched:  # it comes to its end, but for the last line
        patched.setattr("shutil.rmtree", lambda *_, **__: None)
        backup.restore(connect(home), home, backups.newer, place=place)
    assert (place / STAGING).is_dir()
    another, _ = backups.empty("another")
    backup.restore(connect(another), another, backups.older, place=place)
    assert found(place) == backups.names[backups.newer]
    assert not (place / STAGING).exists()
    assert checking.verify(opened(home), place).wrong == []


def test_two_restores_into_one_place_do_not_meet(backups: Backups) -> None:
    home, place = backups.empty("first")
    other, _ = backups.empty("second")
    with (
        backup_files.put_back(connect(home), place, []),
        pytest.raises(UsageError, match="another restore goes on"),
    ):
        backup.restore(connect(other), other, backups.newer, place=place)
    assert rows(other) == 0


def test_only_its_owner_can_read_what_was_put_back(backups: Backups) -> None:
    home, place = backups.empty("modes")
    backup.restore(connect(home), home, backups.newer, place=place)
    assert {path.stat().st_mode & 0o077 for path in (place, *place.rglob("*"))} == {0}
