"""The privacy search of a publication: what the gate records of it, and the same search over the published rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from app.publishing_ids import KEPT
from curation.privacy.vault import Vault
from curation.published_rows import published_table
from datasets_src.catalog import SOURCES
from xinheng.licences import PRIVATE, YOURS
from xinheng.tables import KEYS

if TYPE_CHECKING:
    from curation.privacy.release import Release

# What somebody may say yes to by name, beside the conditions of licences.
PUBLISHED_TEXTS: Final = "published-texts"
SHOWN: Final = 5
_COUNTED: Final = ("passed", "found", "k", "groups", "alone")


def recorded(looked: Release) -> dict[str, Any]:
    """What a certificate says of a search: by class and without ids."""
    from curation.privacy.release import finder_digest

    return {
        "looked": True,
        "passed": looked.passed,
        "judged_by": looked.judged_by,
        "finder": finder_digest(),
        "found": looked.residual.select("kind", "found", "rows").to_dicts(),
        "quasi": list(looked.quasi),
        "wanted_k": looked.k,
        "k": looked.anonymity.k,
        "groups": looked.anonymity.groups,
        "alone": looked.anonymity.unique,
        "accepted": False,
    }


def all_public(rows: pl.LazyFrame) -> bool:
    """Whether every row is of a source that somebody published."""
    public = [name for name, entry in SOURCES.items() if entry.licence not in {YOURS, PRIVATE}]
    return not rows.filter(~pl.col("source").is_in(public).fill_null(value=False)).select(pl.len()).collect().item()


def searched_again(
    folder: Path,
    about: Mapping[str, Any],
    certified: Mapping[str, Any],
    record: Mapping[str, Any] | None,
    *,
    vault: Vault | None = None,
    k: int | None = None,
    quasi: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], list[str]]:
    """What the published rows themselves tell of people, and what of it may not be, by row id and class.

    Nothing of the certificate is believed but how it was asked (k, and over what); an acceptance counts only while
    every row is of a source that others published, and for no more than the certificate counts.

    Args:
        folder: Of the publication.
        about: Its `provenance/about.json`.
        certified: Its `certificates/privacy.json`.
        record: `facts.privacy` of its manifest: how many surrogates there are of each class.
        vault: The open vault with which it was pseudonymised.
        k: Another k than the certificate's.
        quasi: Over others than the certificate's.
        say: Hears how far it is.

    Returns:
        What was found, as a certificate says it, and a sentence per finding; no text of a row in either.
    """
    from curation.privacy.release import release_check

    named = PUBLISHED_TEXTS in about["accepted"]
    invented = [] if named or not certified["accepted"] else ["privacy: accepted by nobody, as the certificate has it"]
    rows = published_table(folder)
    have = rows.collect_schema().names()
    if about["ids_only"]:
        more = sorted({*have} - {KEYS[str(about["table"])], "row_sha256", *KEPT})
        return {"looked": False}, invented + [f"privacy: ids only, and yet there is a column {name}" for name in more]
    if KEYS["choice"] in have:
        return {"looked": False}, invented
    of = int(rows.select(pl.len()).collect().item())
    asked_k = int(certified["wanted_k"]) if k is None else k
    over = [str(name) for name in certified["quasi"]] if quasi is None else list(quasi)
    looked = release_check(
        rows, vault=vault, k=asked_k, quasi=over, record=record,
        heard=lambda done: say(f"{folder}: privacy: {done:,} of {of:,} rows"),
    )  # fmt: skip
    found = recorded(looked)
    accepted = certified["accepted"] and named and all_public(rows)
    wrong = invented + ([] if accepted else [*_findings(looked)])
    if wrong and record and looked.judged_by == "nothing":
        wrong.append("privacy: another finder made its record: --vault FILE tells surrogates from names")
    if k is None and quasi is None and vault is None:
        wrong += _differing(found, certified)
    return found, wrong


def _findings(looked: Release) -> Iterator[str]:
    """What is found of people, by class with ids of rows, and who stands out."""
    for kind, found, rows, ids in looked.residual.iter_rows():
        among = "more than the record has surrogates, somewhere in" if looked.judged_by == "record" else "in"
        yield f"privacy: {kind} {found:,} {among} {rows:,} rows: {_named(ids, rows)}"
    who = looked.anonymity
    if who.groups and who.k < looked.k:
        few = who.riskiest.filter(pl.col("group_size") < looked.k)["id"].to_list()
        told = f"k = {who.k} over {', '.join(looked.quasi)} (wanted {looked.k}), {who.unique:,} stand alone"
        yield f"privacy: {told}: {_named(few, len(few))}"


def _named(ids: Sequence[str], of: int) -> str:
    shown = [str(one) for one in ids[:SHOWN]]
    return ", ".join(shown) + (" …" if of > len(shown) else "")


def _differing(found: Mapping[str, Any], certified: Mapping[str, Any]) -> Iterator[str]:
    """Where the certificate counts otherwise than the same finder does, judging by the same."""
    if any(found[name] != certified.get(name) for name in ("finder", "judged_by")):
        counted = {one["kind"]: one["found"] for one in certified["found"]}
        more = [one for one in found["found"] if one["found"] > counted.get(one["kind"], 0)]
        if certified["accepted"]:
            yield from (f"privacy: {one['kind']} {one['found']:,}, more than was accepted" for one in more)
        return
    for name in _COUNTED:
        if found[name] != certified[name]:
            yield f"privacy: the certificate's {name} are not those of the rows"
