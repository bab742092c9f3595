"""The order of a search's records as SQL: what is asked, the plan's own order, a shuffle per user; never by chance.

Every order ends with the record's id. Clients page by offset, and without a last word two pages could show one record
twice and another never.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import MetadataProperty, Record, Response, Suggestion
from argilla_server.search_engine import (
    MetadataFilterScope,
    Order,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
)
from search_database import BYTES, ON_SQLITE
from search_filters import Names, answers_of, by, is_numeric, suggestion_property
from search_values import Answers, answers
from sqlalchemy import ColumnElement, Integer, Text, cast, collate, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

# A rating task carries its planned place here: repeats stand apart and raters begin at different items.
POSITION: Final = "xh_position"
# The digits of a random UUID (version 4) but its version and its variant.
_DIGITS: Final = tuple(place for place in range(1, 33) if place not in (13, 17))


def asked(sort: Sequence[Order], names: Names) -> list[ColumnElement[Any]]:
    """The order that a client asks for; records without the value stand last in both directions.

    What the dataset does not have orders nothing.
    """
    found = []
    for order in sort:
        descending = str(getattr(order.order, "value", order.order)) == "desc"
        key = _key(order.scope, names, descending=descending)
        if key is not None:
            found.append((key.desc() if descending else key.asc()).nulls_last())
    return [*found, Record.id.asc()]


async def planned(db: AsyncSession, dataset_id: Any) -> list[ColumnElement[Any]] | None:
    """The order that a rating task planned for its rater; None where the dataset has none."""
    query = select(MetadataProperty.id).where(
        MetadataProperty.dataset_id == dataset_id, MetadataProperty.name == POSITION
    )
    if await db.scalar(query) is None:
        return None
    stored = answers(Record.metadata_, POSITION)
    assert stored is not None  # noqa: S101  for the type checker
    return [_of(stored, stored.number, descending=False).asc().nulls_last(), Record.id.asc()]


def shuffled(user_id: Any) -> list[ColumnElement[Any]]:
    """An order of the user's own that looks random and stays.

    A record's id is random, so its digits in another order, each standing for another number, are another random
    number. The user decides which: a shuffle needs neither a table nor a function of ours in the database.
    """
    drawn = random.Random(str(user_id))  # noqa: S311  an order, no secret
    places = drawn.sample(_DIGITS, 3)
    digits = cast(Record.id, Text) if ON_SQLITE else func.replace(cast(Record.id, Text), "-", "")
    place_in = func.instr if ON_SQLITE else func.strpos
    # The sum of two digits says nothing of either: users who share one place do not share their order.
    first, second = (place_in(_permuted(drawn), func.substr(digits, place, 1), type_=Integer()) for place in places[:2])
    rest = collate(func.substr(digits, places[2], 9, type_=Text()), BYTES)
    return [((first + second) % 16).asc(), rest.asc(), Record.id.asc()]


def _permuted(drawn: random.Random) -> str:
    return "".join(drawn.sample("0123456789abcdef", 16))


def arrival() -> list[ColumnElement[Any]]:
    """As the records came in."""
    return [Record.inserted_at.asc(), Record.id.asc()]


def _key(scope: Any, names: Names, *, descending: bool) -> ColumnElement[Any] | None:
    if isinstance(scope, RecordFilterScope):
        return _record_key(str(scope.property))
    if isinstance(scope, MetadataFilterScope):
        return _metadata_key(names.properties.get(scope.metadata_property), descending=descending)
    if isinstance(scope, SuggestionFilterScope):
        return _suggestion_key(scope, names, descending=descending)
    if isinstance(scope, ResponseFilterScope):
        return _response_key(scope, names, descending=descending)
    raise UnprocessableEntityError("An order wants a record, metadata, suggestion or response scope.")


def _record_key(name: str) -> ColumnElement[Any] | None:
    if name in ("inserted_at", "updated_at", "id"):
        return getattr(Record, name)
    if name in ("external_id", "status"):
        return collate(cast(getattr(Record, name), Text), BYTES)
    return None


def _metadata_key(found: MetadataProperty | None, *, descending: bool) -> ColumnElement[Any] | None:
    stored = answers(Record.metadata_, found.name) if found is not None else None
    if found is None or stored is None:
        return None
    return _of(stored, stored.text if found.is_terms else stored.number, descending=descending)


def _suggestion_key(scope: SuggestionFilterScope, names: Names, *, descending: bool) -> ColumnElement[Any] | None:
    question, name = names.questions.get(scope.question), suggestion_property(scope)
    if question is None:
        return None
    about = (Suggestion.record_id == Record.id, Suggestion.question_id == question.id)
    if name in ("agent", "type"):
        return (
            select(collate(cast(getattr(Suggestion, name), Text), BYTES))
            .where(*about)
            .correlate(Record)
            .scalar_subquery()
        )
    stored = (
        answers(getattr(Suggestion, name)) if name == "score" or (name == "value" and answers_of(question)) else None
    )
    if stored is None:
        return None
    numeric = name == "score" or is_numeric(question)
    inner = _of(stored, stored.number if numeric else stored.text, descending=descending)
    return select(inner).where(*about).correlate(Record).scalar_subquery()


def _response_key(scope: ResponseFilterScope, names: Names, *, descending: bool) -> ColumnElement[Any] | None:
    about = (Response.record_id == Record.id, by(scope.user))
    if not scope.question:
        word = collate(cast(Response.status, Text), BYTES)
        return select((func.max if descending else func.min)(word)).where(*about).correlate(Record).scalar_subquery()
    question = names.questions.get(scope.question)
    stored = answers(Response.values, question.name, "value") if question is not None and answers_of(question) else None
    if question is None or stored is None:
        return None
    if is_numeric(question):  # several raters' ratings count by their mean
        value = func.avg(stored.number)
    else:
        value = (func.max if descending else func.min)(collate(stored.text, BYTES))
    rows = select(value).select_from(Response).join(stored.table, true())
    return rows.where(*about).correlate(Record).scalar_subquery()


def _of(stored: Answers, value: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
    """The answer that stands first in the direction, where there are several."""
    word = value if value is stored.number else collate(value, BYTES)
    chosen = (func.max if descending else func.min)(word)
    return select(chosen).select_from(stored.table).scalar_subquery()
