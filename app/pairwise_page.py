"""The page's facts of a pairwise comparison: figures, what the judge is worth, what is missing, examples, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from app.pairwise import Field
from app.pairwise_words import Said, sentences, warnings
from benchmarks.estimates import Estimate
from benchmarks.pairwise import Pair, ranking
from benchmarks.pairwise_summary import breakdown, headline
from curation.preferences import messages_of
from reports.comparison import comparison_page

_EXAMPLES_EACH: Final = 4


def pairwise_page(
    field: Field,
    verdicts: pl.DataFrame,
    outcomes: pl.DataFrame,
    pairs: Sequence[Pair],
    facts: Mapping[str, Any],
    *,
    with_text: bool = False,
) -> str:
    """The page of a pairwise comparison; see `comparison_facts`."""
    return comparison_page(comparison_facts(field, verdicts, outcomes, pairs, facts, with_text=with_text))


def comparison_facts(
    field: Field,
    verdicts: pl.DataFrame,
    outcomes: pl.DataFrame,
    pairs: Sequence[Pair],
    facts: Mapping[str, Any],
    *,
    with_text: bool = False,
) -> dict[str, Any]:
    """What `reports.comparison.comparison_page` shows of a pairwise comparison.

    Args:
        field: Systems, cases, replies.
        verdicts: VERDICT rows.
        outcomes: OUTCOME rows.
        pairs: All figures.
        facts: Of the artifact's manifest.
        with_text: Put conversations, replies and the judges' reasons of the examples on the page.
    """
    first = headline(outcomes)
    chosen = [pair for pair in pairs if pair.judge == first["judge"].first()]
    judges = ", ".join(facts["judges"])
    n = first.select("case_id", "variant").unique().height
    return {
        "title": facts["title"],
        "kind": {"en": "Pairwise comparison", "zh": "兩兩比較"},
        "lead": {
            "en": f"{n:,} cases, each pair of replies judged in both orders by {judges}.",
            "zh": f"共 {n:,} 個題目，每一對回應都由 {judges} 以兩種順序各評一次。",
        },
        "systems": _systems(field),
        "verdicts": [one for pair in chosen for one in sentences(pair, n)] + warnings(field, outcomes, facts),
        "rows": [_row(pair) for pair in pairs],
        "trust": [row for pair in pairs for row in _trust(pair, several=len(field.systems) > 2)],
        "ranking": _ranking(first) if len(field.systems) > 2 else {},
        "breakdown": [
            _figures(some.one, some.other, some.judge, some.win_rate, part=some.part, kind=some.kind)
            for some in breakdown(first, field.cases)
        ],
        "missing": _missing(outcomes),
        "examples": _examples(field, verdicts, first, with_text=with_text),
        "with_text": with_text,
        "record": {"comparison": facts["record"], **{k: v for k, v in facts["records"].items() if v}},
        "cost": {
            **{f"judge {name}": step for name, step in facts["steps"].items()},
            **{
                f"answers of {name}": step
                for name, run in zip(field.systems, field.runs, strict=True)
                for step in (run.manifest["facts"].get("steps") or {}).values()
            },
        },
    }


def _systems(field: Field) -> list[dict[str, Any]]:
    told = []
    for name, run in zip(field.systems, field.runs, strict=True):
        mine = field.replies.filter(pl.col("system") == name)
        told.append(
            {
                "name": name,
                "n": mine.height,
                "unusable": int((~mine["usable"]).sum()),
                "length": mine.filter(pl.col("usable"))["length"].mean(),
                "flagged": int((mine["flagged"].list.len() > 0).sum()),
                "identity": run.digest,
            }
        )
    return told


def _row(pair: Pair) -> dict[str, Any]:
    row = _figures(pair.one, pair.other, pair.judge, pair.win_rate, part="", kind=None)
    return {
        **row,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "verdict": {"one": "first", "other": "second"}.get(pair.verdict, "undecided"),
        "detectable": pair.detectable.value,
    }


def _figures(one: str, other: str, judge: str, rate: Estimate, *, part: str, kind: str | None) -> dict[str, Any]:
    return {
        "first_system": one, "second_system": other, "measure": "win_rate", "part": part, "scorer": judge,
        **({"kind": kind} if kind else {}), "first": rate.value,
        "second": None if rate.value is None else 1 - rate.value,
        "difference": rate.value, "low": rate.low, "high": rate.high, "centre": 0.5, "n": rate.n,
        "missing": rate.missing, "reason": rate.reason, "verdict": _apart(rate),
    }  # fmt: skip


def _apart(rate: Estimate) -> str:
    if rate.low is None or rate.high is None or rate.low <= 0.5 <= rate.high:
        return "undecided"
    return "first" if rate.low > 0.5 else "second"


def _trust(pair: Pair, *, several: bool) -> list[dict[str, Any]]:
    """How far the judge, and length, can be trusted in one pair."""
    told: list[tuple[Said, Estimate | None, str, float | None]] = [
        ({"en": "Same in both orders", "zh": "兩種順序說法一致"}, pair.consistency, "share", None),
        ({"en": "Chose what was shown first", "zh": "選擇先出現的回應"}, pair.first_slot, "share", 0.5),
        ({"en": "Said tie", "zh": "評為平手"}, pair.tie_verdicts, "share", None),
        ({"en": "Cases nobody won", "zh": "不分勝負的題目"}, pair.ties, "share", None),
        ({"en": "Win rate of A at equal length", "zh": "字數相等時 A 的勝率"}, pair.controlled, "share", 0.5),
        ({"en": "Win rate of A, missing lost", "zh": "缺少回應算落敗時 A 的勝率"}, pair.unanswered_lost, "share", 0.5),
        ({"en": "A longer than B by (characters)", "zh": "A 比 B 多的字數"}, pair.length_difference, "", None),
    ]  # fmt: skip
    rows = [
        {
            "words": said, "scorer": pair.judge, "value": one.value, "low": one.low, "high": one.high, "unit": unit,
            "centre": centre, "n": one.n, "missing": one.missing, "reason": one.reason,
            "who": f"A {pair.one} · B {pair.other}" if several else "",
        }
        for said, one, unit, centre in told if one is not None
    ]  # fmt: skip
    if pair.sensitivity is not None:
        points = 100 * pair.sensitivity
        rows[-1]["note"] = {"en": f"Length is worth {points:+.1f} points of the win rate of A.",
                            "zh": f"長短使 A 的勝率相差 {points:+.1f} 個百分點。"}  # fmt: skip
    return rows


def _ranking(rows: pl.DataFrame) -> dict[str, Any]:
    found = ranking(rows)
    ranked = [] if found.reason else list(zip(found.systems, found.strengths, strict=True))
    return {
        "reason": found.reason,
        "scorer": rows["judge"].first(),
        "rows": [
            {"system": name, "value": e.value, "low": e.low, "high": e.high, "n": e.n, "reason": e.reason}
            for name, e in ranked
        ],
    }


def _missing(outcomes: pl.DataFrame) -> list[dict[str, Any]]:
    lost = outcomes.filter(pl.col("value").is_null())
    counts = lost.group_by("judge", "one", "other", "reason", maintain_order=True).len()
    return [
        {"reason": f"{one} – {other}, {judge}: {reason}", "n": n} for judge, one, other, reason, n in counts.iter_rows()
    ]


def _examples(field: Field, verdicts: pl.DataFrame, rows: pl.DataFrame, *, with_text: bool) -> list[dict[str, Any]]:
    """Some cases of every outcome of every pair, by id; the same ones each time."""
    chosen = []
    kinds = [
        (pl.col("value") == 1, "{one} won", "{one} 勝"),
        (pl.col("value") == 0, "{other} won", "{other} 勝"),
        ((pl.col("value") == 0.5) & (pl.col("reason").is_null()), "nobody won", "不分勝負"),
    ]
    for part in rows.partition_by("one", "other", maintain_order=True):
        for condition, en, zh in kinds:
            for row in part.filter(condition).head(_EXAMPLES_EACH).iter_rows(named=True):
                names = {"one": row["one"], "other": row["other"]}
                versus = f"{row['one']} – {row['other']}: " if len(field.systems) > 2 else ""
                chosen.append(
                    {
                        "case_id": row["case_id"],
                        "outcome": {"en": versus + en.format(**names), "zh": versus + zh.format(**names)},
                        **_sayings(verdicts, row, with_text=with_text),
                        **({"texts": _texts(field, row)} if with_text else {}),
                    }
                )
    return chosen


def _sayings(verdicts: pl.DataFrame, row: Mapping[str, Any], *, with_text: bool) -> dict[str, Any]:
    pair = [row["one"], row["other"]]
    mine = verdicts.filter(
        (pl.col("case_id") == row["case_id"]) & (pl.col("variant") == row["variant"])
        & pl.col("first").is_in(pair) & pl.col("second").is_in(pair)
    )  # fmt: skip
    told = []
    several = mine["judge"].n_unique() > 1
    for one in mine.iter_rows(named=True):
        judge = f"{one['judge']}: " if several else ""
        winner = {"A": one["first"], "B": one["second"]}.get(one["choice"] or "")
        en = f"{winner} better" if winner else "tie" if one["choice"] else f"unread ({one['reason']})"
        zh = f"{winner} 較佳" if winner else "平手" if one["choice"] else f"無法判讀（{one['reason']}）"
        said = f" — {one['said']}" if with_text and one["said"] else ""
        told.append(
            {
                "en": f"{judge}{one['first']} shown first: {en}{said}",
                "zh": f"{judge}先出現 {one['first']}：{zh}{said}",
            }
        )
    return {"sayings": told}


def _texts(field: Field, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    (case,) = field.cases.filter(pl.col("case_id") == row["case_id"]).iter_rows(named=True)
    who = {"user": {"en": "client", "zh": "個案"}, "assistant": {"en": "counsellor", "zh": "諮商師"},
           "system": {"en": "instructions", "zh": "指示"}}  # fmt: skip
    told: list[dict[str, Any]] = [{"who": who[m.role], "text": m.content} for m in messages_of(case["messages"])]
    for name in (row["one"], row["other"]):
        reply = field.replies.filter(
            (pl.col("case_id") == row["case_id"]) & (pl.col("variant") == row["variant"]) & (pl.col("system") == name)
        )["text"].item()
        told.append({"who": f"→ {name}", "text": reply})
    return told
