"""The artifact behind a model of this machine: the adapter or the model that answers, known by its digest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from xinheng.artifacts import MANIFEST, Artifact, file_sha256, open_artifact
from xinheng.chat.local_files import local_files, weights
from xinheng.errors import XinhengError

_LOCAL: Final = "local:"
# So many folders above the weights an artifact is looked for: `ARTIFACT/checkpoints/last`.
_ABOVE: Final = 3


def artifact_behind(name: str) -> dict[str, str] | None:
    """How a manifest names the artifact whose weights answer; None for servers, and for weights of other programs.

    It is the adapter's where there is one, else the base's. A manifest is believed only where it lists the very
    weights that lie there: a folder may have been written over since, and its digest would name what did not answer.

    Args:
        name: Of a model, `local:BASE+ADAPTER`.

    Returns:
        kind, name and digest, as a child names its parent.
    """
    if not name.startswith(_LOCAL):
        return None
    try:
        files = local_files(name.removeprefix(_LOCAL), name=name)
    except XinhengError:
        return None
    folder = (files.adapter or files.base).resolve()
    above = map(_opened, [folder, *folder.parents][:_ABOVE])
    return next((made.link() for made in above if made is not None and _holds(made, folder)), None)


def _opened(folder: Path) -> Artifact | None:
    try:
        return open_artifact(folder) if (folder / MANIFEST).is_file() else None
    except XinhengError:
        return None


def _holds(made: Artifact, folder: Path) -> bool:
    """Whether an artifact's manifest lists all weights of a folder in it, by their SHA-256."""
    if not isinstance(made.path, Path):
        return False
    listed = {name: entry["sha256"] for name, entry in made.manifest["files"].items()}
    named = {path: path.relative_to(made.path.resolve()).as_posix() for path in weights(folder)}
    return bool(named) and all(listed.get(name) == file_sha256(path) for path, name in named.items())
