"""A judge's free text as a grade, or as unreadable: whole numbers on the scale that are stated once.

"1" begins "10", "8.5" is no grade of a scale of whole ones, "8/10" is a fraction, "7-8" a range, and whoever states two
grades has stated none. Numbers in words are not read: 十分 is ten and also "very".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

from benchmarks.rubrics import Dimension
from counselling.judge_guard import visible
from xinheng.chat.replies import split_thinking
from xinheng.chat.structured import JsonMiss, read_json

Reader = Literal["strict", "upstream"]
# What a grade is called where there is only one to give.
GENERIC: Final = (
    "grade", "score", "rating", "final grade", "final score", "final rating",
    "得分", "評分", "评分", "分數", "分数", "給分", "给分", "打分", "總分", "总分",
)  # fmt: skip
_YES: Final = {"yes": 1.0, "true": 1.0, "是": 1.0, "有": 1.0}
_NO: Final = {"no": 0.0, "false": 0.0, "否": 0.0, "沒有": 0.0, "没有": 0.0, "無": 0.0, "无": 0.0}
_SAYS: Final = r"[\"'”’]?[ \t]*(?:[:=]|\b(?:is|was)\b|是|為|为|給|给)[ \t]*(?:[:=][ \t]*)?\[{0,2}[ \t]*"
_VALUE: Final = r"([^\s,，;；。!！?？\"'“”‘’{}()（）\[\]]+)"
_BEGINS: Final = re.compile(r"[-+−±~≈<>約约]?\d")
_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)(?:分|點|点)?\.?")
# What follows a number that is only one end, or the upper half of a fraction.
_GOES_ON: Final = re.compile(
    r"[ \t]*\]{0,2}[ \t]*(?:[-–—~/]|to\b|or\b|and\b|out[ \t]+of\b|至|到|或|和|分之)[ \t]*\[{0,2}[ \t]*\d"
)
_BRACKETED: Final = re.compile(r"\[\[\s*([^\]\s]{1,20})\s*\]\]")
_ALONE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:分|點|点|points?)?\s*[.。!]?")
_UPSTREAM: Final = re.compile(r"(?:得分|score|rating)[\"'”’]?\s*[:：]\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_LONGEST: Final = 100_000


def grade_in(text: str, dimension: Dimension, *, only: bool = True, reader: Reader = "strict") -> float | None:
    """The grade that a text states for a dimension; None where there is none, or none that can be told.

    Args:
        text: A judge's reply; thoughts in tags are not read, and an unclosed thought leaves nothing.
        dimension: Which grade. A flag needs evidence and is never read from free text.
        only: Whether it is the only grade that was asked for, so that a bare number or "score" means it.
        reader: `strict`; `upstream` is the rule by which PsyEval's publishers stored their scores: the first number
            behind a name of the score and a colon, whatever else is said.
    """
    answer = split_thinking(text)[1]
    if not answer or len(answer) > _LONGEST or dimension.kind == "flag":
        return None
    if reader == "upstream":
        first = _UPSTREAM.search(answer)
        return _number(first[1], dimension) if first else None
    said = _plain(answer)
    found = _in_json(said, dimension, only=only)
    if found is not False:
        return found
    values = _stated(said, dimension, only=only)
    if not values:
        return _alone(said, dimension) if only else None
    return values[0] if len(set(values)) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}", _kept, unicodedata.normalize("NFKC", visible(text))).strip()


def _kept(found: re.Match[str]) -> str:
    # An underscore within a name is part of it.
    around = found.string[max(0, found.start() - 1) : found.end() + 1]
    return found[0] if re.fullmatch(r"[a-z]_[a-z]", around, re.IGNORECASE) else ""


def _in_json(said: str, dimension: Dimension, *, only: bool) -> float | Literal[False] | None:
    """The grade of a JSON verdict, None for one that is no grade, False where there is no JSON that names it."""
    try:
        data = read_json(said)
    except JsonMiss as miss:
        # A verdict that breaks off may do so within a number: "1" begins "10".
        return None if miss.cut and said.startswith(("{", "[", "`")) else False
    if isinstance(data, int | float):
        return checked(data, dimension) if only else None
    if not isinstance(data, dict):
        return False
    keys = [key for key in (dimension.name, *(GENERIC if only else ())) if key in data]
    values = {checked(data[key], dimension) for key in keys}
    return False if not keys else values.pop() if len(values) == 1 else None


def checked(value: object, dimension: Dimension) -> float | None:
    """A JSON value as a grade; None for another type or off the scale. True is no 1, and "4" no 4.

    >>> from benchmarks.rubrics import rubric
    >>> empathy = rubric("empathy").dimension()
    >>> checked(10, empathy), checked(0, empathy), checked("8", empathy), checked(True, empathy)
    (10.0, None, None, None)
    """
    if dimension.kind != "grade":
        return float(value) if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not dimension.has(value):
        return None
    return float(value)


def _stated(said: str, dimension: Dimension, *, only: bool) -> list[float | None]:
    """Every grade that is stated; None for a statement that is no grade."""
    cues = {dimension.name, dimension.name.replace("_", " "), *dimension.title.values(), *(GENERIC if only else ())}
    words = "|".join(re.escape(unicodedata.normalize("NFKC", cue)) for cue in sorted(cues, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z_])(?:{words}){_SAYS}{_VALUE}", re.IGNORECASE)
    values: list[float | None] = []
    for found in pattern.finditer(said):
        if dimension.kind == "yes_no":
            word = found[1].lower().rstrip(".")
            if word in _YES or word in _NO:
                values.append((_YES | _NO)[word])
        elif _BEGINS.match(found[1]):
            values.append(_number(found[1], dimension) if not _GOES_ON.match(said, found.end()) else None)
    if only and dimension.kind == "grade" and not values:
        values = [_number(found[1], dimension) for found in _BRACKETED.finditer(said)]
    return values


def _alone(said: str, dimension: Dimension) -> float | None:
    if dimension.kind == "yes_no":
        return (_YES | _NO).get(said.lower().rstrip(".。!"))
    found = _ALONE.fullmatch(said)
    return _number(found[1], dimension) if found else None


def _number(text: str, dimension: Dimension) -> float | None:
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    value = float(found[1])
    return value if dimension.has(value) else None
