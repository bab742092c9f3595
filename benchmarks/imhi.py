"""IMHI (MentalLLaMA's benchmark): labels read from replies, and the weighted F1 of each set with its interval.

Two readers stand side by side and are never mixed: `rule` is ours, `upstream` is the publishers' with its faults, for
comparison with published figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, Floats, Ints, cluster_codes, undefined
from benchmarks.imhi_labels import LABEL_SETS, LabelSet, set_name
from benchmarks.imhi_reading import rule_label
from benchmarks.imhi_upstream import reply_label
from benchmarks.resampling import BOOTSTRAP, Bootstrap, Statistic, bootstrap, resampled
from xinheng.errors import InputError, SchemaError, UsageError

Reader = Literal["rule", "upstream"]
Measures = dict[str, Estimate]
MEAN: Final = "mean"

_WANT: Final = {
    "dataset": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "gold": pl.Int64(),
    "predicted": pl.Int64(),
}


def read_label(dataset: str, reply: str, *, reader: Reader = "rule") -> int | None:
    """The label that a reply gives, by number.

    Gold answers of all published files are read by the rule reader as well. The upstream reader never says None: what
    it cannot read is the set's default class, as published figures count it.

    Args:
        dataset: One of the ten sets, in any spelling (`imhi/T-SID`).
        reply: What the model generated, or a gold answer.
        reader: `rule` or `upstream`.

    Returns:
        A number of `LABEL_SETS[...].labels`; None when no label, or more than one, is claimed.

    Raises:
        UsageError: Unknown set or reader.

    >>> read_label("DR", "Nothing points to it. Reasoning: yes, ..."), read_label("DR", "No.", reader="upstream")
    (None, 0)
    """
    if reader == "rule":
        return rule_label(dataset, reply)
    if reader == "upstream":
        return reply_label(dataset, reply)
    raise UsageError("read_label", "unknown reader", want="rule or upstream", have=repr(reader))


def score(answers: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> pl.DataFrame:
    """Weighted F1 x 100 of each set, what stands beside it, and the mean over sets.

    An answer that could not be read is a class outside the labels: it costs recall and accuracy and is nobody's
    precision. Posts are drawn again, not rows, for one post is asked several questions. The floor is the best F1 that
    one and the same answer to all would get; `majority_f1` is that of the most frequent gold label.

    Args:
        answers: One row per case, any order.
            dataset (String), case_id (String), group_id (String, the post), gold (Int64), predicted (Int64, null when
            unreadable).
        how: Resamples, seed and confidence of the intervals.

    Returns:
        One row per set in the order of `LABEL_SETS`, then `mean` (each set counts the same): dataset, n, posts, invalid
        (UInt32), invalid_rate, weighted_f1, low, high, accuracy, macro_f1, majority_f1, floor_f1 (Float64; F1 and
        accuracy in percent), floor_label (String). low and high are null where no interval can be had; so is what a
        mean has not.

    Raises:
        SchemaError: A column is missing or has another type.
        InputError: No rows, a case twice, a gold label missing, or a label the set has not.
    """
    return measured(answers, how=how)[0]


def measured(answers: pl.DataFrame, *, how: Bootstrap = BOOTSTRAP) -> tuple[pl.DataFrame, dict[str, Measures]]:
    """What `score` gives, and for each set and the mean its `weighted_f1`, `accuracy` and `macro_f1` with intervals."""
    answers = _checked(answers)
    rows, draws, found = [], [], dict[str, Measures]()
    for place, (name, labels) in enumerate(LABEL_SETS.items()):
        of_set = answers.filter(pl.col("dataset") == name).sort("case_id")
        if of_set.is_empty():
            continue
        counts = _contributions(of_set, labels)
        posts = of_set["group_id"].to_list()
        invalid = of_set["predicted"].null_count()
        found[name] = {
            measure: bootstrap(counts, statistic, clusters=posts, how=how, what=measure.replace("_", " ")).counted(
                n=of_set.height, missing=invalid
            )
            for measure, statistic in _STATISTICS.items()
        }
        rows.append({"dataset": name, **_figures(of_set, labels, counts), **_interval(found[name]["weighted_f1"])})
        own = Bootstrap(how.resamples, how.seed + place, how.confidence)
        draws.append(resampled(counts, _all, cluster_codes("score", posts, len(posts)), own))
    means = _means(list(found.values()), np.mean(draws, axis=0), how)
    rows.append(_mean(rows, means["weighted_f1"]))
    return pl.DataFrame(rows, schema=_RESULT), {**found, MEAN: means}


_RESULT: Final = {
    "dataset": pl.String(),
    "n": pl.UInt32(),
    "posts": pl.UInt32(),
    "invalid": pl.UInt32(),
    "invalid_rate": pl.Float64(),
    "weighted_f1": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "accuracy": pl.Float64(),
    "macro_f1": pl.Float64(),
    "majority_f1": pl.Float64(),
    "floor_f1": pl.Float64(),
    "floor_label": pl.String(),
}


def weighted_f1(sums: Floats) -> Floats:
    """Weighted F1 x 100 of each row of sums (true positives, predicted, gold; a column per label each).

    scikit-learn's with `average="weighted"`, the full list of labels and `zero_division=0`, written as sums so that
    resampling is one matrix product. NaN where no label has a gold answer.
    """
    gold = sums[:, 2 * sums.shape[1] // 3 :]
    with np.errstate(all="ignore"):
        value: Floats = 100 * (_f1(sums) * gold).sum(axis=1) / gold.sum(axis=1)
    return value


def accuracy(sums: Floats) -> Floats:
    """Right answers of all x 100, of each row of sums; NaN where there are none."""
    right, _, gold = np.split(sums, 3, axis=1)
    with np.errstate(all="ignore"):
        value: Floats = 100 * right.sum(axis=1) / gold.sum(axis=1)
    return value


def macro_f1(sums: Floats) -> Floats:
    """Mean F1 x 100 over all labels of the set, of each row of sums; a label that never occurs has F1 0."""
    return np.asarray(100 * _f1(sums).mean(axis=1), dtype=np.float64)


def _f1(sums: Floats) -> Floats:
    right, said, gold = np.split(sums, 3, axis=1)
    both = said + gold
    share: Floats = np.divide(2 * right, both, out=np.zeros_like(right), where=both > 0)
    return share


_STATISTICS: Final[Mapping[str, Statistic]] = {"weighted_f1": weighted_f1, "accuracy": accuracy, "macro_f1": macro_f1}


def _all(sums: Floats) -> Floats:
    return np.stack([statistic(sums) for statistic in _STATISTICS.values()], axis=1)


def _contributions(of_set: pl.DataFrame, labels: LabelSet) -> Floats:
    gold = _one_hot(of_set["gold"].to_numpy(), labels)
    said = _one_hot(of_set["predicted"].fill_null(-1).to_numpy(), labels)
    return np.hstack([gold * said, said, gold])


def _one_hot(values: Ints, labels: LabelSet) -> Floats:
    hot: Floats = (values[:, None] == np.array(labels.labels)[None, :]).astype(np.float64)
    return hot


def _figures(of_set: pl.DataFrame, labels: LabelSet, counts: Floats) -> dict[str, object]:
    n, invalid = of_set.height, of_set["predicted"].null_count()
    k = len(labels.labels)
    sums = counts.sum(axis=0, keepdims=True)
    gold = sums[0, 2 * k :]
    # Answering label j always: right as often as j is gold, said every time.
    always = np.vstack([np.hstack([gold * (place == np.arange(k)), n * (place == np.arange(k)), gold])
                        for place in range(k)]).astype(np.float64)  # fmt: skip
    constant = weighted_f1(always)
    best = int(constant.argmax())
    return {
        "n": n,
        "posts": of_set["group_id"].n_unique(),
        "invalid": invalid,
        "invalid_rate": invalid / n,
        "accuracy": float(accuracy(sums)[0]),
        "macro_f1": float(macro_f1(sums)[0]),
        "majority_f1": float(constant[int(gold.argmax())]),
        "floor_f1": float(constant[best]),
        "floor_label": labels.names[best],
    }


def _interval(estimate: Estimate) -> dict[str, object]:
    return {"weighted_f1": estimate.value, "low": estimate.low, "high": estimate.high}


def _means(sets: list[Measures], draws: Floats, how: Bootstrap) -> Measures:
    """The measures' means over sets; posts of each set are drawn on their own."""
    if len(sets) == 1:
        return dict(sets[0])
    tail = (1 - how.confidence) / 2
    n, missing = (sum(getattr(one["weighted_f1"], count) for one in sets) for count in ("n", "missing"))
    means: Measures = {}
    for place, measure in enumerate(_STATISTICS):
        of_sets = [one[measure] for one in sets]
        values = [one.value for one in of_sets if one.value is not None]
        if len(values) < len(sets):
            means[measure] = undefined("undefined in a set", n=n, missing=missing)
            continue
        drawn, known = draws[:, place], all(one.has_interval for one in of_sets)
        known = known and bool(np.isfinite(drawn).all()) and float(np.ptp(drawn)) > 0
        low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail])) if known else (None, None)
        means[measure] = Estimate(
            float(np.mean(values)), low, high, n=n, missing=missing,
            reason="" if known else "a set has no interval",
            method=f"percentile bootstrap, {how.resamples:,} resamples of each set's posts" if known else "",
            confidence=how.confidence,
        )  # fmt: skip
    return means


def _mean(rows: list[dict[str, object]], weighted: Estimate) -> dict[str, object]:
    frame = pl.DataFrame(rows, schema=_RESULT)
    kept = ("accuracy", "macro_f1", "majority_f1", "floor_f1")
    mean: dict[str, object] = {"dataset": MEAN, "invalid_rate": int(frame["invalid"].sum()) / int(frame["n"].sum())}
    mean |= {name: frame[name].sum() for name in ("n", "posts", "invalid")}
    return mean | {name: frame[name].mean() for name in kept} | _interval(weighted)


def _checked(answers: pl.DataFrame) -> pl.DataFrame:
    wrong = [
        f"{name} {answers.schema.get(name) or 'missing'}"
        for name, kind in _WANT.items()
        if answers.schema.get(name) != kind and not (name == "predicted" and answers.schema.get(name) == pl.Null())
    ]
    if wrong:
        want = ", ".join(f"{name} {kind}" for name, kind in _WANT.items())
        raise SchemaError("imhi.score", "other columns", want=want, have="; ".join(wrong))
    if answers.is_empty():
        raise InputError("imhi.score", "no answers", want="one row per case", have="none")
    if twice := answers.height - answers["case_id"].n_unique():
        raise InputError("imhi.score", "cases given twice", want="each case_id once", have=f"{twice} repeated")
    names = {name: set_name(name) for name in answers["dataset"].unique().to_list()}
    answers = answers.with_columns(
        pl.col("dataset").replace_strict(names, return_dtype=pl.String()), pl.col("predicted").cast(pl.Int64())
    )
    last = pl.col("dataset").replace_strict(
        {name: labels.labels[-1] for name, labels in LABEL_SETS.items()}, return_dtype=pl.Int64()
    )
    off = answers.filter(
        pl.col("gold").is_null() | ~pl.col("gold").is_between(0, last) | ~pl.col("predicted").is_between(0, last)
    ).height
    if off or answers["group_id"].null_count():
        raise InputError(
            "imhi.score", "labels or posts missing", want="a gold label and a post for each case, labels of the set",
            have=f"{off} rows with other labels, {answers['group_id'].null_count()} without a post",
            mend="An unreadable answer is null, not a number.",
        )  # fmt: skip
    return answers
