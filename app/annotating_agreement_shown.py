"""The figures of raters' agreement, as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from app.annotating_agreement import PAGE
from app.leaderboard_runs import public
from app.terminal import Terminal
from xinheng.artifacts import Artifact


def show(terminal: Terminal, made: Artifact) -> None:
    """The chief figures by question, the raters, what to discuss, and where the page lies."""
    facts, counts = made.manifest["facts"], made.manifest["facts"]["counts"]
    left = ", ".join(f"{n:,} {what}" for what, n in counts["left_out"].items())
    terminal.line(
        f"{counts['items']:,} items of {counts['dialogues']:,} dialogues, {counts['raters']:,} raters, "
        f"{counts['answers']:,} submitted answers" + (f"; left out: {left}" if left else "")
    )
    summary = made.scan("summary").collect()
    _show_chief(terminal, summary)
    means = summary.filter(pl.col("measure") == "mean")
    if means.height:
        terminal.line()
        told = [[row["part"], public(row["system"]), _brief(row), row["n"]] for row in means.iter_rows(named=True)]
        terminal.table(["question", "system", "mean [95 % interval]", "n"], told, right=(3,))
    _show_gates(terminal, facts["gates"])
    disputed = made.scan("dispute").collect()
    n = disputed["item_id"].n_unique()
    terminal.line(f"\nto discuss: {n:,} items on which raters differ" + ("; widest first:" if n else ""))
    for item, question, said in disputed.head(5).select("item_id", "question", "said").iter_rows():
        terminal.line(f"  {item}  {question}  {said}")
    terminal.line(f"agreement  {made.path}  {made.digest[:12]}")
    terminal.line(f"page       {made.file(PAGE)}")
    terminal.line("next       xinheng annotate adjudicate, then final; or gate, pairs, corrections")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "summary": summary.to_dicts()})


def _show_chief(terminal: Terminal, summary: pl.DataFrame) -> None:
    """A line per question, or label of one: alpha, the coefficient beside it, exact agreement, overlap of marks."""
    cells = {(row["part"], row["measure"]): row for row in summary.iter_rows(named=True)}
    lines, silent = [], 0
    for part in dict.fromkeys(summary["part"]):
        graded = (part, "alpha_ordinal") in cells
        alpha = cells[part, "alpha_ordinal" if graded else "alpha_nominal"]
        if alpha["value"] is None and part != str(part).partition(": ")[0]:
            silent += 1
            continue
        named = ("gwet_ac2" if graded else "gwet_ac1", "exact_agreement", "overlap")
        others = [cells.get((part, name)) for name in named]
        shown = [_brief(row) if row is not None else "" for row in (alpha, *others)]
        lines.append([part, *shown, alpha["n"], alpha["reason"]])
    terminal.line()
    header = ["question", "alpha [95 % interval]", "AC1 or AC2", "all the same", "overlap", "n", "note"]
    kept = [i for i in range(len(header)) if i not in {4, 6} or any(line[i] for line in lines)]
    terminal.table([header[i] for i in kept], [[line[i] for i in kept] for line in lines], right=(kept.index(5),))
    if silent:
        terminal.line(f"without variation, so undefined: {silent:,} labels")


def _brief(row: Mapping[str, Any]) -> str:
    """A figure with its interval to two digits, so that the tables fit a terminal; the page has all of them."""
    value, low, high = (None if row[key] is None else f"{row[key]:z.2f}" for key in ("value", "low", "high"))
    told = value or "undefined"
    return told if low is None or high is None or value is None else f"{told} [{low}, {high}]"


def _show_gates(terminal: Terminal, gates: Sequence[Mapping[str, Any]]) -> None:
    for gate in gates:
        more = f"; about {gate['more']:,} more items would decide" if gate.get("more") else ""
        terminal.line(f"\n{public(gate['system'])}: mean of human ratings {gate['threshold']}: {gate['verdict']}{more}")
