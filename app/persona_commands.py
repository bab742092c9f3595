"""The commands `xinheng persona` and `xinheng generate choices`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.flags import Dataset, Json, Out
from app.generate_commands import Limit
from app.model_flags import BareModel, Estimate, Flags, with_model_flags


@with_model_flags
def persona(
    artifact: Annotated[
        str, typer.Argument(metavar="ARTIFACT", help="A chat's folder, as `xinheng ingest line --from FILE` makes it.")
    ],
    *,
    sender: Annotated[
        str | None,
        typer.Option("--persona", metavar="SENDER", help="Whose replies are wanted; left out, the senders are listed."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="SPEC", help="First pass: which turns answer which. Best a local model.")
    ] = None,
    second: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Second pass: checks each pair; a stronger model. By default the first."),
    ] = None,
    habit: Annotated[
        list[str] | None, typer.Option(help="A catchphrase or sign to be counted before and after; repeatable.")
    ] = None,
    merge: Annotated[float, typer.Option(help="Minutes within which messages of one side are one turn.")] = 5.0,
    pause: Annotated[float, typer.Option(help="Minutes of silence that end a conversation.")] = 360.0,
    turns: Annotated[int, typer.Option(min=2, help="Turns shown at once; fewer for a small model.")] = 40,
    language: Annotated[
        str | None, typer.Option(help="zh-Hant, zh-Hans or en: of the prompts; the chat's own by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split, and where the server takes one.")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Ask about so many windows: try 3 first.")] = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Make pairs of a partner's words and one person's replies out of a chat; no text is rewritten."""
    from app import personas
    from app.generating import show_estimates
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.errors import UsageError
    from xinheng.storage import place_of

    terminal, opened = Terminal(as_json=json), open_artifact(place_of(artifact))
    if sender is None:
        rows = personas.senders(opened).to_dicts()
        terminal.table(["sender", "messages"], [[row["sender"], row["messages"]] for row in rows], right=(1,))
        terminal.line("\nChoose one with --persona.")
        terminal.result(rows)
        return
    if model is None:
        raise UsageError("persona", "which model?", want="--model SPEC, such as ollama:phi4")
    made = personas.persona(
        opened,
        personas.Plan(sender, model, second or model, tuple(habit or ()), merge, pause, turns, language, seed),
        out=place_of(out) if out else personas.path_of(opened),
        flags=flags,
        limit=limit,
        only_estimate=estimate,
    )
    if isinstance(made, dict):
        show_estimates(terminal, made)
    else:
        personas.show(terminal, made)


@with_model_flags
def choices(
    dataset: Dataset,
    *,
    model: BareModel,
    checker: Annotated[str, typer.Option(metavar="SPEC", help="Who answers the new questions without their key.")],
    per_item: Annotated[int, typer.Option(min=1, help="New questions per question.")] = 2,
    votes: Annotated[int, typer.Option(min=1, help="Of the checker, each with the options in another order.")] = 3,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="Of the writing.")] = 0.9,
    against: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER of a benchmark; what holds a case of it is refused.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the orders of options, and where the server takes one.")] = 0,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have a model write new multiple-choice questions from old ones, kept if a second model finds one key."""
    from app import extending
    from app.generating import show_estimates
    from app.held_out import named_benchmarks
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    opened = resolve_source(dataset, say=terminal.say)
    made = extending.extend(
        opened,
        extending.Plan(model, checker, per_item, votes, temperature, seed),
        out=place_of(out) if out else extending.path_of(opened),
        flags=flags,
        against=named_benchmarks(against or []),
        limit=limit,
        only_estimate=estimate,
    )
    if isinstance(made, dict):
        show_estimates(terminal, made)
    else:
        extending.show(terminal, made)
