"""What reaches the pages, and what does not: the whole application, without a browser."""

from __future__ import annotations

import httpx
import pytest

from app.desk.database import connect
from app.desk.pages.models import Models
from app.desk.pages.server import pages
from app.desk.pages.sessions import Sessions
from tests.app.desk.desks import QUICK, WORDS, new_desk
from tests.app.desk.pages.entrance import COOKIE, HERE

GRADIO = (
    *("gradio_api/info", "gradio_api/openapi.json", "gradio_api/upload_progress", "gradio_api/runs", "monitoring"),
    *("gradio_api/file=/etc/passwd", "gradio_api/proxy=http://127.0.0.1/", "gradio_api/user", "manifest.json"),
    *("gradio_api/run-history/buckets", "gradio_api/vibe-code", "gradio_api/call/handler/x", "login_check"),
)


@pytest.fixture
async def client(anyio_backend, tmp_path):
    # Inside a running loop: outside one gradio makes loops of its own and closes none.
    home = tmp_path / "desk"
    new_desk(home)
    files = home / "files"
    models = Models("local:nano", allow_remote=False, files=files)
    sessions = Sessions()
    app = pages(connect(home), home, sessions, frozenset({"127.0.0.1:8700"}), models=models, files=files, cost=QUICK)
    yield lambda **more: httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=HERE, headers={"origin": HERE, **more}
    )
    sessions.end_all()


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def let_in(web: httpx.AsyncClient, **given: str) -> httpx.Response:
    return await web.post("/unlock", data={"name": "lin", "passphrase": WORDS, **given})


@pytest.mark.anyio
async def test_nothing_personal_is_answered_without_a_session(client):
    async with client() as web:
        assert (await web.get("/en/")).headers["location"] == "/"
        for path in ("config", "theme.css", "gradio_api/queue/data?session_hash=x", "gradio_api/heartbeat/x"):
            assert (await web.get(f"/en/{path}")).status_code == 401, path
        assert (await web.post("/en/gradio_api/queue/join", json={"session_hash": "x"})).status_code == 401
        assert (await web.post("/draft", json={})).status_code == 401


@pytest.mark.anyio
async def test_gradio_s_other_addresses_are_not_there_even_with_a_session(client):
    async with client() as web:
        await let_in(web)
        for path in GRADIO:
            assert (await web.get(f"/en/{path}")).status_code == 404, path
        for path in ("gradio_api/upload", "gradio_api/cancel", "gradio_api/reset", "gradio_api/run/handler", "login"):
            assert (await web.post(f"/en/{path}", json={})).status_code == 404, path


@pytest.mark.anyio
async def test_other_pages_can_neither_send_nor_name_the_desk(client):
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        async with client(**headers) as web:
            assert (await let_in(web)).status_code == 403
    async with client(host="evil.example:8700") as web:
        assert (await web.get("/unlock")).status_code == 421


@pytest.mark.anyio
async def test_what_is_too_large_is_refused(client):
    async with client() as web:
        assert (await let_in(web, name="x" * 40_000)).status_code == 413


@pytest.mark.anyio
async def test_the_cookie_is_out_of_reach_and_locking_takes_it_away(client):
    async with client() as web:
        told = (await let_in(web)).headers["set-cookie"]
        assert "HttpOnly" in told
        assert "SameSite=Strict" in told
        page = await web.get("/en/")
        assert page.status_code == 200
        assert "unsafe-eval" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        token = web.cookies[COOKIE]
        await web.post("/lock")
        web.cookies.set(COOKIE, token)
        assert (await web.get("/en/config")).status_code == 401


@pytest.mark.anyio
async def test_wrong_guesses_are_told_how_long_to_wait(client):
    async with client() as web:
        for _ in range(5):
            answer = await web.post("/unlock?lang=en", data={"name": "lin", "passphrase": "not this one"})
            assert answer.status_code == 403
        assert "Wait" in answer.text
        assert "Wait" in (await let_in(web)).text


@pytest.mark.anyio
async def test_a_key_file_opens_the_desk_it_set_up(client):
    async with client() as web:
        key = {"key": ("desk.key", bytes(range(64)))}
        made = await web.post("/begin?lang=en", data={"name": "wang"}, files=key)
        assert made.status_code == 200
        assert "recovery code" in made.text
        opened = await web.post("/unlock", data={"name": "wang"}, files=key)
        assert opened.status_code == 303
