"""What is answered where something failed that nobody foresaw, and what is logged of it: its kind, never its words.

An error's message and a traceback can quote what a person wrote, and logs are read by others than him.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.desk.pages.entry_forms import alert, language_of, page
from app.desk.pages.words import LANGUAGES, reason, say
from xinheng.errors import XinhengError

_LOG = logging.getLogger("xinheng.desk")
# What scripts ask for; people see all other addresses.
_SCRIPTED: Final = ("/room/", "/words/", "/draft", "/session")
# Those that tell errors of others with all their words.
_TALKING: Final = ("uvicorn.error", "asyncio")


def answer(scope: Any, error: BaseException | None, *, status: int = 500, said: str = "") -> Response:
    """A page, or JSON for a script, in the reader's language.

    Args:
        scope: The request's.
        error: What was raised; None where nobody knows.
        status: The answer's.
        said: The key of what is said; empty for the error's own sentence, or that it failed.
    """
    request = Request(scope)
    language = _language(request)
    told = say(language, said) if said else ""
    if not told and isinstance(error, XinhengError):
        told = reason(language, error.what) or ""
    told = told or say(language, "fault")
    path = str(scope["path"])
    if path.startswith(_SCRIPTED) or "/gradio_api/" in path:
        return JSONResponse({"error": told, "why": "failed"}, status)
    return page(language, "fault_title", alert(told), status=status)


def log(scope: Any, error: BaseException | None) -> None:
    """Say which kind of address failed, and how."""
    first = str(scope["path"]).split("/")[1]
    _LOG.error("a request failed: %s at /%s", type(error).__name__, first if first.isascii() else "")


def quiet_logs() -> None:
    """Let the server and its loop log the kinds of errors alone."""
    for name in _TALKING:
        logging.getLogger(name).addFilter(_kind_alone)


def quiet_gradio() -> None:
    """Let gradio log the kinds of errors alone: it prints tracebacks of what it cannot read, with the values."""
    for name in ("queueing", "routes", "route_utils", "utils"):
        module = sys.modules.get(f"gradio.{name}")
        if module is not None and getattr(module, "traceback", None) is traceback:
            setattr(module, "traceback", _Quiet())  # noqa: B010  its own name for the module, not the module's


def _kind_alone(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None or record.name == "asyncio":
        record.msg, record.args = "an error of kind %s", (type(error).__name__,)
        record.exc_info, record.exc_text = None, None
    return True


class _Quiet:
    """The module `traceback` for whom prints what must not be printed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    @staticmethod
    def print_exc(*_: Any, **__: Any) -> None:
        """Log the kind of what was raised."""
        error = sys.exc_info()[1]
        _LOG.error("gradio could not do what was asked: %s", type(error).__name__)


def _language(request: Request) -> str:
    for told in (request.headers.get("x-language", ""), request.url.path.split("/")[1]):
        if told in LANGUAGES:
            return told
    return language_of(request)
