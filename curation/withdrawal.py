"""Rows taken out because somebody asked: for good, with what was kept of them elsewhere in the dataset.

It happens after the steps and after the split. Before the steps, a copy of the same text that had been dropped as a
duplicate would come up in its place; before the split, others would move between train and test, which a model that was
trained on the version before has seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from xinheng.errors import DecodingError, InputError
from xinheng.tables import DROPPED

STEP: Final = "withdrawn"
REASON: Final = "withdrawn at the request of who wrote it"
# By any of these a row is somebody's: its own id, or that of what it was cut from, written by or made of.
_OWNERS: Final = ("segment_of", "client_id", "group_id", "derived_from")
_SAME_TEXT: Final = r"^same text as (.+)$"


@dataclass(frozen=True)
class Withdrawn:
    """What is left, and what went.

    Args:
        kept: The rows that stay, in their order.
        dropped: The dropped rows, now with those withdrawn, which have no `row`; nor have dropped copies of theirs.
        rows: How many rows went.
        missing: Ids that stand nowhere here, sorted.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame
    rows: int
    missing: tuple[str, ...]


def ids_in(path: Path) -> list[str]:
    """The ids of a withdrawal list, sorted, each once: one a line, `#` begins a remark.

    Raises:
        InputError: There is no such file, or no id in it.
        DecodingError: It is not UTF-8.
    """
    want = "a text file with one id a line"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DecodingError(str(path), "not UTF-8", want=want, mend="Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(str(path), "cannot be read", want=want, have=error.strerror or type(error).__name__) from None
    found = {line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")} - {""}
    if not found:
        raise InputError(str(path), "no id in it", want=want, mend="Leave --withdraw out where nobody withdrew.")
    return sorted(found)


def withdraw(kept: pl.DataFrame, dropped: pl.DataFrame, ids: Collection[str], *, key: str) -> Withdrawn:
    """Take out all rows of these ids, wherever they stand.

    Args:
        kept: Rows with `key`; `segment_of`, `client_id`, `group_id`, `derived_from` are looked at where there are any.
        dropped: What was taken out before (`xinheng.tables.DROPPED`).
        ids: Of rows, of what they were cut from or made of, of clients or of groups.
        key: The column of ids.
    """
    wanted = pl.Series("id", sorted(set(ids)), dtype=pl.String)
    columns, owns = _columns(kept, key), _owned(kept, wanted, key)
    gone, left = kept.filter(owns), kept.filter(~owns)
    made = gone.select(
        row_id=key,
        step=pl.lit(STEP),
        reason=pl.lit(REASON),
        origin=pl.col("origin") if "origin" in gone.columns else pl.lit(None, dtype=pl.String),
        row=pl.lit(None, dtype=pl.String),
    ).cast(dict(DROPPED))  # type: ignore[arg-type]
    told = pl.concat([wanted, made["row_id"].alias("id")])
    inside = [pl.col("row").str.json_path_match(f"$.{name}").is_in(wanted.implode()) for name in _OWNERS]
    same = pl.col("reason").str.extract(_SAME_TEXT)
    theirs = pl.any_horizontal(
        pl.col("row_id").is_in(told.implode()),
        same.is_in(told.implode()),
        *(one.fill_null(value=False) for one in inside),
    ).fill_null(value=False)
    met = {value for name in columns for value in _values(gone, name)}
    met |= set(dropped.filter(theirs)["row_id"]) | {
        value
        for name in _OWNERS
        for value in dropped.select(pl.col("row").str.json_path_match(f"$.{name}")).to_series()
    }
    emptied = dropped.with_columns(row=pl.when(~theirs).then("row"))
    missing = tuple(one for one in wanted if one not in met)
    return Withdrawn(left, pl.concat([emptied, made]), gone.height, missing)


def rows_of(kept: pl.DataFrame, ids: Collection[str], *, key: str) -> int:
    """How many rows are somebody's of these ids, as `withdraw` finds them."""
    wanted = pl.Series("id", sorted(set(ids)), dtype=pl.String)
    return kept.filter(_owned(kept, wanted, key)).height


def _owned(kept: pl.DataFrame, wanted: pl.Series, key: str) -> pl.Expr:
    return pl.any_horizontal(_any_in(name, kept.schema[name], wanted) for name in _columns(kept, key))


def _columns(kept: pl.DataFrame, key: str) -> list[str]:
    return [name for name in (key, *_OWNERS) if name in kept.columns]


def _any_in(name: str, dtype: pl.DataType, wanted: pl.Series) -> pl.Expr:
    column, ids = pl.col(name), wanted.implode()
    if isinstance(dtype, pl.List):
        return column.list.eval(pl.element().is_in(ids)).list.any().fill_null(value=False)
    return column.cast(pl.String).is_in(ids).fill_null(value=False)


def _values(frame: pl.DataFrame, name: str) -> list[str]:
    values = frame[name].explode() if isinstance(frame.schema[name], pl.List) else frame[name]
    return [str(value) for value in values if value is not None]
