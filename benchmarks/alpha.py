"""Krippendorff's alpha, and exact agreement, which chance is not taken out of.

All take ratings as items x raters with NaN where a rater gave none, and resample whole dialogues. When all ratings
are equal nothing can be told about agreement: undefined, whatever a formula would give.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.estimates import Estimate, Floats, Ints, scale_positions, table, undefined
from benchmarks.intervals import mean, wilson
from benchmarks.resampling import BOOTSTRAP, Bootstrap, Statistic, bootstrap
from xinheng.errors import InputError, UsageError

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Clusters = Sequence[Hashable] | None

_MOST_VALUES: Final = 40
_ALL_EQUAL: Final = "all ratings are equal: without variation agreement is undefined"


def krippendorff_alpha(
    ratings: npt.ArrayLike, level: Level, *, clusters: Clusters = None, how: Bootstrap = BOOTSTRAP
) -> Estimate:
    """Krippendorff's alpha: 1 is perfect, 0 what chance gives, below 0 systematic disagreement.

    Any number of raters, any ratings missing; an item with fewer than two ratings pairs with nothing and is left out.

    Args:
        ratings: Items x raters, float64; NaN where missing.
        level: `nominal` (only whether they differ), `ordinal` (ranks), `interval`, or `ratio` (0 means nothing).
        clusters: The dialogue of each item, for the interval; None: each item by itself.
        how: Resamples, seed, confidence, method.

    Returns:
        alpha <= 1; n counts the items with two ratings or more, missing the others.

    Raises:
        InputError: The ratings are no table of numbers, have more than 40 different values (interval level: any
            number), or are negative at ratio level.
        UsageError: No such level.

    Source: Krippendorff 2019, Content Analysis, 4th edition, chapter 12; Hayes & Krippendorff 2007.

    >>> round(krippendorff_alpha([[1, 1], [2, 2], [3, 3], [1, 2]], "nominal").value, 3)
    0.667
    """
    who = "krippendorff_alpha"
    if level not in ("nominal", "ordinal", "interval", "ratio"):
        raise UsageError(who, "no such level", want="nominal, ordinal, interval or ratio", have=repr(level))
    found = table(who, ratings)
    if level == "ratio" and np.nanmin(found, initial=0.0) < 0:
        raise InputError(who, "negative ratings have no ratio", want="0 or more", mend='Use level="interval".')
    kept, chosen, missing = rated_twice(found, clusters)
    if why := no_agreement(kept):
        return undefined(why, n=len(kept), missing=missing)
    parts, statistic = _moments(kept) if level == "interval" else _coincidences(who, kept, level)
    made = bootstrap(parts, statistic, clusters=chosen, how=how, what="alpha")
    return made.counted(n=len(kept), missing=missing)


def _moments(ratings: Floats) -> tuple[Floats, Statistic]:
    # Alpha does not change under shift and stretch; on 0 to 1 sums lose no digits, whatever the scale.
    low, high = np.nanmin(ratings), np.nanmax(ratings)
    x = (ratings - low) / (high - low)
    m = (~np.isnan(x)).sum(axis=1).astype(np.float64)
    first, second = np.nansum(x, axis=1), np.nansum(x**2, axis=1)
    within = 2 * (m * second - first**2) / (m - 1)

    def alpha(s: Floats) -> Floats:
        n = s[:, 1]
        expected = 2 * (n * s[:, 3] - s[:, 2] ** 2)
        return np.where(expected > 1e-9 * n, 1 - (n - 1) * s[:, 0] / expected, np.nan)

    return np.stack([within, m, first, second], axis=1), alpha


def _coincidences(who: str, ratings: Floats, level: Level) -> tuple[Floats, Statistic]:
    codes, values = few_values(who, ratings, None)
    counts = counts_of_values(codes, len(values))
    m = counts.sum(axis=1)
    k = len(values)
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(k), np.arange(k)] -= counts
    parts = (pairs / (m - 1)[:, None, None]).reshape(len(counts), k * k)

    def alpha(s: Floats) -> Floats:
        table_of = s.reshape(-1, k, k)
        margins = table_of.sum(axis=2)
        apart = _squared_distances(level, values, margins)
        n = margins.sum(axis=1)
        expected = np.einsum("bi,bij,bj->b", margins, apart, margins)
        observed = (table_of * apart).sum(axis=(1, 2))
        return np.where(expected > 1e-9 * n, 1 - (n - 1) * observed / expected, np.nan)

    return parts, alpha


def _squared_distances(level: Level, values: Floats, margins: Floats) -> Floats:
    """Resamples x values x values; at ordinal level the margins of each resample make its distances."""
    if level == "ordinal":
        ranks = margins.cumsum(axis=1) - margins / 2
        return np.asarray((ranks[:, :, None] - ranks[:, None, :]) ** 2)
    k = len(values)
    if level == "nominal":
        apart = 1 - np.eye(k)
    else:
        both = values[:, None] + values[None, :]
        apart = np.where(both > 0, (values[:, None] - values[None, :]) / np.where(both > 0, both, 1), 0.0) ** 2
    return np.broadcast_to(apart, (len(margins), k, k))


def exact_agreement(ratings: npt.ArrayLike, *, clusters: Clusters = None, how: Bootstrap = BOOTSTRAP) -> Estimate:
    """The share of items on which all ratings given are equal, among those with two ratings or more.

    Chance is not taken out: print it beside alpha, never instead.

    Args:
        ratings: Items x raters; NaN where missing.
        clusters: The dialogue of each item, then by bootstrap; None: Wilson's interval.
        how: Resamples, seed, confidence, method; for clusters.

    Returns:
        0 to 1; n counts the items with two ratings or more, missing the others.

    >>> exact_agreement([[1, 1], [1, 2]]).value
    0.5
    """
    found = table("exact_agreement", ratings)
    kept, chosen, missing = rated_twice(found, clusters)
    if not len(kept):
        return undefined(no_agreement(kept), missing=missing)
    same = np.nanmax(kept, axis=1) == np.nanmin(kept, axis=1)
    if chosen is None:
        return wilson(int(same.sum()), len(same), confidence=how.confidence).counted(n=len(same), missing=missing)
    return mean(same, clusters=chosen, bounds=(0, 1), how=how).counted(n=len(same), missing=missing)


def rated_twice(ratings: Floats, clusters: Clusters) -> tuple[Floats, list[Hashable] | None, int]:
    """The items with two ratings or more, their clusters, and how many others there are."""
    twice = (~np.isnan(ratings)).sum(axis=1) > 1
    missing = len(ratings) - int(twice.sum())
    if clusters is None:
        return ratings[twice], None, missing
    named = fitting("agreement", clusters, ratings)
    return ratings[twice], [c for c, t in zip(named, twice, strict=True) if t], missing


def fitting(who: str, clusters: Sequence[Hashable], ratings: Floats) -> Sequence[Hashable]:
    """The clusters, one per item, or a UsageError."""
    if len(clusters) != len(ratings):
        raise UsageError(who, "clusters do not fit the items", want=f"{len(ratings)}", have=f"{len(clusters)}")
    return clusters


def no_agreement(kept: Floats) -> str:
    """Why agreement on these items is undefined; empty when it is not."""
    if not len(kept):
        return "no item was rated twice"
    return _ALL_EQUAL if np.nanmax(kept) == np.nanmin(kept) else ""


def few_values(who: str, ratings: Floats, scale: Sequence[float] | None) -> tuple[Ints, Floats]:
    """Ratings as positions among at most 40 values, and the values; tables of more would fill the memory."""
    codes, values = scale_positions(who, ratings, scale)
    if len(values) > _MOST_VALUES:
        raise InputError(
            who, "too many different values", want=f"at most {_MOST_VALUES}", have=f"{len(values)}",
            mend='Group them, or measure agreement with krippendorff_alpha(level="interval") or icc.',
        )  # fmt: skip
    return codes, values


def counts_of_values(codes: Ints, k: int) -> Floats:
    """Items x values: how many raters gave each."""
    return (
        np.stack([(codes == v).sum(axis=1) for v in range(k)], axis=1).astype(np.float64)
        if k
        else np.zeros((len(codes), 0))
    )
