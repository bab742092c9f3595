"""All artifacts below some folders, found by their digests; what is damaged is known by what it claims to be."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.leaderboard_runs import mapping
from xinheng.artifacts import MANIFEST, Artifact, open_artifact
from xinheng.errors import ArtifactError, InputError
from xinheng.storage import Place

PUBLICATION: Final = "publication.json"
_MOST_FOLDERS: Final = 20_000


@dataclass
class Shelf:
    """All artifacts below some folders.

    Args:
        by_digest: Digest -> artifacts, in the order of their folders.
        by_folder: Folder -> artifact.
        damaged: Digest that a manifest claims which cannot be trusted -> its folder.
        publications: What `publication.json` files say, with their folder.
        roots: Where was looked.
    """

    by_digest: dict[str, list[Artifact]] = field(default_factory=dict)
    by_folder: dict[str, Artifact] = field(default_factory=dict)
    damaged: dict[str, Path] = field(default_factory=dict)
    publications: list[tuple[Path, Mapping[str, Any]]] = field(default_factory=list)
    roots: tuple[Path, ...] = ()

    def add(self, artifact: Artifact) -> None:
        """Put an artifact where it is found by its digest and its folder."""
        folder = os.path.realpath(artifact.path) if isinstance(artifact.path, Path) else str(artifact.path)
        if folder not in self.by_folder:
            self.by_folder[folder] = artifact
            self.by_digest.setdefault(artifact.digest, []).append(artifact)

    def find(self, link: Mapping[str, Any]) -> Artifact | None:
        """The artifact that a child names: of the same kind and name if there is one, else of the same digest."""
        found = self.by_digest.get(str(link.get("digest")), [])
        same = [a for a in found if a.kind == link.get("kind") and str(a.manifest["name"]) == link.get("name")]
        return next(iter([*same, *found]), None)

    def all(self) -> list[Artifact]:
        """Every artifact, in the order in which they were found."""
        return list(self.by_folder.values())

    def place(self, path: Place) -> str:
        """A folder below where was looked: a whole path tells whose machine it is."""
        for root in self.roots:
            try:
                return (Path(root.name) / Path(str(path)).resolve().relative_to(root.resolve())).as_posix()
            except ValueError:
                continue
        return Path(str(path)).name


def shelf(folders: Sequence[Path]) -> Shelf:
    """All artifacts and publications below folders; hidden folders and what cannot be read are passed over.

    Raises:
        InputError: A folder is none, or holds too many to look through.
    """
    found, seen = Shelf(roots=tuple(folders)), 0
    for root in folders:
        if not root.is_dir():
            raise InputError(str(root), "no folder to look in", want="a folder with artifacts below it")
        for folder, inside, files in os.walk(root):
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            seen += 1
            if seen > _MOST_FOLDERS:
                mend = "Name the folders of the artifacts themselves: --in runs."
                raise InputError(str(root), f"more than {_MOST_FOLDERS:,} folders below it", mend=mend)
            # A pipe of that name would never end.
            if MANIFEST in files and (Path(folder) / MANIFEST).is_file():
                try:
                    found.add(open_artifact(Path(folder)))
                except ArtifactError:
                    found.damaged.setdefault(str(_json(Path(folder) / MANIFEST).get("digest")), Path(folder))
            if PUBLICATION in files and (Path(folder) / PUBLICATION).is_file():
                told = _json(Path(folder) / PUBLICATION)
                found.publications += [(Path(folder), told)] if told else []
    return found


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
