"""IMHI's prompts: the case as published to the letter; examples by seed, balanced, of no tested post."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.imhi import read_label
from benchmarks.imhi_labels import LABEL_SETS
from benchmarks.imhi_prompts import ZERO_SHOT, asked, draw
from datasets_src import imhi as source
from xinheng.errors import InputError, UsageError
from xinheng.tables import CASE

GOLDS = {
    "DR": ["No, the poster does not suffer from depression.", "Yes, the poster suffers from depression."],
    "SAD": [f"This post shows the stress cause related to {cause}." for cause in
            ("school", "financial problem", "family issues", "social relationships", "work", "health issues",
             "emotion turmoil", "everyday decision making")] + ["This post shows other stress causes."],
}  # fmt: skip


def case(name: str, number: int, *, label: int = 0, split: str = "train", form: str = "instruction", **more: Any):
    gold = GOLDS.get(name, ["No.", "Yes."])[label]
    return {
        "case_id": f"imhi-{name}-{form}-{split}-{number:05}",
        "group_id": f"post-{split}-{number}",
        "benchmark": f"imhi/{name}",
        "form": form,
        "language": "en",
        "messages": [{"role": "user", "content": f"Consider this post: {number} Question: ? ", "tags": []}],
        "reference": gold,
        "labels": None,
        "published_split": split,
        "source": "imhi",
        "licence": "MIT",
        "origin": "x:1",
    } | more


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CASE)


def pool(name: str = "DR", n: int = 40, **more: Any) -> pl.DataFrame:
    labels = len(LABEL_SETS[name].names)
    return table(*(case(name, i, label=i % labels, **more) for i in range(n)))


TESTED = table(case("DR", 900, split="test"), case("DR", 901, split="test", label=1))


@pytest.fixture(scope="module")
def published(shared_data: Path) -> pl.DataFrame:
    rows = [{**row, "source": "imhi", "licence": "MIT"} for row in source.read(shared_data / "imhi")]
    return pl.DataFrame(rows, schema=CASE)


def test_bad_wishes_are_named() -> None:
    with pytest.raises(UsageError, match="want 0 or more"):
        draw(TESTED, pool(), shots=-1)
    with pytest.raises(UsageError, match="unknown set"):
        draw(table(case("DRR", 1, split="test")), pool(), shots=1)
    with pytest.raises(UsageError, match="no such form"):
        list(asked(table(case("DR", 1, form="poem"))))
    with pytest.raises(InputError, match=r"want 41 posts .* have 40"):
        draw(TESTED, pool(), shots=41)
    with pytest.raises(InputError, match="too few examples of DR, instruction form"):
        draw(TESTED, pool(form="completion"), shots=1)
    with pytest.raises(InputError, match="gold answer that cannot be read") as raised:
        draw(TESTED, table(case("DR", 1, reference="Purple tears.")), shots=1)
    assert "Purple" not in str(raised.value), "nobody's words"


def test_rows_without_post_or_gold_give_no_example() -> None:
    rows = table(case("DR", 1, group_id=None), case("DR", 2, reference=None), case("DR", 3))
    assert [one.case_id for one in draw(TESTED, rows, shots=1).examples["DR", "instruction"]] == [
        "imhi-DR-instruction-train-00003"
    ]


def test_without_examples_a_case_is_asked_as_published(published: pl.DataFrame) -> None:
    for (_, messages), row in zip(asked(published), published.iter_rows(named=True), strict=True):
        assert [(m.role, m.content) for m in messages] == [(m["role"], m["content"]) for m in row["messages"]]
    assert ZERO_SHOT.facts["shots"] == 0
    assert draw(TESTED, pool(), shots=0) is ZERO_SHOT


def test_examples_are_turns_in_one_form_and_text_in_the_other() -> None:
    for form in ("instruction", "completion"):
        tested = table(case("DR", 900, split="test", form=form))
        shots = draw(tested, pool(form=form), shots=3)
        ((_, messages),) = asked(tested, shots)
        shown = shots.examples["DR", form]
        assert messages[-1].content.endswith("Consider this post: 900 Question: ? ")
        if form == "instruction":
            assert [m.role for m in messages] == ["user", "assistant"] * 3 + ["user"]
            assert [m.content for m in messages[:-1]] == [t for one in shown for t in (one.question, one.answer)]
        else:
            assert len(messages) == 1
            *before, last = messages[0].content.split("\n\n")
            assert before == [f"{one.question.rstrip()} {one.answer}" for one in shown]
            assert last == "Consider this post: 900 Question: ? "


@settings(max_examples=40)
@given(name=st.sampled_from(["DR", "SAD"]), k=st.integers(1, 18), seed=st.integers(0, 50), turn=st.randoms())
def test_examples_depend_on_the_seed_alone_and_are_balanced(name: str, k: int, seed: int, turn: Any) -> None:
    tested, rows = table(case(name, 900, split="test")), pool(name, 60)
    shots = draw(tested, rows, shots=k, seed=seed)
    order = list(range(rows.height))
    turn.shuffle(order)
    assert draw(tested, rows[order], shots=k, seed=seed) == shots
    shown = shots.examples[name, "instruction"]
    counts = Counter(one.label for one in shown)
    assert len(shown) == k == len({one.case_id for one in shown})
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len(counts) == min(k, len(LABEL_SETS[name].names))
    more = draw(tested, rows, shots=k + 1, seed=seed).examples[name, "instruction"]
    assert set(shown) < set(more), "one more leaves the others in"


def test_another_seed_draws_others_in_another_order_and_the_record_says_so() -> None:
    drawn = [draw(TESTED, pool(), shots=4, seed=seed) for seed in range(20)]
    assert len({one.facts["digest"] for one in drawn}) == 20
    assert len({tuple(shot.label for shot in one.examples["DR", "instruction"]) for one in drawn}) > 2
    assert draw(TESTED, pool(), shots=4, seed=3).facts == drawn[3].facts
    facts = drawn[3].facts
    assert (facts["shots"], facts["seed"], facts["labels"]) == (4, 3, {"DR instruction": {"no": 2, "yes": 2}})
    assert json.loads(json.dumps(facts)) == facts
    changed = pool().with_columns(reference=pl.col("reference") + " Reasoning: none.")
    assert draw(TESTED, changed, shots=4, seed=3).facts["digest"] != facts["digest"]


def test_a_set_of_one_label_alone_gives_its_examples_and_says_so() -> None:
    rows = table(*(case("DR", i, label=1) for i in range(5)))
    assert draw(TESTED, rows, shots=3).facts["labels"] == {"DR instruction": {"yes": 3}}


def test_a_rare_label_runs_out_and_the_others_fill_in() -> None:
    rows = table(*(case("DR", i, label=int(i == 0)) for i in range(9)))
    assert draw(TESTED, rows, shots=5).facts["labels"] == {"DR instruction": {"no": 4, "yes": 1}}


def test_no_post_that_is_asked_about_or_held_is_an_example() -> None:
    rows = table(case("DR", 1, group_id="asked"), case("DR", 2, group_id="held"), case("DR", 3, group_id="free"),
                 case("DR", 4, group_id="free"))  # fmt: skip
    tested = table(case("DR", 900, split="test", group_id="asked"))
    for seed in range(9):
        (one,) = draw(tested, rows, shots=1, seed=seed, held=["held"]).examples["DR", "instruction"]
        assert one.case_id[-1] in "34"
    with pytest.raises(InputError, match="have 1"):
        draw(tested, rows, shots=2, held=["held"])


def test_all_published_sets_and_forms_can_be_asked_with_examples(published: pl.DataFrame) -> None:
    tested = published.filter(pl.col("published_split").is_in(["test", "expert"]))
    rest = published.filter(pl.col("published_split").is_in(["train", "validation"]))
    held = set(tested["group_id"])
    assert not rest.filter(pl.col("group_id").is_in(list(held))).is_empty(), "or nothing was to be avoided"
    for (name, form), cases in tested.group_by("benchmark", "form"):
        if rest.filter(benchmark=name, form=form).is_empty():
            continue  # Irf and MultiWD: no training files here
        shots = draw(cases.head(2), rest, shots=9, seed=1, held=held)
        shown = shots.examples[name.removeprefix("imhi/"), form]
        groups = rest.filter(pl.col("case_id").is_in([one.case_id for one in shown]))["group_id"]
        assert len(set(groups)) == 9
        assert not set(groups) & held
        assert [read_label(name, one.answer) for one in shown] == [one.label for one in shown]
        assert shots == draw(cases, rest, shots=9, seed=1, held=held), "the same before few and before all"
