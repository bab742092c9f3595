"""Whatever lies in a folder is found, and the desk's database keeps its locks while it is searched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk import store
from app.desk.folder_search import found_in, searched, told, trace
from tests.app.desk.desks import new_desk, opened
from xinheng.errors import DeskError

# A desk that does what reads or deletes files of its folder, and saves; then it is killed.
DEEDS = """
import os, signal, subprocess, sys
from pathlib import Path
from app.desk import attachments, backup, checking, erasure, jobs, rotation, store
from tests.app.desk.desks import QUICK, WORDS, opened

home, opens = Path(sys.argv[1]), []
desk = opened(home)
one, other = store.clients(desk)
files = home / "files"

def heard(event, given):
    if event == "open" and isinstance(given[0], (str, bytes)) and "desk.sqlite" in os.fsdecode(given[0]):
        opens.append(given[0])

sys.addaudithook(heard)
attachments.attach(desk, files, one, "letter.txt", b"a letter")
kept = attachments.attach(desk, files, other, "letter.txt", b"a letter")
attachments.given_back(desk, files, other, kept.record_id)
jobs.at_unlock(desk, files)
backup.backup(desk.engine, home, home.parent / "first.backup")
desk, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
assert checking.verify(desk).wrong == []
erasure.erase(desk, one)
assert opens == [], opens
another = "from app.desk.database import connect; from pathlib import Path; connect(Path(sys.argv[1])).dispose()"
subprocess.run([sys.executable, "-c", f"import sys; {another}", str(home)], check=True)
for n in range(5):
    print(store.save(desk, other, "note", {"n": n}).record_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_saved_after_an_erasure_and_a_visit_of_another_process_survives_a_kill(tmp_path: Path) -> None:
    made = new_desk(tmp_path / "desk")
    clients = sorted(store.add_client(made, code) for code in ("A", "B"))
    store.save(made, clients[1], "note", {"n": "before"})
    made.engine.dispose()
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", DEEDS, str(made.home)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert done.stdout.split() == ["2", "3", "4", "5", "6"]
    desk = opened(made.home)
    assert [note.body["n"] for note in store.records(desk, clients[1], "note")] == ["before", 0, 1, 2, 3, 4]


def test_a_folder_is_searched_by_another_process_and_names_come_back_whatever_they_are(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode("夾 \n".encode() + b"\xff")
    odd.mkdir()
    (odd / "f").write_bytes(b"..a needle of some bytes..")
    (tmp_path / "g").write_bytes(b"a needle of other bytes")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    looked, size, where = found_in(tmp_path, {b"a needle of some bytes", b"another needle"})
    assert (looked, size, where) == (2, 49, [odd / "f"])
    assert found_in(tmp_path, [])[2] == found_in(tmp_path / "gone", [b"a needle"])[2] == []


def test_a_file_that_cannot_be_read_is_named_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to("/proc/self/mem")  # it opens, and its beginning is nobody's to read
    with pytest.raises(DeskError, match="cannot be searched: have f"):
        found_in(tmp_path, [b"a needle"])


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=40), st.data())
def test_a_needle_is_found_wherever_it_lies(
    tmp_path_factory: pytest.TempPathFactory, hay: bytes, needle: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(hay)))
    folder = tmp_path_factory.mktemp("hay")
    (folder / "f").write_bytes(hay[:at] + needle + hay[at:])
    (folder / "g").write_bytes(hay)
    found = searched(folder, {trace(needle)})["where"]
    assert "f" in found
    assert ("g" in found) == (needle[:32] in hay)


def test_a_needle_across_two_pieces_of_a_large_file_is_found(tmp_path: Path) -> None:
    body = np.zeros(2**24 + 100, dtype=np.uint8).tobytes()
    (tmp_path / "f").write_bytes(body[: 2**24 - 7] + b"needle of 16 bytes" + body[:50])
    assert found_in(tmp_path, {b"needle of 16 bytes"})[2] == [tmp_path / "f"]


@given(st.binary(min_size=8, max_size=100))
def test_a_trace_says_no_more_than_eight_bytes_of_what_it_is_of(needle: bytes) -> None:
    one = trace(needle)
    assert told(str(one)) == one == trace(needle[:32])
    assert (one.start, one.length) == (needle[:8], min(len(needle), 32))
    assert len(needle) < 16 or needle[8:] not in one.digest
    with pytest.raises(ValueError, match="want 8 bytes"):
        trace(needle[:7])
