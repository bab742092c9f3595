"""How likely characters are a name, and how likely they are ordinary words, by a dictionary of word counts.

The counts are those of jieba's dictionary (MIT). Its code is not used: only the file, which lists 350,000 words with
how often each was seen and marks names of people. Everything is in Simplified characters.
"""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from curation.privacy import lexicon as lx
from curation.privacy.names import all_surnames, compounds, word_surnames
from curation.privacy.spans import characters, simplified
from xinheng.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_LONGEST: Final = 4
# A character the dictionary lacks, one that no name was seen with, and a name of two or one given characters.
_UNKNOWN: Final = -16.0
_UNSEEN: Final = 0.3
_TWO: Final = -1.0
_ONE: Final = -2.5
_ALONE: Final = -1.0
_COMPOUND: Final = -8.0
# A word seen a thousand times among sixty million.
_COMMON: Final = -11.0
_OFTEN: Final = 300
# Of one character only these: 和, 盛 and 明 begin names.
_LEADING: Final = frozenset("升上入选考报进念读快没最各很更被把给可")
# What the lists of the project add to the counts, as shares of all names seen.
_LISTED: Final = 0.0007
_SURNAME_LISTED: Final = 0.0003
_WORD_SURNAME: Final = 0.0005
_RARER: Final = 7e-5
# A character seen less often is in hardly any word, and may be in any name.
_UNCOMMON: Final = 250
# Grammar the dictionary hardly knows.
_CANTONESE: Final = "嚟嘅咗喺佢哋唔啲嗰冇㗎噉咁嘢畀俾瞓乜攞搵睇嚿喎咩啩咧嗌揾嬲攰"

# And everyday words that begin with a surname's character.
_CANTONESE_WORDS: Final = (
    "成日 成世 成晚 成程 成個 成間 成條 成班 返工 返學 返屋企 時時 點解 點樣 點知 唔該 而家 尋日 聽日 今日 鍾意 屋企 都係 全部 全家 連埋 同埋 同人 "
    "于是 諗住 諗到 平時 應該 應承 白撞 黐線 祝福 文件 文章 文靜 高興 高危 包括 包容 方便 方法 時間 時候 全職 常常 常態 安慰 安心"
)

# Words of Taiwan.
_TAIWAN_WORDS: Final = (
    "健保 勞保 國保 國中 國小 學測 指考 會考 統測 輔導室 身心科 諮商 諮商所 捷運 計程車 機車 便當 超商 志工 里長 社工 個管 長照 安親班 補習班 班導 班長 段考 期中 期末 網路 "
    "資訊 軟體 品質 影片 簡訊 部落格 宅配 外送 行銷 專案 大陸 家扶 家防 家暴 性平 保護令 急診 掛號 自費 藥袋 藥局 成績 國文 英文 公車 單親 新住民 外配 悅納 霸凌 學霸 學渣 內耗 年終 年菜 長輩 長官"
)
# Drugs of psychiatry, which begin or end like names.
_DRUGS: Final = (
    "舍曲林 氟西汀 帕罗西汀 西酞普兰 文拉法辛 度洛西汀 米氮平 喹硫平 奥氮平 利培酮 阿立哌唑 氯硝西泮 劳拉西泮 阿普唑仑 艾司唑仑 佐匹克隆 唑吡坦 碳酸锂 丙戊酸 "
    "拉莫三嗪 百忧解 千忧解 左洛复 黛力新 思瑞康 赞安诺 使蒂诺斯 史蒂诺斯 立普能 速悦 利他能 专思达 安立复 再普乐 欣百达 乐活优 立普妥 安定文 悠乐丁 当眠多 乐命达 "
    "帝拔癫 锂盐 金普萨 津普萨 思乐康 易思坦 来士普 怡诺思 赛乐特 喜普妙 德巴金 理思必妥 安律凡 曲唑酮 氯氮平 丁螺环酮 普萘洛尔 美舒郁 恬卓 解忧喜 克忧果 心普爱 百可舒"
)


@cache
def _dictionary() -> pl.DataFrame:
    import polars as pl

    # Found, not imported: the package's code runs nowhere.
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise InputError("find", "the word list of jieba is missing", mend="Install xinheng with its dependencies.")
    path = Path(spec.origin).parent / "dict.txt"
    names = ["word", "count", "tag"]
    found = pl.read_csv(path, separator=" ", has_header=False, new_columns=names, quote_char=None)
    return found.with_columns(length=pl.col("word").str.len_chars())


@cache
def plain_surnames() -> frozenset[str]:
    """Surnames of one character, Simplified."""
    return frozenset(simplified("\n".join(all_surnames())).split("\n"))


@cache
def plain_compounds() -> frozenset[str]:
    """Surnames of two characters, Simplified."""
    return frozenset(simplified("\n".join(compounds())).split("\n"))


@cache
def _name_counts() -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each character is a surname, the first, and the second or only character of a given name."""
    import polars as pl

    seen = _dictionary().filter((pl.col("tag") == "nr") & (pl.col("length") == 3))["word"].to_list()
    seen = [name for name in seen if name[0] in plain_surnames()]
    counts: list[Counter[str]] = [Counter(), Counter(), Counter()]
    for name in seen:
        for count, character in zip(counts, name, strict=True):
            count[character] += 1
    listed, rare = (_only_simplified(chars) for chars in (lx.GIVEN, lx.RARE))
    for character in listed:
        counts[1][character] += round(len(seen) * _LISTED)
        counts[2][character] += round(len(seen) * _LISTED)
    for character in rare:
        counts[1][character] += round(len(seen) * _LISTED)
        counts[2][character] += round(len(seen) * _LISTED)
    for character in plain_surnames():
        counts[0][character] += round(len(seen) * _SURNAME_LISTED)
    for character in frozenset(simplified("\n".join(word_surnames())).split("\n")) - plain_surnames():
        counts[0][character] = round(len(seen) * _WORD_SURNAME)
    return counts[0], counts[1], counts[2]


def _only_simplified(chars: str) -> frozenset[str]:
    return frozenset(simplified("\n".join(characters(chars))).split("\n"))


@cache
def _sums() -> tuple[int, int, int]:
    surname, first, second = _name_counts()
    return surname.total(), first.total(), second.total()


@cache
def to_simplified() -> dict[int, str]:
    """Each Traditional character to its Simplified form, one for one, so that places stay."""
    import opencc

    chars = [chr(code) for code in range(0x3400, 0xA000)]
    simple = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")
    return {ord(c): other for c, other in zip(chars, simple, strict=True) if other != c and len(other) == 1}


@cache
def given_classes() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that begin and that end given names, in both scripts: seen there, or in hardly any word."""
    import polars as pl

    classes = [
        {character for character in count if count[character] / total > _RARER}
        for count, total in zip(_name_counts()[1:], _sums()[1:], strict=True)
    ]
    common = set(_dictionary().filter(pl.col("length") == 1, pl.col("count") >= _UNCOMMON)["word"])
    common |= set(_CANTONESE)
    for kept in classes:
        kept |= {chr(code) for code in range(0x4E00, 0x9FA6) if chr(code) not in common and code not in to_simplified()}
    more = [frozenset(chr(code) for code, plain in to_simplified().items() if plain in kept) for kept in classes]
    return frozenset(classes[0]) | more[0], frozenset(classes[1]) | more[1]


@cache
def given_lifts() -> tuple[dict[str, float], dict[str, float]]:
    """By how much each character is likelier as the first, and as the second, of a given name than as a word.

    In both scripts; logarithms.
    """
    lifts: list[dict[str, float]] = []
    for count, total, kept in zip(_name_counts()[1:], _sums()[1:], given_classes(), strict=True):
        plain = {*count, *(c for c in kept if ord(c) not in to_simplified())}
        lift = {c: math.log((count[c] + _UNSEEN) / total) - _words().get(c, _UNKNOWN) for c in plain}
        lift |= {chr(code): lift[other] for code, other in to_simplified().items() if other in lift}
        lifts.append(lift)
    return lifts[0], lifts[1]


@cache
def _words() -> dict[str, float]:
    """Logarithm of the share of every word that is no full name."""
    import polars as pl

    table = _dictionary()
    total = math.log(table["count"].sum())
    name = (pl.col("tag") == "nr") & (pl.col("length") == 3) & pl.col("word").str.head(1).is_in(list(plain_surnames()))
    kept = table.filter((pl.col("length") <= _LONGEST) & ~name)
    shares = kept["count"].clip(lower_bound=1).log() - total
    words = dict(zip(kept["word"].to_list(), shares.to_list(), strict=True))
    often = math.log(_OFTEN) - total
    return words | {
        word: often
        for word in f"{_CANTONESE_WORDS} {_TAIWAN_WORDS} {_DRUGS}".translate(to_simplified()).split()
        if word not in words
    }


def is_listed(text: str) -> bool:
    """Whether Simplified characters are a word of the dictionary."""
    return text in _words()


def is_often(text: str) -> bool:
    """Whether Simplified characters are a word of the dictionary that is not seldom: 小學, but not 小胖 nor 福伯."""
    return _words().get(text, -math.inf) > _OFTEN_SHARE


_OFTEN_SHARE: Final = -13.5


@cache
def _connecting() -> frozenset[str]:
    """Words that are often written and are verbs, adverbs, times, numbers or grammar: no name begins with one."""
    import polars as pl

    tags = ["v", "d", "t", "p", "c", "r", "m", "f", "q", "u", "vd", "ad", "vn"]
    often = (pl.col("count") >= _OFTEN) & pl.col("tag").is_in(tags) & (pl.col("length") <= _LONGEST)
    return frozenset(_dictionary().filter(often)["word"])


def words_of(text: str) -> list[str]:
    """Simplified characters divided into their likeliest words."""
    words: list[str] = []
    end = len(text)
    while end:
        length = max(
            range(1, min(_LONGEST, end) + 1), key=lambda n: (as_words(text[: end - n]) + _share(text[end - n : end]), n)
        )
        words.append(text[end - length : end])
        end -= length
    return words[::-1]


def _share(word: str) -> float:
    return _words().get(word, _UNKNOWN if len(word) == 1 else -math.inf)


@lru_cache(maxsize=100_000)
def connecting_lead(text: str) -> int:
    """How many characters at the front of Simplified text belong to the sentence rather than to a name.

    >>> connecting_lead("可以申请大连理工"), connecting_lead("光荣")
    (4, 0)
    """
    length = 0
    for word in words_of(text):
        if not (word in _connecting() and len(word) > 1) and word not in _LEADING:
            break
        length += len(word)
    return length


def is_common(text: str) -> bool:
    """Whether Simplified characters are words that are often written, and no name a firm would bear."""
    return as_words(text) > _COMMON * (1 + (len(text) > 2)) if text not in _words() else _words()[text] > _COMMON + 1


@lru_cache(maxsize=100_000)
def as_words(text: str) -> float:
    """Log probability of the likeliest division of Simplified characters into words."""
    words, best = _words(), [0.0]
    for end in range(1, len(text) + 1):
        one = best[end - 1] + words.get(text[end - 1], _UNKNOWN)
        longer = (
            best[end - length] + share
            for length in range(2, min(_LONGEST, end) + 1)
            if (share := words.get(text[end - length : end])) is not None
        )
        best.append(max(one, *longer, one))
    return best[-1]


@lru_cache(maxsize=100_000)
def as_given(given: str) -> float:
    """Log probability of two Simplified characters as a given name that stands by itself.

    >>> as_given("怡君") - as_words("怡君") > 4 > as_given("明天") - as_words("明天")
    True
    """
    _, first, second = _name_counts()
    _, firsts, seconds = _sums()
    return math.log((first[given[0]] + _UNSEEN) / firsts) + math.log((second[given[-1]] + _UNSEEN) / seconds) + _ALONE


@lru_cache(maxsize=100_000)
def as_name(name: str) -> float:
    """Log probability of Simplified characters as surname and given name.

    >>> as_name("王小美") - as_words("王小美") > 3 > as_name("高中生") - as_words("高中生")
    True
    """
    surname, first, second = _name_counts()
    surnames, firsts, seconds = _sums()
    length = 2 if len(name) > 2 and name[:2] in plain_compounds() else 1
    given = name[length:]
    share = _COMPOUND if length == 2 else math.log((surname[name[0]] + _UNSEEN) / surnames)
    share += math.log((second[given[-1]] + _UNSEEN) / seconds)
    if len(given) == 1:
        return share + _ONE
    return share + math.log((first[given[0]] + _UNSEEN) / firsts) + _TWO
