"""Items to discuss: the widest first, and none on which all agree."""

from __future__ import annotations

from benchmarks.rater_answers import Asked, grids
from benchmarks.rater_disputes import DISPUTE, disputes
from tests.benchmarks.rater_rows import WARMTH, frame, graded, row

KIND = Asked("kind", "label", ("warm", "cold"))
FLAGS = Asked("flags", "multi_label", ("risk", "promise"))
MARKS = Asked("marks", "span", ("risk",))


def found(rows: object, *asked: Asked) -> list[dict[str, object]]:
    return disputes(rows, grids(rows, asked), asked).to_dicts()


def test_grades_are_ranked_by_their_distance_then_by_how_many_are_apart() -> None:
    told = found(graded([[1, 1, 5], [3, 3, 3], [2, 3, 2], [1, 5, 3], [4, None, None]]), WARMTH)
    assert [(row["item_id"], row["spread"]) for row in told] == [("i000", 1), ("i003", 1), ("i002", 0.25)]
    assert told[0]["said"] == "1 ×2, 5 ×1"
    assert told[2]["raters"] == 3


def test_labels_are_ranked_by_the_share_outside_the_commonest() -> None:
    rows = [row("i", r, "kind", "warm" if r != "c" else "cold") for r in "abc"]
    rows += [row("j", r, "kind", "warm" if r == "a" else "cold") for r in "ab"]
    told = found(frame(rows), KIND)
    assert [row["item_id"] for row in told] == ["j", "i"]
    assert told[1]["spread"] == 1 - 2 / 3
    assert told[1]["said"] == "warm ×2, cold ×1"


def test_sets_and_marks_are_ranked_by_what_they_do_not_share() -> None:
    span = {"field": "reply", "start": 0, "end": 4, "label": "risk"}
    rows = [
        row("i", "a", "flags", ["risk"]), row("i", "b", "flags", ["risk", "promise"]),
        row("j", "a", "flags", []), row("j", "b", "flags", []),
        row("i", "a", "marks", [span]), row("i", "b", "marks", []),
    ]  # fmt: skip
    told = found(frame(rows), FLAGS, MARKS)
    assert [(row["question"], row["item_id"], row["spread"]) for row in told] == [
        ("marks", "i", 1),
        ("flags", "i", 0.5),
    ]
    assert {row["raters"] for row in told} == {2}


def test_planted_items_are_never_discussed_and_nothing_gives_an_empty_table() -> None:
    rows = frame([row("g", r, "warmth", 1 + 3 * (r == "a"), role="gold") for r in "ab"])
    assert disputes(rows, [], [WARMTH]).schema == DISPUTE
    assert found(rows, WARMTH) == []
