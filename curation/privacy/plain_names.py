"""Chinese full names with nothing beside them that says so: the reading as a name is weighed against that as words.

A surname and one or two characters are a name where that explains the characters around them better than any division
into words, with what stands beside it as a weight: 案主 before, 說 after. So 高中生 stays and 高中正 does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Final

from curation.privacy import lexicon as lx
from curation.privacy.names import (
    HAN,
    all_surnames,
    bold_surnames,
    compounds,
    function_characters,
    given_characters,
    not_names,
    one_of,
    plain_words,
    surnames,
)
from curation.privacy.roles import is_behind_role
from curation.privacy.spans import Rule, Span, both, either
from curation.privacy.word_model import (
    as_given,
    as_name,
    as_words,
    given_classes,
    is_listed,
    plain_surnames,
    to_simplified,
)

# How far the neighbours of a name are read.
_REACH: Final = 3
# How much better a name must explain the characters, by its number of given characters.
_ENOUGH: Final = {2: 2.5, 1: 7.3}
_FIRM: Final = 5.0
_TOWARDS: Final = 1.5
_IS: Final = 2.5
_SAID: Final = frozenset("我是 他是 她是 这是 那是 我系 佢系 佢係 我係 人是".split())
_OPEN: Final = 1.0
_BROKEN: Final = -9.0
_WHOLE: Final = 3.0
_DOUBTFUL: Final = 4.0
# A foreign name or a drug in Chinese letters goes on with one of these.
_FOREIGN: Final = frozenset("斯特尔德克泮汀酮韦姆顿森逊普夫罗勒拉巴亚伦丁莫西索")
# 于 and 成 are names where a clause begins: 任職於 …, 鬧咗我成程車.
_PREPOSITIONS: Final = frozenset("于成")
_AND_AT: Final = frozenset("职任位处住属关至终由对等源出基限过鉴置学读业务生")
# What blocks and estates end with, and what is said; hardly a person.
_BUILDINGS: Final = frozenset("楼邨栋话说问")


def find_plain_names(text: str) -> Iterator[Span]:
    """Surname and given name, in a folded text, wherever they are likelier than words."""
    position = 0
    simple = ""
    while match := _candidate().search(text, position):
        start = match.start()
        position = start + 1
        if not _plausible(text[start : start + 4]):
            continue
        simple = simple or text.translate(to_simplified())
        end = _end_of_name(simple, start)
        if end and not _is_word(text, start, end):
            end += _is_longer(simple, start, end)
            start -= _is_married(text, simple, start)
            yield Span(start, end, "person", "full")
        position = end or start + 1


@lru_cache(maxsize=100_000)
def _plausible(name: str) -> bool:
    """Whether the characters from a surname on, in either script, are a name under the best of circumstances."""
    simple = name.translate(to_simplified())
    length = 2 if simple[:2] in _plain_compounds() else 1
    return any(
        _possible(simple[: length + given], length, given)
        and _at_best(simple[: length + given]) + 2 * _FIRM >= _enough(simple, length, given)
        for given in (2, 1)
    )


def _enough(name: str, length: int, given: int) -> float:
    return _ENOUGH[given if length == 1 else 2] + (_DOUBTFUL if name[:2] in not_names() else 0.0)


def _is_married(text: str, simple: str, start: int) -> bool:
    """Whether a husband's surname stands before the name (廖蔡玉蘭)."""
    if not start or text[start - 1] not in surnames():
        return False
    before = _OPEN if start == 1 else _before(simple, start - 1)
    return before == _FIRM or (before == _OPEN and text[start - 1] in bold_surnames())


def _is_longer(simple: str, start: int, end: int) -> bool:
    """Whether one more character is of the name: a rare one before a sign, or after a husband's surname (廖蔡玉蘭)."""
    last, after = simple[end : end + 1], simple[end + 1 : end + 2]
    if not last or not HAN.match(last) or HAN.match(after):
        return False
    if end - start == 2:
        return (
            is_behind_role(simple, start)
            and last not in function_characters()
            and simple[start + 1 : end + 1] not in _titles()
        )
    own = simple[start + 1 : end + 1]
    married = end - start == 3 and own[0] in plain_surnames() and _possible(own, 1, 2)
    return married and _at_best(own) > (_CLEARLY[3] if is_behind_role(simple, start) else _at_best(simple[start:end]))


def find_called_kin(text: str) -> Iterator[Span]:
    """Given names with a word of kin (寶玲姐, 秀琴阿姨), where they are likelier than words, of a folded text."""
    for match in _kin().finditer(text):
        start, end = match.span(1)
        simple = text[max(0, start - _REACH) : end + _REACH].translate(to_simplified())
        at = min(start, _REACH)
        given = simple[at : at + 2]
        opens = not at or not "\u3400" <= simple[at - 1] <= "\u9fff" or simple[at - 1] in "跟和找被是问叫给让像"
        lift = as_given(given) - as_words(given)
        enough = _KIN_OPEN[len(match.group(2)) > 1] if opens else _KIN_WITHIN
        if (
            given in not_names()
            or given in plain_words()
            or (len(match.group(2)) == 1 and is_listed(given) and lift < 0)
        ):
            continue
        if lift > enough and (opens or gain(simple, at, at + 2, as_given) > enough):
            yield Span(start, match.end(), "person", "titled")


# By how much the given name must be likelier than words: at the head of a clause with 姐 or 阿姨, and within one.
_KIN_OPEN: Final = (1.0, -2.0)
_KIN_WITHIN: Final = 3.0
_KIN: Final = "阿姨 姑姑 叔叔 伯伯 舅舅 姐姐 姊姊 哥哥 爺爺 奶奶 婆婆 嬸嬸 姨媽 姑媽 伯母 學長 學姐 學姊 學弟 學妹 老師 醫師 醫生 社工 督導 護理師 心理師 諮商師 主任 教練 教官 同學 師兄 師姐"


@cache
def _kin() -> re.Pattern[str]:
    given = one_of(given_characters() - function_characters() - frozenset("大小老阿表堂"))
    return re.compile(f"({given}{{2}})({either(_KIN)}|[姐姊哥姨叔嬸婶伯嫂](?![妹弟夫哥姐姊們们]))")


def _end_of_name(simple: str, start: int) -> int:
    """Where the name that begins here ends; 0 where none does. Of two readings the better one counts."""
    length = 2 if simple[start : start + 2] in _plain_compounds() else 1
    best, chosen = 0.0, 0
    before = None
    for given in (2, 1):
        end = start + length + given
        name = simple[start:end]
        if not _possible(name, length, given):
            continue
        enough = _enough(name, length, given)
        if _at_best(name) + 2 * _FIRM < enough:
            continue
        before = _before(simple, start) if before is None else before
        if _at_best(name) + before + _FIRM < enough and not (before == 0 and is_in_row(simple, start, end)):
            continue
        better = gain(simple, start, end, as_name) + _after(simple, end) - enough
        better += _FIRM if before in (0.0, _TOWARDS) and is_in_row(simple, start, end) else before
        # Three characters between a word for a person and a sign are all of the name.
        better += (
            _WHOLE if before == _FIRM and given == 2 and not "\u3400" <= simple[end : end + 1] <= "\u9fff" else 0.0
        )
        if better > best:
            best, chosen = better, end
    return chosen


@cache
def _plain_compounds() -> frozenset[str]:
    return frozenset(word.translate(to_simplified()) for word in compounds())


@lru_cache(maxsize=100_000)
def _possible(name: str, surname: int, given: int) -> bool:
    first, second = given_classes()
    own = name[surname:]
    if own[-1:] in _BUILDINGS:
        return False
    return len(own) == given and own[-1] != name[0] and own[-1] in second and (given == 1 or own[0] in first)


@lru_cache(maxsize=100_000)
def _at_best(name: str) -> float:
    """By how much the name by itself is likelier than its characters as words."""
    return as_name(name) - as_words(name)


def gain(simple: str, start: int, end: int, score: Callable[[str], float]) -> float:
    """By how much the name explains the run of Han characters around it better than words do."""
    left, right = start, end
    while left and start - left < _REACH and "\u3400" <= simple[left - 1] <= "\u9fff":
        left -= 1
    while right < len(simple) and right - end < _REACH and "\u3400" <= simple[right] <= "\u9fff":
        right += 1
    apart = as_words(simple[left:start]) + score(simple[start:end]) + as_words(simple[end:right])
    return apart - as_words(simple[left:right])


def _before(simple: str, start: int) -> float:
    """What stands before a name, as a weight."""
    if not start:
        return _OPEN
    if simple[start - 1] in "老阿" or _is_preposition(simple, start):
        return _BROKEN
    if is_behind_role(simple, start):
        return _FIRM
    character = simple[start - 1]
    if simple[max(0, start - 2) : start] in _SAID:
        return _IS
    if character in "跟和与找被给对向是听叫陪问约":
        return _TOWARDS
    return 0.0 if "\u3400" <= character <= "\u9fff" else _OPEN


def _is_preposition(simple: str, start: int) -> bool:
    before = simple[start - 1]
    if simple[start] not in _PREPOSITIONS or not HAN.match(before) or before in "叫跟":
        return False
    return before in _AND_AT or _at_best(simple[start : start + 3]) < _CLEARLY[2]


def is_in_row(simple: str, start: int, end: int) -> bool:
    """Whether a full name stands beside, parted by a sign or a word of a row (A、B和C), in Simplified text."""
    if start > 2 and simple[start - 1] in _ROW:
        for length in (3, 2):
            if _clearly_name(simple[max(0, start - 1 - length) : start - 1]):
                return True
    return simple[end : end + 1] in ("、", "和") and any(_clearly_name(simple[end + 1 : end + 1 + n]) for n in (3, 2))


_ROW: Final = frozenset("、和跟与及同")
_CLEARLY: Final = {2: 6.0, 3: 4.0}


@lru_cache(maxsize=100_000)
def _clearly_name(name: str) -> bool:
    return name[:1] in plain_surnames() and len(name) > 1 and _at_best(name) > _CLEARLY[len(name)]


def _after(simple: str, end: int) -> float:
    """What stands after a name, as a weight."""
    if end >= len(simple):
        return _OPEN
    if _speaks().match(simple, end):
        return _TOWARDS + _OPEN
    character = simple[end]
    if character in "的把在也又跟和与就却从对":
        return _OPEN
    if character in _FOREIGN and simple[end : end + 2] not in ("特别", "特意", "索性", "亚洲"):
        return _BROKEN
    if character in "路街道村镇区县市里桥" and simple[end : end + 2] not in ("路过", "道歉", "市里", "村里", "里面"):
        return _BROKEN
    return 0.0 if "\u3400" <= character <= "\u9fff" else _OPEN


@cache
def _speaks() -> re.Pattern[str]:
    return re.compile(
        r"[说讲告骂打]|表示|主诉|自述|昨天|今天|前天|[,，、(（ ]{1,2}(?:男|女|[0-9]{1,3}岁|今年)|又|于|住|已|经|今年|未|来电|"
        r"同学|先生|小姐|女士|老师|医师|医生|主任|等人|[0-9]"
    )


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether the lists know better: 高材生, or 張老師, which has a title and may be a help line."""
    name = text[start:end]
    return name[1:] in _titles() or name in not_names() or (name[:2] in not_names() and name[1:] in plain_words())


@cache
def _candidate() -> re.Pattern[str]:
    """Two characters that may begin a name; one class each, so that most places are passed over at once."""
    first, second = given_classes()
    begins = all_surnames() | {word[0] for word in compounds()}
    return re.compile(one_of(begins) + one_of(first | second | {word[1] for word in compounds()}))


@cache
def _sign() -> str:
    first, second = given_classes()
    return f"(?:{either(lx.COMPOUND)}{one_of(second | first)}|{one_of(all_surnames())}(?:{one_of(first)}{one_of(second)}|{one_of(second)}))"


@cache
def _titles() -> frozenset[str]:
    return frozenset(both(lx.TITLES))


def kin_sign() -> str:
    """The sign of `find_called_kin`."""
    given = one_of(given_characters())
    return f"{given}{{2}}(?:{either(_KIN)}|[姐姊哥姨叔嬸婶伯嫂])"


RULES: Final = (Rule(_sign(), find_plain_names),)
