"""Telephone numbers: Taiwan, the mainland, Hong Kong, Macau, with a country code, North America, Britain.

Numbers of public help lines are nobody's and stay. Numbers that are no telephone by their word (an order, an invoice)
stay too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.spans import NO_DIGIT_AFTER, NO_DIGIT_BEFORE, Rule, Span, either

# By digits.
HELP_LINES: Final = frozenset(
    "1925 1995 1980 113 110 119 12356 988 911 112 120 12320 12355 4001619995 0800788995 0800000123 18001110 1966 23892222 "
    "23892223 28960000 18288 8002738255 18002738255 116123 08457909090 01082951332 8008101117 741741 0800013999 8001110".split()
)
_S: Final = r"[ \-./\u00b7\u2010-\u2015\u200b]{0,2}"
_EXTENSION: Final = r"(?:(?:[ ]?(?:#|轉|转|分機|分机|,? ?(?:[Ee]xt(?:ension)?|x)\.?)){1,2}[ :]?[0-9]{2,5}(?![0-9]))?"
_PHONES: Final = [
    re.compile(p)
    for p in (
        # Taiwan: mobile 0912-345-678, +886 912 …; landline (02) 2345-6789, 02-23456789#123
        rf"{NO_DIGIT_BEFORE}\(?09{_S}[0-8]\)?{_S}(?:[0-9]{_S}){{1,2}}\)?{_S}(?:[0-9]{_S}){{4,5}}[0-9]{NO_DIGIT_AFTER}",
        rf"(?<![0-9+])\(?(?:\+|00)?886\)?{_S}\(?0?\)?{_S}(?:9[0-8]|[2-8])(?:{_S}[0-9]){{7,8}}{NO_DIGIT_AFTER}{_EXTENSION}",
        rf"{NO_DIGIT_BEFORE}\(0[2-8][0-9]?[0-9]?\){_S}[1-9](?:{_S}[0-9]){{5,7}}{NO_DIGIT_AFTER}{_EXTENSION}",
        rf"{NO_DIGIT_BEFORE}0(?:2[ -]?[2-8]|4[ -]?[2-3]|[35-8][ -]?[2-9])[0-9]{{2,3}}[ -]?[0-9]{{4}}(?![0-9]){_EXTENSION}",
        rf"{NO_DIGIT_BEFORE}0(?:37|49|89|82|836)[ -][0-9]{{3}}[ -]?[0-9]{{3,4}}(?![0-9]){_EXTENSION}",
        # Mainland: mobile 138 1234 5678, landline 010-12345678, 0755-1234567
        rf"(?<![0-9+])(?:\(?(?:\+|00)?86\)?{_S})?1[3-9][0-9]{_S}(?:[0-9]{_S}){{7}}[0-9]{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}\(?(?:010|02[0-9]|0[3-9][0-9]{{2}})\)?[ -]?[2-8][0-9]{{2,3}}[ -]?[0-9]{{4}}(?![0-9]){_EXTENSION}",
        # Hong Kong and Macau with their code; the world with a plus sign; North America; Britain
        rf"(?<![0-9+])\(?(?:\+|00)?85[23]\)?[ -]?[2-9][0-9]{{3}}[ -]?[0-9]{{4}}{NO_DIGIT_AFTER}",
        rf"(?<![0-9+])\+(?!999)[1-9](?:[ \-.]?\(?[0-9]\)?){{7,14}}{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}(?:\+?1[ \-.])?(?:\((?!555)[2-9][0-9]{{2}}\)[ ]?|(?!555)[2-9][0-9]{{2}}[\-. ])[2-9][0-9]{{2}}[\-. ][0-9]{{4}}{NO_DIGIT_AFTER}{_EXTENSION}",
        # Taiwan with a blank in it; Britain; Australia
        rf"{NO_DIGIT_BEFORE}0[2-8]-[2-9][0-9]{{2,3}} [0-9]{{3,4}}{NO_DIGIT_AFTER}{_EXTENSION}",
        rf"{NO_DIGIT_BEFORE}\(?01[0-9]{{3}}\)? [0-9]{{3}} ?[0-9]{{3}}{NO_DIGIT_AFTER}{_EXTENSION}",
        rf"{NO_DIGIT_BEFORE}04[0-9]{{2}} [0-9]{{3}} [0-9]{{3}}{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}07[0-9]{{3}}[ -]?[0-9]{{3}}[ -]?[0-9]{{3}}{NO_DIGIT_AFTER}",
        rf"{NO_DIGIT_BEFORE}\(?020\)? [378][0-9]{{3}} [0-9]{{4}}{NO_DIGIT_AFTER}{_EXTENSION}",
    )
]
# Where surrogates live: no such numbers are given out.
_NOBODY: Final = ("099", "01", "10", "555", "999")
_WORD_REACH: Final = 8


# Digits with what may stand between those of a telephone number: nothing else need be searched for one.
_STRETCH: Final = re.compile(r"[+(0-9](?:[0-9()+ \-./\u00b7\u2010-\u2015\u200b]*[0-9]){6}")
_EXTENSION_REACH: Final = 40


def find_phones(text: str) -> Iterator[Span]:
    """Telephone numbers of a folded text."""
    stretches = [match.span() for match in _STRETCH.finditer(text)]
    for pattern in _PHONES:
        for match in _within(pattern, text, stretches):
            digits = re.sub("[^0-9]", "", match.group())
            other = _other_number().search(text, max(0, match.start() - _WORD_REACH), match.start())
            if digits not in HELP_LINES and not other and not digits.startswith("099"):
                yield Span(match.start(), match.start() + len(match.group().rstrip(" -./")), "phone")
    for match in _after_word().finditer(text):
        digits = re.sub("[^0-9]", "", match.group(1))
        if _other_number().search(text, match.start(), match.start(1)):
            continue
        longest = 15 if "+" in match.group(1) else 11
        if digits not in HELP_LINES and 7 <= len(digits) <= longest and not digits.startswith(_NOBODY):
            yield Span(*match.span(1), "phone")


def _within(pattern: re.Pattern[str], text: str, stretches: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """What a pattern finds in a text, where it may find anything: matches begin in a stretch of digits."""
    done = 0
    for start, end in stretches:
        # What stands before is seen by a pattern that looks back; behind the digits an extension may follow.
        for match in pattern.finditer(text, max(start, done), min(len(text), end + _EXTENSION_REACH)):
            if match.start() >= end:
                break
            done = match.end()
            yield match


@cache
def _after_word() -> re.Pattern[str]:
    """A number that is one only by the word before it: eight digits in Hong Kong, seven at home."""
    words = (
        either(
            "電話 手機 號碼 撥打 打給我 分機 聯絡 聯繫 傳真 家裡電話 致電 打去 來電 門號 市話 座機 住家 手提 宅電 辦公室 請電 覆電 回電"
        )
        # Hong Kong: 打9842 3067搵我.
        + r"|打(?=[ ]?[2-9][0-9]{3}[ ]?[0-9]{4}(?![0-9]))|(?ai:phone|call (?:me|him|her|us)|mobile|cell|(?<![a-z])tel(?![a-z])|reach (?:me|him|her)|text me|number is|whatsapp|contact|signal)"
    )
    return re.compile(
        rf"(?:{words})(?:[^\n。;!?0-9]{{0,10}}?|方式[:是]?[^\n。;!?0-9]{{1,40}}?)(?<![0-9A-Za-z.])(\+?\(?[1-9][0-9]{{0,3}}\)?(?:[ \-.]?[0-9]){{6,11}}){NO_DIGIT_AFTER}(?!元|塊|块|人)"
    )


@cache
def _other_number() -> re.Pattern[str]:
    return re.compile(
        either("訂單 單號 編號 流水號 序號 統編 發票 運單 快遞 案號 包裹 金額 驗證碼 學號 病歷號 工號 帳號 卡號")
        + "|(?ai:order|tracking|invoice|serial)"
    )


RULES: Final = (Rule(r"[0-9](?:[^0-9]{0,4}[0-9]){6}", find_phones),)
