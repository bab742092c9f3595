"""One note as rows: what is asked and answered by it, and by each change a person made in it.

A saved note answers its question; what a person wrote in a model's place is preferred to it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from app.desk.asking import Material
from app.desk.items import PARTS, Change, Draft, changes
from app.desk.paper import note_draft
from app.desk.store import Record
from counselling.prompts import Prompts, prompts
from xinheng.licences import YOURS
from xinheng.text import language_of

SOURCE: Final = "desk"
# As `drafting` asks a model of a usual size.
_LONGEST_ITEM: Final = 300
_WRITE_NOTE: Final = {
    "zh-Hant": "請寫下這次會談的紀錄。",
    "zh-Hans": "请写下这次会谈的记录。",
    "en": "Write the note of this session.",
}

_Asked = list[tuple[str, str]]
Row = dict[str, Any]


def note_rows(client_id: str, note: Record, edits: list[Record], left: Counter[str]) -> tuple[list[Row], list[Row]]:
    """What a note teaches: examples, the note's own first, and preferences; what teaches nothing is counted by why.

    Args:
        client_id: Whose.
        note: Its newest version.
        edits: What was changed in any of the client's drafts.
        left: Is added to.
    """
    question, draft, text = read_note(note)
    named = _named(client_id, note, text or question)
    told = prompts(str(named["language"]))
    asked, answer = _note(question, draft, text, told, left)
    if answer is None:
        left["a note without words of a person's"] += 1
        return [], []
    examples, pairs = [_example(named, "note", asked, answer)], []
    for n, change in enumerate(_changed(note, draft, edits, left)):
        asked = _item_asked(question, change, told)
        examples.append(_example(named, f"change-{n}", asked, _json({"text": [change.after]})))
        pairs.append(_pair(named, n, asked, change))
    return examples, pairs


def read_note(note: Record) -> tuple[str, Draft | None, str]:
    """A note's question, the draft that it was saved from where it holds one, and its words where it has some."""
    draft, text = note_draft(note.body), note.body.get("text")
    question = str(note.body.get("question") or (draft.question if draft else "")).strip()
    return question, draft, text.strip() if isinstance(text, str) else ""


def _note(
    question: str, draft: Draft | None, text: str, told: Prompts, left: Counter[str]
) -> tuple[_Asked, str | None]:
    """What is asked and answered by a note: in the form in which drafts are asked for, or plainly."""
    if draft is not None and question:
        left["items that nobody accepted"] += sum(item.state == "generated" for item in draft.items)
        kept = {
            part: [item.text.strip() for item in draft.of(part) if item.state != "generated" and item.text.strip()]
            for part in PARTS
        }
        if any(kept.values()):
            order = told.text("desk_analysis", limit=_LONGEST_ITEM)
            return [("system", order), ("user", _shown([("question", question)], told))], _json(kept)
    return [("user", question or _WRITE_NOTE[told.language])], text or None


def _item_asked(question: str, change: Change, told: Prompts) -> _Asked:
    """As one item is asked for again; of an edited one its old text is not shown, for it is what is not wanted."""
    titles = {name: told.text(f"desk_title_{name}") for name in ("old", "comment", "kept")}
    order = told.text("desk_item", part=told.text(f"desk_part_{change.part}"), limit=_LONGEST_ITEM, **titles)
    old = change.before if change.kind == "regenerated" else ""
    return [
        ("system", order),
        ("user", _shown([("old", old), ("comment", change.comment), ("question", question)], told)),
    ]


def _shown(parts: list[tuple[str, str]], told: Prompts) -> str:
    material = Material(tuple((told.text(f"desk_title_{name}"), text) for name, text in parts if text.strip()))
    return material.shown(told.text("desk_title_end"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _changed(note: Record, draft: Draft | None, edits: list[Record], left: Counter[str]) -> Iterator[Change]:
    """The changes of a note that say what is better: those saved beside it, and those in its own draft."""
    told = [_change(one) for one in edits if one.body.get("note") == note.record_id]
    told += changes(draft) if draft else []
    for change in dict.fromkeys(told):
        if change.after is None or not change.after.strip() or not change.before.strip():
            left["a text taken out, with none in its place"] += 1
        else:
            yield change


def _change(record: Record) -> Change:
    body = record.body
    after = body["after"]
    return Change(
        body["kind"], body["part"], str(body["before"]), None if after is None else str(after), str(body["comment"])
    )


def _named(client_id: str, note: Record, text: str) -> dict[str, Any]:
    """What all rows of a note share."""
    group = f"{client_id[:8]}-note-{int(note.record_id):05}"
    return {
        "group_id": group, "language": language_of(text), "source": SOURCE, "licence": YOURS,
        "origin": f"note {note.record_id}, version {note.version}",
    }  # fmt: skip


def _messages(said: _Asked) -> list[dict[str, Any]]:
    return [{"role": role, "content": text, "tags": []} for role, text in said]


def _example(named: dict[str, Any], what: str, asked: _Asked, answer: str) -> dict[str, Any]:
    # A changed note is another row: what was learnt before is told from what is new by the ids.
    digest = hashlib.sha256(_json([asked, answer]).encode()).hexdigest()[:12]
    messages = _messages([*asked, ("assistant", answer)])
    return {
        **named, "example_id": f"{named['group_id']}-{what}-{digest}", "topics": [], "messages": messages,
        "published_split": None,
    }  # fmt: skip


def _pair(named: dict[str, Any], n: int, asked: _Asked, change: Change) -> dict[str, Any]:
    digest = hashlib.sha256(_json([asked, change.after, change.before]).encode()).hexdigest()[:12]
    return {
        **named, "pair_id": f"{named['group_id']}-pair-{n}-{digest}", "prompt": _messages(asked),
        "chosen": _json({"text": [change.after]}), "rejected": _json({"text": [change.before]}),
        "chosen_score": None, "rejected_score": None, "evidence": f"{change.kind} by the counsellor",
    }  # fmt: skip
