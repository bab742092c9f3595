"""Sessions, indexes and dialect words for the search engine, on Argilla's own database.

Searches run on connections of their own. A request of argilla-server keeps one connection of the server's pool for as
long as it lives; were its searches to ask the same pool for a second one, enough requests at once would wait for each
other until all of them timed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from argilla_server.settings import settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

_ARGS: Final = {k: v for k, v in settings.database_engine_args.items() if k == "connect_args"}

engine: Final[AsyncEngine] = create_async_engine(
    settings.database_url, pool_size=8, max_overflow=8, hide_parameters=True, **_ARGS
)
Session: Final = async_sessionmaker(engine, class_=AsyncSession, autoflush=False, expire_on_commit=False)
ON_SQLITE: Final = engine.dialect.name == "sqlite"
# The collation by code points: a person's language of the machine must not change an order.
BYTES: Final = "BINARY" if ON_SQLITE else "C"

# What searches read is in the index itself, so that no row with its texts is fetched to count or order a queue.
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS xinheng_records_queue ON records (dataset_id, status, id)",
    "CREATE INDEX IF NOT EXISTS xinheng_records_order ON records (dataset_id, inserted_at, id)",
    "CREATE INDEX IF NOT EXISTS xinheng_responses_user ON responses (user_id, record_id, status)",
    "CREATE INDEX IF NOT EXISTS xinheng_responses_record ON responses (record_id, status, user_id)",
)


async def make_indexes() -> None:
    """Make the indexes that searches need on Argilla's tables, where they are absent.

    Names begin with `xinheng_`; a migration of Argilla's that rebuilds a table carries them over or drops them, and
    the next start makes them again.
    """
    async with engine.begin() as connection:
        for statement in INDEXES:
            await connection.execute(text(statement))


def sendable(values: Sequence[Any]) -> list[Any]:
    """Those values that the database takes as text.

    A lone surrogate cannot be written in UTF-8 at all and PostgreSQL stores no NUL: no stored text equals such a value,
    so it can be left out of a comparison.
    """
    return [v for v in values if not isinstance(v, str) or is_sendable(v)]


def is_sendable(value: str) -> bool:
    """Whether the database takes this text."""
    return not any("\ud800" <= sign <= "\udfff" for sign in value) and (ON_SQLITE or "\x00" not in value)
