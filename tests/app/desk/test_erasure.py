"""An erased client is in no file of the folder any more, and others have lost nothing."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.desk import attachments, blobs, checking, erasure, erasure_pending, folder_search, jobs, store
from app.desk.database import read
from app.desk.unlock import Desk, own_file
from tests.app.desk.desks import new_desk, opened, run
from xinheng.errors import CheckFailed, DeskError, UsageError

LETTER = "這封信是某個人寫給另一個人的一段很長的話"


def test_keys_rows_and_files_are_gone_and_the_folder_was_searched(desk: Desk) -> None:
    client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
    for n in range(30):
        store.save(desk, client, "note", {"text": LETTER + str(n) * 3000})
    store.save(desk, other, "note", {"text": LETTER})
    blobs.keep_file(desk, desk.home / "files", client, "attachment", [LETTER.encode()], {"name": "letter"})
    journal = desk.home / "journal"
    journal.mkdir()
    (journal / "answers.jsonl").write_text(LETTER, encoding="utf-8")
    needles = {bytes(row) for row in _bodies(desk, client)}
    assert erasure.found_in(desk.home, needles)[2]  # the search finds what is there
    told = erasure.erase(desk, client, derived=[journal])
    assert (told.rows["note"], told.files, told.derived) == (30, 1, 1)
    assert told.searched_for > 35
    assert erasure.found_in(desk.home, needles)[2] == []
    assert client not in store.clients(desk)
    assert store.records(desk, other, "note")[0].body["text"] == LETTER
    assert checking.verify(desk).wrong == []
    assert json.loads((desk.home / "erased" / f"{client}.json").read_text())["entry"] == told.entry
    with pytest.raises(DeskError, match="no such client"):
        erasure.erase(desk, client)
    assert store.clients(opened(desk.home)) == [other]


def test_what_is_left_in_another_file_is_found_and_the_file_named(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": LETTER})
    (desk.home / "forgotten.log").write_text("x" * 13 + LETTER, encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"forgotten\.log") as caught:
        erasure.erase(desk, client)
    assert LETTER not in str(caught.value)


def test_gradio_s_folder_is_searched_too(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caches = tmp_path / "caches"
    (caches / "a").mkdir(parents=True)
    (caches / "a" / "clean").write_bytes(b"x" * 1000)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(caches))
    one, two = store.add_client(desk, "A"), store.add_client(desk, "B")
    told = erasure.erase(desk, one)
    assert told.searched_bytes >= 1000
    store.save(desk, two, "note", {"text": LETTER})
    (caches / "a" / "held").write_bytes(b"x" * 13 + LETTER.encode())
    with pytest.raises(CheckFailed, match="a/held"):
        erasure.erase(desk, two)


@pytest.mark.parametrize("body", ["x'00010203040506070809'", "'text'", "1234567890123"])
def test_a_client_whose_records_were_tampered_with_can_still_be_erased(desk: Desk, body: str) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": LETTER})
    run(desk, f"UPDATE note SET body = {body}")
    assert erasure.erase(desk, client).rows["note"] == 1


def test_the_counsellors_own_file_and_anothers_client_are_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="own file"):
        erasure.erase(desk, own_file(desk.counsellor_id))
    with pytest.raises(DeskError, match="no such client"):
        erasure.erase(desk, "0" * 32)


# It deletes a client with two files and something derived, and is killed at what it does first of a kind.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.desk import erasure, store
from tests.app.desk.desks import opened

home, at = Path(sys.argv[1]), sys.argv[2]
desk = opened(home)
client = store.find_client(desk, "A")

def heard(event, given):
    if event == at and str(given[0]).endswith(sys.argv[3].format(client)):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(heard)
erasure.erase(desk, client, derived=[home / "journal", home / "gone"])
"""


@pytest.mark.parametrize(
    ("at", "what"),
    [
        ("os.mkdir", "erased"),
        ("shutil.rmtree", "{}"),
        ("os.remove", ""),
        ("os.rmdir", ""),
        ("shutil.rmtree", "journal"),
        ("subprocess.Popen", ""),
        ("open", "{}.writing"),
        ("os.rename", "{}.writing"),
    ],
)
def test_what_was_killed_on_its_way_is_named_and_finished_at_the_next_unlock(
    tmp_path: Path, at: str, what: str
) -> None:
    desk = new_desk(tmp_path / "desk")
    client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
    for each in (client, other):
        for n in range(2):
            attachments.attach(desk, desk.home / "files", each, f"{n}.txt", LETTER.encode())
    (desk.home / "journal").mkdir()
    (desk.home / "journal" / "answers").write_text(LETTER, encoding="utf-8")
    erasure_pending.here(desk)  # what it makes is no step of the erasure
    desk.engine.dispose()
    command = [sys.executable, "-c", KILLED, str(desk.home), at, what]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    desk = opened(desk.home)
    assert store.clients(desk) == [other]
    (left,) = erasure.pending(desk)
    (named,) = checking.verify(desk).wrong
    assert f"the erasure of client {client[:8]} is not finished, files may be left" in named
    jobs.at_unlock(desk)
    assert erasure.pending(desk) == []
    assert checking.verify(desk).wrong == []
    told = json.loads((desk.home / "erased" / f"{client}.json").read_text())
    assert (told["entry"], told["rows"]["attachment"]) == (left.entry, 2)
    assert sorted(path.name for path in (desk.home / "erased").iterdir()) == [f"{client}.json"]
    assert not (desk.home / "journal").exists()
    assert [path.parent.name for path in (desk.home / "files").rglob("*") if path.is_file()] == [other] * 2
    assert erasure.found_in(desk.home, [folder_search.told(text) for text in left.traces])[2] == []


def test_what_a_busy_database_keeps_from_its_end_is_one_sentence_and_done_when_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home / "files", client, "a.txt", LETTER.encode())
    with desk.engine.connect() as connection:  # the pool has this one alone
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    another = sqlite3.connect(desk.home / "desk.sqlite", isolation_level=None)

    def begun_meanwhile(desk: Desk, place: Path, client_id: str) -> int:
        another.execute("BEGIN IMMEDIATE")
        return blobs.remove_files(desk, place, client_id)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "remove_files", begun_meanwhile)
        with pytest.raises(erasure.Unfinished, match=r"keys are gone.*database is locked.*next unlock"):
            erasure.erase(desk, client)
    (left,) = erasure.pending(desk)
    assert left.files == 0  # the other one kept that from being written as well
    another.close()
    assert erasure.erase(desk, client).files == 0
    assert erasure.pending(desk) == []
    assert checking.verify(desk).wrong == []
    with pytest.raises(DeskError, match="no such client"):
        erasure.erase(desk, client)


def in_the_way(desk: Desk, client: str) -> Path:
    """Erase a client, and come no further than to his files; what has to go before it goes on."""
    there = desk.home / "journal"
    there.touch()
    with pytest.raises(erasure.Unfinished, match=r"keys are gone.*Not a directory"):
        erasure.erase(desk, client, derived=[there / "answers"])
    return there


def test_what_is_in_the_way_is_told_and_what_was_deleted_before_is_counted(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home / "files", client, "a.txt", LETTER.encode())
    in_the_way(desk, client).unlink()
    (desk.home / "late").touch()
    made = erasure.erase(desk, client, derived=[desk.home / "late"])
    assert (made.files, made.derived, (desk.home / "late").exists()) == (1, 1, False)


def test_a_certificate_that_is_written_already_is_the_one(desk: Desk) -> None:
    """Killed between the certificate and the end of the record."""
    client = store.add_client(desk, "A")
    blobs.keep_file(desk, desk.home / "files", client, "attachment", [b"x"], {"name": "x"})
    in_the_way(desk, client).unlink()
    (left,) = erasure.pending(desk)
    made = erasure.finish(desk, left)
    erasure_pending.save(desk, replace(left, version=0))
    (left,) = erasure.pending(desk)
    assert erasure.finish(desk, left) == made
    assert made.files == 1
    assert erasure.pending(desk) == []


def test_another_desk_before_the_same_database_leaves_it_unless_it_is_asked(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    in_the_way(desk, client).unlink()
    (desk.home / "jobs" / "here").write_text("another desk")
    jobs.at_unlock(desk)
    assert len(erasure.pending(desk)) == len(checking.verify(desk).wrong) == 1
    assert erasure.erase(desk, client).client_id == client


def test_a_desk_that_was_started_with_other_files_certifies_nothing(desk: Desk, tmp_path: Path) -> None:
    client, disk = store.add_client(desk, "A"), tmp_path / "disk"
    attachments.attach(desk, disk, client, "a.txt", LETTER.encode())
    (desk.home / "journal").touch()
    with pytest.raises(erasure.Unfinished):
        erasure.erase(desk, client, place=disk, derived=[desk.home / "journal" / "answers"])
    (desk.home / "journal").unlink()
    with pytest.raises(erasure.Unfinished, match=f"in another place .--files {disk}"):
        erasure.erase(desk, client)
    jobs.at_unlock(desk)
    assert len(erasure.pending(desk)) == 1
    jobs.at_unlock(desk, tmp_path / "other" / ".." / "disk")
    assert erasure.pending(desk) == []
    assert [path for path in disk.rglob("*") if path.is_file()] == []


def test_an_erasure_that_cannot_be_finished_keeps_nobody_out(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    there = in_the_way(desk, client)
    assert jobs.at_unlock(desk) == []
    assert len(erasure.pending(desk)) == 1
    body = read(desk.engine, lambda c: c.execute(sa.text("SELECT body FROM draft")).scalar_one())
    run(desk, "UPDATE draft SET body = x'00'")
    assert jobs.at_unlock(desk) == []
    assert "draft erasure-" in checking.verify(desk).wrong[0]
    run(desk, "UPDATE draft SET body = :body", body=body)
    there.unlink()
    jobs.at_unlock(desk)
    assert erasure.pending(desk) == []


def test_what_is_kept_until_it_is_done_is_sealed_and_holds_neither_key_nor_words(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": LETTER})
    held = read(desk.engine, lambda c: store.client_keys(c, desk, client)).data
    in_the_way(desk, client)
    (left,) = erasure.pending(desk)
    kept = b"".join(base64.b64decode(text) for text in left.traces)
    assert held[:8] in kept
    for piece in (held[8:], LETTER.encode()[:16], LETTER.encode("utf-16-le")[:16]):
        assert piece not in kept
    assert erasure.found_in(desk.home, {held, *(text.encode() for text in left.traces)})[2] == []


def _bodies(desk: Desk, client: str) -> list[bytes]:
    from app.desk.database import RECORDS, read

    table = RECORDS["note"]
    rows = read(desk.engine, lambda c: c.execute(table.select().where(table.c.client_id == client)).all())
    return [bytes(row.body)[:32] for row in rows]
