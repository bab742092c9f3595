"""What a rating task is drawn from: predictions, scores or dialogues opened, with their strata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from annotation.candidates import Pool, Run, of_answers, of_dialogues
from annotation.sampling import stratified
from annotation.templates import Template
from app.predicting import KIND as PREDICTIONS
from app.scoring import SCORES, opened_predictions, system_of
from xinheng.artifacts import MANIFEST, Artifact, open_artifact
from xinheng.errors import UsageError
from xinheng.settings import settings
from xinheng.storage import Place, place_of
from xinheng.tables import DIALOGUE, require

Say = Callable[[str], None]
_FIRST_STRATA: Final = ("language", "topics", "benchmark", "form")


@dataclass(frozen=True)
class Wanted:
    """What a person wants rated.

    Args:
        places: Predictions of one or more systems (or scores, whose predictions lie beside them), or one dataset of
            dialogues.
        template: A template's name, or the path of one's own.
        raters: Who rates.
        items: Dialogues (cases) to draw.
        per_item: Raters of each; all raters, three at most, where None.
        repeats: Items shown twice; a tenth where None.
        gold: A file of items with known answers.
        stratify: Columns; what there is of stratum, language, topic, set and form where None.
        split: Of a dataset of dialogues; None for all of it.
        language: Of guidelines and questions; that of the items where None.
        scores: Judges' scores to carry along, hidden from raters.
        name: Of the task.
        seed: Of every draw.
        limit: Only so many cases.
        replace: Another task that stands in the place.
    """

    places: tuple[str, ...]
    template: str
    raters: tuple[str, ...]
    items: int = 50
    per_item: int | None = None
    repeats: int | None = None
    gold: Path | None = None
    stratify: tuple[str, ...] | None = None
    split: str | None = None
    language: str | None = None
    scores: tuple[str, ...] = ()
    name: str | None = None
    seed: int = 0
    limit: int | None = None
    replace: bool = False


def opened(wanted: Wanted, say: Say) -> tuple[list[Artifact], dict[str, pl.DataFrame]]:
    """What is rated, and judges' scores by system; of scores that stand among the places, their predictions."""
    from app.pipeline import resolve_source

    given = [open_artifact(place_of(place)) for place in wanted.scores]
    if wrong := [one for one in given if one.kind != SCORES]:
        raise UsageError("--scores", f"{wrong[0].path} holds {wrong[0].kind}", want="scores of a judge")
    sources: list[Artifact] = []
    for place in wanted.places:
        one = resolve_source(place, say=say)
        if one.kind == SCORES:
            given.append(one)
            one = _predictions_of(one)
        if one.digest not in {source.digest for source in sources}:
            sources.append(one)
    scores: dict[str, list[pl.DataFrame]] = {}
    for one in given:
        scores.setdefault(system_of(one), []).append(one.scan("score").collect())
    return sources, {system: pl.concat(rows, how="diagonal_relaxed") for system, rows in scores.items()}


def _predictions_of(scores: Artifact) -> Artifact:
    """The predictions that were scored, found by their digest beside the scores or among the runs.

    Raises:
        UsageError: They are not there.
    """
    digests = {parent["digest"] for parent in scores.manifest["parents"] if parent["kind"] == PREDICTIONS}
    runs = settings().runs / PREDICTIONS
    around = [place for place in (runs, *_beside(scores.path)) if isinstance(place, Path)]
    for near in around:
        for place in sorted(near.iterdir()) if near.is_dir() else ():
            if (place / MANIFEST).is_file() and (found := open_artifact(place)).digest in digests:
                return found
    raise UsageError(
        str(scores.path), "the predictions that were scored are not beside it", want="an artifact of kind predictions "
        "with the digest that its manifest names", have=f"none in {', '.join(map(str, around))}",
        mend="Name the predictions, and these scores with --scores.",
    )  # fmt: skip


def _beside(place: Place) -> tuple[Path, ...]:
    """Where predictions of scores usually lie: in the same folder, or in one beside it."""
    return (place.parent, place.parent.parent / PREDICTIONS) if isinstance(place, Path) else ()


def pool_of(
    sources: Sequence[Artifact], scores: Mapping[str, pl.DataFrame], asked: Template, wanted: Wanted
) -> tuple[Pool, list[str], list[Artifact]]:
    """What can be drawn from, the columns of its strata, and the artifacts it comes from."""
    if all(source.kind == PREDICTIONS for source in sources):
        scores, runs, columns = dict(scores), [], None
        for source in sources:
            cases, predictions, table = opened_predictions(source)
            if table != "case":
                raise UsageError(
                    str(source.path), "multiple-choice questions", want="cases with a conversation",
                    mend="People rate answers to conversations.",
                )  # fmt: skip
            columns = _columns(cases, wanted) if columns is None else columns
            system = system_of(source)
            runs.append(Run(system, stratified(cases, columns), predictions, scores.pop(system, None)))
        if scores:
            raise UsageError("--scores", "scores of systems that are not rated", have=", ".join(sorted(scores)))
        return of_answers(runs, asked), columns or [], list(sources)
    if len(sources) > 1 or "dialogue" not in sources[0].manifest["tables"]:
        have = ", ".join(f"{source.kind} {source.manifest['name']}" for source in sources)
        raise UsageError(
            "plan", "nothing that people could rate", want="predictions of one or more systems, or one dataset of "
            "dialogues", have=have,
        )  # fmt: skip
    rows = sources[0].scan("dialogue").collect()
    require(rows, DIALOGUE, who=str(sources[0].path))
    if wanted.split is not None:
        rows = rows.filter(pl.col("split") == wanted.split) if "split" in rows.columns else rows.clear()
    columns = _columns(rows, wanted)
    return of_dialogues(stratified(rows, columns), asked), columns, list(sources)


def _columns(rows: pl.DataFrame, wanted: Wanted) -> list[str]:
    """The columns of the strata: those named, else the stratum that curation made, else what tells rows apart."""
    if wanted.stratify is not None:
        return list(wanted.stratify)
    if "stratum" in rows.columns:
        return ["stratum"]
    return [name for name in _FIRST_STRATA if name in rows.columns and rows[name].n_unique() > 1]
