"""A rating task as it lies on disk, opened and checked, for everything that sends it out or brings it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from annotation.tables import ASSIGNMENT, ITEM, TASK
from annotation.templates import Question, Template, Value
from xinheng.artifacts import Artifact
from xinheng.errors import ArtifactError, UsageError
from xinheng.tables import require

ZH: Final = "zh-Hant"
EN: Final = "en"
OPINIONS: Final = "opinions"
"""The field in which adjudicators read what raters gave."""
# What the HTML standard lets begin a tag or a comment, and the name of a character.
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")
_AMPERSAND: Final = re.compile(r"&(?=[#A-Za-z0-9])")


@dataclass(frozen=True)
class Task:
    """A rating task: its template, in the language that raters read, and its tables."""

    name: str
    template: Template
    language: str
    items: pl.DataFrame = field(repr=False)
    assignment: pl.DataFrame = field(repr=False)

    @property
    def raters(self) -> list[str]:
        """Who rates, in order of name."""
        return sorted(self.assignment["rater_id"].unique())

    def given_to(self, rater_id: str) -> pl.DataFrame:
        """A rater's items, ITEM and `position`, in his order."""
        own = self.assignment.filter(pl.col("rater_id") == rater_id).select("item_id", "position")
        return own.join(self.items, on="item_id", how="inner").sort("position")

    @property
    def fields(self) -> list[str]:
        """What is shown, in the order of the items' fields."""
        return list(dict.fromkeys(cell["field"] for shown in self.items["shown"].to_list() for cell in shown or ()))


def read_task(artifact: Artifact) -> Task:
    """The rating task that an artifact holds.

    Raises:
        UsageError: It is another kind of artifact.
        ArtifactError: Its template cannot be read, or nobody is to rate anything.
        SchemaError: Its tables are not those of a task.
    """
    if artifact.kind != TASK:
        raise UsageError(
            str(artifact.path), "no rating task", want="a folder that `xinheng annotate plan` made", have=artifact.kind
        )
    items, assignment = artifact.scan("item").collect(), artifact.scan("assignment").collect()
    require(items, ITEM, who=str(artifact.path))
    require(assignment, ASSIGNMENT, who=str(artifact.path))
    strangers = assignment.join(items, on="item_id", how="anti").height
    if strangers or not assignment.height or items["item_id"].n_unique() != items.height:
        raise ArtifactError(
            str(artifact.path), "not a whole task", want="items, each once, and raters for them",
            have=f"{items.height:,} items, {assignment.height:,} assigned, {strangers:,} of them of no item",
            mend="Plan it again.",
        )  # fmt: skip
    facts = artifact.manifest["facts"]
    template = template_of(facts.get("template"), who=str(artifact.path))
    language = str(facts.get("language") or ZH)
    return Task(str(artifact.manifest["name"]), template, language, items, assignment)


def template_of(told: object, *, who: str) -> Template:
    """A template from what an artifact's facts tell of it, which is `dataclasses.asdict` of it.

    Raises:
        ArtifactError: It is not one.
    """
    try:
        given = dict(told) if isinstance(told, Mapping) else {}
        questions = tuple(
            Question(**{**question, "values": tuple(Value(**value) for value in question["values"])})
            for question in given.pop("questions")
        )
        return Template(**given, questions=questions)
    except (TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(
            who, "its template cannot be read", have=type(error).__name__, mend="Plan the task again."
        ) from None


def shown_fields(shown: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """An item's fields by name."""
    return {cell["field"]: cell["text"] for cell in shown or ()}


def unmarked(text: str) -> str:
    """A text in which no browser finds markup: Argilla's page hands a field's text to it as HTML.

    Markdown switched off or not, a dialogue with `<img onerror=…>` would run in the rater's session. A `<` that could
    begin a tag and an `&` that could begin a character's name become their full-width forms: one sign for one sign, so
    that places in the text stay the same.

    >>> unmarked("<b>I <3 R&D &amp; you</b>")
    '＜b>I <3 R＆D ＆amp; you＜/b>'
    """
    return _AMPERSAND.sub("＆", _TAG.sub("＜", text))


def sent_fields(shown: Sequence[Mapping[str, str]] | None, template: Template) -> dict[str, str]:
    r"""An item's fields as a record holds them, see `unmarked`.

    Argilla's page counts a span's place in UTF-16 units and its server in characters: behind an emoji both differ, and
    the server refuses a span near the end as outside the text. So many spaces at the end of a field with spans make
    room; `annotation.pull` takes the places back to characters.

    >>> from annotation.templates import Question
    >>> marked = Question("evidence", "span", {}, about="reply")
    >>> template = Template("t", "1", "answer", {}, {}, (marked,))
    >>> sent_fields([{"field": "reply", "text": "\U0001f600!"}], template)
    {'reply': '\U0001f600! '}
    """
    marked = {question.about for question in template.questions if question.kind == "span"}
    fields = shown_fields(shown)
    return {
        name: text + " " * (utf16_length(text) - len(text)) if name in marked and text else text
        for name, text in ((name, unmarked(text) if isinstance(text, str) else text) for name, text in fields.items())
    }


def utf16_length(text: str) -> int:
    """How many UTF-16 units a text has: what a browser calls its length.

    >>> utf16_length("好"), utf16_length("\U0001f600")
    (1, 2)
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def words(texts: Mapping[str, str], language: str, otherwise: str = "") -> str:
    """A text in the raters' language, else in one that there is.

    >>> words({"zh-Hant": "同理", "en": "Empathy"}, "en"), words({}, "en", "empathy")
    ('Empathy', 'empathy')
    """
    return texts.get(language) or texts.get(ZH) or texts.get(EN) or next(iter(texts.values()), otherwise)


def few(names: Sequence[Any], *, most: int = 5) -> str:
    """A few names and how many more there are.

    >>> few(["a", "b", "c"], most=2)
    'a, b … (3)'
    """
    told = ", ".join(str(name) for name in names[:most])
    return told if len(names) <= most else f"{told} … ({len(names):,})"
