"""Rating tasks as spreadsheets: one XLSX workbook, or one CSV file, per rater, for rating without any server."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from annotation.sheet_cells import SKIP, TEXT_WIDTH, WORDS, choices, guarded, lines, pieces, steers, writable
from annotation.task import Task, words
from annotation.templates import FIELD_TITLES, Question
from xinheng.errors import UsageError

META: Final = "xinheng"
LISTS: Final = "lists"
FORMAT: Final = "1"
# A title for people and a name for the reader stand above each column; the row of names is hidden.
HEADER_ROWS: Final = 2
KEY, NUMBER, PART, TEXT = "item", "no", "part", "text"
_YELLOW, _GREY, _HEAD, _RATED = "FFFFF8DC", "FFF2F2F2", "FFDDE7EE", "FFEAF4E6"
_FONT: Final = "Calibri"
_LONGEST_PROMPT: Final = 255


def columns_of(task: Task) -> list[str]:
    """The names of a workbook's columns, in order."""
    return [NUMBER, KEY, PART, TEXT, *(question.name for question in task.template.questions), SKIP]


def rows_of(task: Task, rater: str) -> list[tuple[dict[str, Any], list[tuple[str, str, str]]]]:
    """A rater's items in his order, each with the pieces of its texts: key, title of the field, text."""
    made = []
    for item in task.given_to(rater).iter_rows(named=True):
        shown = [
            (words(FIELD_TITLES.get(cell["field"], {}), task.language, cell["field"]), piece)
            for cell in item["shown"]
            for piece in pieces(cell["text"])
        ]
        made.append((item, [(f"{item['item_id']}/{n}", title, text) for n, (title, text) in enumerate(shown, start=1)]))
    return made


def workbook(task: Task, rater: str, *, digest: str) -> bytes:
    """A rater's workbook: what he reads, turn by turn, and behind each item a row of yellow cells for his answers.

    Everything else is locked (without a password: it keeps from slips, not from intent; reading compares every text).
    Texts are texts, also those that begin like a formula.

    Args:
        task: What is rated.
        rater: Whose workbook.
        digest: Of the task, by which a sheet of another one is recognised.

    Raises:
        UsageError: openpyxl is not installed.
    """
    book = _book()
    sheet = book.active
    told = WORDS[task.language]
    sheet.title = told["rating"]
    _header(sheet, task)
    lists = book.create_sheet(LISTS)
    ranges = _lists(lists, task)
    row = HEADER_ROWS
    rated = {words(FIELD_TITLES[name], task.language) for name in ("reply", "left", "right", "turn")}
    kinds = [*(question.kind for question in task.template.questions), "label"]
    answer_rows = []
    for number, (item, parts) in enumerate(rows_of(task, rater), start=1):
        for key, title, text in parts:
            row += 1
            _text_row(sheet, row, [number, key, title, text], fill=_RATED if title in rated else None)
        row += 1
        answer_rows.append(row)
        _answer_row(sheet, row, [number, item["item_id"], told["yours"], ""], kinds)
    _validate(sheet, task, answer_rows, ranges)
    _protect(sheet)
    _guidelines(book, task)
    meta = book.create_sheet(META)
    for line in (("format", FORMAT), ("task", task.name), ("digest", digest), ("rater", rater)):
        meta.append(line)
    meta.sheet_state = lists.sheet_state = "veryHidden"
    _protect(meta)
    book.active = 0
    for one in book.worksheets:
        # Two selected sheets would be written to together.
        one.sheet_view.tabSelected = one is book.active
    book.properties.creator, book.properties.title = "Xinheng", task.name
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def _book() -> Any:
    try:
        from openpyxl import Workbook
    except ImportError:
        raise UsageError(
            "annotate sheets", "workbooks need openpyxl", want="openpyxl", have="none",
            mend="Install it: pip install 'xinheng[annotate]'; or write CSV files with --csv.",
        ) from None  # fmt: skip
    return Workbook()


def _header(sheet: Any, task: Task) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    told = WORDS[task.language]
    titles = [told["no"], "ID", told["part"], told["text"]]
    titles += [words(question.title, task.language, question.name) for question in task.template.questions]
    widths = [6, 13, 16, TEXT_WIDTH, *(_wide(question) for question in task.template.questions), 8]
    sheet.append(columns_of(task))
    sheet.append([*titles, told["skip"]])
    sheet.row_dimensions[1].hidden = True
    for i, wide in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = wide
        cell = sheet.cell(HEADER_ROWS, i)
        cell.font, cell.fill = Font(name=_FONT, bold=True), PatternFill("solid", fgColor=_HEAD)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    sheet.row_dimensions[HEADER_ROWS].height = 15 * max(
        lines(title, wide) for title, wide in zip(titles, widths, strict=False)
    )
    sheet.freeze_panes = sheet.cell(HEADER_ROWS + 1, 5)


def _wide(question: Question) -> int:
    return {"rating": 18, "label": 22, "multi_label": 34}.get(question.kind, 44)


def _text_row(sheet: Any, row: int, values: Sequence[Any], *, fill: str | None) -> None:
    """A piece of a text; what is to be rated stands out from what was said before."""
    from openpyxl.styles import Alignment, Font, PatternFill

    for i, value in enumerate(values, start=1):
        cell = sheet.cell(row, i)
        _put(cell, value)
        cell.font = Font(name=_FONT, size=11 if i > 2 else 9)
        cell.alignment = Alignment(wrap_text=i > 2, vertical="top", horizontal="center" if i == 1 else None)
        if fill or i < 4:
            cell.fill = PatternFill("solid", fgColor=fill or _GREY)
    sheet.row_dimensions[row].height = 15.5 * lines(str(values[3])) + 5


def _answer_row(sheet: Any, row: int, values: Sequence[Any], kinds: Sequence[str]) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side

    thin, thick = Side(style="thin", color="FFBBBBBB"), Side(style="medium")
    for i in range(1, len(values) + len(kinds) + 1):
        cell = sheet.cell(row, i)
        cell.font = Font(name=_FONT, bold=i <= len(values))
        if i <= len(values):
            _put(cell, values[i - 1])
            cell.border = Border(bottom=thick)
        else:
            cell.fill, cell.protection = PatternFill("solid", fgColor=_YELLOW), Protection(locked=False)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.border = Border(left=thin, right=thin, top=thin, bottom=thick)
            # As text, so that what a rater types is no formula, number or date.
            cell.number_format = "General" if kinds[i - len(values) - 1] == "rating" else "@"
    sheet.row_dimensions[row].height = 34


def _put(cell: Any, value: Any) -> None:
    """A value into a cell; a text stays a text, whatever it begins with."""
    cell.value = writable(value) if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type, cell.number_format = "s", "@"
        cell.quotePrefix = steers(value)


def _lists(sheet: Any, task: Task) -> dict[str, str]:
    """What can be chosen, one column per question; question to the range."""
    from openpyxl.utils import get_column_letter

    told = {q.name: list(choices(q, task.language)) for q in task.template.questions if q.values}
    ranges = {}
    for i, (name, values) in enumerate(told.items(), start=1):
        for row, value in enumerate(values, start=1):
            cell = sheet.cell(row, i)
            _put(cell, int(value) if value.isdecimal() else value)
        letter = get_column_letter(i)
        ranges[name] = f"{LISTS}!${letter}$1:${letter}${len(values)}"
    return ranges


def _validate(sheet: Any, task: Task, rows: Sequence[int], ranges: Mapping[str, str]) -> None:
    """Lists to choose from on the answer cells, with what each grade means beside them."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    told = WORDS[task.language]
    first = columns_of(task).index(TEXT) + 2
    for i, question in enumerate(task.template.questions):
        if question.kind == "text":
            continue
        rule = DataValidation(type="list", formula1=ranges[question.name], allow_blank=True)
        if question.kind == "span":
            # Nothing to choose: words are copied. The rule is there for its prompt alone.
            rule = DataValidation(type="custom", formula1="TRUE", allow_blank=True)
        # Several labels, or a label and words, are more than one entry of the list.
        rule.showErrorMessage = question.kind in ("rating", "label")
        rule.errorTitle, rule.error = told["rating"], told["pick"]
        rule.showInputMessage, rule.promptTitle = True, told["rating"]
        rule.prompt = _prompt(question, task.language)
        _on_rows(rule, get_column_letter(first + i), rows)
        sheet.add_data_validation(rule)
    skip = DataValidation(type="list", formula1=f'"{told["skipped"]}"', allow_blank=True)
    skip.showErrorMessage = skip.showInputMessage = True
    skip.prompt = told["skip_hint"]
    _on_rows(skip, get_column_letter(first + len(task.template.questions)), rows)
    sheet.add_data_validation(skip)


def _on_rows(rule: Any, letter: str, rows: Sequence[int]) -> None:
    """Let a rule hold in some rows of a column; at once, since the rule's own way looks at all before each."""
    from openpyxl.worksheet.cell_range import MultiCellRange

    rule.sqref = MultiCellRange(" ".join(f"{letter}{row}" for row in rows))


def _prompt(question: Question, language: str) -> str:
    told = WORDS[language]
    if question.kind == "rating":
        grades = [f"{value.value} {words(value.title, language)}".strip() for value in question.values]
        text = "\n".join([*grades, told["see"]])
    elif question.kind == "span":
        text = told["quote_one"] if len(question.values) == 1 else told["quote"]
    else:
        text = told["several"] if question.kind == "multi_label" else told["pick"]
    return text if len(text) <= _LONGEST_PROMPT else told["see"]


def _protect(sheet: Any) -> None:
    """Lock what is not an answer; columns and rows may be made wider, cells may be copied."""
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = sheet.protection.formatCells = False
    sheet.protection.selectLockedCells = False
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _guidelines(book: Any, task: Task) -> None:
    """The guidelines as a sheet of their own, in front."""
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet(WORDS[task.language]["guidelines"], 0)
    sheet.column_dimensions["A"].width = 110
    title = words(task.template.title, task.language, task.template.name)
    text = words(task.template.guidelines, task.language)
    for line in [f"# {title}", "", WORDS[task.language]["how"], "", *text.split("\n")]:
        sheet.append([""])
        cell = sheet.cell(sheet.max_row, 1)
        heading = re.match(r"#+ ", line)
        _put(cell, line[heading.end() :] if heading else line.replace("**", ""))
        bold = heading is not None or line.startswith("**")
        cell.font = Font(name=_FONT, bold=bold, size=16 if line.startswith("# ") else 13 if heading else 11)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[sheet.max_row].height = (16 if not heading else 22) * lines(line, 110) + 2
    _protect(sheet)


def table(task: Task, rater: str, *, digest: str) -> str:
    """A rater's CSV file: one row per item, texts whole, answers empty; with a byte-order mark, for Excel."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    fields = task.fields
    names = [question.name for question in task.template.questions]
    titles = [words(question.title, task.language, question.name) for question in task.template.questions]
    heads = [f"{name}｜{title}" for name, title in zip(names, titles, strict=True)]
    shown = [f"{name}｜{words(FIELD_TITLES.get(name, {}), task.language, name)}" for name in fields]
    told = WORDS[task.language]
    writer.writerow(["task", "rater", NUMBER, KEY, *shown, *heads, f"{SKIP}｜{told['skip']}"])
    for number, (item, _) in enumerate(rows_of(task, rater), start=1):
        texts = {cell["field"]: cell["text"] for cell in item["shown"]}
        cells = [guarded(writable(texts.get(name, ""))) for name in fields]
        writer.writerow(
            [f"{task.name} {digest[:12]}", rater, number, item["item_id"], *cells, *[""] * (len(names) + 1)]
        )
    return "\ufeff" + out.getvalue()
