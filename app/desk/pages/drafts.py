"""What is typed, kept while it is typed: one address that the pages' script sends to, past gradio's queue."""

from __future__ import annotations

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.desk.intake import FIELDS
from app.desk.pages import clients
from app.desk.pages.clients import Writing
from app.desk.pages.guard import token_of
from app.desk.pages.sessions import Ended, Session, Sessions
from app.desk.store import Conflict
from xinheng.errors import XinhengError

_IDS = ("client", "note")
_NUMBERS = ("version", "draft")


def route(sessions: Sessions) -> Route:
    """The address `/draft`: JSON in, and back the draft's version or why it was not kept."""

    async def drafted(request: Request) -> Response:
        try:
            session = sessions.of(token_of({"cookie": request.headers.get("cookie", "")}))
            given = json.loads(await request.body())
            return JSONResponse(await run_in_threadpool(kept, session, given))
        except Ended:
            return JSONResponse({"why": "ended"}, 401)
        except (XinhengError, ValueError, TypeError, AttributeError, RecursionError):
            return JSONResponse({"why": "refused"}, 400)

    return Route("/draft", drafted, methods=["POST"])


def kept(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Keep a note's or a form's draft.

    Args:
        session: Whose.
        given: `window` (as `shown_in` reads it) and `fields`, by the ids of a page's boxes.

    Returns:
        `draft`, its version; or `why`: `elsewhere` (another window keeps it too) or `done` (it was saved meanwhile).

    Raises:
        XinhengError: It cannot be kept.
    """
    window = shown_in(given["window"])
    fields = {str(key): whole(str(value)) for key, value in given["fields"].items()}
    try:
        if window.get("form"):
            held = {key: fields.get(key, "") for key in ("code", *FIELDS)}
            client_id = window["client"] or None
            return {"draft": clients.keep_form(session, held, window["draft"], client_id, window["version"])}
        at, text, day = writing_of(window), fields.get("text", ""), fields.get("date", "")
        if at.draft == 0 and clients.is_newest(session, at, text):
            return {"why": "done"}
        return {"draft": clients.keep(session, at, text, day).draft}
    except Conflict as conflict:
        return {"why": "elsewhere" if conflict.theirs else "done"}


def shown_in(text: Any) -> dict[str, Any]:
    """Which client and note a window shows, as it says itself: ids and numbers, nothing that is believed further.

    Raises:
        ValueError: It says something else.
    """
    held = json.loads(text) if isinstance(text, str) else {}
    if not isinstance(held, dict):
        raise ValueError("no window")  # noqa: TRY004  what is wrong is a text
    ids = {key: held.get(key) or "" for key in _IDS}
    numbers = {key: held.get(key) or 0 for key in _NUMBERS}
    if not all(isinstance(v, str) and len(v) <= 64 for v in ids.values()):
        raise ValueError("no ids")
    if not all(isinstance(v, int) and 0 <= v < 2**31 for v in numbers.values()):
        raise ValueError("no versions")
    return {**ids, **numbers, "form": bool(held.get("form"))}


def writing_of(window: dict[str, Any]) -> Writing:
    """What a window is writing, without its words."""
    return Writing(window["client"], window["note"], window["version"], window["draft"], "", "")


def whole(value: Any) -> Any:
    r"""A text without halves of signs, which no encoding can write.

    >>> whole("a\ud83d"), whole(3)
    ('a\ufffd', 3)
    """
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
