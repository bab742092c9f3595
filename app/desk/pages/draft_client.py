"""What of a client goes to a model with a question: information, notes within its tokens, cited passages."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from app.desk import store
from app.desk.asking import Model
from app.desk.drafting import Client, client_parts, room_of
from app.desk.history import Note, Summary, chosen, notes_of, summaries_of
from app.desk.intake import FIELDS, LABELS
from app.desk.library import Cited
from app.desk.pages.library_kept import library_of
from app.desk.pages.rooms import Call, Office
from app.desk.unlock import Desk
from counselling.prompts import prompts
from xinheng.errors import XinhengError

PASSAGES: Final = 4


async def client_for(
    office: Office, call: Call, model: Model, client_id: str, note: str, question: str
) -> tuple[Client, list[Cited], tuple[str, ...]]:
    """What a model may be given for a client's question, the passages by their places, and what could not be read.

    Args:
        office: Whose library.
        call: Whose session and language.
        model: Reads it; it makes at most two summaries that are lacking.
        client_id: Whose notes.
        note: The note that is being written anew, which is no history of itself.
        question: What older notes and the library are searched for.
    """
    desk, language = call.session.desk, call.language
    notes = await asyncio.to_thread(_notes, desk, client_id, note)
    ready = await summaries_of(desk, client_id, model, notes, question, budget=room_of(model), language=language)
    lacking: tuple[str, ...] = ()
    try:
        library = await asyncio.to_thread(library_of, office, call.session)
        cited = await asyncio.to_thread(library.ask, question, limit=PASSAGES, without=client_id)
    except XinhengError:
        # A document whose file is gone is no reason to leave a question without an answer.
        cited, lacking = [], ("no_library",)
    passages = tuple(one.given(language) for one in cited)
    info = await asyncio.to_thread(_info, desk, client_id, language)
    return _client(info, notes, ready, question, passages), cited, lacking


async def history_shown(call: Call, model: Model, client_id: str, note: str, question: str) -> dict[str, Any]:
    """What of the client a model would be given now: titles and words, and the notes of which nothing would be."""
    desk, language = call.session.desk, call.language
    notes = _notes(desk, client_id, note)
    ready = await summaries_of(
        desk, client_id, model, notes, question, budget=room_of(model), language=language, most=0
    )
    client = _client(_info(desk, client_id, language), notes, ready, question, ())
    parts, given = client_parts(client, prompts(language), room_of(model))
    return {
        "parts": [{"title": title, "text": text} for title, text in parts],
        "left_out": given["left_out"],
        "notes": len(notes),
    }


def _client(
    info: str, notes: list[Note], ready: list[Summary], question: str, passages: tuple[tuple[str, str], ...]
) -> Client:
    return Client(info, lambda budget: chosen(notes, question, budget=budget, summaries=ready), passages)


def _notes(desk: Desk, client_id: str, but: str) -> list[Note]:
    return [note for note in notes_of(store.records(desk, client_id, "note")) if str(note.number) != but]


def _info(desk: Desk, client_id: str, language: str) -> str:
    body = next((r.body for r in store.records(desk, client_id, "info") if r.record_id == "basic"), {})
    between = ": " if language == "en" else "："
    lines = [f"{LABELS[language][name]}{between}{body[name]}" for name in FIELDS if str(body.get(name, "")).strip()]
    return "\n".join(lines)
