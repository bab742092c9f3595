"""Figures of our own documents that follow from files which come with Xinheng are what these files give."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from xinheng.claims import problems, read
from xinheng.figures import Book

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "datasets_src" / "sample"


def lines(pattern: str) -> pl.LazyFrame:
    """One row per line of JSON Lines files."""
    found = [line for file in sorted(SAMPLE.glob(pattern)) for line in file.read_text(encoding="utf-8").splitlines()]
    return pl.LazyFrame({"line": found})


def by_reading(source: str) -> Callable[[], int]:
    def rows() -> int:
        from datasets_src.catalog import SOURCES
        from datasets_src.reading import Rejected

        return sum(not isinstance(row, Rejected) for row in SOURCES[source].read(SAMPLE))

    return rows


def tuned_nano() -> dict[str, str]:
    """What docs/log.md, with its conditions, says of nano tuned on IMHI's DR, as it stands there."""
    log = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    found = re.search(r"\| nano tuned \| \*\*([\d.]+)\*\* \(([\d.]+) to ([\d.]+), by post\)", log)
    floor = re.search(r"\| majority floor \| ([\d.]+) \|", log)
    assert found
    assert floor
    return dict(zip(("f1", "low", "high", "floor"), (*found.groups(), floor[1]), strict=True))


def settings_of_code() -> dict[str, Any]:
    """Numbers that the code itself decides."""
    from app.desk.recovery_code import ALPHABET, GROUPS
    from curation.recipes.first_generation import STEPS
    from training.recipes.imhi_counselor import RECIPE
    from xinheng import errors

    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "python": told["project"]["requires-python"].removeprefix(">="),
        "failed": errors.CheckFailed.exit_code,
        "wrong": errors.UsageError.exit_code,
        "interrupted": errors.BudgetSpent.exit_code,
        "characters": next(step.keywords["characters"] for step in STEPS if getattr(step, "keywords", None)),
        "bits": 4 * GROUPS * (len(ALPHABET).bit_length() - 1),
        "steps": RECIPE.steps,
    }


@pytest.fixture(scope="module")
def book() -> Book:
    from curation.recipe import names

    return Book(
        ROOT,
        {"sample dialogues": lines("dialogues.*.jsonl"), "broken lines": lines("broken.jsonl")},
        {
            "sample-choices": by_reading("sample-choices"),
            "sample-posts": by_reading("sample-posts"),
            "sample-statements": by_reading("sample-statements"),
            "recipes": lambda: len(names()),
            "tuned nano": tuned_nano,
            "code": settings_of_code,
        },
    )


def test_the_documents_say_what_the_files_give(book: Book) -> None:
    claims = read(ROOT / "docs" / "claims.json")
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in {claim.file for claim in claims}}
    assert [one.told for one in problems(claims, book, texts, whole=False)] == []


def test_a_figure_that_is_not_so_would_be_seen(book: Book) -> None:
    claims = read(ROOT / "docs" / "claims.json")
    assert len({claim.file for claim in claims}) > 1
    for claim in claims:
        text = (ROOT / claim.file).read_text(encoding="utf-8")
        changed = text.replace(claim.printed, f"{claim.printed}1")
        assert problems([claim], book, {claim.file: changed}, whole=False), json.dumps(claim.line)
