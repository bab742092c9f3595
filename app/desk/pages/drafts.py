"""What is typed, kept while it is typed: one address that the pages' script sends to, past gradio's queue."""

from __future__ import annotations

import json
from dataclasses import replace
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

_IDS = ("client", "note", "id")
_NUMBERS = ("version", "draft")


def route(sessions: Sessions) -> Route:
    """The address `/draft`: JSON in, and back the draft's version or why it was not kept."""

    async def drafted(request: Request) -> Response:
        try:
            session = sessions.of(token_of({"cookie": request.headers.get("cookie", "")}))
            same_counsellor(session, request)
            given = json.loads(await request.body())
            return JSONResponse(await run_in_threadpool(kept, session, given))
        except Ended:
            return JSONResponse({"why": "ended"}, 401)
        except (XinhengError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return JSONResponse({"why": "refused"}, 400)

    return Route("/draft", drafted, methods=["POST"])


def same_counsellor(session: Session, request: Request) -> None:
    """Nothing where the page says no counsellor, or this one.

    A page that waits for its desk to be unlocked keeps its words; in a browser that two share, not in the other's file.

    Raises:
        Ended: The page is another counsellor's.
    """
    told = request.headers.get("x-counsellor", "")
    if told and told != session.desk.counsellor_id:
        raise Ended


def kept(session: Session, given: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911  each answer is one line
    """Keep a note's or a form's draft.

    What one page sends is never in its own way: a version that it does not know is taken over where the page itself
    wrote it, as after a save that was refused.

    Args:
        session: Whose.
        given: `window` (as `shown_in` reads it), `fields` by the ids of a page's boxes, and of the page: `tab`, a
            random name, `n`, the number of what it sends, `anew`, whether a draft that is gone is begun again.

    Returns:
        `draft`, its version; or `why`: `elsewhere` (another window keeps it too), `done` (just this was saved), or
        `gone` (the draft was saved with other words, or given up: the words that were sent are in no draft).

    Raises:
        XinhengError: It cannot be kept.
    """
    window = shown_in(given["window"])
    fields = {str(key): whole(str(value)) for key, value in given["fields"].items()}
    tab, n = str(given.get("tab") or "")[:64], int(given.get("n") or 0)
    keeping = _form if window["form"] else _note
    by = {"tab": tab, "n": n}
    try:
        return keeping(session, window, fields, by)
    except Conflict as conflict:
        there = conflict.theirs
    if there is None:
        if _nothing_new(session, window, fields):
            return {"why": "done"}
        if not given.get("anew"):
            return {"why": "gone"}
    elif tab and there.body.get("tab") == tab:
        if there.body.get("n", 0) > n:
            return {"draft": there.version}
    else:
        return {"why": "elsewhere"}
    try:
        return keeping(session, {**window, "draft": there.version if there else 0}, fields, by)
    except Conflict:
        return {"why": "elsewhere"}


def _form(session: Session, window: dict[str, Any], fields: dict[str, str], by: dict[str, Any]) -> dict[str, Any]:
    held = {key: fields.get(key, "") for key in ("code", *FIELDS)}
    return {"draft": clients.keep_form(session, held, window["draft"], window["client"] or None, window["version"], by)}


def _note(session: Session, window: dict[str, Any], fields: dict[str, str], by: dict[str, Any]) -> dict[str, Any]:
    at, text, day = writing_of(window), fields.get("text", ""), fields.get("date", "")
    if at.draft == 0 and clients.is_newest(session, at, text, day):
        return {"why": "done"}
    return {"draft": clients.keep(session, at, text, day, by).draft}


def _nothing_new(session: Session, window: dict[str, Any], fields: dict[str, str]) -> bool:
    """Whether a draft that is gone holds no word that is nowhere else."""
    if window["form"]:
        return not any(value.strip() for value in fields.values())
    text = fields.get("text", "")
    newest = clients.is_newest(session, writing_of(window), text, fields.get("date", ""))
    return newest or not (text.strip() or window["note"])


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
    at = Writing(window["client"], window["note"], window["version"], window["draft"], "", "")
    return replace(at, draft_id=window["id"])


def whole(value: Any) -> Any:
    r"""A text without halves of signs, which no encoding can write.

    >>> whole("a\ud83d"), whole(3)
    ('a\ufffd', 3)
    """
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
