"""Digests of rows and tables: equal for equal rows in any order, file layout or Parquet writer.

Each row becomes an unambiguous text (lengths stand before what has a length), the text a SHA-256, and
the sorted digests of all rows the digest of the table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from xinheng.errors import ArtifactError
from xinheng.shards import in_pieces

if TYPE_CHECKING:
    from polars._typing import PolarsDataType


def digest(frame: pl.DataFrame) -> str:
    """The digest of a table: equal for equal rows in any order of rows and columns.

    >>> digest(pl.DataFrame({"a": [1, 2]})) == digest(pl.DataFrame({"a": [2, 1]}))
    True
    """
    return combine([row_digests(frame)])


def row_digests(frame: pl.DataFrame) -> pl.Series:
    """SHA-256 of each row (lower-case hex), by column name and value, independent of column order."""
    import polars_hash

    if not frame.width or not frame.height:
        return pl.Series("digest", [], dtype=pl.String)
    columns = [
        pl.concat_str(pl.lit(f"{len(name)}:{name}{_shape(dtype)}="), _canonical(pl.col(name), dtype))
        for name, dtype in sorted(frame.schema.items())
    ]
    # In pieces: the canonical text of a whole table would double the memory that it takes.
    return in_pieces(
        frame,
        lambda rows: rows.select(digest=pl.concat_str(columns, separator="\x1f")).select(
            polars_hash.col("digest").chash.sha2_256()
        ),
    ).to_series()


def value_hashes(frame: pl.DataFrame) -> pl.DataFrame:
    """A 64-bit hash of each value (UInt64, never null): equal for values that a digest takes for the same.

    The hashes compare within one process and for one type only: another Polars may hash otherwise.
    """
    columns = [
        (pl.col(name) if _plain(dtype) else _canonical(pl.col(name), dtype)).hash().alias(name)
        for name, dtype in frame.schema.items()
    ]
    return in_pieces(frame, lambda rows: rows.select(columns)) if columns else pl.DataFrame(height=frame.height)


def _plain(dtype: PolarsDataType) -> bool:
    """Whether equal values have one representation: not so floats, of which some are equal and print otherwise."""
    if isinstance(dtype, pl.List):
        return _plain(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_plain(field.dtype) for field in dtype.fields)
    return dtype == pl.String or dtype.is_integer() or dtype == pl.Boolean


def _shape(dtype: PolarsDataType) -> str:
    """What a value's text does not say of its type: names of fields, units of time."""
    if isinstance(dtype, pl.List):
        return f"[{_shape(dtype.inner)}]"
    if isinstance(dtype, pl.Struct):
        fields = sorted(dtype.fields, key=lambda f: f.name)
        return "{" + ",".join(f"{len(f.name)}:{f.name}{_shape(f.dtype)}" for f in fields) + "}"
    if isinstance(dtype, pl.Datetime):
        return f"t{dtype.time_unit}{dtype.time_zone or ''}"
    return f"d{dtype.time_unit}" if isinstance(dtype, pl.Duration) else ""


def _canonical(value: pl.Expr, dtype: PolarsDataType) -> pl.Expr:
    """A text that differs whenever the value does: lengths stand before what has a length."""
    if isinstance(dtype, pl.List):
        items = value.list.eval(_canonical(pl.element(), dtype.inner))
        text = pl.concat_str(pl.lit("["), value.list.len().cast(pl.String), pl.lit(":"), items.list.join(","))
    elif isinstance(dtype, pl.Struct):
        fields = [_canonical(value.struct.field(f.name), f.dtype) for f in sorted(dtype.fields, key=lambda f: f.name)]
        text = pl.when(value.is_not_null()).then(pl.concat_str(pl.lit("{"), *fields))
    elif dtype == pl.String:
        text = pl.concat_str(value.str.len_bytes().cast(pl.String), pl.lit(":"), value)
    elif isinstance(dtype, pl.Datetime | pl.Duration):
        text = pl.concat_str(pl.lit("t"), value.cast(pl.Int64).cast(pl.String))
    elif dtype.is_float():
        # Bits, not digits: how a float is printed is the printer's choice.
        text = pl.concat_str(pl.lit("f"), value.cast(pl.Float64).reinterpret(signed=False).cast(pl.String))
    elif dtype.is_integer() or dtype in (pl.Boolean, pl.Null):
        text = pl.concat_str(pl.lit("i"), value.cast(pl.String))
    else:
        raise ArtifactError("digest", "type without a digest", have=str(dtype), mend="Cast the column.")
    return text.fill_null("~")


def combine(digests: Sequence[pl.Series]) -> str:
    """The digest of a table whose rows have these digests, in any order."""
    rows = pl.concat(digests).sort() if digests else pl.Series("digest", [], dtype=pl.String)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
