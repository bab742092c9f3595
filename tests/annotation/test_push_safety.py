"""A rater sees nothing that tells a system, reaches nothing that is not his, and breaks nothing by what he sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from annotation.argilla import Argilla
from annotation.argilla_place import Server, embedded_server
from annotation.rater_dataset import settings_on
from annotation.task import Task, unmarked
from tests.annotation.made_task import HOSTILE, RATERS, SECRET_SYSTEM, Rater, task
from tests.annotation.sent_task import dataset, question, rater, sent

Make = Callable[..., Task]
ANSWERED = {"empathy": {"value": 5}, "stage": {"value": "early"}}


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


@pytest.fixture(scope="module")
def blind(argilla: Any, tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A task of four items for three raters that is on the server and that no test changes."""
    made = task(tmp_path_factory.mktemp("blind") / "task", name=f"t-{uuid4().hex[:10]}", n=4)
    with Argilla(embedded_server(argilla.home)) as client:
        sent(made, client)
    return made


# Blindness, as the rater's own key sees it.


def everything(who: Rater, dataset_id: str) -> str:
    """All that a rater can read about his dataset over the API, as one text."""
    seen = [who.http.get(path).text for path in ("/me", "/me/datasets", "/me/workspaces")]
    base = f"/datasets/{dataset_id}"
    seen += [who.http.get(base + part).text for part in ("", "/fields", "/questions", "/vectors-settings", "/progress")]
    seen += [who.http.get(f"/me{base}{part}").text for part in ("/metadata-properties", "/metrics")]
    seen.append(who.http.get(f"{base}/records/search/suggestions/options").text)
    for record in who.queue(dataset_id):
        path = f"/records/{record['id']}"
        seen += [json.dumps(record), who.http.get(path).text, who.http.get(f"{path}/suggestions").text]
    return "\n".join(seen)


def test_no_system_no_case_no_judge_and_no_suggestion_is_visible_to_a_rater(owner: Argilla, blind: Task) -> None:
    for name in RATERS:
        who, own = rater(owner, name), dataset(owner, blind, name)
        seen = everything(who, own["id"])
        assert "i00003" in seen  # the view is not empty
        for secret in (SECRET_SYSTEM, "4.321", "judge", "case-", "group-", "plain"):
            assert secret not in seen
        assert all(record["suggestions"] == [] for record in who.queue(own["id"]))
        assert not any(f"{blind.name}-{other}" in seen for other in RATERS if other != name)


def test_hostile_text_is_sent_so_that_no_browser_takes_it_for_markup(owner: Argilla, blind: Task) -> None:
    own = dataset(owner, blind, "ann")
    sent = rater(owner, "ann").queue(own["id"])[0]["fields"]["reply"]
    assert sent == unmarked(HOSTILE)
    assert len(sent) == len(HOSTILE)
    assert not re.search(r"<[a-zA-Z/!?]", sent)
    assert all(
        field["settings"] == {"type": "text", "use_markdown": False}
        for field in settings_on(owner, own["id"])["fields"]
    )


# What a rater may not do.


def test_a_rater_cannot_call_what_is_the_owners(owner: Argilla, blind: Task) -> None:
    who, own = rater(owner, "ann"), dataset(owner, blind, "ann")
    record = who.queue(own["id"])[0]
    me, asked = who.http.get("/me").json()["id"], question(owner, blind, "empathy")["id"]
    base = f"/datasets/{own['id']}"
    forbidden = [
        ("GET", "/users", None),
        ("GET", f"/users/{me}", None),
        ("PATCH", f"/users/{me}", {"role": "owner"}),
        ("POST", "/users", {"username": "x-y", "first_name": "x", "role": "owner", "password": "password-1"}),
        ("POST", "/workspaces", {"name": "mine"}),
        ("GET", f"/workspaces/{own['workspace_id']}/users", None),
        ("POST", f"/workspaces/{own['workspace_id']}/users", {"user_id": me}),
        ("GET", f"{base}/records", None),
        ("POST", f"{base}/records/search", {}),
        ("POST", f"{base}/records/bulk", {"items": [{"fields": {"conversation": "x", "reply": "y"}}]}),
        ("PATCH", base, {"guidelines": "x"}),
        ("DELETE", base, None),
        ("DELETE", f"{base}/records?ids={record['id']}", None),
        ("PATCH", f"/records/{record['id']}", {"fields": {"conversation": "x", "reply": "y"}}),
        ("PUT", f"/records/{record['id']}/suggestions", {"question_id": asked, "value": 5}),
        ("POST", "/webhooks", {"url": "http://127.0.0.1:9", "events": ["record.created"]}),
    ]  # fmt: skip
    for method, path, body in forbidden:
        assert who.http.request(method, path, json=body).status_code == 403, (method, path)
    assert len(who.queue(own["id"])) == 4


def test_a_rater_cannot_reach_another_raters_dataset(owner: Argilla, blind: Task) -> None:
    who, other = rater(owner, "ann"), dataset(owner, blind, "bob")
    record = rater(owner, "bob").queue(other["id"])[0]
    base = f"/datasets/{other['id']}"
    tries = [
        ("GET", base, None), ("GET", f"{base}/questions", None), ("GET", f"{base}/users/progress", None),
        ("POST", f"/me{base}/records/search", {}), ("GET", f"/records/{record['id']}", None),
        ("GET", f"/records/{record['id']}/suggestions", None),
        ("POST", f"/records/{record['id']}/responses", {"status": "discarded"}),
    ]  # fmt: skip
    for method, path, body in tries:
        assert who.http.request(method, path, json=body).status_code == 403, (method, path)
    bulk = {"items": [{"record_id": record["id"], "status": "discarded"}]}
    answer = who.http.post("/me/responses/bulk", json=bulk)
    assert answer.status_code == 403 or answer.json()["items"][0]["item"] is None
    assert len(rater(owner, "bob").queue(other["id"])) == 4


@pytest.mark.parametrize(
    "path",
    [
        "/../../owner.key", "/..%2f..%2fowner.key", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/records/../users",
        "/datasets/..%2f..%2f..%2fetc%2fpasswd", "/records/%00", "/users/%27%20OR%201=1",
    ],
)  # fmt: skip
def test_path_tricks_lead_nowhere(owner: Argilla, blind: Task, path: str) -> None:
    assert blind
    key = rater(owner, "ann").http.headers["X-Argilla-Api-Key"]
    answer = raw_get(owner.url, f"/api/v1{path}", key)
    assert owner.server.key.encode() not in answer
    assert b"root:" not in answer
    assert b'"role":"owner"' not in answer


def raw_get(url: str, path: str, key: str) -> bytes:
    """An answer to a path that no client has tidied up."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.putrequest("GET", path, skip_host=False)
    connection.putheader("X-Argilla-Api-Key", key)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return body


@pytest.mark.parametrize(
    "values",
    [
        {"empathy": {"value": 6}, "stage": {"value": "early"}},
        {"empathy": {"value": "5; DROP TABLE"}, "stage": {"value": "early"}},
        {"empathy": {"value": 5}, "stage": {"value": "<script>"}},
        {**ANSWERED, "evidence": {"value": [{"start": 0, "end": 10**9, "label": "harm"}]}},
        {**ANSWERED, "other": {"value": 1}},
        {"stage": {"value": "early"}},
        {},
        None,
    ],
)  # fmt: skip
def test_answers_outside_the_template_are_refused(owner: Argilla, blind: Task, values: Any) -> None:
    who = rater(owner, "ann")
    record = who.queue(dataset(owner, blind, "ann")["id"])[0]
    answer = who.http.post(f"/records/{record['id']}/responses", json={"status": "submitted", "values": values})
    assert answer.status_code == 422
    assert who.queue(dataset(owner, blind, "ann")["id"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"status": NaN}', b"[" * 5_000, b'"' + b"x" * 1_000_000]
)
def test_malformed_bodies_are_refused_and_change_nothing(owner: Argilla, blind: Task, body: bytes) -> None:
    who = rater(owner, "ann")
    record = who.queue(dataset(owner, blind, "ann")["id"])[0]
    headers = {"Content-Type": "application/json"}
    answer = who.http.post(f"/records/{record['id']}/responses", content=body, headers=headers)
    assert answer.status_code in (400, 413, 422)
    assert len(who.queue(dataset(owner, blind, "ann")["id"])) == 4


def test_a_very_long_remark_neither_breaks_the_server_nor_is_cut(owner: Argilla, make: Make) -> None:
    made = make(raters=["ann"], n=1)
    sent(made, owner)
    who = rater(owner, "ann")
    record = who.queue(dataset(owner, made, "ann")["id"])[0]
    body = {
        "status": "submitted",
        "values": {"empathy": {"value": 5}, "stage": {"value": "early"}, "remark": {"value": "長" * 2_000_000}},
    }
    answer = who.http.post(f"/records/{record['id']}/responses", json=body)
    assert answer.status_code in (201, 413, 422)
    if answer.status_code == 201:
        assert len(answer.json()["values"]["remark"]["value"]) == 2_000_000
    assert owner.get("/version")
