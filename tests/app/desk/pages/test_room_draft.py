"""The room `draft`: what is typed is kept, what a model writes is put beside it, and nobody's words are lost."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.desk import store, teaching
from app.desk.asking import Model, model_of
from app.desk.pages import clients, draft_changes, draft_held, room_draft, showing
from app.desk.pages.models import Chosen
from app.desk.pages.rooms import Office, common
from app.desk.pages.sessions import COOKIE, Session, Sessions
from app.desk.practice import set_steps
from app.desk.problems import WORDS as PROBLEMS
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.answering import Hanging, Written, all_asked, model, said
from tests.app.desk.desks import QUICK, WORDS
from tests.app.desk.pages.at_desk import AtDesk, chromium, new_client, wait_for
from tests.app.desk.pages.at_desk import room as go_to
from xinheng.messages import Reply, Want

GOOD = {"symptom": ["焦慮"], "reason": ["換了工作"], "advice": ["先談睡眠"]}
HOSTILE = "<script>x</script> ![a](http://127.0.0.1:9/) **b**"


class Room:
    """The room's addresses as a page calls them; every window has a name of its own."""

    def __init__(self, desk: Desk, chat: Any = None) -> None:
        self.desk, self.sessions = desk, Sessions()
        self.model: Model = model(chat or said(GOOD))
        models: Any = SimpleNamespace(of=lambda *_: Chosen(self.model, "written"))
        office = Office(self.sessions, models, desk.home, desk.home / "files")
        self.app = Starlette(routes=[*room_draft.routes(office), *common(office)])
        self.token = self.sessions.begin(desk)
        self.session: Session = self.sessions.of(self.token)
        self.client_id = clients.create(self.session, "A-1", {"demographic": "三十歲"})
        self.browser = TestClient(self.app, cookies={COOKIE: self.token}, headers={"x-language": "zh-Hant"})
        self.n = 0

    def ask(self, what: str, status: int = 200, **given: Any) -> dict[str, Any]:
        answer = self.browser.post(f"/room/draft-{what}", json={"client": self.client_id, **given})
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def keep(
        self, *changes: dict[str, Any], window: str = "w1", hand: int | None = None, **more: Any
    ) -> dict[str, Any]:
        hand = self.ask("look", note=more.get("note", ""))["hand"] if hand is None else hand
        numbered = []
        for change in changes:
            self.n += 1
            numbered.append({"n": self.n, **change})
        return self.ask("keep", window=window, hand=hand, changes=numbered, **more)

    def analyse(self, what: str = "all", **more: Any) -> dict[str, Any]:
        answer = self.browser.post("/room/draft-ask", json={"client": self.client_id, "what": what, **more})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        told: dict[str, Any] = lines[-1].get("done", lines[-1])
        return told

    def save(self, note: str = "", status: int = 200, day: str = "2026-11-21", **more: Any) -> dict[str, Any]:
        there = self.ask("look", note=note)
        given = {"hand": there["hand"], "draft_id": there["draft_id"], "window": "w1", **more}
        return self.ask("save", status, note=note, day=day, **given)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    from app.desk.database import connect

    return add_counsellor(connect(tmp_path / "desk"), tmp_path / "desk", "lin", passphrase=WORDS, cost=QUICK)[0]


@pytest.fixture
def room(desk: Desk) -> Room:
    return Room(desk)


def question(text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "question", "text": text, **more}


def texts(view: dict[str, Any]) -> list[str]:
    return [one["text"] for one in view["items"]]


# ---- what cannot be done


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "unheard of"},
        {"kind": "question", "text": 3},
        {"kind": "question", "text": "x" * (draft_changes.LONGEST + 1)},
        {"kind": "add", "part": "cause", "text": "x"},
        {"kind": "edit", "item": "i9", "part": "reason", "text": "never there"},
        {"kind": "edit", "item": "i" + "9" * 5000, "part": "reason", "text": "x"},
        {"kind": "move", "item": "i1", "place": -1},
        {"kind": "edit"},
    ],
)
def test_a_change_that_cannot_be_read_changes_nothing(room: Room, change: dict[str, Any]) -> None:
    before = room.keep(question("怎麼辦？"), {"kind": "add", "part": "reason", "text": "換了工作"})
    told = room.ask("keep", 400, window="w1", hand=before["hand"], changes=[{"n": 99, **change}])
    assert told["error"]
    assert "x" * 50 not in told["error"]
    after = room.ask("look")
    assert (after["version"], after["items"], after["question"]) == (before["version"], before["items"], "怎麼辦？")


@pytest.mark.parametrize(
    "given", [{"changes": "all"}, {"changes": [3]}, {"changes": [{"kind": "undo"}]}, {"hand": "1"}]
)
def test_a_request_that_is_none_is_refused(room: Room, given: dict[str, Any]) -> None:
    before = room.ask("look")
    room.ask("keep", 400, **{"window": "w", "hand": 0, "changes": [], **given})
    assert room.ask("look") == before


def test_nobody_reaches_another_counsellors_draft(room: Room) -> None:
    room.keep(question("只給林看"))
    other = add_counsellor(room.desk.engine, room.desk.home, "wu", passphrase=WORDS, cost=QUICK)[0]
    stranger = Room(other)
    stranger.client_id = room.client_id
    for what in ("open", "look", "versions"):
        assert "只給林看" not in str(stranger.ask(what, 400))
    stranger.ask("keep", 400, window="w", hand=0, changes=[{"n": 1, **question("x")}])
    assert room.ask("look")["question"] == "只給林看"


def test_nothing_is_saved_of_nothing_nor_without_a_day(room: Room) -> None:
    room.keep(question("怎麼辦？"), {"kind": "add", "part": "reason", "text": "  "})
    assert "項目" in room.save(status=400)["error"]
    room.keep({"kind": "add", "part": "reason", "text": "換了工作"})
    assert "日期" in room.save(status=400, day="yesterday")["error"]
    assert store.records(room.desk, room.client_id, "note") == []


# ---- what is typed


def test_what_is_typed_is_there_in_another_browser_and_is_done_once_though_sent_twice(room: Room) -> None:
    changes = [{"n": 1, **question("怎麼辦？")}, {"n": 2, "kind": "add", "part": "advice", "text": "散步"}]
    first = room.ask("keep", window="w1", hand=0, changes=changes)
    again = room.ask(
        "keep", window="w1", hand=0, changes=[*changes, {"n": 3, "kind": "add", "part": "advice", "text": "早睡"}]
    )
    assert (first["seen"], again["seen"]) == (2, 3)
    other = TestClient(room.app, cookies={COOKIE: room.sessions.begin(room.desk)})
    view = other.post("/room/draft-open", json={"client": room.client_id, "window": "w2"}).json()
    assert (view["question"], texts(view), view["seen"]) == ("怎麼辦？", ["散步", "早睡"], 0)


def test_of_two_windows_the_later_is_told_and_overwrites_nothing(room: Room) -> None:
    hand = room.keep(question("先有的"))["hand"]
    room.keep(question("第一個視窗"), window="w1", hand=hand)
    told = room.ask("keep", 409, window="w2", hand=hand, changes=[{"n": 1, **question("第二個視窗")}])
    assert told["why"] == "conflict"
    assert room.ask("look")["question"] == "第一個視窗"
    # Having read it, the second window may write; then it is the first one's turn to be told.
    room.keep(question("讀過再寫"), window="w2")
    room.ask("keep", 409, window="w1", hand=hand + 1, changes=[{"n": 9, **question("又一次")}])
    assert room.ask("look")["question"] == "讀過再寫"


def test_a_word_is_one_step_however_often_it_is_kept_while_it_is_typed(room: Room) -> None:
    room.keep(question("他"))
    for typed in ("他最", "他最近", "他最近失眠"):
        view = room.keep(question(typed, more=True))
    assert view["undo"] == 1
    room.keep({"kind": "add", "part": "reason", "text": ""})
    room.keep({"kind": "edit", "item": "i1", "text": "工"})
    room.keep({"kind": "edit", "item": "i1", "text": "工作", "more": True})
    assert texts(room.keep({"kind": "undo"})) == [""]
    assert texts(room.keep({"kind": "redo"})) == ["工作"]
    view = room.keep({"kind": "undo"}, {"kind": "undo"}, {"kind": "undo"})
    assert (view["question"], view["items"], view["undo"], view["redo"]) == ("", [], 0, 3)


def test_words_typed_into_an_item_that_was_taken_out_meanwhile_are_kept(room: Room) -> None:
    room.keep(question("怎麼辦？"), {"kind": "add", "part": "reason", "text": "舊"}, {"kind": "remove", "item": "i1"})
    view = room.keep({"kind": "edit", "item": "i1", "part": "reason", "text": "還在打的字"})
    assert [(one["id"], one["text"], one["state"]) for one in view["items"]] == [("i1", "還在打的字", "added")]


def test_long_pastes_are_kept_and_old_steps_go_first(room: Room) -> None:
    for n in range(30):
        view = room.keep(question(f"{n}" + "長" * 90_000))
    assert 0 < view["undo"] < 30
    assert room.ask("look")["question"].startswith("29長")


def test_words_of_danger_raise_the_banner_before_any_model_is_asked(room: Room) -> None:
    set_steps(room.desk, "先打給督導", 0)
    told = room.keep(question("他說不想活了，我該怎麼辦？"))["crisis"]
    assert [one["kind"] for one in told["kinds"]] == ["suicide"]
    assert told["steps"] == "先打給督導"
    assert room.keep(question("他最近睡不好"))["crisis"] is None
    assert room.model.chat.asked == []  # type: ignore[attr-defined]  # the test's own model


# ---- asking


def test_a_models_items_stand_in_the_draft_marked_with_what_it_was_given(room: Room) -> None:
    store.save(room.desk, room.client_id, "note", {"date": "2026-01-01", "text": "他換了工作之後睡不好。"})
    other = clients.create(room.session, "B-2", {})
    store.save(
        room.desk, other, "note", {"date": "2026-01-02", "text": "另一位也是換了工作之後睡不好，後來散步有幫助。"}
    )
    room.keep(question("換了工作睡不好怎麼辦？"))
    told = room.analyse()
    view = room.ask("look")
    assert told["draft"]["items"] == view["items"]
    assert [(one["text"], one["state"]) for one in view["items"]] == [(t[0], "generated") for t in GOOD.values()]
    asked = view["asked"]
    assert (asked["model"], asked["given"]["given"]) == ("written", [{"how": "whole", "notes": [1]}])
    assert asked["given"]["info"] is True
    assert [one["where"] for one in asked["cited"]] == ["[1] 過往個案，紀錄 1"]
    words = all_asked(room.model.chat)  # type: ignore[arg-type]  # the test's own model
    assert "他換了工作之後睡不好。" in words
    assert words.count("他換了工作之後睡不好。") == 1
    shown = room.ask("history", question="換了工作")
    assert any("他換了工作之後睡不好。" in one["text"] for one in shown["parts"])


@pytest.mark.parametrize(
    ("chat", "problem"),
    [
        (Written([RuntimeError("私密")]), "broken"),
        (said("沒有格式"), "schema"),
        (Written([Reply("", "error", problem="unavailable")]), "unavailable"),
        (Written([Reply("   ")]), "empty"),
        (Written([], remote=True), "remote"),
        (Hanging([]), "timeout"),
    ],
)
def test_a_model_that_fails_costs_no_word(desk: Desk, chat: Any, problem: str) -> None:
    if problem == "schema":
        chat = Written([Reply("沒有格式", problem="schema")])
    room = Room(desk, chat)
    room.model = model(chat, patience_s=0.2)
    before = room.keep(question("怎麼辦？"), {"kind": "add", "part": "advice", "text": "自己寫的"})
    told = room.analyse()
    assert (told["problem"], told["words"]) == (problem, PROBLEMS["zh-Hant"][problem])
    after = room.ask("look")
    assert (after["question"], after["items"], after["asking"]) == (before["question"], before["items"], "")


class Typing(Written):
    """While it answers, a person goes on; `meanwhile` is what they do."""

    meanwhile: Any = None

    async def __call__(self, messages: Any, /, *, want: Want = Want(), tell: Any = None) -> Reply:
        await asyncio.to_thread(self.meanwhile)
        return await super().__call__(messages, want=want, tell=tell)


def test_what_is_changed_while_a_model_answers_stays(desk: Desk) -> None:
    chat = Typing(said(GOOD, {"symptom": ["憂鬱"], "reason": ["新的原因"], "advice": ["新的建議"]}).answers)
    room = Room(desk, chat)
    chat.meanwhile = lambda: None
    room.keep(question("怎麼辦？"))
    room.analyse()
    hand = room.ask("look")["hand"]

    def meanwhile() -> None:
        changes = [
            {"n": 50, "kind": "edit", "item": "i2", "text": "換了工作，又搬了家"},
            {"n": 51, "kind": "add", "part": "advice", "text": "自己想的"},
        ]
        draft_held.changed(desk, room.client_id, "", changes, window="w1", hand=hand)

    chat.meanwhile = meanwhile
    told = room.analyse("rest", window="w1")
    assert texts(told["draft"]) == ["憂鬱", "換了工作，又搬了家", "新的建議", "自己想的"]
    # The window that was typing still holds the draft.
    room.keep(question("再問"), window="w1", hand=hand)


def test_an_answer_for_a_draft_that_was_saved_meanwhile_makes_no_new_draft(desk: Desk) -> None:
    chat = Typing(said(GOOD).answers)
    room = Room(desk, chat)
    room.keep(question("怎麼辦？"), {"kind": "add", "part": "advice", "text": "自己寫的"})
    chat.meanwhile = lambda: store.discard(desk, room.client_id, "analysis")
    assert room.analyse()["draft"] is None
    assert store.records(desk, room.client_id, "draft") == []


def test_a_model_is_stopped_and_asked_once_at_a_time(desk: Desk) -> None:
    import threading

    room = Room(desk, Hanging([]))
    with room.browser:  # one loop for both requests
        room.keep(question("怎麼辦？"))
        heard: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: heard.append(room.analyse(job="j1")))
        thread.start()
        for _ in range(200):
            if room.ask("look")["asking"] == "j1" and room.model.chat.asked:  # type: ignore[attr-defined]  # the test's own model
                break
            time.sleep(0.02)
        assert "已經在寫" in room.analyse(job="j2")["error"]
        room.keep({"kind": "add", "part": "advice", "text": "一邊寫"})
        assert room.browser.post("/room/stop", json={"job": "j1"}).json() == {"stopped": True}
        thread.join(20)
    assert heard[0]["why"] == "stopped"
    view = room.ask("look")
    assert (view["asking"], texts(view)) == ("", ["一邊寫"])


def test_one_item_is_written_anew_by_its_comment(desk: Desk) -> None:
    room = Room(desk, said(GOOD, {"text": ["改為視訊"]}))
    room.keep(question("怎麼辦？"))
    room.analyse()
    room.keep({"kind": "comment", "item": "i3", "comment": "住國外，不可行"})
    told = room.analyse("item", item="i3")
    assert texts(told["draft"]) == ["焦慮", "換了工作", "改為視訊"]
    assert "住國外，不可行" in all_asked(room.model.chat)  # type: ignore[arg-type]  # the test's own model


def test_the_real_model_drafts(desk: Desk) -> None:
    room = Room(desk)
    room.model = model_of("local:nano", patience_s=170)
    room.keep(question("他最近失眠，我該怎麼幫他？"))
    told = room.analyse()
    assert told["problem"] == ""
    assert {one["state"] for one in told["draft"]["items"]} == {"generated"}


# ---- saving


def _analysed(room: Room) -> None:
    room.keep(question(f"怎麼辦？{HOSTILE}"))
    room.analyse()
    room.keep({"kind": "edit", "item": "i2", "text": "換了工作，壓力大"}, {"kind": "accept", "item": "i1"})


def test_a_draft_is_saved_found_learnt_from_and_gone(room: Room) -> None:
    _analysed(room)
    assert room.save() == {"note": "1", "version": 1}
    note = store.records(room.desk, room.client_id, "note")[0]
    assert [item["state"] for item in note.body["items"]] == ["accepted", "edited", "generated"]
    assert (note.body["date"], note.body["model"]) == ("2026-11-21", "written")
    assert [one.body["after"] for one in store.records(room.desk, room.client_id, "edit")] == ["換了工作，壓力大"]
    assert store.records(room.desk, room.client_id, "draft") == []
    assert [hit.record_id for hit in room.session.texts.find("壓力大")] == ["1"]
    assert room.session.texts.find("generated") == []
    assert room.ask("look")["items"] == []
    teaching.record_consent(room.desk, room.client_id, given=True, how="簽名")


def test_the_frame_shows_a_note_of_items_as_text_and_marks_what_nobody_accepted(room: Room) -> None:
    _analysed(room)
    room.save()
    there = clients.opened(room.session, room.client_id)
    html = showing.notes("zh-Hant", there)
    assert "<script" not in html
    assert "&#33;&#91;a&#93;" in html
    assert html.count("generated-mark") == 2  # the edited one and the one nobody touched
    for words in ("症狀類型", "焦慮", "換了工作，壓力大", "先談睡眠"):
        assert words in html
    assert clients.text_of(there.newest["1"]) == ""


def test_a_save_that_nobody_heard_of_is_not_done_twice(room: Room) -> None:
    _analysed(room)
    there = room.ask("look")
    first = room.save()
    assert room.save(hand=there["hand"], draft_id=there["draft_id"]) == first
    assert len(store.records(room.desk, room.client_id, "note", every_version=True)) == 1


def test_a_note_saved_just_before_a_crash_is_found_again_and_what_is_typed_then_is_its_next_version(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    _analysed(room)
    with monkeypatch.context() as broken:
        broken.setattr(store, "discard", lambda *_: (_ for _ in ()).throw(OSError("power")))
        room.save(status=500)
    assert room.save() == {"note": "1", "version": 1}
    assert store.records(room.desk, room.client_id, "draft") == []

    _analysed(room)
    with monkeypatch.context() as broken:
        broken.setattr(store, "discard", lambda *_: (_ for _ in ()).throw(OSError("power")))
        room.save(status=500)
    room.keep({"kind": "add", "part": "advice", "text": "後來才加的"})
    assert room.save() == {"note": "2", "version": 2}
    assert "後來才加的" in showing.notes("en", clients.opened(room.session, room.client_id))


def test_a_note_is_opened_again_and_a_stale_one_is_shown_beside_the_newer(room: Room) -> None:
    _analysed(room)
    room.save()
    opened = room.ask("open", note="1")
    assert opened["notes"] == [{"note": "1", "version": 1, "day": "2026-11-21"}]
    assert texts(opened) == ["焦慮", "換了工作，壓力大", "先談睡眠"]
    room.keep({"kind": "edit", "item": "i3", "text": "先談睡眠與飲食"}, note="1")
    body = store.records(room.desk, room.client_id, "note")[0].body
    theirs = {**body, "items": body["items"][:2], "draft_id": "elsewhere", "text": "附記"}
    store.save(room.desk, room.client_id, "note", theirs, record_id="1", version=1)
    told = room.save(note="1")["conflict"]
    assert told["version"] == 2
    assert [one["what"] for one in told["items"]] == ["same", "same", "new"]
    assert room.save(note="1") == {"note": "1", "version": 3}
    newest = store.records(room.desk, room.client_id, "note")[0].body
    assert newest["text"] == "附記"
    assert [item["text"] for item in newest["items"]][-1] == "先談睡眠與飲食"


def test_changes_to_a_saved_note_can_be_thrown_away(room: Room) -> None:
    _analysed(room)
    room.save()
    room.keep({"kind": "remove", "item": "i1"}, note="1")
    room.ask("discard", 409, note="1", window="w9", hand=99)
    view = room.ask("discard", note="1", window="w1", hand=1)
    assert texts(view) == ["焦慮", "換了工作，壓力大", "先談睡眠"]
    room.ask("open", 400, note="7")


def test_a_draft_is_compared_with_its_steps_and_with_saved_versions(room: Room) -> None:
    _analysed(room)
    room.save()
    view = room.keep({"kind": "move", "item": "i2", "place": 0}, {"kind": "remove", "item": "i3"}, note="1")
    assert view["undo"] == 1
    found = room.ask("versions", note="1")
    assert (found["steps"], found["versions"]) == (
        [{"back": 1, "items": 3}], [{"version": 1, "day": "2026-11-21", "items": 3}],
    )  # fmt: skip
    for choice in ({"back": 1}, {"version": 1}):
        told = room.ask("compare", note="1", **choice)
        assert [(one["what"], one["part"]) for one in told["items"]] == [
            ("same", "symptom"), ("same", "reason"), ("gone", "advice"),
        ]  # fmt: skip
    room.ask("compare", 400, note="1", back=7)
    room.ask("compare", 400, note="1", version=7)


# ---- in a browser


QUESTION, ITEMS = "#room-draft .draft > label textarea", "#room-draft .items textarea"


def test_a_draft_outlives_reloads_a_killed_server_and_a_second_window(tmp_path: Path) -> None:
    with chromium() as browser:
        at = AtDesk(tmp_path / "desk")
        try:
            at.more = ("--port", at.url.rpartition(":")[2])
            page = at.page(browser)
            new_client(page, "A-1")
            enter(page, "draft")
            page.locator(QUESTION).first.fill("他說不想活了，也失眠，我該怎麼幫他？")
            page.wait_for_selector("#room-draft .crisis")
            page.click("#room-draft [data-add=advice]")
            page.wait_for_selector("#room-draft .items textarea:focus")
            page.keyboard.type("自己先寫")
            page.click("#room-draft button.primary >> nth=0")
            own = page.locator(ITEMS).last
            own.press("End")
            page.keyboard.type("，還在寫")
            page.wait_for_selector("#room-draft .items .generated", timeout=170_000)
            written = page.locator(ITEMS).count()
            assert "自己先寫，還在寫" in values(page)
            assert page.evaluate("document.activeElement.value") == "自己先寫，還在寫"

            page.reload()
            page.wait_for_selector(ITEMS)
            assert (page.locator(ITEMS).count(), "自己先寫，還在寫" in values(page)) == (written, True)

            at.kill()
            page.locator(ITEMS).first.fill("伺服器不在時打的字")
            page.wait_for_selector("#room-draft .trouble [role=alert]")
            at.start()
            page.wait_for_selector("#room-draft a[href='/unlock']")
            second = page.context.new_page()
            second.set_default_timeout(120_000)
            at.unlock(second)
            wait_for(page, "草稿已存")
            second.click("#clients label")
            second.wait_for_selector("#client h2")
            enter(second, "draft")
            second.wait_for_selector(ITEMS)
            assert "伺服器不在時打的字" in values(second)

            second.locator(ITEMS).first.fill("第二個視窗")
            wait_for(second, "草稿已存")
            page.locator(ITEMS).first.fill("第一個視窗的字")
            wait_for(page, "另一個視窗也在寫這份草稿")
            page.click("#room-draft .trouble button")
            page.wait_for_selector("#room-draft textarea[readonly]")
            assert page.locator("#room-draft textarea[readonly]").input_value() == "第一個視窗的字"
            assert "第二個視窗" in values(page)

            page.keyboard.press("Alt+s")
            wait_for(page, "已儲存：紀錄 1")
            enter(page, "frame")
            page.wait_for_selector("#frame .note .generated-mark", state="attached")
            assert "第二個視窗" in page.locator("#notes").text_content()
            assert page.faults == []
        finally:
            at.stop()


def enter(page: Any, name: str) -> None:
    """Go to a room; after a reload it is there by itself."""
    go_to(page, name)
    page.wait_for_selector(QUESTION if name == "draft" else "#frame")


def values(page: Any) -> list[str]:
    """The words of all items."""
    found: list[str] = page.locator(ITEMS).evaluate_all("all => all.map((one) => one.value)")
    return found
