"""Every item given to a rater is counted once, and no pace is told that nobody measured."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.progress import PROGRESS, progress
from annotation.pull import STATE

AT = datetime(2026, 1, 1, 9, tzinfo=UTC)


def states(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    filled = [[who, f"i{n}", status, AT if status != "pending" else None, s] for n, (who, status, s) in enumerate(rows)]
    return pl.DataFrame(filled, schema=STATE, orient="row")


def test_nobody_and_nothing_is_an_empty_table() -> None:
    assert dict(progress(states()).schema) == PROGRESS
    assert progress(states()).height == 0


def test_a_rater_who_has_not_begun_has_no_pace() -> None:
    row = progress(states(("ann", "pending", None), ("ann", "pending", None))).row(0, named=True)
    assert (row["given"], row["done"], row["pending"]) == (2, 0, 2)
    assert row["median_s"] is row["pace"] is row["left_h"] is row["last_at"] is None


def test_pace_median_and_time_left() -> None:
    done = [
        ("ann", "submitted", None),
        ("ann", "submitted", 30.0),
        ("ann", "submitted", 90.0),
        ("ann", "submitted", 60.0),
    ]
    row = progress(states(*done, ("ann", "pending", None), ("ann", "draft", None), ("ann", "discarded", None))).row(
        0, named=True
    )
    assert row["median_s"] == 60
    assert row["pace"] == pytest.approx(60)  # one a minute
    assert row["left_h"] == pytest.approx(2 / 60)  # the pending one and the draft
    assert (row["given"], row["done"], row["pending"], row["draft"], row["discarded"]) == (7, 4, 1, 1, 1)


ROW = st.tuples(
    st.sampled_from(["ann", "bob", "cleo"]),
    st.sampled_from(["submitted", "pending", "draft", "discarded"]),
    st.one_of(st.none(), st.floats(0.01, 900)),
)


@given(st.lists(ROW, max_size=30))
def test_every_item_is_counted_once(rows: list[tuple[str, str, float | None]]) -> None:
    found = progress(states(*rows))
    assert found["given"].sum() == len(rows)
    assert found["rater_id"].to_list() == sorted({who for who, _, _ in rows})
    parts = found.select(pl.sum_horizontal("done", "pending", "draft", "discarded")).to_series()
    assert parts.to_list() == found["given"].to_list()
    assert found.filter((pl.col("pace") <= 0) | (pl.col("left_h") < 0)).height == 0
