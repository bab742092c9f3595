"""What most raters said; and that a split stays one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rater_answers import Asked
from benchmarks.rater_majority import decided, decisions
from tests.benchmarks.rater_rows import WARMTH, frame, row

KIND = Asked("kind", "label", ("left", "right", "tie"))
FLAGS = Asked("flags", "multi_label", ("risk", "promise"))


@pytest.mark.parametrize(
    ("said", "answer", "how", "lead"),
    [
        (["left", "left", "left"], '"left"', "agreed", 3),
        (["left", "left", "right"], '"left"', "majority", 1),
        (["left", "right", "tie"], None, "split", 0),
        (["left", "right"], None, "split", 0),
        (["left", "left", "right", "tie"], None, "split", 1),
        (["left"], '"left"', "agreed", 1),
    ],
)
def test_more_than_half_decide(said: list[str], answer: str | None, how: str, lead: int) -> None:
    rows = [row("i", f"r{n}", "kind", label) for n, label in enumerate(said)]
    told = decisions(frame(rows), [KIND]).row(0, named=True)
    assert (told["answer"], told["how"], told["lead"], told["voters"]) == (answer, how, lead, len(said))


def test_a_set_counts_as_a_whole_and_its_order_does_not() -> None:
    rows = [row("i", "a", "flags", ["risk", "promise"]), row("i", "b", "flags", ["promise", "risk"]),
            row("j", "a", "flags", ["risk"]), row("j", "b", "flags", ["risk", "promise"])]  # fmt: skip
    assert decisions(frame(rows), [FLAGS])["how"].to_list() == ["agreed", "split"]


def test_planted_items_texts_and_marks_are_not_voted_on() -> None:
    rows = [row("g", "a", "warmth", 3, role="gold"), row("i", "a", "remark", "x"), row("i", "a", "warmth", 3)]
    told = decisions(frame(rows), [WARMTH, Asked("remark", "text"), Asked("marks", "span", ("risk",))])
    assert told.select("item_id", "question").rows() == [("i", "warmth")]


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=5))
def test_the_order_of_votes_never_decides(votes: dict[str, int]) -> None:
    told = decided(votes)
    assert told == decided(dict(reversed(votes.items())))
    assert (told["answer"] is None) == (told["votes"] * 2 <= told["voters"])


def test_an_empty_table_has_no_decisions() -> None:
    assert decisions(frame([]), [WARMTH]).height == 0
