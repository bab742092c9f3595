"""HTTP to a model's server: bounded requests that bring a JSON object or a `Fault`, and streams line by line.

Neither vendor's client bounds time or size: a server that drips bytes holds them for ever. Here every request ends
within its time, and a body that is larger than any answer is let go.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import aiohttp
import yarl

from xinheng.chat.faults import Fault
from xinheng.chat.server_errors import fault_of, read_error, wait_asked_for

TIMEOUT_S: Final = 300.0
LIMIT_BYTES: Final = 8 * 2**20
_CONNECT_S: Final = 15.0


class Wire:
    """One server; connections are kept alive, and there are as many as requests are under way.

    Args:
        base_url: With path, without a trailing slash; a query is sent with every request.
        headers: Sent with every request; never shown.
        timeout_s: In which a request must be over, last byte included.
        limit_bytes: Of a body.
        model: As the user names it, for messages.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        limit_bytes: int = LIMIT_BYTES,
        model: str = "",
    ) -> None:
        self._base = yarl.URL(base_url)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "xinheng", **(headers or {})}
        self.timeout_s, self._limit, self._model = timeout_s, limit_bytes, model
        self._proxy = _proxy_for(self._base)
        self._urls: dict[str, yarl.URL] = {}
        self._sessions: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]] = {}

    @property
    def address(self) -> str:
        """Scheme, host and port, as messages show it."""
        return str(self._base.origin())

    @property
    def place(self) -> str:
        """The address with its path, without a query."""
        return str(self._base.with_query(None)).rstrip("/")

    @property
    def remote(self) -> bool:
        """Whether the host is another machine."""
        return not is_loopback(self._base.host or "")

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path.

        Raises:
            Fault: Anything else, or not in time.
        """
        async with self._response("GET", path, None) as response:
            return await self._object(response)

    async def get_beside(self, path: str) -> dict[str, Any]:
        """The JSON object at a path of the same server beside the `/v1` of its API.

        Raises:
            Fault: Anything else, or not in time.
        """
        name = f"beside {path}"
        self._urls.setdefault(name, self._base.with_path(self._base.path.rstrip("/").removesuffix("/v1") + path))
        return await self.get(name)

    async def post(self, path: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers a JSON object.

        Raises:
            Fault: Anything else, or not in time.
        """
        async with self._response("POST", path, value) as response:
            return await self._object(response)

    async def stream(self, path: str, value: Mapping[str, Any], hear: Callable[[bytes], bool]) -> dict[str, Any] | None:
        """Tell `hear` every line of the answer until it says True, which means that nothing more is awaited.

        Returns:
            None; or, from a server that does not stream, its one JSON object.

        Raises:
            Fault: An error, a connection that breaks, too many bytes, or not in time.
        """
        try:
            return await self._stream(path, value, hear)
        except _ListenerError as failed:
            raise failed.__cause__ or failed from None

    async def _stream(
        self, path: str, value: Mapping[str, Any], hear: Callable[[bytes], bool]
    ) -> dict[str, Any] | None:
        async with self._response("POST", path, value) as response:
            if response.content_type == "application/json" or response.status != 200:
                return await self._object(response)
            async with aclosing(self._lines(response)) as lines:
                async for line in lines:
                    try:
                        if hear(line):
                            return None
                    except (OSError, ValueError) as error:
                        # Whoever listens may have lost a terminal; that is no fault of the server.
                        raise _ListenerError from error
        return None

    async def close(self) -> None:
        """Close the connections of this event loop."""
        _, until = self._sessions.pop(asyncio.get_running_loop(), (None, None))
        if until is not None:
            await until.aclose()

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, value: Mapping[str, Any] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        data = None if value is None else encode(value)
        session, _ = self._sessions.get(asyncio.get_running_loop(), (None, None))
        session = session or await self._open()
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                session.request(
                    method, self._url(path), data=data, allow_redirects=False, proxy=self._proxy
                ) as response,
            ):
                yield response
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                raise Fault("retry", "unavailable", f"no connection to {self.address}") from None
            detail = f"no whole reply within {self.timeout_s:g} s (XINHENG_REQUEST_TIMEOUT_S)"
            raise Fault("retry", "timeout", detail) from None
        except aiohttp.ClientConnectorCertificateError:
            mend = "Its certificate is not trusted here; name the authority's file in SSL_CERT_FILE."
            raise Fault("stop", "unavailable", f"TLS with {self.address}", mend=mend) from None
        except aiohttp.ClientConnectorError:
            raise Fault("retry", "unavailable", f"no connection to {self.address}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp's own words may quote bytes of the answer; its class says enough.
            raise Fault("retry", "unavailable", f"connection broken: {type(error).__name__}") from None

    async def _open(self) -> aiohttp.ClientSession:
        """The session of this event loop; it ends with the loop, if not before."""
        loop = asyncio.get_running_loop()
        for old in [old for old in self._sessions if old.is_closed()]:
            del self._sessions[old]
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            headers={"Content-Type": "application/json", **self._headers},
            trust_env=False,
        )
        until = _until_closed(session)
        self._sessions[loop] = (session, until)
        await anext(until)
        return session

    def _url(self, path: str) -> yarl.URL:
        if (url := self._urls.get(path)) is None:
            url = self._base.with_path(self._base.path.rstrip("/") + path, keep_query=True)
            self._urls[path] = url
        return url

    async def _object(self, response: aiohttp.ClientResponse) -> dict[str, Any]:
        body, status = await self._body(response), response.status
        wait_s = wait_asked_for(response.headers) if status != 200 else None
        try:
            value = decode(body)
        except ValueError as error:
            kind = _kind(response, body)
            if status != 200:
                raise fault_of(status, None, retry_after_s=wait_s, kind=kind, model=self._model) from None
            raise Fault("retry", "unavailable", f"HTTP 200 with {kind or 'a body'}: {error}") from None
        error_told = read_error(value)
        if status != 200 or error_told:
            raise fault_of(status, error_told, retry_after_s=wait_s, model=self._model)
        if not isinstance(value, dict):
            raise Fault("retry", "unavailable", f"HTTP 200 with JSON that is no object but {type(value).__name__}")
        return value

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        pending, size = b"", 0
        while piece := await response.content.readany():
            size += len(piece)
            if size > self._limit:
                raise _too_large(self._limit)
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                yield line.rstrip(b"\r")
        if pending:
            yield pending

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._limit:
            raise _too_large(self._limit)
        pieces, size = [], 0
        while piece := await response.content.readany():
            size += len(piece)
            if size > self._limit:
                raise _too_large(self._limit)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _ListenerError(Exception):
    """What a listener raised, on its way past the errors of the wire."""


def encode(value: Mapping[str, Any]) -> bytes:
    """JSON as UTF-8.

    Raises:
        Fault: A text holds half of a character (a lone surrogate) or NUL. Servers written in C end a text at NUL,
            and nobody takes half a character; to mend the text here would answer another question than was asked.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if "\\u0000" in text and "\0" in _texts(value):
        detail = "the prompt holds a NUL character, at which some servers end a text"
        raise Fault("record", "unsupported", detail, sent=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        detail = "the prompt holds half of a character (a lone surrogate), which cannot be sent"
        raise Fault("record", "unsupported", detail, sent=False) from None


def decode(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        ValueError: It is none; the message says of which kind, without a word of the body.
    """
    if not body.strip():
        raise ValueError("empty")
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        raise ValueError("cut off" if cut else "not JSON") from None
    except ValueError:
        raise ValueError("a number beyond reading") from None


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _proxy_for(url: yarl.URL) -> str | None:
    """The proxy that the environment names; none for this machine, whatever it names."""
    host = url.host or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _texts(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(_texts(item) for pair in value.items() for item in pair)
    return " ".join(map(_texts, value)) if isinstance(value, list | tuple) else ""


def _too_large(limit: int) -> Fault:
    return Fault("record", "too_large", f"more than {limit / 2**20:g} MiB")


def _kind(response: aiohttp.ClientResponse, body: bytes) -> str:
    if body.lstrip()[:1] == b"<":
        return "a page of HTML"
    return "plain text" if response.content_type == "text/plain" and body else ""


async def _until_closed(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Close a session when the generator is closed, which a loop does with all of its own at its end."""
    try:
        yield
    finally:
        await session.close()
