"""A judge asked which of two replies is better, and its verdict read: the reason first, then A, B or tie.

A verdict that cannot be read is no verdict: neither a tie nor half a win. See `pairwise` for what becomes of them.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from benchmarks.rubrics import Rubric
from counselling.judge_guard import enclosed, guarded, mark_of
from counselling.prompts import prompts
from xinheng.errors import UsageError
from xinheng.messages import Message, Reply

Choice = Literal["A", "B", "tie"]
CHOICES: Final[tuple[Choice, ...]] = ("A", "B", "tie")
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "choice": {"type": "string", "enum": list(CHOICES)}},
    "required": ["reason", "choice"],
    "additionalProperties": False,
}
# As MT-bench's judges are told to end: [[A]], [[B]], or [[C]] for a tie.
_MARKED: Final = re.compile(r"\[\[\s*(A|B|C|tie)\s*\]\]", re.IGNORECASE)
_MEANS: Final[Mapping[str, Choice]] = {"A": "A", "B": "B", "C": "tie", "TIE": "tie"}


def read_choice(reply: str | Reply) -> tuple[Choice | None, str]:
    """A judge's choice, or None and the reason why there is none.

    Data of the schema counts; so does a text with one `[[A]]`, `[[B]]` or `[[C]]`, for judges that no server holds to
    a schema. A text with two different ones says nothing.

    Args:
        reply: The judge's, or a stored text.

    >>> read_choice("Both listen, the second asks more. [[B]]")
    ('B', '')
    >>> read_choice("[[A]] or [[B]]"), read_choice("A is better")
    ((None, 'unreadable'), (None, 'unreadable'))
    """
    if isinstance(reply, str):
        reply = Reply(reply)
    if reply.problem not in (None, "schema"):
        return None, f"judge: {reply.problem}"
    if isinstance(reply.data, Mapping):
        told = reply.data.get("choice")
        return (told, "") if told in CHOICES else (None, "unreadable")
    found = {_MEANS[name.upper()] for name in _MARKED.findall(reply.text)}
    return (found.pop(), "") if len(found) == 1 else (None, "unreadable")


def said(reply: Reply) -> str:
    """What the judge gave as its reason; "" where it gave none that is data."""
    return str(reply.data.get("reason", "")) if isinstance(reply.data, Mapping) else ""


def messages(
    conversation: Sequence[Message], a: str, b: str, *, language: str, rubric: Rubric | None = None
) -> tuple[Message, ...]:
    """What a judge is told: by what to judge, then conversation and both replies between marks.

    Args:
        conversation: Up to the client's turn that both replies answer; instructions to the system are not shown.
        a: The reply shown first.
        b: The other.
        language: Of the instructions.
        rubric: By whose dimensions and anchors; by the prompt's own words where None.

    Raises:
        UsageError: Prompt or rubric has no words in that language.
    """
    told = words(language)
    shown = {"conversation": _transcript(conversation, language), "reply_a": guarded(a), "reply_b": guarded(b)}
    mark = mark_of([rubric.digest if rubric is not None else "", language, *shown.values()])
    parts = [told["material"].replace("{mark}", mark)]
    parts += [enclosed(text, title=told[name], end=told["end"], mark=mark) for name, text in shown.items()]
    parts.append(told["ask"])
    return (Message("system", _instructions(told, language, rubric)), Message("user", "\n\n".join(parts)))


def words(language: str) -> Mapping[str, str]:
    """The prompt's words in a language.

    Raises:
        UsageError: There are none.
    """
    told = _words()[0]
    if language not in told:
        raise UsageError("pairwise", f"no words in {language!r}", want=f"one of {', '.join(told)}")
    return told[language]


def prompt_facts(rubric: Rubric | None = None) -> dict[str, str]:
    """What made the prompts, for a record."""
    named = {"rubric": rubric.name, "rubric_version": rubric.version, "rubric_digest": rubric.digest} if rubric else {}
    return {**named, "words_digest": _words()[1]}


def _instructions(told: Mapping[str, str], language: str, rubric: Rubric | None) -> str:
    lines = [told["role"]]
    if rubric is None:
        lines.append(told["criterion"])
    else:
        if language not in rubric.languages:
            raise UsageError(rubric.name, f"nothing in {language!r}", want=f"one of {', '.join(rubric.languages)}")
        for one in rubric.dimensions:
            lines.append(_filled(told["dimension"], title=one.title[language], asks=one.asks[language]))
            lines += [
                _filled(told["anchor"], grade=f"{grade:g}", text=texts[language])
                for grade, texts in sorted(one.anchors.items())
            ]
    return "\n".join([*lines, "", told["fair"], told["answer"]])


def _filled(text: str, /, **fields: str) -> str:
    # In one pass, so that a brace in a value fills nothing.
    return re.sub(r"\{(\w+)\}", lambda found: fields.get(found[1], found[0]), text)


def _transcript(conversation: Sequence[Message], language: str) -> str:
    names = prompts(language).names
    who = {"user": names["client"], "assistant": names["counsellor"]}
    colon = ": " if language == "en" else "："
    return "\n".join(f"{who[one.role]}{colon}{guarded(one.content)}" for one in conversation if one.role in who)


@cache
def _words() -> tuple[Mapping[str, Mapping[str, str]], str]:
    body = resources.files("benchmarks").joinpath("pairwise_prompts.toml").read_bytes()
    told = tomllib.loads(body.decode("utf-8"))
    told.pop("version")
    return told, hashlib.sha256(body).hexdigest()
