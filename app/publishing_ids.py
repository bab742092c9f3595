"""Ids in place of rows that may not be passed on, and the script that makes the rows again from their publishers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from curation.published_rows import write_rows
from curation.recipe import names
from xinheng.digests import row_digests
from xinheng.licence_sources import SOURCE_TERMS

# What is no text of a row, and what the card counts.
KEPT: Final = ("split", "language", "source", "licence", "published_split", "stratum", "subject")


def unrebuildable(rows: pl.LazyFrame, facts: Mapping[str, Any]) -> list[str]:
    """Why nobody else could make these rows again from ids; nothing where a stranger can.

    Ids of somebody's own files help nobody: they are offered only where the publishers' files, a recipe that comes
    with Xinheng and nothing that stays here give the same rows.

    Args:
        rows: With `source`.
        facts: Of the manifest.
    """
    found = rows.select(pl.col("source").unique().sort()).collect()["source"].to_list()
    own = [str(name) for name in found if name not in SOURCE_TERMS or not SOURCE_TERMS[name].published]
    recipe = (facts.get("recipe") or {}).get("name")
    reasons = [f"{', '.join(own)} {'are' if len(own) > 1 else 'is'} published nowhere"] if own else []
    reasons += [] if recipe in names() else ["its recipe does not come with Xinheng"]
    reasons += ["its vault stays here"] if facts.get("privacy") else []
    return reasons + (["the list of what was withdrawn stays here"] if facts.get("withdrawn") else [])


def id_files(files: Sequence[Path], counts: Mapping[str, int], folder: Path, *, key: str) -> None:
    """Write id, what is no text, and SHA-256 of each row, in the layout of rows."""

    def shaped(rows: pl.DataFrame) -> pl.DataFrame:
        kept = [name for name in KEPT if name in rows.columns and name != key]
        return rows.select(key, *kept).with_columns(row_digests(rows).alias("row_sha256"))

    write_rows(files, counts, folder, views={}, shape=shaped)


IDS_SCRIPT: Final = '''"""Make the rows of this publication again from their publishers; keep those listed here.

Wants Xinheng and the publishers' files (xinheng fetch SOURCE). Writes a folder beside this one.
"""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

from xinheng.artifacts import open_artifact
from xinheng.digests import row_digests

here = Path(__file__).resolve().parent
lock = json.loads((here / "provenance" / "lock.json").read_text(encoding="utf-8"))
ids = pl.read_parquet(sorted((here / "data").glob("*.parquet")), columns=["row_sha256"])["row_sha256"]
made = here.with_name(f"{here.name}-rebuilt")
out = here.with_name(f"{made.name}.parquet")
done = subprocess.run([sys.executable, "-m", "app.cli", "rerun", str(here), "--out", str(made)], check=False)
if done.returncode == 2:
    sys.exit(2)
rows = open_artifact(made).scan(lock["table"]).collect()
rows = rows.filter(row_digests(rows).is_in(ids.implode()))
rows.write_parquet(out)
print(f"{rows.height} of {ids.len()} rows are here again: {out}")
sys.exit(0 if rows.height == ids.len() else 1)
'''
