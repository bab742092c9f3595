"""The figures of a scores artifact, as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from app.terminal import Terminal
from xinheng.artifacts import Artifact

# In this order a table shows measures, and others after them.
_FIRST: Final = ("weighted_f1", "accuracy", "macro_f1", "floor_f1", "invalid_rate")
_SHARES: Final = 1.0
_SHOWN_REASONS: Final = 5


def show(terminal: Terminal, made: Artifact) -> None:
    """Every measure of every part with interval and n, what could not be read, and where it lies."""
    facts, summary = made.manifest["facts"], made.scan("summary").collect()
    terminal.line(f"{facts['system']}")
    for (scorer,), rows in summary.group_by("scorer", maintain_order=True):
        terminal.line(f"\n{scorer}")
        table(terminal, rows)
    counts = facts["record"]["counts"]
    by = ", ".join(f"{scorer} {n:,}" for scorer, n in counts.get("invalid_by", {}).items())
    terminal.line(f"\n{answers_line(counts)}")
    terminal.line(f"not readable: {by or 'none'}")
    terminal.line(f"scores  {made.path}  {made.digest[:12]}")
    terminal.line(f"next    xinheng compare {made.path} OTHER")
    told = {"summary": summary.to_dicts(), "marks": made.marks}
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, **told})


def answers_line(counts: Mapping[str, int]) -> str:
    """How many answers there are, and of what kind those are that cannot be used.

    >>> answers_line({"n": 4, "refusals": 1, "problem_refused": 1, "problem_timeout": 2})
    '4 answers, 1 refused or filtered; without a usable one 3 (refused 1, timeout 2)'
    """
    problems = {name.removeprefix("problem_"): n for name, n in counts.items() if name.startswith("problem_")}
    kinds = ", ".join(f"{name} {n:,}" for name, n in problems.items())
    lost = f"; without a usable one {sum(problems.values()):,} ({kinds})" if problems else ""
    return f"{counts['n']:,} answers, {counts['refusals']:,} refused or filtered{lost}"


def table(terminal: Terminal, summary: pl.DataFrame) -> None:
    """SUMMARY rows of one scorer: a line per part, a column per measure, with intervals where there are any."""
    order = {name: place for place, name in enumerate(_FIRST)}
    measures = sorted(dict.fromkeys(summary["measure"]), key=lambda name: order.get(name, len(order)))
    cells = {(row["part"], row["measure"]): row for row in summary.iter_rows(named=True)}
    lines = []
    for part in dict.fromkeys(summary["part"]):
        found = [cells.get((part, measure)) for measure in measures]
        n = max(row["n"] for row in found if row is not None)
        lines.append([part, n, *("" if row is None else with_interval(row) for row in found)])
    terminal.table(["part", "n", *measures], lines, right=(1,))
    reasons = dict.fromkeys((r["measure"], r["reason"]) for r in summary.iter_rows(named=True) if r["reason"])
    for measure, reason in list(reasons)[:_SHOWN_REASONS]:
        terminal.line(f"{measure}: {reason}")


def figure(value: float | None) -> str:
    """A figure with as many digits as say something: percentages with two, shares with four.

    >>> figure(56.234), figure(0.12345), figure(None), figure(-1e-17)
    ('56.23', '0.1235', 'undefined', '0.0000')
    """
    if value is None:
        return "undefined"
    return f"{value:,.2f}" if abs(value) > _SHARES else f"{value:z.4f}"


def with_interval(row: Mapping[str, Any]) -> str:
    """A SUMMARY row's figure with its interval, where it has one.

    >>> with_interval({"value": 56.234, "low": 38.0, "high": 70.126})
    '56.23 [38.00, 70.13]'
    """
    if row["value"] is None or row["low"] is None or row["high"] is None:
        return figure(row["value"])
    return f"{figure(row['value'])} [{figure(row['low'])}, {figure(row['high'])}]"
