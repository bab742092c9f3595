"""What each kind of file holds: PDF, DOCX, Markdown, text and CSV, from bytes, cut into passages.

Nothing in a file is run, followed or loaded: no script, macro, link or picture. Markup stays the text that it is.
"""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from app.desk.library_reading import Document, Passage, one_line
from xinheng.errors import InputError

PAGES: Final = 3_000
CHARACTERS: Final = 12_000_000
PASSAGE_BYTES: Final = 1_400
_UNPACKED_BYTES: Final = 256 * 2**20
_XML_BYTES: Final = 48 * 2**20
_ENTRIES: Final = 5_000
_WHO: Final = "library"
_COUNSELCHAT: Final = ("questionTitle", "questionText", "answerText")
_WANT: Final = "PDF, DOCX, Markdown, text or CSV"

_ENDS: Final = re.compile(r"(?<=[。！？!?；;\n])|(?<=[.] )")
_BETWEEN_HAN: Final = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])[ \t]*\n[ \t]*(?=[\u3000-\u9fff\uff00-\uffef])")
_HYPHEN: Final = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def read_bytes(name: str, data: bytes) -> Document:
    """A file's passages, by what its bytes are.

    Raises:
        InputError: It is locked, broken, of another kind or without text.
    """
    suffix = Path(name).suffix.lower()
    if b"%PDF-" in data[:1024]:
        found, kind = _pdf(name, data), "pdf"
    elif data.startswith(b"PK\x03\x04"):
        found, kind = _docx(name, data), "docx"
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            _WHO, "an old Office file, or one locked by a password", want=_WANT, mend="Save it as DOCX, unlocked."
        )
    else:
        found, kind = _plain(name, suffix, data), ""
    if kind and suffix != f".{kind}":
        found = Document(found.title, found.kind, found.passages, (("as_content", kind.upper()), *found.told))
    if not found.passages:
        raise InputError(_WHO, "no text in this file", mend="A scan needs text recognition first.")
    return found


# ---- PDF


def _pdf(name: str, data: bytes) -> Document:
    import pypdf

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(_WHO, "the PDF is locked by a password", mend="Save a copy without a password.")
        count = len(reader.pages)
    except pypdf.errors.PyPdfError as error:
        raise InputError(_WHO, "the PDF is broken", have=type(error).__name__, mend="Save it anew.") from None
    tally: Counter[str] = Counter()
    tally["pages_left"] = max(0, count - PAGES)

    def pages() -> Iterator[Passage]:
        for number in range(min(count, PAGES)):
            try:
                text = reader.pages[number].extract_text()
            except (MemoryError, RecursionError):
                raise
            except Exception:  # noqa: BLE001  one broken page does not cost the rest
                tally["pages_broken"] += 1
                continue
            text = _BETWEEN_HAN.sub("", _HYPHEN.sub("", text))
            if not text.strip():
                tally["pages_empty"] += 1
            yield Passage(text, page=number + 1)

    passages = tuple(_cut(pages(), tally))
    try:
        title = str(reader.metadata.title or "").strip() if reader.metadata else ""
    except Exception:  # noqa: BLE001  its own name does as well
        title = ""
    return Document(_title(title, name), "pdf", passages, _told(tally))


# ---- DOCX


def _docx(name: str, data: bytes) -> Document:
    _require_docx(data)
    import docx
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    document = docx.Document(io.BytesIO(data))

    def paragraphs() -> Iterator[Passage]:
        heading = ""
        for number, block in enumerate(document.iter_inner_content(), 1):
            if isinstance(block, Table):
                for row in block.rows:
                    cells = list(dict.fromkeys(cell.text.strip() for cell in row.cells))
                    yield Passage(" | ".join(cell for cell in cells if cell), heading=heading, row=number)
            elif isinstance(block, Paragraph):
                style = block.style.name if block.style is not None else ""
                if (style or "").lower().startswith(("heading", "title")) and block.text.strip():
                    heading = _heading(block.text)
                yield Passage(block.text, heading=heading, row=number)

    tally: Counter[str] = Counter()
    passages = tuple(_cut(paragraphs(), tally))
    return Document(_title(document.core_properties.title or "", name), "docx", passages, _told(tally))


def _require_docx(data: bytes) -> None:
    """Refuse a bomb or another kind of archive before anything of it is unpacked.

    A size that lies is no way around: Python stops reading an entry at the size that it was said to have.
    """
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(_WHO, "the archive is broken", have=type(error).__name__, mend="Save it anew.") from None
    sizes = {entry.filename: entry.file_size for entry in entries}
    if "word/document.xml" not in sizes:
        raise InputError(_WHO, "an archive that is no DOCX", want=_WANT, mend="Unpack it, and add its files.")
    xml = max((size for name, size in sizes.items() if name.endswith((".xml", ".rels"))), default=0)
    if len(entries) > _ENTRIES or sum(e.file_size for e in entries) > _UNPACKED_BYTES or xml > _XML_BYTES:
        most = f"{_UNPACKED_BYTES // 2**20} MB in {_ENTRIES:,} parts at most"
        have = f"{sum(e.file_size for e in entries) / 2**20:,.0f} MB in {len(entries):,} parts"
        raise InputError(_WHO, "the DOCX unpacks to too much", want=most, have=have, mend="Save it anew.")


# ---- Markdown, text and CSV


def _plain(name: str, suffix: str, data: bytes) -> Document:
    tally: Counter[str] = Counter()
    text = _decoded(data, tally).replace("\r\n", "\n").replace("\r", "\n")
    if suffix in {".csv", ".tsv"}:
        kind, rows = _csv(text, "\t" if suffix == ".tsv" else None, tally)
        return Document(_title("", name), kind, tuple(_cut(rows, tally, alone=True)), _told(tally))
    markdown = suffix in {".md", ".markdown"}
    passages = tuple(_cut(_lines(text, markdown=markdown), tally))
    return Document(_title("", name), "markdown" if markdown else "text", passages, _told(tally))


def _decoded(data: bytes, tally: Counter[str]) -> str:
    """Text in whichever encoding it is; binary files are no text.

    Raises:
        InputError: It is no text, or no encoding fits.
    """
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(codec, errors="replace")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = _detected(data)
    if text.count("\0") * 100 > len(text):
        raise InputError(_WHO, "no text, but another kind of file", want=_WANT)
    tally["signs_broken"] += text.count("\ufffd")
    return text


def _detected(data: bytes) -> str:
    from datasets_src.encodings import encoding_of

    if not hasattr(os, "memfd_create"):
        raise InputError(_WHO, "the text is not UTF-8", mend="Save it as UTF-8.")
    # A file that is on no disk, for a function that wants a path. Nothing may be written to any other.
    handle = os.memfd_create("text")
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
        os.write(handle, data)
        try:
            return data.decode(encoding_of(Path(f"/proc/self/fd/{handle}")), errors="replace")
        except InputError:
            mend = "Save it as UTF-8."
            raise InputError(_WHO, "no text, or in an unknown encoding", want=_WANT, mend=mend) from None
    finally:
        os.close(handle)


def _lines(text: str, *, markdown: bool) -> Iterator[Passage]:
    """Paragraphs with the line each begins on, and in Markdown the heading above."""
    heading, fenced, waiting, begun = "", False, list[str](), 1
    for number, line in enumerate(text.split("\n"), 1):
        fenced ^= line.lstrip().startswith("```")
        found = re.match(r"#{1,6}\s+(.*?)\s*#*$", line) if markdown and not fenced else None
        if found or not line.strip():
            yield Passage("\n".join(waiting), heading=heading, row=begun)
            waiting = []
            heading = _heading(found[1]) if found else heading
        if line.strip():
            begun = begun if waiting else number
            waiting.append(line)
    yield Passage("\n".join(waiting), heading=heading, row=begun)


def _csv(text: str, delimiter: str | None, tally: Counter[str]) -> tuple[str, list[Passage]]:
    """A row of a table per passage; of CounselChat question and answer alone, for therapists' names are personal."""
    csv.field_size_limit(CHARACTERS)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or max(",;\t", key=first.count))
    header = [cell.strip() for cell in next(reader, [])]
    counselchat = set(_COUNSELCHAT) <= set(header)
    rows: list[Passage] = []
    begun = reader.line_num + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            tally["rows_broken"] += 1
            begun = reader.line_num + 1
            continue
        row = dict(zip(header, cells, strict=False))
        if counselchat:
            rows.append(_counselchat(row, begun))
        elif any(cells):
            rows.append(Passage("\n".join(f"{k}: {v}" if k else v for k, v in row.items() if v.strip()), row=begun))
        begun = reader.line_num + 1
    return ("counselchat" if counselchat else "csv"), rows


def _counselchat(row: dict[str, str], number: int) -> Passage:
    from datasets_src.counselchat import question_of

    title, text, answer = (row.get(name) or "" for name in _COUNSELCHAT)
    return Passage(f"{question_of(title, text).strip()}\n\n{answer.strip()}", heading=_heading(title), row=number)


# ---- passages


def _cut(parts: Iterable[Passage], tally: Counter[str], *, alone: bool = False) -> Iterator[Passage]:
    """Parts of the same page and heading put together, unless each is to stay alone; long ones cut after sentences."""
    left, held = CHARACTERS, list[Passage]()

    def together() -> Iterator[Passage]:
        if held:
            first = held[0]
            yield Passage("\n".join(part.text for part in held), first.page, first.heading, first.row)
            held.clear()

    for part in parts:
        text = _UNSEEN.sub("", part.text).strip()
        if left <= 0:
            tally["cut"] = CHARACTERS
            break
        for piece in _pieces(text[:left]):
            size = sum(len(other.text.encode()) for other in held) + len(piece.encode())
            alike = held and (held[0].page, held[0].heading) == (part.page, part.heading)
            if alone or not alike or size > PASSAGE_BYTES:
                yield from together()
            held.append(Passage(piece, part.page, part.heading, part.row))
        left -= len(text)
    yield from together()


def _pieces(text: str) -> Iterator[str]:
    """A text's sentences, as many together as a passage holds."""
    if len(text.encode()) <= PASSAGE_BYTES:
        if text:
            yield text
        return
    held = ""
    for sentence in _ENDS.split(text):
        for start in range(0, len(sentence), PASSAGE_BYTES // 4):
            piece = sentence[start : start + PASSAGE_BYTES // 4]
            if held and len((held + piece).encode()) > PASSAGE_BYTES:
                yield held.strip()
                held = ""
            held += piece
    if held.strip():
        yield held.strip()


def _heading(text: str) -> str:
    return " ".join(text.split())[:80]


def _title(given: str, name: str) -> str:
    return one_line(given) or one_line(Path(name).stem)


def _told(tally: Counter[str]) -> tuple[tuple[str, int | str], ...]:
    return tuple((what, count) for what, count in sorted(tally.items()) if count)
