"""The one HTTP client of Argilla: an owner's view of a server of the 2.x series, with errors that a person can read.

Answers of a server are never quoted: they may hold what people in distress wrote.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx

from annotation.argilla_place import Server, is_loopback
from xinheng.errors import ArgillaError, UsageError

SERIES: Final = 2
TESTED: Final = ("2.8",)

_API: Final = "/api/v1"
_BUSY: Final = frozenset({429, 502, 503, 504})
_TIMEOUT_S: Final = 60.0
_CONNECT_S: Final = 10.0
_ATTEMPTS: Final = 5
_WAIT_S: Final = 0.5


class Refused(ArgillaError):
    """The server understood and said no; `status` is its HTTP status."""

    status: int = 0


class Unsure(ArgillaError):
    """Nobody knows whether a change was made: the answer did not come. Look before asking again."""


class Argilla:
    """A connection to one server, checked when it is opened: it is an Argilla 2.x and the key is an owner's.

    Reading is repeated when the server is away or busy; a change is sent once, since a second one might double it.

    Args:
        server: Where it is.
        timeout_s: For one answer of the server.
        attempts: Requests for one answer, where reading fails.
        wait_s: Before the first repetition; doubled each time.
    """

    def __init__(
        self, server: Server, *, timeout_s: float = _TIMEOUT_S, attempts: int = _ATTEMPTS, wait_s: float = _WAIT_S
    ) -> None:
        self.server, self.url = server, server.url.rstrip("/")
        self._attempts, self._wait_s = attempts, wait_s
        self.version = ""
        if not (server.key and server.key.isascii() and server.key.isprintable()):
            raise UsageError(self.url, "no usable API key", want="an owner's key, as Argilla's settings page shows it")
        self._http = httpx.Client(
            base_url=self.url + _API,
            headers={"X-Argilla-Api-Key": server.key},
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            verify=_trust(server.ca),
            # A proxy of the environment must not see what goes to this machine.
            trust_env=not is_loopback(self.url),
        )

    def __enter__(self) -> Self:
        try:
            self.version = self._checked_version()
            self._require_owner()
        except BaseException:
            self._http.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def note(self) -> str:
        """What to know of a server of a minor version that nobody tried; empty for a tested one."""
        minor = ".".join(self.version.split(".")[:2])
        if minor in TESTED:
            return ""
        return (
            f"{self.url} runs Argilla {self.version}: every {SERIES}.x is meant to work, tested is "
            f"{', '.join(TESTED)}. Try it with a small task first."
        )

    def get(self, path: str, **params: str | int) -> Any:
        """What lies at a path below /api/v1; asked again while the server is away or busy.

        Raises:
            Refused: The server said no.
            ArgillaError: It does not answer, or answers what no Argilla answers.
        """
        problem: ArgillaError | None = None
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(self._wait_s * 2 ** (attempt - 1))
            try:
                answer = self._http.get(path, params=params)
            except httpx.TransportError as error:
                problem = self._away(error)
                continue
            except httpx.InvalidURL as error:
                raise self._no_argilla(type(error).__name__) from None
            if answer.status_code in _BUSY:
                problem = self._refusal(answer)
                continue
            return self._read(answer)
        raise problem or ArgillaError(self.url, "not asked")

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer to a change that is sent once.

        Raises:
            Unsure: No answer came; the change may have been made.
            Refused: The server said no.
        """
        return self._send("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """As `post`."""
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Any:
        """As `post`."""
        return self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        content = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except httpx.TransportError as error:
            told = self._away(error)
            raise Unsure(told.who, told.what, want=told.want, have=told.have, mend=told.mend) from None
        if answer.status_code in _BUSY:
            told = self._refusal(answer)
            raise Unsure(told.who, told.what, want=told.want, have=told.have, mend=told.mend)
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> Any:
        if not answer.is_success:
            raise self._refusal(answer)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise self._no_argilla("no JSON") from None

    def _refusal(self, answer: httpx.Response) -> Refused:
        status = answer.status_code
        what, mend = _REFUSALS.get(status, (f"the server answered with HTTP {status}", "Its log tells why."))
        if answer.is_redirect:
            what, mend = "the address sends elsewhere", "Name the address at its end, with https:// where it has TLS."
        refused = Refused(self.url, what, have=f"HTTP {status}{_reason(answer)}", mend=mend)
        refused.status = status
        return refused

    def _away(self, error: httpx.TransportError) -> ArgillaError:
        if isinstance(error, httpx.ConnectError) and "CERTIFICATE" in str(error).upper():
            return ArgillaError(
                self.url, "its certificate is not trusted", want="one that this machine trusts",
                mend="Add the certificate's authority to this machine (SSL_CERT_FILE), or check the address.",
            )  # fmt: skip
        slow = isinstance(error, httpx.TimeoutException)
        return ArgillaError(
            self.url,
            "does not answer in time" if slow else "cannot be reached",
            want="a running Argilla server",
            have=type(error).__name__,
            mend="`xinheng annotate status` tells whether the embedded one runs; run the command again then.",
        )

    def _no_argilla(self, have: str) -> ArgillaError:
        return ArgillaError(
            self.url, "is not an Argilla server", want=f"Argilla {SERIES}.x", have=have,
            mend="Give the address that raters open in their browser, without a page behind it.",
        )  # fmt: skip

    def _checked_version(self) -> str:
        try:
            told = self.get("/version")
        except Refused as refused:
            if refused.status in (404, 405, 200):
                raise self._no_argilla(f"HTTP {refused.status} where its version should be") from None
            raise
        version = told.get("version") if isinstance(told, dict) else None
        if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+[\w.+-]*", version):
            raise self._no_argilla("no version")
        if int(version.split(".")[0]) != SERIES:
            raise ArgillaError(
                self.url,
                "an Argilla of another series",
                want=f"{SERIES}.x (tested: {', '.join(TESTED)})",
                have=version,
                mend="Use such a server, or the embedded one: `xinheng annotate serve`.",
            )
        return version

    def _require_owner(self) -> None:
        me = self.get("/me")
        if not isinstance(me, dict) or me.get("role") != "owner":
            role = me.get("role") if isinstance(me, dict) else None
            raise ArgillaError(
                self.url,
                "the key is not an owner's",
                want="the API key of an owner",
                have=f"one of an {role}" if role in ("admin", "annotator") else "another",
                mend="An owner finds it on Argilla's page under his name, My settings.",
            )


_KEY_WRONG: Final = (
    "the API key is not known there",
    "Set XINHENG_ARGILLA_KEY to an owner's key of this very server; the embedded server needs none.",
)
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    401: _KEY_WRONG,
    403: ("not allowed with this key", "Use the key of an owner."),
    404: ("not there", "Was it deleted on the server? Check the address."),
    409: ("already there", "Look at it on the server's page."),
    413: ("too large for the server", "Shorten the text, or raise the limit of the proxy before the server."),
    422: ("the server does not take it", "Compare its version with those that were tested."),
    429: ("the server is busy", "Run the same command again later."),
    502: ("the server behind the proxy is away", "Run the same command again when it is back."),
    503: ("the server is busy or starting", "Run the same command again later."),
    504: ("the server behind the proxy is away", "Run the same command again when it is back."),
}


def _reason(answer: httpx.Response) -> str:
    """What of a refusal may be told: which place and which kind of fault, never a value."""
    try:
        detail = answer.json().get("detail")
    except (ValueError, AttributeError):
        return ""
    if isinstance(detail, dict) and isinstance(params := detail.get("params"), dict):
        detail = params.get("errors")
    if isinstance(detail, list):
        faults = [fault for fault in detail if isinstance(fault, dict)]
        places = {
            f"{'.'.join(str(part) for part in fault.get('loc', ()) if isinstance(part, int) or _plain(part))}: "
            f"{fault['type']}"
            for fault in faults
            if _plain(fault.get("type")) and isinstance(fault.get("loc"), list)
        }
        return f" ({'; '.join(sorted(places)[:3])})" if places else ""
    known = next((words for pattern, words in _KNOWN if isinstance(detail, str) and pattern in detail), "")
    return f" ({known})" if known else ""


_KNOWN: Final = (
    ("missing required value for field", "a required field is empty"),
    ("value must be a string", "a field is no text"),
    ("non configured fields", "a field that the dataset lacks"),
    ("same external ids", "records that are there already"),
    ("metadata is not valid", "metadata that the dataset lacks"),
    ("is not unique", "the name is taken"),
    ("already exists", "the name is taken"),
)


def _plain(part: object) -> bool:
    return isinstance(part, str) and re.fullmatch(r"[a-z_]{1,40}", part) is not None


def _trust(ca: Path | None) -> ssl.SSLContext | bool:
    if ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(str(ca), "no certificate", want="a PEM file", have=type(error).__name__) from None
