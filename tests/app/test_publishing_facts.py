"""What a publication says of its rows is counted from them, however oddly a manifest or a row tells of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.publishing_check import checked
from tests.app.test_publishing import dataset, published, questions
from xinheng import artifacts
from xinheng.artifacts import open_artifact

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
FIRST = pl.col("question_id") == "q000"


def odd(column: str, value: str | None) -> pl.DataFrame:
    """Ten rows of one's own, the first with another value."""
    rows = questions(licence="MIT").with_columns(source=pl.lit("mine"))
    return rows.with_columns(pl.when(FIRST).then(pl.lit(value)).otherwise(column).alias(column))


@pytest.mark.parametrize("licence", ["MIT ", " MIT", "MIT\t"])
def test_blanks_around_a_licence_count_its_rows_all_the_same(licence: str, run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", odd("licence", licence))
    assert published(run, made, tmp_path / "p").code == 0
    assert "| mine | MIT | 10 | yes |" in (tmp_path / "p" / "README.md").read_text()
    assert checked(tmp_path / "p").wrong == ()


@pytest.mark.parametrize("column", ["source", "language"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_rows_that_name_no_source_or_language_are_refused(column: str, value: str | None, run, tmp_path: Path) -> None:
    made = artifacts.write(
        tmp_path / "made", kind="dataset", name="m", tables={"choice": odd(column, value)}, facts={}
    )  # fmt: skip
    ran = published(run, made, tmp_path / "p")
    assert (ran.code, f"rows that name no {column}: 1" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "p").exists()


def test_blanks_around_a_source_are_no_way_around_its_terms(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions(licence="CC0-1.0", source="line "))
    ran = published(run, made, tmp_path / "p")
    assert ran.code == 1
    assert "line (10 rows" in ran.err


@pytest.mark.parametrize(
    "facts", [{"title": "Pairs"}, {"recipe": "x"}, {"title": ["a"], "recipe": [3], "sources": "all", "rows": 10}]
)
def test_a_title_or_recipe_of_another_shape_is_left_out(facts: dict[str, Any], run, tmp_path: Path) -> None:
    artifacts.write(tmp_path / "made", kind="preferences", name="m", tables={"choice": questions()}, facts=facts)
    ran = published(run, open_artifact(tmp_path / "made"), tmp_path / "p")
    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / "p" / "provenance" / "about.json").read_text())["title"] == "m"
    assert checked(tmp_path / "p").wrong == ()


@pytest.mark.parametrize("facts", [{"privacy": "yes"}, {"withdrawn": ["x"]}])
def test_what_must_not_be_left_out_is_refused_in_another_shape(facts: dict[str, Any], run, tmp_path: Path) -> None:
    artifacts.write(tmp_path / "made", kind="preferences", name="m", tables={"choice": questions()}, facts=facts)
    ran = published(run, open_artifact(tmp_path / "made"), tmp_path / "p")
    assert (ran.code, "is not as it should be" in ran.err) == (2, True), ran.err


def test_the_terms_show_a_licence_as_it_stands(run, tmp_path: Path) -> None:
    named = "<script>alert(1)</script> [x](http://evil.example)"
    made = dataset(tmp_path / "made", questions(licence=named, source="mine|*x*"))
    assert published(run, made, tmp_path / "p", "--accept", "custom-terms").code == 0
    told = (tmp_path / "p" / "LICENCES.md").read_text()
    assert "<script" not in told
    assert "[x](" not in told
    assert "\\[x\\]" in told
    assert "mine\\|\\*x\\*" in told
    assert checked(tmp_path / "p").wrong == ()
