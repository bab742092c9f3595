"""Answers of raters from tables of grades, for the tests of agreement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from benchmarks.rater_answers import ANSWER, Asked

GRADES = ("1", "2", "3", "4", "5")
WARMTH = Asked("warmth", "rating", GRADES, {"en": "Warmth", "zh": "溫暖"})
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


def row(item: str, rater: str, question: str, answer: Any, **more: Any) -> dict[str, Any]:
    """One answer; its item is a case and a dialogue of its own unless said otherwise."""
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    plain = {
        "item_id": item, "case_id": item, "group_id": item, "system": None, "role": "plain", "repeats": None,
        "rater_id": rater, "question": question, "value": float(answer) if number else None,
        "answer": json.dumps(answer), "at": None, "seconds": None, "position": None,
    }  # fmt: skip
    return {**plain, **more}


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ANSWER)


def graded(table: Sequence[Sequence[float | None]], *, question: str = "warmth", **more: Any) -> pl.DataFrame:
    """Answers of raters `r0`, `r1` … (columns) to items `i000` … (rows), in the order of the rows; None: not rated."""
    return frame(
        [
            row(f"i{i:03}", f"r{j}", question, int(grade), at=BEGAN + timedelta(minutes=i), **more)
            for i, grades in enumerate(table)
            for j, grade in enumerate(grades)
            if grade is not None
        ]
    )
