"""Licences by how much they allow: the one that binds what was made of several, and its name on the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

# From the most open to the most closed. What is not listed stands between those that allow trade and those that do not.
_ORDER: Final = (
    ("cc0-1.0", r"cc0|public.domain|pddl"),
    ("unlicense", r"unlicense$"),
    ("mit", r"mit\b"),
    ("bsd-3-clause", r"bsd"),
    ("apache-2.0", r"apache"),
    ("cc-by-4.0", r"cc.?by([-. ]?\d\.\d)?$"),
    ("odc-by", r"odc.?by"),
    ("cc-by-sa-4.0", r"cc.?by.sa"),
    ("odbl", r"odbl"),
    ("gpl-3.0", r"(a|l)?gpl"),
)
_CLOSED: Final = (
    ("cc-by-nd-4.0", r"cc.?by.nd"),
    ("cc-by-nc-4.0", r"cc.?by.nc([-. ]?\d\.\d)?$"),
    ("cc-by-nc-sa-4.0", r"cc.?by.nc.sa"),
    ("cc-by-nc-nd-4.0", r"cc.?by.nc.nd"),
)
OTHER: Final = "other"
# What is no licence that somebody else could rely on.
_NONE: Final = {"", "unknown", "none", "private", "yours"}


def unlicensed(licence: str) -> bool:
    """Whether nothing is allowed, or nobody knows."""
    return licence.strip().lower() in _NONE


def binding(licences: Iterable[str]) -> str:
    """The most restrictive of licences; of those that are not known by name, the first by its letters.

    >>> binding(["MIT", "CC-BY-NC-SA-4.0", "CC0-1.0"]), binding(["Apache-2.0", "llama3.1"]), binding([])
    ('CC-BY-NC-SA-4.0', 'llama3.1', '')
    """
    found = sorted({licence.strip() for licence in licences}, key=lambda licence: (-_rank(licence), licence))
    return found[0] if found else ""


def hub_name(licence: str) -> str:
    """How the hub names a licence; `other` where it has no name for it.

    >>> hub_name("CC-BY-4.0"), hub_name("CC BY-NC-SA 4.0"), hub_name("Apache-2.0"), hub_name("llama3.1")
    ('cc-by-4.0', 'cc-by-nc-sa-4.0', 'apache-2.0', 'other')
    """
    text = licence.strip().lower()
    name = next((name for name, pattern in (*_CLOSED[::-1], *_ORDER) if re.match(pattern, text)), OTHER)
    version = re.search(r"\d\.\d", text)
    if name.startswith("cc-by") and version:
        return f"{name.removesuffix('4.0')}{version.group()}"
    return name


def _rank(licence: str) -> int:
    if unlicensed(licence):
        return 99
    text = licence.strip().lower()
    for rank, (_, pattern) in reversed(list(enumerate(_CLOSED, start=50))):
        if re.match(pattern, text):
            return rank
    return next((rank for rank, (_, pattern) in enumerate(_ORDER) if re.match(pattern, text)), 40)
