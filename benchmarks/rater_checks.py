"""Raters held against planted answers (gold) and against themselves (items shown again)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, undefined
from benchmarks.intervals import mean
from benchmarks.kappa import cohen_kappa
from benchmarks.rater_answers import LABEL, MULTI_LABEL, RATING, SPAN, TEXT, Asked
from benchmarks.rater_spans import dice
from benchmarks.resampling import Bootstrap

GOLD: Final = "gold"
REPEAT: Final = "repeat"
OVERLAP: Final = 0.5
ALL: Final = ""


def same(first: Any, second: Any, kind: str) -> bool:
    """Whether two answers are the same: equal grades or labels, the same set, or spans that overlap by half or more.

    >>> same(["a", "b"], ["b", "a"], "multi_label"), same(3, 3.0, "rating"), same("a", "b", "label")
    (True, True, False)
    """
    if kind == RATING:
        return float(first) == float(second)
    if kind == MULTI_LABEL:
        return set(first) == set(second)
    if kind == SPAN:
        return dice(first, second) >= OVERLAP if first or second else True
    return bool(first == second)


def gold(
    answers: pl.DataFrame, gold_answers: pl.DataFrame, asked: Sequence[Asked], *, how: Bootstrap
) -> list[dict[str, Any]]:
    """How often each rater gave the planted answer: by question, then rater, all raters together first ("").

    Args:
        answers: ANSWER rows of all roles.
        gold_answers: item_id, question, answer (JSON).
        asked: The questions.
        how: Resamples, seed, confidence.

    Returns:
        question, rater, `exact` (share, an estimate), `distance` (grades: mean of how far off, an estimate).
    """
    own = answers.filter(pl.col("role") == GOLD)
    wanted = gold_answers.select("item_id", "question", wanted="answer").unique(["item_id", "question"])
    both = own.join(wanted, on=["item_id", "question"], how="inner").sort("question", "rater_id", "item_id")
    return _compared(both, both["wanted"].to_list(), both["answer"].to_list(), asked, how)


def repeats(answers: pl.DataFrame, asked: Sequence[Asked], *, how: Bootstrap) -> list[dict[str, Any]]:
    """How often each rater says the same of an item shown again: by question, then rater, all together first ("").

    Both answers are the same rater's; one who answered only one of the two says nothing.

    Args:
        answers: ANSWER rows of all roles.
        asked: The questions.
        how: Resamples, seed, confidence.

    Returns:
        question, rater, `exact`, `distance` (grades), and `kappa` (quadratic for grades, plain for labels, null for
        other kinds): estimates.
    """
    keys = ["rater_id", "question"]
    again = answers.filter((pl.col("role") == REPEAT) & pl.col("repeats").is_not_null())
    first = answers.filter(pl.col("role") != REPEAT).select(*keys, repeats="item_id", wanted="answer")
    both = again.join(first, on=[*keys, "repeats"], how="inner").sort("question", "rater_id", "item_id")
    return _compared(both, both["wanted"].to_list(), both["answer"].to_list(), asked, how, kappa=True)


def _compared(
    rows: pl.DataFrame, wanted: Sequence[str], given: Sequence[str], asked: Sequence[Asked], how: Bootstrap,
    *, kappa: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    found: list[dict[str, Any]] = []
    read = rows.with_columns(
        first=pl.Series([_Held(json.loads(one)) for one in wanted], dtype=pl.Object),
        second=pl.Series([_Held(json.loads(one)) for one in given], dtype=pl.Object),
    ) if rows.height else rows  # fmt: skip
    for question in asked:
        if question.kind == TEXT or not rows.height:
            continue
        own = read.filter(pl.col("question") == question.name)
        raters = [ALL, *own["rater_id"].unique().sort()]
        for rater in raters if own.height else ():
            some = own if rater == ALL else own.filter(pl.col("rater_id") == rater)
            pairs = [(a.value, b.value) for a, b in zip(some["first"], some["second"], strict=True)]
            groups = some["group_id"].to_list()
            row = {"question": question.name, "rater": rater, **_figures(pairs, groups, question, how)}
            if kappa:
                row["kappa"] = _kappa(pairs, groups, question, how)
            found.append(row)
    return found


class _Held:
    """A value of any kind in a column."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _figures(
    pairs: Sequence[tuple[Any, Any]], groups: Sequence[str], asked: Asked, how: Bootstrap
) -> Mapping[str, Estimate]:
    equal = np.array([float(same(a, b, asked.kind)) for a, b in pairs])
    told = {"exact": mean(equal, clusters=groups, bounds=(0, 1), how=how)}
    if asked.kind == RATING:
        reach = max(asked.scale) - min(asked.scale)
        apart = np.array([abs(float(a) - float(b)) for a, b in pairs])
        told["distance"] = mean(apart, clusters=groups, bounds=(0, reach), how=how)
    return told


def _kappa(pairs: Sequence[tuple[Any, Any]], groups: Sequence[str], asked: Asked, how: Bootstrap) -> Estimate | None:
    if asked.kind == RATING:
        a, b = (np.array([float(pair[side]) for pair in pairs]) for side in (0, 1))
        return cohen_kappa(a, b, weights="quadratic", scale=asked.scale, clusters=groups, how=how)
    if asked.kind == LABEL:
        place = {label: float(n) for n, label in enumerate(asked.values)}
        if any(side not in place for pair in pairs for side in pair):
            return undefined("labels that the question does not have")
        a, b = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
        return cohen_kappa(a, b, clusters=groups, how=how)
    return None
