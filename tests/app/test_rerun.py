"""`xinheng rerun`: a run repeated by its record, with everything really asked again, and what moved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.rerun import changed_answers, changes, figures
from tests.app.conftest import Run
from tests.app.harness import XINHENG, cases, lines, slow_server, start, stopped
from tests.servers.answerer import handler
from tests.servers.http import running
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, write


class Served:
    """A server on loopback: its address, what it was asked, and the version that it tells."""

    def __init__(self) -> None:
        self.url, self.heard, self.version = "", list[bytes](), "1.2.3"


@pytest.fixture
def server() -> Iterator[Served]:
    served = Served()
    with running(handler(served.heard.append, version=lambda: served.version)) as url:
        served.url = f"{url}/v1"
        yield served


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A dataset of two sets."""
    return str(write(tmp_path / "mine", kind="dataset", name="mine", tables={"case": cases(12)}, facts={}).path)


def predicted(run: Run, server: Served, mine: str, out: Path, model: str = "good", *more: str) -> Path:
    ran = run("predict", mine, "--model", f"openai:{model}@{server.url}", *more, "--out", out)
    assert ran.code == 0, ran.err
    return out


def rerun(run: Run, *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    ran = run("rerun", *arguments, "--json")
    return ran.code, json.loads(ran.out) if ran.out else {}, ran.err


def test_everything_is_asked_again_and_nothing_moved(run: Run, server: Served, mine: str, tmp_path: Path) -> None:
    made = predicted(run, server, mine, tmp_path / "p")
    assert len(server.heard) == 12
    code, told, err = rerun(run, made, "--out", tmp_path / "again")
    assert code == 0, (told, err)
    assert len(server.heard) == 24
    assert told["answers"] == {"both": 12, "changed": 0, "one_alone": 0}
    assert (told["changes"], told["moved"]) == ([], False)
    again = open_artifact(tmp_path / "again").manifest["facts"]["record"]
    assert again["command"] == open_artifact(made).manifest["facts"]["record"]["command"]
    assert again["cost"]["kept"] == 0
    assert rerun(run, made)[0] == 0
    assert len(server.heard) == 36, "a second repetition asks again as well"
    assert not list((tmp_path / "runs").glob("rerun-*")), "the journal of a finished repetition is gone"


def test_a_run_of_the_whole_path_is_repeated_from_asking_to_figures(
    run: Run, server: Served, mine: str, tmp_path: Path
) -> None:
    made = predicted(run, server, mine, tmp_path / "p")
    assert run("score", made, "--with", "rule", "--out", tmp_path / "s").code == 0
    code, told, err = rerun(run, tmp_path / "s", "--out", tmp_path / "again")
    assert code == 0, (told, err)
    assert len(server.heard) == 24
    assert {row["scorer"] for row in told["figures"]} == {"rule"}
    assert all(row["old"] == row["new"] for row in told["figures"])
    assert open_artifact(tmp_path / "again").manifest["parents"][0]["kind"] == "predictions"


def test_other_answers_are_counted_and_figures_stand_beside_the_old(
    run: Run, server: Served, mine: str, tmp_path: Path
) -> None:
    made = predicted(run, server, mine, tmp_path / "p", "moody")
    assert run("score", made, "--out", tmp_path / "s").code == 0
    code, told, _ = rerun(run, made)
    assert code == 1
    assert told["answers"]["changed"] > 0
    ran = run("rerun", tmp_path / "s")
    assert ran.code == 1
    assert "not everything is as it was" in ran.err
    assert "within" in ran.out or "OUTSIDE" in ran.out


def test_another_server_and_other_data_are_named(run: Run, server: Served, mine: str, tmp_path: Path) -> None:
    made = predicted(run, server, mine, tmp_path / "p")
    server.version = "9.9"
    write(Path(mine), kind="dataset", name="mine", tables={"case": cases(11)}, facts={})
    code, told, _ = rerun(run, made)
    assert code == 1
    moved = {(one["kind"], one["what"]) for one in told["changes"]}
    assert {("model", "answers server"), ("data", "digest"), ("data", "rows"), ("counts", "n")} <= moved
    assert told["answers"] == {"both": 11, "changed": 0, "one_alone": 1}
    code, told, _ = rerun(run, made, "--kept-cases")
    moved = {(one["kind"], one["what"]) for one in told["changes"]}
    # The cases are those of the run: where they came from is no news, whatever else is.
    assert "data" not in {kind for kind, _ in moved}
    assert ("model", "answers server") in moved


def test_with_its_own_cases_a_run_that_did_not_move_is_as_it_was(
    run: Run, server: Served, mine: str, tmp_path: Path
) -> None:
    made = predicted(run, server, mine, tmp_path / "p")
    code, told, err = rerun(run, made, "--kept-cases")
    assert code == 0, (told, err)


def test_what_moved_is_named_with_the_answers(run: Run, server: Served, mine: str, tmp_path: Path) -> None:
    made = predicted(run, server, mine, tmp_path / "p", "moody")
    assert "have answers" in run("rerun", made).err


@pytest.mark.parametrize("name", ["forget", "sweep", "train", "rerun", "privacy key", ""])
def test_a_record_with_another_command_is_not_obeyed(
    run: Run, server: Served, mine: str, tmp_path: Path, name: str
) -> None:
    made = predicted(run, server, mine, tmp_path / "p")
    manifest = json.loads((made / MANIFEST).read_text())
    manifest["facts"]["record"]["command"]["name"] = name
    (made / MANIFEST).write_text(json.dumps(manifest))
    ran = run("rerun", made)
    assert (ran.code, "a record with another command" in ran.err) == (2, True), ran.err
    assert len(server.heard) == 12


def test_every_option_is_recorded_and_no_key(
    run: Run, server: Served, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINHENG_API_KEY", "sk-very-secret")
    made = predicted(run, server, mine, tmp_path / "p", "good", "--seed", "4", "--limit", "3", "--at-once", "2")
    command = open_artifact(made).manifest["facts"]["record"]["command"]
    given = command["arguments"]
    assert command["name"] == "predict"
    assert given[-2:] == ["--", mine]
    pairs = dict(zip(given[:-2:2], given[1:-2:2], strict=True))
    assert pairs == {
        "--model": f"openai:good@{server.url}", "--split": "test", "--shots": "0", "--answer-tokens": "1024",
        "--temperature": "0.0", "--seed": "4", "--repeats": "1", "--limit": "3", "--at-once": "2",
    }  # fmt: skip
    assert "secret" not in (made / MANIFEST).read_text()


def test_answers_made_elsewhere_are_read_again(run: Run, mine: str, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text("".join(json.dumps({"id": f"c{i:03}", "text": "Yes."}) + "\n" for i in range(12)))
    assert run("score", path, "--cases", mine, "--out", tmp_path / "s").code == 0
    code, told, err = rerun(run, tmp_path / "s")
    assert (code, told["moved"]) == (0, False), err
    path.write_text(path.read_text().replace("Yes.", "No.", 3))
    code, told, _ = rerun(run, tmp_path / "s-predictions")
    assert (code, told["answers"]["changed"]) == (1, 3)
    assert any(one["kind"] == "prompt" for one in told["changes"])


def test_an_interrupted_repetition_goes_on(run: Run, server: Served, mine: str, tmp_path: Path) -> None:
    made = predicted(run, server, mine, tmp_path / "p", "good", "--max-requests", "12")
    manifest = json.loads((made / MANIFEST).read_text())
    arguments = manifest["facts"]["record"]["command"]["arguments"]
    arguments[arguments.index("--max-requests") + 1] = "5"
    (made / MANIFEST).write_text(json.dumps(manifest))
    assert rerun(run, made)[0] == 130
    assert len(server.heard) == 17
    assert rerun(run, made)[0] == 130
    assert len(server.heard) == 22
    assert rerun(run, made)[0] == 0
    assert len(server.heard) == 24


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, "no command in its record"),
        ({"command": None}, "no command in its record"),
        ({"command": {"name": "prophesy", "arguments": []}}, "a record with another command"),
        ({"command": {"name": "predict", "arguments": ["--no-such", "1"]}}, "predict cannot be given again"),
    ],
)
def test_a_run_that_cannot_be_repeated_says_why(run: Run, tmp_path: Path, record: dict[str, Any], says: str) -> None:
    made = write(
        tmp_path / "p", kind="predictions", name="x", tables={"case": cases(2)}, facts={"system": "m", "record": record}
    )
    ran = run("rerun", made.path)
    assert (ran.code, says in ran.err.splitlines()[-1]) == (2, True), ran.err


def test_other_artifacts_are_no_runs(run: Run, mine: str) -> None:
    ran = run("rerun", mine)
    assert (ran.code, "no run" in ran.err) == (2, True)


def test_the_command_line_itself_repeats_a_run(run: Run, server: Served, mine: str, tmp_path: Path) -> None:
    """As a process of its own: same machine, same packages, exit 0."""
    made = predicted(run, server, mine, tmp_path / "p")
    command = [str(XINHENG), "rerun", str(made), "--out", str(tmp_path / "again")]
    environment = {**os.environ, "XINHENG_RUNS": str(tmp_path / "runs")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers that changed: 0 of 12" in done.stdout


def test_interrupted_by_a_person_it_ends_at_once_and_keeps_what_was_answered(tmp_path: Path, shared_data: Path) -> None:
    log = tmp_path / "log"
    with slow_server(log) as url:
        assert start(url, tmp_path / "p", shared_data, limit=30).wait() == 0
        log.unlink()
        command = [str(XINHENG), "rerun", str(tmp_path / "p"), "--out", str(tmp_path / "again")]
        environment = {**os.environ, "XINHENG_RUNS": str(tmp_path), "XINHENG_DATA": str(shared_data)}
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        assert stopped(process, log, 5, signal.SIGINT) == 130
        assert len(lines(log)) < 30
        assert not (tmp_path / "again").exists()
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
        assert len(lines(log)) == len(set(lines(log))) == 30


# -- what moved ----------------------------------------------------------------------------------------------------


def scores(place: Path, value: float, **record: Any) -> Artifact:
    from xinheng.tables import SCORE, SUMMARY

    names = {"benchmark": "x", "part": "all", "scorer": "s", "system": "m"}
    summary = [
        {**names, "measure": measure, "value": number, "low": 0.4, "high": 0.6, "n": 2, "missing": 0, "method": "m"}
        for measure, number in (("accuracy", value), ("latency_p95_s", value * 3))
    ]
    score = [{**names, "case_id": f"c{i}", "group_id": "g", "value": float(value > i)} for i in range(2)]
    tables = {"score": pl.DataFrame(score, schema=SCORE), "summary": pl.DataFrame(summary, schema=SUMMARY)}
    return write(place, kind="scores", name="x", tables=tables, facts={"system": "m", "record": record})


def test_figures_stand_side_by_side_with_the_old_interval(tmp_path: Path) -> None:
    found = figures(scores(tmp_path / "a", 0.5), scores(tmp_path / "b", 0.7))
    assert found.filter(pl.col("measure") == "accuracy").select("old", "new", "within").rows() == [(0.5, 0.7, False)]
    assert changed_answers(scores(tmp_path / "c", 0.5), scores(tmp_path / "d", 1.5))["changed"] == 1


def test_times_are_no_reason_to_say_that_something_moved(tmp_path: Path) -> None:
    from app.rerun import Moved, what_moved

    old, new = scores(tmp_path / "a", 0.5), scores(tmp_path / "b", 0.5)
    rows = figures(old, new).with_columns(new=pl.when(pl.col("measure") == "latency_p95_s").then(9.0).otherwise("new"))
    answers = {"both": 2, "changed": 0, "one_alone": 0}
    assert not what_moved(Moved(old, new, (), rows, answers))
    assert what_moved(Moved(old, new, (), rows.with_columns(new=pl.lit(0.1)), answers)) == ["figures"]


def test_each_part_of_the_record_is_compared(tmp_path: Path) -> None:
    def record(**more: Any) -> dict[str, Any]:
        usual = {
            "data": {"digest": "d"}, "prompt": {"asked": "p"}, "decoding": {"seed": 1}, "code": {"digest": "c"},
            "machine": {"cores": 2, "packages": {"polars": "2"}}, "models": [{"role": "answers", "identity": "i"}],
            "counts": {"n": 2, "invalid": 0},
        }  # fmt: skip
        return {**usual, **more}

    others: dict[str, tuple[Any, str]] = {
        "data": ({"digest": "e"}, "data"),
        "prompt": ({"asked": "q"}, "prompt"),
        "decoding": ({"seed": 2}, "decoding"),
        "code": ({"digest": "b"}, "code"),
        "machine": ({"cores": 2, "packages": {"polars": "3"}}, "packages"),
        "models": ([{"role": "answers", "identity": "j"}], "model"),
        "counts": ({"n": 2, "invalid": 1}, "counts"),
    }
    old = scores(tmp_path / "old", 0.5, **record())
    assert list(changes(old, scores(tmp_path / "same", 0.5, **record(cost={"usd": 3})))) == []
    for name, (value, kind) in others.items():
        (found,) = changes(old, scores(tmp_path / name, 0.5, **record(**{name: value})))
        assert found["kind"] == kind, name
