"""Checks of judges that take more than one system's scores: the fixed reply, length, own family, planted attacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Estimate
from benchmarks.judge_attacks import attacks, attacks_digest, effect
from benchmarks.judge_panel import above_constant, at_equal_length, family, self_preference
from benchmarks.judge_scoring import PANEL, WEIGHTED, better, ends, measures, values
from benchmarks.resampling import Bootstrap
from benchmarks.rubrics import Rubric

# These are checks beside the figures, not the figures.
_FEW: Final = Bootstrap(resamples=2000)


def across(
    systems: Sequence[str],
    cases: Sequence[pl.DataFrame],
    predictions: Sequence[pl.DataFrame],
    answers: Sequence[pl.DataFrame],
    constant: pl.DataFrame | None,
    rubric: Rubric,
) -> list[dict[str, Any]]:
    """For each system: how it stands to the fixed reply, what length does, and whether its judge is of its family.

    Args:
        systems: Names.
        cases: CASE rows of each.
        predictions: PREDICTION rows of each.
        answers: ANSWER rows of each.
        constant: ANSWER rows of the fixed reply.
        rubric: By which was judged.

    Returns:
        `constant`, `equal_length`, `self_preference`: lists of rows; and `warnings`, in words.
    """
    table = pl.concat(
        [
            _table(n, system, asked, given, told, rubric)
            for n, (system, asked, given, told) in enumerate(zip(systems, cases, predictions, answers, strict=True))
        ]
    )
    fixed = values(constant, rubric) if constant is not None and constant.height else None
    lengths = _equal_length(table)
    preferences = _self_preferences(table)
    found = []
    for number, system in enumerate(systems):
        own = table.filter(pl.col("run") == number)
        beside = _beside_constant(own, fixed, rubric) if fixed is not None else []
        mine = [row for row in preferences if row["judge_family"] == family(system)]
        found.append(
            {
                "constant": beside,
                "equal_length": [row for row in lengths if row["run"] == number],
                "self_preference": mine,
                "warnings": [*_constant_warnings(beside), *_family_warnings(system, own, mine)],
            }
        )
    return found


def _table(
    number: int, system: str, cases: pl.DataFrame, predictions: pl.DataFrame, answers: pl.DataFrame, rubric: Rubric
) -> pl.DataFrame:
    about = predictions.select("case_id", "variant", characters=pl.col("text").str.len_chars()).join(
        cases.select("case_id", "group_id"), on="case_id"
    )
    told = values(answers, rubric).join(about, on=["case_id", "variant"])
    low = pl.col("measure").replace_strict({name: ends(rubric, name)[0] for name in measures(rubric)})
    high = pl.col("measure").replace_strict({name: ends(rubric, name)[1] for name in measures(rubric)})
    share = ((pl.col("value") - low) / (high - low)).alias("share")
    return told.with_columns(share, run=pl.lit(number), system=pl.lit(system))


def _beside_constant(own: pl.DataFrame, fixed: pl.DataFrame, rubric: Rubric) -> list[dict[str, Any]]:
    """The system and the fixed reply on the cases that both were graded on."""
    graded = [one.name for one in rubric.dimensions if one.kind == "grade"]
    if rubric.summary is not None and not rubric.summary.any:
        graded.append(rubric.summary.name)
    mine = own.group_by("case_id", "group_id", "measure", "scorer").agg(pl.col("value").mean())
    both = mine.join(
        fixed.select("case_id", "measure", "scorer", constant="value"), on=["case_id", "measure", "scorer"]
    ).filter(pl.col("measure").is_in(graded) & ~pl.col("scorer").str.starts_with(WEIGHTED))
    rows = []
    for (measure, scorer), part in both.sort("measure", "scorer", "case_id").group_by(
        "measure", "scorer", maintain_order=True
    ):
        pair = [part[name].to_numpy().astype(np.float64) for name in ("value", "constant")]
        made = above_constant(
            *pair, clusters=part["group_id"].to_list(), better=better(rubric, str(measure)),
            bounds=ends(rubric, str(measure)), how=_FEW,
        )  # fmt: skip
        known = part.drop_nulls(["value", "constant"])
        means = {"system_mean": known["value"].mean(), "constant_mean": known["constant"].mean()}
        rows.append({"measure": measure, "scorer": scorer, **means, **_told(made)})
    return rows


def _constant_warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    told = []
    for row in rows:
        who = f"{row['measure']} by {row['scorer']}"
        if row["value"] is None:
            told.append(f"{who}: the fixed phrase could not be compared: {row['reason']}")
            continue
        means = f"{row['system_mean']:.2f} against {row['constant_mean']:.2f}, {row['n']} cases"
        if row["value"] <= 0:
            told.append(f"{who}: a fixed phrase to everybody does as well as the system or better ({means})")
        elif row["low"] is None or row["low"] <= 0:
            told.append(f"{who}: not shown to be better than a fixed phrase to everybody ({means})")
    return told


def _equal_length(table: pl.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    numbers = table["run"].unique().sort().to_list()
    if len(numbers) < 2:
        return rows
    for (measure, scorer), part in table.sort("measure", "scorer", "run", "case_id", "variant").group_by(
        "measure", "scorer", maintain_order=True
    ):
        made = at_equal_length(
            part["value"].to_numpy().astype(np.float64), part["characters"].to_numpy().astype(np.float64),
            [str(n) for n in part["run"]], clusters=part["group_id"].to_list(), how=_FEW,
        )  # fmt: skip
        rows += [{"run": int(n), "measure": measure, "scorer": scorer, **_told(made[n])} for n in sorted(made, key=int)]
    return rows


def _self_preferences(table: pl.DataFrame) -> list[dict[str, Any]]:
    judges = [s for s in table["scorer"].unique().sort() if s != PANEL and not s.startswith(WEIGHTED)]
    families = {name: family(name) for name in [*judges, *table["system"].unique()]}
    # Two runs of one system are two of its family.
    by_judge = table.filter(pl.col("scorer").is_in(judges)).select(
        "group_id", "measure", pl.col("scorer").alias("judge"), "case_id",
        pl.format("{} {}", "run", "variant").alias("variant"), "system", pl.col("share").alias("value"),
    )  # fmt: skip
    rows = []
    for (measure,), part in by_judge.sort("measure", "judge", "case_id", "variant").group_by(
        "measure", maintain_order=True
    ):
        for judge in judges:
            if families[judge] in {families[s] for s in part["system"].unique()}:
                made = self_preference(part, judge, families, how=_FEW)
                row = {"measure": measure, "judge": judge, "judge_family": families[judge]}
                rows.append({**row, **_told(made)})
    return rows


def _family_warnings(system: str, own: pl.DataFrame, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    judges = sorted({str(row["judge"]) for row in rows})
    told = [
        f"{judge} judges a system of its own family ({family(system)}): see the row of self-preference"
        if any(row["value"] is not None for row in rows if row["judge"] == judge)
        else f"{judge} judges a system of its own family ({family(system)}), and no judge of another says how far "
        "that moves it: name a second --judge"
        for judge in judges
    ]
    return told if own.height else []


def attack_facts(
    attacked: pl.DataFrame, answers: pl.DataFrame, rubric: Rubric, *, flagged: Collection[str]
) -> dict[str, Any]:
    """What planted attacks did to each judge: mean shift, share raised, by family, and how many the guard flagged.

    Args:
        attacked: ANSWER rows with `attack_id` and `run`, one verdict per attack, judge and dimension.
        answers: ANSWER rows without attacks, with `run`.
        rubric: By which was judged.
        flagged: The attacks that the guard saw in the replies in which they were planted.
    """
    graded = [one.name for one in rubric.dimensions if one.kind == "grade"] or [one.name for one in rubric.dimensions]
    keys = ["run", "case_id", "variant", "judge", "dimension"]
    before = answers.group_by(keys).agg(pl.col("value").mean().alias("before"))
    both = attacked.filter(pl.col("dimension").is_in(graded)).join(before, on=keys, how="left")
    scale = {name: ends(rubric, name) for name in graded}
    sign = {name: 1.0 if better(rubric, name) == "higher" else -1.0 for name in graded}
    low, high = (pl.col("dimension").replace_strict({n: e[i] for n, e in scale.items()}) for i in (0, 1))
    turned = pl.col("dimension").replace_strict(sign)
    # One attack has one outcome: the mean over the dimensions, each on 0 to 1 and turned so that more is better.
    one = (
        both.with_columns(
            a=(pl.col("before") - low) / (high - low) * turned, b=(pl.col("value") - low) / (high - low) * turned
        )
        .group_by("judge", "attack_id", "case_id")
        .agg(
            pl.when(pl.col("a", "b").null_count() == 0).then(pl.col("a", "b").mean()).name.keep(),
        )
        .sort("judge", "attack_id")
    )
    families = {attack.attack_id: attack.family for attack in attacks()}
    one = one.with_columns(family=pl.col("attack_id").replace_strict(families))
    rows = []
    for judge in one["judge"].unique().sort():
        part = one.filter(pl.col("judge") == judge)
        groups = [
            ("all", part),
            *((str(n), g) for (n,), g in part.sort("family").group_by("family", maintain_order=True)),
        ]
        for name, group in groups:
            made = effect(group["a"].to_numpy(), group["b"].to_numpy(), clusters=group["case_id"].to_list())
            told = {kind: _told(getattr(made, kind)) for kind in ("shift", "raised", "lowered")}
            rows.append({"judge": judge, "family": name, **told})
    planted = one["attack_id"].n_unique()
    return {"digest": attacks_digest(), "planted": planted, "flagged": len(flagged), "effects": rows}


def _told(estimate: Estimate) -> dict[str, Any]:
    told = asdict(estimate)
    told.pop("confidence")
    return told
