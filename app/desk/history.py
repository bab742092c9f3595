"""A client's history within a number of tokens: recent notes whole, older ones summarised, what bears on the question.

Nothing is cut without a word: the list of what was given names every note, whole or in which part, and those left out.
Summaries cover ten notes each, so that they stay the same while notes are added; they are sealed as the client's
records and made anew only where one of their notes has a new version.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from app.desk import store
from app.desk.asking import FRAME, Material, Model, ask, tokens
from app.desk.search import note_text
from app.desk.store import Record
from app.desk.unlock import Desk
from counselling.prompts import prompts
from xinheng.errors import DeskError
from xinheng.messages import Message, Want

How = Literal["whole", "cut", "passage", "summary"]
GROUP: Final = 10
_RECENT, _PASSAGES = 0.6, 0.25  # of the tokens; summaries have what is left
_SUMMARY_CHARACTERS: Final = 500


@dataclass(frozen=True, repr=False)
class Note:
    """A saved note as a model may read it."""

    number: int
    version: int
    date: str
    text: str


@dataclass(frozen=True, repr=False)
class Summary:
    """A model's summary of notes: numbers, text, and the name of the model."""

    numbers: tuple[int, ...]
    text: str
    model: str


@dataclass(frozen=True, repr=False)
class Given:
    """A text that a model was given, and of which notes it is."""

    how: How
    numbers: tuple[int, ...]
    date: str
    text: str

    def title(self, language: str) -> str:
        """What it is, for model and counsellor alike."""
        name = "desk_note" if self.how == "whole" else f"desk_note_{self.how}"
        first, last = self.numbers[0], self.numbers[-1]
        shown = f"{first}" if first == last else f"{first}–{last}"
        return prompts(language).text(name, numbers=shown, date=self.date)


@dataclass(frozen=True, repr=False)
class History:
    """What of a client's notes goes to a model: oldest first, and the numbers of those of which nothing does."""

    given: tuple[Given, ...] = ()
    left_out: tuple[int, ...] = ()

    def parts(self, language: str) -> tuple[tuple[str, str], ...]:
        """Titles and texts."""
        return tuple((one.title(language), one.text) for one in self.given)

    def told(self) -> dict[str, Any]:
        """What was given, without its words: kept with a note and shown beside a draft."""
        return {
            "given": [{"how": one.how, "notes": list(one.numbers)} for one in self.given],
            "left_out": list(self.left_out),
        }


def notes_of(records: Sequence[Record]) -> list[Note]:
    """The notes of a client's records, oldest first."""
    return sorted(
        (Note(int(r.record_id), r.version, str(r.body.get("date", "")), note_text(r.body)) for r in records),
        key=lambda note: note.number,
    )


def chosen(notes: Sequence[Note], question: str, *, budget: int, summaries: Sequence[Summary] = ()) -> History:
    """What of the notes fits: at most so many tokens.

    Args:
        notes: Oldest first.
        question: What older notes are searched for.
        budget: Tokens for all of it.
        summaries: Of some of the notes.
    """
    whole, spent = _recent(notes, int(budget * _RECENT))
    known = {one.numbers[0] for one in whole if one.how == "whole"}
    older = [note for note in notes if note.number not in known]
    cut = {one.numbers[0] for one in whole if one.how == "cut"}
    passages, more = _passages([n for n in older if n.number not in cut], question, int(budget * _PASSAGES))
    spent += more
    told: list[Given] = []
    for summary in sorted(summaries, key=lambda one: -one.numbers[-1]):
        cost = tokens(summary.text)
        if spent + cost <= budget and set(summary.numbers) & {note.number for note in older}:
            told.append(Given("summary", summary.numbers, "", summary.text))
            spent += cost
    given = (*reversed(told), *sorted(passages, key=lambda one: one.numbers), *reversed(whole))
    shown = {number for one in given for number in one.numbers}
    return History(given, tuple(note.number for note in notes if note.number not in shown))


def _recent(notes: Sequence[Note], budget: int) -> tuple[list[Given], int]:
    """The newest notes whole, newest first; where not even one fits, its beginning."""
    told: list[Given] = []
    spent = 0
    for note in reversed([note for note in notes if note.text.strip()]):
        cost = tokens(note.text)
        if spent + cost > budget:
            if not told and (text := beginning(note.text, budget)):
                return [Given("cut", (note.number,), note.date, text)], tokens(text)
            break
        told.append(Given("whole", (note.number,), note.date, note.text))
        spent += cost
    return told, spent


def beginning(text: str, budget: int) -> str:
    """As much of a text's beginning as so many tokens hold; "" where that is hardly anything."""
    low, high = 0, min(len(text), 8 * max(budget, 0))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tokens(text[:middle]) <= budget else (low, middle - 1)
    return text[:low] if low >= min(len(text), 20) else ""


def _passages(notes: Sequence[Note], question: str, budget: int) -> tuple[list[Given], int]:
    """The paragraphs of older notes that share most with the question, rare pairs of signs counting most."""
    wanted = set(_pairs(question))
    found = [(note, text) for note in notes for text in note.text.split("\n") if text.strip()] if wanted else []
    held = [wanted & set(_pairs(text)) for _, text in found]
    common = Counter(pair for pairs in held for pair in pairs)
    scores = [sum(math.log(1 + len(found) / common[pair]) for pair in pairs) for pairs in held]
    least = 0.15 * sum(math.log(1 + len(found) / common[pair]) for pair in common)
    told: list[Given] = []
    spent = 0
    for place in sorted(range(len(found)), key=lambda n: (-scores[n], -found[n][0].number, n)):
        note, text = found[place]
        if scores[place] <= least or len(told) == 12:
            break
        cost = tokens(text)
        if spent + cost <= budget:
            told.append(Given("passage", (note.number,), note.date, text))
            spent += cost
    return told, spent


def _pairs(text: str) -> list[str]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    pairs = ((one + other for one, other in pairwise(word)) for word in words if not word.isascii())
    return [*(word for word in words if word.isascii()), *(pair for of in pairs for pair in of)]


# ---- summaries, sealed and used again


async def history_of(
    desk: Desk, client_id: str, model: Model, question: str, *, budget: int, language: str, most: int = 2
) -> History:
    """A client's history for a question; summaries that are lacking are made, newest first, so many at most.

    A summary that could not be made is no error: its notes are told as left out, and it is tried again next time.

    Raises:
        DeskError: A record cannot be opened.
    """
    notes = notes_of(await asyncio.to_thread(store.records, desk, client_id, "note"))
    ready = await summaries_of(
        desk, client_id, model, notes, question, budget=budget, language=language, most=most
    )  # fmt: skip
    return chosen(notes, question, budget=budget, summaries=ready)


async def summaries_of(
    desk: Desk,
    client_id: str,
    model: Model,
    notes: Sequence[Note],
    question: str,
    *,
    budget: int,
    language: str,
    most: int = 2,
) -> list[Summary]:
    """The summaries that a history of so many tokens may use, newest first; as many as `most` are made anew."""
    bare = await asyncio.to_thread(chosen, notes, question, budget=budget)
    whole = {number for one in bare.given if one.how == "whole" for number in one.numbers}
    if len(whole) == len(notes):
        return []
    held = await asyncio.to_thread(store.records, desk, client_id, "summary")
    kept = {record.record_id: record for record in held}
    ready: list[Summary] = []
    for group in reversed([notes[n : n + GROUP] for n in range(0, len(notes) - len(notes) % GROUP, GROUP)]):
        if whole.issuperset(note.number for note in group):
            continue
        name, of = f"{group[0].number}-{group[-1].number} {language}", _made_of(group)
        record = kept.get(name)
        if record is not None and record.body.get("of") == of:
            ready.append(_summary(record))
        elif most > 0:
            most -= 1
            made = await _summarised(model, group, language)
            if made is not None:
                ready.append(made)
                await asyncio.to_thread(_keep, desk, client_id, name, made, of, record)
    return ready


async def _summarised(model: Model, group: Sequence[Note], language: str) -> Summary | None:
    told = prompts(language)
    limit = min(_SUMMARY_CHARACTERS, model.context // 8)
    order = Message("system", told.text("desk_summary", limit=limit))
    room = (model.context - tokens(order.content) - 2 * limit) // len(group)
    shown = [
        Given("whole" if text == note.text else "cut", (note.number,), note.date, text)
        for note in group
        if (text := beginning(note.text, room - FRAME))
    ]
    if not shown:
        return None
    material = Material(History(tuple(shown)).parts(language)).shown(told.text("desk_title_end"))
    want = Want(max_tokens=2 * limit, temperature=0.0, thinking=None)
    answer = await ask(model, [order, Message("user", material)], want, language=language)
    if answer.problem or answer.reply is None:
        return None
    numbers = tuple(note.number for note in group)
    return Summary(numbers, answer.reply.text.strip()[: 2 * limit], model.chat.name)


def _keep(desk: Desk, client_id: str, name: str, made: Summary, of: list[list[int]], old: Record | None) -> None:
    body = {"numbers": list(made.numbers), "text": made.text, "model": made.model, "of": of}
    try:
        store.save(desk, client_id, "summary", body, record_id=name, version=old.version if old else 0)
    except DeskError:
        return  # another desk made it meanwhile, or the client is gone: this one serves once


def _summary(record: Record) -> Summary:
    return Summary(tuple(record.body["numbers"]), str(record.body["text"]), str(record.body["model"]))


def _made_of(group: Sequence[Note]) -> list[list[int]]:
    return [[note.number, note.version] for note in group]
