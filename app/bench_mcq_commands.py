"""`xinheng bench mcq`: multiple-choice questions, generated and by likelihood."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Limit, Out
from app.model_flags import Estimate, Flags, Model, with_model_flags

EPILOG = "Example: xinheng bench mcq mmlu --model local:models/qwen --shots 5 --likelihood --rotations --limit 20"

Cases = Annotated[
    str,
    typer.Argument(
        metavar="CASES", help="A dataset of multiple-choice questions or its predictions, or a source's name."
    ),
]


@with_model_flags
def mcq(
    cases: Cases,
    *,
    model: Model,
    shots: Annotated[
        int, typer.Option(min=0, help="Solved examples before each question, of the publisher's dev and train splits.")
    ] = 0,
    shots_from: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Where examples come from, if not from the same dataset.")
    ] = None,
    rotations: Annotated[
        bool, typer.Option("--rotations", help="Ask each question with its options in every rotation.")
    ] = False,
    likelihood: Annotated[
        bool,
        typer.Option(
            "--likelihood", help="Also score the likeliest option: weights on this machine, or servers that tell."
        ),
    ] = False,
    no_generated: Annotated[
        bool, typer.Option("--no-generated", help="Likelihoods only; for models that cannot chat.")
    ] = False,
    subjects: Annotated[bool, typer.Option("--subjects", help="Print each subject too.")] = False,
    split: Annotated[str, typer.Option(help="Which split is asked, where there are several; all.")] = "test",
    submission: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write the answers to hand in; invalid rows stand beside it."),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ids to hand in, in their order: CSV or one a line.")
    ] = None,
    fill_seed: Annotated[
        int, typer.Option(min=0, help="Of the lot by which unreadable answers are filled in the file to hand in.")
    ] = 0,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have.")] = 1024,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="Of answers.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the examples, and of answers where the server takes one.")] = 0,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Ask a model multiple-choice questions and score the answers, by what it writes and by what it finds likeliest.

    With --out, predictions and scores lie in folders of these names in it.
    """
    from app import bench_mcq, bench_mcq_submission
    from app.bench_mcq_tables import show, show_estimates
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from xinheng.artifacts import require_place
    from xinheng.errors import UsageError
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    if (submission is None) != (ids is None):
        raise UsageError("bench mcq", "--submission and --ids belong together", want="both", have="one of them")
    asking = bench_mcq.Asking(
        split=None if split == "all" else split,
        shots=shots,
        rotate=rotations,
        generate=not no_generated,
        likelihood=likelihood,
        seed=seed,
        temperature=temperature,
        answer_tokens=answer_tokens,
        limit=limit,
    )
    opened = resolve_source(cases, say=terminal.say)
    asked = bench_mcq.questions_of(opened, asking)
    wanted = bench_mcq_submission.matched(bench_mcq_submission.read_ids(ids), asked) if ids is not None else None
    if submission is not None and ids is not None and not estimate:
        bench_mcq_submission.require_place(submission, ids)
    source = resolve_source(shots_from, say=terminal.say) if shots_from else None
    examples = bench_mcq.shots_of(opened, asked, asking, source)
    folder = place_of(out) if out else None
    if folder and not estimate:
        require_place(folder / "scores")
    predictions = bench_mcq.predicted(
        opened, asked, model, asking, examples, flags=flags, only_estimate=estimate,
        out=folder / "predictions" if folder else None,
    )  # fmt: skip
    if isinstance(predictions, dict):
        show_estimates(terminal, predictions)
        return
    with terminal.busy("Reading the answers …"):
        scores = bench_mcq.scores_of(predictions, out=folder / "scores" if folder else None)
    filled = None
    if submission is not None and wanted is not None:
        filled = (submission, *bench_mcq_submission.hand_in(scores, asked, wanted, submission, seed=fill_seed))
    show(terminal, predictions, scores, subjects=subjects, handed_in=filled)
