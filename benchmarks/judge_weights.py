"""A grade weighted by what else the judge might have said: the mean over the scale under its log-probabilities.

A grade can be spelled in several ways ("8", " 8", "８"), and "1" begins "10": only whole strings count. What the
server does not list, or what cannot be told apart, is left out, and the captured mass says how much is left.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.rubrics import Dimension
from xinheng.messages import Token

_DIGITS: Final = re.compile(r"[\s\"'“:：=\[(（*]*(\d+)(.*)", re.DOTALL)
_WHOLE: Final = re.compile(r"0|[1-9]\d*")


@dataclass(frozen=True, slots=True)
class Weighted:
    """A grade over all that the judge might have said.

    Args:
        value: On the dimension's scale.
        mass: Probability that the grades it is made of have together, up to 1.
    """

    value: float
    mass: float


def weighted(tokens: Sequence[Token] | None, dimension: Dimension, *, only: bool = True) -> Weighted | None:
    """The weighted grade of a reply's tokens; None without log-probabilities, or where no grade was stated.

    Args:
        tokens: Of the whole reply, each with its alternatives.
        dimension: With whole grades from 0 up; others have none.
        only: Whether it is the only grade, which may then stand alone.
    """
    if not tokens or dimension.kind != "grade" or not dimension.whole or dimension.low < 0:
        return None
    place = _place(tokens, dimension, only=only)
    if place is None:
        return None
    chances: dict[str, float] = {}
    _spread(tokens, place, "", 1.0, {f"{grade:g}" for grade in dimension.grades}, chances)
    known = {float(text): p for text, p in chances.items() if dimension.has(float(text))}
    mass = math.fsum(known.values())
    if mass <= 0:
        return None
    return Weighted(math.fsum(grade * p for grade, p in known.items()) / mass, min(1.0, mass))


def _place(tokens: Sequence[Token], dimension: Dimension, *, only: bool) -> int | None:
    """The token in which the grade begins: behind the last mention of its name."""
    text = "".join(token.text for token in tokens)
    names = "|".join(re.escape(name) for name in (dimension.name, *dimension.title.values()))
    found = list(re.finditer(rf"(?:{names})[\"'”]?\s*[:：=]\s*(\d)", text, re.IGNORECASE))
    if not found and only:
        found = list(re.finditer(r"^\s*(\d)\d*\s*$", text))
    if not found:
        return None
    start, end = found[-1].start(1), 0
    for number, token in enumerate(tokens):
        end += len(token.text)
        if start < end:
            return number
    return None


def _spread(
    tokens: Sequence[Token], place: int, before: str, chance: float, grades: set[str], chances: dict[str, float]
) -> None:
    """Add to `chances` every whole string that may stand here, after `before`."""
    token = tokens[place]
    spelled = {token.text: token.logprob} | dict(token.top)
    endings = {found[1] for text in spelled if (found := _DIGITS.fullmatch(unicodedata.normalize("NFKC", text)))}
    for text, logprob in spelled.items():
        p = chance * math.exp(min(0.0, logprob))
        plain = unicodedata.normalize("NFKC", text)
        found = _DIGITS.fullmatch(plain) if not before else re.fullmatch(r"(\d+)(.*)", plain, re.DOTALL)
        if found is None:
            # Behind a digit, whatever is no digit ends the number; a point begins a fraction, which is no grade.
            if before and not re.match(r"[.,]\d", plain):
                _add(chances, before, p)
            continue
        said = before + found[1]
        longer = {grade for grade in grades if grade.startswith(said) and grade != said}
        if found[2] or not longer:
            _add(chances, said, p)
        elif text == token.text:
            if place + 1 < len(tokens):
                _spread(tokens, place + 1, said, p, grades, chances)
            else:
                _add(chances, said, p)
        elif any(before + ending in longer for ending in endings):
            # The longer grade is one token of this model's, so the shorter one is whole as well.
            _add(chances, said, p)


def _add(chances: dict[str, float], text: str, p: float) -> None:
    if _WHOLE.fullmatch(text):
        chances[text] = chances.get(text, 0.0) + p
