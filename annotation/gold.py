"""Items whose right answers are known: a file of them read, every mistake in it named with its line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.candidates import Pool, rows_of
from annotation.showing import cells, conversation, messages_of
from annotation.templates import Question, Template
from xinheng.errors import InputError
from xinheng.text import language_of

_TEXTS: Final = ("conversation", "reply", "left", "right", "dialogue", "turn", "tags")
_KEYS: Final = {"case_id", "system", "left_system", "right_system", "answers", "language", *_TEXTS}
_MOST_TOLD: Final = 20


@dataclass(frozen=True)
class Gold:
    """Gold items with their answers, and the cases that must not be drawn as well.

    Args:
        items: Rows as `candidates.rows_of` gives them, each with question to answer.
        cases: Of the pool, that are shown as gold.
    """

    items: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = field(repr=False, default=())
    cases: frozenset[str] = frozenset()


def read_gold(body: bytes, pool: Pool, template: Template, *, who: str, language: str, seed: int) -> Gold:
    """Gold from JSON Lines, each with `answers`: question to answer.

    A line names a case of the pool (`case_id`, and `system` where there are several), which is then not drawn as well,
    or holds texts of its own under the names of the template's fields.

    Args:
        body: The file's bytes.
        pool: What the other items are drawn from.
        template: What is asked.
        who: The file, for messages.
        language: Of turn marks.
        seed: Of the sides of pairs.

    Raises:
        InputError: The file cannot be read, or some lines have mistakes; line and kind are told, no text.
    """
    try:
        lines = body.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(who, "not UTF-8", have=f"byte {error.start}", mend="Save it as UTF-8.") from None
    wrong: list[str] = []
    items: list[tuple[dict[str, Any], dict[str, Any]]] = []
    cases: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        told, faults = _parsed(line, template)
        row, more = (None, []) if faults else _row(told, pool, template, language, seed, number)
        if more or row is None:
            wrong += [f"line {number}: {fault}" for fault in [*faults, *more]]
            continue
        items.append((row, dict(told["answers"])))
        if "case_id" in told:
            cases.add(told["case_id"])
    if wrong or not items:
        have = "; ".join(wrong[:_MOST_TOLD]) + (f"; and {len(wrong) - _MOST_TOLD} more" * (len(wrong) > _MOST_TOLD))
        raise InputError(
            who, "gold items that cannot be planted", want="case_id or texts, and answers, on each line",
            have=have or "no line", mend="See docs/annotation.md.",
        )  # fmt: skip
    return Gold(tuple(items), frozenset(cases))


def _parsed(line: str, template: Template) -> tuple[dict[str, Any], list[str]]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}, ["no JSON"]
    if not isinstance(told, dict) or not isinstance(told.get("answers"), dict) or not told["answers"]:
        return {}, ["no answers"]
    wrong = [f"unknown key {key!r}" for key in told if key not in _KEYS]
    known = {question.name: question for question in template.questions}
    for name, answer in told["answers"].items():
        if name not in known:
            wrong.append(f"no question {name!r} in the template {template.name}")
        elif fault := answer_fault(known[name], answer):
            wrong.append(f"{name}: {fault}")
    return told, wrong


def answer_fault(question: Question, answer: Any) -> str:
    """Why something is no answer to a question that gold can expect; "" where it is one.

    >>> from annotation.templates import template
    >>> answer_fault(template("plan").questions[0], 6), answer_fault(template("plan").questions[0], 4)
    ('want a grade from 1 to 5', '')
    """
    names = [value.value for value in question.values]
    if question.kind == "rating":
        low, high = question.scale
        good = isinstance(answer, int) and not isinstance(answer, bool) and str(answer) in names
        return "" if good else f"want a grade from {low} to {high}"
    if question.kind == "label":
        return "" if answer in names else f"want one of {', '.join(names)}"
    if question.kind == "multi_label":
        good = isinstance(answer, list) and bool(answer) and all(one in names for one in answer)
        return "" if good and len(set(answer)) == len(answer) else f"want a list of some of {', '.join(names)}"
    return f"a {question.kind} question has no gold"


def _row(
    told: Mapping[str, Any], pool: Pool, template: Template, language: str, seed: int, number: int
) -> tuple[dict[str, Any] | None, list[str]]:
    if "case_id" in told:
        return _of_case(told, pool, template, language, seed)
    texts = {name: _text(told[name], language) for name in template.fields if name in told}
    if lacking := [name for name in template.fields if not texts.get(name)]:
        return None, [f"no case_id, and no text for {', '.join(lacking)}"]
    spoken = told.get("language") or language_of(" ".join(texts.values()))
    return {
        "case_id": f"gold {number}", "group_id": f"gold {number}", "system": None, "left_system": None,
        "right_system": None, "stratum": "gold", "language": spoken, "shown": cells(texts), "hidden": None,
    }, []  # fmt: skip


def _text(told: Any, language: str) -> str:
    """A text as it is, or messages with their turn marks."""
    if isinstance(told, str):
        return told.strip()
    whole = isinstance(told, Sequence) and all(
        isinstance(one, Mapping) and isinstance(one.get("role"), str) and isinstance(one.get("content"), str)
        for one in told
    )
    return conversation(messages_of(told), language) if whole else ""


def _of_case(
    told: Mapping[str, Any], pool: Pool, template: Template, language: str, seed: int
) -> tuple[dict[str, Any] | None, list[str]]:
    name = told["case_id"]
    if not isinstance(name, str) or name not in set(pool.cases["case_id"]):
        return None, ["no such case among those that can be rated"]
    rows = rows_of(pool, [name], template, language=language, seed=seed)
    if template.layout == "pair":
        # The answers say left and right: the file has to say who stands where.
        left, right = told.get("left_system"), told.get("right_system")
        for row in rows:
            if {row["left_system"], row["right_system"]} == {left, right}:
                return (row if row["left_system"] == left else _turned(row)), []
        return None, [f"want left_system and right_system, two of {', '.join(pool.systems)}"]
    rows = [row for row in rows if told.get("system") in (None, row["system"])]
    if len(rows) == 1:
        return rows[0], []
    return None, [f"want system, one of {', '.join(pool.systems)}"]


def _turned(row: Mapping[str, Any]) -> dict[str, Any]:
    """A pair with its sides changed."""
    texts = {cell["field"]: cell["text"] for cell in row["shown"]}
    shown = {"conversation": texts["conversation"], "left": texts["right"], "right": texts["left"]}
    return {**row, "left_system": row["right_system"], "right_system": row["left_system"], "shown": cells(shown)}
