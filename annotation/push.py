"""Send a rating task to Argilla: a workspace and a dataset for each rater, with his items in his order.

Every step looks before it makes, and no record is sent that is there already: an interrupted push is run again and goes
on where it was. Systems, cases and judges' scores stay in the task: a rater's API view of a record holds its metadata
too, hidden or not, so that nothing goes there but the item's place in his order.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from annotation.argilla import Argilla, Refused, Unsure
from annotation.rater_dataset import (
    POSITION,
    dataset_name,
    differences,
    fields_of,
    find_dataset,
    find_workspace,
    guidelines_of,
    page_url,
    questions_of,
    records_on,
    settings_on,
)
from annotation.sending import send
from annotation.task import Task, few, sent_fields
from xinheng.errors import ArgillaError

_TRIES: Final = 4
_WAIT_S: Final = 0.1
# What a server says when somebody else made the same a moment before: of two at once one may meet an error of its own.
_TAKEN: Final = frozenset({409, 422, 500})


@dataclass(frozen=True)
class Pushed:
    """What one rater now has on the server.

    Args:
        rater_id: Who.
        dataset: Its name, which is the workspace's too.
        url: Where the rater works.
        sent: Records sent by this push.
        there: Records that were there already.
        bad: Records that were not taken: item_id and why.
    """

    rater_id: str
    dataset: str
    url: str
    sent: int
    there: int
    bad: Sequence[tuple[str, str]] = field(default=())


def push(
    task: Task,
    client: Argilla,
    *,
    create_raters: bool,
    on_password: Callable[[str, str], None],
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Pushed]:
    """What every rater now has on the server, in order of name; run again, it sends only what is missing.

    Args:
        task: What to send.
        client: An owner's connection.
        create_raters: Whether accounts that are missing are made.
        on_password: Told a new rater's name and one-time password, at once and once.
        on_progress: Told a rater's name, how many of his records the server has, and how many there are.

    Raises:
        ArgillaError: Accounts are missing or are not raters', the server holds another task of this name, it was
            changed there, or it cannot be reached. What was sent stays, and a second push goes on from there.
    """
    users = _accounts(task, client, create_raters=create_raters, on_password=on_password)
    return [_push_rater(task, client, rater, users[rater], on_progress) for rater in task.raters]


def _accounts(
    task: Task, client: Argilla, *, create_raters: bool, on_password: Callable[[str, str], None]
) -> dict[str, dict[str, Any]]:
    """Each rater's account, made where it is missing and may be; all that is wrong is told before anything is made."""
    known = {user["username"]: user for user in client.get("/users")["items"]}
    powerful = [rater for rater in task.raters if rater in known and known[rater]["role"] != "annotator"]
    if powerful:
        raise ArgillaError(
            client.url, f"accounts that see more than a rater may: {few(powerful)}", want="the role annotator",
            have="owner or admin", mend="Plan with other names, or let an owner change their role.",
        )  # fmt: skip
    missing = [rater for rater in task.raters if rater not in known]
    if missing and not create_raters:
        raise ArgillaError(
            client.url, f"no account for {few(missing)}", want="an annotator account for every rater",
            mend="Run it with --create-raters, or let the deployment's owner make them.",
        )  # fmt: skip
    for rater in missing:
        known[rater] = _made_account(client, rater, on_password)
    return known


def _made_account(client: Argilla, rater: str, on_password: Callable[[str, str], None]) -> dict[str, Any]:
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    body = {"username": rater, "first_name": rater, "role": "annotator", "password": password}

    def find() -> dict[str, Any] | None:
        return next((user for user in client.get("/users")["items"] if user["username"] == rater), None)

    try:
        user: dict[str, Any] = client.post("/users", body)
    except Unsure:
        # The password is ours only if the account is; a second one would be refused as taken.
        found = find()
        user = found if found is not None else client.post("/users", body)
    except Refused as refused:
        if refused.status not in _TAKEN or (found := find()) is None:
            raise
        return found  # another push made it, and told its password
    on_password(rater, password)
    return user


def _push_rater(
    task: Task,
    client: Argilla,
    rater: str,
    user: Mapping[str, Any],
    on_progress: Callable[[str, int, int], None],
) -> Pushed:
    name = dataset_name(task.name, rater)
    workspace = _ensure(lambda: find_workspace(client, name), lambda: client.post("/workspaces", {"name": name}))
    _only_member(client, workspace, user)
    dataset = _ensure(
        lambda: find_dataset(client, name),
        lambda: client.post(
            "/datasets",
            {
                "name": name,
                "workspace_id": workspace["id"],
                "guidelines": guidelines_of(task),
                "allow_extra_metadata": False,
                "distribution": {"strategy": "overlap", "min_submitted": 1},
            },
        ),
    )
    _require_same(task, client, dataset)
    if dataset["status"] != "ready":
        dataset = _completed(task, client, dataset)
    items = task.given_to(rater)
    there = _known_records(task, client, dataset, items)
    before = len(there)
    bad = send(client, str(dataset["id"]), items, task.template, there, lambda n: on_progress(rater, n, items.height))
    return Pushed(rater, name, page_url(client, str(dataset["id"])), len(there) - before, before, bad)


def _ensure(
    find: Callable[[], dict[str, Any] | None], make: Callable[[], dict[str, Any]], *, absent: bool = False
) -> dict[str, Any]:
    """What is there, or what was made; when nobody knows whether it was made, a look tells.

    Args:
        find: What is there, or None.
        make: Makes it.
        absent: Whether it is known not to be there, so that the first look is spared.
    """
    for attempt in range(_TRIES):
        found = None if absent and not attempt else find()
        if found is not None:
            return found
        try:
            return make()
        except Unsure:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_WAIT_S * 2**attempt)
        except Refused as refused:
            if refused.status not in _TAKEN or attempt == _TRIES - 1:
                raise
    raise AssertionError  # pragma: no cover


def _only_member(client: Argilla, workspace: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Make the rater the only member of his workspace: who is a member sees every record of it."""
    path = f"/workspaces/{workspace['id']}/users"

    def find() -> dict[str, Any] | None:
        members = {one["id"]: one for one in client.get(path)["items"]}
        others = [one["username"] for one in members.values() if one["id"] != user["id"] and one["role"] != "owner"]
        if others:
            raise ArgillaError(
                client.url, f"workspace {workspace['name']} has other members", want="its rater alone",
                have=few(sorted(others)), mend="Take them out on the server's page: raters must not see each other.",
            )  # fmt: skip
        return members.get(user["id"])

    _ensure(find, lambda: client.post(path, {"user_id": user["id"]}))


def _require_same(task: Task, client: Argilla, dataset: Mapping[str, Any]) -> None:
    changed = differences(task, dataset, settings_on(client, str(dataset["id"])))
    if changed:
        raise ArgillaError(
            client.url, f"dataset {dataset['name']} asks something else", want="the questions of this task",
            have=few(changed), mend="Undo the change on the server's page, or plan a task of another name.",
        )  # fmt: skip


def _completed(task: Task, client: Argilla, dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The dataset with all it asks, open for records; what an interrupted push had made of it is kept."""
    base = f"/datasets/{dataset['id']}"
    position = {
        "name": POSITION,
        "title": POSITION,
        "settings": {"type": "integer"},
        "visible_for_annotators": False,
    }
    parts = [("fields", f"{base}/fields", one) for one in fields_of(task)]
    parts += [("questions", f"{base}/questions", one) for one in questions_of(task)]
    parts += [("metadata", f"{base}/metadata-properties", position)]
    there = settings_on(client, str(dataset["id"]))
    for kind, path, wanted in parts:
        if any(one["name"] == wanted["name"] for one in there[kind]):
            continue

        def find(kind: str = kind, wanted: Mapping[str, Any] = wanted) -> dict[str, Any] | None:
            found = settings_on(client, str(dataset["id"]))[kind]
            return next((one for one in found if one["name"] == wanted["name"]), None)

        _ensure(find, lambda path=path, wanted=wanted: client.post(path, wanted), absent=True)  # type: ignore[misc]

    def ready() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(base)
        return found if found["status"] == "ready" else None

    return _ensure(ready, lambda: client.put(f"{base}/publish"))


def _known_records(task: Task, client: Argilla, dataset: Mapping[str, Any], items: pl.DataFrame) -> set[str]:
    """The items that the dataset holds already, word for word.

    Raises:
        ArgillaError: It holds records of something else, changed ones, or suggestions.
    """
    wanted = {row["item_id"]: sent_fields(row["shown"], task.template) for row in items.iter_rows(named=True)}
    records = records_on(client, str(dataset["id"]))
    strange = [str(record.get("external_id") or record["id"]) for record in records]
    strange = [item for item in strange if item not in wanted]
    changed = [
        str(record["external_id"])
        for record in records
        if record.get("external_id") in wanted and record["fields"] != wanted[str(record["external_id"])]
    ]
    suggested = [str(record.get("external_id")) for record in records if record.get("suggestions")]
    faults = [
        f"{len(strange):,} records of another task" if strange else "",
        f"{len(changed):,} records with another text ({few(changed)})" if changed else "",
        f"suggestions, which raters see, on {len(suggested):,} records" if suggested else "",
    ]
    if told := "; ".join(fault for fault in faults if fault):
        raise ArgillaError(
            client.url, f"dataset {dataset['name']} is not as it was sent", want="this task's records, untouched",
            have=told, mend="Delete it on the server's page if nobody rated in it, or plan a task of another name.",
        )  # fmt: skip
    return {str(record["external_id"]) for record in records}
