"""Desks for tests: the derivation is quick, everything else is real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.desk.database import connect, written
from app.desk.keys import Cost
from app.desk.unlock import Desk, add_counsellor, unlock

QUICK = Cost(64, 1, 1)
WORDS = "correct horse battery"


def new_desk(home: Path, *, url: str | None = None, name: str = "lin") -> Desk:
    engine = connect(home, url)
    return add_counsellor(engine, home, name, passphrase=WORDS, cost=QUICK)[0]


def opened(home: Path, *, url: str | None = None, name: str = "lin", **more: Any) -> Desk:
    return unlock(connect(home, url), home, name, passphrase=WORDS, **more)


def run(desk: Desk, *statements: str, **values: Any) -> None:
    """Change the database behind the desk's back."""
    written(desk.engine, lambda c: [c.execute(sa.text(statement), values) for statement in statements])


def older(desk: Desk) -> None:
    """Make a desk's database what the first schema was: `test_migration.py` holds both against each other."""
    run(desk, "ALTER TABLE client DROP COLUMN notes", "UPDATE desk SET schema = 1")
