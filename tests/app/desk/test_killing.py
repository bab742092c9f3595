"""Killed while it starts, saves, rotates and brings its database up, a desk has lost no note and holds no half one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("what", "rounds"), [("save", "6"), ("migration", "6"), ("postgres", "2"), ("backend", "1")])
def test_no_saved_note_is_lost_and_none_is_half_there(what: str, rounds: str) -> None:
    command = [sys.executable, "-m", "tests.app.desk.killing", what, "--rounds", rounds]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"{rounds} rounds")
    assert "0 lost, 0 half" in done.stdout
