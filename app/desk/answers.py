"""What an answer of a model gives as items, also one that was cut off in the middle."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from counselling.judge_guard import visible

_BULLET: Final = re.compile(r"^(?:[-*•·]|\(?\d{1,2}[.)、．:：](?!\d)|[（(]?[一二三四五六七八九十]{1,2}[)）、.])\s*")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_LIST: Final = re.compile(r'"(symptom|reason|advice)"\s*:\s*\[')


def whole_lists(text: str) -> dict[str, list[str]]:
    r"""The whole texts of an answer that was cut off in the middle; nothing of the one that is not whole.

    >>> whole_lists('{"symptom": ["焦慮"], "reason": ["工作", "母')
    {'symptom': ['焦慮'], 'reason': ['工作']}
    """
    told: dict[str, list[str]] = {}
    for found in _LIST.finditer(text):
        place, texts = found.end(), []
        while (one := _TEXT.match(text, _blank(text, place))) is not None:
            try:
                texts.append(str(json.loads(one[0], strict=False)))
            except ValueError:
                break
            place = _blank(text, one.end())
            if text[place : place + 1] != ",":
                break
            place += 1
        if texts and found[1] not in told:
            told[found[1]] = texts
    return told


def _blank(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def texts_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts as items: one line of them, nothing hidden, no bullet, none empty, none twice."""
    plain = (_BULLET.sub("", " ".join(visible(text).split())) for text in texts)
    # Half a character cannot be kept in any record.
    safe = (text.encode("utf-8", "ignore").decode() for text in plain)
    return tuple(dict.fromkeys(text for text in safe if any(c.isalnum() for c in text)))
