"""A desk copied while it is in use, as rows that are encrypted already, and put back into an empty database.

The same file takes a desk from SQLite to PostgreSQL and back. Making one needs no passphrase; opening what was restored
needs the one of that time.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.desk import backup_files, migration
from app.desk.backup_lines import FORMAT, Whole, checked, end, files, lines, row_line, row_of, write
from app.desk.checking_files import owed
from app.desk.database import desk_table, metadata, read, written
from xinheng.errors import DeskError, UsageError, WriteError
from xinheng.storage import Place, RemotePath


def backup(engine: sa.Engine, home: Path, to: Path, *, place: Place | None = None) -> dict[str, int]:
    """Write all rows of one moment, and the files that they name, into one file that appears whole.

    Files of an object store are not in it. What is taken out while the backup is made is left out.

    Args:
        engine: The database.
        home: The desk's folder.
        to: The file to write.
        place: Where the desk's files are; None for `files` in its folder.

    Returns:
        Rows by table; `files` that are in it; `files_gone`, which went while it was made; and how many files records
        name that are not in it, `files_not_copied` at least and `files_not_copied_at_most`.

    Raises:
        UsageError: There is something at `to` already.
        DeskError: A file of the desk cannot be read.
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
                digest, named = read(engine, lambda connection: _rows(connection, out, counts))
                _files(place or home / "files", out, digest, counts, named)
                end(out, digest, counts)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(to)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError("desk", f"cannot write {to}", have=error.strerror or "an error") from error
    return counts


def _rows(connection: sa.Connection, out: Any, counts: dict[str, int]) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Write the rows, from the beginning where a transaction is done again; the digest so far, and files by client."""
    out.seek(0)
    out.truncate()
    digest = hashlib.sha256()
    counts.clear()
    write(out, digest, {"format": FORMAT})
    for table in metadata.sorted_tables:
        counts[table.name] = 0
        for row in connection.execution_options(yield_per=500).execute(sa.select(table)).mappings():
            write(out, digest, row_line(table.name, row))
            counts[table.name] += 1
    return digest, owed(connection)


def _files(place: Place, out: Any, digest: Any, counts: dict[str, int], named: dict[str, tuple[int, int]]) -> None:
    """Write the files after the rows: each that a row names was there before it, unless it was taken out since."""
    copied: Counter[str] = Counter()
    gone = 0
    for name, body in _bodies(place):
        if body is None:
            gone += 1
            continue
        write(out, digest, {"file": name, "body": base64.b64encode(body).decode()})
        copied[name.split("/")[1]] += 1
    counts["files"], counts["files_gone"] = copied.total(), gone
    counts["files_not_copied"] = sum(max(0, least - copied[client]) for client, (least, _) in named.items())
    counts["files_not_copied_at_most"] = sum(max(0, most - copied[client]) for client, (_, most) in named.items())


def _bodies(place: Place) -> Iterator[tuple[str, bytes | None]]:
    """The files of a folder, by name; None for the bytes of one that was taken out meanwhile."""
    if isinstance(place, RemotePath):
        return
    name = ""
    try:
        for name in backup_files.found(place):
            try:
                body = (place / name).read_bytes()
            except FileNotFoundError:  # an attachment that was removed, a client that was erased
                yield name, None
            else:
                yield name, body
    except OSError as error:
        have = f"{f'file {name[-32:][:8]}, ' if name else ''}{error.strerror or 'an error'}"
        raise DeskError("desk", f"a file in {place} cannot be read", have=have, mend="No backup was made.") from error


def restore(engine: sa.Engine, home: Path, source: Path, *, place: Place | None = None) -> dict[str, int]:
    """Put a backup into a database where there is no counsellor yet; all of it, or nothing.

    Files come first, and rows in one transaction then. What a restore that was killed has left is taken out by the
    next. One of an older Xinheng is brought up on the way.

    Args:
        engine: The database.
        home: The desk's folder.
        source: The backup.
        place: Where the desk's files are to be; None for `files` in its folder.

    Returns:
        What the backup counted; `files_skipped` where it holds files that no desk wrote.

    Raises:
        UsageError: The database holds a desk; files of these names, or a restore, are in the place; or it is an object
            store, and the backup holds files.
        InputError: The file is no backup, or not whole.
        WriteError: The disk refuses.
        DeskError: A newer Xinheng made it, or the database refuses.
    """
    whole, there = checked(source), place or home / "files"
    read(engine, backup_files.require_empty)
    if isinstance(there, RemotePath):
        if whole.files:
            mend = "Restore with --files FOLDER, and copy that folder's content into the store."
            raise UsageError("desk", f"the backup's files cannot go to {there}", have=f"{whole.files} files", mend=mend)
        putting: Any = nullcontext()
    else:
        putting = backup_files.put_back(engine, there, files(source, whole)) if _needed(whole, there) else nullcontext()
    try:
        with putting:
            written(engine, lambda connection: _put_rows(connection, source, whole))
    except OSError as error:
        have = error.strerror or "an error"
        mend = "Nothing was restored; free space there, or say another place."
        raise WriteError("desk", f"cannot write into {there}", have=have, mend=mend) from error
    return {**whole.counts, **({"files_skipped": whole.skipped} if whole.skipped else {})}


def _needed(whole: Whole, there: Path) -> bool:
    return bool(whole.files) or (there / backup_files.STAGING).is_dir()


def _put_rows(connection: sa.Connection, source: Path, whole: Whole) -> None:
    backup_files.require_empty(connection)
    connection.execute(desk_table.delete())
    for line in lines(source, whole.digest):
        if "table" in line:
            connection.execute(metadata.tables[line["table"]].insert().values(**row_of(line)))
    migration.fill(connection, whole.schema)
    connection.execute(desk_table.update().values(schema=migration.SCHEMA))
