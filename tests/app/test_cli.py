"""The command line: what it prints, how it leaves, what it says when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from datasets_src.catalog import SOURCES
from xinheng.artifacts import open_artifact

COMMANDS = ["sources", "fetch", "ingest", "curate", "validate", "duplicates", "contamination", "export", "quickstart"]
XINHENG = Path(sys.executable).with_name("xinheng")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"Example: xinheng {command}" in ran.out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, app.cli\n"
        "heavy = {'polars', 'pandas', 'numpy', 'datasets', 'great_expectations', 'altair', 'httpx', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_sources_lists_every_source_with_its_terms(run) -> None:
    listed = json.loads(run("sources", "--json").out)
    assert [row["name"] for row in listed] == list(SOURCES)
    smile = next(row for row in listed if row["name"] == "smile")
    assert (smile["licence"], smile["languages"], smile["on_disk"]) == ("CC0-1.0", ["zh-Hans"], True)
    assert all(name in run("sources").out for name in SOURCES)


def test_a_misspelt_source_is_answered_with_near_ones(run) -> None:
    ran = run("ingest", "smlie")
    assert (ran.code, "smile" in ran.err) == (2, True)
    assert "Traceback" not in ran.err


def test_ingest_reports_rows_rejects_and_repairs(run, tmp_path: Path) -> None:
    ran = run("ingest", "imhi")
    assert ran.code == 0
    assert "11,325 case rows from 21 files" in ran.out
    assert "repaired mojibake in messages" in ran.out
    artifact = open_artifact(tmp_path / "runs" / "sources" / "imhi")
    assert artifact.rows("case") == 11325


def test_ingest_shows_where_the_broken_rows_are_but_not_what_they_say(run) -> None:
    ran = run("ingest", "sample")
    assert "broken.jsonl:28: turns[2].text: want a string, have a number" in ran.out
    assert "not JSON" in ran.out


def test_a_source_is_not_exported_and_the_message_says_what_to_do_first(run, tmp_path: Path) -> None:
    assert run("ingest", "sample", "--out", tmp_path / "src").code == 0
    ran = run("export", tmp_path / "src", "--out", tmp_path / "export")
    assert (ran.code, "xinheng curate" in ran.err) == (2, True)
    assert not (tmp_path / "export").exists()


def test_a_file_without_one_readable_row_fails_says_where_and_spares_the_older_artifact(run, tmp_path: Path) -> None:
    good = {"language": "en", "turns": [{"role": "client", "text": "q"}, {"role": "counsellor", "text": "a"}]}
    (tmp_path / "good.jsonl").write_text(json.dumps({"dialogue_id": "d", **good}) + "\n", encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text('{"secret": 1}\nsecret\n', encoding="utf-8")
    assert run("ingest", "tagged", "--from", tmp_path / "good.jsonl", "--out", tmp_path / "out").code == 0
    before = open_artifact(tmp_path / "out").digest
    ran = run("ingest", "tagged", "--from", tmp_path / "bad.jsonl", "--out", tmp_path / "out")
    assert (ran.code, "no row could be read" in ran.err, "bad.jsonl:1" in ran.err) == (2, True, True)
    assert "secret" not in ran.err
    assert open_artifact(tmp_path / "out").digest == before


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p.write_text("", encoding="utf-8"), "empty"),
        (lambda p: p.mkdir(), "no file of this source"),
        (lambda p: None, "no such file or folder"),
        (lambda p: p.write_text("a,b\n1,2\n", encoding="utf-8"), "want"),
    ],
    ids=["empty", "folder", "absent", "other columns"],
)
def test_bad_input_is_one_readable_line_and_exit_2(run, tmp_path: Path, make, says: str) -> None:
    path = tmp_path / "questions.csv"
    make(path)
    ran = run("ingest", "choices", "--from", path)
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "runs" / "sources" / "choices").exists()


def test_a_broken_row_is_kept_in_dropped_and_costs_no_other(run, tmp_path: Path) -> None:
    good = {"turns": [{"role": "client", "text": "好累"}, {"role": "counsellor", "text": "嗯"}], "language": "zh-Hant"}
    path = tmp_path / "mine.jsonl"
    path.write_text(
        "\n".join([json.dumps(good | {"dialogue_id": "a"}), "{broken", json.dumps(good | {"dialogue_id": "b"})]),
        encoding="utf-8",
    )
    assert run("ingest", "tagged", "--from", path).code == 0
    artifact = open_artifact(tmp_path / "runs" / "sources" / "tagged")
    assert artifact.scan("dialogue").collect()["dialogue_id"].to_list() == ["a", "b"]
    dropped = artifact.scan("dropped").collect().row(0, named=True)
    assert (dropped["origin"], dropped["row"]) == ("mine.jsonl:2:2", "{broken")


def test_a_source_that_is_not_there_says_what_to_do(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xinheng import settings

    monkeypatch.setenv("XINHENG_DATA", str(tmp_path / "nothing"))
    settings.settings.cache_clear()
    ran = run("curate", "counselchat")
    assert ran.code == 2
    assert "xinheng fetch counsel-chat" in ran.err
    assert "XINHENG_DATA" in ran.err


def test_curate_validate_and_export_a_real_dataset(run, tmp_path: Path) -> None:
    ran = run("curate", "counselling_zh", "--json")
    assert ran.code == 0
    facts = json.loads(ran.out)
    assert facts["rows"]["kept"] == 2123
    assert facts["gate"]["passed"]
    place = Path(facts["path"])
    assert {p.name for p in place.iterdir()} >= {"manifest.json", "report.html", "certificate.json", "coverage.json"}
    page = tmp_path / "gate.html"
    checked = run("validate", place, "--page", page)
    assert checked.code == 0
    assert "alternate" in checked.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    exported = run("export", place, "--format", "sharegpt", "--out", tmp_path / "sharegpt")
    assert exported.code == 0
    lines = (tmp_path / "sharegpt" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == facts["splits"]["train"]
    assert json.loads(lines[0])["conversations"][0]["from"] == "human"


def test_validate_fails_on_a_tampered_file_and_on_bad_rows(run, tmp_path: Path) -> None:
    assert run("curate", "choices", "--source", "sample-choices").code == 0
    place = tmp_path / "runs" / "datasets" / "choices"
    (place / "certificate.json").write_text("{}", encoding="utf-8")
    ran = run("validate", place)
    assert (ran.code, "certificate.json: bytes changed" in ran.out) == (1, True)
    # The raw sample has turns out of order and tags outside the schema: a source need not pass.
    assert run("ingest", "sample").code == 0
    raw = run("validate", tmp_path / "runs" / "sources" / "sample", "--json")
    assert raw.code == 1
    failed = {e["name"] for e in json.loads(raw.out)["expectations"] if not e["passed"]}
    assert len(failed) >= 3


def test_validate_of_something_else_says_so(run, tmp_path: Path) -> None:
    ran = run("validate", tmp_path)
    assert (ran.code, "manifest.json" in ran.err) == (2, True)


def test_a_recipe_of_ones_own_runs_from_its_file(run, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.py"
    recipe.write_text(
        "import polars as pl\n"
        "from curation.groups import add_strata\n"
        "TABLE, SOURCES, STRATUM = 'dialogue', ('sample',), 'stratum'\n"
        "def only_health(frame):\n"
        "    '''Dialogues that are not about health.'''\n"
        "    return frame.filter(pl.col('topics').list.contains('health'))\n"
        "STEPS = [only_health, add_strata]\n",
        encoding="utf-8",
    )
    ran = run("curate", recipe, "--no-gate")
    assert ran.code == 0
    dataset = open_artifact(tmp_path / "runs" / "datasets" / "mine")
    assert dataset.scan("dialogue").collect()["topics"].list.contains("health").all()
    reasons = dataset.scan("dropped").filter(pl.col("step") == "only_health").collect()["reason"].unique().to_list()
    assert reasons == ["Dialogues that are not about health"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n", "STEPS is missing"),
        ("1/0\n", "ZeroDivisionError"),
        ("TABLE='x'\nSOURCES=()\nSTEPS=[1]\n", "TABLE is 'x'"),
    ],
)
def test_a_broken_recipe_is_explained(run, tmp_path: Path, text: str, says: str) -> None:
    recipe = tmp_path / "mine.py"
    recipe.write_text(text, encoding="utf-8")
    ran = run("curate", recipe)
    assert (ran.code, says in ran.err) == (2, True)


def test_out_refuses_a_folder_of_something_else(run, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("precious", encoding="utf-8")
    ran = run("ingest", "sample", "--out", place)
    assert (ran.code, "in the way" in ran.err) == (2, True)
    assert [p.name for p in place.iterdir()] == ["thesis.txt"]


def test_a_dataset_that_fails_the_gate_is_written_and_exit_1(run, tmp_path: Path) -> None:
    ran = run("curate", "first_generation", "--no-page")
    assert (ran.code, "gate: FAILED" in ran.out) == (1, True)
    assert open_artifact(tmp_path / "runs" / "datasets" / "first_generation").rows("dialogue") == 144


def test_a_chat_export_has_no_gate(run, shared_data: Path, tmp_path: Path) -> None:
    run("ingest", "signal", "--from", shared_data / "chat-exports" / "chat-miner" / "signal" / "test_export.txt")
    ran = run("validate", tmp_path / "runs" / "sources" / "signal")
    assert (ran.code, "no gate for a chat table" in ran.err) == (2, True)


def test_a_limit_takes_a_first_look(run, tmp_path: Path) -> None:
    ran = run("curate", "counselling_zh", "--limit", "5", "--no-gate", "--json")
    assert json.loads(ran.out)["rows"]["kept"] == 20


def test_an_unforeseen_error_shows_its_place_not_its_text(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("a client's secret")

    monkeypatch.setattr("app.cli.app", fail)
    ran = run("sources")
    assert ran.code == 2
    assert "unforeseen ValueError in test_cli.py" in ran.err
    assert "secret" not in ran.err


def test_interrupted_it_leaves_with_130_and_nothing_half_written(tmp_path: Path, shared_data: Path) -> None:
    env = {**os.environ, "XINHENG_DATA": str(shared_data), "XINHENG_RUNS": str(tmp_path / "runs")}
    process = subprocess.Popen(
        [XINHENG, "curate", "counselling_zh"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert not (tmp_path / "runs" / "datasets" / "counselling_zh").exists()


def test_a_closed_pipe_is_no_error() -> None:
    ran = subprocess.run(f"{XINHENG} sources | head -1", shell=True, capture_output=True, text=True, check=True)
    assert ran.stderr == ""


def test_an_option_that_a_source_does_not_take_is_named(run) -> None:
    ran = run("ingest", "smile", "--date-order", "dmy")
    assert (ran.code, "takes no date_order" in ran.err) == (2, True)


def test_a_real_chat_export_becomes_an_artifact(run, shared_data: Path, tmp_path: Path) -> None:
    ran = run("ingest", "line", "--from", shared_data / "chat-exports" / "line" / "sample.txt")
    assert ran.code == 0
    assert open_artifact(tmp_path / "runs" / "sources" / "line").rows("chat") == 53


def test_a_damaged_table_is_said_to_be_one_and_named_by_validate(run, tmp_path: Path) -> None:
    run("curate", "tagged_dialogues", "--no-page", "--no-gate", "--out", tmp_path / "d")
    (file,) = (tmp_path / "d").glob("dialogue-*.parquet")
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 255
    file.write_bytes(whole)
    ran = run("duplicates", tmp_path / "d")
    assert (ran.code, "want whole Parquet files" in ran.err) == (2, True)
    ran = run("validate", tmp_path / "d")
    assert (ran.code, f"{file.name}: bytes changed" in ran.out) == (1, True)
    assert "not weighed" in ran.out


def test_ids_from_files_do_not_steer_the_terminal(run, tmp_path: Path) -> None:
    line = {"role": "client", "text": "我最近睡不好也不知道可以跟誰說這件事情真的很累很久了", "tags": {}}
    reply = {**line, "role": "counsellor", "text": "謝謝你願意告訴我這些，我們慢慢來看看發生了什麼事情好嗎"}
    rows = [
        {"dialogue_id": f"d\x1b[31m{n}\n\u202e", "language": "zh-Hant", "topic": [], "turns": [line, reply]}
        for n in range(2)
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    run("ingest", "tagged", "--from", tmp_path / "own.jsonl", "--out", tmp_path / "own")
    ran = run("duplicates", tmp_path / "own")
    assert ran.code == 0, ran.err
    assert "2 rows in 1 cluster" in ran.out
    assert not set("\x1b\u202e") & set(ran.out + ran.err)
    assert "[U+001B]" in ran.out
