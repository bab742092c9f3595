"""The command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app import (
    adapter_commands,
    annotate_commands,
    bench_commands,
    dataset_commands,
    desk_commands,
    generate_commands,
    leaderboard_commands,
    lineage_commands,
    persona_commands,
    predict_commands,
    privacy_commands,
    publish_commands,
    source_commands,
    training_commands,
)
from app.flags import Json, Out

app = typer.Typer(
    name="xinheng",
    help="Xinheng 心衡 weighs what counselling models say: from raw data to datasets and figures you can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

INTERRUPTED = 130


def _add(command: Callable[..., None], example: str) -> None:
    app.command(epilog=f"Example: xinheng {example}")(command)


_add(source_commands.sources, "sources --json")
_add(source_commands.fetch, "fetch smile")
_add(source_commands.ingest, "ingest line --from chat.txt")
_add(dataset_commands.curate, "curate counselling_zh --seed 7 --out runs/datasets/zh")
_add(dataset_commands.validate, "validate runs/datasets/imhi --page gate.html")
_add(dataset_commands.duplicates, "duplicates runs/datasets/choices --threshold 0.7")
_add(dataset_commands.contamination, "contamination runs/datasets/choices --against imhi=runs/datasets/imhi")
_add(dataset_commands.export, "export runs/datasets/counselling_zh --format sharegpt --out exports/zh")
generate_commands.generate.command(
    epilog="Example: xinheng generate choices cpsyexam --model ollama:phi4 --checker ollama:qwen3 --limit 3"
)(persona_commands.choices)
app.add_typer(generate_commands.generate, name="generate")
_add(persona_commands.persona, "persona runs/sources/line --persona Amy --model ollama:phi4 --limit 3")
_add(predict_commands.predict, "predict imhi --model ollama:phi4 --form instruction --limit 20")
app.add_typer(bench_commands.bench, name="bench")
_add(predict_commands.score, "score answers.jsonl --cases imhi --system mine")
_add(predict_commands.compare, "compare runs/scores/imhi-base runs/scores/imhi-tuned")
_add(predict_commands.rerun, "rerun runs/scores/imhi-ollama-phi4")
_add(leaderboard_commands.leaderboard, "leaderboard runs/scores --out site")
_add(generate_commands.tag, "tag runs/datasets/counselling_zh --model ollama:phi4 --limit 3")
_add(training_commands.plan, "plan mcq --base Qwen/Qwen2.5-7B-Instruct --data runs/datasets/choices")
_add(training_commands.train, "train mcq --base models/qwen --data runs/datasets/choices --trial 0.1")
_add(adapter_commands.merge, "merge models/qwen runs/adapters/choices-mcq --out runs/models/mcq")
_add(adapter_commands.quantise, "quantise runs/models/mcq --to nf4 --out runs/models/mcq-nf4")
_add(adapter_commands.push, "push runs/adapters/choices-mcq OWNER/NAME --base Qwen/Qwen2.5-7B-Instruct --dry-run")
_add(publish_commands.publish, "publish runs/datasets/choices --out published/choices")
app.add_typer(annotate_commands.annotate, name="annotate")
app.add_typer(desk_commands.desk, name="desk")
_add(privacy_commands.privacy, "privacy runs/datasets/mine --vault ~/vaults/study.vault --quasi age,sex,place")
_add(privacy_commands.reveal, "reveal --vault ~/vaults/study.vault --client C0123 answer.txt")
_add(privacy_commands.forget, "forget --vault ~/vaults/study.vault --client C0123")
_add(lineage_commands.diff, "diff runs/datasets/zh-1 runs/datasets/zh --page diff.html --changelog CHANGELOG.md")
_add(lineage_commands.lineage, "lineage runs/scores/imhi-ollama-phi4 --in runs --page lineage.html")
_add(dataset_commands.sweep, "sweep s3://bucket/runs/datasets/imhi")


@app.command(epilog="Example: xinheng doctor ollama:phi4")
def doctor(
    model: Annotated[
        str, typer.Argument(help="ollama:NAME, openai:NAME, openai:NAME@http://HOST:PORT/v1, local:PATH.")
    ],
    *,
    json: Json = False,
) -> None:
    """Find out what a model's server does and what it ignores, with about a dozen small requests."""
    from app.doctor import doctor as run
    from app.terminal import Terminal

    run(model, Terminal(as_json=json))


@app.command(epilog="Example: xinheng quickstart --out runs/quickstart --llm ollama:qwen3")
def quickstart(
    *,
    llm: Annotated[
        str | None,
        typer.Option("--llm", metavar="SPEC", help="Also compare staged and one-shot answers of ollama:NAME …"),
    ] = None,
    data_only: Annotated[bool, typer.Option("--data-only", help="End with the datasets; tune no model.")] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Run the bundled sample from raw lines to a tuned model with its scores, offline; print where everything lies."""
    from app.quickstart import quickstart as run
    from app.terminal import Terminal
    from xinheng.storage import place_of

    run(place_of(out or "runs/quickstart"), Terminal(as_json=json), model=llm, data_only=data_only)


@app.callback(invoke_without_command=True)
def root(*, version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    """Xinheng 心衡 weighs what counselling models say: from raw data to datasets and figures you can trust."""
    if version:
        from xinheng import __version__

        print(f"xinheng {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: exit 0 done, 1 a check failed, 2 wrong use or bad input, 130 interrupted."""
    from app.terminal import shown
    from xinheng.errors import XinhengError

    try:
        app()
    except XinhengError as error:
        print(shown(f"xinheng: {error}"), file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:  # typer turns Ctrl-C into this, without a word
            print("xinheng: interrupted; what was finished is kept, run the same command again", file=sys.stderr)
        raise
    except Exception as error:
        from xinheng.store_errors import store_failure

        if (failure := store_failure(error)) is not None:
            print(f"xinheng: {failure}", file=sys.stderr)
            sys.exit(failure.exit_code)
        if os.environ.get("XINHENG_DEBUG"):
            raise
        if type(error).__module__.startswith("polars") and type(error).__name__ == "ComputeError":
            # Polars' own words may quote a value.
            print(
                "xinheng: a table cannot be read: want whole Parquet files, as its artifact's manifest lists them. "
                "`xinheng validate PLACE` names what is damaged; make that artifact again, or restore it.",
                file=sys.stderr,
            )
            sys.exit(2)
        # The text of an unforeseen error may quote a row; its type and place do not.
        print(f"xinheng: {_where(error)}. Set XINHENG_DEBUG=1 to see all of it (it may quote data).", file=sys.stderr)
        sys.exit(2)


def _where(error: Exception) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"unforeseen {type(error).__name__} in {place}"


if __name__ == "__main__":
    main()
