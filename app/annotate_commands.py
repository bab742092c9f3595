"""Human rating on the command line: `xinheng annotate …`, its commands gathered from the files beside this one."""

from __future__ import annotations

import typer

from app import annotate_agreement_commands, annotate_plan_commands, annotate_push_commands, annotate_server_commands

annotate = typer.Typer(
    name="annotate",
    help="People rate answers in Argilla or in spreadsheets: plan, push, pull, agreement.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

annotate.command(epilog="Example: xinheng annotate plan runs/predictions/NAME --template plan --raters wang,li,chen")(
    annotate_plan_commands.plan
)
annotate.command(epilog="Example: xinheng annotate push runs/tasks/NAME")(annotate_push_commands.push)
annotate.command(epilog="Example: xinheng annotate status runs/tasks/NAME")(annotate_push_commands.status)
annotate.command(epilog="Example: xinheng annotate pull runs/tasks/NAME")(annotate_push_commands.pull)
annotate.command(epilog="Example: xinheng annotate adjudicate runs/ratings/NAME --raters chen")(
    annotate_push_commands.adjudicate
)
annotate.command(epilog="Example: xinheng annotate final runs/ratings/NAME --adjudicated runs/ratings/SECOND")(
    annotate_push_commands.final
)
annotate.command(epilog="Example: xinheng annotate serve --raters wang,li,chen")(annotate_server_commands.serve)
annotate.command(epilog="Example: xinheng annotate stop")(annotate_server_commands.stop)
annotate.command(epilog="Example: xinheng annotate users --add lin")(annotate_server_commands.users)
annotate.command(epilog="Example: xinheng annotate backup ratings.tar")(annotate_server_commands.backup)
annotate.command(epilog="Example: xinheng annotate restore ratings.tar")(annotate_server_commands.restore)
annotate.command(epilog="Example: xinheng annotate upgrade")(annotate_server_commands.upgrade)
annotate.command(epilog="Example: xinheng annotate agreement runs/ratings/NAME")(annotate_agreement_commands.agreement)
annotate.command(epilog="Example: xinheng annotate gate runs/ratings/NAME")(annotate_agreement_commands.gate)
annotate.command(epilog="Example: xinheng annotate pairs runs/ratings/NAME --margin 2")(
    annotate_agreement_commands.pairs
)
annotate.command(epilog="Example: xinheng annotate corrections runs/ratings/NAME --onto runs/datasets/mine")(
    annotate_agreement_commands.corrections
)
annotate.command(epilog="Example: xinheng annotate templates plan --language en")(annotate_plan_commands.templates)
annotate.command(epilog="Example: xinheng annotate sheets runs/tasks/NAME --out sheets")(annotate_plan_commands.sheets)
annotate.command(epilog="Example: xinheng annotate collect runs/tasks/NAME sheets")(annotate_plan_commands.collect)
