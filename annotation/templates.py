"""Rating templates: which questions a rater answers, under which guidelines, in Traditional Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, Literal

Kind = Literal["rating", "label", "multi_label", "text", "span"]
Layout = Literal["answer", "dialogue", "pair", "turn"]

LANGUAGES: Final = ("zh-Hant", "en")
"""Of guidelines and questions."""
NONE_FOUND: Final = "none_found"
"""The label of a multi-label question that says: none of the others."""

FIELDS: Final[Mapping[Layout, tuple[str, ...]]] = {
    "answer": ("conversation", "reply"),
    "pair": ("conversation", "left", "right"),
    "dialogue": ("dialogue",),
    "turn": ("dialogue", "turn", "tags"),
}
"""What raters are shown, by layout: the fields of an item in order."""
FIELD_TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "conversation": {"zh-Hant": "對話", "en": "Conversation"},
    "reply": {"zh-Hant": "要評的回應", "en": "Reply to be rated"},
    "left": {"zh-Hant": "回應甲（左）", "en": "Reply 1 (left)"},
    "right": {"zh-Hant": "回應乙（右）", "en": "Reply 2 (right)"},
    "dialogue": {"zh-Hant": "整段對話", "en": "The whole dialogue"},
    "turn": {"zh-Hant": "要看的這一句", "en": "The turn in question"},
    "tags": {"zh-Hant": "目前的標記", "en": "Its tags now"},
}

AXIS_TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "topic": {"zh-Hant": "主題", "en": "Topic"},
    "intent": {"zh-Hant": "意圖", "en": "Intent"},
    "emotion": {"zh-Hant": "情緒", "en": "Emotion"},
    "tone": {"zh-Hant": "語氣", "en": "Tone"},
    "technique": {"zh-Hant": "技巧", "en": "Technique"},
    "purpose": {"zh-Hant": "目的", "en": "Purpose"},
    "phase": {"zh-Hant": "階段", "en": "Phase"},
    "progress": {"zh-Hant": "進展", "en": "Progress"},
}
"""What raters call the axes of the tag schema."""


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
        hint: What explains the title.
    """

    name: str
    kind: Kind
    title: Mapping[str, str]
    values: tuple[Value, ...] = ()
    required: bool = True
    about: str | None = None
    hint: Mapping[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> tuple[int, int]:
        """Least and greatest grade of a rating question."""
        grades = [int(value.value) for value in self.values]
        return min(grades), max(grades)


@dataclass(frozen=True)
class Template:
    """A rating task's questions and guidelines; `layout` says what is shown.

    One answer, two answers, a whole dialogue, or one turn of a dialogue with its tags. `role` says whose turns.
    """

    name: str
    version: str
    layout: Layout
    title: Mapping[str, str]
    guidelines: Mapping[str, str]
    questions: tuple[Question, ...]
    role: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that raters see, in order."""
        return FIELDS[self.layout]

    def question(self, name: str) -> Question:
        """One of its questions.

        Raises:
            KeyError: It has none of that name.
        """
        return {question.name: question for question in self.questions}[name]


def names() -> list[str]:
    """The templates that come with Xinheng.

    >>> "plan" in names()
    True
    """
    folder = resources.files("annotation").joinpath("templates")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def template(name: str) -> Template:
    """A template by its name, or one's own by the path of its TOML file.

    Raises:
        UsageError: There is none of that name, and no such file.
        InputError: The file has mistakes; all are named.

    >>> [question.name for question in template("plan").questions]
    ['professionalism', 'empathy', 'suggestion', 'expression', 'remark']
    """
    from annotation.template_reading import read_template
    from xinheng.errors import UsageError

    if name in names():
        body = resources.files("annotation").joinpath("templates", f"{name}.toml").read_bytes()
        return read_template(body, who=f"{name}.toml")
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise UsageError(
            "template", f"no template {name!r}", want=f"{', '.join(names())}, or a file FILE.toml",
            mend="`xinheng annotate templates` shows them.",
        )  # fmt: skip
    return read_template(path.read_bytes(), who=str(path))
