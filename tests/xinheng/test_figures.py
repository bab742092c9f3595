"""Expressions are data: they count, they look up, and they reach nothing outside their folder."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinheng.errors import InputError
from xinheng.figures import Book, in_file, key_in_file, named, rows

FRAME = pl.DataFrame(
    {
        "split": ["train", "train", "test", "test"],
        "language": ["en", None, "en", "zh"],
        "topics": [["a", "a", "b"], [], None, ["b"]],
    }
)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    (tmp_path / "told.json").write_text(json.dumps({"steps": [{"name": "x", "rows": 3}, {"name": "y", "rows": 4}]}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.bin").write_bytes(b"12345")
    return Book(tmp_path, {"t": FRAME.lazy()}, {"worked": lambda: {"out": [7]}})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (rows("t"), 4),
        (rows("t", split="train"), 2),
        (rows("t", split="train", language=None), 1),
        (rows("t", language="fr"), 0),
        (rows("t", topics={"has": "b"}), 2),
        (rows("t", topics={"has": "a"}, split="train"), 1),
        ({"distinct": ["t", "language"]}, 2),
        ({"items": ["t", "topics"]}, 4),
        ({"cell": ["t", "language"], "where": {"split": "test", "language": "zh"}}, "zh"),
        (named("t", "language", "zh"), "zh"),
        (in_file("told.json", "steps", {"name": "y"}, "rows"), 4),
        (in_file("told.json", "steps", 0, "rows"), 3),
        (key_in_file("steps", "told.json"), "steps"),
        ({"derived": "worked", "at": ["out", 0]}, 7),
        ({"bytes": "data/*"}, 5),
        ({"files": "data/*"}, 1),
    ],
)
def test_an_expression_comes_to_its_value(expression, value, book: Book) -> None:
    assert book.value(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        {}, {"rows": "none"}, {"rows": "t", "where": {"none": 1}}, {"exec": "rm"}, 3, None,
        {"file": "../secret", "at": []}, {"file": "/etc/passwd", "at": []}, {"bytes": "../*"},
        {"file": "none.json", "at": []},
        {"file": "told.json", "at": ["none"]}, {"file": "told.json", "at": ["steps", {"name": "z"}]},
        {"derived": "none", "at": []}, {"cell": ["t", "language"], "where": {"split": "train"}},
        {"named": "t", "where": {"language": "fr"}}, {"file": "told.json", "at": [], "key": "none"},
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_is_one_message(expression, book: Book) -> None:
    with pytest.raises(InputError, match="claims"):
        book.value(expression)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from("xyz"), max_size=4)), max_size=30))
def test_counts_are_those_of_a_loop(given_rows) -> None:
    frame = pl.DataFrame(given_rows, schema={"split": pl.String, "topics": pl.List(pl.String)}, orient="row")
    book = Book(Path(), {"t": frame.lazy()})
    for split in "ab":
        assert book.value(rows("t", split=split)) == sum(one == split for one, _ in given_rows)
        for topic in "xyz":
            wanted = sum(one == split and topic in topics for one, topics in given_rows)
            assert book.value(rows("t", split=split, topics={"has": topic})) == wanted
