"""How argilla-server is set up for a home: every setting comes from the home's files, none from the environment.

Runs in the server's own virtual environment and imports nothing of ours but its neighbours.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def configure(home: Path) -> None:
    """Set the process up for the home; call it before anything of argilla-server is imported.

    A user's own `ARGILLA_…` variables would silently move the database or change the secret, so they are taken out.

    Args:
        home: A home that `xinheng annotate serve` made: `secrets.json` holds `auth_secret` and perhaps `postgres`.
    """
    os.umask(0o077)
    secrets = json.loads((home / "secrets.json").read_text(encoding="utf-8"))
    for name in [name for name in os.environ if name.upper().startswith(("ARGILLA_", "HF_"))]:
        del os.environ[name]
    os.environ |= {
        "ARGILLA_HOME_PATH": str(home),
        "ARGILLA_DATABASE_URL": database_url(home, secrets.get("postgres")),
        "ARGILLA_SEARCH_ENGINE": "xinheng",
        "ARGILLA_AUTH_SECRET_KEY": secrets["auth_secret"],
        "ARGILLA_AUTH_OAUTH_CFG": str(home / "oauth.yaml"),
        "ARGILLA_CORS_ORIGINS": "[]",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    os.chdir(home)
    here = str(Path(__file__).parent)
    if here not in sys.path:
        sys.path.insert(0, here)
    import stand_ins

    stand_ins.install()
    if secrets.get("postgres"):
        _drive_by_asyncpg()


def database_url(home: Path, postgres: str | None) -> str:
    """The database's address as SQLAlchemy wants it; the home's own SQLite file where there is no PostgreSQL."""
    if not postgres:
        return f"sqlite+aiosqlite:///{home / 'argilla.db'}?check_same_thread=False"
    # What libpq calls `sslmode` asyncpg calls `ssl`.
    return "postgresql+asyncpg://" + postgres.split("://", 1)[1].replace("sslmode=", "ssl=")


def _drive_by_asyncpg() -> None:
    """Let `postgresql://` mean asyncpg: argilla-server makes a second engine for psycopg2 (LGPL) that nobody uses."""
    from sqlalchemy.dialects import registry

    registry.register("postgresql", "sqlalchemy.dialects.postgresql.asyncpg", "dialect")


def hide_values() -> None:
    """Keep the values of rows out of what the database's errors say; call it once argilla-server is imported."""
    from argilla_server import database

    for engine in (database.sync_engine, database.async_engine.sync_engine):
        engine.hide_parameters = True
