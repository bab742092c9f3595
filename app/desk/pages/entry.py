"""The pages before anybody is known: unlocking, recovering, setting a desk up. Plain HTML, no script at all.

They are not gradio's: a handler of gradio cannot give a browser a cookie that scripts cannot read, and a passphrase
should pass through nobody's queue.
"""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from markupsafe import escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.desk import unlock
from app.desk.keys import COST, Cost
from app.desk.pages.dressing import set_cookie
from app.desk.pages.entry_forms import (
    NOTHING,
    alert,
    code_field,
    form_of,
    key_field,
    language_of,
    name_field,
    opening,
    page,
    said_in,
    secret_field,
    token_in,
    why,
)
from app.desk.pages.sessions import Ended, Sessions
from app.desk.pages.strangers import Strangers
from app.desk.pages.words import say
from xinheng.errors import DeskError, InputError, UsageError, XinhengError

_LOG = logging.getLogger("xinheng.desk")
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
        self._strangers = Strangers(cost)

    def routes(self) -> list[Route]:
        """The addresses of these pages."""
        return [
            Route("/", self._start),
            Route("/unlock", self._unlock, methods=["GET", "POST"]),
            Route("/begin", self._begin, methods=["GET", "POST"]),
            Route("/recover", self._recover, methods=["GET", "POST"]),
            Route("/lock", self._lock, methods=["POST"]),
            Route("/session", self._session),
        ]

    async def _start(self, request: Request) -> Response:
        try:
            self._sessions.of(token_in(request))
        except Ended:
            try:
                there = await run_in_threadpool(unlock_any, self._engine)
            except XinhengError as error:
                language = language_of(request)
                return page(language, "fault_title", alert(why(language, error)), status=503)
            return RedirectResponse("/unlock" if there else "/begin", 303)
        return RedirectResponse(f"/{language_of(request)}/", 303)

    async def _session(self, request: Request) -> Response:
        """Whether a session lasts, and whose; a page asks by itself, which keeps none alive."""
        try:
            session = self._sessions.of(token_in(request), touch=False)
            return JSONResponse({"open": True, "counsellor": session.desk.counsellor_id})
        except Ended:
            return JSONResponse({"open": False})

    async def _lock(self, request: Request) -> Response:
        self._sessions.end(token_in(request))
        answer = RedirectResponse("/unlock", 303)
        answer.headers["Set-Cookie"] = set_cookie("", secure=self._secure)
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
        return answer

    async def _unlock(self, request: Request) -> Response:
        language = language_of(request)
        if request.method == "GET":
            return page(language, "unlock_title", self._unlock_form(language, said=said_in(request, language)))
        given = NOTHING
        try:
            given = await form_of(request)
            desk = await run_in_threadpool(self._let_in, given)
            token = await run_in_threadpool(self._sessions.begin, desk)
        except XinhengError as error:
            said = why(language, error)
            return page(language, "unlock_title", self._unlock_form(language, said, given["name"]), status=403)
        answer = RedirectResponse(f"/{language}/", 303)
        answer.headers["Set-Cookie"] = set_cookie(token, secure=self._secure)
        return answer

    async def _begin(self, request: Request) -> Response:
        language = language_of(request)
        if request.method == "GET":
            return page(language, "begin", self._begin_form(language))
        given = NOTHING
        try:
            given = await form_of(request)
            if not hmac.compare_digest(given["code"].strip().encode(), self._setup_code.encode()):
                raise UsageError("desk", "no_code")
            if not given["name"].strip():
                raise UsageError("desk", "empty")
            if not given["key"] and given["passphrase"] != given["again"]:
                raise UsageError("desk", "differ")
            desk, code = await run_in_threadpool(self._made, given)
        except XinhengError as error:
            return page(language, "begin", self._begin_form(language, why(language, error), given["name"]), status=403)
        return await self._code_shown(language, desk, code)

    async def _recover(self, request: Request) -> Response:
        language = language_of(request)
        if request.method == "GET":
            return page(language, "recover", self._recover_form(language))
        given = NOTHING
        try:
            given = await form_of(request)
            if given["passphrase"] != given["again"]:
                raise UsageError("desk", "differ")
            desk, code = await run_in_threadpool(self._recovered, given)
        except XinhengError as error:
            said = why(language, error, wrong="wrong_code")
            form = self._recover_form(language, said, given["name"], given["code"])
            return page(language, "recover", form, status=403)
        # Whoever else is in came in with the old passphrase.
        return await self._code_shown(language, desk, code, alone=True)

    async def _code_shown(self, language: str, desk: unlock.Desk, code: str, *, alone: bool = False) -> Response:
        """The page with the new recovery code, whatever comes after: the old one opens nothing any more.

        Whoever reads it is let in, where a session can begin; where he is to be `alone`, his others end.
        """
        token = ""
        try:
            if alone:
                await run_in_threadpool(self._sessions.end_of, desk)
            token = await run_in_threadpool(self._sessions.begin, desk)
        except Exception as error:  # noqa: BLE001  any of them would take the code away
            _LOG.error("no session began after a recovery code was made: %s", type(error).__name__)
        to, noted = (f"/{language}/", "noted") if token else (f"/unlock?lang={language}", "back")
        shown = (
            f"{'' if token else alert(say(language, 'code_but'))}"
            f'<p>{say(language, "recovery")}</p><p class="code">{escape(code)}</p>'
            f'<a class="button" href="{to}" autofocus>{say(language, noted)}</a>'
        )
        answer = page(language, "recovery_title", shown)
        if token:
            answer.headers.append("Set-Cookie", set_cookie(token, secure=self._secure))
        return answer

    def _let_in(self, given: dict[str, Any]) -> unlock.Desk:
        with way_of(given) as how, self._known(given["name"], derive=True):
            return unlock.unlock(self._engine, self._home, given["name"], **how)

    @contextmanager
    def _known(self, name: str, *, derive: bool) -> Iterator[None]:
        """Say of a name that nobody has what is said of a wrong passphrase, as late."""
        try:
            yield
        except DeskError as error:
            if error.what != "no counsellor of this name":
                raise
            raise self._strangers.refuse(name, derive=derive) from None

    def _made(self, given: dict[str, Any]) -> tuple[unlock.Desk, str]:
        with way_of(given) as how:
            return unlock.add_counsellor(self._engine, self._home, given["name"], **how, cost=self._cost)

    def _recovered(self, given: dict[str, Any]) -> tuple[unlock.Desk, str]:
        name, code, words = given["name"], given["code"], given["passphrase"]
        with self._known(name, derive=False):
            return unlock.recover(self._engine, self._home, name, code, passphrase=words, cost=self._cost)

    def _unlock_form(self, language: str, said: str = "", name: str = "") -> str:
        return (
            f"{alert(said)}{opening('unlock')}{name_field(language, name)}"
            f"{secret_field(language, 'passphrase', 'current-password', focus=bool(name))}"
            f"{key_field(language)}<button>{say(language, 'unlock')}</button></form>"
            f'<p><a href="/recover?lang={language}">{say(language, "recover_link")}</a></p>'
            f'<p><a href="/begin?lang={language}">{say(language, "begin")}</a></p>'
        )

    def _recover_form(self, language: str, said: str = "", name: str = "", code: str = "") -> str:
        return (
            f"{alert(said)}<p>{say(language, 'recover_how')}</p>{opening('recover')}{name_field(language, name)}"
            f"{code_field(language, code)}"
            f"{secret_field(language, 'passphrase', 'new-password', label='passphrase_new')}"
            f"{secret_field(language, 'again', 'new-password')}"
            f'<p class="quiet">{say(language, "at_least")}</p>'
            f"<button>{say(language, 'recover_do')}</button></form>"
            f'<p><a href="/unlock?lang={language}">{say(language, "back")}</a></p>'
        )

    def _begin_form(self, language: str, said: str = "", name: str = "") -> str:
        code = f'<label>{say(language, "code_asked")}<input name="code" autocomplete="off"></label>'
        return (
            f"{alert(said)}{opening('begin')}{code if self._setup_code else ''}{name_field(language, name)}"
            f"{secret_field(language, 'passphrase', 'new-password')}{secret_field(language, 'again', 'new-password')}"
            f'<p class="quiet">{say(language, "long")}</p>{key_field(language)}'
            f"<button>{say(language, 'begin_do')}</button></form>"
            f'<p><a href="/unlock?lang={language}">{say(language, "back")}</a></p>'
        )


def unlock_any(engine: sa.Engine) -> bool:
    """Whether any counsellor has a desk here."""
    from app.desk.database import counsellor_table, read

    return read(engine, lambda c: c.execute(sa.select(counsellor_table.c.counsellor_id).limit(1)).first()) is not None


@contextmanager
def way_of(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
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
