"""Rooms of argilla-server that this server leaves empty: telemetry, the Hugging Face hub, and two search servers.

Telemetry and hub would carry what people in distress wrote, or who works on it, to somebody else's machine; and what
they load (datasets, pandas, pyarrow) is two thirds of the whole server's disk and half of its memory. What is not
installed cannot be switched on by a stray environment variable.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

_REFUSED: Final = "This server exchanges nothing with the Hugging Face hub: use `xinheng annotate push` and `pull`."


class _Refused:
    """Stands where the hub's importer and exporter stood; making one is refused."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ValueError(_REFUSED)


def install() -> None:
    """Put the stand-ins where argilla-server will import the real ones; call it before anything of argilla-server."""
    hub = ModuleType("argilla_server.contexts.hub")
    hub.HubDataset = hub.HubDatasetExporter = _Refused  # type: ignore[attr-defined]
    sys.modules[hub.__name__] = hub
    package, module = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.utils")
    module.send_telemetry = lambda *_, **__: None  # type: ignore[attr-defined]
    package.utils = module  # type: ignore[attr-defined]
    sys.modules["huggingface_hub"], sys.modules["huggingface_hub.utils"] = package, module
    for name, engine in (("elasticsearch", "ElasticSearchEngine"), ("opensearch", "OpenSearchEngine")):
        unused = ModuleType(f"argilla_server.search_engine.{name}")
        setattr(unused, engine, None)
        sys.modules[unused.__name__] = unused


def leave_application_out() -> None:
    """Let argilla-server be imported without its web application, which takes most of the time; for single requests."""
    empty = ModuleType("argilla_server._app")
    empty.app = None  # type: ignore[attr-defined]
    sys.modules[empty.__name__] = empty


def refuse_hub(api: Any) -> None:
    """Answer 403 where a dataset would be read from the hub or written to it.

    Args:
        api: argilla-server's API application (FastAPI), before it serves.
    """
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def refused(_: Request) -> Response:
        return JSONResponse({"detail": _REFUSED}, status_code=403)

    hub = {"/datasets/{dataset_id}/import", "/datasets/{dataset_id}/export"}
    routes = [route for route in api.router.routes if getattr(route, "path", None) not in hub]
    api.router.routes[:] = [*(Route(path, refused, methods=["POST"]) for path in sorted(hub)), *routes]
