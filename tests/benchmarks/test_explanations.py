"""Explanations measured: an empty answer is the least there is or missing, posts are drawn again, models are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.bart_score import BartScore
from benchmarks.bert_score import BertScore
from benchmarks.explanations import CHRF, ROUGE_L, measured
from benchmarks.imhi_scoring import in_parts, scored
from benchmarks.resampling import Bootstrap
from benchmarks.scored import Scored
from benchmarks.text_measures import chrf, rouge_l
from tests.benchmarks.test_imhi_prompts import case, table
from tests.benchmarks.test_imhi_scoring import answers, cases
from tests.servers.tiny_readers import write_bart, write_encoder
from xinheng.errors import InputError, UsageError

FEW = Bootstrap(resamples=200)
TEXTS = ["No. Reasoning: he is well.", "", "Yes, the poster suffers", "No."]


def run(asked: pl.DataFrame, said: pl.DataFrame, *measures: Any) -> Scored:
    labels = scored(asked, said, system="m", readers=("rule",), how=FEW)
    return measured(labels, in_parts(asked, said), said, measures, benchmark="imhi", system="m", how=FEW)


def test_bad_wishes_are_named() -> None:
    asked = cases()
    said = answers(asked, TEXTS)
    with pytest.raises(UsageError, match="a measure twice"):
        run(asked, said, CHRF, CHRF)
    parts, labels = in_parts(asked, said), scored(asked, said, system="m", how=FEW)
    twice = pl.concat([said, said.head(1)])
    with pytest.raises(InputError, match="1 twice"):
        measured(labels, parts, twice, [CHRF], benchmark="imhi", system="m")


def test_values_stand_beside_the_labels() -> None:
    asked = cases()
    found = run(asked, answers(asked, TEXTS), CHRF, ROUGE_L)
    for measure, of in (("chrf", chrf), ("rouge_l", rouge_l)):
        rows = found.score.filter(scorer=measure).sort("case_id")
        wanted = [of(text, gold) for text, gold in zip(TEXTS, asked["reference"], strict=True)]
        assert rows["value"].to_list() == pytest.approx(wanted)
        assert rows["reason"].to_list() == [None, "empty", None, None]
        told = found.summary.filter(measure=measure, part="DR").row(0, named=True)
        assert told["value"] == pytest.approx(sum(wanted) / 4)
        assert told["low"] < told["value"] < told["high"]
        assert (told["n"], told["missing"]) == (4, 1)
        assert told["method"].endswith("empty or unusable answers count as 0")
    assert found.facts["scorers"] == ["rule", "chrf", "rouge_l"]
    assert found.summary.filter(scorer="rule").height == 10, "and the labels' figures are there"


def test_bart_score_has_no_least_value_and_models_are_named(tmp_path: Path) -> None:
    bart = BartScore(str(write_bart(tmp_path / "tiny-bart")))
    bert = BertScore(str(write_encoder(tmp_path / "tiny-bert")))
    asked = cases()
    found = run(asked, answers(asked, TEXTS, [None, None, "timeout", None]), bart, bert)
    values = found.score.filter(scorer="bart_score:tiny-bart").sort("case_id")
    assert [value is None for value in values["value"]] == [False, True, True, False]
    assert values["reason"].to_list() == [None, "empty", "timeout", None]
    told = found.summary.filter(measure="bart_score", part="DR").row(0, named=True)
    assert (told["n"], told["missing"]) == (4, 2)
    assert told["value"] == pytest.approx(values["value"].mean())
    assert "count as" not in told["method"]
    values = found.score.filter(scorer="bert_score:tiny-bert").sort("case_id")["value"].to_list()
    assert values[1:3] == [0, 0]
    assert found.facts["measures"]["bart_score:tiny-bart"]["identity"].startswith("sha256:")


def test_what_was_thought_is_no_part_of_an_answer() -> None:
    asked = cases()
    thought = ["<think>Yes, or no?</think>No. Reasoning: he is well.", "<think>Yes, the poster", "hm</think>Yes", "No."]
    spoken = ["No. Reasoning: he is well.", "", "Yes", "No."]
    found, plain = (run(asked, answers(asked, texts), CHRF, ROUGE_L).score for texts in (thought, spoken))
    measures = pl.col("scorer").is_in(["chrf", "rouge_l"])
    assert found.filter(measures).equals(plain.filter(measures))


def test_a_part_without_any_value_is_undefined() -> None:
    asked = pl.concat([cases(), cases("SAD", (0, 1))])
    said = answers(asked, [*TEXTS, "school", "money"])
    parts = in_parts(asked, said).with_columns(
        reference=pl.when(pl.col("dataset") == "SAD").then(None).otherwise("reference")
    )
    labels = scored(asked, said, system="m", readers=("rule",), how=FEW)
    found = measured(labels, parts, said, [CHRF], benchmark="imhi", system="m", how=FEW)
    sad, mean = (found.summary.filter(scorer="chrf", part=part).row(0, named=True) for part in ("SAD", "mean"))
    assert (sad["value"], sad["reason"], sad["missing"]) == (None, "no items", 2)
    assert (mean["value"], mean["reason"]) == (None, "a part has no value")
    assert set(found.score.filter(scorer="chrf", part="SAD")["reason"]) == {"no gold"}


def test_chinese_golds_are_counted_in_characters() -> None:
    gold = "他睡不好，壓力很大。"
    asked = table(case("DR", 1, split="test"), case("DR", 2, split="test")).with_columns(language=pl.lit("zh-Hant"))
    said = answers(asked, ["他壓力大", "他很好"])
    parts = in_parts(asked, said).with_columns(reference=pl.lit(gold))
    labels = scored(asked, said, system="m", readers=("rule",), how=FEW)
    found = measured(labels, parts, said, [ROUGE_L], benchmark="imhi", system="m", how=FEW)
    assert found.score.filter(scorer="rouge_l").sort("case_id")["value"].to_list() == pytest.approx([8 / 12, 4 / 11])


def test_the_mean_counts_every_set_the_same_and_posts_are_drawn_again() -> None:
    asked = pl.concat([cases("DR", (0,) * 8), cases("SAD", (0, 1, 2))])
    said = answers(asked, ["No."] * 8 + ["school", "money", "family"])
    found = run(asked, said, CHRF)
    dr, sad, mean = (found.summary.filter(scorer="chrf", part=part)["value"][0] for part in ("DR", "SAD", "mean"))
    assert mean == pytest.approx((dr + sad) / 2)
    one_post = asked.with_columns(group_id="benchmark")
    row = run(one_post, said, CHRF).summary.filter(scorer="chrf", part="SAD").row(0, named=True)
    assert row["low"] is None
    assert "only one" in row["reason"]
