"""What `xinheng bench validity` does: judges' scores held against human ratings of the same replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from app.recorded import recorded_command
from app.scored_runs import with_interval
from app.scoring import SCORES
from app.terminal import Terminal
from benchmarks.agreement import krippendorff_alpha
from benchmarks.estimates import Estimate, Floats
from benchmarks.human_ratings import ratings, read_ratings
from benchmarks.intervals import mean
from benchmarks.resampling import Bootstrap
from benchmarks.scored import summary_row, summary_table
from benchmarks.validity import AltTest, against_humans, alt_test, corrected_mean, system_level
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, write
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.storage import Place, RemotePath

KIND: Final = "validity"
ALL: Final = "all systems"
_ITEM: Final = ["system", "case_id"]
_PLAIN: Final = "plain"


@dataclass(frozen=True)
class Found:
    """What humans say of judges.

    Args:
        summary: SUMMARY rows: `part` is the dimension, `measure` what was measured.
        alt: Dimension, scorer, and the alt-test.
        facts: Counts of items and raters, epsilon.
        parents: The scores.
    """

    summary: pl.DataFrame
    alt: tuple[tuple[str, str, AltTest], ...]
    facts: Mapping[str, Any]
    parents: tuple[Artifact, ...]


def matches(given: Sequence[str]) -> dict[str, str]:
    """Measure to the dimension's name among the ratings, from `MEASURE=DIMENSION`.

    Raises:
        UsageError: Not of that form.

    >>> matches(["suggestion=suggestion quality"])
    {'suggestion': 'suggestion quality'}
    """
    pairs = [one.partition("=") for one in given]
    if wrong := [one for one, (name, _, other) in zip(given, pairs, strict=True) if not name or not other]:
        raise UsageError("--match", "cannot be read", want="MEASURE=DIMENSION", have=", ".join(wrong))
    return {name.strip(): other.strip() for name, _, other in pairs}


def validity(
    scores: Sequence[Artifact],
    human: Place,
    *,
    scorers: Sequence[str] = (),
    match: Mapping[str, str] | None = None,
    epsilon: float = 0.2,
    least_items: int = 30,
    how: Bootstrap,
) -> Found:
    """Each judge against the humans, by dimension.

    Args:
        scores: Of one rubric; several systems for the order of systems.
        human: An artifact with a table `rating`, or a file.
        scorers: Only these.
        match: Measure to dimension, where the names differ.
        epsilon: Of the alt-test.
        least_items: Of a rater, for the alt-test.
        how: Resamples, seed, confidence.

    Raises:
        ArtifactError: It holds no judge's scores.
        InputError: Ratings cannot be read, lie off the scale, or are of other cases.
        UsageError: Several systems and ratings that name none, or nothing to compare.
    """
    told, scales, rubric = _scores(scores)
    rated, left_out = _ratings(human)
    systems = told["system"].unique().sort().to_list()
    named = rated["system"].null_count() == 0
    if not named and len(systems) > 1:
        raise UsageError(
            str(human), "ratings do not say of which system", want="a column `system`",
            have=f"scores of {', '.join(systems)}", mend="Name one scores artifact, or add the column.",
        )  # fmt: skip
    if not named:
        rated = rated.with_columns(system=pl.lit(systems[0]))
    names = {measure: (match or {}).get(measure, measure) for measure in scales}
    known = told["scorer"].unique().sort().to_list()
    if strange := [name for name in scorers if name not in known]:
        raise UsageError("--scorer", f"no {', '.join(strange)}", want=f"of {', '.join(known)}")
    rows: list[dict[str, Any]] = []
    alts: list[tuple[str, str, AltTest]] = []
    items: dict[str, Any] = {}
    for measure, dimension in names.items():
        own = rated.filter(pl.col("dimension") == dimension)
        if not own.height:
            continue
        _require_scale(own, scales[measure], str(human), dimension)
        for scorer in [name for name in known if not scorers or name in scorers]:
            judged = told.filter((pl.col("measure") == measure) & (pl.col("scorer") == scorer)).sort(_ITEM)
            if not judged.height:
                continue
            made, alt, counts = _of_judge(judged, own, scales[measure], epsilon, least_items, how)
            rows += [
                summary_row(e, benchmark=f"validity/{rubric}", part=measure, measure=name, scorer=scorer, system=system)
                for name, system, e in made
            ]
            alts.append((measure, scorer, alt))
            items[measure] = counts
    if not rows:
        raise UsageError(
            str(human), "ratings of no dimension that was judged", want=f"one of {', '.join(scales)}",
            have=", ".join(rated["dimension"].unique().sort().to_list()[:8]), mend="See --match MEASURE=DIMENSION.",
        )  # fmt: skip
    facts = {"rubric": rubric, "epsilon": epsilon, "least_items": least_items, "items": items, "systems": systems}
    facts |= {"ratings_left_out": left_out} if left_out else {}
    return Found(summary_table(rows), tuple(alts), facts, tuple(scores))


def _of_judge(
    judged: pl.DataFrame,
    own: pl.DataFrame,
    scale: tuple[float, float],
    epsilon: float,
    least_items: int,
    how: Bootstrap,
) -> tuple[list[tuple[str, str, Estimate]], AltTest, dict[str, int]]:
    raters = own["rater"].unique().sort().to_list()
    wide = own.pivot("rater", index=_ITEM, values="value")
    both = judged.join(wide, on=_ITEM, how="left", maintain_order="left")
    score = both["value"].to_numpy().astype(np.float64)
    humans = both.select(raters).to_numpy().astype(np.float64)
    seen = ~np.isnan(humans).all(axis=1)
    if not seen.any():
        raise InputError(
            "validity", "no rated reply is among the judged", want="the same case_id (and system) in both",
            have=f"{wide.height:,} rated, {judged.height:,} judged",
        )  # fmt: skip
    groups = both["group_id"].to_list()
    at = [group for group, there in zip(groups, seen, strict=True) if there]
    found = against_humans(score[seen], humans[seen], clusters=at, how=how)
    alt = alt_test(score[seen], humans[seen], epsilon=epsilon, least_items=least_items)
    made = [(name, ALL, getattr(found, name)) for name in ("spearman", "kendall_tau_b", "icc_agreement", "bias")]
    made.append(("raters_alpha", ALL, krippendorff_alpha(humans[seen], "interval", clusters=at, how=how)))
    made.append(("alt_test_winning_rate", ALL, _as_estimate(alt, alt.winning_rate, epsilon)))
    made.append(("alt_test_advantage", ALL, _as_estimate(alt, alt.advantage, epsilon)))
    systems = both["system"].to_list()
    if len(set(systems)) > 1:
        level = system_level(score[seen], humans[seen], [s for s, there in zip(systems, seen, strict=True) if there])
        made += [(f"system_{name}", ALL, estimate) for name, estimate in level.items()]
    for system in sorted(set(systems)):
        of = np.array([one == system for one in systems])
        clusters = [group for group, there in zip(groups, of, strict=True) if there]
        made += _of_system(system, score[of], humans[of], clusters, scale, how)
    rated = int((~np.isnan(humans)).sum())
    return made, alt, {"judged": judged.height, "rated": int(seen.sum()), "raters": len(raters), "ratings": rated}


def _of_system(
    system: str, score: Floats, humans: Floats, clusters: Sequence[str], scale: tuple[float, float], how: Bootstrap
) -> list[tuple[str, str, Estimate]]:
    """A system's mean by the judge, by the humans where they looked, and by the judge set right by them."""
    counts = (~np.isnan(humans)).sum(axis=1)
    rated = np.where(counts > 0, np.nansum(humans, axis=1) / np.maximum(counts, 1), np.nan)
    error = against_humans(score, rated, clusters=clusters, how=how).bias
    return [
        ("judge_mean", system, mean(score, clusters=clusters, bounds=scale, how=how)),
        ("human_mean", system, mean(rated, clusters=clusters, bounds=scale, how=how)),
        ("bias", system, error),
        ("corrected_mean", system, corrected_mean(score, humans, clusters=clusters, confidence=how.confidence)),
    ]


def _as_estimate(alt: AltTest, value: float | None, epsilon: float) -> Estimate:
    return Estimate(value, n=alt.n, reason=alt.reason, method=f"alt-test, epsilon {epsilon:g}")


def _scores(scores: Sequence[Artifact]) -> tuple[pl.DataFrame, dict[str, tuple[float, float]], str]:
    """Scores in one table, the scale of each measure, and the rubric.

    Raises:
        ArtifactError: One holds no judge's scores.
        UsageError: Of several rubrics, or of one system twice.
    """
    parts, rubrics, systems = [], {}, []
    for one in scores:
        told = one.manifest["facts"].get("judge")
        if one.kind != SCORES or not told or "score" not in one.manifest["tables"]:
            raise ArtifactError(
                str(one.path), "no judge's scores", want="what xinheng bench judge wrote", have=f"kind {one.kind}"
            )
        rubrics[told["rubric"]["digest"]] = told["rubric"]
        systems.append(str(one.manifest["facts"]["system"]))
        parts.append(one.scan("score").collect())
    if len(rubrics) > 1 or len(set(systems)) < len(systems):
        have = f"rubrics {', '.join(str(r['name']) for r in rubrics.values())}, systems {', '.join(systems)}"
        raise UsageError("validity", "scores that do not go together", want="one rubric, each system once", have=have)
    (rubric,) = rubrics.values()
    table = pl.concat(parts).group_by("system", "case_id", "group_id", "measure", "scorer").agg(pl.col("value").mean())
    return table, {name: (ends[0], ends[1]) for name, ends in rubric["scales"].items()}, str(rubric["name"])


def _ratings(human: Place) -> tuple[pl.DataFrame, dict[str, int]]:
    """Ratings, and how many of an artifact's were left out: gold and repeats, and answers that are no grades."""
    if not isinstance(human, RemotePath) and not (human / MANIFEST).is_file():
        return read_ratings(Path(human)), {}
    artifact = open_artifact(human)
    if "rating" not in artifact.manifest["tables"]:
        have = ", ".join(artifact.manifest["tables"])
        raise ArtifactError(str(human), "no ratings", want="a table `rating`", have=f"tables {have}")
    rows = artifact.scan("rating").collect()
    if not {"role", "value"} <= set(rows.columns):
        return ratings(rows, who=str(human)), {}
    # A planted item is no answer of the system, and a repeat the same answer again.
    planted = rows.filter(pl.col("role") != _PLAIN)
    plain = rows.filter(pl.col("role") == _PLAIN)
    left_out = dict(planted.group_by("role").len().sort("role").iter_rows())
    if no_grade := plain["value"].null_count():
        left_out["no grade"] = no_grade
    return ratings(plain.drop_nulls("value"), who=str(human)), left_out


def _require_scale(own: pl.DataFrame, scale: tuple[float, float], who: str, dimension: str) -> None:
    off = own.filter((pl.col("value") < scale[0]) | (pl.col("value") > scale[1])).height
    if off:
        raise InputError(
            who, f"ratings of {dimension} off the scale", want=f"{scale[0]:g} to {scale[1]:g}, as it was judged",
            have=f"{off:,} others of {own.height:,}", mend="Bring them to the rubric's scale.",
        )  # fmt: skip


def written(found: Found, out: Place) -> Artifact:
    """The findings as an artifact of kind `validity`."""
    name = f"{found.facts['rubric']}-validity"
    facts = {
        "title": {
            "en": f"Judges by {found.facts['rubric']}, held against humans",
            "zh": f"{found.facts['rubric']}：評審與人工",
        },
        **found.facts,
        "alt_test": [{"measure": m, "scorer": s, **asdict(alt)} for m, s, alt in found.alt],
        "command": recorded_command(),
    }
    return write(out, kind=KIND, name=name, tables={"summary": found.summary}, facts=facts, parents=list(found.parents))


def show(terminal: Terminal, found: Found, made: Artifact | None) -> None:
    """The figures by dimension and judge, and whether each judge may stand in for a rater."""
    if left_out := found.facts.get("ratings_left_out"):
        terminal.line(f"ratings left out: {', '.join(f'{n:,} {what}' for what, n in left_out.items())}")
    for (part, scorer), rows in found.summary.group_by("part", "scorer", maintain_order=True):
        counts = found.facts["items"][part]
        terminal.line(
            f"{part}, {scorer}: {counts['judged']:,} replies judged, {counts['rated']:,} of them rated by "
            f"{counts['raters']} raters"
        )
        terminal.table(
            ["measure", "system", "value [95 % interval]", "n", "missing", "note"],
            [
                [row["measure"], row["system"], with_interval(row), row["n"], row["missing"], row["reason"]]
                for row in rows.iter_rows(named=True)
            ],
            right=(3, 4),
        )
        alt = next(a for m, s, a in found.alt if (m, s) == (part, scorer))
        told = {
            None: f"undefined: {alt.reason}",
            True: "may stand in for a rater",
            False: "may not stand in for a rater",
        }
        terminal.line(f"alt-test, epsilon {found.facts['epsilon']:g}: {told[alt.passes]}\n")
    terminal.line("A correlation is no agreement: see bias and icc_agreement before a mean is taken at its word.")
    if made is not None:
        terminal.line(f"validity  {made.path}  {made.digest[:12]}")
    terminal.result(
        {
            **found.facts,
            "alt_test": [{"measure": m, "scorer": s, **asdict(alt)} for m, s, alt in found.alt],
            "summary": found.summary.to_dicts(),
            **({"path": str(made.path), "digest": made.digest} if made is not None else {}),
        }
    )
