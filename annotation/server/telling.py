"""What the server's processes tell the command that started them: one JSON object per line, and why nothing starts."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from typing import IO, Any, Final

# Classes of sqlite3 and asyncpg, and what they mean to who starts a server.
_ADDRESS: Final = "See the address given with --postgres."
_DATABASES: Final = (
    (
        {"InvalidPasswordError", "InvalidAuthorizationSpecificationError"},
        "PostgreSQL refuses the user or the password",
        _ADDRESS,
    ),
    ({"InvalidCatalogNameError"}, "PostgreSQL has no such database", "Make it: createdb NAME"),
    (
        {"InsufficientPrivilegeError"},
        "PostgreSQL's user may not make tables",
        "Make this user the database's owner.",
    ),
    (
        {"ConnectionRefusedError", "gaierror", "CannotConnectNowError", "TimeoutError"},
        "PostgreSQL does not answer",
        f"See that it runs. {_ADDRESS}",
    ),
    (
        {"DatabaseError"},
        "argilla.db is no database any more",
        "Bring back a backup: xinheng annotate restore FILE",
    ),
)


class Failed(Exception):
    """The server cannot start, or a request about it cannot be met; becomes one readable message of the command."""

    def __init__(self, what: str, *, want: str = "", have: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.facts = {"what": what, "want": want, "have": have, "mend": mend}


class Report:
    """Lines to whoever started this process; passwords travel here and nowhere else.

    Args:
        descriptor: An open file descriptor; 1 is standard output.
    """

    def __init__(self, descriptor: int) -> None:
        self._out: IO[str] = sys.stdout if descriptor == 1 else os.fdopen(descriptor, "w", encoding="utf-8")

    def tell(self, event: str, **facts: Any) -> None:
        """Write one line; a reader that has gone is no reason to fail."""
        try:
            print(json.dumps({"event": event, **facts}), file=self._out, flush=True)
        except (BrokenPipeError, ValueError):
            return

    def close(self) -> None:
        """Tell the reader that nothing more will come."""
        if self._out is not sys.stdout:
            self._out.close()


def reason(error: BaseException) -> Failed:
    """Why something failed, in words that quote no row: the database's own messages carry values."""
    if isinstance(error, Failed):
        return error
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        seen.append(at)
        at = getattr(at, "orig", None) or at.__cause__
    names = {type(each).__name__ for each in seen}
    full = any(isinstance(each, OSError) and each.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} for each in seen)
    words = " ".join(str(each) for each in seen if isinstance(each, sqlite3.Error))
    if full or "disk is full" in words or "disk I/O error" in words:
        return Failed("the disk refuses", want="room for the server's database", have="no space", mend="Make room.")
    if "readonly database" in words or any(isinstance(each, PermissionError) for each in seen):
        return Failed("the home cannot be written to", mend="Give this user the right to write there.")
    for known, what, mend in _DATABASES:
        if names & known:
            return Failed(what, mend=mend)
    have = " from ".join(type(each).__name__ for each in seen)
    return Failed("it failed unexpectedly", have=have, mend="Where: the last lines of server.log in the home.")
