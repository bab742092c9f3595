"""What is typed is kept: past a desk that is killed, a save that is refused, and a second window."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest
from starlette.requests import Request

from app.desk import store
from app.desk.pages import clients
from app.desk.pages.drafts import kept, same_counsellor
from app.desk.pages.sessions import Ended, Session, Sessions
from app.desk.pages.words import say
from app.desk.unlock import Desk, own_file
from tests.app.desk.desks import new_desk, opened
from tests.app.desk.pages.at_desk import AtDesk, chromium, new_client, room, wait_for

DAY = "2026-11-21"


@pytest.fixture
def session(desk: Desk) -> Session:
    sessions = Sessions()
    return sessions.of(sessions.begin(desk))


@pytest.fixture
def client(session: Session) -> str:
    return clients.create(session, "A-1", {})


def sent(client: str, text: str, *, draft: int = 0, day: str = DAY, window: dict[str, Any] | None = None, **more: Any):
    told = {"client": client, "draft": draft, **(window or {})}
    return {"window": json.dumps(told), "fields": {"text": text, "date": day}, **more}


def draft_of(session: Session, client: str) -> str:
    found = store.records(session.desk, client, "draft")
    return "".join(str(record.body["text"]) for record in found)


@pytest.mark.parametrize("given", [{}, {"window": "[]", "fields": {}}, {"window": '{"id": 3}', "fields": {}}])
def test_what_no_page_sends_is_refused(session, given):
    with pytest.raises((KeyError, ValueError)):
        kept(session, given)


def test_a_page_is_never_in_its_own_way(session, client):
    assert kept(session, sent(client, "abc", tab="t", n=1)) == {"draft": 1}
    assert kept(session, sent(client, "abcd", draft=0, tab="t", n=2)) == {"draft": 2}
    # It comes late: newer words of the same page stand there.
    assert kept(session, sent(client, "ab", draft=0, tab="t", n=1)) == {"draft": 2}
    assert draft_of(session, client) == "abcd"


def test_another_page_s_draft_is_not_overwritten(session, client):
    kept(session, sent(client, "abc", tab="t", n=1))
    assert kept(session, sent(client, "xyz", tab="u", n=9)) == {"why": "elsewhere"}
    assert kept(session, sent(client, "xyz")) == {"why": "elsewhere"}
    assert draft_of(session, client) == "abc"


def test_done_is_said_of_just_what_was_saved_and_of_nothing_else(session, client):
    at = clients.writing(session, clients.opened(session, client))
    kept(session, sent(client, "words", tab="t", n=1))
    clients.save(session, at, "words", DAY)
    assert kept(session, sent(client, "words", draft=1, tab="t", n=2)) == {"why": "done"}
    assert kept(session, sent(client, "words", draft=1, day="2026-11-20", tab="t", n=3)) == {"why": "gone"}
    assert kept(session, sent(client, "and more", draft=1, tab="t", n=4)) == {"why": "gone"}
    assert draft_of(session, client) == ""
    assert kept(session, sent(client, "and more", draft=1, tab="t", n=5, anew=True)) == {"draft": 1}
    assert draft_of(session, client) == "and more"


def test_a_form_that_was_given_up_elsewhere_is_kept_anew_where_it_still_stands(session):
    window = {"form": True}
    assert kept(session, sent("", "", window=window, tab="t", n=1)) == {"draft": 1}
    clients.forget_form(session)
    form = {"window": '{"form": true, "draft": 1}', "fields": {"social": "一個人住"}, "tab": "t", "n": 2}
    assert kept(session, form) == {"why": "gone"}
    assert kept(session, {**form, "anew": True}) == {"draft": 1}
    assert clients.form(session).fields["social"] == "一個人住"


def test_words_that_wait_for_their_desk_go_into_no_other_counsellor_s_file(session):
    def request(told: str) -> Request:
        return Request({"type": "http", "headers": [(b"x-counsellor", told.encode())]})

    same_counsellor(session, request(session.desk.counsellor_id))
    same_counsellor(session, request(""))
    with pytest.raises(Ended):
        same_counsellor(session, request("somebody else"))


def test_the_same_save_twice_makes_one_note_and_other_words_another(session, client):
    at = clients.writing(session, clients.opened(session, client))
    first = clients.save(session, at, "words", DAY)
    assert clients.save(session, at, "words", DAY) == first
    assert clients.save(session, at, "other words", DAY).record_id == "2"
    next_one = clients.writing(session, clients.opened(session, client))
    assert clients.save(session, next_one, "words", DAY).record_id == "3"
    again = clients.writing(session, clients.opened(session, client), "1")
    second = clients.save(session, again, "changed", DAY)
    assert clients.save(session, again, "changed", DAY) == second
    assert second.version == 2


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtDesk]:
    home = tmp_path_factory.mktemp("kept") / "desk"
    new_desk(home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = AtDesk(home, "--port", str(port))
    yield made
    made.stop()


def until(page: Any, what: Any, *, seconds: float = 60) -> None:
    """Wait for what is true of the desk's database, while the browser goes on."""
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "it did not become true"
        page.wait_for_timeout(200)


def drafts(desk: Desk, owner: str) -> str:
    found: list[Any] = []
    with suppress(Exception):  # the desk writes at the same time
        found = [record.body for record in store.records(desk, owner, "draft")]
    return json.dumps(found, ensure_ascii=False)


def typed(page: Any, box: str, words: str) -> None:
    page.focus(box)
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(words)


def test_after_a_save_that_was_refused_what_is_typed_is_still_kept(at: AtDesk, browser: Any) -> None:
    page = at.page(browser)
    new_client(page, "R-1")
    desk = opened(at.home)
    client = store.find_client(desk, "R-1")
    assert client
    typed(page, "#text textarea", "第一句。")
    until(page, lambda: "第一句。" in drafts(desk, client))
    page.fill("#date input, #date textarea", "2026/11/21")
    page.click("#save")
    wait_for(page, say("zh-Hant", "bad_date"))
    page.fill("#date input, #date textarea", DAY)
    typed(page, "#text textarea", "第二句。")
    until(page, lambda: "第二句。" in drafts(desk, client))
    wait_for(page, say("zh-Hant", "draft_kept"))
    assert say("zh-Hant", "elsewhere") not in page.inner_text("body")
    page.click("#save")
    page.wait_for_selector("#notes article")
    until(page, lambda: drafts(desk, client) == "[]")
    # What is typed next is another note's, and kept.
    typed(page, "#text textarea", "下一則。")
    until(page, lambda: "下一則。" in drafts(desk, client))
    assert "第一句" not in drafts(desk, client)
    page.context.close()
    desk.engine.dispose()


def test_of_two_windows_on_a_new_note_the_one_left_behind_still_keeps_its_words(at: AtDesk, browser: Any) -> None:
    first = at.page(browser)
    new_client(first, "T-1")
    desk = opened(at.home)
    client = store.find_client(desk, "T-1")
    assert client
    typed(first, "#text textarea", "兩邊都有。")
    until(first, lambda: "兩邊都有。" in drafts(desk, client))
    second = first.context.new_page()
    second.set_default_timeout(40_000)
    second.goto(f"{at.url}/zh-Hant/")
    second.wait_for_function("() => document.querySelector('#text textarea')?.value === '兩邊都有。'")
    second.click("#save")
    second.wait_for_selector("#notes article")
    typed(first, "#text textarea", "只有這邊有。")
    until(first, lambda: "兩邊都有。只有這邊有。" in drafts(desk, client))
    wait_for(first, say("zh-Hant", "draft_kept"))
    first.click("#save")
    until(first, lambda: len(store.records(desk, client, "note")) == 2)
    said = [record.body["text"] for record in store.records(desk, client, "note")]
    assert said == ["兩邊都有。", "兩邊都有。只有這邊有。"]
    first.context.close()
    desk.engine.dispose()


def test_words_typed_while_the_desk_is_down_are_there_after_unlocking_again(at: AtDesk, browser: Any) -> None:
    page = at.page(browser)
    new_client(page, "K-1")
    desk = opened(at.home)
    client, own = store.find_client(desk, "K-1"), own_file(desk.counsellor_id)
    assert client
    form = page.context.new_page()
    form.set_default_timeout(40_000)
    form.goto(f"{at.url}/zh-Hant/")
    form.wait_for_selector("#new")
    form.click("#new")
    form.wait_for_selector("#intake summary")
    form.click("#intake summary")
    boxes = ((page, "#text textarea", client), (form, "#social textarea", own), (form, "#intake-text", own))
    for tab, box, owner in boxes:
        typed(tab, box, f"{box} 之前。")
        until(page, lambda owner=owner, box=box: f"{box} 之前。" in drafts(desk, owner))
    room(page, "talk")
    field = "#room-talk textarea"
    typed(page, field, "對話之前。")
    until(page, lambda: "對話之前。" in drafts(desk, client))
    at.kill()
    for n in range(3):
        for tab, box, _ in boxes[1:]:
            typed(tab, box, f"{box} 第 {n} 句。")
        typed(page, field, f"對話第 {n} 句。")
    room(page, "frame")
    for n in range(3):
        typed(page, "#text textarea", f"#text textarea 第 {n} 句。")
    wait_for(page, say("zh-Hant", "draft_away"))
    at.start()
    for tab in (page, form):
        wait_for(tab, say("zh-Hant", "draft_locked"))
        # What asks every quarter of a minute whether the session lasts.
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(4000)
    assert [tab.url for tab in (page, form)] == [f"{at.url}/zh-Hant/"] * 2
    again = page.context.new_page()
    again.set_default_timeout(40_000)
    at.unlock(again)
    for _, box, owner in boxes:
        until(page, lambda owner=owner, box=box: all(f"{box} 第 {n} 句。" in drafts(desk, owner) for n in range(3)))
    until(page, lambda: all(f"對話第 {n} 句。" in drafts(desk, client) for n in range(3)))
    again.click("#clients label:has-text('K-1')")
    again.wait_for_function("() => document.querySelector('#text textarea')?.value.endsWith('第 2 句。')")
    assert again.input_value("#text textarea").startswith("#text textarea 之前。")
    room(again, "talk")
    again.wait_for_function("() => document.querySelector('#room-talk textarea')?.value.endsWith('第 2 句。')")
    assert page.faults == []
    page.context.close()
    desk.engine.dispose()
