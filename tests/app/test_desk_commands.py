"""`xinheng desk …` from outside: backup, restore, verify, recover and rotate of a real desk."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.desk import store
from app.desk.database import connect
from app.desk.teaching import record_consent
from app.desk.unlock import add_counsellor
from tests.app.desk.desks import QUICK, WORDS, run
from xinheng.errors import CheckFailed, UsageError


def _said(*words: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["desk", *words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    held: dict[str, object] = json.loads(result.stdout)
    return held


def test_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    home, copy, there = (str(tmp_path / name) for name in ("desk", "b", "there"))
    engine = connect(Path(home))
    desk, code = add_counsellor(engine, Path(home), "lin", passphrase=WORDS, cost=QUICK)
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": "words"})
    _said("backup", copy, "--home", home)
    _said("restore", copy, "--home", there)
    assert _said("verify", "--name", "lin", "--home", there)["wrong"] == []
    rotated = _said("rotate", "--name", "lin", "--home", there)["recovery_code"]
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", "another passphrase")
    monkeypatch.setenv("XINHENG_DESK_RECOVERY", str(rotated))
    assert _said("recover", "--name", "lin", "--home", there)["recovery_code"] not in {rotated, code}
    assert _said("verify", "--name", "lin", "--home", there)["records"] == 2
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    run(desk, "DELETE FROM note")
    with pytest.raises(CheckFailed, match="2 things"):
        _said("verify", "--name", "lin", "--home", home)


def test_a_folder_without_a_desk_is_named_and_stays_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no desk"):
        _said("backup", str(tmp_path / "b"), "--home", str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_the_corpus_is_written_once_and_over_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    home, out = str(tmp_path / "desk"), tmp_path / "notes.jsonl"
    desk, _ = add_counsellor(connect(Path(home)), Path(home), "lin", passphrase=WORDS, cost=QUICK)
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"question": "why?", "text": "words"})
    with pytest.raises(UsageError, match="no note to give"):
        _said("corpus", str(out), "--name", "lin", "--home", home)
    assert not out.exists()
    record_consent(desk, client, given=True, how="signed", use="corpus")
    told = _said("corpus", str(out), "--name", "lin", "--home", home)
    assert (told["notes"], told["clients"]) == (1, 1)
    assert json.loads(out.read_text())["answer"] == "words"
    with pytest.raises(UsageError, match="there already"):
        _said("corpus", str(out), "--name", "lin", "--home", home)


@pytest.mark.parametrize("command", [["desk"], ["desk", "verify", "--name", "lin"]])
def test_what_is_not_installed_is_named_with_the_way_to_it(monkeypatch, command):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UsageError, match=r"no gradio.*xinheng\[desk\]"):
        app(command, standalone_mode=False)


def test_no_crash_of_a_desk_writes_its_memory_to_the_disk(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        CliRunner().invoke(app, ["desk", "verify", "--name", "lin", "--home", str(tmp_path)])
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
