"""`xinheng bench pairwise`: which of two or more systems answers better, by judges that see both replies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Limit, Out
from app.model_flags import Estimate, Flags, with_model_flags

EPILOG = """\
Example: xinheng bench pairwise A B --judge ollama:qwen3. Staged against one-shot:
xinheng bench pairwise CASES --model staged:ollama:phi4 --against oneshot:ollama:phi4 --judge ollama:qwen3.
Base against tuned: --model local:BASE+ADAPTER --against local:BASE. Prompted against plain: --model
oneshot:ollama:phi4 --against ollama:phi4. Each ends in a page."""

Places = Annotated[
    list[str],
    typer.Argument(
        metavar="A B [C…] | CASES",
        help="Predictions of the same cases by two or more systems; or, with --model and --against, the dataset.",
    ),
]


@with_model_flags
def pairwise(
    places: Places,
    *,
    judge: Annotated[
        list[str],
        typer.Option(metavar="SPEC", help="Who judges: ollama:NAME, openai:NAME[@URL], local:PATH; again for a panel."),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Has the cases answered first, by a model or way of answering.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(metavar="SPEC", help="The other one; again for three or more systems.")
    ] = None,
    rubric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Judge by this rubric's dimensions and anchors; its own words by default."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Of a dataset that is divided: test, validation, train; all for all of it.")
    ] = "test",
    form: Annotated[str | None, typer.Option(help="Only cases asked in this form.")] = None,
    language: Annotated[
        str | None, typer.Option(help="zh-Hant, zh-Hans or en: only these cases, answered with prompts in it.")
    ] = None,
    judge_language: Annotated[
        str | None, typer.Option(help="Of the judge's instructions; each case's own by default.")
    ] = None,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have, thinking included.")] = 1024,
    judge_tokens: Annotated[int, typer.Option(min=1, help="Tokens a verdict may have.")] = 1024,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=2.0, help="Of answers; verdicts are asked for at 0.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of answers and verdicts, where the server takes one; of resampling.")] = 0,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Put the texts of the examples on the page, escaped.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page here too; it lies in the artifact anyway.")
    ] = None,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have judges say which reply is better, in both orders, and test who wins; ends in a page.

    Win rates with intervals by dialogue, an exact test, how consistent the judge is, what length is worth; of three
    or more systems a ranking.
    """
    from app import pairwise as comparing
    from app import pairwise_runs
    from app.generating import show_estimates
    from app.pairwise_page import pairwise_page
    from app.pairwise_words import show
    from app.terminal import Terminal
    from benchmarks.rubrics import rubric as read_rubric
    from counselling.prompts import prompts
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    for name in (language, judge_language):
        if name is not None:
            prompts(name)
    if page is not None:
        local(page, "--page")
    plan = comparing.Plan(
        tuple(judge),
        rubric=read_rubric(rubric) if rubric is not None else None,
        tokens=judge_tokens,
        seed=seed,
        language=judge_language,
        limit=limit,
    )
    comparing.require_judges(plan)
    wanted = pairwise_runs.Wanted(
        tuple(places),
        model=model,
        against=tuple(against or ()),
        split=None if split == "all" else split,
        form=form,
        language=language,
        answer_tokens=answer_tokens,
        temperature=temperature,
        seed=seed,
        limit=limit,
    )
    if estimate and model is not None:
        show_estimates(terminal, pairwise_runs.estimated(wanted, plan, flags=flags, say=terminal.say))
        return
    runs = pairwise_runs.runs_of(wanted, flags=flags, say=terminal.say)
    draw = partial(pairwise_page, with_text=with_text)
    made = comparing.compare(
        runs, plan, out=place_of(out) if out else None, flags=flags, page=draw, only_estimate=estimate
    )
    if not isinstance(made, comparing.Compared):
        show_estimates(terminal, made)
        return
    place = str(made.artifact.file(comparing.PAGE))
    if page is not None:
        pairwise_runs.write_page(made.page, page)
        place = str(page)
    show(terminal, made, place)
