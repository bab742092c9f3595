"""A small rating task with every kind of question, made by hand, and a rater who answers over his own API."""

from __future__ import annotations

import atexit
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from annotation.tables import ASSIGNMENT, GOLD, ITEM, TASK
from annotation.task import Task, read_task
from annotation.templates import Question, Template, Value
from xinheng.artifacts import Artifact, write

RATERS = ("ann", "bob", "cleo")
SECRET_SYSTEM = "secret-system-7b"
HOSTILE = "<script>alert(1)</script> **粗體** [點我](javascript:alert(2)) <img src=x onerror=alert(3)>"


def grade(number: int) -> Value:
    """A grade with its anchor."""
    return Value(str(number), {"zh-Hant": f"{number} 分", "en": str(number)}, {"zh-Hant": f"第{number}級", "en": "…"})


TEMPLATE = Template(
    name="made",
    version="1",
    layout="answer",
    title={"zh-Hant": "試評", "en": "A trial"},
    guidelines={"zh-Hant": "# 評分說明\n請依感受作答。", "en": "# Guidelines\nRate it."},
    questions=(
        Question("empathy", "rating", {"zh-Hant": "同理", "en": "Empathy"}, tuple(grade(n) for n in range(1, 6))),
        Question(
            "stage",
            "label",
            {"zh-Hant": "階段", "en": "Stage"},
            (Value("early", {"zh-Hant": "前段", "en": "Early"}), Value("late", {"zh-Hant": "後段", "en": "Late"})),
        ),
        Question(
            "flags",
            "multi_label",
            {"zh-Hant": "疑慮", "en": "Flags"},
            tuple(Value(name, {"zh-Hant": name, "en": name}) for name in ("diagnosis", "blame", "none_found")),
            required=False,
        ),
        Question(
            "evidence",
            "span",
            {"zh-Hant": "證據", "en": "Evidence"},
            (Value("harm", {"zh-Hant": "傷害", "en": "Harm"}),),
            required=False,
            about="reply",
        ),
        Question("remark", "text", {"zh-Hant": "理由", "en": "Remark"}, required=False),
    ),
)


def items(n: int, *, texts: Mapping[int, str] | None = None) -> pl.DataFrame:
    """ITEM rows; the first shows hostile text, and every one hides a system and a judge's score."""
    told = {0: HOSTILE, **(texts or {})}
    rows = [
        {
            "item_id": f"i{number:05}",
            "case_id": f"case-{number}",
            "group_id": f"group-{number // 2}",
            "system": SECRET_SYSTEM,
            "left_system": None,
            "right_system": None,
            "stratum": "all",
            "language": "zh-Hant",
            "role": "plain",
            "repeats": None,
            "shown": [
                {"field": "conversation", "text": f"來談者：我最近睡不好（{number}）"},
                {"field": "reply", "text": told.get(number, f"聽起來很辛苦，第 {number} 則回應。")},
            ],
            "hidden": json.dumps({"judge": {"empathy": 4.321}}),
        }
        for number in range(n)
    ]
    return pl.DataFrame(rows, schema=ITEM, orient="row")


def made(
    folder: Path,
    *,
    name: str = "made",
    n: int = 6,
    raters: Sequence[str] = RATERS,
    template: Template = TEMPLATE,
    item: pl.DataFrame | None = None,
) -> Artifact:
    """A rating task on disk: every rater rates every item, each in another order."""
    rows = items(n) if item is None else item
    ids = rows["item_id"].to_list()
    assignment = pl.DataFrame(
        [
            {"rater_id": rater, "item_id": ids[(place + shift) % len(ids)], "position": place}
            for shift, rater in enumerate(raters)
            for place in range(len(ids))
        ],
        schema=ASSIGNMENT,
        orient="row",
    )
    facts = {"template": asdict(template), "language": "zh-Hant"}
    tables = {"item": rows, "assignment": assignment, "gold": pl.DataFrame(schema=GOLD)}
    return write(folder, kind=TASK, name=name, tables=tables, facts=facts)


def task(folder: Path, **more: Any) -> Task:
    """As `made`, opened."""
    return read_task(made(folder, **more))


@cache
def client(url: str, key: str) -> httpx.Client:
    """One connection per key for the whole test run."""
    made = httpx.Client(base_url=f"{url}/api/v1", headers={"X-Argilla-Api-Key": key}, timeout=60, trust_env=False)
    atexit.register(made.close)
    return made


class Rater:
    """A rater as his browser talks to the server: with his own key."""

    def __init__(self, url: str, key: str) -> None:
        self.http = client(url, key)

    def datasets(self) -> list[dict[str, Any]]:
        """What he sees."""
        return list(self.http.get("/me/datasets").json()["items"])

    def queue(self, dataset_id: str, *, limit: int = 1000) -> list[dict[str, Any]]:
        """His pending records, as his page asks for them: in the order of the address that `push` told."""
        body = {
            "filters": {
                "and": [
                    {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
                    {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
                ]
            },
            "sort": [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "asc"}],
        }
        path = f"/me/datasets/{dataset_id}/records/search"
        answer = self.http.post(path, params={"limit": limit, "include": "responses,suggestions"}, json=body)
        answer.raise_for_status()
        return [one["record"] for one in answer.json()["items"]]

    def answer(self, record_id: str, values: Mapping[str, Any] | None, *, status: str = "submitted") -> None:
        """Rate one record."""
        body = {
            "status": status,
            "values": None if values is None else {name: {"value": value} for name, value in values.items()},
        }
        self.http.post(f"/records/{record_id}/responses", json=body).raise_for_status()

    def answer_all(self, dataset_id: str, values: Mapping[str, Any], *, most: int = 1000) -> int:
        """Rate the first of his queue alike; how many there were."""
        records = self.queue(dataset_id)[:most]
        for record in records:
            self.answer(record["id"], values)
        return len(records)
