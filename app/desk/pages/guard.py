"""What stands before every page: nothing is answered that is not on its list, and nothing without a session.

gradio has many addresses of its own, some of which ask for nobody's name. Only those that the pages need are let
through; a window's answers go to the session that opened it; what changes something must come from our own pages.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

from app.desk.pages.dressing import Dressed, Message, Send, cookie_name
from app.desk.pages.sessions import COOKIE, Ended, Sessions
from app.desk.pages.words import LANGUAGES

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# What a person types may be 5 MB; in JSON a sign can take six times its bytes.
LARGEST: Final = 32 * 2**20
LARGEST_FORM: Final = 32 * 2**10
# A document for the library; it is read whole.
LARGEST_FILE: Final = 64 * 2**20
# A form is sent by whoever wants to; what is larger by whoever is known already, and over a slow line.
SLOWEST_FORM_S: Final = 30.0
SLOWEST_S: Final = 300.0
# Addresses that look for the session themselves, or need none.
_OPEN: Final = re.compile(
    r"/|/unlock|/begin|/recover|/lock|/session|/draft|/static/[a-z-]+\.(?:js|css)|/words/[\w-]+|/room/[a-z-]+|/paper/[\w./-]+"
)
# What a page asks by itself, again and again: it keeps no session alive. Others say so in the header `x-by-itself`.
BY_ITSELF: Final = frozenset({"/room/training-progress", "/room/draft-look"})
# What people are told of a form that was refused; scripts know these numbers.
_TOLD: Final = {408: "too_slow", 413: "too_large"}
_FORMS: Final = frozenset({"/unlock", "/begin", "/recover", "/lock"})
_LANGUAGE: Final = "xinheng_language"
_FILES: Final = frozenset({"/room/library-add", "/room/attach"})
_MOUNTED: Final = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/(.*)", re.DOTALL)
_READ: Final = re.compile(
    r"(?:|config|theme\.css|gradio_api/queue/data|gradio_api/heartbeat/[\w-]+|gradio_api/startup-events"
    r"|(?:assets|static)/[\w./-]+)"
)
_WRITTEN: Final = re.compile(r"gradio_api/queue/join")
_SAME: Final = frozenset({"", "same-origin", "none"})


# Whether an event of a language's page is one that the page can send.
Fits = Callable[[str, Any], Awaitable[bool]]


class Guard:
    """An application behind a list of addresses, sessions, an origin check, limits and headers."""

    def __init__(
        self, app: App, sessions: Sessions, hosts: frozenset[str], *, secure: bool, fits: Fits | None = None
    ) -> None:
        self._app, self._sessions, self._hosts, self._secure = app, sessions, hosts, secure
        self._fits = fits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with a bare status."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        outside = cookie_name(headers.get("host", ""), secure=self._secure)
        headers["cookie"] = _cookies(headers.get("cookie", ""), outside)
        kept = [(key, value) for key, value in scope["headers"] if key.lower() != b"cookie"]
        scope = {**scope, "headers": [*kept, (b"cookie", headers["cookie"].encode("latin-1"))]}
        dressed = Dressed(send, scope["path"], outside, secure=self._secure)
        error: BaseException | None = None
        try:
            status, body = await self._judged(scope, receive, headers)
            if status == 303:
                await _bare(send, 303, location=b"/")
            elif status in _TOLD and scope["path"] in _FORMS:
                await self._failed(scope, receive, send, None, status=status)
            elif status:
                await _bare(send, status)
            else:
                await self._app(scope, receive if body is None else _again(body, receive), dressed)
        except Exception as raised:  # noqa: BLE001  whatever it is, a person is told; its words stay here
            error, dressed.failed = raised, True
        if dressed.failed:
            await self._failed(scope, receive, send if not dressed.begun else None, error)

    async def _failed(
        self, scope: Scope, receive: Receive, send: Send | None, error: BaseException | None, *, status: int = 500
    ) -> None:
        """Say that it failed, in the reader's language; `send` is None where an answer has begun already."""
        from app.desk.pages import faults  # it uses the forms, which use this

        if status not in _TOLD:
            faults.log(scope, error)
        if send is not None:
            outside = cookie_name("", secure=self._secure)
            answer = faults.answer(scope, error, status=status, said=_TOLD.get(status, ""))
            await answer(scope, receive, Dressed(send, scope["path"], outside, secure=self._secure))

    async def _judged(  # noqa: PLR0911  each line refuses one thing
        self, scope: Scope, receive: Receive, headers: dict[str, str]
    ) -> tuple[int, bytes | None]:
        """A status to refuse with, else 0; and the body where it was read."""
        path, method = str(scope["path"]), scope["method"]
        if headers.get("host", "") not in self._hosts:
            return 421, None  # a name that somebody else lets point here
        if method not in {"GET", "HEAD", "POST"}:
            return 405, None
        if method == "POST" and not self._ours(headers):
            return 403, None
        inner = _MOUNTED.fullmatch(path)
        if path != "/favicon.ico" and not _OPEN.fullmatch(path):
            if not inner or not (_WRITTEN if method == "POST" else _READ).fullmatch(inner[1]) or ".." in path:
                return 404, None
        else:
            inner = None
        if path.startswith(("/room/", "/paper/", "/draft")) or (inner and method == "POST"):
            try:  # before anything large is read
                self._sessions.of(token_of(headers), touch=not by_itself(path, headers) and not inner)
            except Ended:
                return 401, None
        status, body = await _body(receive, headers, path) if method == "POST" else (0, None)
        if status or inner is None:
            return status or (204 if path == "/favicon.ico" else 0), body
        try:
            return await self._let(scope, inner[1], token_of(headers), body), body
        except Ended:
            return (303 if inner[1] == "" else 401), None

    async def _let(self, scope: Scope, inner: str, token: str, body: bytes | None) -> int:
        """Raise `Ended` unless a session asks for its own; a status where it asks for what no page of ours sends."""
        self._sessions.of(token, touch=inner in {"", "gradio_api/queue/join"})
        tab: Any = None
        held: Any = None
        if inner == "gradio_api/queue/join":
            try:
                held = json.loads(body or b"")
            except (ValueError, RecursionError):
                return 400
            if not isinstance(held, dict):
                return 400
            tab = held.get("session_hash")
        elif inner == "gradio_api/queue/data":
            tab = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[0]
        elif inner.startswith("gradio_api/heartbeat/"):
            tab = inner.rpartition("/")[2]
        else:
            return 0
        if not isinstance(tab, str) or not tab:
            raise Ended
        self._sessions.claim(token, tab)
        if held is not None and self._fits and not await self._fits(str(scope["path"]).split("/")[1], held):
            return 400
        return 0

    def _ours(self, headers: dict[str, str]) -> bool:
        here = f"{'https' if self._secure else 'http'}://{headers.get('host', '')}"
        return headers.get("origin") == here and headers.get("sec-fetch-site", "") in _SAME


def token_of(headers: dict[str, str]) -> str:
    """The session's token in a request's headers; empty where there is none."""
    return _cookie(headers.get("cookie", ""), COOKIE)


def by_itself(path: str, headers: Mapping[str, str]) -> bool:
    """Whether a page asks without anybody having done something."""
    return path in BY_ITSELF or headers.get("x-by-itself") == "1"


def _cookies(told: str, outside: str) -> str:
    """Of a browser's cookies those of this desk, by the names they have inside; others are nobody's here."""
    named = {COOKIE: _cookie(told, outside), _LANGUAGE: _cookie(told, _LANGUAGE)}
    return "; ".join(f"{name}={value}" for name, value in named.items() if value)


def _cookie(told: str, wanted: str) -> str:
    # By hand: of a list with one odd cookie of another program the standard library reads none.
    pairs = (part.strip().partition("=") for part in told.split(";"))
    return next((value for name, _, value in pairs if name == wanted), "")


async def _body(receive: Receive, headers: dict[str, str], path: str) -> tuple[int, bytes | None]:
    """A request's body, or the status to refuse it with where it is too large or comes too slowly."""
    largest = LARGEST_FORM if path in _FORMS else LARGEST_FILE if path in _FILES else LARGEST
    told = headers.get("content-length", "0")
    if not told.isdigit() or int(told) > largest:
        return 413, None
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(SLOWEST_FORM_S if path in _FORMS else SLOWEST_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return 400, None
                parts.append(message.get("body", b""))
                size, more = size + len(parts[-1]), message.get("more_body", False)
                if size > largest:
                    return 413, None
    except TimeoutError:
        return 408, None
    return 0, b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _bare(send: Send, status: int, *, location: bytes = b"") -> None:
    headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
    headers += [(b"location", location)] if location else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
