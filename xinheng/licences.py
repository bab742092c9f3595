"""What may be published of rows from several sources, under which licence, and what must be said with it.

Mixing is the union of all licences that bind, so it does not matter in which order sources are joined, and no source
makes more allowed. A dataset's rows stay works of their own beside each other: a collection, each part of which keeps
its licence (Creative Commons' FAQ on collections; GPL-3.0 s.5 last paragraph, "aggregate"; ODbL s.4.5(a)). What a
recipe did to a row (cut, masked, normalised) makes an adaptation of that row (CC BY 4.0 s.1(a)), which share-alike and
no-derivatives bind. One licence is looked for that every adapted row may go into: the chart of the FAQ on adaptations.
Where a source is a database with rights of its own, taking much of it binds the whole (CC BY-SA 4.0 s.4(b), ODbL
s.4.4): hence several licences beside each other want somebody's word first. This is no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from xinheng.licence_sources import CONFIDENTIAL, NOT_ASKED, PRIVATE, SOURCE_TERMS, YOURS, SourceTerms
from xinheng.licence_terms import (
    LICENCES,
    OTHER,
    Terms,
    binding,
    hub_name,
    may_go_into,
    terms_of,
    unlicensed,
)

__all__ = [
    "CONDITIONS", "IDS", "NOTHING", "OTHER", "PRIVATE", "YOURS", "Finding", "Verdict", "binding", "carrier", "hub_name",
    "publication", "refusal", "unlicensed",
]  # fmt: skip

NON_COMMERCIAL: Final = "non-commercial"
PLATFORM: Final = "platform-terms"
CUSTOM: Final = "custom-terms"
SEVERAL: Final = "several-licences"
CONDITIONS: Final[tuple[str, ...]] = (NON_COMMERCIAL, PLATFORM, CUSTOM, SEVERAL)
"""What somebody can accept by name: no trade with any of it; the terms of the platforms that texts come from; terms
that are not known here and that somebody has read; rows under several licences, each under its own."""
IDS: Final = "ids"
NOTHING: Final = "nothing"
_RESEARCH: Final = re.compile(
    r"research|academic|non.?commercial|agreement|on request|proprietary|all rights", re.IGNORECASE
)


@dataclass(frozen=True)
class Finding:
    """What holds for the rows of one source under one licence.

    Args:
        source: As in the `source` column.
        licence: As in the `licence` column.
        rows: How many.
        allowed: Whether these rows may be passed on, with what was accepted.
        why: One sentence.
        clause: Of the licence, or an address; empty where there is none.
        instead: `ids` where ids and a script may go in their place, `nothing` where not even these; empty when allowed.
        condition: The name in `CONDITIONS` that allows it; empty where nothing does or need.
    """

    source: str
    licence: str
    rows: int
    allowed: bool
    why: str
    clause: str
    instead: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether rows may be published together, and how.

    Args:
        allowed: All of them as rows.
        licence: SPDX name, or several joined by AND, that the publication bears; empty when not allowed.
        hub: The hub's name for it; `other` where it has none.
        findings: By source and licence, sorted.
        duties: What the card must say or the publisher do, one sentence each.
        explained: How the result came about, a sentence per rule applied.
        instead: What may be published in place of the rows: empty, `ids` or `nothing`.
        accept: Names in `CONDITIONS` that would allow all of it; empty when it is allowed, or when nothing would.
    """

    allowed: bool
    licence: str
    hub: str
    findings: tuple[Finding, ...]
    duties: tuple[str, ...]
    explained: tuple[str, ...]
    instead: str
    accept: tuple[str, ...] = ()


def carrier(licences: Iterable[str]) -> str | None:
    """The most open licence into which adapted rows of all of these may go; None where there is none.

    >>> carrier(["MIT", "CC-BY-4.0", "CC0-1.0"]), carrier(["CC-BY-4.0", "CC-BY-NC-4.0"])
    ('CC-BY-4.0', 'CC-BY-NC-4.0')
    >>> carrier(["CC-BY-SA-3.0", "CC-BY-SA-4.0"]), carrier(["CC-BY-SA-4.0", "CC-BY-NC-4.0"])
    ('CC-BY-SA-4.0', None)
    """
    names = set(licences)
    found = [terms_of(name) for name in names]
    if None in found:
        # Of terms that are not known, all that can be said is that they bind their own.
        return names.pop() if len(names) == 1 else None
    known = [one for one in found if one is not None]
    fits = [into for into in LICENCES.values() if known and all(may_go_into(one, into) for one in known)]
    return min(fits, key=lambda one: one.rank).name if fits else None


def publication(
    licences: Iterable[Mapping[str, Any]],
    *,
    withheld: Collection[str] = (),
    accept: Collection[str] = (),
    adapted: bool = True,
) -> Verdict:
    """Whether rows of these sources may be published together, under which licence, and what else could be.

    A licence that is unknown allows nothing. A source that is known here is also bound by what is known of it, so that
    a row cannot free itself by the licence it claims; the stricter holds. Odd input is refused, never an error.

    Args:
        licences: A row per licence: licence, sources (names), rows; as in a dataset's facts. The licence of a base
            model stands there too, its source being `base NAME`. The rows of several sources count for each.
        withheld: Sources whose rows do not go: they bind nothing.
        accept: Names in `CONDITIONS`.
        adapted: Whether rows were changed; False only for texts that are the publisher's letter for letter.
    """
    taken = set(accept) & set(CONDITIONS)
    parts = [part for part in _parts(licences) if part[0] not in withheld]
    judged = [_judged(source, licence, rows, taken, adapted=adapted) for source, licence, rows in parts]
    findings = tuple(finding for finding, _, _ in judged)
    bound = sorted({name for _, _, names in judged for name in names})
    explained = [*dict.fromkeys(line for source, licence, _ in parts for line in _read_as(source, licence))]
    if not findings:
        told = "No row says under which licence it is: nothing may be published of it."
        return Verdict(False, "", OTHER, (), (), (told,), NOTHING)  # noqa: FBT003  a value, no switch
    one = carrier(bound)
    refused = [finding for finding in findings if not finding.allowed]
    whole = one if one is not None else " AND ".join(bound)
    if one is None and len(bound) > 1:
        explained.append(
            f"No single licence can hold changed rows of all of {', '.join(bound)}; as a collection they may stand "
            "beside each other, each row under its own licence."
        )
    elif one is not None:
        explained.append(_carried(one, bound))
    open_conditions = {name for _, names, _ in judged for name in names}
    if one is None and SEVERAL not in taken:
        open_conditions.add(SEVERAL)
    allowed = not open_conditions
    hopeless = "" in open_conditions
    return Verdict(
        allowed,
        whole if allowed else "",
        hub_name(whole) if allowed else OTHER,
        findings,
        tuple(_duties(parts, bound, one)),
        tuple(explained),
        "" if allowed else NOTHING if any(finding.instead == NOTHING for finding in refused) else IDS,
        () if hopeless else tuple(name for name in CONDITIONS if name in open_conditions),
    )


def refusal(verdict: Verdict) -> tuple[str, str]:
    """What stands against a publication, source by source, and the ways out: two texts for an error message."""
    refused = [one for one in verdict.findings if not one.allowed]
    have = "; ".join(f"{one.source} ({one.rows:,} rows, {_as_named(one)}): {one.why[:-1]}" for one in refused)
    if not have:
        have = " ".join(verdict.explained)
    ways = []
    if verdict.accept:
        ways.append(f"say {' '.join(f'--accept {name}' for name in verdict.accept)} if you accept that")
    if refused:
        ways.append("leave these sources out")
    if verdict.instead == IDS:
        ways.append("publish ids and the script that rebuilds the rows from their publishers, --ids-only")
    told = "; or ".join(ways)
    return have, f"{told[:1].upper()}{told[1:]}." if told else "Name a licence for every row."


def _as_named(found: Finding) -> str:
    """What the rows say, and what else their source is named under: else a refusal of CC0 rows reads like a mistake."""
    own = terms_of(found.licence)
    others = _named(found.licence, SOURCE_TERMS.get(found.source)) - {found.licence, own.name if own else ""}
    told = found.licence or "no licence"
    return f"{told}, named elsewhere under {', '.join(sorted(others))}" if others else told


def _parts(licences: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Source, licence and rows, each pair once, whatever was given; blanks around a name make no other name of it."""
    found: dict[tuple[str, str], int] = {}
    for row in licences:
        told = row if isinstance(row, Mapping) else {}
        licence = told.get("licence")
        names = told.get("sources")
        given = names if isinstance(names, list | tuple | set | frozenset) else []
        several = ["" if one is None else str(one).strip() for one in given]
        rows = told.get("rows")
        count = rows if isinstance(rows, int) and not isinstance(rows, bool) else 0
        for name in several or ["unnamed"]:
            key = (name or "unnamed", licence.strip() if isinstance(licence, str) else "")
            found[key] = found.get(key, 0) + count
    return sorted((source, licence, rows) for (source, licence), rows in found.items())


def _judged(
    source: str, licence: str, rows: int, taken: set[str], *, adapted: bool
) -> tuple[Finding, list[str], set[str]]:
    """A source's finding, the names of all conditions that it wants ("" where none helps), and what binds its rows."""
    known = SOURCE_TERMS.get(source)
    named = _named(licence, known)
    against = [one for one in _against(licence, known, named, adapted=adapted) if one.condition not in taken]
    if against:
        first = next((one for one in against if not one.condition), against[0])
        found = replace(first, source=source, licence=licence, rows=rows)
    else:
        clause = "; ".join(sorted({one.clause for name in named if (one := terms_of(name)) is not None}))
        found = Finding(source, licence, rows, True, "Its licence lets rows be passed on.", clause)  # noqa: FBT003
    return found, [one.condition for one in against], named


def _against(licence: str, known: SourceTerms | None, named: set[str], *, adapted: bool) -> Iterator[Finding]:
    """All that stands against passing rows on; the names are filled in by who asks."""
    if licence.lower() == PRIVATE or (known is not None and known.licence == PRIVATE):
        why = "What was said in confidence is its writers', and no licence gives it away."
        yield _refused(why, instead=NOTHING)
        return
    if unlicensed(licence):
        why = "Its rows name no licence, and without one nobody but the owner may pass them on."
        yield _refused(why, instead=IDS if known is not None and known.published else NOTHING)
        return
    for name in sorted(named):
        terms = terms_of(name)
        if terms is None and _RESEARCH.search(name):
            yield _refused("Terms for research or on request are leave to use, and none to pass on.")
        elif terms is None:
            yield _refused("Its terms are not known here: read whether they let rows be passed on.", condition=CUSTOM)
        elif adapted and not terms.adapted:
            yield _refused("It allows no changed copies to be shared, and these rows were changed.", terms.clause)
        if terms is not None and not terms.commercial:
            why = f"{name} forbids trade, and every other row would then be under it too."
            yield _refused(why, terms.clause, condition=NON_COMMERCIAL)
    if known is not None and known.platforms:
        whose = " and ".join(place.partition(" (")[0] for place in known.platforms)
        why = (
            f"A repository's licence does not bind those who wrote: the posts come from {whose}, whose terms hold too."
        )
        yield _refused(why, known.platforms[0].rpartition(" ")[2].rstrip(")"), condition=PLATFORM)


def _refused(why: str, clause: str = "", *, instead: str = IDS, condition: str = "") -> Finding:
    return Finding("", "", 0, False, why, clause, instead, condition)  # noqa: FBT003  a value, no switch


def _named(licence: str, known: SourceTerms | None) -> set[str]:
    """The licences that bind a row: its own, and those that its source is known to have; each by its SPDX name."""
    names = {licence}
    if known is not None and known.licence not in {PRIVATE, YOURS}:
        names |= {known.licence, *known.also}
    return {found.name if (found := terms_of(name)) is not None else name for name in names}


def _read_as(source: str, licence: str) -> list[str]:
    known = SOURCE_TERMS.get(source)
    if known is None or known.licence in {PRIVATE, YOURS}:
        return []
    stated = _named(licence, known)
    if len(stated) < 2:
        return []
    return [f"{source} is named under {' and '.join(sorted(stated))}: the stricter holds."]


def _carried(one: str, bound: list[str]) -> str:
    if bound == [one]:
        return f"All rows are under {one}."
    return f"{one} is the most open licence into which rows of all of {', '.join(bound)} may go; their own terms stay."


def _duties(parts: list[tuple[str, str, int]], bound: list[str], one: str | None) -> list[str]:
    """What passing on asks, by licence and then by source."""
    lines = []
    for name in bound:
        terms: Terms | None = terms_of(name)
        if terms is not None and terms.asks:
            lines.append(f"{name}: {terms.asks} ({terms.clause}).")
        elif terms is None and not unlicensed(name):
            lines.append(f"{name}: hold to its terms, which are not known here.")
    if one is None and len(bound) > 1:
        lines.append("Each row stays under the licence in its `licence` column; name them all.")
    for source in sorted({source for source, _, _ in parts}):
        known = SOURCE_TERMS.get(source)
        if known is None:
            continue
        if known.holder:
            lines.append(f"{source}: by {known.holder}, {known.home}.")
        lines += [f"{source}: the terms of {place} hold beside its licence." for place in known.platforms]
        if known.consent in {NOT_ASKED, CONFIDENTIAL}:
            lines.append(f"{source}: those who wrote were not asked; take out what they ask you to (--withdraw).")
        if known.note:
            lines.append(f"{source}: {known.note}")
    return lines
