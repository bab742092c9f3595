"""Agreement on labels and grades beyond chance: Cohen's kappa of two raters, Fleiss' of many, Gwet's AC1 and AC2.

When all ratings are equal nothing can be told about agreement: undefined, whatever a formula would give.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.alpha import counts_of_values, few_values, fitting, no_agreement, rated_twice
from benchmarks.estimates import Estimate, Floats, pair, scale_positions, table, undefined
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap
from xinheng.errors import UsageError

Weights = Literal["none", "linear", "quadratic"]
Clusters = Sequence[Hashable] | None


def cohen_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    weights: Weights = "none",
    scale: Sequence[float] | None = None,
    clusters: Clusters = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Cohen's kappa of two raters, on the items both rated.

    Weights go by places on the scale, so the whole scale must be given: with values that merely occur, a scale of
    1 to 5 of which 3 was never used would count 2 and 4 as neighbours.

    Args:
        first: Ratings of one rater, one per item; NaN where missing.
        second: Ratings of the other, in the same order of items.
        weights: `none`; `linear` or `quadratic` in places apart.
        scale: Every value a rating can have; may be left out for unweighted kappa only.
        clusters: The dialogue of each item; None: each item by itself.
        how: Resamples, seed, confidence, method.

    Raises:
        InputError: The two are no numbers, do not pair up or lie off the scale.
        UsageError: Weights without a scale, or no such weights.

    Source: Cohen 1960, 1968.

    >>> first = [1] * 25 + [0] * 25
    >>> second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    >>> round(cohen_kappa(first, second).value, 3)
    0.4
    """
    who = "cohen_kappa"
    _check_weights(who, weights, scale)
    a, b = pair(who, first, second)
    kept, chosen, missing = rated_twice(np.stack([a, b], axis=1), clusters)
    # Off the scale is wrong also where the other rater gave nothing.
    scale_positions(who, np.stack([a, b]), scale)
    if why := no_agreement(kept):
        return undefined(why, n=len(kept), missing=missing)
    codes, values = few_values(who, kept, scale)
    k = len(values)
    parts = np.zeros((len(codes), k * k))
    parts[np.arange(len(codes)), codes[:, 0] * k + codes[:, 1]] = 1.0
    apart = 1 - _agreeing(k, weights)

    def kappa(s: Floats) -> Floats:
        shares = s.reshape(-1, k, k) / s.sum(axis=1)[:, None, None]
        by_chance = np.einsum("bi,ij,bj->b", shares.sum(axis=2), apart, shares.sum(axis=1))
        observed = (shares * apart).sum(axis=(1, 2))
        return np.where(by_chance > 1e-12, 1 - observed / by_chance, np.nan)

    return bootstrap(parts, kappa, clusters=chosen, how=how, what="kappa").counted(n=len(kept), missing=missing)


def fleiss_kappa(ratings: npt.ArrayLike, *, clusters: Clusters = None, how: Bootstrap = BOOTSTRAP) -> Estimate:
    """Fleiss' kappa of any raters on labels; with missing ratings in Gwet's generalisation.

    Chance agreement uses every rated item, agreement the items with two ratings or more (n); with equally many
    ratings everywhere this is Fleiss' own.

    Args:
        ratings: Items x raters; NaN where missing.
        clusters: The dialogue of each item; None: each item by itself.
        how: Resamples, seed, confidence, method.

    Raises:
        InputError: The ratings are no table of numbers, or have more than 40 different values.

    Source: Fleiss 1971, Psychological Bulletin 76:378-382; Gwet 2014, chapter 2.

    >>> round(fleiss_kappa([[1, 1], [2, 2], [1, 2]]).value, 3)
    0.333
    """
    return _from_shares("fleiss_kappa", ratings, "none", None, clusters, how, gwet=False)


def gwet_ac(
    ratings: npt.ArrayLike,
    *,
    weights: Weights = "none",
    scale: Sequence[float] | None = None,
    clusters: Clusters = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Gwet's AC1 (without weights) or AC2: agreement that does not collapse when one answer is by far the commonest.

    Args:
        ratings: Items x raters; NaN where missing.
        weights: `none` (AC1), `linear` or `quadratic` in places apart (AC2).
        scale: Every value a rating can have; how many there are enters AC1 too, so give it when not all were used.
        clusters: The dialogue of each item; None: each item by itself.
        how: Resamples, seed, confidence, method.

    Raises:
        InputError: The ratings are no table of numbers, or lie off the scale.
        UsageError: Weights without a scale, or no such weights.

    Source: Gwet 2008, British Journal of Mathematical and Statistical Psychology 61:29-48.

    >>> round(gwet_ac([[1, 1], [1, 1], [1, 2]]).value, 3)
    0.538
    """
    _check_weights("gwet_ac", weights, scale)
    return _from_shares("gwet_ac", ratings, weights, scale, clusters, how, gwet=True)


def _from_shares(
    who: str, ratings: npt.ArrayLike, weights: Weights, scale: Sequence[float] | None,
    clusters: Clusters, how: Bootstrap, *, gwet: bool,
) -> Estimate:  # fmt: skip
    found = table(who, ratings)
    codes, values = few_values(who, found, scale)
    counts = counts_of_values(codes, len(values))
    m = counts.sum(axis=1)
    n = int((m > 1).sum())
    missing = len(found) - n
    if why := no_agreement(found[m > 1]):
        return undefined(why, n=n, missing=missing)
    k, near = len(values), _agreeing(len(values), weights)
    agreeing = (counts * (counts @ near - 1)).sum(axis=1)
    twice = m > 1
    agreement = np.where(twice, agreeing / np.where(twice, m * (m - 1), 1), 0.0)
    shares = counts / np.maximum(m, 1)[:, None]
    parts = np.column_stack([twice, agreement, m > 0, shares]).astype(np.float64)

    def coefficient(s: Floats) -> Floats:
        observed, used = s[:, 1] / s[:, 0], s[:, 3:] / s[:, 2:3]
        if gwet:
            by_chance = near.sum() / (k * (k - 1)) * (used * (1 - used)).sum(axis=1)
        else:
            by_chance = np.einsum("bi,ij,bj->b", used, near, used)
        return np.where(by_chance < 1 - 1e-12, (observed - by_chance) / (1 - by_chance), np.nan)

    rated = m > 0
    chosen = None if clusters is None else [c for c, r in zip(fitting(who, clusters, found), rated, strict=True) if r]
    made = bootstrap(parts[rated], coefficient, clusters=chosen, how=how, what="agreement beyond chance")
    return made.counted(n=n, missing=missing)


def _agreeing(k: int, weights: Weights) -> Floats:
    """Values x values: 1 on the diagonal, less the further apart two places are."""
    if weights == "none" or k < 2:
        return np.eye(k)
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    return np.asarray(1 - (apart if weights == "linear" else apart**2))


def _check_weights(who: str, weights: Weights, scale: Sequence[float] | None) -> None:
    if weights not in ("none", "linear", "quadratic"):
        raise UsageError(who, "no such weights", want="none, linear or quadratic", have=repr(weights))
    if weights != "none" and scale is None:
        raise UsageError(who, "weights need the whole scale", want="scale=[1, 2, 3, 4, 5] or the like", have="none")
