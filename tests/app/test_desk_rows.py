"""`xinheng desk rows`: a consenting client's rows for a training elsewhere, with a warning, and over nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.cli import app
from app.desk import audit, store, teaching
from app.desk.database import read
from app.desk.unlock import Desk
from app.training_rows import conversations
from tests.app.desk.desks import WORDS, new_desk
from training.recipe import load
from xinheng.artifacts import open_artifact
from xinheng.errors import CheckFailed, UsageError


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    desk = new_desk(tmp_path / "desk")
    client = store.add_client(desk, "A-17")
    for n in range(5):
        store.save(desk, client, "note", {"question": f"第 {n} 次？", "text": f"這週睡得好一點，第 {n} 次。"})
    store.save(desk, client, "note", {"text": " "})
    return desk


def rows(desk: Desk, code: str, out: Path, *more: str) -> Result:
    command = ["desk", "rows", code, "--name", "lin", "--home", str(desk.home), "--out", str(out), *more]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def test_without_consent_or_client_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "rows"
    with pytest.raises(CheckFailed, match="no consent"):
        rows(desk, "A-17", out)
    with pytest.raises(UsageError, match="no client of this counsellor"):
        rows(desk, "B", out)
    assert not out.exists()


def test_what_lies_there_is_not_written_over(desk: Desk, tmp_path: Path) -> None:
    teaching.record_consent(desk, store.clients(desk)[0], given=True, how="signed")
    (tmp_path / "mine").write_text("mine")
    for there in (tmp_path, tmp_path / "mine"):
        with pytest.raises(UsageError, match="something is there"):
            rows(desk, "A-17", there)
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_rows_can_be_trained_on_and_the_warning_is_seen(desk: Desk, tmp_path: Path) -> None:
    teaching.record_consent(desk, store.clients(desk)[0], given=True, how="signed")
    out = tmp_path / "rows"
    said = rows(desk, "A-17", out)
    assert "not encrypted" in said.stderr
    assert f"xinheng train client --base nano --data {out}" in said.stdout
    talks = conversations(open_artifact(out), load("client"))
    assert {split: len(found) for split, found in talks.items()} == {"train": 3, "validation": 1, "test": 1}
    readable = [path for path in (out, *out.rglob("*")) if path.stat().st_mode & 0o077]
    assert readable == []
    logged = read(
        desk.engine, lambda c: [entry.facts["action"] for entry in audit.entries(c, desk.counsellor_id, desk.keys)]
    )
    assert "exported" in logged


def test_as_json_it_tells_what_was_left_out_and_no_word_of_a_note(desk: Desk, tmp_path: Path) -> None:
    teaching.record_consent(desk, store.clients(desk)[0], given=True, how="signed")
    said = rows(desk, "A-17", tmp_path / "rows", "--json")
    told = json.loads(said.stdout)
    assert (told["rows"]["train"], told["left_out"]) == (3, {"a note without words of a person's": 1})
    assert "睡得好" not in said.output
