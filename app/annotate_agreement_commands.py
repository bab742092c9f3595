"""`xinheng annotate agreement`, `gate`, `pairs` and `corrections`: what ratings say, and where they flow on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Out

Given = Annotated[
    str,
    typer.Argument(metavar="RATINGS", help="Folder or s3:// address of ratings, or CSV, TSV, JSONL, Parquet."),
]
Task = Annotated[
    str | None, typer.Option("--task", metavar="TASK", help="Their rating task, where it lies elsewhere than it did.")
]
Scale = Annotated[str | None, typer.Option(metavar="LOW-HIGH", help="Of the grades of a plain table; 1-5 by default.")]
Resamples = Annotated[int, typer.Option(min=100, help="Of the bootstrap.")]
Seed = Annotated[int, typer.Option(help="Of the bootstrap.")]


def agreement(
    ratings: Given,
    *,
    page: Annotated[Path | None, typer.Option("--page", metavar="FILE", help="Copy the page here as well.")] = None,
    task: Task = None,
    scale: Scale = None,
    resamples: Resamples = 2000,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Say how far raters agree: every coefficient with its interval, severity, drift, checks, items to discuss."""
    from app import annotating_agreement as agreeing
    from app import annotating_human as human
    from app.annotating_agreement_shown import show
    from app.annotating_ratings import open_ratings, scale_of
    from app.terminal import Terminal
    from benchmarks.resampling import Bootstrap
    from xinheng.storage import place_of

    terminal, how = Terminal(as_json=json), Bootstrap(resamples, seed)
    opened = open_ratings(place_of(ratings), task=place_of(task) if task else None, scale=scale_of(scale))
    with terminal.busy("counting"):
        found = agreeing.agreement(opened, how=how)
        gates = human.all_gates(opened, how=how)
        place = place_of(out) if out else None
        made = agreeing.written(opened, found, out=place, how=how, gates=gates)
    if page is not None:
        agreeing.copy_page(made, page)
    show(terminal, made)


def gate(
    ratings: Given,
    *,
    task: Task = None,
    scale: Scale = None,
    resamples: Resamples = 2000,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Turn ratings into scores of systems: for the human gate, `compare` and leaderboards."""
    from app import annotating_human as human
    from app.annotating_ratings import open_ratings, scale_of
    from app.terminal import Terminal
    from benchmarks.resampling import Bootstrap
    from xinheng.storage import place_of

    opened = open_ratings(place_of(ratings), task=place_of(task) if task else None, scale=scale_of(scale))
    made = human.human_scores(opened, out=place_of(out) if out else None, how=Bootstrap(resamples, seed))
    human.show(Terminal(as_json=json), made)


def pairs(
    ratings: Given,
    *,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            "--predictions", metavar="PREDICTIONS", help="What was compared, where it lies elsewhere; may be repeated."
        ),
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="Which question says what is better; the one with left and right by default.")
    ] = None,
    margin: Annotated[int, typer.Option(min=1, help="By how many raters the better answer must lead.")] = 1,
    task: Task = None,
    seed: Annotated[int, typer.Option(help="Of the splits.")] = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Turn pairwise ratings into preference pairs to train on; ties, splits and close calls are left out."""
    from app import annotating_pairs as flow
    from app.annotating_ratings import open_ratings
    from app.terminal import Terminal
    from xinheng.storage import place_of

    opened = open_ratings(place_of(ratings), task=place_of(task) if task else None)
    made = flow.preference_pairs(
        opened,
        [place_of(one) for one in predictions or ()],
        question=question,
        margin=margin,
        seed=seed,
        out=place_of(out) if out else None,
    )
    flow.show(Terminal(as_json=json), made)


def corrections(
    ratings: Given,
    *,
    onto: Annotated[str, typer.Option("--onto", metavar="DATASET", help="The dialogues whose tags were looked at.")],
    final: Annotated[
        str | None,
        typer.Option("--final", metavar="FINAL", help="Adjudicated answers; else the majority of the raters decides."),
    ] = None,
    task: Task = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Put corrected tags into a new dataset, each change with who wanted it; the old dataset stays as it is."""
    from app import annotating_corrections as flow
    from app.annotating_ratings import open_ratings
    from app.terminal import Terminal
    from xinheng.storage import place_of

    opened = open_ratings(place_of(ratings), task=place_of(task) if task else None)
    made = flow.corrections(
        opened, place_of(onto), final=place_of(final) if final else None, out=place_of(out) if out else None
    )
    flow.show(Terminal(as_json=json), made)
