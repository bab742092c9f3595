"""Two systems on the same cases: figures against independent ones, and nothing said that the cases do not show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.comparison import COMPARISON, compared, paired, verdict
from benchmarks.leading import MCNEMAR, against_leader
from benchmarks.resampling import Bootstrap
from xinheng.errors import InputError, SchemaError, UsageError
from xinheng.tables import SCORE

HOW = Bootstrap(2000, 0)


def scores(
    values: Sequence[float | None],
    *,
    system: str = "a",
    part: Sequence[str] | str = "DR",
    group: Sequence[str] | None = None,
    scorer: str = "rule",
) -> pl.DataFrame:
    n = len(values)
    return pl.DataFrame(
        {
            "case_id": [f"c{i:04}" for i in range(n)],
            "group_id": list(group) if group is not None else [f"g{i}" for i in range(n)],
            "benchmark": ["x"] * n,
            "part": [part] * n if isinstance(part, str) else list(part),
            "system": [system] * n,
            "scorer": [scorer] * n,
            "value": values,
            "reason": [None] * n,
        },
        schema=SCORE,
    )


def labels(gold: Sequence[int], said: Sequence[int | None], *, part: str = "DR", prefix: str = "c") -> pl.DataFrame:
    n = len(gold)
    return pl.DataFrame(
        {
            "dataset": [part] * n,
            "part": [part] * n,
            "case_id": [f"{prefix}{i:04}" for i in range(n)],
            "group_id": [f"{prefix}g{i}" for i in range(n)],
            "scorer": ["rule"] * n,
            "gold": list(gold),
            "predicted": list(said),
        },
        schema_overrides={"gold": pl.Int64, "predicted": pl.Int64},
    )


def row(first: Sequence[float | None], second: Sequence[float | None], **more: object) -> dict[str, object]:
    pairs = paired(scores(first, **more), scores(second, system="b", **more))  # type: ignore[arg-type]
    return compared(pairs, how=HOW).row(0, named=True)


def test_right_and_wrong_answers_are_tested_by_mcnemar() -> None:
    from scipy.stats import binomtest

    first, second = [1.0] * 18 + [0.0] * 12, [1.0] * 8 + [0.0] * 10 + [1.0] * 2 + [0.0] * 10
    found = row(first, second)
    assert (found["measure"], found["test"], found["n"], found["clusters"]) == ("accuracy", MCNEMAR, 30, 30)
    assert (found["first_better"], found["second_better"]) == (10, 2)
    assert found["p"] == pytest.approx(binomtest(2, 12).pvalue)
    assert found["difference"] == pytest.approx(8 / 30)
    assert found["low"] < 8 / 30 < found["high"]


def test_equal_systems_differ_by_nothing() -> None:
    found = row([1.0, 0.0] * 20, [1.0, 0.0] * 20)
    assert (found["difference"], found["p"], found["verdict"]) == (0.0, 1.0, "undecided")
    assert found["low"] < 0 < found["high"], "that no spread was seen does not mean that there is none"
    assert found["detectable"] is None


def test_cases_of_one_post_are_no_independent_witnesses() -> None:
    """Twelve cases, all of one post better: McNemar by case would call it sure."""
    group = ["one"] * 12 + [f"g{i}" for i in range(8)]
    first, second = [1.0] * 20, [0.0] * 12 + [1.0] * 8
    found = row(first, second, group=group)
    assert (found["test"], found["clusters"], found["first_better"]) == (
        "paired bootstrap by post, 2,000 resamples",
        9,
        12,
    )
    assert found["p"] == 1.0, "one post that differs proves nothing, however often it was asked"
    assert found["verdict"] == "undecided"
    assert row(first, second)["p"] < 0.001


def test_grades_are_compared_by_their_mean_and_missing_ones_left_out() -> None:
    found = row([0.9, 0.8, None, 0.7] * 10, [0.5, 0.4, 0.3, None] * 10)
    assert (found["measure"], found["n"], found["missing"]) == ("mean", 20, 20)
    assert found["test"].startswith("paired bootstrap")
    assert found["first"] == pytest.approx(0.85)
    assert found["difference"] == pytest.approx(0.4)


@pytest.mark.parametrize("posts", [1, 3])
@pytest.mark.parametrize("grades", [False, True])
def test_the_leaderboard_tests_the_same_pair_alike(posts: int, grades: bool) -> None:
    random = np.random.default_rng(posts)
    a, b = random.random(60), random.random(60) - 0.2
    if not grades:
        a, b = (a > 0.4).astype(float), (b > 0.4).astype(float)
    group = [f"g{i // posts:02}" for i in range(60)]
    found = row(a.tolist(), b.tolist(), group=group)
    test = against_leader(np.column_stack([a, b]), 0, clusters=group, how=HOW)[1]
    assert test is not None
    assert (found["p"], found["test"], found["first_better"]) == (test.p, test.method, test.ahead)
    assert found["difference"] == pytest.approx(-(test.difference or 0))


def test_of_dangers_the_fewer_are_the_better() -> None:
    first, second = [1.0] * 12 + [0.0] * 8, [0.0] * 20
    pairs = paired(scores(first, part="privacy_exposed"), scores(second, system="b", part="privacy_exposed"))
    (found,) = compared(pairs, how=HOW, lower={"privacy_exposed"}).rows(named=True)
    assert (found["first_better"], found["second_better"], found["verdict"]) == (0, 12, "second")
    assert found["lower_is_better"]


def test_holm_can_be_reached_over_many_parts() -> None:
    part = [f"s{i // 20:02}" for i in range(1000)]
    random = np.random.default_rng(0)
    grades = random.normal(5, 0.1, 1000)
    pairs = paired(scores(grades.tolist(), part=part), scores((grades - 3).tolist(), system="b", part=part))
    found = compared(pairs, how=Bootstrap(200, 0)).filter(pl.col("part") != "all")
    assert found.height == 50
    assert found["p_holm"].max() < 0.05


def test_a_case_without_a_post_stands_alone() -> None:
    first, second = (scores(v, system=s).with_columns(group_id=pl.lit(None, pl.String))
                     for v, s in (([1.0] * 9, "a"), ([0.0] * 9, "b")))  # fmt: skip
    (found,) = compared(paired(first, second), how=HOW).rows(named=True)
    assert (found["test"], found["clusters"]) == (MCNEMAR, 9)


def test_nothing_in_common_is_undefined_and_no_zero() -> None:
    found = row([None, 1.0], [1.0, None])
    assert (found["first"], found["difference"], found["p"], found["verdict"]) == (None, None, None, "undecided")
    assert found["reason"]
    assert found["n"] == 0


def test_one_case_shows_nothing() -> None:
    found = row([1.0], [0.0])
    assert (found["difference"], found["p"], found["verdict"]) == (1.0, 1.0, "undecided")


def test_parts_are_corrected_together_and_the_whole_by_itself() -> None:
    part = ["p"] * 20 + ["q"] * 20
    first = [1.0] * 40
    second = [0.0] * 9 + [1.0] * 11 + [0.0] * 7 + [1.0] * 13
    found = compared(paired(scores(first, part=part), scores(second, system="b", part=part)), how=HOW)
    assert found["part"].to_list() == ["p", "q", "all"]
    assert found["p"].to_list()[:2] == pytest.approx([2 / 2**9, 2 / 2**7])
    assert found["p_holm"].to_list() == pytest.approx([4 / 2**9, 2 / 2**7, 2 / 2**16])
    assert found["verdict"].to_list() == ["first"] * 3


def test_each_scorer_is_compared_with_itself() -> None:
    both = [pl.concat([scores(v, system=s), scores(w, system=s, scorer="upstream")])
            for s, v, w in (("a", [1.0] * 9, [0.0] * 9), ("b", [0.0] * 9, [0.0] * 9))]  # fmt: skip
    found = compared(paired(*both), how=HOW)
    assert found.select("scorer", "verdict").rows() == [("rule", "first"), ("upstream", "undecided")]


def test_a_case_may_be_graded_on_several_dimensions() -> None:
    both = [
        pl.concat([scores(v, system=s, part="empathy"), scores(w, system=s, part="relevance")])
        for s, v, w in (("a", [0.9] * 9, [0.5] * 9), ("b", [0.5] * 9, [0.5] * 9))
    ]
    found = compared(paired(*both), how=HOW)
    assert found.select("part", "difference").rows() == [("empathy", 0.4), ("relevance", 0.0)], "and no mean of both"


# -- weighted F1 -----------------------------------------------------------------------------------------------------


def test_weighted_f1_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    random = np.random.default_rng(3)
    gold = random.integers(0, 2, 200).tolist()
    one = [g if random.random() < 0.9 else 1 - g for g in gold]
    two = [g if random.random() < 0.6 else None for g in gold]
    values = [[float(s == g) for s, g in zip(said, gold, strict=True)] for said in (one, two)]
    pairs = paired(
        scores(values[0], group=[f"cg{i}" for i in range(200)]),
        scores(values[1], system="b", group=[f"cg{i}" for i in range(200)]),
        first_labels=labels(gold, one),
        second_labels=labels(gold, two),
    )
    (found,) = compared(pairs, how=HOW).rows(named=True)
    want = [
        100 * f1_score(gold, [-1 if s is None else s for s in said], labels=[0, 1], average="weighted", zero_division=0)
        for said in (one, two)
    ]
    assert (found["measure"], found["test"]) == ("weighted_f1", MCNEMAR)
    assert [found["first"], found["second"]] == pytest.approx(want)
    assert found["difference"] == pytest.approx(want[0] - want[1])
    assert found["verdict"] == "first"
    assert 0 < found["detectable"] < found["high"] - found["low"]


def test_the_mean_over_sets_counts_each_set_the_same() -> None:
    golds = {"DR": [0, 1] * 30, "dreaddit": [0, 1] * 5}
    frames = [
        pl.concat([labels(gold, [one(i, g) for i, g in enumerate(gold)], part=name, prefix=name)
                   for name, gold in golds.items()])
        for one in (lambda i, g: g if i % 5 else 1 - g, lambda i, g: g if i % 3 else 1 - g)
    ]  # fmt: skip
    told = []
    for frame, system in zip(frames, "ab", strict=True):
        right = (frame["gold"] == frame["predicted"]).cast(pl.Float64)
        rows = frame.with_columns(benchmark=pl.lit("x"), system=pl.lit(system), value=right, reason=pl.lit(None))
        told.append(rows.select(list(SCORE)).cast(dict(SCORE)))  # type: ignore[arg-type]
    found = compared(paired(*told, first_labels=frames[0], second_labels=frames[1]), how=HOW)
    assert found["part"].to_list() == ["DR", "dreaddit", "mean"]
    sets = found.head(2)
    assert found["first"][2] == pytest.approx(sets["first"].mean())
    assert found["difference"][2] == pytest.approx(sets["difference"].mean())
    assert found["low"][2] < found["difference"][2] < found["high"][2]


# -- what is refused ---------------------------------------------------------------------------------------------


def test_other_cases_and_other_scorers_are_refused() -> None:
    with pytest.raises(InputError, match="1 scored for one alone"):
        paired(scores([1.0, 0.0]), scores([1.0]))
    with pytest.raises(UsageError, match="have rule and upstream"):
        paired(scores([1.0]), scores([1.0], scorer="upstream"))
    with pytest.raises(InputError, match="cases scored twice"):
        paired(pl.concat([scores([1.0])] * 2), scores([1.0]))
    with pytest.raises(SchemaError):
        paired(scores([1.0]).drop("value"), scores([1.0]))


@pytest.mark.parametrize(
    ("low", "high", "p", "says"),
    [(0.1, 0.2, 0.01, "first"), (-0.2, -0.1, 0.01, "second"), (-0.1, 0.1, 0.01, "undecided"),
     (0.1, 0.2, 0.05, "undecided"), (None, None, 0.01, "undecided"), (0.1, 0.2, None, "undecided")],
)  # fmt: skip
def test_a_verdict_takes_both_the_interval_and_the_test(
    low: float | None, high: float | None, p: float | None, says: str
) -> None:
    assert verdict({"low": low, "high": high, "p_holm": p}) == says


CELL = st.sampled_from([0.0, 1.0, 0.25, None])


@given(
    cells=st.lists(st.tuples(CELL, CELL, st.sampled_from("pq"), st.sampled_from("ghi")), min_size=1, max_size=20),
    flip=st.booleans(),
)
def test_any_values_give_figures_that_fit_together(
    cells: list[tuple[float | None, float | None, str, str]], flip: bool
) -> None:
    first, second, part, group = (list(column) for column in zip(*cells, strict=True))
    if flip:
        first, second = second, first
    pairs = paired(scores(first, part=part, group=group), scores(second, system="b", part=part, group=group))
    found = compared(pairs, how=Bootstrap(100, 0))
    assert found.schema == pl.Schema(COMPARISON)
    for one in found.iter_rows(named=True):
        assert one["p"] is None or 0 < one["p"] <= 1
        assert one["p_holm"] is None or one["p_holm"] >= one["p"]
        assert one["n"] + one["missing"] > 0
        assert (one["difference"] is None) == (one["n"] == 0)
        if one["difference"] is not None:
            assert one["difference"] == pytest.approx(one["first"] - one["second"], abs=1e-9)
        if one["low"] is not None:
            assert one["low"] <= one["difference"] + 1e-9
            assert one["difference"] - 1e-9 <= one["high"]
        else:
            assert one["reason"]
