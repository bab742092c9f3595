"""Folders that appear whole: the old or the new one at every moment, and nothing left beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xinheng.swapping import clear, make_beside, swap

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
