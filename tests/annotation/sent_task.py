"""What tests of an Argilla share: a task sent, a rater's view, a rater's dataset."""

from __future__ import annotations

from typing import Any

from annotation.argilla import Argilla
from annotation.push import Pushed, push
from annotation.rater_dataset import dataset_name, find_dataset, settings_on
from annotation.task import Task
from tests.annotation.made_task import Rater


def sent(made: Task, client: Argilla, **more: Any) -> list[Pushed]:
    return push(made, client, **{"create_raters": True, "on_password": lambda *_: None, **more})


def rater(client: Argilla, name: str) -> Rater:
    users = {user["username"]: user for user in client.get("/users")["items"]}
    return Rater(client.url, users[name]["api_key"])


def dataset(client: Argilla, made: Task, name: str) -> dict[str, Any]:
    found = find_dataset(client, dataset_name(made.name, name))
    assert found is not None
    return found


def question(client: Argilla, made: Task, name: str) -> dict[str, Any]:
    asked = settings_on(client, dataset(client, made, "ann")["id"])["questions"]
    return next(one for one in asked if one["name"] == name)
