"""The page that a reviewer reads before anything is published: a sample of rows by id, kept on this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.facts import dataset_table
from reports.review import review
from xinheng.artifacts import Artifact, readable_write_errors
from xinheng.errors import UsageError
from xinheng.settings import settings
from xinheng.tables import KEYS

SAMPLE: Final = 40


def review_page(artifact: Artifact, *, out: Path | None, rows: int = SAMPLE) -> Path | None:
    """Write the page below the runs folder, readable by this user alone; None where that is in an object store.

    The sample is the same for the same artifact: rows with the smallest hashes of their ids, spread over the splits.

    Raises:
        UsageError: The runs folder lies in the publication.
    """
    import polars_hash

    runs = settings().runs
    if not isinstance(runs, Path):
        return None
    if out is not None and runs.resolve().is_relative_to(out.resolve()):
        raise UsageError("publish", "the runs folder lies in --out", mend="Choose another --out.")
    table = dataset_table(artifact)
    key = KEYS[table]
    ids = artifact.scan(table).select(key, "split", hash=polars_hash.col(key).chash.sha2_256()).collect()
    chosen = ids.sort("hash", key).group_by("split", maintain_order=True).head(rows // 3 + 1)
    sample = artifact.scan(table).filter(pl.col(key).is_in(chosen[key].to_list())).sort(key).collect()
    shown = [
        {"id": str(row[key]), "split": str(row["split"]), "texts": _texts(row)} for row in sample.iter_rows(named=True)
    ]
    name = re.sub(r"[^0-9A-Za-z_-]+", "-", str(artifact.manifest["name"]))
    file = runs / "reviews" / f"{name}-{artifact.digest[:12]}.html"
    text = review(str(artifact.manifest["name"]), artifact.digest, shown, of=ids.height)
    with readable_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    return file


_HIDDEN: Final = {"source", "licence", "origin", "split", "stratum"}


def _texts(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str))
        for name, value in row.items()
        if value is not None and name not in _HIDDEN
    ]
