"""Tables of cards: Markdown, and measures with their intervals, each number a claim."""

from __future__ import annotations

from collections.abc import Sequence

from xinheng.claims import Ledger
from xinheng.figures import in_file

EVIDENCE = "evidence"
_WORDS = ("part", "measure", "scorer")
_FIGURES = ("value", "low", "high")
_COUNTS = ("n", "missing")


def table(header: Sequence[str], body: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """A Markdown table; `right` are the columns of numbers.

    >>> print(table(["split", "rows"], [["train", "98"]], right=[1]))
    | split | rows |
    | --- | ---: |
    | train | 98 |
    """
    lines = [header, ["---:" if i in right else "---" for i in range(len(header))], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def measures(name: str, count: int, ledger: Ledger) -> str:
    """The measures of scores or of agreement, which lie as JSON in `evidence/<name>.json`.

    Args:
        name: Of the file.
        count: How many measures it has.
        ledger: Over the folder.
    """
    file = f"{EVIDENCE}/{name}.json"
    title, digest = ledger.say(in_file(file, "title"), "text"), ledger.say(in_file(file, "digest"), "short")
    body = [
        [ledger.say(in_file(file, "rows", at, what), "text") for what in _WORDS]
        + [ledger.say(in_file(file, "rows", at, what), "figure") for what in _FIGURES]
        + [ledger.say(in_file(file, "rows", at, what)) for what in _COUNTS]
        for at in range(count)
    ]
    head = ["part", "measure", "scorer", "value", "low", "high", "cases", "missing"]
    return f"**{title}** (artifact `{digest}`)\n\n{table(head, body, right=range(3, 8))}"
