"""The page that a reviewer reads before anything is published: a sample of rows by id, kept on this machine."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.facts import dataset_table
from reports.review import review
from xinheng.artifacts import Artifact, readable_write_errors
from xinheng.errors import UsageError, WriteError
from xinheng.settings import settings
from xinheng.tables import KEYS

SAMPLE: Final = 40


def require_place(out: Path | None) -> None:
    """Nothing, unless the page could not be written; known before a publication is made, and nothing is made for it.

    Raises:
        UsageError: The runs folder lies in the publication.
        WriteError: Nothing may be written there.
    """
    if (folder := _folder(out)) is None:
        return
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        have = "not writable" if there.is_dir() else "a file"
        mend = "Make it writable, or name another folder in XINHENG_RUNS; nothing was published."
        raise WriteError(str(folder), "no place for the reviewer's page", have=f"{there}: {have}", mend=mend)


def review_page(artifact: Artifact, *, out: Path | None, rows: int = SAMPLE) -> Path | None:
    """Write the page below the runs folder, readable by this user alone; None where that is in an object store.

    The sample is the same for the same artifact: rows with the smallest hashes of their ids, spread over the splits.

    Raises:
        UsageError: The runs folder lies in the publication.
    """
    import polars_hash

    if (folder := _folder(out)) is None:
        return None
    table = dataset_table(artifact)
    key = KEYS[table]
    ids = artifact.scan(table).select(key, "split", hash=polars_hash.col(key).chash.sha2_256()).collect()
    chosen = ids.sort("hash", key).group_by("split", maintain_order=True).head(rows // 3 + 1)
    sample = artifact.scan(table).filter(pl.col(key).is_in(chosen[key].to_list())).sort(key).collect()
    shown = [
        {"id": str(row[key]), "split": str(row["split"]), "texts": _texts(row)} for row in sample.iter_rows(named=True)
    ]
    name = re.sub(r"[^0-9A-Za-z_-]+", "-", str(artifact.manifest["name"]))
    file = folder / f"{name}-{artifact.digest[:12]}.html"
    text = review(str(artifact.manifest["name"]), artifact.digest, shown, of=ids.height)
    with readable_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    return file


def _folder(out: Path | None) -> Path | None:
    runs = settings().runs
    if not isinstance(runs, Path):
        return None
    if out is not None and runs.resolve().is_relative_to(out.resolve()):
        raise UsageError("publish", "the runs folder lies in --out", mend="Choose another --out.")
    return runs / "reviews"


_HIDDEN: Final = {"source", "licence", "origin", "split", "stratum"}


def _texts(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str))
        for name, value in row.items()
        if value is not None and name not in _HIDDEN
    ]
