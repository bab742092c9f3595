"""Grades weighted by log-probabilities: whole strings, all spellings, and how much of the mass they hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.judge_weights import weighted
from benchmarks.rubrics import Dimension, rubric
from xinheng.messages import Token

TEN = rubric("empathy").dimension()
FIVE = rubric("plan").dimension("empathy")


def token(text: str, **chances: float) -> Token:
    spelled = {name.replace("_", ""): p for name, p in chances.items()} or {text: 1.0}
    return Token(text, math.log(spelled.get(text, 1.0)), tuple((t, math.log(p)) for t, p in spelled.items()))


def tokens(before: str, *rest: Token) -> list[Token]:
    return [Token(before, 0.0), *rest]


def test_without_log_probabilities_or_a_grade_there_is_none() -> None:
    assert weighted(None, TEN) is None
    assert weighted((), TEN) is None
    assert weighted([token("no idea")], TEN) is None
    assert weighted(tokens('{"empathy": ', token('"8"')), TEN) is None
    assert weighted([token("99")], TEN) is None
    assert weighted([token("8")], TEN, only=False) is None, "a bare number names no dimension"
    assert weighted([token("8")], Dimension("x", "grade", 0, 10, 0.5, {}, {}, {})) is None
    assert weighted([token("yes")], rubric("socratic").dimension("asks_question")) is None


def test_all_spellings_of_a_grade_count_together() -> None:
    spelled = Token("4", math.log(0.4), (("4", math.log(0.4)), (" 4", math.log(0.2)), ("４", math.log(0.1)),
                                         ("3", math.log(0.2)), ("good", math.log(0.1))))  # fmt: skip
    found = weighted(tokens('{"reason": "", "empathy": ', spelled, Token("}", 0.0)), FIVE)
    assert found.mass == pytest.approx(0.9)
    assert found.value == pytest.approx((0.7 * 4 + 0.2 * 3) / 0.9)


def test_grades_off_the_scale_hold_no_mass() -> None:
    found = weighted(tokens("empathy: ", token("5", _5=0.5, _9=0.3, _0=0.2)), FIVE)
    assert (found.value, found.mass) == (5, pytest.approx(0.5))


def test_one_begins_ten_and_the_next_token_tells_them_apart() -> None:
    first = Token("1", math.log(0.8), (("1", math.log(0.8)), ("9", math.log(0.2))))
    second = Token("0", math.log(0.75), (("0", math.log(0.75)), ("}", math.log(0.25))))
    found = weighted(tokens('{"empathy": ', first, second, Token("}", 0.0)), TEN)
    assert found.mass == pytest.approx(1.0)
    assert found.value == pytest.approx(0.8 * 0.75 * 10 + 0.8 * 0.25 * 1 + 0.2 * 9)


def test_a_one_that_might_have_become_ten_is_left_out() -> None:
    chosen = Token("9", math.log(0.6), (("9", math.log(0.6)), ("1", math.log(0.4))))
    found = weighted(tokens('{"empathy": ', chosen, Token("}", 0.0)), TEN)
    assert (found.value, found.mass) == (9, pytest.approx(0.6))


def test_where_ten_is_one_token_a_one_is_whole() -> None:
    chosen = Token("9", math.log(0.5), (("9", math.log(0.5)), ("1", math.log(0.2)), ("10", math.log(0.3))))
    found = weighted(tokens('{"empathy": ', chosen, Token("}", 0.0)), TEN)
    assert found.mass == pytest.approx(1.0)
    assert found.value == pytest.approx(0.5 * 9 + 0.2 * 1 + 0.3 * 10)


def test_a_fraction_is_no_grade() -> None:
    first = Token("1", 0.0, (("1", 0.0),))
    second = Token("}", math.log(0.5), (("}", math.log(0.5)), (".5", math.log(0.5))))
    found = weighted(tokens('{"empathy": ', first, second), TEN)
    assert (found.value, found.mass) == (1, pytest.approx(0.5))


def test_the_last_mention_is_the_grade() -> None:
    said = tokens('{"reason": "empathy: ', token("2"), Token('", "empathy": ', 0.0), token("4"), Token("}", 0.0))
    assert weighted(said, FIVE).value == 4


@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
def test_it_is_the_mean_over_the_scale(masses: list[float]) -> None:
    chances = [m / sum(masses) for m in masses]
    tops = tuple((str(i), math.log(p)) for i, p in enumerate(chances, start=1))
    found = weighted(tokens("empathy: ", Token("1", math.log(chances[0]), tops)), FIVE)
    assert found.mass == pytest.approx(1)
    assert found.value == pytest.approx(sum(i * p for i, p in enumerate(chances, start=1)))
