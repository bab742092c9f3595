"""What does not open any more, named in a page's language: which note of whom, and where the desk is checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from app.desk.pages.words import say

# The errors that `store` raises for them.
WHATS: Final = frozenset({"a record was changed or put in another's place", "a client's keys were changed"})
# What `store` says of a record, and of a client's keys.
_RECORD: Final = re.compile(r".*: have (?P<kind>\w+) (?P<record>.+), version (?P<v>\d+), of client (?P<client>\w+)\b.*")
_KEYS: Final = re.compile(r".*: have client (?P<client>\w+)\b.*")


def told(language: str, codes: Mapping[str, str], unread: Sequence[str]) -> str:
    """What a counsellor is told of the records that did not open; empty where all did.

    Args:
        language: The page's.
        codes: His clients' codes by their ids.
        unread: The sentences of `Session.unread`.
    """
    names = list(dict.fromkeys(name(language, codes, one) for one in unread))
    return say(language, "damaged", n=len(names), what=say(language, "comma").join(names)) if names else ""


def name(language: str, codes: Mapping[str, str], sentence: str) -> str:
    """Which record of whom an error is about: nothing of what is written there.

    >>> name("en", {"ab12cd34ef": "A-1"}, "desk: a record was changed: have note 3, version 2, of client ab12cd34")
    'note 3 of client A-1 (version 2)'
    """
    if met := _RECORD.fullmatch(sentence):
        code = _code(codes, met["client"])
        key = {"note": "damaged_note", "info": "damaged_info"}.get(met["kind"], "damaged_other")
        return say(language, key, code=code, n=met["record"], v=met["v"], kind=met["kind"])
    if met := _KEYS.fullmatch(sentence):
        return say(language, "damaged_keys", code=_code(codes, met["client"]))
    return say(language, "damaged_what")


def _code(codes: Mapping[str, str], beginning: str) -> str:
    return next((code for client_id, code in codes.items() if client_id.startswith(beginning)), beginning)
