"""`xinheng bench mcq` from real questions to figures and the file to hand in, and what it refuses before asking."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.app.conftest import Run
from tests.servers.http import running
from tests.servers.lettered import handler, odds_of
from tests.servers.tiny_model import write
from xinheng import settings
from xinheng.artifacts import Artifact, open_artifact, verify


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A data folder with MMLU as published, and questions of our own: two to ten options, equal and empty ones."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(shared_data / "mcq/MMLU", folder / "mcq/MMLU")
    return folder


@pytest.fixture(autouse=True)
def _with_data(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DATA", str(data))
    settings.settings.cache_clear()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local:{write(tmp_path_factory.mktemp('models') / 'tiny')}"


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def server(asked: list[dict[str, Any]]) -> Iterator[str]:
    with running(handler(asked.append)) as url:
        yield f"@{url}/v1"


def of(run: Run, *arguments: str | Path) -> dict[str, Any]:
    ran = run("bench", "mcq", *arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)  # type: ignore[no-any-return]


def likelihood(made: dict[str, Any]) -> pl.DataFrame:
    return open_artifact(Path(made["predictions"])).scan("likelihood").collect()


def figure(made: dict[str, Any], measure: str, scorer: str = "generated", part: str = "all") -> dict[str, Any]:
    (row,) = [row for row in made["summary"] if (row["measure"], row["scorer"], row["part"]) == (measure, scorer, part)]
    return row  # type: ignore[no-any-return]


def test_bad_input_is_named_before_anything_is_asked(
    run: Run, server: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("mmlu-high_school_psychology-test-1\nnobody\n", encoding="utf-8")
    twice = tmp_path / "twice.csv"
    twice.write_text("id\nx\nx\n", encoding="utf-8")
    model = ("--model", f"openai:open{server}")
    for arguments, told in (
        (("mmlu", *model, "--shots", "6"), "too few examples"),
        (("mmlu", *model, "--split", "train"), "no case to ask about"),
        (("mmlu", *model, "--no-generated"), "nothing to ask"),
        (("mmlu", *model, "--submission", "x.csv"), "belong together"),
        (("mmlu", *model, "--submission", "x.csv", "--ids", ids), "2 of no question"),
        (("mmlu", *model, "--submission", "x.csv", "--ids", twice), "1 twice"),
        (("mmlu", *model, "--submission", "x.csv", "--ids", tmp_path / "none"), "cannot be read"),
        (("mmlu", "--model", f"oneshot:openai:open{server}", "--likelihood"), "no likelihoods"),
        (("sample-statements", *model), "table"),
    ):
        ran = run("bench", "mcq", *arguments)
        assert (ran.code, told in ran.err) == (2, True), (arguments, ran.err)
        assert "Traceback" not in ran.err
    assert not asked


def test_a_server_that_tells_is_scored_both_ways(run: Run, server: str, asked: list[dict[str, Any]]) -> None:
    made = of(
        run, "mmlu", "--model", f"openai:open{server}", "--likelihood", "--rotations", "--shots", "2", "--limit", "9"
    )
    told = likelihood(made)
    assert told["form"].unique().to_list() == ["letters"]
    assert told["captured"].to_list() == pytest.approx([0.8] * told.height)
    assert figure(made, "captured", "likelihood")["value"] == pytest.approx(0.8)
    # It says what it finds likeliest, so that both ways give the same.
    assert figure(made, "disagreement", "likelihood")["value"] == 0
    assert figure(made, "accuracy")["value"] == figure(made, "accuracy", "likelihood")["value"]
    texts = [body["messages"][-1]["content"] for body in asked if body.get("logprobs")]
    odds = sorted(sorted(odds_of(text).values()) for text in texts)
    seen = sorted(sorted(pl.Series(row).exp().to_list()) for row in told["values"])
    assert seen == [pytest.approx(row) for row in odds]
    assert all(text.count("Answer:") == 3 for text in texts)
    assert figure(made, "rotation_accuracy")["n"] == told.height


@pytest.mark.parametrize(
    ("model", "reason"), [("mute", "unsupported"), ("odd", "no letter told"), ("raw", "not_probabilities")]
)
def test_what_is_not_told_is_no_value(run: Run, server: str, model: str, reason: str) -> None:
    made = of(run, "mmlu", "--model", f"openai:{model}{server}", "--likelihood", "--limit", "4")
    scores = open_artifact(Path(made["path"])).scan("score").filter(pl.col("scorer") == "likelihood").collect()
    assert scores["reason"].to_list() == [reason] * 4
    # A server that tells nothing of use leaves the measure out; one that tells no letter got the question wrong.
    assert figure(made, "accuracy", "likelihood")["value"] == (0 if model == "odd" else None)


def test_letters_beyond_the_top_are_unknown_and_spoil_no_choice(run: Run, server: str) -> None:
    made = of(run, "mmlu", "--model", f"openai:half{server}", "--likelihood", "--rotations", "--limit", "6")
    told = likelihood(made)
    assert told["values"].list.drop_nulls().list.len().to_list() == [2] * told.height
    assert figure(made, "disagreement", "likelihood")["value"] == 0
    # PriDe and certainty need all letters; without them there is no value rather than a guess.
    for measure in ("debiased_accuracy", "debiasing_gain", "calibration_error"):
        row = figure(made, measure, "likelihood")
        assert (row["value"], row["missing"], bool(row["reason"])) == (None, 6, True)


def test_a_local_model_from_end_to_end(run: Run, tiny: str, tmp_path: Path) -> None:
    arguments = ("mmlu", "--model", tiny, "--likelihood", "--rotations", "--limit", "4", "--answer-tokens", "4")
    made = of(run, *arguments, "--out", tmp_path / "run")
    assert verify(open_artifact(tmp_path / "run/scores")) == verify(open_artifact(tmp_path / "run/predictions")) == []
    told = likelihood(made)
    assert told["problem"].null_count() == told.height
    assert told.filter(form="texts").height == 4
    for scorer in ("generated", "likelihood", "likelihood_normalised"):
        assert figure(made, "accuracy", scorer)["n"] == 4
    record = made["record"]["prompt"]
    assert (record["shots"], record["rotations"], record["letters"]["form"]) == (0, True, "letters")
    # The same again asks nothing and comes to the same.
    again = of(run, *arguments, "--out", tmp_path / "again")
    account = open_artifact(Path(again["predictions"])).manifest["facts"]["steps"]["likelihood"]
    assert (account["asked"], account["kept"]) == (told.height, told.height)
    assert likelihood(again).equals(told)
    shown = run("bench", "mcq", *arguments, "--subjects")
    assert "likeliest text, per character" in shown.out
    assert "high_school_psychology" in shown.out


def test_an_interrupted_run_goes_on_where_it_was(run: Run, tiny: str, tmp_path: Path) -> None:
    """A run over fewer questions leaves in the journal what a longer one then need not compute."""
    arguments = ("mmlu", "--model", tiny, "--likelihood", "--no-generated")
    of(run, *arguments, "--limit", "3", "--out", tmp_path / "a")
    made = of(run, *arguments, "--limit", "5", "--out", tmp_path / "b")
    account = open_artifact(Path(made["predictions"])).manifest["facts"]["steps"]["likelihood"]
    assert (account["asked"], account["kept"]) == (10, 6)
    # What was not to be generated has no score of it.
    assert {row["scorer"] for row in made["summary"]} == {"likelihood", "likelihood_normalised"}


def own_questions(run: Run, tmp_path: Path) -> Artifact:
    rows = ["id,question,A,B,C,D,E,F,G,H,I,J,answer"]
    rows += ["two,Is it so?,yes,no,,,,,,,,,A", "same,Which is it?,joy,joy,fear,,,,,,,,C"]
    rows += ["ten,Which number?," + ",".join(f"number {i}" for i in range(10)) + ",J"]
    rows += ["many,Which of them?,joy,fear,shame,anger,,,,,,,ACD"]
    rows += ["long,Which one?,joy," + "very " * 1500 + ",shame,anger,,,,,,,A"]
    rows += ["above,Which now?,joy,fear,shame,all of the above,,,,,,,D"]
    file = tmp_path / "own.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    ran = run("ingest", "choices", "--from", file, "--out", tmp_path / "own")
    assert ran.code == 0, ran.err
    return open_artifact(tmp_path / "own")


def test_any_number_of_options_and_the_file_to_hand_in(run: Run, tiny: str, tmp_path: Path) -> None:
    own = own_questions(run, tmp_path)
    ids = tmp_path / "ids.csv"
    ids.write_text("number,id\n1,ten\n2,two\n3,many\n4,long\n", encoding="utf-8")
    target = tmp_path / "out" / "submission.csv"
    made = of(
        run, own.path, "--model", tiny, "--likelihood", "--rotations", "--answer-tokens", "4", "--submission", target,
        "--ids", ids, "--fill-seed", "3",
    )  # fmt: skip
    told = {(row["case_id"], row["variant"], row["form"]): row for row in likelihood(made).iter_rows(named=True)}
    assert len(told["own-ten", "rotation 9", "letters"]["values"]) == 10
    assert told["own-long", "", "texts"]["problem"] == "overflow"
    assert ("own-above", "", "letters") in told
    assert not [key for key in told if key[0] == "own-many"]
    table = pl.read_csv(target)
    assert table["id"].to_list() == ["ten", "two", "many", "long"]
    assert table["answer"].str.len_chars().min() >= 1
    filled = pl.read_csv(tmp_path / "out" / "submission.invalid.csv")
    assert filled.columns == ["id", "filled", "policy", "reason"]
    assert made["submission"]["filled"] == filled.height
    first = target.read_bytes()
    of(run, own.path, "--model", tiny, "--rotations", "--answer-tokens", "4", "--submission", target, "--ids", ids,
       "--fill-seed", "3")  # fmt: skip
    assert target.read_bytes() == first


def test_questions_without_a_key_are_refused_before_anything_is_asked(
    run: Run, server: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    from xinheng.artifacts import write as write_artifact
    from xinheng.tables import CHOICE

    row = dict.fromkeys(CHOICE) | {"language": "en", "question": "Which one?", "options": ["x", "y"]}
    rows = [row | {"question_id": "a", "answers": ["B"]}, row | {"question_id": "b", "answers": []}]
    place = tmp_path / "keyless"
    write_artifact(place, kind="dataset", name="k", tables={"choice": pl.DataFrame(rows, schema=CHOICE)}, facts={})
    for command in (("bench", "mcq"), ("predict",)):
        ran = run(*command, place, "--model", f"openai:open{server}")
        assert (ran.code, "1 without such a key" in ran.err) == (2, True), ran.err
    assert not asked


def test_what_is_in_the_way_is_known_before_anything_is_asked(
    run: Run, server: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    for name in ("predictions", "scores"):
        own = tmp_path / name / name / "own.txt"
        own.parent.mkdir(parents=True)
        own.write_text("mine", encoding="utf-8")
        for more in ((), ("--likelihood", "--no-generated")):
            model = ("--model", f"openai:open{server}", "--limit", "2", *more)
            ran = run("bench", "mcq", "mmlu", *model, "--out", tmp_path / name)
            assert (ran.code, "in the way" in ran.err) == (2, True), ran.err
    assert not asked


def test_an_estimate_counts_likelihoods_that_a_server_is_asked_for(run: Run, server: str) -> None:
    arguments = ("bench", "mcq", "mmlu", "--model", f"openai:open{server}", "--limit", "12", "--likelihood")
    told = json.loads(run(*arguments, "--estimate", "--json").out)
    assert {name: (one["requests"], one["trial"]) for name, one in told.items()} == {
        "all": (12, 10),
        "likelihood": (12, 10),
    }
    alone = run(*arguments, "--no-generated", "--estimate")
    assert (alone.code, "requests          12" in alone.out) == (0, True), alone.err


def test_rotations_of_questions_that_cannot_be_turned_are_told(run: Run, server: str, tmp_path: Path) -> None:
    file = tmp_path / "exam.csv"
    file.write_text("question,A,B,C,answer\nWhich is it?,x,y,all of the above,C\n", encoding="utf-8")
    assert run("ingest", "choices", "--from", file, "--out", tmp_path / "exam").code == 0
    ran = run("bench", "mcq", tmp_path / "exam", "--model", f"openai:open{server}", "--rotations", "--split", "all")
    assert "0 of 1 questions in all rotations" in ran.out, ran.err


def test_a_repetition_leaves_the_file_that_was_handed_in(run: Run, server: str, tmp_path: Path) -> None:
    ids, file = tmp_path / "ids.txt", tmp_path / "out.csv"
    ids.write_text("mmlu-high_school_psychology-test-00001\n", encoding="utf-8")
    model = ("mmlu", "--model", f"openai:open{server}", "--limit", "1")
    made = of(run, *model, "--submission", file, "--ids", ids)
    file.write_text("handed in", encoding="utf-8")
    assert run("rerun", made["path"]).code == 0
    assert file.read_text(encoding="utf-8") == "handed in"


def test_a_file_to_hand_in_that_has_no_place_is_known_before_anything_is_asked(
    run: Run, server: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    ids, file = tmp_path / "ids.invalid.csv", tmp_path / "file"
    ids.write_text("mmlu-high_school_psychology-test-00001\n", encoding="utf-8")
    file.write_text("", encoding="utf-8")
    for place, told in (
        (tmp_path, "have a folder"),
        (ids, "have the file of ids"),
        (tmp_path / "ids.csv", "have the file of ids"),  # its unreadable answers would be written over the ids
        (file / "out.csv", "Choose another --out"),
    ):
        ran = run("bench", "mcq", "mmlu", "--model", f"openai:open{server}", "--submission", place, "--ids", ids)
        assert (ran.code, told in ran.err) == (2, True), ran.err
    assert not asked
