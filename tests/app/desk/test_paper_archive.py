"""An archive holds all that is kept of a client, and no name in it leads anywhere."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from app.desk import paper_archive, store
from app.desk.blobs import keep_file
from app.desk.paper_archive import export_archive
from app.desk.unlock import Desk
from xinheng.errors import DeskError, UsageError

PLANTED = "彼得潘住在永無島的樹洞裡"


def test_every_version_and_attachment_is_there_and_nothing_on_the_disk(desk: Desk) -> None:
    client = store.add_client(desk, "A-01")
    store.save(desk, client, "note", {"text": "first"})
    store.save(desk, client, "note", {"text": PLANTED}, record_id="1", version=1)
    for name in ("../../信.txt", "a.txt", "a.txt"):
        keep_file(desk, desk.home / "files", client, "attachment", [PLANTED.encode()], {"name": name})
    archive = zipfile.ZipFile(io.BytesIO(export_archive(desk, client, "zh-Hant")))
    names = [name for name in archive.namelist() if name.startswith("attachments/")]
    assert len(set(names)) == 3
    assert sorted(name.partition("-")[2] for name in names) == ["a.txt", "a.txt", "信.txt"]
    assert all(archive.read(name).decode() == PLANTED for name in names)
    kept = json.loads(archive.read("records.json"))
    assert [(note["version"], note["text"]) for note in kept["note"]] == [(1, "first"), (2, PLANTED)]
    assert all("key" not in one for one in kept["attachment"])
    assert PLANTED in archive.read("client.html").decode()
    assert not any(PLANTED.encode() in p.read_bytes() for p in desk.home.rglob("*") if p.is_file())


def test_more_than_fits_and_another_counsellors_client_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = store.add_client(desk, "A-01")
    keep_file(desk, desk.home / "files", client, "attachment", [b"x" * 100], {"name": "a"})
    monkeypatch.setattr(paper_archive, "LARGEST_BYTES", 99)
    with pytest.raises(UsageError, match="too many attachments"):
        export_archive(desk, client, "en")
    with pytest.raises(DeskError, match="no such client"):
        export_archive(desk, "0" * 32, "en")
