"""What a practice has set for its desk: the steps to take when a question speaks of danger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.desk import store
from app.desk.store import Record
from app.desk.unlock import Desk, own_file
from counselling.crisis import Concern
from xinheng.errors import UsageError

LONGEST: Final = 20_000
_RECORD: Final = "practice"


def setting(desk: Desk) -> Record | None:
    """The counsellor's record of what the practice has set; None before anything was."""
    held = store.records(desk, own_file(desk.counsellor_id), "info")
    return next((record for record in held if record.record_id == _RECORD), None)


def steps(desk: Desk) -> str:
    """The steps that a banner shows beside a question that speaks of danger; empty before they were set."""
    held = setting(desk)
    return str(held.body.get("steps", "")) if held else ""


def set_steps(desk: Desk, text: str, version: int) -> Record:
    """Set the steps, from a version that was read.

    Raises:
        Conflict: They were set elsewhere since.
        UsageError: They are too long.
    """
    if len(text) > LONGEST:
        raise UsageError("desk", "too long")
    return store.save(desk, own_file(desk.counsellor_id), "info", {"steps": text}, record_id=_RECORD, version=version)


def banner(desk: Desk, concerns: Sequence[Concern]) -> dict[str, Any] | None:
    """What a page shows of a screen's concerns: kinds and levels, no passage, and the steps; None without any."""
    if not concerns:
        return None
    return {"kinds": [{"kind": one.kind, "level": one.level} for one in concerns], "steps": steps(desk)}
