"""`verify` opens every file that a record still names: what is gone, changed or out of reach is named, nothing else."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from app.desk import adapters, attachments, blobs, checking, checking_files, jobs, library_documents, store
from app.desk.blobs import PIECE_BYTES
from app.desk.database import read
from app.desk.unlock import Desk
from xinheng.storage import RemotePath


def file_of(desk: Desk, record: store.Record, place: Path | None = None) -> Path:
    (found,) = (place or desk.home / "files").rglob(str(record.body["file"]))
    return found


@pytest.fixture
def client(desk: Desk) -> str:
    return store.add_client(desk, "A")


@pytest.fixture
def letter(desk: Desk, client: str) -> store.Record:
    return attachments.attach(desk, desk.home / "files", client, "planted.txt", b"letter" * PIECE_BYTES)


def test_a_file_that_is_gone_is_named_by_its_record_and_client(desk: Desk, client: str, letter: store.Record) -> None:
    attachments.attach(desk, desk.home / "files", client, "b.txt", b"another")
    found = checking.verify(desk)
    assert (found.files, found.wrong) == (2, [])
    file_of(desk, letter).unlink()
    assert checking.verify(desk).wrong == [
        f"the file of attachment {letter.record_id[:8]} of client {client[:8]} is gone"
    ]


@pytest.mark.parametrize("at", [0, 13, PIECE_BYTES + 28, 5 * PIECE_BYTES + 1000, -1])
def test_a_changed_byte_of_any_piece_is_named(desk: Desk, client: str, letter: store.Record, at: int) -> None:
    path = file_of(desk, letter)
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)
    wrong = checking.verify(desk).wrong
    assert wrong == [f"the file of attachment {letter.record_id[:8]} of client {client[:8]} was changed or cut off"]


@pytest.mark.parametrize("kept", [0, 1, PIECE_BYTES + 28, 5 * (PIECE_BYTES + 28)])
def test_a_file_that_was_cut_off_is_named(desk: Desk, letter: store.Record, kept: int) -> None:
    path = file_of(desk, letter)
    path.write_bytes(path.read_bytes()[:kept])
    assert ["was changed or cut off" in sentence for sentence in checking.verify(desk).wrong] == [True]


def test_two_files_that_were_exchanged_are_both_named(desk: Desk, client: str, letter: store.Record) -> None:
    other = attachments.attach(desk, desk.home / "files", client, "b.txt", b"another")
    one, two = file_of(desk, letter), file_of(desk, other)
    body = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(body)
    assert len(checking.verify(desk).wrong) == 2


def test_a_file_that_cannot_be_read_does_not_end_the_check(desk: Desk, client: str, letter: store.Record) -> None:
    other = attachments.attach(desk, desk.home / "files", client, "b.txt", b"another")
    file_of(desk, other).unlink()
    path = file_of(desk, letter)
    path.unlink()
    path.mkdir()
    attachments.attach(desk, desk.home / "files", client, "c.txt", b"a third")
    found = checking.verify(desk).wrong
    assert ["is gone" in sentence for sentence in found] == [True, True]


def test_files_that_all_lie_elsewhere_are_one_sentence(desk: Desk, client: str, tmp_path: Path) -> None:
    for n in range(3):
        attachments.attach(desk, tmp_path / "disk", client, f"{n}.txt", b"letter")
    wrong = checking.verify(desk).wrong
    assert len(wrong) == 1
    assert "3 files that records name" in wrong[0]
    assert str(desk.home) in wrong[0]
    assert checking.verify(desk, tmp_path / "disk").wrong == []


def test_what_was_taken_out_is_not_missed(desk: Desk, client: str, letter: store.Record) -> None:
    held, _ = library_documents.add_document(desk, "x.txt", b"a document of the library")
    assert checking.verify(desk).files == 2
    attachments.remove(desk, desk.home / "files", client, letter.record_id)
    library_documents.remove_document(desk, held.document_id)
    found = checking.verify(desk)
    assert (found.files, found.wrong) == (0, [])


def test_a_document_of_the_library_is_missed(desk: Desk) -> None:
    library_documents.add_document(desk, "x.txt", b"a document of the library")
    shutil.rmtree(desk.home / "files")
    (desk.home / "files" / desk.counsellor_id).mkdir(parents=True)
    (sentence,) = checking.verify(desk).wrong
    assert "the file of library" in sentence


def adapter(desk: Desk, client: str, state: str) -> tuple[store.Record, jobs.Job]:
    """A trained adapter and its job, in a state."""
    job = store.save(desk, client, "job", {"state": "running", "queued_at": "1"})
    made = blobs.keep_file(desk, desk.home / "files", client, "adapter", [b"weights"], {"job": job.record_id})
    body = {"state": state, "queued_at": "1", "adapter": made.record_id}
    return made, jobs.Job(client, store.save(desk, client, "job", body, record_id=job.record_id, version=1))


def test_an_adapter_counts_while_it_is_used_kept_to_roll_back_to_or_waits_to_be_tried(desk: Desk, client: str) -> None:
    store.save(desk, client, "consent", {"given": True, "use": "training"}, record_id="training")
    (first, one), (second, two), (third, three) = (adapter(desk, client, "trained") for _ in range(3))
    fourth, four = adapter(desk, client, "trained")
    place = desk.home / "files"
    for job in (one, two, three):
        adapters.accept(desk, job, place=place)
    adapters.reject(desk, four, place=place)
    fifth, _ = adapter(desk, client, "trained")
    found = checking.verify(desk)
    assert (found.files, found.wrong) == (3, [])
    there = {path.name for path in place.rglob("*") if path.is_file()}
    assert there == {str(one.body["file"]) for one in (second, third, fifth)}
    assert {first.record_id, fourth.record_id}.isdisjoint({second.record_id, third.record_id})
    for each in (second, third, fifth):
        file_of(desk, each).rename(desk.home / "away")
        (sentence,) = checking.verify(desk).wrong
        assert sentence == f"the file of adapter {each.record_id[:8]} of client {client[:8]} is gone"
        (desk.home / "away").rename(place / desk.counsellor_id / client / str(each.body["file"]))


def test_what_is_counted_without_a_key_includes_what_is_named(desk: Desk, client: str, letter: store.Record) -> None:
    store.save(desk, client, "consent", {"given": True, "use": "training"}, record_id="training")
    (_, one), (_, two) = adapter(desk, client, "trained"), adapter(desk, client, "trained")
    adapters.accept(desk, one)
    adapters.reject(desk, two)
    library_documents.add_document(desk, "x.txt", b"a document of the library")
    assert read(desk.engine, checking_files.owed) == {client: (1, 3), desk.counsellor_id: (1, 1)}
    assert checking.verify(desk).files == 3


def test_a_file_that_is_taken_out_while_it_is_looked_for_is_not_wrong(
    desk: Desk, client: str, letter: store.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    attachments.attach(desk, desk.home / "files", client, "b.txt", b"another")
    really = checking_files.faults

    def meanwhile(*given: object) -> list[str]:
        attachments.remove(desk, desk.home / "files", client, letter.record_id)
        return really(*given)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(checking_files, "faults", meanwhile)
    assert checking.verify(desk).wrong == []


def test_a_store_that_does_not_answer_is_one_sentence(
    desk: Desk, client: str, letter: store.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"  # nobody listens
        for name, value in {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "hush"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        attachments.attach(desk, desk.home / "files", client, "b.txt", b"another")
        (sentence,) = checking.verify(desk, RemotePath("s3://bucket/files")).wrong
    assert sentence.startswith("2 files in s3://bucket/files could not be looked at: ")
    assert "hush" not in sentence
    assert "\n" not in sentence
