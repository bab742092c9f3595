"""The room `files`: what goes out of a client's file, what is put beside it, consents, its log, and its end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from starlette.routing import Route

from app.desk import attachments, audit, corpus, paper, store, teaching
from app.desk.attachments import safe_name
from app.desk.database import read
from app.desk.erasure import Unfinished
from app.desk.pages import erasing, handing
from app.desk.pages.files_said import certificate_text, left_out, log_line, replaced
from app.desk.pages.handing import Paper
from app.desk.pages.rooms import Call, Office, Work, poured, route
from app.desk.paper import FORMS
from app.desk.paper_archive import export_archive
from app.desk.store import Record
from app.desk.unlock import Desk
from xinheng.errors import CheckFailed, UsageError

_KINDS: Final = {
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}
_FIRST, _NEXT, _ENTRIES = 5, 20, 50


def routes(office: Office) -> list[Route]:
    """Its addresses."""
    works: dict[str, Callable[[Office, Call], dict[str, Any]]] = {
        "open": _open,
        "make": _make,
        "remove": _remove,
        "consent": _consent,
        "corpus": _corpus,
        "corpus-lines": _corpus_lines,
        "corpus-make": _corpus_make,
        "log": _log,
        "erase": _erase,
        "finish": _finish,
    }
    made = [route(office, f"files-{name}", _with(office, work)) for name, work in works.items()]
    return [*made, poured(office, "attach", lambda call, data: _attach(office, call, data)), handing.route(office)]


def _with(office: Office, work: Callable[[Office, Call], dict[str, Any]]) -> Work:
    return lambda call: work(office, call)


# ---- what is there


def _open(_: Office, call: Call) -> dict[str, Any]:
    desk, client_id = call.session.desk, call.text("client")
    code = _code(call, client_id)
    notes = [
        {"n": one.record_id, "version": one.version, "date": str(one.body.get("date") or one.body.get("at") or "")[:10]}
        for one in reversed(store.records(desk, client_id, "note"))
    ]
    told = {"code": code, "notes": notes, "attached": _attached(call, client_id), "consents": _consents(call)}
    return {**told, "unfinished": erasing.unfinished(call.session)}


def _attached(call: Call, client_id: str) -> list[dict[str, Any]]:
    names = ("name", "size", "at")
    there = attachments.attached(call.session.desk, client_id)
    return [{"id": one.record_id, **{name: one.body.get(name) for name in names}} for one in there]


def _consents(call: Call) -> list[dict[str, Any]]:
    there = {one.record_id: one for one in store.records(call.session.desk, call.text("client"), "consent")}
    return [_told(use, there.get(use)) for use in sorted({teaching.TRAINING, corpus.USE, *there})]


def _told(use: str, one: Record | None) -> dict[str, Any]:
    body = one.body if one else {}
    given = body.get("given") is True
    return {"use": use, "there": one is not None, "given": given, "how": body.get("how", ""), "at": body.get("at", "")}


def _code(call: Call, client_id: str) -> str:
    return paper.client_code(store.records(call.session.desk, client_id, "info"))


# ---- what goes out


def _make(office: Office, call: Call) -> dict[str, Any]:
    """Make a file, which then waits at an address."""
    desk, client_id, what = call.session.desk, call.text("client"), call.text("what")
    form: Any = call.text("form")
    number, code = call.text("note"), _code(call, client_id)
    if what == "archive":
        body = export_archive(desk, client_id, call.language, files=office.files)
        made = Paper(_name(code, call.say("files_all"), "zip"), "application/zip", body)
    elif what == "attachment":
        record, body = attachments.given_back(desk, office.files, client_id, call.text("attachment"))
        made = Paper(_name(code, str(record.body.get("name"))), "application/octet-stream", body)
    elif form not in FORMS or what not in {"note", "file"}:
        raise UsageError("page", "a request cannot be read", mend="Reload the page.")
    else:
        if what == "note":
            body = paper.export_note(desk, client_id, number, form, call.language)
            title = paper.word("note", call.language, number)
        else:
            body, title = paper.export_client(desk, client_id, form, call.language), call.say("files_file")
        made = Paper(_name(code, title, FORMS[form]), _KINDS[form], body, shown=form == "html")
    return {"address": handing.hand(call.session, made, [client_id]), "name": made.name, "size": len(made.body)}


def _name(code: str, title: str, ending: str = "") -> str:
    """A file's name that begins with the client's code."""
    return safe_name(f"{safe_name(code)[:40]} {safe_name(title)}" + (f".{ending}" if ending else ""))


# ---- what is put beside


def _attach(office: Office, call: Call, data: bytes) -> dict[str, Any]:
    client_id = call.text("client")
    attachments.attach(call.session.desk, office.files, client_id, call.text("name", longest=1_000), data)
    return {"attached": _attached(call, client_id)}


def _remove(office: Office, call: Call) -> dict[str, Any]:
    client_id = call.text("client")
    attachments.remove(call.session.desk, office.files, client_id, call.text("attachment"))
    return {"attached": _attached(call, client_id)}


# ---- consent, and the corpus


def _consent(_: Office, call: Call) -> dict[str, Any]:
    given, how = call.given.get("given") is True, call.text("how", longest=2_000)
    teaching.record_consent(call.session.desk, call.text("client"), given=given, how=how, use=corpus.USE)
    return {"consents": _consents(call)}


def _corpus(_: Office, call: Call) -> dict[str, Any]:
    """What would go out, to be read before it does."""
    made = corpus.prepared(call.session.desk)
    digest = hashlib.sha256(made.lines).hexdigest()[:32]
    with call.session.lock:
        for old in [name for name in list(call.session.kept) if name.startswith("corpus ")]:
            del call.session.kept[old]
        # Its name holds whose it is, by which it is let go when one of them is erased.
        call.session.kept[" ".join(("corpus", digest, *made.whose))] = made
    return {
        "notes": made.notes,
        "clients": made.clients,
        "replaced": replaced(call.language, made.replaced),
        "left_out": left_out(call.language, made.left_out),
        "digest": digest,
        "lines": _lines(made, 0, _FIRST),
    }


def _corpus_lines(_: Office, call: Call) -> dict[str, Any]:
    digest = call.text("digest")
    with call.session.lock:
        there = dict(call.session.kept)
    made = next((one for name, one in there.items() if name.split(" ")[:2] == ["corpus", digest]), None)
    if made is None:
        raise _changed()
    return {"lines": _lines(made, call.number("from"), _NEXT)}


def _corpus_make(_: Office, call: Call) -> dict[str, Any]:
    """Give what was read, and nothing else: a consent may have been taken back since."""
    made = corpus.prepared(call.session.desk)
    if hashlib.sha256(made.lines).hexdigest()[:32] != call.text("digest") or not made.notes:
        raise _changed()
    corpus.went_out(call.session.desk, made)
    sheet = Paper("corpus.jsonl", "application/x-ndjson; charset=utf-8", made.lines)
    return {"address": handing.hand(call.session, sheet, made.whose), "name": sheet.name, "size": len(sheet.body)}


def _changed() -> UsageError:
    return UsageError("desk", "the notes changed since they were shown", mend="Look at them again.")


def _lines(made: corpus.Corpus, first: int, count: int) -> list[dict[str, str]]:
    some = made.lines.decode().splitlines()[first : first + count]
    return [{name: str(line[name]) for name in ("question", "answer")} for line in map(json.loads, some)]


# ---- the log, and the end


def _log(_: Office, call: Call) -> dict[str, Any]:
    desk, client_id, before = call.session.desk, call.text("client"), call.number("before")
    _code(call, client_id)
    mine: list[audit.Entry] = []
    while len(mine) <= _ENTRIES and (some := _some(desk, before)):
        mine += [one for one in some if one.facts.get("client") == client_id]
        before = some[-1].seq
    entries = [
        {"seq": one.seq, "at": one.facts.get("at", ""), "text": log_line(call.language, one.facts)}
        for one in mine[:_ENTRIES]
    ]
    return {"entries": entries, "more": len(mine) > _ENTRIES}


def _some(desk: Desk, before: int) -> list[audit.Entry]:
    if before == 1:
        return []
    return read(desk.engine, lambda c: audit.newest(c, desk.counsellor_id, desk.keys, before=before, most=500))


def _erase(office: Office, call: Call) -> dict[str, Any]:
    client_id, code = call.text("client"), call.text("code").strip()
    # What his code was can be known no more where his keys are gone.
    if not erasing.begun(call.session, client_id) and (not code or _code(call, client_id) != code):
        raise UsageError("desk", "this is not the client's code")
    try:
        certificate = erasing.erase(office, call.session, client_id)
    except Unfinished as failed:
        return {"unfinished": failed.have}
    except CheckFailed as failed:
        return {"left": failed.have}
    text = certificate_text(call.language, code, certificate)
    return {"text": text, "name": _name(code, call.say("files_certificate"), "txt")}


def _finish(office: Office, call: Call) -> dict[str, Any]:
    left, why = erasing.finish(office, call.session)
    return {"left": ", ".join(left), "unfinished": "; ".join(why)}
