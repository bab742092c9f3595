"""The lineage of a publication: of the artifact it was made from, or of its own manifest where that is not here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from app.lineage import Lineage, lineage, publication_id, publications_of
from app.lineage_nodes import DAMAGED, MISSING, OUTSIDE, node_id, said
from app.lineage_shelf import Shelf
from xinheng import publication
from xinheng.artifacts import Artifact
from xinheng.errors import InputError

_MANIFEST: Final = "provenance/manifest.json"


def published_lineage(folder: Path, known: Shelf, *, descendants: bool = False, check: bool = False) -> Lineage:
    """The picture of a publication, its artifact and all that it was made of.

    Who loaded it from elsewhere has none of that: then its own manifest tells of the artifact and its parents, and
    what is not here is drawn as lying outside, for nothing is broken.

    Args:
        folder: Of the publication.
        known: Where its artifact is looked for.
        descendants: Also what was made of the artifact.
        check: Also compare files with what was written.

    Raises:
        InputError: It cannot be read, or is of another artifact than its manifest tells of.
    """
    told = publication.read(folder)
    made = known.find(told["artifact"])
    start = made if made is not None and made.digest == told["artifact"]["digest"] else _as_told(folder, told)
    drawn = lineage(start, known, descendants=descendants, check=check and start is made)
    if start is not made:
        for node in drawn.nodes.values():
            _lies_elsewhere(node, node_id(start))
    publications_of(start, replace(known, publications=[(folder, told)]), drawn)
    drawn.root = publication_id(folder)
    if check and (problems := publication.differences(folder, told)):
        node = drawn.nodes[drawn.root]
        node.state = DAMAGED
        node.problems = [said(f"not as it was written: {one}", f"與寫入時不符：{one}") for one in problems[:3]]
    return drawn


def _lies_elsewhere(node: Any, start: str) -> None:
    if node.node_id == start:
        node.state, node.place = OUTSIDE, ""
        node.lines.append(said("known by this publication alone", "僅由此發布版本得知"))
    elif node.state == MISSING:
        node.state, node.problems = OUTSIDE, []
        node.lines.append(said("not on this machine", "不在此電腦上"))


def _as_told(folder: Path, told: Mapping[str, Any]) -> Artifact:
    """The artifact as the publication's manifest tells of it: its rows' numbers and parents, and no files."""
    file = folder / _MANIFEST
    if not file.is_file():
        raise InputError(str(file), "no such file", mend="Publish it again.")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        tables = {
            name: {**entry, "files": [{"name": "", "rows": int(entry["rows"])}]}
            for name, entry in manifest.get("tables", {}).items()
        }
        whole = {"marks": [], "parents": [], **manifest, "tables": tables, "files": {}}
        sound = manifest["digest"] == told["artifact"]["digest"] and isinstance(manifest["facts"], dict)
        manifest["kind"], manifest["name"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(str(file), "cannot be read", have=type(error).__name__, mend="Publish it again.") from error
    if not sound:
        raise InputError(str(file), "of another artifact than the publication", mend="Publish it again.")
    return Artifact(folder, whole)
