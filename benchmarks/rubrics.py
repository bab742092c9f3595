"""Rubrics as data: what a judge grades, on which scale, and what each grade means, in three languages.

A rubric is a TOML file, one of those in `benchmarks/rubrics` or a user's own; `rubric` reads either and names every
mistake of a file at once. Nothing of a rubric is code: a summary over its dimensions is a weighted sum that the file
states, or "any of them".
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, get_args

from benchmarks.rubric_checks import mistakes
from xinheng.errors import InputError, UsageError
from xinheng.tables import LANGUAGES

Kind = Literal["grade", "yes_no", "flag"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
# A file this long is no rubric; it would be read into every prompt.
_MOST_BYTES: Final = 262_144


@dataclass(frozen=True)
class Dimension:
    """One thing that a judge says of a reply.

    Args:
        name: As a key of the verdict and a measure: small letters, digits, underscores.
        kind: `grade` on a scale; `yes_no`, 1 for yes; `flag`, yes or no with words of the text as evidence.
        low: Least grade; 0 for the other kinds.
        high: Greatest grade; 1 for the other kinds.
        step: Between two grades.
        title: By language.
        asks: What is asked, by language.
        anchors: Grade to what it means, by language.
        better: Whether more of it is good.
        above: What a measure of it must be above (its gate), None where nobody has set one.
        above_of: Whether that is on the `grade`'s own scale or `normalised`.
        evidence_from: Whose words a flag's evidence is: the `reply`'s, or for what a reply failed to do the
            `conversation`'s.
    """

    name: str
    kind: Kind
    low: float
    high: float
    step: float
    title: Mapping[str, str]
    asks: Mapping[str, str]
    anchors: Mapping[float, Mapping[str, str]]
    better: Literal["higher", "lower"] = "higher"
    above: float | None = None
    above_of: Literal["grade", "normalised"] = "normalised"
    evidence_from: Literal["reply", "conversation"] = "reply"

    @property
    def whole(self) -> bool:
        """Whether its grades are whole numbers."""
        return self.step == int(self.step) and self.low == int(self.low)

    @property
    def grades(self) -> tuple[float, ...]:
        """All grades, ascending."""
        count = round((self.high - self.low) / self.step)
        return tuple(round(self.low + i * self.step, 9) for i in range(count + 1))

    def has(self, value: float) -> bool:
        """Whether a number is a grade of the scale.

        >>> rubric("empathy").dimensions[0].has(7), rubric("empathy").dimensions[0].has(7.5)
        (True, False)
        """
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return False
        places = (value - self.low) / self.step
        return abs(places - round(places)) < 1e-6

    def normalised(self, value: float) -> float:
        """A grade between 0, the least of its scale, and 1: 1 of 10 is 0."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Summary:
    """One number over a rubric's dimensions; missing where one of them is.

    Args:
        name: Its measure.
        weights: Dimension to weight; the value is their sum and the constant. Empty for `any`.
        constant: Added.
        low: Least value it can have.
        high: Greatest.
        any: 1 where any dimension is 1, else 0.
    """

    name: str
    weights: Mapping[str, float]
    constant: float
    low: float
    high: float
    any: bool = False

    def of(self, values: Mapping[str, float | None]) -> float | None:
        """The value for one verdict; None where a dimension that it needs could not be read.

        A flag that is set makes `any` 1 even where another could not be read.
        """
        if self.any:
            known = [v for v in values.values() if v is not None]
            return 1.0 if any(known) else None if len(known) < len(values) else 0.0
        needed = [values.get(name) for name in self.weights]
        if any(value is None for value in needed):
            return None
        return self.constant + math.fsum(w * float(values[name] or 0) for name, w in self.weights.items())


@dataclass(frozen=True)
class Rubric:
    """What a judge is to say of a reply.

    Args:
        name: The file's.
        version: Raised by whoever changes the meaning of a text.
        digest: SHA-256 of the file.
        languages: In which it can be asked.
        title: By language.
        about: What the judge is told of the task, by language.
        dimensions: In the order in which they are judged.
        summary: Over them, where there is one.
        source: Where it comes from.
    """

    name: str
    version: str
    digest: str
    languages: tuple[str, ...]
    title: Mapping[str, str]
    about: Mapping[str, str]
    dimensions: tuple[Dimension, ...]
    summary: Summary | None = None
    source: str = ""

    def dimension(self, name: str | None = None) -> Dimension:
        """A dimension by its name; the only one where no name is given.

        Raises:
            UsageError: There is none of that name, or several and no name.
        """
        if name is None and len(self.dimensions) == 1:
            return self.dimensions[0]
        for one in self.dimensions:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.dimensions)
        raise UsageError(self.name, "which dimension?", want=f"one of {known}", have=repr(name) if name else "none")

    def alone(self, name: str) -> Rubric:
        """The same rubric with one dimension only, so that one grade does not colour the next."""
        return replace(self, dimensions=(self.dimension(name),), summary=None)


def names() -> list[str]:
    """The rubrics that come with Xinheng."""
    folder = resources.files("benchmarks").joinpath("rubrics")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def rubric(name: str | Path) -> Rubric:
    """A rubric by its name, or the one in a file of one's own.

    Raises:
        UsageError: No rubric has that name and no file lies there.
        InputError: The file is no rubric; every mistake is named.
    """
    return _kept(str(name)) if str(name) in names() else _of_file(Path(name))


@cache
def _kept(name: str) -> Rubric:
    body = resources.files("benchmarks").joinpath(f"rubrics/{name}.toml").read_bytes()
    return read_rubric(body, who=f"{name}.toml")


def _of_file(path: Path) -> Rubric:
    if path.suffix != ".toml" or not path.is_file():
        raise UsageError(
            str(path), "no such rubric", want=f"{', '.join(names())}, or a file FILE.toml",
            mend="xinheng bench rubrics lists them; docs/benchmarks_judge.md shows how to write one.",
        )  # fmt: skip
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(str(path), "too long for a rubric", want=f"at most {_MOST_BYTES:,} bytes")
    return read_rubric(path.read_bytes(), who=str(path))


def read_rubric(body: bytes, *, who: str) -> Rubric:
    """A rubric from a file's content.

    Args:
        body: TOML in UTF-8.
        who: The file, for the message.

    Raises:
        InputError: It is none; every mistake is named.
    """
    try:
        told = tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(who, "not UTF-8", want="a TOML file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # Its message ends with the place; before that it may quote the file, which is the user's own rubric.
        raise InputError(who, "no TOML", have=str(error)) from None
    if wrong := mistakes(told):
        raise InputError(
            who, f"{len(wrong)} mistakes in the rubric" if len(wrong) > 1 else "a mistake in the rubric",
            have="; ".join(wrong), mend="docs/benchmarks_judge.md shows how a rubric is written.",
        )  # fmt: skip
    languages = tuple(name for name in LANGUAGES if name in told["title"])
    dimensions = tuple(_dimension(one) for one in told["dimensions"])
    return Rubric(
        name=told["name"],
        version=str(told["version"]),
        digest=hashlib.sha256(body).hexdigest(),
        languages=languages,
        title=told["title"],
        about={name: text.strip() for name, text in told["about"].items()},
        dimensions=dimensions,
        summary=_summary(told.get("summary"), dimensions),
        source=told.get("source", ""),
    )


def _dimension(told: Mapping[str, Any]) -> Dimension:
    kind: Kind = told.get("kind", "grade")
    low, high = told.get("scale", (0, 1))
    return Dimension(
        name=told["name"],
        kind=kind,
        low=float(low),
        high=float(high),
        step=float(told.get("step", 1)),
        title=told["title"],
        asks={name: text.strip() for name, text in told["asks"].items()},
        anchors={
            float(anchor["grade"]): {n: t for n, t in anchor.items() if n != "grade"}
            for anchor in told.get("anchors", ())
        },
        better=told.get("better", "lower" if kind == "flag" else "higher"),
        above=told.get("above"),
        above_of=told.get("above_of", "normalised"),
        evidence_from=told.get("evidence_from", "reply"),
    )


def _summary(told: Mapping[str, Any] | None, dimensions: Sequence[Dimension]) -> Summary | None:
    if told is None:
        return None
    if told.get("any", False):
        return Summary(told["name"], {}, 0.0, 0.0, 1.0, any=True)
    weights = {name: float(w) for name, w in told["weights"].items()}
    constant = float(told.get("constant", 0))
    ends = [(weights[d.name] * d.low, weights[d.name] * d.high) for d in dimensions if d.name in weights]
    low, high = constant + sum(min(pair) for pair in ends), constant + sum(max(pair) for pair in ends)
    return Summary(told["name"], weights, constant, round(low, 9), round(high, 9))
