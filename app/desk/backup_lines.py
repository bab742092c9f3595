"""The lines of a backup: one JSON object each, and last of all a digest of those before it.

Whoever reads them gets each line as it stands and, before the end, no promise: one reader serves the look that comes
first and the pass that restores, and says at the end of both whether the file is whole.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import sqlalchemy as sa

from app.desk import migration
from app.desk.backup_files import is_name
from app.desk.database import metadata
from xinheng.errors import InputError

FORMAT: Final = "xinheng-desk-backup-1"


@dataclass(frozen=True)
class Whole:
    """What a backup that was found to be whole holds.

    Args:
        counts: Rows by table and files, as whoever made it has counted.
        schema: Of its rows.
        digest: Of all lines.
        files: Those that are restored.
        skipped: Files that no desk wrote, such as a file manager's; they are left out.
    """

    counts: dict[str, int]
    schema: int
    digest: str
    files: int
    skipped: int


def write(out: Any, digest: Any, line: dict[str, Any]) -> None:
    """Write a line, and let the digest know it."""
    text = json.dumps(line) + "\n"
    out.write(text)
    digest.update(text.encode())


def end(out: Any, digest: Any, counts: dict[str, int]) -> None:
    """Write the last line."""
    out.write(json.dumps({"end": digest.hexdigest(), "counts": counts}) + "\n")


def row_line(table: str, row: Any) -> dict[str, Any]:
    """A row as a line."""
    return {"table": table, "row": {key: _plain(value) for key, value in row.items()}}


def lines(source: Path, expected: str = "") -> Iterator[dict[str, Any]]:
    """All lines, the first and the last as well.

    Args:
        source: The backup.
        expected: Its digest, where it was looked at before.

    Raises:
        InputError: It cannot be read; or it is not whole, or goes on behind its end, which is told at the end.
    """
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file:
            for number, text in enumerate(file):
                line = json.loads(text)
                if not isinstance(line, dict) or (number == 0) != (line.get("format") == FORMAT):
                    break
                if "end" in line:
                    if line["end"] != digest.hexdigest() or expected not in ("", line["end"]) or file.read(1):
                        break
                    yield line
                    return
                digest.update(text)
                yield line
    except OSError as error:
        raise InputError("desk", f"cannot read {source}", have=error.strerror or "an error") from error
    except (ValueError, RecursionError):
        raise not_whole(source) from None
    raise not_whole(source)


def checked(source: Path) -> Whole:
    """What a backup holds, once every line was looked at.

    Raises:
        InputError: It is no whole backup, or a file of it leads out of the desk's folder.
        DeskError: A newer Xinheng made it.
    """
    found: Counter[str] = Counter()
    desks: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    strange = skipped = 0
    for line in lines(source):
        if "table" in line:
            found[str(line["table"])] += 1
            strange += not _fits(line)
            if line["table"] == "desk" and isinstance(line.get("row"), dict):
                desks.append(line["row"])
        elif "file" in line:
            found["files"] += 1
            skipped += not _is_restored(line, source)
        last = line
    schema = desks[0].get("schema") if len(desks) == 1 else None
    if not isinstance(schema, int):
        raise not_whole(source)
    migration.require_known(schema)  # what is strange in a newer one is only new
    counts = last.get("counts")
    if strange or not isinstance(counts, dict) or any(not isinstance(count, int) for count in counts.values()):
        raise not_whole(source)
    if any(counts.get(name, 0) != found[name] for name in {*found, *metadata.tables, "files"}):
        raise not_whole(source)
    return Whole(counts, schema, last["end"], found["files"] - skipped, skipped)


def row_of(line: dict[str, Any]) -> dict[str, Any]:
    """A line's row as the database takes it."""
    return {key: _back(value) for key, value in line["row"].items()}


def files(source: Path, whole: Whole) -> Iterator[tuple[str, bytes]]:
    """The files that are restored: the name of each, and its sealed bytes."""
    for line in lines(source, whole.digest):
        if "file" in line and _is_restored(line, source):
            yield line["file"], base64.b64decode(line["body"])


def not_whole(source: Path) -> InputError:
    """What is said of a file that is no backup, or of half a one."""
    return InputError("desk", f"{source} is no whole backup", want=FORMAT, mend="Take another copy of it.")


def _is_restored(line: dict[str, Any], source: Path) -> bool:
    name = line["file"]
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("..")
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or "\0" in str(path):
        why, mend = "a file of the backup leads out of the folder", "Somebody changed it: take another copy of it."
        raise InputError("desk", why, mend=mend)
    try:
        base64.b64decode(line["body"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise not_whole(source) from None
    return is_name(str(name))


def _fits(line: dict[str, Any]) -> bool:
    """Whether a row is one of today's tables, which an older one lacks a column of at most."""
    table, row = metadata.tables.get(str(line["table"])), line.get("row")
    if table is None or not isinstance(row, dict) or not set(row) <= set(table.c.keys()):
        return False
    return all(_is_of(column, row) for column in table.c)


def _is_of(column: sa.Column[Any], row: dict[str, Any]) -> bool:
    if column.name not in row:
        return bool(column.nullable) or column.server_default is not None
    try:
        value = _back(row[column.name])
    except (KeyError, TypeError, ValueError):
        return False
    if value is None:
        return bool(column.nullable)
    kind = column.type.python_type
    return type(value) is kind or (kind is float and type(value) is int)


def _plain(value: Any) -> Any:
    return {"b": base64.b64encode(bytes(value)).decode()} if isinstance(value, bytes | memoryview) else value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["b"], validate=True)
    return value
