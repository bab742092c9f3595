"""Letters read from replies: labelled replies, a published model's outputs, and any text at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mcq_reading import answer_text, read_choice
from xinheng.errors import UsageError

REPLIES: list[dict[str, Any]] = [
    row
    for line in (Path(__file__).parent / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    if (row := json.loads(line))["task"] == "mcq"
]
FULL_WIDTH = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def read(row: dict[str, Any], reply: str) -> str | None:
    letters = read_choice(reply, row["options"], multiple=row["multiple"])
    return None if letters is None else "".join(sorted(letters))


@pytest.mark.parametrize("options", [[], ["x"] * 27, {"AB": "x"}, {"a": "x"}, {"甲": "x"}])
def test_options_without_letters_are_refused(options: Any) -> None:
    with pytest.raises(UsageError, match="no such options"):
        read_choice("A", options)


@pytest.mark.parametrize("row", REPLIES, ids=range(len(REPLIES)))
def test_labelled_replies_are_read(row: dict[str, Any]) -> None:
    assert read(row, row["reply"]) == row["gold"]


@given(st.sampled_from(REPLIES), st.sampled_from([str.lower, str.upper, lambda s: f" \n{s}\n ", "full"]))
def test_width_case_and_blanks_around_change_nothing(row: dict[str, Any], change: Any) -> None:
    reply = row["reply"]
    if change == "full":
        if "<" in reply:  # the tags of thoughts are tokens, and full-width ones are none
            return
        changed = reply.translate(FULL_WIDTH)
    else:
        changed = change(reply)
    assert read(row, changed) == row["gold"]


@given(
    st.lists(
        st.text() | st.sampled_from(["答案是", "ABD", "A", "\\boxed{", "<think>", "</think>", "不选", "or", "正确"])
    ),
    st.lists(st.text(), min_size=1, max_size=26),
    st.booleans(),
)
def test_any_text_gives_letters_of_the_options_or_none(parts: list[str], options: list[str], multiple: bool) -> None:
    letters = read_choice("".join(parts), options, multiple=multiple)
    assert letters is None or (letters and letters <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(options)]))
    assert multiple or letters is None or len(letters) == 1


def test_thoughts_are_not_read_and_an_open_one_spoils_the_reply() -> None:
    assert answer_text("<think>x</think> b") == "B"
    assert answer_text("x</think> b") == "B"
    assert answer_text("b <think> x") == ""


def test_stored_outputs_of_a_published_model(shared_data: Path) -> None:
    path = shared_data / "mcq/GAOKAO-Bench/gpt-4-0314_2010-2022_Biology_MCQs.json"
    stored = json.loads(path.read_text(encoding="utf-8"))["example"]
    options = dict.fromkeys("ABCD", "")
    ours = {x["index"]: read_choice(x["model_output"], options) for x in stored}
    right = {x["index"] for x in stored if ours[x["index"]] == frozenset(x["standard_answer"])}
    published = {x["index"] for x in stored if x["model_answer"] == x["standard_answer"]}
    assert round(len(published) / len(stored), 4) == 0.8067
    # Three replies state two letters to a question with one; the publisher took the last. Five more say that
    # no option is right, or state several, and were wrong there as well.
    assert published - right == {1, 36, 106}
    assert right < published
    assert [i for i, letters in ours.items() if letters is None] == [1, 9, 36, 37, 63, 84, 106, 146]


def test_a_text_that_two_options_have_names_neither() -> None:
    options = ["low mood", "low mood", "high mood"]
    assert read_choice("I believe it is clearly low mood here.", options) is None
    assert read_choice("low mood", options) is None
    assert read_choice("I believe it is clearly high mood here.", options) == {"C"}


@pytest.mark.parametrize(("opened", "closed"), [("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")])
def test_thoughts_by_other_names_are_not_read_either(opened: str, closed: str) -> None:
    options = ["low", "flat", "high"]
    assert read_choice(f"{opened}The answer is A.{closed}", options) is None
    assert read_choice(f"{opened}The answer is A.", options) is None
    assert read_choice(f"{opened}The answer is A.{closed}C", options) == {"C"}
