"""The page of a comparison: any facts, hostile ones included, and figures that are never made up."""

from __future__ import annotations

from typing import Any

import pytest

from reports.comparison import comparison_page, systems_page
from tests.reports.test_run import HOSTILE, parsed

ROW = {"measure": "win_rate", "scorer": "j", "first": 0.62, "second": 0.38, "difference": 0.62, "low": 0.55,
       "high": 0.69, "centre": 0.5, "n": 100, "missing": 2, "p": 0.004, "p_holm": 0.004}  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [{}, {"rows": None, "systems": "ab", "trust": 3, "ranking": [], "gates": {}, "record": 1, "examples": [None]},
     {"rows": [{}], "systems": [None, {}], "trust": [{}], "gates": [{}], "examples": [{}], "cost": {"a": None}},
     {"rows": [{**ROW, "difference": None, "low": None, "high": None, "reason": "no items"}]},
     {"rows": [{**ROW, "low": float("nan"), "high": float("inf")}]}],
)  # fmt: skip
def test_absent_and_odd_facts_are_dashes_or_nothing(facts: dict[str, Any]) -> None:
    page = parsed(comparison_page(facts))
    assert page.all("h1")
    assert "nan" not in page.words().lower().split()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_texts_stay_text(text: str) -> None:
    facts = {
        "title": text, "lead": text, "systems": [{"name": text, "identity": text}, text],
        "verdicts": [{"en": text, "zh": text, "state": text}],
        "rows": [{**ROW, "scorer": text, "part": text, "reason": text, "verdict": text}],
        "breakdown": [{**ROW, "kind": "topic", "part": text}],
        "trust": [{"words": text, "value": 0.5, "unit": "share", "note": text, "who": text}],
        "ranking": {"rows": [{"system": text, "value": 0.1}], "scorer": text}, "missing": [{"reason": text, "n": 1}],
        "gates": [{"gate": text, "verdict": text, "threshold": text, "system": text, "scorer": text, "reason": text}],
        "examples": [{"case_id": text, "outcome": text, "sayings": [text], "texts": [{"who": text, "text": text}]}],
        "record": {text: text}, "cost": {text: {"answers": 1}}, "with_text": True,
    }  # fmt: skip
    html = comparison_page(facts)
    page = parsed(html)
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert "\u202e" not in html


def test_verdict_and_numbers_follow_interval_and_test() -> None:
    facts = {"systems": ["warm", "cold"], "rows": [ROW]}
    page = parsed(comparison_page(facts))
    (said,) = page.all("ul", "said")[0].all("li")
    assert "warm is better than cold" in said.words()
    assert "62.0%" in said.words()
    assert "55.0% – 69.0%" in said.words()
    for change in ({"p_holm": 0.2}, {"low": 0.49}, {"low": None, "high": None}):
        (said,) = parsed(comparison_page({**facts, "rows": [{**ROW, **change}]})).all("ul", "said")[0].all("li")
        assert "no difference between warm and cold is shown" in said.words()
    turned = {**ROW, "first": 0.38, "second": 0.62, "difference": 0.38, "low": 0.31, "high": 0.45}
    (said,) = parsed(comparison_page({**facts, "rows": [turned]})).all("ul", "said")[0].all("li")
    assert "cold is better than warm" in said.words()
    assert "62.0% (55.0% – 69.0%)" in said.words(), "of the one that is named first"


def test_the_better_one_has_more_whichever_stands_first() -> None:
    row = {"measure": "accuracy", "first": 0.4, "second": 0.8, "difference": -0.4, "low": -0.5, "high": -0.3}
    page = parsed(comparison_page({"systems": ["a", "b"], "rows": [{**row, "p_holm": 0.001}]}))
    assert "b is better than a in Accuracy: 40.0% (30.0% – 50.0%)" in page.all("ul", "said")[0].words()


def test_reasons_are_told_in_both_languages() -> None:
    row = {"measure": "mean", "first": None, "second": None, "reason": "no value could be read"}
    html = comparison_page({"systems": ["a", "b"], "rows": [row]})
    assert "沒有可判讀的值" in html
    assert "平均分數" in html


def test_less_is_better_for_times() -> None:
    row = {"measure": "latency_p95_s", "first": 0.4, "second": 0.9, "difference": -0.5, "low": -0.6, "high": -0.4}
    page = parsed(comparison_page({"systems": ["quick", "slow"], "rows": [row]}))
    assert "quick is better than slow" in page.all("ul", "said")[0].words()


def test_a_picture_is_drawn_for_each_row_that_has_a_figure() -> None:
    none = {**ROW, "difference": None, "reason": "nothing to compare"}
    page = parsed(comparison_page({"systems": ["a", "b"], "rows": [ROW, none]}))
    assert len(page.all("svg", "span")) == 1
    assert "nothing to compare" in page.words()


def test_texts_stand_on_the_page_only_where_they_were_given() -> None:
    one = {"case_id": "c1", "outcome": "a won", "sayings": ["a shown first: a better"]}
    assert "--with-text adds the texts" in parsed(comparison_page({"examples": [one]})).words()
    with_text = comparison_page(
        {"examples": [{**one, "texts": [{"who": "client", "text": "<b>x</b>"}]}], "with_text": True}
    )
    assert "&lt;b&gt;x&lt;/b&gt;" in with_text
    assert "treat this page like the data" in parsed(with_text).words()


def test_gates_show_shares_so_that_three_nines_differ_from_all() -> None:
    gate = {"gate": "stability", "verdict": "UNDECIDED", "threshold": "> 99.9%", "unit": "share", "value": 0.9995,
            "low": 0.998, "high": 1.0, "n": 2000, "more": 995, "reason": "x"}  # fmt: skip
    cells = [cell.words() for cell in parsed(comparison_page({"gates": [gate]})).all("td")]
    assert {"99.95%", "99.8% – 100%", "995"} <= set(cells)


def test_the_page_of_two_compared_runs() -> None:
    found = {
        "first": {"system": "one", "digest": "d1"}, "second": {"system": "two", "digest": "d2"},
        "data": {"name": "imhi"}, "resamples": 10000, "seed": 0, "confidence": 0.95, "only_one_has": ["upstream"],
        "rows": [{"scorer": "rule", "part": "DR", "measure": "weighted_f1", "first": 82.4, "second": 75.1,
                  "difference": 7.3, "low": 2.2, "high": 12.1, "n": 405, "p": 0.003, "p_holm": 0.006,
                  "verdict": "first", "detectable": 5.0, "reason": None, "test": "McNemar"}],
    }  # fmt: skip
    words = parsed(systems_page(found)).words()
    for said in ("one is better than two", "Weighted F1", "7.30", "upstream", "10,000 resamples"):
        assert said in words
