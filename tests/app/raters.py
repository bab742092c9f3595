"""Ratings as raters would leave them, for the tests of what becomes of them: a task's items answered by rule."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from annotation.tables import GOLD, ITEM, RATING, RATINGS, SUBMITTED, TASK
from annotation.templates import Question, template
from xinheng.artifacts import Artifact, write

BEGAN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Say = Callable[[Mapping[str, Any], str, Question], Any]


def item(item_id: str, case_id: str, **more: Any) -> dict[str, Any]:
    """An ITEM row; a plain one of a dialogue of its own unless said otherwise."""
    plain = {
        "item_id": item_id, "case_id": case_id, "group_id": case_id, "system": None, "left_system": None,
        "right_system": None, "stratum": "all", "language": "en", "role": "plain", "repeats": None, "shown": [],
        "hidden": None,
    }  # fmt: skip
    return {**plain, **more}


def items(
    n: int, *, systems: Sequence[str] = ("base", "tuned"), repeats: int = 3, gold: int = 2
) -> list[dict[str, Any]]:
    """Items of answers: each case by each system, some of them shown again, and some planted."""
    plain = [item(f"i{c:03}{s}", f"c{c:03}", system=name) for c in range(n) for s, name in enumerate(systems)]
    again = [{**one, "item_id": f"r{one['item_id']}", "role": "repeat", "repeats": one["item_id"]} for one in plain]
    planted = [item(f"g{number}", f"gold{number}", role="gold", system=systems[0]) for number in range(gold)]
    return plain + again[:repeats] + planted


def graded(seed: int = 0) -> Say:
    """Grades that hang on the item, the rater (`c` is severe) and chance; the first label, or none, of the others."""

    def say(one: Mapping[str, Any], rater: str, question: Question) -> Any:
        case = one["repeats"] or one["item_id"]
        chance = random.Random(f"{seed} {one['item_id']} {rater} {question.name}")
        if question.kind == "rating":
            worth = random.Random(f"{seed} {case} {question.name}").choice([3, 4, 4, 5, 5])
            grade = worth + chance.choice([-1, 0, 0, 0, 1]) - (rater == "c")
            low, high = question.scale
            return max(low, min(high, grade))
        if question.kind == "text":
            return "something private"
        return question.values[0].value if question.kind == "label" else []

    return say


def rated(
    place: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    name: str = "plan",
    raters: Sequence[str] = ("a", "b", "c"),
    say: Say | None = None,
    gold: Sequence[tuple[str, str, Any]] = (),
    timed: bool = True,
    facts: Mapping[str, Any] | None = None,
    parents: Sequence[Artifact] = (),
) -> Artifact:
    """A task and its ratings, below `place`: the ratings' artifact is `place / "ratings"`."""
    asked, answer = template(name), say or graded()
    order = {rater: random.Random(rater).sample(range(len(rows)), len(rows)) for rater in raters}
    assigned = [
        {"rater_id": rater, "item_id": rows[i]["item_id"], "position": position}
        for rater in raters
        for position, i in enumerate(order[rater])
    ]
    kept = [column for column in RATING if column in ITEM]
    found = []
    for rater in raters:
        for position, i in enumerate(order[rater]):
            at = BEGAN + timedelta(seconds=40 * position) if timed else None
            for question in asked.questions:
                value = answer(rows[i], rater, question)
                if value is not None:
                    found.append({
                        **{column: rows[i][column] for column in kept}, "rater_id": rater, "question": question.name,
                        "value": float(value) if question.kind == "rating" else None, "answer": json.dumps(value),
                        "status": SUBMITTED, "submitted_at": at, "seconds": 40.0 if timed else None,
                    })  # fmt: skip
    planted = [{"item_id": i, "question": q, "answer": json.dumps(v)} for i, q, v in gold]
    task = write(
        place / "task", kind=TASK, name="study", parents=parents,
        tables={
            "item": pl.DataFrame(rows, schema=ITEM),
            "assignment": pl.DataFrame(assigned).with_columns(pl.col("position").cast(pl.UInt32)),
            "gold": pl.DataFrame(planted, schema=GOLD),
        },
        facts={"title": {"en": "Study", "zh": "研究"}, "template": asdict(asked), **(facts or {})},
    )  # fmt: skip
    return write(
        place / "ratings", kind=RATINGS, name="study", parents=[task],
        tables={"rating": pl.DataFrame(found, schema=RATING)},
        facts={
            "title": {"en": "Study", "zh": "研究"}, "template": asdict(asked),
            "counts": {"submitted": 10, "draft": 2, "discarded": 1},
            "task": {"name": "study", "place": str(task.path), "digest": task.digest},
        },
    )  # fmt: skip
