"""How much a text shares with the one that was expected: chrF and ROUGE-L, in Chinese by characters.

Both are of words or characters on the page, not of sense: another explanation that is as good scores low. They are
read beside a judge, not instead of one.

Source: Popović 2015 (chrF), with the settings of sacreBLEU (six orders, beta 2, without blanks); Lin 2004 (ROUGE-L, of
the whole text, with equal weight of precision and recall).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

_ORDERS: Final = 6
_BETA: Final = 2
# Of English what `rouge-score` counts as a word; of Chinese each character, and other scripts' words whole.
_WORD: Final = re.compile("[a-z0-9]+")
_HAN: Final = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CHARACTER: Final = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")


def chrf(text: str, expected: str) -> float:
    """Character n-gram F2 of a text, from 0 (no character in common) to 100; an empty text is 0.

    It counts characters in every language, so that Chinese needs no words.

    >>> chrf("他睡不好", "他睡不好"), chrf("", "他睡不好")
    (100.0, 0.0)
    """
    said, gold = "".join(text.split()), "".join(expected.split())
    precision, recall, orders = 0.0, 0.0, 0
    for order in range(1, _ORDERS + 1):
        wanted = _ngrams(gold, order)
        n_said, n_gold = len(said) - order + 1, len(gold) - order + 1
        if n_said <= 0 or n_gold <= 0:
            continue
        found = Counter(gram for i in range(n_said) if (gram := said[i : i + order]) in wanted)
        common = sum(min(n, wanted[gram]) for gram, n in found.items())
        precision, recall, orders = precision + common / n_said, recall + common / n_gold, orders + 1
    if precision + recall == 0:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return 100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def rouge_l(text: str, expected: str, *, language: str = "en") -> float:
    """F1 of the longest common subsequence, from 0 to 1: of words, in Chinese of characters; an empty text is 0.

    Upper case, punctuation and blanks do not count.

    Args:
        text: What was written.
        expected: What was expected.
        language: `zh-Hant` and `zh-Hans` are counted in characters (words of other scripts among them whole), every
            other in words as `rouge-score` counts them.

    >>> round(rouge_l("the cat sat", "the cat is there"), 4)
    0.5714
    >>> rouge_l("他睡不好。", "他睡得不好", language="zh-Hant")
    0.8888888888888888
    """
    said, gold = tokens(text, language), tokens(expected, language)
    common = _common(said, gold)
    return 2 * common / (len(said) + len(gold)) if common else 0.0


def tokens(text: str, language: str) -> list[str]:
    """What ROUGE-L counts: words in lower case, in Chinese characters.

    >>> tokens("用ChatGPT，睡不好。", "zh-Hant")
    ['用', 'chatgpt', '睡', '不', '好']
    """
    return (_CHARACTER if language.startswith("zh") else _WORD).findall(text.lower())


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    A row of the usual table as the bits of one number (Hyyrö 2004), so that a reply of a megabyte takes a second.
    """
    if len(first) < len(second):
        first, second = second, first
    places: dict[str, int] = {}
    for place, token in enumerate(second):
        places[token] = places.get(token, 0) | 1 << place
    whole = (1 << len(second)) - 1
    row = whole
    for token in first:
        if at := row & places.get(token, 0):
            row = (row + at | row - at) & whole
    return len(second) - row.bit_count()
