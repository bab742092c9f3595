"""The desk's tables, in SQLite or behind any PostgreSQL protocol, and transactions that are whole or not there.

No column holds a word of a client: bodies are sealed, ids are random, codes are keyed hashes. What anybody with the
file can see is how many clients and records there are, how long each is, and in which order they came.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from app.desk import migration
from app.desk.database_address import reached
from app.desk.migration import SCHEMA
from xinheng.errors import DeskError

# Every kind has a table of the same columns. A version is a row; it is written once and never changed.
KINDS: Final = ("info", "note", "draft", "edit", "consent", "adapter", "attachment", "library", "summary", "job")

# Met another transaction; another desk made the same table or column at the same moment.
_RETRIED: Final = frozenset({"40001", "40P01", "42P07", "42701"})
# The server ends or comes back, as after a crash of one of its processes.
_BROKEN: Final = ("57P01", "57P02", "57P03", "08")
_TRIES: Final = 12
# Another program may hold an SQLite file for hours: then who waits is told.
_LONGEST_S: Final = 25.0

metadata = sa.MetaData()
desk_table = sa.Table(
    "desk",
    metadata,
    sa.Column("desk_id", sa.String(32), primary_key=True),
    sa.Column("schema", sa.Integer, nullable=False),
)
counsellor_table = sa.Table(
    "counsellor",
    metadata,
    sa.Column("counsellor_id", sa.String(32), primary_key=True),
    sa.Column("name_tag", sa.String(64), nullable=False, unique=True),
    sa.Column("opened_by", sa.String(16), nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("cost", sa.String(32), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("recovery", sa.LargeBinary, nullable=False),
    sa.Column("next_wrapped", sa.LargeBinary),
    sa.Column("ring", sa.LargeBinary, nullable=False),
    sa.Column("audit_seq", sa.Integer, nullable=False),
    sa.Column("audit_mac", sa.LargeBinary, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
)
client_table = sa.Table(
    "client",
    metadata,
    sa.Column("client_id", sa.String(32), primary_key=True),
    sa.Column("counsellor_id", sa.ForeignKey("counsellor.counsellor_id"), nullable=False, index=True),
    sa.Column("code_tag", sa.String(64), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("notes", sa.Integer, nullable=False, server_default="0"),  # the last note's number
    sa.UniqueConstraint("counsellor_id", "code_tag"),
)
audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("counsellor_id", sa.ForeignKey("counsellor.counsellor_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("mac", sa.LargeBinary, nullable=False),
)
RECORDS: Final = {
    kind: sa.Table(
        kind,
        metadata,
        sa.Column("client_id", sa.ForeignKey("client.client_id"), primary_key=True),
        sa.Column("record_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    for kind in KINDS
}

T = TypeVar("T")


def connect(home: Path, url: str | None = None) -> sa.Engine:
    """The database at an address, or the SQLite file of a desk's folder, with its tables made or brought up.

    Args:
        home: The desk's folder, made with mode 0700.
        url: `postgresql://…`, or any address SQLAlchemy knows; None for `desk.sqlite` in the folder.

    Raises:
        DeskError: The database does not answer, was made by a newer Xinheng, or cannot be brought up.
        UsageError: The address says something that is not known.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
    try:
        address, options["connect_args"] = reached(home, url)
        if address.get_backend_name() != "sqlite":
            options["isolation_level"] = "SERIALIZABLE"
        engine = sa.create_engine(address, **options)
        with ExitStack() as undone:
            undone.callback(engine.dispose)
            if engine.dialect.name == "sqlite":
                (home / "desk.sqlite").touch(mode=0o600)
                _as_sqlite(engine)
            _once(engine, _make)
            migration.bring_up(engine, home, _once)
            undone.pop_all()
    except ssl.SSLError as error:
        why, mend = "the database does not prove who it is", "Give its certificate by ?sslrootcert=FILE in the address."
        raise DeskError("desk", why, have=error.reason or type(error).__name__, mend=mend) from None
    except sa.exc.SQLAlchemyError as error:
        raise DeskError("desk", "the database does not answer", have=type(error).__name__, mend="Is it up?") from None
    return engine


def _as_sqlite(engine: sa.Engine) -> None:
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "busy_timeout=10000",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    sa.event.listen(engine, "connect", on_connect)
    # A writer that begins as a reader cannot wait for another writer: it would have read what is old by then.
    sa.event.listen(
        engine,
        "begin",
        lambda c: c.exec_driver_sql("BEGIN IMMEDIATE" if c.get_execution_options().get("writes") else "BEGIN"),
    )


def _make(connection: sa.Connection) -> None:
    """Make the tables that are not there; whole ones need no step of `migration.py`."""
    made = sa.inspect(connection).has_table("desk")
    if made:
        migration.require_known(_schema(connection))
    metadata.create_all(connection)
    if not made:
        connection.execute(desk_table.insert().values(desk_id=random.SystemRandom().randbytes(16).hex(), schema=SCHEMA))


def _schema(connection: sa.Connection) -> int:
    found = connection.execute(sa.select(desk_table.c.schema)).scalars().all()
    if len(found) != 1 or not isinstance(found[0], int):
        raise DeskError("desk", "the database does not say which desk it is", mend="Restore it from a backup.")
    return found[0]


def read(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """What the work reads, all of it at one moment."""
    return _repeated(engine, work, writes=False)


def written(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """What the work gives, once all it wrote is on the disk.

    Where two transactions met and the database let one of them win, the other's work is done again from its first
    read; so is one whose row was made meanwhile, for the work itself then finds it and says whose it is.

    Raises:
        DeskError: The database refused, went away, or was brought up by a newer program meanwhile.
    """

    def same_schema(connection: sa.Connection) -> T:
        schema = _schema(connection)
        if schema != SCHEMA:
            why, mend = "another desk has brought the database up", "Update Xinheng here and start it again."
            raise DeskError("desk", why, want=f"schema {SCHEMA}", have=str(schema), mend=mend)
        return work(connection)

    return _repeated(engine, same_schema, writes=True)


def _once(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    return _repeated(engine, work, writes=True)


def _repeated(engine: sa.Engine, work: Callable[[sa.Connection], T], *, writes: bool) -> T:
    began = time.monotonic()
    for again in range(_TRIES):
        worked = False
        try:
            with engine.connect().execution_options(writes=writes) as connection, connection.begin():
                done = work(connection)
                worked = True
        except sa.exc.DBAPIError as error:
            broken = _broken(error)
            if writes and worked and broken:
                # It broke while the end of the transaction was on its way: it may be saved.
                raise DeskError(
                    "desk", "the database went away", mend="Look whether it was saved before you repeat it."
                ) from None
            over = again == _TRIES - 1 or time.monotonic() - began > _LONGEST_S
            if over or not (broken or _worth_repeating(error)):
                raise DeskError(
                    "desk", "the database refused", have=type(error.orig).__name__, mend="Nothing was changed; repeat."
                ) from None
        else:
            return done
        time.sleep(random.uniform(0, 0.01 * 2 ** min(again, 6)))  # noqa: S311  no secret
    raise AssertionError("unreachable")


def _broken(error: sa.exc.DBAPIError) -> bool:
    return error.connection_invalidated or _code(error).startswith(_BROKEN)


def _worth_repeating(error: sa.exc.DBAPIError) -> bool:
    return (
        isinstance(error, sa.exc.IntegrityError)
        or _code(error) in _RETRIED
        or "database is locked" in str(error.orig.args[0] if error.orig is not None and error.orig.args else "")
    )


def _code(error: sa.exc.DBAPIError) -> str:
    told = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    return str(told.get("C") if isinstance(told, dict) else getattr(error.orig, "sqlstate", None) or "")
