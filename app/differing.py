"""What `xinheng diff` does: two artifacts compared row by row, and the next version proposed.

Rows are named by their ids; what they say is on no line, page or file of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from app.changelog import FIRST_VERSION
from app.facts import dataset_table
from app.terminal import Terminal
from curation.difference import RULE, TOGETHER, Difference, difference, proposed
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.tables import TABLES

MOST_IDS: Final = 20
_SHOWN: Final = 5
_OF_KIND: Final = {"predictions": "prediction", "scores": "score"}
_WHOLE: Final = "whole rows"


def compare(
    before: Artifact, after: Artifact, *, table: str | None = None, version: str = FIRST_VERSION
) -> tuple[dict[str, Any], Difference]:
    """What changed from one artifact to another, as JSON values and as rows.

    Args:
        before: The older one.
        after: The newer one.
        table: Which of their tables; the one that holds their rows by default.
        version: Of the older one.

    Raises:
        UsageError: They hold no table in common, or `version` is none.
    """
    name = _table(before, after, table)
    key = _key(name, before, after)
    found = difference(before.scan(name), after.scan(name), key=key)
    proposal = proposed(found, version)
    changed = found.columns.filter(pl.col("rows") > 0).sort("rows", "column", descending=[True, False])
    facts = {
        "before": _told(before, found.rows[0]),
        "after": _told(after, found.rows[1]),
        "table": name,
        "key": list(found.key) if key else [_WHOLE],
        "same_digest": before.digest == after.digest,
        "same_rows": found.empty,
        "rows": {
            "before": found.rows[0],
            "after": found.rows[1],
            "added": found.added.height,
            "removed": found.removed.height,
            "changed": found.changed.height,
        },
        "columns": changed.to_dicts(),
        "schema": found.schema.to_dicts(),
        "strata": found.strata.filter(pl.col("before") != pl.col("after")).to_dicts(),
        "shifts": _shifts(found),
        "moved": found.moved.to_dicts(),
        "ids": _ids(found) if key else {},
        "tables": _tables(before, after),
        "causes": causes(before.manifest, after.manifest),
        "version": {
            "was": version,
            "now": proposal.version,
            "level": proposal.level,
            "why": list(proposal.why),
            "rule": RULE,
        },
    }
    return facts, found


def causes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the manifests say was done otherwise: sources, recipe, seed, vault, withdrawals, program.

    Returns:
        Rows of what, was, now; null where one of them has none.
    """
    old, new = (_made_with(manifest) for manifest in (before, after))
    return [
        {"what": what, "was": old.get(what), "now": new.get(what)}
        for what in dict.fromkeys([*old, *new])
        if old.get(what) != new.get(what)
    ]


def id_rows(found: Difference) -> str:
    """Every id with what became of it, as CSV: what, the key's columns, columns that changed."""
    from app.leaderboard_files import csv_text

    rows = [
        *(["added", *row, ""] for row in found.added.iter_rows()),
        *(["removed", *row, ""] for row in found.removed.iter_rows()),
        *(["changed", *row[:-1], " ".join(row[-1])] for row in found.changed.iter_rows()),
    ]
    return csv_text(["what", *found.key, "columns"], rows)


def show(terminal: Terminal, facts: Mapping[str, Any]) -> None:
    """The counts, what changed by column and label, and the version that follows."""
    rows, version = facts["rows"], facts["version"]
    terminal.line(
        f"{facts['table']}: {rows['before']:,} → {rows['after']:,} rows: {rows['added']:,} added, "
        f"{rows['removed']:,} removed, {rows['changed']:,} changed"
    )
    for row in facts["schema"]:
        terminal.line(f"column {row['column']}: {row['was'] or 'none'} → {row['now'] or 'none'}")
    if facts["columns"]:
        terminal.table(
            ["column", "rows changed"], [[row["column"], row["rows"]] for row in facts["columns"]], right=(1,)
        )
    for row in facts["moved"]:
        terminal.line(f"moved from {row['was'] or 'no split'} to {row['now'] or 'no split'}: {row['rows']:,} rows")
    if facts["shifts"]:
        terminal.table(
            ["labels", "values", "moved share"],
            [[row["column"], row["values"], f"{row['distance']:.1%}"] for row in facts["shifts"]],
            right=(1, 2),
        )
    for name, ids in facts["ids"].items():
        if ids:
            more = rows[name] - len(ids[:_SHOWN])
            told = ", ".join(str(one["id"]) for one in ids[:_SHOWN])
            terminal.line(f"{name}: {told}{f' and {more:,} more (--ids FILE)' if more else ''}")
    for row in facts["causes"]:
        terminal.line(f"{row['what']}: {_brief(row['was'])} → {_brief(row['now'])}")
    others = [row["table"] for row in facts["tables"] if not row["same"] and row["table"] != facts["table"]]
    if others:
        terminal.line(f"other tables that changed: {', '.join(others)}")
    terminal.line(f"digest {facts['before']['digest'][:12]} → {facts['after']['digest'][:12]}")
    terminal.line(f"version {version['was']} → {version['now']} ({version['level']}: {' '.join(version['why'])})")
    terminal.result(dict(facts))


def _table(before: Artifact, after: Artifact, given: str | None) -> str:
    both = [name for name in before.manifest["tables"] if name in after.manifest["tables"]]
    if given is not None:
        if given in both:
            return given
        raise UsageError("diff", "no such table in both", want=f"one of {', '.join(both)}", have=given)
    names = [_main(artifact) for artifact in (before, after)]
    if names[0] == names[1]:
        return names[0]
    mend = f"Say --table with one of {', '.join(both)}." if both else ""
    raise UsageError("diff", "artifacts of different rows", want=f"{names[0]} rows in both", have=names[1], mend=mend)


def _main(artifact: Artifact) -> str:
    tables = artifact.manifest["tables"]
    if _OF_KIND.get(artifact.kind) in tables:
        return _OF_KIND[artifact.kind]
    if any(name in TABLES for name in tables):
        return dataset_table(artifact)
    return "file" if "file" in tables else next(iter(tables), "")


def _key(table: str, *artifacts: Artifact) -> tuple[str, ...]:
    key = TOGETHER.get(table, ("name",) if table == "file" else ())
    return (
        key
        if all(name in artifact.manifest["tables"][table]["columns"] for artifact in artifacts for name in key)
        else ()
    )


def _told(artifact: Artifact, rows: int) -> dict[str, Any]:
    return {
        "path": str(artifact.path),
        "kind": artifact.kind,
        "name": str(artifact.manifest["name"]),
        "digest": artifact.digest,
        "rows": rows,
        "written": (artifact.manifest.get("written") or {}).get("at", ""),
    }


def _ids(found: Difference) -> dict[str, list[dict[str, Any]]]:
    def named(row: tuple[Any, ...]) -> str:
        return " / ".join("–" if value is None else str(value) for value in row)

    told: dict[str, list[dict[str, Any]]] = {
        name: [{"id": named(row)} for row in rows.head(MOST_IDS).iter_rows()]
        for name, rows in (("added", found.added), ("removed", found.removed))
    }
    told["changed"] = [{"id": named(row[:-1]), "columns": row[-1]} for row in found.changed.head(MOST_IDS).iter_rows()]
    return told


def _shifts(found: Difference) -> list[dict[str, Any]]:
    """How much of each label's share went elsewhere: half the sum of the differences of shares."""
    shares = found.strata.with_columns(
        (pl.col(side) / pl.col(side).sum().over("column")).fill_nan(0.0).alias(f"{side}_share")
        for side in ("before", "after")
    )
    moved = (pl.col("after_share") - pl.col("before_share")).abs().sum() / 2
    told = shares.group_by("column", maintain_order=True).agg(
        values=pl.len(), distance=moved, other=(pl.col("before") != pl.col("after")).any()
    )
    return told.filter("other").drop("other").to_dicts()


def _tables(before: Artifact, after: Artifact) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys([*before.manifest["tables"], *after.manifest["tables"]]):
        digests = [artifact.manifest["tables"].get(name, {}).get("digest") for artifact in (before, after)]
        rows.append(
            {"table": name, "before": before.rows(name), "after": after.rows(name), "same": digests[0] == digests[1]}
        )
    return rows


def _made_with(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What an artifact was made of and how, as far as its manifest says, in values that can be compared."""
    facts = manifest.get("facts") or {}
    told: dict[str, Any] = {
        f"parent {one.get('name')}": str(one.get("digest", ""))[:12] for one in manifest.get("parents") or []
    }
    recipe = facts.get("recipe") if isinstance(facts.get("recipe"), Mapping) else {}
    for step in recipe.get("steps") or [] if recipe else []:
        if isinstance(step, Mapping):
            given = ", ".join(f"{name}={value}" for name, value in (step.get("keywords") or {}).items())
            told[f"step {step.get('step')}"] = f"{str(step.get('source_sha256'))[:12]} {given}".strip()
    told |= {name: facts[name] for name in ("seed", "limit") if facts.get(name) is not None}
    if facts.get("withdrawn"):
        told["withdrawn rows"] = facts["withdrawn"].get("rows")
    told["xinheng"] = (manifest.get("written") or {}).get("xinheng")
    return told


def _brief(value: object) -> str:
    text = "none" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
