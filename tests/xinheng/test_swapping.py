"""Folders that appear whole: the old or the new one at every moment, and nothing left beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xinheng.swapping import clear, give_up, make_beside, swap

MARK = "mark.json"


def finished(path: Path, text: str) -> Path:
    """A whole folder beside `path`, to be swapped in."""
    folder = make_beside(path)
    (folder / MARK).write_text(text, encoding="utf-8")
    return folder


def test_the_new_folder_takes_the_place_of_the_old_and_nothing_is_left(tmp_path: Path) -> None:
    for text in ("first", "second"):
        swap(finished(tmp_path / "out", text), tmp_path / "out", mark=MARK)
    assert (tmp_path / "out" / MARK).read_text(encoding="utf-8") == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_when_the_new_folder_cannot_be_renamed_the_old_one_is_back(tmp_path: Path) -> None:
    swap(finished(tmp_path / "out", "old"), tmp_path / "out", mark=MARK)
    with pytest.raises(FileNotFoundError):
        swap(tmp_path / "absent", tmp_path / "out", mark=MARK)
    assert (tmp_path / "out" / MARK).read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("end", ["", "-abcd"], ids=["as older versions named it", "as it is named"])
def test_a_folder_lost_between_the_renames_comes_back_and_a_half_deleted_one_does_not(tmp_path: Path, end: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    for name in ("whole", "half"):
        lost = finished(tmp_path / name, "old").rename(tmp_path / f".{name}.replaced-{process.pid}{end}")
        if name == "half":
            (lost / MARK).unlink()
        clear(tmp_path / name, mark=MARK)
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


KEPT = (".git", ".cache")


def clone(path: Path) -> None:
    (path / ".git").mkdir(parents=True)
    (path / ".git" / "HEAD").write_text("history", encoding="utf-8")


def test_what_is_kept_goes_over_and_what_is_not_goes(tmp_path: Path) -> None:
    swap(finished(tmp_path / "out", "old"), tmp_path / "out", mark=MARK, kept=KEPT)
    clone(tmp_path / "out")
    (tmp_path / "out" / "other").write_text("x")
    swap(finished(tmp_path / "out", "new"), tmp_path / "out", mark=MARK, kept=KEPT)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".git", MARK]
    assert (tmp_path / "out" / ".git" / "HEAD").read_text(encoding="utf-8") == "history"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_when_the_renames_fail_what_is_kept_is_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new folder cannot take its place: the old one is back, with its history."""
    swap(finished(tmp_path / "out", "old"), tmp_path / "out", mark=MARK)
    clone(tmp_path / "out")
    new, rename = finished(tmp_path / "out", "new"), Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if self == new:
            raise PermissionError
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(PermissionError):
        swap(new, tmp_path / "out", mark=MARK, kept=KEPT)
    give_up(new, tmp_path / "out", kept=KEPT)
    assert (tmp_path / "out" / MARK).read_text(encoding="utf-8") == "old"
    assert (tmp_path / "out" / ".git" / "HEAD").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("killed_after", range(4))
def test_a_writer_killed_anywhere_in_a_swap_loses_nothing_that_is_kept(killed_after: int, tmp_path: Path) -> None:
    """Killed after each rename: two of what is kept, the old folder away, the new one in."""
    place, dead = tmp_path / "out", gone()
    swap(finished(place, "old"), place, mark=MARK)
    clone(place)
    (place / ".cache").write_text("x")
    new = finished(place, "new").rename(tmp_path / f".out.writing-{dead}-abcd")
    steps = [
        (place / ".git", new / ".git"),
        (place / ".cache", new / ".cache"),
        (place, tmp_path / f".out.replaced-{dead}-abcd"),
        (new, place),
    ]
    for step in steps[: killed_after + 1]:
        step[0].rename(step[1])
    clear(place, mark=MARK, kept=KEPT)
    assert (place / MARK).read_text(encoding="utf-8") == ("new" if killed_after == 3 else "old")
    assert (place / ".git" / "HEAD").read_text(encoding="utf-8") == "history"
    assert (place / ".cache").read_text(encoding="utf-8") == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_history_that_has_a_place_no_more_is_not_deleted(tmp_path: Path) -> None:
    """Somebody cloned again after the kill: which of the two histories is the right one, nobody here can know."""
    left = tmp_path / f".out.writing-{gone()}-abcd"
    clone(left)
    clone(tmp_path / "out")
    clear(tmp_path / "out", mark=MARK, kept=KEPT)
    give_up(left, tmp_path / "out", kept=KEPT)
    assert (left / ".git" / "HEAD").is_file()


@pytest.mark.parametrize("number", ["0" * 30 + "9" * 30, "x", ""])
def test_a_name_that_is_no_process_does_not_stop_a_writer(tmp_path: Path, number: str) -> None:
    (tmp_path / f".out.writing-{number}-abcd").mkdir()
    clear(tmp_path / "out", mark=MARK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "setresuid") or os.getuid() != 0, reason="takes root to become somebody else")
def test_an_old_folder_that_its_owner_made_read_only_is_replaced_without_a_complaint(tmp_path: Path) -> None:
    """Root may write anywhere: the swap is done by a process that gave that up."""
    script = f"""
import os
from pathlib import Path
from xinheng.swapping import make_beside, swap
place = Path({str(tmp_path / "open" / "out")!r})
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
for text in ("old", "new"):
    folder = make_beside(place)
    (folder / "{MARK}").write_text(text)
    swap(folder, place, mark="{MARK}")
    place.chmod(0o555)
print((place / "{MARK}").read_text(), [path.name for path in place.parent.iterdir()])
"""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001:
            pytest.skip("the temporary folder is closed to others")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "new ['out']"), ran.stderr
