"""A training's process: begun with rows in memory, looked after, gone on with when it was killed, its result kept.

A job whose folder in memory somebody holds is alive; so nothing depends on process numbers.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from app.desk import blobs, memory_folder, store, teaching
from app.desk.job_records import Job, Limits, here, job, memory_of, now, results_of, saved
from app.desk.memory_folder import Folder
from app.desk.store import records
from app.desk.training_status import heard, reserve
from app.desk.training_worker import ROWS, Order, told_identity
from app.desk.unlock import Desk
from xinheng.artifacts import open_artifact
from xinheng.errors import ArtifactError, DeskError, WriteError, XinhengError
from xinheng.sealing import Unopened, opened
from xinheng.storage import Place

TRIES: Final = 3
OWNER: Final = "owner"
_ROOM: Final = 64 * 2**20
# What would send a client's rows elsewhere, or give a process without need of them the desk's secrets.
_KEPT_OUT: Final = ("WANDB_", "TRACKIO_", "XINHENG_DESK_", "XINHENG_RUNS", "COMET_", "MLFLOW_", "CLEARML_", "NEPTUNE_")
_CHILDREN: Final[list[subprocess.Popen[bytes]]] = []


def reap() -> None:
    """Let the system forget children that have ended."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def look_after(desk: Desk, place: Place, one: Job) -> None:
    """Take up a running job whose process has ended."""
    if one.record.body.get("where") != here(desk):
        _give_up_elsewhere(desk, one)
        return
    name, path = f"job-{one.job_id}", memory_of(one)
    folder = memory_folder.take(path) if path.exists() else memory_folder.make(name)
    if folder is None:
        return  # it lives
    try:
        one = job(desk, one.client_id, one.job_id)  # as it is now that nobody else can take it up
        status = heard(path)
        if one.state != "running":
            folder.remove()
        elif results_of(desk, one)[0].is_file():
            _collect(desk, place, one)
            folder.remove()
        elif status is not None and status.phase == "failed":
            saved(desk, one, state="failed", problem=status.problem, ended_at=now())
            folder.remove()
        elif one.record.body["tries"] >= TRIES:
            why = "the system ended it again and again: too little memory, or the machine was switched off"
            saved(desk, one, state="interrupted", problem=why, ended_at=now())
            folder.remove()
        else:
            one = saved(desk, one, tries=one.record.body["tries"] + 1)
            _launch(desk, one, folder)
    except BaseException:
        with suppress(OSError):
            folder.release()
        raise


def start(desk: Desk, one: Job) -> Job:
    """Begin a queued job; it is `failed` where it cannot.

    Raises:
        Conflict: Somebody else was faster.
    """
    folder = memory_folder.make(f"job-{one.job_id}")
    try:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        one = saved(desk, one, state="running", where=here(desk), key=key, tries=1, started_at=now())
    except BaseException:
        folder.remove()
        raise
    return _launch(desk, one, folder)


def _launch(desk: Desk, one: Job, folder: Folder) -> Job:
    """Lay the rows ready and start the process, which holds the folder from then on."""
    try:
        limits = Limits(**one.record.body["limits"])
        (folder.path / OWNER).write_text(json.dumps([desk.desk_id, desk.counsellor_id]))
        reserve(folder.path)
        try:
            open_artifact(folder.path / ROWS)
        except ArtifactError:
            taught = teaching.rows(desk, one.client_id, longest=limits.characters, most=limits.notes)
            memory_folder.require_room(_ROOM + 20 * int(taught.examples.estimated_size()))
            teaching.dataset(taught, folder.path / ROWS)
            one = saved(desk, one, taught=taught.ids, counts=taught.counts(), left_out=taught.left_out)
        _process(desk, one, folder, limits)
    except (XinhengError, OSError) as error:
        why = str(error) if isinstance(error, XinhengError) else f"the system refused: {error.strerror}"
        folder.remove()
        return saved(desk, one, state="failed", problem=why, ended_at=now())
    folder.release()
    return one


def _process(desk: Desk, one: Job, folder: Folder, limits: Limits) -> None:
    sealed = results_of(desk, one)[0]
    sealed.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    order = Order(
        folder=str(folder.path), sealed=str(sealed), lock=str(desk.home / "jobs" / "training.lock"),
        client_id=one.client_id, job_id=one.job_id, key=one.record.body["key"], base=one.record.body["base"],
        recipe=one.record.body["recipe"], minutes=limits.minutes, steps=limits.steps,
    )  # fmt: skip
    (folder.path / "tmp").mkdir(exist_ok=True)
    with (folder.path / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.desk.training_worker"],
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
    sealed, beside = results_of(desk, one)
    key = base64.b64decode(one.record.body["key"])
    try:
        told = json.loads(opened(key, beside.read_bytes(), told_identity(one.client_id, one.job_id)))
    except (OSError, Unopened, ValueError) as error:
        raise DeskError("desk", "the result of a training was changed", mend="Cancel it, and train again.") from error
    there = [adapter for adapter in records(desk, one.client_id, "adapter") if adapter.body.get("job") == one.job_id]
    about = {
        "job": one.job_id, "base": told["base"], "digest": told["digest"], "taught": one.record.body.get("taught", []),
        "trained_at": now(),
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
    one = saved(desk, one, state="trained", adapter=kept.record_id, told=told, ended_at=now(), key="")
    store.log(desk, "trained", client=one.client_id, job=one.job_id, adapter=kept.record_id)
    for path in (sealed, beside):
        path.unlink(missing_ok=True)
    return one


def _give_up_elsewhere(desk: Desk, one: Job) -> None:
    """A job of another machine is that machine's, until it must have ended."""
    since = datetime.fromisoformat(one.record.body["started_at"])
    if datetime.now(UTC) - since > timedelta(minutes=2 * one.record.body["limits"]["minutes"] + 60):
        saved(desk, one, state="interrupted", problem="the machine that trained it did not come back", ended_at=now())
