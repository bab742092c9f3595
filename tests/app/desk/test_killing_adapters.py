"""Killed while adapters are kept, accepted and rejected, a desk has lost no accepted one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_accepted_adapter_is_lost() -> None:
    command = [sys.executable, "-m", "tests.app.desk.killing_adapters", "--rounds", "5"]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("5 rounds")
