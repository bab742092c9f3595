"""`xinheng bench imhi` from real cases to figures with a tiny local model, and what it refuses before asking."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from benchmarks.imhi import score as imhi_score
from tests.app.conftest import Run
from tests.app.harness import cases, dataset
from tests.servers.tiny_model import write
from tests.servers.tiny_readers import write_bart, write_classifier, write_encoder
from xinheng import settings
from xinheng.artifacts import open_artifact, verify


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write(folder / "tiny")
    write_classifier(folder / "labels" / "DR", {0: "no", 1: "yes"})
    write_classifier(folder / "labels" / "SAD", {number: f"LABEL_{number}" for number in range(9)})
    write_bart(folder / "tiny-bart")
    write_encoder(folder / "tiny-bert")
    return folder


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A data folder with DR and SAD as published; SAD in both forms, with its validation split, DR's experts."""
    data = tmp_path_factory.mktemp("data")
    for name in (
        "test_data/test_instruction/DR.csv",
        "test_data/test_instruction/SAD.csv",
        "test_data/test_complete/SAD.csv",
        "human_evaluation/test_instruction_expert/DR.csv",
        "train_data/instruction_data/SAD/val.csv",
        "train_data/complete_data/SAD/val.csv",
    ):
        (data / "imhi" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared_data / "imhi" / name, data / "imhi" / name)
    return data


@pytest.fixture(autouse=True)
def _with_some(run: Run, some: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DATA", str(some))
    settings.settings.cache_clear()


@pytest.fixture
def tiny(models: Path) -> tuple[str, ...]:
    return ("--model", f"local:{models / 'tiny'}", "--answer-tokens", "12")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sample-statements",), "not IMHI"),
        (("imhi", "--sets", "DR,XYZ"), "unknown set: want DR, CLP"),
        (("imhi", "--sets", "CLP"), "no test cases, instruction form: want CLP, have DR, SAD"),
        (("imhi", "--form", "poem"), "no such form: want instruction or completion"),
        (("imhi", "--split", "train"), "no such split"),
        (("imhi", "--shots", "2", "--sets", "SAD"), "too few examples of SAD, instruction form"),
        (("imhi", "--shots", "2", "--examples-from", "test"), "examples of another split"),
        (("imhi", "--measures", "chrf,bleu"), "no such measure: want bart-score, bert-score, chrf, rouge-l, have bleu"),
        (("imhi", "--measures", "bart-score", "--bart-model", "./nowhere"), "no such folder"),
        (("imhi", "--bart-weights", "nowhere.pth"), "no such file"),
        (("imhi", "--label-model", "./nowhere"), "no such folder"),
        (("imhi", "--split", "expert", "--form", "completion"), "no case to ask about"),
    ],
)
def test_what_does_not_fit_is_known_before_a_model_is_asked(
    run: Run, tiny: tuple[str, ...], tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    ran = run("bench", "imhi", *arguments, *tiny)
    assert ran.code == 2
    assert told in ran.err
    assert not (tmp_path / "runs" / "journal.sqlite").exists(), "nobody was asked"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"reference": [None] * 6}, "gold answers that cannot be read"),
        ({"reference": ["perhaps"] * 6}, "gold answers that cannot be read"),
        ({"group_id": [None] * 6}, "cases without a post"),
    ],
)
def test_cases_that_could_not_be_scored_are_refused_before_a_model_is_asked(
    run: Run, tiny: tuple[str, ...], tmp_path: Path, wrong: dict[str, list[object]], told: str
) -> None:
    dataset(tmp_path / "mine", cases(6, **wrong))
    ran = run("bench", "imhi", tmp_path / "mine", *tiny)
    assert (ran.code, told in ran.err) == (2, True), ran.err
    assert not (tmp_path / "runs" / "journal.sqlite").exists(), "nobody was asked"


def test_cases_without_a_language_are_scored(run: Run, tiny: tuple[str, ...], tmp_path: Path) -> None:
    dataset(tmp_path / "mine", cases(2, language=[None] * 2))
    ran = run("bench", "imhi", tmp_path / "mine", *tiny, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err


def test_a_classifier_of_another_set_is_refused(run: Run, tiny: tuple[str, ...], models: Path) -> None:
    ran = run("bench", "imhi", "--sets", "SAD", *tiny, "--label-model", models / "labels" / "DR")
    assert ran.code == 2
    assert "its classes are not the labels of SAD" in ran.err


def test_the_whole_path_on_real_cases(run: Run, tiny: tuple[str, ...], models: Path, tmp_path: Path) -> None:
    arguments = (
        "bench", "imhi", "imhi", "--sets", "DR,SAD", "--limit", "14", *tiny, "--label-model", models / "labels",
        "--measures", "bart-score,bert-score,chrf,rouge-l", "--bart-model", models / "tiny-bart", "--bert-model",
        models / "tiny-bert", "--out", tmp_path / "bench",
    )  # fmt: skip
    ran = run(*arguments)
    assert ran.code == 0, ran.err
    predictions, scores = (
        open_artifact(tmp_path / "bench" / "predictions"),
        open_artifact(tmp_path / "bench" / "scores"),
    )
    assert verify(predictions) == verify(scores) == []
    assert (predictions.kind, scores.kind) == ("predictions", "scores")
    asked = predictions.scan("case").collect()
    assert asked["benchmark"].value_counts(sort=True)["count"].to_list() == [7, 7]
    assert set(asked["form"]) == {"instruction"}
    texts = predictions.scan("prediction").collect()["text"].to_list()
    assert not any(text.strip() and text in ran.out + ran.err for text in texts), "nobody's words on the terminal"

    facts = scores.manifest["facts"]
    readers = ["rule", "upstream", "label:labels"]
    assert facts["scorers"] == [
        *readers, "bart_score:tiny-bart", "bert_score:tiny-bert", "chrf", "rouge_l"
    ]  # fmt: skip
    record = facts["record"]
    assert record["prompt"]["shots"] == 0
    assert record["prompt"]["digest"]
    assert record["counts"]["n"] == 14
    assert record["models"][0]["identity"].startswith("local:sha256:")
    assert set(facts["label_models"]) == {"DR", "SAD"}
    summary = scores.scan("summary").collect()
    assert summary["part"].unique(maintain_order=True).to_list() == ["DR", "SAD", "mean"]
    answers = scores.scan("answer").collect()
    for scorer in readers:
        of_scorer = answers.filter(scorer=scorer).select("dataset", "case_id", "group_id", "gold", "predicted")
        wanted = imhi_score(of_scorer)["weighted_f1"].to_list()
        assert summary.filter(scorer=scorer, measure="weighted_f1")["value"].to_list() == pytest.approx(wanted)
    for words in ("labels by rule", "labels by label:labels", "floor", "MentaLLaMA-chat-13B", "85.68", "not rerun"):
        assert words in ran.out

    again = run(*arguments, "--json")
    assert again.code == 0, again.err
    told = json.loads(again.out)
    assert told["record"]["cost"]["kept"] == 14, "all of it from the journal"
    assert told["digest"] != ""
    assert pl.DataFrame(told["summary"])["value"].to_list() == pytest.approx(summary["value"].to_list())


def test_examples_stand_before_the_case_in_both_forms(run: Run, tiny: tuple[str, ...], tmp_path: Path) -> None:
    digests = set()
    for form, shots, seed in (("instruction", 1, 0), ("completion", 1, 0), ("completion", 1, 1), ("completion", 2, 0)):
        ran = run(
            "bench", "imhi", "--sets", "SAD", "--form", form, "--shots", shots, "--examples-from", "validation",
            "--seed", seed, "--limit", "2", *tiny, "--out", tmp_path / "bench", "--json",
        )  # fmt: skip
        assert ran.code == 0, ran.err
        prompt = json.loads(ran.out)["record"]["prompt"]
        digests.add(prompt["digest"])
        assert (prompt["shots"], prompt["seed"], prompt["form"]) == (shots, seed, form)
        (drawn,) = prompt["examples"].values()
        assert len(drawn) == shots
        assert all(f"SAD-{form}-validation" in case_id for case_id in drawn)
    assert len(digests) == 4


def test_the_experts_cases_of_a_curated_dataset_are_asked_apart(
    run: Run, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    assert run("curate", "imhi", "--out", tmp_path / "curated").code == 0
    for split, n in (("expert", 5), ("test", 5)):
        ran = run("bench", "imhi", tmp_path / "curated", "--split", split, "--limit", n, *tiny, "--out", tmp_path / "b")
        assert ran.code == 0, ran.err
        asked = open_artifact(tmp_path / "b" / "predictions").scan("case").collect()
        assert set(asked["published_split"]) == {split}
        assert asked.height == n


def test_an_estimate_writes_nothing(run: Run, tiny: tuple[str, ...], tmp_path: Path) -> None:
    ran = run("bench", "imhi", "--limit", "12", *tiny, "--estimate", "--out", tmp_path / "bench")
    assert ran.code == 0, ran.err
    assert not (tmp_path / "bench").exists()


def figures(place: Path, scorer: str) -> dict[tuple[str, str], float]:
    rows = open_artifact(place).scan("summary").filter(pl.col("scorer") == scorer).collect()
    return {(row["part"], row["measure"]): round(row["value"], 2) for row in rows.iter_rows(named=True)}


def test_stored_outputs_score_as_by_the_publishers_program(
    run: Run, shared_data: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINHENG_DATA", str(shared_data))
    settings.settings.cache_clear()
    examples = shared_data / "imhi/examples/response_generation_examples"
    for arguments in (
        (examples,),
        (examples, "--with", "upstream", "--with", "chrf", "--with", f"bart-score:{models / 'tiny-bart'}"),
    ):
        ran = run("score", *arguments, "--cases", "imhi", "--split", "expert", "--out", tmp_path / "scores")
        assert ran.code == 0, ran.err
        found = figures(tmp_path / "scores", "upstream")
        assert (found["DR", "accuracy"], found["DR", "weighted_f1"]) == (57.14, 56.23)
        assert (found["dreaddit", "accuracy"], found["dreaddit", "weighted_f1"]) == (65.71, 68.95)
    assert figures(tmp_path / "scores", "rule") == {}
    assert set(figures(tmp_path / "scores", "chrf")) == {("DR", "chrf"), ("dreaddit", "chrf"), ("mean", "chrf")}
    assert figures(tmp_path / "scores", "bart_score:tiny-bart")["DR", "bart_score"] < 0


def test_scoring_again_gives_the_same_figures_and_a_classifier_may_join(
    run: Run, tiny: tuple[str, ...], models: Path, tmp_path: Path
) -> None:
    assert run("bench", "imhi", "--sets", "DR", "--limit", "9", *tiny, "--out", tmp_path / "bench").code == 0
    ran = run("score", tmp_path / "bench/predictions", "--out", tmp_path / "again")
    assert ran.code == 0, ran.err
    for scorer in ("rule", "upstream"):
        assert figures(tmp_path / "again", scorer) == figures(tmp_path / "bench/scores", scorer)
    label = f"label:{models / 'labels' / 'DR'}"
    ran = run("score", tmp_path / "bench/predictions", "--with", "rule", "--with", label, "--out", tmp_path / "third")
    assert ran.code == 0, ran.err
    assert open_artifact(tmp_path / "third").manifest["facts"]["scorers"] == ["rule", "label:DR"]
    for wrong in ("bleu", "label:", "chrf:model", "generated"):
        assert "no such scorer" in run("score", tmp_path / "bench/predictions", "--with", wrong).err
