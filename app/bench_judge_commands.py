"""`xinheng bench judge` and `validity`: replies graded by models, and how far these can be trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from app.flags import Json, Limit, Out
from app.model_flags import Estimate, Flags, with_model_flags


@with_model_flags
def judge(
    predictions: Annotated[
        list[str],
        typer.Argument(
            metavar="PREDICTIONS…",
            help="Folders or s3:// addresses with predictions; several systems are set side by side.",
        ),
    ],
    *,
    rubric: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="empathy, plan, socratic, human, cpsycoun, safety, or a TOML file.")
    ] = "plan",
    judge: Annotated[
        list[str],
        typer.Option("--judge", metavar="SPEC", help="ollama:NAME, openai:NAME[@URL] or local:PATH; several: a panel."),
    ],
    repeats: Annotated[int, typer.Option(min=1, max=100, help="Verdicts of each judge on each reply.")] = 1,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="Of verdicts: 0, or 0.7 with --repeats, by default.")
    ] = None,
    judge_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens a verdict may have; a judge that thinks aloud needs more.")
    ] = 1024,
    language: Annotated[
        str | None, typer.Option(help="zh-Hant, zh-Hans or en: of rubric and instructions; each case's own by default.")
    ] = None,
    reference: Annotated[bool, typer.Option("--reference", help="Show the judge the case's reference too.")] = False,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Weigh grades by the judge's log-probabilities as well.")
    ] = False,
    constant: Annotated[
        int, typer.Option(min=0, help="On how many cases a fixed phrase is judged too, which must not win; 0 for none.")
    ] = 30,
    probe_attacks: Annotated[
        bool, typer.Option("--probe-attacks", help="Plant attacks in replies and measure how far they move the judges.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of verdicts, where the server takes one, and of drawn cases.")] = 0,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have models grade replies by a rubric; what cannot be read is missing, never a number."""
    from app import judge_tables, judging
    from app.generating import show_estimates
    from app.judge_items import Plan
    from app.terminal import Terminal
    from benchmarks.rubrics import rubric as rubric_of
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    plan = Plan(
        tuple(judge),
        rubric_of(rubric),
        repeats=repeats,
        temperature=temperature,
        tokens=judge_tokens,
        language=language,
        reference=reference,
        logprobs=logprobs,
        constant=constant,
        attacks=probe_attacks,
        seed=seed,
        limit=limit,
    )
    made = judging.judge(
        [open_artifact(place_of(one)) for one in predictions],
        plan,
        out=place_of(out) if out else None,
        flags=flags,
        only_estimate=estimate,
    )
    if isinstance(made, dict):
        show_estimates(terminal, made)
    else:
        judge_tables.show(terminal, made)


def rubrics(
    name: Annotated[str | None, typer.Argument(metavar="NAME|FILE", help="Show this one's scales and anchors.")] = None,
    *,
    language: Annotated[str, typer.Option(help="zh-Hant, zh-Hans or en.")] = "en",
    json: Json = False,
) -> None:
    """List the rubrics, or show one; a file of one's own is checked, every mistake at once."""
    from app import rubric_tables
    from app.terminal import Terminal

    rubric_tables.show(Terminal(as_json=json), name, language)


def validity(
    scores: Annotated[
        list[str],
        typer.Argument(metavar="SCORES…", help="Folders with scores of judges; of several systems for their order."),
    ],
    *,
    human: Annotated[
        str,
        typer.Option(
            "--human",
            metavar="RATINGS",
            help="An artifact of ratings, or CSV, JSONL or Parquet: case_id, rater, dimension, value; perhaps system.",
        ),
    ],
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", help="Only this judge, or panel; may be repeated.")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURE=DIMENSION", help="Where humans call a dimension by another name; may be repeated."
        ),
    ] = None,
    epsilon: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How far ahead a rater may be in the alt-test: 0.2 for experts.")
    ] = 0.2,
    least_items: Annotated[int, typer.Option(min=2, help="Items a rater needs for the alt-test.")] = 30,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Hold judges against human ratings: order, agreement, bias, the alt-test, and means corrected by the humans."""
    from app import judge_validity
    from app.terminal import Terminal
    from benchmarks.resampling import Bootstrap
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    found = judge_validity.validity(
        [open_artifact(place_of(one)) for one in scores],
        place_of(human),
        scorers=scorer or (),
        match=judge_validity.matches(match or ()),
        epsilon=epsilon,
        least_items=least_items,
        how=Bootstrap(resamples, seed),
    )
    made = judge_validity.written(found, place_of(out)) if out else None
    judge_validity.show(terminal, found, made)
