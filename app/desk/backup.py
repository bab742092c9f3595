"""A desk copied while it is in use, as rows that are encrypted already, and put back into an empty database.

The same file takes a desk from SQLite to PostgreSQL and back. Making one needs no passphrase; opening what was restored
needs the one of that time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import migration
from app.desk.database import desk_table, metadata, read, written
from xinheng.errors import InputError, UsageError, WriteError

_FORMAT: Final = "xinheng-desk-backup-1"


def backup(engine: sa.Engine, home: Path, to: Path) -> dict[str, int]:
    """Write all rows of one moment, and the files beside them, into one file that appears whole; counts by table.

    Files of an object store are not in it.

    Raises:
        UsageError: There is something at `to` already.
        WriteError: The disk refuses.
    """
    if to.exists():
        raise UsageError("desk", f"{to} is there already", mend="Choose another name.")
    counts: dict[str, int] = {}
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.writing-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as out:
                digest = read(engine, lambda connection: _rows(connection, out, counts))
                _files(home, out, digest, counts)
                out.write(json.dumps({"end": digest.hexdigest(), "counts": counts}) + "\n")
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(to)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError("desk", f"cannot write {to}", have=error.strerror or "an error") from error
    return counts


def _rows(connection: sa.Connection, out: Any, counts: dict[str, int]) -> Any:
    """Write the rows, from the beginning where a transaction is done again; the digest so far."""
    out.seek(0)
    out.truncate()
    digest = hashlib.sha256()
    counts.clear()
    _write(out, digest, {"format": _FORMAT})
    for table in metadata.sorted_tables:
        counts[table.name] = 0
        for row in connection.execution_options(yield_per=500).execute(sa.select(table)).mappings():
            _write(out, digest, {"table": table.name, "row": {key: _plain(value) for key, value in row.items()}})
            counts[table.name] += 1
    return digest


def _files(home: Path, out: Any, digest: Any, counts: dict[str, int]) -> None:
    folder = home / "files"
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    for path in paths:
        body = base64.b64encode(path.read_bytes()).decode()
        _write(out, digest, {"file": path.relative_to(folder).as_posix(), "body": body})
    counts["files"] = len(paths)


def restore(engine: sa.Engine, home: Path, source: Path) -> dict[str, int]:
    """Put a backup into a database where there is no counsellor yet; all of it, or nothing.

    One of an older Xinheng is brought up on the way.

    Raises:
        UsageError: The database holds a desk.
        InputError: The file is no backup, or not whole.
        DeskError: A newer Xinheng made it.
    """
    counts, schema = _checked(source)
    migration.require_known(schema)
    names = {table.name: table for table in metadata.sorted_tables}

    def work(connection: sa.Connection) -> None:
        if connection.execute(sa.select(metadata.tables["counsellor"].c.counsellor_id)).first():
            raise UsageError("desk", "there is a desk in this database", mend="Restore into an empty folder.")
        connection.execute(desk_table.delete())
        for line in _lines(source):
            if "table" in line:
                row = {key: _back(value) for key, value in line["row"].items()}
                connection.execute(names[line["table"]].insert().values(**row))
        migration.fill(connection, schema)
        connection.execute(desk_table.update().values(schema=migration.SCHEMA))

    written(engine, work)
    for line in _lines(source):
        if "file" in line:
            _put_file(home / "files", line)
    return counts


def _put_file(folder: Path, line: dict[str, Any]) -> None:
    path = folder / line["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError("desk", "a file of the backup leads out of the folder")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(base64.b64decode(line["body"]))


def _checked(source: Path) -> tuple[dict[str, int], int]:
    """The counts at the end of a backup, once its digest was found to be right, and the schema of its rows."""
    digest, end, schema = hashlib.sha256(), None, 0
    try:
        with source.open("rb") as lines:
            for number, line in enumerate(lines):
                held = json.loads(line)
                if not isinstance(held, dict) or (number == 0 and held.get("format") != _FORMAT):
                    break
                if "end" in held:
                    end = held
                    break
                if held.get("table") == "desk":
                    schema = int(held["row"]["schema"])
                digest.update(line)
    except OSError as error:
        raise InputError("desk", f"cannot read {source}", have=error.strerror or "an error") from error
    except (ValueError, KeyError, TypeError):
        end = None
    if end is None or end["end"] != digest.hexdigest():
        raise InputError("desk", f"{source} is no whole backup", want=_FORMAT, mend="Take another copy of it.")
    return {str(name): int(count) for name, count in end["counts"].items()}, schema


def _lines(source: Path) -> Iterator[dict[str, Any]]:
    with source.open("rb") as lines:
        for line in lines:
            held = json.loads(line)
            if isinstance(held, dict):
                yield held


def _write(out: Any, digest: Any, line: dict[str, Any]) -> None:
    text = json.dumps(line) + "\n"
    out.write(text)
    digest.update(text.encode())


def _plain(value: Any) -> Any:
    return {"b": base64.b64encode(bytes(value)).decode()} if isinstance(value, bytes | memoryview) else value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["b"])
    return value
