"""What rotations of the options show of a system: accuracy over places, the letters it likes, and answers without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.intervals import difference, wilson
from benchmarks.mcq_debias import debias
from benchmarks.mcq_positions import position_bias
from benchmarks.mcq_reading import LETTERS
from benchmarks.resampling import Bootstrap, bootstrap

_LIKELIHOOD: Final = "likelihood"
_GENERATED: Final = "generated"
_ROTATION: Final = "rotation "
_POSITION: Final = {
    "part": pl.String(),
    "scorer": pl.String(),
    "letter": pl.String(),
    "chosen": pl.Float64(),
    "right_answer": pl.Float64(),
    "recall": pl.Float64(),
    "prior": pl.Float64(),
}

Measure = tuple[Estimate, str, str, str]
"""Estimate, part, name and scorer."""


@dataclass
class Rotated:
    """What was found.

    Args:
        measures: In 0 to 1, but for `recall_sd`, which is x 100.
        position: One row per letter: how often it was chosen and is the answer, over all rotations; its recall; its
            prior by PriDe, null for what was generated.
        facts: For the manifest.
    """

    measures: list[Measure] = field(default_factory=list)
    position: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_POSITION))
    facts: dict[str, Any] = field(default_factory=dict)


def rotated(
    answers: pl.DataFrame, likelihood: pl.DataFrame | None, *, how: Bootstrap, share: float, seed: int
) -> Rotated:
    """Accuracy over rotations, share of questions right in all of them, spread of recalls, PriDe; by number of options.

    Measures: `rotation_accuracy` (interval by drawing questions again), `all_rotations_right` (Wilson), `recall_sd`;
    of likelihoods also `debiased_accuracy` and `debiasing_gain`, after PriDe, on the questions of which all letters are
    known in all rotations. Questions with another number of options are another part, such as `5 options`; `all` where
    there is one number only. Questions with one answer only, for recalls and PriDe.

    Args:
        answers: The table `answer` of `mcq_scoring.scored`.
        likelihood: Its LIKELIHOODS.
        how: How questions are drawn again.
        share: Of the questions, for the prior.
        seed: Of that draw.
    """
    found = Rotated()
    # Of a question that has no value in one rotation, the others alone would look like one of fewer options.
    told = pl.col("value").is_not_null().all().over("scorer", "case_id")
    turned = answers.filter(pl.col("variant").str.starts_with(_ROTATION)).filter(told)
    turned = turned.with_columns(
        rotation=pl.col("variant").str.strip_prefix(_ROTATION).cast(pl.Int64), question_id="case_id"
    )
    turned = turned.filter(pl.col("scorer").is_in([_GENERATED, _LIKELIHOOD]))
    turned = turned.with_columns(options=pl.len().over("scorer", "case_id"))
    kinds = turned["options"].unique().sort().to_list()
    tables, priors = [], {}
    for options in kinds:
        part = "all" if len(kinds) == 1 else f"{options} options"
        some = turned.filter(pl.col("options") == options)
        prior = None
        if likelihood is not None and (wanted := _with_one_answer(some)).height:
            odds = _odds(likelihood, wanted, options)
            measures, prior = _debiased(odds, wanted.height, part, how, share, seed)
            found.measures += measures
        if prior is not None:
            priors[part] = [round(float(p), 6) for p in prior]
        for scorer in some["scorer"].unique(maintain_order=True):
            rows = some.filter(pl.col("scorer") == scorer)
            found.measures += _placed(rows, part, scorer, how)
            tables.append(_letters(rows, part, scorer, options, prior if scorer == _LIKELIHOOD else None))
    if tables:
        found.position = pl.concat(tables)
    found.facts = {"rotated": turned["case_id"].n_unique(), **({"pride_prior": priors} if priors else {})}
    return found


def _placed(rows: pl.DataFrame, part: str, scorer: str, how: Bootstrap) -> Iterator[Measure]:
    bias = position_bias(rows, how=how)
    yield bias.accuracy.counted(n=bias.accuracy.n, missing=bias.invalid), part, "rotation_accuracy", scorer
    yield bias.all_right, part, "all_rotations_right", scorer
    yield _recall_spread(rows, how), part, "recall_sd", scorer


def _recall_spread(rows: pl.DataFrame, how: Bootstrap) -> Estimate:
    """Population standard deviation of the letters' recalls x 100; questions are drawn again."""
    one = rows.filter(pl.col("gold").list.len() == 1).with_columns(letter=pl.col("gold").list.first())
    if one.height and one["predicted"].null_count() == one.height:
        return undefined("no answer could be read", n=one.height, missing=one.height)
    letters = one["letter"].unique().sort().to_list()
    if len(letters) < 2:
        return undefined("fewer than two letters are right answers", n=one.height)
    where = np.array([letters.index(letter) for letter in one["letter"]])
    parts = np.zeros((one.height, 2 * len(letters)))
    parts[np.arange(one.height), where] = one["value"].to_numpy()
    parts[np.arange(one.height), len(letters) + where] = 1
    n = len(letters)
    return bootstrap(
        parts, lambda sums: 100 * (sums[:, :n] / sums[:, n:]).std(axis=1), clusters=one["case_id"].to_list(), how=how
    )


def _with_one_answer(rows: pl.DataFrame) -> pl.DataFrame:
    """Id and right option, as published, of the questions whose likeliest letter was looked at."""
    asked = rows.filter((pl.col("scorer") == _LIKELIHOOD) & (pl.col("gold").list.len() == 1))
    return asked.filter(pl.col("rotation") == 0).select("case_id", right=pl.col("gold").list.first())


def _odds(likelihood: pl.DataFrame, first: pl.DataFrame, options: int) -> tuple[list[str], Floats, Floats] | None:
    """Ids, probabilities (questions x rotations x letters) and the right option of questions known in all rotations."""
    told = likelihood.filter((pl.col("form") == "letters") & pl.col("problem").is_null()).join(first, on="case_id")
    told = told.with_columns(rotation=pl.col("variant").str.strip_prefix(_ROTATION).cast(pl.Int64, strict=False))
    # One letter may be impossible; not all of them, and no value may be none.
    known = (
        (pl.col("values").list.len() == options)
        & pl.col("values").list.eval(pl.element().is_null() | pl.element().is_nan()).list.any().not_()
        & pl.col("values").list.max().is_finite()
    )
    told = told.filter(known).sort("case_id", "rotation")
    whole = told.group_by("case_id", maintain_order=True).agg(pl.len(), pl.col("values"), pl.col("right").first())
    whole = whole.filter(pl.col("len") == options)
    if whole.is_empty() or options < 2:
        return None
    values = np.array(whole["values"].to_list(), dtype=np.float64)
    # Odds among the letters; what is impossible to the last digit is not quite so.
    odds = np.exp(values - values.max(axis=2, keepdims=True)).clip(min=1e-300)
    right = np.array([LETTERS.index(letter) for letter in whole["right"]], dtype=np.float64)
    return whole["case_id"].to_list(), odds, right


def _debiased(
    odds: tuple[list[str], Floats, Floats] | None, asked: int, part: str, how: Bootstrap, share: float, seed: int
) -> tuple[list[Measure], Floats | None]:
    if odds is None:
        none = undefined("no question of which all letters are known in all rotations", missing=asked)
        return [(none, part, name, _LIKELIHOOD) for name in ("debiased_accuracy", "debiasing_gain")], None
    names, seen, right = odds
    lost = asked - len(names)
    made = debias(names, seen, share=share, seed=seed)
    after = (made.chosen == right).astype(np.float64)
    before = (made.before == right).astype(np.float64)
    accuracy = wilson(int(after.sum()), len(after), confidence=how.confidence)
    gain = difference(after, before, bounds=(-1, 1), how=how)
    return [
        (accuracy.counted(n=len(names), missing=lost), part, "debiased_accuracy", _LIKELIHOOD),
        (gain.counted(n=len(names), missing=lost), part, "debiasing_gain", _LIKELIHOOD),
    ], made.prior


def _letters(rows: pl.DataFrame, part: str, scorer: str, options: int, prior: Floats | None) -> pl.DataFrame:
    """How often each letter was chosen and is the answer; several letters of one answer count each."""
    letters = list(LETTERS[:options])
    said = rows.filter(pl.col("predicted").is_not_null())
    chosen = dict(said.select(letter=pl.col("predicted").explode()).group_by("letter").len().iter_rows())
    right = dict(rows.select(letter=pl.col("gold").explode()).group_by("letter").len().iter_rows())
    one = rows.filter(pl.col("gold").list.len() == 1)
    recall = dict(one.group_by(letter=pl.col("gold").list.first()).agg(pl.col("value").mean()).iter_rows())
    table = {
        "part": [part] * options,
        "scorer": [scorer] * options,
        "letter": letters,
        "chosen": [chosen.get(letter, 0) / said.height if said.height else None for letter in letters],
        "right_answer": [right.get(letter, 0) / rows.height for letter in letters],
        "recall": [recall.get(letter) for letter in letters],
        "prior": [None] * options if prior is None else [float(p) for p in prior],
    }
    return pl.DataFrame(table, schema=_POSITION)
