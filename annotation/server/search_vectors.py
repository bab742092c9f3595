"""Records by the likeness of their vectors: all of them compared, none approximated.

Rating tasks hold thousands of records, not millions, so every vector is read and measured; the pages of a dataset are
measured one after the other in a thread, and the server goes on answering in between.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import math
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import Record, Vector, VectorSettings
from sqlalchemy import ColumnElement, Text, cast, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

_PAGE: Final = 500


def checked(value: Sequence[Any], settings: VectorSettings) -> list[float]:
    """The vector asked for, of length 1.

    Raises:
        UnprocessableEntityError: Other dimensions than the dataset's vectors have, a number that is none, or only
            zeros, which have no direction.
    """
    if len(value) != settings.dimensions:
        raise UnprocessableEntityError(f"A vector of {settings.dimensions} numbers is wanted, {len(value)} are given.")
    found = _normal(value)
    if found is None:
        raise UnprocessableEntityError("A vector wants finite numbers that are not all 0.")
    return found


async def nearest(
    db: AsyncSession,
    settings: VectorSettings,
    asked: Sequence[float],
    where: Sequence[ColumnElement[bool]],
    *,
    most: int,
) -> list[tuple[UUID, float]]:
    """The records most like the vector with their scores, best first; ties by id.

    Args:
        db: A session.
        settings: Which of the dataset's vectors.
        asked: A vector of length 1; its negative finds the least like.
        where: Conditions on `records`.
        most: So many at most.

    Returns:
        Record and score, (1 + cosine) / 2, between 0 and 1.
    """
    # As text: the database's driver would else decode every vector on the server's own thread.
    written = type_coerce(cast(Vector.value, Text), Text)
    query = select(Vector.record_id, written).join(Record, Record.id == Vector.record_id)
    rows = await db.stream(query.where(Vector.vector_settings_id == settings.id, *where))
    best: list[tuple[float, int]] = []
    async for page in rows.partitions(_PAGE):
        best = await asyncio.to_thread(_better, best, [(r, v) for r, v in page], list(asked), most)
    return [(UUID(int=-number), score) for score, number in sorted(best, reverse=True)]


def _better(
    best: list[tuple[float, int]], page: list[tuple[UUID, str]], asked: list[float], most: int
) -> list[tuple[float, int]]:
    for record_id, written in page:
        vector = _normal(json.loads(written))
        if vector is None or len(vector) != len(asked):
            continue
        score = min(1.0, max(0.0, (1.0 + math.fsum(map(float.__mul__, vector, asked))) / 2))
        best.append((score, -record_id.int))
    return heapq.nlargest(most, best)


def _normal(value: Sequence[Any]) -> list[float] | None:
    try:
        numbers = [float(number) for number in value]
    except (TypeError, ValueError):
        return None
    greatest = max(map(abs, numbers), default=0.0)
    if not math.isfinite(greatest) or greatest == 0 or any(number != number for number in numbers):  # noqa: PLR0124
        return None
    scaled = [number / greatest for number in numbers]
    length = math.sqrt(math.fsum(number * number for number in scaled))
    return [number / length for number in scaled]
