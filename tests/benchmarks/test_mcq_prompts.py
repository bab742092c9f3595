"""Prompts of multiple-choice questions: what they say, and that no example gives an answer away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mcq_prompts import WORDINGS, Form, Prompt, Shots, facts, prompts, shot_pool
from datasets_src import choices, cpsyexam
from datasets_src.reading import Rejected
from xinheng.errors import InputError, UsageError
from xinheng.tables import CHOICE, LANGUAGES

FORMS: tuple[Form, ...] = ("generated", "letters", "texts")


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    whole = {
        "subject": None, "language": "en", "options": ["anger", "fear", "joy", "shame"], "answers": ["B"],
        "explanation": None, "published_split": "test", "source": "x", "licence": "MIT", "origin": "x:1",
    }  # fmt: skip
    return pl.DataFrame([{**whole, **row} for row in rows], schema=CHOICE)


def question(number: int, **more: Any) -> dict[str, Any]:
    return {
        "question_id": f"q{number}",
        "question": f"What does participant {number} of study {number**3} feel?",
        **more,
    }


def example(number: int, **more: Any) -> dict[str, Any]:
    words = ("river", "window", "tailor", "copper", "meadow", "lantern", "saddle", "violin", "orchard", "kettle")
    text = " ".join(words[(number * 3 + i * (number % 7 + 1)) % 10] for i in range(6))
    return {"question_id": f"e{number}", "question": f"{text} {number}", "published_split": "dev", **more}


def one(cases: pl.DataFrame, shots: Shots, form: Form = "generated", **how: Any) -> Prompt:
    ((_, prompt),) = prompts(cases, shots, form, **how)
    return prompt


NONE = Shots(table(), 0, 0)


def test_bad_input_is_named() -> None:
    with pytest.raises(UsageError, match="no prompts in this language"):
        one(table(question(1, language="fr")), NONE)
    for options in ([], ["x"] * 27):
        with pytest.raises(InputError, match="no such number of options"):
            one(table(question(1, options=options)), NONE)
    with pytest.raises(UsageError, match="nothing to take examples from"):
        shot_pool(table(question(1)), n=5)
    with pytest.raises(UsageError, match="no such number"):
        shot_pool(table(question(1)), n=-1)
    few = shot_pool(table(*(example(i) for i in range(3))), n=5)
    with pytest.raises(InputError, match="too few examples"):
        one(table(question(1)), few)


def test_the_form_decides_what_is_asked_and_all_end_in_the_cue() -> None:
    case = table(question(1))
    asked = {form: one(case, NONE, form) for form in FORMS}
    assert all(prompt.body.endswith("\nAnswer:") for prompt in asked.values())
    assert "Reply with the letter" in asked["generated"].head
    assert "Reply" not in asked["letters"].head
    assert "B. fear" in asked["letters"].body
    assert "fear" not in asked["texts"].body
    assert len({facts(form)["digest"] for form in FORMS}) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_answers_are_asked_for_in_every_language(language: str) -> None:
    single = one(table(question(1, language=language)), NONE)
    several = one(table(question(1, language=language, answers=["A", "C"])), NONE)
    assert single.head != several.head
    assert WORDINGS[language].cue in several.body
    assert "{" not in single.head + several.head


@pytest.mark.parametrize(
    "options", [["yes", "no"], list("vwxyz"), [f"choice {i}" for i in range(10)], ["same", "same", ""]]
)
def test_as_many_options_as_there_are_stand_there(options: list[str]) -> None:
    lines = one(table(question(1, options=options, answers=["A"])), NONE).body.split("\n")
    assert lines[1:-1] == [f"{'ABCDEFGHIJ'[i]}. {text}" for i, text in enumerate(options)]


def test_options_turn_and_examples_do_not() -> None:
    shots = shot_pool(table(*(example(i) for i in range(6))), n=2)
    case = table(question(1))
    straight, turned = one(case, shots), one(case, shots, orders={"q1": [1, 2, 3, 0]})
    assert straight.head == turned.head
    assert "A. fear\nB. joy\nC. shame\nD. anger" in turned.body


def test_examples_are_of_the_kind_language_and_if_possible_subject_of_the_question() -> None:
    pool = table(
        *(example(i, subject="ethics") for i in range(3)),
        *(example(i, subject="memory") for i in range(3, 9)),
        *(example(i, subject="ethics", answers=["A", "B"]) for i in range(10, 14)),
        *(example(i, subject="ethics", language="zh-Hant") for i in range(14, 20)),
    )
    head = one(table(question(1, subject="ethics")), shot_pool(pool, n=5)).head
    texts = {row["question_id"]: row["question"] for row in pool.to_dicts()}
    shown = [name for name, text in texts.items() if f"Question: {text}\n" in head]
    assert len(shown) == 5
    assert {"e0", "e1", "e2"} < set(shown) <= {f"e{i}" for i in range(9)}
    assert head.count("Answer: B\n\n") == 5
    several = one(table(question(1, subject="ethics", answers=["A", "C"])), shot_pool(pool, n=4)).head
    assert several.count("Answer: AB\n\n") == 4


@given(st.integers(0, 5), st.integers(1, 5))
def test_neither_the_question_nor_a_near_copy_of_it_is_an_example(seed: int, n: int) -> None:
    pool = table(*(example(i) for i in range(12)))
    shots = shot_pool(pool, n=n, seed=seed)
    for name, text in pool.select("question_id", "question").iter_rows():
        copy = text.upper().replace(" ", "  ") + "!"
        for case in (table(example(int(name[1:]))), table(question(1) | {"question": copy})):
            prompt = one(case, shots, "letters")
            assert text not in prompt.head
            assert prompt.head.count("Answer:") == n


def test_a_draw_depends_on_the_seed_and_not_on_what_else_is_asked() -> None:
    pool = table(*(example(i) for i in range(20)))
    cases = table(*(question(i) for i in range(8)))
    alone = {
        name: prompt for row in cases.iter_slices(1) for name, prompt in prompts(row, shot_pool(pool, n=3), "letters")
    }
    shuffled = shot_pool(pool.sample(fraction=1, shuffle=True, seed=1), n=3)
    assert dict(prompts(cases.reverse(), shuffled, "letters")) == alone
    assert len({prompt.head for prompt in alone.values()}) == 1
    assert one(cases.head(1), shot_pool(pool, n=3, seed=1), "letters").head != alone["q0"].head


def test_real_questions_share_the_head_of_their_subject(shared_data: Path) -> None:
    rows = [row for row in choices.read_mmlu(shared_data / "mcq/MMLU") if not isinstance(row, Rejected)]
    rows = [{**row, "source": "mmlu", "licence": "MIT"} for row in rows]
    whole = pl.DataFrame(rows, schema=CHOICE)
    asked = dict(prompts(whole.filter(published_split="test"), shot_pool(whole, n=5), "letters"))
    assert len(asked) == 545
    assert len({prompt.head for prompt in asked.values()}) == 1
    # The publisher's only other split: each question is left out of its own examples.
    dev = whole.filter(published_split="dev")
    assert len({prompt.head for _, prompt in prompts(dev, shot_pool(dev, n=4), "letters")}) == 5


def test_every_real_question_of_the_chinese_exam_has_a_prompt(shared_data: Path) -> None:
    rows = [row for row in cpsyexam.read(shared_data / "mcq/CPsyExam") if not isinstance(row, Rejected)]
    whole = pl.DataFrame([{**row, "source": "x", "licence": "CC0-1.0"} for row in rows], schema=CHOICE)
    shots = shot_pool(whole, n=5)
    for name, prompt in prompts(whole, shots, "generated"):
        own = whole.row(by_predicate=pl.col("question_id") == name, named=True) if name.endswith("00") else None
        assert prompt.body.endswith("答案：")
        assert own is None or own["question"].strip() not in prompt.head
