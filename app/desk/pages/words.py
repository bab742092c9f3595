"""What the pages say, in Traditional Chinese, Simplified Chinese and English: a file of sentences for each room."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from xinheng.errors import XinhengError

LANGUAGES: Final = {"zh-Hant": "繁體中文", "zh-Hans": "简体中文", "en": "English"}
_FOLDER: Final = Path(__file__).parent / "sentences"


def say(language: str, key: str, **values: object) -> str:
    """A sentence of the pages.

    >>> say("zh-Hans", "note", n=3), say("xx", "lock")
    ('记录 3', '鎖定')
    """
    return sentences(language)[key].format(**values)


def reason(language: str, what: str) -> str | None:
    """The sentence that tells an error of this `what`; None where nobody wrote one."""
    return sentences(language).get(f"why: {what}")


def because(language: str, error: XinhengError) -> str:
    """An error in the page's language; one that nobody wrote a sentence for in its own words, which quote nobody."""
    told = reason(language, error.what)
    return told or (str(error) if language == "en" else say(language, "failed", what=str(error)))


@cache
def sentences(language: str) -> dict[str, str]:
    """All sentences of the pages in a language by their keys; Traditional Chinese where there is no such language.

    Raises:
        ValueError: Two rooms use one key, or a sentence lacks a language.
    """
    place = list(LANGUAGES).index(language) if language in LANGUAGES else 0
    told: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for key, said in tomllib.loads(path.read_text("utf-8")).items():
            if key in told or len(said) != len(LANGUAGES):
                raise ValueError(f"{path.name}: {key}")
            told[key] = said[place]
    return told


def chosen(accepted: str) -> str:
    """The language that a browser asks for first, of those there are.

    >>> chosen("zh-CN,zh;q=0.9"), chosen("en-GB"), chosen("zh-TW"), chosen("de")
    ('zh-Hans', 'en', 'zh-Hant', 'zh-Hant')
    >>> chosen("zh-Hans-SG"), chosen("zh-MY"), chosen("zh-Hant-MY"), chosen("zh;q=1")
    ('zh-Hans', 'zh-Hans', 'zh-Hant', 'zh-Hant')
    """
    first = accepted.split(",", maxsplit=1)[0].partition(";")[0].strip().lower()
    if first.startswith("en"):
        return "en"
    parts = first.split("-")
    if parts[0] != "zh" or "hant" in parts:
        return "zh-Hant"
    return "zh-Hans" if {"hans", "cn", "sg", "my"} & set(parts) else "zh-Hant"
