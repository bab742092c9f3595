"""`verify` opens files in a real S3; a backup says how many it left there."""

from __future__ import annotations

from pathlib import Path

from app.desk import attachments, backup, checking, store
from app.desk.database import connect
from app.desk.unlock import Desk
from tests.app.desk.desks import opened
from tests.conftest import S3Server
from xinheng.storage import place_of


def test_files_in_a_store_are_opened_and_what_is_changed_or_gone_is_named(desk: Desk, s3: S3Server) -> None:
    client, place = store.add_client(desk, "A"), place_of("s3://bucket/desk")
    made = attachments.attach(desk, place, client, "a.txt", b"letter" * 1000)
    found = checking.verify(desk, place)
    assert (found.files, found.wrong) == (1, [])
    (one,) = s3.client.list_objects_v2(Bucket="bucket")["Contents"]
    key = one["Key"]
    body = s3.client.get_object(Bucket="bucket", Key=key)["Body"].read()
    named = f"the file of attachment {made.record_id[:8]} of client {client[:8]}"
    s3.client.put_object(Bucket="bucket", Key=key, Body=body[:-1] + b"x")
    assert checking.verify(desk, place).wrong == [f"{named} was changed or cut off"]
    s3.client.delete_object(Bucket="bucket", Key=key)
    assert checking.verify(desk, place).wrong == [f"{named} is gone"]
    assert [path for path in desk.home.iterdir() if path.name.startswith(".file-")] == []


def test_a_bucket_that_is_not_there_is_one_sentence(desk: Desk, s3: S3Server) -> None:
    client = store.add_client(desk, "A")
    for n in range(2):
        attachments.attach(desk, place_of("s3://bucket/desk"), client, f"{n}.txt", b"letter")
    (sentence,) = checking.verify(desk, place_of("s3://nowhere/desk")).wrong
    assert sentence == "of 2 files that records name none is in s3://nowhere/desk (--files)"


def test_a_backup_counts_what_stays_in_the_store_and_the_restored_desk_opens_it_there(
    desk: Desk, s3: S3Server, tmp_path: Path
) -> None:
    assert s3.client.list_buckets()["Buckets"]
    client, place = store.add_client(desk, "A"), place_of("s3://bucket/desk")
    for n in range(2):
        attachments.attach(desk, place, client, f"{n}.txt", b"letter")
    counts = backup.backup(desk.engine, desk.home, tmp_path / "b", place=place)
    assert (counts["files"], counts["files_not_copied"], counts["files_not_copied_at_most"]) == (0, 2, 2)
    there = tmp_path / "there"
    backup.restore(connect(there), there, tmp_path / "b", place=place)
    assert checking.verify(opened(there), place).wrong == []
