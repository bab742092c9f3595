"""The queue of trainings: one after the other, each in a process of its own that no page needs to live for.

A job is a record of its client. `tend` looks after all of them and is called at unlocking and now and then: it starts
the next, keeps what is done, goes on with what was killed, and stops what was cancelled, erased or lost its consent. Of
two pages that tend at once one does.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from app.desk import blobs, erasure, erasure_pending, job_process, memory_folder, teaching
from app.desk.job_records import (
    LIMITS,
    OPEN,
    Job,
    Limits,
    State,
    changed,
    here,
    job,
    jobs,
    jobs_of,
    memory_of,
    now,
    results_of,
    saved,
)
from app.desk.stopping import stopped
from app.desk.store import Conflict, save
from app.desk.training_status import Status, heard
from app.desk.unlock import Desk
from xinheng.errors import CheckFailed, DeskError, UsageError
from xinheng.storage import Place

__all__ = [
    "LIMITS", "OPEN", "Job", "Limits", "State", "add", "at_unlock", "cancel", "changed", "erase_client", "here", "job",
    "jobs", "jobs_of", "progress", "tend",
]  # fmt: skip
# So long what a killed training of another counsellor has in memory waits until he unlocks his desk.
_ANOTHERS_S: Final = 24 * 3600.0
_LOG = logging.getLogger("xinheng.desk")


def add(desk: Desk, client_id: str, *, base: str = "nano", recipe: str = "client", limits: Limits = LIMITS) -> Job:
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
        "state": "queued", "base": _base(base), "recipe": recipe, "limits": asdict(limits), "queued_at": now(),
        "tries": 0, "counts": taught.counts(), "left_out": taught.left_out,
    }  # fmt: skip
    return Job(client_id, save(desk, client_id, "job", body))


def progress(one: Job) -> Status | None:
    """How far a running job is; None where it is not running here."""
    return heard(memory_of(one)) if one.state == "running" else None


def at_unlock(desk: Desk, place: Place | None = None) -> list[Job]:
    """Finish erasures, remove what dead processes left, then tend; to be called when a desk was unlocked."""
    from app.desk import adapters

    _finish_erasures(desk, place)
    memory_folder.sweep({f"job-{one.job_id}" for one in jobs(desk) if one.state == "running"} | _anothers(desk))
    _remove_results(desk)
    blobs.sweep(desk, place)
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
    job_process.reap()
    for one in [one for one in jobs(desk) if one.state in OPEN]:
        with suppress(Conflict, DeskError):  # another page was faster; or the client is gone meanwhile
            if not teaching.consented(desk, one.client_id):
                cancel(desk, one, why="consent was taken back")
            elif one.state == "running":
                job_process.look_after(desk, place or desk.home / "files", one)
    _stop_strays(desk)
    found = jobs(desk)
    if not any(one.state == "running" for one in found):
        for one in [one for one in found if one.state == "queued"]:
            with suppress(Conflict):
                if job_process.start(desk, one).state == "running":
                    break
    return jobs(desk)


def cancel(desk: Desk, one: Job, *, why: str = "cancelled") -> Job:
    """Stop a queued or running job; what it had is removed. One that is done already is given back as it is."""
    while (one := job(desk, one.client_id, one.job_id)).state in OPEN:
        with suppress(Conflict):
            one = saved(desk, one, state="cancelled", problem=why, ended_at=now())
            break
    if one.state == "cancelled":
        stopped(memory_of(one))
        for path in _written_by(desk, one):
            path.unlink(missing_ok=True)
    return one


def erase_client(desk: Desk, client_id: str, *, place: Place | None = None) -> erasure.Certificate:
    """Erase a client with all that was ever trained of him: jobs, working files, adapters in use."""
    mine = jobs_of(desk, client_id)
    for one in mine:
        cancel(desk, one, why="the client is erased")
    derived = [path for one in mine for path in (memory_of(one), *_written_by(desk, one))]
    derived += in_use_folders(client_id)
    return erasure.erase(desk, client_id, place=place, derived=derived)


def in_use_folders(client_id: str) -> list[Path]:
    """Folders in memory that hold an adapter of this client."""
    with suppress(DeskError):
        return sorted(memory_folder.root().glob(f"{memory_folder.PREFIX}use-{client_id}-*"))
    return []


def _finish_erasures(desk: Desk, place: Place | None) -> None:
    """What cannot be finished stays pending, is named by `verify`, and keeps nobody from his desk."""
    try:
        found = erasure.pending(desk)
    except DeskError as error:
        _LOG.warning("%s", error)
        return
    where = erasure_pending.here(desk)
    for left in [left for left in found if left.place == where]:
        try:
            erasure.finish(desk, left, place=place)
        except CheckFailed as error:
            _LOG.warning("client %s: %s", left.client_id[:8], error)


def _written_by(desk: Desk, one: Job) -> list[Path]:
    """All that a job's process writes into the desk's folder, also what it was killed over."""
    return [path for whole in results_of(desk, one) for path in (whole, whole.with_name(f"{whole.name}.writing"))]


def _remove_results(desk: Desk) -> None:
    """Remove results of jobs that nobody waits for any more: half written by what was killed, or kept already."""
    paths = list((desk.home / "jobs" / desk.counsellor_id).glob("*"))
    waited = {one.job_id for one in jobs(desk) if one.state in OPEN}
    for path in paths:
        if path.name.partition(".")[0] not in waited:
            path.unlink(missing_ok=True)


def _anothers(desk: Desk) -> set[str]:
    """Folders of trainings that another counsellor, here or of another desk, may go on with."""
    kept: set[str] = set()
    with suppress(DeskError):
        for path in memory_folder.root().glob(f"{memory_folder.PREFIX}job-*"):
            with suppress(OSError):
                told = path / job_process.OWNER
                if _owner(path) != _mine(desk) and time.time() - told.stat().st_mtime < _ANOTHERS_S:
                    kept.add(path.name.removeprefix(memory_folder.PREFIX))
    return kept


def _stop_strays(desk: Desk) -> None:
    """Stop what runs here for a job that is no longer running: cancelled on another machine, or erased."""
    try:
        place = memory_folder.root()
    except DeskError:
        return
    paths = [path for path in place.glob(f"{memory_folder.PREFIX}job-*") if _owner(path) == _mine(desk)]
    if paths:
        running = {one.job_id for one in jobs(desk) if one.state == "running"}
        for path in paths:
            if path.name.removeprefix(f"{memory_folder.PREFIX}job-") not in running:
                stopped(path)


def _mine(desk: Desk) -> str:
    return json.dumps([desk.desk_id, desk.counsellor_id])


def _owner(path: Path) -> str:
    with suppress(OSError):
        return (path / job_process.OWNER).read_text()
    return ""


def _base(base: str) -> str:
    """The base as the process finds it from anywhere.

    Raises:
        UsageError: It is not on this machine.
    """
    from training.adapters import folder_of

    return base if base == "nano" else str(folder_of(base).resolve())
