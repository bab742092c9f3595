"""The file of answers to multiple-choice questions that is handed in: whose ids, which answers, and what was filled."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from benchmarks.mcq import submission
from benchmarks.mcq_reading import LETTERS
from benchmarks.mcq_scoring import GENERATED, variant_of
from xinheng.artifacts import Artifact, readable_write_errors
from xinheng.errors import InputError, UsageError

_IDS: Final = ("id", "question_id", "qid")


def read_ids(path: Path) -> list[str]:
    """The ids of a file, in its order: the column `id` (`question_id`, `qid`) of a CSV, its first one, or its lines.

    Raises:
        InputError: It is absent, empty, or names an id twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), "cannot be read", want="ids, one a line, in UTF-8", have=type(error).__name__
        ) from None
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    place = next((header.index(name) for name in _IDS if name in header), None)
    ids = [row[place or 0].strip() for row in (rows if place is None else rows[1:]) if len(row) > (place or 0)]
    if not ids or len(set(ids)) < len(ids):
        have = f"{len(ids) - len(set(ids)):,} twice" if ids else "none"
        raise InputError(str(path), "ids", want="each once", have=have)
    return ids


def require_place(path: Path, ids: Path) -> None:
    """Raise where the file to hand in cannot be written, before anything is asked.

    Raises:
        UsageError: It is a folder, or the file of ids itself.
        WriteError: The disk refuses.
    """
    if path.is_dir() or ids.resolve() in {path.resolve(), _beside(path).resolve()}:
        have = "a folder" if path.is_dir() else "the file of ids"
        raise UsageError(str(path), "not a place for the file to hand in", want="another --submission", have=have)
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)


def _beside(path: Path) -> Path:
    return path.with_suffix(".invalid.csv")


def matched(ids: Sequence[str], cases: pl.DataFrame) -> dict[str, str]:
    """For each id that is asked for the question it means: by our id, or by the publisher's, which ours ends in.

    Raises:
        InputError: Ids that mean no question, or several.
    """
    ours = set(cases["question_id"])
    ends: dict[str, list[str]] = {}
    for name in sorted(ours):
        parts = name.split("-")
        for start in range(1, len(parts)):
            ends.setdefault("-".join(parts[start:]), []).append(name)
    found = {one: [one] if one in ours else ends.get(one, []) for one in ids}
    lost = [one for one, names in found.items() if not names]
    many = [one for one, names in found.items() if len(names) > 1]
    if lost or many:
        shown = ", ".join((lost or many)[:3])
        raise InputError(
            "ids", "do not fit the questions that are asked", want=f"ids of these {len(ours):,} questions",
            have=f"{len(lost):,} of no question, {len(many):,} of several, such as {shown}",
            mend="Look at --split and --limit: only questions that are asked can be handed in.",
        )  # fmt: skip
    names = {one: each[0] for one, each in found.items()}
    if len(set(names.values())) < len(names):
        raise InputError("ids", "two ids mean one question", want="each question once", have="several ids of one")
    return names


def hand_in(
    scores: Artifact, cases: pl.DataFrame, ids: dict[str, str], path: Path, *, seed: int = 0
) -> tuple[int, Path]:
    """Write the file to hand in, and beside it the rows that were filled by lot; how many these are, and where.

    Answers are the generated ones, as the options stood when published; the likeliest where nothing was generated.
    """
    answers = scores.scan("answer").filter(pl.col("variant").is_in(["", variant_of(0)])).collect()
    scorers = answers["scorer"].unique(maintain_order=True).to_list()
    chosen = answers.filter(pl.col("scorer") == (GENERATED if GENERATED in scorers else scorers[0]))
    said = dict(zip(chosen["case_id"], chosen["predicted"].to_list(), strict=True))
    reasons = dict(zip(chosen["case_id"], chosen["reason"].to_list(), strict=True))
    options = dict(cases.select("question_id", pl.col("options").list.len()).iter_rows())
    table, filled = submission(
        pl.DataFrame(
            {
                "question_id": list(ids),
                "letters": [list(LETTERS[: options[name]]) for name in ids.values()],
                "predicted": [said.get(name) for name in ids.values()],
            },
            schema_overrides={"predicted": pl.List(pl.String())},
        ),
        list(ids),
        seed=seed,
    )
    beside = _beside(path)
    reason = [reasons.get(ids[one]) for one in filled["id"]]
    with readable_write_errors(path):
        table.write_csv(path)
        filled.with_columns(reason=pl.Series(reason, dtype=pl.String)).write_csv(beside)
    return filled.height, beside
