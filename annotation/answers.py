"""One response read against the template: the answers that it knows, and what it does not, with why."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from annotation.task import utf16_length
from annotation.templates import Question, Template


def in_characters(template: Template, values: object, fields: Mapping[str, str]) -> object:
    """A response's values with places of spans in characters, where Argilla's page counts UTF-16 units.

    A span that ends among the spaces that `sent_fields` added ends with the text.

    Args:
        template: What was asked.
        values: What the server holds: question to `{"value": …}`, or null.
        fields: What was shown, as the task holds it.
    """
    if not isinstance(values, Mapping):
        return values
    about = {question.name: fields.get(question.about or "", "") for question in template.questions if question.about}
    taken = dict(values)
    for name, text in about.items():
        cell = values.get(name)
        if isinstance(cell, Mapping) and isinstance(cell.get("value"), list):
            taken[name] = {"value": [_recounted(span, text) for span in cell["value"]]}
    return taken


def _recounted(span: Any, text: str) -> Any:
    """A span's places in characters; -1 for one between the halves of a character."""
    if utf16_length(text) == len(text) or not isinstance(span, Mapping):
        return span
    start, end = span.get("start"), span.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return span
    ends = accumulate((utf16_length(letter) for letter in text), initial=0)
    places = {unit: number for number, unit in enumerate(ends)}
    return {**span, "start": places.get(start, -1), "end": places.get(min(end, utf16_length(text)), -1)}


def read_answers(
    template: Template, values: object, fields: Mapping[str, str]
) -> tuple[list[tuple[str, Any]], list[tuple[str, str]]]:
    """The answers of one response that the template knows, and the questions whose answer it does not, with why.

    A question about spans that need not be answered and was left alone in a submitted response says that there are
    none: its answer is an empty list. Any other one left alone has no answer at all.

    Args:
        template: What was asked.
        values: What the server holds: question to `{"value": …}`, or null.
        fields: What was shown, for spans.
    """
    given = values if isinstance(values, Mapping) else {}
    found: list[tuple[str, Any]] = []
    odd = [(str(name), "a question that was not asked") for name in given if name not in _names(template)]
    for question in template.questions:
        cell = given.get(question.name)
        value = cell.get("value") if isinstance(cell, Mapping) else None
        if value is None:
            if question.required:
                odd.append((question.name, "not answered"))
            elif question.kind == "span":
                found.append((question.name, []))
            continue
        answer, fault = _answer(question, value, fields)
        if fault:
            odd.append((question.name, fault))
        else:
            found.append((question.name, answer))
    return found, odd


def _answer(question: Question, value: Any, fields: Mapping[str, str]) -> tuple[Any, str]:
    """An answer as it is kept, or why it is none."""
    known = [one.value for one in question.values]
    if question.kind == "rating":
        good = isinstance(value, int) and str(value) in known  # True is an int, and of no scale
        fault = "a grade outside the scale"
    elif question.kind == "text":
        good, fault = isinstance(value, str), "no text"
    elif question.kind == "label":
        good, fault = value in known, "a label that the template lacks"
    elif question.kind == "multi_label":
        fault = "labels that the template lacks"
        good = isinstance(value, list) and all(one in known and value.count(one) == 1 for one in value)
        value = sorted(value, key=known.index) if good else value
    else:
        fault = "a span outside the text or with a label that the template lacks"
        length = len(fields.get(question.about or "", ""))
        spans = [_span(span, question, length) for span in value] if isinstance(value, list) else [None]
        good = None not in spans
        value = sorted((span for span in spans if span), key=lambda s: (s["start"], s["end"], s["label"]))
    return value, "" if good else fault


def _span(span: Any, question: Question, length: int) -> dict[str, Any] | None:
    if not isinstance(span, Mapping):
        return None
    start, end, label = span.get("start"), span.get("end"), span.get("label")
    if not isinstance(start, int) or not isinstance(end, int) or label not in [one.value for one in question.values]:
        return None
    return {"field": question.about, "start": start, "end": end, "label": label} if 0 <= start < end <= length else None


def _names(template: Template) -> set[str]:
    return {question.name for question in template.questions}
