"""Conversations kept sealed while they go on: in a client's file, or in the counsellor's own where there is no client.

What was typed is kept before any model is asked, and an answer when it is there; turns are added and never changed.
An answer that comes after the conversation went on elsewhere is put behind the question it answers. Kept as a note, a
conversation lies with that client from then on, so that it is erased with him.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from app.desk import store
from app.desk.chatting import Talk, Turn, accepted, kept_as_note, talk_from_json, talk_to_json
from app.desk.chatting import typed as with_typed
from app.desk.database import read
from app.desk.store import Conflict, Record
from app.desk.unlock import Desk, own_file
from xinheng.errors import DeskError, UsageError

# Of one turn: the screen for danger reads so much in about half a second, and no small model reads more.
LONGEST: Final = 50_000
LONGEST_TALK: Final = 1_000_000
_NAME: Final = "talk "
_TYPED: Final = "talk typed"
_TRIES: Final = 5


@dataclass(frozen=True, repr=False)
class Kept:
    """A conversation as it is kept.

    Args:
        owner: The client, or the counsellor's own file.
        number: Its own, in its file.
        version: Of its record.
        talk: The turns.
        began: When, as ISO writes it.
        changed: When something was added last.
        by: Who has answered in it.
        last: About the last answer: who, the problem, what went along; empty where the last turn waits for one.
        note: Number and version of the note that it is kept as; None where it is not.
    """

    owner: str
    number: int
    version: int
    talk: Talk
    began: str = ""
    changed: str = ""
    by: tuple[str, ...] = ()
    last: Mapping[str, Any] = field(default_factory=dict)
    note: tuple[str, int] | None = None


@dataclass(frozen=True, repr=False)
class Typed:
    """What stands in the field and was not said yet, in which conversation, and the version of what keeps it.

    `tab` names the page that sends it and `n` counts what it sends: a page is never in its own way.
    """

    text: str = ""
    number: int = 0
    version: int = 0
    tab: str = ""
    n: int = 0


def conversations(desk: Desk, owner: str) -> tuple[list[Kept], Typed]:
    """The conversations of a file, the one that went on last first; and what stands in the field."""
    drafts = store.records(desk, owner, "draft")
    told = [_kept(owner, record) for record in drafts if re.fullmatch(rf"{_NAME}\d+", record.record_id)]
    there = next((record for record in drafts if record.record_id == _TYPED), None)
    field_ = Typed(str(there.body["text"]), int(there.body["talk"]), there.version) if there else Typed()
    return sorted(told, key=lambda one: (one.changed, one.number), reverse=True), field_


def conversation(desk: Desk, owner: str, number: int, version: int | None = None) -> Kept:
    """One conversation.

    Raises:
        Conflict: It is not at this version any more.
        DeskError: It is gone.
    """

    def work(connection: Any) -> list[Record]:
        held = store.client_keys(connection, desk, owner)
        return store.read_records(connection, desk, held, owner, "draft", f"{_NAME}{number}")

    found = read(desk.engine, work)
    if not found:
        raise DeskError("conversation", "conversation gone", mend="Begin a new one.")
    if version is not None and found[-1].version != version:
        raise Conflict({}, found[-1])
    return _kept(owner, found[-1])


def say(desk: Desk, owner: str, number: int, version: int, text: str) -> Kept:
    """Keep what a counsellor says; number and version 0 begin a conversation.

    Raises:
        Conflict: The conversation went on elsewhere.
        UsageError: Nothing is said, or too much.
    """
    if len(text) > LONGEST:
        raise UsageError("conversation", "turn too long")
    if not text.strip():
        raise UsageError("conversation", "nothing said")
    if number:
        held = conversation(desk, owner, number, version)
    else:
        held = Kept(owner, secrets.randbelow(2**31 - 1) + 1, 0, Talk(), began=_now())
    talk = with_typed(held.talk, text)
    if sum(len(turn.text) for turn in talk.turns) > LONGEST_TALK:
        raise UsageError("conversation", "talk too long")
    return replace(_save(desk, replace(held, talk=talk, last={})), talk=talk)


def heard(desk: Desk, asked: Kept, turns: Sequence[Turn], last: Mapping[str, Any]) -> Kept:
    """Keep an answer, or a part of one, behind the question it answers; whatever came meanwhile stays.

    Raises:
        DeskError: The conversation is gone.
    """
    place = len(asked.talk.turns)
    for left in reversed(range(_TRIES)):
        now = conversation(desk, asked.owner, asked.number)
        before, after = now.talk.turns[:place], now.talk.turns[place:]
        by = tuple(dict.fromkeys((*now.by, str(last["by"])))) if turns else now.by
        grown = replace(now, talk=Talk((*before, *turns, *after)), by=by, last=now.last if after else last)
        try:
            return _save(desk, grown)
        except Conflict:
            if not left:
                raise
    raise AssertionError


def accept(desk: Desk, owner: str, number: int, version: int, place: int) -> Kept:
    """Accept one of the model's turns.

    Raises:
        Conflict: The conversation went on elsewhere.
        UsageError: There is no such turn.
    """
    held = conversation(desk, owner, number, version)
    talk = accepted(held.talk, place)
    if talk == held.talk:
        raise UsageError("conversation", "no such turn")
    return _save(desk, replace(held, talk=talk))


def discard(desk: Desk, owner: str, number: int, version: int) -> None:
    """Throw a conversation away; a note that keeps it stays.

    Raises:
        Conflict: It went on elsewhere.
    """
    conversation(desk, owner, number, version)
    store.discard(desk, owner, f"{_NAME}{number}")


def keep(desk: Desk, owner: str, number: int, version: int, client_id: str, day: str) -> tuple[Record, Kept]:
    """Keep a conversation as a dated, numbered note of a client; kept again, the note gets a new version.

    A note that was changed by hand meanwhile stays as it is, and the conversation becomes another.

    Args:
        desk: The desk.
        owner: In whose file the conversation is.
        number: Which.
        version: As it was read.
        client_id: Whose note; the owner, but for a conversation of the counsellor's own file.
        day: Of the note.

    Raises:
        Conflict: The conversation went on elsewhere.
        UsageError: No day, no turns, or another client's conversation.
    """
    held = conversation(desk, owner, number, version)
    if client_id != owner and owner != own_file(desk.counsellor_id):
        raise UsageError("conversation", "another client's")
    if client_id == own_file(desk.counsellor_id):
        raise UsageError("conversation", "no client chosen")
    body = {**kept_as_note(held.talk, date=_day(day), model=", ".join(held.by)), "talk": number}
    # A program that was killed between note and conversation has left a note that says whose it is.
    mine = [note for note in store.records(desk, client_id, "note") if note.body.get("talk") == number]
    known = {(note.record_id, note.version) for note in mine if held.note is None} | (
        {held.note} if held.note else set()
    )
    there = next((note for note in reversed(mine) if (note.record_id, note.version) in known), None)
    if there is None or there.body != body:
        name, base = (there.record_id, there.version) if there else (None, 0)
        there = store.save(desk, client_id, "note", body, record_id=name, version=base)
    moved = replace(held, owner=client_id, note=(there.record_id, there.version))
    if client_id == owner:
        return there, _save(desk, moved)
    before = [one for one in conversations(desk, client_id)[0] if one.number == number]
    kept = _save(desk, replace(moved, version=before[0].version if before else 0))
    store.discard(desk, owner, f"{_NAME}{number}")
    return there, kept


def keep_typed(desk: Desk, owner: str, typed: Typed) -> Typed:
    """Keep what stands in the field; nothing is kept of an empty one.

    Raises:
        Conflict: Another window keeps its own field.
        UsageError: It is too long.
    """
    if len(typed.text) > LONGEST:
        raise UsageError("conversation", "turn too long")
    body = {"text": typed.text, "talk": typed.number, "tab": typed.tab, "n": typed.n}
    try:
        made = store.save(desk, owner, "draft", body, record_id=_TYPED, version=typed.version)
    except Conflict as conflict:
        there = conflict.theirs
        if there is not None and (not typed.tab or there.body.get("tab") != typed.tab):
            raise
        if there is not None and there.body["n"] > typed.n:
            return replace(typed, version=there.version)
        # It was said, or emptied, elsewhere; or this page's newer words overtook its older ones.
        made = store.save(desk, owner, "draft", body, record_id=_TYPED, version=there.version if there else 0)
    if typed.text:
        return replace(typed, version=made.version)
    store.discard(desk, owner, _TYPED)
    return Typed()


def said(desk: Desk, owner: str, version: int) -> None:
    """What stood in the field was said; another window's words stay."""
    _, there = conversations(desk, owner)
    if there.version == version:
        store.discard(desk, owner, _TYPED)


def _save(desk: Desk, held: Kept) -> Kept:
    body = {
        **talk_to_json(held.talk),
        "began": held.began,
        "changed": _now(),
        "by": list(held.by),
        "last": dict(held.last),
        "note": list(held.note) if held.note else None,
    }
    name = f"{_NAME}{held.number}"
    return _kept(held.owner, store.save(desk, held.owner, "draft", body, record_id=name, version=held.version))


def _kept(owner: str, record: Record) -> Kept:
    body, note = record.body, record.body.get("note")
    return Kept(
        owner,
        int(record.record_id.removeprefix(_NAME)),
        record.version,
        talk_from_json(body),
        str(body["began"]),
        str(body["changed"]),
        tuple(body["by"]),
        dict(body["last"]),
        (str(note[0]), int(note[1])) if note else None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else _no_day()
    except ValueError:
        return _no_day()


def _no_day() -> str:
    raise UsageError("conversation", "no day of a note")
