"""A backup of a desk in use is whole, and opens elsewhere."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.desk import backup, blobs, checking, store
from app.desk.database import connect
from app.desk.unlock import Desk
from tests.app.desk.desks import opened
from xinheng.errors import InputError, UsageError


def test_what_is_restored_opens_verifies_and_holds_the_files(desk: Desk, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": "planted words"})
    kept = blobs.keep_file(desk, desk.home / "files", client, "attachment", [b"letter"], {})
    counts = backup.backup(desk.engine, desk.home, tmp_path / "b")
    assert (counts["note"], counts["files"]) == (1, 1)
    assert b"planted" not in (tmp_path / "b").read_bytes()
    there = tmp_path / "there"
    assert backup.restore(connect(there), there, tmp_path / "b") == counts
    again = opened(there)
    assert store.records(again, client, "note")[0].body["text"] == "planted words"
    assert b"".join(blobs.file_pieces(again, there / "files", client, kept)) == b"letter"
    assert checking.verify(again).wrong == []


def test_a_backup_made_while_notes_are_saved_is_of_one_moment(desk: Desk, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    ended = threading.Event()
    writer = threading.Thread(
        target=lambda: [store.save(desk, client, "note", {"n": n}) for n in range(1000) if not ended.is_set()]
    )
    writer.start()
    for n in range(3):
        backup.backup(desk.engine, desk.home, tmp_path / f"b{n}")
    ended.set()
    writer.join()
    for n in range(3):
        there = tmp_path / f"there{n}"
        backup.restore(connect(there), there, tmp_path / f"b{n}")
        assert checking.verify(opened(there)).wrong == []


def test_nothing_is_overwritten_and_half_a_backup_is_refused(desk: Desk, tmp_path: Path) -> None:
    backup.backup(desk.engine, desk.home, tmp_path / "b")
    with pytest.raises(UsageError, match="there already"):
        backup.backup(desk.engine, desk.home, tmp_path / "b")
    with pytest.raises(UsageError, match="there is a desk"):
        backup.restore(desk.engine, desk.home, tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    there = tmp_path / "there"
    for wrong in (b"", whole[:-200], whole.replace(b'"epoch": 0', b'"epoch": 1'), b"{}\n", b"\xff\n", b"[1]\n"):
        (tmp_path / "wrong").write_bytes(wrong)
        with pytest.raises(InputError, match="no whole backup"):
            backup.restore(connect(there), there, tmp_path / "wrong")
