"""Every coefficient of a question, against published tables; and each two raters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.kappa import cohen_kappa
from benchmarks.rater_answers import Asked, Grid, grids
from benchmarks.rater_statistics import packed, pairs, statistics
from benchmarks.resampling import Bootstrap
from tests.benchmarks.rater_rows import GRADES, WARMTH, frame, graded, row

FEW = Bootstrap(200)
N = None
# Krippendorff's example of four coders and twelve units; Shrout & Fleiss' of four judges and six targets.
KRIPPENDORFF = [
    [1, 1, N, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1],
    [2, 2, 2, 2], [N, 5, 5, 5], [N, N, 1, 1], [N, N, 3, N],
]  # fmt: skip
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def only(table: list[list[int | None]], asked: Asked = WARMTH) -> Grid:
    return grids(graded(table), [asked])[0]


def values(grid: Grid) -> dict[str, float | None]:
    return {name: estimate.value for name, estimate in statistics(grid, how=FEW)}


def test_krippendorffs_own_table_gives_his_figures() -> None:
    found = values(only(KRIPPENDORFF))
    for level, published in {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}.items():
        assert found[f"alpha_{level}"] == pytest.approx(published, abs=5e-4)
    assert found["gwet_ac1"] == pytest.approx(0.77544, abs=5e-6)


def test_shrout_and_fleiss_table_gives_their_six_correlations() -> None:
    ten = Asked("warmth", "rating", tuple(str(n) for n in range(1, 11)))
    found = values(only(SHROUT_FLEISS, ten))
    names = ("icc_1_1", "icc_a_1", "icc_c_1", "icc_1_k", "icc_a_k", "icc_c_k")
    assert [round(found[name] or 0, 2) for name in names] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]


def test_mean_kappa_is_the_mean_of_the_matrix() -> None:
    grid = only(KRIPPENDORFF)
    of_pairs = [row["kappa"].value for row in pairs(grid, how=FEW)]
    assert values(grid)["kappa_quadratic"] == pytest.approx(np.mean(of_pairs))


def test_without_variation_nothing_is_told_but_that_all_agree() -> None:
    found = dict(statistics(only([[4, 4, 4]] * 6), how=FEW))
    for name, estimate in found.items():
        assert (estimate.value is None) == (name != "exact_agreement"), name
        assert estimate.reason or name == "exact_agreement"
    assert found["exact_agreement"].value == 1


def test_labels_are_never_added_up() -> None:
    kind = Asked("kind", "label", ("warm", "cold", "odd"))
    rows = [row(f"i{i}", r, "kind", ("warm", "cold", "odd")[(i * 7 + (r == "b") * (i == 2)) % 3])
            for i in range(6) for r in "ab"]  # fmt: skip
    found = values(grids(frame(rows), [kind])[0])
    assert set(found) == {"alpha_nominal", "fleiss_kappa", "gwet_ac1", "exact_agreement"}
    assert "difference" not in pairs(grids(frame(rows), [kind])[0], how=FEW)[0]


def test_interchangeable_raters_are_packed_so_that_incomplete_blocks_have_an_icc() -> None:
    sparse = [[1, 2, N, N], [N, 3, 4, N], [N, N, 5, 5], [2, N, N, 2]]
    found = values(only(sparse))
    assert found["icc_a_1"] is None
    assert found["icc_1_1"] is not None
    assert found["icc_1_1"] == pytest.approx(values(only([[1, 2], [3, 4], [5, 5], [2, 2]]))["icc_1_1"])
    assert packed(np.array([[np.nan, 1.0]])).shape == (1, 2)


def test_each_pair_of_raters_stands_on_what_both_rated() -> None:
    table = [[1, 2, N], [3, 3, 4], [5, 4, N], [2, 1, 1], [4, 4, 5]]
    found = pairs(only(table), how=FEW)
    assert [(row["first"], row["second"]) for row in found] == [("r0", "r1"), ("r0", "r2"), ("r1", "r2")]
    first = found[0]
    assert first["exact"].value == pytest.approx(2 / 5)
    assert first["difference"].value == pytest.approx(0.2)
    expected = cohen_kappa([1, 3, 5, 2, 4], [2, 3, 4, 1, 4], weights="quadratic", scale=(1, 2, 3, 4, 5), how=FEW)
    assert first["kappa"].value == pytest.approx(expected.value)
    assert found[1]["exact"].n == 3


def test_whole_dialogues_are_drawn_again() -> None:
    table = [[1 + i % 5, 1 + (i + i // 5) % 5] for i in range(30)]
    alone = graded(table)
    together = alone.with_columns(group_id=alone["item_id"].str.slice(0, 3))
    first, second = (dict(statistics(grids(one, [WARMTH])[0], how=FEW))["alpha_interval"] for one in (alone, together))
    assert first.value == second.value
    assert "of 30" in first.method
    assert "of 3" in second.method


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([N, 1, 2, 3, 4, 5])] * 3), min_size=2, max_size=10), st.permutations([0, 1, 2])
)
def test_it_does_not_matter_which_rater_is_called_what(table: list[tuple[int | None, ...]], order: list[int]) -> None:
    answers = graded(table)
    if not answers.height:
        return
    names = {f"r{i}": f"r{j}" for i, j in enumerate(order)}
    first = values(grids(answers, [WARMTH])[0])
    second = values(grids(answers.with_columns(answers["rater_id"].replace(names)), [WARMTH])[0])
    for name, value in first.items():
        assert (value is None) == (second[name] is None)
        assert value is None or math.isclose(value, second[name] or 0, abs_tol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([1, 2, 3])] * 2), min_size=2, max_size=10), st.permutations([1, 2, 3]))
def test_nominal_figures_do_not_change_when_labels_are_renamed(table: list[tuple[int, ...]], order: list[int]) -> None:
    first, second = (
        values(grids(graded(one), [Asked("warmth", "rating", GRADES)])[0])
        for one in (table, [[order[grade - 1] for grade in grades] for grades in table])
    )
    for name in ("alpha_nominal", "fleiss_kappa", "gwet_ac1", "exact_agreement"):
        one, two = first[name], second[name]
        assert one == two if one is None or two is None else math.isclose(one, two, abs_tol=1e-9)
