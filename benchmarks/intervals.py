"""Intervals of proportions, means and differences, tests of two systems, and what difference a sample could show."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.estimates import Estimate, Floats, Ints, cluster_codes, column, pair, undefined
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap
from benchmarks.significance import holm, mcnemar
from xinheng.errors import UsageError

__all__ = [
    "BOOTSTRAP",
    "Bootstrap",
    "bootstrap",
    "clopper_pearson",
    "difference",
    "holm",
    "mcnemar",
    "mean",
    "minimum_detectable_difference",
    "standard_error",
    "wilson",
]


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval, which holds near 0 and 1 and for small n.

    Args:
        successes: 0 to n.
        n: Independent trials; none of them: undefined.
        confidence: Between 0 and 1, two-sided.

    Raises:
        UsageError: The counts do not fit together.

    Source: Wilson 1927, JASA 22:209-212.

    >>> e = wilson(81, 263)
    >>> round(e.low, 4), round(e.high, 4)
    (0.2553, 0.3662)
    """
    _check_counts("wilson", successes, n, confidence)
    if not n:
        return undefined("no trials")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share = successes / n
    middle = (successes + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (share * (1 - share) * n + z2 / 4)) / (n + z2)
    # At the ends the formula is exact; rounding must not push it beyond.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Estimate(share, low, high, n=n, method="Wilson", confidence=confidence)


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95, sides: Literal[1, 2] = 2) -> Estimate:
    """A proportion with the exact interval, which is never too narrow.

    With `sides=1` each end by itself holds with the confidence: for a gate that looks at one end only.

    Args:
        successes: 0 to n.
        n: Independent trials; none of them: undefined.
        confidence: Between 0 and 1.
        sides: 2: both ends together; 1: each end alone.

    Raises:
        UsageError: The counts do not fit together.

    Source: Clopper & Pearson 1934, Biometrika 26:404-413.

    >>> e = clopper_pearson(0, 10)
    >>> e.low, round(e.high, 4)
    (0.0, 0.3085)
    """
    from scipy.special import betaincinv

    _check_counts("clopper_pearson", successes, n, confidence)
    if not n:
        return undefined("no trials")
    tail = (1 - confidence) / sides
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    method = "Clopper-Pearson" if sides == 2 else "Clopper-Pearson, each end alone"
    return Estimate(successes / n, low, high, n=n, method=method, confidence=confidence)


def mean(
    values: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    bounds: tuple[float, float] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """The mean of what could be read, with its bootstrap interval; whole dialogues or posts are drawn again.

    Where all values are equal, resampling says nothing. With `bounds` the interval then comes from the exact bound of
    a proportion: all n clusters were at v, so with the confidence asked for at most a share of 1 - (a/2)^(1/n) of
    all dialogues differs, and those lie between the bounds. Without bounds there is no interval.

    Args:
        values: One per item; NaN where missing.
        clusters: The dialogue or post of each item; None: each item by itself.
        bounds: Least and greatest possible value, for a scale that has them.
        how: Resamples, seed, confidence, method.

    Returns:
        Mean over the items that are not missing; `missing` counts the others.

    Raises:
        InputError: The values are no numbers.
        UsageError: The clusters do not fit, or values lie outside the bounds.

    >>> mean([5.0] * 50, bounds=(1, 5)).low > 4
    True
    >>> mean([5.0] * 5, bounds=(1, 5)).low > 4
    False
    """
    numbers = column("mean", values)
    codes = cluster_codes("mean", clusters, len(numbers))
    there = ~np.isnan(numbers)
    lost, seen = int((~there).sum()), numbers[there]
    if not len(seen):
        return undefined("no value could be read" if lost else "no items", missing=lost)
    if bounds and not (bounds[0] <= seen.min() and seen.max() <= bounds[1]):
        raise UsageError("mean", "values outside the bounds", want=f"{bounds[0]:g} to {bounds[1]:g}",
                         have=f"{seen.min():g} to {seen.max():g}")  # fmt: skip
    if np.ptp(seen) == 0:
        units = len(np.unique(codes[there]))
        return _constant(float(seen[0]), units, bounds, how.confidence).counted(n=len(seen), missing=lost)
    # The middle is taken out first: sums of large, nearly equal numbers lose digits.
    centre = float(seen.mean())
    parts = np.stack([seen - centre, np.ones(len(seen))], axis=1)
    made = bootstrap(parts, lambda s: s[:, 0] / s[:, 1] + centre, clusters=_dense(codes[there]), how=how)
    return made.counted(n=len(seen), missing=lost)


def difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    bounds: tuple[float, float] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Mean of first minus second on the same items, with its paired bootstrap interval by dialogue or post.

    An item that either side lacks is left out on both and counted as missing.

    Args:
        first: One value per item; NaN where missing.
        second: As many, in the same order of items.
        clusters: The dialogue or post of each item; None: each item by itself.
        bounds: Least and greatest possible difference, as in `mean`.
        how: Resamples, seed, confidence, method.

    Raises:
        InputError: The two are no numbers or do not pair up.
        UsageError: The clusters do not fit.

    >>> difference([1, 2, 4], [1, 1, 1]).value
    1.3333333333333333
    """
    a, b = pair("difference", first, second)
    return mean(a - b, clusters=clusters, bounds=bounds, how=how)


def minimum_detectable_difference(
    differences: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    significance: float = 0.05,
    power: float = 0.8,
) -> Estimate:
    """The least true difference that a sample like this one would find significant, with the power asked for.

    A guide to whether more cases are worth asking for, not a verdict: normal approximation, with the spread between
    clusters seen here. It has no interval of its own.

    Args:
        differences: Paired differences, one per item; NaN where missing.
        clusters: The dialogue or post of each item; None: each item by itself.
        significance: Of the two-sided test.
        power: The share of such samples that would find it.

    >>> round(minimum_detectable_difference([1, -1] * 50).value, 3)
    0.282
    """
    numbers = column("minimum_detectable_difference", differences, name="differences")
    codes = cluster_codes("minimum_detectable_difference", clusters, len(numbers))
    there = ~np.isnan(numbers)
    lost, seen = int((~there).sum()), numbers[there]
    error = standard_error(seen, _dense(codes[there]))
    if not error:
        reason = "fewer than two dialogues or items" if error is None else "the differences do not vary"
        return undefined(reason, n=len(seen), missing=lost)
    normal = NormalDist()
    reach = normal.inv_cdf(1 - significance / 2) + normal.inv_cdf(power)
    return Estimate(reach * error, n=len(seen), missing=lost, method=f"normal, power {power:g}, level {significance:g}")


def standard_error(values: Floats, codes: Ints) -> float | None:
    """Standard error of a mean over clusters of unequal size (linearised ratio); None below two clusters.

    Args:
        values: One per item, none missing.
        codes: Cluster of each item, 0, 1, ..., each number in use.
    """
    k = int(codes.max(initial=-1)) + 1
    if k < 2:
        return None
    pulls = np.bincount(codes, weights=values - values.mean(), minlength=k)
    return math.sqrt(k / (k - 1) * float((pulls**2).sum())) / len(values)


def _constant(value: float, units: int, bounds: tuple[float, float] | None, confidence: float) -> Estimate:
    if bounds is None:
        reason = f"no spread among {units:,} dialogues or items, and no bounds given: nothing says how sure it is"
        return Estimate(value, reason=reason, confidence=confidence)
    least = ((1 - confidence) / 2) ** (1 / units)
    low = bounds[0] + (value - bounds[0]) * least
    high = bounds[1] - (bounds[1] - value) * least
    return Estimate(value, low, high, method="bounded scale, no spread", confidence=confidence)


def _dense(codes: Ints) -> Ints:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _check_counts(who: str, successes: int, n: int, confidence: float) -> None:
    if not (0 <= successes <= n and 0 < confidence < 1):
        raise UsageError(who, "no such proportion", want="0 <= successes <= n and 0 < confidence < 1",
                         have=f"{successes} of {n}, {confidence}")  # fmt: skip
