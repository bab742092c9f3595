"""Explanations measured against the gold: BARTScore, BERTScore, chrF and ROUGE-L of whole answers, mean by part.

Compared is all that was answered with all of the gold, labels and explanations, as IMHI's publishers do. No such
measure knows whether an explanation is true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, cluster_codes, undefined
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap, resampled
from benchmarks.scored import Scored, summary_row, summary_table
from benchmarks.text_measures import chrf, rouge_l
from xinheng.errors import InputError, UsageError
from xinheng.tables import SCORE
from xinheng.thoughts import without_thoughts

NAMES: Final = ("bart_score", "bert_score", "chrf", "rouge_l")
_NO_GOLD: Final = "no gold"
_NOT_ANSWERED: Final = "no answer"
_EMPTY: Final = "empty"


class Measure(Protocol):
    """What gives a value to a text and the one that was expected."""

    @property
    def name(self) -> str:
        """Of the measure, as in `NAMES`."""
        ...

    @property
    def empty(self) -> float | None:
        """The value of an empty text, or of no answer at all: 0 where that is the least, None where there is none."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """For the record; `name` is that of the model, where there is one."""
        ...

    def __call__(self, texts: Sequence[str], golds: Sequence[str], languages: Sequence[str]) -> list[float | None]:
        """The value of each pair."""
        ...


@dataclass(frozen=True)
class Overlap:
    """A measure of shared words and characters, pair by pair."""

    name: str
    of: Callable[[str, str, str], float]
    empty: float | None = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, texts: Sequence[str], golds: Sequence[str], languages: Sequence[str]) -> list[float | None]:
        """The value of each pair."""
        return [self.of(*pair) for pair in zip(texts, golds, languages, strict=True)]


CHRF: Final = Overlap("chrf", lambda text, gold, _: chrf(text, gold))
ROUGE_L: Final = Overlap("rouge_l", lambda text, gold, language: rouge_l(text, gold, language=language))


def measured(
    scored: Scored,
    cases: pl.DataFrame,
    predictions: pl.DataFrame,
    measures: Sequence[Measure],
    *,
    benchmark: str,
    system: str,
    how: Bootstrap = BOOTSTRAP,
) -> Scored:
    """What was scored, with measures of the explanations beside it.

    What was thought is no part of an answer. An empty answer, and one with a problem, has the measure's least value
    with the reason beside it; BARTScore has no least value, so there it is missing. A case without a gold is missing in
    all. Posts are drawn again, not rows.

    Args:
        scored: What the benchmark gave.
        cases: CASE rows with columns part and mean (String: under which a case counts, and the mean over parts).
        predictions: PREDICTION rows of one system, at most one per case.
        measures: Each by another name.
        benchmark: For the rows.
        system: For the rows.
        how: Resamples, seed and confidence.

    Returns:
        The same with SCORE rows (scorer `chrf`, `rouge_l`, `bart_score:MODEL`, `bert_score:MODEL`), SUMMARY rows per
        part and mean (measure: the name before the colon), and `measures` among the facts.

    Raises:
        UsageError: Two measures of the same name.
        InputError: A case answered twice.
    """
    if len({one.name for one in measures}) < len(measures):
        raise UsageError("measures", "a measure twice", want="each once", have=", ".join(one.name for one in measures))
    if twice := predictions.height - predictions["case_id"].n_unique():
        raise InputError("measures", "cases answered more than once", want="one answer each", have=f"{twice:,} twice")
    asked = cases.join(
        predictions.select("case_id", _spoken(), "problem", _there=pl.lit(value=True)),
        on="case_id",
        how="left",
        maintain_order="left",
    ).with_columns(
        reason=pl.when(pl.col("reference").is_null())
        .then(pl.lit(_NO_GOLD))
        .when(pl.col("_there").is_null())
        .then(pl.lit(_NOT_ANSWERED))
        .when(pl.col("problem").is_not_null())
        .then("problem")
        .when(pl.col("text").str.strip_chars() == "")
        .then(pl.lit(_EMPTY))
    )
    scores, summary = [scored.score], [scored.summary]
    for one in measures:
        rows = _values(asked, one)
        scorer = _scorer(one)
        scores.append(
            rows.select(
                "case_id",
                "group_id",
                "part",
                "value",
                "reason",
                benchmark=pl.lit(benchmark),
                system=pl.lit(system),
                scorer=pl.lit(scorer),
            )
            .select(*SCORE)
            .cast(dict(SCORE))  # type: ignore[arg-type]
        )
        told = {"benchmark": benchmark, "measure": one.name, "scorer": scorer, "system": system}
        summary.append(
            summary_table([summary_row(found, part=part, **told) for part, found in _means(rows, one.empty, how)])
        )
    facts = {_scorer(one): dict(one.facts) for one in measures}
    return replace(
        scored,
        score=pl.concat(scores),
        summary=pl.concat(summary),
        facts={**scored.facts, "scorers": [*scored.facts.get("scorers", []), *facts], "measures": facts},
    )


def _spoken() -> pl.Expr:
    return pl.col("text").map_elements(without_thoughts, return_dtype=pl.String)


def _scorer(one: Measure) -> str:
    return f"{one.name}:{one.facts['name']}" if "name" in one.facts else one.name


def _values(asked: pl.DataFrame, one: Measure) -> pl.DataFrame:
    given = asked.filter(pl.col("reason").is_null())
    found = one(given["text"].to_list(), given["reference"].to_list(), given["language"].to_list())
    values = dict(zip(given["case_id"], found, strict=True))
    least = pl.when(pl.col("reason") == _NO_GOLD).then(None).otherwise(pl.lit(one.empty, pl.Float64))
    measured = pl.Series([values.get(case_id) for case_id in asked["case_id"]], dtype=pl.Float64)
    return asked.with_columns(
        value=pl.when(pl.col("reason").is_null()).then(measured).otherwise(least),
        # A gold of blanks alone, which a reader of files would not let in.
        reason=pl.when(pl.col("reason").is_null() & measured.is_null()).then(pl.lit(_NO_GOLD)).otherwise("reason"),
    )


def _means(rows: pl.DataFrame, least: float | None, how: Bootstrap) -> list[tuple[str, Estimate]]:
    """The mean of each part, and behind the parts of each mean their mean."""
    found: list[tuple[str, Estimate]] = []
    for (mean,), of_mean in rows.group_by("mean", maintain_order=True):
        estimates, draws = [], []
        for place, ((part,), of_part) in enumerate(of_mean.group_by("part", maintain_order=True)):
            known = of_part.drop_nulls("value").sort("case_id")
            lost, posts = of_part.height - of_part["reason"].null_count(), known["group_id"].to_list()
            counts = np.stack([known["value"].to_numpy(), np.ones(known.height)], axis=1)
            estimate = bootstrap(counts, _mean, clusters=posts, how=how, what="the mean")
            counted = "" if least is None or not lost else f"; empty or unusable answers count as {least:g}"
            estimates.append(
                replace(estimate.counted(n=of_part.height, missing=lost), method=estimate.method + counted)
            )
            found.append((str(part), estimates[-1]))
            if known.height:
                own = Bootstrap(how.resamples, how.seed + place, how.confidence)
                draws.append(resampled(counts, _mean, cluster_codes("measures", posts, len(posts)), own))
        found.append((str(mean), _over(estimates, draws, how)))
    return found


def _over(parts: list[Estimate], draws: list[Floats], how: Bootstrap) -> Estimate:
    n, missing = sum(one.n for one in parts), sum(one.missing for one in parts)
    values = [one.value for one in parts if one.value is not None]
    if len(values) < len(parts):
        return undefined("a part has no value", n=n, missing=missing)
    low, high, method = None, None, ""
    if all(one.has_interval for one in parts):
        tail = (1 - how.confidence) / 2
        low, high = (float(end) for end in np.quantile(np.mean(draws, axis=0), [tail, 1 - tail]))
        method = f"percentile bootstrap, {how.resamples:,} resamples of each part's posts"
    reason = "" if method else "a part has no interval"
    return Estimate(
        float(np.mean(values)), low, high, n=n, missing=missing, reason=reason, method=method, confidence=how.confidence
    )


def _mean(sums: Floats) -> Floats:
    with np.errstate(all="ignore"):
        value: Floats = sums[:, 0] / sums[:, 1]
    return value
