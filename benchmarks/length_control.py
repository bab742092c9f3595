"""How much of a win rate is length: the win rate that is left between answers of equal length."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.estimates import Estimate, Floats, pair, undefined
from benchmarks.intervals import mean
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap_weights
from xinheng.errors import InputError


@dataclass(frozen=True, slots=True)
class LengthControl:
    """A win rate as it is, and as it would be at equal lengths.

    Args:
        win_rate: Mean score of the first system, 0 to 1.
        controlled: The same at equal length; undefined when lengths do not differ or decide everything.
        sensitivity: Win rate minus controlled, in points of 0 to 1: what length alone is worth; None when undefined.
    """

    win_rate: Estimate
    controlled: Estimate
    sensitivity: float | None


def length_controlled(
    scores: npt.ArrayLike,
    length_differences: npt.ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> LengthControl:
    """The win rate at equal length, by a logistic curve of the score over the bounded length difference.

    Args:
        scores: 1 when the first system won, 0 when the second did, 0.5 for a tie; NaN where unread.
        length_differences: Length of the first answer minus the second's, in any one unit.
        clusters: The dialogue of each comparison; None: each by itself.
        how: Seed, confidence, and resamples, of which at most 2,000 are made here.

    Raises:
        InputError: They are no numbers, do not pair up, or a score is not between 0 and 1.

    Source: Dubois et al. 2024, Length-Controlled AlpacaEval (its length term: tanh of the difference over its SD).

    >>> found = length_controlled([1, 1, 0, 1, 0, 0], [30, 20, 25, -10, -20, -30])
    >>> round(found.win_rate.value, 2), round(found.controlled.value, 2)
    (0.5, 0.48)
    """
    y, apart = pair("length_controlled", scores, length_differences)
    there = ~(np.isnan(y) | np.isnan(apart))
    missing = int((~there).sum())
    chosen = None if clusters is None else [c for c, t in zip(clusters, there, strict=True) if t]
    y, apart = y[there], apart[there]
    if wrong := int(((y < 0) | (y > 1)).sum()):
        raise InputError("length_controlled", "scores off the scale", want="0 to 1", have=f"{wrong} others")
    win_rate = mean(y, clusters=chosen, bounds=(0, 1), how=how)
    spread = float(apart.std()) if len(apart) else 0.0
    if spread == 0:
        why = "all comparisons have the same length difference" if len(apart) else "no comparisons"
        return LengthControl(win_rate, undefined(why, n=len(y), missing=missing), None)
    x = np.tanh(apart / spread)

    few = Bootstrap(min(how.resamples, 2000), how.seed, how.confidence)
    controlled = bootstrap_weights(lambda weights: _at_zero(x, y, weights), len(y), clusters=chosen, how=few).counted(
        n=len(y), missing=missing
    )
    if controlled.value is None or win_rate.value is None:
        why = "length decides every comparison, or none varies: no curve fits"
        return LengthControl(win_rate, undefined(why, n=len(y), missing=missing), None)
    return LengthControl(win_rate, controlled, win_rate.value - controlled.value)


def _at_zero(x: Floats, y: Floats, weights: Floats) -> Floats:
    """The fitted curve at x = 0 for each row of weights; NaN where no finite curve fits. Newton's method."""
    at, slope = np.zeros(len(weights)), np.zeros(len(weights))
    settled, lost = np.zeros(len(weights), dtype=bool), np.zeros(len(weights), dtype=bool)
    for _ in range(50):
        open_ = np.flatnonzero(~settled & ~lost)
        if not len(open_):
            break
        w = weights[open_]
        fitted = 1 / (1 + np.exp(-np.clip(at[open_, None] + slope[open_, None] * x, -30, 30)))
        pull, bend = w * (y - fitted), w * fitted * (1 - fitted)
        first, second = pull.sum(axis=1), pull @ x
        b00, b01, b11 = bend.sum(axis=1), bend @ x, bend @ (x * x)
        det = b00 * b11 - b01 * b01
        flat = det < 1e-12
        det[flat] = 1.0
        steps = np.stack([(b11 * first - b01 * second) / det, (b00 * second - b01 * first) / det])
        largest = np.abs(steps).max(axis=0)
        steps *= np.minimum(1.0, 2.0 / np.maximum(1e-300, largest))
        moved = ~flat
        at[open_[moved]] += steps[0, moved]
        slope[open_[moved]] += steps[1, moved]
        lost[open_[flat]] = True
        settled[open_[moved & (np.abs(steps).max(axis=0) < 1e-9)]] = True
    finite = settled & (np.abs(at) < 25) & (np.abs(slope) < 25)
    return np.where(finite, 1 / (1 + np.exp(-np.clip(at, -30, 30))), math.nan)
