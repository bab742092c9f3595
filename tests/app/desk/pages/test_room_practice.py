"""The room of settings: steps, state, log, check, another passphrase."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.responses import JSONResponse

from app.desk import attachments, store, unlock
from app.desk.pages import clients, room_practice
from app.desk.pages.models import Models
from app.desk.pages.rooms import Call, Office
from app.desk.pages.sessions import Ended, Session, Sessions
from app.desk.unlock import Desk
from tests.app.desk.desks import QUICK, WORDS, run
from tests.app.desk.pages.at_desk import AtDesk, chromium, room, text, wait_for
from xinheng.errors import DeskError, UsageError

NEW = "another passphrase"


def session_of(desk: Desk, sessions: Sessions | None = None) -> Session:
    sessions = sessions or Sessions()
    return sessions.of(sessions.begin(desk))


def office_of(desk: Desk, sessions: Sessions | None = None, spec: str = "local:nano", **more: bool) -> Office:
    files = desk.home / "files"
    models = Models(spec, allow_remote=more.get("allow_remote", False), files=files)
    return Office(sessions or Sessions(), models, desk.home, files)


def call(session: Session, **given: Any) -> Call:
    return Call(session, "en", given)


def renew(desk: Desk, session: Session, sessions: Sessions | None = None, **given: str) -> Any:
    asked = call(session, **{"old": WORDS, "new": NEW, "again": NEW, **given})
    answer = room_practice.passphrase(office_of(desk, sessions), asked, QUICK)
    return json.loads(answer.body)["error"] if isinstance(answer, JSONResponse) else answer


def test_steps_are_saved_with_a_version_and_a_stale_save_tells_theirs(desk):
    session = session_of(desk)
    assert room_practice.steps(call(session, steps="call 119")) == {"version": 1}
    assert room_practice.steps(call(session, steps="mine")) == {"theirs": {"steps": "call 119", "version": 1}}
    assert room_practice.steps(call(session, steps="mine", version=1)) == {"version": 2}
    assert room_practice.opened(office_of(desk), call(session))["steps"] == "mine"


def test_steps_that_are_too_long_are_refused(desk):
    with pytest.raises(UsageError, match="too long"):
        room_practice.steps(call(session_of(desk), steps="x" * 20_001))


@pytest.mark.parametrize(
    "given",
    [
        {"old": "not this one"},
        {"old": ""},
        {"old": "", "old_key": base64.b64encode(bytes(64)).decode()},
        {"old": "", "old_key": "no base64"},
        {"again": "something else"},
        {"new": "short", "again": "short"},
        {"new_key": base64.b64encode(b"few").decode()},
    ],
)
def test_nothing_is_changed_by_who_does_not_know_the_old_passphrase_or_slips(desk, given):
    said = renew(desk, session_of(desk), **given)
    assert isinstance(said, str)
    assert said.endswith(".")
    assert unlock.unlock(desk.engine, desk.home, "lin", passphrase=WORDS)


def test_guesses_at_an_open_desk_are_slowed_like_those_before_it(desk):
    session = session_of(desk)
    told = [renew(desk, session, old=f"not this one {n}") for n in range(6)]
    assert "Wait" not in told[0]
    assert "Wait" in told[4]
    assert "Wait" in renew(desk, session)
    with pytest.raises(DeskError, match="too many guesses"):
        unlock.unlock(desk.engine, desk.home, "lin", passphrase=WORDS)


def test_a_new_passphrase_opens_and_ends_the_other_sessions_of_this_counsellor_alone(desk):
    sessions = Sessions()
    mine, other = session_of(desk, sessions), session_of(desk, sessions)
    wang, _ = unlock.add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)
    hers = session_of(wang, sessions)
    client_id = clients.create(mine, "A-1", {})
    told = renew(desk, mine, sessions)
    assert told["ended"] == 1
    with pytest.raises(Ended):
        clients.listed(other)
    clients.listed(hers)
    clients.opened(mine, client_id)
    with pytest.raises(DeskError, match="wrong passphrase"):
        unlock.unlock(desk.engine, desk.home, "lin", passphrase=WORDS)
    opened, code = unlock.recover(desk.engine, desk.home, "lin", told["code"], passphrase=WORDS, cost=QUICK)
    assert code != told["code"]
    assert store.clients(opened) == [client_id]


def test_a_key_file_can_take_the_passphrase_s_place_and_is_asked_for_then(desk):
    key, session = base64.b64encode(bytes(range(64))).decode(), session_of(desk)
    assert "code" in renew(desk, session, new_key=key, new="", again="")
    assert room_practice.opened(office_of(desk), call(session))["opened_by"] == "file"
    assert "wrong" in renew(desk, session)
    assert "code" in renew(desk, session, old="", old_key=key)


def test_a_passphrase_changed_elsewhere_between_question_and_answer_stays(desk, monkeypatch):
    session, derived = session_of(desk), unlock.confirm

    def confirm_late(opened: Desk, **how: Any) -> Desk:
        confirmed = derived(opened, **how)
        elsewhere = unlock.unlock(desk.engine, desk.home, "lin", passphrase=WORDS)
        unlock.renew(elsewhere, passphrase="the newest of all", cost=QUICK)
        return confirmed

    monkeypatch.setattr(unlock, "confirm", confirm_late)
    assert "changed meanwhile" in renew(desk, session)
    assert unlock.unlock(desk.engine, desk.home, "lin", passphrase="the newest of all")


def test_the_log_and_the_check_tell_of_a_counter_that_began_anew(desk):
    next(desk.home.glob("counter-*.json")).unlink()
    session = session_of(unlock.unlock(desk.engine, desk.home, "lin", passphrase=WORDS))
    assert room_practice.log(call(session))["entries"][0]["about"] == {"new_counter": True}
    assert room_practice.verified(call(session))["counters_begun"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE counsellor SET ring = 'text'", "書桌本身"),
        ("UPDATE desk SET desk_id = 'another'", "書桌本身"),
        ("UPDATE counsellor SET audit_seq = 0", "操作紀錄斷了"),
    ],
)
def test_changed_rows_of_the_desk_itself_are_named_in_the_page_s_language(desk, change, said):
    session = session_of(desk)
    run(desk, change)
    assert any(said in sentence for sentence in room_practice.verified(Call(session, "zh-Hant", {}))["wrong"])


def test_a_changed_counter_is_named_in_the_page_s_language(desk):
    session = session_of(desk)
    next(desk.home.glob("counter-*.json")).write_text("{}")
    assert "計數檔被改過" in room_practice.verified(Call(session, "zh-Hant", {}))["wrong"][0]


def test_the_log_is_told_fifty_at_a_time_and_holds_no_word(desk):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {"mental": "睡不好"})
    for n in range(60):
        store.log(desk, "exported", client=client_id, what="note", note=str(n), form="pdf")
    first = room_practice.log(call(session))
    assert [one["about"]["note"] for one in first["entries"]] == [str(n) for n in range(59, 9, -1)]
    assert first["entries"][0]["client"] == "A-1"
    assert first["more"]
    rest = room_practice.log(call(session, before=first["entries"][-1]["seq"]))
    assert rest["entries"][-1]["action"] == "made"
    assert not rest["more"]
    assert "睡不好" not in json.dumps([first, rest], ensure_ascii=False)


def test_the_log_of_another_counsellor_is_not_told(desk):
    clients.create(session_of(desk), "A-1", {})
    wang, _ = unlock.add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)
    assert {one["action"] for one in room_practice.log(call(session_of(wang)))["entries"]} == {"made"}


def test_the_check_opens_files_where_the_desk_keeps_them_and_says_what_is_wrong_with_them(desk, tmp_path):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {})
    for n in range(3):
        attachments.attach(desk, tmp_path / "disk", client_id, f"{n}.txt", b"letter")
    found = room_practice.verified(call(session), tmp_path / "disk")
    assert (found["files"], found["wrong"]) == (3, [])
    (elsewhere,) = room_practice.verified(Call(session, "zh-Hant", {}))["wrong"]
    assert "應有 3 個檔案" in elsewhere
    first, second, _ = [path for path in (tmp_path / "disk").rglob("*") if path.is_file()]
    first.unlink()
    second.write_bytes(b"")
    wrong = room_practice.verified(Call(session, "zh-Hant", {}), tmp_path / "disk")["wrong"]
    assert sorted("不見了" in sentence for sentence in wrong) == [False, True]
    assert sorted("被改過" in sentence for sentence in wrong) == [False, True]


def test_the_command_for_a_backup_names_the_place_of_files(desk, tmp_path):
    office = replace(office_of(desk), files=tmp_path / "a disk")
    assert "--files" not in room_practice.opened(office_of(desk), call(session_of(desk)))["commands"]["backup"]
    assert room_practice.opened(office, call(session_of(desk)))["commands"]["backup"].endswith("/a disk'")


def test_the_check_finds_nothing_or_says_what_is_wrong_in_the_page_s_language(desk):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {})
    store.save(desk, client_id, "note", {"text": "one"})
    assert room_practice.verified(call(session))["wrong"] == []
    run(desk, "UPDATE note SET body = x'00'")
    run(desk, "DELETE FROM info WHERE record_id = 'code'")
    wrong = room_practice.verified(Call(session, "zh-Hant", {}))["wrong"]
    assert len(wrong) == 2
    assert any("被改過" in sentence for sentence in wrong)
    assert any("不見了" in sentence for sentence in wrong)


def test_the_state_names_model_database_and_folders_and_no_password(desk):
    session = session_of(desk)
    told = room_practice.opened(office_of(desk), call(session))["state"]
    assert (told["model"], told["remote"], told["database"]) == ("local:nano", False, "SQLite")
    away = room_practice.opened(office_of(desk, spec="openai:m@http://10.0.0.9:1/v1"), call(session))["state"]
    assert (away["remote"], away["allowed"]) == (True, False)
    url = sa.make_url("postgresql+psycopg://anna:geheim@db.example/desk")
    engine: Any = SimpleNamespace(url=url, dialect=SimpleNamespace(name="postgresql"))
    server = unlock.Desk(engine, desk.home, desk.desk_id, desk.counsellor_id, desk.keys)
    kept = room_practice._kept(office_of(desk), server)
    assert (kept["database"], kept["where"]) == ("PostgreSQL", "db.example/desk")
    assert "geheim" not in str(kept)
    assert "anna" not in str(kept)


def test_in_a_browser_steps_are_kept_through_a_conflict_and_the_passphrase_is_changed(tmp_path_factory):
    at = AtDesk(tmp_path_factory.mktemp("practice") / "desk")
    try:
        with chromium() as browser:
            one, two = (at.page(browser, language="en") for _ in range(2))
            for page in (one, two):
                room(page, "practice")
                wait_for(page, "Runs on this machine")
            one.fill("#practice-steps", "call 119")
            one.keyboard.press("Alt+s")
            wait_for(one, "Saved: version 1")
            two.fill("#practice-steps", "call the duty officer")
            two.click("#practice-steps ~ .row button")
            wait_for(two, "Version 1 was saved in another window")
            assert two.input_value("#practice-steps") == "call the duty officer"
            assert two.inner_text(".practice-theirs") == "call 119"
            two.click("#practice-steps ~ .row button")
            wait_for(two, "Saved: version 2")
            one.click("text=Check this desk")
            wait_for(one, "Nothing is wrong.")
            for field, words in (("old", WORDS), ("new", NEW), ("again", NEW)):
                one.fill(f"#practice-{field}", words)
            one.keyboard.press("Enter")
            wait_for(one, "Locked elsewhere: 1.")
            assert len(one.inner_text(".practice-code").replace("-", "")) == 40
            two.dispatch_event("body", "visibilitychange")
            two.wait_for_url("**/unlock?ended=1")
            assert "The desk is locked" in text(two)
            assert one.faults == two.faults == []
    finally:
        at.stop()
