"""The bundled posts, and files of the same form."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.imhi import read_label
from datasets_src import posts
from datasets_src.catalog import SAMPLE
from datasets_src.reading import Rejected

GOOD = {"post_id": "p1", "split": "train", "post": "I slept well.", "stressed": False, "because": "Sleep was good."}


def read(folder: Path) -> tuple[list[dict[str, Any]], list[Rejected]]:
    found = list(posts.read(folder))
    return [r for r in found if isinstance(r, dict)], [r for r in found if isinstance(r, Rejected)]


def lines(tmp_path: Path, *rows: Any) -> Path:
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_every_bundled_post_is_a_case_whose_answer_the_reader_reads() -> None:
    rows, rejected = read(SAMPLE)
    assert (len(rows), rejected) == (180, [])
    assert Counter(row["published_split"] for row in rows) == {"train": 108, "validation": 18, "test": 54}
    labels = [read_label("dreaddit", row["reference"]) for row in rows]
    assert Counter(labels) == {0: 90, 1: 90}
    assert len({row["case_id"] for row in rows}) == len({row["group_id"] for row in rows}) == 180


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stressed": "yes"}, "want true or false"),
        ({"stressed": None}, "want true or false"),
        ({"post": "  "}, "post: want a text"),
        ({"split": 3}, "split: want a text"),
        ({"because": None}, "because: want a text"),
    ],
)
def test_a_line_that_lacks_something_is_rejected_by_field_and_the_rest_is_read(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    rows, rejected = read(lines(tmp_path, GOOD, {**GOOD, "post_id": "p2", **change}, ["no", "object"]))
    assert [row["case_id"] for row in rows] == ["sample-p1"]
    assert len(rejected) == 2
    assert said in rejected[0].reason
