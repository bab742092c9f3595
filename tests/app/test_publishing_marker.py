"""No field of `publication.json` can be changed unseen: its files bear out each of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.publishing_marker import untrue
from tests.app.test_publishing import dataset, published, questions
from xinheng import publication

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
FORGED = {
    "kind": "evidence", "name": "another", "version": "9.9.9", "licence": "CC0-1.0", "accepted": [], "table": "case",
    "ids_only": 0, "artifact": {"kind": "dataset", "name": "another", "digest": ""}, "endorsed_by": "somebody",
}  # fmt: skip


def forge(folder: Path, name: str, value: Any) -> None:
    file = folder / publication.MARKER
    told = json.loads(file.read_text(encoding="utf-8"))
    if name == "artifact":
        value = {**value, "digest": told["artifact"]["digest"]}
    assert told.get(name) != value or isinstance(value, int)
    file.write_text(json.dumps({**told, name: value}), encoding="utf-8")


def test_each_field_of_a_datasets_is_held_against_its_files(run, tmp_path: Path) -> None:
    rows = pl.concat([questions(), questions(3, licence="CC-BY-NC-4.0", source="emobench", name="n")])
    folder = tmp_path / "p"
    assert published(run, dataset(tmp_path / "made", rows), folder, "--accept", "non-commercial").code == 0
    whole = (folder / publication.MARKER).read_bytes()
    assert list(untrue(folder, publication.read(folder))) == []
    for name, value in FORGED.items():
        (folder / publication.MARKER).write_bytes(whole)
        forge(folder, name, value)
        (found,) = untrue(folder, publication.read(folder))
        assert found.startswith(f"{publication.MARKER}: {name} is not"), name
        assert "somebody" not in found
    (folder / publication.MARKER).write_bytes(whole)
    forge(folder, "licence", "CC0-1.0")
    ran = run("publish", "--check", folder)
    assert ran.code == 1
    assert "FAILED  publication.json: licence is not" in ran.out


@pytest.mark.parametrize("name", [name for name in FORGED if name not in {"table", "ids_only", "kind"}])
def test_each_field_of_a_models_too(name: str, tmp_path: Path) -> None:
    link = {"kind": "adapter", "name": "mine", "digest": "0" * 64}
    facts = {"licences": [{"licence": "MIT", "sources": ["a"], "rows": 3}]}
    true = {"kind": "adapter", "name": "mine", "version": "1.0.0", "accepted": ["non-commercial"], "artifact": link,
            "licence": "MIT"}  # fmt: skip
    (tmp_path / "provenance").mkdir()
    (tmp_path / "provenance" / "manifest.json").write_text(json.dumps({**link, "facts": facts}))
    (tmp_path / "provenance" / "about.json").write_text(
        json.dumps({"version": "1.0.0", "accepted": ["non-commercial"], "title": "Mine"})
    )
    assert list(untrue(tmp_path, true)) == []
    (found,) = untrue(tmp_path, {**true, name: FORGED[name]})
    assert f" {name} is not" in found


def test_a_model_of_rows_without_a_licence_has_none(tmp_path: Path) -> None:
    link = {"kind": "model", "name": "mine", "digest": "0" * 64}
    (tmp_path / "provenance").mkdir()
    facts = {"licences": [{"licence": None, "sources": ["a"], "rows": 3}]}
    (tmp_path / "provenance" / "manifest.json").write_text(json.dumps({**link, "facts": facts}))
    (tmp_path / "provenance" / "about.json").write_text(json.dumps({"version": "1.0.0", "accepted": []}))
    true = {"kind": "model", "name": "mine", "version": "1.0.0", "accepted": [], "artifact": link, "licence": None}
    assert list(untrue(tmp_path, true)) == []
    assert len(list(untrue(tmp_path, {**true, "licence": "MIT"}))) == 1
