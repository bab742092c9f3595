"""A pairwise comparison as scores and summary, by pair, by judge, and by the kinds of case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from benchmarks.estimates import Estimate, undefined
from benchmarks.intervals import mean
from benchmarks.pairwise import PANEL, Pair, pairs, ranking
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from benchmarks.scored import Scored, summary_row, summary_table
from benchmarks.significance import SignTest
from xinheng.tables import SCORE

BENCHMARK: Final = "pairwise"


@dataclass(frozen=True)
class Part:
    """The win rate on some of the cases.

    Args:
        kind: `language`, `set`, `form` or `topic`.
        part: Which.
        one: System whose wins count as 1.
        other: The other.
        judge: Who judged.
        win_rate: Over these cases.
    """

    kind: str
    part: str
    one: str
    other: str
    judge: str
    win_rate: Estimate


def breakdown(rows: pl.DataFrame, cases: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> list[Part]:
    """The win rate of every pair by language, set, form and topic of the cases, where there are several.

    These are looks, not tests: their intervals are not corrected for how many there are.

    Args:
        rows: From `pairwise.outcomes`.
        cases: CASE rows; `topics` is used where they have it.
        how: Resamples, seed, confidence.
    """
    found: list[Part] = []
    for kind, column in (("language", "language"), ("set", "benchmark"), ("form", "form"), ("topic", "topics")):
        if column not in cases.columns:
            continue
        parts = cases.select("case_id", part=pl.col(column))
        if column == "topics":
            parts = parts.explode("part", empty_as_null=True, keep_nulls=True).drop_nulls().unique()
        if parts["part"].n_unique() < 2:
            continue
        named = rows.join(parts, on="case_id", how="inner").sort("judge", "one", "other", "part", "case_id", "variant")
        for (judge, one, other, part), some in named.group_by("judge", "one", "other", "part", maintain_order=True):
            rate = mean(some["value"].to_numpy(), clusters=some["group_id"].to_list(), bounds=(0, 1), how=how)
            found.append(Part(kind, str(part), str(one), str(other), str(judge), rate))
    return found


def scored(rows: pl.DataFrame, cases: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> tuple[Scored, list[Pair]]:
    """Scores and summary of a comparison, and the figures of all its pairs.

    SCORE rows tell of the first-named system of a pair; their part is `against OTHER`. A case with a value may have
    the reason `same reply`. The summary has the win rate of either side, and of three or more systems their strengths.

    Args:
        rows: From `outcomes`.
        cases: CASE rows.
        how: Resamples, seed, confidence.
    """
    found = pairs(rows, how=how)
    score = rows.select(
        "case_id", "group_id", benchmark=pl.lit(BENCHMARK), part=pl.format("against {}", pl.col("other")),
        system="one", scorer="judge", value="value", reason="reason",
    ).cast(dict(SCORE))  # type: ignore[arg-type]  # fmt: skip
    told: list[dict[str, Any]] = []
    for pair in found:
        told += _summary(pair)
    systems = list(dict.fromkeys([*rows["one"], *rows["other"]]))
    if len(systems) > 2:
        for (judge,), some in rows.group_by("judge", maintain_order=True):
            ranked = ranking(some, how=how)
            named = dict(zip(ranked.systems, ranked.strengths, strict=False))
            told += [
                _row(named.get(name, undefined(ranked.reason)), "all", "strength", str(judge), name) for name in systems
            ]
    told += [
        _row(some.win_rate, f"against {some.other} · {some.kind} {some.part}", "win_rate", some.judge, some.one)
        for some in breakdown(headline(rows), cases, how=how)
    ]
    return Scored(score, summary_table(told), {"outcome": rows}), found


def headline(rows: pl.DataFrame) -> pl.DataFrame:
    """The outcomes that the page is about: the panel's where there is one, else the only judge's."""
    return rows.filter(pl.col("judge") == (PANEL if PANEL in rows["judge"] else rows["judge"].first()))


def _summary(pair: Pair) -> list[dict[str, Any]]:
    part, judge, one = f"against {pair.other}", pair.judge, pair.one
    measures: list[tuple[str, Estimate | None]] = [
        ("win_rate", pair.win_rate),
        ("win_rate_unanswered_lost", pair.unanswered_lost),
        ("win_rate_length_controlled", pair.controlled),
        ("length_sensitivity", _plain(pair.sensitivity, pair.controlled)),
        ("length_difference", pair.length_difference),
        ("consistency", pair.consistency),
        ("first_slot_rate", pair.first_slot),
        ("tie_rate", pair.ties),
        ("tie_verdict_rate", pair.tie_verdicts),
        ("sign_test_p", _tested(pair.sign)),
        ("sign_test_p_dialogues", _tested(pair.sign_of_dialogues) if pair.sign_of_dialogues else None),
        ("detectable_difference", pair.detectable),
    ]
    told = [_row(estimate, part, name, judge, one) for name, estimate in measures if estimate is not None]
    rate = pair.win_rate
    turned = replace(
        rate,
        value=None if rate.value is None else 1 - rate.value,
        low=None if rate.high is None else 1 - rate.high,
        high=None if rate.low is None else 1 - rate.low,
    )
    return [*told, _row(turned, f"against {one}", "win_rate", judge, pair.other)]


def _plain(value: float | None, beside: Estimate) -> Estimate:
    return undefined(beside.reason, n=beside.n) if value is None else Estimate(value, n=beside.n)


def _tested(sign: SignTest) -> Estimate:
    n = sign.first + sign.second
    if sign.p is None:
        return undefined(sign.reason, missing=sign.missing)
    return Estimate(sign.p, n=n, missing=sign.missing, method=f"exact sign test, {sign.first} to {sign.second}")


def _row(estimate: Estimate, part: str, measure: str, judge: str, system: str) -> dict[str, Any]:
    return summary_row(estimate, benchmark=BENCHMARK, part=part, measure=measure, scorer=judge, system=system)
