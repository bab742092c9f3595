"""A log without anybody's words: what happened and where, never the values it happened to.

Messages of databases, of validators and of the web framework quote the rows they failed on, and people in distress
wrote those. So an exception is logged as its class and the places it went through, and a message only where this
server or its web server wrote it.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Final

# Their messages are fixed words with numbers and addresses.
_SPEAK: Final = ("uvicorn", "xinheng")


class _Quiet(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage().splitlines()[:1] if record.name.split(".")[0] in _SPEAK else []
        words = said[0] if said else f"at {record.module}:{record.lineno}"
        head = f"{self.formatTime(record)} {record.levelname} {record.name} {words}"
        error = record.exc_info[1] if record.exc_info else None
        return head if error is None else f"{head}\n{places(error)}"


def places(error: BaseException) -> str:
    """An exception's class and the places it went through, innermost last, and the same of what caused it."""
    lines: list[str] = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        lines += [f"  {type(at).__module__}.{type(at).__name__}"]
        lines += [
            f"    {frame.name} ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(at.__traceback__)
        ]
        at = at.__cause__ or at.__context__
    return "\n".join(lines)


def install() -> None:
    """Send every log line and every uncaught exception of this process through the quiet form, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Quiet())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Warnings show the line of code that raised them, and some show values.
    logging.captureWarnings(capture=True)
    log = logging.getLogger("xinheng")

    def uncaught(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        log.error("ended by %s\n", kind.__name__, exc_info=(kind, error, error.__traceback__))

    sys.excepthook = uncaught
    threading.excepthook = lambda told: log.error(
        "a thread ended by %s", told.exc_type.__name__, exc_info=told.exc_value or False
    )
