"""A run's record: on what, by what, with what and where a figure was made, so that somebody else can make it again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from xinheng import __version__

_FOLDERS: Final = ("app", "benchmarks", "counselling", "curation", "xinheng")
_ENDINGS: Final = (".py", ".toml", ".csv", ".json", ".jsonl")
# What takes part in an answer or a figure, where it is installed.
_PACKAGES: Final = ("polars", "numpy", "torch", "transformers", "peft", "tokenizers", "bitsandbytes", "aiohttp")


def record(
    *,
    data: Mapping[str, Any],
    prompt: Mapping[str, Any],
    models: Iterable[Mapping[str, Any]],
    decoding: Mapping[str, Any],
    counts: Mapping[str, int],
    cost: Mapping[str, Any],
    command: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record of a run, as JSON values.

    Args:
        data: Of the cases: name, digest (of the rows asked about), rows, table, dataset (the artifact they come from).
        prompt: What makes the prompts: digest, shots, language …
        models: Role, name, identity, remote, as `app.models.model_facts` gives them; server and its version, and the
            names under which it answered.
        decoding: What was wanted of answers, seed included.
        counts: n, invalid, refusals, problems.
        cost: As `xinheng.budget.Spent.facts` gives it.
        command: Its name and options, by which it can be run again.
    """
    return {
        "data": dict(data),
        "prompt": dict(prompt),
        "models": [dict(model) for model in models],
        "decoding": dict(decoding),
        "counts": dict(counts),
        "cost": dict(cost),
        "command": dict(command) if command is not None else None,
        "code": code(),
        "machine": machine(),
    }


@cache
def code() -> dict[str, str]:
    """Version, and the digest of all source files that take part in an answer or a figure."""
    here, digest = Path(__file__).parents[1], hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted((here / folder).rglob("*")):
            if path.suffix in _ENDINGS and path.is_file():
                content = path.read_bytes()
                digest.update(f"{path.relative_to(here).as_posix()} {len(content)}\n".encode() + content)
    return {"version": __version__, "digest": digest.hexdigest()}


def machine() -> dict[str, Any]:
    """This machine: system, processor, cores, memory, accelerators (where torch is in use), versions of packages."""
    found: dict[str, Any] = {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "accelerators": _accelerators(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
    }
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)


def _accelerators() -> list[str]:
    # Never imported for this alone: it takes seconds, and what was not loaded took no part.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
