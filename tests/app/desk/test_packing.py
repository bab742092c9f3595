"""An adapter's folder packed and unpacked: the same files, and nothing that leads elsewhere."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from app.desk.packing import packed, unpacked
from xinheng.artifacts import MANIFEST
from xinheng.errors import ArtifactError


def test_the_same_files_come_out(tmp_path: Path) -> None:
    there, again = tmp_path / "a", tmp_path / "b"
    (there / "inner").mkdir(parents=True)
    again.mkdir()
    files = {MANIFEST: b"{}", "inner/weights": bytes(range(256)) * 20_000, "empty": b""}
    for name, body in files.items():
        (there / name).write_bytes(body)
    unpacked(packed(there), again)
    assert {p.relative_to(again).as_posix(): p.read_bytes() for p in again.rglob("*") if p.is_file()} == files


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "inner/../../out"])
def test_what_leads_elsewhere_is_refused_and_written_nowhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    entry = tarfile.TarInfo(name)
    entry.size = 1
    with pytest.raises(ArtifactError):
        unpacked(iter([_tar(entry, b"x")]), folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_other_things_are_refused(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(ArtifactError):
        unpacked(iter([_tar(entry, b"")]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def _tar(entry: tarfile.TarInfo, body: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(body))
    return made.getvalue()
