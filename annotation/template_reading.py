"""A template's TOML file read: every mistake in it named at once, and tag questions made from the tag schema."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from annotation.guidelines import whole
from annotation.templates import AXIS_TITLES, FIELDS, LANGUAGES, NONE_FOUND, Kind, Layout, Question, Template, Value
from xinheng.errors import InputError
from xinheng.tables import CLIENT, COUNSELLOR
from xinheng.tags import DEFAULT, TagSchema

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
# The servers take no other grades, and no longer guidelines.
_GRADES: Final = range(11)
_LONGEST: Final = 10_000
_MOST_BYTES: Final = 262_144
# Columns that a rating sheet has beside the questions.
_TAKEN: Final = {"item", "no", "part", "text", "skip", "task", "rater"}
_KEYS: Final = {"name", "version", "layout", "title", "guidelines", "questions", "role", "tags_of"}
_QUESTION_KEYS: Final = {"name", "kind", "title", "hint", "values", "required", "about"}


def read_template(body: bytes, *, who: str) -> Template:
    """A template from its file; its guidelines are made whole with the questions, their anchors and the common rules.

    `tags_of = "client" | "counsellor" | "dialogue"` adds one optional multi-label question per axis of that role,
    named as the axis, behind the questions that the file states.

    Args:
        body: The file's bytes.
        who: The file's name, for messages.

    Raises:
        InputError: It is no TOML, or has mistakes; all are named.
    """
    if len(body) > _MOST_BYTES:
        raise InputError(who, "too long for a template", want=f"at most {_MOST_BYTES:,} bytes", have=f"{len(body):,}")
    try:
        told = tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(who, "not UTF-8", have=f"byte {error.start}", mend="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(who, "no TOML", have=str(error)) from None
    wrong = [*_mistakes(told)]
    if wrong:
        raise InputError(
            who, f"{len(wrong)} mistakes", have="; ".join(wrong), mend="Compare with annotation/templates/plan.toml."
        )
    questions = [_question(one) for one in told.get("questions", [])]
    if told.get("tags_of"):
        questions[1:1] = tag_questions(told["tags_of"])
    guidelines = {language: whole(text, questions, language) for language, text in told["guidelines"].items()}
    if long := [language for language, text in guidelines.items() if len(text) > _LONGEST]:
        have = ", ".join(f"{len(guidelines[language]):,} in {language}" for language in long)
        raise InputError(who, "guidelines longer than servers take", want=f"{_LONGEST:,} characters", have=have)
    return Template(
        name=told["name"],
        version=str(told["version"]),
        layout=told["layout"],
        title=dict(told["title"]),
        guidelines=guidelines,
        questions=tuple(questions),
        role=told.get("role"),
    )


def tag_questions(role: str, schema: TagSchema = DEFAULT) -> list[Question]:
    """One question per axis of a role: labels are the axis' values, and one that says that no tag fits.

    Unanswered means that the tags stand as they are: whoever corrects marks only what is wrong.

    >>> [question.name for question in tag_questions("client")]
    ['intent', 'emotion']
    """
    nothing = Value(NONE_FOUND, {"zh-Hant": "都不適合（拿掉標記）", "en": "none fits (remove the tag)"})
    return [
        Question(
            name=axis,
            kind="multi_label",
            title={
                "zh-Hant": f"{AXIS_TITLES[axis]['zh-Hant']}應該是（沒錯就不必填）",
                "en": f"{AXIS_TITLES[axis]['en']} should be (leave empty if right)",
            },
            values=(*(Value(name, {"zh-Hant": v.zh, "en": v.en}) for name, v in values.items()), nothing),
            required=False,
        )
        for axis, values in schema.axes[role].items()
    ]


def _question(told: Mapping[str, Any]) -> Question:
    values = tuple(
        Value(str(v["value"]), dict(v.get("title", {})), dict(v.get("anchor", {}))) for v in told.get("values", [])
    )
    return Question(
        name=told["name"],
        kind=told["kind"],
        title=dict(told["title"]),
        values=values,
        required=told.get("required", True),
        about=told.get("about"),
        hint=dict(told.get("hint", {})),
    )


def _mistakes(told: Mapping[str, Any]) -> list[str]:
    wrong = [f"unknown key {key}" for key in told if key not in _KEYS]
    wrong += [f"no {key}" for key in ("name", "version", "layout", "title", "guidelines") if key not in told]
    if not _named(told.get("name", "x")):
        wrong.append("name is not of a-z, 0-9 and _")
    if told.get("layout", "answer") not in get_args(Layout):
        wrong.append(f"layout is none of {', '.join(get_args(Layout))}")
    if told.get("role") not in (None, CLIENT, COUNSELLOR) or (told.get("layout") == "turn") != ("role" in told):
        wrong.append(f"role: want {CLIENT} or {COUNSELLOR} where the layout is turn, and nowhere else")
    if told.get("tags_of") is not None and told["tags_of"] not in DEFAULT.axes:
        wrong.append(f"tags_of is none of {', '.join(DEFAULT.axes)}")
    for key in ("title", "guidelines"):
        wrong += _of_languages(told.get(key, {}), key, needed=key in told)
    questions = told.get("questions", [])
    if not isinstance(questions, list) or not all(isinstance(one, Mapping) for one in questions):
        return [*wrong, "questions is no list of tables"]
    if not questions:
        wrong.append("no question")
    seen = [str(one.get("name")) for one in questions]
    seen += list(DEFAULT.axes.get(str(told.get("tags_of")), {}))
    wrong += [f"question {name} stands there twice" for name in sorted({n for n in seen if seen.count(n) > 1})]
    fields = FIELDS.get(told.get("layout", ""), ())
    for one in questions:
        wrong += [f"question {one.get('name', '?')}: {what}" for what in _question_mistakes(one, fields)]
    return wrong


def _question_mistakes(told: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    kind, values = told.get("kind"), told.get("values", [])
    wrong = [f"unknown key {key}" for key in told if key not in _QUESTION_KEYS]
    if not _named(told.get("name", "")):
        wrong.append("name is not of a-z, 0-9 and _")
    if told.get("name") in _TAKEN | set(fields):
        wrong.append("the name is that of a field or of a sheet's column")
    if not isinstance(told.get("required", True), bool):
        wrong.append("required is neither true nor false")
    wrong += _of_languages(told.get("title", {}), "title", needed=True)
    wrong += _of_languages(told.get("hint", {}), "hint", needed=False)
    if kind not in get_args(Kind):
        return [*wrong, f"kind is none of {', '.join(get_args(Kind))}"]
    if (kind == "span") != ("about" in told):
        wrong.append("about: want a field where the kind is span, and nowhere else")
    elif kind == "span" and told["about"] not in fields:
        wrong.append(f"about is none of the layout's fields {', '.join(fields)}")
    if not isinstance(values, list) or not all(isinstance(one, Mapping) for one in values):
        return [*wrong, "values is no list of tables"]
    return wrong + _value_mistakes(str(kind), values)


def _value_mistakes(kind: str, values: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [str(one.get("value", "")) for one in values]
    least = 0 if kind == "text" else 1 if kind == "span" else 2
    wrong = [] if len(names) >= least and (kind != "text" or not names) else [f"{len(names)} values for {kind}"]
    wrong += [f"value {name} stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if kind == "rating":
        if all(name.isdecimal() and int(name) in _GRADES for name in names):
            grades = [int(name) for name in names]
            if grades != list(range(min(grades, default=0), min(grades, default=0) + len(grades))):
                wrong.append("grades are not whole numbers one after another, ascending")
        else:
            wrong.append(f"grades are not whole numbers from {_GRADES[0]} to {_GRADES[-1]}")
        for one in values:
            wrong += [f"grade {one.get('value')}: {w}" for w in _of_languages(one.get("anchor", {}), "anchor")]
    else:
        wrong += [f"value {name!r} is not of a-z, 0-9 and _" for name in names if not _named(name)]
        for one in values:
            wrong += [f"value {one.get('value')}: {w}" for w in _of_languages(one.get("title", {}), "title")]
    return wrong


def _of_languages(texts: Any, what: str, *, needed: bool = True) -> list[str]:
    """What is wrong with texts by language: each language once, none empty."""
    if not isinstance(texts, Mapping) or any(not isinstance(text, str) for text in texts.values()):
        return [f"{what} is no table of language and text"]
    if not texts and not needed:
        return []
    wrong = [f"{what} in an unknown language {language}" for language in texts if language not in LANGUAGES]
    return wrong + [f"{what} lacks {language}" for language in LANGUAGES if not texts.get(language, "").strip()]


def _named(name: Any) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
