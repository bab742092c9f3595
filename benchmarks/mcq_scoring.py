"""Multiple-choice answers scored: what was generated, what was likeliest, and what the letters' places do to both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate, undefined
from benchmarks.intervals import wilson
from benchmarks.mcq_reading import LETTERS, read_choice
from benchmarks.mcq_rotated import rotated
from benchmarks.resampling import BOOTSTRAP, Bootstrap, bootstrap
from benchmarks.scored import Scored, summary_row, summary_table
from xinheng.errors import InputError
from xinheng.tables import CHOICE, PREDICTION, SCORE, require

BENCHMARK: Final = "mcq"
GENERATED: Final = "generated"
LIKELIHOOD: Final = "likelihood"
NORMALISED: Final = "likelihood_normalised"
SCORERS: Final = (GENERATED, LIKELIHOOD, NORMALISED)
ALL: Final = "all"
NOT_ASKED: Final = "not asked: likelihoods only"
"""The detail of a prediction that stands for a question whose answer was not to be generated."""
ROTATION: Final = "rotation "
NOT_PROBABILITIES: Final = "not_probabilities"
"""The problem of values that a server tells as log-probabilities and that cannot be any."""
_BINS: Final = 10
_NEARLY_ALL: Final = 0.95
_SEVERAL: Final = "several answers: no one option is the answer"

# What was found of one question's options: `form` is `letters` or `texts`; `values` are log-probabilities in the order
# in which the options stood (texts: per character), null where a server did not tell; `captured` is the probability of
# all letters together; `problem` says why there are none.
LIKELIHOODS: Final = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "form": pl.String(),
    "values": pl.List(pl.Float64()),
    "captured": pl.Float64(),
    "problem": pl.String(),
}
_ANSWER: Final = {
    "case_id": pl.String(),
    "variant": pl.String(),
    "scorer": pl.String(),
    "part": pl.String(),
    "gold": pl.List(pl.String()),
    "predicted": pl.List(pl.String()),
    "value": pl.Float64(),
    "reason": pl.String(),
    "confidence": pl.Float64(),
}


def variant_of(turn: int | None) -> str:
    """The variant of a rotation; "" for a question that is asked once.

    >>> variant_of(None), variant_of(2)
    ('', 'rotation 2')
    """
    return "" if turn is None else f"{ROTATION}{turn}"


def turn_of(variant: str) -> int:
    """By how many places options were turned; what is no rotation was not."""
    return int(variant.removeprefix(ROTATION)) if variant.startswith(ROTATION) else 0


def scored(
    cases: pl.DataFrame,
    predictions: pl.DataFrame,
    likelihood: pl.DataFrame | None = None,
    *,
    system: str,
    how: Bootstrap = BOOTSTRAP,
    debias_share: float = 0.1,
    seed: int = 0,
) -> Scored:
    """Accuracy per subject and over all, for each way of answering, with what places and certainty have to do with it.

    An answer that cannot be read is wrong and counted. The likeliest option is not asked for where several are right:
    such a question is missing from those measures. Where two options are exactly as likely nothing was chosen.

    Measures, 0 to 1: `accuracy` by subject and over `all` (Wilson), `macro_accuracy` (mean over subjects; interval from
    those of the subjects), `invalid_rate`; `disagreement` of generated and likeliest letter where there are both;
    `calibration_error` of the likeliest letter's share among the letters; `captured`, the probability of all letters
    together. With rotations also those of `mcq_rotated`.

    Args:
        cases: CHOICE rows.
        predictions: PREDICTION rows; variants `rotation k` for options turned by k places, else "".
        likelihood: LIKELIHOODS rows, of the same variants.
        system: Who answered.
        how: How questions are drawn again.
        debias_share: Of the questions, for PriDe's prior.
        seed: Of that draw.

    Returns:
        SCORE rows of the questions in their published order; the tables `answer` (every answer read: letters as they
        stood) and, with rotations, `position`; facts.

    Raises:
        SchemaError: Columns are missing.
        InputError: Answers to other questions, one twice, or questions that cannot be scored.
    """
    require(cases, CHOICE, who="mcq")
    require(predictions, PREDICTION, who="mcq")
    if likelihood is not None:
        require(likelihood, {n: k for n, k in LIKELIHOODS.items() if n not in {"captured", "problem"}}, who="mcq")
    questions = _questions(cases)
    rows = list(_generated(questions, predictions))
    if likelihood is not None:
        rows += _likeliest(questions, likelihood)
    answers = pl.DataFrame(rows, schema=_ANSWER)
    straight = answers.filter(pl.col("variant").is_in(["", variant_of(0)]))
    if straight.is_empty():
        raise InputError("mcq", "no answers", want="an answer of one kind at least", have="none")
    told: list[dict[str, Any]] = []
    for scorer in [name for name in SCORERS if name in set(straight["scorer"])]:
        told += _accuracies(straight.filter(pl.col("scorer") == scorer), scorer, system, how)
    told += _disagreement(straight, system)
    if likelihood is not None:
        told += _captured(likelihood, system, how)
    more, facts = {"answer": answers}, {}
    if answers["variant"].str.starts_with(ROTATION).any():
        turned = rotated(answers, likelihood, how=how, share=debias_share, seed=seed)
        told += [_row(estimate, part, measure, scorer, system) for estimate, part, measure, scorer in turned.measures]
        more["position"], facts = turned.position, turned.facts
    return Scored(_scores(straight, system), summary_table(told), more, {"benchmark": BENCHMARK, **facts})


def _row(estimate: Estimate, part: str, measure: str, scorer: str, system: str) -> dict[str, Any]:
    return summary_row(estimate, benchmark=BENCHMARK, part=part, measure=measure, scorer=scorer, system=system)


def _questions(cases: pl.DataFrame) -> dict[str, dict[str, Any]]:
    require_scorable(cases)
    told = cases.select("question_id", "subject", "options", "answers").to_dicts()
    return {row["question_id"]: row for row in told}


def require_scorable(cases: pl.DataFrame) -> None:
    """Raise where questions could not be scored; called before anything is asked, for asking costs.

    Args:
        cases: CHOICE rows.

    Raises:
        SchemaError: Columns are missing.
        InputError: A question stands there twice, has no text, an option that is null, or no key of its options.
    """
    require(cases, CHOICE, who="mcq")
    rows = cases.select("question_id", "question", "options", "answers").to_dicts()
    blank = [row for row in rows if not row["question"] or not row["options"] or None in row["options"]]
    keyless = [row for row in rows if not _has_key(row)]
    twice = len(rows) - cases["question_id"].n_unique()
    if twice or blank or keyless:
        raise InputError(
            "mcq", "questions do not fit", want="each once, with a text, options and a key of these",
            have=f"{twice:,} repeated, {len(blank):,} without a text or an option, {len(keyless):,} without such a key",
        )  # fmt: skip


def _has_key(row: Mapping[str, Any]) -> bool:
    return bool(row["answers"]) and set(row["answers"]) <= set(LETTERS[: len(row["options"] or ())])


def _checked(questions: Mapping[str, Any], rows: pl.DataFrame, key: Sequence[str]) -> Iterable[dict[str, Any]]:
    twice = rows.height - rows.select(key).unique().height
    other = rows.filter(~pl.col("case_id").is_in(list(questions))).height
    if twice or other:
        raise InputError(
            "mcq", "answers do not fit the questions", want="each question and variant once",
            have=f"{twice:,} repeated, {other:,} of other questions",
        )  # fmt: skip
    return rows.sort(key).iter_rows(named=True)


def _generated(questions: Mapping[str, dict[str, Any]], predictions: pl.DataFrame) -> Iterable[dict[str, Any]]:
    for row in _checked(questions, predictions, ["case_id", "variant"]):
        if row["detail"] == NOT_ASKED:
            continue
        question = questions[row["case_id"]]
        turn = turn_of(row["variant"])
        several = len(question["answers"]) > 1
        said = None
        if row["problem"] is None:
            said = read_choice(row["text"], _turned(question["options"], turn), multiple=several)
        reason = row["problem"] or (None if said else "unreadable")
        yield _answer(row, question, GENERATED, sorted(said) if said else None, reason)


def _likeliest(questions: Mapping[str, dict[str, Any]], likelihood: pl.DataFrame) -> Iterable[dict[str, Any]]:
    for row in _checked(questions, likelihood, ["case_id", "variant", "form"]):
        question = questions[row["case_id"]]
        scorer = LIKELIHOOD if row["form"] == "letters" else NORMALISED
        if len(question["answers"]) > 1:
            yield {**_answer(row, question, scorer, None, _SEVERAL), "value": None}
            continue
        values = row["values"]
        place, reason = likeliest(values) if not row["problem"] else (None, row["problem"])
        shares = odds(values) if place is not None and _letters_known(row) else None
        answer = _answer(row, question, scorer, None if place is None else [LETTERS[place]], reason)
        # What the server does not tell says nothing of the model.
        unasked = {"value": None} if reason in {"unsupported", NOT_PROBABILITIES} else {}
        yield {**answer, **unasked, "confidence": None if shares is None or place is None else shares[place]}


def likeliest(values: Sequence[float | None] | None) -> tuple[int | None, str | None]:
    """The place of the greatest value, or why there is none.

    A letter that a server did not tell is less likely than those that it told.

    >>> likeliest([-1.0, None, -0.5]), likeliest([-1.0, -1.0]), likeliest([None])
    ((2, None), (None, 'tie'), (None, 'no letter told'))
    """
    known = [(value, place) for place, value in enumerate(values or ()) if value is not None]
    if not known:
        return None, "no letter told"
    if any(math.isnan(value) for value, _ in known):
        return None, "not_a_number"
    best, place = max(known, key=lambda one: one[0])
    if best == -math.inf:
        return None, "no letter told"
    return (None, "tie") if sum(value == best for value, _ in known) > 1 else (place, None)


def _letters_known(row: Mapping[str, Any]) -> bool:
    """Whether the letters' shares are known: all of them were told, or those that were leave the others next to none.

    Where a server tells one letter alone, its share among those told would be 1, whatever the model finds.
    """
    if row["form"] != "letters":
        return False
    return None not in row["values"] or (row.get("captured") or 0.0) >= _NEARLY_ALL


def odds(values: Sequence[float | None]) -> list[float]:
    """Each option's share among those that were told; 0 where it was not."""
    known = [value for value in values if value is not None]
    most = max(known)
    whole = sum(math.exp(value - most) for value in known)
    return [0.0 if value is None else math.exp(value - most) / whole for value in values]


def _answer(
    row: Mapping[str, Any], question: Mapping[str, Any], scorer: str, said: list[str] | None, reason: str | None
) -> dict[str, Any]:
    turn, n = turn_of(row["variant"]), len(question["options"])
    # Turned by k, option o stands k places earlier.
    gold = sorted(LETTERS[(LETTERS.index(letter) - turn) % n] for letter in set(question["answers"]))
    return {
        "case_id": row["case_id"],
        "variant": row["variant"],
        "scorer": scorer,
        "part": question["subject"] or ALL,
        "gold": gold,
        "predicted": said,
        "value": float(said == gold),
        "reason": reason,
        "confidence": None,
    }


def _turned(options: Sequence[str], turn: int) -> list[str]:
    return [options[(place + turn) % len(options)] for place in range(len(options))]


def _scores(straight: pl.DataFrame, system: str) -> pl.DataFrame:
    return straight.select(
        "case_id",
        group_id="case_id",
        benchmark=pl.lit(BENCHMARK),
        part="part",
        system=pl.lit(system),
        scorer="scorer",
        value="value",
        reason="reason",
    ).select(list(SCORE))


def _accuracies(rows: pl.DataFrame, scorer: str, system: str, how: Bootstrap) -> Iterable[dict[str, Any]]:
    there = rows.filter(pl.col("value").is_not_null())
    lost = rows.height - there.height
    if there.is_empty():
        why = rows["reason"].drop_nulls().unique().sort().to_list()
        yield _row(undefined(", ".join(why), missing=lost), ALL, "accuracy", scorer, system)
        return
    subjects = []
    for (part,), some in there.group_by("part", maintain_order=True):
        subjects.append((str(part), _share(some, how)))
    for part, share in sorted(subjects):
        if part != ALL:
            yield _row(share, part, "accuracy", scorer, system)
    yield _row(
        _share(there, how).counted(n=there.height, missing=_unread(there) + lost), ALL, "accuracy", scorer, system
    )
    yield _row(_macro([share for _, share in subjects], there), ALL, "macro_accuracy", scorer, system)
    invalid = wilson(_unread(there), there.height, confidence=how.confidence)
    yield _row(invalid, ALL, "invalid_rate", scorer, system)
    if scorer == LIKELIHOOD:
        yield _row(_calibration(there, how), ALL, "calibration_error", scorer, system)


def _share(rows: pl.DataFrame, how: Bootstrap) -> Estimate:
    right = int(rows["value"].sum())
    return wilson(right, rows.height, confidence=how.confidence).counted(n=rows.height, missing=_unread(rows))


def _unread(rows: pl.DataFrame) -> int:
    return rows["reason"].len() - rows["reason"].null_count()


def _macro(shares: Sequence[Estimate], rows: pl.DataFrame) -> Estimate:
    """The mean over subjects; its ends lie as far as those of the subjects do together (MOVER).

    Source: Zou & Donner 2008, Statistics in Medicine 27:1693-1702.
    """
    values = [(float(s.value or 0), float(s.low or 0), float(1 if s.high is None else s.high)) for s in shares]
    mean = sum(value for value, _, _ in values) / len(values)
    below = math.sqrt(sum((value - low) ** 2 for value, low, _ in values)) / len(values)
    above = math.sqrt(sum((high - value) ** 2 for value, _, high in values)) / len(values)
    return Estimate(
        mean, max(0.0, mean - below), min(1.0, mean + above), n=rows.height, missing=_unread(rows),
        method=f"mean of {len(values)} subjects, MOVER of Wilson", confidence=shares[0].confidence,
    )  # fmt: skip


def _calibration(rows: pl.DataFrame, how: Bootstrap) -> Estimate:
    """Mean distance of certainty and accuracy over ten bins; upwards biased where bins hold few questions."""
    told = rows.filter(pl.col("confidence").is_not_null())
    said, right = told["confidence"].to_numpy(), told["value"].to_numpy()
    lost = rows.height - told.height
    if not len(said):
        return undefined("no certainty could be read", missing=lost)
    places = np.searchsorted(np.arange(1, _BINS) / _BINS, said, side="right")
    gaps = np.zeros((len(said), _BINS + 1))
    gaps[np.arange(len(said)), places] = said - right
    gaps[:, _BINS] = 1
    found = bootstrap(gaps, lambda sums: np.abs(sums[:, :_BINS]).sum(axis=1) / sums[:, _BINS], how=how)
    return found.counted(n=len(said), missing=lost)


def _disagreement(straight: pl.DataFrame, system: str) -> Iterable[dict[str, Any]]:
    """How often what was generated is not what was likeliest, where both could be read."""
    read = straight.filter(pl.col("predicted").is_not_null())
    one = read.filter(pl.col("scorer") == GENERATED).select("case_id", "predicted")
    asked = straight.filter(pl.col("scorer") == GENERATED)["case_id"].n_unique()
    for scorer in (LIKELIHOOD, NORMALISED):
        other = read.filter(pl.col("scorer") == scorer).select("case_id", other="predicted")
        if one.is_empty() or other.is_empty():
            continue
        both = one.join(other, on="case_id")
        differ = int((both["predicted"] != both["other"]).sum())
        share = wilson(differ, both.height).counted(n=both.height, missing=asked - both.height)
        yield _row(share, ALL, "disagreement", scorer, system)


def _captured(likelihood: pl.DataFrame, system: str, how: Bootstrap) -> Iterable[dict[str, Any]]:
    """How likely it was that any letter follows: where that is little, the likeliest one says little."""
    from benchmarks.intervals import mean

    rows = likelihood.filter((pl.col("form") == "letters") & pl.col("captured").is_not_null())
    if rows.height:
        mass = rows["captured"].clip(0, 1).to_numpy()
        found = mean(mass, clusters=rows["case_id"].to_list(), bounds=(0, 1), how=how)
        yield _row(found, ALL, "captured", LIKELIHOOD, system)
