"""What names are made of: surnames, given names, titles; and what only looks like it."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from curation.privacy import english_lexicon as en
from curation.privacy import lexicon as lx
from curation.privacy.spans import HAN_CHAR, both, characters, either

HAN: Final = re.compile(HAN_CHAR)
# Characters of given names that are more often grammar or parts of words.
ALSO_GRAMMAR: Final = frozenset("有可子會先進生長之中心天以又如年平可名生成發發達和任周全家國學新")
# Doubled characters that are words, where 婷婷 is a name.
DOUBLED_WORDS: Final = frozenset("明明 天天 年年 心心 好好 深深 芸芸 冉冉 翩翩 安安 晴晴".split())


@cache
def surnames() -> frozenset[str]:
    """Surnames of one character."""
    return characters(lx.SURNAMES)


@cache
def all_surnames() -> frozenset[str]:
    """Surnames of one character, with those that need more evidence."""
    return surnames() | characters(lx.MORE_SURNAMES)


@cache
def word_surnames() -> frozenset[str]:
    """Surnames of one character that are words first: a context must say that a person is meant."""
    return characters(lx.WORD_SURNAMES) - all_surnames()


@cache
def bold_surnames() -> frozenset[str]:
    """Surnames of one character that are seldom words of their own."""
    return surnames() - characters(lx.SHY)


@cache
def compounds() -> frozenset[str]:
    """Surnames of two characters."""
    return frozenset(both(lx.COMPOUND))


@cache
def given_characters() -> frozenset[str]:
    """Characters given names are made of."""
    return characters(lx.GIVEN) | rare_characters()


@cache
def strong_characters() -> frozenset[str]:
    """Characters that seldom stand but in given names."""
    return characters(lx.NICK) & given_characters()


@cache
def rare_characters() -> frozenset[str]:
    """Characters that stand in hardly any word, at the end of a given name."""
    return characters(lx.RARE)


@cache
def function_characters() -> frozenset[str]:
    """Characters of grammar."""
    return frozenset(lx.FUNCTION)


@cache
def after_name() -> frozenset[str]:
    """Characters that may follow a name."""
    return frozenset(lx.AFTER_NAME) | characters(lx.AFTER_NAME)


@cache
def not_names() -> frozenset[str]:
    """Words that begin like a surname and a given name."""
    return frozenset(both(lx.NOT_NAMES))


@cache
def plain_words() -> frozenset[str]:
    """Words whose characters also make given names."""
    return frozenset(both(lx.PLAIN_WORDS))


@cache
def _famous() -> frozenset[str]:
    return frozenset(both(lx.FAMOUS)) | frozenset(en.FAMOUS.split())


def is_famous(text: str, start: int, end: int) -> bool:
    """Whether the name here, or its last word in English, is known to all from books: nobody is found by it."""
    longest = max(map(len, both(lx.FAMOUS)))
    return text[start:end].rpartition(" ")[2] in _famous() or any(
        text[start:stop] in _famous() for stop in range(end, start + longest + 1)
    )


@cache
def words_before() -> frozenset[str]:
    """Words of two or more characters that end in a surname (任何, 身高)."""
    return frozenset(w for w in both(lx.BEFORE_SURNAME) if len(w) > 1)


@cache
def relations() -> frozenset[str]:
    """Words for a person by relation (朋友, 老公)."""
    return frozenset(both(lx.RELATIONS))


@cache
def any_surname(*, more: bool = False) -> str:
    """A pattern of a surname, also of those that need more evidence."""
    return f"(?:{either(lx.COMPOUND)}|{one_of(all_surnames() if more else surnames())})"


def one_of(chars: frozenset[str]) -> str:
    """A pattern of one of the characters."""
    return f"[{''.join(sorted(chars))}]"


def is_related(text: str, end: int) -> bool:
    """Whether a relation (朋友, 老公 …) ends here."""
    return any(text[max(0, end - length) : end] in relations() for length in (2, 3, 1, 4))


def ends_a_word(text: str, start: int) -> bool:
    """Whether the surname that begins here is the end of a word (任何, 身高)."""
    return start > 0 and (
        text[start - 1 : start + 1] in words_before() or text[max(0, start - 2) : start + 1] in words_before()
    )


def surname_of(name: str) -> str:
    """The surname of a Chinese full or titled name: two characters where they are a compound surname."""
    return name[:2] if name[:2] in compounds() else name[:1]


def title_of(name: str) -> str:
    """The title at the end of a titled name, empty when there is none.

    >>> title_of("王小美老師"), title_of("張總")
    ('老師', '總')
    """
    found = _title_end().search(name, 1)
    return found.group() if found else ""


@cache
def _title_end() -> re.Pattern[str]:
    return re.compile(f"(?:{either(lx.TITLES)}|{one_of(characters(lx.SHORT_TITLES))})$")


def given_of(name: str) -> str:
    """The given name of a Chinese full name."""
    return name[len(surname_of(name)) :]


def is_word(given: str) -> bool:
    """Whether a given name is also a common word, so that it cannot be looked for by itself."""
    return given in plain_words() or given in not_names()
