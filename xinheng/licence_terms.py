"""Licences as data: what each allows and asks, with the clause, and into which others its material may go.

Known are the licences under which data of this field are published; a name that is not known has no terms here, and
nothing is guessed for it. Sources: the legal codes at creativecommons.org/licenses, opendatacommons.org/licenses,
opensource.org and gnu.org/licenses; Creative Commons' FAQ ("If I derive or adapt material offered under a Creative
Commons license, which CC license(s) can I use?" with its chart, and "If I create a collection that includes a work
offered under a CC license, which license(s) may I choose for the collection?"); creativecommons.org/compatiblelicenses
(BY-SA 4.0 into GPLv3, one way); gnu.org/licenses/license-list (Apache-2.0 and CC BY beside the GPLs).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xinheng.licence_sources import PRIVATE, SOURCE_TERMS, YOURS

OTHER: Final = "other"
# What is no licence that somebody else could rely on; what people and programs fill an empty field with is none either.
NONE: Final = frozenset({
    "", "unknown", "none", "noassertion", PRIVATE, YOURS, "n/a", "na", "nan", "null", "nil", "no", "not applicable",
    "not available", "not specified", "none specified", "not provided", "not stated", "unspecified", "undefined",
    "undisclosed", "unclear", "unlicensed", "no licence specified", "no license specified", "tba", "tbd", "todo",
    "to be determined", "to be decided", "無", "无", "未知", "不明", "不詳", "不详", "未指定", "未註明", "未注明",
    "未標示", "未标示", "未提供", "無授權", "无授权", "未授權", "未授权", "待補", "待补", "待定",
})  # fmt: skip
_NOT_KNOWN: Final = 40


@dataclass(frozen=True)
class Terms:
    """One licence.

    Args:
        name: SPDX name.
        rank: From the most open (0) to the most closed; those that allow no trade begin at 50.
        clause: Where it says under which conditions copies may be passed on.
        asks: What passing on asks for, one sentence; empty where nothing.
        commercial: Whether trade is allowed.
        adapted: Whether changed copies may be passed on.
        into: Share-alike: the only other licences under which changed copies may be passed on; None where it asks
            for no licence in particular.
        never_into: Licences that are further up and yet cannot hold its material.
    """

    name: str
    rank: float
    clause: str
    asks: str = ""
    commercial: bool = True
    adapted: bool = True
    into: frozenset[str] | None = None
    never_into: frozenset[str] = frozenset()

    @property
    def hub(self) -> str:
        """How the Hugging Face hub names it."""
        return _HUB.get(self.name, self.name.lower())


_GPL2, _GPL3 = ("GPL-2.0-only", "GPL-2.0-or-later"), ("GPL-3.0-only", "GPL-3.0-or-later")
_GNU: Final = frozenset({*_GPL2, *_GPL3, "AGPL-3.0-only", "LGPL-3.0-only", "LGPL-3.0-or-later"})
_VERSIONS: Final = ("2.0", "2.5", "3.0", "4.0")
_HUB: Final = {
    **dict.fromkeys(_GPL2, "gpl-2.0"), **dict.fromkeys(_GPL3, "gpl-3.0"), "AGPL-3.0-only": "agpl-3.0",
    "LGPL-3.0-only": "lgpl-3.0", "LGPL-3.0-or-later": "lgpl-3.0", "ODbL-1.0": "odbl", "ODC-By-1.0": "odc-by",
    "PDDL-1.0": "pddl",
}  # fmt: skip


# Where the conditions stand: in 4.0, and in 2.0, 2.5 and 3.0.
_FOUR: Final = {
    "BY": "s.3(a)", "BY-SA": "s.3(b)", "BY-ND": "s.2(a)(1)(B)", "BY-NC": "s.2(a)(1)",
    "BY-NC-SA": "s.2(a)(1) and s.3(b)", "BY-NC-ND": "s.2(a)(1)(A) and (B)",
}  # fmt: skip
_BEFORE: Final = {
    "BY": "s.4(b)", "BY-SA": "s.4(b)", "BY-ND": "s.3", "BY-NC": "s.4(b)", "BY-NC-SA": "s.4(b) and s.4(c)",
    "BY-NC-ND": "s.3 and s.4(b)",
}  # fmt: skip


def _creative_commons() -> Iterator[Terms]:
    """The six licences in their versions.

    BY and BY-NC let an adapter choose (4.0 s.3(a)(4): the adapter's licence must not keep anyone from complying); SA
    binds to the same elements in this version or a later one (s.3(b)(1)); ND gives no right to share what was changed
    (s.2(a)(1)(B)); NC limits every right to what is "not primarily intended for or directed towards commercial
    advantage" (s.1, NonCommercial). Versions before 4.0 are not compatible with the GPLs.
    """
    name_whom = "name the author, link the licence and say what was changed"
    for elements, rank in (("BY", 5), ("BY-SA", 7), ("BY-ND", 50), ("BY-NC", 51), ("BY-NC-SA", 52), ("BY-NC-ND", 53)):
        for at, version in enumerate(_VERSIONS):
            four = version == "4.0"
            later = frozenset(f"CC-{elements}-{one}" for one in _VERSIONS[at + 1 :])
            alike, no_change, no_trade = "SA" in elements, "ND" in elements, "NC" in elements
            where = _FOUR[elements] if four else _BEFORE[elements]
            asks = [name_whom]
            asks += ["pass it on under the same licence or a later version of it"] if alike else []
            asks += ["no trade"] if no_trade else []
            asks += ["change nothing"] if no_change else []
            gpl = frozenset({"GPL-3.0-only"}) if elements == "BY-SA" and four else frozenset()
            yield Terms(
                f"CC-{elements}-{version}",
                rank + at / 10,
                f"CC {elements} {version} {where}",
                "; ".join(asks),
                commercial=not no_trade,
                adapted=not no_change,
                into=later | gpl if alike else None,
                # A database licence wants its own terms for what it holds: CC BY asks for a waiver first.
                never_into=frozenset({"ODbL-1.0"} | (frozenset() if four else _GNU)),
            )


def _others() -> Iterator[Terms]:
    keep = "keep the copyright notice and the text of the licence"
    yield Terms("CC0-1.0", 0, "CC0 1.0 s.2")
    yield Terms("PDDL-1.0", 0.1, "PDDL 1.0 s.3")
    yield Terms("Unlicense", 1, "The Unlicense, first paragraph")
    yield Terms("MIT", 2, "MIT License, second paragraph", keep)
    yield Terms("BSD-2-Clause", 3, "BSD-2-Clause, conditions 1 and 2", keep)
    yield Terms("BSD-3-Clause", 3.1, "BSD-3-Clause, conditions 1 to 3", f"{keep}; do not promote with their names")
    yield Terms(
        "Apache-2.0", 4, "Apache-2.0 s.4", f"{keep} and of NOTICE; say in changed files that they were changed",
        never_into=frozenset(_GPL2),
    )  # fmt: skip
    yield Terms(
        "ODC-By-1.0", 6, "ODC-By 1.0 s.4.2", "say that the database is under ODC-By and keep its notices",
        never_into=_GNU,
    )  # fmt: skip
    yield Terms(
        "ODbL-1.0", 8, "ODbL 1.0 s.4.4", "pass derived databases on under ODbL, with notices and without locks",
        into=frozenset(),
    )  # fmt: skip
    source = "pass the whole on under the same licence, with its text and its source"
    ways = {
        "LGPL-3.0-or-later": (8.5, {"LGPL-3.0-only", *_GPL3}), "LGPL-3.0-only": (8.6, set(_GPL3)),
        "GPL-2.0-or-later": (9, {"GPL-2.0-only", *_GPL3}), "GPL-2.0-only": (9.1, set[str]()),
        "GPL-3.0-or-later": (9.2, {"GPL-3.0-only"}), "GPL-3.0-only": (9.3, set[str]()),
        "AGPL-3.0-only": (9.4, set[str]()),
    }  # fmt: skip
    for name, (rank, into) in ways.items():
        family = name[: name.index(".") + 2]
        where = "s.2(b)" if family == "GPL-2.0" else "s.2 and s.4" if family == "LGPL-3.0" else "s.5(c)"
        yield Terms(name, rank, f"{family} {where}", source, into=frozenset(into))


LICENCES: Final[Mapping[str, Terms]] = {one.name: one for one in (*_others(), *_creative_commons())}
_SPELT: Final = (
    (r"cc ?0( 1\.0)?( universal)?|cc zero|public domain", "CC0-1.0"), (r"pddl( 1\.0)?", "PDDL-1.0"),
    (r"(the )?unlicense", "Unlicense"), (r"(the )?mit", "MIT"), (r"bsd 2( clause)?", "BSD-2-Clause"),
    (r"bsd( 3( clause)?)?", "BSD-3-Clause"),
    (r"apache ?(software )?(licen[cs]e)?,? ?(version |v)?(2(\.0)?)?", "Apache-2.0"),
    (r"odc by( 1\.0)?", "ODC-By-1.0"), (r"odbl( 1\.0)?", "ODbL-1.0"),
)  # fmt: skip
_CC: Final = re.compile(
    r"cc[- ]?(by(?:[- ](?:nc|sa|nd))*)(?:[- ]v?(\d\.\d))?(?:[- ](?:international|unported|generic|deed))?$"
)
_GNU_NAME: Final = re.compile(r"(agpl|lgpl|gpl)(?:[- ]?v?(\d)(?:\.0)?)?(\+|[- ](?:only|or[- ]later))?$")


def unlicensed(licence: object) -> bool:
    """Whether nothing is allowed, or nobody knows.

    >>> [unlicensed(one) for one in (None, "N/A", "?", "(not specified)", "Unknown License", "The Unlicense", "other")]
    [True, True, True, True, True, False, False]
    """
    return not isinstance(licence, str) or _bare(licence) in NONE


def in_confidence(licence: object, sources: Iterable[object] = ()) -> bool:
    """Whether texts were said in confidence, which no flag and no licence gives away: by licence, or by any source.

    >>> in_confidence("private"), in_confidence("CC0-1.0", ["line"]), in_confidence("unknown", ["mine"])
    (True, True, False)
    """
    known = [SOURCE_TERMS[one] for one in sources if isinstance(one, str) and one in SOURCE_TERMS]
    return (isinstance(licence, str) and _bare(licence) == PRIVATE) or any(one.licence == PRIVATE for one in known)


def _bare(licence: str) -> str:
    """A name without case, brackets, dashes and the word licence at its end: of `?` and `--` nothing is left."""
    text = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", licence).casefold())
    return re.sub(r" licen[cs]e$", "", text.strip(" ()[]{}<>\"'`.,;:?!*/|")).strip()


def terms_of(licence: object) -> Terms | None:
    """The terms of a licence as people spell it; None for none and for one that is not known here.

    A Creative Commons licence without a version is read as 4.0, into which share-alike material of 2.0 and later may go
    anyway. A GPL without one is not known: its versions do not mix. Nor is a name with anything beside it ("MIT for the
    code"): what it says of the data is not said.

    >>> terms_of("CC BY-NC-SA 4.0").name, terms_of("apache 2.0").name, terms_of("gpl-3.0").name, terms_of("llama3")
    ('CC-BY-NC-SA-4.0', 'Apache-2.0', 'GPL-3.0-only', None)
    """
    if unlicensed(licence) or not isinstance(licence, str):
        return None
    given = licence.strip()
    if given in LICENCES:
        return LICENCES[given]
    text = re.sub(r"[\s_]+", " ", given.lower())
    if found := _CC.fullmatch(text.removeprefix("creative commons ").replace("attribution", "by")):
        elements = "-".join(sorted(found[1].upper().replace(" ", "-").split("-"), key=["BY", "NC", "SA", "ND"].index))
        return LICENCES.get(f"CC-{elements}-{found[2] or '4.0'}")
    if found := _GNU_NAME.fullmatch(text.removeprefix("gnu ")):
        later = "or-later" if found[3] and ("+" in found[3] or "later" in found[3]) else "only"
        return LICENCES.get(f"{found[1].upper()}-{found[2]}.0-{later}")
    text = re.sub(r" licen[cs]e$", "", text.replace("-", " "))
    return next((LICENCES[name] for pattern, name in _SPELT if re.fullmatch(pattern, text)), None)


def hub_name(licence: str) -> str:
    """How the hub names a licence; `other` where it has no name for it.

    >>> hub_name("CC-BY-4.0"), hub_name("CC BY-NC-SA 4.0"), hub_name("Apache-2.0"), hub_name("llama3.1")
    ('cc-by-4.0', 'cc-by-nc-sa-4.0', 'apache-2.0', 'other')
    """
    found = terms_of(licence)
    return found.hub if found is not None else OTHER


def binding(licences: Iterable[str]) -> str:
    """The most restrictive of licences; of those that are not known by name, the first by its letters.

    >>> binding(["MIT", "CC-BY-NC-SA-4.0", "CC0-1.0"]), binding(["Apache-2.0", "llama3.1"]), binding([])
    ('CC-BY-NC-SA-4.0', 'llama3.1', '')
    """
    found = sorted({licence.strip() for licence in licences}, key=lambda licence: (-_rank(licence), licence))
    return found[0] if found else ""


def may_go_into(one: Terms, other: Terms) -> bool:
    """Whether changed material of one licence may be passed on in a whole under another.

    What forbids trade ranks above all that allows it, so it goes into nothing that does.

    >>> may_go_into(LICENCES["CC-BY-SA-4.0"], LICENCES["GPL-3.0-only"])
    True
    >>> may_go_into(LICENCES["CC-BY-NC-4.0"], LICENCES["CC-BY-SA-4.0"])
    False
    """
    if one.name == other.name:
        return True
    if not one.adapted or not other.adapted:
        return False
    if one.into is not None:
        return other.name in one.into
    return other.rank >= one.rank and other.name not in one.never_into


def _rank(licence: str) -> float:
    if unlicensed(licence):
        return 99
    found = terms_of(licence)
    return _NOT_KNOWN if found is None else found.rank
