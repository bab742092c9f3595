"""English names by their shape: capitalised words that are hardly words, with what stands beside them.

Two such words in a row are a name; one by itself needs to be a first name, or to do what only persons do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from curation.privacy.english_words import first_names, is_rare, is_seldom, is_unknown, no_names
from curation.privacy.spans import Rule, Span

_PART: Final = r"(?:(?:O'|D'|Mc|Mac|De|Di|La|Le|Fitz)?[A-Z][a-z\u00c0-\u024f\u1e00-\u1eff]+(?:[-'](?!s(?![a-z]))[A-Z]?[a-z\u00c0-\u024f\u1e00-\u1eff]+)*)"
_PARTICLE: Final = r"(?:(?:van der|van den|van|von|de la|de los|de|del|della|di|da|dos|bin|binti|ibn|al|el|ter|den|y) )"
_NAME = re.compile(
    rf"(?<![A-Za-z0-9@_./&#'-])(?<!& )(?:[A-Z]\.? ?(?:[A-Z]\. ?)?(?=[A-Z][a-z]))?{_PART}(?: (?:[A-Z]\. )?{_PARTICLE}?{_PART}){{0,3}}(?![A-Za-z@_&]|\.[a-z]|'[a-rt-z])"
)
# What follows a name of a place, a firm or a thing.
_NO_PERSON_AFTER = re.compile(
    r",? (?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Court|Place|Way|Terrace|Square|Close|Crescent|Park|House|Hospital|Clinic|School|College|University|Academy|"
    r"Inc|Ltd|LLC|Corp|Company|Co|Group|Bank|Centre|Center|Services|Solutions|Foundation|Church|County|City|Town|River|Lake|Island|Syndrome|Disorder|Disease|Scale|"
    r"Inventory|Test|Index|Therapy|Theory|Method|Model|Effect|Systems|Insurance|Logistics|Foods|Estate|Primary|Elementary|High|Nursery|Wharf|Row)(?![a-z])"
)
_DOES: Final = (
    "says said say tells told asks asked thinks thought wants wanted hates hated loves loved left leaves died passed hit hits hurt hurts cheated cries cried "
    "screamed yelled texted texts called calls came comes moved went knows knew keeps kept makes made took takes gave gives sits sat looked looks laughed started "
    "stopped refuses refused lied lies promised apologized apologised attended arrived reports reported presented presents states stated was is has had doesn't "
    "won't didn't isn't wasn't never always and"
)
_AFTER = re.compile(
    rf"'s(?![a-z])|(?: (?:{'|'.join(_DOES.split())})(?![a-z]))|,? (?:\(|[0-9]{{1,2}}[,)])| \((?:brother|sister|mother|father|son|daughter|wife|husband|friend|[0-9]{{1,2}})"
)
_BEFORE = re.compile(
    r"(?:(?ai:about|with|told|met|married|dated|dating|marry|love|miss|named|since|when|because|that|after|before|like|by|from|for|and|asked|called|see|saw|names?|hi|hello|dear|hey|thanks|cheers|best|regards|love|sincerely|yours|client|patient|therapist|"
    r"witness|mother|father|contact|present|attending|supervisor|counsellor|counselor|referrer|signed|child|subject|call|baby|son|daughter|brother|sister|stepbrother|stepsister|husband|wife|partner|ex|boyfriend|girlfriend|friend|adopted by|boss|manager)"
    r"[,:]?[ \n]\(?|\()\Z"
)
_GREETING = re.compile(
    r"(?:^|[\n.!?] ?)(?ai:hi|hello|dear|hey|thanks|cheers|best|regards|love|sincerely|yours|xx?)[,:]?[ \n]{1,2}\Z"
)
_ENDS = re.compile(r"[ ]*(?:[,.!?:]|\n|$)")


def find_capitalised_names(text: str) -> Iterator[Span]:
    """English and romanised names of a folded text, by their shape."""
    for match in _NAME.finditer(text):
        start, end = _trimmed(match)
        words = match.group().split(" ")
        if start < end and _TAILS.isdisjoint(words) and words[:1] != words[1:2] and _is_name(text, start, end):
            yield Span(start, end, "person", "latin")


def _trimmed(match: re.Match[str]) -> tuple[int, int]:
    """Without words at either end that name nobody: Yesterday Callum, Desmond In."""
    start = match.start()
    words = [(m.start() + start, m.end() + start, m.group()) for m in re.finditer(r"[^ ]+", match.group())]
    while words and _no_person(words[0][2]) and not _initial(words[0][2]):
        words.pop(0)
    while words and (_no_person(words[-1][2]) or words[-1][2][0].islower()):
        words.pop()
    return (words[0][0], words[-1][1]) if words else (start, start)


def _initial(word: str) -> bool:
    return len(word.strip(".")) == 1


def _no_person(word: str) -> bool:
    return word in no_names() or (
        word not in first_names()
        and not is_seldom(word)
        and not _initial(word)
        and word not in _LAST_NAMES
        and not _SYLLABLES.match(word)
    )


# A Chinese given name: Wing-kit, Chih-ming.
_SYLLABLES: Final = re.compile(r"[A-Z][a-z]{1,5}-[A-Z]?[a-z]{1,5}\Z")
# One syllable as romanised from Chinese: Wong, Ka, Ho.
_ROMANISED: Final = re.compile(r"(?:[BCDFGHJKLMNPQRSTWXYZ]h?|Ts|Ng|Kw|Gw)(?:[aeiou]{1,3})(?:ng?|k|p|t|m|h|w)?\Z")
# Last names that are words.
_LAST_NAMES: Final = frozenset(
    "Smith Brown Taylor Walker Wright Green Hall Wood King Hill Cook Baker Young Price Ward Carter Parker Turner Cooper Fisher Mason Hunter Fox Stone Bell Cole "
    "Long Love Marsh Page Palmer Pope Porter Reed Rice Sharp Short Shepherd Tanner Weaver West Wolf Woods Lane Banks Bishop Booth Brooks Burns Butler Chambers "
    "Church Clay Cross Day Field Fields Flowers Ford Forest Foster Gardner Glass Holmes Ho Hope Hood Knight Lamb Lee Little Lord May Miles Mills Moon Moss Nash "
    "Park Pool Potter Power Powers Rich Rivers Root Rush Singer Snow Sparks Speed Spring Steel Strong Summers Swan Waters Webb Wells Wise Yang Chan Lo So To Sun Ma He "
    "Chow Lam Kwan Ng Tse Tang Wan Fung Hon Yip Yau Mak Sit Kan Man Fan Fong Pang Poon Tam Tong Wong Chiu Choi Chu Hui Ip Kong Kwok Lai Lau Law Leung Li Liu "
    "Lui Luk Mok Or Pun Shek Shum Siu Sze Tai Tsang Tsui Tung Yeung Yuen Yue Yu Lin Lu Wu Xu Hu Gao Guo Zhu Deng Cao Peng Song Dong Fang Shen Jin Wei Shi "
    "Dai Qin Jiang Meng Long Wang Zhang Liang Chen Min Hong Kang Kim Choe Cho Bae Ahn Rao Das Roy Khan Singh".split()
)


def _is_name(text: str, start: int, end: int) -> bool:
    name = text[start:end]
    words = [word for word in name.split(" ") if not _initial(word) and word[0].isupper()]
    if not words or _NO_PERSON_AFTER.match(text, end):
        return False
    if len(words) > 1 or " " in name:
        known = words[0] in first_names()
        return (
            known
            or all(is_seldom(word) for word in words)
            or (
                (is_seldom(words[0]) and words[-1] in _LAST_NAMES)
                or (words[0] in _LAST_NAMES and all(is_seldom(word) or _SYLLABLES.match(word) for word in words[1:]))
                or (words[0] in _LAST_NAMES and len(words) == 3 and all(map(_ROMANISED.match, words)))
            )
        )
    word = words[0]
    if _GREETING.search(text, max(0, start - 16), start) and _ENDS.match(text, end):
        return word in first_names() or is_seldom(word)
    if word not in first_names() or not is_rare(word):
        rare = ("-" in word and is_seldom(word)) or is_unknown(word)
        return (
            rare
            and _BEFORE.search(text, max(0, start - 16), start) is not None
            and (_ENDS.match(text, end) or _AFTER.match(text, end)) is not None
        )
    return _BEFORE.search(text, max(0, start - 16), start) is not None or _AFTER.match(text, end) is not None


_TAILS: Final = frozenset(
    "Street Road Avenue Lane Drive Court House Hospital Clinic School College University Academy Inc Ltd Corp Group Bank Services Syndrome Disorder Wharf "
    "Centre Center Solicitors Accountants Montessori Tower Mansion Gardens Universiti Building Apartments Plaza Hotel Inn Cafe Company Church Couriers Freight "
    "Partners Associates Consulting Foods Motors Airlines Insurance Logistics Foundation Trust Institute Nursery Prep Junior Middle Elementary Primary District Province "
    "Township Heights Beach Bay Village Town County Island Estate".split()
)

RULES: Final = (Rule(r"[A-Z](?:\. ?|'|[a-z\u00c0-\u024f\u1e00-\u1eff])", find_capitalised_names),)
