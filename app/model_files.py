"""Folders of models and adapters as artifacts: where one may be written, what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from xinheng.artifacts import Artifact, file_sha256, open_artifact
from xinheng.errors import ArtifactError, UsageError

_FILE: Final = {"name": pl.String(), "bytes": pl.Int64(), "sha256": pl.String()}


def require_place(out: Path, *, besides: Sequence[Path]) -> None:
    """Raise where the work would end in a folder that may not be replaced: better before than after it.

    Args:
        out: Where it goes.
        besides: What it is made from.

    Raises:
        UsageError: It is one of these, or within.
        ArtifactError: Something lies there that is no artifact.
    """
    for other in besides:
        if other.exists() and (out.resolve() == other.resolve() or other.resolve() in out.resolve().parents):
            raise UsageError(str(out), "is or lies in what it is made from", mend="Choose another --out.")
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or artifact_in(out))):
        raise ArtifactError(
            str(out), "in the way", want="no folder, an empty one or an artifact", mend="Choose another --out."
        )


def artifact_in(folder: Path) -> Artifact | None:
    """The artifact in a folder; None where there is none."""
    try:
        return open_artifact(folder)
    except ArtifactError:
        return None


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a folder by name, in the order of their names."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}


def file_table(files: Mapping[str, Path]) -> pl.DataFrame:
    """Name, bytes and SHA-256 of files."""
    rows = [(name, path.stat().st_size, file_sha256(path)) for name, path in files.items()]
    return pl.DataFrame(rows, schema=_FILE, orient="row")
