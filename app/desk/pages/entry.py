"""The pages before anybody is known: unlocking, and setting a desk up. Plain HTML, no script at all.

They are not gradio's: a handler of gradio cannot give a browser a cookie that scripts cannot read, and a passphrase
should pass through nobody's queue.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from markupsafe import escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.desk import unlock
from app.desk.keys import COST, Cost
from app.desk.pages.guard import LARGEST_FORM, set_cookie, token_of
from app.desk.pages.sessions import Ended, Sessions
from app.desk.pages.words import LANGUAGES, chosen, say
from xinheng.errors import DeskError, InputError, UsageError, XinhengError

_KEY_BYTES: Final = range(32, 8193)


class Entry:
    """Letting people in: who may set a desk up, and the sessions they get.

    `setup_code` is asked of whoever sets a desk up; empty where only this machine can reach the pages.
    """

    def __init__(
        self,
        engine: sa.Engine,
        home: Path,
        sessions: Sessions,
        *,
        secure: bool = False,
        setup_code: str = "",
        cost: Cost = COST,
    ) -> None:
        self._engine, self._home, self._sessions = engine, home, sessions
        self._secure, self._setup_code, self._cost = secure, setup_code, cost

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/", self._start),
            Route("/unlock", self._unlock, methods=["GET", "POST"]),
            Route("/begin", self._begin, methods=["GET", "POST"]),
            Route("/lock", self._lock, methods=["POST"]),
            Route("/session", self._session),
        ]

    async def _start(self, request: Request) -> Response:
        try:
            self._sessions.of(_token(request))
        except Ended:
            there = await run_in_threadpool(self._anybody)
            return RedirectResponse("/unlock" if there else "/begin", 303)
        return RedirectResponse(f"/{_language(request)}/", 303)

    async def _session(self, request: Request) -> Response:
        """Whether a session lasts; a page asks by itself, which keeps none alive."""
        try:
            self._sessions.of(_token(request), touch=False)
        except Ended:
            return JSONResponse({"open": False})
        return JSONResponse({"open": True})

    async def _lock(self, request: Request) -> Response:
        self._sessions.end(_token(request))
        answer = RedirectResponse("/unlock", 303)
        answer.headers["Set-Cookie"] = set_cookie("", secure=self._secure)
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
        return answer

    async def _unlock(self, request: Request) -> Response:
        language = _language(request)
        if request.method == "GET":
            return _page(language, "unlock", self._unlock_form(language, said=_said(request, language)))
        given = await _form(request)
        try:
            desk = await run_in_threadpool(self._let_in, given)
        except XinhengError as error:
            said = _why(language, error)
            return _page(language, "unlock", self._unlock_form(language, said, given["name"]), status=403)
        return await self._entered(desk, f"/{language}/")

    async def _begin(self, request: Request) -> Response:
        language = _language(request)
        if request.method == "GET":
            return _page(language, "begin", self._begin_form(language))
        given = await _form(request)
        try:
            if not hmac.compare_digest(given["code"].strip().encode(), self._setup_code.encode()):
                raise UsageError("desk", "no_code")
            if not given["name"].strip():
                raise UsageError("desk", "empty")
            if not given["key"] and given["passphrase"] != given["again"]:
                raise UsageError("desk", "differ")
            desk, code = await run_in_threadpool(self._made, given)
        except XinhengError as error:
            return _page(
                language, "begin", self._begin_form(language, _why(language, error), given["name"]), status=403
            )
        shown = (
            f'<p>{say(language, "recovery")}</p><p class="code">{escape(code)}</p>'
            f'<a class="button" href="/{language}/" autofocus>{say(language, "noted")}</a>'
        )
        answer = _page(language, "begin", shown)
        answer.headers["Set-Cookie"] = (await self._entered(desk, "/")).headers["Set-Cookie"]
        return answer

    async def _entered(self, desk: unlock.Desk, to: str) -> Response:
        token = await run_in_threadpool(self._sessions.begin, desk)
        answer = RedirectResponse(to, 303)
        answer.headers["Set-Cookie"] = set_cookie(token, secure=self._secure)
        return answer

    def _anybody(self) -> bool:
        return unlock_any(self._engine)

    def _let_in(self, given: dict[str, Any]) -> unlock.Desk:
        with _way(given) as how:
            return unlock.unlock(self._engine, self._home, given["name"], **how)

    def _made(self, given: dict[str, Any]) -> tuple[unlock.Desk, str]:
        with _way(given) as how:
            return unlock.add_counsellor(self._engine, self._home, given["name"], **how, cost=self._cost)

    def _unlock_form(self, language: str, said: str = "", name: str = "") -> str:
        return (
            f"{_alert(said)}{_opening('unlock')}{_name(language, name)}"
            f"{_secret(language, 'passphrase', 'current-password')}"
            f"{_key(language)}<button>{say(language, 'unlock')}</button></form>"
            f'<p><a href="/begin?lang={language}">{say(language, "begin")}</a></p>'
        )

    def _begin_form(self, language: str, said: str = "", name: str = "") -> str:
        code = f'<label>{say(language, "code_asked")}<input name="code" autocomplete="off"></label>'
        return (
            f"{_alert(said)}{_opening('begin')}{code if self._setup_code else ''}{_name(language, name)}"
            f"{_secret(language, 'passphrase', 'new-password')}{_secret(language, 'again', 'new-password')}"
            f'<p class="quiet">{say(language, "long")}</p>{_key(language)}'
            f"<button>{say(language, 'begin_do')}</button></form>"
            f'<p><a href="/unlock?lang={language}">{say(language, "back")}</a></p>'
        )


def unlock_any(engine: sa.Engine) -> bool:
    """Whether any counsellor has a desk here."""
    from app.desk.database import counsellor_table, read

    return read(engine, lambda c: c.execute(sa.select(counsellor_table.c.counsellor_id).limit(1)).first()) is not None


@contextmanager
def _way(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """How the desk is opened. A key file goes through a pipe: it is written to no disk."""
    if not given["key"]:
        yield {"passphrase": given["passphrase"]}
        return
    if len(given["key"]) not in _KEY_BYTES:
        raise InputError("desk", "bad_key")
    reading, writing = os.pipe()
    try:
        os.write(writing, given["key"])
        os.close(writing)
        yield {"key_file": Path(f"/dev/fd/{reading}")}
    finally:
        os.close(reading)


async def _form(request: Request) -> dict[str, Any]:
    # The guard lets 32 KiB through; Starlette writes only what is larger than a megabyte into a file.
    async with request.form(max_files=1, max_fields=8, max_part_size=LARGEST_FORM) as form:
        key = form.get("key")
        texts = {name: form.get(name) for name in ("name", "passphrase", "again", "code", "lang")}
        found: dict[str, Any] = {name: text if isinstance(text, str) else "" for name, text in texts.items()}
        found["key"] = await key.read() if isinstance(key, UploadFile) else b""
    return found


def _why(language: str, error: XinhengError) -> str:
    """An error in the reader's language; what nobody wrote a sentence for is told as it is."""
    keys = {
        "passphrase too short": "short",
        "a counsellor of this name is there already": "taken",
        "no counsellor of this name": "wrong",
        "the database was put back to an older state": "older",
        "no way to open it": "wrong",
    }
    if isinstance(error, DeskError) and error.what == "too many guesses":
        return say(language, "wait", s=_seconds(error.mend))
    if isinstance(error, DeskError) and error.what.startswith("wrong "):
        wait = _seconds(error.mend)
        return say(language, "wrong") + (f" {say(language, 'wait', s=wait)}" if wait else "")
    if error.what in {"no_code", "differ", "bad_key", "empty"}:
        return say(language, error.what)
    return say(language, keys[error.what]) if error.what in keys else str(error)


def _seconds(mend: str) -> str:
    found = re.search(r"(\d+) s", mend)
    return found[1] if found else ""


def _said(request: Request, language: str) -> str:
    return say(language, "ended") if request.query_params.get("ended") else ""


def _token(request: Request) -> str:
    return token_of({"cookie": request.headers.get("cookie", "")})


def _language(request: Request) -> str:
    for wanted in (request.query_params.get("lang"), request.cookies.get("xinheng_language")):
        if wanted in LANGUAGES:
            return str(wanted)
    return chosen(request.headers.get("accept-language", ""))


def _page(language: str, title: str, body: str, *, status: int = 200) -> Response:
    others = " ".join(
        f"<b>{named}</b>" if code == language else f'<a lang="{code}" href="?lang={code}">{named}</a>'
        for code, named in LANGUAGES.items()
    )
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{say(language, "desk")}</title>'
        '<link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/static/desk.css"><body class="entry"><main><h1>{say(language, "desk")}</h1>'
        f"<h2>{say(language, title)}</h2>{body}<nav>{others}</nav></main></body></html>"
    )
    answer = HTMLResponse(html, status)
    answer.set_cookie("xinheng_language", language, max_age=31_536_000, httponly=True, samesite="strict")
    return answer


def _opening(action: str) -> str:
    return f'<form method="post" action="/{action}" enctype="multipart/form-data">'


def _alert(said: str) -> str:
    return f'<p role="alert">{escape(said)}</p>' if said else ""


def _name(language: str, value: str) -> str:
    return (
        f'<label>{say(language, "name")}<input name="name" value="{escape(value)}" required maxlength="200" '
        f'autocomplete="username" {"" if value else "autofocus"}></label>'
    )


def _secret(language: str, name: str, complete: str) -> str:
    return f'<label>{say(language, name)}<input type="password" name="{name}" autocomplete="{complete}"></label>'


def _key(language: str) -> str:
    return (
        f'<details><summary>{say(language, "key_file")}</summary><input type="file" name="key" '
        f'aria-label="{say(language, "key_file")}"></details>'
    )
