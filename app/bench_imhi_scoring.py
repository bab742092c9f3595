"""IMHI's answers read by rules and classifiers, and their explanations measured; nobody is asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from app.predicting import predictions_path
from app.scoring import SCORES, opened_predictions, system_of, write_scores
from benchmarks.imhi import Reader
from benchmarks.imhi_labels import LABEL_SETS, set_name
from benchmarks.imhi_scoring import BENCHMARK, READERS, Labels, in_parts
from benchmarks.imhi_scoring import scored as labels_scored
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from benchmarks.scored import Scored
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.storage import Place

MEASURES: Final = ("bart-score", "bert-score", "chrf", "rouge-l")
"""Of explanations, as the command line names them."""
_MODELS: Final = {"bart-score": "bart_model", "bert-score": "bert_model"}


@dataclass(frozen=True)
class Reading:
    """How answers are read and measured.

    Args:
        readers: `rule`, `upstream` or both.
        label_model: Classifiers, as `benchmarks.label_model.places_by_set` reads them.
        measures: Of explanations, of `MEASURES`.
        bart_model: Folder or hub name; the publishers' own by default.
        bart_weights: Other weights for it.
        bert_model: Folder or hub name; by the language of the cases by default.
        bert_layer: Whose embeddings are compared.
        idf: Weigh tokens by how few golds have them.
        baseline: A file by which BERTScore is rescaled.
    """

    readers: tuple[Reader, ...] = READERS
    label_model: str | None = None
    measures: tuple[str, ...] = ()
    bart_model: str | None = None
    bart_weights: Path | None = None
    bert_model: str | None = None
    bert_layer: int | None = None
    idf: bool = False
    baseline: Path | None = None


def reading_of(scorers: Sequence[str]) -> Reading:
    """Scorers by their names: `rule`, `upstream`, `label:PLACE`, `chrf`, `rouge-l`, `bart-score` and `bert-score`.

    The last two may name their model: `bart-score:PLACE`. Where no reader of labels is named, both rules read them.

    Raises:
        UsageError: There is no such scorer, or one is named twice.

    >>> reading_of(["rule", "chrf", "label:models/DR"]).label_model
    'models/DR'
    """
    readers: list[str] = []
    found: dict[str, Any] = {"measures": ()}
    for scorer in dict.fromkeys(scorers):
        name, _, place = scorer.partition(":")
        if scorer in READERS:
            readers.append(scorer)
        elif name == "label" and place and "label_model" not in found:
            found["label_model"] = place
        elif name in MEASURES and name not in found["measures"] and (not place or name in _MODELS):
            found["measures"] += (name,)
            found |= {_MODELS[name]: place} if place else {}
        else:
            want = f"{', '.join(READERS)}, label:PLACE, {', '.join(MEASURES)}, each once"
            raise UsageError("imhi", "no such scorer", want=want, have=scorer)
    return Reading(readers=cast("tuple[Reader, ...]", tuple(readers)) or READERS, **found)


def check(reading: Reading, sets: Sequence[str], *, chinese: bool = False) -> None:
    """Raise for whatever can be known to be wrong with readers and measures before a model is asked or loaded."""
    from benchmarks.measure_models import settings_of

    if unknown := [name for name in reading.measures if name not in MEASURES]:
        raise UsageError(BENCHMARK, "no such measure", want=", ".join(MEASURES), have=", ".join(unknown))
    if reading.label_model is not None:
        from benchmarks.label_model import places_by_set

        places_by_set(reading.label_model, sets)
    # Also those of the hub: whatever has to be fetched is fetched before anybody is asked.
    from benchmarks import bart_score, bert_score

    for name, place in (
        ("bart-score", reading.bart_model or bart_score.MODEL),
        ("bert-score", reading.bert_model or (bert_score.CHINESE if chinese else bert_score.ENGLISH)),
    ):
        if name in reading.measures:
            settings_of(place, who=name)
    for file in (reading.bart_weights, reading.baseline):
        if file is not None and not file.is_file():
            raise UsageError(BENCHMARK, "no such file", want="weights, or a baseline", have=str(file))


def scored(
    cases: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    system: str,
    reading: Reading = Reading(),
    how: Bootstrap = BOOTSTRAP,
) -> Scored:
    """Answers read by rules and, where they are named, by classifiers; with measures of their explanations.

    Args:
        cases: CASE rows of IMHI.
        answers: PREDICTION rows, one per case.
        system: Who answered.
        reading: By what.
        how: Resamples, seed and confidence.
    """
    sets = [name for name in LABEL_SETS if name in {set_name(name) for name in set(cases["benchmark"])}]
    chinese = bool(cases["language"].str.starts_with("zh").any())
    check(reading, sets, chinese=chinese)
    classifiers, facts = _classifiers(reading, sets)
    found = labels_scored(cases, answers, system=system, readers=reading.readers, classifiers=classifiers, how=how)
    if reading.measures:
        from benchmarks.explanations import measured

        measures = _measures(reading, chinese=chinese)
        parts = in_parts(cases, answers)
        found = measured(found, parts, answers, measures, benchmark=BENCHMARK, system=system, how=how)
    return Scored(found.score, found.summary, found.more, {**found.facts, **facts})


def _classifiers(reading: Reading, sets: Sequence[str]) -> tuple[dict[str, Labels], dict[str, Any]]:
    """One reader made of the sets' classifiers: `label:NAME`, of the folder that holds them where they are several."""
    if reading.label_model is None:
        return {}, {}
    from benchmarks.label_model import LabelModel, places_by_set

    places = places_by_set(reading.label_model, sets)
    models = {name: LabelModel(name, place) for name, place in places.items()}
    names = list(dict.fromkeys(model.name for model in models.values()))
    name = names[0] if len(names) == 1 else Path(reading.label_model).name if "=" not in reading.label_model else (
        "+".join(names)
    )  # fmt: skip

    def labels(dataset: str, replies: Sequence[str]) -> list[int | None]:
        return models[dataset](replies)

    return {f"label:{name}": labels}, {"label_models": {one: model.facts for one, model in models.items()}}


def _measures(reading: Reading, *, chinese: bool) -> list[Any]:
    from benchmarks import bart_score, bert_score
    from benchmarks.explanations import CHRF, ROUGE_L

    made: dict[str, Any] = {
        "bart-score": lambda: bart_score.BartScore(
            reading.bart_model or bart_score.MODEL, weights=reading.bart_weights
        ),
        "bert-score": lambda: bert_score.BertScore(
            reading.bert_model or (bert_score.CHINESE if chinese else bert_score.ENGLISH),
            layer=reading.bert_layer, idf=reading.idf, baseline=reading.baseline,
        ),
        "chrf": lambda: CHRF,
        "rouge-l": lambda: ROUGE_L,
    }  # fmt: skip
    return [made[name]() for name in dict.fromkeys(reading.measures)]


def scores_of(predictions: Artifact, reading: Reading, *, out: Place | None) -> Artifact:
    """The scores of a predictions artifact, written."""
    cases, answers, _ = opened_predictions(predictions)
    system = system_of(predictions)
    found = scored(cases, answers, system=system, reading=reading)
    return write_scores(predictions, found, out=out or predictions_path(predictions, system, SCORES))
