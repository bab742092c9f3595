"""Every tutorial does what it says: its `sh run` blocks, in order, in an empty folder, offline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r"^```sh run(?: exit=(\d+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What each leaves that its text sends the reader to.
LEFT = {
    "counsellor": ["adapter/manifest.json", "notes/manifest.json", "practice/desk.sqlite"],
    "rater": ["agreement.html", "runs/ratings/letters/manifest.json"],
    "dataset_researcher": [
        "runs/datasets/dialogues/report.html",
        "published/dialogues/CITATION.cff",
        "diff.html",
        "lineage.html",
    ],
    "leaderboard_runner": ["compare.html", "board/index.html"],
}

# What its text says that they print.
SAID = {
    "counsellor": ["has two invented clients", "200 the desk answers", "6 notes of 1 clients, not encrypted"],
    "rater": ["guidelines in zh-Hant", "60 answers", "alpha [95 % interval]"],
    "dataset_researcher": [
        "read 162, kept 150, dropped 12",
        "must not be published yet",
        "changed by hand to 151, was 150",
        "1.0.0 → 2.0.0",
    ],
    "leaderboard_runner": ["rule", "upstream", "undecided", "not above the floor"],
}


def blocks(tutorial: Path) -> list[tuple[int, str]]:
    """(Expected exit status, script) of each block to run."""
    return [(int(code or 0), script) for code, script in BLOCK.findall(tutorial.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda place: place.stem)
def test_its_commands_do_what_it_says(tutorial: Path, tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    nowhere = "http://127.0.0.1:9"  # whoever asks the network asks a closed door
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), nowhere),
    }
    assert len(blocks(tutorial)) >= 4
    told = ""
    for expected, script in blocks(tutorial):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == expected, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        told += done.stdout
    for words in SAID[tutorial.stem]:
        assert words in told, words
    for place in LEFT[tutorial.stem]:
        assert (work / place).stat().st_size > 100, place
