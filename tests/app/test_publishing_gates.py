"""What stands before a publication: no folder of this machine, no acceptance that nobody gave, no placeholder."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.publishing_gates import ACCEPTED, PUBLISHED_TEXTS, spdx
from tests.app.test_publishing import content, dataset, dialogues, published, questions
from xinheng import artifacts
from xinheng.licence_terms import LICENCES
from xinheng.tables import SUMMARY

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def scores(folder: Path, *, title: str, system: str, name: str = "imhi") -> Path:
    """Scores of a system, as they are shown beside a dataset."""
    row = {
        "benchmark": "imhi", "part": "DR", "measure": "weighted_f1", "scorer": "rule", "system": system,
        "value": 68.1749, "low": 62.62, "high": 73.53, "n": 405, "missing": 19, "reason": None, "method": "by post",
    }  # fmt: skip
    tables = {"summary": pl.DataFrame([row], schema=SUMMARY)}
    artifacts.write(folder, kind="scores", name=name, tables=tables, facts={"title": {"en": title, "zh": ""}})
    return folder


def test_the_evidence_of_a_dataset_names_no_folder_of_this_machine(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    place = "/home/mei.lin/runs/client-wang"
    system = f"local:nano+{place}, scored"
    shown = scores(tmp_path / "s", title=f"Scores of {place}", system=system, name=f"imhi-local:{place}")
    ran = published(run, made, tmp_path / "p", "--evidence", shown)
    assert ran.code == 0, ran.err
    assert not any(word in content(tmp_path / "p") for word in ("mei.lin", "mei-lin"))
    (file,) = (tmp_path / "p" / "evidence").iterdir()
    assert file.name == "imhi-local-client-wang.json"
    assert json.loads(file.read_text())["title"] == "Scores of client-wang"
    assert run("publish", "--check", tmp_path / "p").code == 0


def test_evidence_that_names_one_all_the_same_is_refused(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions())
    shown = scores(tmp_path / "s", title="Scores", system="/secretplace")
    ran = published(run, made, tmp_path / "p", "--evidence", shown)
    assert (ran.code, "evidence imhi names folders of this machine" in ran.err) == (1, True), ran.err
    assert "secretplace" not in ran.err
    assert not (tmp_path / "p").exists()


def found_and_public(folder: Path) -> artifacts.Artifact:
    """Rows of a public source in which a number is found, and which a stranger can make again."""
    return dataset(folder, dialogues("My phone is 0912-345-678"), name="tagged_dialogues")


def test_ids_go_out_whatever_is_found_and_nobody_is_said_to_have_accepted_it(run, tmp_path: Path) -> None:
    made = found_and_public(tmp_path / "made")
    assert published(run, made, tmp_path / "p", "--ids-only").code == 0
    private = json.loads((tmp_path / "p" / "certificates" / "privacy.json").read_text())
    assert (private["passed"], private["accepted"]) == (False, False)
    card = (tmp_path / "p" / "README.md").read_text()
    assert "by name" not in card
    assert "no text goes out" in card
    assert "此處只發布識別碼" in card
    assert "發布者確認後仍予發布" not in card
    assert run("publish", "--check", tmp_path / "p").code == 0


@pytest.mark.parametrize("more", [("--ids-only",), ()])
def test_an_acceptance_that_nobody_gave_is_told(more, run, tmp_path: Path) -> None:
    from app.publishing_check import checked

    made = found_and_public(tmp_path / "made")
    assert published(run, made, tmp_path / "p", "--accept", PUBLISHED_TEXTS, *more).code == 0
    assert checked(tmp_path / "p").wrong == ()
    about = tmp_path / "p" / "provenance" / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "accepted": []}))
    assert any("accepted by nobody" in one for one in checked(tmp_path / "p").wrong)


def test_values_of_tags_stay_here_with_the_texts(run, tmp_path: Path) -> None:
    told = {"completeness": [], "missing": [], "wrong_role": [], "outside": [{"value": "SECRETVALUE", "turns": 1}]}
    rows = dialogues("I feel tired")
    made = dataset(tmp_path / "made", rows, name="tagged_dialogues")
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    file = tmp_path / "made" / "coverage.json"
    file.write_text(json.dumps(told))
    manifest["files"]["coverage.json"] = {"sha256": artifacts.file_sha256(file), "bytes": file.stat().st_size}
    manifest["facts"]["coverage"] = told
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(manifest))
    assert published(run, made, tmp_path / "p", "--ids-only").code == 0
    assert not (tmp_path / "p" / "certificates" / "coverage.json").exists()
    assert "SECRETVALUE" not in content(tmp_path / "p")
    assert run("publish", "--check", tmp_path / "p").code == 0


@pytest.mark.parametrize("licence", ["N/A", "?", "null", "unlicensed", "not specified", "None specified"])
def test_a_placeholder_is_no_licence_whatever_is_accepted(licence: str, run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", questions(licence=licence, source="mine"))
    ran = published(run, made, tmp_path / "p", *(word for name in ACCEPTED for word in ("--accept", name)))
    assert (ran.code, "name no licence" in ran.err) == (1, True), ran.err
    assert not (tmp_path / "p").exists()


def test_only_a_name_that_is_known_stands_in_a_citation() -> None:
    assert all(spdx(name) == name for name in LICENCES)
    assert [spdx(one) for one in ("CC BY 4.0", "MITfoo", "CC-anything", "llama3.1", "MIT AND ODbL-1.0", "")] == [
        "CC-BY-4.0", None, None, None, None, None,
    ]  # fmt: skip
