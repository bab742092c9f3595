"""Predictions scored: who reads them, what the record then says, and the scores artifact. Nothing is ever sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import polars as pl

from app.predicting import KIND, REFUSALS, data_digest, predictions_path
from app.recorded import recorded_command
from benchmarks.scored import Scored
from xinheng.artifacts import Artifact, verify, write
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.storage import Place
from xinheng.tables import KEYS, PREDICTION, require

SCORES: Final = "scores"


def score_predictions(predictions: Artifact, *, scorers: Sequence[str] = ()) -> Scored:
    """Predictions scored by the benchmark that their cases belong to.

    Args:
        predictions: An artifact of kind `predictions`, from here or elsewhere.
        scorers: Which of the benchmark's readers; all that need nothing else where empty.

    Raises:
        UsageError: Nothing scores such cases, or no such scorer.
        ArtifactError: It is no predictions artifact, or not as it was written.
        InputError: No predictions, or predictions for other cases.
    """
    require_whole(predictions)
    cases, answers, table = opened_predictions(predictions)
    system = system_of(predictions)
    if table == "choice":
        return _of_scorers(_choices(predictions, cases, answers, system), scorers)
    _require_imhi(predictions, cases)
    from app.bench_imhi_scoring import reading_of, scored

    reading = reading_of(scorers)
    return together([scored(cases, part, system=system, reading=reading) for part in repeats(answers)])


def require_whole(run: Artifact) -> None:
    """Raise where files of a run are damaged, changed or gone: scores would name the digest of other answers.

    Raises:
        ArtifactError: They are.
    """
    if wrong := verify(run):
        raise ArtifactError(
            str(run.path),
            "not as it was written",
            want="the files of its manifest",
            have="; ".join(wrong[:3]),
            mend="Make it again, or restore it.",
        )


def _choices(predictions: Artifact, cases: pl.DataFrame, answers: pl.DataFrame, system: str) -> Scored:
    """Repeats are scored apart and put together; rotations of a question, and its likelihoods, belong together."""
    from benchmarks.mcq_scoring import ROTATION, scored

    likelihood = None
    if "likelihood" in predictions.manifest["tables"]:
        likelihood = predictions.scan("likelihood").collect()
    if likelihood is not None or answers["variant"].str.starts_with(ROTATION).any():
        return scored(cases, answers, likelihood, system=system)
    return together([scored(cases, part, system=system) for part in repeats(answers)])


def _of_scorers(scored: Scored, scorers: Sequence[str]) -> Scored:
    """What some scorers say; all of them where none is named."""
    if not scorers:
        return scored
    have = scored.summary["scorer"].unique(maintain_order=True).to_list()
    if lost := [name for name in scorers if name not in have]:
        mend = "Likelihoods are asked for: xinheng bench mcq --likelihood."
        raise UsageError("score", "no such scorer", want=f"of {', '.join(have)}", have=", ".join(lost), mend=mend)
    chosen = pl.col("scorer").is_in(list(scorers))
    more = {name: rows.filter(chosen) if "scorer" in rows.columns else rows for name, rows in scored.more.items()}
    return replace(scored, score=scored.score.filter(chosen), summary=scored.summary.filter(chosen), more=more)


def _require_imhi(predictions: Artifact, cases: pl.DataFrame) -> None:
    others = cases.filter(~pl.col("benchmark").str.starts_with("imhi/"))
    if others.height:
        names = ", ".join(sorted(others["benchmark"].unique())[:5])
        raise UsageError(
            str(predictions.path),
            "nothing reads these answers without a judge",
            want="cases of IMHI or multiple-choice questions",
            have=f"{others.height:,} of {cases.height:,} cases of {names}",
            mend="Have a judge grade them: xinheng bench judge.",
        )


def opened_predictions(predictions: Artifact) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Cases, predictions and the kind of the cases' table, after a look whether they belong together.

    Raises:
        ArtifactError: It is no predictions artifact.
        InputError: It is empty, names a case twice, or predicts other cases.
    """
    tables = predictions.manifest["tables"]
    table = next((name for name in ("case", "choice") if name in tables), None)
    if predictions.kind != KIND or table is None or "prediction" not in tables:
        raise ArtifactError(
            str(predictions.path),
            "not predictions",
            want=f"an artifact of kind {KIND}, with cases and what was answered",
            have=f"kind {predictions.kind}, tables {', '.join(tables) or 'none'}",
            mend="Make some with xinheng predict, or name a file of answers and --cases.",
        )
    cases, answers = predictions.scan(table).collect(), predictions.scan("prediction").collect()
    require(answers, PREDICTION, who=str(predictions.path))
    key = KEYS[table]
    if not cases.height or not answers.height:
        have = f"{cases.height:,} cases, {answers.height:,} predictions"
        raise InputError(str(predictions.path), "nothing to score", want="cases and predictions", have=have)
    other = answers.filter(~pl.col("case_id").is_in(cases[key].to_list())).height
    twice = answers.height - answers.select("case_id", "variant").unique().height
    silent = cases.filter(~pl.col(key).is_in(answers["case_id"].to_list())).height
    if other or twice or silent:
        raise InputError(
            str(predictions.path),
            "cases and predictions do not belong together",
            want="each case answered, each case and variant once",
            have=f"{other:,} predictions of other cases, {twice:,} more than once, {silent:,} cases without one",
        )
    return cases, answers, table


def system_of(run: Artifact) -> str:
    """Who answered, of predictions or scores of one system.

    Raises:
        UsageError: Several systems, or none, are named.
    """
    facts = run.manifest["facts"]
    systems = [facts["system"]] if facts.get("system") else list(facts.get("systems") or [])
    if len(systems) != 1:
        have = ", ".join(map(str, systems)) or "none"
        raise UsageError(str(run.path), "one system is wanted", want="predictions or scores of one", have=have)
    return str(systems[0])


def write_scores(
    predictions: Artifact,
    scored: Scored,
    *,
    out: Place | None = None,
    command: Mapping[str, Any] | None = None,
) -> Artifact:
    """The scores artifact: a value per case, the measures with their intervals, and the record of the predictions.

    Args:
        predictions: What was scored.
        scored: By a benchmark.
        out: The artifact's folder; by the names of data and system where None.
        command: Name and arguments; the command that is running where None.
    """
    cases, answers, table = opened_predictions(predictions)
    facts = predictions.manifest["facts"]
    name = str(predictions.manifest["name"]).removesuffix(f"-{KIND}")
    system = system_of(predictions)
    title = facts.get("title") or {"en": f"{name}: answers of {system}", "zh": f"{name}：{system} 的回答"}
    told = {
        "title": {"en": f"{title['en']}, scored", "zh": f"{title['zh']}，已評分"},
        "table": table,
        "system": system,
        "data_digest": (facts.get("record") or {}).get("data", {}).get("digest") or data_digest(cases, table),
        "scorers": list(dict.fromkeys(scored.score["scorer"])) or list(dict.fromkeys(scored.summary["scorer"])),
        "published": False,
        **scored.facts,
        "record": counted(facts.get("record") or {}, scored, answers),
        "command": dict(command) if command is not None else recorded_command(),
        **{kept: facts[kept] for kept in ("steps", "models", "privacy", "privacy_of_requests") if kept in facts},
    }
    return write(
        out or predictions_path(predictions, system, SCORES),
        kind=SCORES,
        name=f"{name}-{SCORES}",
        tables={"score": scored.score, "summary": scored.summary, **scored.more},
        facts=told,
        parents=[predictions],
    )


def counted(record: Mapping[str, Any], scored: Scored, answers: pl.DataFrame) -> dict[str, Any]:
    """The record of a run with what could not be read, by its first scorer and by each.

    Args:
        record: Of the predictions.
        scored: Their scores.
        answers: PREDICTION rows.
    """
    unread = scored.score.filter(pl.col("reason").is_not_null())
    by = dict.fromkeys(dict.fromkeys(scored.score["scorer"]), 0)
    by |= dict(unread.group_by("scorer").agg(pl.col("case_id").n_unique()).iter_rows())
    counts = {
        **record.get("counts", {}),
        "n": answers.height,
        "invalid": next(iter(by.values()), 0),
        "invalid_by": by,
        "refusals": answers.filter(pl.col("problem").is_in(REFUSALS)).height,
    }
    return {**record, "counts": counts}


def repeats(answers: pl.DataFrame) -> list[pl.DataFrame]:
    """The predictions of each repeat, each with one per case; all of them where there is one.

    Raises:
        InputError: Variants of another kind.
    """
    variants = answers["variant"].unique().sort().to_list()
    if variants == [""]:
        return [answers]
    if not all(variant.startswith("repeat ") for variant in variants):
        have = ", ".join(repr(variant) for variant in variants[:4])
        raise InputError("score", "variants that are no repeats", want="one answer per case, or repeats", have=have)
    parts = [answers.filter(pl.col("variant") == name).with_columns(variant=pl.lit("")) for name in variants]
    if len({part.height for part in parts}) > 1:
        sizes = ", ".join(f"{part.height:,}" for part in parts)
        raise InputError("score", "repeats of other cases", want="the same cases in each", have=sizes)
    return parts


def together(parts: Sequence[Scored]) -> Scored:
    """The scores of several repeats as one: means, how far repeats scatter, and how often they agree.

    The interval is that of one repeat, its ends averaged: what another set of cases would give, not another repeat,
    and so if anything too wide. `<measure>_sd` is the sample standard deviation over repeats.

    Args:
        parts: Of the same cases, one per repeat.
    """
    if len(parts) == 1:
        return parts[0]
    names = ["benchmark", "part", "measure", "scorer", "system"]
    rows = pl.concat([part.summary for part in parts])
    n = len(parts)
    whole = pl.col("value").null_count() == 0
    method = pl.format("mean of {} repeats, interval of one: {}", pl.lit(n), pl.col("method").first())
    mean = rows.group_by(names, maintain_order=True).agg(
        pl.when(whole).then(pl.col("value").mean()).alias("value"),
        pl.when(pl.col("low").null_count() == 0).then(pl.col("low").mean()).alias("low"),
        pl.when(pl.col("high").null_count() == 0).then(pl.col("high").mean()).alias("high"),
        pl.col("n").first(),
        pl.col("missing").max(),
        pl.col("reason").drop_nulls().first(),
        method.alias("method"),
    )
    scatter = rows.group_by(names, maintain_order=True).agg(
        pl.when(whole).then(pl.col("value").std()).alias("value"),
        pl.lit(None, pl.Float64).alias("low"),
        pl.lit(None, pl.Float64).alias("high"),
        pl.len().cast(pl.UInt32).alias("n"),
        pl.lit(0, pl.UInt32).alias("missing"),
        pl.col("reason").drop_nulls().first(),
        pl.lit("sample standard deviation over repeats").alias("method"),
    ).with_columns(measure=pl.col("measure") + "_sd")  # fmt: skip
    keys = ["case_id", "group_id", "benchmark", "part", "system", "scorer"]
    values = pl.concat([part.score for part in parts])
    score = values.group_by(keys, maintain_order=True).agg(
        pl.col("value").mean(), pl.col("reason").drop_nulls().first()
    )
    summary = pl.concat([mean.select(rows.columns), scatter.select(rows.columns), _agreement(values, keys, n)])
    more = {
        table: pl.concat(
            [part.more[table].with_columns(repeat=pl.lit(i, pl.UInt32)) for i, part in enumerate(parts, 1)]
        )
        for table in parts[0].more
    }
    return replace(
        parts[0], score=score.select(values.columns), summary=summary, more=more, facts={**parts[0].facts, "repeats": n}
    )


def _agreement(values: pl.DataFrame, keys: Sequence[str], n: int) -> pl.DataFrame:
    """For each scorer the share of cases that got the same value in all repeats."""
    from benchmarks.intervals import mean
    from benchmarks.scored import summary_row, summary_table

    same = values.group_by(keys, maintain_order=True).agg(
        same=(pl.col("value").n_unique() == 1) & (pl.col("value").null_count() == 0)
    )
    rows = []
    for (benchmark, scorer, system), cases in same.group_by("benchmark", "scorer", "system", maintain_order=True):
        share = mean(cases["same"].cast(pl.Float64).to_numpy(), clusters=cases["group_id"].to_list(), bounds=(0, 1))
        row = summary_row(share, benchmark=str(benchmark), part="all", measure="repeat_agreement",
                          scorer=str(scorer), system=str(system))  # fmt: skip
        rows.append({**row, "method": f"same value in {n} repeats; {row['method']}"})
    return summary_table(rows)
