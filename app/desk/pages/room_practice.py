"""The room `practice`: steps for a crisis, how this desk is set up, its log, a check of it, and a new passphrase."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from typing import Any, Final

import sqlalchemy as sa
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.desk import audit, checking, practice, unlock
from app.desk.database import counsellor_table, read
from app.desk.keys import COST, Cost
from app.desk.pages.entry import way_of
from app.desk.pages.entry_forms import why
from app.desk.pages.rooms import Call, Office, route
from app.desk.pages.sessions import code_of
from app.desk.pages.words import LANGUAGES
from app.desk.store import Conflict
from app.desk.unlock import own_file
from xinheng.errors import DeskError, UsageError, XinhengError
from xinheng.storage import Place

AT_ONCE: Final = 50
# What the log says of an entry beside its action; marks and ids of records say nothing to a reader.
_TOLD: Final = (
    "kind", "record", "version", "what", "form", "note", "notes", "rows", "attachments", "older", "new_counter",
)  # fmt: skip
# What `checking` finds, by the sentence that tells it in the page's language.
_FOUND: Final = {
    "practice_found_file_gone": re.compile(r"the file of (?P<kind>\w+) \w+ of client (?P<client>\w+) is gone"),
    "practice_found_file": re.compile(r"the file of (?P<kind>\w+) \w+ of client (?P<client>\w+) (?:was|cannot) .*"),
    "practice_found_files": re.compile(r"of (?P<n>\d+) files that records name none is in .*"),
    "practice_found_store": re.compile(r"(?P<n>\d+) files in \S+ could not be looked at: .*"),
    "practice_found_erasure": re.compile(r"the erasure of client (?P<client>\w+) is not finished, .*"),
    "practice_found_client": re.compile(r"client (?P<client>\w+) is gone"),
    "practice_found_gone": re.compile(r"(?P<kind>\w+) (?P<record>.+) of client (?P<client>\w+) is gone"),
    "practice_found_other": re.compile(r"(?P<kind>\w+) (?P<record>.+) of client (?P<client>\w+) is not as the log .*"),
    "practice_found_count": re.compile(r"the count of notes of client (?P<client>\w+) .*"),
    "practice_found_changed": re.compile(r"desk: a record was changed or put in another's place: have (?P<name>.*)"),
    "practice_found_chain": re.compile(r"log: the chain is broken: have entry (?P<n>\d+) .*"),
    "practice_found_desk": re.compile(r"the row that says which desk .*|desk: the (ring of keys|counsellor's row) .*"),
    "practice_found_code": re.compile(r"client (?P<client>\w+) is not found by his code, .*"),
    "practice_found_counter": re.compile(r"desk: the counter .*"),
    "practice_found_older": re.compile(r"the database was put back to an older state: .*"),
}


def routes(office: Office, *, cost: Cost = COST) -> list[Route]:
    """Its addresses.

    Args:
        office: What rooms share.
        cost: What a new passphrase costs to guess.
    """
    return [
        route(office, "practice-open", lambda call: opened(office, call)),
        route(office, "practice-steps", steps),
        route(office, "practice-log", log),
        route(office, "practice-verify", lambda call: verified(call, office.files)),
        route(office, "practice-passphrase", lambda call: passphrase(office, call, cost)),
    ]


def opened(office: Office, call: Call) -> dict[str, Any]:
    """The steps with their version, how the desk is set up, and the commands for what no page does."""
    desk = call.session.desk
    held = practice.setting(desk)
    return {
        "steps": practice.steps(desk),
        "version": held.version if held else 0,
        "longest": practice.LONGEST,
        "state": {**_model(office), **_kept(office, desk)},
        "commands": _commands(desk, office.files),
        "opened_by": _opened_by(desk),
    }


def steps(call: Call) -> dict[str, Any]:
    """Set the steps; where another window set them meanwhile, nothing is set and theirs are told."""
    text = call.text("steps", longest=10 * practice.LONGEST)
    if len(text) > practice.LONGEST:
        raise UsageError("desk", "steps too long", want=f"{practice.LONGEST:,} characters at most")
    try:
        return {"version": practice.set_steps(call.session.desk, text, call.number("version")).version}
    except Conflict as conflict:
        theirs = conflict.theirs
        told = {"steps": str(theirs.body.get("steps", "")), "version": theirs.version} if theirs else {}
        return {"theirs": {"steps": "", "version": 0, **told}}


def log(call: Call) -> dict[str, Any]:
    """Entries of the log, the newest first, or those before one; the page writes times as its place does."""
    desk, before = call.session.desk, call.number("before")
    found = read(
        desk.engine,
        lambda c: audit.newest(c, desk.counsellor_id, desk.keys, before=before, most=AT_ONCE + 1),
    )
    entries = [
        {
            "seq": one.seq,
            "at": one.facts["at"],
            "action": one.facts["action"],
            "client": _client(call, one.facts.get("client")),
            "about": {name: _plain(one.facts[name]) for name in _TOLD if name in one.facts},
        }
        for one in found[:AT_ONCE]
    ]
    return {"entries": entries, "more": len(found) > AT_ONCE}


def verified(call: Call, files: Place | None = None) -> dict[str, Any]:
    """Hold log, counter, keys, records and files against each other; what is wrong, as sentences."""
    found = checking.verify(call.session.desk, files)
    return {
        "clients": found.clients,
        "records": found.records,
        "files": found.files,
        "entries": found.entries,
        "counters_begun": found.counters_begun,
        "older_accepted": found.older_accepted,
        "wrong": [_found(call, sentence) for sentence in found.wrong],
    }


def passphrase(office: Office, call: Call, cost: Cost) -> dict[str, Any] | Response:
    """Give the desk a new passphrase or key file, to whoever knows the old one; the new recovery code.

    All other sessions of the counsellor end. A refusal says for how long to wait, as the page that unlocks does.
    """
    try:
        return _renewed(office, call, cost)
    except XinhengError as error:
        return JSONResponse({"error": why(call.language, error, wrong="practice_wrong_old"), "why": "refused"}, 400)


def _renewed(office: Office, call: Call, cost: Cost) -> dict[str, Any]:
    desk = call.session.desk
    old = {"passphrase": call.text("old", longest=10_000), "key": _bytes(call, "old_key")}
    new = {"passphrase": call.text("new", longest=10_000), "key": _bytes(call, "new_key")}
    if not new["key"]:
        if new["passphrase"] != call.text("again", longest=10_000):
            raise UsageError("desk", "differ")
        if len(str(new["passphrase"])) < unlock.SHORTEST_PASSPHRASE:
            raise UsageError("desk", "passphrase too short")
    with way_of(old) as how:
        confirmed = unlock.confirm(desk, **how)
    with way_of(new) as how:
        code = unlock.renew(confirmed, **how, cost=cost)
    return {"code": code, "ended": office.sessions.end_of(desk, but=call.session)}


def _model(office: Office) -> dict[str, Any]:
    """Which model answers and where; `problem` where it cannot be had."""
    spec = office.models.spec
    try:
        model = office.models.base()
    except XinhengError as error:
        return {"model": spec, "problem": str(error)}
    return {"model": spec, "remote": model.chat.remote, "allowed": model.allow_remote}


def _kept(office: Office, desk: unlock.Desk) -> dict[str, Any]:
    """Where the desk is kept; of an address of a database only its host and name are told."""
    url = desk.engine.url
    server = desk.engine.dialect.name != "sqlite"
    where = f"{url.host or ''}/{url.database or ''}" if server else str(url.database or "")
    return {
        "database": "PostgreSQL" if server else "SQLite",
        "where": where,
        "home": str(desk.home),
        "files": str(office.files),
        "languages": list(LANGUAGES.values()),
    }


def _commands(desk: unlock.Desk, files: Place) -> dict[str, str]:
    """What to type in a terminal; the name is left to whoever types, for the desk does not know it."""
    server = desk.engine.dialect.name != "sqlite"
    home = shlex.quote(str(desk.home)) + (" --database postgresql://…" if server else "")
    place = "" if files == desk.home / "files" else f" --files {shlex.quote(str(files))}"
    return {
        "backup": f"xinheng desk backup FILE --home {home}{place}",
        "rotate": f"xinheng desk rotate --name NAME --home {home}",
    }


def _opened_by(desk: unlock.Desk) -> str:
    mine = sa.select(counsellor_table.c.opened_by).where(counsellor_table.c.counsellor_id == desk.counsellor_id)
    return str(read(desk.engine, lambda c: c.execute(mine).scalar_one()))


def _client(call: Call, client_id: Any) -> str | None:
    """A client's code, "" for one who is not here any more; None for the counsellor's own file and for nobody."""
    desk = call.session.desk
    if not isinstance(client_id, str) or client_id == own_file(desk.counsellor_id):
        return None
    codes = call.session.codes
    if client_id not in codes:
        try:
            codes[client_id] = code_of(desk, client_id)
        except DeskError:
            return ""
    return codes[client_id]


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else str(value)[:80]


def _found(call: Call, sentence: str) -> str:
    for key, pattern in _FOUND.items():
        if met := pattern.fullmatch(sentence):
            return call.say(key, **met.groupdict())
    return sentence


def _bytes(call: Call, name: str) -> bytes:
    """A key file as the page sends it: base64, for requests are JSON."""
    try:
        return base64.b64decode(call.text(name, longest=20_000), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("desk", "bad_key") from error
