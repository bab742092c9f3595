"""One change of a person's to a draft, as a page sends it: read strictly, and done without losing a typed word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.desk import items
from app.desk.items import PARTS, Draft, Part, Timeline
from app.desk.pages.drafts import whole
from xinheng.errors import UsageError

# Of a question, an item or a comment; a page tells before it sends.
LONGEST: Final = 100_000

Change = Mapping[str, Any]


def applied(timeline: Timeline, change: Change, last: str) -> tuple[Timeline, str]:
    """A timeline with one change of a person's, and what was being typed in.

    Args:
        timeline: The draft with its steps.
        change: `kind`, and what that needs.
        last: What was being typed in before; typing on is no further step.

    Raises:
        ValueError: It cannot be read.
        UsageError: It is too long, or meant for nothing that is there.
    """
    kind = str(change.get("kind"))
    if kind in ("undo", "redo"):
        step = items.undone if kind == "undo" else items.redone
        return step(timeline), ""
    draft = _CHANGES[kind](timeline.now, change)
    typed = f"{kind} {change.get('item', '')}" if kind in _TYPED else ""
    if typed and change.get("more") is True and last == typed:
        made = items.amended(timeline, draft)
        # Typed back: the step is gone, and the next letter is a step of its own.
        return made, "" if len(made.past) < len(timeline.past) else typed
    made = items.done(timeline, draft)
    return made, typed if made is not timeline else ""


def _edited(draft: Draft, change: Change) -> Draft:
    item_id, text = _item(change), text_of(change, "text")
    if not _there(draft, item_id):
        return items.restored(draft, item_id, _part(change), text)
    return items.edited(draft, item_id, text)


def _commented(draft: Draft, change: Change) -> Draft:
    item_id, comment = _item(change), text_of(change, "comment")
    if not _there(draft, item_id):
        draft = items.restored(draft, item_id, _part(change), text_of(change, "text"))
    return items.commented(draft, item_id, comment)


def _if_there(work: Callable[[Draft, str, Change], Draft]) -> Callable[[Draft, Change], Draft]:
    """What is meant for an item that a model's answer has replaced by nothing has nothing left to do."""

    def done(draft: Draft, change: Change) -> Draft:
        item_id = _item(change)
        return work(draft, item_id, change) if _there(draft, item_id) else draft

    return done


_TYPED: Final = frozenset({"question", "edit", "comment"})
_CHANGES: Final[Mapping[str, Callable[[Draft, Change], Draft]]] = {
    "question": lambda draft, change: items.asked(draft, text_of(change, "text")),
    "edit": _edited,
    "comment": _commented,
    "add": lambda draft, change: items.added(draft, _part(change), text_of(change, "text")),
    "remove": _if_there(lambda draft, item_id, _: items.removed(draft, item_id)),
    "accept": _if_there(lambda draft, item_id, _: items.accepted(draft, item_id)),
    "move": _if_there(lambda draft, item_id, change: items.moved(draft, item_id, number_of(change, "place"))),
    "accept_all": lambda draft, _: items.all_accepted(draft),
    # Ids that were given stay given.
    "clear": lambda draft, _: Draft(next_id=draft.next_id),
}


def _there(draft: Draft, item_id: str) -> bool:
    return any(item.item_id == item_id for item in draft.items)


def _item(change: Change) -> str:
    return str(change["item"])[:12]


def _part(change: Change) -> Part:
    return PARTS[PARTS.index(change.get("part", ""))]


def text_of(change: Change, name: str) -> str:
    """A text of a change; empty where there is none.

    Raises:
        ValueError: It is none.
        UsageError: It is too long.
    """
    value = change.get(name, "")
    if not isinstance(value, str):
        raise ValueError(name)  # noqa: TRY004  as for every request that cannot be read
    if len(value) > LONGEST:
        raise UsageError("draft", "too long to be kept", want=f"{LONGEST:,} signs at most", mend="Shorten it.")
    return str(whole(value))


def number_of(change: Change, name: str) -> int:
    """A number of a change.

    Raises:
        ValueError: It is none.
    """
    value = change.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise ValueError(name)
    return value
