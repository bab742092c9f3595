"""The page of a comparison: verdicts in words, intervals drawn, what may be wrong with them, examples, record and cost.

It serves pairwise judgments, tests of two runs, and gates. It carries names, counts and ids; texts of rows only where
somebody asked for them, and then escaped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from reports.labels import LANGUAGES, Words, named, tag_value, words
from reports.leaderboard_measures import (
    Scale,
    are_shares,
    lower_is_better,
    measure_words,
    p_value,
    part_words,
    printed,
    scale_of,
    scorer_words,
    told_reason,
)
from reports.render import count, items, page, part

MOST_ROWS: Final = 200
MOST_EXAMPLES: Final = 40
TITLE: Final = Words("Comparison of systems", "系統比較")
KINDS: Final[dict[str, Words]] = {
    "language": Words("Language", "語言"),
    "set": Words("Set", "資料集"),
    "form": Words("Form", "題型"),
    "topic": Words("Topic", "主題"),
}
STATES: Final[dict[str, Words]] = {
    "better": Words("better", "較佳"),
    "worse": Words("worse", "較差"),
    "undecided": Words("undecided", "未定"),
    "caution": Words("take care", "注意"),
    "none": Words("no figure", "無數據"),
    "PASS": Words("PASS", "通過"),
    "FAIL": Words("FAIL", "未通過"),
    "UNDECIDED": Words("UNDECIDED", "未定"),
}


def comparison_page(facts: Mapping[str, Any]) -> str:
    """The page of a comparison, of whatever kind; a part of the facts that is missing is left out.

    Args:
        facts: JSON values. Every name or sentence may be one text or `{"en": …, "zh": …}`.
            title, kind (what page it is), lead (a line on what was compared);
            systems: the names, or mappings with `name`, and whatever else is to be told: `n`, `unusable`, `length`,
                `identity`, `flagged`;
            verdicts: sentences, each with `en`, `zh` and `state` (`better`, `undecided`, `caution`); without them
                there is a sentence for each of `rows`;
            rows: one per measure, part and scorer:
                `first_system`, `second_system` (the first two systems where absent), `measure`, `part`, `scorer`,
                `first`, `second` (their values), `difference` with `low`, `high` and `centre` (the value that means
                "no difference": 0, or 0.5 for a win rate), `n`, `missing`, `p`, `p_holm`,
                `verdict` (`first`, `second`, `undecided`; from interval and Holm's p where absent), `detectable`,
                `reason` (why there is no value or interval), `lower_is_better` (by the measure's name where absent);
            breakdown: the same for parts of the cases, with `kind` (`language`, `topic` …): looks, not tests;
            trust: how far the judge can be trusted: `scorer`, `measure` (words), `value`, `low`, `high`, `centre`,
                `n`, `missing`, `note`; `text` in place of the figures where a value has no unit;
            figures: the same for what was measured of one system: latency, throughput, errors;
            ranking: `rows` (`system`, `value`, `low`, `high`, `n`), `reason`, `scorer`;
            missing: `reason`, `n`;
            gates: `gate`, `system`, `scorer`, `value`, `low`, `high`, `unit`, `n`, `threshold` (text), `verdict`,
                `more`, `reason`;
            examples: `case_id`, `outcome`, `scorer`, `sayings` (list of sentences), and only where texts are wanted
                `texts` (list of `who`, `text`);
            record: a run's record, or several by name; cost: steps by name (`answers`, `requests` …), `with_text`.

    Returns:
        One self-contained HTML document; the same facts give the same text.
    """
    rows = _rows(facts, items(facts, "rows"))
    parts = _rows(facts, items(facts, "breakdown"))
    verdicts = [_sentence(one) for one in facts.get("verdicts") or ()] or [_told(row) for row in rows]
    return page(
        "comparison.html",
        title=_words(facts.get("title"), TITLE),
        figures=False,
        kind=_words(facts.get("kind"), TITLE),
        lead=words(facts.get("lead")),
        systems=_systems(facts),
        verdicts=verdicts[:MOST_ROWS],
        groups=_groups(rows[:MOST_ROWS]),
        rows=rows,
        breakdown=_groups(parts[:MOST_ROWS], by="kind"),
        parts=parts,
        trust=[_trusted(row) for row in items(facts, "trust")],
        judges={str(row.get("scorer")) for row in items(facts, "trust")},
        measured=[_trusted(row) for row in items(facts, "figures")],
        ranking=_ranking(part(facts, "ranking")),
        missing=[
            {"reason": told_reason(row.get("reason")), "n": count(row.get("n"))} for row in items(facts, "missing")
        ],
        gates=[_gate(row) for row in items(facts, "gates")],
        examples=[_example(row) for row in items(facts, "examples")[:MOST_EXAMPLES]],
        all_examples=len(items(facts, "examples")),
        with_text=bool(facts.get("with_text")),
        record=_record(part(facts, "record")),
        cost=_cost(part(facts, "cost")),
        states=STATES,
        most_rows=MOST_ROWS,
    )


def systems_page(found: Mapping[str, Any]) -> str:
    """The page of `xinheng compare`.

    Args:
        found: first and second (system, path, digest), data, resamples, seed, rows of `benchmarks.comparison`.
    """
    first, second = part(found, "first"), part(found, "second")
    data = part(found, "data")
    names = f"{first.get('system')} – {second.get('system')}"
    lead = {
        "en": f"The same cases of {data.get('name') or 'one dataset'}, paired; whole dialogues or posts are drawn "
        f"again, {count(found.get('resamples')):,} resamples. A is {first.get('system')}, B is {second.get('system')}. "
        "p tests values case by case; where the figure is weighted F1, the interval is of F1.",
        "zh": f"同一批題目（{data.get('name') or '同一資料集'}）成對比較；以整段對話或貼文為單位重抽 "
        f"{count(found.get('resamples')):,} 次。A 為 {first.get('system')}，B 為 {second.get('system')}。"
        "p 值逐題檢定；數據為加權 F1 時，區間是加權 F1 差異的區間。",
    }
    left_out = found.get("only_one_has")
    missing = [{"reason": f"scorer {name}: only one has it", "n": 1} for name in left_out or ()]
    return comparison_page(
        {
            "title": {"en": f"Compared: {names}", "zh": f"比較：{names}"},
            "lead": lead,
            "systems": [{"name": one.get("system"), "identity": one.get("digest")} for one in (first, second)],
            "rows": items(found, "rows"),
            "missing": missing,
            "record": {
                name: found[name] for name in ("data_digest", "seed", "resamples", "confidence") if name in found
            },
        }
    )


def _words(value: object, fallback: Words) -> Words:
    said = words(value)
    return said if said.en.strip() else fallback


def _sentence(one: object) -> dict[str, Any]:
    state = one.get("state") if isinstance(one, Mapping) else None
    return {"words": words(one), "state": state if state in STATES else "undecided"}


def _systems(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = facts.get("systems")
    listed = given if isinstance(given, list | tuple) else []
    return [dict(one) if isinstance(one, Mapping) else {"name": one} for one in listed]


def _rows(facts: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with what the template prints: names, figures as text, a drawing."""
    names = [str(one.get("name")) for one in _systems(facts)]
    made = []
    for row in given:
        measure = str(row.get("measure") or "")
        centre = _number(row.get("centre")) or 0.0
        values = [_number(row.get(name)) for name in ("first", "second", "difference", "low", "high")]
        shares = are_shares(measure, values[:2])
        first, second, apart, low, high = (printed(v, measure, shares=shares) for v in values)
        less = row.get("lower_is_better")
        less = lower_is_better(measure) if less is None else bool(less)
        verdict = row.get("verdict") or _verdict(values[3], values[4], centre, _number(row.get("p_holm")), less)
        who = [row.get("first_system"), row.get("second_system")]
        who = [name or (names[i] if i < len(names) else "AB"[i]) for i, name in enumerate(who)]
        made.append(
            {
                "who": who, "measure": measure, "words": measure_words(measure), "part": _part(row),
                "kind": row.get("kind") or measure, "scorer": scorer_words(row.get("scorer")),
                "first": first, "second": second, "difference": apart, "low": low, "high": high,
                "detectable": printed(_number(row.get("detectable")), measure, shares=shares),
                "values": values[2:], "centre": centre, "shares": shares, "less": less, "verdict": verdict,
                "state": {"first": "better", "second": "worse"}.get(str(verdict), "undecided") if values[2] is not None
                else "none",
                "n": row.get("n"), "missing": count(row.get("missing")), "p": p_value(row.get("p")),
                "p_holm": p_value(row.get("p_holm")), "reason": told_reason(row.get("reason")),
            }
        )  # fmt: skip
    return made


def _part(row: Mapping[str, Any]) -> Words:
    """A part's name: languages and topics have words of their own."""
    if row.get("kind") == "language":
        return named(LANGUAGES, row.get("part"))
    if row.get("kind") == "topic":
        return tag_value("dialogue", "topic", row.get("part"))
    return part_words(row.get("part"))


def _verdict(low: float | None, high: float | None, centre: float, p_holm: float | None, less: bool) -> str:  # noqa: FBT001
    if low is None or high is None or (p_holm is not None and p_holm >= 0.05):
        return "undecided"
    if low > centre:
        return "second" if less else "first"
    return ("first" if less else "second") if high < centre else "undecided"


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A sentence for a row that came without one."""
    measure, part_, scorer = row["words"], row["part"], row["scorer"]
    where = Words(", ".join(t for t in (part_.en, scorer.en) if t), "、".join(t for t in (part_.zh, scorer.zh) if t))
    where = Words(f" ({where.en})" if where.en else "", f"（{where.zh}）" if where.zh else "")
    one, other = row["who"] if row["state"] != "worse" else row["who"][::-1]
    if row["state"] in {"better", "worse"}:
        span = _span(row)
        said = Words(f"{one} is better than {other} in {measure.en}{where.en}: {span}.",
                     f"{one} 的「{measure.zh}」優於 {other}{where.zh}：{span}。")  # fmt: skip
        return {"words": said, "state": "better"}
    en = f"{measure.en}{where.en}: no difference between {one} and {other} is shown."
    zh = f"「{measure.zh}」{where.zh}：尚看不出 {one} 與 {other} 有差異。"
    return {"words": Words(en, zh), "state": "undecided"}


def _span(row: Mapping[str, Any]) -> str:
    """The figures of a sentence that names the better first: what it has more than the other, not A minus B."""
    shown = [row[name] for name in ("difference", "low", "high")]
    ends = row["values"]
    if row["state"] == "worse" and None not in ends:
        centre = 2 * row["centre"]
        shown = [printed(centre - ends[at], row["measure"], shares=row["shares"]) for at in (0, 2, 1)]
    return f"{shown[0]} ({shown[1]} – {shown[2]})"


def _groups(rows: Sequence[dict[str, Any]], *, by: str = "measure") -> list[dict[str, Any]]:
    """Rows that share a scale, in their order, each with its drawing; rows of one pair stand together."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row[by], *row["who"]), []).append(row)
    groups = []
    for (name, *who), some in found.items():
        scale = _scale(some)
        groups.append(
            {
                "name": name, "words": KINDS.get(str(name)) or measure_words(name), "who": who, "scale": scale,
                "ends": None if scale is None else [
                    printed(at, some[0]["measure"], shares=some[0]["shares"])
                    for at in (scale.low, some[0]["centre"], scale.high)
                ],
                "rows": [
                    {**row, "drawing": drawing(scale, row["values"], row["centre"], row["state"])} for row in some
                ],
                "less": some[0]["less"],
                # One scorer is told once, above its rows.
                "scorer": some[0]["scorer"] if len({row["scorer"] for row in some}) == 1 else None,
            }
        )  # fmt: skip
    return groups


def _scale(rows: Sequence[Mapping[str, Any]]) -> Scale | None:
    """As far to either side of "no difference" as any interval reaches: the middle is where nothing differs."""
    centre = rows[0]["centre"]
    if centre == 0.5:
        return Scale(0.0, 1.0)
    far = [abs(value - centre) for row in rows for value in row["values"] if value is not None]
    reach = scale_of([0.0, *far])
    return None if reach is None or not far else Scale(centre - reach.high, centre + reach.high)


def drawing(scale: Scale | None, values: Sequence[float | None], centre: float | None, state: str) -> Markup:
    """A value with its interval, and where "no difference" lies; the numbers stand beside it as text."""
    value, low, high = values
    if scale is None or value is None:
        return Markup("")
    marks = ""
    if centre is not None:
        marks += f'<path class="centre" d="M{scale.at(centre):.2f} 0v20"/>'
    if low is not None and high is not None:
        left, right = scale.at(low), scale.at(high)
        marks += f'<path d="M{left:.2f} 6v8M{right:.2f} 6v8M{left:.2f} 10H{right:.2f}"/>'
    marks += f'<path class="dot" d="M{scale.at(value):.2f} 10h0"/>'
    # Stretched to its place; lines keep their width, and the dot is a round cap.
    return Markup(
        '<svg class="span {}" viewBox="-2 0 104 20" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(state, Markup(marks))  # noqa: S704 - numbers and fixed words only


def _trusted(row: Mapping[str, Any]) -> dict[str, Any]:
    measure = str(row.get("measure") or "")
    value, low, high = (_number(row.get(name)) for name in ("value", "low", "high"))
    shares = row.get("unit") == "share"
    # A rate per second is no number of seconds.
    printed_as = "" if measure.endswith("_per_s") else measure
    texts = [printed(v, printed_as, shares=shares) for v in (value, low, high)]
    return {
        "words": words(row.get("words")) if row.get("words") else measure_words(measure),
        "scorer": scorer_words(row.get("scorer")), "value": texts[0], "low": texts[1], "high": texts[2],
        "has_interval": low is not None and high is not None, "n": row.get("n"), "missing": count(row.get("missing")),
        "drawing": drawing(Scale(0.0, 1.0), (value, low, high), _number(row.get("centre")), "") if shares else "",
        "note": words(row.get("note")), "reason": told_reason(row.get("reason")), "caution": bool(row.get("caution")),
        "who": row.get("who") or "",
    }  # fmt: skip


def _ranking(told: Mapping[str, Any]) -> dict[str, Any]:
    rows = items(told, "rows")
    values = [[_number(row.get(name)) for name in ("value", "low", "high")] for row in rows]
    scale = _scale([{"values": v, "centre": 0.0} for v in values]) if rows else None
    made = [
        {
            "system": row.get("system"), "n": row.get("n"),
            **{name: printed(v, "", shares=False) for name, v in zip(("value", "low", "high"), some, strict=True)},
            "has_interval": None not in some,
            "drawing": drawing(scale, some, 0.0, ""), "reason": told_reason(row.get("reason")),
        }
        for row, some in zip(rows, values, strict=True)
    ]  # fmt: skip
    return {"rows": made, "reason": words(told.get("reason")), "scorer": scorer_words(told.get("scorer"))}


def _gate(row: Mapping[str, Any]) -> dict[str, Any]:
    unit = str(row.get("unit") or "")
    texts = {name: _in_unit(_number(row.get(name)), unit) for name in ("value", "low", "high")}
    verdict = row.get("verdict")
    return {
        **dict(row), **texts, "gate": words(row.get("gate")), "reason": told_reason(row.get("reason")),
        "verdict": verdict if verdict in STATES else "UNDECIDED", "has_interval": row.get("low") is not None
        or row.get("high") is not None,
    }  # fmt: skip


def _in_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    # Near 1 a share is told by what is lacking: 99.95 % and 100 % are not the same.
    return f"{100 * value:.4g}%" if unit == "share" else f"{value:,.3g}{f' {unit}' if unit else ''}"


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    sayings = row.get("sayings")
    return {
        "case_id": row.get("case_id"),
        "outcome": words(row.get("outcome")),
        "sayings": [words(one) for one in sayings] if isinstance(sayings, list | tuple) else [],
        "texts": [(words(one.get("who")), one.get("text")) for one in items(row, "texts")],
    }


def _record(told: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The record as names and values: of one run, or of several by name."""
    inner = {name: value for name, value in told.items() if isinstance(value, Mapping)}
    if told and len(inner) == len(told) and all("data" in value or "code" in value for value in inner.values()):
        return [(str(name), _flat(value)) for name, value in inner.items()]
    return [("", _flat(told))] if told else []


def _flat(told: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in told.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{path}.")
        elif value not in (None, "", [], {}):
            rows.append((path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return rows


def _cost(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"step": name, **{key: step.get(key) for key in (
            "answers", "kept", "requests", "retries", "input_tokens", "output_tokens", "usd", "wall_s")}}
        for name, step in told.items() if isinstance(step, Mapping)
    ]  # fmt: skip


def _number(value: object) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None  # type: ignore[arg-type]
