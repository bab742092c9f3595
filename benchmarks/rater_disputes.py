"""Items to discuss: those on which raters are furthest apart, by question, the widest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.rater_answers import LABEL, MULTI_LABEL, PLAIN, RATING, SPAN, TEXT, Asked, Grid, read_answers
from benchmarks.rater_spans import dice

# One row per item and question on which raters differ. `spread` is 0 to 1: of grades the distance of the highest and
# lowest over the scale's length, of labels the share of raters outside the commonest, of several labels and of spans
# one minus the mean overlap of two raters. `deviation` breaks ties between grades. `said` is how often each was given
# (grades and labels), as JSON-ready text such as `2 ×1, 5 ×2`; empty where that says nothing.
DISPUTE: Final[Mapping[str, pl.DataType]] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "system": pl.String(),
    "question": pl.String(),
    "spread": pl.Float64(),
    "deviation": pl.Float64(),
    "raters": pl.UInt32(),
    "said": pl.String(),
}


def disputes(answers: pl.DataFrame, found: Sequence[Grid], asked: Sequence[Asked]) -> pl.DataFrame:
    """DISPUTE rows, the widest spread first; then by deviation, item and question.

    Args:
        answers: ANSWER rows, submitted and plain ones count.
        found: Grids of the answers.
        asked: The questions.
    """
    parts = [_of_grid(grid) for grid in found if grid.asked.kind in (RATING, LABEL)]
    parts += [_of_sets(answers, question) for question in asked if question.kind in (MULTI_LABEL, SPAN)]
    rows = [row for part in parts for row in part]
    order = ["spread", "deviation", "item_id", "question"]
    return pl.DataFrame(rows, schema=DISPUTE).sort(order, descending=[True, True, False, False])


def _of_grid(grid: Grid) -> list[dict[str, Any]]:
    x = grid.values
    there = ~np.isnan(x)
    n = there.sum(axis=1)
    counts = np.stack([(x == value).sum(axis=1) for value in grid.scale], axis=1)
    if grid.graded:
        low, high = np.fmin.reduce(x, axis=1), np.fmax.reduce(x, axis=1)
        reach = max(grid.scale) - min(grid.scale)
        spread = (high - low) / reach if reach else np.zeros(len(x))
        middle = np.nansum(x, axis=1) / np.maximum(n, 1)
        deviation = np.sqrt(np.nansum((x - middle[:, None]) ** 2, axis=1) / np.maximum(n - 1, 1))
    else:
        spread = 1 - counts.max(axis=1) / np.maximum(n, 1)
        deviation = np.zeros(len(x))
    names = grid.labels or tuple(f"{value:g}" for value in grid.scale)
    return [
        {
            "item_id": grid.items[i], "case_id": grid.cases[i], "group_id": grid.groups[i], "system": grid.systems[i],
            "question": grid.asked.name, "spread": float(spread[i]), "deviation": float(deviation[i]),
            "raters": int(n[i]),
            "said": ", ".join(f"{name} ×{c}" for name, c in zip(names, counts[i].tolist(), strict=True) if c),
        }
        for i in np.flatnonzero((n > 1) & (spread > 0)).tolist()
    ]  # fmt: skip


def _of_sets(answers: pl.DataFrame, asked: Asked) -> list[dict[str, Any]]:
    own = answers.filter((pl.col("question") == asked.name) & (pl.col("role") == PLAIN) & (asked.kind != TEXT))
    own = own.sort("item_id", "rater_id").with_columns(place=pl.int_range(pl.len()))
    given = read_answers(own)
    rows = []
    items = own.group_by("item_id", maintain_order=True).agg(pl.col("case_id", "group_id", "system").first(), "place")
    for item in items.iter_rows(named=True):
        pairs = list(combinations((given[place] for place in item.pop("place")), 2))
        if not pairs:
            continue
        spread = 1 - sum(_overlap(a, b, asked.kind) for a, b in pairs) / len(pairs)
        if spread > 0:
            raters = round((1 + (1 + 8 * len(pairs)) ** 0.5) / 2)
            about = {"question": asked.name, "spread": spread, "deviation": 0.0, "raters": raters, "said": ""}
            rows.append({**item, **about})
    return rows


def _overlap(first: Any, second: Any, kind: str) -> float:
    """Jaccard's overlap of two sets of labels, Dice's of two sets of marks; two empty ones overlap wholly."""
    if kind == SPAN:
        return dice(first, second)
    a, b = set(first), set(second)
    return len(a & b) / len(a | b) if a | b else 1.0
