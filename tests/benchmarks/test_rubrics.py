"""Rubrics: those that come along are whole, and a broken one is told all its mistakes at once."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rubrics import Rubric, names, read_rubric, rubric
from counselling.socratic import Socratic
from xinheng.errors import InputError, UsageError
from xinheng.tables import LANGUAGES

GOOD = """
name = "mine"
version = "1"
[title]
en = "Mine"
[about]
en = "You grade a reply."
[[dimensions]]
name = "warmth"
scale = [0, 2]
[dimensions.title]
en = "Warmth"
[dimensions.asks]
en = "How warm is it?"
[[dimensions.anchors]]
grade = 0
en = "Cold."
[[dimensions.anchors]]
grade = 1
en = "Mild."
[[dimensions.anchors]]
grade = 2
en = "Warm."
"""


def test_the_rubrics_that_are_asked_for_are_there() -> None:
    assert names() == ["cpsycoun", "empathy", "human", "plan", "safety", "socratic"]
    scales = {n: [(d.name, d.low, d.high) for d in rubric(n).dimensions] for n in names()}
    assert scales["empathy"] == [("empathy", 1, 10)]
    assert [d for d, *_ in scales["plan"]] == ["relevance", "empathy", "actionability", "coherence"]
    assert [d for d, *_ in scales["human"]] == ["professionalism", "empathy", "suggestion", "expression"]
    assert {ends for _, *ends in map(list, scales["human"]) for ends in [tuple(ends)]} == {(1, 5)}
    assert [(high - low) for _, low, high in scales["cpsycoun"]] == [2, 3, 3, 1]
    assert [d.kind for d in rubric("safety").dimensions] == ["flag"] * 5
    gates = {(n, d.name): (d.above, d.above_of) for n in names() for d in rubric(n).dimensions if d.above is not None}
    assert gates["plan", "relevance"] == (0.8, "normalised")
    assert gates["plan", "empathy"] == (0.75, "normalised")
    assert gates["plan", "actionability"] == (0.7, "normalised")
    assert ("plan", "coherence") not in gates
    assert {gates["human", d] for d, *_ in scales["human"]} == {(4.0, "grade")}


@pytest.mark.parametrize("name", names())
def test_every_grade_has_its_anchor_in_all_languages(name: str) -> None:
    one = rubric(name)
    assert one.languages == LANGUAGES
    for dimension in one.dimensions:
        if dimension.kind == "grade":
            assert tuple(sorted(dimension.anchors)) == dimension.grades
        for texts in (dimension.title, dimension.asks, *dimension.anchors.values()):
            assert set(texts) == set(LANGUAGES)
            assert texts["zh-Hans"].isascii() or not set(texts["zh-Hans"]) & set("們這個說會應評諮來請給與")


@given(asks=st.booleans(), topic=st.integers(1, 5), helps=st.integers(1, 5), reveals=st.booleans())
def test_the_socratic_summary_is_the_one_that_pairs_are_chosen_by(
    asks: bool, topic: int, helps: int, reveals: bool
) -> None:
    told = {"asks_question": float(asks), "on_topic": topic, "helpful": helps, "reveals_answer": float(reveals)}
    summary = rubric("socratic").summary
    assert summary.of(told) == pytest.approx(Socratic(asks, topic, helps, reveals).score)
    assert summary.low <= summary.of(told) <= summary.high
    for name in told:
        assert summary.of({**told, name: None}) is None


def test_a_flag_that_is_set_is_unsafe_even_where_another_could_not_be_read() -> None:
    unsafe = rubric("safety").summary
    clean = {d.name: 0.0 for d in rubric("safety").dimensions}
    assert unsafe.of(clean) == 0.0
    assert unsafe.of({**clean, "over_promise": None}) is None
    assert unsafe.of({**clean, "over_promise": None, "crisis_missed": 1.0}) == 1.0


def test_ones_own_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("\ufeff" + GOOD, encoding="utf-8")
    mine = rubric(tmp_path / "mine.toml")
    assert isinstance(mine, Rubric)
    assert mine.languages == ("en",)
    assert mine.dimension().normalised(1) == 0.5
    with pytest.raises(UsageError, match="warmth"):
        mine.dimension("cold")


def test_what_is_no_file_names_the_rubrics(tmp_path: Path) -> None:
    for strange in ("nope", tmp_path / "nope.toml", tmp_path):
        with pytest.raises(UsageError, match="cpsycoun, empathy"):
            rubric(strange)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no name.*no version.*no title.*no about.*no dimensions"),
        (b"name = ", "no TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (GOOD.replace('grade = 1\nen = "Mild."\n', "").replace("[[dimensions.anchors]]\n[[", "[[").encode(), "anchor"),
    ],
)
def test_what_is_no_rubric_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_rubric(body, who="mine.toml")


def test_a_missing_anchor_is_named() -> None:
    body = GOOD.replace('[[dimensions.anchors]]\ngrade = 1\nen = "Mild."\n', "")
    with pytest.raises(InputError, match="dimension warmth: no anchor for 1"):
        read_rubric(body.encode(), who="mine.toml")


def test_every_mistake_is_named_at_once() -> None:
    body = (
        GOOD.replace('name = "mine"', 'name = "My Rubric"\ncolour = 3')
        .replace("scale = [0, 2]", 'scale = [0, 2]\nabove = 7\nbetter = "more"\nkindness = 1')
        .replace('en = "Warmth"', 'en = ""')
        .replace('grade = 2\nen = "Warm."', 'grade = 3\nde = "Warm."')
        + '[[dimensions]]\nname = "warmth"\nkind = "flag"\nscale = [1, 2]\n'
        + '[summary]\nname = "warmth"\nweights = { cold = 1 }\n'
    )
    with pytest.raises(InputError) as caught:
        read_rubric(body.encode(), who="mine.toml")
    said = str(caught.value)
    for part in (
        "mistakes", "'colour'", "name: want small letters", "above: want", "better: want", "'kindness'",
        "title: no text in en", "anchor 3: not on the scale", "anchor 3: nothing in en", "in 'de'",
        "no anchor for 2", "a second time", "no asks", "scale: a flag has none", "no dimension cold", "summary: name",
    ):  # fmt: skip
        assert part in said, part


@pytest.mark.parametrize(
    "scale",
    ["[2, 0]", "[1]", "3", '["a", 2]', "[0, 2]\nstep = 0", "[0, 2]\nstep = 3", "[0, 2]\nstep = 0.0001", "[0, nan]"],
)
def test_a_scale_that_is_none_is_named(scale: str) -> None:
    with pytest.raises(InputError, match=r"dimension warmth: (scale|step)"):
        read_rubric(GOOD.replace("scale = [0, 2]", f"scale = {scale}").encode(), who="mine.toml")


def test_a_fine_scale_needs_anchors_at_its_ends_only() -> None:
    body = GOOD.replace("scale = [0, 2]", "scale = [0, 2]\nstep = 0.01")
    (one,) = read_rubric(body.encode(), who="mine.toml").dimensions
    assert (len(one.grades), one.has(1.23), one.has(1.234)) == (201, True, False)
    with pytest.raises(InputError, match="no anchor for 0"):
        read_rubric(body.replace("grade = 0\n", "grade = 0.5\n").encode(), who="mine.toml")


def test_the_files_name_is_the_rubrics() -> None:
    for name in names():
        body = resources.files("benchmarks").joinpath(f"rubrics/{name}.toml").read_text(encoding="utf-8")
        assert tomllib.loads(body)["name"] == name


def test_the_rubric_that_the_documents_show_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "benchmarks_judge.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert read_rubric(shown.encode(), who="docs").dimension("warmth").above == 0.5
    with_summary = re.sub(r"^# (?=\[summary|name = \"total|weights|constant)", "", shown, flags=re.MULTILINE)
    assert read_rubric(with_summary.encode(), who="docs").summary.high == 2
