"""`python -m tests.perf.leaderboard`: a leaderboard of a million made score rows; time and memory of the whole process.

Three shapes, each a million rows: 100 systems with right and wrong answers of cases that stand alone (McNemar), the
same with five cases to a post, and with grades (both: the bootstrap). XINHENG_PERF_SCORES chooses another size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.perf.__main__ import measure

ROWS = int(os.environ.get("XINHENG_PERF_SCORES", "1000000"))
SYSTEMS = 100
PARTS = 10
SHAPES = ("right and wrong", "five cases to a post", "grades")


def main() -> None:
    """Every shape from a process of its own."""
    for name, target, found in rows():
        print(f"{name:<58} {found['seconds']:>8.3f} s {found['peak_mb']:>9,} MB   target {target}", flush=True)


def rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, target, seconds and peak memory) of every shape."""
    xinheng = str(Path(sys.executable).with_name("xinheng"))
    for place, shape in enumerate(SHAPES):
        with tempfile.TemporaryDirectory() as folder:
            # In a process of its own: the peak of a child is at first that of its parent.
            command = [sys.executable, "-m", "tests.perf.leaderboard", folder, str(place)]
            subprocess.run(command, check=True)
            found = measure([xinheng, "leaderboard", f"{folder}/runs", "--out", f"{folder}/site"], runs=3)
            files = [file.stat().st_size for file in Path(folder, "site").rglob("*") if file.is_file()]
        note = f"{len(files):,} files, {sum(files) / 1e6:.0f} MB, the largest {max(files) / 1e6:.1f} MB"
        yield f"leaderboard, {ROWS:,} scores, {shape} ({note})", "10 s", found


def plant(folder: Path, shape: str) -> None:
    """The runs of one shape."""
    from benchmarks.scored import summary_table
    from xinheng.artifacts import write
    from xinheng.tables import SCORE

    cases = ROWS // SYSTEMS
    part = [f"set {i % PARTS}" for i in range(cases)]
    ids = [f"case-{i:07}" for i in range(cases)]
    groups = [f"post-{i // PARTS // 5}-{i % PARTS}" for i in range(cases)] if shape == SHAPES[1] else ids
    for system in range(SYSTEMS):
        random = np.random.default_rng(system)
        right = random.random(cases) < 0.8 - system / 200
        value = np.round(random.normal(6, 1, cases), 2) if shape == SHAPES[2] else right.astype(np.float64)
        score = pl.DataFrame({
            "case_id": ids, "group_id": groups, "benchmark": "made", "part": part, "system": f"system {system}",
            "scorer": "rule", "value": value, "reason": pl.Series([None] * cases, dtype=pl.String),
        }).select(list(SCORE))  # fmt: skip
        figures = score.group_by("part").agg(pl.col("value").mean(), pl.len()).sort("part")
        told = [*figures.iter_rows(), ("all", float(value.mean()), cases)]
        names = {"benchmark": "made", "scorer": "rule", "system": f"system {system}", "reason": None, "method": ""}
        summary = summary_table([
            {**names, "part": p, "measure": m, "value": v, "low": v - 0.03, "high": v + 0.03, "n": n, "missing": 0}
            for p, v, n in told for m in ("accuracy", "macro_f1", "floor_accuracy")
        ])  # fmt: skip
        write(
            folder / "runs" / str(system), kind="scores", name="made-scores",
            tables={"score": score, "summary": summary}, facts={"system": f"system {system}", "data_digest": "d" * 64},
        )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        plant(Path(sys.argv[1]), SHAPES[int(sys.argv[2])])
