"""A draft of analysis and advice: items that a model proposed or a person wrote, changed one step at a time.

Every change gives a new draft and touches no other item. An item keeps its id as long as it lives, and no id is given
twice, also after undoing. What a model said stays beside what a person made of it: from both an adapter learns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from xinheng.errors import UsageError

Part = Literal["symptom", "reason", "advice"]
State = Literal["generated", "edited", "added", "accepted"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True, repr=False)
class Item:
    """One item of a draft.

    Args:
        item_id: Its own as long as the draft lives.
        part: What it is.
        text: As it reads now.
        state: `generated` by a model, `edited` by a person, `added` by a person, or `accepted` as it reads.
        comment: A person's, for whoever writes it again.
        generated: What a model said; None where a person wrote it from nothing.
    """

    item_id: str
    part: Part
    text: str
    state: State
    comment: str = ""
    generated: str | None = None

    @property
    def marked(self) -> bool:
        """Whether a page must mark it as a model's: until a person has accepted it, edited or not."""
        return self.state in ("generated", "edited")

    def __repr__(self) -> str:
        return f"Item({self.item_id} {self.part}, {self.state})"


@dataclass(frozen=True, repr=False)
class Rejection:
    """A model's text that was not kept, and the item that was generated instead; None where it was only taken out."""

    part: Part
    text: str
    comment: str = ""
    instead_id: str | None = None


@dataclass(frozen=True, repr=False)
class Draft:
    """A question and its items: symptom type first, then reasons, then advice, each in a person's order."""

    question: str = ""
    items: tuple[Item, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    next_id: int = 1

    def item(self, item_id: str) -> Item:
        """The item of an id.

        Raises:
            UsageError: There is none.
        """
        found = next((item for item in self.items if item.item_id == item_id), None)
        if found is None:
            raise UsageError("draft", "no such item", have=item_id[:20], mend="Reload the draft.")
        return found

    def of(self, part: Part) -> tuple[Item, ...]:
        """The items of one part, in order."""
        return tuple(item for item in self.items if item.part == part)

    @property
    def marked(self) -> tuple[Item, ...]:
        """What nobody has accepted yet."""
        return tuple(item for item in self.items if item.marked)

    def __repr__(self) -> str:
        return f"Draft({len(self.items)} items)"


def asked(draft: Draft, question: str) -> Draft:
    """The draft with its question as typed."""
    return replace(draft, question=question)


def added(draft: Draft, part: Part, text: str) -> Draft:
    """The draft with a person's own item behind the others of its part."""
    return _put(draft, [_new(draft, part, text, "added")])


def proposed(draft: Draft, texts: Mapping[Part, Sequence[str]]) -> Draft:
    """The draft with a model's items behind what is there already; nothing that is there is touched."""
    for part in PARTS:
        for text in texts.get(part, ()):
            draft = _put(draft, [_new(draft, part, text, "generated")])
    return draft


def edited(draft: Draft, item_id: str, text: str) -> Draft:
    """The draft with an item's text as typed; a model's own words typed again are the model's again."""
    item = draft.item(item_id)
    if text == item.text:
        return draft
    state: State = "added" if item.generated is None else "generated" if text == item.generated else "edited"
    return _changed(draft, replace(item, text=text, state=state))


def accepted(draft: Draft, item_id: str) -> Draft:
    """The draft with an item that a person stands for as it reads."""
    return _changed(draft, replace(draft.item(item_id), state="accepted"))


def all_accepted(draft: Draft) -> Draft:
    """The draft with every item accepted."""
    return replace(draft, items=tuple(replace(item, state="accepted") for item in draft.items))


def commented(draft: Draft, item_id: str, comment: str) -> Draft:
    """The draft with a comment on an item; an empty one takes it away."""
    return _changed(draft, replace(draft.item(item_id), comment=comment))


def removed(draft: Draft, item_id: str) -> Draft:
    """The draft without an item; a model's text is remembered as not kept."""
    item = draft.item(item_id)
    gone = () if item.generated is None else (Rejection(item.part, item.generated, item.comment),)
    kept = tuple(other for other in draft.items if other.item_id != item_id)
    return replace(draft, items=kept, rejections=draft.rejections + gone)


def moved(draft: Draft, item_id: str, place: int) -> Draft:
    """The draft with an item at a place among those of its part, 0 first; places beyond the ends are the ends."""
    item = draft.item(item_id)
    others = [other for other in draft.of(item.part) if other.item_id != item_id]
    others.insert(max(0, min(place, len(others))), item)
    return replace(
        draft, items=tuple(one for part in PARTS for one in (others if part == item.part else draft.of(part)))
    )


def restored(draft: Draft, item_id: str, part: Part, text: str) -> Draft:
    """The draft with words typed into an item that was taken out meanwhile: they are a person's, and keep its id.

    Raises:
        UsageError: No item of this draft ever had the id.
    """
    if not re.fullmatch(r"i[0-9]{1,9}", item_id) or int(item_id[1:]) >= draft.next_id:
        return _changed(draft, draft.item(item_id))
    return replace(_put(draft, [Item(item_id, part, text, "added")]), next_id=draft.next_id)


def regenerated(draft: Draft, item_id: str, text: str) -> Draft:
    """The draft with a model's new text in an item's place; its comment was answered and goes with the old text."""
    item = draft.item(item_id)
    # A person's own words are nothing that a model should learn to avoid.
    old = () if item.generated is None else (Rejection(item.part, item.text, item.comment, item_id),)
    fresh = Item(item_id, item.part, text, "generated", generated=text)
    return replace(_changed(draft, fresh), rejections=draft.rejections + old)


# ---- what is learned from a draft


@dataclass(frozen=True, repr=False)
class Change:
    """What a person preferred: `after` over `before`; None where nothing came instead."""

    kind: Literal["edited", "regenerated", "removed"]
    part: Part
    before: str
    after: str | None
    comment: str = ""


def changes(draft: Draft) -> list[Change]:
    """What a person changed of a model's words, for the rows that an adapter learns from.

    A text that was generated in another's place stands for a preference only where the person accepted or edited it:
    one that was merely left there is nobody's choice.
    """
    held = {item.item_id: item for item in draft.items}
    told: list[Change] = []
    for old in draft.rejections:
        now = held.get(old.instead_id or "")
        if old.instead_id is None:
            told.append(Change("removed", old.part, old.text, None, old.comment))
        elif now is not None and now.state != "generated" and now.text != old.text:
            told.append(Change("regenerated", old.part, old.text, now.text, old.comment))
    return told + [
        Change("edited", item.part, item.generated, item.text, item.comment)
        for item in draft.items
        if item.generated is not None and item.text != item.generated
    ]


# ---- undo and redo


@dataclass(frozen=True, repr=False)
class Timeline:
    """A draft with what it was before and what was undone."""

    now: Draft = field(default_factory=Draft)
    past: tuple[Draft, ...] = ()
    future: tuple[Draft, ...] = ()


# More steps back than anybody takes, and few enough to save every few seconds.
MOST_STEPS: Final = 100


def done(timeline: Timeline, draft: Draft) -> Timeline:
    """The timeline with a new draft; what was undone before it cannot be redone."""
    if draft == timeline.now:
        return timeline
    return Timeline(draft, (*timeline.past, timeline.now)[-MOST_STEPS:])


def amended(timeline: Timeline, draft: Draft) -> Timeline:
    """The timeline with its last step going on: a word that is typed is one step, however often it is kept meanwhile.

    Typed back to what it was before, it is no step at all.
    """
    if draft == timeline.now:
        return timeline
    if timeline.past and draft == timeline.past[-1]:
        return Timeline(draft, timeline.past[:-1])
    return Timeline(draft, timeline.past)


def undone(timeline: Timeline) -> Timeline:
    """One step back; the same where there is none."""
    if not timeline.past:
        return timeline
    *past, before = timeline.past
    # Ids that were given stay given: an item that is added next is not taken for the one that was undone.
    before = replace(before, next_id=max(before.next_id, timeline.now.next_id))
    return Timeline(before, tuple(past), (timeline.now, *timeline.future))


def redone(timeline: Timeline) -> Timeline:
    """One step forward again; the same where there is none."""
    if not timeline.future:
        return timeline
    after, *future = timeline.future
    return Timeline(after, (*timeline.past, timeline.now), tuple(future))


def _new(draft: Draft, part: Part, text: str, state: State) -> Item:
    return Item(f"i{draft.next_id}", part, text, state, generated=text if state == "generated" else None)


def _put(draft: Draft, fresh: Iterable[Item]) -> Draft:
    items = sorted((*draft.items, *fresh), key=lambda item: PARTS.index(item.part))
    return replace(draft, items=tuple(items), next_id=draft.next_id + 1)


def _changed(draft: Draft, item: Item) -> Draft:
    return replace(draft, items=tuple(item if item.item_id == other.item_id else other for other in draft.items))
