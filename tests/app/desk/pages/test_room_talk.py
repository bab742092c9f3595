"""The room of free conversation: what is typed stays, answers are kept whoever leaves, danger is told at once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.routing import Route

from app.desk import practice, store, talks
from app.desk.pages import clients, rooms
from app.desk.pages.models import Chosen, Models
from app.desk.pages.room_talk import routes
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import COOKIE, Session, Sessions
from app.desk.unlock import Desk, add_counsellor, own_file
from tests.app.desk.answering import Hanging, Written, all_asked, model, said
from tests.app.desk.desks import QUICK, WORDS
from tests.app.desk.pages.at_desk import CHROMIUM, PHONE, AtDesk, chromium, new_client, room, text, wait_for
from xinheng.errors import ModelError
from xinheng.messages import Chat

DANGER = "她說覺得活著沒意思"


class Named:
    """Models of which there is one."""

    spec = "written"

    def __init__(self, chat: Chat, **more: Any) -> None:
        self.model = model(chat, **more)

    def of(self, _: Session, client_id: str | None) -> Chosen:
        return Chosen(self.model, self.spec, "0123456789abcdef" if client_id else None)


class AtRoom:
    """The room's addresses as a browser asks them, on one session."""

    def __init__(self, desk: Desk, chat: Chat | None = None, **more: Any) -> None:
        self.desk, self.sessions = desk, Sessions()
        self.token = self.sessions.begin(desk)
        self.session = self.sessions.of(self.token)
        files = desk.home / "files"
        models = Models("local:nano", allow_remote=False, files=files) if chat is None else Named(chat, **more)
        self.office = Office(self.sessions, cast("Models", models), desk.home, files)
        told = [*routes(self.office), *rooms.common(self.office)]
        self.routes = {route.path: route for route in told if isinstance(route, Route)}

    async def asked(self, name: str, **given: Any) -> Any:
        body = json.dumps(given).encode()
        headers = [(b"cookie", f"{COOKIE}={self.token}".encode()), (b"x-language", b"zh-Hant")]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {"type": "http", "method": "POST", "path": f"/room/{name}", "headers": headers, "query_string": b""}
        return await self.routes[f"/room/{name}"].endpoint(Request(scope, receive))

    async def ask(self, name: str, **given: Any) -> dict[str, Any]:
        answer = await self.asked(name, **given)
        return {"status": answer.status_code, **json.loads(answer.body)}

    async def answer(self, told: dict[str, Any], **given: Any) -> list[dict[str, Any]]:
        answer = await self.asked("talk-answer", talk=told["talk"], version=told["version"], **given)
        if not hasattr(answer, "body_iterator"):
            return [json.loads(answer.body)]
        return [json.loads(line) async for line in answer.body_iterator]

    def does(self, name: str, **given: Any) -> dict[str, Any]:
        return asyncio.run(self.ask(name, **given))

    def turns(self, owner: str = "") -> list[tuple[str, str]]:
        held, _ = talks.conversations(self.desk, owner or own_file(self.desk.counsellor_id))
        return [(turn.state, turn.text) for turn in held[0].talk.turns] if held else []


async def say(at: AtRoom, words: str = "他為什麼失眠？", **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    told = await at.ask("talk-say", text=words, **given)
    assert told["status"] == 200, told
    client = {name: given[name] for name in ("client",) if name in given}
    return told, await at.answer(told, **client)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": ""}, "nothing said"),
        ({"text": "很" * 1_700_000}, "turn too long"),
        ({"text": 7}, "page"),
        ({"text": "好", "talk": -1}, "page"),
        ({"text": "好", "talk": "1"}, "page"),
        ({"text": "好", "talk": 3, "version": 1}, "conversation gone"),
        ({"text": "好", "client": "ff" * 16}, "no such client here"),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_sentence_and_leaves_nothing(
    desk: Desk, given: dict[str, Any], why: str
) -> None:
    at = AtRoom(desk, said("好"))
    told = at.does("talk-say", **given)
    assert told["status"] == 400
    assert told["why"] == why or why == "page"
    assert told["error"]
    assert str(given["text"]) not in told["error"] or not given["text"]
    assert at.turns() == []


def test_another_counsellor_reaches_neither_conversation_nor_client(desk: Desk) -> None:
    client = clients.create(AtRoom(desk, said("好")).session, "A-1", {})
    asyncio.run(say(AtRoom(desk, said("好")), client=client))
    stranger = AtRoom(add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0], said("好"))
    number = talks.conversations(desk, client)[0][0].number
    for owner in (client, own_file(desk.counsellor_id)):
        for name in ("open", "say", "typed", "accept", "discard", "keep"):
            told = stranger.does(f"talk-{name}", client=owner, talk=number, version=1, text="好", date="2026-11-21")
            assert told["status"] == 400, name
    mine = stranger.does("talk-say", text="我的")
    kept = stranger.does("talk-keep", talk=mine["talk"], version=mine["version"], date="2026-11-21", **{"for": client})
    assert kept["status"] == 400
    assert store.records(desk, client, "note") == []


def test_danger_is_told_with_the_practices_steps_before_any_model_is_asked(desk: Desk) -> None:
    practice.set_steps(desk, "先打給督導。", 0)
    at = AtRoom(desk, chat := said("好"))
    told = at.does("talk-say", text=DANGER)
    assert told["crisis"] == {"kinds": [{"kind": "suicide", "level": "possible"}], "steps": "先打給督導。"}
    assert chat.asked == []
    assert at.does("talk-open")["crisis"] == told["crisis"]
    later = at.does("talk-say", text="他喜歡散步", talk=told["talk"], version=told["version"])
    assert later["crisis"] is None


def test_an_answer_comes_piece_by_piece_and_says_who_and_what_went_along(desk: Desk) -> None:
    at = AtRoom(desk, chat := said("可能是工作壓力。"))
    client = clients.create(at.session, "A-1", {"demographic": "三十歲的護理師"})
    store.save(desk, client, "note", {"date": "2026-01-02", "text": "談了輪班。"})
    _, lines = asyncio.run(say(at, client=client))
    assert lines[0]["last"]["adapter"] is True
    assert "".join(line.get("piece", "") for line in lines) == "可能是工作壓力。"
    done = lines[-1]["done"]
    assert done["last"]["given"] == {
        "given": [{"how": "whole", "notes": [1]}], "left_out": [], "info": True, "library": [],
    }  # fmt: skip
    assert "三十歲的護理師" in all_asked(chat)
    assert at.does("talk-open", client=client)["turns"] == done["turns"]
    asyncio.run(say(at))
    assert "護理師" not in "".join(m.content for m in chat.asked[-1][0])


def test_an_answer_is_kept_when_the_browser_has_left(desk: Desk) -> None:
    at = AtRoom(desk, said("可能是工作壓力。"))

    async def left() -> None:
        told = await at.ask("talk-say", text="他為什麼失眠？")
        answer = await at.asked("talk-answer", talk=told["talk"], version=told["version"], job="j")
        await anext(answer.body_iterator)
        await answer.body_iterator.aclose()
        await asyncio.wait_for(asyncio.gather(*at.session.working.values()), 20)

    asyncio.run(left())
    assert at.turns() == [("typed", "他為什麼失眠？"), ("generated", "可能是工作壓力。")]


@pytest.mark.parametrize("how", ["stopped", "locked"])
def test_stopped_or_locked_what_was_heard_is_kept_and_marked(desk: Desk, how: str) -> None:
    at = AtRoom(desk, Hanging([]))

    async def ended() -> None:
        told = await at.ask("talk-say", text="他為什麼失眠？")
        answer = await at.asked("talk-answer", talk=told["talk"], version=told["version"], job="j")
        while "piece" not in json.loads(await anext(answer.body_iterator)):
            pass
        again = await at.ask("talk-open", talk=told["talk"])
        assert again["going"] == {"job": "j", "heard": "聽到一"}
        assert (await at.answer(told))[0]["why"] == "being answered"
        if how == "stopped":
            assert (await at.ask("stop", job="j"))["stopped"]
        else:
            at.sessions.end_all()
        lines = [json.loads(line) async for line in answer.body_iterator]
        assert lines[-1]["why"] == "stopped"

    asyncio.run(ended())
    assert at.turns() == [("typed", "他為什麼失眠？"), ("broken", "聽到一")]


@pytest.mark.parametrize(
    ("chat", "more", "problem", "left"),
    [
        (Written([ModelError("m", "nobody can be asked")]), {}, "連不上", [("broken", "聽到一")]),
        (Hanging([]), {"patience_s": 0.05}, "太久", [("broken", "聽到一")]),
        (said(" \n"), {}, "沒有給出", []),
    ],
)
def test_a_model_that_is_down_slow_or_says_nothing_costs_no_word_and_is_asked_again(
    desk: Desk, chat: Written, more: dict[str, Any], problem: str, left: list[tuple[str, str]]
) -> None:
    at = AtRoom(desk, chat, **more)
    _, lines = asyncio.run(say(at))
    done = lines[-1]["done"]
    assert problem in done["problem"]
    assert at.turns() == [("typed", "他為什麼失眠？"), *left]
    assert at.does("talk-open")["problem"] == done["problem"]
    cast("Named", at.office.models).model = model(said("工作壓力。"))
    assert asyncio.run(at.answer(done))[-1]["done"]["problem"] == ""
    assert at.turns() == [("typed", "他為什麼失眠？"), *left, ("generated", "工作壓力。")]


def test_a_model_that_cannot_be_had_is_told_and_the_question_stays(desk: Desk) -> None:
    at = AtRoom(desk, said("好"))

    def none(*_: Any) -> Chosen:
        raise ModelError("model", "nobody can be asked")

    cast("Any", at.office.models).of = none
    _, lines = asyncio.run(say(at))
    assert lines[-1]["error"]
    assert at.turns() == [("typed", "他為什麼失眠？")]
    assert at.does("talk-open")["going"] is None


def test_the_later_of_two_windows_is_told(desk: Desk) -> None:
    at = AtRoom(desk, said("好"))
    first = at.does("talk-say", text="一")
    assert at.does("talk-say", text="二", talk=first["talk"], version=first["version"])["status"] == 200
    late = at.does("talk-say", text="三", talk=first["talk"], version=first["version"])
    assert (late["status"], late["why"]) == (409, "conflict")
    assert asyncio.run(at.answer(first))[0]["why"] == "conflict"
    assert [words for _, words in at.turns()] == ["一", "二"]


def test_half_typed_words_come_back_in_the_conversation_they_were_typed_in(desk: Desk) -> None:
    at = AtRoom(desk, said("好"))
    one, two = at.does("talk-say", text="一"), at.does("talk-say", text="二")
    kept = at.does("talk-typed", text="打到一\ud83d", talk=one["talk"])
    shown = at.does("talk-open")
    assert (shown["talk"], shown["typed"]["text"]) == (one["talk"], "打到一\ufffd")
    assert [held["talk"] for held in shown["talks"]] == [two["talk"], one["talk"]]
    at.does("talk-say", text="打到一半", talk=one["talk"], version=one["version"], typed=kept["typed"])
    assert at.does("talk-open")["typed"] == {"text": "", "version": 0}


def test_kept_as_a_note_it_is_found_and_read_by_its_words(desk: Desk) -> None:
    at = AtRoom(desk, said("可能是工作壓力。"))
    client = clients.create(at.session, "A-1", {})
    done = asyncio.run(say(at))[1][-1]["done"]
    now = {"talk": done["talk"], "version": done["version"], "date": "2026-11-21"}
    assert at.does("talk-keep", **now)["why"] == "no client chosen"
    assert at.does("talk-clients", query="a-")["clients"] == [{"client": client, "code": "A-1"}]
    told = at.does("talk-keep", **now, **{"for": client})
    assert (told["saved"], told["code"], told["moved"]) == ("1", "A-1", True)
    assert [hit.client_id for hit in at.session.texts.find("工作壓力")] == [client]
    there = clients.opened(at.session, client).newest["1"]
    assert there.body["turns"][1]["state"] == "generated"
    shown = at.does("talk-open", client=client)
    accepted = at.does("talk-accept", client=client, talk=shown["talk"], version=shown["version"], place=1)
    assert accepted["turns"][1]["state"] == "accepted"
    bad = at.does("talk-accept", client=client, talk=shown["talk"], version=accepted["version"], place=0)
    assert bad["why"] == "no such turn"


def test_nano_answers_in_the_room(desk: Desk) -> None:
    at = AtRoom(desk)
    _, lines = asyncio.run(say(at))
    assert lines[0]["last"]["named"] == "local:nano"
    done = lines[-1]["done"]
    assert done["last"]["problem"] in ("", "cut")
    heard = "".join(line.get("piece", "") for line in lines).strip()
    assert heard == done["turns"][1]["text"]


# ---- in a browser

HOSTILE = '<img src="http://127.0.0.1:9/x"> **粗** ![a](http://127.0.0.1:9/y)'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("no browser here")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def at_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    at = AtDesk(tmp_path_factory.mktemp("talk") / "desk")
    yield at
    at.stop()


FIELD = "#room-talk textarea"


def test_a_conversation_in_a_browser_from_the_first_word_to_the_note(at_desk: AtDesk, browser: Any) -> None:
    page = at_desk.page(browser)
    new_client(page, "A-1")
    room(page, "talk")
    page.uncheck("#room-talk input[type=checkbox]")
    page.wait_for_function("() => !document.querySelector('#room-talk .talk-log').innerText.includes('…')")
    page.fill(FIELD, "很" * 1_700_000)
    page.press(FIELD, "Enter")
    wait_for(page, "打的字還在，請分幾次送")
    assert page.evaluate(f"document.querySelector('{FIELD}').value.length") == 1_700_000
    page.fill(FIELD, "")
    page.type(FIELD, HOSTILE)
    page.press(FIELD, "Shift+Enter")
    page.type(FIELD, DANGER)
    page.dispatch_event(FIELD, "keydown", {"key": "Enter", "isComposing": True})
    assert page.input_value(FIELD) == f"{HOSTILE}\n{DANGER}"
    page.press(FIELD, "Enter")
    page.wait_for_selector("#room-talk .crisis")
    page.type(FIELD, "還沒送出的字")
    page.wait_for_selector("#room-talk .talk-turn.model:not([aria-busy])", timeout=60_000)
    wait_for(page, "草稿已存")
    assert page.inner_text("#room-talk .talk-turn.counsellor .text") == f"{HOSTILE}\n{DANGER}"
    answer = page.inner_text("#room-talk .talk-turn.model .text")
    at_desk.kill()
    at_desk.start()
    page.close()
    page = at_desk.page(browser, size=PHONE)
    room(page, "talk")
    page.wait_for_selector("#room-talk .talk-turn.model")
    assert page.inner_text("#room-talk .talk-turn.model .text") == answer
    assert page.input_value(FIELD) == "還沒送出的字"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.query_selector("#room-talk .crisis")
    page.click("#room-talk .talk-turn.model button")
    wait_for(page, "已確認")
    page.click("#room-talk #room-save")
    page.wait_for_selector("#room-talk select[required] option", state="attached")
    page.click("#room-talk .talk-keep button[type=submit]")
    wait_for(page, "已存成 A-1 的紀錄 1")
    assert page.input_value(FIELD) == "還沒送出的字"
    assert "http://127.0.0.1:9/" not in " ".join(page.asked)
    assert page.faults == []
    page.click("#clients label")
    page.wait_for_selector("#client h2", state="attached")
    room(page, "frame")
    page.locator("#notes article").first.scroll_into_view_if_needed()  # it is drawn when it is seen
    wait_for(page, DANGER)
    assert HOSTILE in text(page)
