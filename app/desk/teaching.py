"""What a counsellor's notes and changes teach: EXAMPLE and PREFERENCE rows of one client, with consent or not at all.

A saved note answers its question; what a person wrote in a model's place is preferred to it. A note and all that was
changed in it share a group, so that nothing of a held-back note is learnt.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.desk import store
from app.desk.asking import Material
from app.desk.items import PARTS, Change, Draft, changes
from app.desk.paper import note_draft
from app.desk.store import Record
from app.desk.unlock import Desk
from counselling.prompts import Prompts, prompts
from xinheng.artifacts import Artifact, write
from xinheng.errors import CheckFailed, UsageError
from xinheng.licences import YOURS
from xinheng.tables import EXAMPLE, PREFERENCE
from xinheng.text import language_of

TRAINING: Final = "training"
SOURCE: Final = "desk"
# Beside training rows at least one is held back; fewer teach nothing that could be looked at.
FEWEST: Final = 3
# As `drafting` asks a model of a usual size.
_LONGEST_ITEM: Final = 300
_WRITE_NOTE: Final = {
    "zh-Hant": "請寫下這次會談的紀錄。",
    "zh-Hans": "请写下这次会谈的记录。",
    "en": "Write the note of this session.",
}

_Asked = list[tuple[str, str]]


@dataclass(frozen=True)
class Taught:
    """The rows of a client.

    Args:
        examples: EXAMPLE rows with `split`, sorted by id.
        preferences: PREFERENCE rows with `split`, sorted by id.
        left_out: How many notes and changes teach nothing, by why.
    """

    examples: pl.DataFrame = field(repr=False)
    preferences: pl.DataFrame = field(repr=False)
    left_out: dict[str, int]

    @property
    def ids(self) -> list[str]:
        """Of all rows; a note that was saved again has another one."""
        return sorted([*self.examples["example_id"].to_list(), *self.preferences["pair_id"].to_list()])

    def counts(self) -> dict[str, int]:
        """How many rows there are of each kind and split."""
        both = (("examples", self.examples), ("preferences", self.preferences))
        return {f"{name}_{split}": int((frame["split"] == split).sum()) for name, frame in both for split in _SPLITS}


_SPLITS: Final = ("train", "validation", "test")


# ---- consent


def consent(desk: Desk, client_id: str, use: str = TRAINING) -> Record | None:
    """What was recorded last of a client's consent to a use; None where nobody recorded any."""
    return next((one for one in store.records(desk, client_id, "consent") if one.record_id == use), None)


def consented(desk: Desk, client_id: str, use: str = TRAINING) -> bool:
    """Whether the client has consented and has not taken it back."""
    found = consent(desk, client_id, use)
    return found is not None and found.body.get("given") is True


def record_consent(desk: Desk, client_id: str, *, given: bool, how: str, use: str = TRAINING) -> Record:
    """Record that a client consents to a use, or takes it back; every version stays.

    Args:
        desk: The desk.
        client_id: Who.
        given: False takes it back: nothing is trained any more, and no adapter is used.
        how: In the counsellor's words: signed when, told to whom.
        use: `training`; other uses have consents of their own.
    """
    if not how.strip():
        raise UsageError("desk", "how the client consented was not said", want="signed when, or told to whom")
    before = consent(desk, client_id, use)
    body = {"given": given, "how": how, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    version = before.version if before else 0
    return store.save(desk, client_id, "consent", body, record_id=use, version=version)


def require_consent(desk: Desk, client_id: str) -> None:
    """Raise unless the client consents to training.

    Raises:
        CheckFailed: He does not, or nobody recorded it.
    """
    if not consented(desk, client_id):
        raise CheckFailed(
            "desk",
            f"no consent to training is recorded for client {client_id[:8]}",
            mend="Ask the client, and record what was said.",
        )


# ---- what was changed


def keep_changes(desk: Desk, client_id: str, note_id: str, draft: Draft) -> list[Record]:
    """Save what a person changed in a draft, when its note is saved; no change is saved twice for a note.

    Args:
        desk: The desk.
        client_id: Whose.
        note_id: The saved note.
        draft: From which it was saved.
    """
    there = [one.body for one in store.records(desk, client_id, "edit") if one.body.get("note") == note_id]
    wanted = [_as_edit(note_id, draft.question, change) for change in changes(draft)]
    return [store.save(desk, client_id, "edit", one) for one in wanted if one not in there]


def _as_edit(note_id: str, question: str, change: Change) -> dict[str, Any]:
    return {
        "note": note_id, "question": question, "kind": change.kind, "part": change.part,
        "before": change.before, "after": change.after, "comment": change.comment,
    }  # fmt: skip


# ---- rows


def rows(desk: Desk, client_id: str, *, longest: int | None = None, most: int | None = None) -> Taught:
    """The rows that a client's notes and changes give; consent is looked for first.

    About a fifth of the notes is held back for samples before and after (`test`), from five on another fifth chooses
    the best step (`validation`); which they are follows from their numbers, so that they mostly stay the same.

    Args:
        desk: The desk.
        client_id: Whose.
        longest: Rows of more characters are left out and counted.
        most: Only so many notes, the newest.

    Raises:
        CheckFailed: No consent is recorded, or it was taken back.
        UsageError: Fewer notes than can be taught and held back.
    """
    require_consent(desk, client_id)
    notes = store.records(desk, client_id, "note")
    edits = store.records(desk, client_id, "edit")
    left, examples, pairs = Counter[str](), list[dict[str, Any]](), list[dict[str, Any]]()
    if most is not None and len(notes) > most:
        left["older than the newest that are taken"] = len(notes) - most
        notes = notes[-most:]
    for note in notes:
        question, draft, text = _read(note)
        named = _named(client_id, note, text or question)
        told = prompts(str(named["language"]))
        asked, answer = _note(question, draft, text, told, left)
        if answer is None:
            left["a note without words of a person's"] += 1
            continue
        examples.append(_example(named, "note", asked, answer))
        for n, change in enumerate(_changed(note, draft, edits, left)):
            asked = _item_asked(question, change, told)
            examples.append(_example(named, f"change-{n}", asked, _json({"text": [change.after]})))
            pairs.append(_pair(named, n, asked, change))
    examples, pairs = _short(examples, longest, left), _short(pairs, longest, left)
    groups = sorted({row["group_id"] for row in examples})
    if len(groups) < FEWEST:
        raise UsageError(
            "desk", "too few notes to train on", want=f"{FEWEST} or more with words in them", have=str(len(groups))
        )
    splits = _splits(groups)
    return Taught(
        _table(examples, EXAMPLE, "example_id", splits), _table(pairs, PREFERENCE, "pair_id", splits), dict(left)
    )


def dataset(taught: Taught, folder: Path, *, name: str = "client") -> Artifact:
    """The rows as a dataset that `xinheng train client` reads: unencrypted, so the caller says where."""
    kept = taught.examples
    licences = [{"licence": YOURS, "rows": kept.height, "sources": [SOURCE]}]
    facts = {
        "title": {"en": "A client's notes", "zh": "個案筆記"}, "table": "example", "licences": licences,
        "splits": {split: int((kept["split"] == split).sum()) for split in _SPLITS}, "left_out": taught.left_out,
    }  # fmt: skip
    tables = {"example": kept, "preference": taught.preferences}
    return write(folder, kind="dataset", name=name, tables=tables, facts=facts)


def export(desk: Desk, client_id: str, folder: Path) -> Artifact:
    """A client's rows in a folder of the counsellor's, unencrypted, for a training elsewhere; the log says so.

    What was exported is out of the desk's reach: erasing the client does not delete it.
    """
    made = dataset(rows(desk, client_id), folder)
    folder.chmod(0o700)
    store.log(desk, "exported", client=client_id, what="training rows", rows=made.rows("example"))
    return made


def readable(answer: str) -> str:
    r"""An answer as a person reads it: the items of a draft line by line, anything else as it is.

    >>> readable('{"symptom": ["焦慮"], "advice": ["散步", "早睡"]}')
    '- 焦慮\n- 散步\n- 早睡'
    """
    try:
        told = json.loads(answer)
    except ValueError:
        return answer
    if not isinstance(told, dict):
        return answer
    texts = [text for some in told.values() if isinstance(some, list) for text in some]
    return "\n".join(f"- {text}" for text in texts)


def _read(note: Record) -> tuple[str, Draft | None, str]:
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


def _short(found: list[dict[str, Any]], longest: int | None, left: Counter[str]) -> list[dict[str, Any]]:
    kept = [row for row in found if longest is None or _length(row) <= longest]
    if len(kept) < len(found):
        left[f"longer than {longest:,} characters"] += len(found) - len(kept)
    return kept


def _length(row: dict[str, Any]) -> int:
    said = row.get("messages") or row["prompt"]
    return sum(len(one["content"]) for one in said) + len(row.get("chosen", "")) + len(row.get("rejected", ""))


def _splits(groups: list[str]) -> dict[str, str]:
    order = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).digest())
    held = max(1, len(order) // 5)
    watched = held if len(order) >= 5 else 0
    told = ["test"] * held + ["validation"] * watched
    return dict(zip(order, told + ["train"] * (len(order) - len(told)), strict=True))


def _table(found: list[dict[str, Any]], schema: Any, key: str, splits: dict[str, str]) -> pl.DataFrame:
    rows = [{**row, "split": splits[row["group_id"]]} for row in found if row["group_id"] in splits]
    return pl.DataFrame(rows, schema={**schema, "split": pl.String()}).sort(key)
