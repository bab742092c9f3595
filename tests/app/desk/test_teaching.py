"""A client's notes and changes as rows: with consent or not at all, held back by whole notes, in the form of drafts."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.desk import items, store, teaching
from app.desk.draft_json import draft_to_json
from app.desk.items import Draft
from app.desk.unlock import Desk
from app.training_rows import conversations
from training.recipe import load
from xinheng import artifacts
from xinheng.errors import CheckFailed, UsageError
from xinheng.tables import EXAMPLE, PREFERENCE, require


def a_draft(n: int) -> Draft:
    """A model's proposal, of which a person edited one item, had one written anew, took one out and left one."""
    draft = items.proposed(Draft(f"第 {n} 次會談怎麼看？"), {
        "symptom": [f"焦慮 {n}"], "reason": [f"工作 {n}", f"父母 {n}"], "advice": [f"散步 {n}", f"吃藥 {n}"],
    })  # fmt: skip
    symptom, work, parents, walk, pills = (item.item_id for item in draft.items)
    draft = items.edited(draft, symptom, f"睡眠困難 {n}")
    draft = items.commented(draft, work, "不是工作")
    draft = items.accepted(items.regenerated(draft, work, f"失戀 {n}"), work)
    draft = items.removed(draft, pills)
    del parents
    return items.accepted(draft, walk)


def client_with_drafts(desk: Desk, notes: int) -> str:
    client = store.add_client(desk, "A")
    for n in range(notes):
        store.save(desk, client, "note", {"draft": draft_to_json(a_draft(n)), "date": "2026-11-01"})
    return client


def test_without_consent_there_are_no_rows(desk: Desk) -> None:
    client = client_with_drafts(desk, 5)
    with pytest.raises(CheckFailed, match="no consent"):
        teaching.rows(desk, client)
    teaching.record_consent(desk, client, given=True, how="signed")
    assert teaching.rows(desk, client).examples.height == 15
    teaching.record_consent(desk, client, given=False, how="by phone")
    with pytest.raises(CheckFailed, match="no consent"):
        teaching.rows(desk, client)
    assert [one.body["given"] for one in store.records(desk, client, "consent", every_version=True)] == [True, False]
    with pytest.raises(UsageError, match="how the client consented"):
        teaching.record_consent(desk, client, given=True, how=" ")


def test_a_note_answers_with_what_a_person_stands_for_and_nothing_else(desk: Desk) -> None:
    client = client_with_drafts(desk, 3)
    teaching.record_consent(desk, client, given=True, how="signed")
    taught = teaching.rows(desk, client)
    require(taught.examples, EXAMPLE, who="test")
    require(taught.preferences, PREFERENCE, who="test")
    notes = taught.examples.filter(pl.col("example_id").str.contains("note-00001-note")).row(0, named=True)
    answer = json.loads(notes["messages"][-1]["content"])
    assert answer == {"symptom": ["睡眠困難 0"], "reason": ["失戀 0"], "advice": ["散步 0"]}
    assert taught.left_out["items that nobody accepted"] == 3
    assert "第 0 次會談怎麼看？" in notes["messages"][1]["content"]


def test_what_a_person_wrote_or_chose_is_preferred_to_what_it_replaced(desk: Desk) -> None:
    client = client_with_drafts(desk, 3)
    teaching.record_consent(desk, client, given=True, how="signed")
    pairs = teaching.rows(desk, client).preferences
    found = {(json.loads(row["chosen"])["text"][0], json.loads(row["rejected"])["text"][0]) for row in pairs.to_dicts()}
    assert found == {pair for n in range(3) for pair in ((f"睡眠困難 {n}", f"焦慮 {n}"), (f"失戀 {n}", f"工作 {n}"))}
    asked = pairs.filter(pl.col("evidence").str.starts_with("regenerated"))["prompt"].to_list()
    assert all("不是工作" in prompt[-1]["content"] for prompt in asked)
    assert all(row["rejected"] not in str(row["prompt"]) for row in pairs.to_dicts())


def test_changes_saved_beside_a_note_count_once_and_with_its_draft_not_twice(desk: Desk) -> None:
    client = client_with_drafts(desk, 3)
    teaching.record_consent(desk, client, given=True, how="signed")
    before = teaching.rows(desk, client).preferences.height
    assert len(teaching.keep_changes(desk, client, "1", a_draft(0))) == 3
    assert teaching.keep_changes(desk, client, "1", a_draft(0)) == []
    assert teaching.rows(desk, client).preferences.height == before


@pytest.mark.parametrize(("notes", "held", "watched"), [(3, 1, 0), (5, 1, 1), (11, 2, 2)])
def test_whole_notes_are_held_back_with_all_that_was_changed_in_them(
    desk: Desk, notes: int, held: int, watched: int
) -> None:
    client = client_with_drafts(desk, notes)
    teaching.record_consent(desk, client, given=True, how="signed")
    taught = teaching.rows(desk, client)
    both = pl.concat([taught.examples.select("group_id", "split"), taught.preferences.select("group_id", "split")])
    assert both.group_by("group_id").agg(pl.col("split").n_unique())["split"].max() == 1
    groups = both.unique("group_id")["split"].value_counts()
    counts = dict(groups.iter_rows())
    assert (counts.get("test", 0), counts.get("validation", 0)) == (held, watched)


def test_notes_without_words_and_long_ones_are_counted_and_too_few_refused(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    teaching.record_consent(desk, client, given=True, how="signed")
    with pytest.raises(UsageError, match=r"too few notes.*have 0"):
        teaching.rows(desk, client)
    for text in ("一", "二", "", "長" * 500):
        store.save(desk, client, "note", {"text": text, "date": "2026-11-01"})
    with pytest.raises(UsageError, match=r"too few notes.*want 3"):
        teaching.rows(desk, client, longest=100)
    store.save(desk, client, "note", {"text": "三"})
    told = teaching.rows(desk, client, longest=100)
    assert told.left_out == {"a note without words of a person's": 1, "longer than 100 characters": 1}
    assert told.examples.height == 3
    assert teaching.rows(desk, client, most=4).left_out["older than the newest that are taken"] == 1


def test_an_export_is_what_the_recipe_trains_on_and_the_log_knows_of_it(desk: Desk, tmp_path: Path) -> None:
    client = client_with_drafts(desk, 5)
    teaching.record_consent(desk, client, given=True, how="signed")
    made = teaching.export(desk, client, tmp_path / "out")
    found = conversations(artifacts.open_artifact(tmp_path / "out"), load("client"))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 9, "validation": 3, "test": 3}
    assert made.rows("preference") == 10
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_changed_note_is_another_row_and_the_others_stay_the_same(desk: Desk) -> None:
    client = client_with_drafts(desk, 4)
    teaching.record_consent(desk, client, given=True, how="signed")
    before = set(teaching.rows(desk, client).ids)
    store.save(desk, client, "note", {"text": "改寫了"}, record_id="2", version=1)
    after = set(teaching.rows(desk, client).ids)
    assert len(after - before) == 1
    assert before - after == {one for one in before if "note-00002" in one}
