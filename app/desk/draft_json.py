"""Drafts and their timelines as JSON, read back strictly: what cannot be a draft is refused, and its place named."""

from __future__ import annotations

import re
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
    items = [_item(one, f"items/{n}") for n, one in enumerate(_listed(whole, "items"))]
    old = [_rejection(one, f"rejections/{n}") for n, one in enumerate(_listed(whole, "rejections"))]
    return _draft(whole, _typed(whole.get("question"), str, "question"), items, old)


def _draft(whole: Mapping[str, Any], question: str, items: list[Item], old: list[Rejection]) -> Draft:
    next_id = _typed(whole.get("next_id"), int, "next_id")
    ids = [item.item_id for item in items]
    if len(set(ids)) < len(ids):
        raise _broken("items", "an id twice")
    order = [PARTS.index(item.part) for item in items]
    if order != sorted(order):
        raise _broken("items", "parts out of their order")
    if any(int(one[1:]) >= next_id for one in ids):
        raise _broken("next_id", "an id that will be given again")
    return Draft(question, tuple(items), tuple(old), next_id)


def timeline_to_json(timeline: Timeline) -> dict[str, Any]:
    """A timeline as a JSON value; what many of its drafts share is written once."""
    drafts = [*timeline.past, timeline.now, *timeline.future]
    questions: dict[str, int] = {}
    items: dict[Item, int] = {}
    old: dict[Rejection, int] = {}
    told = [
        {
            "question": questions.setdefault(draft.question, len(questions)),
            "items": [items.setdefault(item, len(items)) for item in draft.items],
            "rejections": [old.setdefault(one, len(old)) for one in draft.rejections],
            "next_id": draft.next_id,
        }
        for draft in drafts
    ]
    return {
        "questions": list(questions), "items": [_plain(item) for item in items],
        "rejections": [_plain(one) for one in old], "drafts": told, "now": len(timeline.past),
    }  # fmt: skip


def timeline_from_json(value: Any) -> Timeline:
    """The timeline that `timeline_to_json` wrote.

    Raises:
        DeskError: It is none; the place is named and no word of it.
    """
    whole = _typed(value, dict, "timeline")
    questions = [_typed(one, str, f"questions/{n}") for n, one in enumerate(_listed(whole, "questions"))]
    items = [_item(one, f"items/{n}") for n, one in enumerate(_listed(whole, "items"))]
    old = [_rejection(one, f"rejections/{n}") for n, one in enumerate(_listed(whole, "rejections"))]
    drafts = []
    for n, one in enumerate(_listed(whole, "drafts")):
        told, where = _typed(one, dict, f"drafts/{n}"), f"drafts/{n}"
        question = _meant([told.get("question")], questions, f"{where}/question")[0]
        of_items, of_old = _listed(told, "items"), _listed(told, "rejections")
        drafts.append(
            _draft(
                told, question, _meant(of_items, items, f"{where}/items"), _meant(of_old, old, f"{where}/rejections")
            )
        )
    now = _typed(whole.get("now"), int, "now")
    if not 0 <= now < len(drafts):
        raise _broken("now", "a place that is not there")
    return Timeline(drafts[now], tuple(drafts[:now]), tuple(drafts[now + 1 :]))


def _listed(whole: Mapping[str, Any], name: str) -> list[Any]:
    told: list[Any] = _typed(whole.get(name), list, name)
    return told


def _meant(places: list[Any], held: list[Any], where: str) -> list[Any]:
    """What is held at these places."""
    if any(not 0 <= _typed(place, int, where) < len(held) for place in places):
        raise _broken(where, "a place that is not there")
    return [held[place] for place in places]


def _item(value: Any, where: str) -> Item:
    told = _typed(value, dict, where)
    item_id = _typed(told.get("item_id"), str, f"{where}/item_id")
    if not re.fullmatch(r"i[0-9]{1,9}", item_id):
        raise _broken(f"{where}/item_id", "not an item's id")
    state = told.get("state")
    if state not in STATES:
        raise _broken(f"{where}/state", f"none of {', '.join(STATES)}")
    generated = told.get("generated")
    return Item(
        item_id,
        _part(told, where),
        _typed(told.get("text"), str, f"{where}/text"),
        state,
        _typed(told.get("comment", ""), str, f"{where}/comment"),
        None if generated is None else _typed(generated, str, f"{where}/generated"),
    )


def _rejection(value: Any, where: str) -> Rejection:
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
