"""Two systems on the same cases: differences with paired intervals, exact tests, and what these cases could have shown.

Two questions, each with an answer of its own. p asks whether the values of cases differ, each case weighing the same;
it is the leaderboard's test (`benchmarks.leading`): McNemar's where right and wrong answers stand alone, else a paired
bootstrap of whole posts, for cases of one post are no independent witnesses. The interval is of what is printed, of
weighted F1 where labels are known, so of labels and not of right answers, and over sets each set weighing the same.
Who is called better must be so by both.

Source: McNemar 1947; Fagerland, Lydersen & Laake 2013; Koehn 2004 on the paired bootstrap; Holm 1979.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, Ints, cluster_codes, undefined
from benchmarks.imhi import weighted_f1
from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.intervals import difference, minimum_detectable_difference
from benchmarks.leading import PER_TEST, paired_test
from benchmarks.resampling import BOOTSTRAP, Bootstrap, resampled
from benchmarks.significance import holm
from xinheng.errors import InputError, UsageError
from xinheng.tables import SCORE, require

COMPARISON: Final = {
    "benchmark": pl.String(),
    "scorer": pl.String(),
    "part": pl.String(),
    "measure": pl.String(),
    "first": pl.Float64(),
    "second": pl.Float64(),
    "difference": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "n": pl.UInt32(),
    "clusters": pl.UInt32(),
    "missing": pl.UInt32(),
    "first_better": pl.UInt32(),
    "second_better": pl.UInt32(),
    "p": pl.Float64(),
    "p_holm": pl.Float64(),
    "test": pl.String(),
    "detectable": pl.Float64(),
    "lower_is_better": pl.Boolean(),
    "verdict": pl.String(),
    "reason": pl.String(),
}
"""A row per scorer and part: the measure of both systems, first minus second with its interval, the cases on which
either is better, p of the test that `test` names (of values per case, see above), Holm's p over the parts of the
scorer, and the least true difference that as many cases would show with a power of 0.8. `lower_is_better` turns who is
better. `verdict` is `first`, `second` or `undecided`."""

ALL: Final = "all"
MEAN: Final = "mean"
_LEVEL: Final = 0.05
_POWER: Final = 0.8


@dataclass(frozen=True)
class Pairs:
    """The same cases by both systems.

    Args:
        values: case_id, group_id, benchmark, part, scorer, first, second (Float64, null where missing); sorted.
        labels: case_id, group_id, dataset, part, scorer, gold, first, second (Int64, null where unread); or None.
    """

    values: pl.DataFrame
    labels: pl.DataFrame | None = None


def paired(
    first: pl.DataFrame,
    second: pl.DataFrame,
    *,
    first_labels: pl.DataFrame | None = None,
    second_labels: pl.DataFrame | None = None,
) -> Pairs:
    """Two systems' scores, case by case.

    Args:
        first: SCORE rows of one system.
        second: Of the other.
        first_labels: Labels read of its answers (`imhi_scoring`'s table `answer`), for weighted F1.
        second_labels: Of the other.

    Raises:
        SchemaError: No SCORE rows.
        UsageError: They share no scorer.
        InputError: Other cases, or a case twice.
    """
    keys = ["case_id", "group_id", "benchmark", "part", "scorer"]
    for rows in (first, second):
        require(rows, SCORE, who="compare")
        if twice := rows.height - rows.select("case_id", "benchmark", "part", "scorer").unique().height:
            raise InputError("compare", "cases scored twice", want="each once per scorer", have=f"{twice:,} more")
    scorers = [name for name in first["scorer"].unique(maintain_order=True) if name in set(second["scorer"])]
    if not scorers:
        raise UsageError(
            "compare",
            "scored by different scorers",
            want="one in common",
            have=f"{', '.join(first['scorer'].unique().sort())} and {', '.join(second['scorer'].unique().sort())}",
            mend="Score both again by the same: xinheng score PREDICTIONS --with SCORER.",
        )
    left, right = (rows.filter(pl.col("scorer").is_in(scorers)) for rows in (first, second))
    both = left.select(*keys, first="value").join(
        right.select(*keys, second="value"), on=keys, how="full", coalesce=True, nulls_equal=True
    )
    if lonely := both.height - left.join(right, on=keys, how="semi", nulls_equal=True).height:
        raise InputError(
            "compare", "not the same cases", want="both systems on all of them", have=f"{lonely:,} scored for one alone"
        )
    labels = None
    if first_labels is not None and second_labels is not None:
        names = ["case_id", "group_id", "dataset", "part", "scorer", "gold"]
        labels = (
            first_labels.filter(pl.col("scorer").is_in(scorers))
            .select(*names, first="predicted")
            .join(second_labels.select(*names, second="predicted"), on=names, how="inner", nulls_equal=True)
            .with_columns(group_id=pl.coalesce("group_id", "case_id"))
            .sort("scorer", "part", "case_id")
        )
    order = {name: place for place, name in enumerate(scorers)}
    place = pl.col("scorer").replace_strict(order, return_dtype=pl.Int64)
    # A case without a post stands alone, as on the leaderboard.
    both = both.with_columns(group_id=pl.coalesce("group_id", "case_id"))
    return Pairs(both.sort(place, "part", "case_id", nulls_last=True), labels)


def compared(pairs: Pairs, *, how: Bootstrap = BOOTSTRAP, lower: Collection[str] = ()) -> pl.DataFrame:
    """Every part by every scorer, then all of it together.

    Args:
        pairs: The same cases by both systems.
        how: Resamples, seed, confidence.
        lower: Parts (a rubric's dimensions) of which less is better, such as dangers.

    Returns:
        COMPARISON rows: by scorer, parts in the order of their names, then `mean` over sets (weighted F1) or `all`.
        With one part alone the row over all would say the same, and is left out; so it is where parts are
        dimensions of the same cases. Holm's correction is over the parts; the row over all is a question of its own.
    """
    rows: list[dict[str, Any]] = []
    for (scorer,), of_scorer in pairs.values.group_by("scorer", maintain_order=True):
        labels = None if pairs.labels is None else pairs.labels.filter(pl.col("scorer") == scorer)
        by_label = labels is not None and labels.height == of_scorer.height
        made = []
        # Holm's factor must be reachable by a share of resamples, as among the systems of a leaderboard.
        family = of_scorer["part"].n_unique()
        finer = replace(how, resamples=max(how.resamples, PER_TEST * family))
        for (part,), cases in of_scorer.group_by("part", maintain_order=True):
            of_part = labels.filter(pl.col("part") == part) if by_label and labels is not None else None
            name = str(part) if part is not None else ""
            made.append(_turned(_row(cases, name, of_part, how, finer), lower=name in lower))
        adjusted = holm([row["p"] for row in made])
        for row, p in zip(made, adjusted, strict=True):
            row["p_holm"] = p
        # Dimensions of the same cases are measures of their own: their mean would be of nothing.
        if len(made) > 1 and of_scorer["case_id"].n_unique() == of_scorer.height:
            whole = _whole(of_scorer, labels if by_label else None, how)
            made.append({**_turned(whole, lower=False), "p_holm": whole["p"]})
        rows += [{**row, "scorer": str(scorer), "verdict": verdict(row)} for row in made]
    return pl.DataFrame(rows, schema=COMPARISON)


def verdict(row: Mapping[str, Any]) -> str:
    """Which system is better: only where both the interval and the corrected test say so.

    >>> verdict({"low": 0.1, "high": 0.3, "p_holm": 0.01}), verdict({"low": 0.1, "high": 0.3, "p_holm": 0.2})
    ('first', 'undecided')
    >>> verdict({"low": 0.1, "high": 0.3, "p_holm": 0.01, "lower_is_better": True})
    'second'
    """
    if row["low"] is None or row["high"] is None or row["p_holm"] is None or row["p_holm"] >= _LEVEL:
        return "undecided"
    more, less = ("second", "first") if row.get("lower_is_better") else ("first", "second")
    return more if row["low"] > 0 else less if row["high"] < 0 else "undecided"


def _turned(row: dict[str, Any], *, lower: bool) -> dict[str, Any]:
    """A row that knows whether less is better; then the cases on which either is better change sides."""
    counts = row["first_better"], row["second_better"]
    first, second = reversed(counts) if lower else counts
    return {**row, "lower_is_better": lower, "first_better": first, "second_better": second}


def _row(
    cases: pl.DataFrame, part: str, labels: pl.DataFrame | None, how: Bootstrap, finer: Bootstrap
) -> dict[str, Any]:
    """A part's row, of the values or, where there are labels, of weighted F1; the test on `finer` resamples."""
    values = _of_values(cases, part, how, finer)
    if labels is None or not labels.height:
        return values
    codes = cluster_codes("compare", labels["group_id"].to_list(), labels.height)
    counts = _label_counts(labels)
    both = _f1s(counts.sum(axis=0, keepdims=True))[0]
    draws = resampled(counts, _f1s, codes, how)
    f1 = _drawn(float(both[0] - both[1]), draws[:, 0] - draws[:, 1], int(codes.max()) + 1, labels.height, how)
    return {
        **values,
        "measure": "weighted_f1",
        "first": float(both[0]),
        "second": float(both[1]),
        **_difference(f1),
        "detectable": _detectable(draws[:, 0] - draws[:, 1]),
        "reason": f1.reason or values["reason"],
    }


def _of_values(cases: pl.DataFrame, part: str, how: Bootstrap, finer: Bootstrap) -> dict[str, Any]:
    a, b = (cases[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in ("first", "second"))
    groups = cases["group_id"].to_list()
    there = ~np.isnan(a) & ~np.isnan(b)
    values = np.concatenate([a, b])
    right = bool((np.isin(values, [0.0, 1.0]) | np.isnan(values)).all()) and bool(there.any())
    found = difference(a, b, clusters=groups, bounds=(-1, 1) if right else None, how=how)
    test = paired_test(a, b, clusters=groups, how=finer)
    return {
        "benchmark": cases["benchmark"][0],
        "part": part,
        "measure": "accuracy" if right else "mean",
        "first": float(a[there].mean()) if there.any() else None,
        "second": float(b[there].mean()) if there.any() else None,
        **_difference(found),
        "n": int(there.sum()),
        "clusters": len({group for group, both in zip(groups, there, strict=True) if both}),
        "missing": int((~there).sum()),
        "first_better": test.ahead,
        "second_better": test.behind,
        "p": test.p,
        "test": test.method,
        "detectable": minimum_detectable_difference(a - b, clusters=groups).value,
        "reason": found.reason or test.reason or None,
    }


def _whole(cases: pl.DataFrame, labels: pl.DataFrame | None, how: Bootstrap) -> dict[str, Any]:
    """All parts together: each case the same for values; each set the same for weighted F1."""
    row = _of_values(cases, ALL, how, how)
    if labels is None:
        return row
    both, gaps, clusters = [], [], 0
    for place, ((_,), of_part) in enumerate(labels.group_by("part", maintain_order=True)):
        counts = _label_counts(of_part)
        codes = cluster_codes("compare", of_part["group_id"].to_list(), of_part.height)
        both.append(_f1s(counts.sum(axis=0, keepdims=True))[0])
        draws = resampled(counts, _f1s, codes, Bootstrap(how.resamples, how.seed + place, how.confidence))
        gaps.append(draws[:, 0] - draws[:, 1])
        clusters += int(codes.max()) + 1
    means = np.mean(both, axis=0)
    drawn = np.mean(gaps, axis=0)
    f1 = _drawn(float(means[0] - means[1]), drawn, clusters, labels.height, how)
    return {
        **row,
        "part": MEAN,
        "measure": "weighted_f1",
        "first": float(means[0]),
        "second": float(means[1]),
        **_difference(f1),
        "detectable": _detectable(drawn),
        "reason": f1.reason or row["reason"],
    }


def _label_counts(labels: pl.DataFrame) -> Floats:
    """Per case: right, said and gold of each label by the first system, then by the second."""
    numbers = np.array(LABEL_SETS[labels["dataset"][0]].labels)

    def hot(name: str) -> Floats:
        found: Ints = labels[name].fill_null(-1).to_numpy()
        told: Floats = (found[:, None] == numbers[None, :]).astype(np.float64)
        return told

    gold, a, b = hot("gold"), hot("first"), hot("second")
    return np.hstack([gold * a, a, gold, gold * b, b, gold])


def _f1s(sums: Floats) -> Floats:
    half = sums.shape[1] // 2
    return np.stack([weighted_f1(sums[:, :half]), weighted_f1(sums[:, half:])], axis=1)


def _drawn(value: float, draws: Floats, clusters: int, n: int, how: Bootstrap) -> Estimate:
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value):
        return undefined("weighted F1 is undefined on these cases", n=n)
    if clusters < 2 or len(known) < 0.99 * len(draws):
        return Estimate(value, n=n, reason="too few posts to say how sure it is")
    if np.ptp(known) <= 1e-12:
        return Estimate(value, n=n, reason="no spread: resampling cannot say how sure it is")
    tail = (1 - how.confidence) / 2
    low, high = (float(end) for end in np.quantile(known, [tail, 1 - tail]))
    return Estimate(value, low, high, n=n, method="paired bootstrap")


def _difference(found: Estimate) -> dict[str, Any]:
    return {"difference": found.value, "low": found.low, "high": found.high}


def _detectable(draws: Floats) -> float | None:
    """By the spread of resampled differences; a normal approximation, as `minimum_detectable_difference` is."""
    known = draws[np.isfinite(draws)]
    if len(known) < 2 or np.ptp(known) <= 1e-12:
        return None
    normal = NormalDist()
    return float((normal.inv_cdf(1 - _LEVEL / 2) + normal.inv_cdf(_POWER)) * known.std(ddof=1))
