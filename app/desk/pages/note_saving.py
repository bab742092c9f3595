"""A note of words alone is written once for what one draft says; and what is typed of a note that holds more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.desk import store
from app.desk.pages.sessions import Session
from app.desk.search import note_text
from app.desk.store import Record
from xinheng.errors import DeskError

if TYPE_CHECKING:
    from app.desk.pages.clients import Writing


def made_before(session: Session, at: Writing, text: str, day: str) -> Record | None:
    """The note that was saved of just these words before, where nobody heard of it: pressed twice, or cut off."""
    try:
        notes = store.records(session.desk, at.client_id, "note")
    except DeskError:
        return None  # another note that does not open keeps no words from being saved
    for record in notes:
        again = record.record_id == at.note and record.version == at.version + 1
        first = not at.note and at.draft_id and record.body.get("draft_id") == at.draft_id
        if (again or first) and says(record, text, day):
            return record
    return None


def written(session: Session, at: Writing, text: str, day: str) -> Record:
    """Save a note, or its next version; what an older version holds beside words and date stays.

    Raises:
        Conflict: The note was saved elsewhere since it was begun.
    """
    named = {} if at.note or not at.draft_id else {"draft_id": at.draft_id}
    body = {**_rest(session, at), **named, "date": day, "text": text}
    return store.save(
        session.desk, at.client_id, "note", body, record_id=at.note or None, version=at.version
    )  # fmt: skip


def says(record: Record, text: str, day: str) -> bool:
    """Whether a note says just this, of this day."""
    return text_of(record) == text and str(record.body.get("date", "")) == day.strip()


def _rest(session: Session, at: Writing) -> dict[str, Any]:
    """What an older version holds beside words and date; another desk's version is compared by `save`."""
    if not at.note:
        return {}
    there = [r for r in store.records(session.desk, at.client_id, "note", unread=[]) if r.record_id == at.note]
    return there[0].body if there else {}


def text_of(record: Record) -> str:
    """What of a note is typed in its box: all of a written one; beside items or a conversation, what was added."""
    text = record.body.get("text")
    return text if isinstance(text, str) else "" if record.body.keys() & {"items", "turns"} else note_text(record.body)
