"""Chinese names of people after a phrase that introduces one, or after a relation: 我叫 …, 我同學 …."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy import lexicon as lx
from curation.privacy.names import (
    ALSO_GRAMMAR,
    DOUBLED_WORDS,
    HAN,
    after_name,
    all_surnames,
    any_surname,
    bold_surnames,
    compounds,
    function_characters,
    given_characters,
    is_related,
    not_names,
    one_of,
    plain_words,
    rare_characters,
    strong_characters,
    surname_of,
    word_surnames,
)
from curation.privacy.spans import Rule, Span, both, either

_CALLED: Final = (
    r"(?:(?P<name>名字|本名|真名|姓名|全名)(?:就)?(?:叫做|叫作|叫|是|為|为|:)|(?P<verb>叫做|叫作|叫)|名叫|名為|名为|姓名[: ]{0,2}|本名|署名[是:]?|[簽签]名[是:]"
    r"|叫我|喊我|[稱称]呼我|(?:[暱昵][稱称]|[綽绰][號号]|小名|外[號号]|乳名|英文名(?:字)?)(?:是|叫)?)[ ]?[「“\"'《]?"
)
_CALLED_PATTERN = re.compile(_CALLED + r"(?=[\u4e00-\u9fffA-Z])")
_I_AM: Final = r"(?:我是|本人是|[這这]裡是|這里是|这里是|她是|他是|我係|您好,我|你好,我)[ ]?"
_CALLER: Final = frozenset("他她我你您誰谁人個个位們们就都只要可直")
_LATIN_NAME: Final = re.compile(r"[A-Z][a-z]{1,11}(?: [A-Z][a-z]{1,14})?(?![A-Za-z])")
_SURNAMED = re.compile(r"姓(?!名)[: ]{0,2}(?=[\u4e00-\u9fff])")


def find_introduced(text: str) -> Iterator[Span]:
    """Names after a phrase that introduces one (我叫 …, 名字是 …) in a folded text."""
    for match in _CALLED_PATTERN.finditer(text):
        after_me = text.startswith("我", match.end()) and match.group("verb") == "叫"
        if match.group("verb") == "叫" and not after_me and not _names_someone(text, match):
            continue
        start = match.end() + after_me
        if span := name_at(text, start, firm=True):
            yield span
        elif latin := _LATIN_NAME.match(text, start):
            yield Span(start, latin.end(), "person", "latin")
    for match in _i_am().finditer(text):
        if span := name_at(text, match.end(), firm=False):
            yield span


def _names_someone(text: str, match: re.Match[str]) -> bool:
    """Whether 叫 says what somebody is called, and not what he shouts or is told."""
    start, end = match.span()
    return text[max(0, start - 1) : start] in _CALLER or text[end - 1 : end] == "我" or is_related(text, start)


@cache
def _i_am() -> re.Pattern[str]:
    return re.compile(f"{_I_AM}(?={any_surname(more=True)}{one_of(given_characters())})")


def find_related(text: str) -> Iterator[Span]:
    """Full names after a relation (我同學王小美), and surnames after 姓, in a folded text."""
    for match in _related_pattern().finditer(text):
        if span := name_at(text, match.end(), firm=False, related=True):
            yield span
    for match in _related_given().finditer(text):
        if match.group(1) not in plain_words() | not_names() | DOUBLED_WORDS:
            yield Span(*match.span(1), "person", "given")
    for match in _SURNAMED.finditer(text):
        end = match.end()
        surname = surname_of(text[end : end + 2])
        after = text[end + len(surname) : end + len(surname) + 1] or "。"
        if surname in _said_surnames() and after in after_name() | {"名"}:
            yield Span(match.start(), end + len(surname), "person", "surname")


@cache
def _said_surnames() -> frozenset[str]:
    return all_surnames() | compounds() | word_surnames() - frozenset("於於力")


@cache
def _related_pattern() -> re.Pattern[str]:
    return re.compile(f"{_RELATED}(?={any_surname(more=True)}{one_of(given_characters())})")


_RELATED: Final = f"(?:{either(lx.RELATIONS)}|[我他她你][哥弟妹姐姊舅姨姑伯叔])[:「“( ]?"


@cache
def _related_given() -> re.Pattern[str]:
    """A given name by itself after a relation: 我妹曉琳, 閨女朵朵."""
    given = one_of(given_characters() - ALSO_GRAMMAR)
    return re.compile(f"{_RELATED}((?:{given}{one_of(rare_characters())}|({given})\\2)(?!{one_of(rare_characters())}))")


def name_at(text: str, start: int, *, firm: bool, related: bool = False) -> Span | None:
    """A Chinese name that begins here, by the evidence before it: firm when a phrase says that one follows."""
    surname = surname_of(text[start : start + 2])
    if surname in all_surnames() or surname in compounds():
        for length in (2, 1):
            given_start, end = start + len(surname), start + len(surname) + length
            given = text[given_start:end]
            if len(given) < length or (surname + given[0] in not_names() and not (firm and _ends(text, end, length))):
                continue
            fits = _fits_firmly if firm else _fits_related if related else _fits
            if fits(surname, given, text[end : end + 1] or "。"):
                return Span(start, end, "person", "full")
    return _name_without_surname(text, start) if firm else None


def _ends(text: str, end: int, length: int) -> bool:
    """Whether a name of two characters ends the clause: 叫高峰, though 高峰 is a word."""
    return length == 1 and (end == len(text) or HAN.match(text[end]) is None)


def _known(given: str) -> list[bool]:
    return [c in given_characters() or given in _pairs() for c in given]


@cache
def _pairs() -> frozenset[str]:
    return frozenset(both(lx.GIVEN_PAIRS))


def _could_be_given(given: str) -> bool:
    return all(HAN.match(c) for c in given) and not any(
        c in function_characters() and c not in given_characters() and given not in _pairs() for c in given
    )


def _bounded(after: str) -> bool:
    return after in after_name() or not HAN.match(after)


def _fits_firmly(surname: str, given: str, after: str) -> bool:
    known = _known(given)
    if not _could_be_given(given) or not (_bounded(after) or all(known)):
        return False
    return any(known) or (_bounded(after) and surname in bold_surnames())


def _fits(surname: str, given: str, after: str) -> bool:
    return all(_known(given)) and _bounded(after) and (len(given) == 2 or surname in bold_surnames())


def _fits_related(surname: str, given: str, after: str) -> bool:
    """After a relation a name may run into its verb (老公黃志強外遇) if its last character is hardly a word."""
    if not all(_known(given)):
        return False
    if len(given) == 2:
        return _bounded(after) or not set(given) & ALSO_GRAMMAR or given[1] in rare_characters()
    ends = not HAN.match(after) or after in "的說说和跟"
    return surname in bold_surnames() and (ends or given in strong_characters() - ALSO_GRAMMAR)


_NOT_AFTER_SMALL: Final = frozenset("姐妹弟哥姨朋孩子時时心家公師师大一二三四事聲声")


@cache
def _addressed_stop() -> frozenset[str]:
    return frozenset(both(lx.ADDRESSED_STOP))


def _name_without_surname(text: str, start: int) -> Span | None:
    """A nickname or given name after a phrase that introduces one."""
    name, after = text[start : start + 2], text[start + 2 : start + 3] or "。"
    if len(name) < 2 or not HAN.match(name[1]):
        return None
    if name[0] in "小阿大老" and name[1] not in _NOT_AFTER_SMALL and name not in _addressed_stop():
        return Span(start, start + 2, "person", "nick") if after in after_name() else None
    if name[0] == name[1] and name[0] in given_characters() and name not in DOUBLED_WORDS:
        return Span(start, start + 2, "person", "given")
    known = all(c in given_characters() and c not in function_characters() for c in name)
    if known and after in after_name() and name not in not_names() and name not in plain_words():
        return Span(start, start + 2, "person", "given")
    return None


def _introduced_sign() -> str:
    called = re.sub(r"\?P<\w+>", "?:", _CALLED)
    first = one_of(all_surnames() | given_characters() | frozenset("小阿大老") | {c[0] for c in compounds()})
    return f"{called}我?(?:{first}|[A-Z])|{_I_AM}{any_surname(more=True)}{one_of(given_characters())}"


RULES: Final = (
    Rule(_introduced_sign(), find_introduced),
    Rule(
        f"{_RELATED}(?:{any_surname(more=True)}|{one_of(given_characters())}){one_of(given_characters())}|姓[: ]{{0,2}}(?:{any_surname(more=True)}|{one_of(word_surnames())})",
        find_related,
    ),
)
