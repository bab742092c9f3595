"""One request about a home's database, served or not: its accounts, its version. Answers as JSON, one line.

Run by `xinheng annotate users` and `upgrade` with the Python of the server's own virtual environment.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from telling import Failed, Report, reason


def main() -> int:
    """Answer; 0 where it could be met, else 2 with the reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=lambda text: Path(text).absolute())
    parser.add_argument("wish", choices=["users", "add", "renew", "version", "upgrade"])
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args()
    report = Report(1)
    try:
        import configured

        configured.configure(wanted.home)
        import stand_ins

        stand_ins.leave_application_out()
        from argilla_server import database

        configured.hide_values()
        wishes = {"users": users, "add": add, "renew": renew, "version": version, "upgrade": upgrade}

        async def answer() -> Any:
            try:
                return await wishes[wanted.wish](wanted.names)
            finally:
                await database.async_engine.dispose()

        report.tell("answer", value=asyncio.run(answer()))
    except Exception as error:  # noqa: BLE001 one readable message instead of a traceback with values
        import quiet_log

        if not isinstance(error, Failed):
            print(quiet_log.places(error), file=sys.stderr)
        report.tell("failed", **reason(error).facts)
        return 2
    return 0


async def users(_: list[str]) -> list[dict[str, Any]]:
    """Every account."""
    import accounts
    from argilla_server.database import AsyncSessionLocal

    await _require_tables()
    async with AsyncSessionLocal() as db:
        return await accounts.everybody(db)


async def add(names: list[str]) -> list[dict[str, Any]]:
    """The raters that were absent, with their passwords."""
    import accounts
    from argilla_server.database import AsyncSessionLocal

    await _require_tables()
    async with AsyncSessionLocal() as db:
        for name in names:
            await accounts.require_free(db, name)
        made = [await accounts.ensure(db, name, "annotator") for name in names]
    return [asdict(one) for one in made if one is not None]


async def renew(names: list[str]) -> list[dict[str, Any]]:
    """The accounts with new passwords."""
    import accounts
    from argilla_server.database import AsyncSessionLocal

    await _require_tables()
    async with AsyncSessionLocal() as db:
        return [asdict(one) for one in await accounts.renew(db, names)]


async def version(_: list[str]) -> dict[str, Any]:
    """Which tables the database has, and which the installed server wants."""
    import migrations

    found = await migrations.current()
    return {"current": found, "head": migrations.head(), "known": found is None or found in migrations.known()}


async def upgrade(names: list[str]) -> dict[str, Any]:
    """The version after the tables were brought up, to the one named or to the newest."""
    import migrations

    await migrations.upgrade(*names[:1])
    return await version([])


async def _require_tables() -> None:
    import migrations

    if await migrations.current() != migrations.head():
        raise Failed("the home has no accounts yet, or is of another version", mend="Start it: xinheng annotate serve")


if __name__ == "__main__":
    sys.exit(main())
