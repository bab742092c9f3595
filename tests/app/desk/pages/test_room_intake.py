"""Text poured into a client's form: sorted, put into fields, kept with its places; nothing typed is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.desk import store
from app.desk.asking import Model, model_of
from app.desk.intake import FIELDS, MOST
from app.desk.pages import clients, poured, room_intake
from app.desk.pages.rooms import Call
from app.desk.pages.sessions import Session, Sessions
from app.desk.paper import client_blocks
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.answering import Hanging, Written, model, said
from tests.app.desk.desks import QUICK, WORDS
from tests.app.desk.pages.at_desk import PHONE, AtDesk, chromium, text, wait_for
from xinheng.errors import DeskError, UsageError
from xinheng.messages import Reply

TEXT = "她三十歲。小時候由外婆帶大；父母離異。最近常失眠，說「不想活了」。"
DOWN = Reply("", "error", problem="unavailable")


class Answering:
    """`Models` with one model that a test wrote down."""

    def __init__(self, one: Model) -> None:
        self._one = one

    def of(self, session: Session, client_id: str | None) -> Any:
        assert client_id is None
        return type("Chosen", (), {"model": self._one})()


def session_of(desk: Desk) -> Session:
    sessions = Sessions()
    return sessions.of(sessions.begin(desk))


def call(session: Session, **given: Any) -> Call:
    return Call(session, "en", {"client": "", **given})


def sort(session: Session, one: Model, body: str = TEXT, chosen: tuple[str, ...] = ()) -> tuple[list[dict], dict]:
    told: list[dict] = []
    office: Any = type("Office", (), {"models": Answering(one)})()
    asked = call(session, text=body, chosen=list(chosen))
    return told, asyncio.run(room_intake.sorted_text(office, asked, told.append))


def answer(*kinds: str) -> dict[str, str]:
    return {f"p{n}": kind for n, kind in enumerate(kinds, 1)}


@pytest.mark.parametrize("given", [{"text": 3}, {"text": "a", "chosen": "x"}, {"text": "a", "chosen": ["no field"]}])
def test_what_no_page_sends_is_refused(desk, given):
    with pytest.raises(UsageError):
        room_intake.cut(call(session_of(desk), **given))


def test_an_empty_text_and_five_megabytes_are_refused_with_a_sentence(desk):
    session = session_of(desk)
    for body, why in ((" \n", "nothing was poured in"), ("她怕黑。" * 1_300_000, "too much poured in")):
        for work in (room_intake.cut, room_intake.put, room_intake.kept)[: 1 if body.isspace() else 3]:
            with pytest.raises(UsageError, match=why):
                work(call(session, text=body))
    assert poured.poured(session, None).draft == 0


def test_the_form_of_another_counsellor_s_client_is_out_of_reach(desk):
    client_id = clients.create(session_of(desk), "A-1", {})
    other = session_of(add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0])
    for work in (room_intake.opened, room_intake.kept, room_intake.put):
        with pytest.raises(DeskError):
            work(call(other, client=client_id, text=TEXT))


@pytest.mark.parametrize(
    "failing", [said(DOWN), Written([RuntimeError("x")]), Hanging([]), said(Reply("胡說", problem="schema"))]
)
def test_a_model_that_fails_says_why_and_a_person_sorts_by_hand(desk, failing):
    session = session_of(desk)
    told, done = sort(session, model(failing, patience_s=0.05))
    assert done["problem"]
    assert [one["field"] for one in told[0]["passages"]] == [""] * 4
    made = room_intake.put(call(session, text=TEXT, chosen=["demographic", "developmental", "developmental", ""]))
    assert made["fields"] == {
        "demographic": "她三十歲。",
        "developmental": "小時候由外婆帶大；父母離異。",
        "free": "最近常失眠，說「不想活了」。",
    }


def test_what_was_sorted_before_the_model_failed_is_told_and_asked_about_no_more(desk):
    session, body = session_of(desk), "她換了工作。" * 30
    told, done = sort(session, model(said(answer(*["social"] * 12), DOWN)), body)
    assert done["problem"]
    assert told[1] == {"sorted": dict.fromkeys(range(12), "social")}
    again = said(answer(*["mental"] * 12), answer(*["mental"] * 6))
    told, done = sort(session, model(again), body, ("social",) * 12)
    assert not done["problem"]
    assert sorted(n for one in told[1:] for n in one["sorted"]) == list(range(12, 30))
    assert len(again.asked) == 2


def test_danger_raises_the_banner_before_any_model_is_asked(desk):
    told, _ = sort(session_of(desk), model(said(DOWN)))
    assert [one["kind"] for one in told[0]["crisis"]["kinds"]] == ["suicide"]
    assert "不想活" not in str(told[0]["crisis"])


def test_of_a_long_text_the_rest_stays_in_the_panel(desk):
    session, body = session_of(desk), "她換了工作。" * (MOST + 5)
    shown = room_intake.cut(call(session, text=body))
    assert (len(shown["passages"]), shown["left"]) == (MOST, 5)
    assert room_intake.put(call(session, text=body, chosen=["social"] * MOST))["text"] == "她換了工作。" * 5


def test_the_draft_comes_back_and_goes_when_the_form_is_saved_or_given_up(desk):
    session = session_of(desk)
    room_intake.kept(call(session, text=TEXT, chosen=["mental"]))
    again = room_intake.opened(call(session_of(desk)))
    assert (again["text"], [one["field"] for one in again["passages"]]) == (TEXT, ["mental", "", "", ""])
    clients.forget_form(session)
    assert poured.poured(session, None) == poured.Poured()
    room_intake.kept(call(session, text=TEXT))
    clients.create(session, "A-1", {})
    assert store.records(desk, desk.counsellor_id, "draft") == []
    assert room_intake.kept(call(session, text=TEXT, draft=1)) == {"why": "done"}


def test_two_windows_do_not_overwrite_each_other(desk):
    session = session_of(desk)
    assert room_intake.kept(call(session, text="one")) == {"draft": 1}
    assert room_intake.kept(call(session, text="two")) == {"why": "elsewhere"}
    assert poured.poured(session, None).text == "one"


def test_a_window_is_never_in_its_own_way_and_its_older_words_overwrite_none(desk):
    session = session_of(desk)
    assert room_intake.kept(call(session, text="one", tab="t", n=1)) == {"draft": 1}
    assert room_intake.kept(call(session, text="one two", tab="t", n=3)) == {"draft": 2}
    assert room_intake.kept(call(session, text="one t", tab="t", n=2)) == {"draft": 2}
    assert room_intake.kept(call(session, text="else", tab="u", n=9)) == {"why": "elsewhere"}
    assert poured.poured(session, None).text == "one two"


def test_saving_the_form_keeps_where_in_the_text_its_words_stand(desk):
    session = session_of(desk)
    put = room_intake.put(call(session, text=TEXT, chosen=["demographic", "developmental", "", "mental"]))
    fields = {**put["fields"], "demographic": "Lin. " + put["fields"]["demographic"], "free": ""}
    client_id = clients.create(session, "A-1", fields)
    body = clients.opened(session, client_id).info.body
    assert body["demographic"] == "Lin. 她三十歲。"
    (source,) = body["sources"]
    assert source["text"] == TEXT
    kept = {name: [TEXT[p["start"] : p["end"]] for p in source["fields"][name]] for name in FIELDS}
    # What a person took out of its field is no source of it.
    assert kept["free"] == []
    assert kept["mental"] == ["最近常失眠，說「不想活了」。"]
    clients.save_info(session, client_id, dict.fromkeys(FIELDS, "") | {"mental": body["mental"]}, 1)
    later = clients.opened(session, client_id).info.body["sources"]
    assert [name for name in FIELDS if later[0]["fields"][name]] == ["mental"]


def test_paper_shows_the_text_once_and_no_places(desk):
    session = session_of(desk)
    fields = room_intake.put(call(session, text=TEXT, chosen=["mental"] * 4))["fields"]
    blocks = client_blocks(desk, clients.create(session, "A-1", fields), "en")
    lines = [block.text for block in blocks]
    assert lines.count(TEXT) == 1
    assert f"Mental state: {TEXT}" in lines
    assert not any("start" in line or "sources" in line for line in lines)


def test_nano_sorts(desk):
    told, done = sort(session_of(desk), model_of("local:nano", patience_s=900), "她三十歲。父母離異。")
    assert done == {"problem": ""}
    assert {field for one in told[1:] for field in one["sorted"].values()} <= set(FIELDS)
    assert sorted(n for one in told[1:] for n in one["sorted"]) == [0, 1]


def test_in_a_browser_text_is_poured_sorted_by_hand_and_saved(tmp_path_factory):
    at = AtDesk(tmp_path_factory.mktemp("intake") / "desk")
    try:
        with chromium() as browser:
            _poured_and_saved(at, at.page(browser, size=PHONE, language="en"))
    finally:
        at.stop()


def _poured_and_saved(at: AtDesk, page: Any) -> None:
    page.click("#new")
    page.wait_for_selector("#intake")
    page.fill("#mental textarea", "typed before")
    page.click("#intake summary")
    page.evaluate(
        "t => { const a = document.querySelector('#intake-text'); a.value = t; a.dispatchEvent(new Event('input')); }",
        "x" * 5_000_000,
    )
    wait_for(page, "5,000,000")
    assert page.evaluate("document.querySelector('#intake-text').value.length") == 5_000_000
    page.fill("#intake-text", TEXT)
    page.click("#intake-cut")
    wait_for(page, "This may speak of danger: suicide")
    selects = page.locator("#intake-passages select")
    assert selects.count() == 4
    selects.nth(3).focus()
    selects.nth(3).press("m")  # by keyboard: the option that begins so
    wait_for(page, "1 of 4 passages")
    wait_for(page, "Draft kept")
    page.reload()
    page.wait_for_selector("#bar button")
    page.wait_for_selector("#new")
    page.click("#new")
    wait_for(page, "1 of 4 passages")
    assert page.input_value("#intake-passages li:nth-child(4) select") == "mental"
    page.fill("#code textarea, #code input", "A-1")
    page.click("#create")
    wait_for(page, "Press again to let it go")
    page.click("#intake-put")
    page.wait_for_selector(".intake-sources[data-field=mental] button")
    assert page.input_value("#mental textarea") == "typed before\n最近常失眠，說「不想活了」。"
    page.click(".intake-sources[data-field=mental] button")
    assert page.inner_text("#intake-whole mark") == "最近常失眠，說「不想活了」。"
    page.click("#create")
    wait_for(page, "From the text, 1 passages")
    assert "她三十歲" in text(page)
    assert page.faults == []
    assert all(asked.startswith((at.url, "data:")) for asked in page.asked)
