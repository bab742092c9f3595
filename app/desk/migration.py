"""A desk's database brought up from the schema of an older Xinheng: whole steps, each of them in one transaction.

A step only adds: an older backup is restored into the tables of today and then filled as the older database would be.
Of a SQLite file a copy lies beside it while it is brought up. It is removed once the file was found to be whole, for it
holds the keys of clients who may be erased later; a copy that is there at a start is of a start that was killed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from xinheng.errors import DeskError


@dataclass(frozen=True)
class Step:
    """How a schema is reached from the one before: `shape` adds to the tables, `fill` gives what was added its values.

    `fill` reads what the older schema had, and gives the same when it is run again.
    """

    schema: int
    shape: Callable[[sa.Connection], object]
    fill: Callable[[sa.Connection], object]


def _count_notes(connection: sa.Connection) -> None:
    """A client's last note number stands with his keys, so that the next one needs no look at all his notes."""
    last = "SELECT coalesce(max(CAST(record_id AS INTEGER)), 0) FROM note WHERE note.client_id = client.client_id"
    connection.execute(sa.text(f"UPDATE client SET notes = ({last})"))  # noqa: S608  nothing in it is typed


def _add_count(connection: sa.Connection) -> None:
    # Where changing tables is no part of a transaction (YugabyteDB), a killed start may have come as far as this.
    if "notes" not in {column["name"] for column in sa.inspect(connection).get_columns("client")}:
        connection.execute(sa.text("ALTER TABLE client ADD COLUMN notes INTEGER NOT NULL DEFAULT 0"))


STEPS: Final = (Step(2, _add_count, _count_notes),)
SCHEMA: Final = STEPS[-1].schema

# Runs work in a transaction that writes, and again where it met another.
Once = Callable[[sa.Engine, Callable[[sa.Connection], Any]], Any]


def bring_up(engine: sa.Engine, home: Path, once: Once) -> None:
    """Bring a database up to the schema of this program; nothing happens to one that is there already.

    Raises:
        DeskError: It was made by a newer Xinheng, no copy can be kept, or the file is not whole afterwards.
    """
    if engine.dialect.name == "postgresql":
        _steps(engine, once)
        return
    if engine.dialect.name != "sqlite":
        if once(engine, _schema) < SCHEMA:
            mend = "Back it up with the Xinheng that made it; restore into an empty database with this one."
            raise DeskError("desk", "this kind of database cannot be brought up where it is", mend=mend)
        return
    if once(engine, _schema) == SCHEMA and not _copies(home):
        return
    with _alone(home):  # two desks that start at once would copy each other's half
        before = once(engine, _schema)
        if before < SCHEMA:
            _copy(engine, home, home / f"desk.schema-{before}.sqlite")
            _steps(engine, once)
        _look_over(engine, home)


def fill(connection: sa.Connection, schema: int) -> None:
    """Give rows of an older schema, which stand in today's tables, what steps since then have added."""
    for step in STEPS:
        if step.schema > schema:
            step.fill(connection)


def require_known(schema: int) -> None:
    """Refuse what a newer program made.

    Raises:
        DeskError: It is newer.
    """
    if schema > SCHEMA:
        raise DeskError("desk", "made by a newer Xinheng", want=f"schema {SCHEMA}", have=str(schema), mend="Update.")


def _schema(connection: sa.Connection) -> int:
    schema = int(connection.execute(sa.text('SELECT "schema" FROM desk')).scalar_one())
    require_known(schema)
    return schema


def _steps(engine: sa.Engine, once: Once) -> None:
    for step in STEPS:
        once(engine, partial(_take, step))


def _take(step: Step, connection: sa.Connection) -> None:
    if _schema(connection) >= step.schema:
        return
    # First of all: of two desks that start at once, one waits here until the other is through.
    now = sa.text('UPDATE desk SET "schema" = :now WHERE "schema" < :now')
    connection.execute(now, {"now": step.schema})
    before = _counts(connection)
    step.shape(connection)
    step.fill(connection)
    if before.items() - _counts(connection).items():
        raise DeskError("desk", f"schema {step.schema} would lose rows", mend="Nothing was changed; report this.")


def _counts(connection: sa.Connection) -> dict[str, int]:
    names = sa.inspect(connection).get_table_names()
    tables = {name: sa.select(sa.func.count()).select_from(sa.table(name)) for name in names}
    return {name: int(connection.execute(query).scalar_one()) for name, query in tables.items()}


# ---- the copy of a SQLite file


def _copies(home: Path) -> list[Path]:
    return sorted(home.glob("desk.schema-*"))


def _copy(engine: sa.Engine, home: Path, to: Path) -> None:
    for old in _copies(home):
        old.unlink()
    writing = to.with_suffix(".writing")
    try:
        writing.touch(mode=0o600)
        _driver(engine, "VACUUM INTO ?", str(writing))
        for path in (writing, home):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        writing.replace(to)
    except (sqlite3.Error, OSError) as error:
        writing.unlink(missing_ok=True)
        why = "no copy could be kept before the database is brought up"
        mend = "Is the disk full? Nothing was changed."
        raise DeskError("desk", why, have=str(error), mend=mend) from None


def _look_over(engine: sa.Engine, home: Path) -> None:
    """Remove the copy where the file is whole.

    Raises:
        DeskError: It is not; the copy stays and is named.
    """
    try:
        found = _driver(engine, "PRAGMA integrity_check") + _driver(engine, "PRAGMA foreign_key_check")
    except sqlite3.Error as error:
        found = [(type(error).__name__,)]
    if found != [("ok",)]:
        names = ", ".join(path.name for path in _copies(home))
        mend = f"What was there before lies in {names or 'no copy'}; keep it."
        raise DeskError("desk", "the database is damaged", have=f"{len(found)} faults", mend=mend)
    for path in _copies(home):
        path.unlink()


def _driver(engine: sa.Engine, statement: str, *values: str) -> list[Any]:
    """What a statement gives that can stand in no transaction."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(statement, values)
        return list(cursor.fetchall())
    finally:
        raw.close()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time; the lock is the folder's, so that no file of it stays."""
    import fcntl

    handle = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
