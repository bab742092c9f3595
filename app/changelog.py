"""Changelogs in Markdown: the newest entry first, one per version, whatever signs the names in them hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from xinheng.artifacts import Artifact
from xinheng.errors import InputError

CHANGELOG: Final = "CHANGELOG.md"
HEAD: Final = "# Changelog"
FIRST_VERSION: Final = "1.0.0"
_UNRELEASED: Final = "## Unreleased\n"
_HEADING: Final = re.compile(r"^## v?(\d+\.\d+\.\d+)\b", re.MULTILINE)


def unreleased(text: str, line: str) -> str:
    r"""A changelog with a line of what no version holds yet, on top.

    >>> print(unreleased("# Changelog\n", "- Gone: 3 rows."), end="")
    # Changelog
    <BLANKLINE>
    ## Unreleased
    <BLANKLINE>
    - Gone: 3 rows.
    """
    head, *older = _entries(text)
    if older and older[0].startswith(_UNRELEASED):
        _, _, lines = older.pop(0).partition("\n")
        line = f"{line}\n{lines.strip()}"
    return "\n\n".join([head.strip() or HEAD, f"## Unreleased\n\n{line}", *(one.strip() for one in older)]) + "\n"


def released(text: str, version: str, published: str = "") -> str:
    r"""A dataset's changelog as a publication has it: what no version held yet is that of this version.

    A dataset knows nothing of its publications, so all its lines stay unreleased in it: those that an earlier version
    of the publication tells already stay where they are.

    Args:
        text: The dataset's.
        version: Of the publication.
        published: The changelog of the publication that is replaced; empty where there is none.

    >>> print(released("## Unreleased\n\n- Two.\n- One.\n", "1.1.0", "# C\n\n## 1.0.0\n\n- One.\n"), end="")
    # C
    <BLANKLINE>
    ## 1.1.0
    <BLANKLINE>
    - Two.
    <BLANKLINE>
    ## 1.0.0
    <BLANKLINE>
    - One.
    """
    head, *entries = _entries(text)
    lines: list[str] = []
    if entries and entries[0].startswith(_UNRELEASED):
        lines = [line for line in entries.pop(0).split("\n")[1:] if line.strip()]
    if published:
        head, *entries = _entries(published)
    before = [one for one in entries if (one.split(maxsplit=2)[1:2] or [""])[0].removeprefix("v") != version]
    told = Counter(line for one in before for line in one.split("\n"))
    new = []
    for line in reversed(lines):  # the oldest first: of two lines of the same words it is the one that was told
        told[line] -= 1
        if told[line] < 0:
            new.append(line)
    top = [f"## {version}\n\n" + "\n".join(reversed(new))] if new else []
    return "\n\n".join([head.strip() or HEAD, *top, *(one.strip() for one in (before if new else entries))]) + "\n"


def _entries(text: str) -> list[str]:
    """What stands before the first entry, and each entry."""
    return re.split(r"^(?=## )", text.replace("\r\n", "\n"), flags=re.MULTILINE)


def entry(facts: Mapping[str, Any]) -> str:
    """The changelog's entry of the proposed version: counts and names of columns."""
    rows, version = facts["rows"], facts["version"]
    day = str(facts["after"]["written"])[:10]
    lines = [f"## {version['now']}{f' ({day})' if day else ''}", ""]
    lines.append(
        f"- Rows: {rows['before']:,} → {rows['after']:,} (added {rows['added']:,}, removed {rows['removed']:,}, "
        f"changed {rows['changed']:,})."
    )
    if facts["columns"]:
        named = ", ".join(f"{_code(row['column'])} {row['rows']:,}" for row in facts["columns"])
        lines.append(f"- Rows changed by column: {named}.")
    for row in facts["schema"]:
        was, now = (row[side] or "none" for side in ("was", "now"))
        lines.append(f"- Column {_code(row['column'])}: {_code(was)} → {_code(now)}.")
    for row in facts["moved"]:
        was, now = (row[side] or "none" for side in ("was", "now"))
        lines.append(f"- Moved from {_code(was)} to {_code(now)}: {row['rows']:,} rows.")
    lines += [
        f"- Withdrawn at the request of those who wrote them: {row['now'] or 0:,} rows in all."
        for row in facts["causes"]
        if row["what"] == "withdrawn rows"
    ]
    lines.append(_digests(facts["before"]["digest"], facts["after"]["digest"]))
    lines.append(f"- {version['level'].capitalize()}: {' '.join(map(_plain, version['why']))}")
    return "\n".join(lines) + "\n"


def with_entry(text: str, new: str, version: str) -> str:
    r"""A changelog with an entry on top; one of the same version is replaced.

    >>> print(with_entry("# Changelog\n\n## 1.0.0\n\n- First.\n", "## 1.1.0\n\n- Second.\n", "1.1.0"))
    # Changelog
    <BLANKLINE>
    ## 1.1.0
    <BLANKLINE>
    - Second.
    <BLANKLINE>
    ## 1.0.0
    <BLANKLINE>
    - First.
    <BLANKLINE>
    """
    parts = _entries(text)
    head = parts[0].strip() or HEAD
    older = [part.strip() for part in parts[1:] if (found := _HEADING.match(part)) is None or found[1] != version]
    return "\n\n".join([head, new.strip(), *older]) + "\n"


def version_before(text: str, before: Artifact, after: Artifact) -> str:
    """The newest version that a changelog names; `FIRST_VERSION` where it names none.

    An entry of this very difference, written earlier, does not count: written again it is replaced.
    """
    parts = _entries(text)[1:]
    found = [(match[1], part) for part in parts if (match := _HEADING.match(part)) is not None]
    own = _digests(before.digest, after.digest)
    return next((version for version, part in found if own not in part), FIRST_VERSION)


def _digests(before: str, after: str) -> str:
    return f"- Digest: {before[:12]} → {after[:12]}."


def read(path: Path) -> str:
    """A changelog's text; empty where there is none.

    Raises:
        InputError: It is there and cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), "cannot be read", want="a changelog in Markdown", have=type(error).__name__
        ) from None


def _plain(text: str) -> str:
    """A text that Markdown takes for nothing else."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", re.sub(r"\s+", " ", text))


def _code(text: object) -> str:
    """A name in code type, whatever signs it holds."""
    plain = re.sub(r"\s+", " ", str(text))
    longest = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"
