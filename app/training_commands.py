"""The commands that train: `xinheng plan`, `xinheng train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json


def plan(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Its name, or a Python file with RECIPE.")],
    *,
    base: Annotated[str, typer.Option(metavar="NAME|PATH", help="The model that adapters are trained for.")],
    data: Annotated[str | None, typer.Option(metavar="DATASET", help="A dataset's folder, or a source's name.")] = None,
    processor: Annotated[bool, typer.Option("--cpu", help="Plan for a processor, in 32 bits.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Count only so many rows of it.")] = None,
    json: Json = False,
) -> None:
    """Tell what a training will take before anything is loaded: parameters, steps, memory, time, what fits."""
    from app import planning
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from training.recipe import load

    terminal, chosen = Terminal(as_json=json), load(recipe)
    dataset = resolve_source(data, say=terminal.say) if data is not None else None
    made, told = planning.planned(recipe, chosen, base, dataset, limit=limit, half=not processor)
    planning.show(terminal, made, told, chosen)


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Its name, or a Python file with RECIPE.")],
    *,
    base: Annotated[str, typer.Option(metavar="NAME|PATH", help="The model that adapters are trained for.")],
    data: Annotated[str, typer.Option(metavar="DATASET", help="A dataset's folder, or a source's name.")],
    trial: Annotated[
        float | None, typer.Option(min=0.001, max=1.0, help="End after this share of the steps: try 0.1 first.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last whole checkpoint.")] = False,
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Train on rows that hold a benchmark's cases; marked for good.")
    ] = False,
    allow_test_rows: Annotated[
        bool, typer.Option("--allow-test-rows", help="Train on rows of a published test set; marked for good.")
    ] = False,
    allow_unlicensed: Annotated[
        bool, typer.Option("--allow-unlicensed", help="Train on rows without a licence.")
    ] = False,
    allow_failed_gate: Annotated[
        bool, typer.Option("--allow-failed-gate", help="Train on a dataset that failed its gate.")
    ] = False,
    allow_low_memory: Annotated[
        bool, typer.Option("--allow-low-memory", help="Begin although the plan says that it will not fit.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Take only so many rows of each split.")] = None,
    samples: Annotated[
        int, typer.Option(min=0, max=20, help="Rows that are answered at each evaluation, for the page.")
    ] = 2,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Of the adapter; one there is replaced.")] = None,
    json: Json = False,
) -> None:
    """Train adapters by a recipe: interrupted at any step, --resume goes on to the same end."""
    from app import training_run
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from training import distributed
    from training.load import on_gpu
    from training.recipe import load
    from xinheng.marks import CONTAMINATED, TEST_ROWS
    from xinheng.settings import settings

    terminal, chosen = Terminal(as_json=json), load(recipe)
    distributed.start(cpu=not on_gpu())
    dataset = distributed.first_then_all(lambda: resolve_source(data, say=terminal.say))
    named = {
        CONTAMINATED: allow_contaminated,
        TEST_ROWS: allow_test_rows,
        training_run.UNLICENSED: allow_unlicensed,
        training_run.FAILED_GATE: allow_failed_gate,
        training_run.LOW_MEMORY: allow_low_memory,
    }
    options = training_run.Options(trial, resume, {name for name, yes in named.items() if yes}, limit, samples)
    where = out or Path(str(settings().runs)) / "adapters" / f"{dataset.manifest['name']}-{Path(recipe).stem}"
    made = training_run.trained(recipe, chosen, base, dataset, out=where, options=options, terminal=terminal)
    training_run.show(terminal, made)
