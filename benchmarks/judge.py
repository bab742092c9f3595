"""A judge asked by a rubric, and its verdict read: structured with the reason first, or strictly from free text.

What a judge says is a grade or it is missing; no grade is made up for it. See `judge_guard` for how the judged text is
shown, `judge_reading` for free text, `judge_scoring` for what becomes of the verdicts.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from benchmarks.judge_reading import Reader, checked, grade_in
from benchmarks.rubrics import Dimension, Rubric, rubric
from counselling.judge_guard import enclosed, guarded, mark_of, stands_in
from counselling.prompts import prompts
from xinheng.errors import UsageError
from xinheng.messages import Message, Reply

# More of a verdict's evidence than this says nothing more.
_MOST_QUOTES: Final = 3


@dataclass(frozen=True, slots=True)
class Grade:
    """What a judge said in one dimension.

    Args:
        dimension: Which; the summary's name for a summary.
        value: On its own scale; 1 for yes, 0 for no.
        normalised: Between 0, the least of the scale, and 1.
        reason: The judge's.
        evidence: Words that stand in the judged text, for a flag that is set.
    """

    dimension: str
    value: float
    normalised: float
    reason: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """All that a judge said of a reply.

    Args:
        grades: Dimension to grade; None where it could not be read.
        unread: Dimension to the reason why not.
        reason: The judge's.
    """

    grades: Mapping[str, Grade | None]
    unread: Mapping[str, str]
    reason: str = ""

    @property
    def values(self) -> dict[str, float | None]:
        """Dimension to grade on its own scale."""
        return {name: None if grade is None else grade.value for name, grade in self.grades.items()}


def read_grade(
    reply: str | Reply | Mapping[str, Any],
    of: Rubric | Dimension | str,
    dimension: str | None = None,
    *,
    reader: Reader = "strict",
) -> Grade | None:
    """The grade of a judge's reply; None where there is none that can be read, which is no grade at all.

    Args:
        reply: A text, a reply, or a verdict that is data already. A reply with a problem has no grade.
        of: The rubric, one of its dimensions, or the name of a rubric.
        dimension: Of a rubric with several; without it the rubric's summary is read.
        reader: How free text is read: `strict`, or `upstream` as PsyEval's publishers do.

    Raises:
        UsageError: No such rubric or dimension, or several dimensions, no summary, and no name.

    >>> read_grade("Grade: 10", "empathy").normalised, read_grade("Grade: 1", "empathy").normalised
    (1.0, 0.0)
    >>> [read_grade(text, "empathy") for text in ("8 or 9", "7.5", "0", "4/5", "8, then 3", "八分")]
    [None, None, None, None, None, None]
    """
    if isinstance(of, str):
        of = rubric(of)
    if isinstance(of, Dimension):
        return _read(_as_reply(reply), of, only=True, reader=reader)[0]
    if dimension is None and len(of.dimensions) > 1:
        if of.summary is None:
            of.dimension()
        verdict = read_verdict(_as_reply(reply), of)
        return summary_grade(of, verdict)
    return _read(_as_reply(reply), of.dimension(dimension), only=len(of.dimensions) == 1, reader=reader)[0]


def read_verdict(reply: Reply, of: Rubric, *, judged: str | None = None, conversation: str | None = None) -> Verdict:
    """All grades of a judge's reply.

    Args:
        reply: The judge's; where a server could not hold it to the schema, its text is read strictly.
        of: The rubric by which it was asked.
        judged: The reply that was judged, to check evidence; None: not checked.
        conversation: What went before it, likewise.
    """
    shown = {"reply": judged, "conversation": conversation}
    read = {
        one.name: _read(reply, one, only=len(of.dimensions) == 1, shown=shown[one.evidence_from])
        for one in of.dimensions
    }
    reason = str(reply.data.get("reason", "")) if isinstance(reply.data, Mapping) else ""
    return Verdict(
        {name: grade for name, (grade, _) in read.items()},
        {name: why for name, (_, why) in read.items() if why},
        reason,
    )


def summary_grade(of: Rubric, verdict: Verdict) -> Grade | None:
    """The rubric's summary over a verdict; None without one, or where a dimension that it needs is missing."""
    if of.summary is None:
        return None
    value = of.summary.of(verdict.values)
    if value is None:
        return None
    spread = of.summary.high - of.summary.low
    return Grade(of.summary.name, value, (value - of.summary.low) / spread, verdict.reason)


def schema(of: Rubric) -> dict[str, Any]:
    """The JSON schema of a verdict: the reason first, then every dimension in order."""
    fields: dict[str, Any] = {"reason": {"type": "string"}}
    for one in of.dimensions:
        if one.kind == "yes_no":
            fields[one.name] = {"type": "boolean"}
        elif one.kind == "flag":
            quotes = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_QUOTES}
            fields[one.name] = _object({"evidence": quotes, "present": {"type": "boolean"}})
        else:
            ends = (int(one.low), int(one.high)) if one.whole else (one.low, one.high)
            kind = "integer" if one.whole else "number"
            fields[one.name] = {"type": kind, "minimum": ends[0], "maximum": ends[1]}
    return _object(fields)


def messages(
    of: Rubric, conversation: Sequence[Message], reply: str, *, language: str, reference: str | None = None
) -> tuple[Message, ...]:
    """What a judge is told: the rubric, then the material between marks.

    The rubric comes first and is the same for all cases, so that a server can keep it; the marks bear a digest of
    what they enclose.

    Args:
        of: The rubric.
        conversation: Up to the client's turn that the reply answers; instructions to the system are not shown.
        reply: To be judged.
        language: Of rubric and instructions.
        reference: Another reply, for comparison.

    Raises:
        UsageError: The rubric has no words in that language.
    """
    told = words(language)
    if language not in of.languages:
        raise UsageError(of.name, f"nothing in {language!r}", want=f"one of {', '.join(of.languages)}")
    shown = {
        "conversation": _transcript(conversation, language),
        **({"reference": guarded(reference)} if reference is not None else {}),
        "reply": guarded(reply),
    }
    mark = mark_of([of.digest, language, *shown.values()])
    parts = [told["material"].replace("{mark}", mark)]
    parts += [enclosed(text, title=told[name], end=told["end"], mark=mark) for name, text in shown.items()]
    parts.append(told["ask"].replace("{what}", told["reply"]))
    return (Message("system", _instructions(of, language)), Message("user", "\n\n".join(parts)))


def words(language: str) -> Mapping[str, str]:
    """What judges are told in a language besides the rubric.

    Raises:
        UsageError: There is nothing in it.
    """
    told = _words()[0]
    if language not in told:
        raise UsageError("judge", f"no words in {language!r}", want=f"one of {', '.join(told)}")
    return told[language]


def constant_reply(language: str) -> str:
    """The fixed reply that suits any client and must not win."""
    return words(language)["constant"]


def prompt_facts(of: Rubric) -> dict[str, str]:
    """What made the prompts, for a record."""
    return {"rubric": of.name, "version": of.version, "rubric_digest": of.digest, "words_digest": _words()[1]}


def _instructions(of: Rubric, language: str) -> str:
    told = words(language)
    lines = [told["role"], of.about[language], ""]
    for one in of.dimensions:
        fields = {"name": one.name, "title": one.title[language], "asks": one.asks[language]}
        fields |= {"low": f"{one.low:g}", "high": f"{one.high:g}", "step": f"{one.step:g}"}
        kind = one.kind if one.kind != "grade" else "scale" if one.step == 1 else "scale_step"
        lines.append(_filled(told[kind], fields))
        lines += [
            _filled(told["anchor"], {"grade": f"{grade:g}", "text": texts[language]})
            for grade, texts in sorted(one.anchors.items())
        ]
    return "\n".join([*lines, "", told["answer"]])


def _filled(text: str, fields: Mapping[str, str]) -> str:
    for name in fields:
        text = text.replace("{" + name + "}", f"\0{name}\0")
    for name, value in fields.items():
        text = text.replace(f"\0{name}\0", value)
    return text


def _transcript(conversation: Sequence[Message], language: str) -> str:
    names = prompts(language).names
    who = {"user": names["client"], "assistant": names["counsellor"]}
    colon = ": " if language == "en" else "："
    return "\n".join(f"{who[one.role]}{colon}{guarded(one.content)}" for one in conversation if one.role in who)


def _read(
    reply: Reply, one: Dimension, *, only: bool, shown: str | None = None, reader: Reader = "strict"
) -> tuple[Grade | None, str]:
    """A grade, or the reason why there is none."""
    if reply.problem not in (None, "schema"):
        return None, f"judge: {reply.problem}"
    if isinstance(reply.data, Mapping):
        value, evidence, why = _from_data(reply.data, one, shown)
        reason = str(reply.data.get("reason", ""))
    elif reply.finish == "length":
        return None, "judge: cut"
    else:
        value, evidence, why, reason = grade_in(reply.text, one, only=only, reader=reader), (), "unreadable", ""
    if value is None:
        return None, why
    return Grade(one.name, value, one.normalised(value), reason, evidence), ""


def _from_data(data: Mapping[str, Any], one: Dimension, shown: str | None) -> tuple[float | None, tuple[str, ...], str]:
    if one.kind != "flag":
        return checked(data.get(one.name), one), (), "unreadable"
    told = data.get(one.name)
    if not isinstance(told, Mapping) or not isinstance(told.get("present"), bool):
        return None, (), "unreadable"
    if not told["present"]:
        return 0.0, (), ""
    quotes = told.get("evidence")
    given = [q for q in quotes if isinstance(q, str) and q.strip()] if isinstance(quotes, list) else []
    if not given:
        return None, (), "a flag without evidence"
    standing = tuple(q for q in given if shown is None or stands_in(q, shown))
    return (1.0, standing, "") if standing else (None, (), "evidence that does not stand in the text")


def _as_reply(reply: str | Reply | Mapping[str, Any]) -> Reply:
    if isinstance(reply, Reply):
        return reply
    return Reply(reply) if isinstance(reply, str) else Reply("", data=dict(reply))


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


@cache
def _words() -> tuple[Mapping[str, Mapping[str, str]], str]:
    body = resources.files("benchmarks").joinpath("judge_words.toml").read_bytes()
    told = tomllib.loads(body.decode("utf-8"))
    told.pop("version")
    return told, hashlib.sha256(body).hexdigest()
