"""Two orders, who wins, and what is no verdict; published judgments give their published figures."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pairwise import OUTCOME, PANEL, SAME, VERDICT, outcomes, pairs, ranking
from benchmarks.pairwise_summary import breakdown, scored
from benchmarks.pairwise_verdicts import read_choice
from benchmarks.resampling import Bootstrap
from xinheng.errors import InputError, UsageError

FEW = Bootstrap(resamples=200)
SCHEMA = {
    "case_id": pl.String, "variant": pl.String, "group_id": pl.String, "system": pl.String, "text": pl.String,
    "usable": pl.Boolean, "length": pl.Int64,
}  # fmt: skip


def replies(n: int, systems: str = "ab", *, groups: int | None = None, broken: set[tuple[int, str]] = frozenset(),  # type: ignore[assignment]
            same: set[int] = frozenset()) -> pl.DataFrame:  # type: ignore[assignment]  # fmt: skip
    rows = [
        (f"c{i:03}", "", f"g{i % (groups or n)}", s, "equal" if i in same else f"{s} {i}", (i, s) not in broken,
         10 * (i % 5) + ord(s))
        for i in range(n) for s in systems
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def verdict(i: int, first: str, second: str, choice: str | None, judge: str = "j") -> dict[str, str | None]:
    return {
        "case_id": f"c{i:03}", "variant": "", "first": first, "second": second, "judge": judge, "choice": choice,
        "reason": None if choice else "unreadable", "said": "",
    }  # fmt: skip


def said(*rows: dict[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(VERDICT))


def by_winner(winners: dict[int, str], judge: str = "j", systems: str = "ab") -> list[dict[str, str | None]]:
    """Verdicts of a judge that names the same winner in both orders; "=" for a tie."""
    return [
        verdict(i, x, y, "tie" if w == "=" else "A" if x == w else "B", judge)
        for i, w in winners.items() for x, y in permutations(systems, 2)
    ]  # fmt: skip


def test_what_was_not_asked_is_refused() -> None:
    two = replies(1)
    with pytest.raises(UsageError):
        outcomes(said(), two, ["a"], ["j"])
    with pytest.raises(UsageError):
        outcomes(said(), two, ["a", "b"], [])
    for wrong in (verdict(0, "a", "c", "A"), verdict(0, "a", "b", "C"), verdict(7, "a", "b", "A")):
        with pytest.raises(InputError, match="do not fit"):
            outcomes(said(wrong), two, ["a", "b"], ["j"])
    with pytest.raises(InputError, match="1 more than once"):
        outcomes(said(verdict(0, "a", "b", "A"), verdict(0, "a", "b", "B")), two, ["a", "b"], ["j"])


def test_equal_replies_are_no_result_of_a_judge_that_could_not_be_read() -> None:
    unread = [verdict(i, x, y, None) for i in range(2, 6) for x, y in ("ab", "ba")]
    rows = outcomes(said(*unread), replies(6, same={0, 1}), ["a", "b"], ["j"])
    assert rows["value"].null_count() == 6
    [pair] = pairs(rows, how=FEW)
    assert (pair.win_rate.value, pair.win_rate.missing, pair.p_holm, pair.unanswered_lost.value) == (
        None,
        6,
        None,
        None,
    )
    heard = outcomes(said(*unread[:-2], *by_winner({5: "a"})), replies(6, same={0, 1}), ["a", "b"], ["j"])
    assert heard["value"].to_list() == [0.5, 0.5, None, None, None, 1]
    silent = outcomes(said(), replies(2, same={0}, broken={(1, "b")}), ["a", "b"], ["j"])
    assert silent["value"].to_list() == [0.5, None], "nobody was asked: a reply is lacking, not a verdict"


@pytest.mark.parametrize(
    ("forward", "backward", "value"),
    [("A", "B", 1), ("B", "A", 0), ("A", "A", 0.5), ("B", "B", 0.5), ("tie", "tie", 0.5), ("A", "tie", 0.5),
     ("tie", "A", 0.5), (None, "B", None), ("A", None, None), (None, None, None)],
)  # fmt: skip
def test_the_same_winner_twice_wins_and_anything_else_is_half(
    forward: str | None, backward: str | None, value: float | None
) -> None:
    (row,) = outcomes(
        said(verdict(0, "a", "b", forward), verdict(0, "b", "a", backward)), replies(1), ["a", "b"], ["j"]
    ).iter_rows(named=True)
    assert row["value"] == value
    assert row["reason"] == (None if value is not None else "unreadable")


def test_one_order_alone_is_missing() -> None:
    rows = outcomes(said(verdict(0, "a", "b", "A")), replies(1), ["a", "b"], ["j"])
    assert rows["value"].to_list() == [None]
    assert rows["reason"].to_list() == ["judged in one order only"]


def test_a_judge_that_always_says_the_first_wins_nobody_anything() -> None:
    rows = outcomes(
        said(*(verdict(i, x, y, "A") for i in range(40) for x, y in ("ab", "ba"))), replies(40), ["a", "b"], ["j"]
    )
    (pair,) = pairs(rows, how=FEW)
    assert pair.win_rate.value == 0.5
    assert pair.first_slot.value == 1
    assert pair.first_slot.low > 0.5
    assert pair.consistency.value == 0
    assert (pair.sign.p, pair.p_holm, pair.verdict) == (1.0, 1.0, "undecided")


def test_all_ties_are_undecided_and_no_verdict_at_all_is_undefined() -> None:
    (tied,) = pairs(outcomes(said(*by_winner(dict.fromkeys(range(30), "="))), replies(30), ["a", "b"], ["j"]), how=FEW)
    assert (tied.win_rate.value, tied.ties.value, tied.tie_verdicts.value, tied.verdict) == (0.5, 1, 1, "undecided")
    assert tied.first_slot.value is None
    (none,) = pairs(outcomes(said(), replies(30), ["a", "b"], ["j"]), how=FEW)
    assert none.win_rate.value is None
    assert none.win_rate.missing == 30
    assert none.p is None
    assert none.verdict == "undecided"


def test_one_dialogue_only_has_no_interval_and_no_verdict() -> None:
    winners = {i: "a" if i % 4 else "b" for i in range(40)}
    rows = outcomes(said(*by_winner(winners)), replies(40, groups=1), ["a", "b"], ["j"])
    (pair,) = pairs(rows, how=FEW)
    assert pair.win_rate.value == 0.75
    assert pair.win_rate.low is None
    assert pair.sign.p < 0.01
    # One dialogue is one witness, however many of its cases were won.
    assert pair.p == 1.0
    assert pair.verdict == "undecided"


def test_replies_that_are_lacking_or_the_same_are_never_judged() -> None:
    wanted = replies(10, broken={(0, "a"), (1, "b"), (2, "a"), (2, "b")}, same={3})
    rows = outcomes(said(*by_winner(dict.fromkeys(range(4, 10), "a"))), wanted, ["a", "b"], ["j"])
    assert rows["reason"].to_list()[:4] == [
        "no usable reply of a", "no usable reply of b", "no usable reply of both", SAME,
    ]  # fmt: skip
    assert rows["value"].to_list() == [None, None, None, 0.5, 1, 1, 1, 1, 1, 1]
    assert rows["unanswered_lost"].to_list()[:4] == [0, 1, 0.5, 0.5]
    (pair,) = pairs(rows, how=FEW)
    assert (pair.win_rate.n, pair.win_rate.missing) == (7, 3)
    assert pair.consistency.n == 6


def test_equal_replies_say_nothing_of_what_length_is_worth() -> None:
    winners = {i: "a" if i % 3 else "b" for i in range(45)}
    shown = replies(60, same=set(range(45, 60))).with_columns(
        length=pl.when(pl.col("text") == "equal").then(50).otherwise(
            pl.col("length") + pl.when(pl.col("system") == "a").then(pl.int_range(pl.len()) % 17).otherwise(0))
    )  # fmt: skip
    (pair,) = pairs(outcomes(said(*by_winner(winners)), shown, ["a", "b"], ["j"]), how=FEW)
    without = pairs(outcomes(said(*by_winner(winners)), shown.head(90), ["a", "b"], ["j"]), how=FEW)[0]
    assert pair.controlled.value == pytest.approx(without.controlled.value)
    assert pair.win_rate.value == pytest.approx((30 + 7.5) / 60)


def test_a_clear_winner_is_named_whichever_side_it_stands_on() -> None:
    winners = {i: "a" if i % 10 else "b" for i in range(60)}
    for systems, expected in ((["a", "b"], "one"), (["b", "a"], "other")):
        (pair,) = pairs(outcomes(said(*by_winner(winners)), replies(60), systems, ["j"]), how=FEW)
        assert pair.verdict == expected
        assert pair.win_rate.value == pytest.approx(0.9 if expected == "one" else 0.1)
        assert pair.consistency.value == 1
        assert pair.first_slot.value == 0.5


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from(["A", "B", "tie", None])] * 2), min_size=1, max_size=12))
def test_exchanging_the_systems_turns_every_value(choices: list[tuple[str | None, str | None]]) -> None:
    told = said(
        *(verdict(i, x, y, c) for i, both in enumerate(choices) for (x, y), c in zip(("ab", "ba"), both, strict=True))
    )
    shown = replies(len(choices))
    one, other = (outcomes(told, shown, systems, ["j"]) for systems in (["a", "b"], ["b", "a"]))
    turned = [None if v is None else 1 - v for v in other["value"]]
    assert one["value"].to_list() == turned
    assert one["value"].null_count() == sum(None in both for both in choices)


def test_a_panel_is_won_by_more_than_half_of_those_that_could_be_read() -> None:
    judges = ["x", "y", "z"]
    votes = ["aab", "aa=", "a=b", "ab?", "a??", "???", "aa?"]
    told = []
    for i, several in enumerate(votes):
        for judge, vote in zip(judges, several, strict=True):
            told += by_winner({i: vote}, judge) if vote != "?" else [verdict(i, *"ab", None, judge)]
    rows = outcomes(said(*told), replies(len(votes)), ["a", "b"], judges).filter(pl.col("judge") == PANEL)
    assert rows.schema == pl.Schema(OUTCOME)
    assert rows["value"].to_list() == [1, 1, 0.5, 0.5, 1, None, 1]


def test_three_systems_are_ranked_unless_one_wins_all() -> None:
    names = ["a", "b", "c"]
    order = {"ab": "a", "ac": "a", "bc": "b"}
    told = [
        verdict(i, x, y, "A" if (order["".join(sorted((x, y)))] == x) != (i % 7 == 0) else "B")
        for i in range(42) for x, y in permutations(names, 2)
    ]  # fmt: skip
    shown = replies(42, "abc")
    rows = outcomes(said(*told), shown, names, ["j"])
    found = ranking(rows, how=FEW)
    assert found.systems == ("a", "b", "c")
    assert {p.p_holm for p in pairs(rows, how=FEW)} != {None}
    cases = pl.DataFrame({"case_id": [f"c{i:03}" for i in range(42)], "language": ["en", "zh-Hant"] * 21})
    made, three = scored(rows, cases, how=FEW)
    assert len(three) == 3
    strengths = made.summary.filter(pl.col("measure") == "strength")
    assert strengths["system"].to_list() == names
    assert strengths["value"].is_sorted(descending=True)
    keys = ["benchmark", "part", "measure", "scorer", "system"]
    assert not made.summary.select(keys).is_duplicated().any()
    assert {p.part for p in breakdown(rows, cases, how=FEW)} == {"en", "zh-Hant"}
    always = outcomes(
        said(*(verdict(i, x, y, "A" if x < y else "B") for i in range(5) for x, y in permutations(names, 2))),
        replies(5, "abc"), names, ["j"],
    )  # fmt: skip
    assert "won every comparison" in ranking(always, how=FEW).reason


@pytest.mark.parametrize("judge", ["CoT", "Rating", "Vanilla"])
def test_llmbar_judgments_give_their_published_statistics(shared_data: Path, judge: str) -> None:
    """Winners stand in the unswapped numbering: `swap = True` showed the second reply first."""
    folder = shared_data / "judge/LLMBar/Natural/evaluators/ChatGPT" / judge
    published = json.loads((folder / "statistics.json").read_text("utf-8"))
    rows = json.loads((folder / "result.json").read_text("utf-8"))
    told = []
    for i, row in enumerate(rows):
        plain, swapped = (row["results"][-1][f"swap = {s}"]["winner"] for s in (False, True))
        told.append(verdict(i, "1", "2", {"1": "A", "2": "B", None: None}[plain]))
        told.append(verdict(i, "2", "1", {"2": "A", "1": "B", None: None}[swapped]))
    found = outcomes(said(*told), replies(100, "12"), ["1", "2"], ["j"])
    right = [float(row["label"] == 1 or row["label"] == "1") for row in rows]
    for order, column in ((False, "forward"), (True, "backward")):
        agreed = sum(v is not None and v == r for v, r in zip(found[column], right, strict=True))
        assert published[f"correct_{order}"].startswith(f"{agreed} / 100")
    both = sum(v == r for v, r in zip(found["value"], right, strict=True))
    assert published["correct_both"].startswith(f"{both} / 100")
    # It calls two unread (or tied) orders equal; they are missing here, and counted.
    (pair,) = pairs(found, how=FEW)
    lost = found.filter(pl.col("value").is_null())
    unread_twice = lost.filter(pl.col("forward").is_null() & pl.col("backward").is_null()).height
    equal = round(pair.consistency.value * pair.consistency.n) + unread_twice
    assert published["equal"].startswith(f"{equal} / 100")


def test_fastchat_judges_end_as_our_reader_reads(shared_data: Path) -> None:
    """The stored files hold prompts, questions and references, no judgments: what can be checked is the form."""
    lines = (shared_data / "judge/FastChat/judge_prompts.jsonl").read_text("utf-8").splitlines()
    told = [prompt for prompt in map(json.loads, lines) if prompt["type"] == "pairwise"]
    assert told
    for prompt in told:
        for mark, choice in (("[[A]]", "A"), ("[[B]]", "B"), ("[[C]]", "tie")):
            assert mark in prompt["system_prompt"]
            assert read_choice(f"Both follow the instructions. {mark}") == (choice, "")
        # The prompt itself names all three: a judge that repeats it has said nothing.
        assert read_choice(prompt["system_prompt"]) == (None, "unreadable")
