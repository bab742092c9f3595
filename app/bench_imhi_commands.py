"""`xinheng bench imhi`: the ten sets of MentalLLaMA's benchmark, asked and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, Limit, Out
from app.model_flags import Estimate, Flags, Model, with_model_flags

Cases = Annotated[
    str, typer.Argument(metavar="CASES", help="A dataset of IMHI or predictions for it, or the name of the source.")
]


@with_model_flags
def imhi(
    cases: Cases = "imhi",
    *,
    model: Model,
    sets: Annotated[
        str | None, typer.Option(metavar="SETS", help="Only these, such as DR,SAD; all that there are by default.")
    ] = None,
    form: Annotated[
        str, typer.Option(help="instruction, or completion for models that only go on with texts.")
    ] = "instruction",
    split: Annotated[
        str, typer.Option(help="test; expert for the cases whose gold experts wrote; validation.")
    ] = "test",
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each case, of the training split.")] = 0,
    examples: Annotated[
        str, typer.Option("--examples-from", help="train, or validation where the training files are not at hand.")
    ] = "train",
    label_model: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Classifiers as a further reader: a folder or hub name, a folder of one folder per set, or "
            "DR=PLACE,SAD=PLACE.",
        ),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Of the explanations: bart-score, bert-score, chrf, rouge-l; with commas."),
    ] = None,
    bart_model: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Folder or hub name; facebook/bart-large-cnn by default.")
    ] = None,
    bart_weights: Annotated[
        Path | None, typer.Option(help="Other weights for it, such as the authors' bart_score.pth.")
    ] = None,
    bert_model: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Folder or hub name; roberta-large, or bert-base-chinese, by default."),
    ] = None,
    bert_layer: Annotated[int | None, typer.Option(min=0, help="Whose embeddings are compared.")] = None,
    idf: Annotated[bool, typer.Option("--idf", help="BERTScore weighs rare tokens more.")] = False,
    baseline: Annotated[
        Path | None, typer.Option(help="BERTScore is rescaled by this file of its authors' (LAYER,P,R,F).")
    ] = None,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have.")] = 1024,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="Of answers.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the examples, and of answers where the server takes one.")] = 0,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Ask a model IMHI's cases and score the answers: weighted F1 per set, beside its floor and published figures.

    With --out, predictions and scores lie in folders of these names in it.
    """
    from app import bench_imhi, bench_imhi_scoring, bench_imhi_tables
    from app.generating import show_estimates
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from benchmarks.imhi_labels import set_name
    from xinheng.artifacts import require_place
    from xinheng.estimate import Estimate as Trial
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    asking = bench_imhi.Asking(
        sets=_names(sets),
        form=form,
        split=split,
        shots=shots,
        examples=examples,
        seed=seed,
        temperature=temperature,
        answer_tokens=answer_tokens,
        limit=limit,
    )
    reading = bench_imhi_scoring.Reading(
        label_model=label_model,
        measures=_names(measures),
        bart_model=bart_model,
        bart_weights=bart_weights,
        bert_model=bert_model,
        bert_layer=bert_layer,
        idf=idf,
        baseline=baseline,
    )
    opened = resolve_source(cases, say=terminal.say)
    asked = bench_imhi.cases_of(opened, asking)
    names = [set_name(name) for name in asked["benchmark"].unique(maintain_order=True)]
    chinese = bool(asked["language"].str.starts_with("zh").any())
    bench_imhi_scoring.check(reading, names, chinese=chinese)
    folder = place_of(out) if out else None
    if folder and not estimate:
        require_place(folder / "scores")
    predictions = bench_imhi.predicted(
        opened, model, asking, flags=flags, only_estimate=estimate, out=folder / "predictions" if folder else None
    )
    if isinstance(predictions, Trial):
        show_estimates(terminal, {"": predictions})
        return
    with terminal.busy("Reading the answers …"):
        scores = bench_imhi_scoring.scores_of(predictions, reading, out=folder / "scores" if folder else None)
    bench_imhi_tables.show(terminal, predictions, scores)


def _names(given: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (given or "").split(",") if name.strip())
