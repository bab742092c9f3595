"""The library answers with passages and where they stand; it is sealed, and one counsellor's is not another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.desk import checking, library, store
from app.desk.draft_json import draft_to_json
from app.desk.items import Draft, proposed, regenerated
from app.desk.rotation import rotate
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.desks import QUICK, WORDS, opened
from tests.app.desk.papers import pdf
from xinheng.errors import DeskError, UsageError

PLANTED = "彼得潘住在永無島的樹洞裡"


def test_a_question_is_answered_with_the_page_and_the_words(desk: Desk) -> None:
    library.add_document(desk, "a.pdf", pdf("焦慮與呼吸", "失眠的人睡前不要滑手機", title="睡眠手冊"))
    library.add_document(desk, "b.csv", b"question,answer\nsad?,Grief comes in waves.\n")
    (first, *_) = library.open_library(desk).ask("睡前可以滑手机吗")
    assert first.where("zh-Hant") == "[1] 睡眠手冊，第 2 頁"
    assert "睡前不要滑手機" in first.source.passage.text[first.start : first.end]
    (grief, *_) = library.open_library(desk).ask("grief")
    assert grief.where("en") == "[1] b, line 2"
    assert grief.as_json("en")["row"] == 2
    assert library.open_library(desk).ask("zebra") == []


def test_past_cases_are_the_notes_as_they_stand_now_and_the_present_client_can_be_left_out(desk: Desk) -> None:
    a, b = store.add_client(desk, "A-01"), store.add_client(desk, "B-02")
    draft = regenerated(proposed(Draft("夢見燈塔"), {"reason": ["從前的說法"]}), "i1", "想念故鄉")
    store.save(desk, a, "note", {"draft": draft_to_json(draft)})
    store.save(desk, b, "note", {"text": "也夢見燈塔"})
    opened_library = library.open_library(desk)
    assert {(c.source.title, c.source.note) for c in opened_library.ask("夢見燈塔")} == {("A-01", "1"), ("B-02", "1")}
    assert [c.source.client_id for c in opened_library.ask("夢見燈塔", without=a)] == [b]
    assert opened_library.ask("從前的說法") == []
    assert library.open_library(desk, cases=False).ask("燈塔") == []


def test_two_counsellors_share_neither_documents_nor_cases(desk: Desk) -> None:
    other, _ = add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)
    held, _ = library.add_document(desk, "a.txt", PLANTED.encode())
    store.save(desk, store.add_client(desk, "A"), "note", {"text": PLANTED})
    assert library.documents(other) == []
    assert library.open_library(other).ask(PLANTED) == []
    with pytest.raises(DeskError, match="no such document"):
        library.remove_document(other, held.document_id)


def test_nothing_of_a_document_is_in_any_file_and_removed_is_gone(desk: Desk) -> None:
    held, _ = library.add_document(desk, "planted-name.txt", PLANTED.encode(), title="planted-title")
    library.open_library(desk).ask("永無島")
    whole = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    for planted in (PLANTED, "planted-name", "planted-title", "永無島"):
        assert planted.encode() not in whole
        assert planted.encode("unicode-escape") not in whole or planted.isascii()
    library.remove_document(desk, held.document_id)
    assert library.documents(desk) == []
    assert library.open_library(desk).ask("永無島") == []
    assert [path for path in (desk.home / "files").rglob("*") if path.is_file()] == []
    assert checking.verify(desk).wrong == []
    with pytest.raises(DeskError, match="removed before"):
        library.remove_document(desk, held.document_id)


def test_it_opens_after_unlocking_again_and_after_rotation(desk: Desk) -> None:
    library.add_document(desk, "a.txt", PLANTED.encode())
    again = opened(desk.home)
    rotate(again, passphrase=WORDS, cost=QUICK)
    assert library.open_library(opened(desk.home)).ask("永无岛")[0].source.title == "a"


def test_a_changed_file_is_named_and_a_document_is_held_once(desk: Desk) -> None:
    library.add_document(desk, "a.txt", PLANTED.encode())
    with pytest.raises(UsageError, match="is there"):
        library.add_document(desk, "a.txt", PLANTED.encode())
    (file,) = [path for path in (desk.home / "files").rglob("*") if path.is_file()]
    body = bytearray(file.read_bytes())
    body[30] ^= 1
    file.write_bytes(bytes(body))
    with pytest.raises(DeskError, match="changed"):
        library.open_library(desk)


def test_a_hostile_title_stays_text_on_one_line(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf("words here", title="<script>\n![x](http://a.b)"))
    held, _ = library.add_document(desk, "x.pdf", path)
    assert held.title == "<script> ![x](http://a.b)"
