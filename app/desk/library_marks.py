"""Where in a passage the words of a question stand: the part to show, and what is marked in it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from xinheng.text import folded

SHOWN: Final = 160
_WORD: Final = re.compile(r"[a-z0-9\u00c0-\u052f]+")
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")


def best_part(text: str, question: str, *, length: int = SHOWN) -> tuple[int, int]:
    """Where in a text the part begins and ends that holds most of a question, moved to the ends of sentences.

    >>> text = "前言。" * 40 + "睡前滑手機會讓人睡不著。" + "後記。" * 40
    >>> "睡不著" in text[slice(*best_part(text, "为什么睡不着", length=30))]
    True
    """
    if len(text) <= length:
        return 0, len(text)
    wanted = folded(question)
    signs = _signs(text)
    words = {wanted[n : n + 2] for n in range(len(wanted) - 1) if re.fullmatch(r"[^\W_]{2}", wanted[n : n + 2])}
    marks = [signs[n : n + 2] in words for n in range(len(signs))]
    best = count = sum(marks[:length])
    first = last = 0
    for n in range(length, len(marks)):
        count += marks[n] - marks[n - length]
        start = n - length + 1
        if count > best:
            best, first, last = count, start, start
        elif count == best and start == last + 1:
            last = start
    start = (first + last) // 2  # what was asked for stands in the middle
    ends = [m.end() for m in re.finditer(r"[。！？!?\n]|[.] ", text[:start])]
    begun = ends[-1] if ends and start - ends[-1] < length // 2 else start
    after = re.search(r"[。！？!?\n]|[.](?= |$)", text[start + length :])
    more = after.end() if after and after.end() < length // 2 else 0
    return begun, min(len(text), start + length + more)


def marked(text: str, question: str) -> list[tuple[int, int]]:
    """Where the question's words stand in a text: words of letters whole, Chinese by pairs of signs, either script.

    >>> [("我夢見海" "了")[slice(*place)] for place in marked("我夢見海了", "梦见海是什么")]
    ['夢見海']
    >>> marked("Losses of a parent", "loss, parents")
    [(0, 6), (12, 18)]
    """
    wanted, signs = folded(question), _signs(text)
    words = {_stem(word) for word in _WORD.findall(wanted)}
    places = [found.span() for found in _WORD.finditer(signs) if _stem(found[0]) in words]
    pairs = {a + b for a, b in pairwise(wanted) if _HAN.match(a) and _HAN.match(b)}
    # A sign that stands alone in the question is looked for alone; within a word it would be marked everywhere.
    alone = {found[0] for found in re.finditer(rf"(?<!{_HAN.pattern}){_HAN.pattern}(?!{_HAN.pattern})", wanted)}
    for n, sign in enumerate(signs):
        if signs[n : n + 2] in pairs:
            places.append((n, n + 2))
        elif sign in alone:
            places.append((n, n + 1))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def pieces(text: str, marks: list[tuple[int, int]], start: int, end: int) -> list[tuple[str, bool]]:
    """A part of a text as pieces in order, and whether each is marked.

    >>> pieces("我夢見海了", [(1, 4)], 2, 5)
    [('見海', True), ('了', False)]
    """
    told, at = [], start
    for begin, stop in marks:
        begins, stops = max(begin, at), min(stop, end)
        if begins < stops:
            told += [(text[at:begins], False), (text[begins:stops], True)]
            at = stops
    told.append((text[at:end], False))
    return [(piece, hit) for piece, hit in told if piece]


def _signs(text: str) -> str:
    """A text folded sign by sign, as long as it was, so that places in it are places in the text."""
    return "".join(found if len(found := folded(sign)) == 1 else " " for sign in text)


def _stem(word: str) -> str:
    """As the index has it: "dreams" is "dream", and "loss" is left alone; here "losses" is "loss" as well.

    >>> _stem("dreams"), _stem("loss"), _stem("losses")
    ('dream', 'loss', 'loss')
    """
    if len(word) > 5 and word.endswith("sses"):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
