"""What `xinheng publish` leaves behind: one version on the hub and not two, and nothing where a place was no place."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.app.test_publishing import dataset, published, questions
from tests.servers.hub_server import TOKEN, Hub, served
from xinheng import publication

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with served() as there:
        monkeypatch.setenv("HF_ENDPOINT", there.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("xinheng.hub.PAUSES", (0.0,))
        yield there


def on_disk(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in publication.names(folder)}


def test_rows_that_are_published_no_more_are_on_the_hub_no_more(run, hub: Hub, tmp_path: Path) -> None:
    rows = pl.concat([questions(), questions(3, licence="CC-BY-NC-4.0", source="emobench", name="n")])
    to = ("--to", "hub:lab/x", "--accept", "non-commercial")
    assert published(run, dataset(tmp_path / "one", rows), tmp_path / "p", *to).code == 0
    assert any(name.startswith("data/validation") for name in hub.files)
    fewer = rows.filter(pl.col("split") != "validation")
    ran = published(run, dataset(tmp_path / "two", fewer), tmp_path / "p", *to, "--version", "2.0.0")
    assert ran.code == 0, ran.err
    assert hub.files == on_disk(tmp_path / "p")
    assert not any("validation" in name for name in hub.files)
    ran = published(run, dataset(tmp_path / "three", fewer), tmp_path / "p", *to, "--version", "3.0.0", "--ids-only")
    assert ran.code == 0, ran.err
    assert hub.files == on_disk(tmp_path / "p")
    assert not any(name.startswith("jsonl/") for name in hub.files)


def test_a_repository_with_other_work_is_left_alone_and_the_folder_stands(run, hub: Hub, tmp_path: Path) -> None:
    hub.make("lab/x", {"years of work.csv": b"x"})
    ran = published(run, dataset(tmp_path / "made", questions()), tmp_path / "p", "--to", "hub:lab/x")
    assert ran.code == 2
    assert "years of work.csv" in ran.err
    assert f"The folder is ready: {tmp_path / 'p'}" in ran.err
    assert hub.files == {"years of work.csv": b"x"}
    assert run("publish", "--check", tmp_path / "p").code == 0


def test_the_command_for_later_deletes_as_well_and_can_be_pasted(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    out = tmp_path / "my folder; rm x"
    ran = published(run, dataset(tmp_path / "made", questions()), out, "--to", "hub:lab/made", "--private")
    assert ran.code == 2
    words = shlex.split(ran.err[ran.err.index("hf upload") :])
    assert words == ["hf", "upload", "lab/made", str(out), ".", "--repo-type", "dataset", "--private", "--delete", "*"]


def test_a_runs_folder_in_the_publication_is_refused_before_anything_is_made(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xinheng import settings

    monkeypatch.setenv("XINHENG_RUNS", str(tmp_path / "p" / "runs"))
    settings.settings.cache_clear()
    ran = published(run, dataset(tmp_path / "made", questions()), tmp_path / "p")
    assert ran.code == 2
    assert "the runs folder lies in --out" in ran.err
    assert not (tmp_path / "p").exists()


def test_where_the_reviewers_page_has_no_place_nothing_is_made(run, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "reviews").write_text("in the way")
    ran = published(run, dataset(tmp_path / "made", questions()), tmp_path / "p")
    assert ran.code == 2
    assert "no place for the reviewer's page" in ran.err
    assert not (tmp_path / "p").exists()


def test_a_page_that_fails_all_the_same_says_what_stands(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    (tmp_path / "runs" / "reviews" / f"made-{made.digest[:12]}.html" / "in the way").mkdir(parents=True)
    ran = published(run, made, tmp_path / "p")
    assert ran.code == 2
    assert f"The publication is whole, in {tmp_path / 'p'}; nothing was sent." in ran.err
    assert publication.differences(tmp_path / "p", publication.read(tmp_path / "p")) == []


@pytest.mark.parametrize("name", ["claims.json", "data/more.parquet", "certificates/gate.json"])
def test_a_pipe_does_not_hold_the_check_for_ever(name: str, run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "made", questions()), tmp_path / "p").code == 0
    (tmp_path / "p" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "p" / name)
    ran = run("publish", "--check", tmp_path / "p")
    assert ran.code == 1
    assert f"FAILED  {name}: no file" in ran.out


def test_nor_does_it_hold_what_is_made_again(run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "made", questions()), tmp_path / "p").code == 0
    (tmp_path / "p" / "provenance" / "lock.json").unlink()
    os.mkfifo(tmp_path / "p" / "provenance" / "lock.json")
    ran = run("rerun", tmp_path / "p")
    assert (ran.code, "lock.json" in ran.err) == (2, True), ran.err
