"""The queue of trainings: one after the other, each in a process of its own that no page needs to live for.

A job is a record of its client. `tend` looks after all of them and is called at unlocking and now and then: it starts
the next, keeps what is done, goes on with what was killed, and stops what was cancelled, erased or lost its consent. A
job whose folder in memory somebody holds is alive; so nothing depends on process numbers, and of two pages that tend at
once one does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa

from app.desk import blobs, erasure, memory_folder, store, teaching
from app.desk.database import RECORDS, client_table, read
from app.desk.memory_folder import Folder
from app.desk.stopping import stopped
from app.desk.store import Conflict, Record, records, save
from app.desk.training_status import Status, heard, reserve
from app.desk.training_worker import ROWS, Order, told_identity
from app.desk.unlock import Desk
from xinheng.artifacts import open_artifact
from xinheng.errors import ArtifactError, DeskError, UsageError, WriteError, XinhengError
from xinheng.sealing import Unopened, opened
from xinheng.storage import Place

State = Literal[
    "queued", "running", "trained", "accepted", "rejected", "rolled back", "failed", "cancelled", "interrupted"
]
OPEN: Final = ("queued", "running")
TRIES: Final = 3
_ROOM: Final = 64 * 2**20
_OWNER: Final = "owner"
# What would send a client's rows elsewhere, or give a process without need of them the desk's secrets.
_KEPT_OUT: Final = ("WANDB_", "TRACKIO_", "XINHENG_DESK_", "XINHENG_RUNS", "COMET_", "MLFLOW_", "CLEARML_", "NEPTUNE_")
_CHILDREN: Final[list[subprocess.Popen[bytes]]] = []


@dataclass(frozen=True)
class Limits:
    """What a training may take.

    Args:
        adapters: Clients of this desk that have one, or may get one.
        characters: Of a row; longer ones are left out and counted.
        notes: The newest are taken.
        minutes: After which a training ends without a result.
        steps: Instead of the recipe's epochs; None for these.
    """

    adapters: int = 50
    characters: int = 20_000
    notes: int = 2_000
    minutes: float = 120.0
    steps: int | None = None


@dataclass(frozen=True)
class Job:
    """A training that was asked for; `body` is its record's."""

    client_id: str
    record: Record

    @property
    def job_id(self) -> str:
        """Its record's id."""
        return self.record.record_id

    @property
    def state(self) -> State:
        """Where it stands."""
        state: State = self.record.body["state"]
        return state

    @property
    def problem(self) -> str:
        """Why it failed or was stopped; empty where it was not."""
        return str(self.record.body.get("problem", ""))

    @property
    def adapter(self) -> str | None:
        """The record of what was trained; None before."""
        return self.record.body.get("adapter")

    @property
    def samples(self) -> list[dict[str, str]]:
        """Of held-back rows: what was wanted, what the base says (`before`), and what the adapter says (`after`)."""
        found = self.record.body.get("told", {}).get("samples", ())
        return [{name: teaching.readable(text) for name, text in sample.items()} for sample in found]

    @property
    def held_loss(self) -> Mapping[str, float | None]:
        """Mean loss on held-back rows in nats, `before` and `after`; empty before it was trained."""
        return dict(self.record.body.get("told", {}).get("held_loss", {}))


def add(desk: Desk, client_id: str, *, base: str = "nano", recipe: str = "client", limits: Limits = Limits()) -> Job:
    """Queue a training of a client's adapter; `tend` starts it.

    Raises:
        CheckFailed: No consent.
        UsageError: Too few notes, too many adapters, a job of this client that is not done, or no such base here.
        DeskError: No folder in memory to train in.
    """
    taught = teaching.rows(desk, client_id, longest=limits.characters, most=limits.notes)
    if recipe == "client_dpo" and not taught.counts()["preferences_train"]:
        recipe = "client"  # nothing was changed yet
    memory_folder.root()
    found = jobs(desk)
    if any(job.client_id == client_id and job.state in OPEN for job in found):
        raise UsageError("desk", "a training of this client is not done yet", mend="Wait for it, or cancel it.")
    others = {job.client_id for job in found if job.state in (*OPEN, "trained", "accepted")} - {client_id}
    if len(others) >= limits.adapters:
        raise UsageError("desk", "too many adapters", want=f"at most {limits.adapters}", mend="Roll one back first.")
    body = {
        "state": "queued", "base": _base(base), "recipe": recipe, "limits": asdict(limits), "queued_at": _now(),
        "tries": 0, "counts": taught.counts(), "left_out": taught.left_out,
    }  # fmt: skip
    return Job(client_id, save(desk, client_id, "job", body))


def jobs(desk: Desk) -> list[Job]:
    """All jobs of this counsellor's clients, as they were queued."""
    table = RECORDS["job"]
    query = (
        sa.select(table.c.client_id)
        .join(client_table, client_table.c.client_id == table.c.client_id)
        .where(client_table.c.counsellor_id == desk.counsellor_id)
        .distinct()
    )
    ids = sorted(read(desk.engine, lambda connection: [str(row[0]) for row in connection.execute(query)]))
    found = [Job(client_id, record) for client_id in ids for record in _kept(desk, client_id)]
    return sorted(found, key=lambda job: (job.record.body["queued_at"], job.job_id))


def job(desk: Desk, client_id: str, job_id: str) -> Job:
    """One job as it stands.

    Raises:
        UsageError: There is none.
    """
    found = next((one for one in records(desk, client_id, "job") if one.record_id == job_id), None)
    if found is None:
        raise UsageError("desk", "no such training", mend="Reload the page.")
    return Job(client_id, found)


def progress(one: Job) -> Status | None:
    """How far a running job is; None where it is not running here."""
    return heard(_memory(one)) if one.state == "running" else None


def at_unlock(desk: Desk, place: Place | None = None) -> list[Job]:
    """Remove what dead processes left in memory, then tend; to be called when a desk was unlocked."""
    from app.desk import adapters

    running = {f"job-{one.job_id}" for one in jobs(desk) if one.state == "running"}
    memory_folder.sweep(running)
    found = tend(desk, place)
    for client_id in sorted({one.client_id for one in found if one.adapter}):
        adapters.tidy(desk, client_id, place=place)
    return found


def tend(desk: Desk, place: Place | None = None) -> list[Job]:
    """Look after all jobs of this counsellor, and tell how they stand; nothing waits for a training.

    Args:
        desk: The desk.
        place: Where files are kept; None for `files` in the desk's folder.

    Raises:
        WriteError: The disk has no room for what was trained, which waits for it.
    """
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
    for one in [one for one in jobs(desk) if one.state in OPEN]:
        with suppress(Conflict, DeskError):  # another page was faster; or the client is gone meanwhile
            if not teaching.consented(desk, one.client_id):
                cancel(desk, one, why="consent was taken back")
            elif one.state == "running":
                _look(desk, place or desk.home / "files", one)
    _stop_strays(desk)
    found = jobs(desk)
    if not any(one.state == "running" for one in found):
        for one in [one for one in found if one.state == "queued"]:
            with suppress(Conflict):
                if _start(desk, one).state == "running":
                    break
    return jobs(desk)


def cancel(desk: Desk, one: Job, *, why: str = "cancelled") -> Job:
    """Stop a queued or running job; what it had is removed. One that is done already is given back as it is."""
    while (one := job(desk, one.client_id, one.job_id)).state in OPEN:
        with suppress(Conflict):
            one = _saved(desk, one, state="cancelled", problem=why, ended_at=_now())
            break
    if one.state == "cancelled":
        stopped(_memory(one))
        for path in _results(desk, one):
            path.unlink(missing_ok=True)
    return one


def erase_client(desk: Desk, client_id: str, *, place: Place | None = None) -> erasure.Certificate:
    """Erase a client with all that was ever trained of him: jobs, working files, adapters in use."""
    mine = [Job(client_id, record) for record in _kept(desk, client_id)]
    for one in mine:
        cancel(desk, one, why="the client is erased")
    derived = [path for one in mine for path in (_memory(one), *_results(desk, one))]
    derived += in_use_folders(client_id)
    return erasure.erase(desk, client_id, place=place, derived=derived)


def in_use_folders(client_id: str) -> list[Path]:
    """Folders in memory that hold an adapter of this client."""
    with suppress(DeskError):
        return sorted(memory_folder.root().glob(f"{memory_folder.PREFIX}use-{client_id}-*"))
    return []


# ---- one job


def _look(desk: Desk, place: Place, one: Job) -> None:
    """Take up a running job whose process has ended."""
    if one.record.body.get("where") != here(desk):
        _give_up_elsewhere(desk, one)
        return
    name, path = f"job-{one.job_id}", _memory(one)
    folder = memory_folder.take(path) if path.exists() else memory_folder.make(name)
    if folder is None:
        return  # it lives
    try:
        one = job(desk, one.client_id, one.job_id)  # as it is now that nobody else can take it up
        status = heard(path)
        if one.state != "running":
            folder.remove()
        elif _results(desk, one)[0].is_file():
            _collect(desk, place, one)
            folder.remove()
        elif status is not None and status.phase == "failed":
            _saved(desk, one, state="failed", problem=status.problem, ended_at=_now())
            folder.remove()
        elif one.record.body["tries"] >= TRIES:
            why = "the system ended it again and again: too little memory, or the machine was switched off"
            _saved(desk, one, state="interrupted", problem=why, ended_at=_now())
            folder.remove()
        else:
            one = _saved(desk, one, tries=one.record.body["tries"] + 1)
            _launch(desk, one, folder)
    except BaseException:
        with suppress(OSError):
            folder.release()
        raise


def _start(desk: Desk, one: Job) -> Job:
    folder = memory_folder.make(f"job-{one.job_id}")
    try:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        one = _saved(desk, one, state="running", where=here(desk), key=key, tries=1, started_at=_now())
    except BaseException:
        folder.remove()
        raise
    return _launch(desk, one, folder)


def _launch(desk: Desk, one: Job, folder: Folder) -> Job:
    """Lay the rows ready and start the process, which holds the folder from then on."""
    try:
        limits = Limits(**one.record.body["limits"])
        (folder.path / _OWNER).write_text(json.dumps([desk.desk_id, desk.counsellor_id]))
        reserve(folder.path)
        try:
            open_artifact(folder.path / ROWS)
        except ArtifactError:
            taught = teaching.rows(desk, one.client_id, longest=limits.characters, most=limits.notes)
            memory_folder.require_room(_ROOM + 20 * int(taught.examples.estimated_size()))
            teaching.dataset(taught, folder.path / ROWS)
            one = _saved(desk, one, taught=taught.ids, counts=taught.counts(), left_out=taught.left_out)
        _process(desk, one, folder, limits)
    except (XinhengError, OSError) as error:
        why = str(error) if isinstance(error, XinhengError) else f"the system refused: {error.strerror}"
        folder.remove()
        return _saved(desk, one, state="failed", problem=why, ended_at=_now())
    folder.release()
    return one


def _process(desk: Desk, one: Job, folder: Folder, limits: Limits) -> None:
    sealed = _results(desk, one)[0]
    sealed.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    order = Order(
        folder=str(folder.path), sealed=str(sealed), lock=str(desk.home / "jobs" / "training.lock"),
        client_id=one.client_id, job_id=one.job_id, key=one.record.body["key"], base=one.record.body["base"],
        recipe=one.record.body["recipe"], minutes=limits.minutes, steps=limits.steps,
    )  # fmt: skip
    (folder.path / "tmp").mkdir(exist_ok=True)
    with (folder.path / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "app.desk.training_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=folder.path,
            env=_environment(folder.path),
            pass_fds=(folder.lock,),
            start_new_session=True,
        )
    _CHILDREN.append(child)
    assert child.stdin is not None  # noqa: S101  for the type alone
    with child.stdin as stdin:
        stdin.write(json.dumps(asdict(order)).encode())


def _environment(folder: Path) -> dict[str, str]:
    """Of the process: nothing that it writes beside its folder's files goes to a disk, or elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_OUT)}
    places = {name: str(folder / "tmp") for name in (
        "TMPDIR", "HF_DATASETS_CACHE", "TRACKIO_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "XINHENG_RUNS",
        "MPLCONFIGDIR",
    )}  # fmt: skip
    # A page on the same machine answers at once, whatever is trained.
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))}
    return {
        **kept,
        **places,
        **threads,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "WANDB_DISABLED": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _collect(desk: Desk, place: Place, one: Job) -> Job:
    """Keep what a job has trained as the client's, once, however often this is interrupted."""
    sealed, beside = _results(desk, one)
    key = base64.b64decode(one.record.body["key"])
    try:
        told = json.loads(opened(key, beside.read_bytes(), told_identity(one.client_id, one.job_id)))
    except (OSError, Unopened, ValueError) as error:
        raise DeskError("desk", "the result of a training was changed", mend="Cancel it, and train again.") from error
    there = [adapter for adapter in records(desk, one.client_id, "adapter") if adapter.body.get("job") == one.job_id]
    about = {
        "job": one.job_id, "base": told["base"], "digest": told["digest"], "taught": one.record.body.get("taught", []),
        "trained_at": _now(),
    }  # fmt: skip
    pieces = blobs.decrypted(sealed, key, one.client_id, one.job_id)
    try:
        kept = there[0] if there else blobs.keep_file(desk, place, one.client_id, "adapter", pieces, about)
    except OSError as error:
        raise WriteError(
            "desk",
            "a trained adapter cannot be kept",
            have=error.strerror or "an error",
            mend="Free space: it waits, sealed, and is kept then.",
        ) from error
    one = _saved(desk, one, state="trained", adapter=kept.record_id, told=told, ended_at=_now(), key="")
    store.log(desk, "trained", client=one.client_id, job=one.job_id, adapter=kept.record_id)
    for path in (sealed, beside):
        path.unlink(missing_ok=True)
    return one


def _give_up_elsewhere(desk: Desk, one: Job) -> None:
    """A job of another machine is that machine's, until it must have ended."""
    since = datetime.fromisoformat(one.record.body["started_at"])
    if datetime.now(UTC) - since > timedelta(minutes=2 * one.record.body["limits"]["minutes"] + 60):
        _saved(desk, one, state="interrupted", problem="the machine that trained it did not come back", ended_at=_now())


def _stop_strays(desk: Desk) -> None:
    """Stop what runs here for a job that is no longer running: cancelled on another machine, or erased."""
    try:
        place = memory_folder.root()
    except DeskError:
        return
    mine = json.dumps([desk.desk_id, desk.counsellor_id])
    paths = [path for path in place.glob(f"{memory_folder.PREFIX}job-*") if _owner(path) == mine]
    if paths:
        running = {one.job_id for one in jobs(desk) if one.state == "running"}
        for path in paths:
            if path.name.removeprefix(f"{memory_folder.PREFIX}job-") not in running:
                stopped(path)


def _owner(path: Path) -> str:
    with suppress(OSError):
        return (path / _OWNER).read_text()
    return ""


def _saved(desk: Desk, one: Job, **changed: Any) -> Job:
    body = {**one.record.body, **changed}
    version = one.record.version
    return Job(one.client_id, save(desk, one.client_id, "job", body, record_id=one.job_id, version=version))


def changed(desk: Desk, one: Job, state: State) -> Job:
    """A job in another state; for `adapters`, which accepts and rejects."""
    return _saved(desk, one, state=state)


def _kept(desk: Desk, client_id: str) -> list[Record]:
    with suppress(DeskError):  # erased meanwhile
        return records(desk, client_id, "job")
    return []


def _memory(one: Job) -> Path:
    return memory_folder.named(f"job-{one.job_id}")


def _results(desk: Desk, one: Job) -> tuple[Path, Path]:
    """Where the process leaves the sealed adapter and what is told of it."""
    to = desk.home / "jobs" / desk.counsellor_id / f"{one.job_id}.sealed"
    return to, to.with_suffix(".told")


def here(desk: Desk) -> str:
    """A name for this desk's folder, by which a job's record tells where it runs.

    It is made of what stands in a file, and stands in none: an erasure looks for the words of a client's records.
    """
    path = desk.home / "jobs" / "here"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        fresh = path.with_name(f"here-{secrets.token_hex(16)}")
        fresh.write_text(secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(fresh, path)  # whole, and never over another's
        fresh.unlink()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _base(base: str) -> str:
    """The base as the process finds it from anywhere.

    Raises:
        UsageError: It is not on this machine.
    """
    from training.adapters import folder_of

    return base if base == "nano" else str(folder_of(base).resolve())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
