"""What the pages do with clients and notes: plain functions on a session; no page is known here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from app.desk import store
from app.desk.intake import FIELDS, kept_sources
from app.desk.pages import poured
from app.desk.pages.note_saving import made_before, says, text_of, written
from app.desk.pages.sessions import Session, codes_of
from app.desk.search import found_by
from app.desk.store import Record
from app.desk.unlock import own_file
from xinheng.errors import UsageError

SHOWN: Final = 50
LONGEST: Final = 2_000_000
NEW_CLIENT: Final = "new client"


@dataclass(frozen=True)
class Listed:
    """Clients to choose from, (code, id) each, and how many more there are."""

    clients: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True)
class Opened:
    """A client as a page shows him: every version of every note, in order; `unread` says which do not open."""

    client_id: str
    code: str
    info: Record | None
    notes: tuple[Record, ...]
    unread: tuple[str, ...] = ()

    @property
    def newest(self) -> dict[str, Record]:
        """The newest version of each note, by its number."""
        return {record.record_id: record for record in self.notes}


@dataclass(frozen=True)
class Writing:
    """What is being written: a new note or another version of one, and which draft holds it.

    `note` is empty for a new one. `version` is the one it was begun from, `draft` the draft's own version. `draft_id`
    names what becomes one note and not two, however often its save is asked for.
    """

    client_id: str
    note: str
    version: int
    draft: int
    text: str
    day: str
    restored: bool = False
    draft_id: str = ""


@dataclass(frozen=True)
class Form:
    """Fields as they stand in a form, the version they began from, and the version of the draft that keeps them."""

    fields: dict[str, str]
    version: int
    draft: int


def listed(session: Session, query: str = "") -> Listed:
    """The clients whose code or notes hold the query, by code; those whose notes fit best first where words fit."""
    desk = session.desk
    with session.lock:
        there = set(store.clients(desk))
        for client_id in session.codes.keys() - there:
            del session.codes[client_id]
            session.texts.forget(client_id)
        for client_id, code in codes_of(desk, set(session.codes)).items():
            session.codes[client_id] = code
            _read(session, client_id, store.records(desk, client_id, "note"))
        wanted = query.strip().casefold()
        by_code = sorted(c for c, code in session.codes.items() if wanted in code.casefold())
        by_code.sort(key=lambda client_id: session.codes[client_id])
        by_words = [hit.client_id for hit in session.texts.find(query, limit=1000)] if wanted else []
        order = list(dict.fromkeys([*by_code, *by_words]))
        return Listed(tuple((session.codes[c], c) for c in order[:SHOWN]), max(0, len(order) - SHOWN))


def opened(session: Session, client_id: str) -> Opened:
    """A client's page; that he was opened stands in the log when the page changes to him.

    Raises:
        DeskError: No such client of this counsellor.
    """
    desk = session.desk
    unread: list[str] = []
    notes = store.records(desk, client_id, "note", every_version=True, unread=unread)
    info = {record.record_id: record for record in store.records(desk, client_id, "info")}
    with session.lock:
        if session.client_id != client_id:
            store.log(desk, "opened client", client=client_id)
        session.client_id = client_id
        session.codes[client_id] = str(info["code"].body["code"])
        _read(session, client_id, notes)
    return Opened(client_id, session.codes[client_id], info.get("basic"), tuple(notes), tuple(unread))


def writing(session: Session, client: Opened, note: str = "") -> Writing:
    """What was last typed for a note, or its newest version, or an empty page."""
    drafts = {record.record_id: record for record in store.records(session.desk, client.client_id, "draft")}
    there = client.newest.get(note)
    if draft := drafts.get(_draft(note)):
        body = draft.body
        named = str(body.get("draft_id", ""))
        at = Writing(client.client_id, note, body["version"], draft.version, body["text"], body["date"], restored=True)
        return replace(at, draft_id=named or _named())
    if there:
        return Writing(client.client_id, note, there.version, 0, text_of(there), str(there.body.get("date", "")))
    today = datetime.now().astimezone().date().isoformat()
    return Writing(client.client_id, "", 0, 0, "", today, draft_id=_named())


def keep(session: Session, at: Writing, text: str, day: str, by: dict[str, Any] | None = None) -> Writing:
    """Keep what is typed as a draft; `by` says which page it comes from.

    Raises:
        Conflict: Another window keeps the same draft.
        UsageError: It is too long.
    """
    _short_enough(text)
    body = {"text": text, "date": day, "note": at.note, "version": at.version, "draft_id": at.draft_id, **(by or {})}
    made = store.save(session.desk, at.client_id, "draft", body, record_id=_draft(at.note), version=at.draft)
    return replace(at, draft=made.version, text=text, day=day)


def is_newest(session: Session, at: Writing, text: str, day: str) -> bool:
    """Whether a note's newest version, or the newest note, says just this: saved while a draft was on its way."""
    # A note that does not open keeps nothing that is typed from being kept.
    notes = store.records(session.desk, at.client_id, "note", unread=[])
    there = [r for r in notes if r.record_id == at.note] if at.note else notes[-1:]
    return bool(there) and says(there[0], text, day)


def rebased(session: Session, at: Writing, version: int, text: str, day: str) -> Writing:
    """What is being written, kept as begun from a version that a person has now been shown."""
    drafts = {record.record_id: record for record in store.records(session.desk, at.client_id, "draft")}
    there = drafts.get(_draft(at.note))
    before: dict[str, Any] = there.body if there else {}
    by: dict[str, Any] = {key: before[key] for key in ("tab", "n") if key in before}
    return keep(session, replace(at, version=version, draft=there.version if there else 0), text, day, by)


def save(session: Session, at: Writing, text: str, day: str) -> Record:
    """Save a note, dated and numbered, once for the same words of one draft; its draft goes.

    Raises:
        Conflict: The note was saved elsewhere since it was begun here.
        UsageError: Nothing is written, it is too long, or the date is none.
    """
    _short_enough(text)
    if not text.strip():
        raise UsageError("note", "empty")
    made = made_before(session, at, text, day_of(day)) or written(session, at, text, day_of(day))
    store.discard(session.desk, at.client_id, _draft(at.note))
    with session.lock:
        session.texts.put(at.client_id, made.record_id, found_by(made.body))
    return made


def keep_form(
    session: Session,
    fields: dict[str, str],
    draft: int,
    client_id: str | None = None,
    base: int = 0,
    by: dict[str, Any] | None = None,
) -> int:
    """Keep a half-filled form, for a new client or of a client's basic information; the draft's version.

    Raises:
        Conflict: Another window keeps it too.
    """
    for value in fields.values():
        _short_enough(value)
    owner, record_id = _form_of(session, client_id)
    body = {"fields": dict(fields), "version": base, **(by or {})}
    return store.save(session.desk, owner, "draft", body, record_id=record_id, version=draft).version


def form(session: Session, client_id: str | None = None) -> Form:
    """A form as it was left, else a client's basic information, else an empty one."""
    owner, record_id = _form_of(session, client_id)
    for record in store.records(session.desk, owner, "draft"):
        if record.record_id == record_id:
            return Form(record.body["fields"], record.body["version"], record.version)
    if client_id is not None:
        for record in store.records(session.desk, client_id, "info"):
            if record.record_id == "basic":
                return Form({name: record.body.get(name, "") for name in FIELDS}, record.version, 0)
    return Form({}, 0, 0)


def forget_form(session: Session, client_id: str | None = None) -> None:
    """Throw a half-filled form away, with what was poured into it."""
    store.discard(session.desk, *_form_of(session, client_id))
    poured.forget(session, client_id)


def create(session: Session, code: str, fields: dict[str, str]) -> str:
    """A new client with basic information; his id.

    Raises:
        UsageError: The code is empty or taken, or a field is too long.
    """
    for value in fields.values():
        _short_enough(value)
    client_id = store.add_client(session.desk, code)
    if any(value.strip() for value in fields.values()):
        _save_info(session, client_id, fields, 0, list(poured.poured(session, None).sources))
    forget_form(session)
    with session.lock:
        session.codes[client_id] = code.strip()
    return client_id


def save_info(session: Session, client_id: str, fields: dict[str, str], version: int) -> Record:
    """Save a client's basic information, with the sources of what was poured in and is still said.

    Raises:
        Conflict: It was changed elsewhere.
    """
    for value in fields.values():
        _short_enough(value)
    there = [one for one in store.records(session.desk, client_id, "info") if one.record_id == "basic"]
    before = there[0].body.get("sources", []) if there else []
    made = _save_info(session, client_id, fields, version, [*before, *poured.poured(session, client_id).sources])
    forget_form(session, client_id)
    return made


def _save_info(
    session: Session, client_id: str, fields: dict[str, str], version: int, sources: list[dict[str, Any]]
) -> Record:
    body: dict[str, Any] = {field: fields.get(field, "") for field in FIELDS}
    if kept := kept_sources(sources, body):
        body["sources"] = kept
    return store.save(session.desk, client_id, "info", body, record_id="basic", version=version)


def _read(session: Session, client_id: str, notes: list[Record]) -> None:
    for number, record in {record.record_id: record for record in notes}.items():
        session.texts.put(client_id, number, found_by(record.body))


def _form_of(session: Session, client_id: str | None) -> tuple[str, str]:
    return (own_file(session.desk.counsellor_id), NEW_CLIENT) if client_id is None else (client_id, "info")


def _named() -> str:
    return os.urandom(8).hex()


def _draft(note: str) -> str:
    return f"note {note}" if note else "note"


def day_of(text: str) -> str:
    """A day as it is written in a note.

    Raises:
        UsageError: It is none.
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
        raise UsageError("note", "date")
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise UsageError("note", "date") from error


def _short_enough(text: str) -> None:
    if len(text) > LONGEST:
        raise UsageError("note", "too long")
