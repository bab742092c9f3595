"""A record of surrogates tells of the rows it was made of: other rows, also those made of them, do not pass by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.protection import carried, inherited, record_of
from app.publishing_check import checked
from curation.privacy.pseudonyms import pseudonymise
from curation.privacy.release import privacy_record
from curation.privacy.vault import create_vault
from tests.app.test_publishing import dataset, dialogues, published
from xinheng import artifacts, publication
from xinheng.artifacts import Artifact

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
SAID = "My name is Margaret Thornfield"


def recorded(folder: Path, rows: pl.DataFrame, record: object, **more: object) -> Artifact:
    """A dataset whose manifest has a record."""
    dataset(folder, rows, **more)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["facts"]["privacy"] = record
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return artifacts.open_artifact(folder)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Five pseudonymised dialogues and their record."""
    held = create_vault(tmp_path_factory.mktemp("v") / "study.vault", passphrase="planted passphrase")
    rows = pseudonymise(dialogues(SAID).with_columns(client_id=pl.col("dialogue_id")), vault=held).rows
    return rows, privacy_record(rows, vault=held, classes={"person": 5})


@pytest.fixture
def made(clean: tuple[pl.DataFrame, dict[str, Any]], tmp_path: Path) -> Artifact:
    """They as a dataset."""
    return recorded(tmp_path / "made", *clean)


def smuggled(rows: pl.DataFrame) -> pl.DataFrame:
    """Some of the rows, and an original in place of a surrogate that went."""
    other = dialogues("I am Gwendolyn Ashworth").filter(pl.col("dialogue_id") == "d1")
    return pl.concat([rows.filter(pl.col("dialogue_id") != "d1"), other.select(rows.columns)])


def test_the_rows_themselves_pass_by_their_record(made: Artifact, run, tmp_path: Path) -> None:
    assert record_of(made.manifest, "dialogue") == made.manifest["facts"]["privacy"]
    assert published(run, made, tmp_path / "p").code == 0
    assert checked(tmp_path / "p").wrong == ()


@pytest.mark.parametrize("of", ["own", "before"])
def test_what_is_made_of_them_does_not_pass_by_it(of: str, made: Artifact, run, tmp_path: Path) -> None:
    if of == "before":
        del made.manifest["facts"]["privacy"]["of"]
    rows = smuggled(made.scan("dialogue").collect())
    child = recorded(tmp_path / "child", rows, inherited([made])["privacy"], parents=[made])
    assert child.manifest["facts"]["privacy"]["pseudonymised"], "that is not forgotten"
    ran = published(run, child, tmp_path / "p")
    assert (ran.code, "somebody may be recognised" in ran.err) == (1, True), ran.err
    again = run("privacy", child.path)
    assert again.code == 1
    assert "No vault and no record that fits" in again.out


def test_a_record_of_before_counts_unless_it_was_carried_over(made: Artifact, run, tmp_path: Path) -> None:
    record = {name: value for name, value in made.manifest["facts"]["privacy"].items() if name != "of"}
    rows = made.scan("dialogue").collect()
    own = recorded(tmp_path / "own", rows, record)
    assert record_of(own.manifest, "dialogue") == record
    assert published(run, own, tmp_path / "p").code == 0
    assert checked(tmp_path / "p").wrong == ()
    child = recorded(tmp_path / "child", rows, record, parents=[own])
    assert record_of(child.manifest, "dialogue") is None
    grandchild = recorded(tmp_path / "grandchild", rows, carried(child)["privacy"], parents=[child])
    assert record_of(grandchild.manifest, "dialogue") is None, "what was not believed is not believed further on"


def _tagged(rows: pl.DataFrame) -> pl.DataFrame:
    told = rows.to_dicts()
    told[0]["turns"][0]["tags"] = [{"axis": "emotion", "value": "sad"}]
    return pl.DataFrame(told, schema=rows.schema)


@pytest.mark.parametrize(("hand", "believed"), [(_tagged, True), (lambda rows: rows.head(4), False), (smuggled, False)])
def test_tags_leave_the_texts_as_they_were(
    hand: Callable[[pl.DataFrame], pl.DataFrame], believed: bool, made: Artifact, tmp_path: Path
) -> None:
    rows = hand(made.scan("dialogue").collect())
    child = recorded(tmp_path / "child", rows, carried(made, rows)["privacy"], parents=[made])
    assert (record_of(child.manifest, "dialogue") is not None) == believed


def test_a_record_carried_into_a_publication_is_not_believed_there(made: Artifact, run, tmp_path: Path) -> None:
    assert published(run, made, tmp_path / "p").code == 0
    file = tmp_path / "p" / "provenance" / "manifest.json"
    told = json.loads(file.read_text())
    told["facts"]["privacy"]["of"] = "0" * 64
    file.write_text(json.dumps(told))
    assert publication.is_publication(tmp_path / "p")
    assert any(one.startswith("privacy: person") for one in checked(tmp_path / "p").wrong)
