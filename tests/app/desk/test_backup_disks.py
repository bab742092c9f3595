"""Files on another disk than the desk's: kept, backed up, put back and verified there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.desk import attachments, backup, checking, store
from app.desk.database import connect
from app.desk.unlock import Desk
from tests.app.desk.desks import opened

_MEMORY = Path("/dev/shm")  # a disk of its own on every Linux


@pytest.fixture
def disk(desk: Desk) -> Iterator[Path]:
    if not _MEMORY.is_dir() or _MEMORY.stat().st_dev == desk.home.stat().st_dev:
        pytest.skip("one disk is all there is")
    folder = Path(tempfile.mkdtemp(dir=_MEMORY))
    yield folder
    shutil.rmtree(folder)


def test_a_desk_s_files_may_lie_on_another_disk(desk: Desk, disk: Path, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    kept = attachments.attach(desk, disk / "files", client, "a.txt", b"letter")
    assert backup.backup(desk.engine, desk.home, tmp_path / "b", place=disk / "files")["files"] == 1
    there = tmp_path / "there"
    backup.restore(connect(there), there, tmp_path / "b", place=disk / "others")
    assert attachments.given_back(opened(there), disk / "others", client, kept.record_id)[1] == b"letter"
    assert checking.verify(opened(there), disk / "others").wrong == []
    assert not list(disk.rglob(".*"))
    assert not list(desk.home.glob(".file-*"))
