"""What a counsellor's notes and changes teach: EXAMPLE and PREFERENCE rows of one client, with consent or not at all.

A saved note answers its question; what a person wrote in a model's place is preferred to it. A note and all that was
changed in it share a group, so that nothing of a held-back note is learnt.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.desk import store
from app.desk.items import Change, Draft, changes
from app.desk.store import Record
from app.desk.teaching_rows import SOURCE, Row, note_rows
from app.desk.unlock import Desk
from xinheng.artifacts import Artifact, write
from xinheng.errors import CheckFailed, UsageError
from xinheng.licences import YOURS
from xinheng.tables import EXAMPLE, PREFERENCE

TRAINING: Final = "training"
# Beside training rows at least one is held back; fewer teach nothing that could be looked at.
FEWEST: Final = 3
OLDER: Final = "older than the newest that are taken"


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
    def notes(self) -> int:
        """Of how many notes."""
        return self.examples["group_id"].n_unique()

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
    found = gathered(desk, client_id, longest=longest, most=most)
    if found.notes < FEWEST:
        raise UsageError(
            "desk", "too few notes to train on", want=f"{FEWEST} or more with words in them", have=str(found.notes)
        )
    return found


def gathered(desk: Desk, client_id: str, *, longest: int | None = None, most: int | None = None) -> Taught:
    """As `rows`, however few they are: for whoever wants to see what there is.

    Raises:
        CheckFailed: No consent is recorded, or it was taken back.
    """
    require_consent(desk, client_id)
    notes = store.records(desk, client_id, "note")
    edits = store.records(desk, client_id, "edit")
    left, examples, pairs = Counter[str](), list[Row](), list[Row]()
    if most is not None and len(notes) > most:
        left[OLDER] = len(notes) - most
        notes = notes[-most:] if most else []
    for note in notes:
        some, others = note_rows(client_id, note, edits, left)
        examples += some
        pairs += others
    examples, pairs = _short(examples, longest, left), _short(pairs, longest, left)
    splits = _splits(sorted({row["group_id"] for row in examples}))
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


def _short(found: list[Row], longest: int | None, left: Counter[str]) -> list[Row]:
    kept = [row for row in found if longest is None or _length(row) <= longest]
    if len(kept) < len(found):
        left[f"longer than {longest:,} characters"] += len(found) - len(kept)
    return kept


def _length(row: Row) -> int:
    said = row.get("messages") or row["prompt"]
    return sum(len(one["content"]) for one in said) + len(row.get("chosen", "")) + len(row.get("rejected", ""))


def _splits(groups: list[str]) -> dict[str, str]:
    if not groups:
        return {}
    order = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).digest())
    held = max(1, len(order) // 5)
    watched = held if len(order) >= 5 else 0
    told = ["test"] * held + ["validation"] * watched
    return dict(zip(order, told + ["train"] * (len(order) - len(told)), strict=True))


def _table(found: list[Row], schema: Any, key: str, splits: dict[str, str]) -> pl.DataFrame:
    rows = [{**row, "split": splits[row["group_id"]]} for row in found if row["group_id"] in splits]
    return pl.DataFrame(rows, schema={**schema, "split": pl.String()}).sort(key)
