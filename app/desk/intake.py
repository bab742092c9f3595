"""Free text about a client sorted into fields, each passage with its exact place in the text; nothing is made up.

The text is cut into passages here, and a model only says of each which field it belongs to. So a field never holds
words that are not in the text, and every word of the text is in a field: what no model sorted is under `free` and
marked as such. Nothing is saved by any of this; a person confirms first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from app.desk.asking import Material, Model, ask, tokens
from counselling.crisis import Concern, screen
from counselling.prompts import Prompts, prompts
from xinheng.errors import UsageError
from xinheng.messages import Message, Usage, Want

Field = Literal["demographic", "developmental", "mental", "physical", "social", "free"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)
Tell = Callable[[Mapping[int, Field]], None]
LABELS: Final[dict[str, dict[str, str]]] = {
    "zh-Hant": dict(zip(FIELDS, ("基本資料", "發展史", "心理狀態", "身體狀況", "社會功能", "其他"), strict=True)),
    "zh-Hans": dict(zip(FIELDS, ("基本资料", "发展史", "心理状态", "身体状况", "社会功能", "其他"), strict=True)),
    "en": dict(
        zip(
            FIELDS,
            (
                "Particulars",
                "Developmental history",
                "Mental state",
                "Physical condition",
                "Social functioning",
                "Other",
            ),
            strict=True,
        )
    ),
}
# Behind the end of a sentence and what closes with it; commas divide only what is too long to belong to one field.
_SENTENCE_END: Final = re.compile(
    r"(?<=[。！？!?；;\n])(?![。！？!?；;\n」』”’\"')）])|(?<=[。！？!?；;][」』”’\"')）])|(?<=\.)(?=\s)"
)
_CLAUSE: Final = re.compile(r"[^，,、]*(?:[，,、]+|$)")
_LONG: Final = 60
_LONGEST: Final = 400
# Passages that a model sorts at once, and in all: a book is pasted by accident.
_AT_ONCE: Final = 12
MOST: Final = 600


@dataclass(frozen=True, repr=False)
class Passage:
    """A passage of a text, its place in code points, and the field it is in.

    Args:
        field: One of `FIELDS`.
        start: First character.
        end: Behind its last.
        text: The text's own words there.
        sorted: Whether a model or person chose the field; False for what nobody has sorted.
    """

    field: Field
    start: int
    end: int
    text: str
    sorted: bool = True


@dataclass(frozen=True, repr=False)
class Intake:
    """A text sorted, for a person to confirm.

    Args:
        text: As it was given, to the last blank.
        passages: In their order; together they hold every word of the text.
        problem: Why some were not sorted: one of `problems.PROBLEMS`, or "".
        words: The problem as a sentence.
        concerns: Of the crisis screen, with places in the text.
        usage: What it cost.
    """

    text: str
    passages: tuple[Passage, ...]
    problem: str = ""
    words: str = ""
    concerns: tuple[Concern, ...] = ()
    usage: Usage = field(default_factory=Usage)

    def of(self, name: Field) -> tuple[Passage, ...]:
        """The passages of a field, in order."""
        return tuple(passage for passage in self.passages if passage.field == name)


def passages_of(text: str) -> list[Passage]:
    """A text in passages, all of them unsorted: sentences, long ones at their commas; blanks around them left out.

    >>> [(p.start, p.end, p.text) for p in passages_of("她三十歲。 怕黑！")]
    [(0, 5, '她三十歲。'), (6, 9, '怕黑！')]
    """
    told: list[Passage] = []
    start = 0
    for sentence in _SENTENCE_END.split(text):
        for piece in _shorter(sentence):
            words = piece.strip()
            if words:
                at = start + piece.index(words)
                told.append(Passage("free", at, at + len(words), words, sorted=False))
            start += len(piece)
    return told


def _shorter(sentence: str) -> list[str]:
    """A sentence in pieces that are seldom longer than a field's worth; joined they are the sentence."""
    if len(sentence) <= _LONG:
        return [sentence]
    told = [""]
    for clause in _CLAUSE.findall(sentence):
        if told[-1] and len(told[-1]) + len(clause) > _LONG:
            told.append("")
        told[-1] += clause
    return [piece[n : n + _LONGEST] for piece in told for n in range(0, len(piece), _LONGEST)]


async def sorted_text(
    model: Model, text: str, *, language: str, already: Sequence[str] = (), tell: Tell | None = None
) -> Intake:
    """A text sorted into fields as far as a model could; the rest of it is under `free`, unsorted.

    Args:
        model: Who sorts.
        text: What was poured in.
        language: Of the instructions and of what is said of a problem.
        already: Fields by the passages' numbers, "" for none: what has one is not asked about again.
        tell: Hears of each answer which passages it sorted, by their numbers, before the next is asked for.
    """
    passages, usage = chosen_in(passages_of(text), already), Usage()
    problem = words = ""
    told = prompts(language)
    left = [n for n, passage in enumerate(passages[:MOST]) if not passage.sorted]
    while left:
        count = _fitting(model, told, [passages[n] for n in left[:_AT_ONCE]])
        some, left = left[:count], left[count:]
        shown = "\n".join(f"[{n}] {passages[place].text}" for n, place in enumerate(some, 1))
        material = Material(((told.text("desk_title_text"), shown),)).shown(told.text("desk_title_end"))
        want = Want(temperature=0.0, schema=_schema(len(some)), thinking=None)
        messages = [Message("system", told.text("desk_intake")), Message("user", material)]
        answer = await ask(model, messages, want, language=language)
        usage += answer.usage
        if answer.problem:
            problem, words = answer.problem, answer.words
            if answer.problem not in ("schema", "cut", "empty", "overflow"):
                break  # a model that is not there will not be there for the next passages
        else:
            found: dict[int, Field] = {place: answer.data[f"p{n}"] for n, place in enumerate(some, 1)}
            passages = [replace(p, field=found[n], sorted=True) if n in found else p for n, p in enumerate(passages)]
            if tell is not None:
                tell(found)
    return Intake(text, tuple(passages), problem, words, tuple(screen(text)), usage)


def chosen_in(passages: Sequence[Passage], chosen: Sequence[str]) -> list[Passage]:
    """Passages in the fields that were chosen for them, by number; "" leaves one unsorted.

    Raises:
        UsageError: There is no such field or passage.
    """
    if len(chosen) > len(passages) or not {*chosen} <= {"", *FIELDS}:
        raise UsageError("intake", "no such field or passage", want=", ".join(FIELDS), mend="Sort the text again.")
    fields: list[Any] = [*chosen, *[""] * (len(passages) - len(chosen))]
    return [
        replace(passage, field=name, sorted=True) if name else passage
        for passage, name in zip(passages, fields, strict=True)
    ]


def _fitting(model: Model, told: Prompts, some: Sequence[Passage]) -> int:
    """How many passages a model reads and answers at once; at least one."""
    # An answer's share: a small model may put blanks wherever a grammar lets it.
    room = model.context * 3 // 5 - tokens(told.text("desk_intake"))
    cost = count = 0
    for passage in some:
        cost += tokens(passage.text) - 20 if model.context >= 2048 else tokens(passage.text) + 30
        if cost > room and count:
            break
        count += 1
    return count


def _schema(count: int) -> dict[str, Any]:
    names = [f"p{n}" for n in range(1, count + 1)]
    return {
        "type": "object",
        "properties": {name: {"enum": list(FIELDS)} for name in names},
        "required": names,
        "additionalProperties": False,
    }


# ---- a person's hand


def placed(text: str, name: Field, quote: str, *, start: int | None = None) -> Passage:
    """A passage that a person or program names, at its place in the text.

    Args:
        text: The whole text.
        name: The field.
        quote: The passage's words.
        start: Where they stand; None for their first place.

    Raises:
        UsageError: They are not in the text, or not there: nothing that is not in the text gets into a field.
    """
    if name not in FIELDS:
        raise UsageError("intake", "no such field", want=", ".join(FIELDS))
    if not quote.strip():
        raise UsageError("intake", "an empty passage", mend="Choose some words of the text.")
    at = text.find(quote) if start is None else start
    if at < 0 or text[at : at + len(quote)] != quote:
        where = "" if start is None else f"other words at character {start}"
        raise UsageError("intake", "the passage is not in the text", have=where, mend="Choose it from the text itself.")
    return Passage(name, at, at + len(quote), quote)


def moved(intake: Intake, place: int, name: Field) -> Intake:
    """The intake with one passage in another field.

    Raises:
        UsageError: There is no such passage or field.
    """
    if not 0 <= place < len(intake.passages):
        raise UsageError("intake", "no such passage", have=str(place), mend="Sort the text again.")
    old = intake.passages[place]
    passages = list(intake.passages)
    passages[place] = placed(intake.text, name, old.text, start=old.start)
    return Intake(intake.text, tuple(passages), intake.problem, intake.words, intake.concerns, intake.usage)


def confirmed(intake: Intake) -> dict[str, Any]:
    """What is saved once a person has agreed: the text, and for each field its passages with their places.

    Raises:
        UsageError: A passage is not in the text where it says it is.
    """
    fields: dict[str, list[dict[str, Any]]] = {name: [] for name in FIELDS}
    for one in intake.passages:
        checked = placed(intake.text, one.field, one.text, start=one.start)
        if checked.end != one.end:
            raise UsageError("intake", "a passage ends elsewhere", mend="Sort the text again.")
        fields[one.field].append({"text": one.text, "start": one.start, "end": one.end})
    return {"text": intake.text, "fields": fields}


def field_text(intake: Intake, name: Field) -> str:
    """A field's passages as they are put into its box: neighbours as they stand in the text, others on a new line."""
    pieces: list[tuple[int, int]] = []
    before: Passage | None = None
    for passage in intake.passages:
        if passage.field == name:
            joined = before is not None and before.field == name
            pieces = [*pieces[:-1], (pieces[-1][0], passage.end)] if joined else [*pieces, (passage.start, passage.end)]
        before = passage
    return "\n".join(intake.text[start:end] for start, end in pieces)


def kept_sources(sources: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of confirmed texts what a form still says: a passage that a person took out of its field is no source of it.

    A text of which nothing is left is left out too.

    Args:
        sources: As `confirmed` gives them.
        fields: The words of the fields as they are saved.
    """
    told = []
    for one in sources:
        held = {name: [p for p in one["fields"].get(name, []) if p["text"] in fields.get(name, "")] for name in FIELDS}
        if any(held.values()):
            told.append({"text": one["text"], "fields": held})
    return told


def info_text(body: Mapping[str, Any], *, language: str) -> str:
    """Basic information as a model reads it, as it is saved or as it is confirmed: a line per field with something."""
    colon = ": " if language == "en" else "："
    lines = []
    for name in FIELDS:
        saved = body.get(name)
        passages = body.get("fields", {}).get(name, [])
        said = saved.strip() if isinstance(saved, str) else " ".join(str(one["text"]) for one in passages)
        if said:
            lines.append(f"{LABELS[language][name]}{colon}{said}")
    return "\n".join(lines)
