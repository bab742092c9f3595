"""`xinheng train`: an adapter with its proof as an artifact, and what must not be trained on is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import polars as pl
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from app.cli import app
from app.training_run import PAGE
from tests.servers.tiny_model import write
from xinheng import artifacts
from xinheng.errors import CheckFailed, UsageError, WriteError
from xinheng.marks import CONTAMINATED, new_mark
from xinheng.tables import EXAMPLE, PREFERENCE

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
RECIPE = """
from training.recipe import Lora, Training
RECIPE = Training(title={"en": "Short", "zh": "短"}, lora=Lora(r=2, alpha=4, targets=("q_proj",)), context=96, batch=4,
                  accumulation=1, epochs=1, rate=1e-3)
"""


def dataset(folder: Path, *, licence: str = "CC0-1.0", passed: bool = True, marks=()) -> Path:
    rows = [
        {
            "example_id": f"e{n}", "group_id": f"g{n}", "language": "zh-Hant", "topics": [],
            "messages": [
                {"role": "user", "content": f"我睡不好 {n}", "tags": []},
                {"role": "assistant", "content": f"我在聽 {n}", "tags": []},
            ],
            "published_split": None, "source": "made", "licence": licence, "origin": f"made:{n}",
            "split": "validation" if n % 5 == 0 else "train",
        }
        for n in range(20)
    ]  # fmt: skip
    facts = {
        "title": {"en": "Made", "zh": "自製"}, "gate": {"passed": passed},
        "licences": [{"licence": licence, "rows": 20, "sources": ["made"]}],
    }  # fmt: skip
    table = pl.DataFrame(rows, schema={**EXAMPLE, "split": pl.String})
    artifacts.write(folder, kind="dataset", name="made", tables={"example": table}, facts=facts, marks=marks)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("base") / "tiny")


def trained(tmp_path: Path, base: Path, *more: str, data: Path | None = None):
    (tmp_path / "short.py").write_text(RECIPE)
    told = ["train", str(tmp_path / "short.py"), "--base", str(base), "--data", str(data or dataset(tmp_path / "data"))]
    return CliRunner().invoke(app, [*told, "--out", str(tmp_path / "adapter"), *more])


def test_an_adapter_comes_with_its_curve_its_proof_and_where_it_comes_from(base: Path, tmp_path: Path) -> None:
    told = trained(tmp_path, base, "--json")
    assert told.exit_code == 0, told.output
    made = artifacts.open_artifact(tmp_path / "adapter")
    facts = made.manifest["facts"]
    assert made.kind == "adapter"
    assert artifacts.verify(made) == []
    assert facts["rows"]["train"]["rows"] == 16
    assert facts["rows"]["validation"]["rows"] == 4
    assert facts["proof"]["largest"] < 1e-3
    assert facts["trained"]["sft"]["steps"] == 4
    said = made.scan("sample").collect()
    assert said["row_id"].unique().sort().to_list() == ["e0", "e10"]
    assert said["step"].max() == 4
    page = made.file(PAGE).read_text()
    assert "e10" in page
    assert "我睡不好" not in page
    assert [name for name in made.manifest["files"] if "tfevents" in name] == ["events.out.tfevents.0.sft"]
    assert made.manifest["parents"][0]["digest"] == artifacts.open_artifact(tmp_path / "data").digest
    assert set(made.scan("file").collect()["name"]) >= {"adapter_config.json", "adapter_model.safetensors"}
    assert json.loads(told.stdout)["digest"] == made.digest
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_trial_ends_early_and_the_same_training_gives_the_same_adapter(base: Path, tmp_path: Path) -> None:
    data = dataset(tmp_path / "data")
    weights = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert trained(tmp_path / name, base, "--trial", "0.5", data=data).exit_code == 0
        weights.append((tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert artifacts.open_artifact(tmp_path / "one" / "adapter").manifest["facts"]["trained"]["sft"]["steps"] == 2


@pytest.mark.parametrize(
    ("given", "flag", "says"),
    [
        ({"marks": [new_mark(CONTAMINATED, [{"benchmark": "b", "kind": "exact", "split": "train", "rows": 1}])]},
         "--allow-contaminated", "contaminated"),
        ({"licence": "unknown"}, "--allow-unlicensed", "licence"),
        ({"passed": False}, "--allow-failed-gate", "failed its gate"),
    ],
)  # fmt: skip
def test_what_must_not_be_trained_on_is_refused_unless_named(
    base: Path, tmp_path: Path, given: dict, flag: str, says: str
) -> None:
    data = dataset(tmp_path / "data", **given)
    refused = trained(tmp_path, base, data=data)
    assert isinstance(refused.exception, CheckFailed)
    assert says in str(refused.exception)
    assert not (tmp_path / "adapter").exists()
    assert trained(tmp_path, base, flag, "--trial", "0.25", data=data).exit_code == 0
    made = artifacts.open_artifact(tmp_path / "adapter")
    assert made.manifest["facts"]["allowed"] == [flag.removeprefix("--allow-").replace("-", "_")]
    assert bool(made.marks) == ("marks" in given)


def test_rows_of_another_kind_are_refused_before_anything_is_loaded(base: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["train", "socratic_dpo", "--base", str(base), "--data", str(dataset(tmp_path / "d"))]
    )
    assert isinstance(told.exception, UsageError)


def test_pairs_are_trained_on_by_preference_after_the_chosen_answers(base: Path, tmp_path: Path) -> None:
    tag = pl.List(pl.Struct({"axis": pl.String, "value": pl.String}))
    rows = [
        {
            "pair_id": f"p{n}", "group_id": f"g{n}", "language": "zh-Hant",
            "prompt": [{"role": "user", "content": f"我睡不好 {n}", "tags": []}], "chosen": f"你想到什麼 {n}",
            "rejected": f"去睡 {n}", "chosen_score": 1.0, "rejected_score": 0.0, "evidence": "made", "source": "made",
            "licence": "CC0-1.0", "origin": f"made:{n}", "split": "validation" if n % 5 == 0 else "train",
        }
        for n in range(15)
    ]  # fmt: skip
    assert tag == PREFERENCE["prompt"].inner.fields[2].dtype
    table = pl.DataFrame(rows, schema={**PREFERENCE, "split": pl.String})
    artifacts.write(tmp_path / "pairs", kind="preferences", name="made", tables={"preference": table})
    recipe = tmp_path / "both.py"
    recipe.write_text(RECIPE.replace("Training(title", 'Training(method="sft+dpo", rows="preference", title'))
    told = CliRunner().invoke(
        app,
        ["train", str(recipe), "--base", str(base), "--data", str(tmp_path / "pairs"), "--out", str(tmp_path / "a")],
    )
    assert told.exit_code == 0, told.output
    made = artifacts.open_artifact(tmp_path / "a")
    assert list(made.manifest["facts"]["trained"]) == ["sft", "dpo"]
    assert set(made.scan("curve").collect()["method"]) == {"sft", "dpo"}


def test_too_little_memory_is_told_before_anything_is_loaded(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    free = psutil.virtual_memory()._replace(available=1_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr("app.training_run.ready", lambda *_, **__: pytest.fail("loaded all the same"))
    told = trained(tmp_path, base)
    assert isinstance(told.exception, UsageError)
    assert "too little memory" in str(told.exception)
    assert "--allow-low-memory" in str(told.exception)


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="mounting a small disk wants root")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what the failed writer held
def test_a_disk_that_fills_up_is_told_and_the_last_whole_checkpoint_stays(base: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150k", "tmpfs", small], check=False).returncode:
        pytest.skip("no small disk may be mounted here")
    try:
        (tmp_path / "long.py").write_text(RECIPE.replace("epochs=1", "epochs=4"))
        told = CliRunner().invoke(
            app,
            ["train", str(tmp_path / "long.py"), "--base", str(base), "--data", str(dataset(tmp_path / "data")),
             "--out", str(small / "adapter")],
        )  # fmt: skip
        assert isinstance(told.exception, WriteError), told.output
        assert "full disk" in str(told.exception)
        kept = small / ".adapter.training" / "sft"
        last = max(kept.glob("checkpoint-*/whole.json"), key=lambda mark: int(mark.parent.name[11:]))
        assert load_file(last.parent / "adapter_model.safetensors")
        assert not (small / "adapter").exists()
    finally:
        subprocess.run(["umount", "-l", small], check=True)  # the failed writer may hold its file
