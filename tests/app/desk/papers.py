"""Files for tests of the library, honest and hostile, made here."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence


def pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    """A PDF with a page of Chinese or English text each."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.setTitle(title)
    for page in pages:
        canvas.setFont("STSong-Light", 12)
        for n, line in enumerate(page.split("\n")):
            canvas.drawString(60, 780 - 20 * n, line)
        canvas.showPage()
    canvas.save()
    return locked(out.getvalue(), password) if password else out.getvalue()


def locked(data: bytes, password: str) -> bytes:
    """A PDF under a password."""
    import pypdf

    writer = pypdf.PdfWriter(io.BytesIO(data))
    writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def blank_pdf(pages: int) -> bytes:
    """A PDF of so many pages that share one empty sheet."""
    import pypdf

    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb_pdf(size: int) -> bytes:
    """A PDF whose one page draws so many bytes of text, packed."""
    import pypdf
    from pypdf.generic import NameObject, StreamObject

    packer, part = zlib.compressobj(9), b"(words) Tj\n" * 100_000
    stream = StreamObject()
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    stream.set_data(b"".join([*(packer.compress(part) for _ in range(size // len(part))), packer.flush()]))
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(200, 200)
    page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(paragraphs: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]] = ()) -> bytes:
    """A DOCX of (style, text), with a table at the end."""
    import docx as office

    document = office.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    if rows:
        table = document.add_table(len(rows), len(rows[0]))
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_entry(data: bytes, name: str, body: bytes) -> bytes:
    """An archive with one more entry, or with an entry replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, body)
    return out.getvalue()
