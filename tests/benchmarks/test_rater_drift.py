"""Drift: found where it was put, absent where it was not, and blind to what the items do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.rater_answers import Asked, grids
from benchmarks.rater_drift import drifts, order
from benchmarks.resampling import Bootstrap
from tests.benchmarks.rater_rows import BEGAN, GRADES, frame, graded, row

FEW = Bootstrap(300)
TEN = Asked("warmth", "rating", tuple(str(n) for n in range(31)))


def found(answers: pl.DataFrame, asked: Asked = TEN) -> dict[str, dict[str, Any]]:
    return {str(one["rater"]): one for one in drifts(grids(answers, [asked])[0], order(answers), how=FEW)}


def test_a_rater_who_grows_generous_is_found_and_the_others_are_not_blamed_alike() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(8, 14, 60)
    table = [[b + i // 10 + rng.integers(0, 2), b + rng.integers(0, 2), b + rng.integers(0, 2)]
             for i, b in enumerate(base.tolist())]  # fmt: skip
    one = found(graded(table))
    assert one["r0"]["severity"].low > 3
    # Held against the mean of the one who grew generous and the one who did not.
    assert -4 < one["r1"]["severity"].value < -1
    assert [w["severity"] for w in one["r0"]["windows"]] == sorted(w["severity"] for w in one["r0"]["windows"])


def test_items_that_become_better_are_no_drift() -> None:
    one = found(graded([[i // 3 + 2, i // 3 + 2 + i % 2] for i in range(60)]))
    assert all(abs(told["severity"].value) < 0.2 for told in one.values())


def test_the_slope_is_that_of_a_straight_line_through_the_distances() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(5, 12, (25, 2)).tolist()
    one = found(graded(table))["r0"]["severity"]
    distance = np.array([a - b for a, b in table], dtype=float)
    # The other's severity is a constant and moves no slope.
    assert one.value == pytest.approx(np.polyfit(np.linspace(0, 1, 25), distance, 1)[0])
    assert one.n == 25


def test_agreement_of_labels_can_drift_too() -> None:
    kind = Asked("kind", "label", ("warm", "cold"))
    rows = [row(f"i{i:03}", r, "kind", "cold" if r == "a" and i > 20 else "warm", at=BEGAN + timedelta(minutes=i))
            for i in range(40) for r in "abc"]  # fmt: skip
    one = found(frame(rows), kind)
    assert one["a"]["agreement"].high < -0.5
    assert "severity" not in one["a"]
    assert one["a"]["windows"][0] == {"window": 0, "n": 8, "agreement": 1.0}


def test_each_rater_has_an_order_of_his_own() -> None:
    rows = [
        row(f"i{i}", r, "warmth", 3, at=BEGAN + timedelta(minutes=i if r == "a" else -i))
        for i in range(3)
        for r in "ab"
    ]
    places = order(frame(rows))
    assert places.filter(pl.col("rater_id") == "a")["place"].to_list() == [0, 0.5, 1]
    assert places.filter(pl.col("rater_id") == "b")["place"].to_list() == [1, 0.5, 0]


def test_without_times_the_given_order_stands_in_and_without_that_nothing_is_told() -> None:
    timeless = graded([[1 + i % 5, 1 + (i * 2) % 5] for i in range(12)]).with_columns(
        at=pl.lit(None, pl.Datetime("ms", "UTC"))
    )
    placed = timeless.with_columns(position=timeless["item_id"].str.slice(1).cast(pl.UInt32))
    five = Asked("warmth", "rating", GRADES)
    assert found(placed, five)["r0"]["severity"].value is not None
    bare = found(timeless, five)["r0"]["severity"]
    assert bare.value is None
    assert "nobody recorded" in bare.reason


def test_repeats_and_planted_items_do_not_stretch_the_order() -> None:
    rows = [row(f"i{i}", "a", "warmth", 3, at=BEGAN + timedelta(minutes=i)) for i in range(3)]
    rows.append(row("again", "a", "warmth", 3, role="repeat", at=BEGAN + timedelta(hours=5)))
    assert order(frame(rows))["item_id"].to_list() == ["i0", "i1", "i2"]


def test_few_items_or_one_moment_give_a_reason() -> None:
    assert "fewer than 5" in found(graded([[1, 2], [3, 4]]))["r0"]["severity"].reason
    moment = graded([[1 + i % 5, 2 + i % 3] for i in range(9)]).with_columns(
        at=pl.lit(BEGAN).cast(pl.Datetime("ms", "UTC"))
    )
    assert "of one time" in found(moment)["r0"]["severity"].reason
