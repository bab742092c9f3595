"""Days: Western and ROC years, in digits and Han numerals, in Chinese and English.

A year alone says little and stays, unless it is said to be that of a birth, or is a ROC year spelt with 民國; a month
with its year is moved.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.spans import ALONE, ENDS, HAN_CHAR, NO_DIGIT_AFTER, NO_DIGIT_BEFORE, Rule, Span

_H: Final = "〇○零一二三四五六七八九十廿卅"
_MONTHS: Final = "january february march april may june july august september october november december".split()
_MONTH_EN: Final = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
_DAY_EN: Final = r"(?:3[01]|[12][0-9]|0?[1-9])"
_NUMBER: Final = rf"(?:[0-9]{{1,2}}|[{_H}]{{1,3}})"
_ERA: Final = r"(?:(?:中華民國|中华民国|民國|民国|西元|公元)[ ]?)"
_DAY: Final = rf"[ ]?月[ ]?(?:{_NUMBER}[ ]?[日號号](?!線|线|樓|楼|店|房)|初[一二三四五六七八九十])"
_HAN: Final = [
    re.compile(p)
    for p in (
        rf"(?<![0-9{_H}]){_ERA}?(?:[0-9]{{2,4}}|[{_H}]{{2,4}})[ ]?年[ ]?{_NUMBER}{_DAY}",
        rf"(?<![0-9{_H}])(?<![0-9{_H}]年){_NUMBER}{_DAY}",
        rf"(?<![0-9{_H}])(?<![0-9{_H}]年){_NUMBER}月(?:[廿卅][一二三四五六七八九]?|初[一二三四五六七八九十])",
        rf"(?<![0-9{_H}])(?<![0-9{_H}]年)(?:[0-9]{{4}}[ ]?年[ ]?)?[0-9]{{1,2}}月[0-9]{{1,2}}(?![0-9日號号個个天元塊块%月.、到至~多幾几-]|,[0-9])",
        rf"(?<![0-9{_H}年]){_ERA}?(?:[0-9]{{2,4}}|[{_H}]{{2,4}})[ ]?年[ ]?{_NUMBER}[ ]?月(?:[初中底份])?(?=[^\n。]{{0,3}}(?:出生|生的|生日|生,|生。|生$))",
        r"(?<![0-9])(?:19|20)[0-9]{2}[ ]?年[ ]?(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])[ ]?月",
        rf"(?:中華民國|中华民国|民國|民国)[ ]?(?:[0-9]{{1,3}}|[{_H}]{{1,3}})[ ]?年(?:[ ]?{_NUMBER}[ ]?月)?",
        rf"(?<![0-9{_H}])(?:(?:19|20)[0-9]{{2}}|[{_H}]{{4}})[ ]?年?(?=(?:次)?[ ]?(?:出生|生的|年生|生於|生于))",
        rf"(?<=生[於于])(?:19|20)[0-9]{{2}}[ ]?年?{NO_DIGIT_AFTER}",
        r"(?<![0-9])(?:(?:19|20)[0-9]{2}|[5-9][0-9]|[五六七八九]十[一二三四五六七八九]?)[ ]?年次",
    )
]
_NUMERIC: Final = [
    re.compile(p)
    for p in (
        rf"{NO_DIGIT_BEFORE}(?:19|20)[0-9]{{2}} ?([-/.]) ?(?:0?[1-9]|1[0-2]) ?\1 ?{_DAY_EN}{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}{_DAY_EN}([-/.]){_DAY_EN}\1(?:19|20)[0-9]{{2}}{NO_DIGIT_AFTER}",
        # ROC years; days and months of this century with two digits for the year.
        rf"{NO_DIGIT_BEFORE}(?:9[0-9]|1[0-3][0-9])([./])(?:0?[1-9]|1[0-2])\1{_DAY_EN}{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}{_DAY_EN}/{_DAY_EN}/[0-9]{{2}}{NO_DIGIT_AFTER}(?!/)",
        rf"(?<=民國)[ ]?[0-9]{{2,3}}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY_EN}{NO_DIGIT_AFTER}",
    )
]
_ENGLISH: Final = [
    re.compile(p)
    for p in (
        rf"{ALONE}{_MONTH_EN}\.? (?:the )?{_DAY_EN}(?:st|nd|rd|th)?(?:,? ?(?:of )?(?:19|20)[0-9]{{2}})?{ENDS}",
        rf"{ALONE}(?:the )?{_DAY_EN}(?:st|nd|rd|th)?(?: day)?(?: of)?[ -]{_MONTH_EN}(?:\.?(?:, ?| |-)(?:19|20)[0-9]{{2}})?{ENDS}",
        rf"{ALONE}{_MONTH_EN}(?:\.|,)? (?:19|20)[0-9]{{2}}{ENDS}",
        rf"{ALONE}(?:jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec)[a-z]{{0,6}} {_DAY_EN}(?:st|nd|rd|th)?(?:,? (?:19|20)[0-9]{{2}})?{ENDS}",
        rf"(?<=[Bb]orn in )(?:{_MONTH_EN}(?: of)?,? )?(?:19|20)[0-9]{{2}}{ENDS}",
    )
]
_BIRTH = re.compile(
    r"(?ai:生日|出生|出生日期|生於|生于|birthday|birth ?date|date of birth|dob|born)[^\n。;0-9]{0,6}?(?<![0-9])"
    r"((?:19|20)[0-9]{6}|0?[1-9][0-9]{5}|1[01][0-9]{5}|[0-9]{2,3}[/.\-][0-9]{1,2}[/.\-][0-9]{1,2}|[0-9]{1,2}[/.\-][0-9]{1,2}(?:[/.\-][0-9]{2})?|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?![0-9])",
)


def find_han_dates(text: str) -> Iterator[Span]:
    """Days written with 年, 月 or 日 in a folded text."""
    return _dates(_HAN, text)


def find_numeric_dates(text: str) -> Iterator[Span]:
    """Days in digits alone (2021/3/5) in a folded text."""
    return _dates(_NUMERIC, text)


_MONTH_DAY: Final = rf"(?<![0-9./-])(?:0?[1-9]|1[0-2])/{_DAY_EN}(?![0-9/%])(?![.][0-9])"
_NO_SCORE: Final = r"(?![ ]?(?:分(?!手)|顆|颗|片|倍|的|人|匙|杯|錠|粒|位|on |of |out|or |and [0-9]))"
_SHORT_DAYS = [
    re.compile(p)
    for p in (
        rf"{_MONTH_DAY}(?=[ ]?(?:那[天日晚]|這[天日]|这天|[當当][天日晚]|[早晚]上|下午|上午|凌晨|中午|傍晚|半夜|[日號号]|\([一二三四五六日]\)|第[一二三]次|[他她我]|開庭|开庭|回診|複診|复诊))",
        rf"(?:(?ai:(?<![a-z])(?:on|since|until|till|from|date is|date was|dated|date:?|due|by|session of|born)) (?:the )?|(?:生日|去年|今年|明年|上週|預約|预约|改到|改在|日期|初診|回診|開庭|从|從|自)[是為为:]?[ ]?)({_MONTH_DAY}){_NO_SCORE}",
        rf"(?ai:(?<![a-z])(?:court|appointment|birthday|exam|interview|surgery|wedding|deadline|hearing|visit|intake|discharged?|admitted)[a-z ]{{0,16}}[ :]+)({_MONTH_DAY}){_NO_SCORE}",
        # With a point: 11.28晚上, 9.17他走了.
        rf"(?<![0-9./$¥-])((?:0?[1-9]|1[0-2])\.{_DAY_EN})(?![0-9.%])(?=[ ]?(?:那[天日晚]|[當当][天日晚]|[早晚]上|下午|上午|凌晨|中午|傍晚|半夜|夜里|夜裡|[他她我](?![們们])))",
        # A day past the twelfth is no score out of ten.
        rf"(?<![分得率A-Za-z0-9]{HAN_CHAR})(?<![A-Za-z0-9分得] )(?<=[\u4e00-\u9fff「,。、;\n ])(?:0?[1-9]|1[0-2])/(?:1[3-9]|2[0-9]|3[01])(?![0-9/%.]){_NO_SCORE}(?=[ ]?[\u4e00-\u9fff])",
    )
]


def find_short_days(text: str) -> Iterator[Span]:
    """Month and day in digits (10/28), where what stands beside them says that they are no score, in a folded text."""
    for pattern in _SHORT_DAYS:
        for match in pattern.finditer(text):
            month, _, day = match.group(pattern.groups).replace(".", "/").partition("/")
            # Up from 4/10 is a score.
            score = day == "10" and match.group().lower().startswith(("from", "to ", "by "))
            if int(day) <= _MONTH_LENGTHS[int(month) - 1] and not score:
                yield Span(*match.span(pattern.groups), "date")


_MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def find_english_dates(text: str) -> Iterator[Span]:
    """Days with the month in English in a folded text."""
    return _dates(_ENGLISH, text)


def find_birthdays(text: str) -> Iterator[Span]:
    """Short dates that are days only because they are said to be of a birth, in a folded text."""
    for match in _BIRTH.finditer(text):
        yield Span(*match.span(1), "date")


def _dates(patterns: list[re.Pattern[str]], text: str) -> Iterator[Span]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            if read_date(match.group()) is not None:
                yield Span(*match.span(), "date")


@cache
def han_number(text: str) -> int:
    """A number below 10,000 in digits or Han numerals, by place (二〇〇四) or by tens (九十三)."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    if text.isdigit() and text.isascii():
        return int(text)
    digits = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0}
    if "十" not in text:
        return int("".join(str(digits[c]) for c in text) or 0)
    tens, _, ones = text.partition("十")
    return (digits[tens[-1]] if tens else 1) * 10 + (digits[ones[0]] if ones and ones[0] != "十" else 0)


def read_date(text: str) -> tuple[int | None, int | None, int | None] | None:
    """Year as written, month and day of a date expression; None when they name no day.

    >>> read_date("民國九十三年5月2日"), read_date("May 2nd, 1998"), read_date("13月2日")
    ((93, 5, 2), (1998, 5, 2), None)
    """
    if word := re.search(r"[A-Za-z]{3,}", re.sub(r"(?ai)born in |the | day", "", text)):
        year, month, day = _read_english(text, word.group())
    elif re.search("[年月]", text):
        year, month, day = (
            han_number(found.group(1)) if (found := re.search(pattern, text)) else None for pattern in _HAN_PARTS
        )
    else:
        year, month, day = _read_digits(text)
    if month is not None and not 1 <= month <= 12:
        return None
    try:
        dt.date(2024, month or 1, day or 1)
    except ValueError:
        return None
    return year, month, day


_HAN_PARTS: Final = (rf"([0-9]+|[{_H}]+)[ ]?年", rf"([0-9]+|[{_H}]+)[ ]?月", rf"月[ ]?初?([0-9]+|[{_H}]+)")
_Read = tuple[int | None, int | None, int | None]


def _read_english(text: str, word: str) -> _Read:
    month = next((i for i, name in enumerate(_MONTHS, 1) if name.startswith(word.lower()[:3])), None)
    numbers = [int(n) for n in re.findall(r"[0-9]+", text)]
    return (next((n for n in numbers if n > 31), None), month, next((n for n in numbers if n <= 31), None))


def _read_digits(text: str) -> _Read:
    parts = re.findall(r"[0-9]+", text)
    numbers = [int(n) for n in parts]
    if len(numbers) == 2:
        return None, numbers[0], numbers[1]
    if len(numbers) != 3:
        return (
            numbers[0] if numbers else han_number(text) if re.fullmatch(rf"[{_H}]{{4}}", text) else None,
            None,
            None,
        )
    if len(parts[2]) == 2 and len(parts[0]) < 3 and "/" in text:
        # Two digits for the year at the end, as in 6/7/22.
        numbers, parts = [numbers[2], numbers[0], numbers[1]], [parts[2], parts[0], parts[1]]
    year, month, day = numbers if len(parts[2]) < 4 else (numbers[2], numbers[0], numbers[1])
    return (year, day, month) if month > 12 else (year, month, day)


RULES: Final = (
    Rule(
        rf"月[ ]?[0-9初廿卅{_H}]|(?:19|20)[0-9]{{2}}[ ]?年[ ]?[0-9{_H}]{{1,2}}[ ]?月|民[國国][ ]?[0-9{_H}]|年次|[0-9{_H}][ ]?年[^\n。]{{0,12}}生|[0-9{_H}][ ]?出?生|生[於于][0-9]",
        find_han_dates,
    ),
    Rule(r"[0-9] ?[-/.] ?[0-9]{1,2} ?[-/.] ?[0-9]", find_numeric_dates),
    Rule(r"[0-9][/.][0-9]", find_short_days),
    Rule(
        r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[.,]? (?:the )?[0-9]|[0-9](?:st|nd|rd|th)?(?: day)?(?: of)?[ -](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|[Bb]orn in |(?:jan|feb|apr|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,7} [0-9]",
        find_english_dates,
    ),
    Rule(r"(?i)(?:生日|出生|生[於于]|birth|dob|born)[^\n。;0-9]{0,20}[0-9]", find_birthdays),
)
