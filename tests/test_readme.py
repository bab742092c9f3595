"""The README names every file and only commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
