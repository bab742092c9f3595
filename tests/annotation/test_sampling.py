"""Draws: in proportion, seeded, independent of the order of rows, different dialogues first; what is shown of them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.candidates import Pool, Run, of_answers, of_dialogues, rows_of
from annotation.sampling import draw, shares, stratified
from annotation.showing import conversation
from annotation.templates import template
from xinheng.errors import InputError, UsageError
from xinheng.tables import CASE, DIALOGUE, PREDICTION

SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 60), min_size=1, max_size=8)


@given(SIZES, st.integers(0, 200), st.integers(0, 5))
def test_shares_are_proportional_to_within_one_and_add_up(sizes: dict[str, int], n: int, seed: int) -> None:
    taken, whole = shares(sizes, n, seed=seed), sum(sizes.values())
    assert sum(taken.values()) == min(n, whole)
    for name, size in sizes.items():
        assert taken[name] <= size
        assert abs(taken[name] - min(n, whole) * size / whole) < 1


def cases_of(groups: list[tuple[int, int]]) -> pl.DataFrame:
    rows = [{"case_id": f"c{i}", "group_id": f"g{g}", "stratum": f"s{s}"} for i, (g, s) in enumerate(groups)]
    return pl.DataFrame(rows, schema={"case_id": pl.String, "group_id": pl.String, "stratum": pl.String})


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=40), st.integers(0, 50), st.randoms())
def test_a_draw_depends_on_seed_and_cases_and_not_on_their_order(
    groups: list[tuple[int, int]], n: int, random: Any
) -> None:
    cases = cases_of(groups)
    drawn = draw(cases, n, seed=3)
    assert len(drawn) == len(set(drawn)) == min(n, cases.height)
    mixed = list(range(cases.height))
    random.shuffle(mixed)
    assert draw(cases[mixed], n, seed=3) == drawn


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 40))
def test_no_dialogue_comes_twice_before_every_other_came_once(groups: list[int], n: int) -> None:
    cases = cases_of([(group, 0) for group in groups])
    group_of = dict(cases.select("case_id", "group_id").iter_rows())
    times = Counter(group_of[name] for name in draw(cases, n, seed=0))
    if max(times.values()) > 1:
        assert set(times) == set(group_of.values())


def test_another_seed_draws_others() -> None:
    cases = cases_of([(i, 0) for i in range(200)])
    assert set(draw(cases, 20, seed=0)) != set(draw(cases, 20, seed=1))


def test_strata_are_made_of_columns_and_an_unknown_one_is_named_with_those_there_are() -> None:
    rows = pl.DataFrame({"language": ["en", None], "topics": [["stress", "family"], []]})
    assert stratified(rows, ["language", "topics"])["stratum"].to_list() == ["en · stress", "(none) · (none)"]
    with pytest.raises(UsageError, match=r"no column mood: want some of language, topics"):
        stratified(rows, ["mood"])


# What is shown


def case(name: str, *said: str, language: str = "en") -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text, "tags": []} for i, text in enumerate(said)]
    empty = dict.fromkeys(CASE)
    return {**empty, "case_id": name, "group_id": name, "benchmark": "b", "form": "f", "language": language,
            "messages": messages, "source": "s", "licence": "l", "origin": "o"}  # fmt: skip


def run_of(system: str, answers: dict[str, Any], cases: list[dict[str, Any]]) -> Run:
    rows = []
    for name, answer in answers.items():
        text, problem = answer if isinstance(answer, tuple) else (answer, None)
        empty = dict.fromkeys(PREDICTION)
        rows.append({**empty, "case_id": name, "variant": "", "system": system, "text": text, "problem": problem})
    frame = pl.DataFrame(cases, schema=dict(CASE)).with_columns(stratum=pl.lit("all"))
    return Run(system, frame, pl.DataFrame(rows, schema=dict(PREDICTION)))


def texts(row: dict[str, Any]) -> dict[str, str]:
    return {cell["field"]: cell["text"] for cell in row["shown"]}


CASES = [case("a", "I cannot sleep."), case("b", "My dog died."), case("c", "Exams."), case("d", "Money.")]


def test_what_was_not_answered_is_left_out_and_counted() -> None:
    run = run_of("x", {"a": "Tell me more.", "b": ("", "refused"), "c": " \u200b\n", "d": "<think>hm"}, CASES)
    pool = of_answers([run], template("plan"))
    assert pool.cases["case_id"].to_list() == ["a"]
    assert dict(pool.left_out) == {"answer: refused": 1, "answer: empty": 1, "answer: only thoughts": 1}


def test_thoughts_are_not_shown() -> None:
    pool = of_answers([run_of("x", {"a": "<think>I am model x.</think>Tell me more."}, CASES[:1])], template("plan"))
    row = rows_of(pool, ["a"], template("plan"), language="en", seed=0)[0]
    assert texts(row) == {"conversation": "[1] Client: I cannot sleep.", "reply": "Tell me more."}


def two_systems(n: int) -> Pool:
    cases = [case(f"c{i}", f"text {i}") for i in range(n)]
    runs = [run_of(name, {one["case_id"]: f"answer of {name}" for one in cases}, cases) for name in ("one", "two")]
    return of_answers(runs, template("pairwise"))


@given(st.integers(2, 41), st.integers(0, 3))
def test_sides_of_pairs_are_balanced_and_both_answers_are_there(n: int, seed: int) -> None:
    pool = two_systems(n)
    rows = rows_of(pool, pool.cases["case_id"].to_list(), template("pairwise"), language="en", seed=seed)
    left = Counter(row["left_system"] for row in rows)
    assert abs(left["one"] - left["two"]) <= 1
    for row in rows:
        assert texts(row)["left"] == f"answer of {row['left_system']}"
        assert texts(row)["right"] == f"answer of {row['right_system']}"
        assert {row["left_system"], row["right_system"]} == {"one", "two"}
        assert row["system"] is None


def test_pairs_of_equal_answers_are_left_out_and_counted() -> None:
    runs = [run_of(name, {"a": "Same  words.", "b": name, "c": name, "d": name}, CASES) for name in ("Same", "two")]
    runs[1] = run_of("two", {"a": "Same words. ", "b": "x", "c": "", "d": "y"}, CASES)
    pool = of_answers(runs, template("pairwise"))
    assert pool.cases["case_id"].to_list() == ["b", "d"]
    assert pool.left_out["cases with the same answer of every system"] == 1
    assert pool.left_out["cases not answered by every system"] == 1


def test_systems_that_answered_other_conversations_are_refused_without_a_quotation() -> None:
    runs = [run_of("x", {"a": "1"}, [case("a", "SECRET one")]), run_of("y", {"a": "2"}, [case("a", "SECRET two")])]
    with pytest.raises(InputError, match="did not answer the same") as told:
        of_answers(runs, template("pairwise"))
    assert "SECRET" not in str(told.value)


def test_one_system_is_no_pair_and_a_system_twice_is_refused() -> None:
    run = run_of("x", {"a": "1"}, CASES[:1])
    with pytest.raises(UsageError, match="two or more systems"):
        of_answers([run], template("pairwise"))
    with pytest.raises(UsageError, match="a system twice"):
        of_answers([run, run], template("plan"))


def dialogue(name: str, *turns: tuple[str, str, list[dict[str, str]]]) -> dict[str, Any]:
    said = [{"role": role, "text": text, "tags": tags} for role, text, tags in turns]
    return {"dialogue_id": name, "client_id": None, "language": "zh-Hant", "topics": ["stress"], "turns": said,
            "source": "s", "licence": "l", "origin": "o"}  # fmt: skip


def dialogues(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(DIALOGUE)).with_columns(stratum=pl.lit("all"))


SAD = [{"axis": "emotion", "value": "sad"}]
TALK = dialogue("d", ("client", "我睡不著。", SAD), ("counsellor", "多久了？", []), ("client", "三週。", []))


def test_a_turn_is_shown_in_its_dialogue_and_its_tags_stay_with_it() -> None:
    pool = of_dialogues(dialogues(TALK), template("tag_correction_client"))
    assert pool.cases["case_id"].to_list() == ["d#0", "d#2"]
    row = rows_of(pool, ["d#0"], template("tag_correction_client"), language="zh-Hant", seed=0)[0]
    shown = texts(row)
    assert shown["dialogue"] == "▶ [1] 來談者：我睡不著。\n\n[2] 諮商師：多久了？\n\n[3] 來談者：三週。"
    assert shown["turn"] == "我睡不著。"
    assert shown["tags"] == "意圖：（無）\n情緒：難過"
    assert json.loads(row["hidden"]) == {"tags": SAD}


def test_of_a_dialogue_the_last_turn_of_the_counsellor_can_be_rated() -> None:
    lonely = dialogue("e", ("client", "有人嗎？", []))
    pool = of_dialogues(dialogues(TALK, lonely), template("plan"))
    assert dict(pool.left_out) == {"dialogues without a counsellor's turn behind a client's": 1}
    row = rows_of(pool, ["d"], template("plan"), language="zh-Hant", seed=0)[0]
    assert texts(row) == {"conversation": "[1] 來談者：我睡不著。", "reply": "多久了？"}
    assert row["system"] is None


def test_dialogues_are_no_pairs() -> None:
    with pytest.raises(UsageError, match="predictions of two systems"):
        of_dialogues(dialogues(TALK), template("pairwise"))


def test_a_long_dialogue_is_shown_whole() -> None:
    said = [("user" if i % 2 == 0 else "assistant", f"句子{i}。" * 100) for i in range(200)]
    shown = conversation(said, "zh-Hant")
    assert all(f"[{i + 1}] " in shown and text in shown for i, (_, text) in enumerate(said))


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text("a\n\r\u2028[1]▶ ")), max_size=6))
def test_nobody_can_forge_a_turn_mark(said: list[tuple[str, str]]) -> None:
    lines = conversation(said, "en").split("\n")
    assert sum(line.startswith(("[", "▶")) for line in lines) == sum(role != "system" for role, _ in said)
