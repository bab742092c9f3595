"""Whether a manifest's facts are those of its rows: they are no part of a digest, so anybody may have changed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from xinheng.artifacts import Artifact
from xinheng.errors import ArtifactError

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
}
_NEEDED: Final = ("rows", "languages")
_STEP: Final = ("rows", "dropped", "changed")


def require_facts(artifact: Artifact, table: str, counts: Mapping[str, int]) -> None:
    """Nothing, unless a dataset's facts lack what a card tells, or tell something else than its rows.

    Args:
        artifact: A dataset whose files are those of its manifest.
        table: The name of its rows.
        counts: Rows of each split.

    Raises:
        ArtifactError: All that does not fit, in one message.
    """
    facts = artifact.manifest["facts"]
    wrong = [*_shapeless(facts)] or [*_untrue(artifact, facts, table, counts)]
    if wrong:
        raise ArtifactError(
            str(artifact.path),
            "its manifest does not tell of its rows",
            have="; ".join(wrong[:5]),
            mend="It was changed by hand, or made by another program: curate it again.",
        )


def _shapeless(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, (kind, fields) in _SHAPES.items():
        value = facts.get(name)
        if name not in facts or value is None:
            if name in _NEEDED:
                yield f"no {name}"
            continue
        entries = value if isinstance(value, list) else [value]
        objects = isinstance(value, kind) and all(isinstance(one, dict) for one in entries)
        if not objects or any(field not in one for one in entries for field in fields):
            yield f"{name} is not as it should be"


def _untrue(artifact: Artifact, facts: Mapping[str, Any], table: str, counts: Mapping[str, int]) -> Iterator[str]:
    rows = artifact.scan(table)
    if facts["rows"]["kept"] != sum(counts.values()):
        yield f"rows kept: {facts['rows']['kept']}, there are {sum(counts.values()):,}"
    told = {name: count for name, count in (facts.get("splits") or counts).items() if count}
    if told != dict(counts):
        yield "splits: others than the rows have"
    languages = dict(rows.group_by("language").len().collect().iter_rows())
    if dict(facts["languages"]) != languages:
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
