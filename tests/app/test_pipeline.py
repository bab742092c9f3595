"""The main job on the real data: every recipe passes the gate, twice and shuffled to the same digest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from app import pipeline
from curation.recipe import load, names
from datasets_src.catalog import SOURCES, source
from datasets_src.remote import names as remote_names
from datasets_src.remote import remote
from xinheng.artifacts import Artifact, write

# Rows and rejects of the real files, counted by other means than the readers.
COUNTS = {
    "imhi": (11325, 0),
    "counsel-chat": (2129, 0),
    "smile": (300, 0),
    "cpsycoun-d": (198, 2),
    "cpsycoun-e": (30, 0),
    "emollm": (1596, 0),
    "emollm-self": (85, 0),
    "cped": (925, 9),
    "psyguard": (1480, 0),
    "cpsyexam": (1094, 3),
    "emobench": (400, 0),
    "mmlu": (550, 0),
    "tmmlu": (237, 22),
    "sample": (154, 8),
    "sample-choices": (60, 0),
    "sample-statements": (5, 0),
    "sample-posts": (180, 0),
}


@pytest.fixture(scope="module")
def artifacts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Every source on disk, read once."""
    folder = tmp_path_factory.mktemp("sources")
    read = {}
    for name, entry in SOURCES.items():
        place = entry.place(shared_data)
        if place is not None:
            read[name] = pipeline.ingest_source(entry, place=place, out=folder / name)
    return read


def test_every_source_reads_its_real_files(artifacts: dict[str, Artifact]) -> None:
    found = {name: (a.manifest["facts"]["rows"], a.manifest["facts"]["rejected"]) for name, a in artifacts.items()}
    assert found == COUNTS


def test_every_row_has_a_licence_and_an_origin(artifacts: dict[str, Artifact]) -> None:
    for name, artifact in artifacts.items():
        rows = artifact.scan(SOURCES[name].table).select("licence", "origin", "source").collect()
        assert rows.null_count().row(0) == (0, 0, 0), name
        assert rows["source"].unique().to_list() == [name]


def test_mojibake_is_repaired_and_counted(artifacts: dict[str, Artifact]) -> None:
    repaired = artifacts["imhi"].manifest["facts"]["repaired"]
    assert repaired["messages"] > 1000
    texts = artifacts["imhi"].scan("case").select(pl.col("messages").list.first().struct.field("content")).collect()
    assert texts.to_series().str.contains("‚Äô|â€™").sum() == 0


@pytest.mark.parametrize("name", names())
def test_a_recipe_passes_the_gate_with_the_same_digest_twice_and_shuffled(
    name: str, artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    recipe = load(name)
    given = [artifacts[s] for s in recipe.sources]
    first = pipeline.curate_recipe(recipe, given, out=tmp_path / "first")
    assert first.gate is not None
    assert first.gate.passed == (name != "first_generation"), [
        e.check.name for e in first.gate.expectations if not e.passed
    ]
    again = pipeline.curate_recipe(
        recipe, list(_shuffled(given, recipe.table, tmp_path)), out=tmp_path / "again", weigh=False
    )
    assert again.artifact.digest == first.artifact.digest
    rows = first.artifact.manifest["facts"]["rows"]
    made = sum(s["segments"] for s in first.artifact.manifest["facts"]["steps"])
    parents = first.artifact.scan(recipe.table).collect()
    split_up = parents["segment_of"].drop_nulls().n_unique() if "segment_of" in parents.columns else 0
    assert rows["read"] == rows["kept"] - made + split_up + rows["dropped"]
    assert rows["kept"] >= 0.85 * rows["read"]
    shares = parents.group_by("split").len()
    assert shares.height == 3
    assert shares.filter(pl.col("split") == "train")["len"].item() >= 0.05 * parents.height


def _shuffled(given: list[Artifact], table: str, folder: Path) -> Iterator[Artifact]:
    for artifact in given:
        rows = artifact.scan(table).collect().sample(fraction=1, shuffle=True, seed=7)
        dropped = artifact.scan("dropped").collect()
        yield write(
            folder / str(artifact.manifest["name"]),
            kind="source",
            name=artifact.manifest["name"],
            tables={table: [rows.head(7), rows.slice(7)], "dropped": dropped},
            facts=artifact.manifest["facts"],
        )


def test_no_published_test_post_is_left_in_training(artifacts: dict[str, Artifact], tmp_path: Path) -> None:
    dataset = pipeline.curate_recipe(load("imhi"), [artifacts["imhi"]], out=tmp_path / "imhi", weigh=False)
    rows = dataset.artifact.scan("case").collect()
    tested = set(rows.filter(pl.col("split") == "test")["group_id"])
    assert not tested & set(rows.filter(pl.col("split") == "train")["group_id"])
    assert dataset.artifact.manifest["facts"]["rows"]["dropped"] == 71


def test_a_source_is_read_again_only_when_something_changed(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xinheng import settings

    monkeypatch.setenv("XINHENG_RUNS", str(tmp_path / "runs"))
    settings.settings.cache_clear()
    said: list[str] = []
    first = pipeline.source_artifact(source("cpsycoun-e"), data=shared_data, say=said.append)
    second = pipeline.source_artifact(source("cpsycoun-e"), data=shared_data, say=said.append)
    settings.settings.cache_clear()
    assert len(said) == 1
    assert first.manifest["written"] == second.manifest["written"]


def test_a_file_that_changes_while_it_is_read_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    from dataclasses import replace

    from xinheng.errors import InputError

    path = tmp_path / "mine.jsonl"
    path.write_text('{"turns": [{"role": "client", "text": "a"}], "language": "en"}\n', encoding="utf-8")
    entry = source("tagged")

    def read(place: Path):
        yield from entry.read(place)
        path.write_text("changed", encoding="utf-8")

    with pytest.raises(InputError, match="changed while they were read"):
        pipeline.ingest_source(replace(entry, read=read), place=path, out=tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.jsonl"]


def test_folders_of_the_catalog_and_of_the_downloads_agree() -> None:
    for name in remote_names():
        assert remote(name).folder == SOURCES[name].folder
