"""Everything that is said of one question's agreement, and of each two raters, with intervals by dialogue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from benchmarks.alpha import Level, exact_agreement, krippendorff_alpha
from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.intervals import difference
from benchmarks.kappa import cohen_kappa, fleiss_kappa, gwet_ac
from benchmarks.rater_answers import Grid
from benchmarks.reliability import FORMS, Form, icc, rater_pair_matrix
from benchmarks.resampling import Bootstrap

Named = list[tuple[str, Estimate]]
GRADED: Final[tuple[Level, ...]] = ("ordinal", "interval", "ratio", "nominal")


def statistics(grid: Grid, *, how: Bootstrap) -> Named:
    """Every measure that fits the question, by name, in the order in which they should be read.

    Grades: alpha at all four levels (ratio only where no grade is below 0), six intraclass correlations, AC2 and
    mean Cohen's kappa with quadratic weights over the whole scale, Fleiss' kappa, AC1, exact agreement. Labels: what
    does not add them up. The forms C and A of the intraclass correlation need the same raters on every item; (1,1) and
    (1,k) do not, and are taken over the items that were rated as often as most are, whoever rated them.

    Args:
        grid: One question's answers.
        how: Resamples, seed, confidence.
    """
    values, clusters = grid.values, grid.clusters
    if not grid.graded:
        return [
            ("alpha_nominal", krippendorff_alpha(values, "nominal", clusters=clusters, how=how)),
            *_plain_kappas(grid, how),
            ("exact_agreement", exact_agreement(values, clusters=clusters, how=how)),
        ]
    levels = [level for level in GRADED if level != "ratio" or min(grid.scale, default=0) >= 0]
    alphas = [(f"alpha_{level}", krippendorff_alpha(values, level, clusters=clusters, how=how)) for level in levels]
    correlations = [(f"icc_{form.replace(',', '_').lower()}", _icc(grid, form, how)) for form in FORMS]
    weighted = [
        ("kappa_quadratic", mean_kappa(grid, how=how)),
        ("gwet_ac2", gwet_ac(values, weights="quadratic", scale=grid.scale, clusters=clusters, how=how)),
    ]
    exact = exact_agreement(values, clusters=clusters, how=how)
    return [*alphas, *correlations, *weighted, *_plain_kappas(grid, how), ("exact_agreement", exact)]


def _plain_kappas(grid: Grid, how: Bootstrap) -> Named:
    return [
        ("fleiss_kappa", fleiss_kappa(grid.values, clusters=grid.clusters, how=how)),
        ("gwet_ac1", gwet_ac(grid.values, scale=grid.scale, clusters=grid.clusters, how=how)),
    ]


def _icc(grid: Grid, form: Form, how: Bootstrap) -> Estimate:
    values, clusters = grid.values, grid.clusters
    if form[0] == "1":
        values = packed(values)
    return icc(values, form, clusters=clusters, how=how)


def packed(values: Floats) -> Floats:
    """Ratings moved to the left, in as many columns as most items have ratings; items with fewer or more stay NaN.

    For measures to which it is all the same who rated: incomplete designs leave no item that all raters rated.

    >>> packed(np.array([[1, np.nan, 2], [np.nan, 3, 4], [5, np.nan, np.nan]])).tolist()
    [[1.0, 2.0], [3.0, 4.0], [nan, nan]]
    """
    counts = (~np.isnan(values)).sum(axis=1)
    if not (counts > 1).any():
        return values
    most = int(np.bincount(counts[counts > 1]).argmax())
    left = np.take_along_axis(values, np.argsort(np.isnan(values), axis=1, kind="stable"), axis=1)[:, :most].copy()
    left[counts != most] = np.nan
    return np.asarray(left, dtype=np.float64)


def mean_kappa(grid: Grid, *, how: Bootstrap) -> Estimate:
    """The mean of Cohen's kappa over all pairs of raters, quadratic weights over the whole scale (Light's kappa).

    Without an interval: each pair has its own, in the matrix. Pairs without variation or shared items are left out and
    counted as missing; n counts pairs.

    Args:
        grid: Grades.
        how: Fewest resamples are drawn: intervals are not used.
    """
    few = Bootstrap(100, how.seed, how.confidence)
    found = rater_pair_matrix(grid.values, partial(cohen_kappa, weights="quadratic", scale=grid.scale, how=few))
    known = [one.value for one in found.values() if one.value is not None]
    lost = len(found) - len(known)
    if not known:
        return undefined("no two raters share items on which their ratings vary", missing=lost)
    reason = "intervals stand with each pair"
    return Estimate(float(np.mean(known)), n=len(known), missing=lost, reason=reason, confidence=how.confidence)


def pairs(grid: Grid, *, how: Bootstrap) -> list[dict[str, object]]:
    """Each two raters: `first`, `second`, and as estimates `exact`, `kappa` and (grades) `difference`.

    Kappa has quadratic weights over the whole scale for grades and none for labels; the difference is first minus
    second on the items both rated.

    Args:
        grid: One question's answers.
        how: Resamples, seed, confidence.
    """
    clusters = grid.clusters
    kappa = partial(cohen_kappa, scale=grid.scale, clusters=clusters, how=how)
    if grid.graded:
        kappa = partial(kappa, weights="quadratic")

    def exact(a: Floats, b: Floats) -> Estimate:
        return exact_agreement(np.stack([a, b], axis=1), clusters=clusters, how=how)

    def apart(a: Floats, b: Floats) -> Estimate:
        # How far two grades can be apart bounds their difference, where it never varies.
        reach = max(grid.scale) - min(grid.scale)
        return difference(a, b, clusters=clusters, bounds=(-reach, reach), how=how)

    measures: dict[str, Callable[[Floats, Floats], Estimate]] = {"exact": exact, "kappa": kappa}
    if grid.graded:
        measures["difference"] = apart
    found = {name: rater_pair_matrix(grid.values, measure) for name, measure in measures.items()}
    return [
        {"first": grid.raters[i], "second": grid.raters[j], **{name: found[name][i, j] for name in measures}}
        for i, j in found["exact"]
    ]
