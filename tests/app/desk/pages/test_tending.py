"""Trainings are looked after while somebody is at the desk, by nobody's asking; and nobody is kept out by them."""

from __future__ import annotations

import gc
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.desk import jobs, memory_folder, store, teaching
from app.desk.pages.sessions import Ended, Sessions
from app.desk.pages.tending import Tending
from app.desk.unlock import Desk
from tests.app.desk.desks import run
from tests.app.desk.pages.trainings import trained


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="test-tending-"))
    monkeypatch.setenv(memory_folder.VARIABLE, str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> jobs.Job:
    """A job whose process has left its result, which nobody has taken up yet."""
    client = store.add_client(desk, "A")
    teaching.record_consent(desk, client, given=True, how="signed")
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "tend", lambda *_: [])
        one = trained(desk, client)
    assert one.state == "running"
    return one


@pytest.fixture
def others() -> set[threading.Thread]:
    """The threads of sessions that tests of other files left open."""
    return set(threading.enumerate())


def threads(others: set[threading.Thread]) -> list[threading.Thread]:
    """Those that look after trainings and were begun by this test."""
    return [thread for thread in set(threading.enumerate()) - others if thread.name == "xinheng trainings"]


def until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_what_was_left_behind_is_taken_up_when_a_session_begins(desk: Desk, waiting: jobs.Job, memory: Path) -> None:
    left = memory_folder.make("use-left-behind")
    left.release()
    sessions = Sessions()
    tending = Tending(sessions, desk.home / "files")
    token = sessions.begin(desk)
    assert sessions.of(token).desk is desk
    until(lambda: jobs.job(desk, waiting.client_id, waiting.job_id).state == "trained")
    assert not left.path.exists()
    sessions.end_all()
    assert tending.goes_on() is False


def test_it_looks_again_when_it_is_asked_to_and_stops_with_the_process(
    desk: Desk, waiting: jobs.Job, others: set[threading.Thread]
) -> None:
    sessions = Sessions()
    with sessions.quiet:  # nothing is looked after while a client is erased
        tending = Tending(sessions, desk.home / "files", every_s=3600)
        sessions.begin(desk)
        time.sleep(0.3)
        assert jobs.job(desk, waiting.client_id, waiting.job_id).state == "running"
    until(lambda: jobs.job(desk, waiting.client_id, waiting.job_id).state == "trained")
    with sessions.quiet:
        jobs.changed(desk, jobs.job(desk, waiting.client_id, waiting.job_id), "queued")
        teaching.record_consent(desk, waiting.client_id, given=False, how="by phone")
    tending.soon()
    until(lambda: jobs.job(desk, waiting.client_id, waiting.job_id).state == "cancelled")
    sessions.end_all()
    assert not threads(others)
    tending.soon()
    assert not threads(others)


def test_a_failure_keeps_nobody_out_and_its_words_are_not_logged(
    desk: Desk, waiting: jobs.Job, caplog: pytest.LogCaptureFixture
) -> None:
    run(desk, "ALTER TABLE job RENAME TO elsewhere")
    sessions = Sessions()
    tending = Tending(sessions, desk.home / "files", every_s=0.05)
    with caplog.at_level(logging.WARNING, "xinheng.desk"):
        token = sessions.begin(desk)
        until(lambda: len(caplog.messages) >= 2)
    assert sessions.of(token)
    assert set(caplog.messages) == {"trainings could not be looked after: DeskError"}
    tending.stop()


def test_a_session_that_nobody_uses_ends_without_any_request(desk: Desk, others: set[threading.Thread]) -> None:
    now, sessions = [0.0], Sessions(idle_s=60, clock=lambda: now[0])
    Tending(sessions, desk.home / "files", every_s=0.05)
    session = sessions.of(sessions.begin(desk))
    now[0] = 61.0

    def over() -> bool:
        try:
            return session.desk is None
        except Ended:
            return True

    until(over)
    until(lambda: not threads(others))


def test_a_desk_that_was_dropped_leaves_no_thread(desk: Desk, others: set[threading.Thread]) -> None:
    sessions = Sessions()
    Tending(sessions, desk.home / "files", every_s=0.05)
    sessions.begin(desk)
    del sessions
    until(lambda: gc.collect() >= 0 and not threads(others))
