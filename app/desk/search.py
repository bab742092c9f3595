"""Words found in notes, in memory and only while a desk is unlocked: there is no index on any disk.

A note holds a query when it holds each of its words; where none does, notes that hold the most pairs of neighbouring
signs come first, for a Chinese query has no spaces and is seldom written as the note is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.desk.store import clients, records
from app.desk.unlock import Desk
from xinheng.errors import DeskError
from xinheng.text import folded

# A whole page may be pasted into the search; so many of its pairs tell as much, in a tenth of a second.
_PAIRS: Final = 24


@dataclass(frozen=True)
class Hit:
    """A note that was found, and how well."""

    client_id: str
    record_id: str
    score: float


@dataclass
class NoteTexts:
    """The folded texts of all notes of an unlocked desk, by client and number."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def put(self, client_id: str, record_id: str, text: str) -> None:
        """Let a note be found by its newest words."""
        self.texts[client_id, record_id] = folded(text)

    def forget(self, client_id: str) -> None:
        """Let nothing of a client be found."""
        for key in [key for key in self.texts if key[0] == client_id]:
            del self.texts[key]

    def find(self, query: str, *, limit: int = 50) -> list[Hit]:
        """Notes that hold the query's words, best first; equal ones by client and the newest number."""
        words = folded(query).split()
        if not words:
            return []
        whole = {key: sum(map(text.count, words)) for key, text in self.texts.items() if all(w in text for w in words)}
        found = [Hit(*key, 1.0 + count) for key, count in whole.items()] or self._near(words)
        return sorted(found, key=lambda hit: (-hit.score, hit.client_id, -int(hit.record_id)))[:limit]

    def _near(self, words: list[str]) -> list[Hit]:
        every = sorted({word[n : n + 2] for word in words for n in range(len(word) - 1)})
        pairs = every[:: -(-len(every) // _PAIRS)] if every else []
        hits = []
        for key, text in self.texts.items() if pairs else ():
            share = sum(pair in text for pair in pairs) / len(pairs)
            if share >= 0.5:
                hits.append(Hit(*key, share))
        return hits


def note_texts(desk: Desk, unread: list[str] | None = None) -> NoteTexts:
    """All notes of a desk, ready to be searched.

    Args:
        desk: The desk.
        unread: Gets a sentence for each note, or client, that does not open, instead of an error.

    Raises:
        DeskError: A note, or a client's keys, were changed.
    """
    held = NoteTexts()
    for client_id in clients(desk):
        try:
            for record in records(desk, client_id, "note", unread=unread):
                held.put(client_id, record.record_id, found_by(record.body))
        except DeskError as error:
            if unread is None:
                raise
            unread.append(str(error))
    return held


def found_by(body: Mapping[str, Any]) -> str:
    """What a note is found by: its day and its words."""
    return f"{body.get('date', '')}\n{note_text(body)}"


def note_text(body: Mapping[str, Any]) -> str:
    r"""The words of a note as they stand: question, items, a conversation's turns, what was written freely.

    What was taken out or replaced is not among them. A note of another kind has whatever strings there are.

    >>> note_text({"question": "怎麼辦？", "items": [{"text": "散步", "state": "added"}], "text": "下週再談"})
    '怎麼辦？\n散步\n下週再談'
    """
    inner = body.get("draft")
    held = {**inner, **body} if isinstance(inner, dict) else dict(body)
    said: list[Any] = []
    for name in ("items", "turns"):
        if isinstance(parts := held.get(name), list):
            said += [part.get("text") for part in parts if isinstance(part, dict)]
    if not held.keys().isdisjoint(("items", "turns", "text")):
        said = [held.get("question"), *said, held.get("text")]
    else:
        said = list(strings({name: value for name, value in held.items() if name != "date"}))
    return "\n".join(text for text in said if isinstance(text, str) and text.strip())


def strings(value: object) -> list[str]:
    """All strings of a body, in order.

    >>> strings({"title": "第一次", "items": [{"text": "睡不好"}], "pages": 3})
    ['第一次', '睡不好']
    """
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in strings(part)]
