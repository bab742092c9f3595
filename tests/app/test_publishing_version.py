"""One version, one digest: what stands under a version stays, and the next one is proposed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.publishing_version import require_new_version, require_version
from tests.app.test_publishing import dataset, published, questions
from xinheng import publication
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.mark.parametrize("version", ["1.0.0", "0.10.2", "1.0.0-rc.1", "2.0.0+b1"])
def test_three_numbers_are_a_version(version: str) -> None:
    require_version(version)


@pytest.mark.parametrize("version", ["", "one", "1.0", "v1.0.0", "１.０.０", "١.٠.٠", "1.0.0\n", "1.0.0 final"])
def test_other_words_and_other_digits_are_none(version: str) -> None:
    with pytest.raises(UsageError, match="no version"):
        require_version(version)


def other_test_row(rows: pl.DataFrame) -> pl.DataFrame:
    changed = pl.when(pl.col("question_id") == "q004").then(pl.lit("another")).otherwise("question")
    return rows.with_columns(question=changed)


def moved(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(origin=pl.lit("elsewhere.csv"))


def more_to_train_on(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, questions(1, name="n")])


@pytest.mark.parametrize(
    ("change", "follows"), [(other_test_row, "2.0.0"), (more_to_train_on, "1.1.0"), (moved, "1.0.1")]
)
def test_other_rows_under_the_same_version_are_refused_with_the_one_that_follows(
    change, follows: str, run, tmp_path: Path
) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    before = publication.read(tmp_path / "p")
    again = dataset(tmp_path / "made", change(questions()))
    for more in ((), ("--overwrite",)):
        ran = published(run, again, tmp_path / "p", *more)
        assert ran.code == 2
        said = ran.err.splitlines()[-1]
        assert f"have {made.digest[:12]} there, {again.digest[:12]} now" in said
        assert f"want --version {follows}, as xinheng diff proposes" in said
        assert publication.read(tmp_path / "p") == before
    assert published(run, again, tmp_path / "p", "--version", follows).code == 0
    assert publication.read(tmp_path / "p")["artifact"]["digest"] == again.digest


def test_the_same_rows_made_otherwise_are_proposed_the_smallest_step(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    with pytest.raises(UsageError, match=r"--version 1\.0\.1"):
        require_new_version(tmp_path / "p", "1.0.0", "f" * 64, table="choice", rows=made.scan("choice"))


def test_the_same_digest_is_replaced_under_its_version(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "p").code == 0
    assert published(run, made, tmp_path / "p", "--author", "Lin, Mei").code == 0
    assert (tmp_path / "p" / "CITATION.cff").is_file()


def test_what_cannot_be_compared_wants_a_version_all_the_same(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    assert published(run, made, tmp_path / "ids", "--ids-only").code == 0
    assert published(run, made, tmp_path / "rc", "--version", "1.0.0-rc1").code == 0
    again = dataset(tmp_path / "made", questions(11))
    for name, version in (("ids", "1.0.0"), ("rc", "1.0.0-rc1")):
        ran = published(run, again, tmp_path / name, "--version", version)
        assert (ran.code, "want another --version, have" in ran.err) == (2, True), ran.err


def with_log(folder: Path, rows: int, lines: str) -> Artifact:
    """A dataset whose changelog has unreleased lines."""
    made = dataset(folder, questions(rows))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## Unreleased\n\n{lines}\n")
    from xinheng.artifacts import file_sha256, open_artifact

    manifest["files"]["CHANGELOG.md"] = {
        "sha256": file_sha256(folder / "CHANGELOG.md"), "bytes": (folder / "CHANGELOG.md").stat().st_size
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return open_artifact(made.path)


def test_each_line_of_the_changelog_stands_under_the_version_that_brought_it(run, tmp_path: Path) -> None:
    assert published(run, with_log(tmp_path / "made", 10, "- One."), tmp_path / "p").code == 0
    log = tmp_path / "p" / "CHANGELOG.md"
    assert log.read_text() == "# Changelog\n\n## 1.0.0\n\n- One.\n"
    again = with_log(tmp_path / "made", 11, "- One.\n- Two.\n- One.")
    for _ in range(2):  # the same again, and its lines stand there once
        assert published(run, again, tmp_path / "p", "--version", "2.0.0").code == 0
        assert log.read_text() == "# Changelog\n\n## 2.0.0\n\n- One.\n- Two.\n\n## 1.0.0\n\n- One.\n"
