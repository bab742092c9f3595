"""A process that holds a folder in memory, stopped, and its folder removed."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.desk import memory_folder
from xinheng.errors import DeskError

_PID: Final = "pid"
_PATIENCE_S: Final = 15.0
_POLITE_S: Final = 3.0


def stopped(path: Path) -> None:
    """End whoever holds a folder, and remove it.

    That somebody holds it is known by its lock, so the number in it is a living process's.

    Raises:
        DeskError: It is still held after a while.
    """
    began = time.monotonic()
    while path.exists():
        found = memory_folder.take(path)
        if found is not None:
            found.remove()
            return
        waited = time.monotonic() - began
        if waited > _PATIENCE_S:
            raise DeskError("desk", "a training cannot be stopped", mend="End its process, then try again.")
        if not (path / memory_folder.LOCK).exists():
            shutil.rmtree(path, ignore_errors=True)
            return
        with suppress(OSError, ValueError):
            number = int((path / _PID).read_text())
            if number > 1 and number != os.getpid():
                os.kill(number, signal.SIGTERM if waited < _POLITE_S else signal.SIGKILL)
        time.sleep(0.05)
