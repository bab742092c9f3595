"""The database's tables brought to the version that the installed argilla-server wants."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool
from telling import Failed


def _script() -> tuple[Config, ScriptDirectory]:
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    config = Config(ALEMBIC_CONFIG_FILE)
    return config, ScriptDirectory.from_config(config)


def head() -> str:
    """The revision that the installed server wants."""
    return str(_script()[1].get_current_head())


def known() -> set[str]:
    """Every revision that the installed server can come from."""
    return {revision.revision for revision in _script()[1].walk_revisions()}


async def current() -> str | None:
    """The revision the database stands at; None where it is empty."""
    from argilla_server.database import async_engine

    async with async_engine.connect() as connection:
        found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    return None if found is None else str(found)


async def upgrade(to: str = "head") -> None:
    """Bring the tables to a revision, all steps in one transaction: killed midway, nothing was done.

    Upstream's own way wants psycopg2 on PostgreSQL; on SQLite it is no transaction at all, and with foreign keys
    watched a table made anew would take along every row that points to it.
    """
    from argilla_server.database import async_engine
    from argilla_server.models.base import DatabaseModel
    from argilla_server.settings import settings

    config, script = _script()

    def run(connection: Any) -> None:
        steps = EnvironmentContext(config, script, fn=lambda rev, _: script._upgrade_revs(to, rev))  # noqa: SLF001
        with steps:
            steps.configure(connection=connection, target_metadata=DatabaseModel.metadata)
            with steps.begin_transaction():
                steps.run_migrations()

    if settings.database_is_sqlite:
        with _sqlite_engine().begin() as connection:
            run(connection)
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise Failed("rows would point to nothing", mend="The home is as it was; please report this.")
        return
    async with async_engine.begin() as connection:
        await connection.run_sync(run)


def _sqlite_engine() -> Engine:
    """An engine whose transactions hold changes of tables as well, and that lets foreign keys be meanwhile."""
    from argilla_server.database import database_url_sync

    engine = create_engine(database_url_sync(), poolclass=NullPool, hide_parameters=True)

    def connect(raw: Any, _: Any) -> None:
        raw.isolation_level = None
        raw.execute("PRAGMA foreign_keys = OFF")

    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    return engine


async def ready(home: Path) -> None:
    """Make the tables of an empty database; leave one that is right as it is.

    A database with older tables is left as well: `xinheng annotate upgrade` makes a backup first.

    Raises:
        Failed: The tables are of an older or a newer server.
    """
    found = await current()
    if found in {None, head()}:
        if found is None:
            await upgrade()
        file = home / "argilla.db"
        if file.exists():
            # Twice the writes per second, and readers never wait; it stays so in the file.
            with contextlib.closing(sqlite3.connect(file)) as db:
                db.execute("PRAGMA journal_mode = WAL")
        return
    if found in known():
        raise Failed("the home was written by an older server", mend="Bring it up: xinheng annotate upgrade")
    raise Failed(
        "the home was written by a newer server",
        want=f"tables of {head()} or older",
        have=found,
        mend="Use the Xinheng that wrote it, or a newer one.",
    )
