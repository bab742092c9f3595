"""The index of words, and a query's tree as a condition on `records`.

SQLite has a table of FTS5 for each published dataset, with a column per field; PostgreSQL one table for all, where
each word stands once as it is and once with its field's number before it. Both are ours alone (`xinheng_…`), hold
words already cut, and can be thrown away: the next start makes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from argilla_server.models import Dataset, Field, Record
from search_database import ON_SQLITE, engine
from search_words import texts, words
from sqlalchemy import Select, Uuid, column, delete, except_, func, select, table, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession

PREFIX: Final = "xinheng_words"
POSTGRES: Final = table(PREFIX, column("record_id", Uuid()), column("dataset_id", Uuid()), column("words", TSVECTOR))
# PostgreSQL counts places up to here and takes a vector of up to a megabyte, places included.
_LAST_PLACE: Final = 16_383
_MOST_BYTES: Final = 400_000
_PAGE: Final = 1000


def name_of(dataset_id: UUID) -> str:
    """The dataset's table on SQLite."""
    return f"{PREFIX}_{dataset_id.hex}"


async def make(db: AsyncSession, dataset_id: UUID) -> None:
    """Make the dataset's index, empty, where it is absent."""
    if ON_SQLITE:
        columns = "".join(f", f{place}" for place in range(len(await fields_of(db, dataset_id))))
        made = f"CREATE VIRTUAL TABLE IF NOT EXISTS {name_of(dataset_id)} USING fts5"
        await db.execute(text(f"{made}(record_id UNINDEXED{columns}, tokenize = 'ascii')"))


async def make_shared() -> None:
    """Make what all datasets share, on PostgreSQL the one table; for the start."""
    if ON_SQLITE:
        return
    columns = "(record_id UUID PRIMARY KEY, dataset_id UUID NOT NULL, words TSVECTOR NOT NULL)"
    async with engine.begin() as connection:
        for statement in (
            f"CREATE TABLE IF NOT EXISTS {PREFIX} {columns}",
            f"CREATE INDEX IF NOT EXISTS {PREFIX}_dataset ON {PREFIX} (dataset_id)",
            f"CREATE INDEX IF NOT EXISTS {PREFIX}_words ON {PREFIX} USING gin (words)",
        ):
            await connection.execute(text(statement))


async def drop(db: AsyncSession, dataset_id: UUID) -> None:
    """Throw the dataset's index away; nothing where there is none."""
    if ON_SQLITE:
        await db.execute(text(f"DROP TABLE IF EXISTS {name_of(dataset_id)}"))
    else:
        await db.execute(delete(POSTGRES).where(POSTGRES.c.dataset_id == dataset_id))


async def put(db: AsyncSession, dataset_id: UUID, records: Iterable[Any]) -> None:
    """Index records (`id`, `fields`) in place of what stood there of them."""
    fields = await fields_of(db, dataset_id)
    made = [_row_sqlite(r, fields) if ON_SQLITE else _row_postgres(r, dataset_id, fields) for r in records]
    if not made:
        return
    if ON_SQLITE:
        columns = list(made[0])
        into = f"INSERT OR REPLACE INTO {name_of(dataset_id)} ({', '.join(columns)})"
        statement = f"{into} VALUES ({', '.join(f':{name}' for name in columns)})"
    else:
        statement = (
            f"INSERT INTO {PREFIX} (record_id, dataset_id, words) "
            "VALUES (:record_id, :dataset_id, CAST(CAST(:words AS TEXT) AS TSVECTOR)) "
            "ON CONFLICT (record_id) DO UPDATE SET words = excluded.words"
        )
    await db.execute(text(statement), made)


async def remove(db: AsyncSession, dataset_id: UUID, record_ids: Sequence[UUID]) -> None:
    """Take records out of the index, whether they are in it or not."""
    if not record_ids:
        return
    if ON_SQLITE:
        statement = text(f"DELETE FROM {name_of(dataset_id)} WHERE rowid = :row")
        await db.execute(statement, [{"row": _row_id(record_id)} for record_id in record_ids])
    else:
        await db.execute(delete(POSTGRES).where(POSTGRES.c.record_id.in_(record_ids)))


async def catch_up(db: AsyncSession, dataset_id: UUID) -> int:
    """Index records that are not indexed and take out those that are gone; how many were indexed.

    A process killed between a record's commit and its indexing leaves such a gap. Where there are as many on both
    sides nothing is compared: a start must not read the whole index.
    """
    await make(db, dataset_id)
    stored, indexed = select(Record.id).where(Record.dataset_id == dataset_id), _indexed(dataset_id)
    if await _size(db, dataset_id) == await db.scalar(select(func.count()).select_from(stored.subquery())):
        return 0
    await remove(db, dataset_id, (await db.scalars(except_(indexed, stored))).all())
    lacking = (await db.scalars(except_(stored, indexed))).all()
    for start in range(0, len(lacking), _PAGE):
        page = select(Record.id, Record.fields).where(Record.id.in_(lacking[start : start + _PAGE]))
        await put(db, dataset_id, (await db.execute(page)).all())
    return len(lacking)


async def drop_orphans(db: AsyncSession) -> None:
    """Throw indexes of datasets away that are deleted."""
    if not ON_SQLITE:
        await db.execute(delete(POSTGRES).where(POSTGRES.c.dataset_id.not_in(select(Dataset.id))))
        return
    made = await db.scalars(text(f"SELECT name FROM sqlite_master WHERE name GLOB '{PREFIX}_*' AND sql LIKE '%fts5%'"))
    known = {name_of(dataset_id) for dataset_id in await db.scalars(select(Dataset.id))}
    for name in made.all():
        if name not in known:
            await db.execute(text(f'DROP TABLE IF EXISTS "{name}"'))


async def fields_of(db: AsyncSession, dataset_id: UUID) -> list[Field]:
    """The dataset's fields in the order of their columns; a published dataset's fields stay what they are."""
    query = select(Field).where(Field.dataset_id == dataset_id).order_by(Field.inserted_at, Field.id)
    return list((await db.scalars(query)).all())


def _indexed(dataset_id: UUID) -> Select[Any]:
    if ON_SQLITE:
        return select(table(name_of(dataset_id), column("record_id", Uuid())).c.record_id)
    return select(POSTGRES.c.record_id).where(POSTGRES.c.dataset_id == dataset_id)


async def _size(db: AsyncSession, dataset_id: UUID) -> int:
    # FTS5's table of lengths has short rows, which are soon counted.
    counted = text(f"SELECT count(*) FROM {name_of(dataset_id)}_docsize")
    if not ON_SQLITE:
        return await db.scalar(select(func.count()).select_from(_indexed(dataset_id).subquery())) or 0
    return await db.scalar(counted) or 0


def _row_id(record_id: UUID) -> int:
    # FTS5 finds a row by a number only; the last 63 bits of a random UUID are one.
    return record_id.int & (2**63 - 1)


def _words_of(record: Any, field: Field) -> list[str]:
    if field.is_image:
        return []
    return [word for part in texts((record.fields or {}).get(field.name)) for word in words(part)]


def _row_sqlite(record: Any, fields: Sequence[Field]) -> dict[str, Any]:
    columns = {f"f{place}": " ".join(_words_of(record, field)) for place, field in enumerate(fields)}
    return {"rowid": _row_id(record.id), "record_id": record.id.hex, **columns}


def _row_postgres(record: Any, dataset_id: UUID, fields: Sequence[Field]) -> dict[str, Any]:
    places: dict[str, list[int]] = {}
    at = size = 0
    for number, field in enumerate(fields):
        for word in _words_of(record, field):
            at += 1
            for form in (word, f"{number}:{word}"):
                size += len(form.encode()) + 4 if form not in places else 2
                places.setdefault(form, []).append(min(at, _LAST_PLACE))
            if size > _MOST_BYTES:
                break
        at += 1  # words of two fields never stand in a row
    vector = " ".join(f"'{word}':{','.join(map(str, numbers[:256]))}" for word, numbers in places.items())
    return {"record_id": record.id, "dataset_id": dataset_id, "words": vector}
