"""The commands that train: `xinheng plan`."""

from __future__ import annotations

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
