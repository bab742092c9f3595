"""Many systems held against the leader on the same cases: a paired test each, and Holm's correction over all."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np

from benchmarks.estimates import Floats, Ints, cluster_codes, table
from benchmarks.intervals import standard_error
from benchmarks.resampling import BOOTSTRAP, Bootstrap, resampled
from benchmarks.significance import holm, mcnemar
from xinheng.errors import UsageError

MCNEMAR: Final = "McNemar, exact"
PER_TEST: Final = 100  # resamples per test of a family: a p of 2 in that many must survive Holm's factor
_POWER: Final = 0.8
_LEVEL: Final = 0.05
_FINE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class AgainstLeader:
    """One system beside the leader, on the cases that both have a value for.

    Args:
        difference: Mean of this system minus mean of the leader, in the unit of the values; None without a pair.
        low: Lower end of its interval; None where the test has none.
        high: Upper end.
        p: Two-sided, of this test alone; None where it cannot be made.
        adjusted: The same after Holm's correction over all tests of the table.
        n: Pairs.
        missing: Cases left out because either side has no value.
        ahead: Pairs on which the leader is ahead.
        behind: Pairs on which this system is ahead of the leader.
        detectable: The least true difference that so many cases would show four times in five; None if unknown.
        method: Which test.
        reason: Why p is None.
    """

    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted: float | None = None
    n: int = 0
    missing: int = 0
    ahead: int = 0
    behind: int = 0
    detectable: float | None = None
    method: str = ""
    reason: str = ""


def against_leader(
    values: Floats,
    leader: int,
    *,
    clusters: Sequence[Hashable] | None = None,
    lower_is_better: bool = False,
    how: Bootstrap = BOOTSTRAP,
) -> list[AgainstLeader | None]:
    """Every system tested against the leader, corrected together.

    Right and wrong answers of independent cases meet in McNemar's exact test. Where values are grades, or where
    several cases come from one post or dialogue, whole posts are drawn again: p is twice the share of resamples on the
    other side of zero. Two posts cannot prove anything, whatever a bootstrap says of them, so that p is never below
    that of a sign test in which all differing posts agree. The more systems, the more resamples: Holm's
    correction of many could otherwise never reach 5 %.

    Args:
        values: Cases x systems; NaN where a case has no value.
        leader: Column of the leader.
        clusters: The post or dialogue of each case; None: each case by itself.
        lower_is_better: The leader has the least mean; only `ahead` and `behind` depend on it.
        how: Seed and confidence, and the least number of resamples.

    Returns:
        One per system in their order, None for the leader.

    Raises:
        InputError: The values are no table of finite numbers.
        UsageError: No such leader, or the clusters do not fit.

    >>> tests = against_leader(np.array([[1, 0]] * 8 + [[1, 1]] * 2), 0)
    >>> round(tests[1].p, 4), tests[1].ahead, tests[1].difference
    (0.0078, 8, -0.8)
    """
    numbers = table("against_leader", values)
    if not 0 <= leader < numbers.shape[1]:
        raise UsageError("against_leader", "no such leader", want=f"a column of {numbers.shape[1]}", have=str(leader))
    codes = cluster_codes("against_leader", clusters, len(numbers))
    differences = numbers - numbers[:, [leader]]
    others = [j for j in range(numbers.shape[1]) if j != leader]
    seen = {j: _seen(differences[:, j], codes, lower_is_better=lower_is_better) for j in others}
    binary = [bool(np.isin(column[~np.isnan(column)], [0.0, 1.0]).all()) for column in numbers.T]
    alone = len(np.unique(codes)) == len(codes)
    drawn = []
    for j in others:
        if alone and seen[j].n and binary[j] and binary[leader]:
            # Exact, and so defined for a single case too: it says 1.
            exact = mcnemar(numbers[:, leader], numbers[:, j]).p
            seen[j] = replace(seen[j], p=exact, method=MCNEMAR, reason="")
        elif not seen[j].reason:
            drawn.append(j)
    if drawn:
        seen |= _bootstrapped(differences, codes, drawn, seen, replace(
            how, resamples=max(how.resamples, PER_TEST * len(others))
        ))  # fmt: skip
    adjusted = dict(zip(others, holm([seen[j].p for j in others]), strict=True))
    return [None if j == leader else replace(seen[j], adjusted=adjusted[j]) for j in range(numbers.shape[1])]


def paired_test(
    first: Floats, second: Floats, *, clusters: Sequence[Hashable] | None = None, how: Bootstrap = BOOTSTRAP
) -> AgainstLeader:
    """The test of two systems alone: the same p that `against_leader` has for this pair.

    Args:
        first: Its value for each case; NaN where it has none. It takes the leader's place: `ahead` counts the cases
            on which it has the greater value, and `difference` is the second minus the first.
        second: Of the other system, in the same order.
        clusters: The post or dialogue of each case; None: each case by itself.
        how: Seed, confidence and resamples.

    Raises:
        InputError: The values are no table of finite numbers.

    >>> test = paired_test(np.array([1.0] * 8 + [1.0] * 2), np.array([0.0] * 8 + [1.0] * 2))
    >>> round(test.p, 4), test.ahead, test.method
    (0.0078, 8, 'McNemar, exact')
    """
    (test,) = against_leader(np.column_stack([first, second]), 0, clusters=clusters, how=how)[1:]
    assert test is not None, "only the leader has no test"  # noqa: S101
    return test


def _seen(differences: Floats, codes: Ints, *, lower_is_better: bool) -> AgainstLeader:
    """What can be said of the pairs before any test."""
    there = ~np.isnan(differences)
    pairs, missing = differences[there], int((~there).sum())
    if not len(pairs):
        return AgainstLeader(None, missing=missing, reason="no case has a value of both" if missing else "no cases")
    worse = int((pairs > 0).sum()) if lower_is_better else int((pairs < 0).sum())
    units = np.unique(codes[there], return_inverse=True)[1].astype(np.int64)
    error = standard_error(pairs, units)
    normal = NormalDist()
    reach = normal.inv_cdf(1 - _LEVEL / 2) + normal.inv_cdf(_POWER)
    return AgainstLeader(
        float(pairs.mean()),
        n=len(pairs),
        missing=missing,
        ahead=worse,
        behind=int((pairs != 0).sum()) - worse,
        detectable=reach * error if error else None,
        reason="" if error is not None else "only one post or dialogue: there is nothing to compare it with",
    )


def _bootstrapped(
    differences: Floats, codes: Ints, drawn: Sequence[int], seen: dict[int, AgainstLeader], how: Bootstrap
) -> dict[int, AgainstLeader]:
    """The tests of these columns, all on the same resamples."""
    columns = differences[:, drawn]
    there = ~np.isnan(columns)
    k = len(drawn)
    # Where nobody lacks a case, one count serves all: half the work.
    counts = there[:, :1] if bool((there == there[:, :1]).all()) else there
    parts = np.hstack([np.where(there, columns, 0.0), counts.astype(np.float64)])
    draws = resampled(parts, lambda sums: sums[:, :k] / sums[:, k:], codes, how)
    return {j: _tested(seen[j], draws[:, i], columns[:, i], codes, how) for i, j in enumerate(drawn)}


def _tested(seen: AgainstLeader, draws: Floats, column: Floats, codes: Ints, how: Bootstrap) -> AgainstLeader:
    known = draws[np.isfinite(draws)]
    if len(known) < 0.99 * len(draws):
        return replace(seen, reason="too few pairs: many resamples have none")
    there = ~np.isnan(column)
    sums = np.bincount(codes[there], weights=column[there])
    fine = _FINE * max(1.0, float(np.abs(column[there]).max()))
    deciding = int((np.abs(sums) > fine).sum())
    if not deciding:
        return replace(seen, p=1.0, method=_method(how))
    tail = min(int((known <= fine).sum()), int((known >= -fine).sum())) + 1
    p = min(1.0, max(2 * tail / (len(known) + 1), 2.0 * 0.5**deciding))
    low, high = np.quantile(known, [(1 - how.confidence) / 2, (1 + how.confidence) / 2])
    return replace(seen, p=p, low=float(low), high=float(high), method=_method(how))


def _method(how: Bootstrap) -> str:
    return f"paired bootstrap by post, {how.resamples:,} resamples"
