"""Rubrics as a person reads them on a terminal: which there are, and what each grade of one means."""

from __future__ import annotations

from typing import Any

from app.terminal import Terminal
from benchmarks.judge_scoring import measures
from benchmarks.rubrics import Rubric, names, rubric
from xinheng.errors import UsageError
from xinheng.tables import LANGUAGES


def show(terminal: Terminal, name: str | None, language: str) -> None:
    """The list of rubrics, or one with its anchors.

    Raises:
        UsageError: No such rubric or language.
        InputError: A file of one's own has mistakes; all are named.
    """
    if language not in LANGUAGES:
        raise UsageError("rubrics", f"no words in {language!r}", want=f"one of {', '.join(LANGUAGES)}")
    if name is None:
        known = [rubric(one) for one in names()]
        terminal.table(
            ["rubric", "title", "measures", "languages"],
            [[r.name, r.title[language], ", ".join(measures(r)), ", ".join(r.languages)] for r in known],
        )
        terminal.line("\nnext    xinheng bench rubrics NAME, or a TOML file of your own, which is checked")
        terminal.result([_facts(r) for r in known])
        return
    one = rubric(name)
    if language not in one.languages:
        raise UsageError(one.name, f"nothing in {language!r}", want=f"one of {', '.join(one.languages)}")
    terminal.line(
        f"{one.title[language]}  ({one.name}, version {one.version}, {one.digest[:12]})\n{one.about[language]}"
    )
    for dimension in one.dimensions:
        scale = f"{dimension.low:g} to {dimension.high:g}" if dimension.kind == "grade" else dimension.kind
        above = f", to be above {dimension.above:g} ({dimension.above_of})" if dimension.above is not None else ""
        terminal.line(f"\n{dimension.name}  {dimension.title[language]}  [{scale}{above}]\n{dimension.asks[language]}")
        for grade, texts in sorted(dimension.anchors.items()):
            terminal.line(f"  {grade:g}  {texts[language]}")
    if one.summary is not None:
        terminal.line(f"\nsummary {one.summary.name}, {one.summary.low:g} to {one.summary.high:g}")
    terminal.result(_facts(one))


def _facts(one: Rubric) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "digest": one.digest,
        "title": dict(one.title),
        "languages": list(one.languages),
        "measures": measures(one),
        "source": one.source,
    }
