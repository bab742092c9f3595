"""Answers to IMHI's cases, scored: each case by each reader, and weighted F1 per set with its interval and floor.

Gold answers are read by our rule for every reader, for the publishers' cannot read some of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from benchmarks.estimates import Estimate
from benchmarks.imhi import MEAN, Measures, Reader, measured, read_label
from benchmarks.imhi_labels import LABEL_SETS, set_name
from benchmarks.imhi_prompts import FORMS
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from benchmarks.scored import Scored, summary_row, summary_table
from xinheng.errors import InputError, SchemaError, UsageError
from xinheng.tables import CASE, PREDICTION, SCORE, require

BENCHMARK: Final = "imhi"
READERS: Final[tuple[Reader, ...]] = ("rule", "upstream")
UNREADABLE: Final = "unreadable"
NOT_ANSWERED: Final = "no answer"

Labels = Callable[[str, Sequence[str]], list[int | None]]
"""From a set and replies to the replies' labels."""

_SPLITS: Final = ("test", "expert", "validation", "train")
_ANSWER: Final = {
    "dataset": pl.String(),
    "part": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "scorer": pl.String(),
    "gold": pl.Int64(),
    "predicted": pl.Int64(),
}


def scored(
    cases: pl.DataFrame,
    predictions: pl.DataFrame,
    *,
    system: str,
    readers: Sequence[Reader] = READERS,
    classifiers: Mapping[str, Labels] | None = None,
    how: Bootstrap = BOOTSTRAP,
) -> Scored:
    """Correctness of every case by every reader, and the figures of each set and their mean.

    A case without an answer, with an answer that has a problem (refused, cut off, timed out …) and one whose answer no
    label can be read from are wrong and counted as invalid. The publishers' rule reads a label from any answer
    that has no problem.

    Both forms, and the experts' gold beside the publishers', are scored apart: the first of them in the order
    instruction before completion, test before expert has parts with the sets' bare names, the others' parts say what
    they are (`DR completion`, `DR expert`, `mean expert`).

    Args:
        cases: CASE rows with the gold in `reference`; those that were asked about, in any order.
        predictions: PREDICTION rows of one system, one per case.
        system: Its name.
        readers: `rule`, `upstream` or both.
        classifiers: Further readers by their scorer's name (`label:NAME`).
        how: Resamples, seed and confidence.

    Returns:
        score: value 1 or 0, by case, then reader. summary: per part `weighted_f1`, `accuracy`, `macro_f1`, `floor_f1`
        (percent) and `invalid_rate` (a share). more: `answer` (dataset, part, case_id, group_id, scorer, gold,
        predicted; the labels by number, predicted null where invalid). facts: `scorers`, `labels` (names by
        number) and `parts` (form and split).

    Raises:
        SchemaError: Other columns.
        UsageError: An unknown set, form or reader.
        InputError: No cases, a case or an answer twice, an answer to no case, answers of several systems, a case
            without a post, or a gold that cannot be read.
    """
    cases = in_parts(cases, predictions)
    replies = predictions.select("case_id", "text", "problem")
    asked = cases.join(replies, on="case_id", how="left", maintain_order="left").with_columns(
        answered=pl.col("case_id").is_in(replies["case_id"].implode())
    )
    read = _readers(readers, classifiers or {})
    answers = pl.concat([_answers(asked, name, labels) for name, labels in read.items()])
    summary: list[dict[str, Any]] = []
    for part in asked["suffix"].unique(maintain_order=True):
        for scorer in read:
            of_part = answers.filter((pl.col("suffix") == part) & (pl.col("scorer") == scorer))
            summary += _summary(of_part, part, scorer, system, how)
    score = answers.select(
        "case_id",
        "group_id",
        benchmark=pl.lit(BENCHMARK),
        part="part",
        system=pl.lit(system),
        scorer="scorer",
        value=(pl.col("gold") == pl.col("predicted")).fill_null(value=False).cast(pl.Float64),
        reason="reason",
    ).cast(dict(SCORE))  # type: ignore[arg-type]
    return Scored(
        score,
        summary_table(summary),
        {"answer": answers.select(*_ANSWER)},
        {
            "scorers": list(read),
            "labels": {name: list(LABEL_SETS[name].names) for name in asked["dataset"].unique(maintain_order=True)},
            "parts": {
                (suffix.strip() or "bare names"): {"form": form, "split": split, "n": n}
                for suffix, form, split, n in asked.group_by("suffix", "form", "published_split", maintain_order=True)
                .len()
                .iter_rows()
            },
        },
    )


def gold_labels(cases: pl.DataFrame) -> list[int]:
    """The gold label of each case, by number, in the order of the rows.

    Raises:
        InputError: Golds that cannot be read; it names cases, never their texts.
    """
    pairs = cases.select("benchmark", "reference").iter_rows()
    found = [None if gold is None else read_label(set_name(name), gold) for name, gold in pairs]
    if unread := [case_id for case_id, label in zip(cases["case_id"], found, strict=True) if label is None]:
        raise InputError(
            BENCHMARK, "gold answers that cannot be read", want="a label of its set in each",
            have=f"{len(unread):,} others, such as {', '.join(unread[:3])}",
        )  # fmt: skip
    return [label for label in found if label is not None]


def require_scorable(cases: pl.DataFrame) -> None:
    """Raise where cases could not be scored; called before anything is asked, for asking costs.

    Raises:
        InputError: Cases without a post, or golds that cannot be read.
    """
    if lost := cases["group_id"].null_count():
        raise InputError(BENCHMARK, "cases without a post", want="group_id in each", have=f"{lost:,} without")
    gold_labels(cases)


def _readers(readers: Sequence[Reader], classifiers: Mapping[str, Labels]) -> dict[str, Labels]:
    if unknown := [name for name in readers if name not in READERS]:
        raise UsageError(BENCHMARK, "unknown reader", want=" or ".join(READERS), have=", ".join(unknown))
    if not readers and not classifiers:
        raise UsageError(BENCHMARK, "no reader", want=" or ".join(READERS))

    def by_rule(reader: Reader) -> Labels:
        return lambda dataset, replies: [read_label(dataset, reply, reader=reader) for reply in replies]

    return {**{str(name): by_rule(name) for name in dict.fromkeys(readers)}, **classifiers}


def _answers(asked: pl.DataFrame, scorer: str, labels: Labels) -> pl.DataFrame:
    """The label that one reader reads of each answer that there is, and why there is none of others."""
    found: dict[str, int | None] = {}
    readable = asked.filter(pl.col("answered") & pl.col("problem").is_null())
    for (name,), rows in readable.group_by("dataset", maintain_order=True):
        found |= zip(rows["case_id"], labels(str(name), rows["text"].to_list()), strict=True)
    predicted = pl.Series([found.get(case_id) for case_id in asked["case_id"]], dtype=pl.Int64)
    return asked.select(
        "dataset", "suffix", "part", "case_id", "group_id", "gold",
        scorer=pl.lit(scorer),
        predicted=predicted,
        reason=pl.when(predicted.is_not_null()).then(None)
        .when(~pl.col("answered")).then(pl.lit(NOT_ANSWERED))
        .when(pl.col("problem").is_not_null()).then("problem")
        .otherwise(pl.lit(UNREADABLE)),
    )  # fmt: skip


def _summary(answers: pl.DataFrame, suffix: str, scorer: str, system: str, how: Bootstrap) -> list[dict[str, Any]]:
    figures, found = measured(answers, how=how)
    rows = []
    for row in figures.iter_rows(named=True):
        part = row["dataset"] + suffix
        n, invalid = row["n"], row["invalid"]
        always = "mean of the sets' floors" if row["dataset"] == MEAN else f"always {row['floor_label']}"
        estimates: Measures = {
            **found[row["dataset"]],
            "floor_f1": Estimate(row["floor_f1"], n=n, method=always),
            "invalid_rate": Estimate(invalid / n, n=n, missing=invalid, method="invalid answers count as wrong"),
        }
        rows += [
            summary_row(estimate, benchmark=BENCHMARK, part=part, measure=measure, scorer=scorer, system=system)
            for measure, estimate in estimates.items()
        ]
    return rows


def in_parts(cases: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """The cases in the order of parts, sets and ids, with what each is scored under.

    Returns:
        CASE rows with dataset, suffix, part, mean (String: the set, what its part's name ends in, the part, and the
        part that is its mean) and gold (Int64).

    Raises:
        As `scored`.
    """
    # A table made elsewhere may have a column of nulls alone.
    cases = cases.with_columns(pl.col("published_split").cast(pl.String)) if "published_split" in cases else cases
    require(cases, CASE, who=BENCHMARK)
    require(predictions, PREDICTION, who=BENCHMARK)
    if cases.is_empty():
        raise InputError(BENCHMARK, "no cases", want="one row per case", have="none")
    _require_once(cases, predictions)
    if lost := cases["benchmark"].null_count() + predictions.filter(pl.col("text").is_null()).height:
        raise SchemaError(
            BENCHMARK, "nulls", want="a set in each case, a text in each answer", have=f"{lost:,} without"
        )
    if unknown := sorted(set(cases["form"]) - set(FORMS), key=str):
        raise UsageError(BENCHMARK, "no such form", want=" or ".join(FORMS), have=repr(unknown[0]))
    require_scorable(cases)
    names = {name: set_name(name) for name in cases["benchmark"].unique()}
    order = {name: place for place, name in enumerate(LABEL_SETS)}
    split = pl.col("published_split").fill_null("test")
    kinds = sorted(
        cases.select("form", split).unique().iter_rows(),
        key=lambda kind: (
            _SPLITS.index(kind[1]) if kind[1] in _SPLITS else len(_SPLITS),
            kind[1],
            FORMS.index(kind[0]),
        ),
    )
    first = kinds[0]
    suffixes = ["".join(f" {own}" for own, usual in zip(kind, first, strict=True) if own != usual) for kind in kinds]
    kind = pl.concat_str("form", split, separator=" ")
    place = kind.replace_strict({" ".join(one): i for i, one in enumerate(kinds)}, return_dtype=pl.Int64)
    return (
        cases.with_columns(
            gold=pl.Series(gold_labels(cases), dtype=pl.Int64),
            dataset=pl.col("benchmark").replace_strict(names, return_dtype=pl.String),
            suffix=place.replace_strict(dict(enumerate(suffixes)), return_dtype=pl.String),
            _place=place,
        )
        .with_columns(
            published_split=split,
            part=pl.col("dataset") + pl.col("suffix"),
            mean=pl.lit(MEAN) + pl.col("suffix"),
            _set=pl.col("dataset").replace_strict(order, return_dtype=pl.Int64),
        )
        .sort("_place", "_set", "case_id")
        .drop("_place", "_set")
    )


def _require_once(cases: pl.DataFrame, predictions: pl.DataFrame) -> None:
    wrong = [
        f"{n:,} {what}"
        for what, n in (
            ("cases twice", cases.height - cases["case_id"].n_unique()),
            ("cases answered more than once", predictions.height - predictions["case_id"].n_unique()),
            ("answers to cases that are not here", predictions.join(cases, on="case_id", how="anti").height),
            ("systems more than one", max(0, predictions["system"].n_unique() - 1)),
        )
        if n
    ]
    if wrong:
        raise InputError(
            BENCHMARK, "cases and answers do not pair up", want="one answer of one system to each case",
            have="; ".join(wrong), mend="Score each system, and each repeat, apart.",
        )  # fmt: skip
