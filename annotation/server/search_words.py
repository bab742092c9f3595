"""Words of a text as the search sees them, the same for SQLite, for PostgreSQL and for a query.

Both databases get words that are already cut, so that neither cuts anew by rules of its own: Chinese characters stand
alone (a run of them has no spaces to cut at), likewise signs such as emoji; letters and digits stand together.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

# PostgreSQL takes words up to 2,046 bytes; longer ones are no words of a person.
_LONGEST: Final = 400
# Han with its extensions and compatibility forms, kana, bopomofo; the iteration marks count as characters.
_ALONE: Final = (
    "々〇〻\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
_WORD: Final = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}_])\w[\u0300-\u036f]*)+|[^\w\s]")


def words(text: str) -> list[str]:
    """The words of the text in order: folded (full width, case), without punctuation, control signs and surrogates.

    >>> words("ＡＢＣ Don't 心情低落 😔!")
    ['abc', 'don', 't', '心', '情', '低', '落', '😔']
    """
    plain = text.encode("utf-8", "ignore").decode("utf-8")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return [word[:_LONGEST] for word in _WORD.findall(folded) if _counts(word)]


def texts(value: Any) -> list[str]:
    """The texts in a record's field: a text, a chat's messages, or what stands in a custom field."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        if "content" in value and "role" in value:
            return texts(value["content"])
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _counts(word: str) -> bool:
    if word[0].isalnum():
        return True
    # Emoji and currency mean something; punctuation, modifiers, joiners and control signs do not.
    return not word.isascii() and (unicodedata.category(word) in ("So", "Sc") or ord(word) > 0xFFFF)
