"""What a person typed into the search box, as a tree; nothing typed is an error.

The signs are those of Elasticsearch's simple query string with AND as the default: `+` and, `|` or, `-` not, `"…"` for
words in a row, `*` at a word's end for its beginning, `( )`, and a backslash before a sign that is meant as such. And
and or bind alike, from left to right. What has no meaning (a bracket alone, a bar at the end) is passed over.

A word without spaces that is cut into several (`don't`, a run of Chinese) means those in a row: a search for 心情 must
not find texts in which the two characters stand apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from search_words import words

# So much of a query counts; a page pasted into the box must not keep the server busy.
MOST_SIGNS: Final = 4000
MOST_PHRASES: Final = 64
DEEPEST: Final = 20


@dataclass(frozen=True)
class Phrase:
    """Words in a row; `open_end`: the last one may go on."""

    words: tuple[str, ...]
    open_end: bool = False


@dataclass(frozen=True)
class Every:
    """All of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Without:
    """Not the part."""

    part: Node


Node = Phrase | Every | Some | Without


def parse(typed: str) -> Node | None:
    """The tree of a query; None where it holds no word, and then it finds nothing."""
    reader = _Reader(typed[:MOST_SIGNS])
    return reader.expression(0)


class _Reader:
    """Reads a query from left to right."""

    def __init__(self, typed: str) -> None:
        self.typed = typed
        self.at = 0
        self.phrases = 0

    def expression(self, depth: int) -> Node | None:
        """What stands up to the end or to the bracket that closes this depth."""
        found: Node | None = None
        either = negative = False
        while self.at < len(self.typed) and self.phrases < MOST_PHRASES:
            sign = self.typed[self.at]
            if sign == ")":
                self.at += 1
                if depth:
                    break
            elif sign.isspace() or sign in "+|":
                either = either or sign == "|"
                # A space after a minus takes its meaning away; so does an operator.
                negative = False
                self.at += 1
            elif sign == "-":
                negative = not negative
                self.at += 1
            else:
                part = self._part(depth)
                if part is not None:
                    found = _joined(found, Without(part) if negative else part, either=either)
                either = negative = False
        return found

    def _part(self, depth: int) -> Node | None:
        sign = self.typed[self.at]
        if sign == "(":
            self.at += 1
            return self.expression(depth + 1) if depth < DEEPEST else None
        if sign == '"' and (end := self._closing()) is not None:
            inner = self.typed[self.at + 1 : end]
            self.at = end + 1
            self._pass_over_distance()
            return self._phrase(_unescaped(inner), open_end=False)
        return self._word()

    def _closing(self) -> int | None:
        found = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL).match(self.typed, self.at + 1)
        return found.end() - 1 if found else None

    def _word(self) -> Node | None:
        if self.typed[self.at] == '"':
            self.at += 1
            return None
        found = re.compile(r'(?:[^\s"|+()~\\]|\\.|\\$)*', re.DOTALL).match(self.typed, self.at)
        written = found.group() if found else ""
        self.at = found.end() if found and found.end() > self.at else self.at + 1
        self._pass_over_distance()
        open_end = written.endswith("*") and not written.endswith("\\*")
        return self._phrase(_unescaped(written.rstrip("*") if open_end else written), open_end=open_end)

    def _pass_over_distance(self) -> None:
        # Elasticsearch allows spelling mistakes by `~1`; here words are taken as they are written.
        found = re.compile(r"~\d*").match(self.typed, self.at)
        self.at = found.end() if found else self.at

    def _phrase(self, written: str, *, open_end: bool) -> Node | None:
        found = tuple(words(written))
        if not found:
            return None
        self.phrases += 1
        return Phrase(found, open_end)


def _joined(left: Node | None, right: Node, *, either: bool) -> Node:
    if left is None:
        return right
    kind = Some if either else Every
    if isinstance(left, kind):
        return kind((*left.parts, right))
    return kind((left, right))


def _unescaped(written: str) -> str:
    return re.sub(r"\\(.)", r"\1", written, flags=re.DOTALL)
