"""The page of raters' agreement: all its figures with their intervals, "undefined" with its reason, nothing hostile."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reports.agreement import MOST_DISPUTES, agreement_page
from reports.agreement_tables import depth
from reports.agreement_words import MEASURES, reason_words

WARMTH = {"en": "Warmth: is it warm?", "zh": "溫暖：夠溫暖嗎？"}
HOSTILE = "<script>alert(1)</script>\u202e"


def estimate(measure: str, value: float | None = 0.5, low: float | None = 0.25, high: float | None = 0.75, **more: Any
             ) -> dict[str, Any]:  # fmt: skip
    plain = {"measure": measure, "value": value, "low": low, "high": high, "n": 50, "missing": 0, "reason": None}
    return {**plain, "method": "percentile bootstrap", **more}


def summary(measure: str, *numbers: float | None, part: str = "warmth", system: str = "all systems", **more: Any
            ) -> dict[str, Any]:  # fmt: skip
    return {"part": part, "system": system, "scorer": "raters", **estimate(measure, *numbers), **more}


def facts(**more: Any) -> dict[str, Any]:
    return {
        "title": {"en": "Study", "zh": "研究"},
        "digest": "d" * 64,
        "template": "plan",
        "questions": [
            {"name": "warmth", "kind": "rating", "title": WARMTH, "parts": ["warmth"]},
            {"name": "flags", "kind": "multi_label", "title": {"en": "Flags", "zh": "警示"}, "parts": ["flags: risk"]},
        ],
        "counts": {
            "items": 1234, "dialogues": 50, "raters": 3, "answers": 600, "left_out": {"draft": 7},
            "by_rater": [{"rater_id": "wang", "items": 55, "answers": 220, "seconds": 150.0}],
        },
        "gates": [{"system": "tuned", "verdict": "PASS", "threshold": "> 4.0", "value": 4.4, "low": 4.2, "high": 4.6,
                   "n": 50, "missing": 0, "more": None, "reason": ""}],
        "resamples": 2000,
        "seed": 0,
        "confidence": 0.95,
        **more,
    }  # fmt: skip


def tables(**more: Any) -> dict[str, list[dict[str, Any]]]:
    pair = {"question": "warmth", "first": "li", "second": "wang"}
    return {
        "summary": [
            summary("alpha_ordinal", 0.85, 0.81, 0.89),
            *(summary(name) for name in MEASURES if name.startswith(("icc", "alpha_i", "gwet", "fleiss", "kappa"))),
            summary("exact_agreement"),
            summary("mean", 4.31, 4.2, 4.4, system="tuned"),
            summary("adjusted", 4.29, 4.1, 4.4, system="tuned"),
            summary("alpha_nominal", 0.1, 0.0, 0.2, part="flags: risk"),
        ],
        "rater": [
            {"question": "warmth", "rater_id": "wang", **estimate("mean", 3.21, 3.0, 3.4)},
            {"question": "warmth", "rater_id": "wang", **estimate("severity", -0.61, -0.7, -0.5)},
            {"question": "warmth", "rater_id": "wang", **estimate("drift_severity", 0.87, 0.2, 1.5)},
            {"question": "warmth", "rater_id": "", **estimate("gold_exact", 0.9, 0.7, 1.0)},
            {"question": "warmth", "rater_id": "wang", **estimate("repeat_kappa", None, None, None, reason="no items")},
        ],
        "pair": [{**pair, **estimate(name)} for name in ("exact", "kappa", "difference")],
        "window": [{"question": "warmth", "rater_id": r, "window": w, "n": 10, "severity": w / 10, "agreement": 0.5}
                   for r in ("li", "wang") for w in range(5)],
        "dispute": [dispute("item-one")],
        **more,
    }  # fmt: skip


def dispute(item: str, **more: Any) -> dict[str, Any]:
    return {
        "item_id": item, "case_id": "case-one", "group_id": "g", "system": "tuned", "question": "warmth",
        "spread": 0.75, "deviation": 1.0, "raters": 3, "said": "2 ×1, 5 ×2", **more,
    }  # fmt: skip


def test_it_tells_agreement_systems_raters_pairs_drift_checks_and_what_to_discuss() -> None:
    page = agreement_page(facts(), tables())
    for said in (
        "1,234", "0.85", "0.81 – 0.89", "4.31", "4.29", "−0.61", "−0.70 – −0.50", "0.87", "90.0%", "item-one",
        "2 ×1, 5 ×2", "75%", "2.5 min", "PASS", "4.40", "d" * 64, "raters agree well enough to rely on", "drafts",
    ):  # fmt: skip
        assert said in page, said
    for name in MEASURES:
        if name.startswith("icc"):
            assert MEASURES[name].zh in page


def test_both_languages_stand_there_and_titles_are_short_in_tables() -> None:
    page = agreement_page(facts(), tables())
    for said in ("評分者一致性", "一致程度足以採信", "建議討論的題目", "溫暖：夠溫暖嗎？", "比其他評分者高"):
        assert said in page
    assert len(re.findall("is it warm", page)) == 1


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.9, 0.8, 0.95), "well enough to rely on"),
        ((0.85, 0.7, 0.9), "tentative conclusions"),
        ((0.75, 0.5, 0.9), "more items are needed"),
        ((0.3, 0.1, 0.5), "too little to draw conclusions"),
        ((0.9, None, None), "no interval"),
    ],
)
def test_the_whole_interval_decides_what_may_be_said(numbers: tuple[float | None, ...], said: str) -> None:
    page = agreement_page(facts(), tables(summary=[summary("alpha_ordinal", *numbers)]))
    assert said in page.partition('<ul class="said">')[2].partition("</ul>")[0]


def test_a_figure_that_is_undefined_says_why_in_both_languages_and_is_never_a_number() -> None:
    why = "all ratings are equal: without variation agreement is undefined"
    rows = [summary("alpha_ordinal", None, None, None, reason=why), summary("exact_agreement", 1.0, 0.9, 1.0)]
    page = agreement_page(facts(), tables(summary=rows))
    assert "Undefined, for nobody" in page
    shown = agreement_page(facts(), tables(summary=[*rows, summary("icc_1_1", 0.5, 0.4, 0.6)]))
    assert why in shown
    assert reason_words(why).zh in shown


def test_reasons_with_numbers_are_told_in_chinese_too() -> None:
    assert reason_words("undefined in 12% of the resamples: too little varies to say how sure it is").zh.startswith(
        "12%"
    )
    assert reason_words("something new").zh == "something new"


def test_only_so_many_disputes_stand_on_the_page_and_the_rest_are_counted() -> None:
    page = agreement_page(facts(), tables(dispute=[dispute(f"item-{n:03}") for n in range(MOST_DISPUTES + 40)]))
    assert f"item-{MOST_DISPUTES - 1:03}" in page
    assert f"item-{MOST_DISPUTES:03}" not in page
    assert "40 more in the" in page
    assert "nowhere differ" in agreement_page(facts(), tables(dispute=[]))


def test_no_name_becomes_markup() -> None:
    told = tables(dispute=[dispute(HOSTILE, system=HOSTILE, said=HOSTILE)])
    for row in (*told["rater"], *told["window"]):
        row["rater_id"] = HOSTILE
    for row in told["pair"]:
        row["first"] = HOSTILE
    page = agreement_page(facts(title=HOSTILE, template=HOSTILE), told)
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("missing", ["summary", "rater", "pair", "window", "dispute"])
def test_a_table_that_is_missing_is_left_out(missing: str) -> None:
    assert "<h2" in agreement_page(facts(), {name: rows for name, rows in tables().items() if name != missing})


@pytest.mark.parametrize("missing", list(facts()))
def test_a_fact_that_is_missing_is_left_out(missing: str) -> None:
    assert "<h2" in agreement_page({name: value for name, value in facts().items() if name != missing}, tables())


def test_the_matrix_has_kappa_above_its_diagonal_and_equal_answers_below() -> None:
    pair = {"question": "warmth", "first": "li", "second": "wang"}
    rows = [{**pair, **estimate("kappa", 0.61, 0.5, 0.7)}, {**pair, **estimate("exact", 0.4, 0.3, 0.5)}]
    page = agreement_page(facts(), tables(pair=rows))
    first, second = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page.partition('class="matrix"')[2], re.DOTALL)[:2]
    assert "0.61" in first
    assert "40.0%" in second
    assert "0.61" not in second


def test_labels_have_their_own_words_and_dozens_of_them_are_folded() -> None:
    labels = [f"label{n:02}" for n in range(30)]
    question = {
        "name": "flags", "kind": "multi_label", "title": {"en": "Which?", "zh": "哪些？"},
        "labels": {name: {"en": f"danger {name}", "zh": f"危險 {name}"} for name in labels},
        "parts": [f"flags: {name}" for name in labels],
    }  # fmt: skip
    rows = [summary("alpha_nominal", 0.5, 0.4, 0.6, part=part) for part in question["parts"]]
    page = agreement_page(facts(questions=[question]), tables(summary=rows))
    assert "Which: danger label03" in page
    assert "哪些：危險 label03" in page
    assert "18 more" in page
    assert page.index("danger label11") < page.index("18 more") < page.index("danger label12")


def test_many_raters_have_a_table_in_place_of_lines_and_a_matrix() -> None:
    names = [f"rater{n:02}" for n in range(20)]
    pairs = [{"question": "warmth", "first": a, "second": b, **estimate(m)}
             for a in names for b in names if a < b for m in ("exact", "kappa")]  # fmt: skip
    windows = [
        {"question": "warmth", "rater_id": a, "window": 0, "n": 1, "severity": 0.1, "agreement": 0.5} for a in names
    ]
    page = agreement_page(facts(), tables(pair=pairs, window=windows))
    assert 'class="matrix"' not in page
    assert "rater19" in page


def test_darkness_grows_with_agreement() -> None:
    shades = [depth(share) for share in (None, -0.5, 0.0, 0.3, 0.6, 1.0)]
    assert shades == sorted(shades)
