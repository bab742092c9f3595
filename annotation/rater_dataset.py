"""One rater's dataset on an Argilla server: what it is called, what it asks, and whether it still is what was sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from annotation.argilla import Argilla
from annotation.task import OPINIONS, Task, words
from annotation.templates import FIELD_TITLES, Question
from xinheng.errors import ArgillaError

POSITION: Final = "xh_position"
PAGE: Final = 500

_TYPES: Final[Mapping[str, str]] = {
    "rating": "rating",
    "label": "label_selection",
    "multi_label": "multi_label_selection",
    "text": "text",
    "span": "span",
}
# Limits of the server.
_DESCRIPTION_LIMIT: Final = 1_000
_TITLE_LIMIT: Final = 500
_GUIDELINES_LIMIT: Final = 10_000
_TITLES: Final = {**FIELD_TITLES, OPINIONS: {"zh-Hant": "各評分者的評分與理由", "en": "What raters gave, and why"}}


def dataset_name(task: str, rater_id: str) -> str:
    """What a rater's workspace and dataset are called.

    Letters that older servers refuse in names become dashes, with a digest so that no two tasks meet.

    >>> dataset_name("plan-1", "wang")
    'plan-1-wang'
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", task).strip("-_")
    if not plain or plain != task:
        plain = f"{plain}-{hashlib.sha256(task.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}".lstrip("-")
    return f"{plain}-{rater_id}"


def fields_of(task: Task) -> list[dict[str, Any]]:
    """The fields to make, as the server takes them: plain text always, so that hostile text stays text."""
    shown = [{cell["field"] for cell in cells or ()} for cells in task.items["shown"].to_list()]
    return [
        {
            "name": name,
            "title": words(_TITLES.get(name, {}), task.language, name),
            "required": all(name in names for names in shown),
            "settings": {"type": "text", "use_markdown": False},
        }
        for name in task.fields
    ]


def questions_of(task: Task) -> list[dict[str, Any]]:
    """The questions to make, as the server takes them."""
    return [_question(question, task.language) for question in task.template.questions]


def guidelines_of(task: Task) -> str:
    """The guidelines, as Markdown; cut with a word where the server takes no more."""
    text = words(task.template.guidelines, task.language, task.template.name)
    return text if len(text) <= _GUIDELINES_LIMIT else text[: _GUIDELINES_LIMIT - 2] + " …"


def _question(question: Question, language: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": _TYPES[question.kind]}
    if question.kind == "rating":
        settings["options"] = [{"value": int(value.value)} for value in question.values]
    elif question.kind == "text":
        settings["use_markdown"] = False
    else:
        settings["options"] = [_option(value, language) for value in question.values]
        if question.kind == "span":
            settings |= {"field": question.about, "allow_overlapping": True}
    made = {
        "name": question.name,
        "title": words(question.title, language, question.name)[:_TITLE_LIMIT],
        "required": question.required,
        "settings": settings,
    }
    if text := _description(question, language):
        made["description"] = text
    return made


def _description(question: Question, language: str) -> str:
    """What stands under a question: its hint, and each grade's anchor while the server takes so much.

    The server keeps no words with a grade; where the anchors do not fit they stand in the guidelines alone.
    """
    hint = words(question.hint, language)[:_DESCRIPTION_LIMIT]
    colon = "：" if language.startswith("zh") else ": "
    anchored = [value for value in question.values if value.anchor] if question.kind == "rating" else []
    anchors = "\n".join(f"{value.value}{colon}{words(value.anchor, language)}" for value in anchored)
    both = "\n".join(part for part in (hint, anchors) if part)
    return both if len(both) <= _DESCRIPTION_LIMIT else hint


def _option(value: Any, language: str) -> dict[str, Any]:
    option = {"value": value.value, "text": words(value.title, language, value.value)[:_TITLE_LIMIT]}
    anchor = words(value.anchor, language)[:_DESCRIPTION_LIMIT]
    return {**option, "description": anchor} if anchor else option


def find_dataset(client: Argilla, name: str) -> dict[str, Any] | None:
    """The dataset of this name in the workspace of this name, None where there is none."""
    workspace = find_workspace(client, name)
    if workspace is None:
        return None
    found = client.get("/me/datasets", workspace_id=workspace["id"])["items"]
    return next((one for one in found if one["name"] == name), None)


def find_workspace(client: Argilla, name: str) -> dict[str, Any] | None:
    """The workspace of this name, None where there is none."""
    return next((one for one in client.get("/me/workspaces")["items"] if one["name"] == name), None)


def settings_on(client: Argilla, dataset_id: str) -> dict[str, list[dict[str, Any]]]:
    """A dataset's fields, questions and metadata properties, as the server tells them."""
    return {
        "fields": client.get(f"/datasets/{dataset_id}/fields")["items"],
        "questions": client.get(f"/datasets/{dataset_id}/questions")["items"],
        "metadata": client.get(f"/me/datasets/{dataset_id}/metadata-properties")["items"],
    }


def differences(task: Task, dataset: Mapping[str, Any], found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """On what a dataset differs from what the task sends, one phrase each; empty where it is the same.

    What is missing of a draft is no difference: an interrupted push left it.
    """
    ready = dataset.get("status") == "ready"
    told: list[str] = []
    for kind, wanted in (("fields", fields_of(task)), ("questions", questions_of(task))):
        there = {str(one["name"]): one for one in found[kind]}
        for one in wanted:
            same = there.pop(one["name"], None)
            if same is not None:
                told += [f"{kind[:-1]} {one['name']}: another {part}" for part in _unlike(one, same)]
            elif ready:
                told.append(f"{kind[:-1]} {one['name']} is missing")
        told += [f"{kind[:-1]} {name} is not the task's" for name in there]
    distribution = dataset.get("distribution") or {"strategy": "overlap", "min_submitted": 1}
    if distribution.get("strategy") != "overlap" or distribution.get("min_submitted") != 1:
        told.append(f"an item is done after {distribution.get('min_submitted')} answers instead of 1")
    for kept in found["metadata"]:
        if kept.get("name") != POSITION:
            told.append("metadata that the task does not send")
        elif kept.get("visible_for_annotators"):
            told.append(f"{POSITION} is shown to raters")
    if (dataset.get("guidelines") or "") != guidelines_of(task):
        told.append("other guidelines")
    return told


def _unlike(wanted: Mapping[str, Any], have: Mapping[str, Any]) -> list[str]:
    """Which parts of a field or question differ; what the server adds of its own is none."""
    mine, theirs = wanted["settings"], have.get("settings") or {}
    parts = [part for part in ("title", "required") if have.get(part) != wanted[part]]
    parts += ["description"] if (have.get("description") or None) != wanted.get("description") else []
    parts += [part for part in ("type", "use_markdown", "field") if part in mine and theirs.get(part) != mine[part]]
    if "options" in mine:
        options = [_bare(option) for option in theirs.get("options") or ()]
        parts += ["list of answers"] if options != [_bare(option) for option in mine["options"]] else []
    return parts


def _bare(option: Mapping[str, Any]) -> dict[str, Any]:
    return {part: option[part] for part in ("value", "text", "description") if option.get(part) is not None}


def records_on(client: Argilla, dataset_id: str) -> list[dict[str, Any]]:
    """All records of a dataset with responses and suggestions, by `external_id`.

    Pages of a server are ordered by time alone, so that a record may stand on two pages or on none: what was read
    counts only when it is as many different records as the server says it holds.

    Raises:
        ArgillaError: Somebody changes the dataset faster than it can be read.
    """
    for _ in range(5):
        found: dict[str, dict[str, Any]] = {}
        offset, total = 0, None
        while total is None or offset < total:
            page = client.get(
                f"/datasets/{dataset_id}/records", offset=offset, limit=PAGE, include="responses,suggestions"
            )
            found |= {str(record["id"]): record for record in page["items"]}
            total = int(page["total"])
            offset += PAGE
        if len(found) == total:
            return sorted(found.values(), key=lambda record: (record.get("external_id") or "", str(record["id"])))
    raise ArgillaError(
        client.url,
        "a dataset changes while it is read",
        want=f"{total:,} records",
        have=f"{len(found):,}",
        mend="Wait until nobody adds or deletes records, then run the command again.",
    )


def page_url(client: Argilla, dataset_id: str) -> str:
    """Where a rater works: his queue, in the order of his items (without it each server shuffles as it likes)."""
    return f"{client.url}/dataset/{dataset_id}/annotation-mode?page=1&status=pending&sort=record.inserted_at.asc"
