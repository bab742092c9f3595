"""Where a desk's database is: its file, or an address of the PostgreSQL protocol, reached by TLS unless it is near.

The driver knows nothing of `sslmode` and its like; they are read here as PostgreSQL's own programs read them, but that
a database on another machine must prove its name where the address says nothing.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from xinheng.errors import UsageError

_MODES: Final = ("disable", "require", "verify-ca", "verify-full")
_NEAR: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_TLS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")


def reached(home: Path, address: str | None) -> tuple[sa.URL, dict[str, Any]]:
    """The address for SQLAlchemy, and what its driver is given beside it.

    Args:
        home: The desk's folder, where the file is when there is no address.
        address: `postgresql://…`, with `sslmode`, `sslrootcert`, `sslcert` and `sslkey` behind `?`; or any other.

    Raises:
        UsageError: An unknown `sslmode`, or a certificate that cannot be read.
    """
    if address is None:
        return sa.URL.create("sqlite", database=str(home / "desk.sqlite")), {}
    if not address.startswith(("postgresql://", "postgres://")):
        return sa.make_url(address), {}
    url = sa.make_url("postgresql+pg8000://" + address.partition("://")[2])
    given = {name: str(url.query[name]) for name in _TLS if name in url.query}
    mode = given.get("sslmode", "disable" if (url.host or "") in _NEAR else "verify-full")
    if mode not in _MODES:
        raise UsageError("desk", "unknown sslmode in the database's address", want=", ".join(_MODES), have=mode)
    return url.difference_update_query(_TLS), {} if mode == "disable" else {"ssl_context": _context(mode, given)}


def _context(mode: str, given: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=given.get("sslrootcert"))
        if "sslcert" in given:
            context.load_cert_chain(given["sslcert"], given.get("sslkey"))
    except (OSError, ssl.SSLError) as error:
        why = "a certificate of the database's address cannot be read"
        raise UsageError("desk", why, have=error.strerror or type(error).__name__) from None
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    return context
