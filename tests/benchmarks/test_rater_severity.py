"""Severity and adjusted means against least squares by another way, and their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.rater_answers import Grid, grids
from benchmarks.rater_severity import raters, severities, systems
from benchmarks.reliability import severity_adjusted
from benchmarks.resampling import Bootstrap, bootstrap, bootstrap_many
from tests.benchmarks.rater_rows import WARMTH, graded
from xinheng.errors import UsageError

FEW = Bootstrap(300)
N = None
SPARSE = [[4, 2, N], [N, 3, 5], [5, N, 5], [3, 1, N], [N, 2, 3], [2, N, 3], [4, 3, 4]]


def grid(table: list[list[int | None]], names: list[str] | None = None) -> Grid:
    answers = graded(table)
    if names is not None:
        answers = answers.with_columns(
            system=answers["item_id"].replace_strict({f"i{i:03}": n for i, n in enumerate(names)})
        )
    return grids(answers, [WARMTH])[0]


def least_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Items and severities of rating = item + rater, severities summing to 0, from numpy's own solver."""
    n, k = values.shape
    rows, right = [], []
    for i, j in zip(*np.nonzero(~np.isnan(values)), strict=True):
        line = np.zeros(n + k)
        line[[i, n + j]] = 1
        rows.append(line)
        right.append(values[i, j])
    rows.append(np.concatenate([np.zeros(n), np.full(k, 1e3)]))
    found = np.linalg.lstsq(np.array(rows), np.array([*right, 0.0]), rcond=None)[0]
    return found[:n], found[n:]


def test_severities_are_those_of_least_squares() -> None:
    one = grid(SPARSE)
    _, expected = least_squares(one.values)
    found = [estimate.value for estimate in severities(one, how=FEW)]
    assert found == pytest.approx(expected.tolist(), abs=1e-6)
    assert found == pytest.approx([s or 0 for s in severity_adjusted(one.values).severities], abs=1e-9)
    assert all(e.low is not None and e.high is not None and e.low <= (e.value or 0) <= e.high
               for e in severities(one, how=FEW))  # fmt: skip


def test_adjusted_means_of_systems_are_means_of_least_squares_items() -> None:
    names = ["x", "x", "x", "y", "y", "y", "y"]
    one = grid(SPARSE, names)
    items, _ = least_squares(one.values)
    found = {row["system"]: row for row in systems(one, how=FEW)}
    for name in ("x", "y"):
        of = [i for i, n in enumerate(names) if n == name]
        assert found[name]["adjusted"].value == pytest.approx(items[of].mean(), abs=1e-6)
        plain = [np.nanmean(one.values[i]) for i in of]
        assert found[name]["mean"].value == pytest.approx(np.mean(plain))


def test_who_happened_to_rate_a_system_no_longer_moves_its_mean() -> None:
    # Two equal systems; the severe rater saw only the second, and both raters meet on a third.
    table = [[4, N]] * 6 + [[N, 2]] * 6 + [[3, 1], [5, 3], [4, 2]]
    one = grid(table, ["first"] * 6 + ["second"] * 6 + ["both"] * 3)
    found = {row["system"]: row for row in systems(one, how=FEW)}
    assert found["first"]["mean"].value - found["second"]["mean"].value == 2
    assert found["first"]["adjusted"].value == pytest.approx(found["second"]["adjusted"].value)


def test_raters_without_a_common_item_are_not_compared() -> None:
    found = severities(grid([[4, N], [N, 2], [3, N]]), how=FEW)
    assert [estimate.value for estimate in found] == [None, None]
    assert all("share no item" in estimate.reason for estimate in found)


def test_one_rater_alone_has_a_mean_and_no_severity() -> None:
    (found,) = raters(grid([[4], [2], [3]]), how=FEW)
    assert found["mean"].value == 3
    assert found["severity"].value is None


def test_several_measures_drawn_together_are_those_drawn_one_by_one() -> None:
    parts = np.random.default_rng(0).normal(size=(40, 3))
    groups = [i // 2 for i in range(40)]
    together = bootstrap_many(parts, lambda s: s[:, :2] / 40, clusters=groups, how=FEW)
    alone = [bootstrap(parts, lambda s, j=j: s[:, j] / 40, clusters=groups, how=FEW) for j in (0, 1)]
    assert [(e.value, e.low, e.high, e.n) for e in together] == [(e.value, e.low, e.high, e.n) for e in alone]
    lost = bootstrap_many(parts, lambda s: np.stack([s[:, 0], s[:, 0] * np.nan], axis=1), how=FEW, what="nothing there")
    assert lost[0].value is not None
    assert lost[1].value is None
    assert "nothing there" in lost[1].reason
    with pytest.raises(UsageError):
        bootstrap_many(parts, lambda s: s, how=Bootstrap(100, method="bca"))


def test_intervals_hold_the_true_severity_about_as_often_as_they_say() -> None:
    held, rng = 0, np.random.default_rng(3)
    true = np.array([0.4, 0.1, -0.5])
    for _ in range(120):
        worth = rng.normal(3, 0.5, 40)[:, None] + true + rng.normal(0, 0.5, (40, 3))
        one = grid(np.clip(np.round(worth), 1, 5).astype(int).tolist())
        estimate = severities(one, how=FEW)[2]
        # Rounded and clipped grades pull the truth a little towards the middle: the mean over many draws stands in.
        held += (estimate.low or 0) <= -0.5 <= (estimate.high or 0)
    assert held / 120 > 0.85


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([N, 1, 2, 3, 4, 5])] * 3), min_size=3, max_size=12))
def test_every_table_gives_what_least_squares_gives_or_says_why_not(table: list[tuple[int | None, ...]]) -> None:
    if not any(grade is not None for grades in table for grade in grades):
        return
    one = grid([list(grades) for grades in table])
    found = severities(one, how=Bootstrap(100))
    if any(estimate.value is None for estimate in found):
        assert all(estimate.reason for estimate in found)
        return
    assert [e.value for e in found] == pytest.approx(least_squares(one.values)[1].tolist(), abs=1e-6)
