"""Words found in notes, whichever script they were written in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk.search import NoteTexts
from xinheng.text import folded

PAIRS = (
    *("愛爱", "臺台", "裡里", "裏里", "裏裡", "著着", "妳你", "麼么", "後后", "憂忧", "鬱郁", "癥症", "歎叹", "週周"),
    *("牠它", "瞭了", "藉借", "甚什", "覆复", "慾欲", "喫吃", "夢梦", "療疗"),
)


def held(*texts: str) -> NoteTexts:
    found = NoteTexts()
    for number, text in enumerate(texts, 1):
        found.put("a", str(number), text)
    return found


@pytest.mark.parametrize("query", ["", "  ", "　", "\ud800", "\x00"])
def test_what_is_no_word_finds_nothing(query: str) -> None:
    assert held("睡不著", "").find(query) == []


@pytest.mark.parametrize("pair", PAIRS)
def test_either_script_finds_what_was_written_in_the_other(pair: str) -> None:
    one, other = (f"她說{sign}了三次" for sign in pair)
    for written, asked in ((one, other), (other, one)):
        hits = held("無關", written).find(asked)
        assert [(hit.record_id, hit.score > 1) for hit in hits] == [("2", True)]


def test_a_whole_sentence_is_found_in_both_directions() -> None:
    texts = held(
        "她最近總是睡不著，甚麼都不想吃，和媽媽吵架後在臺北的家裡躲著",
        "她最近总是睡不着，什么都不想吃，和妈妈吵架后在台北的家里躲着",
    )
    for query in ("甚麼都不想吃", "什么都不想吃", "在臺北的家裏", "在台北的家里", "吵架後", "睡不着"):
        assert {hit.record_id for hit in texts.find(query)} == {"1", "2"}


def test_a_whole_page_pasted_in_finds_the_note_it_is_like() -> None:
    page = "".join(chr(0x4E00 + n) for n in range(0, 4000, 2))
    assert [hit.record_id for hit in held("無關", page + "了").find(page + "嗎")] == ["2"]


def test_another_word_is_not_found_for_its_likeness() -> None:
    assert held("愛", "台").find("受") == []


@given(st.text())
def test_folding_twice_is_folding_once_and_any_text_can_be_asked_for(text: str) -> None:
    once = folded(text)
    assert folded(folded(once)) == folded(once)
    words = once.split()
    assert bool(held(text).find(text)) == bool(words)
