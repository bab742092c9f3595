"""Gates pass, fail or wait; and the counts that decide are exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.estimates import Estimate, undefined
from benchmarks.gates import Verdict, latency_gate, memory_gate, quantile_bound, stability_gate, verdict
from benchmarks.intervals import mean
from xinheng.errors import InputError, UsageError

INF, NAN = math.inf, math.nan


def of(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, n=100)


@pytest.mark.parametrize(
    ("low", "high", "strict", "wanted"),
    [
        (0.81, 0.9, True, "PASS"),
        (0.8, 0.9, True, "UNDECIDED"),
        (0.8, 0.9, False, "PASS"),
        (0.7, 0.9, True, "UNDECIDED"),
        (0.7, 0.8, True, "FAIL"),
        (0.7, 0.8, False, "UNDECIDED"),
        (0.7, 0.79, False, "FAIL"),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, strict: bool, wanted: str) -> None:
    assert verdict(of(low, high), 0.8, strict=strict).verdict == wanted
    below = verdict(of(-high, -low), -0.8, direction="below", strict=strict)
    assert below.verdict == wanted


def test_without_a_value_or_an_interval_nothing_is_decided() -> None:
    assert verdict(undefined("no items"), 0.8).verdict == "UNDECIDED"
    assert verdict(undefined("no items"), 0.8).reason == "no items"
    assert verdict(Estimate(0.99), 0.8).verdict is Verdict.UNDECIDED
    with pytest.raises(UsageError):
        verdict(of(0, 1), NAN)
    with pytest.raises(UsageError):
        verdict(of(0, 1), 0.5, direction="over")


@given(low=st.floats(0, 1), width=st.floats(0.001, 1), threshold=st.floats(0, 1))
def test_so_many_more_cases_decide_if_nothing_else_changes(low: float, width: float, threshold: float) -> None:
    found = verdict(Estimate(low + width / 2, low, low + width, n=50), threshold)
    if found.more is None:
        return
    assert found.more >= 1
    for more, decided in ((found.more, True), (found.more - 2, False)):
        if more < 0:
            continue
        half = width / 2 * math.sqrt(50 / (50 + more))
        again = verdict(of(low + width / 2 - half, low + width / 2 + half), threshold)
        assert (again.verdict is not Verdict.UNDECIDED) == decided


def test_the_plans_human_rating_gate() -> None:
    rng = np.random.default_rng(1)
    good = mean(rng.choice([4, 5], 50), bounds=(1, 5))
    assert verdict(good, 4.0).verdict is Verdict.PASS
    assert verdict(mean(rng.choice([3, 4], 50), bounds=(1, 5)), 4.0).verdict is Verdict.FAIL
    assert verdict(mean(rng.choice([3, 4, 5], 50), bounds=(1, 5)), 4.0).verdict is Verdict.UNDECIDED


def test_fifty_nine_requests_are_the_fewest_that_bound_a_95th_percentile() -> None:
    assert latency_gate([]).verdict is Verdict.UNDECIDED
    few = latency_gate([0.1] * 58)
    assert (few.verdict, few.more, few.estimate.high) == ("UNDECIDED", 1, None)
    assert latency_gate([0.1] * 59).verdict is Verdict.PASS
    assert latency_gate([0.1] * 58 + [5]).verdict is Verdict.UNDECIDED
    assert latency_gate([1.0] * 100).verdict is Verdict.FAIL


def test_timeouts_are_infinite_and_count() -> None:
    found = latency_gate([0.1] * 90 + [INF] * 5 + [NAN] * 5)
    assert found.estimate.value == INF
    assert found.estimate.missing == 10
    assert found.verdict is not Verdict.PASS
    assert latency_gate([0.1] * 50 + [None] * 50).verdict is Verdict.FAIL
    assert latency_gate([0.1] * 999 + [INF]).verdict is Verdict.PASS
    with pytest.raises(InputError):
        latency_gate([-1.0] * 60)


def test_the_quantile_is_by_nearest_rank() -> None:
    assert [quantile_bound(range(1, n + 1)).value for n in (1, 19, 20, 21, 100, 101)] == [1, 19, 19, 20, 95, 96]


@pytest.mark.parametrize("n", [59, 93, 200, 1000])
def test_each_bound_of_the_quantile_holds_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    found = [quantile_bound(rng.random(n)) for _ in range(600)]
    assert np.mean([e.high >= 0.95 for e in found]) > 0.925
    assert np.mean([e.low <= 0.95 for e in found]) > 0.925


def test_2995_clean_requests_are_the_fewest_that_show_stability() -> None:
    assert stability_gate(0, 0).verdict is Verdict.UNDECIDED
    few = stability_gate(2994, 2994)
    assert (few.verdict, few.more) == ("UNDECIDED", 1)
    assert stability_gate(2995, 2995).verdict is Verdict.PASS
    one_error = stability_gate(2999, 3000)
    assert one_error.verdict is Verdict.UNDECIDED
    assert stability_gate(2999 + one_error.more, 3000 + one_error.more).verdict is Verdict.PASS
    assert stability_gate(2998 + one_error.more, 2999 + one_error.more).verdict is Verdict.UNDECIDED
    assert stability_gate(900, 1000).verdict is Verdict.FAIL


def test_one_run_over_the_limit_fails_and_an_unmeasured_one_decides_nothing() -> None:
    assert memory_gate([]).verdict is Verdict.UNDECIDED
    assert memory_gate([7e9, NAN]).verdict is Verdict.UNDECIDED
    assert memory_gate([7e9, 7.9e9]).verdict is Verdict.PASS
    assert memory_gate([7e9, 8.0e9]).verdict is Verdict.FAIL
    assert memory_gate([9e9, NAN]).verdict is Verdict.FAIL
    assert memory_gate([7.5 * 2**30]).verdict is Verdict.FAIL


def test_few_requests_that_are_all_too_slow_fail_for_certain() -> None:
    assert latency_gate([math.inf] * 30).verdict is Verdict.FAIL
    assert latency_gate([2.0] * 30).verdict is Verdict.FAIL
    assert latency_gate([0.5] * 29 + [math.inf]).verdict is Verdict.UNDECIDED
    # The lower bound holds as often as it says, also where there is no upper one.
    rng = np.random.default_rng(5)
    lows = [quantile_bound(rng.random(40)).low or 0.0 for _ in range(800)]
    assert np.mean(np.array(lows) <= 0.95) >= 0.94
