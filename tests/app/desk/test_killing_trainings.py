"""Desk and training killed in the middle: no note, no queued training and no accepted adapter is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_nothing_that_was_told_is_lost() -> None:
    command = [sys.executable, "-m", "tests.app.desk.killing_trainings", "--rounds", "2"]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["notes told saved"] > 0
    assert told["adapters told accepted"] + told["states"].get("interrupted", 0) > 0
