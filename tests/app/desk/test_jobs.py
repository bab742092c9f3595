"""A training in a process of its own: queued, killed, gone on with, decided on; and nothing of it is left on a disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.desk import adapters, blobs, checking, jobs, memory_folder, store, teaching, training_worker
from app.desk.erasure import found_in
from app.desk.jobs import Job, Limits
from app.desk.unlock import Desk
from tests.app.desk.desks import new_desk, opened
from xinheng.errors import CheckFailed, DeskError, UsageError, WriteError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
FEW = Limits(steps=4)
SECRET = "她把母親的戒指藏在衣櫃最深的抽屜裡"
NEEDLES = {SECRET.encode(code)[:32] for code in ("utf-8", "utf-16-le")}


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[Path]:
    """A folder in memory for these tests alone."""
    folder = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="test-jobs-"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(memory_folder.VARIABLE, str(folder))
        yield folder
    shutil.rmtree(folder)


def client_with_notes(desk: Desk, code: str = "A", *, notes: int = 6) -> str:
    client = store.add_client(desk, code)
    for n in range(notes):
        store.save(desk, client, "note", {"question": f"第 {n} 次會談後該注意什麼？", "text": f"{SECRET}，第 {n} 次。"})
    teaching.record_consent(desk, client, given=True, how="signed")
    return client


def until(desk: Desk, one: Job, *states: str, steps: int | None = None) -> Job:
    """Wait for a state, or for so many steps of a running job."""
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        jobs.tend(desk)
        now = jobs.job(desk, one.client_id, one.job_id)
        status = jobs.progress(now)
        if now.state in states or (steps is not None and status is not None and status.step >= steps):
            return now
        assert now.state in jobs.OPEN, (now.state, now.problem)
        time.sleep(0.05)
    raise AssertionError(f"{now.state}: {status}")


def pid_of(memory: Path, one: Job) -> int:
    return int((memory / f"{memory_folder.PREFIX}job-{one.job_id}" / "pid").read_text())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, memory: Path) -> Path:
    """A desk with an adapter that nobody has decided on; on the way there all went wrong that may."""
    home = tmp_path_factory.mktemp("trained") / "desk"
    desk = new_desk(home)
    client, other = client_with_notes(desk), client_with_notes(desk, "B")
    one, after = jobs.add(desk, client, limits=FEW), jobs.add(desk, other, limits=FEW)
    with pytest.raises(UsageError, match="not done yet"):
        jobs.add(desk, client)
    until(desk, one, steps=2)
    # What lies unencrypted lies in memory and nowhere else.
    assert jobs.job(desk, other, after.job_id).state == "queued"
    assert found_in(memory, NEEDLES)[2]
    assert found_in(home, NEEDLES)[2] == []
    os.kill(pid_of(memory, one), signal.SIGKILL)
    desk.engine.dispose()  # and the page ended as well
    desk = opened(home)
    checkpoints = list(memory.rglob("whole.json"))
    jobs.at_unlock(desk)
    assert checkpoints
    assert all(path.exists() for path in checkpoints)
    one = until(desk, one, "trained")
    assert one.record.body["tries"] == 2
    # The next began when this one was done; stopped, it leaves nothing.
    after = jobs.job(desk, other, after.job_id)
    assert after.state in jobs.OPEN
    assert jobs.cancel(desk, until(desk, after, "running")).state == "cancelled"
    jobs.tend(desk)
    assert list(memory.iterdir()) == []
    assert sorted(path.name for path in (home / "jobs").rglob("*") if path.is_file()) == ["here", "training.lock"]
    assert found_in(home, NEEDLES)[2] == []
    assert checking.verify(desk).wrong == []
    desk.engine.dispose()
    return home


@pytest.fixture
def desk(home: Path, tmp_path: Path) -> Desk:
    """A copy of it, opened."""
    shutil.copytree(home, tmp_path / "desk")
    return opened(tmp_path / "desk")


def trained_of(desk: Desk) -> Job:
    return next(one for one in jobs.jobs(desk) if one.state == "trained")


def another(desk: Desk, one: Job) -> Job:
    """The same adapter as if it had been trained once more."""
    held = next(a for a in store.records(desk, one.client_id, "adapter") if a.record_id == one.adapter)
    pieces = blobs.file_pieces(desk, desk.home / "files", one.client_id, held)
    body = {**one.record.body, "state": "trained", "queued_at": "2999"}
    made = store.save(desk, one.client_id, "job", body)
    about = {
        **{key: value for key, value in held.body.items() if key not in ("file", "key", "size")},
        "job": made.record_id,
    }
    kept = blobs.keep_file(desk, desk.home / "files", one.client_id, "adapter", pieces, about)
    told = {**body, "adapter": kept.record_id}
    return Job(one.client_id, store.save(desk, one.client_id, "job", told, record_id=made.record_id, version=1))


def files(desk: Desk) -> int:
    return sum(path.is_file() for path in (desk.home / "files").rglob("*"))


def test_a_killed_training_went_on_and_says_what_it_changed(desk: Desk) -> None:
    one = trained_of(desk)
    assert one.held_loss["before"] != one.held_loss["after"]
    assert [sorted(sample) for sample in one.samples] == [["after", "before", "row", "wanted"]]
    assert SECRET in one.samples[0]["wanted"]
    assert [entry for entry in one.record.body["counts"].items() if "examples" in entry[0]] == [
        ("examples_train", 4), ("examples_validation", 1), ("examples_test", 1)
    ]  # fmt: skip
    assert adapters.current(desk, one.client_id) is None


def test_an_accepted_adapter_answers_from_memory_and_leaves_nothing_there(desk: Desk, memory: Path) -> None:
    import asyncio

    from xinheng.chat.connect import connect
    from xinheng.messages import Message, Want

    one = trained_of(desk)
    assert adapters.untaught(desk, one.client_id) == 6
    adapters.accept(desk, one)
    assert adapters.untaught(desk, one.client_id) == 0
    with adapters.in_use(desk, one.client_id) as used:
        assert used.model.startswith(f"local:nano+{memory}")
        chat = connect(used.model)

        async def ask() -> str:
            reply = await chat([Message("user", "你好")], want=Want(max_tokens=4, temperature=0))
            await chat.close()
            return reply.text

        assert asyncio.run(ask())
        assert memory_folder.sweep() == 0
    assert list(memory.iterdir()) == []
    with pytest.raises(UsageError, match="nothing to decide"):
        adapters.reject(desk, one)
    assert checking.verify(desk).wrong == []


def test_the_one_before_is_kept_to_roll_back_to_and_then_the_base(desk: Desk) -> None:
    one = trained_of(desk)
    first = adapters.accept(desk, one)
    second = adapters.accept(desk, another(desk, one))
    assert files(desk) == 2
    third = adapters.accept(desk, another(desk, one))
    assert (files(desk), len({first.record_id, second.record_id, third.record_id})) == (2, 3)
    assert adapters.roll_back(desk, one.client_id) == second
    with adapters.in_use(desk, one.client_id) as used:
        assert used.adapter == second
    assert adapters.roll_back(desk, one.client_id) is None
    assert files(desk) == 0
    with adapters.in_use(desk, one.client_id) as used:
        assert (used.model, used.adapter) == ("local:nano", None)
    with pytest.raises(UsageError, match="no adapter"):
        adapters.roll_back(desk, one.client_id)


def test_a_rejected_adapter_is_deleted_and_the_one_in_use_stays(desk: Desk) -> None:
    one = trained_of(desk)
    first = adapters.accept(desk, one)
    assert adapters.reject(desk, another(desk, one)).state == "rejected"
    assert (adapters.current(desk, one.client_id), files(desk)) == (first, 1)


def test_an_acceptance_that_was_interrupted_is_finished_at_the_next_unlock(desk: Desk) -> None:
    one = trained_of(desk)
    pointer = {"adapter": one.adapter, "before": None}
    store.save(desk, one.client_id, "adapter", pointer, record_id=adapters.CURRENT)
    jobs.at_unlock(desk)
    assert jobs.job(desk, one.client_id, one.job_id).state == "accepted"
    assert files(desk) == 1


def test_without_consent_an_adapter_is_neither_accepted_nor_used_and_jobs_end(desk: Desk) -> None:
    one = trained_of(desk)
    adapters.accept(desk, one)
    later = another(desk, one)
    waiting = jobs.add(desk, one.client_id, limits=FEW)
    teaching.record_consent(desk, one.client_id, given=False, how="by phone")
    with pytest.raises(CheckFailed, match="no consent"):
        adapters.accept(desk, later)
    with adapters.in_use(desk, one.client_id) as used:
        assert (used.adapter, used.why) == (None, "consent was taken back")
    jobs.tend(desk)
    assert jobs.job(desk, one.client_id, waiting.job_id).problem == "consent was taken back"


def test_an_adapter_is_not_laid_on_another_base_and_a_changed_file_is_named(desk: Desk, tmp_path: Path) -> None:
    from tests.servers.tiny_model import write

    one = trained_of(desk)
    adapters.accept(desk, one)
    other = str(write(tmp_path / "tiny"))
    with adapters.in_use(desk, one.client_id, base=other) as used:
        assert (used.model, used.why) == (f"local:{other}", "the adapter was trained on another base")
    path = next(path for path in (desk.home / "files").rglob("*") if path.is_file())
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    with pytest.raises(DeskError, match="was changed"), adapters.in_use(desk, one.client_id):
        pass


def test_erasing_a_client_takes_jobs_adapters_and_what_runs_with_it(desk: Desk, memory: Path) -> None:
    one = trained_of(desk)
    adapters.accept(desk, one)
    running = jobs.add(desk, one.client_id, limits=FEW)
    until(desk, running, "running")
    pid = pid_of(memory, running) if (memory / f"{memory_folder.PREFIX}job-{running.job_id}/pid").exists() else None
    with adapters.in_use(desk, one.client_id):
        told = jobs.erase_client(desk, one.client_id)
        assert list(memory.iterdir()) == []
    assert (told.files, told.rows["adapter"] >= 2, told.rows["job"] >= 3) == (1, True, True)
    assert found_in(desk.home, NEEDLES)[2] == []
    assert all(job.client_id != one.client_id for job in jobs.tend(desk))
    if pid is not None:
        jobs.tend(desk)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def half_written(desk: Desk, one: Job) -> list[Path]:
    """What the process of a training leaves that was ended while it sealed its result."""
    folder = desk.home / "jobs" / desk.counsellor_id
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{one.job_id}.{name}" for name in ("told", "told.writing", "sealed.writing")]
    for path in paths:
        path.write_bytes(b"sealed")
    return paths


def test_what_a_stopped_training_was_writing_goes_with_it_and_with_its_client(desk: Desk) -> None:
    client, other = client_with_notes(desk, "C"), client_with_notes(desk, "D")
    one, two = jobs.add(desk, client, limits=FEW), jobs.add(desk, other, limits=FEW)
    first, second = half_written(desk, one), half_written(desk, two)
    assert jobs.cancel(desk, one).state == "cancelled"
    assert [path for path in first if path.exists()] == []
    ended = store.save(desk, client, "job", {**one.record.body, "state": "interrupted"})
    first += half_written(desk, Job(client, ended))
    assert jobs.erase_client(desk, client).derived == 3
    assert jobs.erase_client(desk, other).derived == 0  # the queued one was cancelled first
    assert [path for path in (*first, *second) if path.exists()] == []


def test_an_unlocking_removes_what_nobody_waits_for_and_leaves_what_is_on_its_way(desk: Desk) -> None:
    client = client_with_notes(desk, "C")
    done = trained_of(desk)
    waiting = store.save(desk, client, "job", {**done.record.body, "state": "running", "where": "another machine"})
    gone = half_written(desk, done)
    kept = half_written(desk, Job(client, waiting))
    stale, fresh = desk.home / ".file-stale", desk.home / ".file-fresh"
    stale.mkdir()
    (stale / "piece").write_bytes(b"sealed")
    fresh.write_bytes(b"sealed")
    os.utime(stale, times=(0, 0))
    jobs.at_unlock(desk)
    assert [path.exists() for path in (*gone, *kept, stale, fresh)] == [False] * 3 + [True] * 3 + [False, True]


def test_another_counsellor_s_killed_training_keeps_its_checkpoint_for_a_day(
    desk: Desk, tmp_path: Path, memory: Path
) -> None:
    another = new_desk(tmp_path / "another", name="wang")
    mine = [desk.desk_id, desk.counsellor_id]
    folders = {}
    for name, owner in (("mine", mine), ("theirs", [another.desk_id, another.counsellor_id]), ("nobody", None)):
        folder = memory_folder.make(f"job-{name}")
        (folder.path / "checkpoint").write_text("step 900")
        if owner is not None:
            (folder.path / "owner").write_text(json.dumps(owner))
        folder.release()
        folders[name] = folder.path
    jobs.at_unlock(desk)
    assert {name: path.exists() for name, path in folders.items()} == {"mine": False, "theirs": True, "nobody": False}
    os.utime(folders["theirs"] / "owner", times=(0, 0))
    jobs.at_unlock(desk)
    assert list(memory.iterdir()) == []


def test_what_cannot_be_trained_is_told_before_or_as_its_problem(desk: Desk, tmp_path: Path) -> None:
    client = client_with_notes(desk, "C")
    with pytest.raises(UsageError, match="too many adapters"):
        jobs.add(desk, client, limits=Limits(adapters=1))
    with pytest.raises(UsageError, match="no such model"):
        jobs.add(desk, client, base=str(tmp_path / "none"))
    short = jobs.add(desk, client, limits=Limits(minutes=0.01))
    failed = until(desk, short, "failed")
    assert "longer than its limit" in failed.problem
    assert SECRET not in failed.problem
    order = training_worker.Order(
        "", str(tmp_path / "no" / "x.sealed"), "", client, "j", f"{'A' * 43}=", "nano", "client", 1, 1
    )
    with pytest.raises(WriteError, match=r"cannot be kept.*Free space"):
        training_worker.keep_sealed(order, tmp_path, {})
