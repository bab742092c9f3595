"""Documents are read whole, with their places; what is hostile ends with a message, not with the desk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.desk import library_kinds
from app.desk.library_reading import LARGEST_BYTES, Passage, answered, place, read_document, told
from tests.app.desk.papers import blank_pdf, bomb_pdf, docx, pdf, with_entry
from xinheng.errors import InputError

SECRET = "彼得潘的祕密"
BOOK = docx(
    [("Heading 1", "失眠"), ("Normal", "睡前滑手機。"), ("Heading 2", "哀傷"), ("Normal", "<script>alert(1)</script>")],
    [["量表", "分數"], ["=1+1", "@SUM(A1)"]],
)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"%PDF-1.7\n" + b"junk" * 50, "broken"),
        ("a.pdf", pdf("words")[:300], "broken|no text"),
        ("a.pdf", pdf(SECRET, password="open sesame"), "locked by a password"),
        ("a.pdf", blank_pdf(2), "no text"),
        ("a.docx", b"PK\x03\x04" + b"junk" * 50, "archive is broken"),
        ("a.docx", BOOK[: len(BOOK) // 2], "archive is broken"),
        ("a.docx", with_entry(docx([]), "word/document.xml", b"<not xml"), "broken"),
        ("a.docx", with_entry(BOOK, "word/document.xml", b" " * 60 * 2**20), "unpacks to too much"),
        ("a.docx", with_entry(BOOK, "word/media/a.bin", b"\0" * 300 * 2**20), "unpacks to too much"),
        ("a.zip", with_entry(b"PK\x05\x06" + b"\0" * 18, "a.txt", b"hello"), "no DOCX"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old Office file"),
        ("a.md", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\1" * 400, "kind of file|no text"),
        ("a.txt", bytes(range(128, 256)) * 20, "no text, or in an unknown encoding"),
        ("a.txt", b"  \n \n", "no text"),
        ("a.txt", b"a" * (LARGEST_BYTES + 1), "too large: want 64 MB"),
    ],
)
def test_what_cannot_be_read_is_said_without_a_word_of_it(name: str, data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_document(f"{SECRET}{name}", data)
    assert SECRET not in str(caught.value)


def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_said() -> None:
    bomb = bytearray(with_entry(BOOK, "word/document.xml", b"<a>" * 2**22))
    size = (3 * 2**22).to_bytes(4, "little")
    while (at := bomb.find(size)) >= 0:
        bomb[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(InputError, match="broken"):
        read_document("a.docx", bytes(bomb))


def test_entities_of_a_docx_are_neither_expanded_nor_loaded(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    entities = f'<!ENTITY a0 "haha">{laughs}<!ENTITY file SYSTEM "file://{tmp_path}/secret">'
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    text = "<w:p><w:r><w:t>before &a8; &file; after</w:t></w:r></w:p>"
    body = f'<!DOCTYPE x [{entities}]><w:document xmlns:w="{space}"><w:body>{text}</w:body></w:document>'
    try:
        found = read_document("a.docx", with_entry(BOOK, "word/document.xml", body.encode()))
    except InputError:
        return
    whole = "".join(passage.text for passage in found.passages)
    assert "haha" not in whole
    assert SECRET not in whole


def test_macros_and_scripts_are_not_read_and_markup_stays_text() -> None:
    found = read_document("a.docx", with_entry(BOOK, "word/vbaProject.bin", b"Sub AutoOpen() " * 50))
    assert [(p.heading, p.text) for p in found.passages] == [
        ("失眠", "失眠\n睡前滑手機。"),
        ("哀傷", "哀傷\n<script>alert(1)</script>\n量表 | 分數\n=1+1 | @SUM(A1)"),
    ]


def test_a_page_that_unpacks_to_400_megabytes_is_left_out() -> None:
    with pytest.raises(InputError, match=r"no text|too much memory"):
        read_document("a.pdf", bomb_pdf(4 * 10**8), longest_s=60)


def test_a_reading_without_end_is_stopped() -> None:
    with pytest.raises(InputError, match="no end after"):
        read_document("a.pdf", blank_pdf(100), longest_s=0.01)


def test_the_child_is_told_no_secret_and_no_name_that_others_could_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", SECRET)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\ncat > /dev/null\n(env; echo "$@") > {tmp_path}/seen\n')
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(InputError, match="within bounds"):
        read_document(f"{SECRET}.txt", b"x")
    assert "library_reading" in (tmp_path / "seen").read_text()
    assert SECRET not in (tmp_path / "seen").read_text()


def test_a_file_of_the_folder_where_the_desk_was_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "app", "logging"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert read_document("a.txt", b"hello world").passages[0].text == "hello world"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["report\u202efdp.exe\u200b.md", "  two\nlines\u2066.md"])
def test_a_title_hides_nothing(name: str) -> None:
    title = read_document(name, "睡前不滑手機。".encode()).title
    assert title in {"reportfdp.exe", "two lines"}


def test_reading_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert read_document("a.pdf", pdf(SECRET)).passages[0].text == SECRET
    assert read_document("a.txt", SECRET.encode("big5")).passages[0].text == SECRET
    assert list(tmp_path.rglob("*")) == []


def test_pages_are_numbered_and_what_was_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_kinds, "PAGES", 3)
    found = library_kinds.read_bytes("a.txt", pdf("first page\ngoes on", "", "第三頁\n的文字", "fourth", title="手冊"))
    assert found.title == "手冊"
    assert [(p.page, p.text) for p in found.passages] == [(1, "first page\ngoes on"), (3, "第三頁的文字")]
    assert dict(found.told) == {"as_content": "PDF", "pages_empty": 1, "pages_left": 1}
    assert told(found.told, "en")[0] == "read as PDF: that is what it holds"
    assert all(told(found.told, language) for language in ("zh-Hant", "zh-Hans"))


def test_a_pdf_of_5000_pages_ends_within_bounds() -> None:
    with pytest.raises(InputError, match=r"no text|no end"):
        read_document("a.pdf", blank_pdf(5000))


def test_places_are_headings_lines_and_rows() -> None:
    markdown = read_document("a.md", "# 一\n\n睡眠\n\n```\n# no heading\n```\n## 二 ##\n焦慮\n".encode())
    assert [(p.heading, p.row) for p in markdown.passages] == [("一", 1), ("二", 8)]
    table = read_document("a.csv", 'name,note\n"=HYPERLINK(""x"")","two\nlines"\n,\n@SUM,b\n'.encode("utf-16"))
    assert [(p.row, p.text) for p in table.passages] == [
        (2, 'name: =HYPERLINK("x")\nnote: two\nlines'),
        (5, "name: @SUM\nnote: b"),
    ]
    assert place(Passage("", heading="二", row=8), "zh-Hans") == "二，第 8 行"


def test_counselchat_gives_question_and_answer_and_no_therapist(shared_data: Path) -> None:
    file = next((shared_data / "qa_en" / "counsel-chat").rglob("*counsel*chat*.csv"))
    found = read_document(file.name, file)
    assert (found.kind, len(found.passages) > 500) == ("counselchat", True)
    assert not any("therapistName" in p.text or "http://" in p.text[:20] for p in found.passages)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=6000))
def test_no_word_of_a_text_is_lost_and_no_passage_is_too_long(text: str) -> None:
    try:
        found = library_kinds.read_bytes("a.txt", text.encode("utf-8", "replace"))
    except InputError:
        return
    assert all(0 < len(p.text.encode()) <= library_kinds.PASSAGE_BYTES + 40 for p in found.passages)
    kept = "".join("".join(p.text.split()) for p in found.passages)
    wanted = "".join(text.encode("utf-8", "replace").decode().split())
    if wanted.isprintable() and "\ufeff" not in wanted:
        assert kept == wanted


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=3000), st.sampled_from((b"", b"%PDF-1.4\n", b"PK\x03\x04")), st.sampled_from(("a.csv", "a.md"))
)
def test_any_bytes_are_read_or_refused(data: bytes, head: bytes, name: str) -> None:
    answer = answered(name, head + data)
    assert "problem" in answer or answer["passages"]
