"""A publication's texts, views and lock beside what its own rows and records give when they are written again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.publishing_described import CROISSANT, TERMS, differing_fields, known_of
from app.publishing_lock import RECIPE, lock_of
from app.publishing_texts import CITATION, REBUILD, as_bytes, read_json, texts_of, writer_digest
from app.publishing_views import views_again
from curation import datasheet as sheet
from curation.published import CONTAMINATION, LOCK
from xinheng.artifacts import Artifact
from xinheng.errors import XinhengError
from xinheng.printing import plain

UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError, XinhengError)
# What the machine that published knew of its own code; nobody is led astray by it.
_NOT_OF_THE_MANIFEST: Final = {"built_in", "steps_are_those_of_the_recipe"}


def compared(folder: Path, manifest: Mapping[str, Any], about: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What is not what rows and records give, and of what nobody can tell.

    Texts and views of the same code are the same bytes. Another Xinheng may word a card otherwise: what it wrote is
    looked at too, but where that differs, it is told and not held against it.

    Args:
        folder: Of a published dataset.
        manifest: Its `provenance/manifest.json`.
        about: Its `provenance/about.json`.
    """
    wrong = [*_lock(folder, manifest), *_records(folder, manifest)]
    if about.get("writer") == writer_digest():
        return [*wrong, *_texts(folder, about), *views_again(folder, about)], _uncited(folder, about)
    told = _uncited(folder, about)
    try:
        found = [*_texts(folder, about), *views_again(folder, about)]
    except UNREADABLE as error:
        found = [f"texts and views: cannot be written again, {type(error).__name__}"]
    return wrong, told + another(found)


def another(found: Iterable[str]) -> list[str]:
    """What differs from what this Xinheng writes, where it may do so because another one wrote it."""
    return [f"{one}; another Xinheng wrote it, which may be why" for one in found]


def differing_names(have: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names under which two records hold other values, sorted."""
    return [plain(name, limit=60) for name in sorted({*have, *now}) if have.get(name) != now.get(name)]


def differing(name: str, have: bytes, now: bytes) -> str:
    """Where a text is another than is written now: the line, and not what it says; empty where it is the same."""
    if have == now:
        return ""
    lines, wanted = have.split(b"\n"), now.split(b"\n")
    first = next((at for at, (one, other) in enumerate(zip(lines, wanted, strict=False), 1) if one != other), None)
    at = min(len(lines), len(wanted)) + 1 if first is None else first
    return f"{name}: not what rows and records give, from line {at:,} on"


def _texts(folder: Path, about: Mapping[str, Any]) -> Iterator[str]:
    known = {} if {"authors", "date"} <= {*about} else known_of(folder)
    now = texts_of(folder, {**known, **about})
    for name, text in now.items():
        file = folder / name
        if not file.is_file():
            yield f"{name}: missing"
        elif name == CROISSANT:
            yield from differing_fields(read_json(file), json.loads(text))
        elif name == TERMS and file.read_bytes() != as_bytes(text):
            yield f"{TERMS}: not the terms that the rows have"
        elif told := differing(name, file.read_bytes(), as_bytes(text)):
            yield told
    for name in {CITATION, REBUILD} - {*now}:
        if (folder / name).exists() and not (name == CITATION and _uncited(folder, about)):
            yield f"{name}: not of this publication"


def _uncited(folder: Path, about: Mapping[str, Any]) -> list[str]:
    if "cited" in about or not (folder / CITATION).exists():
        return []
    return [f"{CITATION}: not compared; the Xinheng that wrote it did not keep who is cited"]


def _lock(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    recipe = folder / RECIPE if (folder / RECIPE).is_file() else None
    have = read_json(folder / LOCK)
    now = json.loads(json.dumps(lock_of(Artifact(folder, dict(manifest)), None, recipe), default=str))
    for name in sorted({*have, *now} - _NOT_OF_THE_MANIFEST):
        # A field that an older Xinheng did not have is one that holds nothing.
        if (have.get(name) or None) != (now.get(name) or None):
            yield f"{LOCK}: {name} is not what manifest and recipe give"


def _records(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    answers = read_json(folder / sheet.ANSWERS)
    if answers != sheet.as_json_facts(answers["answers"]):
        yield f"{sheet.ANSWERS}: open questions are not those that nobody answered"
    facts = manifest["facts"]
    held = (
        {"against": facts.get("against", {}), "summary": facts["contamination"]} if "contamination" in facts else None
    )
    have = read_json(folder / CONTAMINATION) if (folder / CONTAMINATION).exists() else None
    if have != held:
        yield f"{CONTAMINATION}: not what the manifest tells"
