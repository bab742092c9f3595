"""What `xinheng annotate plan` does: places opened, cases drawn, items named, planted and assigned, a task written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import polars as pl

from annotation.candidates import Pool, rows_of
from annotation.gold import Gold, read_gold
from annotation.planting import Planned, planned
from annotation.power import shows
from annotation.sampling import draw
from annotation.tables import TASK
from annotation.templates import LANGUAGES, Template, template
from app.annotating_pool import Say, Wanted, opened, pool_of
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, require_place, write
from xinheng.errors import UsageError
from xinheng.settings import settings
from xinheng.storage import Place

_RATER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TASK: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def plan(wanted: Wanted, *, out: Place | None, say: Say) -> Artifact:
    """A rating task, written.

    Raises:
        UsageError: Names, numbers or places that do not fit.
        InputError: Nothing to rate, or a gold file with mistakes.
        ArtifactError: A place is no artifact, or something else is in the way.
    """
    asked = template(wanted.template)
    _require_names(wanted)
    sources, scores = opened(wanted, say)
    name = wanted.name or _name_of(sources[0], asked)
    out = out or settings().runs / "tasks" / name
    require_place(out)
    pool, columns, parents = pool_of(sources, scores, asked, wanted)
    language = wanted.language or _language(pool)
    _require_some(pool, wanted)
    golden = _gold(wanted, pool, asked, language)
    cases = pool.cases.filter(~pl.col("case_id").is_in(list(golden.cases)))
    items = min(wanted.items, wanted.limit or wanted.items)
    drawn = draw(cases, items, seed=wanted.seed)
    rows = rows_of(pool, drawn, asked, language=language, seed=wanted.seed)
    _require_blind(name, pool)
    per_item = wanted.per_item or min(3, len(wanted.raters))
    repeats = round(len(rows) / 10) if wanted.repeats is None else wanted.repeats
    made = planned(
        rows, golden.items, task=name, raters=wanted.raters, per_item=per_item, repeats=repeats, seed=wanted.seed
    )  # fmt: skip
    if not wanted.replace:
        _require_same(out, made)
    facts = _facts(wanted, asked, pool, made, drawn, columns, sources, language=language, per_item=per_item)
    tables = {"item": made.items, "assignment": made.assignment, "gold": made.gold}
    return write(out, kind=TASK, name=name, tables=tables, facts=facts, parents=parents)


def _require_names(wanted: Wanted) -> None:
    """Raise on names that the servers would refuse, and on raters named twice."""
    if not wanted.raters:
        raise UsageError("plan", "no raters", want="--raters wang,li,chen")
    bad = [rater for rater in wanted.raters if not _RATER.fullmatch(rater)]
    bad += [] if wanted.name is None or _TASK.fullmatch(wanted.name) else [wanted.name]
    if bad:
        raise UsageError(
            "plan", "names that a server would refuse", want="a-z, 0-9, - and _, first a letter or digit, 40 at most",
            have=", ".join(map(repr, bad)), mend="Take short names; who is who stays with you.",
        )  # fmt: skip
    if twice := sorted({rater for rater in wanted.raters if wanted.raters.count(rater) > 1}):
        raise UsageError("plan", "a rater twice", want="each once", have=", ".join(twice))
    if wanted.language is not None and wanted.language not in LANGUAGES:
        raise UsageError(
            "plan", f"no guidelines in {wanted.language!r}", want=f"one of {', '.join(LANGUAGES)}",
            mend="The items may be in any language; --language is that of guidelines and questions.",
        )  # fmt: skip


def _name_of(source: Artifact, asked: Template) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", str(source.manifest["name"]).lower().removesuffix("-predictions")).strip("-")
    return f"{plain}-{asked.name}".replace("_", "-")[-60:].strip("-")


def _language(pool: Pool) -> str:
    """English where all items are English, else Traditional Chinese."""
    return "en" if pool.cases.height and set(pool.cases["language"]) == {"en"} else "zh-Hant"


def _require_some(pool: Pool, wanted: Wanted) -> None:
    if not pool.cases.height:
        told = ", ".join(f"{n:,} {reason}" for reason, n in pool.left_out.items())
        split = f" of the split {wanted.split}" if wanted.split else ""
        raise UsageError("plan", "nothing to rate", want=f"answers or dialogues{split}", have=told or "none")


def _require_same(out: Place, made: Planned) -> None:
    """Raise where another task stands in the place: raters may have it, and their answers would be about nothing."""
    if not (out / MANIFEST).is_file():
        return
    there = open_artifact(out)
    if there.kind == TASK and there.scan("assignment").collect().equals(made.assignment):
        return
    raise UsageError(
        str(out), f"another {there.kind.replace('_', ' ')} is there", want="a free place, or the same task",
        have=f"{there.manifest['name']}, {there.digest[:12]}",
        mend="Raters may have it already. Take another --name or --out, or replace it with --replace.",
    )  # fmt: skip


def _require_blind(name: str, pool: Pool) -> None:
    """Raise where the task's name, which every rater sees, holds a system's."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    bare = {system: re.sub(r"[^a-z0-9]", "", system.lower()) for system in pool.systems}
    if told := [system for system, word in bare.items() if len(word) > 2 and word in plain]:
        raise UsageError(
            "plan", f"the task's name {name} tells raters which system it is about", want="a blind name",
            have=", ".join(told), mend="Choose another with --name.",
        )  # fmt: skip


def _gold(wanted: Wanted, pool: Pool, asked: Template, language: str) -> Gold:
    """Gold items with their answers, and the cases that they take out of the draw."""
    if wanted.gold is None:
        return Gold()
    if not wanted.gold.is_file():
        raise UsageError("--gold", "no such file", want="JSON Lines with items and answers", have=str(wanted.gold))
    return read_gold(
        wanted.gold.read_bytes(), pool, asked, who=str(wanted.gold), language=language, seed=wanted.seed
    )  # fmt: skip


def _facts(
    wanted: Wanted,
    asked: Template,
    pool: Pool,
    made: Planned,
    drawn: Sequence[str],
    columns: Sequence[str],
    sources: Sequence[Artifact],
    *,
    language: str,
    per_item: int,
) -> dict[str, Any]:
    roles = dict(made.items.group_by("role").len().sort("role").iter_rows())
    of_drawn = pool.cases.filter(pl.col("case_id").is_in(list(drawn)))
    strata = of_drawn.group_by("stratum").len().sort("stratum")
    groups = of_drawn["group_id"].n_unique()
    left_side = made.items.filter(pl.col("left_system").is_not_null()).group_by("left_system").len()
    return {
        "title": {"en": asked.title["en"], "zh": asked.title["zh-Hant"]},
        "table": "item",
        "template": asdict(asked),
        "language": language,
        "raters": sorted(wanted.raters),
        "per_item": per_item,
        "seed": wanted.seed,
        "from": [
            {"place": str(s.path), "digest": s.digest, "kind": s.kind, "name": s.manifest["name"]} for s in sources
        ],
        "systems": pool.systems,
        "wanted": min(wanted.items, wanted.limit or wanted.items),
        "cases": len(drawn),
        "groups": groups,
        "roles": roles,
        "stratified_by": list(columns),
        "strata": dict(strata.iter_rows()),
        "strata_without": sorted(set(pool.cases["stratum"]) - set(strata["stratum"])),
        "left_out": dict(pool.left_out),
        "left": dict(left_side.sort("left_system").iter_rows()),
        "loads": dict(made.loads),
        "pairs": [[a, b, n] for (a, b), n in made.pairs.items()],
        "named": list(made.named),
        "power": [asdict(one) for one in shows(asked, groups, per_item, systems=len(pool.systems))],
    }
