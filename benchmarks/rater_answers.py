"""Raters' answers as grids of items x raters, one per question, which every measure of agreement starts from.

A rating question gives one grid of its grades, a label question one of its labels as codes, a question of several
labels a grid of yes and no for each label, a question of spans one that says whether anything was marked (where the
marks lie is for `rater_spans`). Free texts give none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.estimates import Floats, Ints
from xinheng.errors import InputError

RATING: Final = "rating"
LABEL: Final = "label"
MULTI_LABEL: Final = "multi_label"
SPAN: Final = "span"
TEXT: Final = "text"
KINDS: Final = (RATING, LABEL, MULTI_LABEL, SPAN, TEXT)
PLAIN: Final = "plain"

# One answer: who says what of which item. `value` is the grade of a rating question, else null; `answer` is JSON.
# `at` and `seconds` are null where nobody measured, `position` (in the rater's order of items) where nobody set one.
ANSWER: Final[Mapping[str, pl.DataType]] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "system": pl.String(),
    "role": pl.String(),
    "repeats": pl.String(),
    "rater_id": pl.String(),
    "question": pl.String(),
    "value": pl.Float64(),
    "answer": pl.String(),
    "at": pl.Datetime("ms", "UTC"),
    "seconds": pl.Float64(),
    "position": pl.UInt32(),
}


@dataclass(frozen=True)
class Asked:
    """A question as it was asked.

    Args:
        name: As answers call it.
        kind: One of `KINDS`.
        values: The grades as numbers in text, or the labels, in order; none of a text.
        title: Language (`en`, `zh`) to what it is called.
        labels: Value to its title, likewise.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    title: Mapping[str, str] | None = None
    labels: Mapping[str, Mapping[str, str]] | None = None

    @cached_property
    def scale(self) -> tuple[float, ...]:
        """Every grade there is, ascending."""
        return tuple(sorted(float(value) for value in self.values)) if self.kind == RATING else ()


@dataclass(frozen=True)
class Grid:
    """One question's answers.

    Args:
        asked: The question.
        label: Of which label the yes and no are; "" where the grid is of the question as a whole.
        items: Row by row, sorted.
        groups: The dialogue of each item.
        cases: The case of each item.
        systems: Who answered, null of dialogues and pairs.
        raters: Column by column, sorted.
        values: Items x raters; NaN where a rater gave none. Labels are their places in `labels`.
        scale: Every value there can be.
        labels: What the values stand for; empty for grades.
    """

    asked: Asked
    label: str
    items: Sequence[str]
    groups: Sequence[str]
    cases: Sequence[str]
    systems: Sequence[str | None]
    raters: Sequence[str]
    values: Floats
    scale: tuple[float, ...]
    labels: tuple[str, ...] = ()

    @property
    def graded(self) -> bool:
        """Whether its values are grades, which can be added up."""
        return self.asked.kind == RATING

    @property
    def name(self) -> str:
        """The question, and the label behind a colon."""
        return f"{self.asked.name}: {self.label}" if self.label else self.asked.name

    @cached_property
    def clusters(self) -> list[int]:
        """The dialogue of each item as a number."""
        found: list[int] = np.unique(np.asarray(self.groups, dtype=object), return_inverse=True)[1].tolist()
        return found


def grids(answers: pl.DataFrame, asked: Sequence[Asked]) -> list[Grid]:
    """The plain answers (no gold, no repeats) as grids, by question in order, of a question by label.

    A question that nobody answered has none.

    Args:
        answers: ANSWER rows, submitted ones.
        asked: The questions.

    Raises:
        InputError: A rater answered the same twice, or gave what the question does not offer; all at once.
    """
    check(answers, asked)
    plain = answers.filter(pl.col("role") == PLAIN)
    raters = plain["rater_id"].unique().sort().to_list()
    found: list[Grid] = []
    for question in asked:
        own = plain.filter(pl.col("question") == question.name)
        if own.height and question.kind != TEXT:
            found += _of_question(own, question, raters)
    return found


def _of_question(own: pl.DataFrame, asked: Asked, raters: Sequence[str]) -> list[Grid]:
    items = own.group_by("item_id").agg(pl.col("group_id", "case_id", "system").first()).sort("item_id")
    rows = items["item_id"].search_sorted(own["item_id"]).to_numpy()
    columns = pl.Series(raters, dtype=pl.String).search_sorted(own["rater_id"]).to_numpy()
    whole = Grid(
        asked, "", items["item_id"].to_list(), items["group_id"].to_list(), items["case_id"].to_list(),
        items["system"].to_list(), raters, np.empty((0, 0)), asked.scale,
    )  # fmt: skip
    if asked.kind == RATING:
        return [replace(whole, values=_laid(own["value"].to_numpy(), rows, columns, whole))]
    given = read_answers(own)
    if asked.kind == LABEL:
        place = {label: float(n) for n, label in enumerate(asked.values)}
        codes = np.array([place[label] for label in given])
        scale = tuple(range(len(asked.values)))
        return [replace(whole, values=_laid(codes, rows, columns, whole), scale=scale, labels=asked.values)]
    yes_no = replace(whole, scale=(0.0, 1.0), labels=("no", "yes"))
    if asked.kind == SPAN:
        marked = np.array([float(bool(spans)) for spans in given])
        return [replace(yes_no, values=_laid(marked, rows, columns, whole))]
    chosen = [frozenset(labels) for labels in given]
    return [
        replace(yes_no, label=label, values=_laid(np.array([float(label in c) for c in chosen]), rows, columns, whole))
        for label in asked.values
    ]


def _laid(values: Floats, rows: Ints, columns: Ints, grid: Grid) -> Floats:
    table = np.full((len(grid.items), len(grid.raters)), np.nan)
    table[rows, columns] = values
    return table


def read_answers(answers: pl.DataFrame) -> list[Any]:
    """The answers as values, each different text read once."""
    known: dict[str, Any] = {}
    for text in answers["answer"].unique():
        known[text] = json.loads(text)
    return [known[text] for text in answers["answer"]]


def check(answers: pl.DataFrame, asked: Sequence[Asked]) -> None:
    """Raise where answers cannot be counted: given twice, off the scale, of labels or forms that nobody asked for.

    Raises:
        InputError: All at once, with counts and no answer.
    """
    told = []
    keys = ["item_id", "rater_id", "question"]
    if nameless := answers.filter(pl.any_horizontal(pl.col([*keys, "group_id", "role"]).is_null())).height:
        told.append(f"{nameless:,} without item, dialogue, role, rater or question")
    if twice := answers.height - answers.unique(keys).height:
        told.append(f"{twice:,} given again by the same rater to the same item and question")
    names = [question.name for question in asked]
    if other := answers.filter(~pl.col("question").is_in(names)).height:
        told.append(f"{other:,} to questions that the template does not have")
    for question in asked:
        own = answers.filter(pl.col("question") == question.name)
        if own.height and (wrong := _wrong(own, question)):
            told.append(f"{wrong:,} to {question.name} that it does not offer")
    if told:
        raise InputError(
            "agreement", "ratings that cannot be counted", want="one answer per rater, item and question, as offered",
            have="; ".join(told), mend="Pull or collect them again, or mend the table.",
        )  # fmt: skip


def _wrong(own: pl.DataFrame, asked: Asked) -> int:
    if asked.kind == RATING:
        return own.filter(~pl.col("value").is_in(list(asked.scale)).fill_null(value=False)).height
    known = frozenset(asked.values)
    wrong = 0
    for text, n in own.group_by("answer").len().iter_rows():
        wrong += 0 if _fits(text, asked.kind, known) else n
    return wrong


def _fits(text: str | None, kind: str, known: frozenset[str]) -> bool:
    try:
        value = json.loads(text or "")
    except ValueError:
        return False
    if kind == LABEL:
        return isinstance(value, str) and value in known
    if kind == TEXT:
        return isinstance(value, str)
    if not isinstance(value, list):
        return False
    if kind == MULTI_LABEL:
        return all(isinstance(one, str) and one in known for one in value)
    return all(_is_span(one, known) for one in value)


def _is_span(one: Any, known: frozenset[str]) -> bool:
    if not isinstance(one, Mapping):
        return False
    start, end = one.get("start"), one.get("end")
    whole = isinstance(start, int) and isinstance(end, int) and 0 <= start < end
    return whole and one.get("label") in known and isinstance(one.get("field"), str | None)
