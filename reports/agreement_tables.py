"""Rows of the tables on the page of raters' agreement: figures as they are printed, by system, rater and pair."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports.agreement_words import reason_words
from reports.labels import Words, clean, words
from reports.render import NO_NUMBER, items, part

SYSTEM_MEASURES: Final = ("mean", "adjusted")
_SHARES: Final = re.compile(r"exact|overlap|agreement")

Row = Mapping[str, Any]


def titles_of(facts: Row) -> dict[str, Words]:
    """What questions are called, by name, and their labels, by `question: label`."""
    found = {}
    for question in items(facts, "questions"):
        name = str(question.get("name"))
        found[name] = words(question.get("title"))
        for label, title in part(question, "labels").items():
            found[f"{name}: {label}"] = words(title)
    return found


def part_title(name: str, titles: Mapping[str, Words], *, whole: bool = False) -> Words:
    """A question's title by the name of its part, up to a colon or bracket; of one label, with the label behind it.

    >>> part_title("warmth", {"warmth": Words("Warmth: is it warm?", "溫暖：夠溫暖嗎？")}).zh
    '溫暖'
    >>> part_title("flags: risk", {"flags": Words("Which?", "哪些？"), "flags: risk": Words("risk", "風險")}).en
    'Which: risk'
    """
    question, _, label = name.partition(": ")
    found = titles.get(question, Words(clean(question), clean(question)))
    if not whole:
        found = Words(re.split(r": | \(|\?$", found.en)[0], re.split("：|（|？$", found.zh)[0])
    if not label:
        return found
    own = titles.get(name, Words(clean(label), clean(label)))
    return Words(f"{found.en.rstrip('?')}: {own.en}", f"{found.zh.rstrip('？')}：{own.zh}")


def told(row: Row | None, measure: str = "") -> dict[str, Any]:
    """A figure as it is printed: `value`, `low`, `high` as texts (`–` for none), `n`, `missing`, and `reason`."""
    if row is None:
        empty = Words("", "")
        return {"value": NO_NUMBER, "low": NO_NUMBER, "high": NO_NUMBER, "n": None, "missing": None, "reason": empty}
    shown = [figure(row[name], shares=bool(_SHARES.search(measure))) for name in ("value", "low", "high")]
    ends = dict(zip(("value", "low", "high"), shown, strict=True))
    return {**ends, "n": row["n"], "missing": row["missing"], "reason": reason_words(row["reason"])}


def figure(value: object, *, shares: bool = False) -> str:
    """A coefficient with two digits, three near 1 where two would say too much; shares in percent; a dash for none.

    >>> figure(0.8123), figure(0.9967), figure(-0.004), figure(0.5, shares=True), figure(None)
    ('0.81', '0.997', '0.00', '50.0%', '–')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NO_NUMBER
    if shares:
        return f"{100 * value:z.1f}%".replace("-", "−")
    return (f"{value:z.3f}" if 0.995 <= value < 1 else f"{value:z.2f}").replace("-", "−")


def systems(parts: Sequence[str], titles: Mapping[str, Words], summary: Sequence[Row]) -> list[dict[str, Any]]:
    """A row per question and system with its plain and its adjusted mean."""
    found = {(r["part"], r["system"], r["measure"]): r for r in summary if r["measure"] in SYSTEM_MEASURES}
    return [
        {
            "words": part_title(name, titles),
            "system": system,
            "mean": told(found.get((name, system, "mean"))),
            "adjusted": told(found.get((name, system, "adjusted"))),
        }
        for name in parts
        for system in dict.fromkeys(s for p, s, _ in found if p == name)
    ]


def figure_seconds(value: object) -> str:
    """Seconds as people read them.

    >>> figure_seconds(42.4), figure_seconds(150.0), figure_seconds(None)
    ('42 s', '2.5 min', '–')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return NO_NUMBER
    return f"{value:.0f} s" if value < 100 else f"{value / 60:.1f} min"


def by_rater(
    parts: Sequence[str], titles: Mapping[str, Words], raters: Sequence[Row], measures: Sequence[str]
) -> list[dict[str, Any]]:
    """A row per question and rater with these measures; those that nobody has are left out as columns."""
    found = {(row["question"], row["rater_id"], row["measure"]): row for row in raters}
    there = [name for name in measures if any(row["measure"] == name for row in raters)]
    rows = []
    for name in parts:
        for rater in dict.fromkeys(r for q, r, m in found if q == name and m in there):
            cells = [{"measure": m, **told(found.get((name, rater, m)), m)} for m in there]
            rows.append({"question": name, "words": part_title(name, titles), "rater": rater, "cells": cells})
    return rows


def joined(pairs: Sequence[Row], keys: Sequence[str]) -> list[dict[str, Any]]:
    """One row per question and two raters, with the figures of each measure."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in pairs:
        key = tuple(row[name] for name in keys)
        found.setdefault(key, dict(zip(keys, key, strict=True)))[str(row["measure"])] = row
    return list(found.values())


def pair(row: Row, titles: Mapping[str, Words]) -> dict[str, Any]:
    """Two raters on one question, with the figures as they are printed."""
    shown = {name: told(row.get(name), name) for name in ("exact", "kappa", "difference")}
    return {**row, "words": part_title(str(row["question"]), titles), **shown}


def matrices(parts: Sequence[str], titles: Mapping[str, Words], pairs: Sequence[Row]) -> list[dict[str, Any]]:
    """Raters x raters per question: kappa above the diagonal, exact agreement below it; without any kappa none."""
    made = []
    for number, name in enumerate(parts):
        own = joined([row for row in pairs if row["question"] == name], ("first", "second"))
        raters = sorted({row[side] for row in own for side in ("first", "second")})
        cells = {(row["first"], row["second"]): row for row in own}
        rows = []
        for i, one in enumerate(raters):
            shown = []
            for j, two in enumerate(raters):
                measure = "kappa" if i < j else "exact"
                row = cells.get((one, two) if i < j else (two, one), {}).get(measure)
                share = row["value"] if i != j and row is not None and row["value"] is not None else None
                shown.append({"self": i == j, "depth": depth(share), **told(row if i != j else None, measure)})
            rows.append((one, shown))
        if not any(row.get("kappa") is not None and row["kappa"]["value"] is not None for row in own):
            continue
        made.append({"words": part_title(name, titles), "slug": f"matrix-{number}", "raters": raters, "rows": rows})
    return made


def depth(share: float | None) -> int:
    """How dark a cell is, 0 to 5.

    >>> depth(None), depth(-0.2), depth(0.55), depth(1.0)
    (0, 0, 3, 5)
    """
    return 0 if share is None else max(0, min(5, math.floor(share * 5 + 0.5)))
