"""Rating templates: which questions a rater answers, under which guidelines, in Traditional Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["rating", "label", "multi_label", "text", "span"]
Layout = Literal["answer", "dialogue", "pair"]


@dataclass(frozen=True)
class Value:
    """One grade or label: what is stored, and what the rater reads."""

    value: str
    title: Mapping[str, str]
    anchor: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One question to the rater.

    Args:
        name: What its answers are called in RATING rows (`a-z_`).
        kind: `rating` (values are whole numbers as text), `label`, `multi_label`, `text`, or `span` (labels on
            stretches of the field `about`).
        title: Language (`zh-Hant`, `en`) to what is asked.
        values: Grades or labels in order; empty for `text`.
        required: Whether an answer without it is not whole.
        about: The field that spans are marked in.
    """

    name: str
    kind: Kind
    title: Mapping[str, str]
    values: tuple[Value, ...] = ()
    required: bool = True
    about: str | None = None


@dataclass(frozen=True)
class Template:
    """A rating task's questions and guidelines; `layout` says what is shown: one answer, a dialogue, or two answers."""

    name: str
    version: str
    layout: Layout
    title: Mapping[str, str]
    guidelines: Mapping[str, str]
    questions: tuple[Question, ...]
