"""`xinheng desk …` from outside: backup, restore, verify, recover and rotate of a real desk."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.desk import attachments, blobs, store
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


def test_whoever_unlocks_is_told_that_the_counter_began_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    home = tmp_path / "desk"
    _, code = add_counsellor(connect(home), home, "lin", passphrase=WORDS, cost=QUICK)
    monkeypatch.setenv("XINHENG_DESK_RECOVERY", code)
    told = {}
    for command in ("verify", "recover", "rotate", "verify"):
        for anew in (True, False):
            if anew:
                next(home.glob("counter-*.json")).unlink()
            named = ["desk", command, "--name", "lin", "--home", str(home), "--json"]
            if (command, anew) == ("recover", False):
                continue  # the code served once
            result = CliRunner().invoke(app, named, catch_exceptions=False)
            assert ("begins anew" in result.stderr) == anew
            told[command, anew] = json.loads(result.stdout)
    assert (told["verify", True]["new_counter"], told["verify", False]["new_counter"]) == (True, False)
    assert told["verify", False]["counters_begun"] == 4


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


def test_files_of_another_place_are_backed_up_put_back_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINHENG_DESK_PASSPHRASE", WORDS)
    home, disk, copy, there, other = (str(tmp_path / name) for name in ("desk", "disk", "b", "there", "other"))
    desk, _ = add_counsellor(connect(Path(home)), Path(home), "lin", passphrase=WORDS, cost=QUICK)
    client = store.add_client(desk, "A")
    attachments.attach(desk, Path(disk), client, "a.txt", b"letter")
    assert _said("backup", copy, "--home", home, "--files", disk)["counts"]["files"] == 1  # type: ignore[index]  # JSON
    _said("restore", copy, "--home", there, "--files", other)
    found = _said("verify", "--name", "lin", "--home", there, "--files", other)
    assert (found["files"], found["wrong"]) == (1, [])
    with pytest.raises(CheckFailed, match="1 things"):
        _said("verify", "--name", "lin", "--home", there)


def test_a_backup_says_which_files_it_did_not_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, disk = str(tmp_path / "desk"), str(tmp_path / "disk")
    desk, _ = add_counsellor(connect(Path(home)), Path(home), "lin", passphrase=WORDS, cost=QUICK)
    client = store.add_client(desk, "A")
    attachments.attach(desk, Path(disk), client, "a.txt", b"letter")
    attachments.attach(desk, Path(disk), client, "b.txt", b"letter")
    told = CliRunner().invoke(app, ["desk", "backup", str(tmp_path / "b"), "--home", home])
    assert told.exit_code == 0
    assert "Not in the backup: 2 of the files that records name." in " ".join(told.stderr.split())
    told = CliRunner().invoke(app, ["desk", "backup", str(tmp_path / "all"), "--home", home, "--files", disk])
    assert "2 files" in told.stdout
    assert "Not in the backup" not in told.stderr
    blobs.keep_file(desk, Path(disk), client, "adapter", [b"weights"], {})
    told = CliRunner().invoke(app, ["desk", "backup", str(tmp_path / "c"), "--home", home, "--files", "s3://b/files"])
    assert "2 to 3 of the files" in " ".join(told.stderr.split())
    assert "s3://b/files needs a backup of its own" in " ".join(told.stderr.split())


@pytest.mark.parametrize("option", ["--home", "--files", "--database"])
def test_an_option_before_the_command_is_not_passed_over(tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError, match=f"{option} must come after the command backup"):
        app(["desk", option, str(tmp_path / "x"), "backup", str(tmp_path / "b")], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []
