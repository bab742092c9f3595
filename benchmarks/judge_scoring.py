"""Verdicts into scores: a value per reply and judge, the panel's, and the measures over them with their intervals.

A reply that was not answered, or whose verdict could not be read, is missing from every mean and counted. The panel's
value needs every judge: a mean over those that happened to answer would move with their severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.agreement import krippendorff_alpha
from benchmarks.correlation import spearman
from benchmarks.estimates import Estimate, undefined
from benchmarks.gates import verdict
from benchmarks.intervals import mean
from benchmarks.judge import Verdict, summary_grade
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from benchmarks.rubrics import Rubric
from benchmarks.scored import Scored, summary_row, summary_table
from counselling.judge_guard import visible
from xinheng.errors import InputError
from xinheng.tables import SCORE

PANEL: Final = "panel"
WEIGHTED: Final = "weighted:"
# A reply that was never shown to a judge: its reason begins so.
UNANSWERED: Final = "reply: "
# Longer than any counsellor's turn; a judge would read the beginning and grade the whole.
LONGEST: Final = 40_000

# One row per reply, judge, repeat and dimension; `value` is null where there is no grade, and `reason` says why.
# `weighted` and `mass` come from log-probabilities, null where none were asked for.
ANSWER: Final = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "judge": pl.String(),
    "repeat": pl.UInt32(),
    "dimension": pl.String(),
    "value": pl.Float64(),
    "reason": pl.String(),
    "evidence": pl.List(pl.String()),
    "weighted": pl.Float64(),
    "mass": pl.Float64(),
}
_KEYS: Final = ("case_id", "variant")


def unjudged(text: str, problem: str | None) -> str:
    r"""Why a reply is not shown to a judge; "" for one that is.

    >>> unjudged("hello", None), unjudged("\u200b \x07", None), unjudged("sorry", "refused")
    ('', 'reply: empty', 'reply: refused')
    """
    if problem is not None:
        return f"{UNANSWERED}{problem}"
    if not visible(text).strip():
        return f"{UNANSWERED}empty"
    return f"{UNANSWERED}longer than {LONGEST:,} characters" if len(text) > LONGEST else ""


def answer_rows(
    rubric: Rubric, verdict: Verdict | None, *, why: str = "", weights: Mapping[str, tuple[float, float]] | None = None
) -> list[dict[str, Any]]:
    """ANSWER rows of one verdict without the reply's and judge's names; the rubric's summary is a dimension too.

    Args:
        rubric: By which was judged.
        verdict: None for a reply that was not shown to a judge.
        why: Why not.
        weights: Dimension to weighted grade and captured mass.
    """
    rows = []
    for name in measures(rubric):
        grade = None
        if verdict is not None:
            is_summary = rubric.summary is not None and name == rubric.summary.name
            grade = summary_grade(rubric, verdict) if is_summary else verdict.grades.get(name)
        reason = why or (verdict.unread.get(name, "a dimension that it needs is missing") if verdict else "unreadable")
        weighted, mass = (weights or {}).get(name, (None, None))
        rows.append(
            {
                "dimension": name,
                "value": None if grade is None else grade.value,
                "reason": reason if grade is None else None,
                "evidence": list(grade.evidence) if grade is not None else [],
                "weighted": weighted,
                "mass": mass,
            }
        )
    return rows


def measures(rubric: Rubric) -> list[str]:
    """What a rubric measures: its dimensions, and its summary where it has one."""
    return [*(one.name for one in rubric.dimensions), *([rubric.summary.name] if rubric.summary else [])]


def ends(rubric: Rubric, measure: str) -> tuple[float, float]:
    """Least and greatest value of a measure."""
    if rubric.summary is not None and measure == rubric.summary.name:
        return rubric.summary.low, rubric.summary.high
    one = rubric.dimension(measure)
    return one.low, one.high


def better(rubric: Rubric, measure: str) -> str:
    """Whether `higher` or `lower` is good."""
    if rubric.summary is not None and measure == rubric.summary.name:
        return "lower" if rubric.summary.any else "higher"
    return rubric.dimension(measure).better


def values(answers: pl.DataFrame, rubric: Rubric) -> pl.DataFrame:
    """One value per reply, measure and scorer: judges, the panel where there are several, and weighted grades.

    Args:
        answers: ANSWER rows.
        rubric: By which was judged.

    Returns:
        case_id, variant, measure, scorer, value (Float64, null where missing), reason; sorted.

    Raises:
        InputError: A verdict is there twice.
    """
    keys = [*_KEYS, "dimension", "judge"]
    if answers.select(*keys, "repeat").is_duplicated().any():
        raise InputError("judge", "a verdict twice", want="one per reply, judge, repeat and dimension")
    by_judge = answers.group_by(keys).agg(
        pl.col("value").mean(), pl.col("reason").drop_nulls().sort().first(), pl.col("weighted").mean()
    )
    judges = sorted(answers["judge"].unique())
    parts = [by_judge.select(*keys, "value", "reason").rename({"judge": "scorer"})]
    if len(judges) > 1:
        whole = pl.col("value").null_count() == 0
        reasons = pl.col("reason").drop_nulls().sort().first()
        panel = by_judge.group_by(*_KEYS, "dimension").agg(
            pl.when(whole).then(pl.col("value").mean()).alias("value"), pl.when(~whole).then(reasons).alias("reason")
        )
        parts.append(panel.with_columns(scorer=pl.lit(PANEL)).select(*_KEYS, "dimension", "scorer", "value", "reason"))
    if answers["weighted"].null_count() < answers.height:
        spelled = [one.name for one in rubric.dimensions if one.kind == "grade"]
        weighted = by_judge.filter(pl.col("dimension").is_in(spelled)).select(
            *_KEYS,
            "dimension",
            (WEIGHTED + pl.col("judge")).alias("scorer"),
            pl.col("weighted").alias("value"),
            pl.when(pl.col("weighted").is_null()).then(pl.coalesce("reason", pl.lit("no log-probabilities of a grade")))
            .alias("reason"),
        )  # fmt: skip
        parts.append(weighted)
    found = pl.concat(parts).rename({"dimension": "measure"})
    found = found.with_columns(reason=pl.when(pl.col("value").is_null()).then(pl.col("reason")))
    order = {name: number for number, name in enumerate(measures(rubric))}
    return found.sort(pl.col("measure").replace_strict(order), "scorer", *_KEYS)


def scored(
    cases: pl.DataFrame,
    predictions: pl.DataFrame,
    answers: pl.DataFrame,
    rubric: Rubric,
    *,
    system: str,
    how: Bootstrap = BOOTSTRAP,
) -> Scored:
    """A system's replies, scored.

    Args:
        cases: CASE rows.
        predictions: PREDICTION rows, one per case and variant.
        answers: ANSWER rows for all of them.
        rubric: By which was judged.
        system: Who replied.
        how: Resamples, seed, confidence.

    Returns:
        `score` with a row per case, measure (its `part`) and scorer, and `measure`, `normalised` beside SCORE's
        columns; `summary` with, for each measure and scorer, its mean on its own scale, `…_normalised` where that is
        another, `…_unanswered_lowest` where replies are missing (their mean if each of these had the worst grade),
        `…_by_length` (Spearman's rho of grade and length), `…_repeat_sd`, and for a panel `…_judges_alpha`.
    """
    benchmark = f"judge/{rubric.name}"
    told = values(answers, rubric)
    groups = predictions.select(*_KEYS, "text").join(cases.select("case_id", "group_id"), on="case_id", how="left")
    told = told.join(groups, on=_KEYS, how="left", maintain_order="left")
    rows: list[dict[str, Any]] = []
    gates: list[dict[str, Any]] = []
    normalised: list[pl.Series] = []
    for (measure, scorer), part in told.group_by("measure", "scorer", maintain_order=True):
        low, high = ends(rubric, str(measure))
        normalised.append((part["value"] - low) / (high - low))
        made = _estimates(part, rubric, str(measure), how)
        of_judge = answers.filter((pl.col("dimension") == measure) & (pl.col("judge") == scorer))
        if of_judge["repeat"].n_unique() > 1:
            made[f"{measure}_repeat_sd"] = _repeat_sd(of_judge)
        if scorer == PANEL:
            made[f"{measure}_judges_alpha"] = _judges_alpha(answers, str(measure), part)
        rows += [
            summary_row(e, benchmark=benchmark, part="all", measure=name, scorer=str(scorer), system=system)
            for name, e in made.items()
        ]
        if not str(scorer).startswith(WEIGHTED):
            gates += _gates(rubric, str(measure), str(scorer), made)
    return Scored(
        _score_rows(told.with_columns(normalised=pl.concat(normalised)), benchmark, system),
        summary_table(rows),
        more={"answer": answers},
        facts={"rubric": _rubric_facts(rubric), "gates": gates, "missing": missing_counts(told)},
    )


def _score_rows(told: pl.DataFrame, benchmark: str, system: str) -> pl.DataFrame:
    """One row per case, measure and scorer; a case that was answered several times has the mean of what was read."""
    keys = ["case_id", "group_id", "measure", "scorer"]
    whole = told.group_by(keys, maintain_order=True).agg(
        pl.col("value", "normalised").mean(), pl.col("reason").drop_nulls().first()
    )
    return whole.select(
        "case_id",
        "group_id",
        pl.lit(benchmark).alias("benchmark"),
        pl.col("measure").alias("part"),
        pl.lit(system).alias("system"),
        "scorer",
        "value",
        pl.when(pl.col("value").is_null()).then("reason").alias("reason"),
        "measure",
        "normalised",
    ).cast(dict(SCORE))  # type: ignore[arg-type]


def missing_counts(told: pl.DataFrame) -> list[dict[str, Any]]:
    """How many replies have no value, by scorer and reason."""
    counts = told.filter(pl.col("value").is_null()).group_by("scorer", "measure", "reason").len("n")
    return counts.sort("scorer", "measure", "reason").to_dicts()


def _estimates(part: pl.DataFrame, rubric: Rubric, measure: str, how: Bootstrap) -> dict[str, Estimate]:
    low, high = ends(rubric, measure)
    clusters = part["group_id"].to_list()
    found = part["value"].to_numpy().astype(np.float64)
    # A weighted mean may leave the last digit of its scale.
    inside = np.clip(found, low, high)
    made = {measure: mean(inside, clusters=clusters, bounds=(low, high), how=how)}
    if (low, high) != (0.0, 1.0):
        share = (inside - low) / (high - low)
        made[f"{measure}_normalised"] = mean(share, clusters=clusters, bounds=(0, 1), how=how)
    unanswered = part["reason"].fill_null("").str.starts_with(UNANSWERED).to_numpy()
    if unanswered.any():
        worst = low if better(rubric, measure) == "higher" else high
        filled = mean(np.where(unanswered, worst, inside), clusters=clusters, bounds=(low, high), how=how)
        made[f"{measure}_unanswered_lowest"] = filled
    # Ranks have no sums to resample by: where every reply is a dialogue of its own, a formula does.
    apart = None if len(set(clusters)) == len(clusters) else clusters
    few = Bootstrap(min(how.resamples, 300), how.seed, how.confidence)
    lengths = part["text"].str.len_chars().cast(pl.Float64).to_numpy()
    by_length = spearman(found, lengths, clusters=apart, how=few)
    why = by_length.reason.replace("first and second does not vary", "neither grade nor length varies")
    why = why.replace("first", "the grade").replace("second", "the length")
    made[f"{measure}_by_length"] = replace(by_length, reason=why)
    return made


def _repeat_sd(of_judge: pl.DataFrame) -> Estimate:
    """How far repeats of one verdict scatter: the root of the mean variance within replies."""
    spread = of_judge.group_by(_KEYS).agg(pl.col("value").drop_nulls().var().alias("var"))
    known = spread["var"].drop_nulls()
    if not known.len():
        return undefined("no reply with two verdicts that could be read", missing=spread.height)
    value = float(np.sqrt(known.to_numpy().mean()))
    return Estimate(value, n=known.len(), missing=spread.height - known.len(), reason="a spread, without an interval")


def _judges_alpha(answers: pl.DataFrame, measure: str, part: pl.DataFrame) -> Estimate:
    table = (
        answers.filter(pl.col("dimension") == measure)
        .group_by(*_KEYS, "judge").agg(pl.col("value").mean())
        .pivot("judge", index=list(_KEYS), values="value", sort_columns=True).sort(_KEYS)
    )  # fmt: skip
    groups = part.select(*_KEYS, "group_id").unique().sort(_KEYS)
    ratings = table.drop(_KEYS).to_numpy().astype(np.float64)
    return krippendorff_alpha(ratings, "interval", clusters=groups["group_id"].to_list())


def _gates(rubric: Rubric, measure: str, scorer: str, made: Mapping[str, Estimate]) -> list[dict[str, Any]]:
    one = next((d for d in rubric.dimensions if d.name == measure), None)
    if one is None or one.above is None:
        return []
    name = measure if one.above_of == "grade" or f"{measure}_normalised" not in made else f"{measure}_normalised"
    found = verdict(made[name], one.above)
    return [
        {
            "measure": name,
            "scorer": scorer,
            "above": one.above,
            "value": found.estimate.value,
            "verdict": found.verdict.value,
            "more": found.more,
            "reason": found.reason,
        }
    ]


def _rubric_facts(rubric: Rubric) -> dict[str, Any]:
    return {
        "name": rubric.name,
        "version": rubric.version,
        "digest": rubric.digest,
        "scales": {name: list(ends(rubric, name)) for name in measures(rubric)},
        "better": {name: better(rubric, name) for name in measures(rubric)},
    }
