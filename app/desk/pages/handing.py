"""What leaves the desk: made in memory, fetched once from an address that then leads nowhere.

A browser keeps addresses. This one holds no code and no name, and whoever asks for it later gets nothing.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.desk.pages.entry_forms import language_of
from app.desk.pages.guard import token_of
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import Ended, Session
from app.desk.pages.words import say

# What nobody fetched is let go.
KEPT_S: Final = 120.0
MOST: Final = 3
_OWN: Final = frozenset({"", "same-origin", "none"})
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Paper:
    """A file to give away.

    Args:
        name: As it is saved.
        kind: Its media type.
        body: Its bytes.
        shown: Whether a browser shows it as a page, rather than save it.
    """

    name: str = field(repr=False)
    kind: str
    body: bytes = field(repr=False)
    shown: bool = False


def hand(session: Session, paper: Paper, whose: Iterable[str] = ()) -> str:
    """The address from which a session's browser fetches a file, once and soon.

    Args:
        session: Whose.
        paper: The file.
        whose: Of which clients it is; when one is erased meanwhile it is let go.
    """
    token = secrets.token_urlsafe(24)
    name = " ".join(("paper", token, *sorted(whose)))
    with session.lock:
        _ = session.desk  # a session that has ended keeps nothing
        there = [one for one in list(session.kept) if one.startswith("paper ")]
        for old in there[: max(0, len(there) - MOST + 1)]:
            del session.kept[old]
        session.kept[name] = paper
    timer = threading.Timer(KEPT_S, session.kept.pop, (name, None))
    timer.daemon = True
    timer.start()
    return f"/paper/{token}"


def route(office: Office) -> Route:
    """The address `/paper/TOKEN`."""

    async def given(request: Request) -> Response:
        if request.method != "GET":
            return Response(status_code=405)
        # Another program of this machine has the same site: it may not spend an address.
        if request.headers.get("sec-fetch-site", "") not in _OWN:
            return Response(status_code=403)
        try:
            session = office.sessions.of(token_of({"cookie": request.headers.get("cookie", "")}))
        except Ended:
            return Response(status_code=401)
        paper = _taken(session, str(request.path_params["token"]))
        if paper is None:
            told = say(language_of(request), "files_once")
            return Response(told, 404, media_type="text/plain; charset=utf-8")
        headers = {"content-disposition": disposition(paper.name, shown=paper.shown)}
        if paper.shown:
            headers["content-security-policy"] = _POLICY
        return Response(paper.body, headers=headers, media_type=paper.kind)

    return Route("/paper/{token}", given, methods=["GET"])


def disposition(name: str, *, shown: bool = False) -> str:
    r"""The header that names a file, for old browsers in ASCII.

    >>> disposition('A-1 紀錄 3.pdf')
    'attachment; filename="A-1 __ 3.pdf"; filename*=UTF-8\'\'A-1%20%E7%B4%80%E9%8C%84%203.pdf'
    """
    plain = re.sub(r'[^ -~]|["\\%;]', "_", name)
    return f"{'inline' if shown else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _taken(session: Session, token: str) -> Paper | None:
    with session.lock:
        found = next((name for name in list(session.kept) if name.split(" ")[:2] == ["paper", token]), None)
        paper = session.kept.pop(found) if found else None
    return paper if isinstance(paper, Paper) else None
