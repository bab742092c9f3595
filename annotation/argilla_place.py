"""Which Argilla server is meant: an address, or the folder in which the embedded one runs; and its owner's key."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from xinheng.errors import ArgillaError, UsageError


@dataclass(frozen=True)
class Server:
    """Where an Argilla server is, and the key of an owner there.

    Args:
        url: Its address, without a path below the one it is served under.
        key: An owner's API key.
        ca: The certificate to trust beside the system's; None for the system's alone.
        embedded: Whether it is the one that `xinheng annotate serve` runs.
    """

    url: str
    key: str = field(repr=False)
    ca: Path | None = None
    embedded: bool = False


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own.

    >>> is_loopback("http://127.0.0.1:6900"), is_loopback("http://localhost"), is_loopback("https://argilla.example")
    (True, True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def find_server(given: str | None, *, home: Path, key: str | None, allow_plain_http: bool = False) -> Server:
    """The server that a person means: an address, an embedded server's folder, or the usual one's.

    Args:
        given: An address (`https://…`), a folder in which `xinheng annotate serve` runs, or None for `home`.
        home: The embedded server's usual folder.
        key: An owner's key, for an address.
        allow_plain_http: Whether an address of another machine may go without TLS.

    Raises:
        UsageError: An address without a key, with odd parts, or without TLS.
        ArgillaError: No server runs in the folder.
    """
    if given is None or not re.match(r"(?i)[a-z][a-z0-9+.-]*://", given):
        return embedded_server(Path(given) if given is not None else home)
    parts = urlsplit(given)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise UsageError("--server", "no such address", want="http://HOST:PORT or https://HOST", have=parts.scheme)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "--server", "an address with more than host and path", want="https://HOST[:PORT][/PATH]",
            mend="The key goes into XINHENG_ARGILLA_KEY.",
        )  # fmt: skip
    if not key:
        raise UsageError(
            given, "no key for this server", want="an owner's API key in XINHENG_ARGILLA_KEY",
            mend="An owner finds it on Argilla's page under his name, My settings.",
        )  # fmt: skip
    if parts.scheme.lower() == "http" and not is_loopback(given) and not allow_plain_http:
        raise UsageError(
            given, "without TLS, anybody on the way reads the dialogues and the key", want="https://",
            mend="Allow it with --allow-plain-http on a network that you trust.",
        )  # fmt: skip
    return Server(given.rstrip("/"), key)


def embedded_server(home: Path) -> Server:
    """The server that runs in a folder, as its `server.json` tells.

    Raises:
        ArgillaError: None runs there, or its files cannot be read.
    """
    file = home / "server.json"
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        ca = told.get("ca")
        return Server(
            str(told["url"]), (home / "owner.key").read_text(encoding="utf-8").strip(), Path(ca) if ca else None,
            embedded=True,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ArgillaError(
            str(home), "no Argilla server runs here", want=f"{Path(error.filename).name}, which a running server keeps",
            mend=f"Start one: xinheng annotate serve --background --home {shlex.quote(str(home))}; "
            "for another deployment give --server https://….",
        ) from None  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArgillaError(
            str(file), "cannot be read", have=type(error).__name__, mend="Stop and start the server again."
        ) from None
