"""The commands of the harness: `xinheng predict`, `score`, `compare` and `rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Encoding, Json, Limit, Out
from app.model_flags import Estimate, Flags, Model, with_model_flags

Cases = Annotated[
    str,
    typer.Argument(
        metavar="CASES",
        help="A dataset's folder or s3:// address, a source's name, or predictions whose cases are asked again.",
    ),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A folder or s3:// address with predictions or scores.")]


@with_model_flags
def predict(
    cases: Cases,
    *,
    model: Model,
    split: Annotated[
        str, typer.Option(help="Of a dataset that is divided: test, expert, validation, train; all for all of it.")
    ] = "test",
    form: Annotated[
        str | None, typer.Option(help="Only cases asked in this form; IMHI has instruction and completion.")
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each case.")] = 0,
    answer_tokens: Annotated[int, typer.Option(min=1, help="Tokens an answer may have, thinking included.")] = 1024,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="0 for the likeliest answer.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of answers, where the server takes one, and of examples.")] = 0,
    repeats: Annotated[int, typer.Option(min=1, help="Ask each case so often, with seeds that count up.")] = 1,
    language: Annotated[
        str | None, typer.Option(help="zh-Hant, zh-Hans or en: of the prompts of a way of answering.")
    ] = None,
    limit: Limit = None,
    estimate: Estimate = False,
    flags: Flags,
    out: Out = None,
    json: Json = False,
) -> None:
    """Have a model answer cases or questions, and keep every answer; interrupted, it goes on where it was."""
    from app import prediction_runs
    from app.generating import show_estimates
    from app.terminal import Terminal
    from xinheng.artifacts import Artifact
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    made = prediction_runs.predict(
        prediction_runs.Wanted(
            cases,
            model,
            split=None if split == "all" else split,
            form=form,
            shots=shots,
            answer_tokens=answer_tokens,
            temperature=temperature,
            seed=seed,
            repeats=repeats,
            language=language,
            limit=limit,
        ),
        out=place_of(out) if out else None,
        flags=flags,
        only_estimate=estimate,
        say=terminal.say,
    )
    if isinstance(made, Artifact):
        prediction_runs.show(terminal, made)
    else:
        show_estimates(terminal, {"": made})


def score(
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Predictions, or a file or folder of answers made elsewhere: JSONL, JSON, CSV, TSV, Parquet, logs of "
            "lm-eval or OpenCompass, IMHI's example outputs.",
        ),
    ],
    *,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="SCORER",
            help="Of IMHI: rule, upstream, label:PLACE, chrf, rouge-l, bart-score, bert-score. Of choices: generated …",
        ),
    ] = None,
    cases: Annotated[
        str | None, typer.Option(help="Of answers made elsewhere: the dataset or source with their cases.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="Who answered; the file's name by default.")] = None,
    split: Annotated[str, typer.Option(help="Of a dataset that is divided; all for all of it.")] = "test",
    form: Annotated[str | None, typer.Option(help="Only cases asked in this form.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Only this set or subject; may be repeated.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of ids, where it is not found.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(metavar="NAME", help="The column of answers.")] = None,
    log_filter: Annotated[str | None, typer.Option("--filter", help="Which filter of an lm-eval log.")] = None,
    answered_only: Annotated[
        bool, typer.Option("--answered-only", help="Leave out cases without an answer, which else count as unread.")
    ] = False,
    encoding: Encoding = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Score answers again, or answers made elsewhere; nothing is sent to any model."""
    from app import foreign, scored_runs, scoring
    from app.pipeline import resolve_source
    from app.terminal import Terminal
    from datasets_src.answer_files import Names
    from xinheng.artifacts import MANIFEST, open_artifact
    from xinheng.errors import UsageError
    from xinheng.storage import RemotePath, place_of

    terminal = Terminal(as_json=json)
    place = place_of(predictions)
    if isinstance(place, RemotePath) or (place / MANIFEST).is_file():
        if cases is not None:
            raise UsageError("score", "--cases with predictions that hold their cases", mend="Leave --cases out.")
        opened = open_artifact(place)
    else:
        if cases is None:
            have = "a file" if place.is_file() else f"no {MANIFEST} in it" if place.is_dir() else "nothing there"
            want = f"a folder with {MANIFEST}, or --cases with the dataset that the answers are to"
            raise UsageError(str(place), "no predictions", want=want, have=have)
        opened = foreign.predictions_of(
            place,
            resolve_source(cases, say=terminal.say),
            names=Names(id_column, text_column, encoding, log_filter),
            system=system,
            split=None if split == "all" else split,
            form=form,
            sets=set_ or [],
            answered_only=answered_only,
            out=foreign.beside(place_of(out)) if out else None,
            say=terminal.say,
        )
    scored = scoring.score_predictions(opened, scorers=with_ or ())
    made = scoring.write_scores(opened, scored, out=place_of(out) if out else None)
    scored_runs.show(terminal, made)


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="Scores or predictions of one system.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Of another, over the same cases.")],
    *,
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="SCORER", help="Only this scorer; may be repeated.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison as a page.")] = None,
    json: Json = False,
) -> None:
    """Test whether two systems differ on the same cases: differences with intervals, exact tests, Holm over sets."""
    from app import system_comparison
    from app.terminal import Terminal
    from benchmarks.resampling import Bootstrap
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    found = system_comparison.compare(
        open_artifact(place_of(first)),
        open_artifact(place_of(second)),
        scorers=with_ or (),
        how=Bootstrap(resamples, seed),
    )
    terminal = Terminal(as_json=json)
    if page is not None:
        system_comparison.write_page(found, page)
    system_comparison.show(terminal, found, page=page)


def rerun(
    run: Run,
    *,
    kept_cases: Annotated[
        bool, typer.Option("--kept-cases", help="Ask the cases that the run holds, whatever its dataset holds now.")
    ] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Repeat a run by its record, really asking everything again, and say what moved: exit 0 when nothing did.

    A published dataset is made again from its sources, by its lock.
    """
    from app import rerun as again
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.publication import is_publication
    from xinheng.storage import place_of

    terminal = Terminal(as_json=json)
    place = place_of(run)
    if is_publication(place):
        from app.publishing_lock import remade, show_remade

        with terminal.busy(f"making {run} again"):
            made, differing = remade(place, out=place_of(out) if out else None, say=terminal.say)
        show_remade(terminal, place, made, differing)
        return
    moved = again.rerun(
        open_artifact(place_of(run)), out=place_of(out) if out else None, kept_cases=kept_cases, say=terminal.say
    )
    again.show(terminal, moved)
