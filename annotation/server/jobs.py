"""Background jobs in the server's own process: no Redis, no workers.

argilla-server hands jobs to rq queues, which live in Redis. Here two queues take their place that run each job on the
server's event loop, one after the other. What a killed process left undone is done again at start (see `mend`);
notices to webhooks that were under way are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final
from uuid import uuid4

_LOG: Final = logging.getLogger("argilla")
_REMEMBERED: Final = 1000


@dataclass
class Job:
    """One job as argilla-server's page of jobs asks for it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    waits_s: list[int]
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "queued"

    def get_status(self, *, refresh: bool = True) -> str:  # noqa: ARG002  the parent's signature
        """Where the job stands, in rq's words."""
        return self.status


class Queue:
    """Stands where an rq queue stood; jobs of one queue run one after the other, in the order they came."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._runner: asyncio.Task[None] | None = None

    def enqueue_call(
        self, func: Callable[..., Any], args: Any = None, kwargs: Any = None, retry: Any = None, **_: Any
    ) -> Job:
        """Take a job; it starts when the server's loop is next free."""
        waits_s = [0] * (retry.max if retry else 0)
        for place, wait_s in enumerate((getattr(retry, "intervals", None) or [0])[: len(waits_s)]):
            waits_s[place:] = [wait_s] * (len(waits_s) - place)
        job = Job(func, tuple(args or ()), dict(kwargs or {}), waits_s)
        self.jobs[job.id] = job
        while len(self.jobs) > _REMEMBERED and (old := next(iter(self.jobs))) and self.jobs[old].status == "finished":
            del self.jobs[old]
        self._waiting.append(job)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run())
        return job

    async def _run(self) -> None:
        while self._waiting:
            await _run(self._waiting.popleft())

    async def stop(self) -> None:
        """End what runs; the start after this does it again."""
        self._waiting.clear()
        if self._runner is not None and not self._runner.done():
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner


class _NoRedis:
    """Answers the one question that argilla-server asks Redis at start."""

    def ping(self) -> bool:
        return True


DEFAULT_QUEUE: Final = Queue("default")
HIGH_QUEUE: Final = Queue("high")


async def _run(job: Job) -> None:
    for wait_s in [*job.waits_s, None]:
        job.status = "started"
        try:
            await job.function(*job.args, **job.kwargs)
        except Exception as error:  # noqa: BLE001 a job may fail in any way
            # The class only: an error's words may quote a person's text.
            _LOG.warning("Job %s of %s failed: %s", job.id, job.function.__name__, type(error).__name__)
            job.status = "failed" if wait_s is None else "scheduled"
            await asyncio.sleep(wait_s or 0)
        else:
            job.status = "finished"
            return


def _put_in_place() -> None:
    queues = ModuleType("argilla_server.jobs.queues")
    queues.__dict__.update(
        DEFAULT_QUEUE=DEFAULT_QUEUE, HIGH_QUEUE=HIGH_QUEUE, REDIS_CONNECTION=_NoRedis(), JOB_TIMEOUT_DISABLED=-1
    )
    sys.modules[queues.__name__] = queues


_put_in_place()


def install(app: Any) -> None:
    """Let the server mend at start what a killed one left, and end its jobs when it stops.

    Args:
        app: argilla-server's application (FastAPI), before it serves.
    """
    _show_jobs()
    before = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(running: Any) -> AsyncIterator[Any]:
        import mending

        await mending.mend()
        async with before(running) as state:
            yield state
        for queue in (DEFAULT_QUEUE, HIGH_QUEUE):
            await queue.stop()
        await mending.close()

    app.router.lifespan_context = lifespan


def _show_jobs() -> None:
    from argilla_server.api.handlers.v1 import jobs as page
    from rq.exceptions import NoSuchJobError

    class Jobs:
        @staticmethod
        def fetch(job_id: str, connection: Any) -> Job:  # noqa: ARG004  rq's signature
            for queue in (DEFAULT_QUEUE, HIGH_QUEUE):
                if job_id in queue.jobs:
                    return queue.jobs[job_id]
            raise NoSuchJobError

    page.Job = Jobs
