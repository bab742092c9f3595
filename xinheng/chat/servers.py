"""Which program serves a model, in which version, as far as it tells."""

from __future__ import annotations

import asyncio
import importlib.metadata
from typing import TYPE_CHECKING, Final

from xinheng.chat.faults import Fault

if TYPE_CHECKING:
    from xinheng.chat.calls import Backend
    from xinheng.chat.openai import OpenAIBackend

# Where servers of one's own tell their version, beside the path of the API; and in which field.
_PLACES: Final = (("/version", "version"), ("/props", "build_info"), ("/api/version", "version"))
_LONGEST: Final = 80
_PATIENCE_S: Final = 10.0


async def server_of(backend: Backend) -> str:
    """Program and version behind a model, such as `Ollama 0.12.1` or `vllm 0.8.5`; "" where nobody tells.

    A service in the cloud tells nothing that holds for the next request, and is not asked.
    """
    from xinheng.chat.local import LocalBackend
    from xinheng.chat.ollama import OllamaBackend
    from xinheng.chat.openai import OpenAIBackend

    try:
        if isinstance(backend, LocalBackend):
            return f"transformers {importlib.metadata.version('transformers')} in this process"
        if isinstance(backend, OllamaBackend):
            version = (await backend.facts()).version
            return f"Ollama {'.'.join(map(str, version))}" if version < (9999,) else "Ollama, built from source"
        return await _own_server(backend) if isinstance(backend, OpenAIBackend) else ""
    except (Fault, TimeoutError):
        return ""


async def _own_server(backend: OpenAIBackend) -> str:
    entry = await backend.told_of_model()
    owner = entry.get("owned_by")
    name = owner if isinstance(owner, str) and owner.isidentifier() else ""
    for path, field in _PLACES:
        async with asyncio.timeout(_PATIENCE_S):
            told = await backend.beside(path)
        version = told.get(field)
        if isinstance(version, str) and version.strip() and len(version) <= _LONGEST and version.isprintable():
            program = "Ollama" if path == "/api/version" else name or "server"
            return f"{program} {version.strip()}"
    return name
