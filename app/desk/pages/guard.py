"""What stands before every page: nothing is answered that is not on its list, and nothing without a session.

gradio has many addresses of its own, some of which ask for nobody's name. Only those that the pages need are let
through; a window's answers go to the session that opened it; what changes something must come from our own pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from app.desk.pages.sessions import COOKIE, Ended, Sessions
from app.desk.pages.words import LANGUAGES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# What a person types may be 5 MB; in JSON a sign can take six times its bytes.
LARGEST: Final = 32 * 2**20
LARGEST_FORM: Final = 32 * 2**10
# A document for the library; it is read whole.
LARGEST_FILE: Final = 64 * 2**20
# Addresses that look for the session themselves, or need none.
_OPEN: Final = re.compile(
    r"/|/unlock|/begin|/recover|/lock|/session|/draft|/static/[a-z-]+\.(?:js|css)|/words/[\w-]+|/room/[a-z-]+|/paper/[\w./-]+"
)
# What a page asks by itself, again and again: it keeps no session alive.
BY_ITSELF: Final = frozenset({"/room/training-progress"})
_FORMS: Final = frozenset({"/unlock", "/begin", "/recover", "/lock"})
_FILES: Final = frozenset({"/room/library-add", "/room/attach"})
_MOUNTED: Final = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/(.*)", re.DOTALL)
_READ: Final = re.compile(
    r"(?:|config|theme\.css|gradio_api/queue/data|gradio_api/heartbeat/[\w-]+|gradio_api/startup-events"
    r"|(?:assets|static)/[\w./-]+)"
)
_WRITTEN: Final = re.compile(r"gradio_api/queue/join")
_SCRIPT: Final = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_SAME: Final = frozenset({"", "same-origin", "none"})


class Guard:
    """An application behind a list of addresses, sessions, an origin check, limits and headers."""

    def __init__(self, app: App, sessions: Sessions, hosts: frozenset[str], *, secure: bool) -> None:
        self._app, self._sessions, self._hosts, self._secure = app, sessions, hosts, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with a bare status."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        status, body = await self._judged(scope, receive, headers)
        if status == 303:
            await _bare(send, 303, location=b"/")
        elif status:
            await _bare(send, status)
        else:
            again = receive if body is None else _again(body, receive)
            await self._app(scope, again, _Dressed(send, scope["path"], secure=self._secure))

    async def _judged(  # noqa: C901, PLR0911  each line refuses one thing
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
        if path.startswith(("/room/", "/paper/")):
            try:  # before anything large is read
                self._sessions.of(token_of(headers), touch=path not in BY_ITSELF)
            except Ended:
                return 401, None
        largest = LARGEST_FORM if path in _FORMS else LARGEST_FILE if path in _FILES else LARGEST
        body = await _body(receive, headers, largest) if method == "POST" else None
        if method == "POST" and body is None:
            return 413, None
        if path == "/favicon.ico":
            return 204, body
        if _OPEN.fullmatch(path):
            return 0, body
        inner = _MOUNTED.fullmatch(path)
        if not inner or not (_WRITTEN if method == "POST" else _READ).fullmatch(inner[1]) or ".." in path:
            return 404, None
        try:
            self._let(scope, inner[1], token_of(headers), body)
        except Ended:
            return (303 if inner[1] == "" else 401), None
        return 0, body

    def _let(self, scope: Scope, inner: str, token: str, body: bytes | None) -> None:
        """Raise `Ended` unless a session asks for its own."""
        self._sessions.of(token, touch=inner in {"", "gradio_api/queue/join"})
        tab: Any = None
        if inner == "gradio_api/queue/join":
            try:
                held = json.loads(body or b"")
            except (ValueError, RecursionError):
                raise Ended from None
            tab = held.get("session_hash") if isinstance(held, dict) else None
        elif inner == "gradio_api/queue/data":
            tab = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[0]
        elif inner.startswith("gradio_api/heartbeat/"):
            tab = inner.rpartition("/")[2]
        else:
            return
        if not isinstance(tab, str) or not tab:
            raise Ended
        self._sessions.claim(token, tab)

    def _ours(self, headers: dict[str, str]) -> bool:
        here = f"{'https' if self._secure else 'http'}://{headers.get('host', '')}"
        return headers.get("origin") == here and headers.get("sec-fetch-site", "") in _SAME


def token_of(headers: dict[str, str]) -> str:
    """The session's token in a request's headers; empty where there is none."""
    try:
        cookie: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookie[COOKIE].value if COOKIE in cookie else ""


def set_cookie(token: str, *, secure: bool) -> str:
    """The header that gives a browser its token, until the browser is closed; an empty token takes it away."""
    parts = [f"{COOKIE}={token}", "Path=/", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, *(["Secure"] if secure else []), *([] if token else ["Max-Age=0"])])


class _Dressed:
    """Answers with headers that keep pages to themselves; of HTML the inline scripts are allowed by their hashes."""

    def __init__(self, send: Send, path: str, *, secure: bool) -> None:
        self._send, self._secure = send, secure
        self._language = path.split("/")[1]
        self._kept = "/assets/" in path or "/static/" in path
        self._start: Message | None = None
        self._html = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(k, v) for k, v in message["headers"] if k.lower() not in {b"server", b"cache-control"}]
            message = {**message, "headers": headers}
            kind = next((v for k, v in headers if k.lower() == b"content-type"), b"")
            packed = any(k.lower() == b"content-encoding" for k, _ in headers)
            if kind.startswith(b"text/html") and not packed:
                self._start = message
                return
            await self._send({**message, "headers": [*headers, *_headers(b"", self._secure, kept=self._kept)]})
        elif self._start is None:
            await self._send(message)
        else:
            self._html += message.get("body", b"")
            if not message.get("more_body"):
                await self._whole(self._start)

    async def _whole(self, start: Message) -> None:
        html = bytes(self._html)
        if self._language in LANGUAGES:
            html = html.replace(b'lang="en"', f'lang="{self._language}"'.encode(), 1)
        hashes = b" ".join(
            b"'sha256-" + base64.b64encode(hashlib.sha256(found[1]).digest()) + b"'" for found in _SCRIPT.finditer(html)
        )
        headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
        headers += [(b"content-length", str(len(html)).encode()), *_headers(hashes, self._secure, kept=False)]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": html})


def _headers(hashes: bytes, secure: bool, *, kept: bool) -> list[tuple[bytes, bytes]]:  # noqa: FBT001  called here alone
    policy = (
        b"default-src 'none'; script-src 'self' "
        + hashes
        + b"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; manifest-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy),
        (b"cache-control", b"private, max-age=86400" if kept else b"no-store"),
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        *([(b"strict-transport-security", b"max-age=31536000")] if secure else []),
    ]


async def _body(receive: Receive, headers: dict[str, str], largest: int) -> bytes | None:
    """A request's body; None where it is larger than that."""
    told = headers.get("content-length", "0")
    if not told.isdigit() or int(told) > largest:
        return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > largest:
            return None
    return b"".join(parts)


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
