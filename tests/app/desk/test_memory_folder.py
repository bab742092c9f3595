"""Folders in memory: private, held by who uses them, and removed when nobody does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.desk import memory_folder
from app.desk.stopping import stopped
from xinheng.errors import DeskError, WriteError


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(memory_folder.VARIABLE, str(tmp_path))
    return tmp_path


def test_without_more_said_they_lie_in_memory_and_nobody_else_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory_folder.VARIABLE)
    folder = memory_folder.make(f"test-{os.getpid()}")
    try:
        kinds = Path("/proc/mounts").read_text()
        assert f" {memory_folder.root()} tmpfs " in kinds
        assert folder.path.stat().st_mode & 0o777 == 0o700
    finally:
        folder.remove()


def test_what_is_held_stays_and_what_a_killed_process_left_is_removed(root: Path) -> None:
    mine = memory_folder.make("mine")
    code = (
        "from app.desk import memory_folder as m; import time; m.make('theirs'); print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ}) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert memory_folder.held(memory_folder.named("theirs"))
        assert memory_folder.sweep() == 0
        with pytest.raises(DeskError, match="another process"):
            memory_folder.make("theirs")
        other.send_signal(signal.SIGKILL)
    assert not memory_folder.held(memory_folder.named("theirs"))
    assert memory_folder.sweep(keep={"theirs"}) == 0
    assert memory_folder.sweep() == 1
    assert sorted(path.name for path in root.iterdir()) == [mine.path.name]
    mine.remove()
    assert list(root.iterdir()) == []


def test_a_link_that_somebody_laid_is_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / memory_folder.LOCK).touch()
    memory_folder.named("job").symlink_to(elsewhere)
    assert memory_folder.take(memory_folder.named("job")) is None
    assert memory_folder.sweep() == 0
    assert (elsewhere / memory_folder.LOCK).exists()


def test_too_little_room_and_no_memory_at_all_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WriteError, match=r"too little room.*want 1,000,000,000,000 MB"):
        memory_folder.require_room(10**18)
    monkeypatch.setenv(memory_folder.VARIABLE, str(root / "none"))
    with pytest.raises(DeskError, match="names no folder"):
        memory_folder.root()


def test_a_process_that_holds_one_is_stopped() -> None:
    code = (
        "from app.desk import memory_folder as m; import os, time; f = m.make('job');"
        "(f.path / 'pid').write_text(str(os.getpid())); print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ}) as other:
        assert other.stdout is not None
        other.stdout.readline()
        stopped(memory_folder.named("job"))
        assert other.wait(10) == -signal.SIGTERM
    assert not memory_folder.named("job").exists()
