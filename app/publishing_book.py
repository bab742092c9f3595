"""What the figures of a publication are worked out from: its own files, and nothing of the machine that made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.publishing_gates import as_told, licences_of
from curation.published import ABOUT, COVERAGE, MANIFEST
from curation.published_rows import published_table
from xinheng.figures import Book
from xinheng.licences import publication
from xinheng.marks import mark_line


def book_of(folder: Path) -> Book:
    """The book of a published dataset, from which its card was written and is checked."""
    about, manifest = _json(folder / ABOUT), _json(folder / MANIFEST)
    rows = published_table(folder)

    def licence() -> dict[str, Any]:
        return as_told(publication(licences_of(rows), accept=about["accepted"]))

    def missing_tags() -> dict[str, int]:
        covered = _json(folder / COVERAGE)
        aside = [*covered.get("outside", []), *covered.get("wrong_role", [])]
        return {"values": len(covered.get("missing", [])), "outside": sum(one["turns"] for one in aside)}

    derived = {
        "licence": licence,
        "missing_tags": missing_tags,
        "marks": lambda: [mark_line(mark) for mark in manifest.get("marks", [])],
    }
    return Book(folder, {str(about["table"]): rows}, derived)


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
