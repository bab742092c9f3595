"""The page of raters' agreement: how far they agree, who is severe, who changed, what was planted, what to discuss.

It names questions, raters, systems and items; never what anybody wrote.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports import charts
from reports.agreement_tables import (
    SYSTEM_MEASURES,
    Row,
    by_rater,
    figure,
    figure_seconds,
    joined,
    matrices,
    pair,
    part_title,
    systems,
    titles_of,
    told,
)
from reports.agreement_words import KINDS, MEASURES, READING, reason_words
from reports.charts import Figure
from reports.comparison import STATES, drawing
from reports.labels import Words, clean, words
from reports.leaderboard_measures import Scale
from reports.render import items, page, part

MOST_DISPUTES: Final = 60
MOST_RATERS: Final = 16
# Of questions; a template of tags has dozens of labels, and what is more than this is folded.
MOST_OPEN: Final = 12
MOST_LINES: Final = 6
# Krippendorff 2019, chapter 12: rely on 0.8 and more; below 0.667 not even tentative conclusions.
RELIABLE: Final = 0.8
TENTATIVE: Final = 0.667
_COLOURS: Final = ("accent", "validation", "test", "segments", "dropped", "kept")
_CHIEF: Final = {"rating": "alpha_ordinal", "label": "alpha_nominal", "multi_label": "alpha_nominal"}
# What stands open; the other coefficients are folded.
_FIRST_OF_GRADES: Final = ("alpha_ordinal", "icc_a_1", "icc_a_k", "gwet_ac2", "exact_agreement")
_FIRST: Final = ("alpha_nominal", "gwet_ac1", "exact_agreement", "overlap")
# Of a label that nobody chose these say that all agree.
_UNCORRECTED: Final = ("exact_agreement",)


def agreement_page(facts: Row, tables: Mapping[str, Sequence[Row]]) -> str:
    """The page of a set of ratings.

    Args:
        facts: JSON values, as `app.annotating_agreement` records them: title, digest, template, questions, counts,
            gates, resamples, seed, confidence. What is missing is left out.
        tables: Rows of `summary`, `rater`, `pair`, `window` and `dispute`, as that module's schemas say.

    Returns:
        One self-contained HTML document; the same facts and tables give the same text.
    """
    titles = titles_of(facts)
    summary, raters = list(tables.get("summary", ())), list(tables.get("rater", ()))
    parts = list(dict.fromkeys(str(row["part"]) for row in summary))
    kinds = {p: str(q.get("kind")) for q in items(facts, "questions") for p in _parts(q)}
    questions = [_question(name, kinds.get(name, ""), titles, summary) for name in parts]
    disputes = list(tables.get("dispute", ()))
    drawn = [_drift(number, name, titles, tables.get("window", ())) for number, name in enumerate(parts)]
    return page(
        "agreement.html",
        title=words(facts.get("title") or {"en": "Agreement", "zh": "評分者一致性"}),
        figures=any(one["figure"] for one in drawn),
        styles=["agreement.css"],
        facts=facts,
        counts=part(facts, "counts"),
        left_out=[(_left_out(name), n) for name, n in part(part(facts, "counts"), "left_out").items()],
        said=[_sentence(question) for question in questions if question["known"]],
        states={**STATES, **READING},
        gates=[_gate(gate) for gate in items(facts, "gates")],
        questions=[one for one in questions if one["known"]],
        silent=[one for one in questions if not one["known"]],
        systems=systems(parts, titles, summary),
        people=_people(facts),
        severities=by_rater(parts, titles, raters, ("mean", "severity")),
        matrices=matrices(parts, titles, tables.get("pair", ())),
        pairs=[pair(row, titles) for row in joined(tables.get("pair", ()), ("question", "first", "second"))],
        drifts=by_rater(parts, titles, raters, ("drift_severity", "drift_agreement")),
        drawn=[one for one in drawn if one["figure"]],
        gold=by_rater(list(titles), titles, raters, ("gold_exact", "gold_distance")),
        repeats=by_rater(list(titles), titles, raters, ("repeat_exact", "repeat_distance", "repeat_kappa")),
        disputes=[_dispute(row, titles) for row in disputes[:MOST_DISPUTES]],
        all_disputes=len(disputes),
        disputed_items=len({row["item_id"] for row in disputes}),
        most_raters=MOST_RATERS,
        most_open=MOST_OPEN,
        measures=MEASURES,
    )


def _parts(question: Row) -> list[str]:
    found = question.get("parts")
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _question(name: str, kind: str, titles: Mapping[str, Words], summary: Sequence[Row]) -> dict[str, Any]:
    own = [row for row in summary if row["part"] == name and row["measure"] not in SYSTEM_MEASURES]
    lows = [row["low"] if row["low"] is not None else row["value"] for row in own]
    scale = Scale(min([0.0, *(low for low in lows if low is not None)]), 1.0)
    chief = _CHIEF.get(kind, "alpha_nominal")
    first = _FIRST_OF_GRADES if kind == "rating" else _FIRST
    return {
        "name": name,
        "words": part_title(name, titles),
        "title": part_title(name, titles, whole=True),
        "kind": KINDS.get(kind, Words(kind, kind)),
        "chief": next((row for row in own if row["measure"] == chief), None),
        "known": any(row["value"] is not None for row in own if row["measure"] not in _UNCORRECTED),
        "scale": (figure(scale.low), figure(scale.high)),
        "rows": [_measured(row, scale) for row in own if row["measure"] in first],
        "more": [_measured(row, scale) for row in own if row["measure"] not in first],
    }


def measure_title(name: str) -> Words:
    """A measure of agreement in both languages; of an overlap by label with the label."""
    measure, _, label = name.partition(": ")
    found = MEASURES.get(measure, Words(measure, measure))
    return Words(f"{found.en}: {label}", f"{found.zh}：{label}") if label else found


def _measured(row: Row, scale: Scale) -> dict[str, Any]:
    ends = [row["value"], row["low"], row["high"]]
    state = "better" if row["value"] is not None else "none"
    return {
        "words": measure_title(str(row["measure"])),
        "drawing": drawing(scale, ends, 0.0 if scale.low < 0 else None, state),
        **told(row, str(row["measure"])),
    }


def _sentence(question: Row) -> dict[str, Any]:
    """What the chief coefficient allows to say, by the whole of its interval."""
    row, name = question["chief"], question["words"]
    if row is None or row["value"] is None:
        why = reason_words(row["reason"]) if row else Words("nothing was measured", "沒有量測")
        return {"state": "none", "words": Words(f"{name.en}: undefined, {why.en}", f"{name.zh}：無法計算，{why.zh}")}
    shown = told(row)
    low = row["low"] if row["low"] is not None else -math.inf
    high = row["high"] if row["high"] is not None else math.inf
    alpha = measure_title(str(row["measure"]))
    state, en, zh = (
        ("better", "raters agree well enough to rely on", "一致程度足以採信")
        if low >= RELIABLE
        else ("tentative", "good enough for tentative conclusions", "只能作暫時的結論")
        if low >= TENTATIVE
        else ("caution", "raters agree too little to draw conclusions", "一致程度太低，不宜下結論")
        if high < TENTATIVE
        else ("undecided", "more items are needed to say whether it is enough", "題數太少，還看不出是否足夠")
    )
    if row["low"] is None:
        why = reason_words(row["reason"])
        state, en, zh = "undecided", f"no interval ({why.en})", f"沒有區間（{why.zh}）"
    ends = f"({shown['low']} – {shown['high']})" if row["low"] is not None else ""
    return {
        "state": state,
        "words": Words(
            f"{name.en}: {en}. {alpha.en} {shown['value']} {ends}".strip(),
            f"{name.zh}：{zh}。{alpha.zh} {shown['value']} {ends}".strip(),
        ),
    }


def _gate(gate: Row) -> dict[str, Any]:
    ends = {name: figure(gate.get(name)) for name in ("value", "low", "high")}
    return {**gate, **ends, "reason": reason_words(gate.get("reason"))}


def _people(facts: Row) -> list[dict[str, Any]]:
    return [{**row, "seconds": figure_seconds(row.get("seconds"))} for row in items(part(facts, "counts"), "by_rater")]


def _drift(number: int, name: str, titles: Mapping[str, Words], windows: Sequence[Row]) -> dict[str, Any]:
    """The chart of a question: each rater against the others over the fifths of the own work."""
    own = [row for row in windows if row["question"] == name and row.get("severity") is not None]
    raters = sorted({str(row["rater_id"]) for row in own})
    title = part_title(name, titles)
    made: Figure | None = None
    if own and len(raters) <= MOST_LINES:
        colours = dict(zip(raters, _COLOURS, strict=False))
        points = [{"x": row["window"] + 1, "y": row["severity"], "part": colours[str(row["rater_id"])]} for row in own]
        lines = {colours[rater]: Words(clean(rater), clean(rater)) for rater in raters}
        build = charts.lines(points, lines, Words("fifth of the work", "工作進度（分五段）"), Words("grades", "分"))
        caption = Words(
            f"{title.en}: grades above (generous) or below the others on the same items, by fifths of the work.",
            f"{title.zh}：同樣的題目，比其他評分者高（寬鬆）或低（嚴格）多少分，依各人工作進度分五段。",
        )
        made = charts.figure(build, caption, tuple(lines.items()))
    return {"slug": f"drift-{number}", "words": title, "figure": made, "raters": raters, "rows": _fifths(own, raters)}


def _fifths(own: Sequence[Row], raters: Sequence[str]) -> list[dict[str, Any]]:
    found = {(str(row["rater_id"]), row["window"]): row["severity"] for row in own}
    windows = sorted({row["window"] for row in own})
    return [{"window": w + 1, "cells": [figure(found.get((rater, w))) for rater in raters]} for w in windows]


def _dispute(row: Row, titles: Mapping[str, Words]) -> dict[str, Any]:
    return {**row, "words": part_title(str(row["question"]), titles), "percent": round(100 * row["spread"])}


def _left_out(name: object) -> Words:
    known = {
        "draft": Words("drafts", "未送出的草稿"),
        "discarded": Words("discarded", "捨棄"),
        "pending": Words("not yet rated", "尚未評"),
        "dropped": Words("unusable", "無法採用"),
    }
    text = clean(name)
    return known.get(text, Words(text, text))
