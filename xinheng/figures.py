"""Figures that anybody can compute again: small expressions, as JSON, over the tables and files of a folder.

An expression is data and never code: it names a table and what to count, or a file and the place in it. So the file
that holds it may come from anywhere.

    {"rows": TABLE, "where": {COLUMN: VALUE, LIST_COLUMN: {"has": VALUE}}}    how many rows
    {"distinct": [TABLE, COLUMN], "where": …}                               how many different values, null apart
    {"items": [TABLE, LIST_COLUMN], "where": …}                             how many items the lists hold
    {"cell": [TABLE, COLUMN], "where": …}                                   the value of the one row that fits
    {"named": TABLE, "where": {COLUMN: VALUE}}                              VALUE, where a row has it
    {"file": NAME, "at": [KEY, INDEX, {FIELD: VALUE}, …]}                   a value in a JSON file of the folder
    {"file": NAME, "at": …, "key": KEY}                                     KEY, where the object there has it
    {"derived": NAME, "at": […]}                                            the same in what is worked out from the rows
    {"bytes": PATTERN}, {"files": PATTERN}                                  size and number of the folder's files
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import polars as pl

from xinheng.errors import InputError

Expression = Mapping[str, Any]
Derived = Callable[[], Any]
_KINDS: Final = ("rows", "distinct", "items", "cell", "named", "file", "derived", "bytes", "files")
_MEND: Final = "Publish it again."


@dataclass
class Book:
    """What expressions are worked out from; whatever was once looked at is remembered.

    Args:
        folder: Whose files `file`, `bytes` and `files` name.
        tables: By name.
        derived: Functions that work something out from the rows, by name; each is called once at most.
        documents: JSON files that are not written yet, by name.
    """

    folder: Path
    tables: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    def value(self, expression: Expression) -> Any:
        """What an expression comes to now.

        Raises:
            InputError: It is none, or names what is not there.
        """
        kind = next((name for name in _KINDS if isinstance(expression, Mapping) and name in expression), None)
        if kind is None:
            raise InputError("claims", "an expression of no known kind", want=", ".join(_KINDS), mend=_MEND)
        try:
            return _WORKED_OUT[kind](self, expression)
        except (KeyError, IndexError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise InputError(
                "claims", f"a figure of kind {kind} cannot be worked out", have=type(error).__name__, mend=_MEND
            ) from error

    def table(self, name: str) -> pl.LazyFrame:
        """A table by its name."""
        return self.tables[name]

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def rows(table: str, **where: Any) -> Expression:
    """How many rows of a table fit.

    >>> rows("dialogue", split="train")
    {'rows': 'dialogue', 'where': {'split': 'train'}}
    """
    return {"rows": table, **({"where": where} if where else {})}


def in_file(name: str, *at: Any) -> Expression:
    """A value in a JSON file."""
    return {"file": name, "at": list(at)}


def key_in_file(key: str, name: str, *at: Any) -> Expression:
    """The name of a field of an object in a JSON file."""
    return {"file": name, "at": list(at), "key": key}


def named(table: str, column: str, value: Any) -> Expression:
    """A value that rows have."""
    return {"named": table, "where": {column: value}}


def in_derived(name: str, *at: Any) -> Expression:
    """A value in what is worked out from the rows."""
    return {"derived": name, "at": list(at)}


def _rows(book: Book, expression: Expression) -> int:
    name, where = str(expression["rows"]), _where(expression)
    columns = sorted(where)
    listed = [column for column in columns if isinstance(where[column], Mapping)]

    def counted() -> pl.DataFrame:
        # One pass for all figures over the same columns.
        frame = book.table(name).select(columns)
        for column in listed:
            frame = frame.with_columns(pl.col(column).list.unique())
            frame = frame.explode(column, empty_as_null=True, keep_nulls=True)
        grouped = frame.group_by(columns).len() if columns else frame.select(len=pl.len())
        return grouped.collect(engine="streaming")

    if not columns:
        return int(book.once(f"rows {name}", lambda: book.table(name).select(pl.len()).collect().item()))
    found = book.once(f"rows {name} {columns} {listed}", counted)
    return int(found.filter(_fits(where))["len"].sum())


def _distinct(book: Book, expression: Expression) -> int:
    name, column = expression["distinct"]
    frame = book.table(name).filter(_fits(_where(expression))).select(pl.col(column).drop_nulls().n_unique())
    return int(book.once(f"distinct {expression}", lambda: frame.collect(engine="streaming").item()))


def _items(book: Book, expression: Expression) -> int:
    name, column = expression["items"]
    frame = book.table(name).filter(_fits(_where(expression))).select(pl.col(column).list.len().sum())
    return int(book.once(f"items {expression}", lambda: frame.collect(engine="streaming").item()) or 0)


def _cell(book: Book, expression: Expression) -> Any:
    name, column = expression["cell"]
    table = book.once(f"table {name}", lambda: book.table(name).collect())
    found = table.filter(_fits(_where(expression)))[column]
    if found.len() != 1:
        raise ValueError(f"{found.len()} rows")
    return found.item()


def _named(book: Book, expression: Expression) -> Any:
    ((_, value),) = _where(expression).items()
    if not _rows(book, {"rows": expression["named"], "where": expression["where"]}):
        raise ValueError("no such row")
    return value["has"] if isinstance(value, Mapping) else value


def _file(book: Book, expression: Expression) -> Any:
    name = PurePosixPath(str(expression["file"]))
    if name.is_absolute() or ".." in name.parts:
        raise InputError("claims", "a claim leads out of the folder", have=repr(str(name)))

    def read() -> Any:
        if str(name) in book.documents:
            return book.documents[str(name)]
        try:
            return json.loads((book.folder / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError("claims", f"{name} cannot be read", have=error.strerror or "") from error

    found = _at(book.once(f"file {name}", read), expression.get("at", ()))
    if "key" not in expression:
        return found
    if expression["key"] not in found:
        raise KeyError(expression["key"])
    return expression["key"]


def _derived(book: Book, expression: Expression) -> Any:
    name = str(expression["derived"])
    return _at(book.once(f"derived {name}", book.derived[name]), expression.get("at", ()))


def _bytes(book: Book, expression: Expression) -> int:
    return sum(path.stat().st_size for path in _matching(book, expression["bytes"]))


def _files(book: Book, expression: Expression) -> int:
    return len(_matching(book, expression["files"]))


def _matching(book: Book, pattern: str) -> list[Path]:
    if ".." in PurePosixPath(pattern).parts or PurePosixPath(pattern).is_absolute():
        raise InputError("claims", "a claim leads out of the folder", have=repr(pattern))
    return sorted(path for path in book.folder.glob(pattern) if path.is_file())


def _where(expression: Expression) -> dict[str, Any]:
    where = dict(expression.get("where") or {})
    return {str(name): value for name, value in where.items()}


def _fits(where: Mapping[str, Any]) -> pl.Expr:
    tests = [_test(name, value["has"] if isinstance(value, Mapping) else value) for name, value in where.items()]
    return pl.all_horizontal(tests) if tests else pl.lit(value=True)


def _test(name: str, value: Any) -> pl.Expr:
    return pl.col(name).is_null() if value is None else pl.col(name) == value


def _at(value: Any, path: Sequence[Any]) -> Any:
    """The value at a path of keys, places in lists, and fields by which an item of a list is known."""
    for part in path:
        if isinstance(part, Mapping):
            fits = [one for one in value if all(one[name] == wanted for name, wanted in part.items())]
            if len(fits) != 1:
                raise ValueError(f"{len(fits)} entries")
            value = fits[0]
        else:
            value = value[part]
    return value


_WORKED_OUT: Final[Mapping[str, Callable[[Book, Expression], Any]]] = {
    "rows": _rows,
    "distinct": _distinct,
    "items": _items,
    "cell": _cell,
    "named": _named,
    "file": _file,
    "derived": _derived,
    "bytes": _bytes,
    "files": _files,
}
