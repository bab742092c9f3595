"""Every request counts, repeats agree or do not, and gates wait for enough of them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from benchmarks.estimates import Estimate
from benchmarks.plan_gates import judged
from benchmarks.plan_gates import technical as gate_rows
from benchmarks.scored import summary_row, summary_table
from benchmarks.technical import TIMING, gates, latencies, measures, memory, repeated, rows


def timing(*told: tuple[int, int, float | None, str | None, str], cases: int = 0) -> pl.DataFrame:
    """(concurrency, repeat, latency, problem, text) per request; cases count up within a repeat."""
    made, seen = [], dict[tuple[int, int], int]()
    for number, (level, run, latency, problem, text) in enumerate(told):
        seen[level, run] = seen.get((level, run), -1) + 1
        made.append(
            {"number": number, "case_id": f"c{seen[level, run] % (cases or 10**6)}", "concurrency": level,
             "repeat": run, "began_s": 0.0, "latency_s": latency,
             "first_token_s": None if latency is None else latency / 2,
             "input_tokens": 9, "output_tokens": 5, "problem": problem, "detail": None, "text_sha256": text}
        )  # fmt: skip
    return pl.DataFrame(made, schema=dict(TIMING))


def of(found: list[tuple[str, str, Estimate]], part: str, measure: str) -> Estimate:
    return next(e for p, m, e in found if (p, m) == (part, measure))


def test_no_request_at_all_decides_nothing() -> None:
    assert {g.verdict.value for g in gates(timing(), [math.nan]).values()} == {"UNDECIDED"}


def test_a_failed_request_took_for_ever_whatever_its_clock_said() -> None:
    table = timing((1, 0, 0.1, None, "x"), (1, 0, 0.2, "timeout", ""), (1, 0, None, "unavailable", ""),
                   (1, 0, 0.3, "cut", "y"))  # fmt: skip
    assert latencies(table).tolist() == [0.1, math.inf, math.inf, 0.3]
    found = measures(table, {1: 2.0})
    p95 = of(found, "concurrency 1", "latency_p95_s")
    assert p95.value is None
    assert "2 of 4" in p95.reason
    assert of(found, "concurrency 1", "latency_p50_s").value == 0.3
    assert of(found, "all", "error_rate").value == 0.5
    assert of(found, "concurrency 1", "requests_per_s").value == 1.0
    assert of(found, "concurrency 1", "output_tokens_per_s").value == 5.0


def test_fewer_than_59_requests_bound_no_95th_percentile_from_above() -> None:
    for n, bounded in ((58, False), (59, True)):
        found = measures(timing(*[(1, 0, 0.1 + i / 1000, None, "x") for i in range(n)]), {1: 1.0})
        assert (of(found, "concurrency 1", "latency_p95_s").high is not None) == bounded


def test_a_server_that_streams_or_counts_nothing_has_no_such_figures() -> None:
    table = timing((1, 0, 0.1, None, "x")).with_columns(
        first_token_s=pl.lit(None, pl.Float64), output_tokens=pl.lit(None, pl.Int64)
    )
    found = measures(table, {1: 1.0})
    assert of(found, "concurrency 1", "first_token_p50_s").value is None
    assert of(found, "concurrency 1", "output_tokens_per_s").value is None


def test_repeats_agree_by_case_and_failures_agree_with_nothing() -> None:
    runs = {1: "abcd", 2: "abcx", 3: "abyy"}
    table = timing(*[(1, run, 0.1, None, c) for run, texts in runs.items() for c in texts], cases=4)
    found = dict(repeated(table))
    assert found["repeat_identical"].value == 0.5
    # Runs 1-2 agree on 3 of 4, 1-3 and 2-3 on 2.
    assert found["repeat_agreement"].value == pytest.approx((0.75 + 0.5 + 0.5) / 3)
    assert found["repeat_agreement_sd"].value == pytest.approx(np.std([0.625, 0.625, 0.5], ddof=1))
    assert found["repeat_latency_p50_sd_s"].value == pytest.approx(0)
    lost = timing(*[(1, run, None, "timeout", "same") for run in (1, 2) for _ in range(3)], cases=3)
    assert dict(repeated(lost))["repeat_identical"].value == 0
    assert dict(repeated(lost))["repeat_latency_p50_sd_s"].value is None
    assert dict(repeated(timing((1, 1, 0.1, None, "a"))))["repeat_agreement"].value is None


def test_the_gates_of_the_plan() -> None:
    quick = timing(*[(1, 0, 0.2, None, "x")] * 60, *[(8, 0, 3.0, None, "x")] * 60)
    found = gates(quick, [7.9e9])
    assert {name: g.verdict.value for name, g in found.items()} == {
        "latency": "PASS", "memory": "PASS", "stability": "UNDECIDED",
    }  # fmt: skip
    assert found["stability"].more == 2995 - 120
    slow = gates(timing(*[(1, 0, 2.0, None, "x")] * 200), [8e9])
    assert {slow["latency"].verdict.value, slow["memory"].verdict.value} == {"FAIL"}
    broken = gates(timing(*[(1, 0, 0.1, None, "x")] * 50, *[(1, 0, None, "timeout", "")] * 50), [math.nan])
    assert {broken["latency"].verdict.value, broken["stability"].verdict.value} == {"FAIL"}
    assert broken["memory"].verdict.value == "UNDECIDED"
    (row,) = (r for r in gate_rows(broken, "s") if r["gate"] == "latency")
    assert (row["value"], row["high"]) == (None, None), "an infinite percentile is no JSON number"


def test_summary_rows_name_each_figure_once() -> None:
    table = timing(*[(level, 0, 0.1, None, "x") for level in (1, 4) for _ in range(3)])
    made = summary_table(rows(measures(table, {1: 1.0, 4: 1.0}) + [("all", *m) for m in memory({"process": 1e9})], "s"))
    assert not made.select("part", "measure").is_duplicated().any()
    assert made.filter(pl.col("measure") == "memory_process_gb")["value"].item() == 1.0


def test_judged_and_human_gates_are_found_by_their_names_alone() -> None:
    def row(
        benchmark: str, measure: str, value: float, low: float, high: float, part: str = "all"
    ) -> dict[str, object]:
        e = Estimate(value, low, high, n=50)
        return summary_row(e, benchmark=benchmark, part=part, measure=measure, scorer="j", system="s")

    told = summary_table(
        [
            row("judge/plan", "relevance_normalised", 0.9, 0.85, 0.95),
            row("judge/plan", "empathy_normalised", 0.7, 0.65, 0.74),
            row("judge/plan", "actionability_normalised", 0.72, 0.65, 0.8),
            row("judge/plan", "coherence_normalised", 0.2, 0.1, 0.3),
            row("judge/plan", "relevance", 4.6, 4.4, 4.8),
            row("judge/empathy", "empathy_normalised", 0.9, 0.85, 0.95),
            row("judge/plan", "relevance_normalised", 0.1, 0.05, 0.2, part="en"),
            row("human", "mean", 4.3, 4.1, 4.5),
        ]
    )
    found = {r["gate"]: (r["verdict"], r["more"]) for r in judged(told)}
    assert found == {
        "relevance": ("PASS", None), "empathy": ("FAIL", None), "actionability": ("UNDECIDED", 563),
        "human": ("PASS", None),
    }  # fmt: skip
