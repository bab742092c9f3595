"""Bring ratings back from Argilla, over its REST API: submitted answers as RATING rows, everything else counted.

An answer counts when its rater gave it about an item that was given to him, to a question of the template, with a value
that the template knows. What does not is kept aside with its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from annotation.answers import in_characters, read_answers
from annotation.argilla import Argilla
from annotation.rater_dataset import dataset_name, differences, find_dataset, records_on, settings_on
from annotation.tables import DISCARDED, DRAFT, RATING, SUBMITTED
from annotation.task import Task, few, sent_fields, shown_fields
from xinheng.errors import ArgillaError

PENDING: Final = "pending"
# A longer pause between two submissions is a break and says nothing of how long the item took.
BREAK_S: Final = 15 * 60.0

# What did not become a rating, and why. `question` is null where the whole response is meant.
DROPPED: Final = {
    "rater_id": pl.String(),
    "item_id": pl.String(),
    "question": pl.String(),
    "reason": pl.String(),
}
# One row per rater and item given to him: `status` is pending where he left nothing.
STATE: Final = {
    "rater_id": pl.String(),
    "item_id": pl.String(),
    "status": pl.String(),
    "at": pl.Datetime("ms", "UTC"),
    "seconds": pl.Float64(),
}


@dataclass(frozen=True)
class Pulled:
    """What came back: RATING rows, DROPPED rows, STATE rows, and who has no dataset on the server."""

    ratings: pl.DataFrame = field(repr=False)
    dropped: pl.DataFrame = field(repr=False)
    states: pl.DataFrame = field(repr=False)
    without: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many responses there are of each kind, and what was left out."""
        kinds = Counter(self.states["status"])
        return {
            **{kind: kinds[kind] for kind in (SUBMITTED, DRAFT, DISCARDED, PENDING)},
            "ratings": self.ratings.height,
            "dropped": self.dropped.height,
        }


def pull(task: Task, client: Argilla, *, despite_changes: bool = False) -> Pulled:
    """All that the task's raters left on the server.

    Args:
        task: What was sent.
        client: An owner's connection.
        despite_changes: Read also from datasets whose questions, texts or suggestions somebody changed; answers that
            the template does not know are then among the dropped.

    Raises:
        ArgillaError: No rater of the task has a dataset there, or one was changed, or the server is away.
    """
    users = {user["username"]: str(user["id"]) for user in client.get("/users")["items"]}
    names = {identity: name for name, identity in users.items()}
    ratings: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    states: list[pl.DataFrame] = []
    without, changed = [], []
    for rater in task.raters:
        dataset = find_dataset(client, dataset_name(task.name, rater)) if rater in users else None
        if dataset is None:
            without.append(rater)
            states.append(_states(task, rater, {}))
            continue
        records = records_on(client, str(dataset["id"]))
        faults = differences(task, dataset, settings_on(client, str(dataset["id"]))) + _meddled(task, rater, records)
        changed += [f"{dataset['name']}: {fault}" for fault in faults]
        responses, odd = _own_responses(task, rater, users[rater], names, records)
        state = _states(task, rater, responses)
        seconds = {row["item_id"]: row["seconds"] for row in state.iter_rows(named=True)}
        rows, unread = _rows(task, rater, responses, seconds)
        ratings += rows
        dropped += odd + unread
        states.append(state)
    if len(without) == len(task.raters):
        raise ArgillaError(
            client.url, f"nothing of task {task.name} is there", want=f"datasets of {few(task.raters)}",
            mend="Send it first: `xinheng annotate push`.",
        )  # fmt: skip
    if changed and not despite_changes:
        raise ArgillaError(
            client.url, "what raters saw is not what was sent", want="this task, untouched", have=few(changed),
            mend="Undo it on the server's page, or read it as it is with --despite-changes.",
        )  # fmt: skip
    return Pulled(
        pl.DataFrame(ratings, schema=RATING, orient="row").sort("item_id", "rater_id", "question"),
        pl.DataFrame(dropped, schema=DROPPED, orient="row").sort("rater_id", "item_id", "question"),
        pl.concat(states),
        tuple(without),
        tuple(changed),
    )


def _meddled(task: Task, rater: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What somebody did to the records themselves."""
    given = task.given_to(rater).iter_rows(named=True)
    wanted = {row["item_id"]: sent_fields(row["shown"], task.template) for row in given}
    texts = sum(
        record.get("external_id") in wanted and record["fields"] != wanted[str(record["external_id"])]
        for record in records
    )
    suggested = sum(bool(record.get("suggestions")) for record in records)
    return [
        *([f"{texts:,} records with another text"] if texts else []),
        *([f"suggestions on {suggested:,} records, which their rater saw"] if suggested else []),
    ]


def _own_responses(
    task: Task, rater: str, user_id: str, names: Mapping[str, str], records: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The rater's responses by item, and those that are none of his or about none of his items."""
    given = set(task.given_to(rater)["item_id"])
    own: dict[str, dict[str, Any]] = {}
    odd = []
    for record in records:
        item = str(record.get("external_id") or record["id"])
        for response in record.get("responses") or ():
            whose = response.get("user_id")
            if whose is None or str(whose) != user_id:
                who = names.get(str(whose), "a deleted account")
                odd.append(_drop(rater, item, None, f"not the rater's: from {who}"))
            elif item not in given:
                odd.append(_drop(rater, item, None, "not given to this rater"))
            else:
                own[item] = dict(response)
    return own, odd


def _states(task: Task, rater: str, responses: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """STATE rows of one rater, in the order of his items."""
    at = {item: _time(response.get("updated_at")) for item, response in responses.items()}
    seconds = seconds_taken({item: at[item] for item, one in responses.items() if one["status"] == SUBMITTED})
    rows = [
        {
            "rater_id": rater,
            "item_id": item,
            "status": responses[item]["status"] if item in responses else PENDING,
            "at": at.get(item),
            "seconds": seconds.get(item),
        }
        for item in task.given_to(rater)["item_id"]
    ]
    return pl.DataFrame(rows, schema=STATE, orient="row")


def seconds_taken(submitted: Mapping[str, datetime | None]) -> dict[str, float | None]:
    """How long each item took: from the submission before it to its own.

    The server stores no more than when an answer was last saved. The first item has none before it, and a pause of
    more than 15 minutes is a break: both are null, and so are answers saved at the same moment.

    >>> a, b = datetime(2026, 1, 1, 9, 0, tzinfo=UTC), datetime(2026, 1, 1, 9, 1, tzinfo=UTC)
    >>> seconds_taken({"x": b, "y": a})
    {'y': None, 'x': 60.0}
    """
    ordered = sorted((at, item) for item, at in submitted.items() if at is not None)
    taken: dict[str, float | None] = dict.fromkeys((item for item, at in submitted.items() if at is None))
    before: datetime | None = None
    for at, item in ordered:
        passed = (at - before) / timedelta(seconds=1) if before is not None else None
        taken[item] = passed if passed is not None and 0 < passed <= BREAK_S else None
        before = at
    return taken


def _rows(
    task: Task, rater: str, responses: Mapping[str, Mapping[str, Any]], seconds: Mapping[str, float | None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """RATING rows of a rater's submitted responses, and the answers that the template does not know."""
    rows, dropped = [], []
    kept = [name for name in RATING if name in task.items.columns]
    for item in task.given_to(rater).iter_rows(named=True):
        response = responses.get(item["item_id"])
        if response is None or response["status"] != SUBMITTED:
            continue
        about = {name: item[name] for name in kept}
        fields = shown_fields(item["shown"])
        found, odd = read_answers(task.template, in_characters(task.template, response.get("values"), fields), fields)
        dropped += [_drop(rater, item["item_id"], question, reason) for question, reason in odd]
        rows += [
            {
                **about,
                "rater_id": rater,
                "question": question,
                "value": float(answer) if isinstance(answer, int) else None,
                "answer": json.dumps(answer, ensure_ascii=False),
                "status": SUBMITTED,
                "submitted_at": _time(response.get("updated_at")),
                "seconds": seconds.get(item["item_id"]),
            }
            for question, answer in found
        ]
    return rows, dropped


def _drop(rater: str, item: str, question: str | None, reason: str) -> dict[str, Any]:
    return {"rater_id": rater, "item_id": item, "question": question, "reason": reason}


def _time(told: object) -> datetime | None:
    """A time of the server, which writes UTC without saying so."""
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
