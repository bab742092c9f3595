"""`python -m tests.perf.publishing`: a million made dialogues published; time and memory of the whole process.

Twice: with the texts looked through for names (cold), and with what was found the time before (warm). Checked once.
XINHENG_PERF_PUBLISHED chooses another size.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from curation.split import certify
from tests.perf.__main__ import measure
from xinheng import artifacts
from xinheng.tables import DIALOGUE

ROWS = int(os.environ.get("XINHENG_PERF_PUBLISHED", "1000000"))
CLIENTS = 50_000
WORDS = [*"我最近睡不好覺得很累工作壓力大家人不理解每天都擔心明天的事也沒有胃口說想太多可是心裡"]


def main() -> None:
    """Make the dataset in a process of its own, publish it twice, check it."""
    xinheng = str(Path(sys.executable).with_name("xinheng"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XINHENG_RUNS"] = f"{folder}/runs"
        subprocess.run([sys.executable, "-m", "tests.perf.publishing", f"{folder}/made"], check=True)
        publish = [xinheng, "publish", f"{folder}/made", "--out", f"{folder}/p", "--accept", "published-texts"]
        # What was found the time before is forgotten first.
        checks = f"{folder}/runs/checks"
        forget = f"import os, shutil, sys; shutil.rmtree({checks!r}, True); os.execv(sys.argv[1], sys.argv[1:])"
        for name, target, command in (
            ("publish, cold", "120 s, 2,000 MB", [sys.executable, "-c", forget, *publish]),
            ("publish, warm", "", publish),
            ("publish --check", "", [xinheng, "publish", "--check", f"{folder}/p"]),
        ):
            found = measure(command, runs=1)
            said = f"{name}, {ROWS:,} dialogues"
            print(f"{said:<44} {found['seconds']:>8.1f} s {found['peak_mb']:>8,} MB   target {target}", flush=True)


def make(folder: Path) -> None:
    """The dataset, in one file as `curate` writes it."""
    frame = pl.concat([_rows(start, min(ROWS, start + 50_000)) for start in range(0, ROWS, 50_000)])
    certificate = certify(frame, key="dialogue_id", stratum=None, groups=["client_id"], seed=0)
    facts: dict[str, Any] = {
        "title": {"en": "Made", "zh": "自製"}, "table": "dialogue", "recipe": {"name": "tagged_dialogues", "steps": []},
        "rows": {"read": ROWS, "kept": ROWS, "dropped": 0}, "languages": {"zh-Hant": ROWS}, "seed": 0, "limit": None,
    }  # fmt: skip
    artifacts.write(
        folder, kind="dataset", name="made", tables={"dialogue": frame}, facts=facts,
        texts={"certificate.json": json.dumps(certificate)},
    )  # fmt: skip


def _rows(start: int, end: int) -> pl.DataFrame:
    draw = random.Random(start)
    return pl.DataFrame(
        {
            "dialogue_id": [f"d{i:07d}" for i in range(start, end)],
            "client_id": [f"c{i % CLIENTS}" for i in range(start, end)],
            "language": ["zh-Hant"] * (end - start),
            "topics": [["stress"]] * (end - start),
            "turns": [[_turn(role, draw) for role in ("client", "counsellor") * 2] for _ in range(start, end)],
            "source": ["sample"] * (end - start),
            "licence": ["CC0-1.0"] * (end - start),
            "origin": [f"made:{i}" for i in range(start, end)],
            "split": [("test" if i % CLIENTS % 10 == 9 else "train") for i in range(start, end)],
        },
        schema={**DIALOGUE, "split": pl.String},
    )


def _turn(role: str, draw: random.Random) -> dict[str, Any]:
    tags = [{"axis": "emotion", "value": "sad"}] if role == "client" else []
    return {"role": role, "text": "".join(draw.choices(WORDS, k=draw.randint(20, 50))), "tags": tags}


if __name__ == "__main__":
    make(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
