"""Answers become grids, and what cannot be counted is refused by count, never quoted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rater_answers import Asked, grids
from tests.benchmarks.rater_rows import GRADES, WARMTH, frame, graded, row
from xinheng.errors import InputError

KIND = Asked("kind", "label", ("warm", "cold"))
FLAGS = Asked("flags", "multi_label", ("risk", "promise"))
MARKS = Asked("marks", "span", ("risk",))
REMARK = Asked("remark", "text")
SPAN = {"field": "reply", "start": 0, "end": 3, "label": "risk"}


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ([row("i", "a", "warmth", 6)], WARMTH),
        ([row("i", "a", "warmth", 2.5)], WARMTH),
        ([{**row("i", "a", "warmth", 3), "value": None}], WARMTH),
        ([row("i", "a", "warmth", 3), row("i", "a", "warmth", 3)], WARMTH),
        ([row("i", "a", "coldness", 3)], WARMTH),
        ([{**row("i", "a", "warmth", 3), "rater_id": None}], WARMTH),
        ([{**row("i", "a", "warmth", 3), "group_id": None}], WARMTH),
        ([row("i", "a", "kind", "hostile text")], KIND),
        ([{**row("i", "a", "kind", ""), "answer": "{not json"}], KIND),
        ([row("i", "a", "flags", "risk")], FLAGS),
        ([row("i", "a", "flags", ["hostile text"])], FLAGS),
        ([row("i", "a", "marks", [{**SPAN, "end": 0}])], MARKS),
        ([row("i", "a", "marks", [{**SPAN, "label": "hostile text"}])], MARKS),
        ([row("i", "a", "marks", ["hostile text"])], MARKS),
        ([row("i", "a", "remark", 3)], REMARK),
    ],
)
def test_an_answer_that_the_question_does_not_offer_is_refused_without_a_word_of_it(
    rows: list[dict[str, object]], asked: Asked
) -> None:
    with pytest.raises(InputError) as refused:
        grids(frame(rows), [asked])
    assert "1 " in str(refused.value)
    assert "hostile" not in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    rows = [row("i", "a", "warmth", 9), row("i", "a", "other", 1), row("i", "a", "other", 1)]
    with pytest.raises(InputError, match=r"1 given again.*2 to questions.*1 to warmth"):
        grids(frame(rows), [WARMTH])


def test_grades_stand_by_item_and_rater_and_what_is_missing_is_nan() -> None:
    (grid,) = grids(graded([[1, 5], [None, 3]]), [WARMTH])
    assert (grid.items, grid.raters, grid.scale) == (["i000", "i001"], ["r0", "r1"], (1, 2, 3, 4, 5))
    assert grid.values[0].tolist() == [1, 5]
    assert math.isnan(grid.values[1, 0])


def test_planted_and_repeated_items_are_in_no_grid() -> None:
    rows = [
        row("i", "a", "warmth", 3),
        row("g", "a", "warmth", 3, role="gold"),
        row("r", "a", "warmth", 3, role="repeat"),
    ]
    assert grids(frame(rows), [WARMTH])[0].items == ["i"]


def test_each_kind_of_question_has_its_grids() -> None:
    rows = [
        row("i", "a", "kind", "cold"), row("i", "a", "flags", ["promise"]), row("i", "b", "flags", []),
        row("i", "a", "marks", [SPAN]), row("i", "b", "marks", []), row("i", "a", "remark", "anything"),
    ]  # fmt: skip
    found = grids(frame(rows), [KIND, FLAGS, MARKS, REMARK])
    assert [grid.name for grid in found] == ["kind", "flags: risk", "flags: promise", "marks"]
    kind, risk, promise, marks = (grid.values[0].tolist() for grid in found)
    assert kind[0] == 1
    assert math.isnan(kind[1])
    assert (risk, promise, marks) == ([0, 0], [1, 0], [1, 0])


def test_a_question_that_nobody_answered_has_no_grid() -> None:
    assert grids(graded([[1, 2]]), [WARMTH, KIND])[0].name == "warmth"
    assert grids(graded([[1, 2]]).clear(), [WARMTH]) == []


@given(st.lists(st.tuples(*[st.sampled_from([None, 1, 2, 3, 4, 5])] * 3), min_size=1, max_size=8), st.randoms())
def test_the_order_of_rows_never_matters(table: list[tuple[int | None, ...]], random: object) -> None:
    answers = graded(table)
    if not answers.height:
        return
    shuffled = answers.sample(fraction=1, shuffle=True, seed=random.randrange(10**6))
    first, second = (grids(one, [Asked("warmth", "rating", GRADES)])[0] for one in (answers, shuffled))
    assert np.array_equal(first.values, second.values, equal_nan=True)
    assert (first.items, first.raters) == (second.items, second.raters)


def test_numbers_in_text_scales_may_go_beyond_ten() -> None:
    wide = Asked("warmth", "rating", tuple(str(n) for n in range(11)))
    assert wide.scale == tuple(range(11))
    assert grids(graded([[10, 2]]), [wide])[0].values.tolist() == [[10, 2]]
