"""`xinheng quickstart`: from the bundled lines to a tuned model, its scores before and after, and pages, offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.conftest import Run
from tests.servers.arbiter import handler
from tests.servers.http import running
from xinheng.artifacts import open_artifact, verify

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def test_without_a_model_it_makes_datasets_pages_and_training_files(run: Run, tmp_path: Path) -> None:
    ran = run("quickstart", "--data-only", "--out", tmp_path / "quick")
    assert ran.code == 0, ran.err
    assert ran.out.count("gate passed") == 3
    for label in ("dialogues", "questions", "posts"):
        assert (tmp_path / "quick" / label / "report.html").stat().st_size > 10_000
        assert (tmp_path / "quick" / f"{label}-messages" / "train.jsonl").is_file()


def test_where_packages_lack_it_ends_with_the_data_and_names_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.quickstart_model._PACKAGES", ("peft", "no_such_package"))
    ran = run("quickstart", "--out", tmp_path / "quick")
    assert ran.code == 0, ran.err
    assert "No model is tuned: no_such_package not installed" in ran.out


def test_the_whole_loop_tunes_asks_before_and_after_and_draws_pages(run: Run, tmp_path: Path) -> None:
    with running(handler(lambda _: None)) as url:
        ran = run("quickstart", "--out", tmp_path, "--llm", f"openai:fair@{url}/v1", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)["tuned"]
    for label, unit in (("posts", "weighted_f1"), ("questions", "accuracy")):
        assert verify(open_artifact(Path(told[label]["adapter"]))) == []
        assert unit in {row["measure"] for row in told[label]["rows"]}
        assert "nano" in Path(told[label]["page"]).read_text()
    (posts,) = [row for row in told["posts"]["rows"] if row["scorer"] == "rule" and row["part"] == "dreaddit"]
    assert posts["n"] == 54
    assert posts["first"] > max(60, posts["second"]), "a few minutes of training must show"
    board = Path(told["leaderboard"]).read_text()
    assert "local:nano" in board
    assert Path(told["judged"]).is_file()
