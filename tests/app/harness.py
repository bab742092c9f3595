"""What the tests of the harness share: small datasets, a slow server, and runs in processes that can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from xinheng.artifacts import Artifact, write
from xinheng.tables import CASE

XINHENG = Path(sys.executable).with_name("xinheng")
ROOT = Path(__file__).resolve().parents[2]
IMHI = ("predict", "imhi", "--form", "instruction")


def cases(n: int = 6, *, split: str | None = "test", **more: list[object]) -> pl.DataFrame:
    """CASE rows of two sets in turn."""
    rows = {
        "case_id": [f"c{i:03}" for i in range(n)],
        "group_id": [f"g{i // 2}" for i in range(n)],
        "benchmark": [f"imhi/{('DR', 'dreaddit')[i % 2]}" for i in range(n)],
        "form": ["instruction"] * n,
        "language": ["en"] * n,
        "messages": [[{"role": "user", "content": f"question {i}", "tags": []}] for i in range(n)],
        "reference": ["Yes, the poster suffers from it."] * n,
        "labels": [None] * n,
        "published_split": [split] * n,
        "source": ["imhi"] * n,
        "licence": ["MIT"] * n,
        "origin": [f"f:{i}" for i in range(n)],
        **more,
    }
    return pl.DataFrame(rows, schema=CASE)


def dataset(place: Path, frame: pl.DataFrame, table: str = "case", kind: str = "dataset") -> Artifact:
    return write(place, kind=kind, name="mine", tables={table: frame}, facts={"title": {"en": "m", "zh": "m"}})


@contextmanager
def slow_server(log: Path) -> Iterator[str]:
    """The address of a server in a process of its own, 20 ms per answer; it writes down what it is asked."""
    command = [sys.executable, "-m", "tests.servers.counsellor", "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            yield served.stdout.readline().strip()
        finally:
            served.kill()


def start(url: str, out: Path, shared_data: Path, *, limit: int = 60) -> subprocess.Popen[bytes]:
    arguments = [str(XINHENG), *IMHI, "--model", f"openai:slow@{url}/v1", "--limit", str(limit), "--at-once", "2"]
    environment = {**os.environ, "XINHENG_RUNS": str(out.parent), "XINHENG_DATA": str(shared_data)}
    out.parent.mkdir(exist_ok=True)
    with (out.parent / "said").open("a") as said:
        return subprocess.Popen(
            [*arguments, "--out", str(out)], env=environment, stdout=subprocess.DEVNULL, stderr=said
        )


def lines(log: Path) -> list[bytes]:
    return log.read_bytes().splitlines() if log.exists() else []


def stopped(process: subprocess.Popen[bytes], log: Path, after: int, how: signal.Signals) -> int:
    """How a run ends that is stopped after so many questions."""
    while process.poll() is None and len(lines(log)) < after:
        time.sleep(0.005)
    process.send_signal(how)
    return process.wait()
