"""Human ratings from a file or table: one number per case, rater and dimension, and nothing guessed."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from xinheng.errors import InputError

# What a column may be called; the first that is there.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "case_id": ("case_id", "item_id", "id"),
    "rater": ("rater", "rater_id", "annotator", "annotator_id"),
    "dimension": ("dimension", "question", "measure"),
    "value": ("value", "rating", "score", "grade"),
}
RATING: Final = {
    "case_id": pl.String(),
    "system": pl.String(),
    "rater": pl.String(),
    "dimension": pl.String(),
    "value": pl.Float64(),
}
# What raters or exports write where there is no rating.
NOT_GIVEN: Final = frozenset(
    {"", "na", "n/a", "n.a.", "nan", "none", "null", "-", "–", "—", "無", "无", "不適用", "不适用"}
)
_SUBMITTED: Final = "submitted"
_SHOWN: Final = 5


def read_ratings(path: Path) -> pl.DataFrame:
    """Ratings of a CSV, TSV, JSONL or Parquet file; see `ratings`.

    Raises:
        InputError: The file cannot be read, or holds no ratings.
    """
    who = str(path)
    if not path.is_file():
        raise InputError(who, "no such file", want="CSV, TSV, JSONL or Parquet with ratings, or an artifact of them")
    body, kind = path.read_bytes(), path.suffix.lower()
    if not body:
        raise InputError(who, "empty", want="a table of ratings")
    try:
        if kind in (".csv", ".tsv"):
            text, separator = _separated(body.decode("utf-8-sig"), "\t" if kind == ".tsv" else ",")
            frame = pl.read_csv(io.StringIO(text), infer_schema=False, separator=separator)
        elif kind in (".jsonl", ".ndjson"):
            frame = pl.read_ndjson(io.BytesIO(body), infer_schema_length=None)
        elif kind == ".parquet":
            frame = pl.read_parquet(io.BytesIO(body))
        else:
            raise InputError(who, "of no known kind", want=".csv, .tsv, .jsonl or .parquet", have=kind or "no suffix")
    except UnicodeDecodeError:
        mend = 'Save it as UTF-8; in Excel: "CSV UTF-8 (Comma delimited)".'
        raise InputError(who, "not UTF-8", mend=mend) from None
    except pl.exceptions.PolarsError as error:
        raise InputError(who, "cannot be read", want=f"a whole {kind} file", have=type(error).__name__) from None
    return ratings(frame, who=who)


def _separated(text: str, usual: str) -> tuple[str, str]:
    """A table's text and what stands between its cells: in half of Europe Excel writes semicolons, and may say so."""
    if said := re.match(r"sep=(.)\r?\n", text):
        return text[said.end() :], said[1]
    header = text.partition("\n")[0]
    return text, usual if usual in header else max(";\t,", key=header.count)


def ratings(frame: pl.DataFrame, *, who: str) -> pl.DataFrame:
    """RATING rows of a table.

    Rows whose `status` is another than submitted are left out; N/A codes are missing; `system` is null where the
    table has no such column.

    Args:
        frame: With columns case_id, rater, dimension, value under one of `NAMES`; perhaps system and status.
        who: The file, for messages.

    Raises:
        InputError: Columns are missing, values are no numbers, or somebody rated the same twice; all at once.
    """
    places = {name: next((n for n in known if n in frame.columns), None) for name, known in NAMES.items()}
    if missing := [name for name, place in places.items() if place is None]:
        raise InputError(
            who, f"no column {', '.join(missing)}", want="case_id, rater, dimension, value; perhaps system, status",
            have=f"columns {', '.join(frame.columns[:12])}",
        )  # fmt: skip
    if "status" in frame.columns:
        frame = frame.filter(pl.col("status").cast(pl.String).str.to_lowercase() == _SUBMITTED)
    found = frame.select(
        *(pl.col(str(place)).alias(name) for name, place in places.items()),
        pl.col("system").cast(pl.String) if "system" in frame.columns else pl.lit(None, pl.String).alias("system"),
    ).with_columns(pl.col("case_id", "rater", "dimension").cast(pl.String).str.strip_chars())
    values = [_number(value) for value in found["value"]]
    wrong = [number for number, value in enumerate(values, start=1) if value is not None and math.isinf(value)]
    nameless = found.filter(pl.any_horizontal(pl.col("case_id", "rater", "dimension").fill_null("") == "")).height
    given = found.with_columns(value=pl.Series(values, dtype=pl.Float64)).select(list(RATING))
    twice = given.height - given.unique(["case_id", "system", "rater", "dimension"]).height
    faults = [
        f"{len(wrong):,} values that are no numbers (rows {', '.join(map(str, wrong[:_SHOWN]))}"
        f"{' …' if len(wrong) > _SHOWN else ''})" if wrong else "",
        f"{nameless:,} rows without case, rater or dimension" if nameless else "",
        f"{twice:,} ratings of the same by the same rater again" if twice else "",
        "no rating" if not given["value"].count() else "",
    ]  # fmt: skip
    if told := [fault for fault in faults if fault]:
        raise InputError(
            who, "ratings that cannot be used", want="one number per case, rater and dimension", have="; ".join(told)
        )
    return given.sort("case_id", "system", "dimension", "rater")


def _number(value: object) -> float | None:
    """A rating as a number, None where it is missing, infinite for what is neither."""
    if value is None:
        return None
    if isinstance(value, bool):
        return math.inf
    if isinstance(value, int | float):
        return None if math.isnan(value) else float(value)
    text = str(value).strip()
    if text.lower() in NOT_GIVEN:
        return None
    try:
        return float(text) if text.isascii() and "_" not in text else math.inf
    except ValueError:
        return math.inf
