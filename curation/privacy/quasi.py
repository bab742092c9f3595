"""What a person says of themself that helps to tell them apart: age, sex, job, place, diagnosis.

Precise rather than complete. A text is read clause by clause, and a clause counts when its subject is the one who
speaks: 我 or I, or nobody new after such a clause. Parents, children and friends are spoken of all the time, and their
ages are not the client's; neither is what the client once was or fears to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import polars as pl

from curation.privacy.quasi_words import DIAGNOSES, JOBS, PLACES, Words
from curation.privacy.rows import id_column, kind_of
from curation.privacy.spans import both, fold
from xinheng.tables import CLIENT

QUASI: Final = ("age", "sex", "job", "place", "diagnosis")
_BANDS: Final = (5, 13, 18, 25, 35, 45, 55, 65)
_OLDEST: Final = 99
Said = tuple[str, str]

_CLAUSE: Final = re.compile(r"[，。！？；：、,!?;:\n「」『』“”（）()~～…]+|\s{2,}|(?<=[\u4e00-\u9fff])\s+|\.(?!\d)")
_ADVERB: Final = "(?:今年|現在|现在|目前|其實|其实|已經|已经|快要|剛滿|刚满|本來就|也|都|就|才|剛|刚|快|還|还|只|一直|一個人|一个人|自己|獨自|独自)*"
# Whose follows 我 owns something or someone; 我們 are several.
_ME: Final = re.compile(
    rf"(?:你好|您好|老師好|老师好|醫生你好|嗨|因為|因为|而且|但是|但|所以|那個|嗯)*(?:我?本人|我(?![們们的媽妈爸弟妹哥姐姊兒儿女男家先老太朋同室奶爺爷阿婆公岳叔姑舅姨伯孫孙][^生性的人]?))(?P<rest>{_ADVERB}.*)"
)
_GOES_ON: Final = re.compile(
    rf"(?P<rest>{_ADVERB}(?:[0-9一二三四五六七八九十]+[ ]?[歲岁]|是|住|在|當|当|做|來自|来自|家在|人在|被|有|確診|确诊|罹患|患有|擔任|担任|女|男).*)"
)
_HAN_AGE: Final = r"(?P<n>[1-9][0-9]|[5-9]|[二三四五六七八九]?十[一二三四五六七八九]?)[ ]?(?:多)?[歲岁]"
_OTHER_TIME: Final = r"(?!的?(?:時|时|那|以前|之前|以後|以后|之後|之后|就|才|開始|开始|左右就|生日前|小孩|孩子|兒|儿|女兒|女儿|弟|妹|媽|妈|爸|父|母|男友|女友|室友|學生|学生|那年|結婚|结婚|離婚|离婚|被))"
_ONE: Final = "(?:一個|一个|個|个|一名|名|一位|位)?"
_BEFORE_NOUN: Final = (
    rf"(?:{_HAN_AGE.replace('?P<n>', '?:')}的?)?(?:[單单]身|已婚|未婚|普通|新手|全職|全职|退休|離婚|离婚)?的?"
)
_END: Final = r"(?=$|[了啊喔哦呢啦吧 ]|但|而|所以|因為|因为|在|跟|和|工作|已經|已经|也|平常|每)"
_SEX_WORDS: Final = {
    "female": "女生|女性|女孩子?|女的|女人|女大學生|女大学生|女學生|女学生|女同志|媽媽|妈妈|母親|母亲|單親媽媽|单亲妈妈|家庭主婦|家庭主妇|寡婦|寡妇",
    "male": "男生|男性|男孩子?|男的|男人|男大學生|男大学生|男學生|男学生|男同志|爸爸|父親|父亲|單親爸爸|单亲爸爸",
}
_AT_WORK: Final = "(?:[^的]{0,10}?)?"
_TOLD: Final = (
    "(?:(?:診斷|诊断|確診|确诊|判定)(?:出|為|为|是|有|得了|得|罹患|患有|患|了)*|罹患了?|患有|患了|得了|得過|得过|有)"
)
_NOT_SAID: Final = re.compile("[沒没不怕疑如]|擔心|担心|以為|以为|覺得|觉得|是不是|會不會|可能|好像|要是|希望|想")
_OF_OTHERS: Final = re.compile(
    "[媽妈爸弟妹哥姐姊嬤爺爷奶]|先生|老公|老婆|太太|兒子|儿子|女兒|女儿|男友|女友|朋友|同學|同学|同事|室友|孩子|小孩|家人"
)

_I_AM: Final = re.compile(
    r"(?<![A-Za-z'’])(?:I am|I['’]m|Im|im|i am|i['’]m)(?: (?:also|just|only|actually|currently|now|still|about|almost|already|basically))* "
    r"(?P<said>[^.;!?\n()]+|[^.;!?\n]+)"
)
_STOPS: Final = re.compile(
    r" (but|who|with|in|at|of|for|that|so|because|working|living|trying|struggling|when|if|or|since|to|on|while|where) .*| and |[,:]"
)
_NOUN: Final = re.compile(
    r"(?:(?:a|an|the) )?(?P<head>(?:(?!a |an |the |my |your |his |her |not |like |no )[A-Za-z0-9/-]+ ){0,6}?)"
)
_EN_AGE: Final = re.compile(
    r"(?:a |an |the )?(?P<n>[1-9][0-9])(?:$|[ ]?[MFmf]$|[ -]?(?:years?[ -]old|yrs? old|y/o|yo)(?![A-Za-z])| (?:male|female|man|woman)(?![A-Za-z]))"
)
_EN_SEX: Final = {
    "female": r"(?:woman|female|girl|mother|mom|mum|lesbian|housewife|widow)",
    "male": r"(?:man|male|guy|boy|father|dad|widower)",
}
_TAG: Final = re.compile(r"(?:(?<![A-Za-z])(?:I|me|Me) ?|^)[\[(](?P<n>[1-9][0-9]) ?/?(?P<s>[MFmf])?[\])]")
_LIVES: Final = re.compile(
    r"(?<![A-Za-z'’])(?:(?:I|i)(?: currently| still| now| am| ?['’]m|m)* (?:live|living|reside|based)(?: alone| here)? in|(?:I am|I['’]m|i['’]m|i am)(?: originally)? from) "
)
_EN_TOLD: Final = re.compile(
    r"(?<![A-Za-z'’])[Ii](?:['’]ve|['’]m)?(?: have| had| was| got| am| been| being| also| just| recently| officially| finally| already| later){0,5} diagnosed (?:with|as)(?: having)?(?: a| an| severe| mild| moderate| chronic)* "
)


def quasi_identifiers(table: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """What each row's client says of themself; null where it says nothing, or two things.

    Read are a client's turns, a user's messages, and all messages of a chat, where each speaks of themself.

    Args:
        table: DIALOGUE, EXAMPLE, CASE, PREFERENCE or CHAT rows.

    Returns:
        One row per row, in order: id (the row's; a chat's for each of its messages), age (such as `25-34`), sex
        (`female`, `male`), job, place, diagnosis, all String. Values are English words of `quasi_words`.
    """
    frame = table.lazy().collect()
    kind = kind_of(frame, who="quasi_identifiers")
    ids = frame[id_column(kind)]
    rows = [(name, *said_of_self(text or "").values()) for name, text in zip(ids, _own_words(frame, kind), strict=True)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("id", *QUASI), pl.String), orient="row")


def said_of_self(text: str) -> dict[str, str | None]:
    """What a text says of the one who speaks: the values of a row of `quasi_identifiers`.

    >>> said_of_self("我今年25歲，在高雄當護理師")["job"], said_of_self("我媽媽65歲")["age"]
    ('nurse', None)
    """
    values: dict[str, set[str]] = {name: set() for name in QUASI}
    folded = fold(text)
    for name, value in (*_chinese(folded), *_english(folded)):
        values[name].add(value)
    return {name: found.pop() if len(found) == 1 else None for name, found in values.items()}


# Where the words of the one who speaks of themself stand: column, its text, and who speaks.
_OWN: Final = {"dialogue": ("turns", "text", CLIENT), "preference": ("prompt", "content", "user")}


def _own_words(frame: pl.DataFrame, kind: str) -> pl.Series:
    if kind == "chat":
        return frame["text"]
    column, field, role = _OWN.get(kind, ("messages", "content", "user"))
    own = pl.element().filter(pl.element().struct.field("role") == role).struct.field(field)
    return frame.select(pl.col(column).list.eval(own).list.join("\n", ignore_nulls=True)).to_series()


def _band(age: int) -> str:
    """The age group: an exact age is seldom needed and tells too much."""
    low = max(start for start in _BANDS if start <= age)
    after = next((start for start in _BANDS if start > age), None)
    return f"{low}-{after - 1}" if after else f"{low}+"


def _years(number: str) -> Iterator[Said]:
    digits = "零一二三四五六七八九"
    ten, _, one = number.partition("十")
    age = int(number) if number.isascii() else (digits.index(ten or "一") * 10 + digits.index(one or "零"))
    if _BANDS[0] <= age <= _OLDEST:
        yield "age", _band(age)


@cache
def _han(words: str) -> tuple[str, dict[str, str]]:
    """The Chinese words of a list as one pattern, longest first, and what each stands for."""
    values = {word: value for value, (han, _) in _LISTS[words].items() for word in both(han)}
    return "(?P<w>" + "|".join(map(re.escape, sorted(values, key=len, reverse=True))) + ")", values


@cache
def _latin(words: str) -> tuple[re.Pattern[str], list[str]]:
    """The English words of a list as one pattern, a group for each value, and the values."""
    groups = "|".join(f"(?P<v{n}>{english})" for n, (_, english) in enumerate(_LISTS[words].values()))
    return re.compile(rf"(?:{groups})(?![A-Za-z'’])", re.IGNORECASE if words != "place" else 0), list(_LISTS[words])


def _chinese(text: str) -> Iterator[Said]:
    speaking = False
    for index, clause in enumerate(_CLAUSE.split(text)):
        stripped = clause.strip()
        me = _ME.match(stripped)
        # Without a subject a clause goes on about the last one; the first clause of a text is about the speaker.
        goes_on = None if me else _GOES_ON.match(stripped) if speaking or index == 0 else None
        if (said := me or goes_on) is None:
            speaking = speaking and not stripped
            continue
        speaking = True
        yield from _predicate(said["rest"])


def _predicate(rest: str) -> Iterator[Said]:
    patterns = _predicates()
    if found := patterns["age"].match(rest):
        yield from _years(found["n"])
    for sex in _SEX_WORDS:
        if patterns[sex].match(rest):
            yield "sex", sex
    for name in ("job", "place"):
        if found := patterns[name].match(rest):
            word = next(said for group, said in found.groupdict().items() if said and group[0] == "w")
            yield name, _han(name)[1][word]
    found = patterns["diagnosis"].match(rest)
    if found and not _NOT_SAID.search(found["how"]) and not _OF_OTHERS.search(found["how"]):
        yield "diagnosis", _han("diagnosis")[1][found["w"]]


@cache
def _predicates() -> dict[str, re.Pattern[str]]:
    """What may be said of a subject, matched from where the subject ends."""
    job, place, diagnosis = (_han(name)[0] for name in ("job", "place", "diagnosis"))
    anywhere = f"(?:{place.replace('?P<w>', '?:')}[市縣县]?)"
    is_one = f"(?:是|當|当|做|擔任|担任|從事|从事)(?:了?[0-9一二三四五六七八九十兩两多]+年的?)?{_ONE}{_BEFORE_NOUN}"
    sexes = {
        sex: rf"{_ADVERB}(?:是{_ONE}{_BEFORE_NOUN}(?:[一二三兩两]個孩子的|[一二三兩两]个孩子的)?(?:{words}){_END}|{words[0]}(?:生|性)?$)"
        for sex, words in _SEX_WORDS.items()
    }
    sexes["female"] += r"|(?:已經|已经|現在|现在|目前)*(?:懷孕|怀孕)(?:了|中|[0-9一二三四五六七八九])"
    found = {
        "age": rf"{_ADVERB}(?:年齡|年龄)?(?:是{_ONE})?{_ADVERB}{_HAN_AGE}{_OTHER_TIME}",
        **sexes,
        "job": rf"{_ADVERB}(?:{_HAN_AGE.replace('?P<n>', '?:')})?(?:在{_AT_WORK}|{anywhere})?{is_one}(?:女|男)?{job}{_END}",
        "place": rf"{_ADVERB}(?:(?:住在?|家在|人在|來自|来自|搬到|搬來|搬来|定居在?){place}(?!車站|车站|火車|火车|路|街|大學|大学|飯店|饭店|的朋友|朋友家|過|过)"
        rf"|在{place.replace('?P<w>', '?P<w2>')}[市縣县]?(?:工作|上班|讀書|读书|念書|念书|唸書|生活|讀大學|读大学|上大學|上大学|打工|打拼|租房)|是{place.replace('?P<w>', '?P<w3>')}人$)",
        "diagnosis": rf"(?P<how>.{{0,12}}?){_TOLD}(?:中度|重度|輕度|轻度|嚴重的?|严重的?)?{diagnosis}(?!的(?:媽|妈|爸|人|朋友|患者|病人|可能|風險|风险|症狀|症状|傾向|倾向)|患者|傾向|倾向|嗎|吗)",
    }
    return {name: re.compile(pattern) for name, pattern in found.items()}


def _english(text: str) -> Iterator[Said]:
    for found in _I_AM.finditer(text):
        yield from _noun_phrases(found["said"])
    for tag in _TAG.finditer(text):
        yield from _years(tag["n"])
        if tag["s"]:
            yield "sex", "female" if tag["s"] in "Ff" else "male"
    for name, before in (("place", _LIVES), ("diagnosis", _EN_TOLD)):
        words, values = _latin(name)
        for found in before.finditer(text):
            if said := words.match(text, found.end()):
                yield name, _named(said, values)


def _noun_phrases(said: str) -> Iterator[Said]:
    """What `I am …` says, phrase by phrase: `28`, `a nurse`, as long as the next begins like a noun."""
    for place, part in enumerate(_STOPS.sub("\n", said).split("\n")):
        phrase = part.strip()
        if place and not re.match(r"(?:an?|[1-9][0-9]|male|female) |(?:[1-9][0-9]|male|female)$", phrase):
            return
        if found := _EN_AGE.match(phrase):
            yield from _years(found["n"])
            if re.search(r"[0-9] ?[MFmf]$", phrase):
                yield "sex", "female" if phrase[-1] in "Ff" else "male"
        for sex, words in _EN_SEX.items():
            if re.fullmatch(rf"{_NOUN.pattern}(?:{words})(?: [a-z]+)?", phrase, re.IGNORECASE):
                yield "sex", sex
        words_of_jobs, values = _latin("job")
        if job := _ends_in(words_of_jobs, phrase):
            yield "job", _named(job, values)
        if re.search(r"(?<![a-z])(?:weeks|months) pregnant$|^pregnant$", phrase):
            yield "sex", "female"


def _ends_in(words: re.Pattern[str], phrase: str) -> re.Match[str] | None:
    """The word in which a noun phrase ends, where only adjectives and numbers stand before it."""
    start = re.match(r"(?:(?:a|an|the) )?", phrase)
    for place in range(start.end() if start else 0, len(phrase)):
        if place and phrase[place - 1] not in " -":
            continue
        found = words.match(phrase, place)
        if found and found.end() == len(phrase):
            before = phrase[:place]
            return (
                None
                if re.search(r"(?<![a-z])(?:not|my|your|his|her|like|no|never|dating|seeing)(?![a-z])", before)
                or re.search(r" an? ", before)
                else found
            )
    return None


def _named(found: re.Match[str], values: list[str]) -> str:
    return next(values[int(group[1:])] for group, said in found.groupdict().items() if said)


_LISTS: Final[dict[str, Words]] = {"job": JOBS, "place": PLACES, "diagnosis": DIAGNOSES}
