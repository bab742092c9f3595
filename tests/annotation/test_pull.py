"""What comes back is what raters submitted, by whom, about what was given to them; the rest is counted and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation import rater_dataset
from annotation.answers import in_characters, read_answers
from annotation.argilla import Argilla
from annotation.argilla_place import Server, embedded_server
from annotation.pull import BREAK_S, Pulled, pull, seconds_taken
from annotation.push import push
from annotation.rater_dataset import dataset_name, find_dataset, records_on
from annotation.tables import RATING
from annotation.task import Task
from tests.annotation.made_task import RATERS, SECRET_SYSTEM, TEMPLATE, Rater, items, task
from tests.servers.faulty_proxy import FaultyProxy
from xinheng.errors import ArgillaError
from xinheng.tables import require

Make = Callable[..., Task]
GOOD = {"empathy": 4, "stage": "early"}


@pytest.fixture
def server(argilla: Any) -> Server:
    return embedded_server(argilla.home)


@pytest.fixture
def owner(server: Server) -> Any:
    with Argilla(server) as client:
        yield client


@pytest.fixture
def make(tmp_path: Path, owner: Argilla) -> Make:
    """Tasks of names that no other test has, sent to the server."""

    def made(**more: Any) -> Task:
        new = task(tmp_path / uuid4().hex, **{"name": f"t-{uuid4().hex[:10]}", **more})
        push(new, owner, create_raters=True, on_password=lambda *_: None)
        return new

    return made


def rater(client: Argilla, name: str) -> Rater:
    users = {user["username"]: user for user in client.get("/users")["items"]}
    return Rater(client.url, users[name]["api_key"])


def dataset_id(client: Argilla, made: Task, name: str) -> str:
    found = find_dataset(client, dataset_name(made.name, name))
    assert found is not None
    return str(found["id"])


def answers(found: Pulled, item: str, name: str) -> dict[str, Any]:
    rows = found.ratings.filter((pl.col("item_id") == item) & (pl.col("rater_id") == name))
    return {row["question"]: json.loads(row["answer"]) for row in rows.iter_rows(named=True)}


def test_every_kind_of_answer_comes_back_as_it_was_given(owner: Argilla, make: Make) -> None:
    made = make(n=3, raters=["ann"])
    who, place = rater(owner, "ann"), dataset_id(owner, made, "ann")
    first, second, third = who.queue(place)
    spans = [{"start": 2, "end": 4, "label": "harm"}, {"start": 0, "end": 3, "label": "harm"}]
    who.answer(
        first["id"], {**GOOD, "flags": ["none_found", "diagnosis"], "evidence": spans, "remark": "理由「一」\n二"}
    )
    who.answer(second["id"], {"empathy": 1, "stage": "late"})
    who.answer(third["id"], {"empathy": 5, "stage": "late", "evidence": []})
    found = pull(made, owner)
    require(found.ratings, RATING, who="pull")
    assert answers(found, "i00000", "ann") == {
        "empathy": 4,
        "stage": "early",
        "flags": ["diagnosis", "none_found"],
        "evidence": [{"field": "reply", **spans[1]}, {"field": "reply", **spans[0]}],
        "remark": "理由「一」\n二",
    }
    assert answers(found, "i00001", "ann") == {"empathy": 1, "stage": "late", "evidence": []}
    grades = found.ratings.filter(pl.col("question") == "empathy")
    assert grades["value"].to_list() == [4.0, 1.0, 5.0]
    assert found.ratings.filter(pl.col("question") != "empathy")["value"].null_count() == 8
    assert set(found.ratings["system"]) == {SECRET_SYSTEM}
    assert set(found.ratings["case_id"]) == {"case-0", "case-1", "case-2"}
    assert found.ratings["submitted_at"].null_count() == 0
    assert abs(found.ratings["submitted_at"].max() - datetime.now(UTC)) < timedelta(hours=1)  # type: ignore[operator]
    assert found.dropped.height == 0


def test_drafts_and_discards_are_counted_and_no_ratings(owner: Argilla, make: Make) -> None:
    made = make(n=6)
    for name in RATERS:
        who = rater(owner, name)
        queue = who.queue(dataset_id(owner, made, name))
        who.answer(queue[0]["id"], GOOD)
        who.answer(queue[1]["id"], {"empathy": 2}, status="draft")
        who.answer(queue[2]["id"], None, status="draft")
        who.answer(queue[3]["id"], None, status="discarded")
        who.answer(queue[4]["id"], GOOD, status="discarded")
    found = pull(made, owner)
    counted = {"submitted": 3, "draft": 6, "discarded": 6, "pending": 3, "ratings": 9, "dropped": 0}
    assert found.counts() == counted
    assert set(found.ratings["status"]) == {"submitted"}
    assert found.states.height == 18


def test_an_answer_changed_later_counts_as_it_is_now(owner: Argilla, make: Make) -> None:
    made = make(n=1, raters=["ann"])
    who = rater(owner, "ann")
    record = who.queue(dataset_id(owner, made, "ann"))[0]
    who.answer(record["id"], GOOD)
    response = who.http.get(f"/records/{record['id']}").json()["responses"][0]
    body = {"status": "submitted", "values": {"empathy": {"value": 1}, "stage": {"value": "late"}}}
    who.http.put(f"/responses/{response['id']}", json=body).raise_for_status()
    assert answers(pull(made, owner), "i00000", "ann")["empathy"] == 1


def test_a_thousand_records_with_discards_that_hold_null_come_back_whole(owner: Argilla, make: Make) -> None:
    made = make(n=1000, raters=["ann"])
    place = dataset_id(owner, made, "ann")
    who = rater(owner, "ann")
    me = who.http.get("/me").json()["id"]
    told = [
        {"user_id": me, "status": "submitted", "values": {"empathy": {"value": 1 + n % 5}, "stage": {"value": "late"}}}
        if n % 3
        else {"user_id": me, "status": "discarded", "values": None}
        for n in range(1000)
    ]
    items = [{"id": record["id"], "responses": [told[n]]} for n, record in enumerate(who.queue(place))]
    for start in (0, 500):  # as a rater's page would, but in two requests
        owner.put(f"/datasets/{place}/records/bulk", {"items": items[start : start + 500]})
    found = pull(made, owner)
    assert (found.counts()["submitted"], found.counts()["discarded"], found.counts()["pending"]) == (666, 334, 0)
    expected = {f"i{n:05}": 1 + n % 5 for n in range(1000) if n % 3}
    assert {r["item_id"]: int(r["value"]) for r in found.ratings.drop_nulls("value").iter_rows(named=True)} == expected


@pytest.mark.parametrize("page", [1, 3, 7])
def test_pages_of_any_size_give_the_same(
    owner: Argilla, make: Make, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    made = make(n=7, raters=["ann"])
    rater(owner, "ann").answer_all(dataset_id(owner, made, "ann"), GOOD, most=4)
    whole = pull(made, owner).ratings
    monkeypatch.setattr(rater_dataset, "PAGE", page)
    assert pull(made, owner).ratings.equals(whole)


def test_pages_that_shift_while_they_are_read_are_read_again(server: Server, owner: Argilla, make: Make) -> None:
    made = make(n=4, raters=["ann"])
    place = dataset_id(owner, made, "ann")
    real = owner.get(f"/datasets/{place}/records", offset=0, limit=4)
    shifted = json.dumps({"items": [*real["items"][:3], real["items"][0]], "total": 4}).encode()
    left = iter([(200, shifted), (200, shifted)])
    with FaultyProxy(server.url) as proxy, Argilla(Server(proxy.url, server.key)) as client:
        proxy.rule = lambda *_: next(left, None)
        assert len(records_on(client, place)) == 4
        proxy.rule = lambda *_: (200, shifted)
        with pytest.raises(ArgillaError, match="changes while it is read"):
            records_on(client, place)


# Whose answer, about what.


def test_answers_of_somebody_else_are_left_out_and_named(owner: Argilla, make: Make) -> None:
    made = make(n=2, raters=["ann"])
    place = dataset_id(owner, made, "ann")
    record = rater(owner, "ann").queue(place)[0]
    Rater(owner.url, owner.server.key).answer(record["id"], {"empathy": 1, "stage": "late"})
    rater(owner, "ann").answer(record["id"], GOOD)
    found = pull(made, owner)
    assert answers(found, "i00000", "ann")["empathy"] == 4
    me = owner.get("/me")["username"]
    assert found.dropped.rows() == [("ann", "i00000", None, f"not the rater's: from {me}")]


def test_a_record_that_was_never_given_is_told_and_read_only_when_asked(owner: Argilla, make: Make) -> None:
    made = make(n=2, raters=["ann"])
    place = dataset_id(owner, made, "ann")
    body = {"items": [{"external_id": "extra", "fields": {"conversation": "x", "reply": "y"}}]}
    owner.post(f"/datasets/{place}/records/bulk", body)
    rater(owner, "ann").answer_all(place, GOOD)
    found = pull(made, owner)
    assert found.dropped.rows() == [("ann", "extra", None, "not given to this rater")]
    assert set(found.ratings["item_id"]) == {"i00000", "i00001"}


def test_suggestions_and_other_questions_on_the_server_are_told_before_anything_is_read(
    owner: Argilla, make: Make
) -> None:
    made = make(n=2, raters=["ann"])
    place = dataset_id(owner, made, "ann")
    question = next(q for q in owner.get(f"/datasets/{place}/questions")["items"] if q["name"] == "empathy")
    record = records_on(owner, place)[0]
    owner.put(f"/records/{record['id']}/suggestions", {"question_id": question["id"], "value": 5})
    rater(owner, "ann").answer_all(place, GOOD)
    with pytest.raises(ArgillaError, match=r"suggestions on 1 records, which their rater saw.*--despite-changes"):
        pull(made, owner)
    found = pull(made, owner, despite_changes=True)
    assert found.ratings.height == 6
    assert any("suggestions" in change for change in found.changed)


def test_nothing_sent_yet_says_so(owner: Argilla, tmp_path: Path) -> None:
    with pytest.raises(ArgillaError, match=r"nothing of task .* is there.*annotate push"):
        pull(task(tmp_path / "t", name=f"never-{uuid4().hex[:6]}"), owner)


def test_a_rater_who_was_not_sent_anything_is_pending_and_named(owner: Argilla, make: Make, tmp_path: Path) -> None:
    made = make(n=2, raters=["ann"])
    rater(owner, "ann").answer_all(dataset_id(owner, made, "ann"), GOOD)
    more = task(tmp_path / "more", name=made.name, n=2, raters=["ann", f"late-{uuid4().hex[:5]}"])
    found = pull(more, owner)
    assert len(found.without) == 1
    assert found.counts()["pending"] == 2


# What an answer is, without a server.


VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.floats(allow_nan=False), st.text(max_size=5),
    st.lists(st.sampled_from(["diagnosis", "blame", "harm", "x"]), max_size=4),
    st.lists(st.fixed_dictionaries({"start": st.integers(-1, 9), "end": st.integers(-1, 9),
                                    "label": st.sampled_from(["harm", "x"])}), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip
NAMES = st.sampled_from([question.name for question in TEMPLATE.questions] + ["strange"])


@given(st.one_of(st.none(), st.dictionaries(NAMES, st.fixed_dictionaries({"value": VALUE}))))
def test_every_answer_is_either_one_the_template_knows_or_named(values: dict[str, Any] | None) -> None:
    found, odd = read_answers(TEMPLATE, values, {"reply": "12345"})
    names = [name for name, _ in found] + [name for name, _ in odd]
    assert len(names) == len(set(names))
    said = {name for name, cell in (values or {}).items() if cell["value"] is not None}
    assert said <= set(names)
    for name, answer in found:
        if name == "empathy":
            assert type(answer) is int
            assert 1 <= answer <= 5
        elif name == "stage":
            assert answer in ("early", "late")
        elif name == "flags":
            assert len(answer) == len(set(answer))
            assert set(answer) <= {"diagnosis", "blame", "none_found"}
        elif name == "evidence":
            assert all(0 <= s["start"] < s["end"] <= 5 and s["label"] == "harm" for s in answer)
    assert {"empathy", "stage"} <= set(names)  # what must be answered is never silently absent


@given(st.text(alphabet="a好\U0001f600\u200d", min_size=1, max_size=12), st.data())
def test_places_that_a_browser_counted_become_places_of_characters(text: str, data: Any) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    units = [len(text[:place].encode("utf-16-le")) // 2 for place in (start, end)]
    added = data.draw(st.integers(0, 2)) if end == len(text) else 0
    values = {"evidence": {"value": [{"start": units[0], "end": units[1] + added * (units[1] > end), "label": "harm"}]}}
    fields = {"reply": text}
    found, odd = read_answers(TEMPLATE, in_characters(TEMPLATE, values, fields), fields)
    assert dict(found)["evidence"] == [{"field": "reply", "start": start, "end": end, "label": "harm"}]
    assert {name for name, _ in odd} == {"empathy", "stage"}


@pytest.mark.parametrize(
    "span",
    [
        {"start": 0, "end": 6, "label": "harm"},
        {"start": 3, "end": 3, "label": "harm"},
        {"start": -1, "end": 3, "label": "harm"},
        {"start": 0, "end": 3, "label": "other"},
        {"start": 0.0, "end": 3, "label": "harm"},
        {"start": 0, "end": 3},
        "harm",
        None,
    ],
)
def test_a_span_outside_the_text_or_without_a_label_is_named(span: Any) -> None:
    values = {"evidence": {"value": [{"start": 0, "end": 5, "label": "harm"}, span]}}
    for given_values in (values, in_characters(TEMPLATE, values, {"reply": "12345"})):
        found, odd = read_answers(TEMPLATE, given_values, {"reply": "12345"})
        assert "evidence" in dict(odd)
        assert "evidence" not in dict(found)


def test_a_span_that_cuts_an_emoji_in_two_is_named() -> None:
    values = {"evidence": {"value": [{"start": 1, "end": 3, "label": "harm"}]}}
    found, odd = read_answers(TEMPLATE, in_characters(TEMPLATE, values, {"reply": "😀ab"}), {"reply": "😀ab"})
    assert "evidence" in dict(odd)
    assert "evidence" not in dict(found)


def test_words_behind_an_emoji_can_be_marked_to_the_end_as_a_browser_counts(owner: Argilla, make: Make) -> None:
    text = "😀😀 hello wound"
    made = make(n=1, raters=["ann"], item=items(1, texts={0: text}))
    who = rater(owner, "ann")
    record = who.queue(dataset_id(owner, made, "ann"))[0]
    who.answer(record["id"], {**GOOD, "evidence": [{"start": 11, "end": 16, "label": "harm"}]})
    span = answers(pull(made, owner), "i00000", "ann")["evidence"][0]
    assert text[span["start"] : span["end"]] == "wound"


@pytest.mark.parametrize("value", [True, 4.0, "4", [4], 0, 6])
def test_only_a_whole_grade_of_the_scale_is_one(value: Any) -> None:
    found, odd = read_answers(TEMPLATE, {"empathy": {"value": value}, "stage": {"value": "late"}}, {})
    assert "empathy" not in dict(found)
    assert ("empathy", "a grade outside the scale") in odd


@given(st.lists(st.integers(0, 100_000), max_size=12))
def test_time_taken_is_the_pause_since_the_submission_before_unless_a_break(offsets: list[int]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    taken = seconds_taken({str(n): start + timedelta(seconds=offset) for n, offset in enumerate(offsets)})
    assert len(taken) == len(offsets)
    assert all(seconds is None or 0 < seconds <= BREAK_S for seconds in taken.values())
    known = sum(seconds for seconds in taken.values() if seconds is not None)
    assert known <= max(offsets, default=0) - min(offsets, default=0)


def test_a_time_that_is_missing_takes_none_away() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    taken = seconds_taken({"a": None, "b": start, "c": start + timedelta(seconds=30)})
    assert taken == {"a": None, "b": None, "c": 30.0}
