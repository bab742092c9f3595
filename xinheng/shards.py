"""Pieces of a table: several at once in this process, or as files that other processes work on."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from xinheng.errors import XinhengError
from xinheng.workers import begin_worker

# What is done to a shard, named by its file; and how that is done to many. False: it could not be done.
Work = Callable[[str], bool]
Each = Callable[[Work, Sequence[str]], list[bool]]
# What a shard sends, each row to a part (UInt32); what is made of all rows of a part.
Send = Callable[[str], pl.DataFrame]
Reduce = Callable[[pl.DataFrame], pl.DataFrame]
# Sends the rows of shards to their parts; the files of what was made of these, None where it could not be done.
Regroup = Callable[[Send, Sequence[str], Reduce, Path], list[str] | None]

PART: Final = "_part"

# How often a shard is done again whose worker was killed.
AGAIN: Final = 3

# Small enough to keep all cores busy and memory low, large enough that planning costs nothing.
_PIECE_ROWS: Final = 8192


@dataclass(frozen=True)
class Workers:
    """Who works on shards: on each alone, or on parts into which the rows of all are regrouped."""

    each: Each
    regroup: Regroup


def in_pieces(frame: pl.DataFrame, work: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    """Run row-wise work on the pieces of a table at once; the rows come back in order.

    Polars works through the list columns of one table on one core; through those of several tables on
    as many as there are.

    Args:
        frame: Any rows.
        work: Must give for a piece what it would give for these rows in the whole table.
    """
    if frame.height <= _PIECE_ROWS:
        return work(frame.lazy()).collect()
    return pl.concat(pl.collect_all([work(piece.lazy()) for piece in frame.iter_slices(_PIECE_ROWS)]))


def write_shards(table: pl.LazyFrame, folder: Path, *, rows: int) -> list[str]:
    """Write a table as Arrow files of about so many rows, in any order; an empty table is one empty shard.

    A table over files is never in memory whole.
    """
    folder.mkdir(parents=True)
    paths: list[str] = []
    for batch in table.collect_batches(chunk_size=rows, maintain_order=False):
        for piece in batch.iter_slices(rows):
            paths.append(str(folder / f"{len(paths):06}.arrow"))
            write_shard(piece, Path(paths[-1]))
    if not paths:
        paths.append(str(folder / "000000.arrow"))
        write_shard(table.head(0).collect(), Path(paths[0]))
    return paths


def write_shard(frame: pl.DataFrame, path: Path) -> None:
    """Write one Arrow file that appears whole: a shard may be done twice, by two workers."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    frame.write_ipc(part)
    part.replace(path)


def read_shards(paths: Sequence[str], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The rows of Arrow files, one after another.

    Raises:
        SchemaError: (of Polars) They do not have the same columns.
    """
    wanted = None if columns is None else list(columns)
    return pl.concat([pl.read_ipc(path, columns=wanted) for path in paths])


def in_this_process() -> Workers:
    """One shard after another."""

    def each(work: Work, shards: Sequence[str]) -> list[bool]:
        return [work(shard) for shard in shards]

    return Workers(each, functools.partial(_by_files, each))


@contextmanager
def in_processes(workers: int | None = None) -> Iterator[Workers]:
    """Worker processes of this machine, of one thread each; a killed one is replaced and its shard done again.

    Args:
        workers: As many as there are cores unless told.

    Raises:
        XinhengError: The workers of one shard were killed again and again.
    """
    count = workers or os.cpu_count() or 1
    pools = [_pool(count)]

    def each(work: Work, shards: Sequence[str]) -> list[bool]:
        done: dict[str, bool] = {}
        for shard in shards:
            _tries(shard).unlink(missing_ok=True)
        while True:
            done |= _survived(pools[0], work, [shard for shard in shards if shard not in done])
            left = [shard for shard in shards if shard not in done]
            if not left:
                return [done[shard] for shard in shards]
            pools[0].shutdown(cancel_futures=True)
            pools[0] = _pool(count)
            if any(_tries(shard).is_file() and _tries(shard).stat().st_size > AGAIN for shard in left):
                raise XinhengError(
                    "curate",
                    "the worker of a shard was killed again and again",
                    have=f"{AGAIN + 1} times",
                    mend="It may have run out of memory: take fewer rows per shard, or fewer workers.",
                )

    try:
        yield Workers(each, functools.partial(_by_files, each))
    finally:
        pools[0].shutdown(cancel_futures=True)


def _by_files(each: Each, send: Send, shards: Sequence[str], reduce: Reduce, folder: Path) -> list[str] | None:
    """Regroup by files on one machine: one per shard, sorted by part, of which a part reads its stretch."""
    if not all(each(functools.partial(_sent, send, folder), shards)):
        return None
    sent = [folder / Path(shard).name for shard in shards]
    parts = [str(folder / f"{number:06}.part.arrow") for number in range(len(shards))]
    if not all(each(functools.partial(_reduced, reduce, sent), parts)):
        return None
    return [part for part in parts if Path(part).is_file()]


def _sent(send: Send, folder: Path, shard: str) -> bool:
    try:
        rows = send(shard).sort(PART)
    except Exception:  # noqa: BLE001  # the parent looks at the whole table and meets it again
        return False
    write_shard(rows, folder / Path(shard).name)
    return True


def _reduced(reduce: Reduce, sent: Sequence[Path], part: str) -> bool:
    number = int(Path(part).name.partition(".")[0])
    rows = pl.concat([stretch(path, number) for path in sent])
    try:
        if rows.height:
            write_shard(reduce(rows), Path(part))
    except Exception:  # noqa: BLE001  # as above
        return False
    return True


def stretch(path: str | Path, part: int) -> pl.DataFrame:
    """The rows of one part, of a file sorted by part; the others are not read."""
    places = pl.scan_ipc(path).select(PART).collect().to_series()
    start, end = (int(places.search_sorted(part, side=side)) for side in ("left", "right"))
    return pl.scan_ipc(path).slice(start, end - start).collect()


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin_worker)


def _survived(pool: ProcessPoolExecutor, work: Work, shards: Sequence[str]) -> dict[str, bool]:
    """What came of the shards whose workers lived; when one is killed, all of its pool are lost."""
    futures: dict[str, Future[bool]] = {}
    done = {}
    try:
        for shard in shards:
            futures[shard] = pool.submit(_attempt, work, shard)
    except BrokenProcessPool:
        pass
    for shard, future in futures.items():
        try:
            done[shard] = future.result()
        except BrokenProcessPool:
            continue
    return done


def _attempt(work: Work, shard: str) -> bool:
    with _tries(shard).open("ab") as file:
        file.write(b".")
    return work(shard)


def _tries(shard: str) -> Path:
    """A file with one byte per attempt: only a worker knows which shard it had begun."""
    return Path(f"{shard}.tries")
