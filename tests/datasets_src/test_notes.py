"""Notes that a desk gave away, and lines that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets_src import notes
from datasets_src.reading import Rejected
from xinheng.errors import InputError

GOOD = {"note_id": "c1-00001", "client_id": "c1", "language": "zh-Hant", "question": "睡不著？", "answer": "- 早睡"}


def read(place: Path) -> tuple[list[dict[str, Any]], list[Rejected]]:
    found = list(notes.read(place))
    return [r for r in found if isinstance(r, dict)], [r for r in found if isinstance(r, Rejected)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": " "}, "answer: want a text"),
        ({"question": 3}, "question: want a text"),
        ({"language": "fr"}, "language: want one of zh-Hant"),
        ({"client_id": None}, "client_id: want a text"),
    ],
)
def test_a_line_that_lacks_something_is_rejected_and_the_rest_is_read(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    rows = (GOOD, {**GOOD, **change}, ["no object"], {**GOOD, "note_id": "c1-00002"})
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"cut')
    good, rejected = read(tmp_path)
    assert [row["example_id"] for row in good] == ["c1-00001", "c1-00002"]
    assert said in rejected[0].reason
    assert [one.origin.rpartition("notes.jsonl:")[2][:1] for one in rejected] == ["2", "3", "5"]


def test_a_note_is_a_question_and_an_answer_of_its_clients_group(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text(json.dumps(GOOD) + "\n")
    ((row,), rejected) = read(tmp_path / "notes.jsonl")
    assert rejected == []
    assert [message["content"] for message in row["messages"]] == ["睡不著？", "- 早睡"]
    assert (row["group_id"], row["language"], row["origin"]) == ("c1", "zh-Hant", "notes.jsonl:1")


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read(tmp_path)
