"""Text poured into a client's form, sorted into its fields by the model or a person; `static/intake.js` shows it.

Nothing is saved here but a draft: what was put into the fields is saved with the form, by whoever presses its button.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from app.desk import intake, practice
from app.desk.intake import MOST, Passage
from app.desk.pages import poured
from app.desk.pages.poured import LONGEST, Poured
from app.desk.pages.rooms import Call, Office, Tell, route, streamed
from app.desk.store import Conflict
from counselling.crisis import screen
from xinheng.errors import UsageError

# A longer text is read that far, so that its length can be told; behind it nobody looks.
_READ: Final = 8_000_000


def routes(office: Office) -> list[Route]:
    """Its addresses."""

    async def sort(call: Call, tell: Tell) -> dict[str, Any]:
        return await sorted_text(office, call, tell)

    return [
        route(office, "intake-open", opened),
        route(office, "intake-keep", kept),
        route(office, "intake-cut", cut),
        streamed(office, "intake-sort", sort),
        route(office, "intake-put", put),
    ]


def opened(call: Call) -> dict[str, Any]:
    """The panel as it was left: text, passages where some were chosen, and what is in the fields and not saved."""
    held = poured.poured(call.session, _client(call))
    shown = _passages(call, held.text, held.chosen) if held.chosen else {}
    return {"text": held.text, "most": LONGEST, **_sources(held), **shown}


def kept(call: Call) -> dict[str, Any]:
    """Keep the text and its choices as a draft; `why` where another window does, or the form was saved meanwhile."""
    by = {"tab": call.text("tab", longest=64), "n": call.number("n")}
    try:
        return {"draft": _kept(call, call.number("draft"), by)}
    except Conflict as conflict:
        there = conflict.theirs
    if there is None:
        return {"why": "done"}
    if not by["tab"] or there.body.get("tab") != by["tab"]:
        return {"why": "elsewhere"}
    # What one window sends may overtake what it sent before.
    return {"draft": there.version if there.body["n"] > by["n"] else _kept(call, there.version, by)}


def _kept(call: Call, draft: int, by: dict[str, Any]) -> int:
    return poured.keep(call.session, _client(call), _text(call), _chosen(call), draft, by)


def cut(call: Call) -> dict[str, Any]:
    """The text in passages for a person to sort; no model is asked."""
    return _passages(call, _text(call), _chosen(call))


async def sorted_text(office: Office, call: Call, tell: Tell) -> dict[str, Any]:
    """Sort what nobody has sorted yet: the passages are told first, then each answer's fields by their numbers."""
    text, chosen = _text(call), _chosen(call)
    tell(await run_in_threadpool(_passages, call, text, chosen))
    model = (await run_in_threadpool(office.models.of, call.session, None)).model
    done = await intake.sorted_text(
        model, text, language=call.language, already=chosen, tell=lambda found: tell({"sorted": dict(found)})
    )
    return {"problem": done.words}


def put(call: Call) -> dict[str, Any]:
    """Put the passages into the fields: what each box gets, and what is left in the panel."""
    made, fields = poured.put(call.session, _client(call), _text(call), _chosen(call), call.number("draft"))
    return {"text": made.text, "fields": fields, **_sources(made)}


def _client(call: Call) -> str | None:
    return call.text("client", longest=64) or None


def _text(call: Call) -> str:
    text = call.text("text", longest=_READ)
    if len(text) > LONGEST:
        raise UsageError("intake", "too much poured in", want=f"{LONGEST:,} characters at most")
    return text


def _chosen(call: Call) -> list[str]:
    given = call.given.get("chosen", [])
    if not isinstance(given, list) or len(given) > MOST or not all(isinstance(one, str) for one in given):
        raise UsageError("page", "the choices cannot be read", mend="Reload the page.")
    return given


def _passages(call: Call, text: str, chosen: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """The passages that can be sorted at once, how many more there are, and the banner."""
    passages = intake.passages_of(text)
    if not passages:
        raise UsageError("intake", "nothing was poured in")
    shown = intake.chosen_in(passages[:MOST], chosen)
    return {
        "passages": [_passage(one) for one in shown],
        "left": len(passages) - len(shown),
        "crisis": practice.banner(call.session.desk, screen(text)),
    }


def _passage(one: Passage) -> dict[str, Any]:
    return {"text": one.text, "field": one.field if one.sorted else ""}


def _sources(held: Poured) -> dict[str, Any]:
    return {"draft": held.draft, "sources": list(held.sources)}
