"""What a person sees: tables and lines on the terminal, plain text in a pipe, JSON for a machine."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

_STEERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str) -> str:
    r"""A text without characters that steer a terminal or turn what is read around; each shows as its code point.

    Ids and names come from files: none of them may colour, move or rename anything. Lines and tabs stay.

    >>> shown("a\x1b[31mb\n"), shown("\u202eabc")
    ('a[U+001B][31mb\n', '[U+202E]abc')
    """
    return _STEERS.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


class Terminal:
    """Where a command writes: results to standard output, what is going on to standard error.

    Args:
        as_json: Print one JSON value as the result and nothing else on standard output.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._status: Any = None

    def say(self, line: str) -> None:
        """Tell what is going on: a moving line on a terminal, plain lines elsewhere."""
        if self._status is not None:
            self._status.update(shown(line))
        else:
            print(shown(line), file=sys.stderr, flush=True)

    @contextmanager
    def busy(self, line: str) -> Iterator[None]:
        """Show a spinner with `line` on a terminal while the block runs; a plain line elsewhere."""
        if self.as_json or not sys.stderr.isatty():
            self.say(line)
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(line) as self._status:
            yield
        self._status = None

    @contextmanager
    def downloads(self) -> Iterator[Callable[[str, int, int | None], None]]:
        """Give a function that shows how far each file has come: bars on a terminal, else a line per file."""
        if self.as_json or not sys.stderr.isatty():
            started: set[str] = set()

            def report(name: str, _: int, whole: int | None) -> None:
                if name not in started:
                    started.add(name)
                    self.say(f"{name}: {whole:,} bytes" if whole else name)

            yield report
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            tasks: dict[str, Any] = {}

            def advance(name: str, done: int, whole: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=whole)
                bars.update(tasks[name], completed=done, total=whole, visible=done != whole)

            yield advance

    def line(self, text: str = "") -> None:
        """Print a line of the result (not with `--json`), at once: who reads it through a pipe may wait for it."""
        if not self.as_json:
            print(shown(text), flush=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
        """Print rows under a header, columns as wide as their widest cell; Han characters count two.

        On a terminal too narrow for the table, its widest column is folded by the terminal itself:
        nothing is ever cut off.
        """
        if self.as_json:
            return
        cells = [[_cell(value) for value in row] for row in (header, *rows)]
        widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
        for number, row in enumerate(cells):
            padded = [
                (" " * (widths[i] - _width(cell)) + cell) if i in right else cell + " " * (widths[i] - _width(cell))
                for i, cell in enumerate(row)
            ]
            print("  ".join(padded).rstrip(), flush=True)
            if number == 0:
                print("  ".join("─" * width for width in widths))

    def result(self, value: Any) -> None:
        """Print the JSON result (only with `--json`)."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False, indent=2, default=str), flush=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
    return shown(text).replace("\n", "[U+000A]").replace("\t", "[U+0009]")


def folded(text: str, *, width: int, indent: str = "") -> list[str]:
    """A text as lines no wider than a terminal, further ones indented; Han characters count two, nothing is cut off.

    >>> folded("read 5, kept 3", width=10, indent="  ")
    ['read 5,', '  kept 3']
    """
    lines, line = list[str](), ""
    for word in shown(text).split(" "):
        if line.strip() and _width(f"{line} {word}") > width:
            lines, line = [*lines, line.rstrip()], indent + word
        else:
            line = f"{line} {word}" if line else word
        while _width(line) > width:
            at = next(n for n in range(len(line), 0, -1) if _width(line[:n]) <= width)
            if not line[:at].strip():
                break
            lines, line = [*lines, line[:at]], indent + line[at:]
    return [*lines, line.rstrip()]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
