"""A client's adapters: tried on held-back rows, accepted or rejected by a person, used, and rolled back.

One record, `current`, says which adapter is used and which was before it; each change of it is one version, so that an
accepted adapter is never half in use. Files go only when no version that counts names them any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.desk import blobs, jobs, memory_folder, store, teaching
from app.desk.jobs import Job
from app.desk.packing import unpacked
from app.desk.store import Record, records, save
from app.desk.unlock import Desk
from xinheng.errors import UsageError, WriteError
from xinheng.storage import Place

CURRENT: Final = "current"


@dataclass(frozen=True)
class Used:
    """A model in use for a client.

    Args:
        model: As `xinheng.chat.connect` takes it: `local:BASE+ADAPTER`, or the base alone.
        adapter: The adapter's record; None where the base is used.
        why: Why the base is used although there is an adapter; empty otherwise.
    """

    model: str
    adapter: Record | None
    why: str = ""


def current(desk: Desk, client_id: str) -> Record | None:
    """The adapter that a client's questions are answered with; None for the base, also without consent."""
    adapter_id = _pointer(desk, client_id)[0]
    if adapter_id is None or not teaching.consented(desk, client_id):
        return None
    return next((one for one in _adapters(desk, client_id) if one.record_id == adapter_id), None)


def kept(desk: Desk, client_id: str) -> tuple[Record, Record | None] | None:
    """The adapter that was accepted last and the one before it, whether they may be used or not; None without any."""
    adapter_id, before_id, _ = _pointer(desk, client_id)
    there = {one.record_id: one for one in _adapters(desk, client_id)}
    return None if adapter_id is None or adapter_id not in there else (there[adapter_id], there.get(before_id or ""))


def accept(desk: Desk, one: Job, *, place: Place | None = None) -> Record:
    """Use what a job has trained from now on; the one before is kept to roll back to.

    Raises:
        UsageError: The job has trained nothing, or was decided on already.
        CheckFailed: The client has taken back consent.
    """
    one = _trained(desk, one)
    teaching.require_consent(desk, one.client_id)
    adapter_id, _, version = _pointer(desk, one.client_id)
    if adapter_id != one.adapter:
        save(
            desk, one.client_id, "adapter", {"adapter": one.adapter, "before": adapter_id}, record_id=CURRENT,
            version=version,
        )  # fmt: skip
    jobs.changed(desk, one, "accepted")
    store.log(desk, "adapter accepted", client=one.client_id, adapter=one.adapter)
    tidy(desk, one.client_id, place=place)
    return next(kept for kept in _adapters(desk, one.client_id) if kept.record_id == one.adapter)


def reject(desk: Desk, one: Job, *, place: Place | None = None) -> Job:
    """Use nothing of what a job has trained; its file is deleted.

    Raises:
        UsageError: The job has trained nothing, or was decided on already.
    """
    one = jobs.changed(desk, _trained(desk, one), "rejected")
    store.log(desk, "adapter rejected", client=one.client_id, adapter=one.adapter)
    tidy(desk, one.client_id, place=place)
    return one


def roll_back(desk: Desk, client_id: str, *, place: Place | None = None) -> Record | None:
    """Use the adapter before the current one again, or the base where there is none; the current one is deleted.

    Raises:
        UsageError: The base is used already.
    """
    adapter_id, before, version = _pointer(desk, client_id)
    if adapter_id is None:
        raise UsageError("desk", "this client has no adapter", mend="The base answers already.")
    save(desk, client_id, "adapter", {"adapter": before, "before": None}, record_id=CURRENT, version=version)
    for one in jobs.jobs(desk):
        if one.client_id == client_id and one.adapter == adapter_id and one.state == "accepted":
            jobs.changed(desk, one, "rolled back")
    store.log(desk, "adapter rolled back", client=client_id, adapter=adapter_id)
    tidy(desk, client_id, place=place)
    return current(desk, client_id)


def untaught(desk: Desk, client_id: str) -> int:
    """How many rows the client's notes give that the adapter in use has not seen; all of them where there is none."""
    held = current(desk, client_id)
    known = set(held.body.get("taught", ())) if held else set()
    return len(set(teaching.rows(desk, client_id).ids) - known)


def tidy(desk: Desk, client_id: str, *, place: Place | None = None) -> int:
    """Finish what was interrupted: an acceptance's job, files that are used no more; how many files went."""
    adapter_id, before, _ = _pointer(desk, client_id)
    mine = [one for one in jobs.jobs(desk) if one.client_id == client_id]
    for one in mine:
        if one.state == "trained" and one.adapter == adapter_id:
            jobs.changed(desk, one, "accepted")
    kept = {adapter_id, before} | {one.adapter for one in mine if one.state in ("trained", *jobs.OPEN)}
    # What is trained but not told in its job yet is the job's that is still running.
    running = {one.job_id for one in mine if one.state in jobs.OPEN}
    gone = [a for a in _adapters(desk, client_id) if a.record_id not in kept and a.body.get("job") not in running]
    return sum(blobs.remove_file(desk, place or desk.home / "files", client_id, one) for one in gone)


@contextmanager
def in_use(desk: Desk, client_id: str, *, base: str = "nano", place: Place | None = None) -> Iterator[Used]:
    """The model for a client's questions; its adapter lies unencrypted in a folder in memory while the block runs.

    Where the adapter belongs to another base than `base`, or none may be used, the base is, and `why` says it.

    Args:
        desk: The desk.
        client_id: Whose.
        base: Of the desk.
        place: Where files are kept; None for `files` in the desk's folder.

    Raises:
        DeskError: The adapter's file is gone or was changed, or there is no folder in memory.
        WriteError: There is too little room in it.
    """
    held = current(desk, client_id)
    if held is None:
        taken_back = _pointer(desk, client_id)[0] is not None
        yield Used(f"local:{base}", None, "consent was taken back" if taken_back else "")
        return
    if not fits(held, base):
        yield Used(f"local:{base}", None, "the adapter was trained on another base")
        return
    memory_folder.require_room(2 * int(held.body["size"]))
    folder = memory_folder.make(f"use-{client_id}-{secrets.token_hex(8)}")
    try:
        try:
            adapter = folder.path / "adapter"
            adapter.mkdir(mode=0o700)
            unpacked(blobs.file_pieces(desk, place or desk.home / "files", client_id, held), adapter)
        except OSError as error:
            raise WriteError("desk", "the adapter cannot be opened", have=error.strerror or "an error") from error
        yield Used(f"local:{base}+{adapter}", held)
    finally:
        folder.remove()


def fits(held: Record, base: str) -> bool:
    """Whether an adapter was trained on this base."""
    from training.base import located
    from xinheng.chat.local_files import identity_of, local_files

    named = held.body.get("base", {})
    if not Path(located(base)).is_dir():
        return bool(named.get("name") == base)
    return bool(named.get("identity") == identity_of(local_files(located(base), name=base)))


def _trained(desk: Desk, one: Job) -> Job:
    one = jobs.job(desk, one.client_id, one.job_id)
    if one.state != "trained":
        raise UsageError("desk", "nothing to decide on", want="a training that is done", have=one.state)
    return one


def _pointer(desk: Desk, client_id: str) -> tuple[str | None, str | None, int]:
    """The adapter in use, the one before it, and the version that says so."""
    found = next((one for one in records(desk, client_id, "adapter") if one.record_id == CURRENT), None)
    return (None, None, 0) if found is None else (found.body["adapter"], found.body["before"], found.version)


def _adapters(desk: Desk, client_id: str) -> list[Record]:
    return [one for one in records(desk, client_id, "adapter") if one.record_id != CURRENT]
