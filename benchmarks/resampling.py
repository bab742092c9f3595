"""The bootstrap: how far a measure moves when dialogues are drawn again, with replacement.

Nearly every measure here depends on the data only through sums over items: a mean on a sum and a count, kappa on a
table of counts. So each item gives a row of contributions, clusters add theirs up, and drawing clusters again is
one product of counts and rows. That is exact, also for means of clusters of unequal size, and needs memory for a
block of resamples only. Equal rows are drawn together (multinomial), and rows are put in order first: the same
data in another order give the same interval.

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 14 (percentile, BCa).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np

from benchmarks.estimates import Estimate, Floats, Ints, cluster_codes, undefined
from xinheng.errors import UsageError

Statistic = Callable[[Floats], Floats]
"""Sums of contributions, one row per resample, to one value per resample; NaN where undefined."""

_BLOCK: Final = 1 << 20  # cells of one block: 8 MiB
_DRAWN_TOGETHER: Final = 128  # up to so many different rows, a multinomial draw is faster than drawing each unit
_FEW_COLUMNS: Final = 3  # up to so many, looking rows up is faster than counting how often each was drawn
_LOST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How to resample.

    Args:
        resamples: How many times.
        seed: The same seed and data give the same interval.
        confidence: Between 0 and 1.
        method: `percentile`; or `bca`, which corrects bias and skew and is the better one for few, skewed items.
    """

    resamples: int = 10_000
    seed: int = 0
    confidence: float = 0.95
    method: Literal["percentile", "bca"] = "percentile"

    def __post_init__(self) -> None:
        if self.resamples < 100 or not 0 < self.confidence < 1 or self.method not in {"percentile", "bca"}:
            raise UsageError(
                "bootstrap", "cannot resample so", want="100 resamples or more, 0 < confidence < 1, percentile or bca",
                have=f"{self.resamples}, {self.confidence}, {self.method}",
            )  # fmt: skip


BOOTSTRAP: Final = Bootstrap()


def bootstrap(
    contributions: Floats,
    statistic: Statistic,
    *,
    clusters: Sequence[Hashable] | Ints | None = None,
    how: Bootstrap = BOOTSTRAP,
    what: str = "the measure",
) -> Estimate:
    """A measure that depends on the data by sums over items alone, with its interval.

    A resample in which the measure is undefined (all ratings equal) says nothing; when more than 1 % are so, or when
    every resample gives the same value, there is no interval: that no spread was seen does not mean there is none.

    Args:
        contributions: One row per item, float64, finite.
        statistic: Sums (resamples x columns) to values (resamples), NaN where undefined.
        clusters: The dialogue or post of each item; None: each item by itself.
        how: Resamples, seed, confidence, method.
        what: What reasons call the measure.

    Returns:
        Value and interval; n counts the items.
    """
    n = len(contributions)
    units = _units(contributions, cluster_codes("bootstrap", None if clusters is None else list(clusters), n))
    if not n:
        return undefined("no items")
    with np.errstate(all="ignore"):
        value = float(statistic(units.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return undefined(f"{what} is undefined on these items", n=n)
    label = f"{how.method} bootstrap, {how.resamples:,} resamples of {len(units):,}"
    low, high, reason = _interval(units, statistic, value, how)
    return Estimate(value, low, high, n=n, reason=reason, method="" if reason else label, confidence=how.confidence)


def resampled(contributions: Floats, statistic: Statistic, codes: Ints, how: Bootstrap) -> Floats:
    """The measure on every resample, in the order of the draws; NaN where it is undefined.

    Args:
        contributions: One row per item.
        statistic: Sums to values; it may also give a row of values per resample.
        codes: Cluster of each item, 0, 1, ...
        how: Resamples and seed.
    """
    return _draws(_units(contributions, codes), statistic, how)


def bootstrap_many(
    contributions: Floats,
    statistic: Statistic,
    *,
    clusters: Sequence[Hashable] | Ints | None = None,
    how: Bootstrap = BOOTSTRAP,
    what: str = "the measure",
) -> tuple[Estimate, ...]:
    """Several measures that are computed together, each with its percentile interval, from the same resamples.

    Arguments as in `bootstrap`; the statistic gives a row of values per resample. `bca` is not offered here.
    """
    if how.method != "percentile":
        raise UsageError("bootstrap_many", "no BCa for several measures", want="percentile", have=how.method)
    n = len(contributions)
    units = _units(contributions, cluster_codes("bootstrap", None if clusters is None else list(clusters), n))
    with np.errstate(all="ignore"):
        values = statistic(units.sum(axis=0, keepdims=True))[0]
    draws = _draws(units, statistic, how)
    label = f"percentile bootstrap, {how.resamples:,} resamples of {len(units):,}"
    found = []
    for value, drawn in zip(values.tolist(), draws.T, strict=True):
        if not np.isfinite(value):
            found.append(undefined(f"undefined on these items: {what}", n=n))
            continue
        low, high, reason = _ends(drawn, value, len(units), how.confidence)
        method = "" if reason else label
        found.append(Estimate(value, low, high, n=n, reason=reason, method=method, confidence=how.confidence))
    return tuple(found)


def bootstrap_rows(
    statistic: Callable[[Ints], float],
    n: int,
    *,
    clusters: Sequence[Hashable] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Any measure of rows, with its percentile interval; slow, for measures that no sums will do for (ranks).

    Args:
        statistic: Row numbers (some several times) to a value, NaN where undefined.
        n: How many rows there are.
        clusters: The dialogue or post of each row; None: each row by itself.
        how: Resamples, seed, confidence; `bca` is not offered here.
    """
    if how.method != "percentile":
        raise UsageError("bootstrap_rows", "no BCa for rows", want="percentile", have=how.method)
    codes = cluster_codes("bootstrap_rows", clusters, n)
    if not n:
        return undefined("no items")
    value = statistic(np.arange(n))
    if not np.isfinite(value):
        return undefined("the measure is undefined on these items", n=n)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    rng = np.random.default_rng(how.seed)
    draws = np.array(
        [
            statistic(np.concatenate([groups[g] for g in rng.integers(0, len(groups), len(groups))]))
            for _ in range(how.resamples)
        ]
    )
    low, high, reason = _ends(draws, value, len(groups), how.confidence)
    label = f"percentile bootstrap, {how.resamples:,} resamples of {len(groups):,}"
    return Estimate(value, low, high, n=n, reason=reason, method="" if reason else label, confidence=how.confidence)


def bootstrap_weights(
    statistic: Callable[[Floats], Floats],
    n: int,
    *,
    clusters: Sequence[Hashable] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """A measure that takes weights of rows, with its percentile interval: fitted curves, many resamples at once.

    Args:
        statistic: Weights (resamples x rows: how often each was drawn) to values, NaN where undefined.
        n: How many rows there are.
        clusters: The dialogue or post of each row; None: each row by itself.
        how: Resamples, seed, confidence; `bca` is not offered here.
    """
    if how.method != "percentile":
        raise UsageError("bootstrap_weights", "no BCa for weights", want="percentile", have=how.method)
    codes = cluster_codes("bootstrap_weights", clusters, n)
    if not n:
        return undefined("no items")
    value = float(statistic(np.ones((1, n)))[0])
    if not np.isfinite(value):
        return undefined("the measure is undefined on these items", n=n)
    groups, rng = int(codes.max()) + 1, np.random.default_rng(how.seed)
    block, found = max(1, _BLOCK // n), []
    for start in range(0, how.resamples, block):
        size = min(block, how.resamples - start)
        drawn = rng.integers(0, groups, size=(size, groups)) + (np.arange(size) * groups)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * groups).reshape(size, groups).astype(np.float64)
        found.append(statistic(times[:, codes]))
    low, high, reason = _ends(np.concatenate(found), value, groups, how.confidence)
    label = f"percentile bootstrap, {how.resamples:,} resamples of {groups:,}"
    return Estimate(value, low, high, n=n, reason=reason, method="" if reason else label, confidence=how.confidence)


def _units(contributions: Floats, codes: Ints) -> Floats:
    """One row per cluster, in an order that depends on the rows alone."""
    k = int(codes.max(initial=-1)) + 1
    if k == len(codes):
        units = contributions
    else:
        units = np.stack([np.bincount(codes, weights=c, minlength=k) for c in contributions.T], axis=1)
    return units[np.lexsort(units.T[::-1])] if units.size else units


def _draws(units: Floats, statistic: Statistic, how: Bootstrap) -> Floats:
    rng = np.random.default_rng(how.seed)
    with np.errstate(all="ignore"):
        return np.concatenate([statistic(sums) for sums in _sums(units, rng, how.resamples)])


def _sums(units: Floats, rng: np.random.Generator, resamples: int) -> Iterator[Floats]:
    n, width = units.shape
    rows, multiplicity = _distinct(units)
    together = len(rows) <= min(_DRAWN_TOGETHER, n - 1)
    wide = max(len(rows) if together else n, width)
    block = max(1, min(resamples, _BLOCK // wide))
    varied = [j for j in range(width) if units[0, j] != units[:, j].max() or units[0, j] != units[:, j].min()]
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        if together:
            yield rng.multinomial(n, multiplicity / n, size=size).astype(np.float64) @ rows
            continue
        drawn = rng.integers(0, n, size=(size, n))
        if len(varied) <= _FEW_COLUMNS:
            sums = np.repeat(units[:1] * n, size, axis=0)
            for j in varied:
                sums[:, j] = units[:, j].take(drawn).sum(axis=1)
            yield sums
        else:
            drawn += (np.arange(size) * n)[:, None]
            yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64) @ units


def _distinct(units: Floats) -> tuple[Floats, Ints]:
    """The different rows of units in order, and how often each is there."""
    new = np.ones(len(units), dtype=bool)
    new[1:] = (units[1:] != units[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    return units[starts], np.diff(np.append(starts, len(units)))


def _interval(
    units: Floats, statistic: Statistic, value: float, how: Bootstrap
) -> tuple[float | None, float | None, str]:
    if len(units) < 2:
        return None, None, "only one dialogue or item: there is nothing to resample"
    draws = _draws(units, statistic, how)
    low, high, reason = _ends(draws, value, len(units), how.confidence)
    if reason or how.method == "percentile":
        return low, high, reason
    draws = draws[np.isfinite(draws)]
    shares = _bca_shares(draws, value, _left_out(units, statistic), how.confidence)
    if shares is None:
        return None, None, "the BCa correction is undefined here; ask for the percentile method"
    first, last = np.quantile(draws, shares)
    return float(first), float(last), ""


def _ends(draws: Floats, value: float, units: int, confidence: float) -> tuple[float | None, float | None, str]:
    if units < 2:
        return None, None, "only one dialogue or item: there is nothing to resample"
    known = draws[np.isfinite(draws)]
    if (lost := 1 - len(known) / len(draws)) > _LOST:
        return None, None, f"undefined in {lost:.0%} of the resamples: too little varies to say how sure it is"
    if np.ptp(known) <= 1e-12 * max(1.0, abs(value)):
        return None, None, f"no spread among {units:,} dialogues or items: resampling cannot say how sure it is"
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high), ""


def _left_out(units: Floats, statistic: Statistic) -> tuple[Floats, Ints]:
    rows, multiplicity = _distinct(units)
    with np.errstate(all="ignore"):
        return statistic(units.sum(axis=0) - rows), multiplicity


def _bca_shares(
    draws: Floats, value: float, left_out: tuple[Floats, Ints], confidence: float
) -> tuple[float, float] | None:
    jackknife, times = left_out
    below = float(((draws < value).sum() + (draws == value).sum() / 2) / len(draws))
    if not 0 < below < 1 or not np.isfinite(jackknife).all():
        return None
    pulls = np.average(jackknife, weights=times) - jackknife
    spread = float((times * pulls**2).sum())
    skew = float((times * pulls**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    normal = NormalDist()
    bias = normal.inv_cdf(below)
    shares = []
    for z in (normal.inv_cdf((1 - confidence) / 2), normal.inv_cdf((1 + confidence) / 2)):
        moved = bias + z
        shares.append(normal.cdf(bias + moved / (1 - skew * moved)))
    return shares[0], shares[1]
