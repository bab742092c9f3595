"""Filters of a search as SQL conditions on `records`.

A scope that names a question or property the dataset does not have matches nothing; a bound or value that cannot be
read neither. Terms of one filter are alternatives, filters stand side by side with AND. An empty list of terms
restricts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from argilla_server.enums import RecordStatus, ResponseStatus
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import MetadataProperty, Question, Record, Response, Suggestion, User
from argilla_server.search_engine import (
    AndFilter,
    Filter,
    FilterScope,
    MetadataFilterScope,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)
from search_database import BYTES, sendable
from search_values import answers, bounds, to_number
from sqlalchemy import ColumnElement, Text, and_, cast, collate, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

TIMES: Final = ("inserted_at", "updated_at")


@dataclass(frozen=True)
class Names:
    """What the questions and metadata properties named in a search are: types by name, absent where unknown."""

    dataset_id: UUID
    questions: dict[str, Question] = field(default_factory=dict)
    properties: dict[str, MetadataProperty] = field(default_factory=dict)


async def read_names(db: AsyncSession, dataset_id: UUID, scopes: Iterable[FilterScope], user_id: Any) -> Names:
    """The dataset's questions and metadata properties that the scopes name.

    A property that annotators may not see does not exist for an annotator: by filtering on it he could read it.
    """
    asked = list(scopes)
    questions = {
        s.question for s in asked if isinstance(s, (ResponseFilterScope, SuggestionFilterScope)) and s.question
    }
    properties = {s.metadata_property for s in asked if isinstance(s, MetadataFilterScope)}
    found = Names(dataset_id)
    if questions:
        rows = await db.scalars(select(Question).where(Question.dataset_id == dataset_id))
        found.questions.update({q.name: q for q in rows if q.name in questions})
    if properties:
        blind = (
            user_id is not None and (user := await db.get(User, UUID(str(user_id)))) is not None and user.is_annotator
        )
        rows = await db.scalars(select(MetadataProperty).where(MetadataProperty.dataset_id == dataset_id))
        found.properties.update(
            {p.name: p for p in rows if p.name in properties and (p.visible_for_annotators or not blind)}
        )
    return found


def scopes_of(filter_: Filter | None) -> list[FilterScope]:
    """The scopes of a filter and of those inside it."""
    if filter_ is None:
        return []
    if isinstance(filter_, AndFilter):
        return [scope for inner in filter_.filters for scope in scopes_of(inner)]
    return [filter_.scope]


def condition(filter_: Filter, names: Names) -> ColumnElement[bool]:  # noqa: PLR0911 one for each kind of scope
    """The condition on `records` that a filter sets."""
    if isinstance(filter_, AndFilter):
        return and_(true(), *(condition(inner, names) for inner in filter_.filters))
    if isinstance(filter_, TermsFilter) and not filter_.values:
        return true()
    scope = filter_.scope
    if isinstance(scope, RecordFilterScope):
        return _record(filter_, str(scope.property))
    if isinstance(scope, MetadataFilterScope):
        return _metadata(filter_, names.properties.get(scope.metadata_property))
    if isinstance(scope, SuggestionFilterScope):
        return _suggestion(filter_, scope, names)
    if scope.question:
        return _response_value(filter_, scope, names.questions.get(scope.question))
    if scope.property == "status" and isinstance(filter_, TermsFilter):
        return _response_status([str(value) for value in filter_.values], scope.user)
    raise UnprocessableEntityError("A filter on responses wants a question, or terms for the property `status`.")


def queue_of(filter_: Filter | None) -> tuple[Filter | None, User | None]:
    """What else a filter asks, and whose pending records it is about, if it asks for just those.

    They are counted as all others less those answered, which needs no look at each record.
    """
    parts = filter_.filters if isinstance(filter_, AndFilter) else [filter_] if filter_ else []
    for place, part in enumerate(parts):
        if isinstance(part, TermsFilter) and isinstance(part.scope, ResponseFilterScope) and not part.scope.question:
            mine = part.scope.property == "status" and {str(value) for value in part.values} == {"pending"}
            if mine and part.scope.user is not None:
                return AndFilter([*parts[:place], *parts[place + 1 :]]), part.scope.user
    return filter_, None


def answered(user: User | None, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the user (or anybody) has a response to the record, draft and discarded ones too."""
    if user is None:
        return select(Response.id).where(Response.record_id == Record.id, *conditions).correlate(Record).exists()
    # Not correlated: the user's own responses are gathered once, not looked up for each record.
    return Record.id.in_(select(Response.record_id).where(Response.user_id == user.id, *conditions))


def is_numeric(question: Question) -> bool:
    """Whether the question's answers are numbers."""
    return bool(question.is_rating)


def answers_of(question: Question) -> bool:
    """Whether the question's answers can be compared: ratings and labels can, texts, spans and rankings cannot."""
    return bool(question.is_rating or question.is_label_selection or question.is_multi_label_selection)


def _record(filter_: TermsFilter | RangeFilter, name: str) -> ColumnElement[bool]:
    if name in TIMES:
        return _time(filter_, getattr(Record, name))
    if name not in ("id", "external_id", "status"):
        return false()
    if isinstance(filter_, RangeFilter):
        found = bounds(collate(cast(getattr(Record, name), Text), BYTES), filter_.ge, filter_.le, numeric=False)
        return false() if found is None else found
    if name == "id":
        return Record.id.in_([known for value in filter_.values if (known := _uuid(value))])
    if name == "status":
        return Record.status.in_([status for status in RecordStatus if status.value in filter_.values])
    return Record.external_id.in_(sendable([str(value) for value in filter_.values]))


def _time(filter_: TermsFilter | RangeFilter, column: Any) -> ColumnElement[bool]:
    if isinstance(filter_, TermsFilter):
        return column.in_([known for value in filter_.values if (known := to_time(value))])
    limits = []
    for bound, last in ((filter_.ge, False), (filter_.le, True)):
        if bound is None:
            continue
        known = to_time(bound, last=last)
        if known is None:
            return false()
        limits.append(column <= known if last else column >= known)
    return and_(true(), *limits)


def _metadata(filter_: TermsFilter | RangeFilter, found: MetadataProperty | None) -> ColumnElement[bool]:
    stored = answers(Record.metadata_, found.name) if found is not None else None
    if found is None or stored is None:
        return false()
    numeric = not found.is_terms
    if isinstance(filter_, TermsFilter):
        return stored.equal_one_of(filter_.values, numeric=numeric)
    return stored.between(filter_.ge, filter_.le, numeric=numeric)


def _suggestion(filter_: TermsFilter | RangeFilter, scope: SuggestionFilterScope, names: Names) -> ColumnElement[bool]:
    question = names.questions.get(scope.question)
    if question is None:
        return false()
    about = and_(Suggestion.record_id == Record.id, Suggestion.question_id == question.id)
    matches = _suggested(filter_, suggestion_property(scope), question)
    return select(Suggestion.id).where(about, matches).correlate(Record).exists()


def suggestion_property(scope: SuggestionFilterScope) -> str:
    """The property a scope means; Argilla hands a missing one over as the word `None`, and means the value."""
    return "value" if scope.property in (None, "", "None") else str(scope.property)


def _suggested(filter_: TermsFilter | RangeFilter, name: str, question: Question) -> ColumnElement[bool]:
    if name in ("value", "score"):
        numeric = name == "score" or is_numeric(question)
        stored = answers(getattr(Suggestion, name)) if name == "score" or answers_of(question) else None
        if stored is None:
            return false()
        if isinstance(filter_, TermsFilter):
            return stored.equal_one_of(filter_.values, numeric=numeric)
        return stored.between(filter_.ge, filter_.le, numeric=numeric)
    if name not in ("agent", "type"):
        return false()
    column = cast(getattr(Suggestion, name), Text)
    if isinstance(filter_, TermsFilter):
        return column.in_(sendable([str(value) for value in filter_.values]))
    found = bounds(collate(column, BYTES), filter_.ge, filter_.le, numeric=False)
    return false() if found is None else found


def _response_value(
    filter_: TermsFilter | RangeFilter, scope: ResponseFilterScope, question: Question | None
) -> ColumnElement[bool]:
    stored = answers(Response.values, question.name, "value") if question is not None and answers_of(question) else None
    if question is None or stored is None:
        return false()
    numeric = is_numeric(question)
    if isinstance(filter_, TermsFilter):
        matches = stored.equal_one_of(filter_.values, numeric=numeric)
    else:
        matches = stored.between(filter_.ge, filter_.le, numeric=numeric)
    return (
        select(Response.id).where(Response.record_id == Record.id, by(scope.user), matches).correlate(Record).exists()
    )


def _response_status(values: Sequence[str], user: User | None) -> ColumnElement[bool]:
    found = []
    if "pending" in values:
        found.append(~answered(user))
    given = [status for status in ResponseStatus if status.value in values]
    if given:
        found.append(answered(user, Response.status.in_(given)))
    return or_(false(), *found)


def by(user: User | None) -> ColumnElement[bool]:
    """Responses of that user; of anybody where there is none."""
    return true() if user is None else Response.user_id == user.id


def to_time(value: Any, *, last: bool = False) -> datetime | None:
    """The time in UTC, without zone as Argilla stores it; None where it cannot be read.

    Args:
        value: A number (milliseconds since 1970) or ISO 8601.
        last: A day without hours is its last moment.
    """
    try:
        if (number := to_number(value)) is not None:
            return datetime(1970, 1, 1) + timedelta(milliseconds=number)  # noqa: DTZ001  UTC by contract
        time = datetime.fromisoformat(str(value).strip())
        if last and len(str(value).strip()) <= 10:
            time += timedelta(days=1, microseconds=-1)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (OverflowError, ValueError):
        return None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
