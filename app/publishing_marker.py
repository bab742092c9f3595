"""What `publication.json` says of a publication, held against its own files: who reads only that is told true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.publishing_gates import licences_of
from curation.published import ABOUT, MANIFEST
from curation.published_rows import published_table
from training.model_card import licence_of
from xinheng.licences import publication, unlicensed
from xinheng.printing import plain
from xinheng.publication import MARKER

# What files are listed, and their digest, is held against the files themselves.
_LISTS: Final = frozenset({"format", "files", "digest"})


def untrue(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    """Each field of `publication.json` that the files do not bear out: the field, and not what it holds.

    Args:
        folder: Of the publication.
        told: What `publication.json` says.
    """
    about, manifest = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (ABOUT, MANIFEST))
    model = manifest["kind"] in {"adapter", "model"}
    true = {
        **{name: manifest[name] for name in ("kind", "name")},
        **{name: about[name] for name in ("version", "accepted", *(() if model else ("table", "ids_only")))},
        "artifact": {name: manifest[name] for name in ("kind", "name", "digest")},
        "licence": _licence_of_model(manifest) if model else _licence_of_rows(folder, about),
    }
    for name in sorted({*true, *told} - _LISTS):
        if _text(told.get(name)) != _text(true.get(name)):
            yield f"{MARKER}: {plain(name, limit=60)} is not what {ABOUT}, {MANIFEST} and the licences give"


def _licence_of_rows(folder: Path, about: Mapping[str, Any]) -> str | None:
    return publication(licences_of(published_table(folder)), accept=about["accepted"]).licence or None


def _licence_of_model(manifest: Mapping[str, Any]) -> str | None:
    licence = licence_of(manifest["facts"])
    return None if unlicensed(licence) else licence or None


def _text(value: Any) -> str:
    # As JSON: 1 is not true.
    return json.dumps(value, sort_keys=True)
