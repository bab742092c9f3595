"""A backup of a desk in use is whole, and opens elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.desk import attachments, backup, backup_lines, blobs, checking, library_documents, store
from app.desk.database import connect, read
from app.desk.unlock import Desk
from tests.app.desk.desks import opened
from xinheng.errors import DeskError, InputError, UsageError, XinhengError
from xinheng.storage import RemotePath

SCHEMA_1 = Path(__file__).with_name("schema_1.backup")


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


def lines_of(source: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in source.read_text().splitlines()]


def written(to: Path, lines: list[dict[str, Any]], *, after: bytes = b"") -> Path:
    """A backup of these lines whose digest is right, as somebody would make it who has changed one."""
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    end = {**lines[-1], "end": hashlib.sha256(body).hexdigest()}
    to.write_bytes(body + json.dumps(end).encode() + b"\n" + after)
    return to


@pytest.fixture
def source(desk: Desk, tmp_path: Path) -> Path:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home / "files", client, "a.txt", b"letter")
    store.save(desk, client, "note", {"text": "planted words"})
    backup.backup(desk.engine, desk.home, tmp_path / "source")
    return tmp_path / "source"


def refused(source: Path, there: Path, error: type[XinhengError], match: str) -> None:
    """Nothing of it comes into an empty desk, and nothing beside it."""
    engine = connect(there)
    around = {path.name for path in there.parent.iterdir()}
    with pytest.raises(error, match=match) as told:
        backup.restore(engine, there, source)
    assert "planted" not in str(told.value)
    assert read(engine, lambda c: c.execute(sa.text("SELECT count(*) FROM counsellor")).scalar_one()) == 0
    assert not (there / "files").exists()
    assert {path.name for path in there.parent.iterdir()} == around
    engine.dispose()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../../evil", "..", "a\\..\\evil", "a\0b", 7, None])
def test_a_file_that_leads_out_of_the_folder_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path, name: object
) -> None:
    lines = lines_of(source)
    next(line for line in lines if "file" in line)["file"] = name
    refused(written(tmp_path / "wrong", lines), tmp_path / "there", InputError, "leads out of the folder")


@pytest.mark.parametrize("after", [b"junk", b"\n", b"{}\n", b'{"file": "x/evil", "body": "QUJD"}\n'])
def test_nothing_may_follow_the_end(source: Path, tmp_path: Path, after: bytes) -> None:
    wrong = written(tmp_path / "wrong", lines_of(source), after=after)
    refused(wrong, tmp_path / "there", InputError, "no whole backup")


def test_two_backups_in_one_file_are_none(source: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_bytes(source.read_bytes() * 2)
    refused(tmp_path / "wrong", tmp_path / "there", InputError, "no whole backup")


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: next(line for line in lines if line.get("table") == "note").update(table="passwords"),
        lambda lines: next(line for line in lines if line.get("table") == "note")["row"].update(evil=1),
        lambda lines: next(line for line in lines if line.get("table") == "note")["row"].update(version="1"),
        lambda lines: next(line for line in lines if line.get("table") == "note")["row"].update(body="words"),
        lambda lines: next(line for line in lines if line.get("table") == "note")["row"].update(body={"b": "?"}),
        lambda lines: next(line for line in lines if line.get("table") == "note")["row"].pop("body"),
        lambda lines: next(line for line in lines if line.get("table") == "note").pop("row"),
        lambda lines: next(line for line in lines if "file" in line).update(body="?"),
        lambda lines: next(line for line in lines if "file" in line).pop("body"),
        lambda lines: lines[-1]["counts"].update(note=5),
        lambda lines: lines[-1].update(counts=None),
        lambda lines: lines.remove(next(line for line in lines if line.get("table") == "desk")),
        lambda lines: lines.insert(1, next(line for line in lines if line.get("table") == "desk")),
        lambda lines: lines.insert(1, lines[0]),
        lambda lines: lines.remove(next(line for line in lines if line.get("table") == "note")),
    ],
)
def test_a_line_that_no_desk_wrote_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path, change: Callable[[list[dict[str, Any]]], object]
) -> None:
    lines = lines_of(source)
    change(lines)
    refused(written(tmp_path / "wrong", lines), tmp_path / "there", InputError, "no whole backup")


def test_rows_that_the_database_refuses_leave_nothing(source: Path, tmp_path: Path) -> None:
    lines = lines_of(source)
    lines = [line for line in lines if line.get("table") != "client"]
    lines[-1]["counts"]["client"] = 0
    refused(written(tmp_path / "wrong", lines), tmp_path / "there", DeskError, "the database refused")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_backup_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    whole = SCHEMA_1.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    until = data.draw(st.integers(at, min(len(whole), at + 40)))
    wrong = whole[:at] + data.draw(st.binary(max_size=40)) + whole[until:]
    if wrong == whole:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wrong"
        path.write_bytes(wrong)
        with suppress(InputError):  # else the last line was only written in another way that says the same
            assert backup_lines.checked(path) == backup_lines.checked(SCHEMA_1)


def test_a_file_that_no_desk_wrote_is_left_out_and_counted(source: Path, tmp_path: Path) -> None:
    lines = lines_of(source)
    lines.insert(-1, {"file": ".DS_Store", "body": base64.b64encode(b"x").decode()})
    lines[-1]["counts"]["files"] += 1
    there = tmp_path / "there"
    counts = backup.restore(connect(there), there, written(tmp_path / "odd", lines))
    assert (counts["files"], counts["files_skipped"]) == (2, 1)
    assert len([path for path in (there / "files").rglob("*") if path.is_file()]) == 1
    assert checking.verify(opened(there)).wrong == []


# ---- files that lie elsewhere


def test_files_of_another_folder_are_copied_and_put_back_where_they_are_wanted(desk: Desk, tmp_path: Path) -> None:
    client, place = store.add_client(desk, "A"), tmp_path / "disk"
    kept = attachments.attach(desk, place, client, "a.txt", b"letter")
    counts = backup.backup(desk.engine, desk.home, tmp_path / "b", place=place)
    assert (counts["files"], counts["files_not_copied"], counts["files_not_copied_at_most"]) == (1, 0, 0)
    there, disk = tmp_path / "there", tmp_path / "another disk"
    backup.restore(connect(there), there, tmp_path / "b", place=disk)
    assert not (there / "files").exists()
    assert attachments.given_back(opened(there), disk, client, kept.record_id)[1] == b"letter"
    assert checking.verify(opened(there), disk).wrong == []


@pytest.mark.parametrize("place", [None, RemotePath("s3://bucket/files")])
def test_a_backup_counts_the_files_that_records_name_and_that_are_not_in_it(
    desk: Desk, tmp_path: Path, place: RemotePath | None
) -> None:
    client, disk = store.add_client(desk, "A"), tmp_path / "disk"
    for n in range(3):
        last = attachments.attach(desk, disk, client, f"{n}.txt", b"letter")
    attachments.remove(desk, disk, client, last.record_id)
    library_documents.add_document(desk, "x.txt", b"a document of the library", files=disk)
    blobs.keep_file(desk, disk, client, "adapter", [b"weights"], {})
    counts = backup.backup(desk.engine, desk.home, tmp_path / "b", place=place)
    assert (counts["files"], counts["files_not_copied"], counts["files_not_copied_at_most"]) == (0, 3, 4)
    counts = backup.backup(desk.engine, desk.home, tmp_path / "all", place=disk)
    assert (counts["files"], counts["files_not_copied"], counts["files_not_copied_at_most"]) == (4, 0, 0)


def test_files_of_a_backup_do_not_go_to_an_object_store(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    with pytest.raises(UsageError, match=r"cannot go to s3://bucket/files.*1 files.*--files FOLDER"):
        backup.restore(connect(there), there, source, place=RemotePath("s3://bucket/files"))
    backup.restore(connect(there), there, source)
    assert checking.verify(opened(there)).wrong == []


def test_what_else_lies_in_the_folder_is_no_file_of_the_desk(desk: Desk, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home, client, "a.txt", b"letter")  # --files may be the desk's own folder
    for name in (".DS_Store", "x/y/z", f"{'a' * 32}/{'b' * 32}/{'c' * 32}.writing"):
        (desk.home / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.home / name).write_text("x")
    assert backup.backup(desk.engine, desk.home, tmp_path / "b", place=desk.home)["files"] == 1
    assert not any(line.get("file", "").startswith("desk.sqlite") for line in lines_of(tmp_path / "b"))


def test_an_attachment_that_goes_while_the_backup_is_made_is_left_out_and_counted(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
    for each in (client, client, other):
        attachments.attach(desk, desk.home / "files", each, "a.txt", b"letter")
    really, held = Path.read_bytes, attachments.attached(desk, client)

    def meanwhile(path: Path) -> bytes:
        if held and desk.home in path.parents:
            attachments.remove(desk, desk.home / "files", client, held.pop().record_id)
            attachments.remove(desk, desk.home / "files", client, held.pop().record_id)
            blobs.remove_files(desk, desk.home / "files", other)
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", meanwhile)
    counts = backup.backup(desk.engine, desk.home, tmp_path / "b")
    assert (counts["files"], counts["files_gone"], counts["files_not_copied"]) == (0, 3, 3)
    there = tmp_path / "there"
    assert backup.restore(connect(there), there, tmp_path / "b") == counts


def test_a_file_that_cannot_be_read_is_told_and_there_is_no_backup(desk: Desk, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    attachments.attach(desk, desk.home / "files", client, "a.txt", b"letter")
    (file,) = [path for path in (desk.home / "files").rglob("*") if path.is_file()]
    (tmp_path / "plain").write_text("x")
    with pytest.raises(DeskError, match="plain cannot be read"):
        backup.backup(desk.engine, desk.home, tmp_path / "b", place=tmp_path / "plain")
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(DeskError, match=f"files cannot be read: have file {file.name[:8]}"):
        backup.backup(desk.engine, desk.home, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert not list(tmp_path.glob(".b*"))


def test_a_backup_that_is_exchanged_while_it_is_restored_is_refused(
    source: Path, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(desk, store.clients(desk)[0], "note", {"text": "later"})
    backup.backup(desk.engine, desk.home, tmp_path / "other")
    really = backup_lines.checked

    def exchanged(path: Path) -> backup_lines.Whole:
        found = really(path)
        (tmp_path / "other").replace(path)
        return found

    monkeypatch.setattr(backup, "checked", exchanged)
    engine = connect(tmp_path / "there")
    with pytest.raises(InputError, match="no whole backup"):
        backup.restore(engine, tmp_path / "there", source)
    assert read(engine, lambda c: c.execute(sa.text("SELECT count(*) FROM counsellor")).scalar_one()) == 0
    assert not (tmp_path / "there" / "files").exists()
