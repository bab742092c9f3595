"""The room `talk`: free conversation with a model, with a client's context or without."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from app.desk import practice, talks
from app.desk.asking import words
from app.desk.chatting import Turn, answered, heard_turn
from app.desk.drafting import Client
from app.desk.pages import clients
from app.desk.pages.draft_client import client_for
from app.desk.pages.drafts import whole
from app.desk.pages.models import Chosen
from app.desk.pages.rooms import Call, Office, Tell, route, streamed
from app.desk.search import found_by
from app.desk.talks import Kept, Typed
from app.desk.unlock import own_file
from counselling.crisis import screen
from xinheng.errors import UsageError

_LISTED: Final = 40
_FIRST: Final = 40
# What is sent may be far too long; the sentence that says so is ours.
_ANY: Final = 2**31


@dataclass
class _Going:
    """An answer on its way: how to stop it, and what was heard."""

    job: str
    heard: list[str] = field(default_factory=list)


def routes(office: Office) -> list[Route]:
    """Its addresses."""
    works = {
        "open": _open,
        "typed": _typed,
        "say": _say,
        "accept": _accept,
        "keep": _keep,
        "discard": _discard,
        "clients": _clients,
    }
    told = [route(office, f"talk-{name}", partial(work, office)) for name, work in works.items()]
    return [*told, streamed(office, "talk-answer", partial(_answer, office))]


def _open(office: Office, call: Call) -> dict[str, Any]:
    """A conversation and those beside it: the one that is named, or that is being typed in, or that went on last."""
    owner = _owner(call)
    held, typed = talks.conversations(call.session.desk, owner)
    numbers = {one.number: one for one in held}
    wanted = call.number("talk")
    if not wanted and not call.given.get("new"):
        wanted = typed.number if typed.text else held[0].number if held else 0
    shown = _shown(call, numbers.get(wanted))
    return {
        **shown,
        "gone": bool(call.number("talk")) and wanted not in numbers,
        "typed": {"text": typed.text, "version": typed.version},
        "talks": [
            {"talk": one.number, "began": one.began, "first": one.talk.turns[0].text[:_FIRST], "note": _note(one)}
            for one in held[:_LISTED]
        ],
        "model": office.models.spec,
        "longest": talks.LONGEST,
        "code": call.session.codes.get(owner, ""),
    }


def _typed(_: Office, call: Call) -> dict[str, Any]:
    """Keep what stands in the field."""
    by = call.text("tab", longest=64), call.number("n")
    typed = Typed(call.text("text", longest=_ANY), call.number("talk"), call.number("typed"), *by)
    return {"typed": talks.keep_typed(call.session.desk, _owner(call), typed).version}


def _say(_: Office, call: Call) -> dict[str, Any]:
    """Keep what the counsellor says; the banner, where it speaks of danger, comes with it."""
    desk, owner = call.session.desk, _owner(call)
    _not_going(call, owner, call.number("talk"))
    text = call.text("text", longest=_ANY)
    held = talks.say(desk, owner, call.number("talk"), call.number("version"), text)
    talks.said(desk, owner, call.number("typed"))
    return _shown(call, held)


def _accept(_: Office, call: Call) -> dict[str, Any]:
    """Accept one of the model's turns."""
    desk, owner, number = call.session.desk, _owner(call), call.number("talk")
    return _shown(call, talks.accept(desk, owner, number, call.number("version"), call.number("place")))


def _discard(_: Office, call: Call) -> dict[str, Any]:
    """Throw a conversation away."""
    owner, number = _owner(call), call.number("talk")
    _not_going(call, owner, number)
    talks.discard(call.session.desk, owner, number, call.number("version"))
    return {"gone": True}


def _keep(_: Office, call: Call) -> dict[str, Any]:
    """Keep a conversation as a note of a client."""
    session, owner, number = call.session, _owner(call), call.number("talk")
    client_id = call.text("for") or call.text("client")
    if not client_id:
        raise UsageError("conversation", "no client chosen")
    _not_going(call, owner, number)
    note, held = talks.keep(session.desk, owner, number, call.number("version"), client_id, call.text("date"))
    with session.lock:
        session.texts.put(client_id, note.record_id, found_by(note.body))
    code = session.codes.get(client_id, "")
    return {**_shown(call, held), "saved": note.record_id, "code": code, "moved": client_id != owner}


def _clients(_: Office, call: Call) -> dict[str, Any]:
    """The clients to choose from, when a conversation without one is to be kept."""
    listed = clients.listed(call.session, call.text("query"))
    return {"clients": [{"client": one, "code": code} for code, one in listed.clients], "more": listed.more}


async def _answer(office: Office, call: Call, tell: Tell) -> dict[str, Any]:
    """A model's answer, told piece by piece; kept when the browser has left too, and when stopped as far as it went."""
    desk, owner, number = call.session.desk, _owner(call), call.number("talk")
    asked = await run_in_threadpool(talks.conversation, desk, owner, number, call.number("version"))
    _not_going(call, owner, number)
    all_going, going = _all_going(call), _Going(call.text("job"))
    all_going[owner, number] = going
    about: dict[str, Any] = {"by": office.models.spec}
    try:
        turns = await _asked(office, call, tell, asked, going, about)
        held = await run_in_threadpool(talks.heard, desk, asked, turns, about)
    except asyncio.CancelledError:
        # Stopped, or the desk was locked: the keys are let go once this is kept.
        part = heard_turn("".join(going.heard), whole=False)
        if "problem" not in about:
            about["problem"] = "stopped"
            await run_in_threadpool(talks.heard, desk, asked, [part] if part else [], about)
        raise
    finally:
        all_going.pop((owner, number), None)
    return await run_in_threadpool(_shown, call, held)


async def _asked(
    office: Office, call: Call, tell: Tell, asked: Kept, going: _Going, about: dict[str, Any]
) -> tuple[Turn, ...]:
    """What the model said, and in `about` who it was, what went along and what went wrong."""

    def hear(piece: str) -> None:
        going.heard.append(str(whole(piece)))
        tell({"piece": going.heard[-1]})

    chosen = await run_in_threadpool(office.models.of, call.session, call.text("client") or None)
    about |= _who(chosen)
    tell({"last": dict(about)})
    client, lacking = await _client(office, call, chosen, asked)
    talk = await answered(chosen.model, asked.talk, client, language=call.language, tell=hear)
    about |= {"problem": talk.problem, "left_out": talk.left_out, "given": dict(talk.given), "lacking": lacking}
    return talk.turns[len(asked.talk.turns) :]


async def _client(office: Office, call: Call, chosen: Chosen, asked: Kept) -> tuple[Client | None, list[str]]:
    """What of a client may go along; nothing without one."""
    client_id = call.text("client")
    if not client_id:
        return None, []
    question = _question(asked)
    note = asked.note[0] if asked.note else ""
    client, _, lacking = await client_for(office, call, chosen.model, client_id, note, question)
    return client, list(lacking)


def _shown(call: Call, held: Kept | None) -> dict[str, Any]:
    """A conversation as the page gets it."""
    if held is None:
        return {"talk": 0, "version": 0, "turns": [], "last": {}, "problem": "", "crisis": None, "note": None}
    going = _all_going(call).get((held.owner, held.number))
    problem = str(held.last.get("problem", ""))
    stopped = problem == "stopped"
    return {
        "talk": held.number,
        "version": held.version,
        "turns": [{"speaker": one.speaker, "text": one.text, "state": one.state} for one in held.talk.turns],
        "last": dict(held.last),
        "problem": call.say("talk_stopped") if stopped else words(problem, call.language),
        "crisis": practice.banner(call.session.desk, held.talk.concerns or screen(_question(held))),
        "going": {"job": going.job, "heard": "".join(going.heard)} if going else None,
        "note": _note(held),
    }


def _question(held: Kept) -> str:
    """What the counsellor said last."""
    return next((turn.text for turn in reversed(held.talk.turns) if turn.speaker == "counsellor"), "")


def _note(held: Kept) -> str | None:
    return held.note[0] if held.note else None


def _who(chosen: Chosen) -> dict[str, Any]:
    by = f"{chosen.named} + {chosen.adapter[:8]}" if chosen.adapter else chosen.named
    return {"by": by, "named": chosen.named, "adapter": chosen.adapter is not None, "why": chosen.why}


def _owner(call: Call) -> str:
    """In whose file the conversation is: the client's, or the counsellor's own."""
    return call.text("client") or own_file(call.session.desk.counsellor_id)


def _all_going(call: Call) -> dict[tuple[str, int], _Going]:
    held: dict[tuple[str, int], _Going] = call.session.kept.setdefault("talk going", {})
    return held


def _not_going(call: Call, owner: str, number: int) -> None:
    if (owner, number) in _all_going(call):
        raise UsageError("conversation", "being answered")
