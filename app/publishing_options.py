"""How something is to be published: what the person who publishes says, and nothing of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from curation.privacy.vault import Vault
from xinheng.artifacts import Artifact

# How many persons at least are to be alike, where nobody says.
ALIKE: Final = 5


@dataclass(frozen=True)
class Options:
    """How it is to be published.

    Args:
        version: Of the publication.
        repo: `OWNER/NAME` on the hub, empty where it goes nowhere.
        accept: Conditions that somebody says yes to (see `publishing_gates.ACCEPTED`).
        allow: Names of marks with which to go on.
        ids_only: Ids and a script instead of rows.
        vault: An open vault, for the privacy gate.
        k: How many persons at least are to be alike.
        quasi: In what.
        answers: Of people, to the datasheet's open questions; `authors`, `title`.
        recipe: File of a recipe of one's own.
        changelog: A file that becomes CHANGELOG.md; by default the artifact's own, where it has one.
        evidence: Artifacts with scores or agreement, by name.
        overwrite: Whether a publication that was changed by hand may go.
    """

    version: str = "1.0.0"
    repo: str = ""
    accept: Sequence[str] = ()
    allow: Sequence[str] = ()
    ids_only: bool = False
    vault: Vault | None = None
    k: int = ALIKE
    quasi: Sequence[str] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    recipe: Path | None = None
    changelog: Path | None = None
    evidence: Mapping[str, Artifact] = field(default_factory=dict)
    overwrite: bool = False
