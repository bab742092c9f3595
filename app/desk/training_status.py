"""How far a training is: one small file in its folder in memory, whose room is taken at the start.

So a training can still say why it ended when the memory is full. It holds numbers and messages of Xinheng's own, and
never a word of a client.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

NAME: Final = "status"
_BYTES: Final = 4096


@dataclass(frozen=True)
class Status:
    """What a training says of itself.

    Args:
        phase: `waiting` for another training, `rows`, `training`, `samples`, `sealing`, `done` or `failed`.
        step: Of the training.
        steps: Of it in all; 0 while nobody knows.
        loss: The last that was told; None before.
        problem: Why it failed.
    """

    phase: str = "waiting"
    step: int = 0
    steps: int = 0
    loss: float | None = None
    problem: str = ""


def reserve(folder: Path) -> None:
    """Make the file with all its room."""
    (folder / NAME).write_bytes(b" " * _BYTES)
    tell(folder, Status())


def tell(folder: Path, status: Status) -> None:
    """Write how far it is, over what was there."""
    told = json.dumps(asdict(status)).encode()
    if len(told) > _BYTES:
        told = json.dumps(asdict(Status(status.phase, status.step, status.steps, None, status.problem[:200]))).encode()
    handle = os.open(folder / NAME, os.O_WRONLY)
    try:
        os.pwrite(handle, told.ljust(_BYTES), 0)
    finally:
        os.close(handle)


def heard(folder: Path) -> Status | None:
    """What the file says; None where there is none that can be read."""
    try:
        return Status(**json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
