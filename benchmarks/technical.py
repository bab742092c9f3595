"""How fast, how steady and how large: latency, throughput, errors, memory, agreement over repeats, and their gates.

Every request counts: one that timed out or broke took for ever. Percentiles are by nearest rank, and their bounds come
from order statistics, so that below 59 requests nothing bounds a 95th percentile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.gates import GB, Gate, latency_gate, memory_gate, quantile_bound, stability_gate
from benchmarks.intervals import clopper_pearson, mean
from benchmarks.scored import summary_row

BENCHMARK: Final = "technical"
SCORER: Final = "measured"
ALL: Final = "all"
# A server that gives none of these has answered, whatever it said.
FAILURES: Final = (
    "timeout",
    "unavailable",
    "malformed",
    "too_large",
    "unsupported",
    "overflow",
    "prompt_lost",
    "empty",
)
_SHARES: Final = (0.5, 0.95, 0.99)

# One real request. `repeat` is 0 in the measurement of speed, 1, 2, … in the repeats; `latency_s` is null where no
# answer came, `first_token_s` where nothing was streamed. `text_sha256` tells equal replies without their texts.
TIMING: Final[Mapping[str, pl.DataType]] = {
    "number": pl.UInt32(),
    "case_id": pl.String(),
    "concurrency": pl.UInt32(),
    "repeat": pl.UInt32(),
    "began_s": pl.Float64(),
    "latency_s": pl.Float64(),
    "first_token_s": pl.Float64(),
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "problem": pl.String(),
    "detail": pl.String(),
    "text_sha256": pl.String(),
}


def latencies(timing: pl.DataFrame, column: str = "latency_s") -> Floats:
    """Seconds of each request; infinite where none came."""
    failed = timing["problem"].is_in(FAILURES).fill_null(value=False).to_numpy()
    found = timing[column].to_numpy().astype(np.float64)
    return np.where(failed | np.isnan(found), np.inf, found)


def measures(timing: pl.DataFrame, wall_s: Mapping[int, float]) -> list[tuple[str, str, Estimate]]:
    """Part, measure and figure: latency, first token and errors by concurrency, throughput, and repeats.

    Args:
        timing: TIMING rows.
        wall_s: Concurrency to seconds from the first request of its block to the last answer.

    Returns:
        Parts are `concurrency N`, and `all` for the errors of all requests and the repeats.
    """
    found: list[tuple[str, str, Estimate]] = []
    fast = timing.filter(pl.col("repeat") == 0)
    for (level,), rows in fast.group_by("concurrency", maintain_order=True):
        found += [(f"concurrency {level}", name, e) for name, e in _speed(rows, wall_s.get(int(str(level))))]
    failed = int(timing["problem"].is_in(FAILURES).fill_null(value=False).sum())
    found.append((ALL, "error_rate", clopper_pearson(failed, timing.height)))
    found += [(ALL, name, e) for name, e in repeated(timing.filter(pl.col("repeat") > 0))]
    return found


def _speed(rows: pl.DataFrame, wall_s: float | None) -> list[tuple[str, Estimate]]:
    """One level of concurrency."""
    found: list[tuple[str, Estimate]] = []
    seconds = latencies(rows)
    streamed = rows["first_token_s"].null_count() < rows.height
    for share in _SHARES:
        name = f"{100 * share:.0f}"
        found.append((f"latency_p{name}_s", _finite(quantile_bound(seconds, share))))
        first = quantile_bound(latencies(rows, "first_token_s"), share) if streamed else undefined("nothing streamed")
        found.append((f"first_token_p{name}_s", _finite(first)))
    failed = int(rows["problem"].is_in(FAILURES).fill_null(value=False).sum())
    found.append(("error_rate", clopper_pearson(failed, rows.height)))
    answered = rows.filter(~pl.col("problem").is_in(FAILURES).fill_null(value=False))
    found.append(("requests_per_s", _rate(answered.height, wall_s, rows.height)))
    tokens = answered["output_tokens"]
    untold = tokens.null_count() or not answered.height
    rate = undefined("the server does not count tokens", n=rows.height)
    found.append(("output_tokens_per_s", rate if untold else _rate(int(tokens.sum()), wall_s, rows.height)))
    return found


def _rate(count: int, wall_s: float | None, n: int) -> Estimate:
    if not wall_s:
        return undefined("no time was taken", n=n)
    return Estimate(count / wall_s, n=n, reason="one block has one rate: no interval", method="count over wall time")


def _finite(e: Estimate) -> Estimate:
    """A percentile as a table can hold it: an infinite one is no number, and says why."""
    value, low, high = (None if v is None or math.isinf(v) else v for v in (e.value, e.low, e.high))
    if e.value is not None and value is None:
        why = f"infinite: {e.missing:,} of {e.n:,} requests were never answered"
        return Estimate(None, low, None, n=e.n, missing=e.missing, reason=why, method=e.method)
    reason = e.reason or ("its upper bound is infinite" if e.high is not None and high is None else "")
    return Estimate(value, low, high, n=e.n, missing=e.missing, reason=reason, method=e.method)


def repeated(timing: pl.DataFrame) -> list[tuple[str, Estimate]]:
    """How far the same questions get the same answers: share of cases whose replies are all equal, and agreement.

    `repeat_agreement` is the mean over pairs of runs of the share of equal replies, `…_sd` the sample standard
    deviation over runs of each run's agreement with the others. A failed request agrees with nothing.

    Args:
        timing: TIMING rows of the repeats, each case once per repeat.
    """
    runs = timing["repeat"].unique().sort().to_list()
    if len(runs) < 2:
        why = "fewer than two repeats"
        return [(name, undefined(why)) for name in ("repeat_identical", "repeat_agreement", "repeat_agreement_sd")]
    failed = pl.col("problem").is_in(FAILURES).fill_null(value=False)
    # A failure is unlike everything, itself of another run included.
    said = timing.with_columns(
        said=pl.when(failed).then(pl.format("{} {}", "number", "repeat")).otherwise("text_sha256")
    )
    table = said.pivot(on="repeat", index="case_id", values="said", maintain_order=True).drop("case_id")
    columns = [table[str(run)].to_list() for run in runs]
    equal = {
        (i, j): float(np.mean([a == b for a, b in zip(columns[i], columns[j], strict=True)]))
        for i, j in combinations(range(len(runs)), 2)
    }
    of_run = [np.mean([share for pair, share in equal.items() if i in pair]) for i in range(len(runs))]
    identical = [float(len(set(row)) == 1) for row in table.iter_rows()]
    spread = float(np.std(of_run, ddof=1))
    k, n = len(runs), table.height
    none = f"{k} runs: no interval"
    middle = [float(np.median(latencies(timing.filter(pl.col("repeat") == run)))) for run in runs]
    moved = float(np.std(middle, ddof=1)) if np.isfinite(middle).all() else None
    return [
        ("repeat_identical", mean(identical, bounds=(0, 1))),
        ("repeat_agreement", Estimate(float(np.mean(list(equal.values()))), n=n, reason=none, method=f"{k} runs")),
        ("repeat_agreement_sd", Estimate(spread, n=n, reason=none, method=f"sample SD over {k} runs")),
        ("repeat_latency_p50_sd_s", undefined("a run's median is infinite", n=n) if moved is None else
         Estimate(moved, n=n, reason=none, method=f"sample SD over {k} runs")),
    ]  # fmt: skip


def gates(
    timing: pl.DataFrame, peaks_bytes: Sequence[float], *, latency_s: float = 1.0, memory_gb: float = 8.0
) -> dict[str, Gate]:
    """The plan's three technical gates, from every request and every measured peak.

    The latency is that of the lowest concurrency: what one person waits for. Stability counts all requests.

    Args:
        timing: TIMING rows.
        peaks_bytes: Peak of each place where memory was measured; NaN where it could not be.
        latency_s: The 95th percentile must be below.
        memory_gb: Every peak must be below, GB of 10^9 bytes.
    """
    fast = timing.filter(pl.col("repeat") == 0)
    alone = fast.filter(pl.col("concurrency") == pl.col("concurrency").min())
    failed = int(timing["problem"].is_in(FAILURES).fill_null(value=False).sum())
    return {
        "latency": latency_gate(latencies(alone), threshold_s=latency_s),
        "memory": memory_gate(np.asarray(peaks_bytes, dtype=np.float64), threshold_gb=memory_gb),
        "stability": stability_gate(timing.height - failed, timing.height),
    }


def memory(peaks: Mapping[str, float | None]) -> list[tuple[str, Estimate]]:
    """Peaks in GB by the place where they were measured: `process`, `server`, `device`."""
    return [
        (f"memory_{name}_gb", undefined("not measured") if peak is None else
         Estimate(peak / GB, n=1, reason="one run: no interval", method="peak"))
        for name, peak in peaks.items()
    ]  # fmt: skip


def rows(found: Sequence[tuple[str, str, Estimate]], system: str) -> list[dict[str, Any]]:
    """SUMMARY rows of figures."""
    return [
        summary_row(e, benchmark=BENCHMARK, part=part, measure=name, scorer=SCORER, system=system)
        for part, name, e in found
    ]
