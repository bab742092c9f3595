"""A small dataset on a real server, for tests of the server itself."""

from __future__ import annotations

import httpx


def make_dataset(owner: httpx.Client, name: str, texts: list[str], raters: tuple[str, ...]) -> str:
    """A published dataset with one rating question, the raters in its workspace; its id."""
    workspace = owner.post("/workspaces", json={"name": name}).raise_for_status().json()["id"]
    everybody = {user["username"]: user["id"] for user in owner.get("/users").raise_for_status().json()["items"]}
    for rater in raters:
        owner.post(f"/workspaces/{workspace}/users", json={"user_id": everybody[rater]}).raise_for_status()
    body = {"name": name, "workspace_id": workspace, "distribution": {"strategy": "overlap", "min_submitted": 1}}
    dataset = str(owner.post("/datasets", json=body).raise_for_status().json()["id"])
    field = {"name": "text", "title": "text", "required": True, "settings": {"type": "text", "use_markdown": False}}
    owner.post(f"/datasets/{dataset}/fields", json=field).raise_for_status()
    settings = {"type": "rating", "options": [{"value": value} for value in range(1, 6)]}
    question = {"name": "empathy", "title": "empathy", "required": True, "settings": settings}
    owner.post(f"/datasets/{dataset}/questions", json=question).raise_for_status()
    owner.put(f"/datasets/{dataset}/publish").raise_for_status()
    items = [{"fields": {"text": text}, "external_id": f"i{number}"} for number, text in enumerate(texts)]
    owner.post(f"/datasets/{dataset}/records/bulk", json={"items": items}).raise_for_status()
    return dataset


def record_ids(owner: httpx.Client, dataset: str) -> list[str]:
    """The dataset's records."""
    found = owner.get(f"/datasets/{dataset}/records", params={"limit": 1000}).raise_for_status().json()["items"]
    return [record["id"] for record in found]


def rate(rater: httpx.Client, record: str, value: int) -> httpx.Response:
    """Submit one answer."""
    body = {"values": {"empathy": {"value": value}}, "status": "submitted"}
    return rater.post(f"/records/{record}/responses", json=body)


def answers(owner: httpx.Client, dataset: str) -> dict[str, list[int]]:
    """Record to the values submitted for it."""
    wanted = {"limit": 1000, "include": "responses"}
    found = owner.get(f"/datasets/{dataset}/records", params=wanted).raise_for_status().json()["items"]
    return {
        record["id"]: [response["values"]["empathy"]["value"] for response in record["responses"]] for record in found
    }
