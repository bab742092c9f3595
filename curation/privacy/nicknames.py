"""Nicknames: 阿明, 小美, 老王."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy import lexicon as lx
from curation.privacy.names import (
    HAN,
    after_name,
    all_surnames,
    bold_surnames,
    function_characters,
    given_characters,
    is_related,
    one_of,
    surnames,
    word_surnames,
)
from curation.privacy.plain_names import find_called_kin, kin_sign
from curation.privacy.roles import is_behind_role
from curation.privacy.spans import Rule, Span, both, characters, either
from curation.privacy.word_model import is_listed, is_often, to_simplified

_AFTER_NICK: Final = re.compile(
    "[說说的她他和跟很就也又,.!?:、。;是在总總最打不沒没突今昨吵分聊見见去約约道]|一[直起]|$"
)
_SAYS: Final = re.compile("[說说罵骂]|[跟對对和]我|是[我他她](?!的?感)|打[電电]|同[學学]|姐姐")
_TOWARDS: Final = frozenset("跟和與与找問问陪像幫帮給给對对向叫讓让被約约")
_TOWARDS_2: Final = frozenset(["告訴", "告诉", "喜歡", "喜欢", "愛上", "爱上", "遇到", "認識", "认识"])
# What a person does, at the head of a clause: 老陳借錢不還.
_DOES: Final = re.compile("[借欠人有把被還还會会能想要來来走離离拿給给送騙骗抱親亲吃喝問问叫幫帮找教欺教嗎吗喜]")
_OLD_WORDS: Final = frozenset("大陸 大陆 大唐 大宋 大蔣 大連 大胡 大杜 老張口 大崔".split())
_HALF_WORDS: Final = frozenset("明剛刚建美威英佳敏嘉恩輝辉琴瑞博玲華华")


@cache
def _small_stop() -> frozenset[str]:
    return frozenset(both(lx.NICK_STOP))


@cache
def _addressed_stop() -> frozenset[str]:
    return frozenset(both(lx.ADDRESSED_STOP))


@cache
def _sure() -> frozenset[str]:
    return characters(lx.NICK)


@cache
def _shy() -> frozenset[str]:
    return characters(lx.NICK_SHY)


@cache
def _before_small() -> frozenset[str]:
    return characters(lx.BEFORE_SMALL)


@cache
def _after_old() -> frozenset[str]:
    return (bold_surnames() | frozenset("馬马黃黄高毛江史雷康田夏")) - frozenset("程段")


_FIRST = re.compile(r"[小阿老大](?=[\u4e00-\u9fff])")


def find_nicknames(text: str) -> Iterator[Span]:
    """Nicknames of a folded text."""
    for match in _FIRST.finditer(text):
        start = match.start()
        fits = {"阿": _is_ah, "小": _is_small}.get(match.group(), _is_old)
        if fits(text, start):
            kin = (
                match.group() == "阿"
                and text[start + 2 : start + 3] in _KIN_AFTER_AH
                and text[start + 3 : start + 4] not in _KIN_AFTER_AH
            )
            yield Span(start, start + 2 + kin, "person", "nick")


_KIN_AFTER_AH: Final = frozenset("姨叔伯嬸婶姐姊哥嫂公婆妹弟仔姑舅媽妈爸")


def _is_ah(text: str, start: int) -> bool:
    """阿明: most characters will do, but not those of 阿姨, 阿里, 啊阿 …."""
    name, longer, before = text[start : start + 2], text[start : start + 3], text[start - 1 : start] if start else ""
    stop = _addressed_stop()
    if name in stop or longer in stop or name[1] in function_characters() or (before and before in "啊阿東东沙拉"):
        return False
    after = text[start + 2 : start + 3]
    return (
        not after or after in after_name() or after in _KIN_AFTER_AH or name[1] in given_characters() | bold_surnames()
    )


@cache
def _leads() -> re.Pattern[str]:
    """Words of a sentence before a person."""
    return re.compile(either(_LEADS) + r"\Z")


_LEADS: Final = (
    "但 但是 可 可是 因為 所以 每次 上次 這次 昨天 今天 前天 結果 後來 如果 就連 聽說 以前 現在 不過 而且 還有 只有 連 當時 有次 有一次 那天 那時 的時候 之前 之後 最近 早上 晚上 下午 半夜 "
    "剛剛 突然 其實 雖然 還好 幸好 原來 當然 反正 總之 然後 接著 於是 明明 根本 直到 自從 除了 等"
)


def _is_behind(text: str, start: int) -> bool:
    """Whether a word for a person, or one that leads to a person, ends here."""
    return is_behind_role(text[max(0, start - 8) : start].translate(to_simplified()), min(start, 8))


def _is_led(text: str, start: int) -> bool:
    return _leads().search(text, max(0, start - 4), start) is not None


def _is_old(text: str, start: int) -> bool:
    """老王, 大劉: only where a clause or a word of address begins, and the sentence goes on as after a person."""
    before = text[start - 1 : start] if start else ""
    if text[start + 1] not in _after_old() or text[start : start + 2] in _OLD_WORDS:
        return False
    follows = _AFTER_NICK.match(text, start + 2) is not None
    if HAN.match(before):
        if text[start] == "大":
            return follows and before in _TOWARDS
        return (
            (follows or _says_or_does(text, start))
            and (_addressed(text, start) or _is_led(text, start) or _is_behind(text, start))
        ) or (_is_behind(text, start) and _goes_on(text, start))
    if text[start] == "大":
        return follows or (_DOES.match(text, start + 2) is not None and text[start + 1] in bold_surnames())
    return follows or (text[start] == "老" and (_DOES.match(text, start + 2) is not None or _goes_on(text, start)))


def _says_or_does(text: str, start: int) -> bool:
    return _SAYS.match(text, start + 2) is not None or _DOES.match(text, start + 2) is not None


def _goes_on(text: str, start: int) -> bool:
    """Whether no word of the dictionary begins with 老 or the surname here: 老马退休, not 老马识途 nor 老高兴了."""
    simple = text[start : start + 4].translate(to_simplified())
    return len(simple) == 4 and not any(is_listed(word) for word in (simple, simple[1:3], simple[1:4], simple[:3]))


def _addressed(text: str, start: int) -> bool:
    """Whether a word stands before that turns to a person."""
    return (
        text[max(0, start - 1) : start] in _TOWARDS
        or text[max(0, start - 2) : start] in _TOWARDS_2
        or is_related(text, start)
    )


def _is_small(text: str, start: int) -> bool:
    """小美, 小陳; 小雨 and its like only with evidence, for they are words as well."""
    character, end = text[start + 1], start + 2
    before = text[start - 1 : start] if start else ""
    if character in _sure():
        small = before in _before_small() and not _addressed(text, start)
        return not small and not _is_small_word(text, start)
    if character in _shy():
        follows = _AFTER_NICK.match(text, end) is not None
        opens = (
            (not HAN.match(before) or _is_led(text, start))
            and character in surnames()
            and _DOES.match(text, end) is not None
        )
        adjective = before in _before_small() | frozenset("下場场阵陣")
        says = opens or (_SAYS.match(text, end) is not None and not adjective)
        return says or ((follows or opens) and (_addressed(text, start) or _is_behind(text, start)))
    return _is_other_small(text, start)


def _is_other_small(text: str, start: int) -> bool:
    """小胖, 小廖: any character of names, where a person is meant and no word begins with 小 or with it."""
    if text[start + 1] not in _other_small():
        return False
    simple = text[start : start + 4].translate(to_simplified())
    if any(is_often(simple[:length]) for length in (2, 3, 4) if len(simple) >= length) or any(
        is_often(simple[1:length]) for length in (3, 4) if len(simple) >= length
    ):
        return False
    before = text[start - 1 : start] if start else ""
    ends = _AFTER_NICK.match(text, start + 2) is not None
    if _is_behind(text, start) or _addressed(text, start):
        return ends or _says_or_does(text, start)
    return (not HAN.match(before) or _is_led(text, start)) and (
        _says_or_does(text, start)
        or _AFTER_WORD.match(text, start + 2) is not None
        or _CALLS.match(text, start + 2) is not None
    )


_CALLS: Final = re.compile("[,!][你您我]|,[這这怎]")
_AFTER_WORD: Final = re.compile("[在他她跟和又總总也就今昨]|一[直起]|最近")


@cache
def _other_small() -> frozenset[str]:
    return (
        (all_surnames() | given_characters() | characters("胖瘦黑白圓丸虎寶"))
        - function_characters()
        - frozenset("姐妹弟哥時時学學生女男子心家年事")
    )


def _is_small_word(text: str, start: int) -> bool:
    """Whether 小 begins a word here: 小提琴, 小明星, 小英雄."""
    name, after = text[start : start + 2], text[start + 2 : start + 3] or "。"
    stop = _small_stop()
    if (
        any(text[start : start + length] in stop and len(text) >= start + length for length in (3, 4))
        or after in "孩學学"
    ):
        return True
    open_end = HAN.match(after) is not None and after not in after_name()
    opens = start == 0 or HAN.match(text[start - 1]) is None
    return (name in stop and after not in after_name()) or (name[1] in _HALF_WORDS and open_end and not opens)


_BEFORE_CALLED: Final = frozenset("跟和與与找是問问叫被同俾畀搵話话讓让像等約约係")
_CALLED_WORDS: Final = frozenset(
    both(
        "牛仔 公仔 狗仔 打仔 男仔 女仔 細仔 大仔 豬仔 靚仔 傻仔 衰仔 肥仔 乖仔 蚵仔 猴仔 貓仔 錢仔 飛仔 山仔 花仔 蝦仔 鬼仔 爛仔 兵仔 歌仔 亞仔 龍仔 "
        "太太 公太 花生 先生 學生 余生 安生 成生 連生 方生 白生 古生 金生 石生 高太 成太 何太 任太 常太 龍生 寧生 溫生 施生 單生 "
        "常生 平生 文生 米生 農生 路生 宮生 盛生 陽生 伊生 衛生 官生 勞生 党生 常太 文太 米太 "
        "大姐 小姐 空姐 學姐 師姐 表姐 堂姐 帥哥 大哥 表哥 堂哥 大伯 阿伯 老伯 叔伯 大嫂 阿嫂 大叔 小叔 表叔 堂叔 大姨 小姨 "
        "明哥 安嫂 軍嫂 空哥 國嫂 美嫂 軍哥 美姐 美哥 生哥 生姐 子哥 子姐 子仔 星哥 人仔"
    )
)


@cache
def _called() -> re.Pattern[str]:
    own = one_of(
        (all_surnames() | word_surnames() | given_characters() | _sure())
        - function_characters()
        - frozenset("大小老阿表堂師师学學空帥帅")
    )
    bold = one_of(all_surnames())
    return re.compile(
        f"{own}(?:仔(?![細细褲裤骨])|[姐姊哥嫂伯姨叔嬸婶](?![姐姊哥妹弟夫伯母子們们人])| ?[Ss]ir(?![A-Za-z]))|{bold}(?:太(?![太過过多大小好難难陽阳平空])|生(?![活氣气命日病的意死存產产涯怕意前後后下出長长涼]))"
        f"|[肥細](?:仔|妹)?(?:{one_of((given_characters() | _sure()) - function_characters())}|[A-Z][a-z]+)"
    )


def find_called(text: str) -> Iterator[Span]:
    """One character of a name with a word of address (威仔, 霞姐, 劉太, 何Sir), where a clause or a word of address begins."""
    for match in _called().finditer(text):
        start, end = match.span()
        before = text[start - 1 : start] if start else ""
        name = match.group()
        if (
            HAN.match(before)
            and before not in _BEFORE_CALLED
            and not _is_led(text, start)
            and not _is_behind(text, start)
        ):
            continue
        goes_on = end == len(text) or not HAN.match(text[end]) or _AFTER_CALLED.match(text, end) is not None
        if name in _CALLED_WORDS or is_often(name.translate(to_simplified())) or not (goes_on or text[end - 1] in "rR"):
            continue
        yield Span(start, end, "person", "titled")


_AFTER_CALLED: Final = re.compile(
    "[說说話话稱称問问罵骂叫打跟和對对同把被也又就都在係系喺俾畀要會会有借欠帶带給给介幫帮教送走來来去那這这昨今最常總总一很不沒没冇咗的嘅是已從从住得即仲先講讲想]"
)


def _called_sign() -> str:
    own = one_of((all_surnames() | word_surnames() | given_characters() | _sure()) - function_characters())
    given = one_of((given_characters() | _sure()) - function_characters())
    return f"{own}(?:[仔太生姐姊哥嫂伯姨叔嬸婶]| ?[Ss]ir)|[肥細](?:仔|妹)?(?:{given}|[A-Z])"


def find_addressed(text: str) -> Iterator[Span]:
    """Names with a word of address or of kin (威仔, 寶玲姐), of a folded text."""
    yield from find_called(text)
    yield from find_called_kin(text)


RULES: Final = (
    Rule(
        f"小{one_of(_sure() | _shy() | _other_small())}|阿[\u4e00-\u9fff]|[老大]{one_of(_after_old())}", find_nicknames
    ),
    Rule(f"{_called_sign()}|{kin_sign()}", find_addressed),
)
