"""`xinheng annotate plan`, `templates`, `sheets` and `collect`: tasks drawn, given out as sheets, and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Limit, Out


def plan(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="FROM…",
            help="Predictions of one or more systems on the same cases, or a dataset of dialogues.",
        ),
    ],
    *,
    template: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="What is asked: see `xinheng annotate templates`; or a TOML file."),
    ] = "plan",
    raters: Annotated[str, typer.Option(metavar="A,B,C", help="Who rates, by short names: a-z, 0-9, - and _.")],
    items: Annotated[int, typer.Option(min=1, help="Dialogues to draw; each system's answer to one is an item.")] = 50,
    per_item: Annotated[
        int | None, typer.Option(min=1, help="Raters of each item; three (or all, if fewer) by default.")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(min=0, help="Items shown a second time, later, to the same raters; a tenth by default."),
    ] = None,
    gold: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON Lines with items whose answers are known; for all raters.")
    ] = None,
    stratify: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="Draw in proportion to these; '' for none.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of a dataset of dialogues: train, validation or test.")] = None,
    language: Annotated[
        str | None, typer.Option(help="zh-Hant or en: of guidelines and questions; that of the items by default.")
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(metavar="SCORES", help="A judge's scores, kept beside the items where no rater sees them; again."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the task, as servers and sheets show it.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw, sides, names and orders.")] = 0,
    limit: Limit = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Another task that stands there; raters may have it.")
    ] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Draw a blind rating task: sample, questions, balanced assignment, planted items, and what n can show."""
    from app import annotating_plan, annotating_plan_shown
    from app.annotating_pool import Wanted
    from app.terminal import Terminal
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    wanted = Wanted(
        tuple(places),
        template,
        tuple(part.strip() for part in raters.split(",") if part.strip()),
        items=items,
        per_item=per_item,
        repeats=repeats,
        gold=gold,
        stratify=None if stratify is None else tuple(part.strip() for part in stratify.split(",") if part.strip()),
        split=split,
        language=language,
        scores=tuple(scores or ()),
        name=name,
        seed=seed,
        limit=limit,
        replace=replace,
    )
    with terminal.busy("drawing a task"):
        made = annotating_plan.plan(wanted, out=None if out is None else place_of(out), say=terminal.say)
    annotating_plan_shown.show(terminal, made)


def templates(
    name: Annotated[str | None, typer.Argument(metavar="NAME|FILE", help="One of them, with its guidelines.")] = None,
    *,
    language: Annotated[str, typer.Option(help="zh-Hant or en.")] = "zh-Hant",
    json: Json = False,
) -> None:
    """List what raters can be asked, or show one template's questions and guidelines."""
    from app import annotating_plan_shown
    from app.terminal import Terminal

    annotating_plan_shown.show_templates(Terminal(as_json=json), name, language)


def sheets(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What `xinheng annotate plan` made.")],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files are written; none there is replaced.")],
    csv: Annotated[bool, typer.Option("--csv", help="CSV files in place of workbooks.")] = False,
    json: Json = False,
) -> None:
    """Write a workbook (or CSV file) for each rater: guidelines, texts, and cells to answer in; no server needed."""
    from app import annotating_sheets
    from app.terminal import Terminal
    from xinheng.storage import place_of

    annotating_sheets.sheets(place_of(task), out, Terminal(as_json=json), as_csv=csv)


def collect(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What the sheets were made of.")],
    files: Annotated[list[Path], typer.Argument(metavar="DIR|FILES…", help="What raters sent back.")],
    *,
    out: Out = None,
    json: Json = False,
) -> None:
    """Read raters' sheets back as ratings; what cannot be read is named by rater, row and column, the rest is kept."""
    from app import annotating_sheets
    from app.terminal import Terminal
    from xinheng.storage import place_of

    annotating_sheets.collect(
        place_of(task), files, Terminal(as_json=json), out=None if out is None else place_of(out)
    )  # fmt: skip
