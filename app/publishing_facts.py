"""Whether a manifest's facts are those of its rows: they are no part of a digest, so anybody may have changed them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from curation.split import certify
from xinheng.artifacts import Artifact
from xinheng.errors import ArtifactError
from xinheng.staging import on_disk
from xinheng.tables import KEYS

CERTIFICATE: Final = "certificate.json"
# What of a certificate the rows alone decide.
CERTIFIED: Final = ("rows", "disjoint", "columns")
_GROUPS: Final = ("client_id", "group_id")

# What a card reads of each: fields of the object, or of every object of the list.
_SHAPES: Final[Mapping[str, tuple[type, tuple[str, ...]]]] = {
    "rows": (dict, ("read", "kept", "dropped")),
    "steps": (list, ("step", "rows", "dropped", "changed")),
    "sources": (list, ("name", "rows", "digest")),
    "strata": (list, ("stratum",)),
    "topics": (list, ("topic",)),
    "languages": (dict, ()),
    "splits": (dict, ()),
    "contamination": (list, ("benchmark", "rows", "clean", "hit", "uncheckable")),
    "title": (dict, ()),
    "recipe": (dict, ()),
    "coverage": (dict, ("completeness", "missing", "outside", "wrong_role")),
    "gate": (dict, ("passed", "expectations")),
    "privacy": (dict, ()),
    "withdrawn": (dict, ()),
    "against": (dict, ()),
}
# What nobody may leave out in silence, whatever made the dataset.
_NEVER_LEFT_OUT: Final = frozenset({"privacy", "withdrawn", "against"})
# What every row must tell: the card counts by it, and terms go by it.
_TOLD: Final = ("source", "language")
_STEP: Final = ("rows", "dropped", "changed")


def require_facts(artifact: Artifact, table: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """The facts of which a card tells; unless they tell something else than the rows.

    Datasets that no recipe made count other things under the same names: what has another shape there is left out.

    Args:
        artifact: A dataset whose files are those of its manifest.
        table: The name of its rows.
        counts: Rows of each split.

    Raises:
        ArtifactError: All that does not fit, in one message.
    """
    facts = dict(artifact.manifest["facts"])
    if "steps" not in artifact.manifest["tables"]:
        for name in ({*_SHAPES} - _NEVER_LEFT_OUT) & {*facts}:
            if [*_shapeless({name: facts[name]})]:
                del facts[name]
    unnamed = [*_unnamed(artifact.scan(table))]
    if not unnamed:
        facts.setdefault("languages", _languages(artifact.scan(table)))
    wrong = [*unnamed, *_shapeless(facts)] or [*_untrue(artifact, facts, table, counts)]
    if wrong:
        raise ArtifactError(
            str(artifact.path),
            "its manifest does not tell of its rows",
            have="; ".join(wrong[:5]),
            mend="It was changed by hand, or made by another program: curate it again.",
        )
    return facts


def split_certificate(artifact: Artifact, table: str, stratum: str | None) -> dict[str, Any]:
    """The certificate of its splits, worked out again; where it has none, one over clients and groups.

    Raises:
        ArtifactError: It has one that is not that of its rows.
    """
    told: dict[str, Any] = {}
    if CERTIFICATE in artifact.manifest["files"]:
        with on_disk(artifact.file(CERTIFICATE)) as file:
            told = json.loads(file.read_text(encoding="utf-8"))
    rows, key = artifact.scan(table), KEYS[table]
    have = rows.collect_schema().names()
    groups = [name for name in (told["columns"] if told else _GROUPS) if name != key and name in have]
    deciding = rows.select([*dict.fromkeys([key, *groups, "split", *([stratum] if stratum else [])])]).collect()
    made = certify(deciding, key=key, stratum=stratum, groups=groups, seed=told.get("seed"))
    if told and any(made[name] != told.get(name) for name in CERTIFIED):
        mend = "It was changed by hand, or made by another program: curate it again."
        raise ArtifactError(str(artifact.path), f"{CERTIFICATE} is not that of its rows", mend=mend)
    return told or made


def _unnamed(rows: pl.LazyFrame) -> Iterator[str]:
    """How many rows do not tell from which source, or in which language they are."""
    names = [name for name in _TOLD if name in rows.collect_schema()]
    blank = [(pl.col(name).cast(pl.String).str.strip_chars().fill_null("") == "").sum().alias(name) for name in names]
    for name, count in rows.select(blank).collect().to_dicts()[0].items() if names else ():
        if count:
            yield f"rows that name no {name}: {count:,}"


def _shapeless(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, (kind, fields) in _SHAPES.items():
        value = facts.get(name)
        if value is None:
            continue
        entries = value if isinstance(value, list) else [value]
        objects = isinstance(value, kind) and all(isinstance(one, dict) for one in entries)
        if not objects or any(field not in one for one in entries for field in fields):
            yield f"{name} is not as it should be"


def _untrue(artifact: Artifact, facts: Mapping[str, Any], table: str, counts: Mapping[str, int]) -> Iterator[str]:
    rows = artifact.scan(table)
    if "rows" in facts and facts["rows"]["kept"] != sum(counts.values()):
        yield f"rows kept: {facts['rows']['kept']}, there are {sum(counts.values()):,}"
    told = {name: count for name, count in (facts.get("splits") or counts).items() if count}
    if told != dict(counts):
        yield "splits: others than the rows have"
    if dict(facts["languages"]) != _languages(rows):
        yield "languages: others than the rows have"
    if "steps" not in artifact.manifest["tables"]:
        return
    steps = artifact.scan("steps").collect()
    if not {"step", *_STEP} <= set(steps.columns):
        return
    known = {one["step"]: one for one in steps.to_dicts()}
    for one in facts.get("steps", []):
        if one["step"] in known and any(one[name] != known[one["step"]][name] for name in _STEP):
            yield f"step {one['step']}: other counts than the table of steps"


def _languages(rows: pl.LazyFrame) -> dict[str, int]:
    return dict(rows.group_by("language").len().sort("language").collect().iter_rows())
