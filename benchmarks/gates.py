"""Gates: PASS when the interval is beyond the threshold, FAIL when none of it is, else UNDECIDED and how many more.

A value beyond the threshold is not enough: with few cases it may well be there by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.estimates import Estimate, column, undefined
from benchmarks.intervals import clopper_pearson
from xinheng.errors import InputError, UsageError

GB: Final = 10**9
_MOST_MORE: Final = 10**9


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Gate:
    """A verdict, what it rests on, and what would decide it.

    Args:
        verdict: PASS, FAIL or UNDECIDED.
        estimate: The measure with its interval.
        threshold: In the measure's unit.
        more: About how many more cases would decide, if they are like these; None when that cannot be said.
        reason: Why it is undecided, or on what assumption `more` rests; empty for a plain verdict.
    """

    verdict: Verdict
    estimate: Estimate
    threshold: float
    more: int | None = None
    reason: str = ""


def verdict(
    estimate: Estimate, threshold: float, *, direction: Literal["above", "below"] = "above", strict: bool = True
) -> Gate:
    """Whether a measure is beyond a threshold, by its interval.

    PASS when the whole interval is beyond, FAIL when no part of it is; an end that lies on a strict threshold is not
    beyond it. More cases: the interval narrows with the square root of their number, if value and spread stay.

    Args:
        estimate: The measure; without an interval the gate is undecided.
        threshold: What it must be beyond.
        direction: `above` or `below` the threshold is good.
        strict: Whether the threshold itself is not good enough.

    Raises:
        UsageError: No such direction, or no threshold.

    >>> verdict(Estimate(0.85, 0.81, 0.89, n=100), 0.8).verdict.value
    'PASS'
    >>> undecided = verdict(Estimate(0.84, 0.76, 0.92, n=100), 0.8)
    >>> undecided.verdict.value, undecided.more
    ('UNDECIDED', 301)
    """
    if direction not in ("above", "below") or not math.isfinite(threshold):
        raise UsageError("gate", "no such gate", want="above or below a number", have=f"{direction} {threshold}")
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return Gate(Verdict.UNDECIDED, estimate, threshold, reason=estimate.reason or "there is no interval")
    sign = 1 if direction == "above" else -1
    # From here on larger is better, and 0 is the threshold.
    middle, worst, best = sign * (value - threshold), *sorted((sign * (low - threshold), sign * (high - threshold)))
    if worst > 0 or (worst == 0 and not strict):
        return Gate(Verdict.PASS, estimate, threshold)
    if best < 0 or (best == 0 and strict):
        return Gate(Verdict.FAIL, estimate, threshold)
    more = _more_cases(middle, middle - worst if middle > 0 else best - middle, estimate.n)
    if more is None:
        return Gate(
            Verdict.UNDECIDED, estimate, threshold, reason="the value lies on the threshold: more cases may not decide"
        )
    return Gate(Verdict.UNDECIDED, estimate, threshold, more, "if value and spread stay as they are")


def _more_cases(distance: float, half_width: float, n: int) -> int | None:
    """Cases until an interval that narrows with the square root of n leaves the threshold."""
    if n < 1 or not math.isfinite(distance) or abs(distance) < 1e-12:
        return None
    needed = n * (half_width / abs(distance)) ** 2
    # At exactly that many the end lies on the threshold: one more.
    return max(1, math.floor(needed) + 1 - n) if needed < _MOST_MORE else None


def quantile_bound(values: npt.ArrayLike, share: float = 0.95, *, confidence: float = 0.95) -> Estimate:
    """A quantile by nearest rank, with bounds from order statistics, each of which holds by itself.

    No shape of the distribution is assumed. Every request counts: one that timed out or broke is infinite (inf, or
    NaN). Below 59 requests nothing bounds a 95th percentile from above with 95 % confidence, for the largest of them
    may lie below it; then there is a lower bound at most.

    Args:
        values: One per request, in any order, such as seconds; inf or NaN where none came.
        share: Of the quantile, 0 to 1.
        confidence: Of each bound.

    Returns:
        The quantile, perhaps infinite, and its bounds; n counts the requests, missing those without an answer.

    Raises:
        InputError: A value is negative or no number.

    Source: Hahn & Meeker 1991, Statistical Intervals, section 5.2; nearest rank: Hyndman & Fan 1996, type 1.

    >>> quantile_bound(range(1, 101)).value
    95.0
    >>> quantile_bound(range(58)).high is None, quantile_bound(range(59)).high
    (True, 58.0)
    """
    from scipy.special import bdtr

    found = np.asarray(values, dtype=np.float64).ravel()
    found = np.where(np.isnan(found), np.inf, found)
    n, unanswered = len(found), int(np.isinf(found).sum())
    if (found < 0).any():
        raise InputError("quantile_bound", "negative values", want="0 or more", have=f"{int((found < 0).sum())} below")
    if not n:
        return undefined("no requests")
    ordered = np.sort(found)
    # Rounding of share * n must not lift a whole number to the next rank.
    value = float(ordered[max(0, math.ceil(share * n - 1e-9) - 1)])
    below = bdtr(np.arange(n), n, share)  # below[r - 1]: chance that the r-th smallest is at or above the quantile
    upper, lower = np.flatnonzero(below >= confidence), np.flatnonzero(1 - below >= confidence)
    low = float(ordered[lower[-1]]) if len(lower) else 0.0
    if not len(upper):
        needed = math.ceil(math.log(1 - confidence) / math.log(share) - 1e-9)
        reason = f"{n} requests bound no {share:.0%} quantile from above: that takes {needed}"
        return Estimate(value, low or None, n=n, missing=unanswered, reason=reason, confidence=confidence)
    return Estimate(
        value, low, float(ordered[upper[0]]), n=n, missing=unanswered,
        method="order statistics, each end alone", confidence=confidence,
    )  # fmt: skip


def latency_gate(latencies_s: npt.ArrayLike, *, threshold_s: float = 1.0, share: float = 0.95) -> Gate:
    """Whether the 95th percentile of latencies is below the threshold.

    Args:
        latencies_s: Seconds, one per request; inf or NaN for a timeout or an error.
        threshold_s: What the percentile must be below.
        share: Which percentile, 0 to 1.

    >>> latency_gate([0.5] * 59).verdict.value, latency_gate([0.5] * 58).more
    ('PASS', 1)
    """
    estimate = quantile_bound(latencies_s, share)
    if estimate.value is None or estimate.has_interval:
        made = verdict(estimate, threshold_s, direction="below")
        # Order statistics do not narrow around a value as means do.
        if made.verdict is Verdict.UNDECIDED:
            return Gate(made.verdict, estimate, threshold_s, None, made.reason if estimate.value is None else
                        "the bounds of the percentile lie on both sides of the threshold")  # fmt: skip
        return made
    if estimate.low is not None and estimate.low >= threshold_s:
        return Gate(Verdict.FAIL, estimate, threshold_s)  # whatever the largest would be
    needed = math.ceil(math.log(1 - estimate.confidence) / math.log(share) - 1e-9)
    return Gate(Verdict.UNDECIDED, estimate, threshold_s, needed - estimate.n, estimate.reason)


def stability_gate(successes: int, requests: int, *, threshold: float = 0.999, confidence: float = 0.95) -> Gate:
    """Whether more than 99.9 % of requests succeed, by the exact bound; no fewer than 2,995 requests can say so.

    Args:
        successes: Requests that were answered.
        requests: All of them, timeouts and errors included.
        threshold: Share that must be exceeded.
        confidence: Of each bound.

    >>> stability_gate(2994, 2994).more, stability_gate(2995, 2995).verdict.value
    (1, 'PASS')
    """
    estimate = clopper_pearson(successes, requests, confidence=confidence, sides=1)
    made = verdict(estimate, threshold)
    if made.verdict is not Verdict.UNDECIDED:
        return made
    more = _clean_requests(requests - successes, requests, threshold, confidence)
    return Gate(Verdict.UNDECIDED, estimate, threshold, more, "if every further request succeeds")


def _clean_requests(failures: int, requests: int, threshold: float, confidence: float) -> int | None:
    """How many more requests without a failure would pass."""

    def passes(more: int) -> bool:
        n = requests + more
        low = clopper_pearson(n - failures, n, confidence=confidence, sides=1).low
        return low is not None and low > threshold

    most = 1
    while not passes(most):
        most *= 2
        if most > _MOST_MORE:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if passes(middle) else (middle, most)
    return most


def memory_gate(peaks_bytes: npt.ArrayLike, *, threshold_gb: float = 8.0) -> Gate:
    """Whether every measured run stayed below so many GB (10^9 bytes); the verdict is of the runs measured.

    A peak is a fact about a run, not a sample of a mean: one run at or over the limit fails, and there is no interval
    to wait for.

    Args:
        peaks_bytes: Peak of each run, bytes; NaN where it was not measured.
        threshold_gb: Limit in GB.

    >>> memory_gate([7.9e9, 7.2e9]).verdict.value, memory_gate([8e9]).verdict.value
    ('PASS', 'FAIL')
    """
    found = column("memory_gate", peaks_bytes, name="peaks")
    there = found[~np.isnan(found)]
    missing = len(found) - len(there)
    if not len(there):
        return Gate(
            Verdict.UNDECIDED,
            undefined("no peak was measured", missing=missing),
            threshold_gb,
            1,
            "no peak was measured",
        )
    peak = float(there.max()) / GB
    estimate = Estimate(peak, n=len(there), missing=missing, method="largest peak of the runs measured")
    if peak >= threshold_gb:
        return Gate(Verdict.FAIL, estimate, threshold_gb)
    if missing:
        return Gate(Verdict.UNDECIDED, estimate, threshold_gb, missing, f"{missing} runs were not measured")
    return Gate(Verdict.PASS, estimate, threshold_gb)
