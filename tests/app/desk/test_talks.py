"""Conversations kept while they go on: nothing typed is lost, nothing lands twice or with another client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.desk import store, talks
from app.desk.chatting import Turn
from app.desk.store import Conflict
from app.desk.talks import Kept, Typed
from app.desk.unlock import Desk, add_counsellor, own_file
from tests.app.desk.desks import QUICK, WORDS
from xinheng.errors import DeskError, UsageError

ANSWER = (Turn("model", "可能是工作壓力。", "generated"),)
DAY = "2026-11-21"


def own(desk: Desk) -> str:
    return own_file(desk.counsellor_id)


def answered(desk: Desk, owner: str, text: str = "他為什麼失眠？") -> Kept:
    return talks.heard(desk, talks.say(desk, owner, 0, 0, text), ANSWER, {"by": "nano"})


@pytest.mark.parametrize("text", ["", " \n", "很" * (talks.LONGEST + 1)])
def test_what_says_nothing_or_too_much_is_refused_and_leaves_no_record(desk: Desk, text: str) -> None:
    with pytest.raises(UsageError):
        talks.say(desk, own(desk), 0, 0, text)
    assert store.records(desk, own(desk), "draft") == []


def test_a_conversation_grows_no_longer_than_can_be_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "LONGEST_TALK", 20)
    held = talks.say(desk, own(desk), 0, 0, "十個字" * 5)
    with pytest.raises(UsageError, match="too long"):
        talks.say(desk, own(desk), held.number, held.version, "十個字" * 5)
    assert talks.conversation(desk, own(desk), held.number).talk == replace(held.talk, concerns=())


def test_what_was_typed_is_kept_before_any_answer_and_the_answer_behind_it(desk: Desk) -> None:
    asked = talks.say(desk, own(desk), 0, 0, "他不想活了")
    assert [c.kind for c in asked.talk.concerns] == ["suicide"]
    assert talks.conversation(desk, own(desk), asked.number).talk.turns == asked.talk.turns
    held = talks.heard(desk, asked, ANSWER, {"by": "nano", "problem": ""})
    (again,), _ = talks.conversations(desk, own(desk))
    assert again == held
    assert again.by == ("nano",)


def test_the_later_of_two_windows_is_told_and_nothing_of_the_first_is_lost(desk: Desk) -> None:
    first = talks.say(desk, own(desk), 0, 0, "一")
    talks.say(desk, own(desk), first.number, first.version, "二")
    with pytest.raises(Conflict):
        talks.say(desk, own(desk), first.number, first.version, "三")
    assert [t.text for t in talks.conversation(desk, own(desk), first.number).talk.turns] == ["一", "二"]


def test_an_answer_that_comes_after_more_was_said_stands_behind_its_own_question(desk: Desk) -> None:
    asked = talks.say(desk, own(desk), 0, 0, "一")
    talks.say(desk, own(desk), asked.number, asked.version, "二")
    held = talks.heard(desk, asked, ANSWER, {"by": "nano", "problem": ""})
    assert [t.text for t in held.talk.turns] == ["一", ANSWER[0].text, "二"]
    assert held.last == {}


def test_an_answer_to_a_conversation_that_was_thrown_away_brings_nothing_back(desk: Desk) -> None:
    asked = talks.say(desk, own(desk), 0, 0, "一")
    talks.discard(desk, own(desk), asked.number, asked.version)
    with pytest.raises(DeskError, match="gone"):
        talks.heard(desk, asked, ANSWER, {"by": "nano"})
    assert talks.conversations(desk, own(desk))[0] == []


def test_the_field_is_kept_until_it_is_said_and_another_windows_words_stay(desk: Desk) -> None:
    held = talks.keep_typed(desk, own(desk), Typed("打到一", 0, 0))
    with pytest.raises(Conflict):
        talks.keep_typed(desk, own(desk), Typed("別的窗", 0, 0))
    talks.said(desk, own(desk), held.version + 1)
    assert talks.conversations(desk, own(desk))[1].text == "打到一"
    talks.said(desk, own(desk), held.version)
    assert talks.conversations(desk, own(desk))[1] == Typed()
    assert talks.keep_typed(desk, own(desk), replace(held, text="又打")).text == "又打"
    with pytest.raises(UsageError):
        talks.keep_typed(desk, own(desk), Typed("很" * (talks.LONGEST + 1)))


def test_kept_as_a_note_it_is_dated_numbered_marked_and_lies_with_the_client(desk: Desk) -> None:
    client = store.add_client(desk, "A-1")
    held = answered(desk, own(desk))
    note, moved = talks.keep(desk, own(desk), held.number, held.version, client, DAY)
    assert (note.record_id, note.version, note.body["date"], note.body["model"]) == ("1", 1, DAY, "nano")
    assert [turn["state"] for turn in note.body["turns"]] == ["typed", "generated"]
    assert talks.conversations(desk, own(desk))[0] == []
    assert talks.conversations(desk, client)[0] == [moved]


def test_kept_again_the_note_has_a_new_version_unless_nothing_changed_or_a_hand_changed_it(desk: Desk) -> None:
    client = store.add_client(desk, "A-1")
    held = answered(desk, client)
    note, held = talks.keep(desk, client, held.number, held.version, client, DAY)
    assert talks.keep(desk, client, held.number, held.version, client, DAY)[0] == note
    held = talks.accept(desk, client, held.number, held.version + 1, 1)
    note, held = talks.keep(desk, client, held.number, held.version, client, DAY)
    assert (note.record_id, note.version, note.body["turns"][1]["state"]) == ("1", 2, "accepted")
    store.save(desk, client, "note", {**note.body, "text": "手改"}, record_id="1", version=2)
    note, held = talks.keep(desk, client, held.number, held.version, client, DAY)
    assert (note.record_id, note.version) == ("2", 1)
    assert held.note == ("2", 1)


def test_killed_between_note_and_conversation_it_is_kept_once(desk: Desk) -> None:
    client = store.add_client(desk, "A-1")
    held = answered(desk, own(desk))
    talks.keep(desk, own(desk), held.number, held.version, client, DAY)
    # As it was before: the note was saved, the conversation still lies in the counsellor's own file.
    body = {**store.records(desk, client, "draft")[0].body, "note": None}
    store.save(desk, own(desk), "draft", body, record_id=f"talk {held.number}")
    note, moved = talks.keep(desk, own(desk), held.number, 1, client, DAY)
    assert (note.record_id, note.version) == ("1", 1)
    assert [one.number for one in talks.conversations(desk, client)[0]] == [moved.number]


@pytest.mark.parametrize("day", ["", "昨天", "2026-13-01", "2026-11-21T00", "20261121"])
def test_without_a_day_nothing_is_kept(desk: Desk, day: str) -> None:
    client = store.add_client(desk, "A-1")
    held = answered(desk, client)
    with pytest.raises(UsageError):
        talks.keep(desk, client, held.number, held.version, client, day)
    assert store.records(desk, client, "note") == []


def test_a_conversation_of_a_client_goes_into_no_other_file(desk: Desk) -> None:
    one, two = store.add_client(desk, "A-1"), store.add_client(desk, "B-2")
    held = answered(desk, one)
    for other in (two, own(desk)):
        with pytest.raises(UsageError):
            talks.keep(desk, one, held.number, held.version, other, DAY)
    stranger = add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0]
    for call in (
        lambda: talks.conversations(stranger, one),
        lambda: talks.say(stranger, one, 0, 0, "一"),
        lambda: talks.conversation(stranger, own(desk), held.number),
    ):
        with pytest.raises(DeskError):
            call()
    assert talks.conversations(desk, two)[0] == []


def test_a_page_that_sends_faster_than_it_hears_is_not_in_its_own_way(desk):
    first = talks.keep_typed(desk, own(desk), Typed("打到一", 0, 0, "t", 1))
    assert talks.keep_typed(desk, own(desk), Typed("打到一半", 0, 0, "t", 3)).version == first.version + 1
    assert talks.keep_typed(desk, own(desk), Typed("打到", 0, 0, "t", 2)).version == first.version + 1
    assert talks.conversations(desk, own(desk))[1].text == "打到一半"
    with pytest.raises(Conflict):
        talks.keep_typed(desk, own(desk), Typed("別的窗", 0, 0, "u", 9))
