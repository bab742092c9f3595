"""Drafts and their timelines as JSON, read back strictly: what cannot be a draft is refused, and its place named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.desk.items import PARTS, STATES, Draft, Item, Part, Rejection, Timeline
from xinheng.errors import DeskError


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """A draft as a JSON value."""
    return {
        "question": draft.question,
        "items": [_plain(item) for item in draft.items],
        "rejections": [_plain(old) for old in draft.rejections],
        "next_id": draft.next_id,
    }


def draft_from_json(value: Any) -> Draft:
    """The draft that `draft_to_json` wrote.

    Raises:
        DeskError: It is none; the place is named and no word of it.
    """
    whole = _typed(value, dict, "draft")
    items = [_item(one, n) for n, one in enumerate(_typed(whole.get("items"), list, "items"))]
    old = [_rejection(one, n) for n, one in enumerate(_typed(whole.get("rejections"), list, "rejections"))]
    next_id = _typed(whole.get("next_id"), int, "next_id")
    ids = [item.item_id for item in items]
    if len(set(ids)) < len(ids):
        raise _broken("items", "an id twice")
    order = [PARTS.index(item.part) for item in items]
    if order != sorted(order):
        raise _broken("items", "parts out of their order")
    if any(int(one[1:]) >= next_id for one in ids):
        raise _broken("next_id", "an id that will be given again")
    return Draft(_typed(whole.get("question"), str, "question"), tuple(items), tuple(old), next_id)


def timeline_to_json(timeline: Timeline) -> dict[str, Any]:
    """A timeline as a JSON value; what many of its drafts share is written once."""
    drafts = [*timeline.past, timeline.now, *timeline.future]
    shared: dict[Item | Rejection, int] = {}
    for draft in drafts:
        parts: tuple[Item | Rejection, ...] = (*draft.items, *draft.rejections)
        for part in parts:
            shared.setdefault(part, len(shared))
    return {
        "shared": [_plain(part) for part in shared],
        "drafts": [
            {**draft_to_json(draft), "items": [shared[item] for item in draft.items],
             "rejections": [shared[old] for old in draft.rejections]}
            for draft in drafts
        ],
        "now": len(timeline.past),
    }  # fmt: skip


def timeline_from_json(value: Any) -> Timeline:
    """The timeline that `timeline_to_json` wrote.

    Raises:
        DeskError: It is none; the place is named and no word of it.
    """
    whole = _typed(value, dict, "timeline")
    shared = _typed(whole.get("shared"), list, "shared")

    def meant(places: Any, where: str) -> list[Any]:
        found = [_typed(place, int, where) for place in _typed(places, list, where)]
        if any(not 0 <= place < len(shared) for place in found):
            raise _broken(where, "a place that is not there")
        return [shared[place] for place in found]

    drafts = []
    for one in _typed(whole.get("drafts"), list, "drafts"):
        told = _typed(one, dict, "drafts")
        parts = {name: meant(told.get(name), name) for name in ("items", "rejections")}
        drafts.append(draft_from_json({**told, **parts}))
    now = _typed(whole.get("now"), int, "now")
    if not 0 <= now < len(drafts):
        raise _broken("now", "a place that is not there")
    return Timeline(drafts[now], tuple(drafts[:now]), tuple(drafts[now + 1 :]))


def _item(value: Any, n: int) -> Item:
    told = _typed(value, dict, f"items/{n}")
    item_id = _typed(told.get("item_id"), str, f"items/{n}/item_id")
    if not (item_id[:1] == "i" and item_id[1:].isascii() and item_id[1:].isdigit()):
        raise _broken(f"items/{n}/item_id", "not an item's id")
    state = told.get("state")
    if state not in STATES:
        raise _broken(f"items/{n}/state", f"none of {', '.join(STATES)}")
    generated = told.get("generated")
    return Item(
        item_id,
        _part(told, f"items/{n}"),
        _typed(told.get("text"), str, f"items/{n}/text"),
        state,
        _typed(told.get("comment", ""), str, f"items/{n}/comment"),
        None if generated is None else _typed(generated, str, f"items/{n}/generated"),
    )


def _rejection(value: Any, n: int) -> Rejection:
    where = f"rejections/{n}"
    told = _typed(value, dict, where)
    text, comment = (_typed(told.get(name, ""), str, f"{where}/{name}") for name in ("text", "comment"))
    instead = told.get("instead_id")
    return Rejection(
        _part(told, where), text, comment, None if instead is None else _typed(instead, str, f"{where}/instead_id")
    )


def _part(told: Mapping[str, Any], where: str) -> Part:
    found: Part | None = next((part for part in PARTS if part == told.get("part")), None)
    if found is None:
        raise _broken(f"{where}/part", f"none of {', '.join(PARTS)}")
    return found


def _plain(part: Item | Rejection) -> dict[str, Any]:
    return {name: getattr(part, name) for name in type(part).__dataclass_fields__}


def _typed(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _broken(where, f"want {kind.__name__}")
    return value


def _broken(where: str, why: str) -> DeskError:
    return DeskError("draft", "cannot be read", have=f"at {where}: {why}", mend="Open an earlier version.")


def note_of(draft: Draft, *, date: str, model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a note that keeps a draft as it stands; `draft_from_json` opens it again.

    Args:
        draft: What is saved, each item with its state: what nobody accepted stays marked as a model's.
        date: Of the session.
        model: What was asked last; "" where nothing was.
        given: What it was given, from an `Outcome`.
    """
    return {"date": date, "model": model, "given": dict(given), **draft_to_json(draft)}
