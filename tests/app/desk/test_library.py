"""The library answers with passages and where they stand; it is sealed, and one counsellor's is not another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.desk import checking, erasure, library, library_documents, store
from app.desk.draft_json import draft_to_json
from app.desk.items import Draft, proposed, regenerated
from app.desk.library_meaning import with_vectors
from app.desk.rotation import rotate
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.desks import QUICK, WORDS, opened
from tests.app.desk.papers import pdf
from xinheng.errors import DeskError, ModelError, UsageError

PLANTED = "彼得潘住在永無島的樹洞裡"


def test_a_question_is_answered_with_the_page_and_the_words(desk: Desk) -> None:
    library_documents.add_document(desk, "a.pdf", pdf("焦慮與呼吸", "失眠的人睡前不要滑手機", title="睡眠手冊"))
    library_documents.add_document(desk, "b.csv", b"question,answer\nsad?,Grief comes in waves.\n")
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
    kept = [cited.as_json("zh-Hant") for cited in opened_library.ask("夢見燈塔", without=a)]
    assert [one["where"] for one in kept] == ["[1] 過往個案，紀錄 1"]
    assert "B-02" not in str(kept)
    assert opened_library.ask("從前的說法") == []
    assert opened_library.ask("燈塔", cases=False) == []


def test_two_counsellors_share_neither_documents_nor_cases(desk: Desk) -> None:
    other, _ = add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)
    held, _ = library_documents.add_document(desk, "a.txt", PLANTED.encode())
    store.save(desk, store.add_client(desk, "A"), "note", {"text": PLANTED})
    assert library_documents.documents(other) == []
    assert library.open_library(other).ask(PLANTED) == []
    with pytest.raises(DeskError, match="no such document"):
        library_documents.remove_document(other, held.document_id)


def test_nothing_of_a_document_is_in_any_file_and_removed_is_gone(desk: Desk) -> None:
    held, _ = library_documents.add_document(desk, "planted-name.txt", PLANTED.encode(), title="planted-title")
    library.open_library(desk).ask("永無島")
    whole = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    for planted in (PLANTED, "planted-name", "planted-title", "永無島"):
        assert planted.encode() not in whole
        assert planted.encode("unicode-escape") not in whole or planted.isascii()
    library_documents.remove_document(desk, held.document_id)
    assert library_documents.documents(desk) == []
    assert library.open_library(desk).ask("永無島") == []
    assert [path for path in (desk.home / "files").rglob("*") if path.is_file()] == []
    assert checking.verify(desk).wrong == []
    with pytest.raises(DeskError, match="removed before"):
        library_documents.remove_document(desk, held.document_id)


def test_it_opens_after_unlocking_again_and_after_rotation(desk: Desk) -> None:
    library_documents.add_document(desk, "a.txt", PLANTED.encode())
    again = opened(desk.home)
    rotate(again, passphrase=WORDS, cost=QUICK)
    assert library.open_library(opened(desk.home)).ask("永无岛")[0].source.title == "a"


def test_a_changed_file_is_named_the_others_answer_and_a_document_is_held_once(desk: Desk) -> None:
    held, _ = library_documents.add_document(desk, "a.txt", PLANTED.encode())
    with pytest.raises(UsageError, match="is there"):
        library_documents.add_document(desk, "a.txt", PLANTED.encode())
    (file,) = [path for path in (desk.home / "files").rglob("*") if path.is_file()]
    body = bytearray(file.read_bytes())
    body[30] ^= 1
    file.write_bytes(bytes(body))
    library_documents.add_document(desk, "b.txt", "另一份文件說永無島不遠。".encode())
    told = library.open_library(desk)
    ((wrong, why),) = told.wrong
    assert (wrong, "changed" in str(why)) == (held.document_id, True)
    assert [cited.source.title for cited in told.ask("永無島")] == ["b"]


def test_a_hostile_title_stays_text_on_one_line(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf("words here", title="<script>\n![x](http://a.b)"))
    held, _ = library_documents.add_document(desk, "x.pdf", path)
    assert held.title == "<script> ![x](http://a.b)"


def test_what_was_saved_since_is_read_and_nothing_else(desk: Desk) -> None:
    a, b = store.add_client(desk, "A-01"), store.add_client(desk, "B-02")
    for client in (a, b):
        store.save(desk, client, "note", {"text": "夢見燈塔"})
    held, _ = library_documents.add_document(desk, "a.txt", PLANTED.encode())
    first = library.open_library(desk)
    store.save(desk, a, "note", {"text": "後來夢見鯨魚"}, record_id="1", version=1)
    heard = []
    second = library.open_library(desk, before=first, tell=lambda done, of: heard.append((done, of)))
    assert heard == [(1, 1)]
    assert [cited.source.client_id for cited in second.ask("鯨魚")] == [a]
    assert [cited.source.client_id for cited in second.ask("燈塔")] == [b]
    store.add_client(desk, "C-03")
    library_documents.remove_document(desk, held.document_id)
    assert library.open_library(desk, before=second, tell=lambda *_: pytest.fail("read again")).ask("永無島") == []
    erasure.erase(desk, a)
    assert library.open_library(desk, before=second).ask("鯨魚") == []


def test_what_a_client_is_called_now_is_what_is_cited(desk: Desk) -> None:
    client = store.add_client(desk, "A-01")
    store.save(desk, client, "note", {"text": "夢見燈塔"})
    first = library.open_library(desk)
    store.save(desk, client, "info", {"code": "Z-99"}, record_id="code", version=1)
    assert library.open_library(desk, before=first).ask("燈塔")[0].source.title == "Z-99"


def test_vectors_are_made_once_lie_sealed_and_go_with_their_document(desk: Desk) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        asked.extend(texts)
        return np.array([["悲" in text or "grief" in text, 0.1] for text in texts], dtype=np.float32)

    client = store.add_client(desk, "A-01")
    store.save(desk, client, "note", {"text": "今天很悲傷"})
    held, _ = library_documents.add_document(desk, "grief.txt", b"It comes in waves: grief.")
    opened_library = library.open_library(desk, embed=embed)
    parts = tuple(with_vectors(desk, part, "m", embed) for part in opened_library.parts)
    assert len(asked) == 2
    meant = replace(opened_library, parts=parts).asked("悲痛")
    assert meant.by_meaning
    assert {cited.source.title for cited in meant.cited} == {"grief", "A-01"}
    asked.clear()
    again = [with_vectors(desk, part, "m", embed) for part in library.open_library(opened(desk.home)).parts]
    # Of the document they were kept; of notes nothing is.
    assert ["悲傷" in text for text in asked] == [True]
    assert np.allclose(again[0].found.vectors, parts[0].found.vectors, atol=1e-3)
    with_vectors(desk, opened_library.parts[0], "another model", embed)
    files = [path for path in (desk.home / "files").rglob("*") if path.is_file()]
    assert len(files) == 2
    library_documents.remove_document(desk, held.document_id)
    assert [path for path in (desk.home / "files").rglob("*") if path.is_file()] == []
    # A model that was slow is late: nothing is kept of what was taken out.
    with_vectors(desk, opened_library.parts[0], "m", embed)
    assert [path for path in (desk.home / "files").rglob("*") if path.is_file()] == []
    assert checking.verify(desk).wrong == []


def test_a_model_that_is_away_leaves_words_to_decide(desk: Desk) -> None:
    def away(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise ModelError("model", "no vectors")

    library_documents.add_document(desk, "a.txt", PLANTED.encode())
    made = library.open_library(desk, embed=away)
    part = replace(made.parts[0], found=replace(made.parts[0].found, vectors=np.ones((1, 2), dtype=np.float32)))
    told = replace(made, parts=(part,)).asked("永無島")
    assert ([cited.source.title for cited in told.cited], told.by_meaning) == (["a"], False)
