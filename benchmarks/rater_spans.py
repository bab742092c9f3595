"""Agreement on marked stretches of text, by overlap in characters.

Two raters' marks on one item overlap by Dice's coefficient: twice the characters both marked over the characters each
marked. Over many items and pairs of raters characters are added up first, so that long evidence weighs more than a
single word and an item on which neither marked anything weighs nothing: whether anything was marked at all is another
question, with alpha of its own. Chance is not taken out: nobody knows in how many ways a text could have been marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.rater_answers import PLAIN, SPAN, Asked, read_answers
from benchmarks.resampling import Bootstrap, bootstrap

Spans = Sequence[Mapping[str, Any]]


def dice(first: Spans, second: Spans) -> float:
    """How far two raters' marks overlap, labels aside: 0 to 1; two empty ones overlap wholly.

    >>> one = [{"field": "answer", "start": 0, "end": 4, "label": "risk"}]
    >>> dice(one, [{"field": "answer", "start": 2, "end": 6, "label": "risk"}])
    0.5
    """
    a, b = covered(first), covered(second)
    both = len(a) + len(b)
    return 2 * len(a & b) / both if both else 1.0


def covered(spans: Spans, label: str | None = None) -> frozenset[tuple[str, int]]:
    """The characters that are marked, each once, by field and place; of one label, or of any."""
    return frozenset(
        (str(one.get("field")), at)
        for one in spans
        if label is None or one["label"] == label
        for at in range(one["start"], one["end"])
    )


def overlaps(answers: pl.DataFrame, asked: Asked, *, how: Bootstrap) -> list[tuple[str, Estimate]]:
    """Dice's overlap over all pairs of raters: of marks of any label (""), then of each label.

    n counts pairs of raters on items where at least one of the two marked something; missing those where neither did.

    Args:
        answers: ANSWER rows.
        asked: A question of kind `span`.
        how: Resamples, seed, confidence; whole dialogues are drawn again.
    """
    own = answers.filter((pl.col("question") == asked.name) & (pl.col("role") == PLAIN)).sort("item_id", "rater_id")
    if asked.kind != SPAN or not own.height:
        return []
    rows = own.select("item_id", "group_id").with_columns(place=pl.int_range(pl.len()))
    spans = read_answers(own)
    items = rows.group_by("item_id", maintain_order=True).agg(pl.col("group_id").first(), "place")
    found = []
    for label in ("", *asked.values):
        marked = [covered(one, label or None) for one in spans]
        parts, groups = _parts(items, marked)
        found.append((label, _overlap(parts, groups, how)))
    return found


def _parts(items: pl.DataFrame, marked: Sequence[frozenset[tuple[str, int]]]) -> tuple[Floats, list[str]]:
    """Per item: twice the shared characters, all characters, pairs that marked something, pairs that did not."""
    parts, groups = [], []
    for _, group, places in items.iter_rows():
        shared = whole = some = none = 0
        for i, j in combinations(places, 2):
            a, b = marked[i], marked[j]
            shared += 2 * len(a & b)
            whole += len(a) + len(b)
            some += bool(a or b)
            none += not (a or b)
        parts.append((shared, whole, some, none))
        groups.append(group)
    return np.array(parts, dtype=np.float64).reshape(-1, 4), groups


def _overlap(parts: Floats, groups: Sequence[str], how: Bootstrap) -> Estimate:
    pairs, empty = int(parts[:, 2].sum()), int(parts[:, 3].sum())
    if not pairs:
        return undefined("nobody marked anything" if empty else "no item was rated twice", missing=empty)

    def overlap(s: Floats) -> Floats:
        return np.where(s[:, 1] > 0, s[:, 0] / np.where(s[:, 1] > 0, s[:, 1], 1), np.nan)

    return bootstrap(parts[:, :2], overlap, clusters=groups, how=how, what="overlap").counted(n=pairs, missing=empty)
