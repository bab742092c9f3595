"""What makes argilla-server fast enough for a laptop, without changing what it answers.

Each part says what it saves. They reach into argilla-server, pydantic and SQLAlchemy in versions that are pinned in
requirements.lock; a part whose place has moved is an error at start, not a silent loss of speed.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final

_FRESH_S: Final = 1.0


def install() -> None:
    """Put everything in place; before argilla-server's application is imported."""
    _widen_pool()
    _set_up_connections()
    _hop_once()
    _keep_type_adapters()
    _build_no_unheard_events()
    _recount_on_own_connections()
    _notify_beside_the_loop()
    _load_users_alone()
    _call_dependencies()
    _time_no_requests()


def _widen_pool() -> None:
    # A request keeps its connection and may ask for another; with a fixed number, enough of them wait for each other.
    from argilla_server.settings import Settings

    before = Settings.database_engine_args.fget

    def engine_args(self: Any) -> dict[str, Any]:
        wider = {"pool_size": 8, "max_overflow": -1} if self.database_is_sqlite else {}
        return {**before(self), **wider}

    Settings.database_engine_args = property(engine_args)


def _set_up_connections() -> None:
    # A write is on disk when it is acknowledged (`synchronous` stays FULL); readers do not wait for the writer (WAL).
    from argilla_server.settings import settings
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not settings.database_is_sqlite:
        return

    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "cache_size = -16000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(Engine, "connect", connected)


def _hop_once() -> None:
    # A statement crossed to the connection's thread and back four times (cursor, execute, fetch, close): now once.
    from collections import deque

    from sqlalchemy.dialects.sqlite import aiosqlite

    kind = aiosqlite.AsyncAdapt_aiosqlite_cursor
    _require(kind, "execute", "_async_soft_close")
    streaming = kind.execute

    def execute(self: Any, operation: Any, parameters: Any = None) -> None:
        if self.server_side:  # rows that come page by page stay in their cursor
            streaming(self, operation, parameters)
            return
        plain = self._connection._conn  # noqa: SLF001  has no public way

        def run() -> tuple[Any, Any, int, int]:
            cursor = plain.cursor()
            try:
                cursor.execute(operation, () if parameters is None else parameters)
                rows = cursor.fetchall() if cursor.description else None
                return cursor.description, rows, cursor.lastrowid, cursor.rowcount
            finally:
                cursor.close()

        try:
            self.description, rows, last, count = self.await_(self._connection._execute(run))  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 as SQLAlchemy's own
            self._adapt_connection._handle_exception(error)  # noqa: SLF001  has no public way
        else:
            self._rows = deque(rows or ())
            self.lastrowid, self.rowcount = (-1, -1) if self.description else (last, count)

    kind.execute = execute


def _keep_type_adapters() -> None:
    # The types of questions and metadata are few; to build an adapter took 1 to 2 ms, once for each value checked.
    from argilla_server.models import database
    from pydantic import TypeAdapter

    _require(database, "TypeAdapter")
    kept: dict[int, tuple[Any, Any]] = {}

    def adapter(kind: Any) -> Any:
        if id(kind) not in kept:
            kept[id(kind)] = (kind, TypeAdapter(kind))
        return kept[id(kind)][1]

    database.TypeAdapter = adapter


class _Unheard:
    """An event that no webhook listens to."""

    async def notify(self, db: Any) -> list[Any]:  # noqa: ARG002  the parent's signature
        return []


class _Listeners:
    """Whether any webhook is enabled, asked at most once a second."""

    def __init__(self) -> None:
        self.any = False
        self.until = 0.0

    async def exist(self, db: Any) -> bool:
        if time.monotonic() >= self.until:
            from argilla_server.contexts import webhooks

            self.any = bool(await webhooks.list_enabled_webhooks(db))
            self.until = time.monotonic() + _FRESH_S
        return self.any


def _build_no_unheard_events() -> None:
    # Each record and response was described in full, over several queries, for webhooks that nobody had set up.
    from argilla_server.webhooks.v1 import datasets, records, responses

    listeners = _Listeners()
    for module, thing in ((datasets, "dataset"), (records, "record"), (responses, "response")):
        for name, unheard in ((f"notify_{thing}_event", []), (f"build_{thing}_event", _Unheard())):
            _require(module, name)
            _replace(module, name, _if_heard(getattr(module, name), listeners, unheard))


def _if_heard(function: Callable[..., Awaitable[Any]], listeners: _Listeners, otherwise: Any) -> Any:
    @functools.wraps(function)
    async def called(db: Any, *args: Any) -> Any:
        return await function(db, *args) if await listeners.exist(db) else otherwise

    return called


def _recount_on_own_connections() -> None:
    # A response's record is recounted on a second connection while the request keeps its first; see `_widen_pool`.
    from argilla_server.contexts import distribution

    async def session(isolation_level: Any = None) -> Any:
        import search_database

        async with search_database.Session() as db:
            if isolation_level is not None and not search_database.ON_SQLITE:
                await db.connection(execution_options={"isolation_level": isolation_level})
            yield db

    _require(distribution, "_get_async_db")
    distribution._get_async_db = session  # noqa: SLF001  has no public way


def _notify_beside_the_loop() -> None:
    # A webhook that does not answer must not stop the server for 20 seconds.
    import asyncio

    from argilla_server.jobs import webhook_jobs

    _require(webhook_jobs, "notify_event", "notify_event_job")
    send = webhook_jobs.notify_event

    async def notify(webhook_id: Any, event: str, timestamp: Any, data: dict[str, Any]) -> None:
        async with webhook_jobs.AsyncSessionLocal() as db:
            webhook = await webhook_jobs.Webhook.get_or_raise(db, webhook_id)
        (await asyncio.to_thread(send, webhook, event, timestamp, data)).raise_for_status()

    from argilla_server.jobs.queues import HIGH_QUEUE
    from rq import Retry

    def delay(*args: Any) -> Any:
        return HIGH_QUEUE.enqueue_call(notify, args, retry=Retry(max=3, interval=[10, 60, 180]))

    webhook_jobs.notify_event_job.delay = delay


def _load_users_alone() -> None:
    # Each request asked twice for its user with all his workspaces, which no part of the API reads.
    from argilla_server.contexts import accounts

    async def by_name(db: Any, username: str) -> Any:
        return await accounts.User.get_by(db, username=username)

    async def by_key(db: Any, api_key: str) -> Any:
        return await accounts.User.get_by(db, api_key=api_key)

    _require(accounts, "get_user_by_username", "get_user_by_api_key", "User")
    _replace(accounts, "get_user_by_username", by_name)
    _replace(accounts, "get_user_by_api_key", by_key)


def _call_dependencies() -> None:
    # Dependencies that are no coroutines went to a thread and back; those of argilla-server only make an object.
    from fastapi.dependencies import utils

    async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    _require(utils, "run_in_threadpool")
    utils.run_in_threadpool = call


def _time_no_requests() -> None:
    # The header `Server-Timing`, read by telemetry alone, cost each request two tasks and a stream between them.
    from fastapi import FastAPI
    from starlette.middleware.base import BaseHTTPMiddleware

    before = FastAPI.build_middleware_stack

    def build(self: Any) -> Any:
        self.user_middleware = [kept for kept in self.user_middleware if kept.cls is not BaseHTTPMiddleware]
        return before(self)

    _require(FastAPI, "build_middleware_stack")
    FastAPI.build_middleware_stack = build


def _replace(module: ModuleType, name: str, by: Any) -> None:
    before = getattr(module, name)
    for other in [m for n, m in sys.modules.items() if n.startswith("argilla_server")]:
        for key in [key for key, value in vars(other).items() if value is before]:
            setattr(other, key, by)


def _require(place: Any, *names: str) -> None:
    lacking = [name for name in names if not hasattr(place, name)]
    if lacking:
        raise ImportError(f"argilla-server is not the version that was locked: {place!r} lacks {', '.join(lacking)}")
