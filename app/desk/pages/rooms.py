"""Rooms: what is worked on beside gradio's frame. A room is a file of handlers here and a script in `static`.

A room's script sends JSON to `/room/NAME` and gets JSON, or lines of JSON while a model answers. gradio's own events
are not used for what is typed, streamed or uploaded: they can lose the last keys and write files to a disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.desk.pages.drafts import same_counsellor, whole
from app.desk.pages.guard import by_itself, token_of
from app.desk.pages.models import Models
from app.desk.pages.sessions import Ended, Session, Sessions
from app.desk.pages.words import LANGUAGES, because, say, sentences
from app.desk.store import Conflict
from xinheng.chat.embedding import Embedder
from xinheng.errors import UsageError, XinhengError
from xinheng.storage import Place

_LOG = logging.getLogger("xinheng.desk")
_RUNNING: Final[set[asyncio.Task[Any]]] = set()


@dataclass(frozen=True)
class Office:
    """What all rooms share.

    Args:
        sessions: Who is at the desk.
        models: Who answers.
        home: The desk's folder.
        files: Where attachments, documents and adapters are kept.
        embed: A model of the user's by which the library is searched for meaning; None for words alone.
    """

    sessions: Sessions
    models: Models
    home: Path
    files: Place
    embed: Embedder | None = None


@dataclass(frozen=True)
class Call:
    """One request of a room: whose, in which language the page is, and what was sent."""

    session: Session
    language: str
    given: dict[str, Any] = field(repr=False)

    def text(self, name: str, *, longest: int = 200) -> str:
        """A text that was sent; empty where there was none.

        Raises:
            UsageError: It is none, or longer.
        """
        value = self.given.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise UsageError("page", "a request cannot be read", have=name, mend="Reload the page.")
        return str(whole(value))

    def number(self, name: str) -> int:
        """A number that was sent; 0 where there was none.

        Raises:
            UsageError: It is none, or below zero.
        """
        value = self.given.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise UsageError("page", "a request cannot be read", have=name, mend="Reload the page.")
        return value

    def say(self, key: str, **values: object) -> str:
        """A sentence in the page's language."""
        return say(self.language, key, **values)


Work = Callable[[Call], dict[str, Any] | Response]
Poured = Callable[[Call, bytes], dict[str, Any]]
Tell = Callable[[dict[str, Any]], None]
LongWork = Callable[[Call, Tell], Awaitable[dict[str, Any]]]


def route(office: Office, name: str, work: Work) -> Route:
    """The address `/room/NAME` of what answers at once; `work` runs in a thread."""

    async def handled(request: Request) -> Response:
        try:
            made = await run_in_threadpool(work, _call(office, request, await request.body()))
            return made if isinstance(made, Response) else JSONResponse(made)
        except Exception as error:  # noqa: BLE001  a traceback could quote what a person wrote
            status, told = _problem(error, _language(request), name)
            return JSONResponse(told, status)

    return Route(f"/room/{name}", handled, methods=["POST"])


def poured(office: Office, name: str, work: Poured) -> Route:
    """The address `/room/NAME` of a file: its bytes are the body, what is said of it stands in the header `x-given`.

    The header is JSON, percent-encoded: a file's name may be in any script.
    """

    async def handled(request: Request) -> Response:
        try:
            call = _call(office, request, unquote(request.headers.get("x-given", "{}")))
            return JSONResponse(await run_in_threadpool(work, call, await request.body()))
        except Exception as error:  # noqa: BLE001  as above
            status, told = _problem(error, _language(request), name)
            return JSONResponse(told, status)

    return Route(f"/room/{name}", handled, methods=["POST"])


def streamed(office: Office, name: str, work: LongWork) -> Route:
    """The address `/room/NAME` of what takes long: a line of JSON for whatever is told, the result or problem last.

    The work goes on when the browser leaves: what a model was asked for is kept by the work itself. `/room/stop` ends
    it by the name (`job`) that the page gave it.
    """

    async def handled(request: Request) -> Response:
        try:
            call = _call(office, request, await request.body())
        except Exception as error:  # noqa: BLE001  as above
            status, told = _problem(error, _language(request), name)
            return JSONResponse(told, status)
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        async def worked() -> None:
            try:
                lines.put_nowait({"done": await work(call, lines.put_nowait)})
            except asyncio.CancelledError:
                lines.put_nowait({"error": call.say("stopped"), "why": "stopped"})
            except Exception as error:  # noqa: BLE001  as above
                lines.put_nowait(_problem(error, call.language, name)[1])
            finally:
                lines.put_nowait(None)

        task = asyncio.create_task(worked())
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)
        if job := call.given.get("job"):
            call.session.working[str(job)[:64]] = task
            task.add_done_callback(lambda _: call.session.working.pop(str(job)[:64], None))

        async def told_lines() -> AsyncIterator[bytes]:
            while (line := await lines.get()) is not None:
                yield json.dumps(line, ensure_ascii=False).encode() + b"\n"

        return StreamingResponse(told_lines(), media_type="application/x-ndjson", headers={"x-accel-buffering": "no"})

    return Route(f"/room/{name}", handled, methods=["POST"])


def common(office: Office) -> list[Route]:
    """What every room may ask for: its sentences, and to stop what runs."""

    async def words(request: Request) -> Response:
        return JSONResponse(sentences(str(request.path_params["language"])))

    async def stop(request: Request) -> Response:
        try:
            call = _call(office, request, await request.body())
            task = call.session.working.get(call.text("job"))
        except Exception as error:  # noqa: BLE001  as above
            status, told = _problem(error, _language(request), "stop")
            return JSONResponse(told, status)
        if task is not None:
            task.cancel()
        return JSONResponse({"stopped": task is not None})

    return [Route("/words/{language}", words), Route("/room/stop", stop, methods=["POST"])]


def _call(office: Office, request: Request, told: str | bytes) -> Call:
    token = token_of({"cookie": request.headers.get("cookie", "")})
    session = office.sessions.of(token, touch=not by_itself(request.url.path, request.headers))
    same_counsellor(session, request)
    given = json.loads(told or b"{}")
    if not isinstance(given, dict):
        raise UsageError("page", "a request cannot be read", mend="Reload the page.")
    return Call(session, _language(request), given)


def _language(request: Request) -> str:
    told = request.headers.get("x-language", "")
    return told if told in LANGUAGES else next(iter(LANGUAGES))


def _problem(error: Exception, language: str, name: str) -> tuple[int, dict[str, Any]]:
    """A status, and why as a sentence; nothing that a person wrote is quoted."""
    if isinstance(error, Ended):
        return 401, {"error": say(language, "ended"), "why": "ended"}
    if isinstance(error, Conflict):
        return 409, {"error": say(language, "elsewhere_saved"), "why": "conflict"}
    if isinstance(error, XinhengError):
        return 400, {"error": because(language, error), "why": error.what}
    if isinstance(error, (ValueError, TypeError, KeyError, RecursionError)):
        _LOG.warning("a room's request was refused: %s in %s", type(error).__name__, name)
        return 400, {"error": say(language, "not_read"), "why": "refused"}
    _LOG.error("a room's handler failed: %s in %s", type(error).__name__, name)
    return 500, {"error": say(language, "failed", what=type(error).__name__), "why": "failed"}
