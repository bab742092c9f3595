"""The whole application over one desk, without a browser, with a clock that a test turns."""

from __future__ import annotations

from pathlib import Path

import httpx

from app.desk.database import connect
from app.desk.pages.dressing import cookie_name
from app.desk.pages.models import Models
from app.desk.pages.server import pages
from app.desk.pages.sessions import Sessions
from app.desk.unlock import add_counsellor
from tests.app.desk.desks import QUICK, WORDS

HERE = "http://127.0.0.1:8700"
# What a browser calls its session there.
COOKIE = cookie_name("127.0.0.1:8700", secure=False)
NEW = "another passphrase"


class Entrance:
    """The whole application over one desk, with a clock that a test turns."""

    def __init__(self, home: Path) -> None:
        self.home, self.now = home, 0.0
        self.engine = connect(home)
        self.desk, self.code = add_counsellor(self.engine, home, "lin", passphrase=WORDS, cost=QUICK)
        self.sessions = Sessions(idle_s=60, clock=lambda: self.now)
        files = home / "files"
        models = Models("local:nano", allow_remote=False, files=files)
        hosts = frozenset({"127.0.0.1:8700"})
        self.app = pages(self.engine, home, self.sessions, hosts, models=models, files=files, cost=QUICK)

    def web(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=HERE, headers={"origin": HERE, "accept-language": "en"}
        )

    async def recover(self, web: httpx.AsyncClient, **given: str) -> httpx.Response:
        fields = {"name": "lin", "code": self.code, "passphrase": NEW, "again": NEW, **given}
        return await web.post("/recover", data=fields)
