"""`xinheng diff`: ids and counts, never texts; a page, all ids and a changelog where they are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.changelog import entry, with_entry
from tests.app.harness import cases, dataset
from xinheng.artifacts import write

SECRET = "what somebody wrote in distress"


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Path, Path]:
    before = cases(6).with_columns(split=pl.lit("train"), reference=pl.lit(SECRET))
    after = before.filter(pl.col("case_id") != "c001").with_columns(
        reference=pl.when(pl.col("case_id") == "c003").then(pl.lit(f"{SECRET}!")).otherwise("reference")
    )
    dataset(tmp_path / "a", before)
    dataset(tmp_path / "b", after)
    return tmp_path / "a", tmp_path / "b"


def test_it_names_rows_by_id_and_proposes_a_version(run, versions: tuple[Path, Path]) -> None:
    told = run("diff", *versions, "--version", "1.4.0")
    assert told.code == 0
    for said in ("0 added, 1 removed, 1 changed", "removed: c001", "changed: c003", "1.4.0 → 1.5.0 (minor"):
        assert said in told.out
    assert SECRET not in told.out + told.err


def test_no_file_of_it_quotes_a_row(run, versions: tuple[Path, Path], tmp_path: Path) -> None:
    files = [tmp_path / "out" / name for name in ("d.html", "ids.csv", "CHANGELOG.md")]
    told = run("diff", *versions, "--page", files[0], "--ids", files[1], "--changelog", files[2], "--json")
    assert told.code == 0
    facts = json.loads(told.out)
    assert facts["rows"] == {"before": 6, "after": 5, "added": 0, "removed": 1, "changed": 1}
    assert facts["columns"] == [{"column": "reference", "rows": 1}]
    assert facts["ids"]["changed"] == [{"id": "c003", "columns": ["reference"]}]
    for text in (told.out, *(file.read_text(encoding="utf-8") for file in files)):
        assert SECRET not in text
    assert files[1].read_text(encoding="utf-8").splitlines() == [
        "what,case_id,columns",
        "removed,c001,",
        "changed,c003,reference",
    ]


def test_the_changelog_grows_by_one_entry_however_often_it_is_written(run, versions, tmp_path: Path) -> None:
    log = tmp_path / "CHANGELOG.md"
    log.write_text("# Changelog\n\n## 0.3.0\n\n- First.\n", encoding="utf-8")
    for _ in range(2):
        assert run("diff", *versions, "--changelog", log).code == 0
    text = log.read_text(encoding="utf-8")
    assert text.count("## ") == 2
    assert text.index("## 0.3.1") < text.index("## 0.3.0")
    assert "- Rows: 6 → 5 (added 0, removed 1, changed 1)." in text
    assert run("diff", versions[0], versions[0], "--changelog", log).code == 0
    assert log.read_text(encoding="utf-8") == text


def test_the_same_is_the_same_version(run, versions: tuple[Path, Path]) -> None:
    told = json.loads(run("diff", versions[0], versions[0], "--json").out)
    assert (told["same_digest"], told["same_rows"], told["version"]["level"]) == (True, True, "same")
    assert told["version"]["now"] == "1.0.0"


def test_artifacts_of_other_rows_are_refused_with_the_way_out(run, versions, tmp_path: Path) -> None:
    write(tmp_path / "c", kind="scores", name="s", tables={"score": pl.DataFrame({"x": [1]})})
    told = run("diff", versions[0], tmp_path / "c")
    assert told.code == 2
    assert "different rows" in told.err
    told = run("diff", *versions, "--table", "nothing")
    assert told.code == 2
    assert "one of case" in told.err


@pytest.mark.parametrize("version", ["1.2", "x"])
def test_a_bad_version_is_refused_before_anything_is_written(run, versions, version: str, tmp_path: Path) -> None:
    assert run("diff", *versions, "--version", version, "--page", tmp_path / "p.html").code == 2
    assert not (tmp_path / "p.html").exists()


def test_what_is_no_artifact_or_no_changelog_is_refused(run, versions, tmp_path: Path) -> None:
    assert run("diff", versions[0], tmp_path / "none").code == 2
    (tmp_path / "log").write_bytes(b"\xff\xfe")
    assert run("diff", *versions, "--changelog", tmp_path / "log").code == 2


def test_tables_of_no_kind_known_are_compared_row_by_row(run, tmp_path: Path) -> None:
    for name, rows in (("a", [1, 2, 2]), ("b", [2, 2, 3])):
        write(tmp_path / name, kind="other", name="o", tables={"thing": pl.DataFrame({"x": rows})})
    told = json.loads(run("diff", tmp_path / "a", tmp_path / "b", "--json").out)
    assert (told["rows"]["added"], told["rows"]["removed"]) == (1, 1)
    assert told["ids"] == {}


def test_names_cannot_forge_a_changelog() -> None:
    facts = {
        "rows": {"before": 1, "after": 1, "added": 0, "removed": 0, "changed": 1},
        "before": {"digest": "a" * 64},
        "after": {"digest": "b" * 64, "written": "2026-11-21T00:00:00"},
        "columns": [{"column": "x`\n## 9.9.9\n`", "rows": 1}],
        "schema": [],
        "moved": [],
        "causes": [],
        "version": {"now": "1.1.0", "level": "minor", "why": ["Column <b> is new."]},
    }
    text = with_entry("", entry(facts), "1.1.0")
    assert "\n## 9.9.9" not in text
    assert "\\<b\\>" in text
