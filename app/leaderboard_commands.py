"""The command `xinheng leaderboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json


def leaderboard(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUNS…", help="Scores artifacts, or folders (s3:// too) searched for them."),
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The site's folder; an older leaderboard is replaced.")],
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Show what was asked and replied in the sample cases.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="Of the site.")] = None,
    json: Json = False,
) -> None:
    """Make a static site of scored runs: tables with intervals and tests, and CSV and JSON beside them."""
    from app.leaderboard import leaderboard as made
    from app.leaderboard import show
    from app.terminal import Terminal
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    folder = local(out, "--out")
    with terminal.busy("gathering runs"):
        site = made([place_of(run) for run in runs], out=folder, with_text=with_text, title=title)
    show(terminal, site, folder)
