"""Templates: those that come along are whole in both languages, and a file's mistakes are named all at once."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from annotation.task import template_of
from annotation.template_reading import read_template, tag_questions
from annotation.templates import FIELD_TITLES, FIELDS, LANGUAGES, names, template
from benchmarks.rubrics import rubric
from xinheng.errors import InputError, UsageError
from xinheng.tags import DEFAULT
from xinheng.text import language_of

PLAN = (Path(__file__).parents[2] / "annotation" / "templates" / "plan.toml").read_text(encoding="utf-8")


def broken(old: str, new: str) -> str:
    assert old in PLAN
    return PLAN.replace(old, new)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no name"),
        ("name = ", "no TOML"),
        (broken('version = "1"', 'version = "1"\ncolour = "red"'), "unknown key colour"),
        (broken('layout = "answer"', 'layout = "poem"'), "layout is none of"),
        (broken('layout = "answer"', 'layout = "turn"'), "role: want client or counsellor"),
        (broken('name = "empathy"', 'name = "Empathy!"'), "name is not of a-z"),
        (broken('name = "empathy"', 'name = "professionalism"'), "professionalism stands there twice"),
        (broken('name = "empathy"', 'name = "skip"'), "sheet's column"),
        (broken('name = "empathy"', 'name = "reply"'), "that of a field"),
        (broken('value = "5"', 'value = "6"'), "not whole numbers one after another"),
        (broken('value = "5"', 'value = "11"'), "not whole numbers from 0 to 10"),
        (broken('value = "5"', 'value = "four"'), "not whole numbers from 0 to 10"),
        (broken('kind = "text"', 'kind = "essay"'), "kind is none of"),
        (broken('kind = "text"', 'kind = "span"'), "about: want a field"),
        (broken('kind = "text"', 'kind = "label"'), "0 values for label"),
        (broken("en = \"Remark (optional)\"", ""), "title lacks en"),
        (broken("required = false", 'required = "no"'), "required is neither"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_is_named(text: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        read_template(text.encode(), who="mine.toml")


def test_all_mistakes_are_named_at_once() -> None:
    text = PLAN.replace('layout = "answer"', 'layout = "poem"').replace('kind = "text"', 'kind = "essay"')
    with pytest.raises(InputError, match=r"layout.*kind"):
        read_template(text.encode(), who="mine.toml")


@pytest.mark.parametrize("body", ["名".encode("big5"), b"\xff\xfe\x00", b"x" * 300_000])
def test_a_file_that_is_no_template_is_refused_readably(body: bytes) -> None:
    with pytest.raises(InputError, match=r"mine.toml: (not UTF-8|no TOML|too long)"):
        read_template(body, who="mine.toml")


@pytest.mark.parametrize("name", ["nothing", "plan.toml", "../plan", "/etc/passwd"])
def test_an_unknown_template_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="pairwise"):
        template(name)


def test_guidelines_too_long_for_a_server_are_refused() -> None:
    long = PLAN.replace("請把自己當成督導", "很長" * 6_000)
    with pytest.raises(InputError, match="longer than servers take"):
        read_template(long.encode(), who="mine.toml")


def test_ones_own_file_is_read_like_ours(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PLAN, encoding="utf-8-sig")
    assert asdict(template(str(path))) == asdict(template("plan"))


@pytest.mark.parametrize("name", names())
def test_each_template_survives_the_way_through_a_manifest(name: str) -> None:
    assert template_of(asdict(template(name)), who="x") == template(name)


@pytest.mark.parametrize("name", names())
def test_each_template_says_everything_in_both_languages(name: str) -> None:
    one = template(name)
    texts = [one.title, one.guidelines, *(q.title for q in one.questions)]
    texts += [t for q in one.questions for v in q.values for t in (v.title, v.anchor) if t]
    texts += [q.hint for q in one.questions if q.hint]
    for text in texts:
        assert set(text) == set(LANGUAGES)
        assert language_of(text["zh-Hant"]) == "zh-Hant"
        assert language_of(text["en"], default="en") == "en"


@pytest.mark.parametrize("name", names())
def test_guidelines_hold_every_anchor_and_fit_a_server(name: str) -> None:
    one = template(name)
    for language in LANGUAGES:
        assert len(one.guidelines[language]) <= 10_000
        for question in one.questions:
            assert question.title[language] in one.guidelines[language]
            for value in question.values:
                assert value.anchor.get(language, "") in one.guidelines[language]


def test_every_grade_of_a_rating_question_has_an_anchor() -> None:
    ratings = [q for name in names() for q in template(name).questions if q.kind == "rating"]
    assert ratings
    assert all(value.anchor for question in ratings for value in question.values)


def test_the_plans_questions_are_those_of_the_human_rubric_so_that_judges_can_be_held_against_people() -> None:
    graded = [(q.name, q.scale) for q in template("plan").questions if q.kind == "rating"]
    assert graded == [(d.name, (int(d.low), int(d.high))) for d in rubric("human").dimensions]


def test_safety_flags_and_socratic_questions_are_those_of_their_rubrics() -> None:
    flags = [value.value for value in template("safety").question("flags").values]
    assert flags == [*(d.name for d in rubric("safety").dimensions), "none_found"]
    asked = [q.name for q in template("socratic").questions if q.kind != "text"]
    assert asked == [d.name for d in rubric("socratic").dimensions]


@pytest.mark.parametrize("role", sorted(DEFAULT.axes))
def test_tag_questions_offer_the_schemas_values_and_a_way_to_remove_a_tag(role: str) -> None:
    questions = tag_questions(role)
    assert [question.name for question in questions] == list(DEFAULT.axes[role])
    for question in questions:
        assert [value.value for value in question.values] == [*DEFAULT.axes[role][question.name], "none_found"]
        assert not question.required


def test_every_field_of_every_layout_has_a_title_in_both_languages() -> None:
    assert {name for fields in FIELDS.values() for name in fields} == set(FIELD_TITLES)
    assert all(set(titles) == set(LANGUAGES) for titles in FIELD_TITLES.values())
