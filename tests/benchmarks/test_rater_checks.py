"""Raters against planted answers and against themselves."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from benchmarks.rater_answers import Asked
from benchmarks.rater_checks import gold, repeats, same
from benchmarks.resampling import Bootstrap
from tests.benchmarks.rater_rows import WARMTH, frame, row

FEW = Bootstrap(200)
FLAGS = Asked("flags", "multi_label", ("risk", "promise"))
KIND = Asked("kind", "label", ("warm", "cold"))


def planted(*rows: tuple[str, str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{"item_id": i, "question": q, "answer": json.dumps(a)} for i, q, a in rows])


def test_the_share_of_planted_answers_met_is_told_by_rater_and_for_all() -> None:
    rows = [row(f"g{i}", r, "warmth", 4 if r == "a" else 2, role="gold") for i in range(4) for r in "ab"]
    found = {
        one["rater"]: one
        for one in gold(frame(rows), planted(*((f"g{i}", "warmth", 4) for i in range(4))), [WARMTH], how=FEW)
    }
    assert [found[name]["exact"].value for name in ("", "a", "b")] == [0.5, 1, 0]
    assert found["b"]["distance"].value == 2
    assert (found[""]["exact"].n, found["a"]["exact"].n) == (8, 4)


def test_only_planted_items_count_as_gold() -> None:
    rows = [row("i", "a", "warmth", 4), row("g", "a", "warmth", 4, role="gold")]
    found = gold(frame(rows), planted(("i", "warmth", 1), ("g", "warmth", 4)), [WARMTH], how=FEW)
    assert found[0]["exact"].n == 1


def test_a_repeat_is_held_against_the_same_raters_first_answer() -> None:
    first = [row(f"i{i}", r, "warmth", 1 + i) for i in range(4) for r in "ab"]
    again = [row(f"r{i}", r, "warmth", 1 + i + (r == "b" and i < 2), role="repeat", repeats=f"i{i}", group_id=f"i{i}")
             for i in range(4) for r in "ab"]  # fmt: skip
    found = {one["rater"]: one for one in repeats(frame(first + again), [WARMTH], how=FEW)}
    assert (found["a"]["exact"].value, found["b"]["exact"].value, found[""]["exact"].value) == (1, 0.5, 0.75)
    assert found["b"]["distance"].value == 0.5
    assert found["a"]["kappa"].value == 1
    assert 0.5 < found["b"]["kappa"].value < 1


def test_a_repeat_whose_first_answer_is_missing_says_nothing() -> None:
    rows = [row("i", "a", "warmth", 3), row("r", "b", "warmth", 3, role="repeat", repeats="i")]
    assert repeats(frame(rows), [WARMTH], how=FEW) == []


def test_labels_and_sets_are_compared_whole() -> None:
    rows = [
        row("i", "a", "kind", "warm"), row("r", "a", "kind", "cold", role="repeat", repeats="i"),
        row("i", "a", "flags", ["risk", "promise"]),
        row("r", "a", "flags", ["promise", "risk"], role="repeat", repeats="i"),
    ]  # fmt: skip
    found = {(one["question"], one["rater"]): one for one in repeats(frame(rows), [KIND, FLAGS], how=FEW)}
    assert found["kind", "a"]["exact"].value == 0
    assert found["flags", "a"]["exact"].value == 1
    assert found["flags", "a"]["kappa"] is None
    assert "distance" not in found["kind", "a"]


@pytest.mark.parametrize(
    ("first", "second", "kind", "equal"),
    [
        ([], [], "span", True),
        ([{"field": "r", "start": 0, "end": 4, "label": "x"}], [], "span", False),
        (
            [{"field": "r", "start": 0, "end": 4, "label": "x"}],
            [{"field": "r", "start": 2, "end": 6, "label": "x"}],
            "span",
            True,
        ),
        (
            [{"field": "r", "start": 0, "end": 4, "label": "x"}],
            [{"field": "r", "start": 3, "end": 7, "label": "x"}],
            "span",
            False,
        ),
        (3, 3.0, "rating", True),
        ("a", "b", "label", False),
    ],
)
def test_what_counts_as_the_same(first: Any, second: Any, kind: str, *, equal: bool) -> None:
    assert same(first, second, kind) is equal
