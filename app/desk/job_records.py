"""The records of trainings: what was asked for, where it stands, and what came of it.

A job is a record of its client; each change of it is a version, so of two pages that change it at once one does.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa

from app.desk import memory_folder, teaching
from app.desk.database import RECORDS, client_table, read
from app.desk.store import Record, records, save
from app.desk.unlock import Desk
from xinheng.errors import DeskError, UsageError

State = Literal[
    "queued", "running", "trained", "accepted", "rejected", "rolled back", "failed", "cancelled", "interrupted"
]
OPEN: Final = ("queued", "running")


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


LIMITS: Final = Limits()


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
    found = [job for client_id in ids for job in jobs_of(desk, client_id)]
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


def jobs_of(desk: Desk, client_id: str) -> list[Job]:
    """A client's jobs as they were queued; none where he was erased meanwhile."""
    with suppress(DeskError):
        found = [Job(client_id, record) for record in records(desk, client_id, "job")]
        return sorted(found, key=lambda job: (job.record.body["queued_at"], job.job_id))
    return []


def saved(desk: Desk, one: Job, **changed: Any) -> Job:
    """A job with these facts changed.

    Raises:
        Conflict: Somebody else was faster.
    """
    body = {**one.record.body, **changed}
    version = one.record.version
    return Job(one.client_id, save(desk, one.client_id, "job", body, record_id=one.job_id, version=version))


def changed(desk: Desk, one: Job, state: State) -> Job:
    """A job in another state; for `adapters`, which accepts and rejects."""
    return saved(desk, one, state=state)


def memory_of(one: Job) -> Path:
    """Its folder in memory while it runs."""
    return memory_folder.named(f"job-{one.job_id}")


def results_of(desk: Desk, one: Job) -> tuple[Path, Path]:
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


def now() -> str:
    """This moment, as records tell it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
