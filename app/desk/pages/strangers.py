"""Guesses at names that nobody has here, answered as those at a counsellor's are: so late, and slowed as soon.

Else six wrong passphrases would tell who has a desk here. They are counted in this process's memory alone: whoever
invents names may not fill the database.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from app.desk import guesses, keys
from app.desk.keys import Cost
from xinheng.errors import DeskError

# Names that are remembered; each cost whoever invented it a derivation.
MOST: Final = 1000


class Strangers:
    """How often each name was tried, and from when on it can be tried again."""

    def __init__(self, cost: Cost, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cost, self._clock = cost, clock
        self._key, self._salt = os.urandom(32), os.urandom(keys.SALT_BYTES)
        self._tried: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def refuse(self, name: str, *, derive: bool) -> DeskError:
        """What is said of a name that nobody has.

        Args:
            name: As it was typed.
            derive: Whether a counsellor's would have cost a derivation here.
        """
        tried, now = keys.tag(self._key, "name", name), self._clock()
        with self._lock:
            failures, not_before = self._tried.pop(tried, (0, 0.0))
            left = not_before - now
            if left <= 0:
                failures, not_before = failures + 1, now + guesses.wait_s(failures + 1)
            self._tried[tried] = failures, not_before
            while len(self._tried) > MOST:
                del self._tried[next(iter(self._tried))]
        if left > 0:
            return DeskError("desk", "too many guesses", mend=f"Wait {left:.0f} s.")
        if derive:
            keys.derived(self._salt, self._cost, b"nobody's")
        return DeskError("desk", "wrong name", mend=guesses.after(failures))
