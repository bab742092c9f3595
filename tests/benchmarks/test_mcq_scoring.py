"""Multiple-choice answers scored: every way of answering by itself, nothing by default, and rotations put together."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from benchmarks.mcq_positions import rotations
from benchmarks.mcq_scoring import (
    LIKELIHOODS,
    NOT_ASKED,
    likeliest,
    odds,
    require_scorable,
    scored,
    turn_of,
    variant_of,
)
from benchmarks.resampling import Bootstrap
from benchmarks.scored import Scored
from xinheng.errors import InputError, SchemaError
from xinheng.tables import CHOICE, PREDICTION

QUICK = Bootstrap(resamples=200)
WHOLE = {
    "language": "en", "question": "Which?", "explanation": None, "published_split": "test", "source": "x",
    "licence": "MIT", "origin": "x:1",
}  # fmt: skip


def questions(*keys: str, subjects: str = "", options: int = 4) -> pl.DataFrame:
    rows = [
        {
            **WHOLE,
            "question_id": f"q{i}",
            "subject": subjects[i] if subjects else None,
            "options": [f"text {c}{i}" for c in "abcdefghij"[:options]],
            "answers": list(key),
        }
        for i, key in enumerate(keys)
    ]
    return pl.DataFrame(rows, schema=CHOICE)


def said(*texts: str | None, turn: int | None = None, **more: Any) -> pl.DataFrame:
    rows = [
        {**dict.fromkeys(PREDICTION), "case_id": f"q{i}", "variant": variant_of(turn), "system": "s",
         "text": text or "", "finish_reason": "stop", "problem": None if text is not None else "filtered", **more}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PREDICTION)


def found(*values: list[float | None] | str, form: str = "letters", turn: int | None = None) -> pl.DataFrame:
    rows = [
        {"case_id": f"q{i}", "variant": variant_of(turn), "form": form,
         "values": None if isinstance(told, str) else [None if v is None else float(v) for v in told],
         "captured": None if isinstance(told, str) else sum(math.exp(v) for v in told if v is not None),
         "problem": told if isinstance(told, str) else None}
        for i, told in enumerate(values)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LIKELIHOODS)


def measure(made: Scored, name: str, *, part: str = "all", scorer: str = "generated") -> dict[str, Any]:
    return made.summary.row(
        by_predicate=(pl.col("measure") == name) & (pl.col("part") == part) & (pl.col("scorer") == scorer), named=True
    )


def test_bad_input_is_named() -> None:
    cases = questions("A", "B")
    with pytest.raises(SchemaError):
        scored(cases.drop("options"), said("A", "B"), system="s")
    with pytest.raises(InputError, match="without such a key"):
        scored(questions("A", "E"), said("A", "B"), system="s")
    with pytest.raises(InputError, match="1 of other questions"):
        scored(cases, said("A", "B", "C"), system="s")
    with pytest.raises(InputError, match="2 repeated"):
        scored(cases, pl.concat([said("A", "B")] * 2), system="s")
    with pytest.raises(InputError, match="no answers"):
        scored(cases, said("", "", detail=NOT_ASKED, problem="unsupported"), system="s")


def test_what_is_not_read_is_wrong_and_says_why() -> None:
    made = scored(
        questions("A", "B", "C", "D"), said("A", "The answer is C.", "I cannot say", None), system="s", how=QUICK
    )
    assert made.score["value"].to_list() == [1, 0, 0, 0]
    assert made.score["reason"].to_list() == [None, None, "unreadable", "filtered"]
    accuracy = measure(made, "accuracy")
    assert (accuracy["value"], accuracy["n"], accuracy["missing"]) == (0.25, 4, 2)
    assert accuracy["low"] < 0.25 < accuracy["high"]
    assert measure(made, "invalid_rate")["value"] == 0.5
    assert made.more["answer"]["predicted"].to_list() == [["A"], ["C"], None, None]


def test_a_key_of_several_letters_is_a_set_and_has_no_likeliest_letter() -> None:
    cases = questions("ABD", "AC", "B")
    told = found("overflow", [-1.0, -2.0, -3.0, -4.0], [-2.0, -1.0, -3.0, -4.0])
    made = scored(cases, said("D、B、A", "A", "B"), told, system="s", how=QUICK)
    by = {(r["case_id"], r["scorer"]): r["value"] for r in made.score.to_dicts()}
    assert [by[f"q{i}", "generated"] for i in range(3)] == [1, 0, 1]
    assert [by[f"q{i}", "likelihood"] for i in range(3)] == [None, None, 1]
    likely = measure(made, "accuracy", scorer="likelihood")
    assert (likely["value"], likely["n"], likely["missing"]) == (1, 1, 2)


def test_subjects_stand_apart_and_count_equally_in_their_mean() -> None:
    made = scored(questions("A", "A", "A", "B", subjects="xxxy"), said("A", "A", "B", "B"), system="s", how=QUICK)
    assert measure(made, "accuracy", part="x")["value"] == pytest.approx(2 / 3)
    assert measure(made, "accuracy")["value"] == 0.75
    macro = measure(made, "macro_accuracy")
    assert macro["value"] == pytest.approx((2 / 3 + 1) / 2)
    assert macro["low"] < macro["value"] < macro["high"] <= 1


def test_generated_and_likeliest_are_reported_apart_with_how_often_they_differ() -> None:
    cases = questions("A", "B", "C", "D")
    letters = found([-0.1, -3, -3, -3], [-0.1, -3, -3, -3], "overflow", [-3, -3, -3, -0.1])
    texts = found([-1, -2, -3, -4], "empty_option", [-1.0, -1.0, -2.0, -3.0], [-4, -3, -2, -1], form="texts")
    made = scored(cases, said("A", "B", "C", None), pl.concat([letters, texts]), system="s", how=QUICK)
    ways = ("generated", "likelihood", "likelihood_normalised")
    assert [measure(made, "accuracy", scorer=way)["value"] for way in ways] == [0.75, 0.5, 0.5]
    differ = measure(made, "disagreement", scorer="likelihood")
    assert (differ["value"], differ["n"], differ["missing"]) == (0.5, 2, 2)
    reasons = made.score.filter(scorer="likelihood_normalised")["reason"].to_list()
    assert reasons == [None, "empty_option", "tie", None]
    error = measure(made, "calibration_error", scorer="likelihood")
    sure = odds([-0.1, -3, -3, -3])[0]
    assert error["value"] == pytest.approx(abs(3 * sure - 2) / 3)
    assert (error["n"], error["missing"]) == (3, 1)
    assert 0 < measure(made, "captured", scorer="likelihood")["value"] <= 1.0001


def test_a_letter_that_a_server_does_not_tell_is_unknown_and_not_impossible() -> None:
    assert likeliest([None, -2.0, -5.0]) == (1, None)
    assert likeliest([None, None]) == (None, "no letter told")
    assert likeliest([float("nan"), -1.0]) == (None, "not_a_number")
    assert odds([None, 0.0]) == [0.0, 1.0]
    made = scored(
        questions("A", "B"), said("A", "B"), found([None, -1.0, None, None], [None] * 4), system="s", how=QUICK
    )
    assert made.score.filter(scorer="likelihood")["reason"].to_list() == [None, "no letter told"]
    unasked = scored(questions("A"), said("A"), found("unsupported"), system="s", how=QUICK)
    assert measure(unasked, "accuracy", scorer="likelihood")["value"] is None


def turned(say: str, key: str = "ABCD", options: int = 4) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Questions in all rotations, answered by content (`right`) or by one letter, and how likely letters were."""
    cases = questions(*key, options=options)
    texts, values = [], []
    for turn, order in enumerate(rotations("x" * options)):
        right = ["ABCDEFGHIJ"[order.index("ABCDEFGHIJ".index(k))] for k in key]
        texts.append(said(*(r if say == "right" else say for r in right), turn=turn))
        likings = [-0.2, -1.5, -2.0, -2.5, -3, -3.1, -3.2, -3.3, -3.4, -3.5][:options]
        # The content is worth two units; a liking for A more than that.
        values.append(
            found(*([v + 1.2 * ("ABCDEFGHIJ"[p] == r) for p, v in enumerate(likings)] for r in right), turn=turn)
        )
    return cases, pl.concat(texts), pl.concat(values)


def test_rotations_are_matched_to_the_key_as_it_stood() -> None:
    assert [turn_of(variant_of(k)) for k in (None, 0, 3)] == [0, 0, 3]
    cases, texts, values = turned("right", "ABCDABCD")
    made = scored(cases, texts, values, system="s", how=QUICK)
    assert measure(made, "rotation_accuracy")["value"] == 1
    assert measure(made, "all_rotations_right")["value"] == 1
    assert measure(made, "recall_sd")["value"] == 0
    assert measure(made, "accuracy")["n"] == 8


def test_a_liking_for_a_letter_shows_and_is_taken_out() -> None:
    cases, texts, values = turned("A", "ABCD" * 5)
    made = scored(cases, texts, values, system="s", how=QUICK)
    assert measure(made, "rotation_accuracy")["value"] == 0.25
    assert measure(made, "all_rotations_right")["value"] == 0
    assert measure(made, "recall_sd")["value"] == pytest.approx(100 * math.sqrt(3) / 4)
    position = made.more["position"].filter(scorer="generated")
    assert position["chosen"].to_list() == [1, 0, 0, 0]
    assert position["right_answer"].to_list() == [0.25] * 4
    assert measure(made, "accuracy", scorer="likelihood")["value"] < 1
    assert measure(made, "debiased_accuracy", scorer="likelihood")["value"] == 1
    gain = measure(made, "debiasing_gain", scorer="likelihood")
    assert gain["low"] > 0
    prior = made.more["position"].filter(scorer="likelihood")["prior"].to_list()
    assert prior[0] > 0.5
    assert sum(prior) == pytest.approx(1)


@pytest.mark.parametrize("options", [2, 5, 10])
def test_questions_may_have_other_numbers_of_options(options: int) -> None:
    cases, texts, values = turned("right", "AB" * 3, options)
    made = scored(cases, texts, values, system="s", how=QUICK)
    assert measure(made, "rotation_accuracy")["value"] == 1
    assert made.more["position"].filter(scorer="generated").height == options
    assert made.facts["rotated"] == 6


def test_questions_that_are_not_turned_count_in_accuracy_alone() -> None:
    cases, texts, _ = turned("right", "ABCD")
    more = questions("A", "A", "A", "A", "B")
    cases = pl.concat([cases, more.filter(question_id="q4")])
    texts = pl.concat([texts, said(*["B"] * 5).filter(case_id="q4")])
    made = scored(cases, texts, system="s", how=QUICK)
    assert measure(made, "accuracy")["n"] == 5
    assert measure(made, "rotation_accuracy")["n"] == 16
    assert made.facts["rotated"] == 4


def test_what_cannot_be_probabilities_says_nothing_of_the_model() -> None:
    made = scored(questions("A"), said("A"), found("not_probabilities"), system="s", how=QUICK)
    row = measure(made, "accuracy", scorer="likelihood")
    assert (row["value"], row["missing"], row["reason"]) == (None, 1, "not_probabilities")


def test_a_certainty_among_some_letters_is_none() -> None:
    # One letter alone is told: its share of what was told is 1, whatever the others have.
    alone = scored(questions("A"), said("A"), found([-2.0, None, None, None]), system="s", how=QUICK)
    row = measure(alone, "calibration_error", scorer="likelihood")
    assert (row["value"], row["missing"]) == (None, 1)
    nearly_all = scored(questions("A"), said("A"), found([-0.03, None, None, None]), system="s", how=QUICK)
    assert measure(nearly_all, "calibration_error", scorer="likelihood")["value"] == 0


def test_options_that_are_as_likely_are_chosen_by_no_correction_either() -> None:
    cases, texts, _ = turned("A", "ABCD" * 3)
    values = pl.concat([found(*[[-2.0] * 4] * 12, turn=turn) for turn in range(4)])
    made = scored(cases, texts, values, system="s", how=QUICK)
    assert measure(made, "accuracy", scorer="likelihood")["value"] == 0
    assert measure(made, "debiased_accuracy", scorer="likelihood")["value"] == 0


@pytest.mark.parametrize("odd", [[math.nan, -1, -1, -1], [-math.inf] * 4, [math.inf, -1, -1, -1]])
def test_values_that_are_none_leave_a_question_out_of_the_correction(odd: list[float]) -> None:
    cases, texts, values = turned("right", "ABCD" * 3)
    bad = pl.concat([found(odd, turn=turn) for turn in range(4)])
    values = pl.concat([values.filter(pl.col("case_id") != "q0"), bad.with_columns(captured=pl.lit(None, pl.Float64))])
    row = measure(scored(cases, texts, values, system="s", how=QUICK), "debiased_accuracy", scorer="likelihood")
    assert (row["n"], row["missing"]) == (11, 1)


def test_a_correction_without_any_question_is_undefined_and_says_why() -> None:
    cases, texts, _ = turned("A", "AB")
    values = pl.concat([found(*[[-1.0, None, None, None]] * 2, turn=turn) for turn in range(4)])
    row = measure(scored(cases, texts, values, system="s", how=QUICK), "debiased_accuracy", scorer="likelihood")
    assert (row["value"], row["missing"]) == (None, 2)
    assert "all letters" in row["reason"]


def test_letters_that_nobody_read_have_no_spread() -> None:
    cases, texts, _ = turned("no idea", "ABCD")
    row = measure(scored(cases, texts, system="s", how=QUICK), "recall_sd")
    assert (row["value"], row["reason"]) == (None, "no answer could be read")


def test_a_rotation_without_a_value_does_not_make_a_question_of_fewer_options() -> None:
    cases, texts, values = turned("right", "ABCD")
    lost = (pl.col("case_id") == "q1") & (pl.col("variant") == "rotation 2")
    values = pl.concat([values.filter(~lost), found("", "unsupported", turn=2).filter(case_id="q1")])
    made = scored(cases, texts, values, system="s", how=QUICK)
    assert made.summary["part"].unique().to_list() == ["all"]
    assert measure(made, "all_rotations_right", scorer="likelihood")["n"] == 3


@pytest.mark.parametrize(
    "wrong",
    [{"answers": []}, {"answers": ["E"]}, {"answers": ["a"]}, {"answers": None}, {"question": None}, {"options": []},
     {"options": None}, {"options": ["x", None, "y", "z"]}],
)  # fmt: skip
def test_questions_that_cannot_be_scored_are_counted(wrong: dict[str, Any]) -> None:
    rows = questions("A", "B").to_dicts()
    cases = pl.DataFrame([rows[0], {**rows[1], **wrong}], schema=CHOICE)
    with pytest.raises(InputError, match="1 without"):
        require_scorable(cases)
