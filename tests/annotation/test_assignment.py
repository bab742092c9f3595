"""Assignment: every item by as many raters, balanced, blind, seeded, and the same whatever the order of the input."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation import planting
from annotation.assignment import blocks, meetings, order, sides, to_repeat
from annotation.planting import Planned, planned
from annotation.sampling import lot
from xinheng.errors import UsageError

RATERS = st.integers(1, 9).map(lambda n: [f"r{i}" for i in range(n)])
designs = st.tuples(st.integers(0, 60), RATERS, st.integers(1, 9), st.integers(0, 9)).filter(
    lambda d: d[2] <= len(d[1])
)


@given(designs)
def test_every_unit_has_as_many_raters_and_nobody_more_than_one_unit_more(
    design: tuple[int, list[str], int, int],
) -> None:
    units, raters, per_unit, seed = design
    given_to = blocks(units, raters, per_unit, seed=seed)
    assert all(len(set(block)) == per_unit for block in given_to)
    loads = Counter(rater for block in given_to for rater in block)
    assert max((loads[r] for r in raters), default=0) - min((loads[r] for r in raters), default=0) <= 1


@pytest.mark.parametrize("many", range(4, 13))
@pytest.mark.parametrize("seed", range(3))
def test_in_a_larger_team_every_two_raters_meet_about_equally_often(many: int, seed: int) -> None:
    raters = [f"r{i}" for i in range(many)]
    units = many * (many - 1)  # three times as many meetings as would do at best
    counts = meetings(blocks(units, raters, 3, seed=seed), raters).values()
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 4


@pytest.mark.parametrize("many", [4, 5, 6, 8, 10])
def test_fifty_dialogues_bring_every_two_of_up_to_ten_raters_together(many: int) -> None:
    raters = [f"r{i}" for i in range(many)]
    for seed in range(5):
        assert min(meetings(blocks(50, raters, 3, seed=seed), raters).values()) >= 1


def test_a_team_too_large_to_try_every_set_is_balanced_all_the_same() -> None:
    raters = [f"r{i:02}" for i in range(40)]
    given_to = blocks(400, raters, 5, seed=0)
    assert set(Counter(rater for block in given_to for rater in block).values()) == {50}
    assert min(meetings(given_to, raters).values()) >= 1


@pytest.mark.parametrize("per_unit", [0, 4])
def test_more_raters_per_item_than_there_are_is_refused(per_unit: int) -> None:
    with pytest.raises(UsageError, match="want 1 to 3"):
        blocks(5, ["a", "b", "c"], per_unit, seed=0)


@given(designs)
def test_the_order_in_which_raters_are_named_changes_nothing(design: tuple[int, list[str], int, int]) -> None:
    units, raters, per_unit, seed = design
    assert blocks(units, raters, per_unit, seed=seed) == blocks(units, raters[::-1], per_unit, seed=seed)


@given(st.lists(st.sampled_from([("a", "b"), ("a", "c"), ("b", "c")]), max_size=50), st.integers(0, 9))
def test_of_every_two_systems_each_stands_left_half_the_time(pairs: list[tuple[str, str]], seed: int) -> None:
    swapped = sides(pairs, seed=seed)
    for pair in set(pairs):
        own = [s for one, s in zip(pairs, swapped, strict=True) if one == pair]
        assert abs(2 * sum(own) - len(own)) <= 1


# Orders

LISTS = st.tuples(st.integers(0, 30), st.integers(1, 3), st.integers(0, 12), st.integers(0, 6), st.integers(0, 5))


def listed(cases: int, answers: int, repeats: int, gold: int, seed: int) -> tuple[list[str], dict[str, str]]:
    plain = {f"i{c}_{a}": f"c{c}" for c in range(cases) for a in range(answers)}
    names = sorted(plain, key=lambda name: lot(seed, "x", name))
    again = {f"again {name}": name for name in names[: min(repeats, len(names))]}
    return order(plain, again, [f"g{i}" for i in range(gold)], rater="wang", seed=seed), again


@given(LISTS)
def test_a_rater_gets_every_item_once_and_repeats_a_third_of_the_list_later(made: tuple[int, ...]) -> None:
    cases, answers, repeats, gold, seed = made
    names, again = listed(cases, answers, repeats, gold, seed)
    assert len(names) == len(set(names)) == cases * answers + len(again) + gold
    place = {name: i for i, name in enumerate(names)}
    for repeat, original in again.items():
        assert place[repeat] - place[original] >= (cases * answers + len(again)) // 3


@given(st.integers(3, 30), st.integers(2, 3), st.integers(0, 20))
def test_two_answers_to_one_dialogue_are_no_neighbours(cases: int, answers: int, seed: int) -> None:
    names, _ = listed(cases, answers, 0, 0, seed)
    about = [name.split("_")[0] for name in names]
    assert all(one != other for one, other in pairwise(about))


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 9))
def test_gold_is_spread_over_the_list(cases: int, gold: int, seed: int) -> None:
    names, _ = listed(cases, 1, 0, gold, seed)
    places = sorted(i for i, name in enumerate(names) if name.startswith("g"))
    stretch = len(names) / gold
    assert all(number * stretch - gold <= place <= (number + 1) * stretch for number, place in enumerate(places))


def test_raters_have_different_orders_and_the_first_system_is_not_always_the_same() -> None:
    plain = {f"c{c} {system}": f"c{c}" for c in range(40) for system in ("a", "b")}
    orders = {rater: order(plain, {}, [], rater=rater, seed=0) for rater in ("wang", "li")}
    assert orders["wang"] != orders["li"]
    first = Counter(("a" if names.index(f"c{c} a") < names.index(f"c{c} b") else "b")
                    for names in orders.values() for c in range(40))  # fmt: skip
    assert min(first.values()) >= 20


@given(st.integers(0, 40), st.integers(3, 6), st.integers(0, 20), st.integers(0, 3))
def test_repeats_are_shared_out_evenly(items: int, many: int, n: int, seed: int) -> None:
    raters = [f"r{i}" for i in range(many)]
    given_to = {f"i{i}": block for i, block in enumerate(blocks(items, raters, 3, seed=seed))}
    chosen = to_repeat(given_to, n, seed=seed)
    assert len(chosen) == len(set(chosen)) == min(n, items)
    loads = Counter(rater for name in chosen for rater in given_to[name])
    if n <= items // 2:
        assert max(loads.values(), default=0) - min((loads[r] for r in raters), default=0) <= 2


# Whole tasks


def row(case: str, system: str | None, text: str = "fine") -> dict[str, Any]:
    return {"case_id": case, "group_id": case, "system": system, "left_system": None, "right_system": None,
            "stratum": "s", "language": "en", "shown": [{"field": "reply", "text": text}], "hidden": None}  # fmt: skip


def task_of(
    rows: list[dict[str, Any]], raters: list[str], *, gold: int = 0, repeats: int = 0, seed: int = 0
) -> Planned:
    golden = [(row(f"gold {i}", None), {"empathy": 3}) for i in range(gold)]
    return planned(rows, golden, task="t", raters=raters, per_item=min(3, len(raters)), repeats=repeats, seed=seed)


ROWS = [row(f"c{i}", system) for i in range(24) for system in ("ollama:phi4", "openai:gpt-4o")]


@settings(deadline=None)
@given(st.randoms(), st.integers(1, 6), st.integers(0, 3), st.integers(0, 8))
def test_a_task_is_the_same_whatever_the_order_of_rows_and_raters(random: Any, many: int, gold: int, n: int) -> None:
    raters = [f"r{i}" for i in range(many)]
    mixed, others = ROWS.copy(), raters.copy()
    random.shuffle(mixed)
    random.shuffle(others)
    one, other = task_of(ROWS, raters, gold=gold, repeats=n), task_of(mixed, others, gold=gold, repeats=n)
    assert one.items.equals(other.items)
    assert one.assignment.equals(other.assignment)
    assert one.gold.equals(other.gold)


def test_every_plain_item_has_three_raters_gold_has_all_and_a_repeat_those_of_its_original() -> None:
    made = task_of(ROWS, ["a", "b", "c", "d", "e"], gold=2, repeats=5)
    of = made.assignment.group_by("item_id").agg("rater_id")
    raters = {name: set(who) for name, who in of.iter_rows()}
    for item in made.items.iter_rows(named=True):
        who = raters[item["item_id"]]
        assert len(who) == (5 if item["role"] == "gold" else 3)
        if item["role"] == "repeat":
            assert who == raters[item["repeats"]]
    assert Counter(made.items["role"]) == {"plain": 48, "repeat": 5, "gold": 2}


def test_both_answers_to_a_dialogue_go_to_the_same_raters() -> None:
    made = task_of(ROWS, ["a", "b", "c", "d", "e"])
    joined = made.assignment.join(made.items.select("item_id", "case_id", "system"), on="item_id")
    for _, case in joined.group_by("case_id"):
        assert len({tuple(sorted(one["rater_id"])) for _, one in case.group_by("system")}) == 1


def test_positions_run_from_zero_without_gaps() -> None:
    made = task_of(ROWS, ["a", "b", "c", "d"], gold=3, repeats=4)
    for _, own in made.assignment.group_by("rater_id"):
        assert own["position"].to_list() == list(range(own.height))


def test_an_items_name_tells_neither_case_nor_system_nor_role() -> None:
    made = task_of(ROWS, ["a", "b", "c"], gold=3, repeats=4)
    assert made.items["item_id"].str.contains("^[bcdfghjkmnpqrstvwxyz]{8}$").all()
    assert made.items["item_id"].n_unique() == made.items.height
    # Sorted by name, items of one system, or planted ones, do not stand together.
    ordered = made.items.sort("item_id")
    for column in ("system", "role"):
        runs = sum(a != b for a, b in pairwise(ordered[column]))
        assert runs >= 6


def test_names_are_given_out_in_a_shuffle_of_all_roles() -> None:
    keys = [("plain", f"c{i}") for i in range(50)] + [("gold", str(i)) for i in range(50)]
    by_place = {planting._name(f"0\x1ft\x1f{place}\x1f0"): place for place in range(100)}
    roles = sorted((by_place[name], role) for (role, _), name in planting._names(keys, "t", 0).items())
    assert 10 < sum(role == "gold" for place, role in roles if place < 50) < 40


def test_items_have_other_names_in_another_task_or_with_another_seed() -> None:
    one = set(task_of(ROWS, ["a", "b", "c"]).items["item_id"])
    assert not one & set(task_of(ROWS, ["a", "b", "c"], seed=1).items["item_id"])
    other = planned(ROWS, [], task="u", raters=["a", "b", "c"], per_item=3, repeats=0, seed=0)
    assert not one & set(other.items["item_id"])


@pytest.mark.parametrize(
    ("text", "told"),
    [("I am Phi4, made to help.", True), ("As an OpenAI model", True), ("GPT said so", True), ("ollama", True),
     ("philosophy and egpt", False), ("A local adapter", False), ("我是phi4。", True), ("gptx", False)],
)  # fmt: skip
def test_an_answer_that_names_its_system_is_told(text: str, told: bool) -> None:
    made = task_of([*ROWS, row("z", "ollama:phi4", text)], ["a", "b", "c"])
    names = made.items.filter(case_id="z")["item_id"].to_list()
    assert list(made.named) == (names if told else [])


def test_pairs_of_raters_are_counted_over_plain_items() -> None:
    made = task_of(ROWS, ["a", "b", "c"], gold=2, repeats=3)
    assert made.pairs == dict.fromkeys(combinations("abc", 2), 48)
