"""IMHI's answers scored: what cannot be read is wrong and counted; golds, readers, parts, floors."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from benchmarks import imhi
from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.imhi_scoring import gold_labels, scored
from benchmarks.resampling import Bootstrap
from benchmarks.scored import Scored
from datasets_src import imhi as source
from tests.benchmarks.test_imhi_prompts import case, table
from xinheng.errors import InputError, SchemaError, UsageError
from xinheng.messages import PROBLEMS
from xinheng.tables import CASE, PREDICTION

FEW = Bootstrap(resamples=200)
ALL_LABELS = "Could it be school, financial problems, family issues, social relationships, work, health or others?"


def answers(cases: pl.DataFrame, texts: list[str], problems: list[str | None] | None = None) -> pl.DataFrame:
    rows = [
        {"case_id": case_id, "variant": "", "system": "m", "text": text, "finish_reason": "stop", "problem": problem}
        for case_id, text, problem in zip(cases["case_id"], texts, problems or [None] * len(texts), strict=True)
    ]
    return pl.DataFrame(rows, schema=PREDICTION)


def cases(name: str = "DR", labels: tuple[int, ...] = (0, 1, 1, 0), **more: Any) -> pl.DataFrame:
    return table(*(case(name, i, label=label, split="test", **more) for i, label in enumerate(labels)))


def value(found: Scored, part: str, measure: str = "weighted_f1", scorer: str = "rule") -> float | None:
    return found.summary.filter(part=part, measure=measure, scorer=scorer).row(0, named=True)["value"]


RIGHT = ["No.", "Yes.", "Yes, the poster does.", "No."]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda c, p: (c.clear(), p.clear()), InputError, "no cases"),
        (lambda c, p: (c.with_columns(group_id=pl.lit(None, pl.String)), p), InputError, "4 without"),
        (lambda c, p: (c.with_columns(benchmark=pl.lit("imhi/XYZ")), p), UsageError, "unknown set: want DR, CLP"),
        (lambda c, p: (c.with_columns(benchmark=pl.lit("emobench")), p), UsageError, "unknown set"),
        (lambda c, p: (c.with_columns(form=pl.lit("poem")), p), UsageError, "no such form"),
        (lambda c, p: (c.with_columns(reference=pl.lit("Purple.")), p), InputError, "4 others, such as imhi-DR"),
        (lambda c, p: (c.with_columns(reference=pl.lit(None, pl.String)), p), InputError, "gold answers"),
        (lambda c, p: (pl.concat([c, c.head(1)]), p), InputError, "1 cases twice"),
        (lambda c, p: (c, pl.concat([p, p.head(1)])), InputError, "1 cases answered more than once"),
        (lambda c, p: (c.head(1), p), InputError, "3 answers to cases that are not here"),
        (lambda c, p: (c, p.with_columns(system=pl.Series(["a", "b", "a", "b"]))), InputError, "systems"),
        (lambda c, p: (c, p.with_columns(text=pl.lit(None, pl.String))), SchemaError, "4 without"),
        (lambda c, p: (c.drop("reference"), p), SchemaError, "no column reference"),
        (lambda c, p: (c, p.drop("problem")), SchemaError, "no column problem"),
    ],
)
def test_bad_input_is_named_and_nobody_is_quoted(change: Any, error: type[Exception], match: str) -> None:
    asked = cases()
    with pytest.raises(error, match=match) as raised:
        scored(*change(asked, answers(asked, RIGHT)), system="m")
    assert "Purple" not in str(raised.value)


def test_readers_must_be_known_and_some() -> None:
    asked = cases()
    with pytest.raises(UsageError, match="unknown reader"):
        scored(asked, answers(asked, RIGHT), system="m", readers=("both",))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no reader"):
        scored(asked, answers(asked, RIGHT), system="m", readers=())


@pytest.mark.parametrize(
    "reply", ["", " \n", "🙂🙂🙂", ALL_LABELS, "nan", "yes " * 262_144 + "no " * 2, "I cannot say."],
    ids=["empty", "blank", "emoji", "all labels", "nan", "a megabyte", "no label"],
)  # fmt: skip
def test_what_cannot_be_read_is_wrong_and_counted(reply: str) -> None:
    asked = cases("SAD", (0, 1, 4, 8))
    texts = ["school", "money", reply, "other causes"]
    found = scored(asked, answers(asked, texts), system="m", how=FEW)
    by_rule = found.score.filter(scorer="rule").sort("case_id")
    assert by_rule["value"].to_list() == [1, 1, 0, 1]
    assert by_rule["reason"].to_list() == [None, None, "unreadable", None]
    assert value(found, "SAD", "invalid_rate") == 0.25
    assert found.more["answer"].filter(scorer="rule").sort("case_id")["predicted"].to_list() == [0, 1, None, 8]
    assert found.score.filter(scorer="upstream")["reason"].null_count() == 4, "theirs reads a label from anything"


@pytest.mark.parametrize("problem", PROBLEMS)
def test_an_answer_with_a_problem_is_not_read_by_anybody(problem: str) -> None:
    asked = cases()
    found = scored(
        asked, answers(asked, RIGHT, [None, problem, None, None]), system="m", how=FEW,
        classifiers={"label:tiny": lambda _, replies: [1] * len(replies)},
    )  # fmt: skip
    wrong = found.score.filter(pl.col("reason").is_not_null())
    assert wrong["scorer"].to_list() == ["rule", "upstream", "label:tiny"]
    assert set(wrong["reason"]) == {problem}
    assert set(wrong["value"]) == {0.0}
    assert found.more["answer"].filter(case_id=asked["case_id"][1])["predicted"].null_count() == 3


def test_a_case_without_an_answer_is_wrong_and_says_why() -> None:
    asked = cases()
    found = scored(asked, answers(asked, RIGHT).head(3), system="m", readers=("rule",), how=FEW)
    assert found.score.filter(pl.col("reason") == "no answer")["case_id"].to_list() == asked["case_id"][3:].to_list()
    assert value(found, "DR", "accuracy") == 75


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_figures_are_those_of_the_score(data: st.DataObject) -> None:
    said = data.draw(st.lists(st.sampled_from(["Yes.", "No.", "Maybe.", ""]), min_size=4, max_size=12))
    gold = data.draw(st.lists(st.integers(0, 1), min_size=len(said), max_size=len(said)))
    asked = cases("DR", tuple(gold))
    found = scored(asked, answers(asked, said), system="m", readers=("rule",), how=FEW)
    frame = found.more["answer"].select("dataset", "case_id", "group_id", "gold", "predicted")
    row = imhi.score(frame, how=FEW).row(0, named=True)
    for measure in ("weighted_f1", "accuracy", "macro_f1", "floor_f1", "invalid_rate"):
        assert value(found, "DR", measure) == pytest.approx(row[measure])
    assert found.score["value"].sum() == pytest.approx(row["accuracy"] * len(said) / 100)
    told = found.summary.filter(part="DR", measure="weighted_f1").row(0, named=True)
    assert (told["low"], told["high"], told["missing"]) == (row["low"], row["high"], row["invalid"])


def test_a_set_of_one_gold_label_has_a_floor_of_100() -> None:
    asked = cases("DR", (1, 1, 1))
    found = scored(asked, answers(asked, ["Yes.", "Yes.", "No."]), system="m", readers=("rule",), how=FEW)
    assert value(found, "DR", "floor_f1") == 100
    assert value(found, "DR") == pytest.approx(80)


def test_both_forms_and_the_experts_are_parts_of_their_own() -> None:
    asked = pl.concat(
        [cases(), cases("SAD", (0, 1)), cases(form="completion"), cases().with_columns(
            case_id="expert-" + pl.col("case_id"), published_split=pl.lit("expert"))]
    )  # fmt: skip
    texts = [*RIGHT, "school", "school", "no.", "yes..", "yes, the post shows it", "yes", *["No."] * 4]
    found = scored(asked, answers(asked, texts), system="m", readers=("rule",), how=FEW)
    assert found.summary["part"].unique(maintain_order=True).to_list() == [
        "DR", "SAD", "mean", "DR completion", "mean completion", "DR expert", "mean expert",
    ]  # fmt: skip
    assert (value(found, "DR", "accuracy"), value(found, "DR completion", "accuracy")) == (100, 75)
    assert value(found, "mean") == pytest.approx((value(found, "DR") + value(found, "SAD")) / 2)
    assert set(found.score["part"]) == {"DR", "SAD", "DR completion", "DR expert"}
    alone = asked.filter(form="completion")
    found = scored(alone, answers(alone, RIGHT), system="m", readers=("rule",), how=FEW)
    assert found.summary["part"].unique(maintain_order=True).to_list() == ["DR", "mean"]
    assert found.facts["parts"] == {"bare names": {"form": "completion", "split": "test", "n": 4}}


def test_order_changes_nothing() -> None:
    asked = pl.concat([cases(), cases("SAD", (0, 3, 5))])
    given_ = answers(asked, [*RIGHT, "school", "", "health issues"])
    first = scored(asked, given_, system="m", how=FEW)
    turned = given_.sample(fraction=1, shuffle=True, seed=1)
    other = scored(asked.sort("case_id", descending=True), turned, system="m", how=FEW)
    assert first.summary.equals(other.summary)
    assert first.score.equals(other.score)


def test_every_gold_of_every_released_file_is_its_own_right_answer(shared_data: Path) -> None:
    rows = [{**row, "source": "imhi", "licence": "MIT"} for row in source.read(shared_data / "imhi")]
    released = pl.DataFrame(rows, schema=CASE)
    assert len(gold_labels(released)) == released.height == 11325
    tested = released.filter(pl.col("published_split").is_in(["test", "expert"]))
    found = scored(tested, answers(tested, tested["reference"].to_list()), system="m", how=FEW)
    assert found.score.filter(scorer="rule")["value"].sum() == tested.height == 7630
    assert set(found.summary.filter(scorer="rule", measure="invalid_rate")["value"]) == {0.0}
    assert found.summary.filter(measure="floor_f1")["value"].max() < 75
    # Theirs cannot read 66 of SAD's golds: "emotion turmoil".
    theirs = found.score.filter(scorer="upstream")
    assert theirs.filter(pl.col("value") == 0)["part"].to_list() == ["SAD"] * 66
    parts = set(found.summary["part"])
    assert {"DR", "Irf", "MultiWD", "SAD", "dreaddit", "SAD completion", "DR expert", "mean expert"} <= parts


def test_posts_are_drawn_again_and_not_rows(shared_data: Path) -> None:
    rows = [{**row, "source": "imhi", "licence": "MIT"} for row in source.read(shared_data / "imhi/test_data")]
    multi = pl.DataFrame(rows, schema=CASE).filter(benchmark="imhi/MultiWD")
    assert (multi.height, multi["group_id"].n_unique()) == (2441, 407)
    easy = {group: i % 2 for i, group in enumerate(multi["group_id"].unique().sort())}
    texts = [
        gold if easy[group] else ("No." if gold.startswith("Yes") else "Yes.")
        for group, gold in multi.select("group_id", "reference").iter_rows()
    ]
    by_post = scored(multi, answers(multi, texts), system="m", readers=("rule",), how=FEW)
    alone = multi.with_columns(group_id="case_id")
    by_row = scored(alone, answers(alone, texts), system="m", readers=("rule",), how=FEW)
    widths = [
        row["high"] - row["low"]
        for found in (by_post, by_row)
        for row in found.summary.filter(part="MultiWD", measure="accuracy").iter_rows(named=True)
    ]
    assert widths[0] > 1.8 * widths[1]


@pytest.mark.parametrize("name", LABEL_SETS)
def test_all_ten_sets_can_be_scored(name: str) -> None:
    labels = LABEL_SETS[name]
    gold = "Yes." if labels.subject else labels.names[1]
    asked = cases(name, (1, 1)) if name == "SAD" else cases("DR", (1, 1)).with_columns(
        benchmark=pl.lit(f"imhi/{name}"), reference=pl.lit(gold)
    )  # fmt: skip
    reply = "financial problem" if name == "SAD" else gold
    found = scored(asked, answers(asked, [reply, ""]), system="m", readers=("rule",), how=FEW)
    assert value(found, name, "accuracy") == 50


def stored(shared_data: Path, name: str, folder: str) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """The experts' cases of a set, a stored system's answers, and the labels that a classifier gave them."""
    rows = [
        {**row, "source": "imhi", "licence": "MIT"}
        for row in source.read(shared_data / "imhi/human_evaluation/test_instruction_expert" / f"{name}.csv")
    ]
    asked = pl.DataFrame(rows, schema=CASE)
    with (shared_data / f"imhi/examples/{folder}/{name}.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["goldens"] for row in told] == asked["reference"].to_list()
    said = answers(asked, [row["generated_text"] for row in told])
    return asked, said, [row.get("labels", "") for row in told]


@pytest.mark.parametrize(("name", "accuracy", "f1"), [("DR", 57.14, 56.23), ("dreaddit", 65.71, 68.95)])
def test_stored_outputs_score_as_by_the_publishers_program(
    shared_data: Path, name: str, accuracy: float, f1: float
) -> None:
    asked, said, _ = stored(shared_data, name, "response_generation_examples")
    found = scored(asked, said, system="stored", how=FEW)
    assert round(value(found, name, scorer="upstream") or 0, 2) == f1
    assert round(value(found, name, "accuracy", "upstream") or 0, 2) == accuracy
    assert found.facts["parts"] == {"bare names": {"form": "instruction", "split": "expert", "n": 35}}
    of_set, mean = (found.summary.filter(part=part).select("value", "low", "high") for part in (name, "mean"))
    assert mean.equals(of_set), "the mean of one set is that set"


def test_labels_of_the_publishers_classifier_score_as_theirs(shared_data: Path) -> None:
    asked, said, labels = stored(shared_data, "DR", "label_data_examples")
    by_text = dict(zip(said["text"], (int(label == "yes") for label in labels), strict=True))
    found = scored(
        asked, said, system="stored", how=FEW,
        classifiers={"label:mentalbert": lambda _, replies: [by_text[reply] for reply in replies]},
    )  # fmt: skip
    gold = gold_labels(asked)
    assert value(found, "DR", "weighted_f1", "label:mentalbert") == pytest.approx(
        100 * float(f1_score(gold, [int(label == "yes") for label in labels], average="weighted"))
    )
    assert [round(value(found, "DR", "weighted_f1", scorer) or 0, 2) for scorer in found.facts["scorers"]] == [
        79.34, 56.23, 80.99,
    ]  # fmt: skip
