"""Datasets in other forms: JSON Lines for trainers, tagged text, Parquet, `datasets`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from app.facts import dataset_table
from curation import examples, exports
from curation.exports import Written
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.staging import staging, upload_file
from xinheng.storage import Place, listing
from xinheng.stored import sweep
from xinheng.tables import SPLITS

# What a form calls its files: those that an older export of the same form had more are deleted.
_SPLIT: Final = f"({'|'.join(SPLITS)})"
_LINES: Final = rf"{_SPLIT}\.jsonl"
_MADE: Final = {
    "parquet": rf"data/{_SPLIT}-[0-9]{{5}}-of-[0-9]{{5}}\.parquet",
    "datasets": rf"dataset_dict\.json|{_SPLIT}/(data-[0-9]+-of-[0-9]+\.arrow|dataset_info\.json|state\.json)",
}


def export(artifact: Artifact, *, form: str, out: Place) -> tuple[list[Place], list[str]]:
    """Write a dataset in another form: JSON Lines for trainers, tagged text, Parquet or `datasets`.

    In an object store the files are replaced one by one, when all of them are made; what an older export of this form
    had more goes last. Other objects stay.

    Returns:
        The files or folders written, and notes on what could not become a row of that form.

    Raises:
        UsageError: There is no such form, or the dataset cannot take it.
        StoreError: The store refuses or does not answer.
    """
    columns = artifact.scan(dataset_table(artifact)).collect_schema().names()
    if "split" not in columns:
        raise UsageError(
            "export",
            f"{artifact.path} is not divided into train, validation and test",
            want="a dataset",
            have=f"an artifact of kind {artifact.kind}",
            mend="Make one of it first: xinheng curate RECIPE --source FOLDER.",
        )
    if isinstance(out, Path):
        there = out.exists()
        try:
            files, notes = _export(artifact, form=form, out=out)
        except BaseException:
            if not there:
                with suppress(OSError):
                    # Only an empty folder: files that others put there meanwhile are not ours.
                    out.rmdir()
            raise
        return [*files], notes
    listing(out)  # a store that refuses is better known before the work
    with staging() as folder:
        files, notes = _export(artifact, form=form, out=folder)
        made = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
        for name, file in made.items():
            upload_file(file, out / name)
        sweep(out, [key for key in listing(out) if key not in made and re.fullmatch(_MADE.get(form, _LINES), key)])
        return [out / file.relative_to(folder).as_posix() for file in files], notes


def _export(artifact: Artifact, *, form: str, out: Path) -> tuple[list[Path], list[str]]:
    table = dataset_table(artifact)
    rows = artifact.scan(table)
    if form in {"parquet", "datasets"}:
        writer = exports.write_parquet_dataset if form == "parquet" else exports.write_dataset
        return _written(writer(rows, out))
    files, notes = _written(lines(table, form)(rows, out))
    left_out = examples.unanswered(rows).select(pl.len()).collect().item() if table in {"choice", "case"} else 0
    if left_out:
        notes.append(f"{left_out:,} rows have no answer and are no examples")
    return files, notes


def lines(table: str, form: str) -> Callable[[pl.LazyFrame, Path], Written]:
    """What writes rows of a kind as JSON Lines of a form.

    Raises:
        UsageError: There is no such form of them.
    """
    if form == "tagged":
        if table != "dialogue":
            raise UsageError("export", "tagged text is made of dialogues", have=f"a table of kind {table}")
        return exports.write_views_jsonl
    if form == "dpo" or table == "preference":
        if form != "dpo" or table != "preference":
            raise UsageError(
                "export", f"no form {form!r} of a {table} table", want="dpo, parquet or datasets, of preference pairs"
            )
        return exports.write_preferences_jsonl
    to_examples: Mapping[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
        "dialogue": examples.dialogue_examples,
        "choice": partial(examples.choice_examples, with_explanation=True),
        "case": examples.case_examples,
        "example": lambda frame: frame,
    }
    writers = {
        "messages": exports.write_messages_jsonl,
        "sharegpt": exports.write_sharegpt_jsonl,
        "alpaca": exports.write_alpaca_jsonl,
    }
    if form not in writers or table not in to_examples:
        raise UsageError(
            "export",
            f"no form {form!r} of a {table} table",
            want=f"one of {', '.join([*writers, 'tagged', 'parquet', 'datasets'])}",
        )
    shape, write = to_examples[table], writers[form]
    return lambda rows, out: write(shape(rows), out)


def _written(written: Written) -> tuple[list[Path], list[str]]:
    notes = [f"{split}: {rows:,} rows" for split, rows in written.rows.items()]
    for reason, rows in written.left_out.group_by("reason").len().sort("reason").iter_rows():
        notes.append(f"left out, {reason}: {rows:,} rows")
    if written.unanswered:
        notes.append(f"{written.unanswered:,} client messages at the end that nobody answers were left out")
    return sorted(written.files.values()), notes
