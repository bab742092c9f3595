"""What a person sees of IMHI's scores: a table per reader, one of explanations, and published figures beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from app.scored_runs import answers_line
from app.terminal import Terminal
from benchmarks.imhi_labels import set_name
from benchmarks.published import published
from xinheng.artifacts import Artifact


def show(terminal: Terminal, predictions: Artifact, scores: Artifact) -> None:
    """The sets with floor, figures by each reader, intervals and invalid answers; what is published; where it lies."""
    summary = scores.scan("summary").collect()
    for table in (*tables(summary), *published_tables(summary)):
        terminal.line()
        terminal.line(table.title)
        terminal.table(table.header, table.rows, right=tuple(range(1, len(table.header))))
    facts = scores.manifest["facts"]
    counts = facts["record"]["counts"]
    terminal.line(f"\n{answers_line(counts)}")
    terminal.line(f"predictions  {predictions.path}  {predictions.digest[:12]}")
    terminal.line(f"scores       {scores.path}  {scores.digest[:12]}")
    terminal.line(f"next         xinheng leaderboard {scores.path} --out site")
    terminal.line(f"             xinheng compare {scores.path} OTHER_SCORES")
    terminal.result(
        {
            "predictions": str(predictions.path),
            "path": str(scores.path),
            "digest": scores.digest,
            "system": facts["system"],
            "scorers": facts["scorers"],
            "record": facts["record"],
            "summary": summary.to_dicts(),
            "published": [
                {"system": row.system, "reader": row.reader, "source": row.source, "parts": dict(row.parts)}
                for row in published("imhi")
            ],
        }
    )


@dataclass(frozen=True)
class Table:
    """What the terminal shows under a title."""

    title: str
    header: list[str]
    rows: list[list[Any]] = field(default_factory=list)


def tables(summary: pl.DataFrame) -> list[Table]:
    """One table per reader, one for all measures of explanations.

    A set whose interval reaches down to the floor is marked: an answer that is always the same may do as well.
    """
    read = summary.filter(measure="weighted_f1")["scorer"].unique(maintain_order=True)
    made = []
    for scorer in read:
        of_scorer = summary.filter(scorer=scorer)
        rows = []
        for (part,), measures in of_scorer.group_by("part", maintain_order=True):
            by = {row["measure"]: row for row in measures.iter_rows(named=True)}
            f1, floor, invalid = by["weighted_f1"], by["floor_f1"], by["invalid_rate"]
            low = f1["low"] if f1["low"] is not None else f1["value"]
            mark = "" if low is None or floor["value"] is None or low > floor["value"] else "not above the floor"
            rows.append(
                [part, f1["n"], invalid["missing"], _number(f1["value"]), _interval(f1), _number(floor["value"]),
                 _number(by["accuracy"]["value"]), _number(by["macro_f1"]["value"]), mark]
            )  # fmt: skip
        header = ["set", "cases", "invalid", "weighted F1", "95 %", "floor", "accuracy", "macro F1", ""]
        made.append(Table(f"labels by {scorer}", header, rows))
    others = summary.filter(~pl.col("scorer").is_in(read.to_list()))
    if others.height:
        shown = [
            [row["part"], row["scorer"], row["n"], row["missing"], _number(row["value"], 4), _interval(row, 4)]
            for row in others.iter_rows(named=True)
        ]
        made.append(
            Table("answers held against the gold", ["set", "measure", "cases", "no value", "mean", "95 %"], shown)
        )
    return made


def published_tables(summary: pl.DataFrame) -> list[Table]:
    """Published figures of the sets that were scored, under the reader with which they can be compared."""
    parts = summary.filter(measure="weighted_f1")["part"].unique(maintain_order=True).to_list()
    rows = published("imhi")
    made = []
    for reader in dict.fromkeys(row.reader for row in rows if row.reader in set(summary["scorer"])):
        figures = [(row.system, {set_name(name): f1 for name, f1 in row.parts.items()}) for row in rows
                   if row.reader == reader and row.measure == "weighted_f1"]  # fmt: skip
        sets = [part for part in parts if any(part in of_sets for _, of_sets in figures)]
        if sets:
            shown = [[system, *(_number(of_sets.get(part)) for part in sets)] for system, of_sets in figures]
            made.append(
                Table(f"weighted F1 by {reader} as published, of whole test sets, not rerun", ["system", *sets], shown)
            )
    return made


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _interval(row: Mapping[str, Any], digits: int = 2) -> str:
    if row["low"] is None or row["high"] is None:
        return "none"
    return f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"
