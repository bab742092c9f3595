"""`xinheng bench technical` and `bench gates`: speed, memory and reliability, and what the plan wants of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Limit, Out
from app.model_flags import Estimate, Flags, Model, with_model_flags

Cases = Annotated[
    str, typer.Argument(metavar="CASES", help="A dataset or source of cases, dialogues or examples, or predictions.")
]


@with_model_flags
def technical(
    cases: Cases,
    *,
    model: Model,
    concurrency: Annotated[
        str, typer.Option(metavar="N,N,…", help="Requests at once: a block of --requests for each.")
    ] = "1,4",
    requests: Annotated[
        int, typer.Option(min=1, help="Of each block; 59 are the fewest that bound a 95th percentile.")
    ] = 60,
    repeats: Annotated[int, typer.Option(min=1, help="Ask the same again so often: do answers stay the same?")] = 3,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have.")] = 256,
    seed: Annotated[int, typer.Option(help="Of answers, where the server takes one; temperature is 0.")] = 0,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds after which a request counts as never answered.")
    ] = None,
    warmups: Annotated[int, typer.Option(min=0, help="Requests before the first block, not counted.")] = 1,
    server_pid: Annotated[
        int | None, typer.Option("--server-pid", min=1, help="A server's process here, to watch its memory.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="zh-Hant, zh-Hans or en: of a way's prompts.")] = None,
    split: Annotated[str, typer.Option(help="Of a dataset that is divided; all for all of it.")] = "test",
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write figures and gates as a page.")] = None,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Time real requests: latency, first token, throughput, errors, memory, and whether repeats agree.

    Nothing comes from the journal, and a measurement that is interrupted begins anew; what it cost is told. --at-once
    has no meaning here: --concurrency says it.
    """
    from app import technical as timed
    from app import technical_shown
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from xinheng.messages import Want
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    if page is not None:
        local(page, "--page")
    plan = timed.Plan(
        model,
        levels=technical_shown.levels_of(concurrency),
        requests=requests,
        repeats=repeats,
        want=Want(max_tokens=answer_tokens, temperature=0.0, seed=seed),
        timeout_s=timeout,
        warmups=warmups,
        server_pid=server_pid,
        language=language,
    )
    dataset = resolve_source(cases, say=terminal.say)
    asked, questions, plan = timed.questions_of(dataset, plan, split=None if split == "all" else split, limit=limit)
    terminal.say(f"{plan.sent(asked.height):,} requests will be sent, or more where a way of answering sends several")
    if estimate:
        terminal.result({"requests": plan.sent(asked.height), "cases": asked.height})
        terminal.line(f"{plan.sent(asked.height):,} requests about {asked.height:,} cases; nothing was sent")
        return
    made = timed.measure(dataset, asked, questions, plan, out=place_of(out) if out else None, flags=flags)
    technical_shown.show(terminal, made, page=page)


def gates(
    scores: Annotated[
        list[str], typer.Argument(metavar="SCORES…", help="Scores of bench technical, bench judge, or human ratings.")
    ],
    *,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table as a page.")] = None,
    json: Json = False,
) -> None:
    """Hold scores against the plan's gates: PASS, FAIL or UNDECIDED, and how many more cases would decide.

    Relevance > 0.8, empathy > 0.75, actionability > 0.7 (judge, rubric `plan`), human ratings > 4.0, 95th percentile
    of latency < 1 s, memory < 8 GB, requests answered > 99.9%. Exit 1 when a gate fails.
    """
    from app import technical_shown
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    if page is not None:
        local(page, "--page")
    found = technical_shown.gates_of([open_artifact(place_of(place)) for place in scores])
    if technical_shown.show_gates(terminal, found, page=page):
        raise typer.Exit(1)
