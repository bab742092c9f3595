"""A found identifier, a rule with the sign it needs, and the folded text in which all rules look.

Nothing here uses a word boundary: Python and Rust count Han characters as letters, so a boundary never
stands between 我 and a digit. Patterns look at the neighbouring character instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

# No digit or Latin letter directly before or after.
ALONE: Final = r"(?<![0-9A-Za-z])"
ENDS: Final = r"(?![0-9A-Za-z])"
NO_DIGIT_BEFORE: Final = r"(?<![0-9])(?<![0-9][-./])"
NO_DIGIT_AFTER: Final = r"(?![0-9])(?![-.][0-9])"
HAN_CHAR: Final = r"[\u3400-\u4dbf\u4e00-\u9fff]"
HAN_DIGITS: Final = "〇○零一二三四五六七八九幺"
_HAN_RUN = re.compile(f"(?:[0-9][ -]?){{0,9}}[{HAN_DIGITS}](?:[ -]?[0-9{HAN_DIGITS}]){{3,}}")
# Without this there is no such run.
HAN_RUN_SIGN: Final = f"[0-9{HAN_DIGITS}][ -]?[{HAN_DIGITS}]|[{HAN_DIGITS}][ -]?[0-9{HAN_DIGITS}]"
_TO_ASCII = str.maketrans(dict(zip(HAN_DIGITS, "0001234567891", strict=True)))
_LONG_RUN: Final = 7
_FOREIGN: Final = r"[^\t-~\x{3001}-\x{303f}\x{3040}-\x{30ff}\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}]"
_PLAIN = re.compile(r"[\t-~\u3001-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]*\Z")


@dataclass(frozen=True, order=True)
class Span:
    """One identifier in a text.

    Args:
        start: First character, counted in code points of the text as given.
        end: One past the last.
        kind: Its class, one of `curation.privacy.find.KINDS`.
        family: For a person: how the name is built (`full`, `titled`, `given`, `nick`, `latin`), else empty.
    """

    start: int
    end: int
    kind: str
    family: str = ""


@dataclass(frozen=True)
class Rule:
    """One way to find identifiers, and the sign without which it finds nothing.

    The sign is a pattern both Rust and Python read: a whole column is searched for it at once, and only texts with
    the sign are read closely. It may stand where nothing is found, never be missing where something is.

    Args:
        sign: Pattern without looking around, case as written; `(?i)` and ASCII digits only.
        find: Spans in a folded text.
    """

    sign: str
    find: Callable[[str], Iterator[Span]]


class _Fold(dict[int, str]):
    """Code point to the one character NFKC makes of it; what NFKC makes longer stays, so offsets stay too."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKC", chr(code))
        result = folded if len(folded) == 1 else chr(code)
        if len(self) < 20_000:
            self[code] = result
        return result


_FOLD = _Fold()


def fold(text: str) -> str:
    """The text as identifiers are read: full-width and styled signs as ASCII, runs of seven Han digits as digits.

    Every character stays one character, so that a place in the result is the same place in the text.

    >>> fold("０９１２，零九一二三四五六七八")
    '0912,0912345678'
    """
    return _in_digits(text if _PLAIN.match(text) else text.translate(_FOLD))


def fold_column(texts: pl.Series) -> pl.Series:
    """What `fold` makes of every text of a column; null stays null.

    The signs that need folding are few kinds, however long the column: each is replaced everywhere at once.
    """
    import polars as pl

    signs = texts.str.extract_all(_FOREIGN).explode().unique().drop_nulls()
    table = {sign: folded for sign in signs if (folded := sign.translate(_FOLD)) != sign}
    if table:
        texts = texts.str.replace_many(list(table), list(table.values()))
    runs = texts.str.contains(HAN_RUN_SIGN).fill_null(value=False).arg_true()
    if not len(runs):
        return texts
    return texts.scatter(runs, pl.Series([_in_digits(text) for text in texts.gather(runs)], dtype=pl.String))


def _in_digits(text: str) -> str:
    return _HAN_RUN.sub(_as_digits, text)


def _as_digits(run: re.Match[str]) -> str:
    found = run.group()
    return found.translate(_TO_ASCII) if sum(c not in " -" for c in found) >= _LONG_RUN else found


def apart(spans: Iterable[Span]) -> list[Span]:
    """Spans in order without overlap: where two meet, the longer wins, then the one listed first."""
    given = list(spans)
    if len(given) < 2:
        return given
    kept: list[Span] = []
    for span in sorted(given, key=lambda s: s.start - s.end):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    kept.sort()
    return kept


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap or touch, as one: a district with its road is one address."""
    whole: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


@cache
def simplified(text: str) -> str:
    """A text in Simplified characters."""
    converted: str = _converter().convert(text)
    return converted


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


def both(words: str) -> list[str]:
    """Words parted by blanks, in both scripts, longest first."""
    return sorted({*words.split(), *simplified(words).split()}, key=lambda w: (-len(w), w))


def either(words: str) -> str:
    """A pattern that matches one of the words, in either script, longest first.

    Words that begin alike share their beginning: most places of a text are then passed over by one look at a character.
    """
    return branches(tuple(word for word in both(words) if word))


def one_by_one(words: str) -> str:
    """The same words as `either`, each written out: so Rust searches many of them at once, where Python tries each."""
    return "|".join(map(re.escape, both(words)))


def branches(words: tuple[str, ...]) -> str:
    """A pattern of the words as they stand, the longest first of those that begin alike."""
    ends: dict[str, list[str]] = {}
    for word in words:
        ends.setdefault(word[0], []).append(word[1:])
    shared = [
        re.escape(first) + branches(tuple(filter(None, rest))) + ("?" if "" in rest else "")
        for first, rest in sorted(ends.items())
        if any(rest)
    ]
    # Each by itself, not as a class: of alternatives that all begin with a character Python looks for those at once.
    shared += sorted(re.escape(first) for first, rest in ends.items() if not any(rest))
    return f"(?:{'|'.join(shared)})"


def characters(text: str) -> frozenset[str]:
    """The characters of a text in both scripts."""
    return frozenset(text) | frozenset(simplified(text))
