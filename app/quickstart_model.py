"""The quick start's second half: the small model tuned on the sample, asked before and after, and pages of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from app import leaderboard, planning, system_comparison, training_run
from app.model_flags import Flags
from app.scored_runs import figure
from app.terminal import Terminal
from training.recipe import load
from xinheng.artifacts import Artifact
from xinheng.storage import place_of

BASE: Final = "nano"
RECIPE: Final = "nano"
# Of an answer: a label and the beginning of a reason.
_POST_TOKENS: Final = 40
_CHOICE_TOKENS: Final = 12
_STATEMENTS: Final = 5
_STEP: Final = re.compile(r"step [\d,]+ of [\d,]+: loss")
_PACKAGES: Final = ("torch", "transformers", "peft", "trl", "accelerate", "aiohttp", "jsonschema")


class _Brief(Terminal):
    """Says losses of validation only."""

    def say(self, line: str) -> None:
        if not _STEP.match(line):
            super().say(line)


def lacking() -> list[str]:
    """Packages without which no model can be tuned and asked here."""
    return [name for name in _PACKAGES if find_spec(name) is None]


def tuned(datasets: Mapping[str, Artifact], out: Path, terminal: Terminal) -> dict[str, Any]:
    """For each dataset: plan, train, ask base and tuned model its test split, compare; then a leaderboard of all.

    Args:
        datasets: `posts` (cases) and `questions` (multiple choice).
        out: The folder for everything.
        terminal: Where to tell.
    """
    recipe = load(RECIPE)
    told: dict[str, Any] = {}
    for label, dataset in datasets.items():
        planned, _ = planning.planned(RECIPE, recipe, BASE, dataset, half=False)
        terminal.line(
            f"{label}: {planned.trainable:,} of {planned.total:,} weights to train, {planned.steps:,} steps, "
            f"{planned.memory.total / 2**20:,.0f} MiB"
        )
        adapter = training_run.trained(
            RECIPE, recipe, BASE, dataset, out=out / "adapters" / label, options=training_run.Options(),
            terminal=_Brief(),
        )  # fmt: skip
        with terminal.busy(f"{label}: asking {BASE} and the tuned model"):
            scores = {
                name: _ASK[label](dataset, spec, out / "runs" / f"{label}-{name}")
                for name, spec in (("tuned", f"local:{BASE}+{adapter.path}"), ("base", f"local:{BASE}"))
            }
            found = system_comparison.compare(scores["tuned"], scores["base"])
            page = out / f"{label}-before-after.html"
            system_comparison.write_page(found, page)
        told[label] = {"adapter": str(adapter.path), "page": str(page), "rows": found["rows"]}
    site = out / "leaderboard"
    with terminal.busy("leaderboard"):
        leaderboard.leaderboard([place_of(out / "runs")], out=site)
    return {**told, "leaderboard": str(site / "index.html")}


def show(told: Mapping[str, Any], terminal: Terminal) -> None:
    """Before and after with the interval of the difference, and where the pages are."""
    for label in _ASK:
        for row in told[label]["rows"]:
            if (row["part"], row["scorer"]) not in _TOLD[label]:
                continue
            between = "" if row["low"] is None else f", difference {figure(row['low'])} to {figure(row['high'])}"
            terminal.line(
                f"{label}: {row['measure']} before {figure(row['second'])}, after {figure(row['first'])} "
                f"({row['n']} asked{between}; reader {row['scorer']})"
            )
        terminal.line(f"  adapter  {told[label]['adapter']}")
        terminal.line(f"  page     {told[label]['page']}")
    terminal.line(f"leaderboard, beside published figures  {told['leaderboard']}")


def judged(model: str, out: Path, terminal: Terminal) -> str:
    """Staged against one-shot answers of a model to the sample's statements, judged by itself; gives the page.

    A judge of its own answers is no judge to trust.
    """
    from app import pairwise as comparing
    from app import pairwise_runs
    from app.pairwise_page import pairwise_page

    plan = comparing.Plan((model,), limit=_STATEMENTS)
    comparing.require_judges(plan)
    wanted = pairwise_runs.Wanted(
        ("sample-statements",), model=f"staged:{model}", against=(f"oneshot:{model}",), split=None, limit=_STATEMENTS
    )
    runs = pairwise_runs.runs_of(wanted, flags=Flags(), say=terminal.say)
    made = comparing.compare(runs, plan, out=place_of(out / "judged"), flags=Flags(), page=pairwise_page)
    return str(made.artifact.file(comparing.PAGE)) if isinstance(made, comparing.Compared) else ""


def _posts(dataset: Artifact, system: str, out: Path) -> Artifact:
    from app import bench_imhi, bench_imhi_scoring

    asking = bench_imhi.Asking(answer_tokens=_POST_TOKENS)
    made = bench_imhi.predicted(dataset, system, asking, out=place_of(out / "predictions"), flags=Flags())
    assert isinstance(made, Artifact)  # noqa: S101  an estimate is only given where it is asked for
    return bench_imhi_scoring.scores_of(made, bench_imhi_scoring.Reading(), out=place_of(out / "scores"))


def _questions(dataset: Artifact, system: str, out: Path) -> Artifact:
    from app import bench_mcq

    asking = bench_mcq.Asking(answer_tokens=_CHOICE_TOKENS)
    asked = bench_mcq.questions_of(dataset, asking)
    shots = bench_mcq.shots_of(dataset, asked, asking)
    made = bench_mcq.predicted(dataset, asked, system, asking, shots, flags=Flags(), out=place_of(out / "predictions"))
    assert isinstance(made, Artifact)  # noqa: S101  as above
    return bench_mcq.scores_of(made, out=place_of(out / "scores"))


_ASK: Final[Mapping[str, Callable[[Artifact, str, Path], Artifact]]] = {"posts": _posts, "questions": _questions}
# Which of a comparison's parts and readers is told.
_TOLD: Final = {"posts": {("dreaddit", "rule")}, "questions": {("all", "generated")}}
