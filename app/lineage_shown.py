"""A lineage as a person reads it on a terminal: every box with what it is made of, folded to what fits."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.lineage import Lineage
from app.lineage_nodes import FOUND, OUTSIDE
from app.terminal import Terminal, folded

_WIDEST: Final = 80
_NARROWEST: Final = 24
_INDENT: Final = "     "


def show(terminal: Terminal, drawn: Lineage, *, page: Path | None) -> None:
    """Every box with what it is made of, parents first, no wider than a terminal of 80 columns."""
    parents: dict[str, list[str]] = {}
    for one, other in drawn.edges:
        parents.setdefault(other, []).append(one)
    order = _parents_first(list(drawn.nodes), parents)
    number = {name: at for at, name in enumerate(order, start=1)}
    kinds = max(len(node.kind) for node in drawn.nodes.values())
    for name in order:
        node = drawn.nodes[name]
        of = ", ".join(str(number[one]) for one in sorted(parents.get(name, []), key=number.__getitem__))
        state = "" if node.state in {FOUND, OUTSIDE} else node.state.upper()
        told = [node.name, node.digest[:12], f"made of {of}" if of else "", state]
        _folded(terminal, f"{number[name]:>3}  {node.kind:<{kinds}}  {'  '.join(filter(None, told))}")
        counted = "; ".join(line["en"] for line in node.lines).replace(":; ", ": ")
        if counted:
            _folded(terminal, f"{_INDENT}{counted}")
    for node in drawn.broken:
        for problem in node.problems:
            _folded(terminal, f"BROKEN  {node.kind} {node.name}: {problem['en']}")
    if page is not None:
        terminal.line(f"page  {page}")
    terminal.result({**drawn.facts(), "whole": not drawn.broken})


def _folded(terminal: Terminal, text: str) -> None:
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    for line in folded(text, width=max(width, _NARROWEST), indent=_INDENT):
        terminal.line(line)


def _parents_first(names: Sequence[str], parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Names so that parents stand before their children; in a circle, as they come."""
    order: list[str] = []
    open_, done = set[str](), set[str]()
    for start in names:
        stack = [(start, False)]
        while stack:
            name, after = stack.pop()
            if after:
                done.add(name)
                order.append(name)
            elif name not in open_ and name not in done:
                open_.add(name)
                stack.append((name, True))
                stack += [(one, False) for one in sorted(parents.get(name, []), reverse=True)]
    return order
