"""The datasheet: answers from facts, people's own where somebody gave them, and the rest is open and says so."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from curation.published import COVERAGE, LOCK, MANIFEST, PRIVACY, SPLIT, Published
from xinheng.claims import Ledger
from xinheng.errors import InputError
from xinheng.figures import in_derived, in_file, key_in_file, named, rows

ANSWERS: Final = "datasheet.json"
LONGEST: Final = 4_000
# Not questions of the datasheet, but asked for in the same file.
MORE: Final = ("authors", "title", "title_zh", "date")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Question:
    """One question: its id, the part that it stands in, its words, and whether facts answer it."""

    id: str
    part: str
    ask: str
    fact: bool


@cache
def questions() -> tuple[Question, ...]:
    """All questions, in order."""
    told = tomllib.loads(Path(__file__).with_name("datasheet.toml").read_text(encoding="utf-8"))
    return tuple(Question(one["id"], one["part"], one["ask"], bool(one.get("fact"))) for one in told["question"])


def read_answers(file: Path) -> dict[str, Any]:
    """Answers from a TOML file: `id = "text"`, and `authors = [{name = …}]`; what is blank answers nothing.

    Raises:
        InputError: It cannot be read, answers what is not asked, or tells a date that is none.
    """
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        have = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise InputError(str(file), "answers cannot be read", want="TOML in UTF-8", have=str(have)) from error
    if isinstance(told.get("date"), dt.date):
        told["date"] = told["date"].isoformat()[: len("2026-01-01")]
    asked = [*(one.id for one in questions() if not one.fact), *MORE]
    facts = [one.id for one in questions() if one.fact and one.id in told]
    strange = [name for name in told if name not in asked and name not in facts]
    wrong = [name for name, value in told.items() if name != "authors" and not isinstance(value, str)]
    if strange or wrong or facts:
        odd = [
            *(f"no question {name!r}" for name in strange),
            *(f"{name}: no text" for name in wrong if name in asked),
        ]
        odd += [f"{name}: the data answer that" for name in facts]
        raise InputError(str(file), "answers that fit no question", want=", ".join(asked), have="; ".join(odd))
    given = {name: value for name, value in told.items() if name == "authors" or not _blank(value)}
    if "date" in given:
        given["date"] = _day(file, given["date"].strip())
    return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in given.items()}


def _blank(text: str) -> bool:
    """Whether nobody can see anything of it: separators, and signs without a form."""
    return all(unicodedata.category(one)[0] in "ZC" for one in text)


def _day(file: Path, text: str) -> str:
    try:
        sound = bool(_DATE.fullmatch(text)) and bool(dt.date.fromisoformat(text))
    except ValueError:
        sound = False
    if not sound:
        raise InputError(str(file), "date is no day", want="one such as 2026-01-31", have=repr(text[:40]))
    return text


def asked_for(answers: Mapping[str, Any], ask: Callable[[str], str]) -> dict[str, Any]:
    """The answers with those of the open questions that somebody gives now; an empty line leaves one open."""
    given = dict(answers)
    for one in questions():
        if not one.fact and one.id not in given and not _blank(told := ask(f"{one.part}. {one.ask}").strip()):
            given[one.id] = told[:LONGEST]
    return given


def as_json_facts(answers: Mapping[str, Any]) -> dict[str, Any]:
    """What `datasheet.json` holds: answers of people, and the ids of what is open."""
    asked = [one.id for one in questions() if not one.fact]
    return {
        "answers": {name: answers[name] for name in asked if name in answers},
        "open": [name for name in asked if name not in answers],
    }


def datasheet(told: Published, answers: Mapping[str, Any], ledger: Ledger) -> str:
    """Markdown for `Ledger.finish`."""
    parts, part = ["# Datasheet"], ""
    for one in questions():
        if one.part != part:
            part = one.part
            parts.append(f"## {part}")
        if one.fact:
            text = _FACTS[one.id](told, ledger)
        elif one.id in answers:
            text = ledger.say(in_file(ANSWERS, "answers", one.id), "long")
        else:
            text = "*Not answered.*"
        parts.append(f"**{one.ask}**\n\n{text}")
    return "\n\n".join(parts) + "\n"


def _content(told: Published, ledger: Ledger) -> str:
    spread = ", ".join(
        f"{ledger.say(named(told.table, 'language', name), 'text')} {ledger.say(rows(told.table, language=name))}"
        for name in told.facts.get("languages", {})
    )
    return f"{ledger.say(rows(told.table))} rows of kind `{told.table}`; by language: {spread}."


def _labels(told: Published, _: Ledger) -> str:
    if told.facts.get("coverage"):
        return f"Tags by side and axis; the card's table and [{COVERAGE}]({COVERAGE}) count each value in each split."
    if told.table == "choice":
        return "The letters of the right options."
    if told.table == "case":
        return "The expected answer, and the label where its publisher gives it apart from the text."
    return "None beyond topics." if told.facts.get("topics") else "None."


def _splits(told: Published, ledger: Ledger) -> str:
    spread = ", ".join(f"{split} {ledger.say(rows(told.table, split=split))}" for split in told.splits)
    names = ledger.book.value(in_file(SPLIT, "columns"))
    columns = ", ".join(ledger.say(key_in_file(name, SPLIT, "columns"), "text") for name in names)
    return f"{spread}. No value of {columns} is in two splits; [{SPLIT}]({SPLIT}) proves it."


def _faults(told: Published, ledger: Ledger) -> str:
    if "rows" not in told.facts:
        return "Not recorded."
    dropped = ledger.say(in_file(MANIFEST, "facts", "rows", "dropped"))
    read = ledger.say(in_file(MANIFEST, "facts", "rows", "read"))
    return f"Of {read} rows read, {dropped} were taken out; the card's table says by which step."


def _people(_: Published, ledger: Ledger) -> str:
    if not ledger.book.value(in_file(PRIVACY, "looked")):
        return "The rows are exam questions, which are about nobody."
    found = ledger.book.value(in_file(PRIVACY, "found"))
    classes = ", ".join(
        " ".join(ledger.say(in_file(PRIVACY, "found", at, name), form) for name, form in _CLASS)
        for at in range(len(found))
    )
    return f"A finder of names, numbers and addresses found: {classes or 'nothing'}. What it misses may still be there."


def _sources(told: Published, ledger: Ledger) -> str:
    lines = []
    for at, one in enumerate(told.facts.get("sources", [])):
        where = ("facts", "sources", at)
        said = [
            ledger.say(in_file(MANIFEST, *where, name), "text")
            for name in ("name", "title", "licence")
            if one.get(name)
        ]
        digest = ledger.say(in_file(MANIFEST, *where, "digest"), "short")
        lines.append(f"- {', '.join(said)}: {ledger.say(in_file(MANIFEST, *where, 'rows'))} rows, digest `{digest}`")
    return "\n".join(lines) or "Not recorded."


def _cleaning(_: Published, ledger: Ledger) -> str:
    recipe = ledger.say(in_file(LOCK, "recipe"), "plain")
    return f"By the recipe `{recipe}`, step by step in the card; `xinheng rerun FOLDER` repeats it and compares."


def _terms(told: Published, ledger: Ledger) -> str:
    if told.ids_only:
        return "The rows are not given away, only their ids."
    duties = [ledger.say(in_derived("licence", "duties", at), "text") for at in range(len(told.licence["duties"]))]
    return " ".join([f"{ledger.say(in_derived('licence', 'licence'), 'text')}.", *duties])


_CLASS: Final = (("kind", "text"), ("found", "count"))
_FACTS: Final[Mapping[str, Callable[[Published, Ledger], str]]] = {
    "content": _content,
    "labels": _labels,
    "splits": _splits,
    "faults": _faults,
    "people": _people,
    "sources": _sources,
    "cleaning": _cleaning,
    "terms": _terms,
}
