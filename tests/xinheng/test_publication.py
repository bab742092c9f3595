"""A publication is there whole or not at all, and says when a hand was in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from xinheng import publication
from xinheng.errors import ArtifactError, InputError, WriteError

ARTIFACT = {"kind": "dataset", "name": "made", "digest": "0" * 64}
TOLD = {"kind": "dataset", "name": "made", "version": "1.0.0", "artifact": ARTIFACT}


def make(path: Path, text: str = "card", **more) -> None:
    with publication.writing(path, TOLD, **more) as folder:
        (folder / "README.md").write_text(text)
        (folder / "data").mkdir()
        (folder / "data" / "a.txt").write_text("rows")


def test_files_are_listed_and_sha256sum_agrees(tmp_path: Path) -> None:
    make(tmp_path / "p")
    told = publication.read(tmp_path / "p")
    assert set(told["files"]) == {"README.md", "data/a.txt"}
    assert publication.differences(tmp_path / "p", told) == []
    subprocess.run(
        ["sha256sum", "--check", "--strict", publication.SUMS], cwd=tmp_path / "p", check=True, capture_output=True
    )


def test_the_same_again_gives_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path / "p")
    before = {path: path.read_bytes() for path in (tmp_path / "p").rglob("*") if path.is_file()}
    make(tmp_path / "p")
    assert {path: path.read_bytes() for path in (tmp_path / "p").rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("left", ["notes.txt", "manifest.json", "publication.json"])
def test_what_lies_there_and_is_no_publication_stays(left: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / left).write_text("{}")
    with pytest.raises(ArtifactError, match="in the way"):
        make(tmp_path / "p")
    assert (tmp_path / "p" / left).read_text() == "{}"


def test_a_file_or_a_broken_link_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(ArtifactError, match="in the way"):
            make(tmp_path / name)
    assert (tmp_path / "link").is_symlink()


def changed(folder: Path) -> None:
    (folder / "README.md").write_text("by hand")


def missing(folder: Path) -> None:
    (folder / "data" / "a.txt").unlink()


def added(folder: Path) -> None:
    (folder / "more.txt").write_text("x")


def listed(folder: Path) -> None:
    (folder / publication.SUMS).write_text("")


def linked(folder: Path) -> None:
    """The same bytes, elsewhere."""
    (folder / "README.md").rename(folder.parent / "elsewhere")
    (folder / "README.md").symlink_to(folder.parent / "elsewhere")


def linked_folder(folder: Path) -> None:
    (folder / "data").rename(folder.parent / "elsewhere")
    (folder / "data").symlink_to(folder.parent / "elsewhere")


def piped(folder: Path) -> None:
    (folder / "data" / "a.txt").unlink()
    os.mkfifo(folder / "data" / "a.txt")


def pipe_added(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def sums_piped(folder: Path) -> None:
    (folder / publication.SUMS).unlink()
    os.mkfifo(folder / publication.SUMS)


def empty_folder(folder: Path) -> None:
    (folder / "more" / "empty").mkdir(parents=True)


HANDS = [changed, missing, added, listed, linked, linked_folder, piped, pipe_added, sums_piped, empty_folder]


@pytest.mark.parametrize("hand", HANDS)
def test_a_hand_is_seen_and_its_work_not_lost_unasked(hand, tmp_path: Path) -> None:
    make(tmp_path / "p")
    hand(tmp_path / "p")
    assert publication.differences(tmp_path / "p", publication.read(tmp_path / "p"))
    with pytest.raises(ArtifactError, match="changed by hand"):
        make(tmp_path / "p")
    make(tmp_path / "p", overwrite=True)
    assert publication.differences(tmp_path / "p", publication.read(tmp_path / "p")) == []


def test_git_and_the_hubs_own_files_are_no_change(tmp_path: Path) -> None:
    make(tmp_path / "p")
    (tmp_path / "p" / ".git").mkdir()
    (tmp_path / "p" / ".git" / "HEAD").write_text("x")
    (tmp_path / "p" / ".gitattributes").write_text("x")
    (tmp_path / "p" / ".cache").symlink_to(tmp_path)
    assert publication.differences(tmp_path / "p", publication.read(tmp_path / "p")) == []


def test_a_clone_stays_a_clone_when_it_is_published_into(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path / "p"), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "init", "-q", str(tmp_path / "p")], check=True, capture_output=True)
    make(tmp_path / "p")
    for words in (["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (tmp_path / "p" / ".gitattributes").write_text("*.parquet filter=lfs\n")
    make(tmp_path / "p", "second")
    make(tmp_path / "p", "third", overwrite=True)
    log = subprocess.run([*git, "log", "--format=%s"], check=True, capture_output=True, text=True).stdout
    changed = subprocess.run([*git, "status", "--short"], check=True, capture_output=True, text=True).stdout
    assert log == "first\n"
    assert " M README.md" in changed
    assert (tmp_path / "p" / ".gitattributes").read_text() == "*.parquet filter=lfs\n"
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_an_error_on_the_way_leaves_the_older_one(tmp_path: Path) -> None:
    make(tmp_path / "p", "first")
    with pytest.raises(KeyboardInterrupt), publication.writing(tmp_path / "p", TOLD):
        raise KeyboardInterrupt
    assert (tmp_path / "p" / "README.md").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_a_full_disk_is_one_message(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with pytest.raises(WriteError, match="disk is full"), publication.writing(tmp_path / "p", TOLD):
        full.write_text("x")
    assert not [*tmp_path.iterdir()]


def test_what_is_no_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    make(tmp_path / "p")
    linked(tmp_path / "p")
    piped(tmp_path / "p")
    pipe_added(tmp_path / "p")
    (tmp_path / "p" / "empty").mkdir()
    strange = {"README.md": "a link, and no file", "data/a.txt": "no file", "pipe": "no file"}
    assert publication.irregular(tmp_path / "p") == strange
    found = publication.differences(tmp_path / "p", publication.read(tmp_path / "p"))
    assert found == [*(f"{name}: {what}" for name, what in strange.items()), "empty: an empty folder"]


def test_a_pipe_in_place_of_the_marker_is_no_publication(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / publication.MARKER)
    with pytest.raises(InputError, match="not a publication"):
        publication.read(tmp_path)


@pytest.mark.parametrize(
    "told",
    ["", "[]", "{}", json.dumps({**TOLD, "version": None, "format": 1, "digest": "", "files": {}}),
     json.dumps({**TOLD, "format": 1, "digest": 7, "files": {}}),
     json.dumps({**TOLD, "format": 1, "digest": "", "files": {"a": 1}}),
     '{"format": 9}', json.dumps({**TOLD, "format": 1, "digest": "", "files": {"../x": ""}}),
     json.dumps({**TOLD, "format": 1, "digest": "", "files": {"/etc/passwd": ""}})],
)  # fmt: skip
def test_what_is_no_publication_is_not_read_as_one(told: str, tmp_path: Path) -> None:
    (tmp_path / publication.MARKER).write_text(told)
    with pytest.raises(InputError):
        publication.read(tmp_path)
