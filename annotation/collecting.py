"""Sheets made into ratings: the answers that can be read, everything else with rater, row and column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from annotation.answers import read_answers
from annotation.pull import DROPPED, PENDING, STATE
from annotation.sheet_cells import SKIP, plain, understood
from annotation.sheet_reading import Fault, Line, Sheet
from annotation.tables import DISCARDED, DRAFT, RATING, SUBMITTED
from annotation.task import Task, shown_fields

_NOT_SKIPPED: Final = frozenset({"", "no", "n", "0", "false", "否", "不"})


@dataclass(frozen=True)
class Collected:
    """What came back on sheets: RATING rows, DROPPED rows, STATE rows, faults, and the raters without a sheet."""

    ratings: pl.DataFrame = field(repr=False)
    dropped: pl.DataFrame = field(repr=False)
    states: pl.DataFrame = field(repr=False)
    faults: tuple[Fault, ...]
    without: tuple[str, ...]


def collected(task: Task, sheets: Sequence[Sheet]) -> Collected:
    """The ratings on sheets.

    An item is submitted where every required question has an answer that can be read, a draft where some have, and
    discarded where the rater marked it as skipped; only submitted items give ratings. Of a rater who handed in two
    files neither is preferred: the first by name counts, the other is named.

    Args:
        task: What was given out.
        sheets: From `read_sheet`, in the order of their names.
    """
    faults: list[Fault] = []
    by_rater: dict[str, Sheet] = {}
    for sheet in sheets:
        if sheet.whole and sheet.rater in by_rater:
            reason = f"a second file of this rater; {by_rater[sheet.rater].file} is taken"
            faults.append(Fault(sheet.file, sheet.rater, 0, "", "", reason))
            continue
        faults += sheet.faults
        if sheet.whole:
            by_rater[sheet.rater] = sheet
    ratings: list[dict[str, Any]] = []
    states: list[dict[str, Any]] = []
    for rater in task.raters:
        found = by_rater.get(rater)
        lines = {line.item: line for line in found.lines} if found else {}
        for item in task.given_to(rater).iter_rows(named=True):
            status = PENDING
            if found is not None and item["item_id"] in lines:
                status, rows, more = _rated(task, found, lines[item["item_id"]], item)
                ratings += rows
                faults += more
            states.append(
                {"rater_id": rater, "item_id": item["item_id"], "status": status, "at": None, "seconds": None}
            )
    dropped = [
        {"rater_id": one.rater or None, "item_id": one.item or None, "question": None,
         "reason": f"{one.place}: {one.reason}"} for one in faults
    ]  # fmt: skip
    return Collected(
        pl.DataFrame(ratings, schema=dict(RATING)).sort("item_id", "rater_id", "question"),
        pl.DataFrame(dropped, schema=dict(DROPPED)).sort("rater_id", "item_id", "reason"),
        pl.DataFrame(states, schema={**STATE}),
        tuple(faults),
        tuple(rater for rater in task.raters if rater not in by_rater),
    )


def _rated(task: Task, sheet: Sheet, line: Line, item: dict[str, Any]) -> tuple[str, list[dict[str, Any]], list[Fault]]:
    """An item's status, its RATING rows, and the cells that could not be read."""
    fields = shown_fields(item["shown"])
    values: dict[str, Any] = {}
    faults = []
    for question in task.template.questions:
        text = fields.get(question.about or "", "")
        value, fault = understood(question, line.cells.get(question.name), task.language, text)
        if fault:
            column = line.columns.get(question.name, "")
            faults.append(Fault(sheet.file, sheet.rater, line.row, column, line.item, f"{question.name}: {fault}"))
        elif value is not None:
            values[question.name] = {"value": value}
    if plain(line.cells.get(SKIP)).casefold() not in _NOT_SKIPPED:
        return DISCARDED, [], faults
    if not values and not faults:
        return PENDING, [], []
    if any(question.required and question.name not in values for question in task.template.questions):
        return DRAFT, [], faults
    found, _ = read_answers(task.template, values, fields)
    about = {name: item[name] for name in RATING if name in item}
    rows = [
        {**about, "rater_id": sheet.rater, "question": name, "answer": json.dumps(answer, ensure_ascii=False),
         "value": float(answer) if isinstance(answer, int) else None, "status": SUBMITTED, "submitted_at": None,
         "seconds": None} for name, answer in found
    ]  # fmt: skip
    return SUBMITTED, rows, faults
