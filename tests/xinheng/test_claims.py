"""Every number of a text is a claim: worked out again, found again, and none without."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xinheng.claims import Ledger, as_json, problems, read
from xinheng.errors import InputError
from xinheng.figures import Book, in_derived, rows
from xinheng.printing import markdown, plain, printed, scalar

HOSTILE = (
    "a|b", "# no heading", "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](http://evil.example/1.png)",
    "`code`", "a\nb", "---\nlicense: mit", "\u202eevil", "\x1b[31mred", "'\": {}", "https://evil.example", "&lt;b&gt;",
    "$x^2$", "*bold* _it_ ~~no~~", "null", "2026-11-21", "\u2028line", "<!-- -->", "\\", "1. list", "",
)  # fmt: skip


def book(**more) -> Book:
    frame = pl.LazyFrame({"split": ["train", "train", "test"], "topics": [["a"], ["a", "b"], []]})
    return Book(Path(), {"dialogue": frame}, {name: lambda value=value: value for name, value in more.items()})


def written(text: str, of: Book) -> tuple[str, Ledger]:
    """A text whose `{}` are figures: rows in all, in train, in test."""
    ledger = Ledger(of, "digest")
    figures = (rows("dialogue"), rows("dialogue", split="train"), rows("dialogue", split="test"))
    said = text.format(*(ledger.say(one) for one in figures))
    return ledger.finish("README.md", said), ledger


TEXT = "# Card\n\nAll {} rows.\n\n## Splits\n\n| train | {} |\n| test | {} |\n"


def kinds(text: str, ledger: Ledger, of: Book) -> list[str]:
    return [one.kind for one in problems(ledger.claims, of, {"README.md": text})]


def test_what_was_written_holds_and_comes_back_from_its_file(tmp_path: Path) -> None:
    text, ledger = written(TEXT, book())
    assert text == "# Card\n\nAll 3 rows.\n\n## Splits\n\n| train | 2 |\n| test | 1 |\n"
    (tmp_path / "claims.json").write_text(as_json(ledger.claims))
    assert read(tmp_path / "claims.json") == ledger.claims
    assert kinds(text, ledger, book()) == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("| train | 2 |", "| train | 20 |", "changed"),
        ("All 3 rows", "All three rows", "lost"),
        ("| test | 1 |\n", "", "lost"),
        ("# Card", "# Card\n\nFreshly checked by 5 people.", "uncovered"),
        ("# Card", "# Card\n\n共１２筆。", "uncovered"),
        ("| train | 2 |", "| test | 2 |", "lost"),
    ],
)
def test_a_hand_in_the_text_is_seen(old: str, new: str, kind: str) -> None:
    text, ledger = written(TEXT, book())
    assert old in text
    assert kind in kinds(text.replace(old, new), ledger, book())


def test_prose_without_numbers_may_be_added() -> None:
    text, ledger = written(TEXT, book())
    assert kinds(text.replace("# Card\n", "# Card\n\nThanks to everybody.\n"), ledger, book()) == []


def test_figures_of_other_rows_are_stale() -> None:
    text, ledger = written(TEXT, book())
    other = Book(Path(), {"dialogue": pl.LazyFrame({"split": ["train"], "topics": [["a"]]})})
    found = problems(ledger.claims, other, {"README.md": text})
    assert [one.kind for one in found] == ["stale", "stale", "stale"]
    assert "says 3, the artifact gives 1" in found[0].told


def test_a_claim_that_says_another_figure_than_its_expression_is_stale() -> None:
    text, ledger = written(TEXT, book())
    forged = json.loads(as_json(ledger.claims).replace('"printed": "2"', '"printed": "9"'))
    assert forged["claims"][1]["printed"] == "9"
    claims = [type(ledger.claims[0])(**one) for one in forged["claims"]]
    found = problems(claims, book(), {"README.md": text.replace("| train | 2 |", "| train | 9 |")})
    assert [one.kind for one in found] == ["stale"]


def test_a_writer_cannot_forget_a_claim_or_glue_one() -> None:
    with pytest.raises(ValueError, match=r"without a claim: README\.md:1"):
        written("There are 7.", book())
    with pytest.raises(ValueError, match="glued"):
        written("v{}x", book())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_one_line_and_are_claims(text: str) -> None:
    of = book(name={"it": text})
    ledger = Ledger(of, "")
    line = ledger.finish("README.md", f"| {ledger.say(in_derived('name', 'it'), 'text')} | end |")
    assert "\n" not in line
    assert "<script" not in line
    assert problems(ledger.claims, of, {"README.md": line}) == []
    assert yaml.safe_load(f"pretty_name: {scalar(text)}") == {"pretty_name": text}


@given(st.text(max_size=60))
def test_any_text_is_a_yaml_scalar_and_one_line_of_markdown(text: str) -> None:
    assert yaml.safe_load(f"a: {scalar(text)}\nb: 1") == {"a": text, "b": 1}
    assert len(markdown(text).splitlines()) <= 1
    assert len(plain(text).splitlines()) <= 1


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_whatever_a_name_holds_its_card_is_sound(name: str, count: int) -> None:
    of = book(told={"name": name, "count": count})
    ledger = Ledger(of, "")
    said = [ledger.say(in_derived("told", what), form) for what, form in (("name", "text"), ("count", "count"))]
    text = ledger.finish("README.md", f"# A\n\n| {said[0]} | {said[1]} |\n")
    assert problems(ledger.claims, of, {"README.md": text}) == []


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 1, "claims": [{}]}', '{"format": 2, "claims": []}', '{"format": 1, "claims": 3}'],
)
def test_what_is_no_list_of_claims_is_one_message(content: str, tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text(content)
    with pytest.raises(InputError, match="no list of claims"):
        read(tmp_path / "claims.json")


def test_forms_print_what_they_say() -> None:
    assert printed(1234567, "count") == "1,234,567"
    assert [printed(n, "size") for n in (3, 1000, 99_999, 5_000_000)] == [
        "n<1K", "1K<n<10K", "10K<n<100K", "1M<n<10M",
    ]  # fmt: skip
    assert (printed(None, "figure"), printed(79.5712, "figure")) == ("–", "79.57")
    with pytest.raises(InputError, match="no value of form"):
        printed("x", "count")
