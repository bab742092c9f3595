"""A divided table as others load it: Parquet shards by split and views as JSON Lines, few rows in memory at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from curation.exports import SHARD_ROWS, Written
from curation.formats import arrow_table
from xinheng.errors import SchemaError, SplitError, TagError
from xinheng.tables import SPLITS

BATCH_ROWS: Final = 20_000
DATA: Final = "data"
LINES: Final = "jsonl"

# Writes rows of one kind as JSON Lines, a file per split, into a folder (see `curation.exports`).
View = Callable[[pl.LazyFrame, Path], Written]


def split_rows(table: pl.LazyFrame, *, who: str = "publish") -> dict[str, int]:
    """How many rows each split has; the splits that have any.

    Raises:
        SplitError: Rows are in no split, or there is none.
    """
    if "split" not in table.collect_schema():
        mend = "Make one of it first: xinheng curate RECIPE --source FOLDER."
        raise SplitError(who, "not divided into train, validation and test", want="a dataset", mend=mend)
    found = dict(table.select(pl.col("split").cast(pl.String)).group_by("split").len().collect().iter_rows())
    if strange := sum(rows for split, rows in found.items() if split not in SPLITS):
        raise SplitError(
            who, "rows in no split", want=f"{', '.join(SPLITS)} in each", have=f"{strange:,} rows with none"
        )
    if not found:
        raise SplitError(who, "no rows", want="one at least", have="an empty table")
    return {split: found[split] for split in SPLITS if split in found}


def write_rows(
    files: Iterable[Path],
    counts: Mapping[str, int],
    folder: Path,
    *,
    views: Mapping[str, View],
    shape: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows,
    shard_rows: int = SHARD_ROWS,
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Write `data/<split>-00000-of-0000N.parquet`, and `jsonl/<view>/<split>.jsonl` for each view.

    Rows keep the order that they have; views are made of what was written, so that anybody can make them again. A
    view that a row does not fit is left out as a whole: half a view would pass for all of it.

    Args:
        files: Parquet files of one table, with `split`.
        counts: Rows of each split (see `split_rows`).
        folder: Where to write.
        views: By name.
        shape: What of the rows goes into Parquet; `split` stays.
        shard_rows: Rows per Parquet file at most.

    Returns:
        Rows of each split by view, and a sentence for each view that was left out.
    """
    (folder / DATA).mkdir(parents=True)
    with _shards(folder / DATA, counts, shard_rows) as shards:
        for batch in _batches(files):
            shaped = shape(batch)
            for split in counts:
                piece = shaped.filter(pl.col("split") == split)
                if piece.height:
                    shards[split](piece.drop("split"))

    def append(name: str, split: str, lines: Path) -> None:
        (folder / LINES / name).mkdir(parents=True, exist_ok=True)
        with lines.open("rb") as part, (folder / LINES / name / f"{split}.jsonl").open("ab") as file:
            shutil.copyfileobj(part, file, 1 << 20)

    held, notes = view_lines(folder, views, folder / ".part", append)
    for name in notes:
        shutil.rmtree(folder / LINES / name, ignore_errors=True)
    return held, list(notes.values())


def view_lines(
    folder: Path, views: Mapping[str, View], part: Path, take: Callable[[str, str, Path], None]
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Give the views of a publication's rows away, piece by piece: the same pieces whenever they are made.

    Args:
        folder: Whose `data/` is read.
        views: By name.
        part: A folder that is not there yet; gone afterwards.
        take: Called with view, split and a file that holds the next lines of it.

    Returns:
        Rows of each split by view, and by view that a row does not fit a sentence: what was given away of it is void.
    """
    held: dict[str, dict[str, int]] = {name: {} for name in views}
    notes: dict[str, str] = {}
    for batch in _published(folder) if views else ():
        for name in [one for one in views if one not in notes]:
            part.mkdir()
            try:
                written = views[name](batch.lazy(), part)
            except (SchemaError, TagError) as error:
                notes[name] = f"no view {name}: {error.what}"
            else:
                for split, rows in written.rows.items():
                    take(name, split, written.files[split])
                    held[name][split] = held[name].get(split, 0) + rows
            finally:
                shutil.rmtree(part)
    return {name: rows for name, rows in held.items() if name not in notes and rows}, notes


def _published(folder: Path) -> Iterator[pl.DataFrame]:
    for split in SPLITS:
        for file in sorted((folder / DATA).glob(f"{split}-*.parquet")):
            for batch in pl.read_parquet(file).iter_slices(BATCH_ROWS):
                yield batch.with_columns(split=pl.lit(split))


def _batches(files: Iterable[Path]) -> Iterator[pl.DataFrame]:
    from pyarrow import parquet

    for file in files:
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS):
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield frame.with_columns(pl.col("split").cast(pl.String))


@contextmanager
def _shards(folder: Path, counts: Mapping[str, int], size: int) -> Iterator[dict[str, Callable[[pl.DataFrame], None]]]:
    """A function per split that takes rows and writes files of `size` rows."""
    with ExitStack() as stack:
        yield {split: _sharded(folder, split, -(-rows // size), size, stack) for split, rows in counts.items()}


def _sharded(folder: Path, split: str, shards: int, size: int, stack: ExitStack) -> Callable[[pl.DataFrame], None]:
    from pyarrow import parquet

    state: dict[str, Any] = {"number": 0, "rows": 0, "writer": None}

    def close() -> None:
        if state["writer"] is not None:
            state["writer"].close()
            state["writer"] = None

    def take(rows: pl.DataFrame) -> None:
        while rows.height:
            piece = arrow_table(rows.head(size - state["rows"]))
            if state["writer"] is None:
                name = f"{split}-{state['number']:05d}-of-{shards:05d}.parquet"
                state["writer"] = parquet.ParquetWriter(folder / name, piece.schema, compression="zstd")
            state["writer"].write_table(piece)
            state["rows"] += piece.num_rows
            rows = rows.slice(piece.num_rows)
            if state["rows"] == size:
                close()
                state["number"], state["rows"] = state["number"] + 1, 0

    stack.callback(close)
    return take


def published_table(folder: Path, splits: Sequence[str] = SPLITS) -> pl.LazyFrame:
    """The rows of a publication with the column `split`, which the names of its files tell."""
    parts = []
    for split in splits:
        files = sorted((folder / DATA).glob(f"{split}-*.parquet"))
        if files:
            parts.append(pl.scan_parquet(files).with_columns(split=pl.lit(split)))
    return pl.concat(parts) if parts else pl.LazyFrame(schema={"split": pl.String})
