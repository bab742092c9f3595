"""`xinheng publish --check`: a text, view or record forged together with every list of hashes is told all the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from app.publishing import publish_dataset
from app.publishing_check import Checked, checked
from app.publishing_options import Options
from tests.app.test_publishing import dataset, dialogues, questions
from xinheng import artifacts, publication, settings
from xinheng.artifacts import Artifact
from xinheng.tables import SUMMARY

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
ABOUT = "provenance/about.json"
SPLIT = "certificates/split.json"
LIVED = "I feel tired"


def forge(folder: Path) -> None:
    """Bring every list of hashes up to date with the files, as whoever forges a file would."""
    told = publication.read(folder)
    names = [name for name in publication.names(folder) if name not in {publication.MARKER, publication.SUMS}]
    files = {name: artifacts.file_sha256(folder / name) for name in names}
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    (folder / publication.SUMS).write_text(lines)
    told |= {"files": dict(sorted(files.items())), "digest": hashlib.sha256(lines.encode()).hexdigest()}
    (folder / publication.MARKER).write_text(json.dumps(told))
    assert publication.differences(folder, publication.read(folder)) == []


def changed(name: str, was: str, now: str) -> Callable[[Path], None]:
    """A hand that puts other words into a file."""

    def hand(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert was in text
        (folder / name).write_text(text.replace(was, now, 1), encoding="utf-8")

    return hand


def told(folder: Path, name: str, **fields: object) -> None:
    """Other fields of a JSON file."""
    have = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps({**have, **fields}), encoding="utf-8")


def made_of(folder: Path, rows: pl.DataFrame, out: Path, **more: object) -> Artifact:
    """A dataset, and its publication."""
    made = dataset(folder, rows)
    publish_dataset(made, out, Options(**{"quasi": ["topics"], "k": 1, **more}), say=lambda _: None)  # type: ignore[arg-type]  # as given
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, a publication of it with people's words and a measure, and one of ids."""
    folder = tmp_path_factory.mktemp("whole")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("XINHENG_RUNS", str(folder / "runs"))
    settings.settings.cache_clear()
    row = {
        "benchmark": "b", "part": "p", "measure": "kappa", "scorer": "people", "system": "s", "value": 0.5,
        "low": 0.25, "high": 0.75, "n": 5, "missing": 1, "reason": None, "method": "by rows",
    }  # fmt: skip
    evidence = {}
    for name in ("second", "first"):
        tables = {"summary": pl.DataFrame([row], schema=SUMMARY)}
        evidence[name] = artifacts.write(folder / name, kind="scores", name=name, tables=tables, facts={})
    answers = {"authors": ["Lin, Mei"], "purpose": "For courses."}
    made_of(folder / "made", dialogues(LIVED), folder / "p", evidence=evidence, answers=answers)
    made = dataset(folder / "n", questions(licence="CC-BY-NC-4.0", source="emobench"), name="choices")
    publish_dataset(made, folder / "ids", Options(ids_only=True), say=lambda _: None)
    monkeypatch.undo()
    settings.settings.cache_clear()
    return folder


def looked(place: Path, tmp_path: Path, hand: Callable[[Path], None], name: str = "p") -> Checked:
    """What checking says of a copy that somebody forged."""
    folder = tmp_path / name
    shutil.copytree(place / name, folder)
    hand(folder)
    forge(folder)
    return checked(folder)


@pytest.mark.parametrize("name", ["p", "ids"])
def test_what_nobody_touched_holds(name: str, place: Path, tmp_path: Path) -> None:
    found = looked(place, tmp_path, lambda _: None, name)
    assert (found.wrong, found.untold) == ((), ())
    assert checked(place / "p", artifact=artifacts.open_artifact(place / "made")).wrong == ()


def _view_removed(folder: Path) -> None:
    shutil.rmtree(folder / "jsonl" / "tagged")


def _view_added(folder: Path) -> None:
    (folder / "jsonl" / "dpo").mkdir(parents=True)
    (folder / "jsonl" / "dpo" / "train.jsonl").write_text("{}\n")


def _line_removed(folder: Path) -> None:
    file = folder / "jsonl" / "messages" / "train.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))


def _citation_removed(folder: Path) -> None:
    (folder / "CITATION.cff").unlink()


def _open(folder: Path) -> None:
    told(folder, "datasheet.json", open=[])


def _strata(folder: Path) -> None:
    (stratum,) = json.loads((folder / SPLIT).read_text())["strata"]
    told(folder, SPLIT, strata=[{**stratum, "train": 50}])


def _stratum_of_ones_own(folder: Path) -> None:
    (stratum,) = json.loads((folder / SPLIT).read_text())["strata"]
    told(folder, SPLIT, strata=[{**stratum, "stratum": "clinical", "train": 50}])


def _contaminated(folder: Path) -> None:
    (folder / "certificates" / "contamination.json").write_text('{"against": {}, "summary": []}')


@pytest.mark.parametrize(
    ("hand", "name"),
    [
        (changed("jsonl/messages/train.jsonl", LIVED, "I feel fine"), "jsonl/messages/train.jsonl"),
        (changed("jsonl/tagged/test.jsonl", LIVED, "Call 0912-345-678"), "jsonl/tagged/test.jsonl"),
        (_line_removed, "jsonl/messages/train.jsonl"),
        (_view_removed, "jsonl/tagged/train.jsonl"),
        (_view_added, "jsonl/dpo/train.jsonl"),
        (changed("README.md", "data/train-*.parquet", "https://evil.example/train.parquet"), "README.md"),
        (changed("README.md", "only. Many of these", "and clinical use. Many of these"), "README.md"),
        (changed("README.md", "僅供研究", "可供臨床使用"), "README.md"),
        (changed("DATASHEET.md", "For courses.", "For insurers."), "DATASHEET.md"),
        (changed("DATASHEET.md", "*Not answered.*", "Everybody consented."), "DATASHEET.md"),
        (changed("CITATION.cff", '"Lin"', '"Chen"'), "CITATION.cff"),
        (_citation_removed, "CITATION.cff"),
        (changed("claims.json", '"form": "count"', '"form": "plain"'), "claims.json"),
        (changed("provenance/lock.json", '"seed": 0', '"seed": 7'), "provenance/lock.json"),
        (changed("provenance/lock.json", '"pseudonymised": false', '"pseudonymised": true'), "provenance/lock.json"),
        (lambda folder: told(folder, "provenance/lock.json", recipe="other"), "provenance/lock.json"),
        (_strata, SPLIT),
        (_stratum_of_ones_own, SPLIT),
        (lambda folder: told(folder, SPLIT, seed=7), SPLIT),
        (lambda folder: told(folder, SPLIT, rule="By a committee."), SPLIT),
        (lambda folder: told(folder, SPLIT, approved="By a committee."), SPLIT),
        (_open, "datasheet.json"),
        (_contaminated, "certificates/contamination.json"),
    ],
)  # fmt: skip
def test_a_forged_file_is_named_though_every_list_was_forged_too(
    hand: Callable[[Path], None], name: str, place: Path, tmp_path: Path
) -> None:
    found = looked(place, tmp_path, hand)
    assert any(one.startswith(f"{name}:") for one in found.wrong), found.wrong
    assert "0912" not in str(found.wrong)


@pytest.mark.parametrize(
    ("hand", "name"),
    [
        (changed("rebuild.py", "sys.exit(2)", "sys.exit(0)"), "rebuild.py"),
        (changed("README.md", "only ids", "only rows"), "README.md"),
        (_view_added, "jsonl/dpo/train.jsonl"),
    ],
)
def test_forged_ids_are_named(hand: Callable[[Path], None], name: str, place: Path, tmp_path: Path) -> None:
    assert any(one.startswith(f"{name}:") for one in looked(place, tmp_path, hand, "ids").wrong)


def test_a_card_is_told_by_its_line_and_never_quoted(place: Path, tmp_path: Path) -> None:
    at = (place / "p" / "README.md").read_text().split("\n").index("## Load") + 1
    found = looked(place, tmp_path, changed("README.md", "## Load", "## Clinically proven"))
    assert f"README.md: not what rows and records give, from line {at} on" in found.wrong
    assert not any("not what rows" in one and "linical" in one for one in found.wrong)


def test_another_xinheng_may_word_it_otherwise_and_that_is_said(place: Path, tmp_path: Path) -> None:
    def older(folder: Path) -> None:
        told(folder, ABOUT, writer="another")

    assert looked(place, tmp_path / "a", older).untold == ()

    def worded(folder: Path) -> None:
        older(folder)
        changed("README.md", "For research only.", "For research alone.")(folder)
        changed("jsonl/messages/train.jsonl", LIVED, "I feel fine")(folder)

    found = looked(place, tmp_path / "b", worded)
    assert found.wrong == ()
    assert [one.split(":")[0] for one in found.untold] == ["README.md", "jsonl/messages/train.jsonl"]
    assert all("another Xinheng wrote it" in one for one in found.untold)


def test_a_publication_of_before_is_held_to_what_it_recorded(place: Path, tmp_path: Path) -> None:
    def before(folder: Path) -> None:
        have = json.loads((folder / ABOUT).read_text())
        kept = {name: have[name] for name in have if name not in {"authors", "cited", "date", "evidence", "writer"}}
        (folder / ABOUT).write_text(json.dumps(kept))

    found = looked(place, tmp_path / "a", before)
    assert found.wrong == ()
    assert any(one.startswith("CITATION.cff: not compared") for one in found.untold)

    def forged(folder: Path) -> None:
        before(folder)
        changed("provenance/lock.json", '"seed": 0', '"seed": 7')(folder)

    assert any("seed" in one for one in looked(place, tmp_path / "b", forged).wrong)


def test_a_manifest_is_held_against_the_artifact_where_that_is_given(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "p", tmp_path / "p")
    manifest = json.loads((tmp_path / "p" / "provenance" / "manifest.json").read_text())
    manifest["facts"]["rows"]["read"] = 500
    told(tmp_path / "p", "provenance/manifest.json", facts=manifest["facts"])
    forge(tmp_path / "p")
    wrong = checked(tmp_path / "p", artifact=artifacts.open_artifact(place / "made")).wrong
    assert "provenance/manifest.json: rows is not the artifact's" in wrong


def test_a_certificate_with_other_strata_than_its_recipe_or_no_seed_holds(tmp_path: Path) -> None:
    rows = questions().with_columns(stratum=pl.lit("a"))
    made = dataset(tmp_path / "made", rows, name="choices")
    publish_dataset(made, tmp_path / "p", Options(), say=lambda _: None)
    assert checked(tmp_path / "p").wrong == ()
    tables = {"choice": questions()}
    bare = artifacts.write(tmp_path / "bare", kind="dataset", name="m", tables=tables, facts={"seed": 3})
    publish_dataset(bare, tmp_path / "q", Options(), say=lambda _: None)
    assert checked(tmp_path / "q").wrong == ()


def test_rows_in_any_order_and_many_pieces_give_the_same_views_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.published_rows.BATCH_ROWS", 3)
    rows = questions(40).sample(40, shuffle=True, seed=3)
    made_of(tmp_path / "made", rows, tmp_path / "p")
    assert checked(tmp_path / "p").wrong == ()
