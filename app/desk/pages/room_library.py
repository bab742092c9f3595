"""The room `library`: documents poured in and taken out, questions answered with passages, and a model's answer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import PurePosixPath
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from app.desk import library_answer, library_documents
from app.desk.library import Cited, Library
from app.desk.library_marks import marked, pieces
from app.desk.library_reading import told
from app.desk.pages import rooms
from app.desk.pages.library_kept import kept_of, library_of
from app.desk.pages.rooms import Call, Office, Tell
from app.desk.practice import banner
from counselling.crisis import screen
from xinheng.errors import StoreError, UsageError, XinhengError

LONGEST: Final = 2_000
SHOWN: Final = 8
# Each reading may take 3 GB and a core; others wait.
_READING: Final = threading.Semaphore(2)


def routes(office: Office) -> list[Route]:
    """Its addresses."""

    async def opened(call: Call, tell: Tell) -> dict[str, Any]:
        return await _opened(office, call, tell)

    async def answer(call: Call, tell: Tell) -> dict[str, Any]:
        return await _answer(office, call, tell)

    return [
        rooms.streamed(office, "library-open", opened),
        rooms.route(office, "library-ask", lambda call: _ask(office, call)),
        rooms.streamed(office, "library-answer", answer),
        rooms.route(office, "library-remove", lambda call: _remove(office, call)),
        rooms.poured(office, "library-add", lambda call, body: _add(office, call, body)),
    ]


async def _opened(office: Office, call: Call, tell: Tell) -> dict[str, Any]:
    """The documents, once the library is read; until then, how far that is."""
    kept = kept_of(call.session)
    reading = asyncio.ensure_future(run_in_threadpool(library_of, office, call.session))
    while not (await asyncio.wait({reading}, timeout=0.4))[0]:
        if progress := kept.progress():
            tell(progress)
    return await run_in_threadpool(_shelf, call, await reading)


def _shelf(call: Call, library: Library) -> dict[str, Any]:
    wrong = dict(library.wrong)
    return {
        "documents": [
            {
                "id": held.document_id,
                "title": held.title,
                "kind": held.kind,
                "passages": held.passages,
                "told": told(held.told, call.language),
                "wrong": _sentence(call, wrong[held.document_id]) if held.document_id in wrong else "",
            }
            for held in library_documents.documents(call.session.desk)
        ],
        "notes": sum(len(part.sources) for part in library.parts if part.case),
    }


def _ask(office: Office, call: Call) -> dict[str, Any]:
    """The passages that answer a question, and under which name they are remembered for a model's answer."""
    question = call.text("question", longest=LONGEST)
    if not question.strip():
        raise UsageError("library", "no question")
    library = library_of(office, call.session)
    found = library.asked(question, limit=SHOWN, without=call.text("client"), cases=call.given.get("cases") is True)
    return {
        "asked": kept_of(call.session).remember(question, found.cited),
        "passages": [_passage(one, question, call.language) for one in found.cited],
        "crisis": banner(call.session.desk, screen(question)),
        "words_alone": library.embed is not None and not found.by_meaning,
    }


def _passage(one: Cited, question: str, language: str) -> dict[str, Any]:
    text = one.source.passage.text
    marks = marked(text, question)
    where = one.where(language).partition("] ")[2]
    return {
        "number": one.number,
        "where": where,
        "case": bool(one.source.client_id),
        "before": pieces(text, marks, 0, one.start),
        "shown": pieces(text, marks, one.start, one.end),
        "after": pieces(text, marks, one.end, len(text)),
    }


async def _answer(office: Office, call: Call, tell: Tell) -> dict[str, Any]:
    """What the desk's model makes of the passages that were found, and what of its citations does not hold."""
    asked = kept_of(call.session).asked.get(call.text("asked"))
    if asked is None:
        raise UsageError("library", "not asked", mend="Ask once more.")
    question, cited = asked
    model = await run_in_threadpool(office.models.base)
    made = await library_answer.answered(
        model, question, cited, language=call.language, tell=lambda piece: tell({"piece": piece})
    )
    call.session.desk  # noqa: B018  raises where the session ended while the model wrote
    found = library_answer.checked(made.text, made.given)
    notes = [call.say("library_partly", n=len(made.given), of=len(cited))] if 0 < len(made.given) < len(cited) else []
    if found.unknown:
        notes.append(call.say("library_unknown", numbers=call.say("comma").join(f"[{n}]" for n in found.unknown)))
    if found.uncited:
        notes.append(call.say("library_uncited", n=found.uncited))
    return {
        "pieces": found.pieces,
        "model": office.models.spec,
        "given": made.given,
        "doubtful": bool(found.unknown or found.uncited),
        "notes": notes if made.text else [],
        "words": made.words,
    }


def _add(office: Office, call: Call, body: bytes) -> dict[str, Any]:
    """A document read and kept; progress and refusals are the page's to say."""
    name = PurePosixPath(call.text("name", longest=2_000).replace("\\", "/")).name or "document"
    with _READING:
        held, _ = library_documents.add_document(call.session.desk, name[:200], body, files=office.files)
    return {"title": held.title, "passages": held.passages, "told": told(held.told, call.language)}


def _remove(office: Office, call: Call) -> dict[str, Any]:
    library_documents.remove_document(call.session.desk, call.text("document"), files=office.files)
    return {}


def _sentence(call: Call, error: XinhengError) -> str:
    return call.say("library_away" if isinstance(error, StoreError) else "library_broken")
