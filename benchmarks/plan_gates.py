"""The fine-tuning plan's gates, found in whatever summaries and timings there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from benchmarks.estimates import Estimate
from benchmarks.gates import Gate, verdict

# Measure of the plan's rubric (normalised, 0 to 1) to what it must be above; strict.
JUDGED: Final[Mapping[str, float]] = {"relevance": 0.8, "empathy": 0.75, "actionability": 0.7}
HUMAN: Final = 4.0
JUDGE: Final = "judge/plan"
RATED: Final = "human"
TECHNICAL: Final[Mapping[str, tuple[str, str]]] = {
    "latency": ("< 1 s", "s"),
    "memory": ("< 8 GB", "GB"),
    "stability": ("> 99.9%", "share"),
}
NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "relevance": {"en": "Relevance", "zh": "切題程度"},
    "empathy": {"en": "Empathy", "zh": "同理程度"},
    "actionability": {"en": "Actionability", "zh": "建議可行性"},
    "human": {"en": "Human rating", "zh": "人工評分"},
    "latency": {"en": "Latency, 95th percentile", "zh": "延遲第 95 百分位數"},
    "memory": {"en": "Peak memory", "zh": "記憶體尖峰"},
    "stability": {"en": "Requests answered", "zh": "請求成功率"},
}


def judged(summary: pl.DataFrame) -> list[dict[str, Any]]:
    """Gates of a summary's rows: the plan's rubric, and human ratings.

    Read are `relevance_normalised` and the like of the benchmark `judge/plan`, and `mean` of `human` (1 to 5), each for
    all cases.

    Args:
        summary: SUMMARY rows.
    """
    found = []
    for row in summary.iter_rows(named=True):
        name = row["measure"].removesuffix("_normalised")
        if row["part"] != "all":
            continue
        if row["benchmark"] == JUDGE and name in JUDGED and row["measure"].endswith("_normalised"):
            found.append(told(name, verdict(_estimate(row), JUDGED[name]), f"> {JUDGED[name]:g}", "", row))
        elif row["benchmark"] == RATED and row["measure"] == "mean":
            found.append(told("human", verdict(_estimate(row), HUMAN), f"> {HUMAN:.1f}", "", row))
    return found


def technical(found: Mapping[str, Gate], system: str) -> list[dict[str, Any]]:
    """Rows of `benchmarks.technical.gates`."""
    about = {"system": system, "scorer": "measured"}
    return [told(name, made, *TECHNICAL[name], about) for name, made in found.items()]


def told(name: str, made: Gate, threshold: str, unit: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """A gate as a row: JSON values, with an infinite figure as null."""
    e = made.estimate
    ends = {key: value if value is not None and abs(value) < 1e300 else None
            for key, value in (("value", e.value), ("low", e.low), ("high", e.high))}  # fmt: skip
    return {
        "gate": name, "system": about["system"], "scorer": about["scorer"], "verdict": made.verdict.value,
        "threshold": threshold, "unit": unit, **ends, "n": e.n, "missing": e.missing, "more": made.more,
        "reason": made.reason,
    }  # fmt: skip


def _estimate(row: Mapping[str, Any]) -> Estimate:
    return Estimate(
        row["value"], row["low"], row["high"], n=row["n"], missing=row["missing"], reason=row["reason"] or "",
        method=row["method"],
    )  # fmt: skip
