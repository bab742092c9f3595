"""A query's tree as SQL: which records match, and how well.

FTS5 knows NOT only between two queries, so what is negative becomes SQL around it and what is positive stays one
query; PostgreSQL takes a whole tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from argilla_server.models import Record
from search_database import ON_SQLITE
from search_query import Every, Node, Phrase, Some, Without
from search_text import POSTGRES, name_of
from sqlalchemy import (
    ColumnElement,
    Float,
    Subquery,
    Text,
    Uuid,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

_AND: Final = " AND "
_OR: Final = " OR "


@dataclass(frozen=True)
class Words:
    """The index of one dataset, and the one field (by its place) that a query is about, or None for all."""

    dataset_id: UUID
    place: int | None = None

    def condition(self, tree: Node) -> ColumnElement[bool]:
        """Whether a record matches the tree."""
        return self._sqlite(tree) if ON_SQLITE else Record.id.in_(select(self._rows(tree).c.record_id))

    def scores(self, tree: Node) -> Subquery | None:
        """`record_id` and `score` (> 0, greater is better) of records that hold a phrase asked for.

        None where nothing is asked for, only something unwanted.
        """
        if not has_without(tree):
            return self._rows(tree, with_score=True)
        wanted = _wanted(tree)
        return self._rows(Some(tuple(wanted)), with_score=True) if wanted else None

    def _rows(self, tree: Node, *, with_score: bool = False) -> Subquery:
        if ON_SQLITE:
            name = name_of(self.dataset_id)
            whole: ColumnElement[Any] = literal_column(name)
            found = table(name, column("record_id", Uuid()))
            query = self._fts5(tree)
            score = -func.bm25(whole)
            rows = select(found.c.record_id, *([score.label("score")] if with_score else [])).select_from(found)
            return rows.where(whole.op("MATCH")(query)).subquery()
        asked = cast(cast(literal(self._tsquery(tree)), Text), TSQUERY)
        score = cast(func.ts_rank(POSTGRES.c.words, asked), Float)
        rows = select(POSTGRES.c.record_id, *([score.label("score")] if with_score else []))
        return rows.where(POSTGRES.c.dataset_id == self.dataset_id, POSTGRES.c.words.op("@@")(asked)).subquery()

    def _sqlite(self, tree: Node) -> ColumnElement[bool]:
        if not has_without(tree):
            return Record.id.in_(select(self._rows(tree).c.record_id))
        if isinstance(tree, Without):
            return ~self._sqlite(tree.part)
        assert isinstance(tree, Every | Some)  # noqa: S101  for the type checker
        kind, other = (Every, Some) if isinstance(tree, Every) else (Some, Every)
        plain = tuple(part for part in tree.parts if not has_without(part))
        # Not a and not b is not (a or b): one query of FTS5 instead of two.
        unwanted = tuple(p.part for p in tree.parts if isinstance(p, Without) and not has_without(p.part))
        rest = [p for p in tree.parts if has_without(p) and not (isinstance(p, Without) and not has_without(p.part))]
        conditions = [self._sqlite(part) for part in rest]
        if plain:
            conditions.append(self._sqlite(kind(plain)))
        if unwanted:
            conditions.append(~self._sqlite(other(unwanted)))
        return and_(*conditions) if isinstance(tree, Every) else or_(*conditions)

    def _fts5(self, tree: Node) -> str:
        query = _written(tree, self._fts5_phrase, _AND, _OR, "")
        return query if self.place is None else f"f{self.place} : ({query})"

    @staticmethod
    def _fts5_phrase(phrase: Phrase) -> str:
        return f'"{" ".join(phrase.words)}"{" *" if phrase.open_end else ""}'

    def _tsquery(self, tree: Node) -> str:
        return _written(tree, self._tsquery_phrase, " & ", " | ", "!")

    def _tsquery_phrase(self, phrase: Phrase) -> str:
        before = "" if self.place is None else f"{self.place}:"
        row = " <-> ".join(f"'{before}{word}'" for word in phrase.words)
        return f"({row}{':*' if phrase.open_end else ''})"


def _written(tree: Node, phrase: Any, every: str, some: str, without: str) -> str:
    if isinstance(tree, Phrase):
        return str(phrase(tree))
    if isinstance(tree, Without):
        return f"{without}({_written(tree.part, phrase, every, some, without)})"
    sign = every if isinstance(tree, Every) else some
    return "(" + sign.join(_written(part, phrase, every, some, without) for part in tree.parts) + ")"


def has_without(tree: Node) -> bool:
    """Whether anything in the tree is unwanted."""
    if isinstance(tree, Phrase):
        return False
    return isinstance(tree, Without) or any(has_without(part) for part in tree.parts)


def _wanted(tree: Node) -> list[Phrase]:
    if isinstance(tree, Phrase):
        return [tree]
    if isinstance(tree, Without):
        return []
    return [phrase for part in tree.parts for phrase in _wanted(part)]
