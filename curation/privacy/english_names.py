"""English names of people, in English and in Chinese sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy import english_lexicon as en
from curation.privacy import lexicon as lx
from curation.privacy.english_words import first_names, is_rare, is_seldom, no_names
from curation.privacy.names import after_name, all_surnames, bold_surnames, one_of
from curation.privacy.spans import Rule, Span, either

_TITLE: Final = (
    r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Doctor|Coach|Pastor|Aunt|Uncle|Auntie|Nurse|Officer|Father|Sister|Rev|Reverend|Rabbi|Imam|Principal|Dean|Detective|Judge"
    r"|Granny|Grandma|Grandpa|Grandad|Granddad|Gran|Nana|Nan|Nanny|Grandmother|Grandfather|Sergeant|Sgt|Lieutenant|Lt|Captain|Capt|Corporal|Cpl|Colonel|Constable|PC|Inspector|Sheriff|Deputy|Chaplain|"
    r"Warden|Matron|Headmaster|Headmistress|Madam|Mister|Master|Brother|Cousin|Auntie|Aunty|Tía|Tita|Tito|Lola|Lolo|Uncle|Psychiatrist|Therapist|Counsellor|Counselor|Attorney|Councillor|Senator)"
)
# Before a first name these are a name people go by.
_BY_NAME: Final = r"(?:Big|Little|Lil|Old|Young|Fat|Tiny|Crazy|Mad|Poor|Baby|Saint|St)"
_NAME: Final = r"(?:(?:O'|Mc|Mac|D'|De|Van )?[A-Z][a-z]+(?:[-'](?!s(?![a-z]))[A-Z][a-z]+)?)"
_INTRODUCES: Final = (
    r"(?ai:my (?:full |real |first |last |middle )?name is|name's|name:|names are|named|i am called|i'm called|everyone calls me|call me|people call me"
    r"|(?:goes|go|went) by|(?:is|was|were|am) called|signed,|surname is|last name is|maiden name is|name is|name was)"
)
_RELATION: Final = (
    r"(?ai:friend|boyfriend|girlfriend|husband|wife|brother|sister|son|daughter|boss|manager|coworker|co-worker|colleague|roommate|partner|ex|therapist|counselor|"
    r"counsellor|teacher|neighbor|neighbour|cousin|fiance|fiancee|classmate|supervisor|dad|mom|mum|stepdad|stepmom|landlord|ex-husband|ex-wife|niece|nephew|coach|"
    r"mentor|grandson|granddaughter|buddy|crush|flatmate|housemate|uncle|aunt|doctor|psychiatrist|nurse|professor|tutor|baby|toddler|twin)"
)
_ENGLISH = [
    re.compile(p)
    for p in (
        rf"(?<![A-Za-z])(?P<titled>{_TITLE}\.? (?:[A-Z]\. )?{_NAME}(?: {_NAME}){{0,2}})(?![A-Za-z])",
        rf"(?<![A-Za-z])(?P<byname>{_BY_NAME} {_NAME})(?![A-Za-z])",
        (
            rf"(?<![A-Za-z])(?ai:a|this|some|another|one|the) (?ai:girl|boy|guy|man|woman|lady|bloke|lad|kid|dude|student|friend|colleague|co-?worker|classmate|neighbou?r|nurse|teacher|therapist|patient|client|person)"
            rf"(?: [a-z]+){{0,3}}?,? (?:called|named|by the name of) (?P<known>{_NAME}(?: {_NAME})?)(?![A-Za-z])"
        ),
        rf"(?<![A-Za-z]){_INTRODUCES} ?(?P<named>{_NAME}(?: [A-Z]\.)?(?: {_NAME}){{0,2}})(?![A-Za-z])",
        rf"(?<![A-Za-z])(?:I'm|I am|This is|this is|it's|It's) (?P<iam>{_NAME}(?: {_NAME})?)(?![A-Za-z])",
        rf"(?<![A-Za-z])(?ai:my|his|her|our|their|your)(?: [a-z]+){{0,2}} {_RELATION},? (?P<rel>{_NAME}(?: {_NAME})?)(?![A-Za-z])",
    )
]
_WITH = re.compile(
    r"(?<![A-Za-z])(?:and|with|told|met|loved|loves|love|missed|misses|miss|kissed|dated|dating|married|hate|texted|called) ([A-Z][a-z]+)(?![A-Za-z'])"
)
# Of a pair, one known by itself makes the other a name.
_COUPLE = re.compile(
    r"(?<![A-Za-z'-])([A-Z][a-z]+) (?:and|&|or) ([A-Z][a-z]+)(?![A-Za-z])(?! (?:Street|Road|Hospital|School|College|University|Ltd|Inc|Sons|Co))"
)
# Who writes without capitals still says who they are.
_LOWER = re.compile(
    r"(?ai:(?<![a-z])(?:my name is|name's|i'm|im|its|it's|this is|call me|me,|from)) ([a-z]+)(?= (?:again|here)|[,.!]|$|\n)"
)
_MONTHS: Final = frozenset(["May", "April", "June", "August"])
_NOT_LAST: Final = frozenset(["Street", "Road", "Avenue", "Syndrome", "University", "College", "Hospital", "School"])
_CAPITALISED = re.compile(rf"(?<![A-Za-z.@_/-])([A-Z][a-z]+)(?: [A-Z]\.)?(?: {_NAME})?(?![A-Za-z@_]|\.[a-z])")


@cache
def _firsts() -> frozenset[str]:
    return frozenset(en.ENGLISH_FIRST.split()) | frozenset(en.ENGLISH_SHY.split())


@cache
def _bold_firsts() -> frozenset[str]:
    return _firsts() - frozenset(en.ENGLISH_SHY.split())


@cache
def _not_names() -> frozenset[str]:
    return frozenset(en.NOT_NAMES.split())


def find_english_names(text: str) -> Iterator[Span]:
    """English names with a title, a phrase or a relation before them, of a folded text."""
    for pattern in _ENGLISH:
        for match in pattern.finditer(text):
            kind = str(match.lastgroup)
            words = match.group(kind).split()
            end = match.end(kind)
            while kind != "titled" and len(words) > 1 and words[-1] in _not_names():
                end -= len(words.pop()) + 1
            if kind == "byname" and (len(words) < 2 or words[1] not in first_names()):
                continue
            names = {words[0], words[-1]} - (_MONTHS if kind in ("titled", "byname") else frozenset())
            if not names & _not_names() and (kind != "iam" or _introduces_self(match.group(), words)):
                yield Span(match.start(kind), end, "person", "latin")


def _introduces_self(phrase: str, words: list[str]) -> bool:
    """Whether I'm … gives a name; It's May does not."""
    if len(words) > 1 and not phrase.startswith("I"):
        return words[0] in _firsts()
    return len(words) > 1 or words[0] in (_firsts() if phrase.startswith(("I'm", "I am")) else _bold_firsts())


def find_first_names(text: str) -> Iterator[Span]:
    """English first names that are no words, with a last name when one follows, of a folded text."""
    for match in _CAPITALISED.finditer(text):
        if match.group(1) not in _bold_firsts():
            continue
        words, end = match.group().split(), match.end()
        if len(words) > 1 and words[-1] in _not_names():
            end -= len(words[-1]) + 1
        elif len(words) > 1 and words[-1] in _NOT_LAST:
            continue
        yield Span(match.start(), end, "person", "latin")
    for match in _COUPLE.finditer(text):
        if match.group(1) in _firsts() and is_seldom(match.group(2)) and match.group(2) not in no_names():
            yield Span(*match.span(2), "person", "latin")
        elif match.group(2) in _firsts() and is_seldom(match.group(1)) and match.group(1) not in no_names():
            yield Span(*match.span(1), "person", "latin")
    for match in _WITH.finditer(text):
        if match.group(1) in _firsts() - _MONTHS:
            yield Span(*match.span(1), "person", "latin")


@cache
def _lower_firsts() -> frozenset[str]:
    """First names that are no words without a capital."""
    return frozenset(name for name in first_names() if is_rare(name) and len(name) > 2) - frozenset(
        en.ENGLISH_SHY.split()
    )


def find_small_names(text: str) -> Iterator[Span]:
    """First names without a capital, of those who say who they are (it's danny again), of a folded text."""
    for match in _LOWER.finditer(text):
        if match.group(1).capitalize() in _lower_firsts():
            yield Span(*match.span(1), "person", "latin")


@cache
def _beside_han() -> re.Pattern[str]:
    relation = either(lx.RELATIONS)
    title = "老師|老师|醫師|医师|醫生|医生|同學|同学|學長|学长|學姐|学姐|學姊|小姐|先生|女士|教授|教練|教练|哥(?!哥)|姐(?!姐)|姊(?!姊)"
    return re.compile(
        rf"(?<![A-Za-z])(?P<mixed>[A-Z][a-z]+[ ]?{one_of(all_surnames())})(?![先小老太女醫医教同學学哥姐姊說说罵骂跟是在也都不有又就很])(?={one_of(after_name() | frozenset('拿每天'))}|[每拿]|$)"
        rf"|(?<![A-Za-z])(?P<mixed2>[A-Z][a-z]+[ ]?{one_of(bold_surnames())})(?=[說说罵骂跟是在也都不有又就很])"
        rf"|(?:{relation})[ ]?[「“\"(]?(?P<rel>[A-Z][a-z]+(?: [A-Z][a-z]+)?)(?![A-Za-z])"
        rf"|(?<![A-Za-z])(?P<titled>[A-Z][a-z]+)(?=[ ]?(?:{title}))"
        rf"|[跟和與与找陪問问約约同俾畀愛爱][ ]?(?P<with>[A-Z][a-z]+)(?![A-Za-z])(?=[ ]?[\u4e00-\u9fff,。!?]|$)"
        rf"|(?<![A-Za-z])(?P<says>[A-Z][a-z]+)(?=[ ]?(?:[說说罵骂]|跟我|對我|对我|問我|问我|叫我|和我))"
    )


def find_names_beside_han(text: str) -> Iterator[Span]:
    """English names in a Chinese sentence, by the relation, title or verb beside them, of a folded text."""
    for match in _beside_han().finditer(text):
        kind = str(match.lastgroup)
        words = match.group(kind).split()
        first = re.match("[A-Za-z]+", words[0])
        known = kind == "rel" or (first is not None and first.group() in first_names())
        if known and not {words[0], words[-1]} & _not_names():
            yield Span(*match.span(kind), "person", "latin")


def _sign() -> str:
    return (
        rf"(?:{_TITLE}|{_BY_NAME})\.? [A-Z]|(?:called|named|name of) [A-Z]|{_INTRODUCES} ?[A-Z]|(?:I'm|I am|This is|this is|it's|It's) [A-Z]|{_RELATION},? [A-Z]"
    ).replace("(?ai:", "(?i:")


RULES: Final = (
    Rule(_sign(), find_english_names),
    Rule(f"(?:{'|'.join(sorted(_firsts()))})", find_first_names),
    Rule(
        f"(?i:name is|name's|'m|im|its|it's|this is|call me|me,|from) (?:{'|'.join(sorted(n.lower() for n in _lower_firsts()))})",
        find_small_names,
    ),
    Rule(r"[A-Z][a-z]+[ ]?[\u4e00-\u9fff]|[\u4e00-\u9fff][ ]?[「“\"(]?[A-Z][a-z]", find_names_beside_han),
)
