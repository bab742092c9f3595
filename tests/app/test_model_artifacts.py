"""Predictions name the artifact that answered by its digest, and a lineage draws that line solid, wherever it lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.model_artifacts import artifact_behind
from tests.app.harness import cases, dataset
from tests.servers.tiny_model import tokenizer, write, write_adapter
from xinheng import artifacts
from xinheng.artifacts import Artifact, open_artifact

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """An adapter's folder as peft writes it, beside its base."""
    folder = tmp_path_factory.mktemp("plain")
    made = write_adapter(folder / "adapter", write(folder / "tiny"))
    tokenizer().save_pretrained(folder / "tiny")
    return made


def adapter(plain: Path, folder: Path, *, below: str = "") -> Artifact:
    files = {f"{below}{path.name}": path for path in plain.iterdir()}
    return artifacts.write(
        folder, kind="adapter", name="short", tables={"sample": cases()}, facts={"rows": {}}, copies=files
    )


def test_an_artifact_is_known_by_the_weights_that_its_manifest_lists(plain: Path, tmp_path: Path) -> None:
    base = plain.parent / "tiny"
    made = adapter(plain, tmp_path / "a")
    assert artifact_behind(f"local:{base}+{tmp_path / 'a'}") == made.link()
    assert artifact_behind(f"local:{base}+{plain}") is None, "a folder of another program"
    assert artifact_behind(f"local:{base}") is None
    assert artifact_behind("openai:gpt-4o") is None
    assert artifact_behind(f"local:{base}+{tmp_path / 'none'}") is None


def test_weights_written_over_since_are_not_taken_for_those_of_the_manifest(plain: Path, tmp_path: Path) -> None:
    adapter(plain, tmp_path / "a")
    file = tmp_path / "a" / "adapter_model.safetensors"
    told = bytearray(file.read_bytes())
    told[-1] ^= 1
    file.unlink()
    file.write_bytes(told)
    assert artifact_behind(f"local:{plain.parent / 'tiny'}+{tmp_path / 'a'}") is None


@pytest.mark.parametrize("told", ["", "[]", "{", '{"files": 3}'])
def test_a_manifest_that_cannot_be_read_is_none(told: str, plain: Path, tmp_path: Path) -> None:
    adapter(plain, tmp_path / "a")
    (tmp_path / "a" / "manifest.json").write_text(told)
    assert artifact_behind(f"local:{plain.parent / 'tiny'}+{tmp_path / 'a'}") is None


def test_predictions_name_it_and_the_picture_draws_a_line_by_digest(run, plain: Path, tmp_path: Path) -> None:
    made = adapter(plain, tmp_path / "home" / "a")
    asked = dataset(tmp_path / "home" / "d", cases(2))
    model = f"local:{plain.parent / 'tiny'}+{made.path}"
    out = tmp_path / "home" / "answers"
    ran = run("predict", asked.path, "--model", model, "--answer-tokens", "4", "--out", out)
    assert ran.code in {0, 1}, ran.err
    assert open_artifact(out).manifest["facts"]["models"][0]["artifact"] == made.link()
    shutil.move(tmp_path / "home" / "a", tmp_path / "home" / "moved")
    facts = json.loads(run("lineage", out, "--in", tmp_path / "home", "--json").out)
    kinds = {node["node_id"]: node["kind"] for node in facts["nodes"]}
    lines = {(kinds[one["from"]], kinds[one["to"]]): one["by"] for one in facts["edges"]}
    assert lines["adapter", "predictions"] == "digest"
    shutil.rmtree(tmp_path / "home" / "moved")
    ran = run("lineage", out, "--in", tmp_path / "home", "--json")
    assert ran.code == 1
    lost = next(node for node in json.loads(ran.out)["nodes"] if node["kind"] == "adapter")
    assert (lost["state"], lost["digest"]) == ("missing", made.digest)


def test_what_was_made_of_an_adapter_is_found_by_its_digest(run, plain: Path, tmp_path: Path) -> None:
    made = adapter(plain, tmp_path / "home" / "a")
    models = [{"name": "local:nano+/elsewhere/a", "identity": "local:sha256:bb", "artifact": made.link()}]
    artifacts.write(
        tmp_path / "home" / "p", kind="predictions", name="p", tables={"prediction": cases(1)}, facts={"models": models}
    )
    told = run("lineage", made.path, "--in", tmp_path / "home", "--descendants", "--json")
    assert "predictions" in {node["kind"] for node in json.loads(told.out)["nodes"]}


@pytest.mark.parametrize("odd", [3, [], {}, {"digest": {}}, {"kind": ["x"]}])
def test_an_odd_artifact_of_a_model_is_no_crash(odd: object, run, tmp_path: Path) -> None:
    artifacts.write(
        tmp_path / "p", kind="predictions", name="p", tables={"prediction": cases(1)},
        facts={"models": [{"name": "local:nano", "artifact": odd}]},
    )  # fmt: skip
    assert run("lineage", tmp_path / "p", "--in", tmp_path).code in {0, 1}
