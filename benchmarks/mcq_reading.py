"""A free reply to a multiple-choice question, read as the set of letters it answers, or as unreadable.

Nothing is guessed: a reply that states two answers to a question with one, weighs options up or refuses is None, and
None counts as wrong. What counts as a statement is listed in `mcq_cues.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.mcq_cues import ALL_OF_THEM, NEXT_QUESTION, REFUSAL, Cues, cues_for
from xinheng.errors import UsageError
from xinheng.thoughts import without_thoughts

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_DECORATION: Final = re.compile(r"[*`$#]|\\(?:TEXTBF|TEXT|MATHRM|MATHBF|RM|BF)\b")
# Letters in black squares and circles, which NFKC leaves as they are.
_SQUARED: Final = {start + place: letter for start in (0x1F150, 0x1F170) for place, letter in enumerate(LETTERS)}
_SIGNS: Final = str.maketrans("\u2019\u2018\u201c\u201d", "''\"\"")
_BEHIND_LETTER: Final = ("", " ", ".", ". ", "、", ":", ": ", ")", ") ", "(", " (", "-", " - ")
_BLANKS: Final = re.compile(r"(\s)\1{2,}")  # runs of blanks would be tried again from each of them
_SENTENCE: Final = re.compile(r"[\n。.!?]")
_DENIED_BEFORE: Final = re.compile(r"(?:不是|并非|並非|不选|不選|排除|\bNOT(?: AN?)?|\bN'T|\bNO)\s*$")
_DENIED_AFTER: Final = re.compile(r"\s*(?:不对|不對|不正|错|錯|IS NOT|ISN'T|IS WRONG|IS INCORRECT)")


def read_choice(
    reply: str, options: Sequence[str] | Mapping[str, str], *, multiple: bool = False
) -> frozenset[str] | None:
    r"""The letters a reply answers, or None when it cannot be read.

    In this order: the last explicit statement of the answer (self-correction counts, exclusion does not); a verdict
    ("B is correct"); letters that stand alone; the only option whose text the reply states. Reading stops where the
    reply invents a following question. A thought that was opened and never closed makes the reply unreadable; one that
    was only closed was opened by the prompt, and all before it is thought.

    Args:
        reply: What the model generated, without the prompt.
        options: Their texts in the order of their letters A, B, ...; or a mapping from letter (or number) to text.
        multiple: Whether the question may have several answers; if not, a reply that states several is None.

    Returns:
        A set that is not empty, of letters of the options; None when unreadable.

    Raises:
        UsageError: No options, more than 26, or keys that are no single letter or number.

    >>> sorted(read_choice("First I took A, but the answer is C.", ["low", "flat", "high"]) or ())
    ['C']
    >>> read_choice("A is wrong because it is brief.", ["low", "flat", "high"]) is None
    True
    """
    texts = _lettered(options)
    said = answer_text(reply)
    if not said:
        return None
    cues = cues_for(tuple(texts))
    plain = {key: _plain(text).strip() for key, text in texts.items()}
    said = _without_texts(said, plain)
    for read in (_stated, _judged, _alone):
        found = read(said, cues)
        if found is not None:
            return found if found and (multiple or len(found) == 1) else None
    return _by_text(said, plain, multiple=multiple)


def answer_text(reply: str) -> str:
    """What of a reply is read: no thoughts, NFKC, upper case, up to an invented next question; "" if unreadable."""
    spoken = _BLANKS.sub(r"\1\1", _plain(without_thoughts(reply)).strip())
    following = NEXT_QUESTION.search(spoken)
    return spoken[: following.start()].strip() if following else spoken


def _plain(text: str) -> str:
    return _DECORATION.sub("", unicodedata.normalize("NFKC", text.translate(_SQUARED)).translate(_SIGNS).upper())


def _lettered(options: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    texts = dict(options) if isinstance(options, Mapping) else dict(zip(LETTERS, options, strict=False))
    fit = bool(texts) and len(texts) == len(options) and all(len(k) == 1 and k.isascii() and k.isalnum() for k in texts)
    if not fit or any(key != key.upper() for key in texts):
        raise UsageError(
            "read_choice", "no such options", want="1 to 26 texts, or texts by capital letter or digit",
            have=f"{len(options)} options",
        )  # fmt: skip
    return texts


def _without_texts(said: str, plain: Mapping[str, str]) -> str:
    """Take the text of an option away where it only follows its letter, so that `B. low mood` is a letter alone."""
    for key, text in plain.items():
        if len(text) > 1 and text in said:
            for sign in _BEHIND_LETTER[1:]:
                said = said.replace(f"{key}{sign}{text}", key)
    return said


def _stated(said: str, cues: Cues) -> frozenset[str] | None:
    """The last statement of the answer; empty when that one leaves two open."""
    last = None
    for match in cues.statement.finditer(said):
        if not match["denied"] and not cues.is_article(said, match) and not cues.is_supposed(said, match):
            last = match
    return None if last is None else cues.stated(said, last)


def _judged(said: str, cues: Cues) -> frozenset[str] | None:
    found: set[str] = set()
    for match in cues.verdict.finditer(said):
        letters = cues.letters(match["letters"])
        if not letters:
            return frozenset()
        found |= letters
    return frozenset(found) or None


def _alone(said: str, cues: Cues) -> frozenset[str] | None:
    leading, drawn = cues.leading.match(said), cues.drawn.search(said)
    alone = [match for part in _SENTENCE.split(said) if (match := cues.alone.fullmatch(part))]
    found: set[str] = set()
    for match in (*(first for first in (leading, drawn) if first), *alone):
        letters = cues.letters(match["letters"])
        if not letters:
            return frozenset()
        found |= letters
    return frozenset(found) or None


def _by_text(said: str, plain: Mapping[str, str], *, multiple: bool) -> frozenset[str] | None:
    whole = {key for key, text in plain.items() if text and said.strip(" \n.。!\"'") == text.strip(" \n.。!\"'")}
    if len(whole) == 1:
        return frozenset(whole)
    if multiple and ALL_OF_THEM.search(said):
        return frozenset(plain)
    if REFUSAL.search(said):
        return None
    stated = _texts_in(said, plain)
    if len(stated) == 1:
        return frozenset(stated)
    return _listed(said, plain, stated) if multiple else None


def _texts_in(said: str, plain: Mapping[str, str]) -> set[str]:
    """The options whose text is stated and not denied; a text inside a longer one is not stated by it."""
    left, stated = said, set()
    # A text that two options have says of neither that it is meant.
    shared = {text for text, n in Counter(plain.values()).items() if n > 1}
    for key, text in sorted(plain.items(), key=lambda item: -len(item[1])):
        if len(text) < 2:
            continue
        places = [m for m in re.finditer(re.escape(text), left) if _is_whole(left, m)]
        if text not in shared and any(
            not _DENIED_BEFORE.search(left, max(0, m.start() - 12), m.start())
            and not _DENIED_AFTER.match(left, m.end())
            for m in places
        ):
            stated.add(key)
        left = left.replace(text, "\0" * len(text))
    return stated


def _is_whole(said: str, match: re.Match[str]) -> bool:
    def joins(place: int) -> bool:
        return 0 <= place < len(said) and said[place].isascii() and said[place].isalnum()

    text = match.group()
    left = text[0].isascii() and text[0].isalnum() and joins(match.start() - 1)
    return not (left or (text[-1].isascii() and text[-1].isalnum() and joins(match.end())))


def _listed(said: str, plain: Mapping[str, str], stated: set[str]) -> frozenset[str] | None:
    for key in stated:
        said = said.replace(plain[key], "")
    nothing_else = re.fullmatch(r"(?:[\W_]|AND|和|与|與|及|以及|跟)*", said)
    return frozenset(stated) if stated and nothing_else else None
