"""How answers leave the desk: with headers that keep pages to themselves, the cookie under its outer name, no bare 500.

Inside, the session's cookie has one name. A browser sends cookies to every port of a host, so outside it has the port
in its name: two desks of one machine do not take each other's away. Behind TLS `__Host-` keeps others from planting it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from app.desk.pages.sessions import COOKIE
from app.desk.pages.words import LANGUAGES

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_SCRIPT: Final = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_FAILED: Final = 500


def cookie_name(host: str, *, secure: bool) -> str:
    """What a browser calls the cookie of the desk that it reaches by this name.

    >>> cookie_name("127.0.0.1:8700", secure=False), cookie_name("desk.example", secure=True)
    ('xinheng_desk_8700', '__Host-xinheng_desk_443')
    """
    port = found[1] if (found := re.search(r":(\d+)$", host)) else "443" if secure else "80"
    return f"{'__Host-' if secure else ''}{COOKIE}_{port}"


def set_cookie(token: str, *, secure: bool) -> str:
    """The header that gives a browser its token, until the browser is closed; an empty token takes it away."""
    parts = [f"{COOKIE}={token}", "Path=/", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, *(["Secure"] if secure else []), *([] if token else ["Max-Age=0"])])


class Dressed:
    """Answers with the desk's headers; of gradio's pages the inline scripts are allowed by their hashes.

    `begun` says that a browser has got the beginning. `failed` that it was to be a bare 500, which is not sent:
    whoever answers for the application says it as a person would.
    """

    def __init__(self, send: Send, path: str, cookie: str, *, secure: bool) -> None:
        self._send, self._cookie, self._secure = send, cookie, secure
        self._language = path.split("/")[1]
        # gradio's files of `assets` have a digest in their names; other files are asked for anew, and then not changed.
        known = self._language in LANGUAGES and "/assets/" in path
        self._keep = b"private, max-age=86400" if known else b"no-cache" if "/static/" in path else b"no-store"
        self._start: Message | None = None
        self._html = bytearray()
        self.begun = self.failed = False

    async def __call__(self, message: Message) -> None:
        """Send on what an application answers."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self.failed:
            pass
        elif self._start is None:
            await self._send(message)
        else:
            self._html += message.get("body", b"")
            if not message.get("more_body"):
                await self._whole(self._start)

    async def _begin(self, message: Message) -> None:
        headers = [(k, v) for k, v in message["headers"] if k.lower() not in {b"server", b"cache-control"}]
        named = f"{self._cookie}=".encode()
        inside = f"{COOKIE}=".encode()
        headers = [
            (k, named + v.removeprefix(inside)) if k.lower() == b"set-cookie" and v.startswith(inside) else (k, v)
            for k, v in headers
        ]
        message = {**message, "headers": headers}
        kind = next((v for k, v in headers if k.lower() == b"content-type"), b"")
        packed = any(k.lower() == b"content-encoding" for k, _ in headers)
        if message["status"] >= _FAILED and kind.startswith(b"text/plain"):
            self.failed = True
        elif self._language in LANGUAGES and kind.startswith(b"text/html") and not packed:
            self._start = message
        else:
            self.begun = True
            await self._send({**message, "headers": [*headers, *_headers(b"", self._keep, secure=self._secure)]})

    async def _whole(self, start: Message) -> None:
        html = bytes(self._html).replace(b'lang="en"', f'lang="{self._language}"'.encode(), 1)
        hashes = b" ".join(
            b"'sha256-" + base64.b64encode(hashlib.sha256(found[1]).digest()) + b"'" for found in _SCRIPT.finditer(html)
        )
        headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
        headers += [(b"content-length", str(len(html)).encode()), *_headers(hashes, b"no-store", secure=self._secure)]
        self.begun = True
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": html})


def _headers(hashes: bytes, keep: bytes, *, secure: bool) -> list[tuple[bytes, bytes]]:
    policy = (
        b"default-src 'none'; script-src 'self' "
        + hashes
        + b"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; manifest-src 'none'; base-uri 'self'; form-action 'self'; "
        b"frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy),
        (b"cache-control", keep),
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        *([(b"strict-transport-security", b"max-age=31536000")] if secure else []),
    ]
