"""A counsellor's open library: questions answered with passages of documents and past cases, and where they stand.

Past cases are the counsellor's own notes, read with his keys when the library is opened; nobody else's are ever
there. What was read is read again only where something was saved since: a document, or the notes of a client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Final

import sqlalchemy as sa

from app.desk import store
from app.desk.database import RECORDS, client_table, read
from app.desk.library_documents import KIND, is_document, own_records, passages_of
from app.desk.library_index import Embed, Hit, Index, find, index
from app.desk.library_marks import best_part
from app.desk.library_reading import Passage, place
from app.desk.paper import client_code, note_text
from app.desk.store import Record
from app.desk.unlock import Desk, own_file
from xinheng.errors import StoreError, XinhengError
from xinheng.storage import Place

_LONGEST: Final = 2_000


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
        """What a note keeps of it, under `cited`, to say later what was given: where it stands, and no word of it.

        Of a past case that is no code either: it would stay in this note when that client is erased.
        """
        source, passage = self.source, self.source.passage
        ids = {"document": source.document_id, "client": source.client_id, "note": source.note}
        case = {"zh-Hant": "過往個案", "zh-Hans": "过往来访者", "en": "a past case"}[language]
        shown = replace(self, source=replace(source, title=case)) if source.client_id else self
        return {"where": shown.where(language), **ids, "page": passage.page, "row": passage.row}


@dataclass(frozen=True)
class Part:
    """What is read at once: a document, or the notes of a client.

    Args:
        key: The document's id, or the client's.
        state: What it was read from; another one means that something was saved since.
        sources: Its passages,
        found: and the same ready to be searched.
        case: Whether it is a client's.
    """

    key: str
    state: tuple[int, ...]
    sources: tuple[Source, ...]
    found: Index
    case: bool = False

    @property
    def meant(self) -> bool:
        """Whether its meaning can be searched; of no passages there is none."""
        return not self.sources or self.found.vectors is not None

    def __repr__(self) -> str:
        return f"Part({self.key[:8]}, {len(self.sources)} passages)"


@dataclass(frozen=True)
class Answered:
    """Passages that were found, and whether their meaning was searched as well as their words."""

    cited: tuple[Cited, ...]
    by_meaning: bool = False


@dataclass(frozen=True)
class Library:
    """An open library; it lives in this process's memory only and is let go of at logout.

    Args:
        parts: Documents, then clients.
        embed: A model of the user's that turns texts into vectors; without one, words alone decide.
        wrong: Documents that could not be read, by id, and why.
    """

    parts: tuple[Part, ...] = ()
    embed: Embed | None = None
    wrong: tuple[tuple[str, XinhengError], ...] = ()

    def __repr__(self) -> str:
        return f"Library({len(self.parts)} parts)"

    def ask(self, question: str, *, limit: int = 8, without: str = "", cases: bool = True) -> list[Cited]:
        """The passages that answer a question best, numbered; see `asked`."""
        return list(self.asked(question, limit=limit, without=without, cases=cases).cited)

    def asked(self, question: str, *, limit: int = 8, without: str = "", cases: bool = True) -> Answered:
        """The passages that answer a question best, numbered, and how they were found.

        Args:
            question: In any language of the library; either Chinese script finds both.
            limit: How many at most.
            without: A client whose own notes are left out, because they are given anyway.
            cases: Whether past cases are among them.
        """
        parts = [part for part in self.parts if not part.case or (cases and part.key != without)]
        short, meant = question[:_LONGEST], None
        if self.embed is not None and short.strip() and any(part.found.vectors is not None for part in parts):
            try:
                meant = self.embed([short])
            except XinhengError:
                meant = None  # whoever asks is told that words alone decided
        hits = find([part.found for part in parts], short, limit=limit, meant=meant)
        return Answered(tuple(_cited(parts, hits, question)), meant is not None)


def _cited(parts: list[Part], hits: list[Hit], question: str) -> Iterator[Cited]:
    ends = list(accumulate(len(part.sources) for part in parts))
    for number, hit in enumerate(hits, 1):
        at = next(n for n, end in enumerate(ends) if hit.number < end)
        source = parts[at].sources[hit.number - ends[at]]
        yield Cited(number, source, hit.score, hit.share, *best_part(source.passage.text, question))


def open_library(
    desk: Desk,
    *,
    files: Place | None = None,
    embed: Embed | None = None,
    before: Library | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Library:
    """All documents of the counsellor and the notes of his own clients, ready for questions.

    Args:
        desk: The desk.
        files: Where files are kept.
        embed: A model of the user's that turns texts into vectors; they are made elsewhere.
        before: The library as it was read before; what is the same since is taken from it.
        tell: Hears how many parts are read, of how many.
    """
    known = {(part.key, part.state): part for part in before.parts} if before else {}
    cases = states(desk)
    cases.pop(own_file(desk.counsellor_id), None)
    documents = [record for record in own_records(desk) if is_document(record)]
    wanted = sum((record.record_id, (record.version,)) not in known for record in documents)
    wanted += sum(case not in known for case in cases.items())
    reading = _Reading(desk, files, known, wanted, tell)
    parts = [*reading.documents(documents), *reading.cases(cases)]
    return Library(tuple(parts), embed, tuple(reading.wrong))


@dataclass
class _Reading:
    """A library while it is read."""

    desk: Desk
    files: Place | None
    known: dict[tuple[str, tuple[int, ...]], Part]
    wanted: int
    tell: Callable[[int, int], None] | None
    done: int = 0
    wrong: list[tuple[str, XinhengError]] = field(default_factory=list)

    def documents(self, records: list[Record]) -> Iterator[Part]:
        """Documents by title; one that cannot be read does not cost the others."""
        away: StoreError | None = None
        for record in sorted(records, key=lambda one: (str(one.body["title"]), one.record_id)):
            key = (record.record_id, (record.version,))
            try:
                if key not in self.known and away is not None:  # what does not answer is not waited for fifty times
                    raise away
                yield self.known.get(key) or _document(self.desk, record, self.files)
            except XinhengError as error:
                away = error if isinstance(error, StoreError) else away
                self.wrong.append((record.record_id, error))
            self.count(key)

    def cases(self, cases: dict[str, tuple[int, ...]]) -> Iterator[Part]:
        """The notes of each client."""
        for key in sorted(cases.items()):
            yield self.known.get(key) or _case(self.desk, *key)
            self.count(key)

    def count(self, key: tuple[str, tuple[int, ...]]) -> None:
        """Tell how far it is."""
        if key not in self.known:
            self.done += 1
            if self.tell is not None:
                self.tell(self.done, self.wanted)


def states(desk: Desk) -> dict[str, tuple[int, ...]]:
    """What is saved now, as far as a library shows it, by client and for the counsellor's own file.

    Counted are the versions of notes and of what a client is called, and the records of documents: each save adds
    one and none goes away, so nothing need be opened to see that something is new.
    """
    mine = sa.select(client_table.c.client_id).where(client_table.c.counsellor_id == desk.counsellor_id)
    counted: dict[str, dict[str, int]] = {}

    def work(connection: sa.Connection) -> None:
        for kind in ("note", "info", KIND):
            table = RECORDS[kind]
            query = sa.select(table.c.client_id, sa.func.count()).where(table.c.client_id.in_(mine))
            for client_id, count in connection.execute(query.group_by(table.c.client_id)):
                counted.setdefault(str(client_id), {})[kind] = int(count)

    read(desk.engine, work)
    own = own_file(desk.counsellor_id)
    return {
        client_id: (counts.get(KIND, 0),) if client_id == own else (counts.get("note", 0), counts.get("info", 0))
        for client_id, counts in counted.items()
        if client_id == own or counts.get("note")
    }


def _document(desk: Desk, record: Record, files: Place | None) -> Part:
    title = str(record.body["title"])
    passages = passages_of(desk, record, files=files)
    return _part(record.record_id, (record.version,), [Source(title, one, record.record_id) for one in passages])


def _case(desk: Desk, client_id: str, state: tuple[int, ...]) -> Part:
    code = client_code(store.records(desk, client_id, "info"))
    texts = [(note_text(record).strip(), record.record_id) for record in store.records(desk, client_id, "note")]
    sources = [Source(code, Passage(text), client_id=client_id, note=note) for text, note in texts if text]
    return _part(client_id, state, sources, case=True)


def _part(key: str, state: tuple[int, ...], sources: list[Source], *, case: bool = False) -> Part:
    return Part(key, state, tuple(sources), index([indexed(source) for source in sources]), case)


def indexed(source: Source) -> str:
    """A passage with its title and heading: a chapter's name is often the word that is asked for."""
    return f"{source.title}\n{source.passage.heading}\n{source.passage.text}"
