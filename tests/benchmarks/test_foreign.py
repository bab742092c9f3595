"""Answers made elsewhere are joined by id, or by place where every place proves itself; nothing is made up."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.foreign import Joined, joined
from datasets_src.answer_cells import ANSWER
from xinheng.errors import InputError, UsageError
from xinheng.tables import CASE, CHOICE, PREDICTION

GOLD = "Yes, the poster suffers from {}."


def cases(n: int = 4, sets: tuple[str, ...] = ("DR",)) -> pl.DataFrame:
    rows = [
        {
            "case_id": f"{name}-{i:02}",
            "group_id": f"g{i}",
            "benchmark": f"imhi/{name}",
            "form": "instruction",
            "language": "en",
            "messages": [{"role": "user", "content": f"Consider this post: number {name} {i}. Question?", "tags": []}],
            "reference": GOLD.format(f"{name} {i}"),
            "labels": None,
            "published_split": "test",
            "source": "imhi",
            "licence": "MIT",
            "origin": "f",
        }
        for name in sets
        for i in range(n)
    ]
    return pl.DataFrame(rows, schema=CASE)


def choices(n: int = 4) -> pl.DataFrame:
    rows = [
        {
            "question_id": f"q{i}",
            "subject": "ethics",
            "language": "zh-Hans",
            "question": f"第 {i} 题：以下何者为是？",
            "options": ["一", "二", "三", "四"],
            "answers": ["A"],
            "explanation": None,
            "published_split": None,
            "source": "x",
            "licence": "MIT",
            "origin": "f",
        }
        for i in range(n)
    ]
    return pl.DataFrame(rows, schema=CHOICE)


def answers(rows: list[dict[str, Any]]) -> pl.DataFrame:
    usual = {"set": "file", "repeat": 1, "text": "No."}
    return pl.DataFrame(
        [{"origin": f"file:{i}", **usual, **row} for i, row in enumerate(rows, 1)], schema=ANSWER
    )  # fmt: skip


def of(frame: pl.DataFrame, rows: list[dict[str, Any]], **more: Any) -> Joined:
    table = "case" if "case_id" in frame.columns else "choice"
    return joined(frame, answers(rows), table=table, system="other", **more)


# -- by id ---------------------------------------------------------------------------------------------------------


def test_ids_join_in_any_order() -> None:
    found = of(cases(3), [{"answer_id": f"DR-{i:02}", "text": f"t{i}"} for i in (2, 0, 1)])
    assert found.predictions.schema == pl.Schema(PREDICTION)
    assert found.predictions.select("case_id", "text").rows() == [(f"DR-{i:02}", f"t{i}") for i in range(3)]
    assert found.facts["joined_by"] == "id"
    assert set(found.predictions["system"]) == {"other"}


def test_a_case_without_an_answer_is_there_without_one() -> None:
    found = of(cases(3), [{"answer_id": "DR-01"}])
    rows = found.predictions.select("case_id", "text", "problem").rows()
    assert rows == [("DR-00", "", "empty"), ("DR-01", "No.", None), ("DR-02", "", "empty")]
    assert found.facts["missing"] == 2
    assert any("2 (DR-00, DR-02)" in line for line in found.lines)


def test_cases_without_an_answer_are_left_out_when_that_is_wanted() -> None:
    found = of(cases(3), [{"answer_id": "DR-01"}], answered_only=True)
    assert found.cases["case_id"].to_list() == found.predictions["case_id"].to_list() == ["DR-01"]
    assert found.facts["missing"] == 2


def test_unknown_ids_are_counted_and_named_unless_they_may_be_texts() -> None:
    found = of(cases(2), [{"answer_id": one} for one in ("DR-00", "DR-01", "other-1", "I cannot go on like this")])
    assert found.facts["unknown"] == 2
    (line,) = [line for line in found.lines if "to no case" in line]
    assert "2 (other-1, (no id))" in line
    assert found.predictions.height == 2


def test_sets_of_which_nothing_is_answered_are_left_out_and_named() -> None:
    found = of(cases(2, ("DR", "dreaddit")), [{"answer_id": "DR-00"}])
    assert found.cases["case_id"].to_list() == ["DR-00", "DR-01"]
    assert found.facts["sets_without_answers"] == ["imhi/dreaddit instruction"]


def test_the_same_answer_twice_is_one_and_two_answers_are_an_error() -> None:
    assert of(cases(1), [{"answer_id": "DR-00"}] * 2).predictions.height == 1
    with pytest.raises(InputError, match="1 cases with several answers: want one each, have DR-00"):
        of(cases(1), [{"answer_id": "DR-00"}, {"answer_id": "DR-00", "text": "Yes."}])


def test_repeats_stay_apart_and_a_lacking_one_is_there_without_a_text() -> None:
    rows = [{"answer_id": "DR-00", "repeat": 1}, {"answer_id": "DR-00", "repeat": 2}, {"answer_id": "DR-01"}]
    found = of(cases(2), rows).predictions
    assert found["variant"].to_list() == ["repeat 1", "repeat 2"] * 2
    assert found["problem"].to_list() == [None, None, None, "empty"]


def test_problems_are_ours_only_by_our_names() -> None:
    rows = [{"answer_id": "DR-00", "problem": "refused"}, {"answer_id": "DR-01", "problem": "bad luck"}]
    assert of(cases(2), rows).predictions["problem"].to_list() == ["refused", None]


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_answer_is_empty(text: str | None) -> None:
    assert of(cases(1), [{"answer_id": "DR-00", "text": text}]).predictions["problem"].to_list() == ["empty"]


# -- by place ------------------------------------------------------------------------------------------------------


def test_places_join_where_gold_answers_are_the_cases() -> None:
    found = of(cases(3), [{"gold": GOLD.format(f"DR {i}"), "text": f"t{i}"} for i in range(3)])
    assert found.facts["joined_by"] == "place"
    assert found.predictions["text"].to_list() == ["t0", "t1", "t2"]


def test_places_join_where_prompts_hold_the_questions() -> None:
    rows = [{"prompt": f"Few shots.\n第 {i} 题: 以下何者为是?\nA.一", "text": "A"} for i in range(3)]
    assert of(choices(3), rows).predictions["case_id"].to_list() == ["q0", "q1", "q2"]


def test_a_log_of_a_part_of_the_questions_joins_by_its_own_numbers() -> None:
    rows = [{"prompt": f"第 {i} 题：以下何者为是？", "number": i, "text": "A"} for i in (3, 1)]
    found = of(choices(4), rows)
    assert found.facts["missing"] == 2
    assert found.predictions["problem"].to_list() == ["empty", None, "empty", None]


def test_each_file_of_a_folder_is_of_the_set_of_its_name() -> None:
    rows = [{"set": name, "gold": GOLD.format(f"{name} {i}")} for name in ("dreaddit", "DR") for i in range(2)]
    found = of(cases(2, ("DR", "SAD", "dreaddit")), rows)
    assert found.predictions.height == 4
    assert found.facts["sets_without_answers"] == ["imhi/SAD instruction"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"text": "x"}] * 3, "3 of 3 rows with neither prompts nor gold answers"),
        ([{"gold": GOLD.format(f"DR {i}")} for i in range(2)], "2 answers, and 3 cases"),
        ([{"gold": GOLD.format(f"DR {i}")} for i in (0, 2, 1)], "2 of 3 rows with other prompts"),
        ([{"number": 7, "gold": GOLD.format("DR 0")}], "places up to 7, and 3 cases"),
        ([{"answer_id": "a", "text": "x"}] * 3, "ids such as a, the cases' such as DR-00"),
        ([{"answer_id": "words that may be a text", "text": "x"}] * 3, r"ids such as \(no id\)"),
    ],
)
def test_places_that_prove_nothing_are_refused(rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        of(cases(3), rows)


def test_a_short_gold_answer_proves_nothing() -> None:
    frame = cases(2).with_columns(reference=pl.lit("Yes"))
    with pytest.raises(UsageError, match="nothing shows"):
        of(frame, [{"gold": "Yes"}] * 2)


def test_sets_are_found_by_any_spelling_of_their_names() -> None:
    frame = cases(1, ("T-SID", "DR"))
    rows = [{"answer_id": "T-SID-00"}, {"answer_id": "DR-00"}]
    assert of(frame, rows, sets=["tsid"]).cases["case_id"].to_list() == ["T-SID-00"]
    with pytest.raises(UsageError, match="no set other"):
        of(frame, rows, sets=["other"])


# -- any -----------------------------------------------------------------------------------------------------------


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"answer_id": st.sampled_from(["DR-00", "DR-01", "SAD-02", "x", None])},
            optional={
                "text": st.sampled_from(["Yes", "No", "", None]),
                "repeat": st.integers(1, 3),
                "problem": st.sampled_from(["refused", "odd"]),
            },
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_joined_every_case_is_there_once_per_repeat(rows: list[dict[str, Any]]) -> None:
    frame = cases(3, ("DR", "SAD"))
    try:
        found = of(frame, rows)
    except (InputError, UsageError):
        return
    told = found.predictions
    variants = told["variant"].n_unique()
    assert told.select("case_id", "variant").n_unique() == told.height == found.cases.height * variants
    assert set(told["case_id"]) == set(found.cases["case_id"])
    usable = told.filter(pl.col("problem").is_null())
    given = {(row["answer_id"], row.get("text", "No.")) for row in rows}
    assert set(usable.select("case_id", "text").iter_rows()) <= given
