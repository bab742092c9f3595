"""Chinese names of people with a title, or by themselves.

Chinese has no capital letters and no blanks, so a name is only believed on evidence: a title or a
relation beside it, a phrase that introduces it, or a surname with two characters that given names are made of.
"""

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
    ends_a_word,
    function_characters,
    given_characters,
    not_names,
    one_of,
    plain_words,
    rare_characters,
    strong_characters,
    surname_of,
    surnames,
    word_surnames,
)
from curation.privacy.roles import is_behind_role
from curation.privacy.spans import HAN_CHAR, Rule, Span, both, characters, either
from curation.privacy.word_model import is_listed, to_simplified

_SHORT_NOT_BEFORE: Final = "氣气子長长地人廠厂作夫業业資资向致"
_STRONG_TITLES: Final = (
    "先生 小姐 女士 太太 老師 教授 醫師 醫生 護理師 經理 主任 心理師 諮商師 律師 同學 學長 學姐 社工師 阿姨 叔叔 "
    "督導 社工 教官 治療師 諮詢師 護士 大夫 教練 總監 課長 店長 校長 組長 處長 隊長 老闆 警官 法官 師傅 姑娘 大哥 大姐 大姊 奶奶 爺爺 伯伯"
)
_OPENS: Final = r"(?:(?<![\u3400-\u9fff])|(?<=[跟和與与找是請请問问叫給给由被陪])|(?<=[對对向讓让]))"


@cache
def _titled_pattern() -> re.Pattern[str]:
    short = characters(lx.SHORT_TITLES)
    given = one_of(given_characters() - function_characters())
    total = "(?:總|总)(?![是會会算之共结結體体統统裁覺觉有能在要愛爱被不想和局部量計计說说部])|(?:總|总)(?=在(?:會|会|公司|辦公|办公|群|台上))"
    short_title = f"{one_of(short - frozenset('總总'))}(?![{''.join(sorted(short))}{_SHORT_NOT_BEFORE}])"
    return re.compile(
        f"({any_surname()})({given}{{0,2}}?)({either(lx.TITLES)}|{total}|{short_title}(?!{HAN_CHAR}*?(?:姐姐|爺爺)))"
    )


def find_titled(text: str) -> Iterator[Span]:
    """Names with a title (王老師, 林美惠小姐) in a folded text."""
    position = 0
    while match := _titled_pattern().search(text, position):
        # Where one reading fails another may begin within it.
        position = match.start() + 1
        if _is_titled(text, match):
            position = match.end()
            yield Span(*match.span(), "person", "titled")
    for match in _strongly_titled().finditer(text):
        if match.group(1)[:2] not in not_names():
            yield Span(*match.span(), "person", "titled")

    for match in _rarely_titled().finditer(text):
        if _is_rarely_titled(text, match):
            yield Span(*match.span(), "person", "titled")


@cache
def _rarely_titled() -> re.Pattern[str]:
    """Surnames that are words as well, with a title of two characters at least."""
    given = one_of(given_characters() - function_characters())
    return re.compile(f"({one_of(_rare_surnames())})({given}{{0,2}}?)({either(_STRONG_TITLES)})")


@cache
def _rare_surnames() -> frozenset[str]:
    return (all_surnames() - surnames()) | (word_surnames() - frozenset("於於力原"))


def _is_rarely_titled(text: str, match: re.Match[str]) -> bool:
    start, (surname, given, _) = match.start(), match.groups()
    before = text[start - 1] if start else ""
    simple = text[max(0, start - 8) : match.end()].translate(to_simplified())
    at = min(start, 8)
    opens = not HAN.match(before) or before in "跟和與与找是請请問问叫給给由被陪對对讓让"
    called = before == "我" and text[start - 2 : start - 1] in tuple("叫喊")
    if not opens and not called and not is_behind_role(simple, at):
        return False
    if given and (is_listed(simple[at : at + 2]) or text[start : start + 2] in not_names() or given in plain_words()):
        return False
    return surname != "向" or bool(given) or text[match.end() : match.end() + 1] in tuple("你您好,說说")


@cache
def _strongly_titled() -> re.Pattern[str]:
    """Any two characters between surname and title, where a clause or a word of address begins."""
    free = f"(?!{one_of(function_characters())}){HAN_CHAR}"
    return re.compile(f"{_OPENS}({one_of(bold_surnames())}{free}{{1}}{free})(?:{either(_STRONG_TITLES)})")


# 張老師 is also a help line.
_HELP_LINE: Final = re.compile("[專专][線线]|基金|[ (:]{0,2}1980|[熱热][線线]|生命[線线]|[諮谘咨]")


def _is_titled(text: str, match: re.Match[str]) -> bool:
    start, (surname, given, title) = match.start(), match.groups()
    before = text[start - 1] if start else ""
    if ends_a_word(text, start) or surname + (given + title)[:1] in not_names():
        return False
    if title == "老" or (surname + title == "張老師" and _HELP_LINE.match(text, match.end())):
        return False
    return len(title) > 1 or _short_title_fits(surname, given, title, before)


def _short_title_fits(surname: str, given: str, title: str, before: str) -> bool:
    """Whether a title of one character is one: not in 高工, 一張工…, 小王哥."""
    if surname in characters(lx.SHY) or (not given and before and before in "小老大阿"):
        return False
    return not (given and before and before not in after_name() and title in "工導导")


@cache
def _bare_pattern() -> re.Pattern[str]:
    given = one_of(given_characters() - ALSO_GRAMMAR)
    surname = f"(?:{either(lx.COMPOUND)}|{one_of(bold_surnames())})"
    return re.compile(
        f"{surname}(?:{either(lx.GIVEN_PAIRS)}|(?:[子大小]|{given}){given})|{either(_CLEAR_COMPOUND)}{given}"
    )


# A compound surname and one character are a name whatever follows; 東方, 長孫 are words as well.
_CLEAR_COMPOUND: Final = "歐陽 司馬 諸葛 司徒 皇甫 尉遲 慕容 令狐 夏侯 宇文 軒轅 獨孤"


@cache
def _shy_pattern() -> re.Pattern[str]:
    """A surname that is often a word (黃, 高), with two characters that are hardly anything but a given name."""
    strong, given = one_of(strong_characters() - ALSO_GRAMMAR), one_of(given_characters() - ALSO_GRAMMAR)
    return re.compile(
        f"{one_of(all_surnames() - bold_surnames())}(?:{strong}{strong}|(?:[家子生天平成國国]|{given}){one_of(rare_characters())})"
    )


@cache
def _given_pattern() -> re.Pattern[str]:
    """A given name by itself, after a word that turns to a person or before one that speaks."""
    name = f"(?:[家子]|{one_of(given_characters() - ALSO_GRAMMAR - function_characters())}){one_of(rare_characters())}"
    return re.compile(
        f"(?:[跟和與与找問问陪愛爱]|想念|思念|喜歡|喜欢|告訴|告诉|認識|认识|遇到|關於|关于)({name})(?=[的說说在吵分,。!?又也]|$)"
        f"|[跟和與与]({one_of(given_characters() - ALSO_GRAMMAR)}{{2}})(?=在一起|分手|吵架|結婚|结婚|離婚|离婚|交往|復合|复合)"
        f"|(?<![\u4e00-\u9fff])(({one_of(rare_characters())})\\4)"
        f"|(?<![\u4e00-\u9fff])({name})(?=[說说]|跟我|和我|對我|对我|打我|罵我|骂我|又|昨天|今天|一直|已[讀读])"
    )


@cache
def _short_pattern() -> re.Pattern[str]:
    bold = f"(?:{one_of(bold_surnames())}|{either(lx.COMPOUND.replace('東方 ', ''))})"
    given = one_of(given_characters())
    return re.compile(
        f"(?<![\u4e00-\u9fff])({bold}{given})(?=[把對对跟和說说打罵骂叫約约][我她他]|又|一直|[說说]|昨|今)"
        f"|[跟和與与找陪問问]({bold}{given})(?=吵架|聊|[說说]|分手|見面|见面|在一起|結婚|结婚|出去|[,。!?]|$)"
    )


def find_bare(text: str) -> Iterator[Span]:
    """Surname and given name without more, the weakest evidence, in a folded text."""
    for pattern in (_bare_pattern(), _shy_pattern()):
        for match in pattern.finditer(text):
            if _is_bare(text, match.start(), match.group()):
                yield Span(*match.span(), "person", "full")
    for match in _short_pattern().finditer(text):
        group = 1 if match.group(1) else 2
        if match.group(group) not in not_names():
            yield Span(*match.span(group), "person", "full")
    for match in _given_pattern().finditer(text):
        group = next(number for number in (1, 2, 3, 5) if match.group(number))
        if match.group(group) not in plain_words() | not_names() | DOUBLED_WORDS:
            yield Span(*match.span(group), "person", "given")


def _is_bare(text: str, start: int, name: str) -> bool:
    surname = surname_of(name)
    if len(surname) == 1 and name[:2] in not_names() and name[2] not in rare_characters():
        return False
    words = (name[1:3], name[len(surname) :])
    if name in not_names() or any(word in plain_words() for word in words):
        return False
    return not (start and text[start - 1 : start + 1] in _words_of_two())


@cache
def _words_of_two() -> frozenset[str]:
    return frozenset(w for w in both(lx.BEFORE_SURNAME) if len(w) > 1)


def _titled_sign() -> str:
    given = one_of(given_characters() - function_characters())
    titles = f"{either(lx.TITLES)}|{one_of(characters(lx.SHORT_TITLES))}"
    strong = f"{one_of(bold_surnames())}[\u3400-\u9fff]{{2}}{either(_STRONG_TITLES)}"
    rare = f"{one_of(_rare_surnames())}{given}{{0,2}}{either(_STRONG_TITLES)}"
    return f"{any_surname()}{given}{{0,2}}(?:{titles})|{strong}|{rare}"


def _bare_sign() -> str:
    short = f"(?:{one_of(bold_surnames())}|{either(lx.COMPOUND)}){one_of(given_characters())}"
    given = f"{one_of(given_characters())}{one_of(rare_characters())}"
    two, rare = one_of(given_characters() - ALSO_GRAMMAR), one_of(rare_characters())
    alone = (
        f"[跟和與与]{two}{two}[在分吵結结離离交復复]|(?:^|[^\u4e00-\u9fff]){rare}{rare}|"
        f"(?:[跟和與与找問问陪愛爱念歡欢訴诉識识到於于]){given}(?:[的說说在吵分,。!?又也]|$)"
        f"|(?:^|[^\u4e00-\u9fff]){given}[說说跟和對对打罵骂又昨今一已]"
    )
    cue = "(?:[把對对跟和說说打罵骂叫約约又昨今吵聊分見见在結结出,。!?]|一直|$)"
    return f"{_bare_pattern().pattern}|{_shy_pattern().pattern}|(?:^|[^\u4e00-\u9fff]|[跟和與与找陪問问]){short}{cue}|{alone}"


RULES: Final = (
    Rule(_titled_sign(), find_titled),
    Rule(_bare_sign(), find_bare),
)
