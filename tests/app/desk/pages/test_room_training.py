"""The room `training`: consent first, counts, a training asked for and decided on; and the whole way in a browser."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.desk import adapters, items, jobs, memory_folder, store, teaching
from app.desk.draft_json import draft_to_json
from app.desk.erasure import found_in
from app.desk.pages import room_training
from app.desk.pages.models import Models
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import COOKIE, Sessions
from app.desk.unlock import Desk, add_counsellor, own_file
from tests.app.desk.desks import QUICK, WORDS, new_desk, opened
from tests.app.desk.pages.at_desk import AtDesk, chromium, room, wait_for
from tests.app.desk.pages.trainings import running, trained

PAGES = Path(room_training.__file__).parent
DEEDS = ("show", "progress", "consent", "begin", "cancel", "accept", "reject", "back")
SECRET = "她把母親的戒指藏在衣櫃最深的抽屜裡"
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[Path]:
    """A folder in memory for these tests alone."""
    folder = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="test-room-"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(memory_folder.VARIABLE, str(folder))
        yield folder
    shutil.rmtree(folder)


def office_of(desk: Desk, model: str = "local:nano", **more: Any) -> Office:
    files = desk.home / "files"
    return Office(Sessions(**more), Models(model, allow_remote=False, files=files), desk.home, files)


def asking(office: Office, desk: Desk, language: str = "en") -> Ask:
    """A browser of the counsellor's; nothing is looked after by itself: these tests say when."""
    web = TestClient(Starlette(routes=room_training.routes(office)))
    office.sessions.over.pop()()
    web.cookies.set(COOKIE, office.sessions.begin(desk))

    def ask(name: str, **given: Any) -> tuple[int, dict[str, Any]]:
        answer = web.post(f"/room/training-{name}", json=given, headers={"x-language": language})
        return answer.status_code, answer.json()

    return ask


def client_with_notes(desk: Desk, code: str = "A-17", *, notes: int = 4, consent: bool = True) -> str:
    client = store.add_client(desk, code)
    for n in range(notes):
        store.save(desk, client, "note", {"question": f"第 {n} 次？", "text": f"{SECRET}，第 {n} 次。"})
    if consent:
        teaching.record_consent(desk, client, given=True, how="signed")
    return client


def test_another_counsellors_client_the_own_file_and_none_are_refused_everywhere(desk: Desk) -> None:
    client = client_with_notes(desk)
    one = trained(desk, client)
    other = add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0]
    ask = asking(office_of(other), other)
    for deed in DEEDS:
        for wanted in (client, own_file(other.counsellor_id), "", "0" * 32, 7):
            status, told = ask(deed, client=wanted, training=one.job_id, given=False, how="x", recipe="client")
            assert (status, set(told)) == (400, {"error", "why"}), deed
    assert jobs.job(desk, client, one.job_id).state == "trained"
    assert teaching.consented(desk, client)


@pytest.mark.parametrize("wrong", [
    {"recipe": "mcq"}, {"recipe": ""}, {"recipe": "client", "minutes": -1}, {"recipe": "client", "notes": "many"},
    {"recipe": ["client"]}, {"recipe": "client", "steps": 1.5},
])  # fmt: skip
def test_what_cannot_be_read_begins_nothing(desk: Desk, wrong: dict[str, Any]) -> None:
    client = client_with_notes(desk)
    assert asking(office_of(desk), desk)("begin", client=client, **wrong)[0] == 400
    assert jobs.jobs(desk) == []


def test_without_consent_nothing_is_counted_or_begun_and_how_must_be_said(desk: Desk) -> None:
    client, ask = client_with_notes(desk, consent=False), asking(office_of(desk), desk)
    status, told = ask("show", client=client)
    assert (status, told["consent"], told["teaches"], told["notes"]) == (200, [], None, 4)
    assert ask("begin", client=client, recipe="client")[1]["error"].startswith("There is no consent")
    assert ask("consent", client=client, given=True, how=" \n")[1]["error"].startswith("Write how")
    assert ask("consent", client=client, given="yes", how="signed")[0] == 400
    assert store.records(desk, client, "consent") == []
    told = ask("consent", client=client, given=True, how="signed on paper")[1]
    assert [(one["given"], one["how"]) for one in told["consent"]] == [(True, "signed on paper")]
    assert told["teaches"]["notes"] == 4


def test_what_would_teach_and_what_is_left_out_is_counted_in_the_pages_language(desk: Desk) -> None:
    client = client_with_notes(desk, notes=1)
    draft = items.proposed(items.Draft("怎麼看？"), {"symptom": ["焦慮"], "reason": ["工作"], "advice": ["散步"]})
    symptom, work, _ = (item.item_id for item in draft.items)
    draft = items.accepted(items.edited(draft, symptom, "睡眠困難"), work)
    store.save(desk, client, "note", {"draft": draft_to_json(draft)})
    store.save(desk, client, "note", {"text": "  "})
    told = asking(office_of(desk), desk, "zh-Hans")("show", client=client)[1]["teaches"]
    assert (told["notes"], told["changes"], told["enough"], told["fewest"]) == (2, 1, False, 3)
    assert {one["why"]: one["count"] for one in told["left_out"]} == {
        "还没有人确认的条目": 1,
        "没有人写、改或确认过的字的记录": 1,
    }


def test_a_training_is_queued_with_limits_that_can_only_be_shortened(desk: Desk) -> None:
    client, ask = client_with_notes(desk), asking(office_of(desk), desk)
    given = {"characters": 10**9, "notes": 3, "minutes": 0, "steps": 2}
    told = ask("begin", client=client, recipe="client_dpo", **given)[1]
    assert (told["running"]["phase"], told["running"]["told"]) == ("queued", "Waiting in the queue")
    (one,) = jobs.jobs(desk)
    limits = one.record.body["limits"]
    assert (limits["characters"], limits["notes"], limits["minutes"], limits["steps"]) == (20_000, 3, 120, 2)
    assert one.record.body["recipe"] == "client"  # nothing was changed: there are no pairs
    assert ask("begin", client=client, recipe="client")[1]["error"].startswith("A training of this client")
    told = ask("cancel", client=client, training=one.job_id)[1]
    assert (told["running"], told["past"][0]["state"], told["past"][0]["why"]) == (None, "cancelled", "")
    assert told["limits"]["chosen"]["notes"] == 3  # as last time
    assert ask("cancel", client=client, training="0" * 32)[0] == 400


def test_of_other_clients_trainings_only_their_number_is_told(desk: Desk) -> None:
    client, other = client_with_notes(desk), client_with_notes(desk, "B-99")
    first, mine = jobs.add(desk, other), jobs.add(desk, client)
    ask = asking(office_of(desk), desk)
    for name in ("show", "progress"):
        told = ask(name, client=client)[1]
        assert (told["running"]["training"], told["running"]["ahead"], told["running"]["others"]) == (mine.job_id, 1, 1)
        assert not re.search(f"{other}|{first.job_id}|B-99", str(told))


def test_a_model_of_another_program_is_not_trained(desk: Desk) -> None:
    client = client_with_notes(desk)
    trained(desk, client)
    ask = asking(office_of(desk, "ollama:qwen3"), desk)
    told = ask("show", client=client)[1]
    assert (told["base"], told["model"]) == (None, "ollama:qwen3")
    assert ask("begin", client=client, recipe="client")[1]["why"] == "the model that answers cannot be trained here"


def test_accepted_it_answers_in_all_sessions_rolled_back_in_none(desk: Desk, memory: Path) -> None:
    client = client_with_notes(desk)
    row = f"{client[:8]}-note-00002-note-abc"
    one = trained(desk, client, samples=[{"row": row, "wanted": "寫的", "before": "<b>", "after": '{"text": ["甲"]}'}])
    office = office_of(desk)
    ask = asking(office, desk)
    (result,) = ask("show", client=client)[1]["results"]
    assert result["samples"] == [
        {"note": "2", "change": False, "question": "第 1 次？", "wanted": "寫的", "before": "<b>", "after": "- 甲"}
    ]
    assert (result["loss"], result["held_rows"]) == ({"before": 6.5, "after": 6.25}, 1)
    sessions = [office.sessions.of(office.sessions.begin(desk)) for _ in range(2)]
    for session in sessions:
        assert office.models.of(session, client).adapter is None
    told = ask("accept", client=client, training=one.job_id)[1]
    assert (told["results"], told["adapter"]["rows"], told["adapter"]["unused"]) == ([], 3, "")
    for session in sessions:
        assert session.answering == {}
        assert office.models.of(session, client).adapter == one.adapter
    assert len(list(memory.iterdir())) == 2
    assert ask("reject", client=client, training=one.job_id)[1]["why"] == "nothing to decide on"
    told = ask("back", client=client)[1]
    assert (told["adapter"], told["past"][0]["state"]) == (None, "accepted, then rolled back")
    assert list(memory.iterdir()) == []
    assert ask("back", client=client)[1]["why"] == "this client has no adapter"


def test_consent_taken_back_ends_all_of_it(desk: Desk, memory: Path) -> None:
    client = client_with_notes(desk)
    adapters.accept(desk, trained(desk, client))
    waiting, queued = trained(desk, client), jobs.add(desk, client)
    office = office_of(desk)
    ask = asking(office, desk)
    session = office.sessions.of(office.sessions.begin(desk))
    office.models.of(session, client)
    told = ask("consent", client=client, given=False, how="by phone")[1]
    assert (told["running"], told["teaches"], told["adapter"]["unused"]) == (None, None, "consent")
    assert jobs.job(desk, client, queued.job_id).state == "cancelled"
    assert told["past"][0]["why"] == "Consent was taken back."
    assert (session.answering, list(memory.iterdir())) == ({}, [])
    assert ask("accept", client=client, training=waiting.job_id)[1]["why"] == "no consent to training"
    assert ask("reject", client=client, training=waiting.job_id)[1]["results"] == []
    assert office.models.of(session, client).why == "consent was taken back"


def test_why_it_failed_is_told_in_the_pages_language(desk: Desk) -> None:
    client = client_with_notes(desk)
    problem = "desk: the training took longer than its limit. Raise the minutes, or take fewer notes."
    running(desk, client, state="failed", problem=problem)
    assert "時間上限" in asking(office_of(desk), desk, "zh-Hant")("show", client=client)[1]["past"][0]["why"]


def test_a_page_that_asks_how_it_goes_keeps_no_session_alive(desk: Desk) -> None:
    client, now = client_with_notes(desk), [0.0]
    ask = asking(office_of(desk, idle_s=60, clock=lambda: now[0]), desk)
    for now[0] in (30.0, 59.0):
        assert ask("progress", client=client)[0] == 200
    now[0] = 61.0
    assert ask("progress", client=client)[0] == 401


def test_every_sentence_that_the_script_says_is_there() -> None:
    script = (PAGES / "static" / "training.js").read_text("utf-8")
    told = set(tomllib.loads((PAGES / "sentences" / "training.toml").read_text("utf-8")))
    wanted = set(re.findall(r'"(training_\w+)"', script))
    assert len(wanted) > 50
    assert wanted <= told
    made = {f"training_limit_{name}" for name in ("characters", "notes", "minutes", "steps")}
    made |= {f"training_unused_{why}" for why in ("consent", "base", "elsewhere")}
    assert made <= told


def test_the_whole_way_in_a_browser_with_the_desk_killed_in_between(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    desk = new_desk(home)
    client = client_with_notes(desk, consent=False)
    other = store.add_client(desk, "B-2")
    desk.engine.dispose()
    at = AtDesk(home)
    try:
        with chromium() as browser:
            _in_a_browser(at, browser)
    finally:
        at.stop()
    again = opened(home)
    office = office_of(again)
    session = office.sessions.of(office.sessions.begin(again))
    chosen = office.models.of(session, client)
    assert chosen.adapter == jobs.jobs(again)[0].adapter
    assert office.models.of(session, other).adapter is None
    office.sessions.end_all()
    assert found_in(home, {SECRET.encode()[:32]})[2] == []
    assert SECRET not in at.log.read_text()


def _in_a_browser(at: AtDesk, browser: Any) -> None:
    page = at.page(browser)
    _choose(page, "A-17")
    page.click("#training-record")
    page.wait_for_selector("#room-training [role=alert]")
    page.fill("#training-how", "11 月 3 日簽了同意書")
    page.click("#training-record")
    page.wait_for_selector("#training-begin")
    page.click("#training-limits-open")
    page.fill("#training-steps", "2")
    page.press("#training-steps", "Tab")
    page.press("#training-begin", "Enter")
    page.wait_for_selector("#training-phase")
    at.kill()
    at.start()
    at.unlock(page)
    _choose(page, "B-2")
    page.wait_for_selector("#training-how")
    assert "訓練進行中" not in page.inner_text("#room-training")
    _choose(page, "A-17")
    page.wait_for_selector("#training-result", timeout=300_000)
    assert page.inner_text(".training-sample .generated-mark")
    assert SECRET in page.inner_text(".training-wanted")
    page.click("#training-result-accept")
    wait_for(page, "使用中")
    assert page.evaluate("document.activeElement.id") == "training-adapter"
    page.reload()
    page.wait_for_selector("#bar button")
    assert page.faults == []
    assert not [url for url in page.asked if not url.startswith(("http://127.0.0.1", "data:"))]


def _choose(page: Any, code: str) -> None:
    room(page, "frame")
    page.click(f"#clients label:has-text('{code}')")
    page.wait_for_function("code => document.querySelector('#client h2')?.innerText === code", arg=code)
    room(page, "training")
