"""The README names every file, only commands that exist, and no figure that nothing gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xinheng.claims import problems, read
from xinheng.figures import Book

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGES = [
    "app",
    "datasets_src",
    "counselling",
    "curation",
    "annotation",
    "training",
    "benchmarks",
    "reports",
    "xinheng",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_file_tree_has_a_line_for_every_module(package: str) -> None:
    start = README.index(f"\n{package}/")
    section = re.split(r"\n(?=\w+/ )", README[start + 1 :], maxsplit=1)[0]
    listed = set(re.findall(r"^  (\S+\.py) ", section, re.MULTILINE))
    modules = {p.relative_to(ROOT / package).as_posix() for p in (ROOT / package).rglob("*.py")}
    assert listed == {m for m in modules if not m.endswith("__init__.py")}


def test_every_command_it_shows_exists() -> None:
    from app.cli import app

    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    commands |= {
        str(group.name or group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance
    }
    assert set(re.findall(r"bin/xinheng (\w+)", README)) <= commands


def test_every_recipe_it_lists_exists() -> None:
    from curation.recipe import names

    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(names())


# Names of formats, models, measures and versions, which hold a digit and count nothing.
NAMES = [
    "`python3`", "`python3-venv`", "weighted F1", "SHA-256", "UTF-8", "AC1", "AC2", "BM25", "FTS5", "S3", "CC0-1.0",
    "Apache-2.0", "any Argilla 2", "2.x server", "mode 0600", "(version 1.2.0 of the format)", "64-bit hashes",
    "[2019-12-24, 12:23]", "ChatGLM4 and Qwen2.5", "`ollama:phi4`", "ollama:qwen3", "with 0 (done)",
    "s3://bucket/folder", "s3://bucket/key", "http://127.0.0.1:8700",
]  # fmt: skip


def no_figure(line: str, token: str) -> bool:
    """Whether a number is part of a name, of a command that is shown, or of a list's own numbering."""
    command = line.partition(" # ")[0].split() if line.startswith(".venv/bin/") else []
    named = any(token in name and name in line for name in NAMES)
    return named or token in command or bool(re.match(rf"{re.escape(token)}\. ", line))


def test_every_figure_is_a_claim_that_is_worked_out_again() -> None:
    claims = [claim for claim in read(ROOT / "docs" / "claims.json") if claim.file == "README.md"]
    lines = README.split("\n")
    loose = []
    for problem in problems(claims, Book(ROOT), {"README.md": README}):
        if found := re.match(r"README\.md:(\d+): no claim covers (.+)", problem.told):
            line = lines[int(found[1]) - 1]
            loose += [] if no_figure(line, found[2]) else [f"{found[2]} in: {line[:100]}"]
    assert loose == [], "give each an entry in docs/claims.json and what it follows from in tests/test_claims.py"


def test_a_figure_that_somebody_adds_is_seen() -> None:
    assert not no_figure("It is 4.2 times as fast, and uses SHA-256.", "4.2")
    assert not no_figure(".venv/bin/xinheng bench mcq --shots 5  # 68.2 of them", "68.2")
    assert no_figure(".venv/bin/xinheng bench mcq --shots 5  # all of them", "5")


def test_figures_in_words_are_those_of_the_code() -> None:
    import inspect

    from datasets_src.imhi import SETS
    from xinheng.estimate import estimate

    sample = ROOT / "datasets_src" / "sample"
    assert len({file.stem.partition(".")[2] for file in sample.glob("dialogues.*.jsonl")}) == 3
    assert "tagged dialogues in three languages" in README
    assert len(SETS) == 10
    assert "ten sets of MentalLLaMA's benchmark" in README
    assert inspect.signature(estimate).parameters["trial"].default == 10
    assert "what it will take, from ten rows" in README
    assert round(weights(ROOT / "xinheng" / "nano" / "model.safetensors") / 1e6) == 7
    assert "a Llama of seven million weights" in README


def weights(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    import json
    import math

    with file.open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    return sum(math.prod(one["shape"]) for name, one in header.items() if name != "__metadata__")
