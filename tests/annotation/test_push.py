"""A task reaches each rater whole, once and blind, whatever breaks on the way and whoever meddles."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from annotation import sending
from annotation.argilla import Argilla
from annotation.argilla_place import Server, embedded_server
from annotation.push import Pushed
from annotation.rater_dataset import dataset_name, find_workspace, records_on, settings_on
from annotation.task import Task
from annotation.templates import Question
from tests.annotation.made_task import RATERS, TEMPLATE, Rater, items, task
from tests.annotation.sent_task import dataset, question, rater, sent
from tests.servers.faulty_proxy import FaultyProxy
from xinheng.errors import ArgillaError

Make = Callable[..., Task]


@pytest.fixture
def server(argilla: Any) -> Server:
    return embedded_server(argilla.home)


@pytest.fixture
def owner(server: Server) -> Any:
    with Argilla(server) as client:
        yield client


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Tasks of names that no other test has."""
    return lambda **more: task(tmp_path / uuid4().hex, **{"name": f"t-{uuid4().hex[:10]}", **more})


def test_every_rater_has_his_items_in_his_order_and_nobody_elses(owner: Argilla, make: Make) -> None:
    made = make(n=7)
    told = sent(made, owner)
    assert [(one.rater_id, one.sent, one.there, list(one.bad)) for one in told] == [(r, 7, 0, []) for r in RATERS]
    for one in told:
        mine = [found for found in rater(owner, one.rater_id).datasets() if found["name"].startswith(f"{made.name}-")]
        assert [found["name"] for found in mine] == [one.dataset]
        queue = rater(owner, one.rater_id).queue(mine[0]["id"])
        assert [record["external_id"] for record in queue] == made.given_to(one.rater_id)["item_id"].to_list()
        assert mine[0]["id"] in one.url
        assert "sort=record.inserted_at.asc" in one.url
        assert mine[0]["distribution"] == {"strategy": "overlap", "min_submitted": 1}


def test_sent_again_nothing_is_doubled(owner: Argilla, make: Make) -> None:
    made = make()
    sent(made, owner)
    assert [(one.sent, one.there) for one in sent(made, owner)] == [(0, 6)] * 3
    for name in RATERS:
        assert len(records_on(owner, dataset(owner, made, name)["id"])) == 6


def test_a_task_that_grew_sends_only_what_is_new(owner: Argilla, make: Make) -> None:
    small = make(n=3)
    sent(small, owner)
    assert [(one.sent, one.there) for one in sent(make(n=5, name=small.name), owner)] == [(2, 3)] * 3


def test_interrupted_at_any_request_and_run_again_all_is_there_once(
    server: Server, owner: Argilla, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 2)
    monkeypatch.setattr(sending, "_WAIT_S", 0)
    monkeypatch.setattr("annotation.push._WAIT_S", 0)
    one = replace(TEMPLATE, questions=TEMPLATE.questions[:1])
    stops = 0
    for stop in range(30):
        made = make(n=3, raters=["ann"], template=one)
        with FaultyProxy(server.url) as proxy:
            # The change at which the line breaks arrives; so what is left is what the next one's breaking would leave.
            def dead(method: str, _path: str, _body: bytes, proxy: FaultyProxy = proxy, stop: int = stop) -> Any:
                changes = len(proxy.changes()) - 1
                return None if changes < stop else "lose" if changes == stop and method != "GET" else "drop"

            with Argilla(Server(proxy.url, server.key), attempts=1) as client:
                proxy.rule = dead
                try:
                    sent(made, client)
                except ArgillaError:
                    stops += 1
                else:
                    break
        again = sent(made, owner)[0]
        assert again.sent + again.there == 3
        held = [record["external_id"] for record in records_on(owner, dataset(owner, made, "ann")["id"])]
        assert sorted(held) == [f"i{n:05}" for n in range(3)]
    assert stops >= 8  # workspace, member, dataset, fields, question, metadata, publishing, batches


@pytest.mark.parametrize("fault", ["drop", "lose", 503])
def test_a_shaky_line_is_ridden_out(server: Server, owner: Argilla, make: Make, fault: Any) -> None:
    made, luck = make(n=6, raters=["ann"]), random.Random(5)
    with FaultyProxy(server.url) as proxy, Argilla(Server(proxy.url, server.key), wait_s=0.01) as client:
        proxy.rule = lambda *_: fault if luck.random() < 0.2 else None
        told = sent(made, client)
    assert told[0].sent + told[0].there == 6
    assert len(records_on(owner, dataset(owner, made, "ann")["id"])) == 6


# Bad records.


def test_a_bad_record_is_named_and_the_rest_goes_on(server: Server, owner: Argilla, make: Make) -> None:
    made = make(n=9, raters=["ann"], item=items(9, texts={4: "太長" * 30_000}))

    def limited(_method: str, path: str, body: bytes) -> Any:
        return 413 if path.endswith("/bulk") and len(body) > 100_000 else None

    with FaultyProxy(server.url, limited) as proxy, Argilla(Server(proxy.url, server.key)) as client:
        told = sent(made, client)[0]
    assert told.sent == 8
    assert [item for item, _ in told.bad] == ["i00004"]
    assert "413" in told.bad[0][1]
    assert "太長" not in told.bad[0][1]
    assert sent(made, owner)[0].sent == 1  # without the limit it goes


def test_records_that_no_request_can_carry_are_named_too(owner: Argilla, make: Make) -> None:
    # Half a character cannot stand in a table of ours; a text that is missing, or nothing at all to show, can.
    rows = (
        items(5)
        .with_row_index()
        .with_columns(
            shown=pl.when(pl.col("index") == 1)
            .then(pl.lit([], pl.List(pl.Struct({"field": pl.String(), "text": pl.String()}))))
            .when(pl.col("index") == 3)
            .then(
                pl.lit(
                    [{"field": "reply", "text": None}], pl.List(pl.Struct({"field": pl.String(), "text": pl.String()}))
                )
            )
            .otherwise("shown")
        )
    )
    told = sent(make(item=rows.drop("index"), raters=["ann"]), owner)[0]
    assert told.sent == 3
    assert dict(told.bad) == {"i00001": "nothing to show", "i00003": "field reply has no text"}


def test_a_server_that_takes_no_record_at_all_is_no_fault_of_the_records(server: Server, make: Make) -> None:
    made = make(n=60, raters=["ann"])
    refuse = lambda _m, path, _b: 500 if path.endswith("/bulk") else None  # noqa: E731  short and used once
    with FaultyProxy(server.url, refuse) as proxy, Argilla(Server(proxy.url, server.key)) as client:  # noqa: SIM117
        with pytest.raises(ArgillaError, match="HTTP 500"):
            sent(made, client)


# Raters' accounts.


def test_missing_raters_are_made_only_when_asked_and_their_passwords_open_the_door(owner: Argilla, make: Make) -> None:
    name = f"new-{uuid4().hex[:6]}"
    made, told = make(raters=[name], n=1), {}
    with pytest.raises(ArgillaError, match=f"no account for {name}.*--create-raters"):
        sent(made, owner, create_raters=False)
    assert find_workspace(owner, dataset_name(made.name, name)) is None
    sent(made, owner, on_password=told.__setitem__)
    answer = Rater(owner.url, "").http.post("/token", data={"username": name, "password": told[name]})
    assert answer.status_code == 201
    sent(made, owner, on_password=lambda *_: pytest.fail("a password is told once"))


def test_an_account_is_made_once_however_the_line_shakes(server: Server, owner: Argilla, make: Make) -> None:
    name, told = f"new-{uuid4().hex[:6]}", {}
    left = iter(["lose"])
    with FaultyProxy(server.url) as proxy, Argilla(Server(proxy.url, server.key)) as client:
        proxy.rule = lambda method, path, _b: next(left, None) if (method, path) == ("POST", "/api/v1/users") else None
        sent(make(raters=[name], n=1), client, on_password=told.__setitem__)
    answer = Rater(owner.url, "").http.post("/token", data={"username": name, "password": told[name]})
    assert answer.status_code == 201


def test_an_owner_or_admin_is_no_rater(owner: Argilla, make: Make) -> None:
    name = f"boss-{uuid4().hex[:6]}"
    owner.post("/users", {"username": name, "first_name": name, "role": "admin", "password": "password-1"})
    with pytest.raises(ArgillaError, match=f"see more than a rater may: {name}"):
        sent(make(raters=["ann", name]), owner)


def test_others_in_a_raters_workspace_are_told(owner: Argilla, make: Make) -> None:
    made = make(raters=["ann"])
    sent(made, owner)
    sent(make(raters=["bob"]), owner)
    users = {user["username"]: user["id"] for user in owner.get("/users")["items"]}
    workspace = find_workspace(owner, dataset_name(made.name, "ann"))
    assert workspace is not None
    owner.post(f"/workspaces/{workspace['id']}/users", {"user_id": users["bob"]})
    with pytest.raises(ArgillaError, match=r"other members.*have bob"):
        sent(made, owner)


# Who meddles is told what he did.


def meddle(client: Argilla, method: str, path: str, body: Any) -> None:
    Rater(client.url, client.server.key).http.request(method, path, json=body).raise_for_status()


def another_title(client: Argilla, made: Task) -> None:
    meddle(client, "PATCH", f"/questions/{question(client, made, 'empathy')['id']}", {"title": "Warmth"})


def other_labels(client: Argilla, made: Task) -> None:
    settings = question(client, made, "stage")["settings"]
    settings["options"][0]["text"] = "晚"
    meddle(client, "PATCH", f"/questions/{question(client, made, 'stage')['id']}", {"settings": settings})


def three_answers(client: Argilla, made: Task) -> None:
    body = {"distribution": {"strategy": "overlap", "min_submitted": 3}}
    meddle(client, "PATCH", f"/datasets/{dataset(client, made, 'ann')['id']}", body)


def other_guidelines(client: Argilla, made: Task) -> None:
    meddle(client, "PATCH", f"/datasets/{dataset(client, made, 'ann')['id']}", {"guidelines": "Be quick."})


def markdown(client: Argilla, made: Task) -> None:
    found = settings_on(client, dataset(client, made, "ann")["id"])["fields"][1]
    meddle(client, "PATCH", f"/fields/{found['id']}", {"settings": {"type": "text", "use_markdown": True}})


def shown_place(client: Argilla, made: Task) -> None:
    found = settings_on(client, dataset(client, made, "ann")["id"])["metadata"][0]
    meddle(client, "PATCH", f"/metadata-properties/{found['id']}", {"visible_for_annotators": True})


def suggestion(client: Argilla, made: Task) -> None:
    record = records_on(client, dataset(client, made, "ann")["id"])[0]
    body = {"question_id": question(client, made, "empathy")["id"], "value": 5, "agent": "judge"}
    meddle(client, "PUT", f"/records/{record['id']}/suggestions", body)


def another_text(client: Argilla, made: Task) -> None:
    record = records_on(client, dataset(client, made, "ann")["id"])[1]
    body = {"fields": {**record["fields"], "reply": "a kinder answer"}}
    meddle(client, "PATCH", f"/records/{record['id']}", body)


MEDDLING = [
    (another_title, "question empathy: another title"),
    (other_labels, "question stage: another list of answers"),
    (three_answers, "done after 3 answers instead of 1"),
    (other_guidelines, "other guidelines"),
    (markdown, "field reply: another use_markdown"),
    (shown_place, "xh_position is shown to raters"),
    (suggestion, "suggestions, which raters see, on 1 records"),
    (another_text, r"1 records with another text \(i00001\)"),
]


@pytest.mark.parametrize(("done", "told"), MEDDLING)
def test_what_was_changed_on_the_server_is_named(
    owner: Argilla, make: Make, done: Callable[[Argilla, Task], None], told: str
) -> None:
    made = make(raters=["ann"], n=2)
    sent(made, owner)
    done(owner, made)
    with pytest.raises(ArgillaError, match=told) as error:
        sent(made, owner)
    assert "kinder" not in str(error.value)


def test_a_task_sent_before_with_other_questions_is_refused(owner: Argilla, make: Make) -> None:
    made = make(raters=["ann"])
    sent(made, owner)
    more = (*TEMPLATE.questions, Question("warmth", "text", {"en": "Warmth"}, required=False))
    for questions, told in (
        (more, "question warmth is missing"),
        (TEMPLATE.questions[:-1], "remark is not the task's"),
    ):
        other = make(name=made.name, raters=["ann"], template=replace(TEMPLATE, questions=questions))
        with pytest.raises(ArgillaError, match=told):
            sent(other, owner)


def test_another_task_of_the_same_name_is_refused(owner: Argilla, make: Make) -> None:
    made = make(raters=["ann"], n=3)
    sent(made, owner)
    other = items(3).with_columns(item_id=pl.lit("other-") + pl.col("item_id"))
    with pytest.raises(ArgillaError, match="3 records of another task"):
        sent(make(name=made.name, raters=["ann"], item=other), owner)


def test_names_of_tasks_that_servers_refuse_are_made_plain_and_stay_apart() -> None:
    assert dataset_name("plan-1", "wang") == "plan-1-wang"
    odd = {dataset_name(name, "wang") for name in ("計畫", "計畫二", "a b", "a/b", "../a", "")}
    assert len(odd) == 6
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") and name[0] not in "-_" for name in odd)


SDK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import argilla as rg
url, key, name = sys.argv[1:]
client = rg.Argilla(api_url=url, api_key=key)
dataset = client.datasets(name, workspace=name)
records = list(dataset.records(with_responses=True))
print(json.dumps({
    "questions": [q.name for q in dataset.settings.questions],
    "fields": [f.name for f in dataset.settings.fields],
    "records": sorted(r.id for r in records),
    "answers": sorted((r.id, a.question_name, str(a.value)) for r in records for a in r.responses),
}))
"""


@pytest.mark.skipif(find_spec("argilla") is None, reason="the SDK is in the extra dev")
def test_argillas_own_sdk_opens_what_was_sent(owner: Argilla, make: Make) -> None:
    made = make(raters=["ann"], n=3)
    sent(made, owner)
    who = rater(owner, "ann")
    who.answer(who.queue(dataset(owner, made, "ann")["id"])[0]["id"], {"empathy": 4, "stage": "late"})
    name = dataset_name(made.name, "ann")
    command = [sys.executable, "-c", SDK, owner.url, owner.server.key, name]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["questions"] == [question.name for question in TEMPLATE.questions]
    assert told["fields"] == ["conversation", "reply"]
    assert told["records"] == ["i00000", "i00001", "i00002"]
    assert told["answers"] == [["i00000", "empathy", "4"], ["i00000", "stage", "late"]]


def test_two_pushes_at_once_leave_every_record_once(
    server: Server, owner: Argilla, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 3)
    made = make(raters=["ann"], n=12)

    def one(_: int) -> list[Pushed]:
        with Argilla(server) as client:
            return sent(made, client)

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(one, range(2)))
    assert all(not pushed[0].bad for pushed in told)
    assert len(records_on(owner, dataset(owner, made, "ann")["id"])) == 12
    assert [(again.sent, again.there) for again in sent(made, owner)] == [(0, 12)]
