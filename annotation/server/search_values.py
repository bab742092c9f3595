"""What stands inside Argilla's JSON columns, as SQL for SQLite and PostgreSQL.

A stored value is one answer or a list of answers (several labels), so each is read as a small table with one row per
answer. Numbers compare as numbers, everything else as text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_database import ON_SQLITE, is_sendable, sendable
from sqlalchemy import ColumnElement, Float, Text, and_, case, cast, false, func, literal_column, select
from sqlalchemy.sql.selectable import TableValuedAlias

_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"


@dataclass(frozen=True)
class Answers:
    """One row per answer in a JSON column: its table and its value as text and as number (null: not a number)."""

    table: TableValuedAlias
    text: ColumnElement[str]
    number: ColumnElement[float]

    def exist(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether one of the answers fulfils the condition."""
        return select(literal_column("1")).select_from(self.table).where(condition).exists()

    def equal_one_of(self, values: Sequence[str], *, numeric: bool) -> ColumnElement[bool]:
        """Whether one of the answers is one of the values; `"3"` is the number 3 where answers are numbers."""
        if numeric:
            numbers = [n for n in map(to_number, values) if n is not None]
            return self.exist(self.number.in_(numbers)) if numbers else false()
        texts = sendable([str(value) for value in values])
        return self.exist(self.text.in_(texts)) if texts else false()

    def between(self, ge: Any, le: Any, *, numeric: bool) -> ColumnElement[bool]:
        """Whether one of the answers lies between the bounds, both included; a bound of None is no bound."""
        limits = bounds(self.number if numeric else self.text, ge, le, numeric=numeric)
        return false() if limits is None else self.exist(limits)


def bounds(column: ColumnElement[Any], ge: Any, le: Any, *, numeric: bool) -> ColumnElement[bool] | None:
    """The column between the bounds; None where a bound cannot be read, since nothing then lies between them."""
    conditions = []
    for bound, above in ((ge, True), (le, False)):
        if bound is None:
            continue
        value = to_number(bound) if numeric else str(bound)
        if value is None or (isinstance(value, str) and not is_sendable(value)):
            return None
        conditions.append(column >= value if above else column <= value)
    return and_(column.is_not(None), *conditions)


def answers(column: ColumnElement[Any], *path: str) -> Answers | None:
    """The answers at a path of a JSON column; None for names that no JSON path can hold."""
    if any('"' in name or "\\" in name or not is_sendable(name) for name in path):
        return None
    return _answers_sqlite(column, path) if ON_SQLITE else _answers_postgres(column, path)


def _answers_sqlite(column: ColumnElement[Any], path: Sequence[str]) -> Answers:
    steps = "$" + "".join(f".{json.dumps(name, ensure_ascii=False)}" for name in path)
    table = func.json_each(column, steps).table_valued("value", "type", "atom")
    kind, value = table.c.type, table.c.value
    text = case((kind == "true", "true"), (kind == "false", "false"), else_=cast(table.c.atom, Text))
    written = and_(kind == "text", value.op("GLOB")("*[0-9]*"), ~value.op("GLOB")("*[^-+0-9.eE]*"))
    number = case((kind.in_(("integer", "real")), cast(value, Float)), (written, cast(value, Float)), else_=None)
    return Answers(table, text, number)


def _answers_postgres(column: ColumnElement[Any], path: Sequence[str]) -> Answers:
    # An escaped NUL cannot become text in PostgreSQL; one such row would fail every search of its dataset.
    readable = case(
        (func.position(literal_column(r"E'\\u0000'").op("IN")(cast(column, Text))) == 0, column), else_=None
    )
    at = func.json_extract_path(readable, *path) if path else readable
    kind = func.json_typeof(at)
    rows = case((kind == "array", at), (kind == "object", func.json_build_array()), else_=func.json_build_array(at))
    table = func.json_array_elements_text(rows).table_valued("value")
    text = cast(table.c.value, Text)
    number = case((text.op("~")(_NUMBER), cast(text, Float)), else_=None)
    return Answers(table, text, number)


def to_number(value: Any) -> float | None:
    """The finite number that is written; None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
