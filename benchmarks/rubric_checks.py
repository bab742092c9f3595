"""What is wrong with a rubric's file: every mistake, by its place, so that its author mends all of them at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from xinheng.tables import LANGUAGES

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Keys of the verdict that are not dimensions.
_TAKEN: Final = frozenset({"reason", "evidence", "present", "grade", "score", "normalised"})
_MOST_GRADES: Final = 1001
# Scales up to so many whole grades are anchored grade by grade, others at their ends.
_ANCHORED: Final = 21
_FILE: Final = {"name", "version", "title", "about", "dimensions", "summary", "source"}
_DIMENSION: Final = {
    "name", "kind", "scale", "step", "title", "asks", "anchors", "better", "above", "above_of", "evidence_from",
}  # fmt: skip
_CHOICES: Final = {
    "kind": ("grade", "yes_no", "flag"),
    "better": ("higher", "lower"),
    "above_of": ("normalised", "grade"),
    "evidence_from": ("reply", "conversation"),
}
_SUMMARY: Final = {"name", "weights", "constant", "any"}


def mistakes(told: Mapping[str, Any]) -> list[str]:
    """Every mistake of a rubric, each with its place; none for one that can be used."""
    title = told.get("title")
    languages = [name for name in LANGUAGES if isinstance(title, Mapping) and name in title]
    return [*_head(told, languages), *_dimensions(told, languages)]


def _head(told: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    yield from _strange(told, _FILE, "")
    yield from (f"no {name}" for name in ("name", "version", "title", "about", "dimensions") if name not in told)
    name, title = told.get("name", "name"), told.get("title")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "name: want small letters, digits, underscores"
    if isinstance(title, Mapping):
        known = ", ".join(LANGUAGES)
        yield from (f"title: no language {str(n)[:20]!r}, want {known}" for n in title if n not in LANGUAGES)
        if not languages:
            yield f"title: no language, want at least one of {known}"
    for part in ("title", "about"):
        if part in told:
            yield from _texts(told[part], languages, part)


def _dimensions(told: Mapping[str, Any], languages: Sequence[str]) -> Iterator[str]:
    dimensions = told.get("dimensions", [{}])
    if not isinstance(dimensions, list) or not dimensions or not all(isinstance(one, Mapping) for one in dimensions):
        yield "dimensions: want a [[dimensions]] for each"
        return
    seen: set[str] = set()
    for number, one in enumerate(dimensions if "dimensions" in told else (), start=1):
        name = one.get("name")
        named = isinstance(name, str) and _NAME.fullmatch(name) is not None
        place = f"dimension {name}" if named else f"dimension number {number}"
        if not named or name in _TAKEN:
            taken = ", ".join(sorted(_TAKEN))
            yield f"{place}: name: want small letters, digits, underscores, and none of {taken}"
        elif name in seen:
            yield f"{place}: a second time"
        seen.add(str(name))
        yield from _dimension(one, languages, place)
    if "summary" in told:
        yield from _summary(told["summary"], dimensions)


def _dimension(one: Mapping[str, Any], languages: Sequence[str], place: str) -> Iterator[str]:
    yield from _strange(one, _DIMENSION, f"{place}: ")
    for name in ("title", "asks"):
        if name in one:
            yield from _texts(one[name], languages, f"{place}: {name}")
        else:
            yield f"{place}: no {name}"
    for name, choices in _CHOICES.items():
        if one.get(name, choices[0]) not in choices:
            yield f"{place}: {name}: want {', '.join(choices[:-1])} or {choices[-1]}"
    kind = one.get("kind", "grade")
    if kind == "grade":
        yield from _graded(one, languages, place)
    elif kind in _CHOICES["kind"]:
        yield from (f"{place}: {name}: a {kind} has none" for name in ("scale", "step", "anchors") if name in one)
        yield from _gate(one, 0.0, 1.0, place)


def _graded(one: Mapping[str, Any], languages: Sequence[str], place: str) -> Iterator[str]:
    scale, step = one.get("scale"), one.get("step", 1)
    if not isinstance(scale, list) or not _numbers(scale) or len(scale) != 2 or scale[0] >= scale[1]:
        yield f"{place}: scale: want [least, greatest]"
        return
    low, high = float(scale[0]), float(scale[1])
    if not _numbers([step]) or step <= 0 or not _fits((high - low) / step) or (high - low) / step >= _MOST_GRADES:
        yield f"{place}: step: want a part of the scale, at most {_MOST_GRADES:,} grades"
        return
    yield from _gate(one, low, high, place)
    yield from _anchors(one.get("anchors"), low, high, float(step), languages, place)


def _gate(one: Mapping[str, Any], low: float, high: float, place: str) -> Iterator[str]:
    if "above" not in one:
        return
    ends = (low, high) if one.get("above_of", "normalised") == "grade" else (0.0, 1.0)
    if not _numbers([one["above"]]) or not ends[0] <= one["above"] < ends[1]:
        yield f"{place}: above: want a number from {ends[0]:g} to below {ends[1]:g}"


def _anchors(told: Any, low: float, high: float, step: float, languages: Sequence[str], place: str) -> Iterator[str]:
    if not isinstance(told, list) or not all(isinstance(anchor, Mapping) for anchor in told):
        yield f"{place}: no anchors, want a [[dimensions.anchors]] for each grade"
        return
    count = round((high - low) / step) + 1
    by_grade = count <= _ANCHORED
    wanted = [round(low + i * step, 9) for i in range(count)] if by_grade else [low, high]
    seen: list[float] = []
    for number, anchor in enumerate(told, start=1):
        grade: Any = anchor.get("grade")
        if not _numbers([grade]):
            yield f"{place}: anchor number {number}: no grade"
            continue
        if not low <= grade <= high or not _fits((grade - low) / step):
            yield f"{place}: anchor {grade:g}: not on the scale"
        if any(abs(grade - other) < 1e-9 for other in seen):
            yield f"{place}: anchor {grade:g}: a second time"
        seen.append(float(grade))
        yield from _texts({n: t for n, t in anchor.items() if n != "grade"}, languages, f"{place}: anchor {grade:g}")
    missing = [grade for grade in wanted if not any(abs(grade - other) < 1e-9 for other in seen)]
    if missing:
        yield f"{place}: no anchor for {', '.join(f'{grade:g}' for grade in missing)}"


def _summary(told: Any, dimensions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not isinstance(told, Mapping):
        yield "summary: want a [summary]"
        return
    yield from _strange(told, _SUMMARY, "summary: ")
    known = [one.get("name") for one in dimensions]
    name = told.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in known:
        yield "summary: name: want small letters, digits, underscores, and no dimension's"
    if told.get("any", False) not in (True, False):
        yield "summary: any: want true or false"
    if told.get("any", False) is True:
        graded = [str(one.get("name")) for one in dimensions if one.get("kind", "grade") == "grade"]
        if graded:
            yield f"summary: any: want yes or no of every dimension, but {', '.join(graded)} is a grade"
        if "weights" in told:
            yield "summary: weights beside any"
        return
    weights = told.get("weights")
    if not isinstance(weights, Mapping) or not weights or not _numbers(list(weights.values())):
        yield "summary: weights: want a number for each dimension that counts"
    else:
        strange = [str(n) for n in weights if n not in known]
        if strange:
            yield f"summary: weights: no dimension {', '.join(strange)}"
    if not _numbers([told.get("constant", 0)]):
        yield "summary: constant: want a number"


def _strange(told: Mapping[str, Any], known: set[str], place: str) -> Iterator[str]:
    for name in told:
        if name not in known:
            yield f"{place}nothing is called {str(name)[:40]!r}"


def _texts(told: Any, languages: Sequence[str], place: str) -> Iterator[str]:
    if not isinstance(told, Mapping):
        yield f"{place}: want a text in each language"
        return
    for name in languages:
        text = told.get(name)
        if text is None:
            yield f"{place}: nothing in {name}"
        elif not isinstance(text, str) or not text.strip():
            yield f"{place}: no text in {name}"
    for name in told:
        if name not in languages and place != "title":
            yield f"{place}: in {str(name)[:20]!r}, of which the title has nothing"


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
    )


def _fits(places: float) -> bool:
    return abs(places - round(places)) < 1e-6
