"""A planned task as a person reads it on a terminal."""

from __future__ import annotations

from dataclasses import asdict

from annotation.power import Shows, sentences
from annotation.templates import LANGUAGES, names, template
from app.terminal import Terminal
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError


def show(terminal: Terminal, task: Artifact) -> None:
    """What was drawn, who rates how much, what could betray a system, and what n can show."""
    facts = task.manifest["facts"]
    roles = facts["roles"]
    told = ", ".join(f"{roles[role]:,} {role}" for role in ("plain", "repeat", "gold") if roles.get(role))
    terminal.line(
        f"{facts['title']['en']}: {facts['cases']:,} dialogues, {told} items, guidelines in {facts['language']}"
    )
    terminal.line()
    terminal.table(["stratum", "dialogues"], [[k, v] for k, v in facts["strata"].items()], right=(1,))
    if empty := facts["strata_without"]:
        terminal.line(f"none of {len(empty):,} small strata: {', '.join(empty[:8])}{' …' if len(empty) > 8 else ''}")
    terminal.line()
    terminal.table(["rater", "items"], [[k, v] for k, v in facts["loads"].items()], right=(1,))
    shared = [n for _, _, n in facts["pairs"]]
    if shared:
        fewest, most = min(shared), max(shared)
        count = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
        terminal.line(
            f"every two raters share {count} items" if fewest else "some raters share no item with some others"
        )
    if facts["cases"] < facts["wanted"]:
        terminal.line(f"there are only {facts['cases']:,} of the {facts['wanted']:,} dialogues that were wanted")
    for reason, n in facts["left_out"].items():
        terminal.line(f"left out  {n:,}  {reason}")
    if facts["named"]:
        terminal.line(
            f"risk      {len(facts['named']):,} items hold a word of a system's name: a rater could tell who answered"
        )
    terminal.line("\nwhat this can show")
    for line in sentences([Shows(**one) for one in facts["power"]]):
        terminal.line(f"  {line}")
    terminal.line(f"\ntask    {task.path}  {task.digest[:12]}")
    terminal.line(f"next    xinheng annotate push {task.path}")
    terminal.line(f"or      xinheng annotate sheets {task.path} --out sheets")
    terminal.result({"path": str(task.path), "digest": task.digest, **facts})


def show_templates(terminal: Terminal, name: str | None, language: str) -> None:
    """The list of templates, or one with its questions and guidelines.

    Raises:
        UsageError: No such template or language.
        InputError: A file of one's own has mistakes; all are named.
    """
    if language not in LANGUAGES:
        raise UsageError("templates", f"no words in {language!r}", want=f"one of {', '.join(LANGUAGES)}")
    if name is None:
        known = [template(one) for one in names()]
        terminal.table(
            ["template", "title", "shows", "questions"],
            [[t.name, t.title[language], t.layout, len(t.questions)] for t in known],
            right=(3,),
        )
        terminal.line("\nnext    xinheng annotate templates NAME (or a TOML file of your own: it is checked)")
        terminal.result([asdict(one) for one in known])
        return
    one = template(name)
    terminal.line(f"{one.title[language]}  ({one.name}, version {one.version}, shows: {', '.join(one.fields)})\n")
    terminal.line(one.guidelines[language])
    terminal.result(asdict(one))
