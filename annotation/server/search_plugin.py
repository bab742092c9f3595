"""Argilla's search engine on Argilla's own database: no Elasticsearch, no second copy of anything but the words.

Importing this module registers the engine `xinheng`. Filters, orders and progress read Argilla's tables as they stand,
so they cannot disagree with them; only the index of words is kept beside, and mended at start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import search_order
import search_progress
import search_text
import search_vectors
from argilla_server.enums import SimilarityOrder
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import Dataset, MetadataProperty, Record, Response, Suggestion, User, VectorSettings
from argilla_server.search_engine import (
    Filter,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TextQuery,
)
from search_database import Session
from search_filters import Names, answered, condition, queue_of, read_names, scopes_of
from search_matches import Words, has_without
from search_query import parse
from sqlalchemy import ColumnElement, Subquery, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

_FEW: Final = 2000


@SearchEngine.register("xinheng")
class Searches(SearchEngine):
    """The engine; it holds nothing, and each call has a session of its own, after the caller's commit."""

    @classmethod
    async def new_instance(cls) -> Searches:
        """One for each request."""
        return cls()

    async def close(self) -> None:
        """Nothing to close."""

    async def ping(self) -> bool:
        """Whether the database answers."""
        async with Session() as db:
            return await db.scalar(select(literal(1))) == 1

    async def info(self) -> dict[str, Any]:
        """What the server's page of its state shows."""
        return {"name": "xinheng"}

    async def create_index(self, dataset: Dataset) -> None:
        """Make the dataset's index of words."""
        async with Session.begin() as db:
            await search_text.make(db, dataset.id)

    async def delete_index(self, dataset: Dataset) -> None:
        """Throw it away, where there is one."""
        async with Session.begin() as db:
            await search_text.drop(db, dataset.id)

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        """Nothing: values are read from the records themselves, those that came before the property too."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Index the words of new and changed records."""
        async with Session.begin() as db:
            await search_text.put(db, dataset.id, records)

    async def partial_record_update(self, record: Record, **update: Any) -> None:
        """Nothing: status and all else of a record are read where Argilla stores them."""

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Take the words of deleted records out."""
        async with Session.begin() as db:
            await search_text.remove(db, dataset.id, [record.id for record in records])

    async def update_record_response(self, response: Response) -> None:
        """Nothing: responses are read where Argilla stores them."""

    async def delete_record_response(self, response: Response) -> None:
        """Nothing, as for an update."""

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """Nothing: suggestions are read where Argilla stores them."""

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """Nothing, as for an update."""

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """See `search_progress`."""
        async with Session() as db:
            return await search_progress.of_dataset(db, dataset)

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """See `search_progress`."""
        async with Session() as db:
            return await search_progress.of_user(db, dataset, user)

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """See `search_progress`."""
        async with Session() as db:
            return await search_progress.of_property(db, metadata_property)

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: Any = None,
    ) -> SearchResponses:
        """A page of the dataset's records, and how many there are in all.

        Args:
            dataset: Where to search.
            query: What a person typed, and perhaps the one field it is about.
            filter: Conditions, see `search_filters`.
            sort: The order; without it the best match first, then the user's own order (see `search_order`).
            offset: So many are passed over.
            limit: So many at most.
            user_id: Whose search; None for one without a person, in the order of arrival.

        Returns:
            Records with scores: how well the query matches, 1 without a query, None where a sort is asked.
        """
        async with Session() as db:
            scopes = [*scopes_of(filter), *(order.scope for order in sort or [])]
            names = await read_names(db, dataset.id, scopes, user_id)
            asked = await _asked(db, dataset, query, filter, names)
            if asked is None:
                return SearchResponses(items=[], total=0)
            if sort:
                order = search_order.asked(sort, names)
            elif user_id is not None:
                order = await search_order.planned(db, dataset.id) or search_order.shuffled(user_id)
            else:
                order = search_order.arrival()
            if asked.matches:
                return await _matching(db, asked, order, offset, limit, scored=not sort)
            total, gone = await _count(db, asked)
            if offset >= total or limit <= 0:
                return SearchResponses(items=[], total=total)
            where = _narrowed(asked, order, offset + limit + gone) if 0 < gone <= _FEW else asked.where
            found = await db.scalars(select(Record.id).where(*where).order_by(*order).offset(offset).limit(limit))
        score = None if sort else 1.0
        return SearchResponses(items=[SearchResponseItem(record_id=r, score=score) for r in found], total=total)

    async def similarity_search(  # noqa: PLR0917 the base class's
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
        user_id: Any = None,
    ) -> SearchResponses:
        """The records most (or least) like a vector or another record, which itself is left out.

        Raises:
            ValueError: Neither or both of vector and record are given, or the record has no such vector.
            UnprocessableEntityError: The vector cannot be compared with the dataset's.
        """
        if bool(value) == bool(record):
            raise ValueError("Must provide either vector value or record to compute the similarity search")
        given = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not given:
            raise ValueError("Cannot find a vector value to apply with provided info")
        wanted = search_vectors.checked(given, vector_settings)
        if order == SimilarityOrder.least_similar:
            wanted = [-number for number in wanted]
        async with Session() as db:
            names = await read_names(db, dataset.id, scopes_of(filter), user_id)
            asked = await _asked(db, dataset, query, filter, names)
            if asked is None:
                return SearchResponses(items=[], total=0)
            where = [*asked.where, *asked.matches, *([Record.id != record.id] if record is not None else [])]
            found = await search_vectors.nearest(db, vector_settings, wanted, where, most=max_results)
        items = [SearchResponseItem(record_id=r, score=s) for r, s in found if threshold is None or s >= threshold]
        return SearchResponses(items=items, total=len(items))


@dataclass(frozen=True)
class _Asked:
    """What a search asks of `records`: filters, matches of a query of words and their scores.

    `others` and `waiting`: the filters but for "pending for this user", if they ask for that. `all_scored`: who has a
    score matches, so that the index need not be asked twice.
    """

    where: list[ColumnElement[bool]]
    others: list[ColumnElement[bool]]
    waiting: User | None = None
    matches: tuple[ColumnElement[bool], ...] = ()
    scores: Subquery | None = None
    all_scored: bool = False


async def _asked(
    db: AsyncSession, dataset: Dataset, query: TextQuery | str | None, filter_: Filter | None, names: Names
) -> _Asked | None:
    """What is asked; None where nothing can match."""
    others, waiting = [Record.dataset_id == dataset.id], None
    if filter_ is not None:
        rest, waiting = queue_of(filter_)
        others.append(condition(rest, names))
    where = others if waiting is None else [*others, ~answered(waiting)]
    if query is None:
        return _Asked(where, others, waiting)
    typed, field = (query, None) if isinstance(query, str) else (query.q, query.field)
    tree = parse(typed)
    if tree is None or dataset.is_draft:
        return None
    place = None
    if field is not None:
        fields = [found.name for found in await search_text.fields_of(db, dataset.id)]
        if field not in fields:
            raise UnprocessableEntityError(f"Field `{field}` not found in dataset `{dataset.id}`.")
        place = fields.index(field)
    words = Words(dataset.id, place)
    found = (words.condition(tree),), words.scores(tree)
    return _Asked(where, others, waiting, *found, all_scored=not has_without(tree))


async def _count(db: AsyncSession, asked: _Asked) -> tuple[int, int]:
    """How many are found, and how many the filters alone would find that the user has answered."""
    count = select(func.count(Record.id)).where(*asked.others)
    total = await db.scalar(count) or 0
    gone = (await db.scalar(count.where(answered(asked.waiting))) or 0) if total and asked.waiting else 0
    return total - gone, gone


def _narrowed(asked: _Asked, order: list[ColumnElement[Any]], most: int) -> list[ColumnElement[bool]]:
    """Conditions that look for responses only among the first so many records, enough to fill the page."""
    first = select(Record.id).where(*asked.others).order_by(*order).limit(most).subquery()
    return [Record.id.in_(select(first.c.id)), ~answered(asked.waiting)]


async def _matching(
    db: AsyncSession, asked: _Asked, order: list[ColumnElement[Any]], offset: int, limit: int, *, scored: bool
) -> SearchResponses:
    """A page of records that match a query of words; counted in one go, since the index is what takes the time."""
    where, score, page = [*asked.where, *asked.matches], literal(1.0), select(Record.id)
    if asked.scores is not None and scored:
        score = func.coalesce(asked.scores.c.score, 1.0)
        page = page.join(asked.scores, asked.scores.c.record_id == Record.id, isouter=not asked.all_scored)
        where = asked.where if asked.all_scored else where
    order = [score.desc(), *order] if scored else order
    page = page.add_columns(score, func.count().over()).where(*where).order_by(*order).offset(offset)
    found = (await db.execute(page.limit(max(limit, 1)))).all()
    # A page beyond the last record says nothing of those before it.
    count = select(func.count(Record.id)).where(*asked.where, *asked.matches)
    total = found[0][2] if found else (await db.scalar(count) or 0) if offset else 0
    items = [SearchResponseItem(record_id=r, score=s if scored else None) for r, s, _ in found[:limit]]
    return SearchResponses(items=items, total=total)
