"""A published adapter's weights, words and texts are those of its artifact, whatever its lists of hashes say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.publishing_check import Checked, checked
from app.publishing_models import publish_model
from app.publishing_options import Options
from tests.app.test_publishing_compared import changed, forge, told
from tests.app.test_publishing_models import adapter, plain, scores
from xinheng import artifacts

__all__ = ["plain"]
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
ABOUT = "provenance/about.json"


@pytest.fixture(scope="module")
def place(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter, and its publication with scores and base."""
    folder = tmp_path_factory.mktemp("model")
    made = adapter(plain, folder / "a")
    evidence = {name: artifacts.open_artifact(scores(folder / name, str(folder / "a"))) for name in ("second", "first")}
    options = Options(evidence=evidence, answers={"authors": ["Lin, Mei"]})
    publish_model(made, folder / "p", options, base=None, with_base=True, say=lambda _: None)
    return folder


def looked(place: Path, tmp_path: Path, hand: Callable[[Path], None]) -> Checked:
    """What checking says of a copy that somebody forged."""
    shutil.copytree(place / "p", tmp_path / "p")
    hand(tmp_path / "p")
    forge(tmp_path / "p")
    return checked(tmp_path / "p")


def _weights(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\1\0\1")


def _no_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def _listed_weights(folder: Path) -> None:
    _weights(folder)
    files = json.loads((folder / ABOUT).read_text())["files"]
    name = "adapter_model.safetensors"
    told(folder, ABOUT, files={**files, name: artifacts.file_sha256(folder / name)})


def _base(folder: Path) -> None:
    file = folder / "base" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\1\0\1")


def _stranger(folder: Path) -> None:
    (folder / "modeling.py").write_text("print()")


def test_what_nobody_touched_holds(place: Path, tmp_path: Path) -> None:
    found = looked(place, tmp_path, lambda _: None)
    assert (found.wrong, found.untold) == ((), ())
    assert checked(place / "p", artifact=artifacts.open_artifact(place / "a")).wrong == ()


@pytest.mark.parametrize(
    ("hand", "name"),
    [
        (_weights, "adapter_model.safetensors: not that of the artifact"),
        (_listed_weights, "adapter_model.safetensors: not that of the artifact"),
        (_no_weights, "adapter_model.safetensors: not that of the artifact"),
        (changed("adapter_config.json", '"r": 4', '"r": 8'), "adapter_config.json: not what was published"),
        (_base, "base/model.safetensors: not what was published"),
        (_stranger, "modeling.py: not what was published"),
        (changed("README.md", "It is no counsellor", "It is a counsellor"), "README.md: not what rows and records"),
        (changed("CITATION.cff", '"Lin"', '"Chen"'), "CITATION.cff: not what rows and records"),
        (changed("claims.json", '"form": "count"', '"form": "plain"'), "claims.json: not what rows and records"),
    ],
)  # fmt: skip
def test_a_forged_file_is_named(hand: Callable[[Path], None], name: str, place: Path, tmp_path: Path) -> None:
    found = looked(place, tmp_path, hand)
    assert any(one.startswith(name) for one in found.wrong), found.wrong


def test_weights_forged_with_the_manifest_are_told_by_the_artifact(place: Path, tmp_path: Path) -> None:
    def hand(folder: Path) -> None:
        _listed_weights(folder)
        name = "adapter_model.safetensors"
        manifest = json.loads((folder / "provenance" / "manifest.json").read_text())
        sha256 = {**manifest["sha256"], name: artifacts.file_sha256(folder / name)}
        told(folder, "provenance/manifest.json", sha256=sha256)

    looked(place, tmp_path, hand)
    wrong = checked(tmp_path / "p", artifact=artifacts.open_artifact(place / "a")).wrong
    assert "provenance/manifest.json: adapter_model.safetensors is not the artifact's" in wrong


def test_a_publication_of_before_is_held_to_what_it_recorded(place: Path, tmp_path: Path) -> None:
    def before(folder: Path) -> None:
        have = json.loads((folder / ABOUT).read_text())
        new = {"authors", "cited", "date", "evidence", "writer", "files"}
        (folder / ABOUT).write_text(json.dumps({name: have[name] for name in have if name not in new}))

    found = looked(place, tmp_path / "one", before)
    assert found.wrong == ()
    assert any("not compared" in one for one in found.untold)

    def forged(folder: Path) -> None:
        before(folder)
        _weights(folder)

    wrong = looked(place, tmp_path / "two", forged).wrong
    assert wrong == ("adapter_model.safetensors: not that of the artifact",)
