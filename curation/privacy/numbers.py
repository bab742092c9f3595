"""Numbers an authority gave to a person: identity cards of Taiwan, the mainland and Hong Kong, and bank cards.

What carries a check digit needs no context and must pass it. With its word before it (身分證字號 …) the shape alone
is believed: people mistype their own numbers, and a number one digit off still leads to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.check_digits import cn_check, hk_check, is_day, luhn_check, tw_check
from curation.privacy.spans import ALONE, ENDS, NO_DIGIT_AFTER, NO_DIGIT_BEFORE, Rule, Span, either

_TW = re.compile(rf"{ALONE}[A-Za-z][ -]?[1289A-Da-d](?:[ -]?[0-9]){{8}}{ENDS}")
_CN = re.compile(
    rf"{NO_DIGIT_BEFORE}[1-8][0-9]{{5}}[ -]?(?:19|20)[0-9]{{2}}[ -]?[0-9]{{4}}[ -]?[0-9]{{3}}[0-9Xx]{ENDS}"
)
_CN_OLD = re.compile(rf"{NO_DIGIT_BEFORE}[1-8][0-9]{{14}}{NO_DIGIT_AFTER}")
_HK = re.compile(rf"{ALONE}[A-Za-z]{{1,2}} ?[0-9]{{3}} ?[0-9]{{3}} ?(?:\([0-9Aa]\)|[0-9Aa]{ENDS})")
_CARD = re.compile(
    rf"{NO_DIGIT_BEFORE}(?:[2-6][0-9]{{3}}(?:[ -]?[0-9]{{4}}){{2}}[ -]?[0-9]{{1,4}}(?:[ -]?[0-9]{{1,3}})?|3[47][0-9]{{2}}[ -]?[0-9]{{6}}[ -]?[0-9]{{5}}){NO_DIGIT_AFTER}"
)
_REACH: Final = 16


def find_identity_cards(text: str) -> Iterator[Span]:
    """Identity card and resident certificate numbers of a folded text."""
    for match in _TW.finditer(text):
        value = bare(match.group())
        if tw_check(value) or _named(text, match.start(), _id_words()):
            yield Span(*match.span(), "tw_id" if value[1] in "12" else "tw_resident")
    for match in _CN.finditer(text):
        value = bare(match.group())
        if cn_check(value) or (is_day(value[6:14]) and _named(text, match.start(), _id_words())):
            yield Span(*match.span(), "cn_id")
    for match in _CN_OLD.finditer(text):
        if is_day("19" + match.group()[6:12]) and _named(text, match.start(), _id_words()):
            yield Span(*match.span(), "cn_id")
    for match in _HK.finditer(text):
        value = bare(match.group())
        if "(" not in match.group() and _is_other(text, match.start()):
            continue
        if hk_check(value) or (
            "(" in match.group() and "00000" not in value and _named(text, match.start(), _id_words())
        ):
            yield Span(*match.span(), "hk_id")


def find_bank_cards(text: str) -> Iterator[Span]:
    """Bank card numbers of a folded text."""
    for match in _CARD.finditer(text):
        value = bare(match.group())
        shaped = 14 <= len(value) <= 19 and len(set(value)) > 1
        if shaped and (luhn_check(value) or (len(value) >= 15 and _named(text, match.start(), _card_words()))):
            yield Span(*match.span(), "bank_card")


def bare(value: str) -> str:
    """Letters and digits only."""
    return re.sub(r"[^0-9A-Za-z]", "", value)


def _named(text: str, start: int, words: re.Pattern[str]) -> bool:
    """Whether one of the words stands shortly before."""
    return words.search(text, max(0, start - _REACH), start) is not None


@cache
def _id_words() -> re.Pattern[str]:
    return re.compile(either("身分證 身份證 證件 證號 居留證") + r"|(?ai:(?<![a-z])(?:ID|HKID|ARC)(?![a-z])|identity)")


def _is_other(text: str, start: int) -> bool:
    """Whether the word before it says that a number is that of a passport, a chart or a paper.

    One letter and seven digits are the shape of a Hong Kong card without brackets, and one in eleven passes its check.
    """
    if _named(text, start, _passport_words()):
        return True
    return _named(text, start, _paper_words()) and not _named(text, start, _id_words())


@cache
def _passport_words() -> re.Pattern[str]:
    words = f"{either('護照 旅行證 通行證')}|(?ai:passport|travel document|(?<![a-z])BN\\(?O\\)?(?![a-z]))"
    return re.compile(f"(?:{words})[^\n。;!?,0-9]{{0,12}}\\Z")


@cache
def _paper_words() -> re.Pattern[str]:
    words = either(
        "病歷 病歷號 收據 單號 帳號 帳戶 賬號 序號 編號 案號 學號 工號 報告 發票 訂單 保單 型號 流水號 檔案 掛號 會員號 會員編號"
    )
    english = r"(?<![a-z])(?:report|reference|ref|case|file|order|invoice|serial|record|chart|mrn|account|ticket|receipt|model|policy|claim)"
    link = r"(?:號碼|号码|編號|编号|號|号|no\.?|number|#)?[ ]?(?:是|為|为|係|is|was|:|#)?[ ]?"
    return re.compile(f"(?ai:(?:{words}|{english})[ ]?{link}\\Z)")


@cache
def _card_words() -> re.Pattern[str]:
    return re.compile(
        either("卡號 信用卡 銀行卡 金融卡 提款卡 儲蓄卡 借記卡 簽帳卡")
        + r"|(?ai:(?<![a-z])(?:card|visa|mastercard)(?![a-z]))"
    )


_LONG: Final = r"[0-9](?:[ -]?[0-9]){5}"
RULES: Final = (Rule(_LONG, find_identity_cards), Rule(r"[0-9]{4}[ -]?[0-9]{4}|3[47][0-9]{2}", find_bank_cards))
