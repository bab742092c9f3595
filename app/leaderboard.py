"""What `xinheng leaderboard` does: runs of many machines gathered, compared where they can be, written as a site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.leaderboard_boards import boards, cost, run_slug
from app.leaderboard_files import require_free, tables, write_site
from app.leaderboard_runs import Found, Run, counted, find, mapping, public
from app.leaderboard_samples import add_samples
from app.terminal import Terminal
from reports.leaderboard import pages
from xinheng.marks import mark_line
from xinheng.storage import Place

Facts = dict[str, Any]

_MOST_REASONS: Final = 10
_MOST_CHARACTERS: Final = 200
_COUNTS: Final = ("n", "invalid", "refusals")


def leaderboard(places: Sequence[Place], *, out: Path, with_text: bool = False, title: str | None = None) -> Facts:
    """Gather runs and write their leaderboard.

    Args:
        places: Scores artifacts, or folders that are searched for them; a run found twice counts once.
        out: The site's folder; an older leaderboard there is replaced.
        with_text: Show what was asked and replied in the sample cases.
        title: Of the site.

    Returns:
        The site's facts; `files`, what was written; and how many `copies` and `unfinished` folders were left out.

    Raises:
        ArtifactError: No runs, or some that cannot be read.
        InputError: A run does not say on which data it was made.
        WriteError: Something else is in the way, or the disk refuses.
    """
    require_free(out)
    found = find(places)
    site = facts(found, with_text=with_text, title=title)

    def files() -> Iterator[tuple[str, str]]:
        yield from pages(site)
        yield from tables(site, with_text=with_text)

    written = write_site(out, files())
    copies = sum(run.copies - 1 for run in found.runs)
    return {**site, "files": written, "copies": copies, "unfinished": found.unfinished}


def facts(found: Found, *, with_text: bool = False, title: str | None = None) -> Facts:
    """All that the pages show, as JSON values: title, boards, runs by the name of their page, notes.

    Nothing in it depends on the time, the place or the order in which runs were found.
    """
    made = boards(found.runs)
    lacking = add_samples(made, found.runs, found.predictions, with_text=with_text)
    runs = {run_slug(run): _run(run) for run in found.runs}
    for board in made:
        # Names as they are may hold paths; from here on only those fit for all to see.
        for row in (row for reader in board["readers"] for row in reader["rows"] if row["kind"] == "run"):
            runs[row["run"]]["boards"][board["slug"]] = board["benchmark"]
            del row["system_id"], row["systems"]
        for reader in board["readers"]:
            del reader["scorer_id"]
    return {
        "title": {"en": title, "zh": title} if title else {},
        "with_text": with_text,
        "boards": made,
        "runs": dict(sorted(runs.items(), key=lambda item: (item[1]["system"], item[0]))),
        "texts_lacking": lacking if with_text else [],
    }


def _run(run: Run) -> Facts:
    data = mapping(run.record.get("data"))
    counts = mapping(run.record.get("counts"))
    systems = sorted(run.summary["system"].unique())
    title = run.facts.get("title")
    return {
        "slug": run_slug(run),
        "digest": run.digest,
        "title": public(title or ", ".join(systems[:3])),
        "system": public(", ".join(systems)),
        "benchmarks": sorted(run.summary["benchmark"].unique()),
        "scorers": sorted(public(name) for name in run.summary["scorer"].unique()),
        "data": {"name": public(data.get("name")), "digest": run.data_digest, "rows": counted(data.get("rows"))},
        "predictions": run.predictions,
        "counts": {name: counted(counts.get(name)) for name in _COUNTS},
        "cost": cost(run),
        "recorded": bool(run.record),
        "record": public({**run.record, "command": run.record.get("command") or run.facts.get("command")}),
        "marks": [public(mark_line(mark)) for mark in run.artifact.marks],
        "reasons": _reasons(run),
        "boards": {},
    }  # fmt: skip


def _reasons(run: Run) -> list[Facts]:
    """Why cases have no value or count as wrong, by scorer, the most frequent first."""
    rows = run.artifact.scan("score").filter(pl.col("reason").is_not_null())
    counts = rows.group_by("scorer", "reason").len("cases").collect()
    found = counts.sort("scorer", "cases", "reason", descending=[False, True, False])
    cut = found.with_columns(pl.col("reason").str.slice(0, _MOST_CHARACTERS)).to_dicts()
    for row in cut:
        row["scorer"] = public(row["scorer"])
    return [
        row for scorer in dict.fromkeys(row["scorer"] for row in cut)
        for row in [row for row in cut if row["scorer"] == scorer][:_MOST_REASONS]
    ]  # fmt: skip


def show(terminal: Terminal, site: Facts, out: Path) -> None:
    """The leaders of every table, and where the site lies."""
    terminal.table(
        ["benchmark", "data", "scorer", "systems", "leader", "value"],
        [_line(board, reader) for board in site["boards"] for reader in board["readers"]],
        right=(3, 5),
    )
    copies, unfinished, runs = site["copies"], site["unfinished"], len(site["runs"])
    terminal.line(f"\n{runs:,} runs" + (f", {copies:,} copies left out" if copies else ""))
    if unfinished:
        terminal.line(f"left out: {unfinished:,} folders that nobody finished writing")
    if site["texts_lacking"]:
        terminal.line(f"without texts: {len(site['texts_lacking']):,} runs whose predictions are not among the folders")
    terminal.line(f"site  {out / 'index.html'}")
    terminal.line(f"next  open {out / 'index.html'}, or copy the folder to any web server")
    terminal.result({
        "path": str(out), "runs": runs, "copies": copies, "unfinished": unfinished,
        "boards": [{"benchmark": b["benchmark"], "data_digest": b["data"]["digest"], "page": f"{b['slug']}.html",
                    "scorers": [reader["scorer"] for reader in b["readers"]]} for b in site["boards"]],
        "files": site["files"],
    })  # fmt: skip


def _line(board: Facts, reader: Facts) -> list[Any]:
    rows = [row for row in reader["rows"] if row["kind"] == "run"]
    lead = reader["lead"]
    leader = next((row for row in rows if row["ranks"].get(lead) == 1), None)
    cell = leader["cells"][lead][reader["headline"]] if leader is not None else None
    return [
        board["benchmark"], board["data"]["digest"][:8], reader["scorer"], len(rows),
        leader["label"] if leader else "", f"{cell['value']:.4g}" if cell else "",
    ]  # fmt: skip
