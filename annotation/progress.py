"""How far each rater is, how fast, and how much is left."""

from __future__ import annotations

from typing import Final

import polars as pl

from annotation.pull import PENDING
from annotation.tables import DISCARDED, DRAFT, SUBMITTED

# One row per rater. Times are null where fewer than two items in a row tell one: `median_s` of one item, `pace`
# items per hour of rating (breaks left out), `left_h` hours of rating left at that pace.
PROGRESS: Final = {
    "rater_id": pl.String(),
    "given": pl.Int64(),
    "done": pl.Int64(),
    "pending": pl.Int64(),
    "draft": pl.Int64(),
    "discarded": pl.Int64(),
    "median_s": pl.Float64(),
    "pace": pl.Float64(),
    "left_h": pl.Float64(),
    "last_at": pl.Datetime("ms", "UTC"),
}


def progress(states: pl.DataFrame) -> pl.DataFrame:
    """How far each rater is: PROGRESS rows in order of name.

    A draft is work that is begun and still to do, so that it counts as pending time but not as pending item; what a
    rater discarded is done without an answer.

    Args:
        states: STATE rows (`annotation.pull`), one per rater and item given to him.
    """

    def of(kind: str) -> pl.Expr:
        return (pl.col("status") == kind).sum().cast(pl.Int64)

    timed = pl.col("seconds").filter(pl.col("status") == SUBMITTED)
    counted = states.group_by("rater_id").agg(
        given=pl.len().cast(pl.Int64),
        done=of(SUBMITTED),
        pending=of(PENDING),
        draft=of(DRAFT),
        discarded=of(DISCARDED),
        median_s=timed.median(),
        pace=3600.0 / timed.mean(),
        last_at=pl.col("at").max(),
    )
    left = (pl.col("pending") + pl.col("draft")) / pl.col("pace")
    return counted.with_columns(left_h=left).select(list(PROGRESS)).sort("rater_id")
