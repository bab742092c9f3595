"""What a person sees of multiple-choice scores: ways of answering, subjects, letters, and the file to hand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.scored_runs import answers_line
from app.terminal import Terminal
from xinheng.artifacts import Artifact
from xinheng.estimate import Estimate

_TITLES: Final = {
    "generated": "generated",
    "likelihood": "likeliest letter",
    "likelihood_normalised": "likeliest text, per character",
}
# Measures of all questions, in the order shown.
_OTHERS: Final = {
    "macro_accuracy": "mean over subjects",
    "disagreement": "disagrees with the generated answer",
    "calibration_error": "calibration error",
    "captured": "probability of all letters together",
    "rotation_accuracy": "accuracy over rotations",
    "all_rotations_right": "right in all rotations",
    "recall_sd": "spread of the letters' recalls (SD x 100)",
    "debiased_accuracy": "accuracy without the liking for letters (PriDe)",
    "debiasing_gain": "gained by that",
}


def show(
    terminal: Terminal,
    predictions: Artifact,
    scores: Artifact,
    *,
    subjects: bool = False,
    handed_in: tuple[Path, int, Path] | None = None,
) -> None:
    """Accuracy by way of answering with intervals and invalid answers, the other measures, and where all lies."""
    summary = scores.scan("summary").collect()
    accuracy = summary.filter(measure="accuracy")
    header = ["answers", "questions", "accuracy", "95 %", "invalid or missing"]
    parts = ["all", *sorted(set(accuracy["part"]) - {"all"})] if subjects else ["all"]
    for part in parts:
        rows = [
            [_TITLES.get(row["scorer"], row["scorer"]), row["n"], number(row), interval(row), row["missing"]]
            for row in accuracy.filter(part=part).iter_rows(named=True)
        ]
        terminal.line(f"\n{part}")
        terminal.table(header, rows, right=(1, 2, 3, 4))
    several = summary["part"].n_unique() - 1 > 1
    more = [
        [_TITLES.get(row["scorer"], row["scorer"]), _OTHERS[row["measure"]] + _of_part(row), number(row), interval(row)]
        for row in summary.iter_rows(named=True)
        if row["measure"] in _OTHERS and (several or row["measure"] != "macro_accuracy")
    ]
    if more:
        terminal.line()
        terminal.table(["answers", "measure", "value", "95 %"], more, right=(2, 3))
    position = scores.scan("position").collect() if "position" in scores.manifest["tables"] else pl.DataFrame()
    if position.height:
        terminal.line("\nletters over all rotations")
        terminal.table(
            ["answers", "letter", "chosen", "is the answer", "found when it is", "prior"],
            [
                [_TITLES[row["scorer"]] + _of_part(row), row["letter"]]
                + [_share(row[name]) for name in ("chosen", "right_answer", "recall", "prior")]
                for row in position.iter_rows(named=True)
            ],
            right=(2, 3, 4, 5),
        )  # fmt: skip
    _places(terminal, predictions, scores, handed_in)
    terminal.result(
        {
            "predictions": str(predictions.path),
            "path": str(scores.path),
            "digest": scores.digest,
            "system": scores.manifest["facts"]["system"],
            "scorers": scores.manifest["facts"]["scorers"],
            "record": scores.manifest["facts"]["record"],
            "summary": summary.to_dicts(),
            "position": position.to_dicts(),
            "submission": None
            if handed_in is None
            else {"file": str(handed_in[0]), "filled": handed_in[1], "invalid": str(handed_in[2])},
        }
    )


def _places(
    terminal: Terminal, predictions: Artifact, scores: Artifact, handed_in: tuple[Path, int, Path] | None
) -> None:
    record = scores.manifest["facts"]["record"]
    terminal.line(f"\n{answers_line(record['counts'])}")
    if record["prompt"].get("rotations"):
        questions, turned = predictions.rows("choice"), scores.manifest["facts"].get("rotated", 0)
        left = "" if turned == questions else "; options of the others speak of each other, or nothing was told of them"
        terminal.line(f"{turned:,} of {questions:,} questions in all rotations{left}")
    terminal.line(f"predictions  {predictions.path}  {predictions.digest[:12]}")
    terminal.line(f"scores       {scores.path}  {scores.digest[:12]}")
    if handed_in is not None:
        terminal.line(f"to hand in   {handed_in[0]}")
        terminal.line(f"             {handed_in[1]:,} unreadable answers were filled by lot: {handed_in[2]}")
    terminal.line(f"next         xinheng leaderboard {scores.path} --out site")
    terminal.line(f"             xinheng compare {scores.path} OTHER_SCORES")


def show_estimates(terminal: Terminal, found: Mapping[str, Estimate]) -> None:
    """What answers take, and what likelihoods do, where a server has to be asked for these too."""
    for number, (name, one) in enumerate(found.items()):
        title = f"{_TITLES[name]}\n" if len(found) > 1 or name != "generated" else ""
        terminal.line(("\n" if number else "") + title + str(one))
    terminal.line("\nThe trial's answers are kept: the run begins with them. Leave --estimate out to start it.")
    terminal.result({{"generated": "all"}.get(name, name): asdict(one) for name, one in found.items()})


def number(row: dict[str, Any]) -> str:
    """A value, or why there is none."""
    if row["value"] is None:
        return f"– ({row['reason']})" if row["reason"] else "–"
    return f"{row['value']:.1f}" if row["measure"] == "recall_sd" else f"{row['value']:.4f}"


def interval(row: dict[str, Any]) -> str:
    """Its ends, where there are any."""
    if row["low"] is None or row["high"] is None:
        return "–"
    digits = 1 if row["measure"] == "recall_sd" else 4
    return f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"


def _of_part(row: dict[str, Any]) -> str:
    return "" if row["part"] == "all" else f", {row['part']}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
