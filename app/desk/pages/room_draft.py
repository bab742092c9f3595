"""The room `draft`: a question, what a model proposes as items, and what a counsellor makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from app.desk.asking import words
from app.desk.drafting import Outcome, analysed, regenerated_item, regenerated_rest
from app.desk.items import Draft
from app.desk.pages import draft_held, draft_saved
from app.desk.pages.draft_changes import LONGEST
from app.desk.pages.draft_client import client_for, history_shown
from app.desk.pages.draft_held import Held
from app.desk.pages.models import Chosen
from app.desk.pages.rooms import Call, Office, Tell, route, streamed
from app.desk.pages.sessions import Session
from app.desk.paper import note_draft
from app.desk.practice import banner
from app.desk.store import Conflict
from counselling.crisis import Concern, screen
from xinheng.errors import UsageError, XinhengError

# More changes than a page gathers while the desk does not answer for an hour.
_MOST_CHANGES: Final = 5000
_ASKING: Final = "draft asking"
_SCREENED: Final = "draft screened"


def routes(office: Office) -> list[Route]:
    """Its addresses."""

    def who(call: Call) -> dict[str, Any]:
        return _who(_chosen(office, call))

    def history(call: Call) -> dict[str, Any]:
        question = call.text("question", longest=LONGEST)
        model = _chosen(office, call).model
        return asyncio.run(history_shown(call, model, call.text("client"), call.text("note"), question))

    async def asked(call: Call, tell: Tell) -> dict[str, Any]:
        return await _asked(office, call, tell)

    return [
        route(office, "draft-open", _opened),
        route(office, "draft-look", _looked),
        route(office, "draft-keep", _kept),
        route(office, "draft-who", who),
        route(office, "draft-history", history),
        streamed(office, "draft-ask", asked),
        route(office, "draft-save", _saved),
        route(office, "draft-discard", _discarded),
        route(office, "draft-versions", _versions),
        route(office, "draft-compare", _compared),
    ]


# ---- the draft as a page shows it


def _view(call: Call, held: Held) -> dict[str, Any]:
    session, now = call.session, held.now
    return {
        "note": held.note, "day": held.day, "base": held.base, "version": held.version, "draft_id": held.draft_id,
        "hand": held.hand, "seen": held.seen if held.window == call.text("window") else 0,
        "question": now.question,
        "items": [
            {"id": one.item_id, "part": one.part, "text": one.text, "state": one.state, "comment": one.comment}
            for one in now.items
        ],
        "undo": len(held.timeline.past), "redo": len(held.timeline.future),
        "crisis": banner(session.desk, _concerns(session, now.question)),
        "asked": dict(held.asked),
        "asking": _asking(session).get((held.client_id, held.note), ""),
    }  # fmt: skip


def _concerns(session: Session, question: str) -> list[Concern]:
    """What the crisis screen finds in a question, looked for once while the question stays as it is."""
    before: tuple[int, list[Concern]] | None = session.kept.get(_SCREENED)
    if before is not None and before[0] == hash(question):
        return before[1]
    found = screen(question)
    session.kept[_SCREENED] = (hash(question), found)
    return found


def _opened(call: Call) -> dict[str, Any]:
    client_id, note = call.text("client"), call.text("note")
    desk = call.session.desk
    view = _view(call, draft_held.held(desk, client_id, note))
    notes = [
        {"note": record.record_id, "version": record.version, "day": str(record.body.get("date", ""))}
        for record in draft_saved.item_notes(desk, client_id)
    ]
    return {**view, "notes": notes, "longest": LONGEST}


def _looked(call: Call) -> dict[str, Any]:
    return _view(call, draft_held.held(call.session.desk, call.text("client"), call.text("note")))


def _kept(call: Call) -> dict[str, Any]:
    changes = call.given.get("changes")
    if not isinstance(changes, list) or len(changes) > _MOST_CHANGES or not all(isinstance(o, dict) for o in changes):
        raise ValueError("changes")
    window, hand = call.text("window"), call.number("hand")
    made = draft_held.changed(
        call.session.desk, call.text("client"), call.text("note"), changes, window=window, hand=hand
    )
    return _view(call, made)


# ---- asking


def _chosen(office: Office, call: Call) -> Chosen:
    return office.models.of(call.session, call.text("client"))


def _who(chosen: Chosen) -> dict[str, Any]:
    return {"model": chosen.named, "adapter": chosen.adapter is not None, "why": chosen.why}


def _asking(session: Session) -> dict[tuple[str, str], str]:
    """What models are writing for this session: a draft, and the name by which it can be stopped."""
    running: dict[tuple[str, str], str] = session.kept.setdefault(_ASKING, {})
    return running


async def _asked(office: Office, call: Call, tell: Tell) -> dict[str, Any]:
    """Ask a model, and put what it wrote into the draft as it then is; done also when the browser has left."""
    place, running = (call.text("client"), call.text("note")), _asking(call.session)
    if place in running:
        raise UsageError("draft", "a model is writing here already", mend="Wait, or stop it.")
    running[place] = call.text("job")
    try:
        begun = await run_in_threadpool(draft_held.begun, call.session.desk, *place)
        try:
            chosen = await run_in_threadpool(_chosen, office, call)
        except XinhengError as error:
            problem = "unsupported" if isinstance(error, UsageError) else "unavailable"
            return {"problem": problem, "words": words(problem, call.language)}
        tell({"who": _who(chosen)})
        client, cited, lacking = await client_for(office, call, chosen.model, *place, begun.now.question)
        outcome = await _outcome(call, chosen, begun.now, client, tell)
        given = dict(outcome.given)
        told = {
            **_who(chosen), "given": given, "flags": [*outcome.flags, *lacking],
            "cited": [cited[n].as_json(call.language) for n in given.get("library", ())],
        }  # fmt: skip
        view = None
        if outcome.proposal is not None:
            made = await run_in_threadpool(draft_held.answered, call.session.desk, begun, outcome.proposal, told)
            running.pop(place, None)
            view = await run_in_threadpool(_view, call, made) if made is not None else None
        return {"problem": outcome.problem, "words": outcome.words, "said": outcome.said, "draft": view, "asked": told}
    finally:
        running.pop(place, None)


async def _outcome(call: Call, chosen: Chosen, draft: Draft, client: Any, tell: Tell) -> Outcome:
    def hear(piece: str) -> None:
        tell({"heard": piece})

    what, language = call.text("what"), call.language
    if what == "item":
        return await regenerated_item(chosen.model, draft, call.text("item"), client, language=language)
    work = regenerated_rest if what == "rest" else analysed
    return await work(chosen.model, draft, client, language=language, tell=hear)


# ---- saving


def _saved(call: Call) -> dict[str, Any]:
    client_id, note, window, hand = _draft_of(call)
    session = call.session
    try:
        made = draft_saved.saved(
            session, client_id, note, window=window, hand=hand, draft_id=call.text("draft_id"), day=call.text("day")
        )
    except Conflict as conflict:
        if conflict.theirs is None or not note:
            raise
        held = draft_saved.rebased(session.desk, client_id, note, conflict.theirs.version)
        theirs = note_draft(conflict.theirs.body) or Draft()
        sides = draft_saved.difference(theirs, held.now)
        return {"conflict": {"version": conflict.theirs.version, **sides}, "draft": _view(call, held)}
    return {"note": made.record_id, "version": made.version}


def _discarded(call: Call) -> dict[str, Any]:
    client_id, note, window, hand = _draft_of(call)
    draft_saved.discarded(call.session.desk, client_id, note, window=window, hand=hand)
    return _opened(call)


def _draft_of(call: Call) -> tuple[str, str, str, int]:
    return call.text("client"), call.text("note"), call.text("window"), call.number("hand")


# ---- comparing


def _versions(call: Call) -> dict[str, Any]:
    client_id, note = call.text("client"), call.text("note")
    desk = call.session.desk
    past: Sequence[Draft] = draft_held.held(desk, client_id, note).timeline.past
    return {
        "steps": [{"back": back, "items": len(draft.items)} for back, draft in enumerate(reversed(past), 1)],
        "versions": [
            {"version": record.version, "day": str(record.body.get("date", "")), "items": len(draft.items)}
            for record, draft in draft_saved.versions(desk, client_id, note)
        ],
    }


def _compared(call: Call) -> dict[str, Any]:
    client_id, note = call.text("client"), call.text("note")
    desk, back, version = call.session.desk, call.number("back"), call.number("version")
    timeline = draft_held.held(desk, client_id, note).timeline
    if back:
        old = timeline.past[-back] if back <= len(timeline.past) else None
    else:
        saved = draft_saved.versions(desk, client_id, note)
        old = next((draft for record, draft in saved if record.version == version), None)
    if old is None:
        raise UsageError("draft", "no such version", mend="Choose another.")
    return draft_saved.difference(old, timeline.now)
