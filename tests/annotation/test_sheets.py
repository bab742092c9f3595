"""Sheets: what is given out is text and locked; what comes back is read, or named by rater, row and column."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from annotation.collecting import Collected, collected
from annotation.planting import planned
from annotation.sheet_cells import pieces, same, understood, writable
from annotation.sheet_reading import Sheet, read_sheet
from annotation.sheets import HEADER_ROWS, table, workbook
from annotation.showing import cells, conversation
from annotation.task import Task
from annotation.templates import template

DIGEST = "d" * 64
GRADES = ("professionalism", "empathy", "suggestion", "expression")
SAID = [("user" if i % 2 == 0 else "assistant", f"我睡不著，第{i}句。" * 90) for i in range(12)]
LONG = conversation(SAID, "zh-Hant")
BLANK = {"left_system": None, "right_system": None, "stratum": "s", "language": "zh-Hant", "hidden": None}


def shown_in(name: str, text: str, reply: str) -> dict[str, str]:
    if template(name).layout == "turn":
        return {"dialogue": text, "turn": reply, "tags": "情緒：難過"}
    return {"conversation": text, "reply": reply}


def task_of(name: str = "plan", *, language: str = "zh-Hant", replies: tuple[str, ...] = ()) -> Task:
    texts = replies or ("多久了？", '=HYPERLINK("http://x","y")', "+1", "@a", "_x0041_ 和 \x07")
    rows: list[dict[str, Any]] = [
        {**BLANK, "case_id": f"c{i}", "group_id": f"c{i}", "system": "secret:system", "hidden": '{"scores": [5]}',
         "shown": cells(shown_in(name, LONG if i == 0 else "[1] 來談者：嗨", text))} for i, text in enumerate(texts)
    ]  # fmt: skip
    made = planned(rows, [], task="t", raters=["wang", "li", "chen"], per_item=3, repeats=1, seed=0)
    return Task("t", template(name), language, made.items, made.assignment)


TASK = task_of()


class Filled:
    """A rater's workbook in somebody's hands."""

    def __init__(self, task: Task, rater: str = "wang") -> None:
        self.book = load_workbook(io.BytesIO(workbook(task, rater, digest=DIGEST)))
        self.sheet = next(one for one in self.book.worksheets if one.cell(1, 2).value == "item")
        self.column = {cell.value: cell.column for cell in self.sheet[1]}
        keys = {self.sheet.cell(row, 2).value: row for row in range(HEADER_ROWS + 1, self.sheet.max_row + 1)}
        self.row = {key: row for key, row in keys.items() if "/" not in key}
        self.texts = {key: row for key, row in keys.items() if "/" in key}
        self.items = list(self.row)

    def put(self, item: str, **answers: Any) -> Filled:
        for name, value in answers.items():
            self.sheet.cell(self.row[item], self.column[name]).value = value
        return self

    def all(self, value: Any = 4) -> Filled:
        for item in self.items:
            self.put(item, **dict.fromkeys(GRADES, value))
        return self

    def bytes(self) -> bytes:
        body = io.BytesIO()
        self.book.save(body)
        return body.getvalue()

    def read(self, task: Task = TASK) -> Sheet:
        return read_sheet(self.bytes(), task, file="wang.xlsx", digest=DIGEST)

    def collected(self, task: Task = TASK) -> Collected:
        return collected(task, [self.read(task)])


def reasons(found: Collected | Sheet) -> list[str]:
    return [f"{one.rater} {one.place}: {one.reason}" for one in found.faults]


# What is given out


def test_every_text_is_a_text_and_no_formula() -> None:
    packed = zipfile.ZipFile(io.BytesIO(workbook(TASK, "wang", digest=DIGEST)))
    pages = [packed.read(name).decode() for name in packed.namelist() if name.startswith("xl/worksheets/sheet")]
    assert pages
    assert all("<f>" not in page for page in pages)


def test_only_answers_can_be_changed() -> None:
    made = Filled(TASK)
    assert made.sheet.protection.sheet
    free = {(c.row, c.column) for row in made.sheet.iter_rows() for c in row if not c.protection.locked}
    answers = {made.column[name] for name in (*GRADES, "remark", "skip")}
    assert free == {(row, column) for row in made.row.values() for column in answers}


def test_what_a_rater_types_stays_a_text_and_a_grade_a_number() -> None:
    made = Filled(TASK)
    row = made.row[made.items[0]]
    assert made.sheet.cell(row, made.column["remark"]).number_format == "@"
    assert made.sheet.cell(row, made.column["empathy"]).number_format == "General"


def test_grades_come_from_a_list_and_each_cell_of_a_rating_has_one() -> None:
    made = Filled(TASK)
    rules = {rule.formula1: rule for rule in made.sheet.data_validations.dataValidation}
    lists = made.book["lists"]
    assert [[cell.value for cell in column] for column in lists.columns] == [[1, 2, 3, 4, 5]] * 4
    assert sum("lists!" in name for name in rules) == 4
    for name in GRADES:
        own = [
            rule
            for rule in rules.values()
            if f"{made.sheet.cell(3, made.column[name]).column_letter}" in str(rule.sqref)
        ]
        assert len(own) == 1
        assert own[0].showErrorMessage
        assert len(own[0].prompt) <= 255


@pytest.mark.parametrize("name", ["plan", "safety", "socratic", "empathy_actionability", "tag_correction_client"])
@pytest.mark.parametrize("language", ["zh-Hant", "en"])
def test_no_prompt_is_longer_than_a_spreadsheet_takes(name: str, language: str) -> None:
    task = task_of(name, language=language)
    for rule in Filled(task).sheet.data_validations.dataValidation:
        assert len(rule.prompt or "") <= 255
        assert len(rule.promptTitle or "") <= 32


def test_nothing_in_a_file_names_the_system_or_the_judges_grades() -> None:
    packed = zipfile.ZipFile(io.BytesIO(workbook(TASK, "wang", digest=DIGEST)))
    for name in packed.namelist():
        assert b"secret" not in packed.read(name)
        assert b"scores" not in packed.read(name)
        assert b"c0" not in packed.read(name).replace(b"dc0", b"") or not name.endswith("sharedStrings.xml")
    assert "secret" not in table(TASK, "wang", digest=DIGEST)


def test_a_long_dialogue_is_whole_and_each_row_can_be_seen() -> None:
    made = Filled(TASK)
    item = next(row["item_id"] for row in TASK.items.iter_rows(named=True) if row["case_id"] == "c0")
    rows = [row for key, row in made.texts.items() if key.startswith(item)]
    assert "".join("".join(str(made.sheet.cell(row, 4).value) for row in rows).split()).startswith(
        "".join(LONG.split())
    )
    # A row can be 409 points high.
    assert all((made.sheet.row_dimensions[row].height or 0) <= 409 for row in made.texts.values())


@given(st.text("一二。！\n [1]ab", max_size=3_000))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join("".join(pieces(text)).split()) == "".join(text.split())


def test_one_sheet_is_in_front_so_that_two_are_not_written_to_together() -> None:
    book = load_workbook(io.BytesIO(workbook(TASK, "wang", digest=DIGEST)))
    assert [one.sheet_view.tabSelected for one in book.worksheets] == [True, False, False, False]
    assert [one.sheet_state for one in book.worksheets] == ["visible", "visible", "veryHidden", "veryHidden"]


def test_items_stand_in_the_raters_own_order() -> None:
    for rater in TASK.raters:
        assert Filled(TASK, rater).items == TASK.given_to(rater)["item_id"].to_list()


# What comes back


def test_a_filled_workbook_comes_back_as_ratings() -> None:
    made = Filled(TASK).all(4)
    made.put(made.items[0], empathy=5, remark="謝謝")
    found = made.collected()
    assert not found.faults
    assert found.without == ("chen", "li")
    assert found.ratings.height == len(made.items) * 4 + 1
    one = found.ratings.filter(item_id=made.items[0], question="empathy").row(0, named=True)
    assert (one["value"], one["answer"], one["rater_id"], one["system"]) == (5.0, "5", "wang", "secret:system")
    assert set(found.ratings["status"]) == {"submitted"}
    assert found.ratings["submitted_at"].null_count() == found.ratings.height


def test_half_an_answer_is_a_draft_a_skipped_item_discarded_and_an_empty_one_pending() -> None:
    made = Filled(TASK)
    a, b, c, *_ = made.items
    made.put(a, empathy=3).put(b, **dict.fromkeys(GRADES, 2), skip="略過").put(c, **dict.fromkeys(GRADES, 1))
    found = made.collected()
    states = dict(found.states.filter(rater_id="wang").select("item_id", "status").iter_rows())
    assert (states[a], states[b], states[c]) == ("draft", "discarded", "submitted")
    assert set(states.values()) == {"draft", "discarded", "submitted", "pending"}
    assert set(found.ratings["item_id"]) == {c}


@pytest.mark.parametrize(("cell", "grade"), [("4", 4), (4.0, 4), ("４", 4), (" 4 ", 4), ("4.0", 4)])
def test_a_number_written_as_text_is_the_number(cell: Any, grade: int) -> None:
    made = Filled(TASK).all(cell)
    found = made.collected()
    assert not found.faults
    assert set(found.ratings.filter(question="empathy")["value"]) == {float(grade)}


@pytest.mark.parametrize("cell", [0, 6, 3.5, "3-4", "好", "=1+1", True, -1, "1e0", 45_000, "４分"])
def test_a_grade_outside_the_scale_is_named_and_the_rest_is_kept(cell: Any) -> None:
    made = Filled(TASK).all(4)
    item = made.items[1]
    made.put(item, empathy=cell)
    found = made.collected()
    row, column = made.row[item], made.sheet.cell(1, made.column["empathy"]).column_letter
    if cell == "=1+1":  # a formula that nobody computed holds nothing
        assert not found.faults
    else:
        assert reasons(found) == [f"wang wang.xlsx row {row} column {column}: empathy: no grade from 1 to 5"]
    assert found.states.filter(rater_id="wang", item_id=item)["status"].item() == "draft"
    assert found.ratings["item_id"].n_unique() == len(made.items) - 1


def edited(made: Filled) -> None:
    row = next(row for key, row in made.texts.items() if key.startswith(made.items[2]))
    made.sheet.cell(row, 4).value = "別的話"


def removed(made: Filled) -> None:
    key = next(key for key in made.texts if key.startswith(made.items[2]))
    for column in range(1, 5):
        made.sheet.cell(made.texts[key], column).value = None


def twice(made: Filled) -> None:
    made.sheet.append([cell.value for cell in made.sheet[made.row[made.items[2]]]])


def unknown(made: Filled) -> None:
    made.sheet.cell(made.row[made.items[2]], 2).value = "zzzzzzzz"


def without_item(made: Filled) -> None:
    made.sheet.cell(made.row[made.items[2]], 2).value = None


def of_another_rater(made: Filled) -> None:
    made.sheet.cell(made.row[made.items[2]], 2).value = OTHERS


FIVE = planned(
    [{**BLANK, "case_id": f"c{i}", "group_id": f"c{i}", "system": None,
      "shown": cells({"conversation": "a", "reply": "b"})} for i in range(10)],
    [], task="t", raters=["wang", "li", "chen", "wu", "lin"], per_item=3, repeats=0, seed=0,
)  # fmt: skip
INCOMPLETE = Task("t", template("plan"), "zh-Hant", FIVE.items, FIVE.assignment)
OTHERS = next(name for name in FIVE.items["item_id"] if name not in set(INCOMPLETE.given_to("wang")["item_id"]))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (edited, ["the text was changed"]),
        (removed, ["the text was changed"]),
        (twice, ["are the same item"]),
        (unknown, ["no item of the task", "1 items are not in the file"]),
        (without_item, ["answers without an item", "1 items are not in the file"]),
        (of_another_rater, ["an item of another rater", "1 items are not in the file"]),
    ],
)
def test_a_spoiled_row_is_named_and_the_rest_is_kept(spoil: Callable[[Filled], None], told: list[str]) -> None:
    task = INCOMPLETE
    made = Filled(task).all(3)
    lost = made.items[2]
    spoil(made)
    found = made.collected(task)
    assert len(found.faults) == len(told)
    assert all(part in reason for part, reason in zip(told, reasons(found), strict=True))
    assert all(reason.startswith("wang wang.xlsx") for reason in reasons(found))
    assert set(found.ratings["item_id"]) == set(made.items) - {lost}
    assert found.dropped.height == len(told)


def test_an_answer_beside_a_text_is_named() -> None:
    made = Filled(TASK).all(3)
    key, row = next(iter(made.texts.items()))
    made.sheet.cell(row, made.column["empathy"]).value = 5
    told = f"row {row} column {made.sheet.cell(1, made.column['empathy']).column_letter}: an answer beside a text"
    assert [one for one in reasons(made.collected()) if told in one]
    assert key.startswith(made.items[0])


def test_empty_rows_and_another_order_of_rows_and_columns_change_nothing() -> None:
    task = task_of(replies=("多久了？", "b", "c"))  # moved by hand, a text like a formula would become one
    made = Filled(task).all(3)
    body = [[cell.value for cell in row] for row in made.sheet.iter_rows()]
    width = len(body[0])
    mixed = [body[0], body[1], *sorted(body[2:], key=lambda row: str(row[1])[::-1]), [None] * width]
    mixed = [row[::-1] for row in mixed]
    for i, row in enumerate([*mixed[:2], [None] * width, *mixed[2:]], start=1):
        for j, value in enumerate(row, start=1):
            made.sheet.cell(i, j).value = value
    found = made.collected(task)
    assert not found.faults
    assert found.ratings.height == len(made.items) * 4


def save(book: Workbook) -> bytes:
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 cut off", "no workbook that can be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel file"),
        (save(Workbook()), "no sheet of ours"),
        (b"\xff\xfe\x00\xd8", "neither UTF-8"),
        ("中文".encode("gb18030") + b"\xff", "neither UTF-8"),
        (b"a,b\n1,2\n", "no column task, rater, item"),
        (b'"a,b\n1,2\n', "quotation marks"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_whole_with_its_name(body: bytes, told: str) -> None:
    sheet = read_sheet(body, TASK, file="x", digest=DIGEST)
    assert not sheet.whole
    assert sheet.faults[0].file == "x"
    assert told in sheet.faults[0].reason


def test_a_sheet_of_another_task_or_of_a_stranger_is_refused_whole() -> None:
    made = Filled(TASK).all(3)
    other = read_sheet(made.bytes(), TASK, file="x", digest="e" * 64)
    assert (other.whole, other.lines) == (False, [])
    assert "another task" in other.faults[0].reason
    made.book["xinheng"]["B4"] = "nobody"
    assert "not in the task" in reasons(made.read())[0]


def test_two_files_of_one_rater_count_once_and_the_second_is_named() -> None:
    one, other = Filled(TASK).all(3).read(), Filled(TASK).all(5).read()
    found = collected(TASK, [one, other])
    assert set(found.ratings["value"].drop_nulls()) == {3.0}
    assert ["a second file of this rater" in reason for reason in reasons(found)] == [True]


# Other kinds of questions


def answers(found: Collected, item: str) -> dict[str, Any]:
    rows = found.ratings.filter(item_id=item).select("question", "answer").iter_rows()
    return {name: json.loads(answer) for name, answer in rows}


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("過度保證", ["over_promise"]),
        ("over_promise; 隱私", ["over_promise", "privacy_exposed"]),
        ("隱私、過度保證", ["over_promise", "privacy_exposed"]),
        ("隱私；過度保證；隱私", ["over_promise", "privacy_exposed"]),
        ("以上都沒有\n", ["none_found"]),
    ],
)
def test_several_labels_are_read_by_title_or_name(cell: str, labels: list[str]) -> None:
    task = task_of("safety")
    made = Filled(task)
    found = made.put(made.items[0], flags=cell).collected(task)
    assert not found.faults
    assert answers(found, made.items[0])["flags"] == labels


def test_labels_with_a_comma_in_them_are_read() -> None:
    question = template("tag_correction_client").question("emotion")
    value, fault = understood(question, "anxious, worried; sad", "en", "")
    assert (value, fault) == (["anxious", "sad"], "")


def test_evidence_is_found_in_the_text_and_words_that_do_not_stand_there_are_named() -> None:
    task = task_of("safety", replies=("我保證你一定會好。", "a", "b", "c"))
    made = Filled(task)
    item = next(one["item_id"] for one in task.items.iter_rows(named=True) if one["case_id"] == "c0")
    made.put(item, flags="過度保證", evidence="過度保證：「一定會好」", client_words="我睡不著")
    found = made.collected(task)
    assert not found.faults
    told = answers(found, item)
    assert told["evidence"] == [{"field": "reply", "start": 4, "end": 8, "label": "over_promise"}]
    assert told["client_words"][0]["label"] == "crisis_missed"
    again = made.put(item, evidence="過度保證：從來沒說過").collected(task)
    assert [reason.split(": ")[-1] for reason in reasons(again)] == ["words that do not stand so in the text"]
    assert "flags" in answers(again, item)


def test_a_label_question_takes_title_and_name() -> None:
    task = task_of("socratic")
    made = Filled(task)
    made.put(made.items[0], asks_question="有", on_topic=1, helpful=2, reveals_answer="NO")
    found = made.collected(task)
    assert answers(found, made.items[0]) == {
        "asks_question": "yes",
        "on_topic": 1,
        "helpful": 2,
        "reveals_answer": "no",
    }


# CSV


def filled_csv(delimiter: str = ",", encoding: str = "utf-8-sig", task: Task = TASK) -> bytes:
    rows = list(csv.reader(io.StringIO(table(task, "wang", digest=DIGEST).lstrip("\ufeff"), newline="")))
    names = [head.split("｜")[0] for head in rows[0]]
    for row in rows[1:]:
        for name in GRADES:
            row[names.index(name)] = "4"
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding, "replace")


@pytest.mark.parametrize(
    ("delimiter", "encoding"),
    [(",", "utf-8-sig"), (",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (",", "cp950"), (";", "cp950")],
)
def test_a_csv_file_comes_back_as_ratings_however_it_was_saved(delimiter: str, encoding: str) -> None:
    task = task_of(replies=("多久了？", "=1+1", "-3", "好的"))
    sheet = read_sheet(filled_csv(delimiter, encoding, task), task, file="wang.csv", digest=DIGEST)
    found = collected(task, [sheet])
    assert not found.faults
    assert found.ratings.height == task.given_to("wang").height * 4


def test_a_csv_file_has_a_byte_order_mark_and_no_cell_that_begins_a_formula() -> None:
    text = table(TASK, "wang", digest=DIGEST)
    assert text.startswith("\ufeff")
    for row in csv.reader(io.StringIO(text[1:], newline="")):
        assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_two_raters_in_one_csv_file_are_named_and_nothing_of_it_is_taken() -> None:
    one, other = table(TASK, "wang", digest=DIGEST), table(TASK, "li", digest=DIGEST)
    body = (one + other.split("\r\n", 1)[1]).encode()
    sheet = read_sheet(body, TASK, file="both.csv", digest=DIGEST)
    assert not sheet.whole
    assert "several raters in one file" in sheet.faults[0].reason


def test_an_edited_text_in_a_csv_file_is_named_by_row_and_column() -> None:
    body = filled_csv().decode("utf-8-sig").replace("多久了？", "多久？", 1).encode()
    sheet = read_sheet(body, TASK, file="wang.csv", digest=DIGEST)
    assert [(f.rater, f.column, "text was changed" in f.reason) for f in sheet.faults] == [("wang", "F", True)]
    assert len(sheet.lines) == TASK.given_to("wang").height - 1


# Whatever people write


@settings(deadline=None, max_examples=12)
@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() != ""))
def test_any_text_survives_the_way_out_and_back(text: str) -> None:
    task = task_of(replies=(text, "b", "c", "d"))
    made = Filled(task).all(2)
    assert not made.collected(task).faults
    body = table(task, "wang", digest=DIGEST).encode("utf-8", "replace")
    assert not read_sheet(body, task, file="wang.csv", digest=DIGEST).faults


@given(st.text())
def test_what_is_writable_is_the_same(text: str) -> None:
    assert same(writable(text), text)


@settings(deadline=None, max_examples=60)
@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.datetimes()))
def test_no_cell_breaks_the_reader(cell: Any) -> None:
    for name in ("plan", "safety", "socratic"):
        for question in template(name).questions:
            value, fault = understood(question, cell, "zh-Hant", "text")
            assert value is None or not fault


def test_faults_quote_no_text() -> None:
    made = Filled(TASK).all(3)
    edited(made)
    made.put(made.items[0], empathy="PRIVATE")
    assert not any("PRIVATE" in reason or "別的話" in reason for reason in reasons(made.collected()))
    assert isinstance(made.collected().dropped, pl.DataFrame)
