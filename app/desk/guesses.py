"""Guesses at a counsellor's passphrase, key file or recovery code: counted together, and slowed."""

from __future__ import annotations

import time
from typing import Any, Final

import sqlalchemy as sa

from app.desk.database import counsellor_table, written
from xinheng.errors import DeskError

# Those that cost nothing but their derivation; after them the wait doubles, up to a quarter of an hour.
FREE_GUESSES: Final = 4
LONGEST_WAIT_S: Final = 900.0


def counted(engine: sa.Engine, **whose: str) -> Any:
    """A counsellor's row, a guess counted before it is tried: many tries at once are many.

    Raises:
        DeskError: There is no such counsellor, or it is not time yet, or what was counted was changed.
    """

    def work(connection: sa.Connection) -> tuple[Any, float]:
        row = connection.execute(sa.select(counsellor_table).filter_by(**whose)).one_or_none()
        if row is None:
            raise DeskError("desk", "no counsellor of this name", mend="Check the name.")
        if not isinstance(row.failures, int) or not isinstance(row.not_before, (int, float)):
            mend = "Restore the database from a backup."
            raise DeskError("desk", "its count of guesses was changed", mend=mend)
        now = time.time()
        # A clock that was put back must not lock anybody out for longer than the longest wait from now on.
        left = min(row.not_before - now, LONGEST_WAIT_S)
        values = {"not_before": now + left}
        if left <= 0:
            failures = max(row.failures, 0) + 1
            values = {"failures": failures, "not_before": now + wait_s(failures)}
        mine = counsellor_table.c.counsellor_id == row.counsellor_id
        connection.execute(counsellor_table.update().where(mine).values(**values))
        return row, left

    row, left = written(engine, work)
    if left > 0:
        raise DeskError("desk", "too many guesses", mend=f"Wait {left:.0f} s.")
    return row


def wait_s(failures: int) -> float:
    """For how long no try is taken after so many that failed."""
    return 0.0 if failures <= FREE_GUESSES else min(LONGEST_WAIT_S, 2.0 ** min(failures - FREE_GUESSES, 20))


def after(failures: int) -> str:
    """What is said of the next try."""
    left = wait_s(failures)
    return f"The next try is possible in {left:.0f} s." if left else "Try again."
