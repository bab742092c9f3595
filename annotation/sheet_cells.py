"""What the cells of a rating sheet hold: texts in pieces a spreadsheet can show, and words for answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from annotation.task import words
from annotation.templates import Question

# A row is at most 409 points high in spreadsheets: so many lines of the text column, so wide.
TEXT_WIDTH: Final = 76
_MOST_LINES: Final = 22
# What Excel and XML cannot hold.
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_STEERS: Final = ("=", "+", "-", "@", "\t", "\r")
_SENTENCE: Final = re.compile(r"(?<=[。！？!?；;\n])|(?<=\. )")
SKIP: Final = "skip"
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh-Hant": {
        "rating": "評分", "guidelines": "說明", "no": "題號", "part": "欄位", "text": "內容", "yours": "➜ 請在右側作答",
        "skip": "略過", "skipped": "略過", "skip_hint": "真的無法判斷才選「略過」，其他欄位留空即可。",
        "pick": "請從清單選", "several": "可選多個，用「；」隔開", "quote": "每行一處：標籤：一字不差的原文",
        "quote_one": "每行一處：一字不差的原文", "see": "詳見「說明」工作表",
        "how": "請只填黃色的格子，其他格子請勿更動。填完直接存檔，把整個檔案傳回來；可以分次填寫。",
    },
    "en": {
        "rating": "Rating", "guidelines": "Guidelines", "no": "No.", "part": "Part", "text": "Text",
        "yours": "➜ Answer on the right", "skip": "Skip", "skipped": "skip",
        "skip_hint": "Choose this only where you truly cannot judge, and leave the rest empty.",
        "pick": "Choose from the list", "several": "Several are possible, with ; between them",
        "quote": "One per line: label: the words exactly as they stand",
        "quote_one": "One per line: the words exactly as they stand", "see": "See the sheet “Guidelines”",
        "how": "Fill in the yellow cells only and change no others. Save and send the whole file back; you may do it "
        "in several sittings.",
    },
}  # fmt: skip


def width(text: str) -> int:
    """How wide a text is: Han characters and their kin count two.

    >>> width("ab心")
    4
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def lines(text: str, wide: int = TEXT_WIDTH) -> int:
    """How many lines a text takes in a column so wide."""
    return sum(max(1, -(-width(line) // wide)) for line in text.split("\n"))


def pieces(text: str) -> list[str]:
    r"""A text in pieces that can be read in one row each: turn by turn, long turns by sentences; nothing is cut off.

    >>> pieces("[1] a\n\n[2] b")
    ['[1] a', '[2] b']
    """
    made: list[str] = []
    for turn in text.split("\n\n"):
        parts = [turn] if lines(turn) <= _MOST_LINES else list(_short(_SENTENCE.split(turn)))
        piece = ""
        for part in parts:
            if piece and lines(piece + part) > _MOST_LINES:
                made.append(piece)
                piece = ""
            piece += part
        if piece.strip():
            made.append(piece)
    return made or [text]


def _short(sentences: Iterable[str]) -> Iterable[str]:
    """Sentences, those without an end in slices."""
    most = TEXT_WIDTH * _MOST_LINES // 4
    for sentence in sentences:
        for start in range(0, max(len(sentence), 1), most):
            yield sentence[start : start + most]


def column_letter(number: int) -> str:
    """A column's name as spreadsheets have it, the first is 1.

    >>> column_letter(1), column_letter(28)
    ('A', 'AB')
    """
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def writable(text: str) -> str:
    r"""A text as a spreadsheet can hold it: no control characters, and what Excel would read as a code is escaped.

    >>> writable("a\x00_x0041_")
    'a\ufffd_x005F_x0041_'
    """
    return _ESCAPED.sub(r"_x005F_x\1_", _UNWRITABLE.sub("\ufffd", text))


def steers(text: str) -> bool:
    """Whether a spreadsheet that is asked to would take a text for a formula.

    >>> steers("=1+1"), steers("fine")
    (True, False)
    """
    return text.startswith(_STEERS)


def guarded(text: str) -> str:
    """A text for a CSV file: an apostrophe before what would be a formula.

    >>> guarded("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return f"'{text}" if steers(text) else text


def same(found: Any, meant: str) -> bool:
    r"""Whether a cell still holds a text, however the spreadsheet broke its lines, guarded or escaped it.

    >>> same("'=1 + 1\r\n", "=1 + 1"), same("=2", "=1"), same(5.0, "5")
    (True, False, True)
    """
    return _squeezed(plain(found)) == _squeezed(meant)


def _squeezed(text: str) -> str:
    text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), _UNWRITABLE.sub("\ufffd", text))
    return "".join(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), text).split()).lstrip("'")


def plain(found: Any) -> str:
    """A cell's value as text; whole numbers without their decimals.

    >>> plain(3.0), plain(None), plain(" x "), plain(True)
    ('3', '', 'x', 'TRUE')
    """
    if found is None:
        return ""
    if isinstance(found, bool):
        return str(found).upper()
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found).strip()


def choices(question: Question, language: str) -> dict[str, str]:
    """What a rater can choose, and the value that each stands for; grades stand for themselves."""
    if question.kind == "rating":
        return {value.value: value.value for value in question.values}
    return {words(value.title, language, value.value): value.value for value in question.values}


def understood(question: Question, cell: Any, language: str, text: str) -> tuple[Any, str]:
    """A cell's answer as a value, or why it is none; (None, "") for an empty cell.

    Args:
        question: What was asked.
        cell: As the spreadsheet gives it: a number for a text, full-width digits and other spellings are understood.
        language: Of the labels, beside their values.
        text: The field that spans are marked in.
    """
    told = unicodedata.normalize("NFKC", plain(cell)).strip()
    if question.kind == "text":
        return (plain(cell) or None), ""
    if not told:
        return None, ""
    if question.kind == "rating":
        low, high = question.scale
        whole = re.fullmatch(r"(\d+)(?:\.0+)?", told)
        good = whole is not None and low <= int(whole[1]) <= high
        return (int(whole[1]), "") if good and whole else (None, f"no grade from {low} to {high}")
    known = _known(question, language)
    if question.kind == "label":
        value = known.get(_folded(told))
        return (value, "") if value is not None else (None, f"none of its {len(question.values)} labels")
    if question.kind == "multi_label":
        return _labels(told, known)
    return _spans(plain(cell), question, known, text)


def _known(question: Question, language: str) -> dict[str, str]:
    known = {_folded(value.value): value.value for value in question.values}
    return known | {_folded(title): value for title, value in choices(question, language).items()}


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _labels(told: str, known: Mapping[str, str]) -> tuple[Any, str]:
    """Labels between semicolons or line breaks; commas too, where they are not part of a label."""
    found: list[str] = []
    for part in re.split(r"[;\n]", told):
        if not part.strip():
            continue
        names = [part] if _folded(part) in known else re.split(r"[,、/]", part)
        values = [known.get(_folded(name)) for name in names if name.strip()]
        if None in values:
            return None, "a label that the question lacks"
        found += [value for value in values if value is not None and value not in found]
    return found, ""


def _spans(told: str, question: Question, known: Mapping[str, str], text: str) -> tuple[Any, str]:
    """Labelled words, one per line, found in the text; of words that stand there twice the first place is meant."""
    spans = []
    for line in told.splitlines():
        if not line.strip():
            continue
        label, mark, quote = line.partition("：") if "：" in line else line.partition(":")
        value = known.get(_folded(label)) if mark else None
        if value is None and len(question.values) == 1:
            value, quote = question.values[0].value, line
        if value is None:
            return None, "a line without one of its labels in front"
        quote = quote.strip().strip("「」『』“”\"'").strip()
        start = text.find(quote) if quote else -1
        if start < 0:
            return None, "words that do not stand so in the text"
        spans.append({"start": start, "end": start + len(quote), "label": value})
    return spans, ""
