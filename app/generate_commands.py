"""The commands that have models write or label: `xinheng generate …` and `xinheng tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.flags import Dataset, Json, Out
from app.model_flags import BareModel, Estimate, Flags, Model, with_model_flags

generate = typer.Typer(
    help="Have models write data, or make pairs of what people wrote.", no_args_is_help=True, rich_markup_mode=None
)

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Take only so many rows: try with 3 first.")]


@generate.command(epilog="Example: xinheng generate preferences sample-statements --model ollama:phi4 --limit 3")
@with_model_flags
def preferences(
    dataset: Dataset,
    *,
    model: Model,
    judge: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Who grades the answers; by default the model itself.")
    ] = None,
    way: Annotated[
        str,
        typer.Option(
            "--from", help="candidates (several answers of the model) or staged-vs-oneshot (two ways of answering)."
        ),
    ] = "candidates",
    candidates: Annotated[
        int | None, typer.Option(min=1, help="Answers per client turn: 5, or 1 of each way by default.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="Of the answers: 1.2, or 0.7 for two ways, by default.")
    ] = None,
    turns: Annotated[str, typer.Option(help="Which client turns are answered: last, every or first.")] = "last",
    language: Annotated[
        str | None, typer.Option(help="zh-Hant, zh-Hans or en: of answers and grading; each row's own by default.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=1, help="Characters an answer may have; longer ones are counted as such.")
    ] = None,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have.")] = 1024,
    judge_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens a verdict may have; a judge that thinks aloud needs more.")
    ] = 1024,
    unbroken: Annotated[
        bool, typer.Option("--unbroken", help="Never choose an answer in the wrong script, role or length.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the answers, where the server takes one, and of the split.")] = 0,
    round_: Annotated[int, typer.Option("--round", min=1, help="Which round of training the pairs are for.")] = 1,
    after: Annotated[
        str | None, typer.Option(metavar="PLACE", help="The pairs of the round before, from round 2 on.")
    ] = None,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have a model answer clients several times, grade the answers, and pair the best with the worst."""
    from app import generating
    from app.pair_plan import Plan
    from app.pairs import preferences_path
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from counselling.prompts import prompts
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    if language is not None:
        prompts(language)
    plan = Plan(
        model,
        judge=judge,
        way=way,
        candidates=candidates,
        temperature=temperature,
        answer_tokens=answer_tokens,
        judge_tokens=judge_tokens,
        unbroken=unbroken,
        seed=seed,
        turns=turns,  # type: ignore[arg-type]
        language=language,
        length=length,
        round=round_,
    )
    opened = resolve_source(dataset, say=terminal.say)
    made = generating.preferences(
        opened,
        plan,
        out=place_of(out) if out else preferences_path(opened, "preferences"),
        flags=flags,
        limit=limit,
        after=open_artifact(place_of(after)) if after else None,
        only_estimate=estimate,
    )
    if isinstance(made, dict):
        generating.show_estimates(terminal, made)
    else:
        generating.show(terminal, made)


@generate.command(epilog="Example: xinheng generate upvotes runs/datasets/counselchat --least-difference 3")
def upvotes(
    dataset: Dataset = "counsel-chat",
    *,
    votes: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The publisher's files; those of the data folder by default.")
    ] = None,
    least_difference: Annotated[int, typer.Option(min=1, help="Upvotes between the two answers of a pair.")] = 2,
    per_question: Annotated[int, typer.Option(min=1, help="Pairs of one question at most.")] = 1,
    out: Out = None,
    json: Json = False,
) -> None:
    """Pair therapists' answers of CounselChat by their readers' votes; no model is asked."""
    from app.generating import show
    from app.pairs import preferences_path
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from app.upvoting import upvotes as paired
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    opened = resolve_source(dataset, say=terminal.say)
    made = paired(
        opened,
        out=place_of(out) if out else preferences_path(opened, "upvotes"),
        files=place_of(votes) if votes else None,
        least_difference=least_difference,
        per_question=per_question,
    )
    show(terminal, made)


@with_model_flags
def tag(
    dataset: Dataset,
    *,
    model: BareModel,
    passes: Annotated[int, typer.Option(min=1, help="How often each stretch is asked; most of them must agree.")] = 2,
    window: Annotated[int, typer.Option(min=1, help="Turns asked about at once.")] = 12,
    before: Annotated[int, typer.Option(min=0, help="Turns shown before them, for the sense.")] = 6,
    seed: Annotated[int, typer.Option(help="Where the server takes one.")] = 0,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have a model fill in the tags that dialogues lack; tags that are there stay as they are."""
    from app import tagging
    from app.generating import show_estimates
    from app.pairs import preferences_path
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    opened = resolve_source(dataset, say=terminal.say)
    made = tagging.tag(
        opened,
        tagging.Plan(model, passes, window, before, seed),
        out=place_of(out) if out else preferences_path(opened, "tagged"),
        flags=flags,
        limit=limit,
        only_estimate=estimate,
    )
    if isinstance(made, dict):
        show_estimates(terminal, made)
    else:
        tagging.show(terminal, made)
