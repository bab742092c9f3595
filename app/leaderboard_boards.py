"""Tables of runs that may be compared: by benchmark, data digest and scorer; ranked, and tested against the leader."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from app.leaderboard_runs import Run, counted, mapping, public, scores, slug
from app.predicting import REFUSALS
from benchmarks.leading import against_leader
from benchmarks.published import published
from reports.leaderboard_measures import lower_is_better

Facts = dict[str, Any]

_OVERALL: Final = ("mean", "all", "overall", "micro", "macro")
# The figure that a benchmark is known by; of others the first that they give.
_HEADLINES: Final = ("weighted_f1", "accuracy", "grade", "win_rate", "latency_p95_s")
_FLOORS: Final = ("floor", "chance", "majority")
_CELL: Final = ("value", "low", "high", "n", "missing", "reason", "method")
_DIFFERS: Final = (
    ("prompt", ("form", "shots", "few_shot", "template", "cue", "way", "language", "rotations", "repeats")),
    ("decoding", ("temperature", "top_p", "max_tokens", "seed")),
)
PARTS_WITH_PAGES: Final = 500


def boards(runs: Sequence[Run]) -> list[Facts]:
    """Every table that the runs can fill: a board per benchmark and data digest, in it a table per scorer.

    Two runs of one system stay two rows, each with what tells it apart: choosing the better or the later of them
    would be choosing the figure.

    Args:
        runs: Each once, in the order of their digests.

    Returns:
        Boards by benchmark, those of more cases first. JSON values: slug, benchmark, data, readers (see `_reader`).
    """
    groups: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        for benchmark in run.summary["benchmark"].unique().to_list():
            groups[benchmark, run.data_digest, _definition(run)].append(run)
    made = [_board(*key, groups[key]) for key in groups]
    return sorted(made, key=lambda b: (b["benchmark"], -(b["data"]["rows"] or 0), b["data"]["digest"]))


def _definition(run: Run) -> str:
    """The digest of a rubric: judges who graded by another one are not the same scorer."""
    rubric = run.facts.get("rubric")
    if not rubric:
        return ""
    return hashlib.sha256(json.dumps(rubric, sort_keys=True, default=str).encode()).hexdigest()


def _board(benchmark: str, digest: str, definition: str, runs: Sequence[Run]) -> Facts:
    data = [mapping(run.record.get("data")) for run in runs]
    name = min((str(d["name"]) for d in data if d.get("name")), default=benchmark)
    rows = next((int(n) for d in data if (n := counted(d.get("rows")))), None)
    figures = pl.concat(
        run.summary.filter(pl.col("benchmark") == benchmark).with_columns(run=pl.lit(place, pl.UInt32))
        for place, run in enumerate(runs)
    )
    values = pl.concat(scores(runs, benchmark)).collect()
    figures = _by_dimension(figures, values)
    readers = [
        _reader(scorer, figures.filter(pl.col("scorer") == scorer), values.filter(pl.col("scorer") == scorer), runs)
        for scorer in sorted(figures["scorer"].unique(), key=lambda s: (s != "rule", s))
    ]
    known = published(benchmark)
    for reader in readers:
        reader["rows"] += _published_rows(known, reader["scorer_id"], reader["headline"])
    codes = {str(mapping(run.record.get("code")).get("digest")) for run in runs if run.record.get("code")}
    for reader in readers:
        reader["slug"] = slug(reader["scorer"], of=reader["scorer_id"])
    own = list(dict.fromkeys(part for reader in readers for part in reader["parts"]))
    own = [part for part in own if part not in overall(own)] or own
    apart = sorted({row.reader for row in known} - {reader["scorer_id"] for reader in readers})
    return {
        "slug": slug(f"{benchmark}-{public(name)}", of=f"{benchmark}\0{digest}\0{definition}"),
        "definition": definition,
        "benchmark": benchmark,
        "data": {"name": public(name), "digest": digest, "rows": rows},
        "part_pages": {part: slug(part) for part in own[:PARTS_WITH_PAGES]},
        "unpaged": max(0, len(own) - PARTS_WITH_PAGES),
        "codes": len(codes),
        "unrecorded": sum(not run.record for run in runs),
        "readers": readers,
        "published_apart": [
            {"reader": name, "rows": _published_rows(known, name, "weighted_f1")} for name in apart
        ],
    }  # fmt: skip


def _reader(scorer: str, figures: pl.DataFrame, values: pl.DataFrame, runs: Sequence[Run]) -> Facts:
    """The table of one scorer.

    Its name, headline, measures, parts, lead (the part it is ranked by), sizes, lower (parts of which less is better),
    rows and tests.
    """
    measures = list(dict.fromkeys(figures.sort("run", maintain_order=True)["measure"]))
    parts = _parts(figures)
    floors = [name for name in measures if name.startswith(_FLOORS)]
    own = [name for name in measures if name not in floors]
    headline = next((name for name in _HEADLINES if name in own), own[0] if own else measures[0])
    rows = _rows(figures, runs)
    refusals = _refused(values)
    for row in rows:
        own_parts = [part for part in parts if part not in overall(parts)]
        row["refusals"] = {part: refusals[row["_run"], row["system_id"], part] for part in own_parts}
        if (whole := counted(mapping(row["counts"]).get("refusals"))) is not None and row["systems"] == 1:
            row["refusals"] |= {part: int(whole) for part in ("all", "mean") if part in parts}
    cases = _cases(values)
    for row in rows:
        held = cases[row["_run"], row["system_id"]]
        row["cases"] = {part: sum(held.get(p, 0) for p in _pooled(part, parts)) or None for part in parts}
        row["invalid"] = {part: _invalid(row, part, headline) for part in parts}
    sizes = {part: max((row["cases"][part] or 0 for row in rows), default=0) for part in parts}
    for row in rows:
        row["incomplete"] = [part for part in parts if (row["cases"][part] or 0) < sizes[part]]
    told = [part for part in parts if any(headline in row["cells"].get(part, {}) for row in rows)]
    lead = next((p for p in ("mean", "all", "overall", "micro") if p in told), told[0] if told else None)
    lower = {part: _lower(headline, part, runs) for part in parts}
    ranks = {part: _ranked(rows, part, headline, lower=lower[part]) for part in parts}
    tests = _tests(values, rows, parts, ranks, lower)
    for row in rows:
        row["ranks"] = {part: ranks[part][row["id"]] for part in parts if row["id"] in ranks[part]}
        del row["_run"], row["counts"]
    rows.sort(key=lambda row: (row["ranks"].get(lead, 10**9), row["label"], row["id"]))
    return {
        "scorer": public(scorer),
        "scorer_id": scorer,
        "headline": headline,
        "measures": own,
        "parts": parts,
        "lead": lead,
        "sizes": sizes,
        "lower": lower,
        "rows": rows + _floor_rows(rows, floors, parts, headline),
        "tests": tests,
    }


def _by_dimension(figures: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """The figures of a judge with a part per dimension, where its scores per case have one and its figures a measure.

    `empathy` becomes the `grade` of the part `empathy`, `empathy_normalised` its `normalised`.
    """
    dimensions = set(values["part"].unique()) & set(figures["measure"].unique())
    if not dimensions or set(values["part"].unique()) & set(figures["part"].unique()):
        return figures
    places: dict[str, tuple[str, str]] = {}
    for measure in figures["measure"].unique():
        of = [d for d in dimensions if measure == d or measure.startswith(f"{d}_")]
        if of:
            longest = max(of, key=len)
            places[measure] = longest, measure[len(longest) + 1 :] or "grade"
    measure = pl.col("measure")
    return figures.with_columns(
        part=pl.coalesce(measure.replace_strict({m: p for m, (p, _) in places.items()}, default=None,
                                                return_dtype=pl.String), "part"),
        measure=measure.replace({m: name for m, (_, name) in places.items()}),
    )  # fmt: skip


def _parts(figures: pl.DataFrame) -> list[str]:
    """Sets and subjects in the order in which the scorers give them, those over all of them last."""
    found = list(dict.fromkeys(figures.sort("run", maintain_order=True)["part"]))
    over = overall(found)
    return [p for p in found if p not in over] + [p for p in found if p in over]


def overall(parts: Sequence[str]) -> set[str]:
    """Those parts that stand for several: `mean`, `all` …, and `mean expert` where other parts end so too.

    A subject may well be called `macro economics`.

    >>> sorted(overall(["DR", "DR expert", "mean", "mean expert", "macro economics"]))
    ['mean', 'mean expert']
    """
    suffixes = {part.partition(" ")[2] for part in parts if part.partition(" ")[0] not in _OVERALL} - {""}
    over = set()
    for part in parts:
        head, _, suffix = part.partition(" ")
        if head in _OVERALL and (not suffix or suffix in suffixes):
            over.add(part)
    return over


def _rows(figures: pl.DataFrame, runs: Sequence[Run]) -> list[Facts]:
    """A row per run and system, with all of its figures."""
    rows: dict[tuple[int, str], Facts] = {}
    for figure in figures.iter_rows(named=True):
        key = figure["run"], figure["system"]
        if key not in rows:
            rows[key] = _row(runs[key[0]], *key)
        cell = {name: figure[name] for name in _CELL}
        rows[key]["cells"].setdefault(figure["part"], {})[figure["measure"]] = cell
    found = [rows[key] for key in sorted(rows)]
    by_system: dict[str, list[Facts]] = defaultdict(list)
    for row in found:
        by_system[row["system"]].append(row)
    for same in by_system.values():
        _tell_apart(same, runs)
    return found


def _row(run: Run, place: int, system: str) -> Facts:
    return {
        "id": slug(public(system), of=f"{system}\0{run.digest}"),
        "kind": "run",
        "run": run_slug(run),
        "run_digest": run.digest,
        "system_id": system,
        "system": public(system),
        "systems": run.summary["system"].n_unique(),
        "label": public(system),
        "cells": {},
        "cost": cost(run),
        "counts": mapping(run.record.get("counts")),
        "recorded": bool(run.record),
        "marks": sorted({str(mark["mark"]) for mark in run.artifact.marks}),
        "_run": place,
    }


def run_slug(run: Run) -> str:
    """The name of a run's page."""
    system = run.facts.get("system") or run.summary["system"][0]
    return slug(f"run-{public(str(system))}", of=run.digest)


def cost(run: Run) -> Facts:
    """What a run's answers took: requests, tokens, money (null: no price is known) and time."""
    told = mapping(run.record.get("cost"))
    return {name: counted(told.get(name)) for name in ("usd", "requests", "input_tokens", "output_tokens", "wall_s")}


def _tell_apart(same: Sequence[Facts], runs: Sequence[Run]) -> None:
    """Name what differs between several runs of one system."""
    if len(same) < 2:
        return
    told: list[dict[str, str]] = []
    for row in same:
        record = runs[row["_run"]].record
        told.append({
            name: f"{name.replace('_', ' ')} {public(mapping(record.get(group))[name])}"
            for group, names in _DIFFERS for name in names if mapping(record.get(group)).get(name) is not None
        })  # fmt: skip
    varied = [name for _, names in _DIFFERS for name in names if len({facts.get(name) for facts in told}) > 1]
    labels = [", ".join(facts[name] for name in varied if name in facts)[:80] for facts in told]
    for row, label in zip(same, labels, strict=True):
        short = f"run {row['run_digest'][:8]}"
        row["label"] = f"{row['system']} ({f'{label}; {short}' if label else short})"


def _refused(values: pl.DataFrame) -> Counter[tuple[int, str, str]]:
    counts = values.filter(pl.col("reason").is_in(REFUSALS)).group_by("run", "system", "part").len()
    return Counter({(run, system, part): n for run, system, part, n in counts.iter_rows()})


def _cases(values: pl.DataFrame) -> dict[tuple[int, str], dict[str, int]]:
    """How many cases of each part a run has scores for, be it that they could not be read."""
    found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    counts = values.group_by("run", "system", "part").agg(pl.col("case_id").n_unique())
    for run, system, part, n in counts.iter_rows():
        found[run, system][part] = n
    return found


def _invalid(row: Facts, part: str, headline: str) -> float | None:
    """The share of answers that could not be read; null where nothing was counted."""
    cells = row["cells"].get(part, {})
    if "invalid_rate" in cells:
        value: float | None = cells["invalid_rate"]["value"]
        return value
    cell, cases = cells.get(headline), row["cases"][part]
    return cell["missing"] / cases if cell and cases else None


def value_of(row: Facts, part: str, measure: str) -> float | None:
    """A row's figure, or null."""
    value: float | None = row["cells"].get(part, {}).get(measure, {}).get("value")
    return value


def _lower(measure: str, part: str, runs: Sequence[Run]) -> bool:
    """Whether less is better: as the rubric says, whose words nobody can guess; else by the measure's name."""
    name = part if measure == "grade" else measure
    said = {mapping(mapping(run.facts.get("rubric")).get("better")).get(name) for run in runs} & {"lower", "higher"}
    return said == {"lower"} if said else lower_is_better(measure, part)


def _ranked(rows: Sequence[Facts], part: str, measure: str, *, lower: bool) -> dict[str, int]:
    """Ranks by id, equal values sharing one; rows over fewer cases than others have none."""
    sign = 1 if lower else -1
    ranked = sorted(
        (sign * value, row["id"])
        for row in rows
        if (value := value_of(row, part, measure)) is not None and part not in row["incomplete"]
    )
    ranks: dict[str, int] = {}
    for place, (value, name) in enumerate(ranked, 1):
        before = ranked[place - 2] if place > 1 else None
        ranks[name] = ranks[before[1]] if before is not None and before[0] == value else place
    return ranks


def _tests(
    values: pl.DataFrame,
    rows: Sequence[Facts],
    parts: Sequence[str],
    ranks: Mapping[str, dict[str, int]],
    lower: Mapping[str, bool],
) -> Facts:
    """Part to its tests against the leader: leader (id), method, family, and rows by id; absent where none is made."""
    columns = {(row["_run"], row["system_id"]): j for j, row in enumerate(rows)}
    held = _Values(values, columns)
    made: Facts = {}
    for part in parts:
        leaders = [name for name, rank in ranks[part].items() if rank == 1]
        if not leaders or len(rows) < 2:
            continue
        leader = min(leaders)
        matrix, groups = held.of(_pooled(part, parts))
        if matrix is None:
            continue
        place = next(j for j, row in enumerate(rows) if row["id"] == leader)
        found = against_leader(matrix, place, clusters=groups, lower_is_better=lower[part])
        told = {row["id"]: asdict(test) for row, test in zip(rows, found, strict=True) if test is not None}
        made[part] = {
            "leader": leader,
            "family": sum(test["p"] is not None for test in told.values()),
            "method": "; ".join(sorted({test["method"] for test in told.values() if test["method"]})),
            "rows": told,
        }
    return made


def _pooled(part: str, parts: Sequence[str]) -> list[str]:
    """The parts whose cases stand behind one: itself, or those that an overall figure is made of."""
    over = overall(parts)
    if part not in over:
        return [part]
    suffix = part.partition(" ")[2]
    own = [p for p in parts if p not in over]
    if suffix:
        return [part, *(p for p in own if p.endswith(f" {suffix}"))]
    suffixes = {p.partition(" ")[2] for p in over} - {""}
    return [part, *(p for p in own if not any(p.endswith(f" {s}") for s in suffixes))]


class _Values:
    """The values per case as matrices, cases x systems; NaN where a case has none."""

    def __init__(self, values: pl.DataFrame, columns: Mapping[tuple[int, str], int]) -> None:
        keys = pl.DataFrame(
            [(run, system, j) for (run, system), j in columns.items()],
            schema={"run": pl.UInt32, "system": pl.String, "column": pl.Int64}, orient="row",
        )  # fmt: skip
        self.width = len(columns)
        self.rows = values.join(keys, on=["run", "system"], how="inner").select(
            "part", "column", "case_id", "group_id", pl.col("value").fill_null(float("nan"))
        )

    def of(self, parts: Iterable[str]) -> tuple[np.ndarray[Any, np.dtype[np.float64]] | None, list[Any]]:
        """The matrix of some parts with the post of each case; none without values, or where one is infinite.

        Where a case was answered several times, its mean stands for it.
        """
        rows = self.rows.filter(pl.col("part").is_in(list(parts)))
        if not rows.height or bool(rows["value"].is_infinite().any()):
            return None, []
        cases = rows.group_by("part", "case_id").agg(pl.col("group_id").min()).sort("part", "case_id").with_row_index()
        placed = rows.join(cases.select("index", "part", "case_id"), on=["part", "case_id"], how="left")
        at = placed["index"].to_numpy().astype(np.int64) * self.width + placed["column"].to_numpy()
        value = placed["value"].to_numpy()
        there = ~np.isnan(value)
        size = cases.height * self.width
        with np.errstate(invalid="ignore"):
            # 0 values of a case make 0/0: missing.
            matrix = np.bincount(at[there], weights=value[there], minlength=size) / np.bincount(
                at[there], minlength=size
            )
        # One post may stand in several sets: its answers are still of one post.
        groups = cases.select(pl.coalesce("group_id", "case_id").rank("dense")).to_series().to_list()
        return matrix.reshape(cases.height, self.width), groups


def _floor_rows(rows: Sequence[Facts], floors: Sequence[str], parts: Sequence[str], headline: str) -> list[Facts]:
    """What answering without reading would reach, as a row; the greatest where runs do not agree on it."""
    made = []
    for name in floors:
        cells: dict[str, Facts] = {}
        for part in parts:
            found = [value for row in rows if (value := value_of(row, part, name)) is not None]
            if found:
                differ = max(found) - min(found) > 1e-9 * max(1.0, abs(max(found)))
                reason = "runs give different floors; this is the greatest" if differ else None
                sizes = [row["cells"].get(part, {}).get(name, {}).get("n") or 0 for row in rows]
                cells[part] = {headline: {"value": max(found), "low": None, "high": None, "n": max(sizes),
                                          "missing": 0, "reason": reason, "method": ""}}  # fmt: skip
        made.append({"id": f"floor-{slug(name)}", "kind": "floor", "system": name, "label": name, "cells": cells})
    return made


def _published_rows(known: Sequence[Any], reader: str, measure: str) -> list[Facts]:
    return [
        {
            "id": f"published-{slug(row.system)}",
            "kind": "published",
            "system": row.system,
            "label": row.system,
            "source": row.source,
            "cells": {
                part: {measure: {"value": value, "low": None, "high": None, "n": 0, "missing": 0,
                                 "reason": "published, not rerun: no interval, no test", "method": ""}}
                for part, value in row.parts.items()
            },
        }
        for row in known
        if row.reader == reader and row.measure == measure
    ]  # fmt: skip
