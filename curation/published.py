"""What a card of a published dataset tells beside its figures, and where in the folder the figures come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

ABOUT: Final = "provenance/about.json"
MANIFEST: Final = "provenance/manifest.json"
LOCK: Final = "provenance/lock.json"
GATE: Final = "certificates/gate.json"
SPLIT: Final = "certificates/split.json"
COVERAGE: Final = "certificates/coverage.json"
PRIVACY: Final = "certificates/privacy.json"
CONTAMINATION: Final = "certificates/contamination.json"
_MANY: Final = 60


@dataclass(frozen=True)
class Published:
    """What a card tells beside the figures that are worked out.

    Args:
        table: Kind of its rows.
        facts: Of the artifact's manifest.
        splits: Names of the splits that have rows.
        views: Names of the JSON Lines views, and the splits of each.
        stratum: The column of strata, where the table has it.
        licence: `xinheng.licences.Verdict` as a mapping.
        accepted: Conditions that were accepted by name.
        notes: What the reader must know of this publication.
        evidence: Names of the tables of scores, ratings or agreement beside it, and how many rows each has.
        marks: Of the artifact.
        citation: Whether there is a CITATION.cff.
        repo: On the hub, empty where it goes nowhere.
        ids_only: Whether ids stand in place of rows.
        open: Ids of the datasheet's questions that nobody answered.
    """

    table: str
    facts: Mapping[str, Any]
    splits: Sequence[str]
    views: Mapping[str, Sequence[str]]
    stratum: str | None
    licence: Mapping[str, Any]
    accepted: Sequence[str] = ()
    notes: Sequence[str] = ()
    evidence: Mapping[str, int] = field(default_factory=dict)
    marks: Sequence[Mapping[str, Any]] = ()
    citation: bool = False
    repo: str = ""
    ids_only: bool = False
    open: Sequence[str] = ()
