"""What scoring gives: a value per case, the measures over them, and what a benchmark adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from benchmarks.estimates import Estimate
from xinheng.tables import SCORE, SUMMARY, require


@dataclass(frozen=True)
class Scored:
    """Predictions, scored.

    Args:
        score: SCORE rows, one per case and scorer.
        summary: SUMMARY rows.
        more: Further tables that the benchmark keeps, such as the labels that were read.
        facts: Further facts for the manifest.
    """

    score: pl.DataFrame
    summary: pl.DataFrame
    more: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse tables of other columns."""
        require(self.score, SCORE, who="scores")
        require(self.summary, SUMMARY, who="summary")


def summary_row(
    estimate: Estimate, *, benchmark: str, part: str, measure: str, scorer: str, system: str
) -> dict[str, Any]:
    """A SUMMARY row of an estimate.

    Args:
        estimate: The measure, or why there is none.
        benchmark: Such as `imhi`.
        part: The set or subject; `all` for all of them together.
        measure: Such as `weighted_f1`.
        scorer: Who read or judged: `rule`, `upstream`, a judge's name.
        system: Who answered.
    """
    return {
        "benchmark": benchmark,
        "part": part,
        "measure": measure,
        "scorer": scorer,
        "system": system,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "missing": estimate.missing,
        "reason": estimate.reason or None,
        "method": estimate.method,
    }


def summary_table(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """SUMMARY rows as a table, in the order given."""
    return pl.DataFrame(list(rows), schema=SUMMARY)
