"""What `xinheng annotate agreement` does: every figure of raters' agreement, written as an artifact with its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.annotating_ratings import Ratings
from app.leaderboard_runs import public
from app.recorded import recorded_command
from benchmarks import rater_checks, rater_drift, rater_severity, rater_spans, rater_statistics
from benchmarks.estimates import Estimate
from benchmarks.rater_answers import PLAIN, RATING, SPAN, Asked, Grid, grids
from benchmarks.rater_disputes import disputes
from benchmarks.resampling import Bootstrap
from benchmarks.scored import summary_row, summary_table
from xinheng.artifacts import Artifact, readable_write_errors, write
from xinheng.settings import settings
from xinheng.storage import Place

KIND: Final = "agreement"
PAGE: Final = "page.html"
SYSTEMS: Final = "all systems"
RATERS: Final = "raters"

_FIGURE: Final[Mapping[str, pl.DataType]] = {
    "measure": pl.String(),
    "value": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "n": pl.UInt32(),
    "missing": pl.UInt32(),
    "reason": pl.String(),
    "method": pl.String(),
}
# One figure of one rater on one question; `rater_id` is "" for all raters together.
RATER: Final[Mapping[str, pl.DataType]] = {"question": pl.String(), "rater_id": pl.String(), **_FIGURE}
# One figure of two raters on one question.
PAIR: Final[Mapping[str, pl.DataType]] = {
    "question": pl.String(),
    "first": pl.String(),
    "second": pl.String(),
    **_FIGURE,
}
# How a rater stood to the others in each fifth of the own work (`window` 0 to 4), as plain means.
WINDOW: Final[Mapping[str, pl.DataType]] = {
    "question": pl.String(),
    "rater_id": pl.String(),
    "window": pl.UInt32(),
    "n": pl.UInt32(),
    "severity": pl.Float64(),
    "agreement": pl.Float64(),
}


@dataclass(frozen=True)
class Found:
    """Everything that is said of the raters.

    Args:
        summary: SUMMARY rows by question: agreement, and the means of systems.
        tables: `rater`, `pair`, `window`, `dispute`.
        counts: Items, raters, answers, roles, what was left out.
        questions: Name, kind, title and scale of each.
    """

    summary: pl.DataFrame = field(repr=False)
    tables: Mapping[str, pl.DataFrame] = field(repr=False)
    counts: Mapping[str, Any]
    questions: Sequence[Mapping[str, Any]]


def agreement(ratings: Ratings, *, how: Bootstrap) -> Found:
    """Every figure of a set of ratings.

    Args:
        ratings: What people said.
        how: Resamples, seed, confidence.

    Raises:
        InputError: Answers that cannot be counted.
    """
    found = grids(ratings.answers, ratings.asked)
    benchmark = f"{KIND}/{ratings.template or 'ratings'}"
    rows: list[dict[str, Any]] = []
    raters: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    windows: list[dict[str, Any]] = []
    places = rater_drift.order(ratings.answers)

    def add(grid: Grid, measure: str, estimate: Estimate, system: str = SYSTEMS) -> None:
        named = {"benchmark": benchmark, "part": grid.name, "measure": measure, "scorer": RATERS, "system": system}
        rows.append(summary_row(estimate, **named))

    for grid in found:
        for measure, estimate in rater_statistics.statistics(grid, how=how):
            add(grid, measure, estimate)
        if grid.asked.kind == SPAN:
            for label, estimate in rater_spans.overlaps(ratings.answers, grid.asked, how=how):
                add(grid, f"overlap: {label}" if label else "overlap", estimate)
        if grid.graded:
            for told in rater_severity.systems(grid, how=how):
                for measure in ("mean", "adjusted"):
                    add(grid, measure, _of(told[measure]), str(told["system"] or SYSTEMS))
            raters += _figures(grid.name, "rater", rater_severity.raters(grid, how=how), ("mean", "severity"))
        pairs += _figures(grid.name, "", rater_statistics.pairs(grid, how=how), ("exact", "kappa", "difference"))
        drifted = rater_drift.drifts(grid, places, how=how)
        raters += [
            {**row, "measure": f"drift_{row['measure']}"}
            for row in _figures(grid.name, "rater", drifted, ("severity", "agreement"))
        ]
        windows += [{"question": grid.name, "rater_id": d["rater"], **w} for d in drifted for w in d["windows"]]  # type: ignore[attr-defined]
    raters += _checks(ratings, how)
    tables = {
        "rater": pl.DataFrame(raters, schema=RATER),
        "pair": pl.DataFrame(pairs, schema=PAIR),
        "window": pl.DataFrame(windows, schema=WINDOW),
        "dispute": disputes(ratings.answers, found, ratings.asked),
    }
    return Found(summary_table(rows), tables, _counts(ratings), [_question(one, found) for one in ratings.asked])


def _of(value: object) -> Estimate:
    if not isinstance(value, Estimate):
        raise TypeError(type(value).__name__)
    return value


def _figures(
    question: str, who: str, told: Iterable[Mapping[str, object]], measures: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of figures, of raters (`who` names their column) or of pairs."""
    rows = []
    for row in told:
        about = {"rater_id": row[who]} if who else {"first": row["first"], "second": row["second"]}
        for measure in measures:
            if isinstance(e := row.get(measure), Estimate):
                figure = {
                    "measure": measure, "value": e.value, "low": e.low, "high": e.high, "n": e.n,
                    "missing": e.missing, "reason": e.reason or None, "method": e.method,
                }  # fmt: skip
                rows.append({"question": question, **about, **figure})
    return rows


def _checks(ratings: Ratings, how: Bootstrap) -> list[dict[str, Any]]:
    """Gold and repeats, by question and rater, under the measures `gold_…` and `repeat_…`."""
    rows = []
    planted = {
        "gold": rater_checks.gold(ratings.answers, ratings.gold, ratings.asked, how=how),
        "repeat": rater_checks.repeats(ratings.answers, ratings.asked, how=how),
    }
    for what, told in planted.items():
        for one in told:
            found = _figures(one["question"], "rater", [one], ("exact", "distance", "kappa"))
            rows += [{**row, "measure": f"{what}_{row['measure']}"} for row in found]
    return rows


def _question(asked: Asked, found: Sequence[Grid]) -> dict[str, Any]:
    return {
        "name": asked.name,
        "kind": asked.kind,
        "title": dict(asked.title or {}),
        "values": list(asked.values),
        "labels": {} if asked.kind == RATING else dict(asked.labels or {}),
        "parts": [grid.name for grid in found if grid.asked.name == asked.name],
    }


def _counts(ratings: Ratings) -> dict[str, Any]:
    answers = ratings.answers
    plain = answers.filter(pl.col("role") == PLAIN)
    by = answers.group_by("rater_id").agg(
        items=pl.col("item_id").n_unique(),
        answers=pl.len(),
        # Every question about an item tells the same seconds.
        seconds=pl.struct("item_id", "seconds").unique().struct.field("seconds").median(),
        first=pl.col("at").min(),
        last=pl.col("at").max(),
    )
    return {
        "items": plain["item_id"].n_unique(),
        "dialogues": plain["group_id"].n_unique(),
        "raters": answers["rater_id"].n_unique(),
        "answers": answers.height,
        "roles": ratings.roles(),
        "left_out": dict(ratings.left_out),
        "by_rater": [
            {**row, **{at: row[at].isoformat(timespec="seconds") if row[at] else None for at in ("first", "last")}}
            for row in by.sort("rater_id").iter_rows(named=True)
        ],
    }


def facts_of(ratings: Ratings, found: Found, how: Bootstrap) -> dict[str, Any]:
    """What the manifest records."""
    return {
        "title": {"en": f"{ratings.title['en']}: agreement", "zh": f"{ratings.title['zh']}：評分者一致性"},
        "template": ratings.template,
        "ratings": ratings.artifact.link() if ratings.artifact else {"name": ratings.name},
        "questions": list(found.questions),
        "counts": dict(found.counts),
        "resamples": how.resamples,
        "seed": how.seed,
        "confidence": how.confidence,
        "command": recorded_command(),
    }


def written(
    ratings: Ratings, found: Found, *, out: Place | None, how: Bootstrap, gates: Sequence[Any] = ()
) -> Artifact:
    """The artifact of kind `agreement`, with its page.

    Args:
        ratings: What people said.
        found: From `agreement`.
        out: The folder; `runs/agreement/NAME` where None.
        how: As it was computed.
        gates: Rows of `benchmarks.plan_gates`, for the page.
    """
    from reports.agreement import agreement_page

    facts = {**facts_of(ratings, found, how), "gates": list(gates)}
    tables = {"summary": found.summary, **found.tables}

    shown = {name: _public(rows).to_dicts() for name, rows in tables.items()}
    gated = [{**gate, "system": public(gate["system"])} for gate in gates]

    def page(digest: str) -> Mapping[str, str]:
        return {PAGE: agreement_page({**facts, "digest": digest, "gates": gated}, shown)}

    parents = [ratings.artifact] if ratings.artifact else []
    place = out or settings().runs / KIND / ratings.name
    return write(place, kind=KIND, name=ratings.name, tables=tables, facts=facts, parents=parents, page=page)


def _public(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the folders in systems' names: a page is passed on, and a path tells of somebody's machine."""
    if "system" not in rows.columns:
        return rows
    names = {name: public(name) for name in rows["system"].drop_nulls().unique()}
    return rows.with_columns(pl.col("system").replace(names))


def copy_page(made: Artifact, to: Path) -> None:
    """The page once more, where somebody wants it.

    Raises:
        WriteError: The disk refuses.
    """
    with readable_write_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(made.file(PAGE).read_text(encoding="utf-8"), encoding="utf-8")
