"""Human rating on the command line: `xinheng annotate …`, its commands gathered from the files beside this one."""

from __future__ import annotations

import typer

annotate = typer.Typer(
    name="annotate",
    help="People rate answers in Argilla or in spreadsheets: plan, push, pull, agreement.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
