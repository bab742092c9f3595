"""Sample cases of a table: which are shown is drawn by the digest of their ids, and texts only when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from app.leaderboard_boards import PARTS_WITH_PAGES, Facts, overall
from app.leaderboard_runs import Run
from xinheng.artifacts import Artifact
from xinheng.tables import KEYS

SAMPLES: Final = 40
SYSTEMS: Final = 8
MOST_CHARACTERS: Final = 4_000


def add_samples(
    boards: Sequence[Facts], runs: Sequence[Run], predictions: Mapping[str, Artifact], *, with_text: bool
) -> list[str]:
    """Give every reader its `samples`: part to cases with the values of the best systems, and replies with `with_text`.

    Which cases are shown depends on their ids alone, so that nobody can choose them.

    Args:
        boards: From `leaderboard_boards.boards`; changed.
        runs: The runs behind them.
        predictions: Digest to artifact, where replies are read.
        with_text: Texts too: what was asked, expected and replied.

    Returns:
        Digests of the runs whose replies were wanted and not found.
    """
    by_digest = {run.digest: run for run in runs}
    lacking: set[str] = set()
    for board in boards:
        for reader in board["readers"]:
            shown = [row for row in reader["rows"] if row["kind"] == "run"][:SYSTEMS]
            reader["sampled"] = [row["id"] for row in shown]
            reader["samples"] = _samples(board, reader, shown, by_digest)
            if with_text:
                lacking |= _add_texts(reader["samples"], shown, by_digest, predictions)
    return sorted(lacking)


def _samples(board: Facts, reader: Facts, shown: Sequence[Facts], runs: Mapping[str, Run]) -> Facts:
    over = overall(reader["parts"])
    parts = [part for part in reader["parts"] if part not in over][:PARTS_WITH_PAGES]
    parts = parts or reader["parts"]
    chosen: dict[str, list[str]] = {}
    values: dict[tuple[str, str, str], Facts] = {}
    for row in shown:
        rows = _score_rows(runs[row["run_digest"]], board["benchmark"], reader["scorer_id"], row["system_id"])
        rows = rows.filter(pl.col("part").is_in(parts))
        chosen |= {part: _drawn(ids) for part, ids in _ids(rows) if part not in chosen}
        wanted = pl.DataFrame(
            [(part, name) for part, ids in chosen.items() for name in ids],
            schema={"part": pl.String, "case_id": pl.String}, orient="row",
        )  # fmt: skip
        for part, name, value, reason in rows.join(wanted, on=["part", "case_id"], how="semi").iter_rows():
            values[row["id"], part, name] = {"value": value, "reason": reason}
    samples: Facts = {}
    for part in parts:
        for name in chosen.get(part, ()):
            told = {row["id"]: values.get((row["id"], part, name)) for row in shown}
            there = {key: value for key, value in told.items() if value is not None}
            samples.setdefault(part, []).append({"case_id": name, "values": there})
    return samples


def _score_rows(run: Run, benchmark: str, scorer: str, system: str) -> pl.DataFrame:
    """part, case_id, value (the mean where a case has several), reason; the values finite or null."""
    rows = run.artifact.scan("score").filter(
        (pl.col("benchmark") == benchmark) & (pl.col("scorer") == scorer) & (pl.col("system") == system)
    )
    finite = pl.when(pl.col("value").is_finite()).then(pl.col("value"))
    return (
        rows.group_by("part", "case_id")
        .agg(finite.mean().alias("value"), pl.col("reason").drop_nulls().min())
        .sort("part", "case_id")
        .collect()
    )


def _ids(rows: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    for (part,), some in rows.group_by("part", maintain_order=True):
        yield str(part), some["case_id"].to_list()


def _drawn(ids: Sequence[str]) -> list[str]:
    """So many ids as are shown: those of the least digests, in the order of the digests."""
    told = sorted((hashlib.sha256(name.encode()).digest(), name) for name in ids)
    return [name for _, name in told[:SAMPLES]]


def _add_texts(
    samples: Facts, shown: Sequence[Facts], runs: Mapping[str, Run], predictions: Mapping[str, Artifact]
) -> set[str]:
    lacking = set()
    ids = sorted({case["case_id"] for cases in samples.values() for case in cases})
    asked: dict[str, Facts] = {}
    for row in shown:
        made_of = runs[row["run_digest"]].predictions
        artifact = predictions.get(made_of) if made_of is not None else None
        if artifact is None:
            lacking.add(row["run_digest"])
            continue
        asked = asked or _asked(artifact, ids)
        replies = _replies(artifact, row["system_id"], ids)
        for cases in samples.values():
            for case in cases:
                case.setdefault("replies", {})[row["id"]] = replies.get(case["case_id"])
    for cases in samples.values():
        for case in cases:
            case.update(asked.get(case["case_id"], {}))
    return lacking


def _replies(artifact: Artifact, system: str, ids: Sequence[str]) -> dict[str, str]:
    rows = artifact.scan("prediction").filter(pl.col("case_id").is_in(list(ids)) & (pl.col("system") == system))
    found = rows.sort("case_id", "variant").group_by("case_id", maintain_order=True).agg(pl.col("text").first())
    return {name: _cut(text) for name, text in found.collect().iter_rows()}


def _asked(artifact: Artifact, ids: Sequence[str]) -> dict[str, Facts]:
    """What a case asks, and what is expected: of questions the options and the key."""
    table = next((name for name in ("case", "choice") if name in artifact.manifest["tables"]), None)
    if table is None:
        return {}
    key = KEYS[table]
    rows = artifact.scan(table).filter(pl.col(key).is_in(list(ids))).collect()
    return {row[key]: _told(row) for row in rows.iter_rows(named=True)}


def _told(row: Mapping[str, Any]) -> Facts:
    if "question" in row:
        options = [f"{chr(ord('A') + place)}. {option}" for place, option in enumerate(row.get("options") or [])]
        return {"asked": _cut("\n".join([str(row["question"]), *options])), "expected": ", ".join(row["answers"] or [])}
    messages = [f"{message['role']}: {message['content']}" for message in row.get("messages") or []]
    expected = row.get("reference") or ", ".join(row.get("labels") or [])
    return {"asked": _cut("\n\n".join(messages)), "expected": _cut(expected)}


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
