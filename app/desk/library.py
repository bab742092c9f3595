"""A counsellor's library: documents kept sealed, and questions answered with passages that say where they stand.

Past cases are the counsellor's own notes, read with his keys when the library is opened; nobody else's are ever
there. Documents lie in sealed files with a record each, so that what is taken out is really gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from app.desk import store
from app.desk.blobs import file_pieces, keep_file, remove_file
from app.desk.library_index import Embed, Index, folded, index
from app.desk.library_reading import Document, Passage, place, read_document
from app.desk.paper import client_code, note_text
from app.desk.unlock import Desk, own_file
from xinheng.errors import DeskError, UsageError
from xinheng.storage import Place

KIND: Final = "library"
DOCUMENTS: Final = 500
_SHOWN: Final = 160


@dataclass(frozen=True)
class Held:
    """A document of the library."""

    document_id: str
    title: str
    kind: str
    passages: int
    told: tuple[tuple[str, int | str], ...]


@dataclass(frozen=True)
class Source:
    """Where a passage of an open library is from: a document, or a client's note."""

    title: str
    passage: Passage
    document_id: str = ""
    client_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Cited:
    """A passage that was found, numbered as it is cited.

    Args:
        number: From 1, in order of relevance.
        source: Whose words.
        score: The index's.
        share: How much of the question it holds, from 0 to 1.
        start: Where in the passage what fits the question best begins,
        end: and ends.
    """

    number: int
    source: Source
    score: float
    share: float
    start: int
    end: int

    def where(self, language: str) -> str:
        """Title and place, as a person would cite them; of a note, its number."""
        if self.source.note:
            note = {"zh-Hant": "紀錄 {}", "zh-Hans": "记录 {}", "en": "note {}"}[language]
            stands = note.format(self.source.note)
        else:
            stands = place(self.source.passage, language)
        between = ", " if language == "en" else "，"
        return f"[{self.number}] " + between.join(part for part in (self.source.title, stands) if part)

    def given(self, language: str) -> tuple[str, str]:
        """Title and words, as they are shown to a model beside a question."""
        return self.where(language), self.source.passage.text

    def as_json(self, language: str) -> dict[str, Any]:
        """What a note keeps of it, under `cited`, to say later what was given: where it stands, and no word of it."""
        source, passage = self.source, self.source.passage
        ids = {"document": source.document_id, "client": source.client_id, "note": source.note}
        return {"where": self.where(language), **ids, "page": passage.page, "row": passage.row}


def add_document(
    desk: Desk, name: str, source: bytes | Path, *, files: Place | None = None, title: str = ""
) -> tuple[Held, Document]:
    """Read a document and keep it, sealed.

    Args:
        desk: The desk.
        name: The file's name.
        source: Its bytes, or where it lies.
        files: Where files are kept; None for `files` in the desk's folder.
        title: What to call it; what it calls itself otherwise.

    Raises:
        InputError: It cannot be read; see `read_document`.
        UsageError: The library is full, or holds this document already.
    """
    there = documents(desk)
    if len(there) >= DOCUMENTS:
        raise UsageError("library", "the library is full", want=f"{DOCUMENTS} documents at most", mend="Remove one.")
    made = read_document(name, source)
    called = title.strip() or made.title
    if any((held.title, held.passages) == (called, len(made.passages)) for held in there):
        raise UsageError("library", "a document of this title and length is there", mend="Give it another title.")
    about = {"title": called, "kind": made.kind, "passages": len(made.passages), "told": list(map(list, made.told))}
    body = json.dumps([asdict(passage) for passage in made.passages]).encode()
    record = keep_file(desk, files or desk.home / "files", own_file(desk.counsellor_id), KIND, [body], about)
    return _held(record), made


def documents(desk: Desk) -> list[Held]:
    """The documents of this counsellor's library, by title."""
    return sorted((_held(record) for record in _records(desk)), key=lambda held: (held.title, held.document_id))


def remove_document(desk: Desk, document_id: str, *, files: Place | None = None) -> None:
    """Take a document out: its file is deleted, and with it all that its key would open.

    Raises:
        DeskError: There is none of this id.
    """
    owner = own_file(desk.counsellor_id)
    record = next((record for record in _records(desk) if record.record_id == document_id), None)
    if record is None:
        raise DeskError("library", "no such document here", mend="It was removed before.")
    store.save(desk, owner, KIND, {"removed": True}, record_id=document_id, version=record.version)
    remove_file(desk, files or desk.home / "files", owner, record)


@dataclass(frozen=True)
class Library:
    """An open library; it lives in this process's memory only and is let go of at logout."""

    sources: tuple[Source, ...]
    found: Index
    embed: Embed | None = None

    def __repr__(self) -> str:
        return f"Library({len(self.sources)} passages)"

    def ask(self, question: str, *, limit: int = 8, without: str = "") -> list[Cited]:
        """The passages that answer a question best, numbered.

        Args:
            question: In any language of the library; either Chinese script finds both.
            limit: How many at most.
            without: A client whose own notes are left out, because they are given anyway.
        """
        hits = self.found.find(question[:2_000], limit=limit if not without else 4 * limit + 50, embed=self.embed)
        kept = [hit for hit in hits if not without or self.sources[hit.number].client_id != without][:limit]
        cited = []
        for number, hit in enumerate(kept, 1):
            source = self.sources[hit.number]
            start, end = best_part(source.passage.text, question)
            cited.append(Cited(number, source, hit.score, hit.share, start, end))
        return cited


def open_library(
    desk: Desk,
    *,
    files: Place | None = None,
    cases: bool = True,
    embed: Embed | None = None,
    said: Sequence[tuple[str, Document]] = (),
) -> Library:
    """All documents of the counsellor and, if wanted, the notes of his own clients, ready for questions.

    Args:
        desk: The desk.
        files: Where files are kept.
        cases: Whether past cases are among them.
        embed: A model of the user's that turns texts into vectors; without one, words alone decide.
        said: Further documents by title that are kept nowhere.

    Raises:
        DeskError: A document's file is gone or was changed.
    """
    owner, place_of_files = own_file(desk.counsellor_id), files or desk.home / "files"
    sources = []
    for record in _records(desk):
        body = b"".join(file_pieces(desk, place_of_files, owner, record))
        title = str(record.body["title"])
        sources += [Source(title, Passage(**each), document_id=record.record_id) for each in json.loads(body)]
    sources += [Source(title, passage) for title, document in said for passage in document.passages]
    for client_id in store.clients(desk) if cases else ():
        code = client_code(store.records(desk, client_id, "info"))
        for record in store.records(desk, client_id, "note"):
            if text := note_text(record).strip():
                sources.append(Source(code, Passage(text), client_id=client_id, note=record.record_id))
    return Library(tuple(sources), index([_indexed(source) for source in sources], embed=embed), embed)


def best_part(text: str, question: str, *, length: int = _SHOWN) -> tuple[int, int]:
    """Where in a text the part begins and ends that holds most of a question, moved to the ends of sentences.

    >>> text = "前言。" * 40 + "睡前滑手機會讓人睡不著。" + "後記。" * 40
    >>> "睡不著" in text[slice(*best_part(text, "为什么睡不着", length=30))]
    True
    """
    if len(text) <= length:
        return 0, len(text)
    wanted = folded(question)
    signs = "".join(found if len(found := folded(sign)) == 1 else " " for sign in text)
    words = {wanted[n : n + 2] for n in range(len(wanted) - 1) if re.fullmatch(r"[^\W_]{2}", wanted[n : n + 2])}
    marks = [signs[n : n + 2] in words for n in range(len(signs))]
    best = count = sum(marks[:length])
    start = 0
    for n in range(length, len(marks)):
        count += marks[n] - marks[n - length]
        if count > best:
            best, start = count, n - length + 1
    ends = [m.end() for m in re.finditer(r"[。！？!?\n]|[.] ", text[:start])]
    begun = ends[-1] if ends and start - ends[-1] < length // 2 else start
    after = re.search(r"[。！？!?\n]|[.](?= |$)", text[start + length :])
    more = after.end() if after and after.end() < length // 2 else 0
    return begun, min(len(text), start + length + more)


def _records(desk: Desk) -> list[store.Record]:
    held = store.records(desk, own_file(desk.counsellor_id), KIND)
    return [record for record in held if "file" in record.body and "passages" in record.body]


def _held(record: store.Record) -> Held:
    body = record.body
    told = tuple((str(what), count) for what, count in body["told"])
    return Held(record.record_id, str(body["title"]), str(body["kind"]), int(body["passages"]), told)


def _indexed(source: Source) -> str:
    """A passage with its title and heading: a chapter's name is often the word that is asked for."""
    return f"{source.title}\n{source.passage.heading}\n{source.passage.text}"
