"""A desk whose files lie in a real S3: kept, read, removed, found out when changed; every fault is one sentence."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.desk import (
    adapters,
    attachments,
    backup,
    blobs,
    checking,
    erasure,
    library,
    library_documents,
    memory_folder,
    store,
    teaching,
)
from app.desk.blobs import PIECE_BYTES
from app.desk.database import connect
from app.desk.packing import packed
from app.desk.unlock import Desk
from tests.app.desk.desks import opened
from tests.conftest import S3Server
from xinheng.artifacts import MANIFEST
from xinheng.errors import DeskError, StoreError
from xinheng.storage import Place, listing, place_of

PLANTED = "彼得潘住在永無島的樹洞裡"
WHERE = "s3://bucket/desk"


@pytest.fixture
def place(s3: S3Server) -> Place:
    assert s3.client.list_buckets()["Buckets"]
    return place_of(WHERE)


def keys(s3: S3Server) -> list[str]:
    return [one["Key"] for one in s3.client.list_objects_v2(Bucket="bucket").get("Contents", [])]


def body(s3: S3Server, key: str) -> bytes:
    return bytes(s3.client.get_object(Bucket="bucket", Key=key)["Body"].read())


def nothing_lies_here(desk: Desk) -> None:
    assert [path.name for path in desk.home.iterdir() if path.name.startswith(".file-") or path.name == "files"] == []


def test_an_attachment_goes_sealed_and_comes_back_whole(desk: Desk, s3: S3Server, place: Place) -> None:
    client = store.add_client(desk, "A-01")
    letter = PLANTED.encode() * (2 * PIECE_BYTES // len(PLANTED.encode()) + 7)
    made = attachments.attach(desk, place, client, "信.txt", letter)
    (key,) = keys(s3)
    assert key.startswith(f"desk/{desk.counsellor_id}/{client}/")
    assert PLANTED.encode() not in body(s3, key)
    assert "信" not in key
    assert attachments.given_back(opened(desk.home), place, client, made.record_id)[1] == letter
    attachments.remove(desk, place, client, made.record_id)
    assert keys(s3) == []
    nothing_lies_here(desk)


def test_a_document_is_asked_from_there_and_removed_is_gone_from_there(desk: Desk, s3: S3Server, place: Place) -> None:
    held, _ = library_documents.add_document(desk, "夢.txt", PLANTED.encode(), files=place)
    assert library.open_library(opened(desk.home), files=place).ask("永无岛")[0].source.title == "夢"
    library_documents.remove_document(desk, held.document_id, files=place)
    assert keys(s3) == []
    assert library.open_library(desk, files=place).ask("永無島") == []
    nothing_lies_here(desk)


@pytest.fixture
def memory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=memory_folder.root(), prefix="test-blobs-"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(memory_folder.VARIABLE, str(folder))
        yield folder
    shutil.rmtree(folder)


def test_an_adapter_is_laid_into_memory_from_there_and_nowhere_else(
    desk: Desk, s3: S3Server, place: Place, memory: Path, tmp_path: Path
) -> None:
    client, weights = store.add_client(desk, "A-01"), os.urandom(PIECE_BYTES + 5)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_model.safetensors").write_bytes(weights)
    (tmp_path / "adapter" / MANIFEST).write_text("{}")
    about = {"base": {"name": "a-base-of-nowhere"}, "job": "none"}
    kept = blobs.keep_file(desk, place, client, "adapter", packed(tmp_path / "adapter"), about)
    teaching.record_consent(desk, client, given=True, how="signed")
    pointer = {"adapter": kept.record_id, "before": None}
    store.save(desk, client, "adapter", pointer, record_id=adapters.CURRENT)
    with adapters.in_use(desk, client, base="a-base-of-nowhere", place=place) as used:
        laid = Path(used.model.partition("+")[2])
        assert (laid / "adapter_model.safetensors").read_bytes() == weights
        assert laid.is_relative_to(memory)
    assert not laid.exists()
    nothing_lies_here(desk)
    (key,) = keys(s3)
    s3.client.delete_object(Bucket="bucket", Key=key)
    with pytest.raises(DeskError, match="gone"), adapters.in_use(desk, client, base="a-base-of-nowhere", place=place):
        pass
    assert list(memory.iterdir()) == []


def test_an_object_that_was_changed_cut_off_exchanged_or_lost_is_named(desk: Desk, s3: S3Server, place: Place) -> None:
    client = store.add_client(desk, "A-01")
    first = attachments.attach(desk, place, client, "a.txt", PLANTED.encode())
    whole = {key: body(s3, key) for key in keys(s3)}
    second = attachments.attach(desk, place, client, "b.txt", b"another letter")
    (mine,) = whole
    other = next(key for key in keys(s3) if key != mine)
    for wrong in (whole[mine][:-1], b"x" + whole[mine][1:], body(s3, other), b""):
        s3.client.put_object(Bucket="bucket", Key=mine, Body=wrong)
        with pytest.raises(DeskError, match=r"changed|empty"):
            attachments.given_back(desk, place, client, first.record_id)
        assert attachments.given_back(desk, place, client, second.record_id)[1] == b"another letter"
    s3.client.delete_object(Bucket="bucket", Key=mine)
    with pytest.raises(DeskError, match="gone"):
        attachments.given_back(desk, place, client, first.record_id)
    nothing_lies_here(desk)


def test_an_erased_client_s_objects_are_gone_and_nobody_else_s(desk: Desk, s3: S3Server, place: Place) -> None:
    a, b = store.add_client(desk, "A-01"), store.add_client(desk, "B-02")
    for client in (a, a, b):
        attachments.attach(desk, place, client, "x.txt", PLANTED.encode())
    erasure.erase(desk, a, place=place)
    (left,) = keys(s3)
    assert f"/{b}/" in left
    assert checking.verify(desk, place).wrong == []


def test_a_backup_holds_no_object_and_what_was_restored_reads_them_where_they_are(
    desk: Desk, s3: S3Server, place: Place, tmp_path: Path
) -> None:
    client = store.add_client(desk, "A-01")
    made = attachments.attach(desk, place, client, "x.txt", PLANTED.encode())
    here = blobs.keep_file(desk, desk.home / "files", client, "attachment", [b"on this disk"], {"name": "y.txt"})
    counts = backup.backup(desk.engine, desk.home, tmp_path / "desk.backup")
    (key,) = keys(s3)
    written = (tmp_path / "desk.backup").read_bytes()
    assert key.rpartition("/")[2].encode() not in written
    assert str(here.body["file"]).encode() in written
    assert counts["attachment"] == 2
    restored = tmp_path / "restored"
    backup.restore(connect(restored), restored, tmp_path / "desk.backup")
    again = opened(restored)
    assert attachments.given_back(again, place, client, made.record_id)[1] == PLANTED.encode()
    s3.client.delete_object(Bucket="bucket", Key=key)
    with pytest.raises(DeskError, match="gone"):
        attachments.given_back(again, place, client, made.record_id)


def refused(desk: Desk, place: Place, what: str, client: str) -> None:
    """Every way to the files says `what` in one line, without a secret; nothing was kept, and nothing lies here."""
    before = len(store.records(desk, client, "attachment"))
    with pytest.raises(StoreError) as told:
        attachments.attach(desk, place, client, "x.txt", PLANTED.encode())
    with pytest.raises(StoreError) as told_too:
        library_documents.add_document(desk, "x.txt", PLANTED.encode(), files=place)
    for one in (told, told_too):
        assert what in str(one.value)
        assert "\n" not in str(one.value)
        assert "hush" not in str(one.value)
        assert PLANTED not in str(one.value)
    assert len(store.records(desk, client, "attachment")) == before
    assert library_documents.documents(desk) == []
    nothing_lies_here(desk)


def test_a_bucket_that_is_not_there_is_told(desk: Desk, place: Place) -> None:
    refused(desk, place_of("s3://no-such-bucket/desk"), "no such bucket", store.add_client(desk, "A-01"))


def test_missing_and_wrong_credentials_are_told(desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    client = store.add_client(desk, "A-01")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush-hush")
    refused(desk, place_of("s3://bucket/wrong"), "refuses these credentials", client)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    refused(desk, place_of("s3://bucket/none"), "no credentials", client)


def test_a_store_that_is_away_is_told_and_a_library_opens_without_it(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = store.add_client(desk, "A-01")
    store.save(desk, client, "note", {"text": "夢見燈塔"})
    held, _ = library_documents.add_document(desk, "夢.txt", PLANTED.encode(), files=place)
    library_documents.add_document(desk, "海.txt", "燈塔在海邊".encode(), files=place)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    told = library.open_library(desk, files=place)
    assert [found.source.note for found in told.ask("燈塔")] == ["1"]
    assert len(told.wrong) == 2
    assert {"does not answer" in str(error) for _, error in told.wrong} == {True}
    with pytest.raises(StoreError, match="does not answer"):
        library_documents.remove_document(desk, held.document_id, files=place)
    # It is still there to be removed, since it could not be.
    assert held in library_documents.documents(desk)
    monkeypatch.undo()
    assert len(listing(place_of(WHERE))) == 2  # type: ignore[arg-type]  # a remote place
    again = library.open_library(desk, files=place, before=told)
    assert again.wrong == ()
    assert again.ask("永無島")[0].source.title == "夢"
