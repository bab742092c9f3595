"""`xinheng bench technical` and `bench gates`: real requests to a server on loopback and to a tiny local model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.app.conftest import Run
from tests.servers.arbiter import handler
from tests.servers.fault_server import Server
from tests.servers.http import running
from xinheng.artifacts import open_artifact, verify

SAMPLE = "sample-statements"


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    heard: list[bytes] = []
    with running(handler(heard.append, wait_s=0.002)) as url:
        yield f"openai:warm@{url}/v1", heard


def test_wrong_use_and_scores_without_gates_are_readable(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    for more, says in (
        (("--concurrency", "1,zero"), "no such concurrency"),
        (("--concurrency", "2,2"), "each once"),
        (("--server-pid", "999999999"), "no process"),
    ):
        ran = run("bench", "technical", SAMPLE, "--model", server[0], *more)
        assert (ran.code, says in ran.err) == (2, True), ran.err
    assert server[1] == []
    assert run("predict", SAMPLE, "--model", server[0], "--split", "all", "--out", tmp_path / "p").code == 0
    ran = run("bench", "gates", tmp_path / "p")
    assert (ran.code, "no scores" in ran.err) == (2, True)


def test_every_request_is_sent_and_counted_also_what_the_journal_knows(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    assert run("predict", SAMPLE, "--model", server[0], "--split", "all", "--out", tmp_path / "p").code == 0
    before = len(server[1])
    arguments = ("bench", "technical", SAMPLE, "--split", "all", "--model", server[0], "--requests", "60",
                 "--concurrency", "1,4", "--repeats", "3", "--out", tmp_path / "t",
                 "--page", tmp_path / "t.html")  # fmt: skip
    ran = run(*arguments)
    assert ran.code == 0, ran.err
    made = open_artifact(tmp_path / "t")
    assert verify(made) == []
    timing = made.scan("timing").collect()
    cases = timing["case_id"].n_unique()
    assert timing.height == 2 * 60 + 3 * cases
    assert len(server[1]) - before == timing.height + 1, "and one to warm up"
    assert timing["first_token_s"].null_count() == 0
    assert (timing["first_token_s"] <= timing["latency_s"]).all()
    gates = {row["gate"]: row for row in made.manifest["facts"]["gates"]}
    assert gates["latency"]["verdict"] == "PASS"
    assert gates["memory"]["verdict"] == "UNDECIDED"
    assert "--server-pid" in gates["memory"]["reason"]
    assert gates["stability"]["more"] == 2995 - timing.height
    assert made.manifest["facts"]["steps"]["technical"]["now"]["requests"] == timing.height + 1
    summary = made.scan("summary").collect()
    assert summary.filter(pl.col("measure") == "repeat_identical")["value"].item() == 1
    assert "Speed and reliability" in (tmp_path / "t.html").read_text("utf-8")
    again = run("bench", "gates", tmp_path / "t", "--json", "--page", tmp_path / "g.html")
    assert again.code == 0, again.err
    assert [r["verdict"] for r in json.loads(again.out)["gates"]] == ["PASS", "UNDECIDED", "UNDECIDED"]
    assert run("bench", "gates", tmp_path / "t", tmp_path / "t").code == 2


def test_an_estimate_sends_nothing_and_a_spent_budget_keeps_nothing(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    arguments = (
        "bench",
        "technical",
        SAMPLE,
        "--model",
        server[0],
        "--requests",
        "20",
        "--repeats",
        "1",
        "--out",
        tmp_path / "t",
    )
    ran = run(*arguments, "--estimate")
    assert ran.code == 0
    assert "41 requests" in ran.out
    assert server[1] == []
    ran = run(*arguments, "--max-requests", "10")
    assert ran.code == 130
    assert "Half a measurement is none" in ran.err
    assert not (tmp_path / "t").exists()


def test_a_server_that_hangs_or_breaks_fails_its_gates(run: Run, tmp_path: Path) -> None:
    with running(Server()) as url:
        ran = run("bench", "technical", SAMPLE, "--model", f"openai:hang@{url}/v1", "--timeout", "0.05",
                  "--requests", "60",
                  "--concurrency", "10", "--warmups", "0", "--repeats", "1", "--out", tmp_path / "t")  # fmt: skip
    assert ran.code == 0, ran.err
    timing = open_artifact(tmp_path / "t").scan("timing").collect()
    assert set(timing["problem"]) == {"timeout"}
    assert timing["latency_s"].null_count() == 60
    failed = run("bench", "gates", tmp_path / "t", "--json")
    assert failed.code == 1
    told = {r["gate"]: r["verdict"] for r in json.loads(failed.out)["gates"]}
    assert told == {"latency": "FAIL", "memory": "UNDECIDED", "stability": "FAIL"}


def test_a_tiny_local_model_is_measured_with_its_memory(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.servers.tiny_model import write

    model = write(tmp_path / "tiny")
    ran = run("bench", "technical", SAMPLE, "--model", f"local:{model}", "--requests", "3", "--concurrency", "1,2",
              "--repeats", "2", "--answer-tokens", "4", "--out", tmp_path / "t")  # fmt: skip
    assert ran.code == 0, ran.err
    made = open_artifact(tmp_path / "t")
    assert made.manifest["facts"]["peaks_bytes"]["process"] > 10**8
    gates = {row["gate"]: row["verdict"] for row in made.manifest["facts"]["gates"]}
    assert gates == {"latency": "UNDECIDED", "memory": "PASS", "stability": "UNDECIDED"}
