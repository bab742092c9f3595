"""The crisis screen: does a text speak of danger to life or body, of abuse, psychosis or medication?

It reads words, not minds: written so that little said outright is missed, it flags for people and replaces nobody. Most
hints escape it (docs/log.md): a text without a concern is not a safe text. It decides nothing: an answer is given all
the same, with the help lines a deployment has set, and whoever is on duty is told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, get_args

from counselling.crisis_words import INNOCENT, PATTERNS, Kind, Level
from xinheng.settings import settings

KINDS: Final[tuple[str, ...]] = get_args(Kind)
# What a person wrote about another day or another person is still told, one level lower.
_DENIED = re.compile(
    r"(?:(?<!得)不|没有?|不是|并非|从没|从未|不会|没|别|无|未|否认|不要|绝不|并没有?|不至于|不再|已经不|无)(?:真的|再|过|要|想要?|打算|任何|什么|那种|有|去|会|这种|自[杀伤]|伤人|或|及|、)*$"
    r"|(?:\bnot|\bno|never|n't|without)\s+(?:\w+\s+){0,2}$|\bden(?:y|ies|ied|ying)\s+(?:\w+,?\s+){0,4}$"
)
_BLANK_BETWEEN = re.compile(r"(?<=[\u3400-\u9fff])[\s\u3000·.,，、*_\-~～]+(?=[\u3400-\u9fff])")


@dataclass(frozen=True, slots=True)
class Concern:
    """A concern and where in the text it shows.

    Args:
        kind: One of `KINDS`.
        level: `explicit`: said outright. `possible`: hinted at, denied, or a turn of phrase.
        start: First character of the passage, in code points of the text.
        end: Behind its last.
    """

    kind: Kind
    level: Level
    start: int
    end: int


def screen(text: str) -> list[Concern]:
    """The concerns of a text, at most one per kind: the gravest, then the first.

    >>> [(c.kind, c.level) for c in screen("我最近一直不想活了")], screen("今天 天氣 好熱，快熱死了")
    ([('suicide', 'explicit')], [])
    """
    plain, places = _plain(text)
    found: dict[Kind, Concern] = {}
    for kind, level, pattern in _compiled():
        if kind in found and found[kind].level == "explicit":
            continue
        for match in pattern.finditer(plain):
            denied = _DENIED.search(plain, max(0, match.start() - 20), match.start()) is not None
            now: Level = "possible" if denied else level
            if kind not in found or (now == "explicit" and found[kind].level == "possible"):
                found[kind] = Concern(kind, now, places[match.start()], places[match.end() - 1] + 1)
            if now == "explicit":
                break
    return [found[kind] for kind in get_args(Kind) if kind in found]


def help_note(concerns: list[Concern], lines: Mapping[str, str] | None = None, *, language: str = "zh-Hant") -> str:
    """What to show beside an answer when there are concerns: the deployment's help lines, and nothing invented.

    Args:
        concerns: What `screen` found.
        lines: A kind, or `*` for all, to the words a deployment has set for it; XINHENG_HELP_LINES by default.
        language: Of the sentence before them.

    Returns:
        Empty where there is no explicit concern or no line is set.
    """
    lines = settings().help_lines if lines is None else lines
    kinds = [concern.kind for concern in concerns if concern.level == "explicit"]
    told = list(dict.fromkeys(lines[kind] for kind in [*kinds, "*"] if kinds and lines.get(kind)))
    return "\n".join([_BEFORE[language], *told]) if told else ""


_BEFORE: Final = {
    "zh-Hant": "你現在的安全最重要。下面這些地方有人可以馬上和你說話：",
    "zh-Hans": "你现在的安全最重要。下面这些地方有人可以马上和你说话：",
    "en": "Your safety comes first. You can talk to someone right now:",
}


@cache
def _compiled() -> tuple[tuple[Kind, Level, re.Pattern[str]], ...]:
    return tuple(
        (kind, level, re.compile("|".join(f"(?:{p})" for p in patterns))) for kind, level, patterns in PATTERNS
    )


@cache
def _innocent() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in INNOCENT))


@cache
def _simplified() -> dict[int, str]:
    import opencc

    han = "".join(map(chr, range(0x4E00, 0xA000)))
    changed = "".join(opencc.OpenCC("t2s").convert("\n".join(han)).split("\n"))
    # Taken alone these two are Simplified as well, and stay; in 活著 and 瞭解 they are not.
    return {ord(a): b for a, b in zip(han, changed, strict=True) if a != b} | {ord("著"): "着", ord("瞭"): "了"}


def _plain(text: str) -> tuple[str, list[int]]:
    """A text as the patterns want it, and for each of its characters the place it came from."""
    # One character for one, so that places stay: full-width letters and digits become plain ones.
    folded = [c if c.isascii() else n if len(n := unicodedata.normalize("NFKC", c)) == 1 else c for c in text]
    plain = "".join(c.lower() if len(c.lower()) == 1 else c for c in folded).translate(_simplified())
    plain = plain.replace("’", "'")
    gaps = {
        place for match in _BLANK_BETWEEN.finditer(plain) if not _ends(match.group()) for place in range(*match.span())
    }
    places = [place for place in range(len(plain)) if place not in gaps]
    plain = "".join(plain[place] for place in places)
    # Blanks of the same length keep the places right.
    return _innocent().sub(lambda match: " " * len(match.group()), plain), places


def _ends(gap: str) -> bool:
    """Whether what stands between two characters is a stop or a new line and not a disguise."""
    return "\n" in gap or any(sign in gap for sign in ",，、") or len(gap) > 3
