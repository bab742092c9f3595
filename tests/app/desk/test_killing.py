"""Killed while it makes its tables, saves and rotates, a desk has lost no note and holds no half one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_saved_note_is_lost_and_none_is_half_there() -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "tests.app.desk.killing", "6"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("6 rounds")
