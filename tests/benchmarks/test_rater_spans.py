"""Overlap of marks, against counting by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rater_answers import Asked
from benchmarks.rater_spans import dice, overlaps
from benchmarks.resampling import Bootstrap
from tests.benchmarks.rater_rows import frame, row

FEW = Bootstrap(200)
MARKS = Asked("marks", "span", ("risk", "promise"))
SPAN = st.builds(
    lambda start, long, label, field: {"field": field, "start": start, "end": start + long, "label": label},
    st.integers(0, 20), st.integers(1, 10), st.sampled_from(["risk", "promise"]), st.sampled_from(["a", "b"]),
)  # fmt: skip


def mark(start: int, end: int, label: str = "risk", field: str = "reply") -> dict[str, Any]:
    return {"field": field, "start": start, "end": end, "label": label}


def test_characters_are_added_up_over_pairs_and_items() -> None:
    rows = [
        row("i", "a", "marks", [mark(0, 10)]), row("i", "b", "marks", [mark(5, 10)]), row("i", "c", "marks", []),
        row("j", "a", "marks", [mark(0, 4, "promise")]), row("j", "b", "marks", [mark(0, 4)]),
        row("k", "a", "marks", []), row("k", "b", "marks", []),
    ]  # fmt: skip
    found = dict(overlaps(frame(rows), MARKS, how=FEW))
    # i: ab 2·5 of 15, ac 0 of 10, bc 0 of 5; j, labels aside: 8 of 8.
    assert found[""].value == (10 + 8) / (15 + 10 + 5 + 8)
    assert (found[""].n, found[""].missing) == (4, 1)
    assert found["promise"].value == 0
    assert found["risk"].value == 10 / (30 + 4)


def test_the_same_place_in_another_field_is_no_overlap() -> None:
    assert dice([mark(0, 4)], [mark(0, 4, field="conversation")]) == 0


def test_where_nobody_marked_anything_overlap_is_undefined() -> None:
    rows = [row("i", r, "marks", []) for r in "ab"]
    (whole, *_) = overlaps(frame(rows), MARKS, how=FEW)
    assert whole[1].value is None
    assert whole[1].reason == "nobody marked anything"
    alone = overlaps(frame([row("i", "a", "marks", [mark(0, 2)])]), MARKS, how=FEW)
    assert alone[0][1].reason == "no item was rated twice"


def test_only_plain_answers_to_span_questions_take_part() -> None:
    rows = [row("i", r, "marks", [mark(0, 2)], role="gold") for r in "ab"]
    assert overlaps(frame(rows), MARKS, how=FEW) == []


@given(st.lists(SPAN, max_size=4), st.lists(SPAN, max_size=4))
def test_overlap_is_symmetric_and_between_nothing_and_all(first: list[Any], second: list[Any]) -> None:
    assert dice(first, second) == dice(second, first)
    assert 0 <= dice(first, second) <= 1
    assert dice(first, first) == 1
    # Saying the same twice, or in two halves, marks no more.
    assert dice(first + first, second) == dice(first, second)
