"""Adapters are published as they are pushed, with scores whose every figure is a claim; nothing names this machine."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from app.publishing_gates import without_places
from tests.servers.tiny_model import tokenizer, write, write_adapter
from xinheng import artifacts
from xinheng.tables import SUMMARY

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """An adapter's folder as peft writes it, beside its base."""
    folder = tmp_path_factory.mktemp("plain")
    made = write_adapter(folder / "adapter", write(folder / "tiny"))
    tokenizer().save_pretrained(folder / "tiny")
    tokenizer().save_pretrained(made)
    return made


def adapter(plain: Path, folder: Path, *, licence: str | None = "CC0-1.0", source: str = "made", more=()) -> Path:
    """As `xinheng train` writes it."""
    facts = {
        "title": {"en": "Short 7: Made", "zh": "短：自製"},
        "base": {"name": str(plain.parent / "tiny"), "identity": None},
        "recipe": {"name": "short", "lora": {"r": 4, "alpha": 8}},
        "trained": {"sft": {"steps": 1200, "answered": 34567}},
        "trial": 0.25,
        "licences": [{"licence": licence, "rows": 1234, "sources": [source]}, *more],
    }
    files = {path.name: path for path in plain.iterdir() if path.name != "README.md"}
    tables = {"sample": pl.DataFrame({"text": ["SECRETROW"]})}
    artifacts.write(folder, kind="adapter", name="short", tables=tables, facts=facts, copies=files)
    return folder


def scores(folder: Path, place: str) -> Path:
    """Scores of a run whose title names a folder."""
    row = {
        "benchmark": "imhi", "part": "DR", "measure": "weighted_f1", "scorer": "rule", "system": f"local:{place}",
        "value": 68.1749, "low": 62.62, "high": 73.53, "n": 405, "missing": 19, "reason": None, "method": "by post",
    }  # fmt: skip
    summary = pl.DataFrame([row], schema=SUMMARY)
    facts = {"title": {"en": f"IMHI: answers of local:nano+{place}, scored", "zh": ""}}
    artifacts.write(folder, kind="scores", name="imhi", tables={"summary": summary}, facts=facts)
    return folder


def test_an_adapter_is_published_with_scores_and_base_and_loads(run, plain: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    made, scored = adapter(plain, tmp_path / "a"), scores(tmp_path / "s", str(tmp_path / "a"))
    ran = run("publish", made, "--out", tmp_path / "p", "--with-base", "--evidence", scored, "--author", "Lin, Mei")
    assert ran.code == 0, ran.err
    card = (tmp_path / "p" / "README.md").read_text()
    assert "| DR | weighted\\_f1 | rule | 68.17 | 62.62 | 73.53 | 405 | 19 |" in card
    assert "1,200 steps, 34,567 tokens" in card
    assert "25% of the steps" in card
    texts = "".join(p.read_text() for p in (tmp_path / "p").rglob("*") if p.suffix in {".json", ".md", ".cff"})
    assert str(tmp_path) not in texts
    assert str(plain.parent) not in texts
    assert "SECRETROW" not in texts
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "p" / "base")
    PeftModel.from_pretrained(base, str(tmp_path / "p"))
    assert run("publish", "--check", tmp_path / "p").code == 0
    (tmp_path / "p" / "README.md").write_text(card.replace("| 68.17 |", "| 86.17 |"))
    ran = run("publish", "--check", tmp_path / "p")
    assert ran.code == 1
    assert "changed by hand to 86.17, was 68.17" in ran.out


def test_scores_forged_beside_the_card_are_told(run, plain: Path, tmp_path: Path) -> None:
    made, scored = adapter(plain, tmp_path / "a"), scores(tmp_path / "s", "x")
    assert run("publish", made, "--out", tmp_path / "p", "--base", "none", "--evidence", scored).code == 0
    file = tmp_path / "p" / "evidence" / "imhi.json"
    file.write_text(file.read_text().replace("68.1749", "99.9"))
    assert "says 68.17, the artifact gives 99.9" in run("publish", "--check", tmp_path / "p").out


@pytest.mark.parametrize("licence", ["private", "CC-BY-NC-ND-4.0", "unknown"])
def test_a_licence_that_forbids_it_refuses(licence: str, run, plain: Path, tmp_path: Path) -> None:
    made = adapter(plain, tmp_path / "a", licence=licence)
    ran = run("publish", made, "--out", tmp_path / "p", "--base", "none")
    assert ran.code == 1
    assert "--ids-only" not in ran.err, "there are no ids of a model"
    assert not (tmp_path / "p").exists()


NO_CHANGES = {"licence": "CC-BY-NC-ND-4.0", "rows": 5, "sources": ["theirs"]}


@pytest.mark.parametrize(
    ("licence", "source", "more", "said"),
    [
        ("private", "made", (), "said in confidence"),
        (None, "line", (), "said in confidence"),
        ("CC0-1.0", "notes", (), "said in confidence"),
        ("CC-BY-NC-ND-4.0", "made", (), "no changed copies"),
        ("CC-BY-NC-4.0", "made", (), "--accept non-commercial"),
        ("unknown", "made", (NO_CHANGES,), "no changed copies"),
        ("", "cpsyexam", (), "--accept non-commercial"),
    ],
)
def test_allowing_what_has_no_licence_allows_nothing_that_a_licence_forbids(
    licence: str | None, source: str, more, said: str, run, plain: Path, tmp_path: Path
) -> None:
    made = adapter(plain, tmp_path / "a", licence=licence, source=source, more=more)
    ran = run("publish", made, "--out", tmp_path / "p", "--base", "none", "--allow-unlicensed")
    assert (ran.code, said in ran.err, "--ids-only" in ran.err) == (1, True, False), ran.err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("licence", ["unknown", "N/A", None, "yours"])
def test_rows_without_a_licence_are_what_it_allows(licence, run, plain: Path, tmp_path: Path) -> None:
    made = adapter(plain, tmp_path / "a", licence=licence)
    assert run("publish", made, "--out", tmp_path / "p", "--base", "none").code == 1
    assert run("publish", made, "--out", tmp_path / "p", "--base", "none", "--allow-unlicensed").code == 0
    assert "No licence is known" in (tmp_path / "p" / "README.md").read_text()
    assert run("publish", "--check", tmp_path / "p").code == 0


def test_another_model_is_another_version(run, plain: Path, tmp_path: Path) -> None:
    made = adapter(plain, tmp_path / "a")
    base = ("--out", tmp_path / "p", "--base", "none")
    assert run("publish", made, *base).code == 0
    assert run("publish", made, *base).code == 0, "the same again"
    weights = {path.name: path for path in plain.iterdir() if path.name != "README.md"}
    facts = artifacts.open_artifact(made).manifest["facts"]
    tables = {"sample": pl.DataFrame({"text": ["ANOTHERROW"]})}
    artifacts.write(tmp_path / "c", kind="adapter", name="short", tables=tables, facts=facts, copies=weights)
    before = (tmp_path / "p" / "publication.json").read_bytes()
    ran = run("publish", tmp_path / "c", *base)
    assert (ran.code, "want another --version" in ran.err) == (2, True), ran.err
    assert (tmp_path / "p" / "publication.json").read_bytes() == before
    assert run("publish", tmp_path / "c", *base, "--version", "1.1.0").code == 0


def test_weights_without_a_record_and_a_base_that_is_not_here_are_one_message(run, plain: Path, tmp_path: Path) -> None:
    assert "no record of the rows" in run("publish", plain, "--out", tmp_path / "p", "--base", "none").err
    ran = run("publish", plain, "--out", tmp_path / "p", "--base", "none", "--allow-unlicensed")
    assert (ran.code, "has no manifest" in ran.err) == (2, True)
    made = adapter(plain, tmp_path / "a")
    told = run("publish", made, "--out", tmp_path / "p").err
    assert "which model of the hub is its base" in told
    assert "--with-base" in told
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("told", "stays"),
    [
        ("local:/home/mei lin/adapters/z, scored", "local:z, scored"),
        ("/Users/Mei Lin/x", "x"),
        ("file:///home/mei.lin/x y", "x y"),
        ("C:\\Users\\Mei Lin\\x, scored", "x, scored"),
        ("read D:/data/mei/x", "read x"),
        ("https://example.org/a/b: yes and/or no, 3/4", "https://example.org/a/b: yes and/or no, 3/4"),
        ("openai:gpt-4o@http://127.0.0.1:8000/v1", "openai:gpt-4o@http://127.0.0.1:8000/v1"),
    ],
)
def test_of_a_place_its_last_name_stays(told: str, stays: str) -> None:
    assert without_places(told) == stays


def test_places_of_a_machine_are_taken_out_of_texts() -> None:
    told = {
        "a": ["local:nano+/tmp/x y/runs/ad, scored", "/home/mei/ad", "~/runs/ad", "https://example.org/a/b", "and/or"]
    }
    found = json.dumps(without_places({"a": told}))
    assert "/home" not in found
    assert "https://example.org/a/b" in found
    assert "and/or" in found
