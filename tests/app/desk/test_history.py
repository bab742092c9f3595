"""A client's history within a number of tokens: nothing is cut, left out or made up without a word."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from app.desk import store
from app.desk.asking import tokens
from app.desk.history import GROUP, History, Note, Summary, chosen, history_of
from app.desk.search import note_text
from app.desk.unlock import Desk
from tests.app.desk.answering import Hanging, Written, all_asked, model, said
from tests.app.desk.desks import opened
from xinheng.messages import Reply

NOTES = [Note(n, 1, f"2026-01-{n:02}", f"第{n}次：談了工作與睡眠。" * 6) for n in range(1, 26)]


def test_where_all_fits_all_is_given_whole() -> None:
    told = chosen(NOTES[:3], "怎麼辦", budget=5000)
    assert [(one.how, one.numbers, one.text) for one in told.given] == [
        ("whole", (n.number,), n.text) for n in NOTES[:3]
    ]
    assert told.left_out == ()


def test_recent_notes_are_whole_older_ones_summarised_and_what_bears_on_the_question_is_found() -> None:
    notes = [*NOTES]
    notes[1] = Note(2, 1, "2026-01-02", "閒談。\n他提到曾在高中被同學霸凌。\n道別。")
    ready = [Summary(tuple(range(1, 11)), "前十次談工作。", "m"), Summary(tuple(range(11, 21)), "後十次談睡眠。", "m")]
    told = chosen(notes, "霸凌對他有什麼影響？", budget=1200, summaries=ready)
    assert [(one.how, one.numbers[0]) for one in told.given][:3] == [("summary", 1), ("summary", 11), ("passage", 2)]
    assert "他提到曾在高中被同學霸凌。" in [one.text for one in told.given if one.how == "passage"]
    assert told.given[-1].numbers == (25,)
    assert told.given[-1].how == "whole"
    assert set(told.left_out) <= set(range(21, 26))


def test_of_one_note_that_is_too_long_its_beginning_is_given_and_said_to_be_that() -> None:
    told = chosen([Note(1, 1, "2026-01-01", "很長的話。" * 5000)], "？", budget=400)
    assert [one.how for one in told.given] == ["cut"]
    assert "只有開頭" in told.given[0].title("zh-Hant")
    assert sum(tokens(one.text) for one in told.given) <= 400
    assert chosen(NOTES, "？", budget=0) == History((), tuple(range(1, 26)))


WORDS = st.text(alphabet="他睡不好工作母親ab \n，", max_size=120)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=25), WORDS, st.integers(-50, 2500), st.lists(st.text(max_size=60), max_size=2))
def test_the_budget_holds_and_every_note_is_accounted_for(
    texts: list[str], question: str, budget: int, summaries: list[str]
) -> None:
    notes = [Note(n, 1, "", text) for n, text in enumerate(texts, 1)]
    ready = [Summary(tuple(range(1 + GROUP * n, 1 + GROUP * (n + 1))), t, "m") for n, t in enumerate(summaries)]
    ready = [one for one in ready if one.numbers[-1] <= len(notes)]
    told = chosen(notes, question, budget=budget, summaries=ready)
    assert sum(tokens(one.text) for one in told.given) <= max(budget, 0)
    shown = {number for one in told.given for number in one.numbers}
    assert shown | set(told.left_out) == {note.number for note in notes}
    assert not shown & set(told.left_out)
    for one in told.given:
        if one.how != "summary":
            assert one.text in notes[one.numbers[0] - 1].text


def test_the_words_of_a_note_are_read_whatever_it_keeps() -> None:
    assert (
        note_text({"date": "2026", "question": "問", "items": [{"item_id": "i1", "text": "答", "state": "added"}]})
        == "問\n答"
    )
    assert note_text({"turns": [{"speaker": "model", "text": "說", "state": "generated"}]}) == "說"
    assert note_text({"date": "2026", "text": "自由寫"}) == "自由寫"


def _client(desk: Desk, count: int) -> str:
    client = store.add_client(desk, "A")
    for n in range(1, count + 1):
        store.save(desk, client, "note", {"date": f"day {n}", "text": f"第{n}次會談，暗語{n}。" + "談了很多事。" * 30})
    return client


def test_summaries_are_sealed_used_again_and_made_anew_only_for_a_changed_note(desk: Desk) -> None:
    client = _client(desk, 24)
    chat = said("摘要甲：換了工作。")

    def history(asked: Written) -> History:
        return asyncio.run(history_of(desk, client, model(asked), "工作", budget=1500, language="zh-Hant"))

    told = history(chat)
    assert len(chat.asked) == 2
    assert [one.numbers[0] for one in told.given if one.how == "summary"] == [1, 11]
    assert history(chat) == told
    assert len(chat.asked) == 2
    held = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    for code in ("utf-8", "utf-16-le"):
        assert "摘要甲".encode(code) not in held
    assert {r.record_id for r in store.records(desk, client, "summary")} == {"1-10 zh-Hant", "11-20 zh-Hant"}
    store.save(desk, client, "note", {"text": "改過"}, record_id="3", version=1)
    history(other := said("摘要乙"))
    assert len(other.asked) == 1
    assert "改過" in all_asked(other)
    assert {r.body["text"][:3] for r in store.records(opened(desk.home), client, "summary")} == {"摘要甲", "摘要乙"}


def test_a_model_that_gives_no_summary_leaves_the_notes_told_as_left_out(desk: Desk) -> None:
    client = _client(desk, 24)
    for chat in (Written([Reply("", "error", problem="unavailable")]), Hanging([]), Written([RuntimeError("x")])):
        asked = model(chat, patience_s=0.05)
        told = asyncio.run(history_of(desk, client, asked, "工作", budget=1500, language="en"))
        assert [one.how for one in told.given if one.how == "summary"] == []
        assert told.left_out
        assert store.records(desk, client, "summary") == []
