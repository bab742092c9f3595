"""The datasheet: every question once, answers of people kept as they are, nothing invented."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.datasheet import as_json_facts, asked_for, questions, read_answers
from xinheng.errors import InputError


def test_every_question_has_one_id_and_its_words() -> None:
    asked = questions()
    assert len({one.id for one in asked}) == len(asked)
    assert all(one.ask.endswith("?") and one.part for one in asked)
    assert {one.fact for one in asked} == {True, False}


def test_an_empty_line_leaves_a_question_open() -> None:
    heard: list[str] = []

    def ask(question: str) -> str:
        heard.append(question)
        return "  " if len(heard) > 1 else " For teaching. "

    given_ = asked_for({"makers": "We."}, ask)
    assert given_ == {"makers": "We.", "purpose": "For teaching."}
    told = as_json_facts(given_)
    assert told["answers"] == given_
    assert {*told["open"], *given_} == {one.id for one in questions() if not one.fact}
    assert not any("Who made it" in question for question in heard)


@given(st.text(max_size=50).filter(lambda text: "\x00" not in text))
def test_a_file_of_anything_is_read_or_refused(tmp_path_factory, text: str) -> None:
    file = tmp_path_factory.mktemp("a") / "a.toml"
    file.write_bytes(text.encode(errors="surrogatepass"))
    found, refused = {}, ""
    try:
        found = read_answers(file)
    except InputError as error:
        refused = str(error)
    assert str(file) in refused if refused else set(found) <= {one.id for one in questions()}


@pytest.mark.parametrize("blank", ['""', '"   "', '"\\n\\t"', '"\\u3000\\u200b"', '"""\n"""'])
def test_a_blank_answer_leaves_a_question_open(tmp_path: Path, blank: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(f'purpose = "For teaching."\nconsent = {blank}\ntitle = {blank}\ndate = {blank}\n')
    told = read_answers(file)
    assert told == {"purpose": "For teaching."}
    assert "consent" in as_json_facts(told)["open"]


@pytest.mark.parametrize("day", ['"2026-02-28"', "2026-02-28", "2026-02-28T10:00:00Z", '" 2026-02-28 "'])
def test_a_day_of_the_calendar_is_a_date(tmp_path: Path, day: str) -> None:
    (tmp_path / "a.toml").write_text(f"date = {day}\n")
    assert read_answers(tmp_path / "a.toml") == {"date": "2026-02-28"}


@pytest.mark.parametrize(
    "day", ['"soon"', '"2026-02-30"', '"20260228"', '"2026-W09-6"', '"２０２６-02-28"', "12:00:00"]
)
def test_what_is_no_day_of_the_calendar_is_refused(tmp_path: Path, day: str) -> None:
    (tmp_path / "a.toml").write_text(f"date = {day}\n")
    with pytest.raises(InputError, match="date"):
        read_answers(tmp_path / "a.toml")


def test_a_folder_or_no_file_is_one_message(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(InputError, match="cannot be read"):
            read_answers(place)
