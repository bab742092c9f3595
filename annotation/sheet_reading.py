"""A rating sheet read back, XLSX or CSV, as spreadsheets leave it: answers by item, and what is wrong where."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.sheet_cells import SKIP, column_letter, plain, same
from annotation.sheets import HEADER_ROWS, KEY, META, TEXT, rows_of
from annotation.task import Task
from xinheng.errors import UsageError

_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_UNPACKED: Final = 512 * 1024 * 1024
_ENCODINGS: Final = ("utf-8-sig", "cp950")
# A dialogue in one cell may be longer than what the csv module takes by default.
csv.field_size_limit(_MOST_BYTES)


@dataclass(frozen=True)
class Fault:
    """Something that was not taken: where it stands, and why; never what somebody wrote."""

    file: str
    rater: str
    row: int
    column: str
    item: str
    reason: str

    @property
    def place(self) -> str:
        """File, row and column as a spreadsheet names them."""
        return (
            f"{self.file}" + (f" row {self.row}" if self.row else "") + (f" column {self.column}" * bool(self.column))
        )


@dataclass(frozen=True)
class Line:
    """One item's answers: question (or `skip`) to the cell, with the row it stands in and each cell's column."""

    item: str
    row: int
    cells: Mapping[str, Any] = field(repr=False)
    columns: Mapping[str, str]


@dataclass
class Sheet:
    """One file: whose it is, its lines, and its faults. `whole` is False where nothing of it can be taken."""

    file: str
    rater: str = ""
    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    whole: bool = True

    def fault(self, reason: str, *, row: int = 0, column: str = "", item: str = "") -> None:
        """Note what is wrong at a place."""
        self.faults.append(Fault(self.file, self.rater, row, column, item, reason))

    def refuse(self, reason: str, *, row: int = 0) -> Sheet:
        """Take nothing of the file."""
        self.fault(reason, row=row)
        self.whole = False
        self.lines.clear()
        return self


def read_sheet(body: bytes, task: Task, *, file: str, digest: str) -> Sheet:
    """What a rater's file holds for a task.

    Args:
        body: The file's bytes.
        task: What was given out.
        file: Its name, for messages.
        digest: The task's.
    """
    sheet = Sheet(file)
    if len(body) > _MOST_BYTES:
        return sheet.refuse(f"larger than {_MOST_BYTES >> 20} MiB")
    if not body.strip():
        return sheet.refuse("the file is empty")
    if body.startswith(b"PK"):
        return _workbook(body, task, sheet, digest)
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        return sheet.refuse("an old Excel file (.xls), or one with a password: save it as .xlsx without one")
    return _csv(body, task, sheet, digest)


def _workbook(body: bytes, task: Task, sheet: Sheet, digest: str) -> Sheet:
    book = _opened(body)
    if book is None:
        return sheet.refuse("no workbook that can be read: damaged, too large, or another kind of file")
    if META not in book.sheetnames:
        return sheet.refuse("no sheet of ours: want the workbook that was given out, saved whole")
    meta = {plain(row[0]): plain(row[1]) for row in book[META].iter_rows(max_col=2, values_only=True)}
    if not _belongs(sheet, task, meta.get("rater", ""), meta.get("task", ""), meta.get("digest", ""), digest):
        return sheet
    named = [(one, [plain(v) for v in next(one.iter_rows(max_row=1, values_only=True), ())]) for one in book.worksheets]
    ours = [(one, heads) for one, heads in named if {KEY, TEXT, *_answers(task)} <= set(heads)]
    if not ours:
        return sheet.refuse("the hidden row of column names above the titles is gone or changed")
    page, heads = ours[0]
    letters = {name: column_letter(i) for i, name in enumerate(heads, start=1) if name}
    texts = {key: text for _, parts in rows_of(task, sheet.rater) for key, _, text in parts}
    changed: dict[str, tuple[int, str]] = {}
    found: list[Line] = []
    unseen = dict.fromkeys(texts)
    for number, values in enumerate(page.iter_rows(min_row=HEADER_ROWS + 1, values_only=True), start=HEADER_ROWS + 1):
        cells = dict(zip(heads, values, strict=False))
        key = plain(cells.get(KEY))
        if key in texts:
            item = key.partition("/")[0]
            unseen.pop(key, None)
            if not same(cells.get(TEXT), texts[key]):
                changed.setdefault(item, (number, letters[TEXT]))
            _stray(sheet, task, cells, letters, number, item)
        elif key or any(plain(cells.get(name)) for name in _answers(task)):
            found.append(Line(key, number, {name: cells.get(name) for name in _answers(task)}, letters))
    for key in unseen:
        changed.setdefault(key.partition("/")[0], (0, letters[TEXT]))
    return _checked(sheet, task, found, changed, letters)


def _opened(body: bytes) -> Any:
    """The workbook, None where it is none that can be read."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UsageError(
            "annotate collect", "workbooks need openpyxl", want="openpyxl", have="none",
            mend="Install it: pip install 'xinheng[annotate]'; or hand in CSV files.",
        ) from None  # fmt: skip
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            if sum(one.file_size for one in packed.infolist()) > _MOST_UNPACKED:
                return None
        return load_workbook(io.BytesIO(body), data_only=True)
    except Exception:  # noqa: BLE001  a damaged workbook fails in dozens of ways, and its words may quote cells
        return None


def _stray(sheet: Sheet, task: Task, cells: Mapping[str, Any], letters: Mapping[str, str], row: int, item: str) -> None:
    for name in _answers(task):
        if plain(cells.get(name)):
            sheet.fault(
                "an answer beside a text: want it in the yellow row below", row=row, column=letters[name], item=item
            )


def _answers(task: Task) -> list[str]:
    return [*(question.name for question in task.template.questions), SKIP]


def _belongs(sheet: Sheet, task: Task, rater: str, name: str, told: str, digest: str) -> bool:
    """Whether a file is of this task and of one of its raters."""
    sheet.rater = rater
    if not told or not digest.startswith(told):
        sheet.refuse(f"a sheet of another task{f', {name}' if name and name != task.name else ''}; want {task.name}")
    elif rater not in task.raters:
        sheet.refuse(f"of a rater who is not in the task; want one of {', '.join(task.raters)}")
    return sheet.whole


def _csv(body: bytes, task: Task, sheet: Sheet, digest: str) -> Sheet:
    text = _decoded(body)
    if text is None:
        return sheet.refuse("neither UTF-8, UTF-16 nor Big5: save it as “CSV UTF-8”")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return sheet.refuse("quotation marks that do not match: no table")
    heads = [cell.partition("｜")[0].strip().strip("'") for cell in rows[0]]
    lacking = [name for name in ("task", "rater", KEY, *task.fields, *_answers(task)) if name not in heads]
    if lacking:
        return sheet.refuse(f"no column {', '.join(lacking)} in its first row", row=1)
    letters = {name: column_letter(i) for i, name in enumerate(heads, start=1) if name}
    table = [(number, dict(zip(heads, row, strict=False))) for number, row in enumerate(rows[1:], start=2) if any(row)]
    tasks = {plain(cells.get("task")) for _, cells in table}
    raters = {plain(cells.get("rater")) for _, cells in table}
    if len(raters) != 1 or len(tasks) != 1:
        what = "raters" if len(raters) > 1 else "tasks"
        return sheet.refuse(f"several {what} in one file: want a file for each" if table else "no row")
    name, _, told = tasks.pop().rpartition(" ")
    if not _belongs(sheet, task, raters.pop(), name, told, digest):
        return sheet
    texts = {
        row["item_id"]: {cell["field"]: cell["text"] for cell in row["shown"]}
        for row in task.given_to(sheet.rater).iter_rows(named=True)
    }
    changed: dict[str, tuple[int, str]] = {}
    found = []
    for number, cells in table:
        item = plain(cells.get(KEY))
        for name in task.fields if item in texts else ():
            if not same(cells.get(name, ""), texts[item].get(name, "")):
                changed.setdefault(item, (number, letters[name]))
        found.append(Line(item, number, {name: cells.get(name) for name in _answers(task)}, letters))
    return _checked(sheet, task, found, changed, letters)


def _decoded(body: bytes) -> str | None:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: Sequence[str] = ("utf-16",)
    else:
        encodings = _ENCODINGS
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _checked(
    sheet: Sheet, task: Task, found: Sequence[Line], changed: Mapping[str, tuple[int, str]], letters: Mapping[str, str]
) -> Sheet:
    """Keep the lines of the rater's own items, each once, whose texts are those that were given out."""
    own = set(task.given_to(sheet.rater)["item_id"])
    others = set(task.items["item_id"])
    rows: dict[str, list[int]] = {}
    for line in found:
        rows.setdefault(line.item, []).append(line.row)
    for item, (row, column) in changed.items():
        sheet.fault("the text was changed: its answers are not taken", row=row, column=column, item=item)
    for line in found:
        column = letters.get(KEY, "")
        if line.item not in own:
            who = "an item of another rater" if line.item in others else "no item of the task"
            sheet.fault(who if line.item else "answers without an item", row=line.row, column=column)
        elif len(rows[line.item]) > 1:
            where = ", ".join(map(str, rows[line.item]))
            if line.row == rows[line.item][0]:
                sheet.fault(
                    f"rows {where} are the same item: none is taken", row=line.row, column=column, item=line.item
                )
        elif line.item not in changed:
            sheet.lines.append(line)
    gone = own - set(rows)
    if gone:
        sheet.fault(f"{len(gone):,} items are not in the file: deleted, or cut off; they count as not done")
    return sheet
