"""Many systems against the leader: what can be proved, and what cannot."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.leading import MCNEMAR, against_leader
from benchmarks.significance import holm, mcnemar
from xinheng.errors import InputError, UsageError


def test_right_and_wrong_answers_meet_in_mcnemars_exact_test() -> None:
    random = np.random.default_rng(0)
    values = (random.random((200, 4)) < [0.8, 0.7, 0.6, 0.8]).astype(float)
    tests = against_leader(values, 0)
    assert tests[0] is None
    others = [test for test in tests if test is not None]
    exact = [mcnemar(values[:, 0], values[:, j]) for j in (1, 2, 3)]
    assert [test.p for test in others] == [test.p for test in exact]
    assert [(test.ahead, test.behind) for test in others] == [(test.first, test.second) for test in exact]
    assert [test.adjusted for test in others] == holm([test.p for test in exact])
    assert {test.method for test in others} == {MCNEMAR}


def test_several_cases_of_a_post_are_not_independent() -> None:
    # Ten posts of fifty equal answers each: as cases they prove a difference, as posts they hardly do.
    post = np.repeat(np.arange(10), 50)
    values = np.stack([np.ones(500), (post >= 2).astype(float)], axis=1)
    alone, together = against_leader(values, 0)[1], against_leader(values, 0, clusters=list(post))[1]
    assert alone is not None
    assert together is not None
    assert alone.p is not None
    assert alone.p < 1e-9
    assert together.p is not None
    assert together.p > 0.1
    assert "bootstrap" in together.method


def test_a_constant_difference_proves_no_more_than_its_posts_do() -> None:
    few, many = (against_leader(np.stack([np.full(n, 7.5), np.full(n, 7.0)], axis=1), 0)[1] for n in (3, 40))
    assert few is not None
    assert few.p == 0.25
    assert many is not None
    assert many.p is not None
    assert many.p < 0.001


@pytest.mark.parametrize("value", [0.0, 1.0, 6.5])
def test_two_constant_systems_do_not_differ(value: float) -> None:
    test = against_leader(np.full((20, 2), value), 0)[1]
    assert test is not None
    assert test.p == test.adjusted == 1.0
    assert test.difference == 0.0


def test_one_case_proves_nothing() -> None:
    exact, grade = (against_leader(np.array([[one, 0.0]]), 0)[1] for one in (1.0, 7.5))
    assert exact is not None
    assert exact.p == 1.0, "exact, and so defined"
    assert grade is not None
    assert grade.p is None
    assert "only one" in grade.reason


def test_a_case_that_either_lacks_is_left_out_of_that_pair_alone() -> None:
    random = np.random.default_rng(1)
    values = random.normal(6, 1, (100, 3))
    values[:10, 1] = np.nan
    first, second = (test for test in against_leader(values, 0) if test is not None)
    assert (first.n, first.missing, second.n, second.missing) == (90, 10, 100, 0)
    assert first.difference == pytest.approx(float((values[10:, 1] - values[10:, 0]).mean()))


def test_nothing_in_common_is_no_test_and_not_in_the_family() -> None:
    values = np.array([[1.0, np.nan, 0.0]] * 30)
    none, other = (test for test in against_leader(values, 0) if test is not None)
    assert none.p is None
    assert none.adjusted is None
    assert other.adjusted == other.p


def test_holm_can_be_reached_among_three_hundred_systems() -> None:
    random = np.random.default_rng(2)
    values = random.normal(5, 1, (60, 300))
    values[:, 0] += 3
    adjusted = [test.adjusted for test in against_leader(values, 0) if test is not None]
    assert max(p for p in adjusted if p is not None) < 0.05


def test_the_order_of_cases_changes_nothing() -> None:
    random = np.random.default_rng(3)
    values, posts = random.normal(5, 1, (80, 3)), random.integers(0, 20, 80)
    order = random.permutation(80)
    one, other = (
        against_leader(values, 0, clusters=list(posts)),
        against_leader(values[order], 0, clusters=list(posts[order])),
    )
    for a, b in zip(one[1:], other[1:], strict=True):
        assert a is not None
        assert b is not None
        assert a.p == b.p
        assert a.difference == pytest.approx(b.difference)


def test_less_may_be_better() -> None:
    test = against_leader(np.array([[1.0, 2.0]] * 10), 0, lower_is_better=True)[1]
    assert test is not None
    assert (test.ahead, test.behind) == (10, 0)


def test_bad_tables_are_refused() -> None:
    with pytest.raises(InputError, match="infinite"):
        against_leader(np.array([[1.0, np.inf]]), 0)
    with pytest.raises(UsageError, match="no such leader"):
        against_leader(np.array([[1.0, 0.0]]), 2)
    with pytest.raises(UsageError, match="clusters"):
        against_leader(np.array([[1.0, 0.0]]), 0, clusters=[1, 2])
