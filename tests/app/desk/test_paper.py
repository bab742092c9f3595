"""Exports show what is kept, in every form and script, and let no text become markup."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.desk import audit, chatting, paper, paper_office, store
from app.desk.database import read
from app.desk.draft_json import draft_to_json
from app.desk.items import Draft, accepted, commented, proposed
from app.desk.paper import FORMS, Block, Form
from app.desk.store import Record
from app.desk.unlock import Desk
from xinheng.errors import DeskError, InputError, UsageError

HOSTILE = "<script>alert(1)</script> ![x](http://a.b/c.png) =HYPERLINK(1) [a](javascript:x) www.a.b &amp; {{x}}"
CHINESE = "她說「我睡不著」，这是简体：睡觉、焦虑"


def note(**more: object) -> Record:
    draft = proposed(Draft(CHINESE), {"symptom": ["失眠"], "reason": [HOSTILE], "advice": ["第一行\n第二行"]})
    draft = commented(accepted(draft, "i1"), "i2", "再想想")
    return Record("note", "3", 2, {"draft": draft_to_json(draft), "date": "2026-11-02", **more})


def pdf_text(data: bytes) -> str:
    import pypdf

    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def docx_text(data: bytes) -> list[str]:
    import docx

    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_every_form_holds_question_items_and_what_nobody_accepted(language: str) -> None:
    blocks = paper.note_blocks(note(), language, code="A-01")
    mark = paper.word("generated", language)
    texts = {
        "html": paper.paper(blocks, "html", language).decode(),
        "docx": "\n".join(docx_text(paper.paper(blocks, "docx", language))),
        "pdf": pdf_text(paper.paper(blocks, "pdf", language)),
    }
    for text in texts.values():
        bare = re.sub(r"\s", "", text)
        for wanted in (CHINESE, "失眠", "第二行", "A-01", "2026-11-02", paper.word("advice", language)):
            assert re.sub(r"\s", "", wanted) in bare
        assert bare.count(re.sub(r"\s", "", mark)) == 2
        assert "再想想" not in bare
    assert "再想想" in repr([b.text for b in paper.note_blocks(note(), language, comments=True)])


def test_a_kept_conversation_shows_who_said_what_and_what_a_model_said_is_marked() -> None:
    said = (("counsellor", "怎麼辦？", "typed"), ("model", "早點睡", "generated"), ("model", "散步", "broken"))
    talk = chatting.accepted(chatting.Talk(tuple(chatting.Turn(*turn) for turn in said)), 1)
    kept = chatting.kept_as_note(talk, date="2026-11-02", model="nano")
    blocks = paper.note_blocks(Record("note", "1", 1, kept), "zh-Hant")
    shown = [(block.text, block.generated) for block in blocks if block.style == "text"]
    assert shown == [("怎麼辦？", False), ("早點睡", False), ("散步", True)]
    assert [block.text for block in blocks if block.style == "subheading"] == ["諮商師", "模型", "模型"]


def test_a_page_to_print_has_no_markup_of_its_texts_and_loads_nothing() -> None:
    page = paper.paper(paper.note_blocks(note(), "en"), "html", "en").decode()
    assert set(re.findall(r"<(\w+)", page)) == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span",
    }  # fmt: skip
    assert "default-src 'none'" in page
    assert not re.search(r"<[^>]*\s(src|href|on\w+)=", page)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="*_`<>[]()!#-+=|~1.)>&:/@www.htp \n\t\\", max_size=40)))
def test_markdown_shows_the_text_and_nothing_but_it(text: str) -> None:
    for style in ("text", "item", "heading"):
        made = paper.paper([Block(style, text)], "markdown", "en").decode()  # type: ignore[arg-type]  # of the styles
        html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(made)
        assert set(re.findall(r"<(\w+)", html)) <= {"p", "ul", "li", "h2", "br"}
        shown = re.sub(r"<br />", " ", html)
        shown = re.sub(r"<[^>]+>", "", shown)
        import html as entities

        seen = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "", text)
        assert "".join(entities.unescape(shown).split()) == "".join(seen.split()).replace("\x00", "\ufffd")


def test_addresses_in_markdown_become_no_links() -> None:
    for address in ("http://a.b/c", "https://a.b", "www.a.b", "a@b.cd", "mailto:a@b.cd", "<http://a.b>"):
        made = paper.paper([Block("text", address)], "markdown", "en").decode()
        assert made.strip() != address
        assert "<a" not in MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(made)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_docx_and_pdf_are_made_of_any_text(text: str) -> None:
    blocks = [Block("title", text), Block("item", text, generated=True), Block("small", text)]
    assert zipfile.ZipFile(io.BytesIO(paper.paper(blocks, "docx", "zh-Hant"))).testzip() is None
    assert paper.paper(blocks, "pdf", "zh-Hant").startswith(b"%PDF-")


def test_traditional_signs_are_in_the_traditional_fonts_own_table() -> None:
    """Poppler shows nothing of a font whose signs are named by another collection's table."""
    import pypdf

    data = paper.paper(paper.note_blocks(note(), "zh-Hant"), "pdf", "zh-Hant")
    fonts = [f.get_object() for f in pypdf.PdfReader(io.BytesIO(data)).pages[0]["/Resources"]["/Font"].values()]
    tables = {f["/BaseFont"]: f["/Encoding"] for f in fonts}
    assert tables["/MSung-Light"] == "/UniCNS-UCS2-H"
    assert tables["/STSong-Light"] == "/UniGB-UCS2-H"


def test_a_sign_without_a_font_is_shown_by_its_number_and_a_font_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "[U+1F600]" in pdf_text(paper.paper([Block("text", "😀")], "pdf", "en"))
    monkeypatch.setenv("XINHENG_DESK_FONT", __file__)
    with pytest.raises(InputError, match="XINHENG_DESK_FONT"):
        paper.paper([Block("text", "x")], "pdf", "en")


def test_a_font_of_the_users_is_put_in_and_its_words_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdf
    import reportlab

    font = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    monkeypatch.setenv("XINHENG_DESK_FONT", str(font))
    data = paper.paper([Block("text", "Grüße & <b>Łó</b> 失眠 😀"), Block("item", "ﬁne")], "pdf", "zh-Hant")
    fonts = [f.get_object() for f in pypdf.PdfReader(io.BytesIO(data)).pages[0]["/Resources"]["/Font"].values()]
    held = {f["/BaseFont"]: f["/FontDescriptor"] for f in fonts if "/FontDescriptor" in f}
    assert any("Vera" in name and "/FontFile2" in described for name, described in held.items())
    shown = pdf_text(data)
    assert "Grüße & <b>Łó</b>" in shown
    assert "失眠" in shown
    assert "[U+1F600]" in shown


def test_a_very_long_line_is_set_in_parts_that_lose_no_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "".join(f"第{n}句話，她說睡不著。" for n in range(1500)) + "x" * 7000
    shown = re.sub(r"\s", "", pdf_text(paper.paper([Block("text", line)], "pdf", "zh-Hant")))
    # The number of each page stands at its foot.
    assert len(shown) - len(line) < 40
    assert all(f"第{n}句話，她說睡不著。" in shown for n in range(0, 1500, 50))
    monkeypatch.setattr(paper_office, "LONGEST_PDF", 100)
    with pytest.raises(UsageError, match="too long for a PDF"):
        paper.paper([Block("text", "x" * 60), Block("item", "y" * 41)], "pdf", "en")


def test_a_docx_names_no_maker_and_long_files_have_many_pages() -> None:
    import docx
    import pypdf

    blocks = [Block("text", CHINESE * 20) for _ in range(60)]
    facts = docx.Document(io.BytesIO(paper.paper(blocks, "docx", "en"))).core_properties
    assert (facts.author, facts.comments) == ("", "")
    assert len(pypdf.PdfReader(io.BytesIO(paper.paper(blocks, "pdf", "zh-Hans"))).pages) > 3


def test_a_clients_whole_file_holds_information_consent_and_every_note(desk: Desk) -> None:
    client = store.add_client(desk, "A-01")
    store.save(desk, client, "info", {"demographic": "三十歲", "mental": ""}, record_id="basic")
    store.save(desk, client, "consent", {"given": True, "how": "簽名"}, record_id="training")
    for n in range(3):
        store.save(desk, client, "note", {"text": f"第{n}次", "date": "2026-11-02"})
    store.save(desk, client, "attachment", {"name": "letter.pdf", "file": "x", "key": "planted-key", "size": 3})
    text = "".join(docx_text(paper.export_client(desk, client, "docx", "zh-Hant")))
    for wanted in ("A-01", "人口學資料：三十歲", "訓練，已同意，簽名", "第0次", "第2次", "letter.pdf"):
        assert wanted in text
    assert "planted-key" not in text


@pytest.mark.parametrize("form", FORMS)
def test_what_goes_out_stands_in_the_log_without_a_word_of_it(desk: Desk, form: Form) -> None:
    client = store.add_client(desk, "A-01")
    store.save(desk, client, "note", {"text": CHINESE})
    assert paper.export_note(desk, client, "1", form, "zh-Hant")
    last = read(desk.engine, lambda c: list(audit.entries(c, desk.counsellor_id, desk.keys)))[-1].facts
    assert (last["action"], last["what"], last["form"], last["client"]) == ("exported", "note", form, client)
    assert CHINESE not in str(last)
    assert not any(CHINESE.encode() in p.read_bytes() for p in desk.home.rglob("*") if p.is_file())
    with pytest.raises(DeskError, match="no such note"):
        paper.export_note(desk, client, "2", form, "en")


def test_unknown_forms_and_languages_are_refused() -> None:
    with pytest.raises(UsageError, match="form"):
        paper.paper([], "rtf", "en")  # type: ignore[arg-type]  # a form that is none
    with pytest.raises(UsageError, match="language"):
        paper.note_blocks(note(), "fr")
