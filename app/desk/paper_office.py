"""Sheets as DOCX and PDF, Chinese shown by fonts that a reader has: no font comes with this project.

A PDF names the standard Chinese, Japanese and Korean fonts that every reader substitutes, sign by sign, since none of
them holds all; with a TrueType font of the user's, that one is put in. A sign that no font has is shown as its number.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from app.desk.paper import Block, word
from xinheng.errors import InputError, UsageError

FONT: Final = "XINHENG_DESK_FONT"
# About 15 s of work.
LONGEST_PDF: Final = 1_000_000
_LONGEST_LINE: Final = 3_000
_SENTENCE: Final = re.compile(r"[。！？；]|[.!?;] | (?=\S)")
_LATIN: Final = "Helvetica"
# Which signs each standard font has is what its country's encoding has.
_CODECS: Final = {
    "MSung-Light": "big5",
    "STSong-Light": "gbk",
    "HeiseiMin-W3": "shift_jis",
    "HYSMyeongJo-Medium": "euc_kr",
}
_SIZES: Final = {"title": 16, "heading": 12.5, "subheading": 11, "text": 10.5, "item": 10.5, "small": 8.5}
_EAST: Final = {"zh-Hant": "Microsoft JhengHei", "zh-Hans": "Microsoft YaHei", "en": "Microsoft JhengHei"}
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def docx_bytes(blocks: list[Block], language: str) -> bytes:
    """A sheet as DOCX, with real headings and lists, and Chinese fonts named for Chinese signs."""
    import docx
    from docx.shared import Pt, RGBColor

    document = docx.Document()
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Heading 3", "List Bullet"):
        _fonts(document.styles[name], language)
    document.styles["Normal"].font.size = Pt(10.5)
    styles = {"title": "Heading 1", "heading": "Heading 2", "subheading": "Heading 3", "item": "List Bullet"}
    for block in blocks:
        paragraph = document.add_paragraph(style=styles.get(block.style, "Normal"))
        run = paragraph.add_run(_seen(block.text).strip())
        if block.style == "small":
            run.font.size, run.font.color.rgb = Pt(8.5), RGBColor(0x55, 0x55, 0x55)
        if block.generated:
            mark = paragraph.add_run(" " + word("generated", language))
            mark.italic, mark.font.size, mark.font.color.rgb = True, Pt(8.5), RGBColor(0x55, 0x55, 0x55)
    facts = document.core_properties
    facts.author = facts.comments = facts.last_modified_by = ""
    facts.title, facts.language = _seen(blocks[0].text)[:200] if blocks else "", language
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _fonts(style: Any, language: str) -> None:
    from docx.oxml.ns import qn

    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in list(fonts.attrib):
        if "heme" in name:  # a theme's font goes before one that is named
            del fonts.attrib[name]
    fonts.set(qn("w:eastAsia"), _EAST[language])
    for name in ("w:ascii", "w:hAnsi"):
        fonts.set(qn(name), "Calibri")


def pdf_bytes(blocks: list[Block], language: str) -> bytes:
    """A sheet as PDF on A4, with page numbers.

    Raises:
        InputError: The font that the user named is none that can be put in.
        UsageError: It is too long; it would take minutes.
    """
    signs = sum(len(block.text) for block in blocks)
    if signs > LONGEST_PDF:
        want, mend = f"{LONGEST_PDF:,} characters", "Take another form."
        raise UsageError("paper", "too long for a PDF", want=want, have=f"{signs:,}", mend=mend)
    from reportlab.lib.colors import HexColor
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import cm
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    own = _own_font(os.environ.get(FONT, ""))
    _register()
    story = []
    for block in blocks:
        size = _SIZES[block.style]
        head = block.style in ("title", "heading", "subheading")
        style = ParagraphStyle(
            block.style, fontName=_LATIN, fontSize=size, leading=size * 1.55, spaceBefore=size * (0.7 if head else 0.1),
            spaceAfter=size * 0.25, leftIndent=14 if block.style == "item" else 0, bulletIndent=2,
            textColor=HexColor("#555555" if block.style == "small" else "#111111"), keepWithNext=int(head),
            wordWrap="CJK" if re.search("[\u2e80-\uffef]", block.text) else None,
        )  # fmt: skip
        for n, line in enumerate(_parts(_seen(block.text).strip())):
            text = _set(line, language, own) or "&nbsp;"
            story.append(Paragraph(text, style, bulletText="–" if block.style == "item" and not n else None))
        if block.generated:
            mark = ParagraphStyle("mark", parent=style, fontSize=8.5, textColor=HexColor("#555555"))
            story.append(Paragraph(_set(word("generated", language), language, own), mark))
    out = io.BytesIO()

    def numbered(canvas: Any, document: Any) -> None:
        canvas.setFont(_LATIN, 8)
        canvas.drawCentredString(A4[0] / 2, 1.1 * cm, str(document.page))

    title = _seen(blocks[0].text)[:200] if blocks else ""
    document = SimpleDocTemplate(
        out, pagesize=A4, margin=2 * cm, leftMargin=2 * cm, rightMargin=2 * cm, topMargin=1.8 * cm,
        bottomMargin=2 * cm, title=title, author="", lang=language,
    )  # fmt: skip
    document.build(story, onFirstPage=numbered, onLaterPages=numbered)
    return out.getvalue()


def _parts(text: str) -> Iterator[str]:
    """A text's lines, very long ones in parts that end where a sentence does.

    To set a line takes the square of its length: one of 100,000 signs took 35 s.
    """
    for line in text.split("\n"):
        rest = line
        while len(rest) > _LONGEST_LINE:
            ends = [end.end() for end in _SENTENCE.finditer(rest, _LONGEST_LINE // 2, _LONGEST_LINE)]
            at = ends[-1] if ends else _LONGEST_LINE
            yield rest[:at]
            rest = rest[at:]
        yield rest


def _set(line: str, language: str, own: frozenset[int] | None) -> str:
    """A line with each run of signs in a font that has them."""
    runs = groupby(_shown(line, language, own), key=lambda pair: pair[1])
    parts = ((font, "".join(sign for sign, _ in run)) for font, run in runs)
    return "".join(f'<font name="{font}">{escape(text)}</font>' for font, text in parts)


def _shown(line: str, language: str, own: frozenset[int] | None) -> Iterator[tuple[str, str]]:
    for sign in line.replace("\t", "    "):
        font = "own" if own is not None and ord(sign) in own else _font_of(sign, language)
        yield from ((sign, font),) if font else ((each, _LATIN) for each in f"[U+{ord(sign):04X}]")


@cache
def _font_of(sign: str, language: str) -> str:
    """The first font that has a sign; empty where none has."""
    if _has(sign, "cp1252"):
        return _LATIN
    if ord(sign) > 0xFFFF:
        return ""
    first = "STSong-Light" if language == "zh-Hans" else "MSung-Light"
    return next((name for name in (first, *_CODECS) if _has(sign, _CODECS[name])), "")


def _has(sign: str, codec: str) -> bool:
    try:
        sign.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@cache
def _register() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    for name in _CODECS:
        font = UnicodeCIDFont(name)
        if name == "MSung-Light":
            # reportlab names the table of Simplified signs for it, by which strict readers show nothing at all.
            font.encodingName = "UniCNS-UCS2-H"
        pdfmetrics.registerFont(font)


@cache
def _own_font(path: str) -> frozenset[int] | None:
    """The signs of a TrueType font of the user's, made known under the name `own`; None where none is named."""
    if not path:
        return None
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        font = TTFont("own", Path(path))
    except (TTFError, OSError) as error:
        raise InputError(
            "paper", f"{FONT} names no TrueType font", have=type(error).__name__, mend="CFF fonts do not fit."
        ) from None
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
