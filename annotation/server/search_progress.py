"""How far a dataset and a rater are, and what stands in a metadata property."""

from __future__ import annotations

from argilla_server.enums import RecordStatus, ResponseStatus
from argilla_server.models import Dataset, MetadataProperty, Record, Response, User
from argilla_server.search_engine import FloatMetadataMetrics, IntegerMetadataMetrics, MetadataMetrics, TermsMetrics
from search_values import answers
from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

_MOST_TERMS = 2**14


async def of_dataset(db: AsyncSession, dataset: Dataset) -> dict[str, int]:
    """Records of the dataset: total, completed (enough raters submitted), pending; empty for a draft."""
    if dataset.is_draft:
        return {}
    query = select(Record.status, func.count()).where(Record.dataset_id == dataset.id).group_by(Record.status)
    counted = {RecordStatus(status).value: count for status, count in (await db.execute(query)).all()}
    return {"total": sum(counted.values()), **{s.value: counted.get(s.value, 0) for s in RecordStatus}}


async def of_user(db: AsyncSession, dataset: Dataset, user: User) -> dict[str, int]:
    """The user's responses in the dataset: total, submitted, draft, discarded; empty for a draft dataset."""
    if dataset.is_draft:
        return {}
    query = (
        select(Response.status, func.count())
        .join(Record, Record.id == Response.record_id)
        .where(Response.user_id == user.id, Record.dataset_id == dataset.id)
        .group_by(Response.status)
    )
    counted = {ResponseStatus(status).value: count for status, count in (await db.execute(query)).all()}
    return {"total": sum(counted.values()), **{s.value: counted.get(s.value, 0) for s in ResponseStatus}}


async def of_property(db: AsyncSession, found: MetadataProperty) -> MetadataMetrics:
    """The property's terms with their counts, most frequent first, or its least and greatest number."""
    stored = answers(Record.metadata_, found.name)
    if stored is None:
        return TermsMetrics(total=0)
    if found.is_terms:
        count = func.count()
        query = (
            select(stored.text, count)
            .select_from(Record)
            .join(stored.table, true())
            .where(Record.dataset_id == found.dataset_id, stored.text.is_not(None))
            .group_by(stored.text)
            .order_by(count.desc(), stored.text)
        )
        rows = (await db.execute(query)).all()
        values = [TermsMetrics.TermCount(term=term, count=number) for term, number in rows[:_MOST_TERMS]]
        return TermsMetrics(total=sum(number for _, number in rows), values=values)
    query = (
        select(func.min(stored.number), func.max(stored.number))
        .select_from(Record)
        .join(stored.table, true())
        .where(Record.dataset_id == found.dataset_id)
    )
    least, greatest = (await db.execute(query)).one()
    if found.is_integer:
        return IntegerMetadataMetrics(
            min=None if least is None else int(least), max=None if greatest is None else int(greatest)
        )
    return FloatMetadataMetrics(min=least, max=greatest)
