"""Human ratings as scores of systems: what the human gate, `compare` and leaderboards read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from app.annotating_ratings import Ratings
from app.predicting import digest_of
from app.recorded import recorded_command
from app.scored_runs import with_interval
from app.scoring import SCORES
from app.terminal import Terminal
from benchmarks import plan_gates
from benchmarks.estimates import Estimate
from benchmarks.intervals import mean
from benchmarks.rater_answers import PLAIN, RATING, Asked
from benchmarks.records import record
from benchmarks.resampling import Bootstrap
from benchmarks.scored import summary_row, summary_table
from xinheng.artifacts import Artifact, write
from xinheng.errors import UsageError
from xinheng.settings import settings
from xinheng.storage import Place
from xinheng.tables import SCORE

PLAN: Final = "plan"
HUMANS: Final = "humans"
ALL: Final = "all"
# The gate's threshold is of this scale; a mean on another one would be held against the wrong number.
GATED: Final = (1.0, 5.0)


def benchmark_of(ratings: Ratings) -> str:
    """`human` for the plan's protocol and for plain tables, `human/NAME` for another template: other questions.

    Only `human` is held against the plan's gate.
    """
    return plan_gates.RATED if ratings.template in ("", PLAN) else f"{plan_gates.RATED}/{ratings.template}"


def graded(ratings: Ratings) -> list[Asked]:
    """The questions whose answers are grades."""
    found = set(ratings.answers["question"].unique())
    return [question for question in ratings.asked if question.kind == RATING and question.name in found]


def systems(ratings: Ratings) -> list[str]:
    """The systems whose answers were graded."""
    plain = ratings.answers.filter((pl.col("role") == PLAIN) & pl.col("value").is_not_null())
    return plain["system"].drop_nulls().unique().sort().to_list()


def scores(ratings: Ratings, system: str) -> pl.DataFrame:
    """SCORE rows of a system: for each question and case the mean of its raters, gold and repeats left out.

    A case that lacks a question has a row without a value there: its raters left it open.
    """
    own = ratings.answers.filter((pl.col("role") == PLAIN) & (pl.col("system") == system))
    names = [question.name for question in graded(ratings)]
    own = own.filter(pl.col("question").is_in(names))
    cases = own.group_by("case_id").agg(pl.col("group_id").first())
    asked = pl.DataFrame(
        {"question": names, "_place": range(len(names))}, schema={"question": pl.String, "_place": pl.Int64}
    )
    values = own.group_by("case_id", "question").agg(pl.col("value").mean())
    rows = cases.join(asked, how="cross").join(values, on=["case_id", "question"], how="left").sort("_place", "case_id")
    return rows.select(
        "case_id",
        "group_id",
        benchmark=pl.lit(benchmark_of(ratings)),
        part="question",
        system=pl.lit(system),
        scorer=pl.lit(HUMANS),
        value="value",
        reason=pl.when(pl.col("value").is_null()).then(pl.lit("no rating")),
    ).select(list(SCORE))


def summary(ratings: Ratings, score: pl.DataFrame, system: str, *, how: Bootstrap) -> pl.DataFrame:
    """SUMMARY rows: the mean of each question, and under `all` the mean over questions of what has all of them.

    The overall mean weighs every question alike and is there only where all have one scale.
    """
    rows = []
    for question in graded(ratings):
        own = score.filter(pl.col("part") == question.name)
        rows.append(
            _row(ratings, own["value"].to_numpy(), own["group_id"].to_list(), question, question.name, system, how)
        )
    if len({question.scale for question in graded(ratings)}) == 1:
        whole = pl.when(pl.col("value").null_count() == 0).then(pl.col("value").mean())
        cases = score.group_by("case_id").agg(pl.col("group_id").first(), value=whole).sort("case_id")
        values = cases["value"].to_numpy()
        rows.append(_row(ratings, values, cases["group_id"].to_list(), graded(ratings)[0], ALL, system, how))
    return summary_table(rows)


def _row(
    ratings: Ratings, values: Any, groups: Sequence[str], asked: Asked, part: str, system: str, how: Bootstrap
) -> dict[str, Any]:
    bounds = (min(asked.scale), max(asked.scale))
    made: Estimate = mean(np.asarray(values, dtype=np.float64), clusters=groups, bounds=bounds, how=how)
    named = {"benchmark": benchmark_of(ratings), "part": part, "measure": "mean", "scorer": HUMANS, "system": system}
    return summary_row(made, **named)


def gates(ratings: Ratings, found: pl.DataFrame) -> list[dict[str, Any]]:
    """The plan's gate for each system of SUMMARY rows, where its scale is the one the threshold is of: 1 to 5."""
    scales = {(min(question.scale), max(question.scale)) for question in graded(ratings)}
    return plan_gates.judged(found) if scales == {GATED} else []


def all_gates(ratings: Ratings, *, how: Bootstrap) -> list[dict[str, Any]]:
    """The gate of every system that was graded; none where nobody knows of which system the answers are."""
    found = [summary(ratings, scores(ratings, system), system, how=how) for system in systems(ratings)]
    return gates(ratings, pl.concat(found)) if found and graded(ratings) else []


def human_scores(ratings: Ratings, *, out: Place | None, how: Bootstrap) -> list[Artifact]:
    """A scores artifact for each system that people graded.

    Args:
        ratings: What people said.
        out: The folder (of several systems one below it for each); below `runs/scores` where None.
        how: Resamples, seed, confidence.

    Raises:
        UsageError: No grades, or nobody knows of which system.
    """
    names = systems(ratings)
    if not names or not graded(ratings):
        kinds = ", ".join(sorted({question.kind for question in ratings.asked})) or "none"
        raise UsageError(
            ratings.name, "no grades of systems", want="rating questions about answers of named systems",
            have=f"questions of kind {kinds}, {len(names)} systems",
        )  # fmt: skip
    data = _data(ratings)
    made = []
    for number, system in enumerate(names):
        score = scores(ratings, system)
        found = summary(ratings, score, system, how=how)
        place = out or settings().runs / SCORES / f"{ratings.name}-human-{digest_of(system)[:8]}"
        if out is not None and len(names) > 1:
            place = out / f"{number + 1}"
        facts = _facts(ratings, system, score, data) | {"gates": gates(ratings, found)}
        tables = {"score": score, "summary": found}
        parents = [ratings.artifact] if ratings.artifact else []
        made.append(
            write(place, kind=SCORES, name=f"{ratings.name}-human", tables=tables, facts=facts, parents=parents)
        )
    return made


def _data(ratings: Ratings) -> dict[str, Any]:
    """What was rated: runs of the same cases and questions share a table of a leaderboard."""
    plain = ratings.answers.filter((pl.col("role") == PLAIN) & pl.col("value").is_not_null())
    cases = plain["case_id"].unique().sort().to_list()
    asked = [[question.name, list(question.values)] for question in graded(ratings)]
    return {"name": ratings.name, "digest": digest_of([cases, asked]), "rows": len(cases), "table": "case"}


def _facts(ratings: Ratings, system: str, score: pl.DataFrame, data: dict[str, Any]) -> dict[str, Any]:
    n = score["case_id"].n_unique()
    lost = score.filter(pl.col("value").is_null())["case_id"].n_unique()
    counts = {"n": n, "invalid": lost, "invalid_by": {HUMANS: lost}, "refusals": 0}
    raters, title = ratings.answers["rater_id"].n_unique(), ratings.title
    return {
        "title": {"en": f"{title['en']}: {system}, by humans", "zh": f"{title['zh']}：{system}，人工評分"},
        "table": "case",
        "system": system,
        "data_digest": data["digest"],
        "scorers": [HUMANS],
        "published": False,
        "raters": raters,
        "record": record(
            data=data, prompt={"template": ratings.template}, models=[], decoding={}, counts=counts,  # type: ignore[arg-type]
            cost={}, command=recorded_command(),
        ),
        "command": recorded_command(),
    }  # fmt: skip


def show(terminal: Terminal, made: Sequence[Artifact]) -> None:
    """Each system's means by question, its gate, and where the scores lie."""
    for one in made:
        facts = one.manifest["facts"]
        terminal.line(f"{facts['system']}, rated by {facts['raters']:,}")
        rows = one.scan("summary").collect().to_dicts()
        told = [[row["part"], with_interval(row), row["n"], row["missing"], row["reason"]] for row in rows]
        terminal.table(["question", "mean [95 % interval]", "n", "missing", "note"], told, right=(2, 3))
        for gate in facts["gates"]:
            more = f"; about {gate['more']:,} more answers would decide" if gate["more"] else ""
            terminal.line(f"gate: mean {gate['threshold']}: {gate['verdict']}{more}")
        terminal.line(f"scores  {one.path}  {one.digest[:12]}\n")
    terminal.line(f"next    xinheng leaderboard {' '.join(str(one.path) for one in made)} --out site")
    terminal.result([{"path": str(one.path), "digest": one.digest, **one.manifest["facts"]} for one in made])
