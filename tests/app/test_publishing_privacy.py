"""`xinheng publish --check` looks through the published rows itself: it believes neither certificate nor manifest."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.publishing_check import checked
from app.publishing_gates import PUBLISHED_TEXTS
from tests.app.test_publishing import dataset, dialogues, published, questions
from xinheng import artifacts, publication

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
PHONE = "My phone is 0912-345-678"


def past_the_gate(run, tmp_path: Path, rows: pl.DataFrame, **forged) -> Path:
    """A publication whose privacy gate was told a lie: what was found the time before is kept, and was changed."""
    made = dataset(tmp_path / "made", rows)
    assert published(run, made, tmp_path / "p").code == 1
    (kept,) = (tmp_path / "runs" / "checks").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "passed": True, "found": [], **forged}))
    assert published(run, made, tmp_path / "p").code == 0
    return tmp_path / "p"


def test_an_identifier_in_published_rows_is_named_by_row_and_class_and_never_quoted(run, tmp_path: Path) -> None:
    folder = past_the_gate(run, tmp_path, dialogues(PHONE))
    ran = run("publish", "--check", folder)
    assert ran.code == 1
    assert "phone 5 in 5 rows: d0, d1, d2, d3, d4" in ran.out
    assert "0912" not in ran.out + ran.err
    told = json.loads(run("publish", "--check", folder, "--json").out)
    assert any("phone" in one for one in told["problems"])
    assert told["privacy"]["judged_by"] == "nothing"


def test_a_pass_of_other_code_is_not_believed(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past_the_gate(run, tmp_path, dialogues(PHONE))
    monkeypatch.setattr("curation.privacy.release.search_digest", lambda: "another")
    ran = published(run, artifacts.open_artifact(tmp_path / "made"), tmp_path / "q")
    assert (ran.code, "phone 5 in 5 rows" in ran.err) == (1, True), ran.err


def test_who_stands_out_at_the_set_k_is_named_by_row(run, tmp_path: Path) -> None:
    texts = [
        "I am a 34-year-old woman",
        "I am a 34-year-old woman",
        "I am a 19-year-old man",
        "I am fine",
        "I am tired",
    ]
    rows = pl.concat([dialogues(text).slice(at, 1) for at, text in enumerate(texts)])
    made = dataset(tmp_path / "made", rows)
    assert published(run, made, tmp_path / "p").code == 1
    assert published(run, made, tmp_path / "p", "--k", "1").code == 0
    assert run("publish", "--check", tmp_path / "p").code == 0
    ran = run("publish", "--check", tmp_path / "p", "--k", "2")
    assert ran.code == 1
    assert "k = 1 over" in ran.out
    assert "(wanted 2), 1 stand alone: d2" in ran.out
    assert "19" not in ran.out.replace(str(tmp_path), "")


def test_rows_changed_behind_every_list_are_looked_through_all_the_same(run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "made", dialogues("I feel tired")), tmp_path / "p").code == 0
    file = next((tmp_path / "p" / "data").glob("test-*"))
    dialogues(PHONE).filter(pl.col("split") == "test").drop("split").write_parquet(file)
    told = publication.read(tmp_path / "p")
    files = {name: artifacts.file_sha256(tmp_path / "p" / name) for name in told["files"]}
    (tmp_path / "p" / publication.MARKER).write_text(json.dumps({**told, "files": files}))
    wrong = checked(tmp_path / "p").wrong
    assert any("phone 1 in 1 rows: d4" in one for one in wrong), wrong


def test_what_was_accepted_is_not_found_again_but_more_than_that_is(run, tmp_path: Path) -> None:
    made = dataset(tmp_path / "made", dialogues(PHONE))
    assert published(run, made, tmp_path / "p", "--accept", PUBLISHED_TEXTS).code == 0
    assert run("publish", "--check", tmp_path / "p").code == 0
    file = tmp_path / "p" / "certificates" / "privacy.json"
    told = json.loads(file.read_text())
    for forged in ({"found": []}, {"accepted": False}, {"alone": 3}):
        file.write_text(json.dumps({**told, **forged}))
        wrong = [one for one in checked(tmp_path / "p").wrong if one.startswith("privacy")]
        assert wrong, forged
        assert "0912" not in str(wrong)


def test_texts_that_were_accepted_must_be_of_public_sources(run, tmp_path: Path) -> None:
    folder = past_the_gate(run, tmp_path, dialogues(PHONE, source="mine"))
    for name, key in (("provenance/about.json", "accepted"), ("certificates/privacy.json", "accepted")):
        told = json.loads((folder / name).read_text())
        told[key] = [PUBLISHED_TEXTS] if name.startswith("prov") else True
        (folder / name).write_text(json.dumps(told))
    assert any("privacy: phone 5" in one for one in checked(folder).wrong)


def test_exam_questions_and_ids_have_no_texts_to_look_through(run, tmp_path: Path) -> None:
    assert published(run, dataset(tmp_path / "q", questions()), tmp_path / "p").code == 0
    assert run("publish", "--check", tmp_path / "p").code == 0
    rows = questions(licence="CC-BY-NC-4.0")
    assert published(run, dataset(tmp_path / "n", rows, name="choices"), tmp_path / "ids", "--ids-only").code == 0
    assert run("publish", "--check", tmp_path / "ids").code == 0
    for file in (tmp_path / "ids" / "data").glob("*.parquet"):
        pl.read_parquet(file).with_columns(said=pl.lit("0912-345-678")).write_parquet(file)
    wrong = checked(tmp_path / "ids").wrong
    assert any("ids only" in one and "said" in one for one in wrong), wrong
    assert "0912" not in str(wrong)


def test_surrogates_are_believed_by_the_record_and_an_original_beside_them_is_not(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINHENG_VAULT_PASSPHRASE", "planted passphrase")
    from curation.privacy.pseudonyms import pseudonymise
    from curation.privacy.release import privacy_record
    from curation.privacy.vault import create_vault

    (tmp_path / "v").mkdir()
    vault = tmp_path / "v" / "study.vault"
    rows = dialogues("My name is Margaret Thornfield").with_columns(client_id=pl.col("dialogue_id"))
    held = create_vault(vault, passphrase="planted passphrase")
    clean = pseudonymise(rows, vault=held).rows
    made = dataset(tmp_path / "made", clean)
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    manifest["facts"]["privacy"] = privacy_record(clean, vault=held, classes={"person": 5})
    (tmp_path / "made" / "manifest.json").write_text(json.dumps(manifest))
    made = artifacts.open_artifact(tmp_path / "made")
    assert published(run, made, tmp_path / "p").code == 0
    assert run("publish", "--check", tmp_path / "p").code == 0
    told = json.loads(run("publish", "--check", tmp_path / "p", "--vault", vault, "--json").out)
    assert (told["passed"], told["privacy"]["judged_by"]) == (True, "vault")
    file = tmp_path / "p" / "provenance" / "manifest.json"
    file.write_text(file.read_text().replace(manifest["facts"]["privacy"]["finder"], "f" * 16))
    wrong = [one for one in checked(tmp_path / "p").wrong if one.startswith("privacy")]
    assert any("person" in one for one in wrong)
    assert any("--vault" in one for one in wrong), wrong


def test_how_far_it_is_is_said(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.privacy.release._ROWS", 2)
    assert published(run, dataset(tmp_path / "made", dialogues("I feel tired")), tmp_path / "p").code == 0
    assert "privacy: 4 of 5 rows" in run("publish", "--check", tmp_path / "p").err
