"""Notes of consenting clients under other names, as lines that `xinheng ingest notes` reads.

Surrogates are chosen by a key made of the client's own, and no way back is written down anywhere: the same note gives
the same line each time, also after keys were rotated, and once the client is erased nobody can make it again. What the
search for identifiers misses stays: somebody must read the lines before they go out.
"""

from __future__ import annotations

import hmac
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.desk import store
from app.desk.database import read
from app.desk.items import PARTS
from app.desk.paper import client_code, note_draft, word
from app.desk.store import Record
from app.desk.teaching import consented
from app.desk.unlock import Desk
from xinheng.errors import UsageError, WriteError
from xinheng.sealing import subkey
from xinheng.text import language_of

USE: Final = "corpus"
# Fields of the information whose whole text is somebody's name.
_NAMES: Final = frozenset({"code", "name", "names", "full_name", "nickname", "姓名", "名字", "暱稱", "昵称"})


@dataclass(frozen=True)
class Corpus:
    """Lines to give away, and what is not among them.

    Args:
        lines: JSON Lines in UTF-8.
        notes: How many.
        clients: Of how many clients.
        left_out: How many clients, notes and items are not there, by why.
        replaced: Places replaced, by class.
        whose: How many notes of each client, by his id.
    """

    lines: bytes = field(repr=False)
    notes: int
    clients: int
    left_out: dict[str, int]
    replaced: dict[str, int]
    whose: dict[str, int] = field(default_factory=dict, repr=False)


def corpus(desk: Desk, clients: Sequence[str] | None = None) -> Corpus:
    """The notes of all clients, or of some, who consented to the use `corpus`; the log says whose went out."""
    made = prepared(desk, clients)
    went_out(desk, made)
    return made


def prepared(desk: Desk, clients: Sequence[str] | None = None) -> Corpus:
    """What `corpus` would give, to be read before it goes out: nothing is in the log yet.

    A note needs a question and an answer: what a person wrote, edited or accepted. Days are not given.
    """
    left, replaced, lines, whose = Counter[str](), Counter[str](), list[dict[str, Any]](), dict[str, int]()
    for client_id in sorted(clients) if clients is not None else store.clients(desk):
        if not consented(desk, client_id, USE):
            left["clients without consent to it"] += 1
            continue
        notes = list(_pairs(store.records(desk, client_id, "note"), left))
        if not notes:
            left["clients without such a note"] += 1
            continue
        changed, counts = _renamed(desk, client_id, [text for _, _, *texts in notes for text in texts])
        replaced += counts
        name = hmac.digest(_key(desk, client_id), b"name", "sha256").hex()[:16]
        for n, (note_id, language, _, _) in enumerate(notes):
            told = {"question": changed[2 * n], "answer": changed[2 * n + 1]}
            lines.append({"note_id": f"{name}-{int(note_id):05}", "client_id": name, "language": language, **told})
        whose[client_id] = len(notes)
    # In the order of the names, which says nothing of when a client came.
    lines.sort(key=lambda line: str(line["note_id"]))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    counted = {why: count for why, count in sorted(left.items()) if count}
    return Corpus(text.encode(errors="replace"), len(lines), len(whose), counted, dict(sorted(replaced.items())), whose)


def went_out(desk: Desk, made: Corpus) -> None:
    """Write into the log whose notes were given away."""
    for client_id, notes in made.whose.items():
        store.log(desk, "exported", client=client_id, what=USE, notes=notes)


def write(desk: Desk, to: Path) -> Corpus:
    """Put the corpus of all clients into a file, whole or not at all.

    Raises:
        UsageError: There is something at `to` already, or no note to give.
        WriteError: The disk refuses.
    """
    there = UsageError("desk", f"{to} is there already", mend="Choose another name.")
    if to.exists():
        raise there
    made = prepared(desk)
    if not made.notes:
        why = "; ".join(f"{count} {what}" for what, count in made.left_out.items())
        raise UsageError("desk", "there is no note to give", have=why, mend="Nothing was written.")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.writing-")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(made.lines)
                out.flush()
                os.fsync(out.fileno())
            went_out(desk, made)  # before, for what the log does not hold must not be out
            os.link(name, to)  # a rename would put it over a file that came meanwhile
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise there from None
    except OSError as error:
        raise WriteError("desk", f"cannot write {to}", have=error.strerror or "an error") from error
    return made


def _pairs(notes: Sequence[Record], left: Counter[str]) -> Iterator[tuple[str, str, str, str]]:
    """Number, language, question and answer of each note that has both."""
    for note in notes:
        draft = note_draft(note.body)
        question = str(note.body.get("question") or (draft.question if draft else "")).strip()
        language = language_of(question)
        left["items that nobody accepted"] += sum(item.state == "generated" for item in draft.items) if draft else 0
        blocks = []
        for part in PARTS if draft else ():
            items = [i.text.strip() for i in draft.of(part) if i.state != "generated"] if draft else []
            kept = [text for text in items if text]
            if kept:
                blocks.append("\n".join([f"{word(part, language)}:", *(f"- {text}" for text in kept)]))
        # A free text may hold the model's words, unless a person says that he wrote it.
        text = note.body.get("text")
        if isinstance(text, str) and text.strip() and not note.body.get("generated"):
            blocks.append(text.strip())
        if not question or not blocks:
            left["notes without a question and an answer of a person"] += 1
            continue
        yield note.record_id, language, question, "\n".join(blocks)


def _renamed(desk: Desk, client_id: str, texts: Sequence[str]) -> tuple[list[str], Counter[str]]:
    """A client's texts with surrogates, and how many places of each class were replaced."""
    from curation.privacy.pseudonyms import replace_all, spans_of
    from curation.privacy.vault import ClientMap

    info = store.records(desk, client_id, "info")
    names = sorted({*_named([record.body for record in info]), client_code(info)} - {""})
    found = spans_of(set(texts))
    _, changed, counts = replace_all(ClientMap(_key(desk, client_id)), list(texts), found, names)
    return [text or "" for text in changed], counts


def _named(value: Any) -> Iterator[str]:
    """What stands in fields that hold a name."""
    if isinstance(value, dict):
        for key, part in value.items():
            if str(key).lower() in _NAMES and isinstance(part, str):
                yield part.strip()
            else:
                yield from _named(part)
    elif isinstance(value, list):
        for part in value:
            yield from _named(part)


def _key(desk: Desk, client_id: str) -> bytes:
    held = read(desk.engine, lambda connection: store.client_keys(connection, desk, client_id))
    return subkey(held.mark, "desk corpus")
