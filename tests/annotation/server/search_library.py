"""A small library of records, ratings, suggestions and vectors on a running Argilla, and how tests ask it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.annotation.conftest import Argilla

Fresh = Callable[..., "Library"]
RATERS = ("wang", "li", "chen")
VISIBLE = {"source": "terms", "tags": "terms", "length": "integer", "quality": "float"}
HIDDEN = {"system": "terms"}

# name: prompt, answer, metadata, vector
RECORDS: dict[str, tuple[str, str, dict[str, Any], list[float] | None]] = {
    "r01": (
        "最近總是睡不好，心情低落",
        "你願意多說一點嗎？",
        {"source": "web", "length": 10, "quality": 0.5, "system": "a"},
        [1, 0, 0],
    ),
    "r02": (
        "我的心裡很亂，情緒也不好",
        "慢慢來",
        {"source": "web", "length": 20, "quality": 1.5, "tags": ["sleep", "work"], "system": "b"},
        [0, 1, 0],
    ),
    "r03": (
        "My card payment was declined",
        "Call the bank",
        {"source": "mail", "length": 30, "quality": -2.25, "system": "a"},
        [-1, 0, 0],
    ),
    "r04": (
        "The bank refused my credit card",
        "Payment by card is possible",
        {"source": "mail", "length": 3, "tags": "work", "system": "b"},
        [1, 1, 0],
    ),
    "r05": (
        "Don't know what to do 😔",
        "A hug 🤗 for you",
        {"source": "web", "length": 50, "tags": ["family"]},
        [0, 0, 1],
    ),
    "r06": ("ＦＵＬＬ width Straße", "COVID-19 vaccines", {"length": -7, "quality": 1e10}, None),
    "r07": ("家人說我想太多", "心情 低落 of two words", {"source": "mail", "quality": 0.0}, [1, 0.1, 0]),
    "r08": ("payment payment payment", "card", {}, [0.5, 0.5, 0.5]),
    "r09": ("cardigan and cardboard", "nothing to pay", {"source": None, "length": 0}, None),
    "r10": ("", "empty prompt", {"source": "x'; DROP TABLE records; --", "tags": []}, [2, 0, 0]),
}
# rater: record: status, empathy, tone, themes
RESPONSES: dict[str, dict[str, tuple[str, int | None, str | None, list[str] | None]]] = {
    "wang": {
        "r01": ("submitted", 5, "warm", ["sleep"]),
        "r02": ("submitted", 3, "cold", ["sleep", "work"]),
        "r03": ("draft", 1, None, None),
        "r04": ("discarded", None, None, None),
    },
    "li": {
        "r01": ("submitted", 2, "cold", ["family"]),
        "r05": ("submitted", 4, "warm", None),
        "r03": ("discarded", 5, "warm", None),
    },
}
# record: question: value, score, agent, type
SUGGESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "r01": {"empathy": {"value": 4, "score": 0.9, "agent": "alpha", "type": "model"}},
    "r02": {"empathy": {"value": 2, "score": 0.1, "agent": "beta", "type": "human"}},
    "r03": {"tone": {"value": "warm", "score": 0.5, "agent": "alpha"}},
    "r04": {"themes": {"value": ["sleep", "work"], "score": [0.7, 0.2]}},
    "r05": {"note": {"value": "a text", "agent": "alpha"}},
}


@dataclass
class People:
    """The owner and the raters of a server, each at a client of his own."""

    owner: httpx.Client
    raters: dict[str, httpx.Client]

    def close(self) -> None:
        """Let go of the connections."""
        for client in (self.owner, *self.raters.values()):
            client.close()


@dataclass
class Library(People):
    """The dataset, and who may ask it."""

    dataset: str
    workspace: str
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, body: dict[str, Any], who: str = "owner", **page: Any) -> httpx.Response:
        """The answer to a search by the owner over all responses, or by a rater over his own."""
        client, start = (self.owner, "") if who == "owner" else (self.raters[who], "/me")
        return client.post(f"{start}/datasets/{self.dataset}/records/search", json=body, params=page)

    def find(self, body: dict[str, Any], who: str = "owner", **page: Any) -> tuple[list[str], int]:
        """The names found, in order, and the total."""
        answer = self.ask(body, who, **page)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return [item["record"]["external_id"] for item in found["items"]], found["total"]

    def names(self, body: dict[str, Any], who: str = "owner") -> set[str]:
        """The names found, and that the total is theirs."""
        found, total = self.find(body, who, limit=1000)
        assert total == len(found) == len(set(found))
        return set(found)


def enter(server: Argilla) -> People:
    """Everybody of a server with the raters wang, li and chen, logged in."""
    return People(server.owner(), {rater: server.rater(rater) for rater in RATERS})


def make_library(people: People, name: str) -> Library:
    """The library, filled."""
    made = make_dataset(people, name)
    owner = made.owner
    users = {user["username"]: user["id"] for user in ok(owner.get("/users"))["items"]}
    questions = {q["name"]: q["id"] for q in ok(owner.get(f"/datasets/{made.dataset}/questions"))["items"]}
    for record, (prompt, answer, metadata, vector) in RECORDS.items():
        given = [
            {"user_id": users[rater], "status": r[record][0], "values": _values(*r[record][1:])}
            for rater, r in RESPONSES.items()
            if record in r
        ]
        suggested = [{"question_id": questions[q], **s} for q, s in SUGGESTIONS.get(record, {}).items()]
        item = {"fields": {"prompt": prompt, "answer": answer}, "external_id": record, "metadata": metadata}
        item |= {"responses": given, "suggestions": suggested, "vectors": {"meaning": vector} if vector else {}}
        log(made, [item])
        time.sleep(0.002)  # each comes in at a time of its own
    return made


def make_dataset(people: People, name: str, *, min_submitted: int = 2) -> Library:
    """An empty published dataset whose workspace all raters share."""
    owner = people.owner
    workspace = ok(owner.post("/workspaces", json={"name": name}))["id"]
    users = {user["username"]: user["id"] for user in ok(owner.get("/users"))["items"]}
    for rater in RATERS:
        ok(owner.post(f"/workspaces/{workspace}/users", json={"user_id": users[rater]}))
    distribution = {"strategy": "overlap", "min_submitted": min_submitted}
    settings = {"name": name, "workspace_id": workspace, "distribution": distribution, "allow_extra_metadata": True}
    dataset = ok(owner.post("/datasets", json=settings))["id"]
    for field_name, kind, required in (("prompt", "text", False), ("answer", "text", True), ("talk", "chat", False)):
        body = {"name": field_name, "title": field_name, "required": required, "settings": {"type": kind}}
        ok(owner.post(f"/datasets/{dataset}/fields", json=body))
    options = {
        "empathy": {"type": "rating", "options": [{"value": value} for value in range(1, 6)]},
        "tone": {"type": "label_selection", "options": [{"value": v, "text": v} for v in ("warm", "cold", "plain")]},
        "themes": {
            "type": "multi_label_selection",
            "options": [{"value": v, "text": v} for v in ("sleep", "work", "family")],
        },
        "note": {"type": "text"},
    }
    for question, how in options.items():
        body = {"name": question, "title": question, "required": question == "empathy", "settings": how}
        ok(owner.post(f"/datasets/{dataset}/questions", json=body))
    for prop, kind in {**VISIBLE, **HIDDEN}.items():
        body = {"name": prop, "title": prop, "settings": {"type": kind}, "visible_for_annotators": prop in VISIBLE}
        ok(owner.post(f"/datasets/{dataset}/metadata-properties", json=body))
    ok(owner.post(f"/datasets/{dataset}/vectors-settings", json={"name": "meaning", "title": "m", "dimensions": 3}))
    ok(owner.put(f"/datasets/{dataset}/publish"))
    return Library(owner, people.raters, dataset, workspace)


def log(library: Library, items: list[dict[str, Any]]) -> list[str]:
    """Upsert records; their ids."""
    found = ok(library.owner.put(f"/datasets/{library.dataset}/records/bulk", json={"items": items}))["items"]
    library.ids.update({record["external_id"]: record["id"] for record in found if record["external_id"]})
    return [record["id"] for record in found]


def respond(client: httpx.Client, record_id: str, status: str = "submitted", empathy: int | None = 3) -> dict[str, Any]:
    """One response as the web page sends it; what came back for it."""
    body = {"record_id": record_id, "status": status, "values": _values(empathy, None, None)}
    return ok(client.post("/me/responses/bulk", json={"items": [body]}))["items"][0]


def remove(library: Library) -> None:
    """Take the dataset and its workspace away."""
    ok(library.owner.delete(f"/datasets/{library.dataset}"))
    ok(library.owner.delete(f"/workspaces/{library.workspace}"))


def ok(answer: httpx.Response) -> Any:
    """The answer's content; an error tells what the server said."""
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def _values(empathy: int | None, tone: str | None, themes: list[str] | None) -> dict[str, Any] | None:
    given = {"empathy": empathy, "tone": tone, "themes": themes}
    return {name: {"value": value} for name, value in given.items() if value is not None} or None
