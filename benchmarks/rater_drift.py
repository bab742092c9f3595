"""Whether raters change while they work: severity and agreement from the first item to the last.

Each answer is held against those of the others to the same item, so that hard items and good systems do not look like
a change of the rater. The others change too: drift is relative to them, and raters who saw items in one order and
drifted together show none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, Ints, undefined
from benchmarks.rater_answers import PLAIN, Grid
from benchmarks.reliability import severity_adjusted
from benchmarks.resampling import Bootstrap, bootstrap_many

WINDOWS: Final = 5
_LEAST: Final = 5


def order(answers: pl.DataFrame) -> pl.DataFrame:
    """When each rater came to each plain item, as a share of the own work: rater_id, item_id, place (0 first, 1 last).

    The time of an item is that of its first answer, and of equal times items share their mean place. Where times are
    missing (spreadsheets know none) the order in which the items were given stands in; raters of whom that is missing
    too have no rows.

    Args:
        answers: ANSWER rows.
    """
    items = (
        answers.filter(pl.col("role") == PLAIN)
        .group_by("rater_id", "item_id")
        .agg(at=pl.col("at").min().dt.epoch("ms"), position=pl.col("position").min().cast(pl.Int64))
        .with_columns(timed=pl.col("at").is_not_null().all().over("rater_id"))
        .with_columns(when=pl.when("timed").then("at").otherwise("position"))
        .filter(pl.col("when").is_not_null().all().over("rater_id"))
    )
    rank, n = pl.col("when").rank("average").over("rater_id"), pl.len().over("rater_id")
    place = pl.when(n > 1).then((rank - 1) / (n - 1)).otherwise(0.0)
    return items.select("rater_id", "item_id", place=place).sort("rater_id", "item_id")


def drifts(grid: Grid, places: pl.DataFrame, *, how: Bootstrap) -> list[dict[str, object]]:
    """Each rater's change over the own work: `rater`, `severity` (grades only) and `agreement`, and their `windows`.

    `severity` is the slope of grade minus what the others make of the item (their mean, severity taken out): how many
    grades more generous the rater is at the end than at the start, by a straight line. `agreement` is the slope of the
    share of others who gave the same. Both are estimates with intervals by dialogue. `windows` has five rows in the
    order of work: n, severity, agreement, as plain means (null where there is none).

    Args:
        grid: One question's answers.
        places: From `order`.
        how: Resamples, seed, confidence.
    """
    leniency, same = _against_others(grid)
    row_of = pl.Series(grid.items, dtype=pl.String)
    clusters = np.asarray(grid.clusters)
    found: list[dict[str, object]] = []
    for column, name in enumerate(grid.raters):
        own = places.filter(pl.col("rater_id") == name, pl.col("item_id").is_in(grid.items)).sort("item_id")
        rows = row_of.search_sorted(own["item_id"]).to_numpy().astype(np.int64)
        place = own["place"].to_numpy()
        told = ({"severity": leniency[rows, column]} if grid.graded else {}) | {"agreement": same[rows, column]}
        slopes = _slopes(place, told, clusters[rows], how)
        found.append({"rater": name, **slopes, "windows": _windows(place, told)})
    return found


def _against_others(grid: Grid) -> tuple[Floats, Floats]:
    """Items x raters: grade minus the others' mean with severities taken out, and share of others who gave the same."""
    x = grid.values
    there = ~np.isnan(x)
    severity = [one or 0.0 for one in severity_adjusted(x).severities] if grid.graded else [0.0] * x.shape[1]
    fair = np.where(there, x - np.asarray(severity), 0.0)
    others = there.sum(axis=1)[:, None] - 1
    alone = ~there | (others < 1)
    mean_of_others = (fair.sum(axis=1)[:, None] - fair) / np.maximum(others, 1)
    same = np.zeros_like(x)
    for value in grid.scale:
        given = x == value
        same += given * (given.sum(axis=1)[:, None] - 1)
    return np.where(alone, np.nan, x - mean_of_others), np.where(alone, np.nan, same / np.maximum(others, 1))


def _slopes(place: Floats, told: Mapping[str, Floats], clusters: Ints, how: Bootstrap) -> dict[str, Estimate]:
    """The slope of each column over the own work; all lack the same answers, so that they are drawn again together."""
    there = ~np.isnan(next(iter(told.values())))
    n, missing = int(there.sum()), int((~there).sum())
    t = place[there]
    why = (
        "nobody recorded when or in which order" if not len(place)
        else f"fewer than {_LEAST} items that others rated too" if n < _LEAST
        else "all answers are of one time" if np.ptp(t) == 0
        else ""
    )  # fmt: skip
    if why:
        return {what: undefined(why, n=n, missing=missing) for what in told}
    ys = [y[there] for y in told.values()]
    parts = np.column_stack([np.ones(n), t, t * t, *(column for y in ys for column in (y, t * y))])

    def slopes(s: Floats) -> Floats:
        spread = s[:, 2] * s[:, 0] - s[:, 1] ** 2
        enough = np.where(spread > 1e-9, spread, np.nan)[:, None]
        return np.asarray((s[:, 4::2] * s[:, :1] - s[:, 1:2] * s[:, 3::2]) / enough)

    made = bootstrap_many(parts, slopes, clusters=clusters[there].tolist(), how=how, what="drift")
    return {what: one.counted(n=n, missing=missing) for what, one in zip(told, made, strict=True)}


def _windows(place: Floats, told: Mapping[str, Floats]) -> list[dict[str, float | int | None]]:
    window = np.minimum((place * WINDOWS).astype(np.int64), WINDOWS - 1)
    made: list[dict[str, float | int | None]] = []
    for number in range(WINDOWS):
        of = window == number
        row: dict[str, float | int | None] = {"window": number, "n": int(of.sum())}
        for what, y in told.items():
            known = y[of & ~np.isnan(y)]
            row[what] = float(known.mean()) if len(known) else None
        made.append(row)
    return made
