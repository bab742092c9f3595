"""Given names by themselves, doubled names and names with rare surnames, beside a word that says a person is meant.

妹妹 before and 說 after make 怡君 a person; as in `plain_names`, the name must also explain the characters around it
better than words do. A surname that is first of all a word (水, 花, 時) counts only here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from curation.privacy.names import not_names, one_of, plain_words, word_surnames
from curation.privacy.plain_names import gain, is_in_row
from curation.privacy.roles import PERSONS, is_behind_role
from curation.privacy.spans import Rule, Span, both, characters, simplified
from curation.privacy.word_model import as_given, as_name, as_words, given_lifts, is_often, to_simplified

# By how much a name must explain the characters better: behind a word for a person, before a verb of persons.
_BEHIND: Final = 2.5
_BESIDE_VERB: Final = 3.5
_BOTH: Final = 0.2
# Where a clause or a word of address begins and nothing else speaks for a name.
_TURNED: Final = 5.5
# A full name with a surname that is a word need not explain as much as two characters by themselves.
_EITHER: Final = 2.0
# How much is read before a name and from its beginning.
_BEFORE: Final = 10
_AFTER: Final = 12
# One given character says less.
_SHORT: Final = 3.0
_WHOLE: Final = 5.0
_TOWARDS: Final = frozenset("跟和与找陪问被让叫约等爱帮")
# What persons do, right behind their name, Simplified. A verb that things do too needs its object.
_DOES: Final = re.compile(
    "(?:[昨今前]天|最近|上[次周个]|去年|前年)?(?:说(?![明法服到])|骂(?!人)|问(?!题)|传(?:讯|了|给|赖|讯息)|打(?:电|我|她|他|给|人|了[我她他电])|[跟对和把][我她他你]|告诉|话(?=[佢我要唔])|同我|成日|"
    "又(?:来|说|在|打|传|哭|不|跟|开|喝)|已读|总是|常常|一直|也在|不理|离开|走[了的]|过世|去世|自杀|哭|约[我了]|封锁|拉黑|喜欢我|爱我|觉得|还是不|是我(?!的)|是[她他]的|是个|们|"
    "要我|叫我|让我|陪我|帮我|找我|给我|借|欠|怀孕|生日|不肯|不愿|[回离分住]了|今年|辞职|请假|表示|当着|喝[多醉]|突然|忽然|居然|竟然|后来|出国|[跟和](?=[阿小老])|[他她][妈爸哥姐弟妹老男女家]|发烧|生病|住院|受伤|考上|考了|处了|在(?=[旁我家那学睡哭外房厕群])|[这那][天时个种人]|去[年了])"
)
# After a name of which nothing else says that it is one.
_GOES_ON: Final = frozenset("两几三的是在也都跟和就他她我你不没又还最被把给那一想会每让要说有做当住已从对")
_DOES_ALONE: Final = re.compile("[昨今前]天|最近|上[次周]|上个?[月礼]|去年|前年|刚才|[0-9一二三四五六七八九十]+岁")
_WITH: Final = re.compile(
    "[也都就]?(?:[有去要会在是]|在一起|分[手咗了]|吵|聊|谈|说|见面|结婚|离婚|交往|复合|出去|同居|从|认识|不[熟合说]|很[熟好像]|绝交|冷战|约|[打闹][架翻])|[的,。!?、]|$"
)


def find_cued_names(text: str) -> Iterator[Span]:
    """Given names of two characters, and full names whose surname is a word, in a folded text."""
    position = 0
    while match := _candidate().search(text, position):
        start = position = match.start()
        position += 1
        full = text[start] in word_surnames() and _could_be_full(text[start : start + 3])
        if not full and not _could_be_given(match.group()):
            continue
        # Only what stands around is read in Simplified characters.
        first = max(0, start - _BEFORE)
        around, at = text[first : start + _AFTER].translate(to_simplified()), start - first
        end = _end_of_full(around, at) if full else 0
        if end:
            position = first + end
            yield Span(start, position, "person", "full")
        elif _could_be_given(match.group()) and _is_given(around, at):
            position = start + 2
            yield Span(start, position, "person", "given")


def _end_of_full(simple: str, start: int) -> int:
    """Where the name with a surname that is a word ends; 0 where none begins."""
    best, chosen = 0.0, 0
    for length, enough in ((3, 0.0), (2, _SHORT)):
        end = start + length
        if end > len(simple) or _lift_of_full(simple[start:end]) < enough:
            continue
        needed = _needed(simple, start, end)
        if needed is None:
            continue
        better = gain(simple, start, end, as_name) - enough - needed + _EITHER
        # Three characters between a word for a person and a sign are all of the name.
        better += (
            _WHOLE
            if length == 3 and simple[max(0, start - 1) : start] == ":" and not _is_han(simple[end : end + 1] or " ")
            else 0.0
        )
        if better > best:
            best, chosen = better, end
    return chosen


def _is_given(simple: str, start: int) -> bool:
    end = start + 2
    needed = _needed(simple, start, end)
    # A word for a person ends before the name, whatever its end makes with it: 我弟 | 子軒.
    cut = start if is_behind_role(simple, start) else 0
    return needed is not None and gain(simple[cut:], start - cut, end - cut, as_given) > needed


def _needed(simple: str, start: int, end: int) -> float | None:
    """How much a name must explain by what stands beside it; None when nothing there speaks of a person."""
    before = simple[start - 1] if start else ""
    if before == "·":
        return None
    opens = not before or before in _TOWARDS or not "\u3400" <= before <= "\u9fff" or _turns_to(simple, start)
    does = _DOES.match(simple, end) or _DOES_ALONE.match(simple, end)
    if is_behind_role(simple, start):
        return _BOTH if does else _BEHIND
    if is_in_row(simple, start, end):
        return _BEHIND
    if (before in _TOWARDS or _turns_to(simple, start)) and _WITH.match(simple, end):
        return _BESIDE_VERB
    if opens and does:
        return _BESIDE_VERB
    after = simple[end : end + 1]
    return _TURNED if opens and (not _is_han(after) or after in _GOES_ON) else None


def _turns_to(simple: str, start: int) -> bool:
    return simple[max(0, start - 2) : start] in _TURNS_TO


_TURNS_TO: Final = frozenset(
    "喜欢 暗恋 认得 认识 想念 思念 告诉 遇到 遇见 碰到 爱上 关于 联络 联系 拜托 通知 换成 像是 还有 只有 除了 因为 那个 这个 我是 他是 她是 叫做 介绍 原谅 照顾".split()
)


@lru_cache(maxsize=100_000)
def _could_be_given(name: str) -> bool:
    """Whether two characters, in either script, are likelier a given name than words."""
    if name[0] in _NEVER_FIRST or name in plain_words() or name in not_names() or not _is_han(name):
        return False
    simple = name.translate(to_simplified())
    return as_given(simple) - as_words(simple) > 0


@lru_cache(maxsize=100_000)
def _could_be_full(name: str) -> bool:
    simple = name.translate(to_simplified())
    return _lift_of_full(simple) > 0 or _lift_of_full(simple[:2]) > _SHORT


@lru_cache(maxsize=100_000)
def _lift_of_full(name: str) -> float:
    words = is_often(name[:2]) or name in plain_words() or name in not_names() or name[:2] in not_names()
    return as_name(name) - as_words(name) if len(name) > 1 and _is_han(name) and not words else -math.inf


def _is_han(text: str) -> bool:
    return all("\u3400" <= character <= "\u9fff" for character in text)


# Titles and words of place, time and grammar begin so.
_NEVER_FIRST: Final = frozenset(
    "学學常曾也才均皆仅僅将將刚剛大小老阿夫妈爸有先之又任會会生名中不那這这就都在是得還还沒没也很太好再多少去來来與与和跟或及從从到"
)


@cache
def _candidate() -> re.Pattern[str]:
    first, good_first, second, good_second = _classes()
    opens = f"(?:(?<=^.)|(?<=[^\u3400-\u9fff].)|(?<={one_of(_before())}.))"
    return re.compile(f"{one_of(first)}{opens}(?:(?<={one_of(good_first)}){one_of(second)}|{one_of(good_second)})")


@cache
def _classes() -> tuple[frozenset[str], ...]:
    """First and second characters likelier in a name than in a word, or nearly so, and those likelier by far.

    A surname that is a word counts as a first character.
    """
    first, second = given_lifts()
    fair_first, fair_second = (frozenset(c for c, lift in lifts.items() if lift > -0.1) for lifts in (first, second))
    good_first, good_second = (frozenset(c for c, lift in lifts.items() if lift > 2.5) for lifts in (first, second))
    return fair_first | word_surnames(), good_first | word_surnames(), fair_second, good_second


@cache
def _before() -> frozenset[str]:
    """Characters that stand right before a name which counts."""
    ends = {word[-1] for word in both(PERSONS)} | {word[-1] for word in _TURNS_TO}
    return characters("".join(ends) + "".join(_TOWARDS) + "、和跟與及同哥弟妹姐姑嫂姨舅叔仔女叫是")


def find_doubled_names(text: str) -> Iterator[Span]:
    """Doubled names (婷婷, 妞妞) beside a word for a person or what persons do, in a folded text."""
    for match in _doubled().finditer(text):
        start, end = match.span()
        first = max(0, start - _BEFORE)
        around, at = text[first : start + _AFTER].translate(to_simplified()), start - first
        word = around[at : at + 2] in _DOUBLED_WORDS or around[at + 2 : at + 3] == "地"
        needed = None if word else _needed(around, at, at + 2)
        if needed is not None and (needed < _TURNED or around[at + 2 : at + 3] not in _AFTER_ADJECTIVE):
            yield Span(start, end, "person", "given")


# Doubled adjectives are said of things: 甜甜的, 亮亮的.
_AFTER_ADJECTIVE: Final = frozenset("的地一了着")


@cache
def _doubled() -> re.Pattern[str]:
    return re.compile(rf"({one_of(characters(_DOUBLING))})\1")


# Characters that double as names of people, and doubled words that are none.
_DOUBLING: Final = (
    "婷雯萱涵琪怡君豪軒宇翔凱雅蘭芬珍珠梅娟燕麗莉娜敏潔慧佳嘉琳瑤瑩璇晴晨曦睿瑞博浩昊鵬樂彤菲蓉薇蕾馨穎妍姍恩恬悅彬柔庭倫俊"
    "玉鳳霞雲蓮真榮香媛芸筠妞妮豆圓球糖果甜朵寶貝貞皮丹丫毛牛虎甯寧暖萌蓓曼露安可艾冰朋江洋陽楊點團米咪蒙盈盼思強亮華芳娥苗囡楠桐杉濤超磊鑫晶暢悠歡蛋墩辰澤龍鹿兔熊花葉桃杏柚橙棗莓麥粒糯布玫露翠"
)
_DOUBLED_WORDS: Final = frozenset(
    simplified("寶寶 圈圈 點點 真真 香香 暖暖 安安 可可 江江 寧寧 團團 花花 粒粒 辰辰 悠悠").split()
)


def _sign() -> str:
    first, good_first, second, good_second = map(one_of, _classes())
    return f"(?:^|[^\u3400-\u9fff]|{one_of(_before())})(?:{good_first}{second}|{first}{good_second})"


def _doubled_sign() -> str:
    return "|".join(2 * character for character in sorted(characters(_DOUBLING)))


def find_names_by_cue(text: str) -> Iterator[Span]:
    """All names of this module, in a folded text."""
    yield from find_cued_names(text)
    yield from find_doubled_names(text)


RULES: Final = (Rule(f"{_sign()}|{_doubled_sign()}", find_names_by_cue),)
