"""A draft of items becomes a note, dated and numbered, once and not twice; and versions of it side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.desk import store
from app.desk.comparing import compared, pieces
from app.desk.draft_json import note_of
from app.desk.items import Draft
from app.desk.pages import draft_held
from app.desk.pages.clients import day_of
from app.desk.pages.draft_held import Held, held, mine
from app.desk.pages.sessions import Session
from app.desk.paper import note_draft
from app.desk.search import found_by
from app.desk.store import Conflict, Record
from app.desk.teaching import keep_changes
from app.desk.unlock import Desk
from xinheng.errors import UsageError


def saved(
    session: Session, client_id: str, note: str, *, window: str, hand: int, draft_id: str, day: str
) -> Record:  # fmt: skip
    """Save a draft as a note, or as a note's next version; its changes are kept to learn from, and the draft goes.

    Done again, because nobody heard that it was done, it gives the note that was saved.

    Raises:
        Conflict: Another window wrote the draft, or (with `theirs`) the note was saved elsewhere since it was begun.
        UsageError: There is no item, or the date is none.
    """
    desk = session.desk
    there, made = held(desk, client_id, note), _made_from(desk, client_id, draft_id)
    if made is None or there.draft_id == draft_id:
        if not mine(there, window, hand):
            raise Conflict({}, None)
        # Killed between saving and throwing the draft away, and typed on since: the next version of that note.
        at = there if made is None else replace(there, note=made.record_id, base=made.version)
        made = _written(desk, at, day, made)
    if there.draft_id == draft_id:
        keep_changes(desk, client_id, made.record_id, there.now)
        store.discard(desk, client_id, there.record_id)
    with session.lock:
        session.texts.put(client_id, made.record_id, found_by(made.body))
    return made


def rebased(desk: Desk, client_id: str, note: str, version: int) -> Held:
    """The draft, kept as begun from a version of the note that a person has now been shown."""
    return draft_held.keep(desk, replace(held(desk, client_id, note), base=version))


def discarded(desk: Desk, client_id: str, note: str, *, window: str, hand: int) -> None:
    """Throw a draft away; the note stays as it was saved.

    Raises:
        Conflict: Another window wrote it since.
    """
    there = held(desk, client_id, note)
    if not mine(there, window, hand):
        raise Conflict({}, None)
    store.discard(desk, client_id, there.record_id)


def difference(old: Draft, new: Draft) -> dict[str, Any]:
    """Two versions for a page: the question in pieces, and every item with its pieces, its mark and where it stands."""
    rows = [
        {
            "part": next(item.part for item in (one.new, one.old) if item is not None),
            "what": "new"
            if one.old is None
            else "gone"
            if one.new is None
            else "same"
            if one.old == one.new
            else "changed",
            "moved": one.moved,
            "pieces": [list(piece) for piece in one.pieces],
            "states": [one.old.state if one.old else "", one.new.state if one.new else ""],
            "comments": [one.old.comment if one.old else "", one.new.comment if one.new else ""],
        }
        for one in compared(old, new)
    ]
    return {"question": [list(piece) for piece in pieces(old.question, new.question)], "items": rows}


def versions(desk: Desk, client_id: str, note: str) -> list[tuple[Record, Draft]]:
    """The saved versions of a note that hold items, the newest first."""
    found = store.records(desk, client_id, "note", every_version=True) if note else []
    told = [(record, note_draft(record.body)) for record in found if record.record_id == note]
    return [(record, draft) for record, draft in reversed(told) if draft is not None]


def item_notes(desk: Desk, client_id: str) -> list[Record]:
    """A client's notes that are made of items, the newest first."""
    found = store.records(desk, client_id, "note")
    return [record for record in reversed(found) if note_draft(record.body) is not None]


def _made_from(desk: Desk, client_id: str, draft_id: str) -> Record | None:
    found = store.records(desk, client_id, "note") if draft_id else []
    return next((record for record in found if record.body.get("draft_id") == draft_id), None)


def _written(desk: Desk, there: Held, day: str, made: Record | None) -> Record:
    draft = replace(there.now, items=tuple(item for item in there.now.items if item.text.strip()))
    if not draft.items:
        raise UsageError("draft", "nothing to save in this draft", mend="Write an item, or ask for an analysis.")
    if made is not None and note_draft(made.body) == draft:
        return made
    # What stands in a note beside its items stays there.
    before = draft_held.newest(desk, there.client_id, there.note).body if there.note else {}
    asked = there.asked or before
    model, given = str(asked.get("model", "")), asked.get("given", {})
    body = {**before, **note_of(draft, date=day_of(day), model=model, given=given)}
    body |= {"cited": list(asked.get("cited", ())), "draft_id": there.draft_id}
    return store.save(
        desk, there.client_id, "note", body, record_id=there.note or None, version=there.base
    )  # fmt: skip
