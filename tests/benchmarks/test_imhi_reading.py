"""Labels read from replies: every published gold, labelled replies, and any text at all."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.imhi import read_label
from benchmarks.imhi_labels import LABEL_SETS, set_name
from datasets_src import imhi as source
from datasets_src.reading import Rejected
from xinheng.errors import UsageError

REPLIES: list[dict[str, Any]] = [
    row
    for line in (Path(__file__).parent / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    if (row := json.loads(line))["task"] == "imhi"
]


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(UsageError, match="unknown set: want DR, CLP"):
        read_label("DRS", "yes")
    assert [set_name(name) for name in ("imhi/t-sid", "SWMH", "IRF", "multiwd")] == ["T-SID", "swmh", "Irf", "MultiWD"]


@pytest.mark.parametrize("row", REPLIES, ids=range(len(REPLIES)))
def test_labelled_replies_are_read(row: dict[str, Any]) -> None:
    assert read_label(row["dataset"], row["reply"]) == row["gold"]


def test_every_published_gold_is_read(shared_data: Path) -> None:
    unread: Counter[str] = Counter()
    wrong = unreadable_upstream = n = 0
    for row in source.read(shared_data / "imhi"):
        assert not isinstance(row, Rejected)
        n += 1
        name, gold = row["benchmark"].removeprefix("imhi/"), row["reference"]
        label = read_label(name, gold)
        unread[name] += label is None
        if LABEL_SETS[name].subject is not None:
            wrong += label != int(gold.strip().lower().startswith("yes"))
        unreadable_upstream += read_label(name, gold, reader="upstream") != label
    assert n == 11325
    assert (sum(unread.values()), wrong) == (0, 0)
    assert unreadable_upstream == 125  # SAD's "emotion turmoil": 66 of the test set and 59 of the validation set


@pytest.mark.parametrize(
    ("name", "gold", "label"),
    [
        ("CAMS", "This post shows no causes.", 0),
        ("SAD", "This post shows the stress cause related to emotion turmoil.", 6),
        ("SAD", "This post shows other stress causes.", 8),
    ],
)
def test_golds_the_publishers_cannot_read_are_read(name: str, gold: str, label: int) -> None:
    from benchmarks.imhi_upstream import gold_label

    assert read_label(name, gold) == label
    assert gold_label(name, gold) is None


@given(st.sampled_from(sorted(LABEL_SETS)), st.text())
def test_any_text_is_a_label_of_the_set_or_none(name: str, reply: str) -> None:
    labels = LABEL_SETS[name].labels
    assert read_label(name, reply) in {*labels, None}
    assert read_label(name, reply, reader="upstream") in labels


@given(st.sampled_from(REPLIES), st.sampled_from([str.upper, str.lower, lambda s: f"\n  {s} \t"]))
def test_case_and_blanks_around_change_nothing(row: dict[str, Any], change: Any) -> None:
    if "reasoning:" not in row["reply"].lower():
        assert read_label(row["dataset"], change(row["reply"])) == row["gold"]


@pytest.mark.parametrize("words", ["work ", "family issues ", "not depression ", "Reasoning: ", "🙂", "\n"])
@pytest.mark.parametrize("name", ["DR", "SAD", "swmh"])
def test_a_reply_of_a_megabyte_is_read(name: str, words: str) -> None:
    # No clock here: what grew with the square of the length took an hour.
    reply = words * (1_000_000 // len(words))
    assert read_label(name, reply) in {*LABEL_SETS[name].labels, None}


@pytest.mark.parametrize(
    ("opened", "closed"), [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]
)
def test_thoughts_are_no_answer(opened: str, closed: str) -> None:
    said = "No sign of depression so far. No."
    assert read_label("DR", f"{opened}{said}{closed}\nYes. Reasoning: it says so.") == 1
    assert read_label("DR", f"{said}{closed}Yes, it does.") == 1
    assert read_label("DR", f"{opened}{said}") is None
    assert read_label("DR", f"{opened}{said}{closed}") is None
    assert read_label("DR", f"{opened}a{opened}b{closed}Yes.") is None
