"""What failed is told as a person would, in three languages; what people wrote stands in no log."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import sqlite3

import httpx
import pytest
import sqlalchemy as sa

from app.desk import database, store
from app.desk.pages import faults, guard
from app.desk.pages.words import say
from tests.app.desk.desks import WORDS, opened
from tests.app.desk.pages.at_desk import AtDesk
from tests.app.desk.pages.entrance import HERE

SECRET = "words-of-a-client"
PART = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n%s\r\n--x--'


async def let_in(web: httpx.AsyncClient) -> None:
    assert (await web.post("/unlock", data={"name": "lin", "passphrase": WORDS})).status_code == 303


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"xx"),
        ("multipart/form-data; boundary=x", b"--x\r\ngarbage"),
        ("multipart/form-data; boundary=x; charset=nope", PART % b"\xff"),
        ("multipart/form-data; boundary=x; charset=utf-7", PART % b"+2AA-"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(50))),
        ("application/json", b"{}"),
    ],
)  # fmt: skip
async def test_a_form_that_nobody_can_read_is_answered_with_the_form(entrance, kind, body):
    async with entrance.web() as web:
        for path in ("/unlock", "/begin", "/recover"):
            answer = await web.post(f"{path}?lang=zh-Hans", content=body, headers={"content-type": kind})
            assert 400 <= answer.status_code < 500, (path, answer.status_code)
            assert answer.headers["content-type"].startswith("text/html")
            assert 'role="alert"' in answer.text
            assert "口令" in answer.text


@pytest.mark.anyio
async def test_what_nobody_foresaw_is_told_in_the_reader_s_language_and_logged_by_its_kind(
    entrance, caplog, monkeypatch
):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(entrance.sessions, "of", broken)
    monkeypatch.setattr("app.desk.unlock.unlock", broken)
    async with entrance.web() as web:
        for language, told in (("zh-Hant", "書桌"), ("zh-Hans", "书桌"), ("en", "The desk")):
            page = await web.post(f"/unlock?lang={language}", data={"name": "lin", "passphrase": WORDS})
            assert page.status_code == 500
            assert page.headers["content-type"].startswith("text/html")
            assert "content-security-policy" in page.headers
            headers = {"x-language": language}
            for path in ("/draft", "/room/draft-open", "/room/stop"):
                script = await web.post(path, json={}, headers=headers)
                assert script.status_code == 500, path
                assert told in script.json()["error"], path
            assert told in page.text
            assert SECRET not in page.text + script.text
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.anyio
async def test_requests_of_other_shapes_are_refused_and_none_is_a_fault(entrance):
    async with entrance.web() as web:
        await let_in(web)
        for body in (
            {},
            {"window": "{}"},
            {"window": "{}", "fields": []},
            {"window": "[]", "fields": {}},
            [],
            None,
            "x",
        ):
            assert (await web.post("/draft", json=body)).status_code == 400, body
        for body in ({"job": {"a": 1}}, {"job": 3}, [], "x"):
            assert (await web.post("/room/stop", json=body)).status_code == 400, body
        page = await web.get("/en/")
        assert page.status_code == 200
        for event in (
            {"data": [], "fn_index": 99999, "session_hash": "mine"},
            {"data": [SECRET] * 7, "fn_index": 1, "session_hash": "mine"},
            {"data": [{"path": "/etc/passwd"}], "fn_index": 4, "session_hash": "mine"},
            {"data": SECRET, "fn_index": 0, "session_hash": "mine"},
            {"fn_index": 0, "session_hash": "mine"},
            {"data": [], "fn_index": "0", "session_hash": "mine"},
            [],
        ):  # fmt: skip
            answer = await web.post("/en/gradio_api/queue/join", json=event)
            assert answer.status_code == 400, event
        assert (await web.post("/en/gradio_api/queue/join", content=b"{" * 50)).status_code == 400


@pytest.mark.anyio
async def test_nothing_large_is_read_of_who_is_not_known_and_nothing_without_end(entrance, monkeypatch):
    read = []

    async def never_ends() -> dict[str, object]:
        read.append(1)
        if len(read) > 3:
            await asyncio.sleep(30)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def status(path: str, cookie: str = "") -> int:
        told: list[int] = []

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                told.append(int(str(message["status"])))

        headers = [
            (b"host", b"127.0.0.1:8700"),
            (b"origin", HERE.encode()),
            (b"content-length", b"20000"),
            (b"cookie", cookie.encode()),
        ]
        scope = {
            "type": "http",
            "path": path,
            "method": "POST",
            "headers": headers,
            "query_string": b"",
            "scheme": "http",
        }
        await entrance.app(scope, never_ends, send)
        return told[0]

    for path in ("/draft", "/room/attach", "/room/library-add", "/en/gradio_api/queue/join", "/nowhere"):
        assert await status(path) == (404 if path == "/nowhere" else 401), path
    assert read == []
    monkeypatch.setattr(guard, "SLOWEST_FORM_S", 0.05)
    monkeypatch.setattr(guard, "SLOWEST_S", 0.05)
    assert await status("/unlock") == 408
    async with entrance.web() as web:
        await let_in(web)
        cookie = "; ".join(f"{name}={value}" for name, value in web.cookies.items())
    assert await status("/draft", cookie) == 408


@pytest.mark.anyio
async def test_a_database_that_another_program_holds_is_told_instead_of_waited_for(entrance, monkeypatch):
    monkeypatch.setattr(database, "_LONGEST_S", 0.0)
    sa.event.listen(entrance.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=50"))
    entrance.engine.dispose()
    other = sqlite3.connect(entrance.home / "desk.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with entrance.web() as web:
        answer = await web.post("/unlock?lang=zh-Hant", data={"name": "lin", "passphrase": WORDS})
        assert answer.status_code == 403
        assert "資料庫" in answer.text
        other.rollback()
        await let_in(web)
    other.close()


def test_server_and_loop_log_the_kinds_of_errors_alone(caplog):
    faults.quiet_logs()
    error = ValueError(SECRET)
    for name, told in (("uvicorn.error", "asgi"), ("asyncio", error)):
        logging.getLogger(name).error("in an application: %r", told, exc_info=error)
    logging.getLogger("uvicorn.error").error("all is well")
    assert SECRET not in caplog.text
    assert caplog.text.count("ValueError") == 2
    assert "all is well" in caplog.text


def test_what_gradio_cannot_read_is_neither_printed_nor_taken(tmp_path):
    at = AtDesk(tmp_path / "desk")
    try:
        client = store.add_client(opened(at.home), "A-1")
        with httpx.Client(base_url=at.url, headers={"origin": at.url}, timeout=60) as web:
            web.post("/unlock", data={"name": "lin", "passphrase": WORDS})
            config = web.get("/en/config").json()
            ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
            for part, event in (("clients", "input"), ("save", "click")):
                number = next(
                    d["id"] for d in config["dependencies"] if [ids[part], event] in [list(t) for t in d["targets"]]
                )
                data = [SECRET] if part == "clients" else [f'{{"client":"{client}"}}', SECRET, "no day"]
                asked = {"data": data, "fn_index": number, "session_hash": "mine"}
                assert web.post("/en/gradio_api/queue/join", json=asked).status_code == 200
                with web.stream("GET", "/en/gradio_api/queue/data?session_hash=mine") as lines:
                    told = next(line for line in lines.iter_lines() if "process_completed" in line)
                    assert not json.loads(told.removeprefix("data: "))["success"]
            few = {**asked, "data": [SECRET]}
            assert web.post("/en/gradio_api/queue/join", json=few).status_code == 400
    finally:
        at.stop()
    log = at.log.read_text()
    assert SECRET not in log
    assert client not in log
    assert "Traceback" not in log
    # gradio had something to say of it, which is its kind.
    assert re.search(r"gradio could not .*Error", log)


@pytest.mark.anyio
async def test_a_paper_that_is_gone_says_so_in_the_language_that_was_chosen(entrance):
    async with entrance.web() as web:
        await web.get("/unlock?lang=zh-Hans")
        await let_in(web)
        answer = await web.get("/paper/nothing")
        assert answer.status_code == 404
        assert answer.text == say("zh-Hans", "files_once")


@pytest.mark.anyio
async def test_what_a_page_asks_by_itself_keeps_no_session_alive(entrance):
    async with entrance.web() as web:
        await let_in(web)
        (session,) = entrance.sessions.all()
        for path, headers in (("/room/draft-look", {}), ("/room/talk-open", {"x-by-itself": "1"})):
            entrance.now += 1
            before = session.seen
            await web.post(path, json={"client": "x"}, headers=headers)
            assert session.seen == before, path
        entrance.now += 1
        await web.post("/room/talk-open", json={"client": "x"})
        assert session.seen > before


def test_a_connection_that_says_nothing_more_is_answered(tmp_path):
    at = AtDesk(tmp_path / "desk")
    try:
        host, port = at.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            head = (
                f"POST /draft HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {at.url}\r\nContent-Length: 30000000\r\n\r\n"
            )
            line.sendall(head.encode() + b"x" * 1000)
            assert b"401" in line.recv(1000)
    finally:
        at.stop()
