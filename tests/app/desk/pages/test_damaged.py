"""One damaged record closes nothing but itself: its counsellor is let in, told of it, and can have all looked at."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.desk import audit, checking, store
from app.desk.database import RECORDS, audit_table, client_table, connect, read, written
from app.desk.pages import clients
from app.desk.pages.sessions import Ended
from app.desk.pages.workbench import Workbench
from tests.app.desk.desks import WORDS
from tests.app.desk.pages.entrance import NEW, Entrance
from xinheng.errors import DeskError


def planted(entrance: Entrance) -> str:
    client = store.add_client(entrance.desk, "A-1")
    for words in ("sleeps badly", "sleeps better"):
        store.save(entrance.desk, client, "note", {"text": words, "date": "2026-11-02"})
    store.save(entrance.desk, store.add_client(entrance.desk, "B-2"), "note", {"text": "walks", "date": "2026-11-02"})
    return client


def flipped(entrance: Entrance, table: sa.Table, condition: Any, column: str = "body") -> Callable[[], None]:
    """Flip one byte of one row, as another program would; what puts it back."""
    elsewhere = connect(entrance.home)
    whole = read(elsewhere, lambda c: c.execute(sa.select(table.c[column]).where(condition)).scalar_one())

    def put(value: bytes) -> None:
        written(elsewhere, lambda c: c.execute(table.update().where(condition).values({column: value})))

    put(bytes([whole[0] ^ 1]) + whole[1:])
    return lambda: put(whole)


def first_note(client: str) -> Any:
    note = RECORDS["note"]
    return sa.and_(note.c.client_id == client, note.c.record_id == "1")


def codes_of(client: str) -> Any:
    return RECORDS["info"].c.client_id == client


async def let_in(web: httpx.AsyncClient) -> httpx.Response:
    return await web.post("/unlock", data={"name": "lin", "passphrase": WORDS})


@pytest.mark.anyio
async def test_with_one_flipped_byte_the_desk_opens_names_the_note_and_can_be_verified(entrance):
    client = planted(entrance)
    flipped(entrance, RECORDS["note"], first_note(client))
    async with entrance.web() as web:
        assert (await let_in(web)).status_code == 303
        (session,) = entrance.sessions.all()
        assert [one.partition(":")[2].strip() for one in session.unread] == [
            f"a record was changed or put in another's place: have note 1, version 1, of client {client[:8]}"
        ]
        # All others are found.
        assert {hit.record_id for hit in session.texts.find("better")} == {"2"}
        assert [hit.client_id != client for hit in session.texts.find("walks")] == [True]
        assert sorted(session.codes.values()) == ["A-1", "B-2"]
        assert clients.listed(session).clients[0] == ("A-1", client)
        answer = await web.post("/room/practice-verify", json={}, headers={"x-language": "en"})
        assert answer.status_code == 200
        assert f"note 1, version 1, of client {client[:8]}" in " ".join(answer.json()["wrong"])
    bench = Workbench(entrance.sessions, "en")
    told = html.unescape(bench._restored(session)[bench.unread]["value"])
    assert "A-1" in told
    assert "note 1" in told.lower()
    assert "Settings" in told


@pytest.mark.anyio
async def test_the_client_s_other_notes_are_read_and_new_ones_written(entrance):
    client = planted(entrance)
    store.save(entrance.desk, client, "note", {"text": "second", "date": "2026-11-03"}, record_id="1", version=1)
    newest = sa.and_(first_note(client), RECORDS["note"].c.version == 2)
    flipped(entrance, RECORDS["note"], newest)
    async with entrance.web() as web:
        await let_in(web)
        (session,) = entrance.sessions.all()
        bench = Workbench(entrance.sessions, "en")
        shown = bench._chosen(session, client)
        assert "note 1 of client A-1 (version 2)" in html.unescape(shown[bench.status])
        # An older version does not pass for the newest.
        assert "sleeps better" in shown[bench.notes]
        assert "sleeps badly" not in shown[bench.notes]
        window = json.dumps({"client": client, "note": "", "version": 0, "draft": 0})
        fields = {"text": "slept", "date": "2026-11-04"}
        kept = await web.post("/draft", json={"window": window, "fields": fields})
        assert kept.json().get("draft") == 1, kept.text
        made = clients.save(session, clients.writing(session, clients.opened(session, client)), "slept", "2026-11-04")
    assert made.record_id == "3"
    with pytest.raises(DeskError):
        store.save(entrance.desk, client, "note", {"text": "x"}, record_id="1", version=2)


@pytest.mark.anyio
@pytest.mark.parametrize("column", ["body", "wrapped"])
async def test_whose_code_or_keys_do_not_open_is_named_by_his_number_and_the_others_are_there(entrance, column):
    client = planted(entrance)
    if column == "body":
        flipped(entrance, RECORDS["info"], codes_of(client))
    else:
        flipped(entrance, client_table, client_table.c.client_id == client, "wrapped")
    async with entrance.web() as web:
        assert (await let_in(web)).status_code == 303
    (session,) = entrance.sessions.all()
    assert sorted(session.codes.values()) == sorted([client[:8], "B-2"])
    assert any(client[:8] in one for one in session.unread)
    listed = dict(clients.listed(session).clients)
    assert listed[client[:8]] == client
    with pytest.raises(DeskError, match=client[:8]):
        clients.opened(session, client)


@pytest.mark.anyio
async def test_the_byte_put_back_the_running_desk_goes_on(entrance):
    client = planted(entrance)
    put_back = flipped(entrance, RECORDS["note"], first_note(client))
    async with entrance.web() as web:
        for _ in range(3):
            assert (await let_in(web)).status_code == 303
        # Whoever asks for it is told, again and again, and no connection stays in the past for it.
        held = []
        for _ in range(3):
            with pytest.raises(DeskError) as caught:
                store.records(entrance.desk, client, "note")
            held.append(caught)
        put_back()
        for _ in range(3):
            assert (await let_in(web)).status_code == 303
        assert [r.body["text"] for r in store.records(entrance.desk, client, "note")] == [
            "sleeps badly", "sleeps better",
        ]  # fmt: skip
        assert checking.verify(entrance.desk).wrong == []
    assert entrance.sessions.all()[-1].unread == []


def test_a_broken_log_keeps_no_connection_in_the_past(tmp_path):
    entrance = Entrance(tmp_path / "desk")
    planted(entrance)
    put_back = flipped(entrance, audit_table, audit_table.c.seq == 2)
    desk, held = entrance.desk, []
    works = (
        lambda c: list(audit.entries(c, desk.counsellor_id, desk.keys)),
        lambda c: audit.newest(c, desk.counsellor_id, desk.keys),
    )
    for work in works * 2:
        with pytest.raises(DeskError) as caught:
            read(entrance.engine, work)
        held.append(caught)
    put_back()
    for work in works * 2:
        assert read(entrance.engine, work)


@pytest.mark.anyio
async def test_a_recovery_code_is_shown_whatever_comes_after(entrance, monkeypatch):
    client = planted(entrance)
    flipped(entrance, RECORDS["note"], first_note(client))
    async with entrance.web() as web:
        answer = await entrance.recover(web)
        assert answer.status_code == 200
        code = re.search(r"(?:[0-9A-Z]{5}-){7}[0-9A-Z]{5}", answer.text)
        assert code is not None
        assert (await web.get("/session")).json()["open"]

        # And where no session can begin at all: the code is the only way back.
        def none(*_: Any) -> str:
            raise OSError("no session today")

        monkeypatch.setattr(entrance.sessions, "begin", none)
        answer = await entrance.recover(web, code=code[0])
        assert answer.status_code == 200
        again = re.search(r"(?:[0-9A-Z]{5}-){7}[0-9A-Z]{5}", answer.text)
        assert again is not None
        assert again[0] != code[0]
        assert 'href="/unlock' in answer.text
        assert "no session today" not in answer.text
        monkeypatch.undo()
        assert (await entrance.recover(web, code=code[0])).status_code == 403
        assert (await web.post("/unlock", data={"name": "lin", "passphrase": NEW})).status_code == 303


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/unlock", "/begin", "/recover", "/"])
async def test_a_database_that_is_gone_is_told_on_the_page_in_its_language(entrance, path, monkeypatch):
    written(entrance.engine, lambda c: c.exec_driver_sql("ALTER TABLE counsellor RENAME TO lost"))
    fields = {"name": "wang", "passphrase": NEW, "again": NEW, "code": entrance.code if path == "/recover" else ""}
    async with entrance.web() as web:
        for language, told in (("zh-Hant", "資料庫"), ("zh-Hans", "数据库"), ("en", "database")):
            web.cookies.clear()
            headers = {"accept-language": language}
            answer = await (
                web.get(path, headers=headers) if path == "/" else web.post(f"{path}?lang={language}", data=fields)
            )
            assert answer.status_code >= 400
            assert answer.headers["content-type"].startswith("text/html")
            assert told in answer.text


@pytest.mark.anyio
async def test_a_session_that_ended_is_let_go_whatever_its_models_say(entrance):
    planted(entrance)
    async with entrance.web() as web:
        await let_in(web)
        (session,) = entrance.sessions.all()

        def refuses() -> None:
            raise RuntimeError("not now")

        session.answering["x"] = (None, None, refuses)
        assert entrance.sessions.end_of(entrance.desk) == 1
        with pytest.raises(Ended):
            _ = session.desk
        assert not (await web.get("/session")).json()["open"]
