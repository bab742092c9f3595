"""`xinheng bench …`: benchmarks that ask a model and score what it answers, one command each."""

from __future__ import annotations

import typer

from app import (
    bench_imhi_commands,
    bench_judge_commands,
    bench_mcq_commands,
    bench_pairwise_commands,
    bench_technical_commands,
)

bench = typer.Typer(
    help="Ask a model a benchmark's cases, score the answers and print the figures with their intervals.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@bench.callback()
def benchmarks() -> None:
    """Ask a model a benchmark's cases, score the answers and print the figures with their intervals."""


# Each benchmark has its commands in a file of its own, and a line here:
bench.command(epilog="Example: xinheng bench imhi imhi --model ollama:phi4 --limit 3")(bench_imhi_commands.imhi)
bench.command(epilog="Example: xinheng bench judge runs/predictions/NAME --rubric plan --judge ollama:phi4 --limit 3")(
    bench_judge_commands.judge
)
bench.command(epilog="Example: xinheng bench validity runs/scores/NAME --human ratings.csv")(
    bench_judge_commands.validity
)
bench.command(epilog="Example: xinheng bench rubrics plan --language zh-Hant")(bench_judge_commands.rubrics)
bench.command(epilog=bench_pairwise_commands.EPILOG)(bench_pairwise_commands.pairwise)
bench.command(epilog=bench_mcq_commands.EPILOG)(bench_mcq_commands.mcq)
bench.command(epilog="Example: xinheng bench technical sample-statements --model ollama:phi4 --concurrency 1,4,16")(
    bench_technical_commands.technical
)
bench.command(epilog="Example: xinheng bench gates runs/scores/NAME runs/scores/OTHER")(bench_technical_commands.gates)
