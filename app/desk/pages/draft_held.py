"""The draft of an analysis as the desk holds it: one sealed record, and every change goes to it before anything else.

A window sends its changes numbered, so that one that is sent again is not done again. Whoever writes first after
reading holds the draft; a window that read it before somebody else wrote is told, and changes nothing. What a model
writes counts as nobody's: it never takes the draft away from the window in which a person is typing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final

from app.desk import items, store
from app.desk.draft_json import timeline_from_json, timeline_to_json
from app.desk.drafting import Proposal, taken
from app.desk.items import Draft, Timeline
from app.desk.pages.draft_changes import Change, applied, number_of, text_of
from app.desk.paper import note_draft
from app.desk.store import Conflict, Record
from app.desk.unlock import Desk
from xinheng.errors import UsageError

# Signs of all steps together: the oldest steps are let go of.
_MOST_SIGNS: Final = 2_000_000
_TRIES: Final = 8


@dataclass(frozen=True, repr=False)
class Held:
    """A draft as it is kept.

    Args:
        client_id: Whose.
        note: The note that it makes a new version of; empty for a new one.
        timeline: The draft with its steps.
        day: The session's, as typed.
        base: The note's version that it was begun from.
        version: The record's; 0 before anything was kept.
        draft_id: Its own, by which a note that was saved from it is known.
        window: Which window wrote last.
        seen: The number of that window's last change.
        hand: How many times a person's changes were kept.
        last: What was being typed in last, so that typing on is no further step.
        asked: What was last asked of which model and what it was given, without words.
    """

    client_id: str
    note: str = ""
    timeline: Timeline = field(default_factory=Timeline)
    day: str = ""
    base: int = 0
    version: int = 0
    draft_id: str = ""
    window: str = ""
    seen: int = 0
    hand: int = 0
    last: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> Draft:
        """The draft as it stands."""
        return self.timeline.now

    @property
    def record_id(self) -> str:
        """The record's."""
        return f"analysis {self.note}".strip()


def held(desk: Desk, client_id: str, note: str = "") -> Held:
    """A client's draft as it was kept last, or the note as it was saved, or an empty one.

    Raises:
        DeskError: No such client here, or the draft cannot be read.
        UsageError: There is no such note, or it is none of items.
    """
    empty = Held(client_id, note)
    found = next((r for r in store.records(desk, client_id, "draft") if r.record_id == empty.record_id), None)
    if found is not None:
        return _of_record(empty, found)
    if not note:
        return empty
    saved = newest(desk, client_id, note)
    draft = note_draft(saved.body)
    if draft is None:
        raise UsageError("draft", "this note has no items", mend="Change it among the notes.")
    return replace(empty, timeline=Timeline(draft), base=saved.version, day=str(saved.body.get("date", "")))


def newest(desk: Desk, client_id: str, note: str) -> Record:
    """A note's newest version.

    Raises:
        UsageError: There is none.
    """
    saved = next((r for r in store.records(desk, client_id, "note") if r.record_id == note), None)
    if saved is None:
        raise UsageError("draft", "the note is not there", mend="Reload the page.")
    return saved


def mine(there: Held, window: str, hand: int) -> bool:
    """Whether a window may write: it wrote last, or nobody has written since it read."""
    return there.hand == hand or bool(window and there.window == window)


def changed(
    desk: Desk, client_id: str, note: str, changes: Sequence[Change], *, window: str, hand: int
) -> Held:  # fmt: skip
    """The draft with a window's changes, kept before this returns; those that were kept already are not done again.

    Args:
        desk: The desk.
        client_id: Whose draft.
        note: As in `Held`.
        changes: Each with `n`, its number in its window, `kind`, and what that needs.
        window: A random name.
        hand: As the window read it.

    Raises:
        Conflict: Another window wrote since.
        ValueError: A change cannot be read.
        UsageError: It is too long, or meant for nothing that is there.
    """
    for _ in range(_TRIES):
        there = held(desk, client_id, note)
        if not mine(there, window, hand):
            break
        seen = there.seen if there.window == window else 0
        fresh = [one for one in changes if number_of(one, "n") > seen]
        if not fresh:
            return there
        made = there
        for one in fresh:
            made = _after(made, one)
        made = replace(made, window=window, seen=number_of(fresh[-1], "n"), hand=there.hand + 1)
        try:
            return keep(desk, made)
        except Conflict:  # a model's words came between, or another desk's
            continue
    raise Conflict({}, None)


def begun(desk: Desk, client_id: str, note: str = "") -> Held:
    """The draft, kept, so that what a model writes for it has its place."""
    for _ in range(_TRIES):
        there = held(desk, client_id, note)
        try:
            return there if there.version else keep(desk, there)
        except Conflict:
            continue
    raise Conflict({}, None)


def answered(desk: Desk, asked: Held, proposal: Proposal, told: Mapping[str, Any]) -> Held | None:
    """The draft as it is now with what a model wrote for it; None where it was saved or thrown away meanwhile.

    Args:
        desk: The desk.
        asked: The draft for which the model was asked.
        proposal: What it wrote.
        told: What it was given, kept with the draft.
    """
    for _ in range(_TRIES):
        there = held(desk, asked.client_id, asked.note)
        if there.draft_id != asked.draft_id:
            return None
        timeline = items.done(there.timeline, taken(there.now, proposal))
        try:
            return keep(desk, replace(there, timeline=timeline, last="", asked=told))
        except Conflict:
            continue
    raise Conflict({}, None)


def keep(desk: Desk, made: Held) -> Held:
    """Keep a draft as it is.

    Raises:
        Conflict: It was kept by somebody else since it was read.
    """
    made = replace(made, timeline=_light(made.timeline), draft_id=made.draft_id or secrets.token_hex(8))
    body = {
        "timeline": timeline_to_json(made.timeline), "day": made.day, "base": made.base, "draft_id": made.draft_id,
        "window": made.window, "seen": made.seen, "hand": made.hand, "last": made.last, "asked": dict(made.asked),
    }  # fmt: skip
    record = store.save(desk, made.client_id, "draft", body, record_id=made.record_id, version=made.version)
    return replace(made, version=record.version)


def _after(there: Held, change: Change) -> Held:
    if change.get("kind") == "day":
        return replace(there, day=text_of(change, "text")[:10], last="")
    timeline, last = applied(there.timeline, change, there.last)
    return replace(there, timeline=timeline, last=last)


def _light(timeline: Timeline) -> Timeline:
    """The timeline without its oldest steps where all of them together are too long to be kept with every letter."""
    seen: set[str] = set()
    room = _MOST_SIGNS

    def fits(draft: Draft) -> bool:
        nonlocal room
        texts = {
            draft.question,
            *(text for one in draft.items for text in (one.text, one.comment, one.generated or "")),
        }
        texts |= {text for old in draft.rejections for text in (old.text, old.comment)}
        room -= sum(map(len, texts - seen))
        seen.update(texts)
        return room >= 0

    fits(timeline.now)
    future = timeline.future if all(map(fits, timeline.future)) else ()
    past = list(takewhile(fits, reversed(timeline.past)))
    return Timeline(timeline.now, tuple(reversed(past)), future)


def _of_record(empty: Held, found: Record) -> Held:
    body = found.body
    names = ("day", "base", "draft_id", "window", "seen", "hand", "last", "asked")
    timeline = timeline_from_json(body["timeline"])
    return replace(empty, timeline=timeline, version=found.version, **{name: body[name] for name in names})
