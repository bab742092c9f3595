"""The figures of a judged system, as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from app.generating import show_steps
from app.scored_runs import figure, with_interval
from app.terminal import Terminal
from xinheng.artifacts import Artifact


def show(terminal: Terminal, made: Sequence[Artifact]) -> None:
    """Means with intervals, gates, what could not be read, and what speaks for and against the judges."""
    for number, one in enumerate(made):
        facts = one.manifest["facts"]
        terminal.line(("\n" if number else "") + str(facts["system"]))
        summary = one.scan("summary").collect()
        terminal.table(
            ["measure", "scorer", "value [95 % interval]", "n", "missing", "note"],
            [
                [row["measure"], row["scorer"], with_interval(row), row["n"], row["missing"], row["reason"]]
                for row in summary.iter_rows(named=True)
            ],
            right=(3, 4),
        )
        _gates(terminal, facts["gates"])
        _missing(terminal, facts["missing"])
        _checks(terminal, facts["judge"])
    first = made[0].manifest["facts"]["judge"]
    _attacks(terminal, first.get("attacks"))
    terminal.line()
    show_steps(terminal, first["steps"])
    for one in made:
        terminal.line(f"scores  {one.path}  {one.digest[:12]}")
    places = " ".join(str(one.path) for one in made)
    terminal.line(f"next    xinheng bench validity {places} --human RATINGS")
    terminal.result([_as_json(one) for one in made])


def _as_json(made: Artifact) -> dict[str, Any]:
    rows = made.scan("summary").collect().to_dicts()
    return {"path": str(made.path), "digest": made.digest, **made.manifest["facts"], "summary": rows}


def _gates(terminal: Terminal, gates: Sequence[Mapping[str, Any]]) -> None:
    if not gates:
        return
    terminal.line()
    terminal.table(
        ["gate", "scorer", "above", "verdict", "more cases", "note"],
        [[g["measure"], g["scorer"], f"{g['above']:g}", g["verdict"], g["more"], g["reason"]] for g in gates],
        right=(2, 4),
    )


def _missing(terminal: Terminal, missing: Sequence[Mapping[str, Any]]) -> None:
    counts = pl.DataFrame(
        list(missing), schema={"scorer": pl.String, "measure": pl.String, "reason": pl.String, "n": pl.Int64}
    )
    if not counts.height:
        return
    # A reply that has no verdict lacks all measures: once is enough.
    most = counts.group_by("scorer", "reason").agg(pl.col("n").max()).sort("scorer", "reason")
    terminal.line()
    terminal.table(["no grade from", "why", "replies at most"], [list(row) for row in most.iter_rows()], right=(2,))


def _checks(terminal: Terminal, told: Mapping[str, Any]) -> None:
    if rows := told["constant"]:
        terminal.line()
        terminal.table(
            ["beside a fixed phrase", "scorer", "system", "phrase", "difference [95 % interval]", "n"],
            [
                [
                    r["measure"],
                    r["scorer"],
                    _mean(r["system_mean"]),
                    _mean(r["constant_mean"]),
                    with_interval(r),
                    r["n"],
                ]
                for r in rows
            ],
            right=(2, 3, 5),
        )
    named = (("equal_length", "at equal length", "scorer"), ("self_preference", "self-preference (0 to 1)", "judge"))
    for name, title, who in named:
        if rows := told[name]:
            terminal.line()
            terminal.table(
                [title, who, "value [95 % interval]", "n", "note"],
                [[r["measure"], r[who], with_interval(r), r["n"], r["reason"] or r["method"]] for r in rows],
                right=(3,),
            )
    if flagged := told["flagged"]:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in flagged.items())
        terminal.line(f"\nreplies with words that may be meant for the judge (table `flagged`): {kinds}")
    for warning in told["warnings"]:
        terminal.line(f"WARNING {warning}")


def _attacks(terminal: Terminal, told: Mapping[str, Any] | None) -> None:
    if told is None:
        return
    terminal.line(f"\n{told['planted']} attacks planted, {told['flagged']} of them flagged by the guard")
    terminal.table(
        ["judge", "attacks", "mean shift (0 to 1)", "share raised", "share lowered", "n", "unread"],
        [
            [r["judge"], r["family"], *(with_interval(r[kind]) for kind in ("shift", "raised")),
             figure(r["lowered"]["value"]), r["shift"]["n"], r["shift"]["missing"]]
            for r in told["effects"]
        ],
        right=(5, 6),
    )  # fmt: skip


def _mean(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
