"""What every request and answer of the embedded server keeps to: a bounded body, and pages that load nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# A thousand records, the API's own limit, of 32 kB each.
LARGEST_BODY_BYTES: Final = 32 * 2**20
# Longer ones no file system looks up, and none of Argilla's is.
_LONGEST_PATH_BYTES: Final = 1024

# Argilla's pages set their styles inline. Nothing of another host is loaded, whatever a dialogue holds: an image in it
# would tell a stranger who reads it, and when.
_PAGE: Final = (
    "default-src 'self' 'unsafe-inline' data: blob:; script-src 'self' 'unsafe-eval' {scripts}; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
]


def guarded(app: Application, *, scripts: Sequence[str] = (), largest: int = LARGEST_BODY_BYTES) -> Application:
    """The same application behind the guard.

    A body over the limit is answered with 413, whether its length was told before or not; what came so far is let go.
    Of inline scripts only the pages' own run: Argilla's page writes some words into itself as HTML, among them the
    `status` of its address, so that a link with markup in it would otherwise run in the session of who follows it.

    Args:
        app: What answers.
        scripts: The inline scripts that may run, as a content security policy names them (`sha256-…`).
        largest: Bytes that a request's body may have.
    """
    allowed = " ".join(f"'{script}'" for script in scripts)
    headers = [(b"content-security-policy", _PAGE.format(scripts=allowed).encode()), *_HEADERS]

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        taken, answered, told = 0, False, _told_length(scope)

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return {"type": "http.disconnect"} if taken > largest else message

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                if taken > largest:
                    answered = True
                    await _too_large(send, headers)
                    return
                message["headers"] = [*message.get("headers", []), *headers]
            if not answered:
                await send(message)

        if told is None or told > largest:
            await _too_large(send, headers)
            return
        if "\0" in scope["path"] or len(scope["path"].encode()) > _LONGEST_PATH_BYTES:
            await _answer(send, 404, b'{"detail":"There is no such page."}', headers)
            return
        await app(scope, count, answer)

    return guard


def _told_length(scope: Scope) -> int | None:
    """The body's length as told; 0 where it is not told, None where it is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return 0


async def _too_large(send: Send, guarding: Sequence[tuple[bytes, bytes]]) -> None:
    body = b'{"detail":"The request is larger than this server takes; send fewer records at once."}'
    await _answer(send, 413, body, guarding)


async def _answer(send: Send, status: int, body: bytes, guarding: Sequence[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close"), *guarding]}
    )
    await send({"type": "http.response.body", "body": body})
