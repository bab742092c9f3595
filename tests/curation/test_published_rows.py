"""Rows are written shard by shard, all of them, in their order; a view that does not fit is left out as a whole."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import published_rows as published
from curation.exports import Written
from xinheng.digests import digest
from xinheng.errors import SchemaError, SplitError


def table(splits: list[str]) -> pl.DataFrame:
    rows = {"id": [f"r{i:04}" for i in range(len(splits))], "split": splits}
    return pl.DataFrame(rows, schema={"id": pl.String, "split": pl.String})


def lines(rows: pl.LazyFrame, folder: Path) -> Written:
    """A view of one column."""
    files, held = {}, {}
    for (split,), piece in rows.collect().group_by("split", maintain_order=True):
        files[split] = folder / f"{split}.jsonl"
        piece.select("id").write_ndjson(files[split])
        held[split] = piece.height
    return Written(files, held)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["train", "validation", "test"]), min_size=1, max_size=60), st.integers(1, 20))
def test_every_row_is_there_once_in_its_split(tmp_path_factory, splits: list[str], shard_rows: int) -> None:
    folder, rows = tmp_path_factory.mktemp("p"), table(splits)
    rows.write_parquet(folder / "rows.parquet")
    counts = published.split_rows(rows.lazy())
    held, notes = published.write_rows(
        [folder / "rows.parquet"], counts, folder / "out", views={"ids": lines}, shard_rows=shard_rows
    )
    back = published.published_table(folder / "out").collect()
    assert digest(back) == digest(rows)
    assert (held, notes) == ({"ids": counts}, [])
    for split, count in counts.items():
        files = sorted((folder / "out" / "data").glob(f"{split}-*"))
        assert [file.name for file in files] == [
            f"{split}-{i:05d}-of-{len(files):05d}.parquet" for i in range(-(-count // shard_rows))
        ]
        wanted = rows.filter(pl.col("split") == split)["id"].to_list()
        assert back.filter(pl.col("split") == split)["id"].to_list() == wanted
        assert pl.read_ndjson(folder / "out" / "jsonl" / "ids" / f"{split}.jsonl")["id"].to_list() == wanted


def test_a_view_that_fails_late_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "BATCH_ROWS", 2)

    def late(rows: pl.LazyFrame, folder: Path) -> Written:
        if "r0004" in rows.collect()["id"]:
            raise SchemaError("late", "a row that does not fit")
        return lines(rows, folder)

    table(["train"] * 6).write_parquet(tmp_path / "rows.parquet")
    held, notes = published.write_rows(
        [tmp_path / "rows.parquet"], {"train": 6}, tmp_path / "out", views={"late": late, "ids": lines}
    )
    assert held == {"ids": {"train": 6}}
    assert notes == ["no view late: a row that does not fit"]
    assert {path.name for path in (tmp_path / "out" / "jsonl").iterdir()} == {"ids"}


NO_SPLITS = [
    table(["train", "dev"]),
    table(["train"]).with_columns(split=pl.lit(None, pl.String)),
    table([]),
    table(["train"]).drop("split"),
]


@pytest.mark.parametrize("frame", NO_SPLITS)
def test_rows_in_no_split_are_refused(frame: pl.DataFrame) -> None:
    with pytest.raises(SplitError):
        published.split_rows(frame.lazy())
