"""`xinheng score` and `xinheng compare`: our predictions and other programs', scored and tested without any request."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.scoring import opened_predictions, repeats, score_predictions, together, write_scores
from benchmarks.scored import Scored
from tests.app.conftest import Run
from tests.app.harness import cases
from tests.servers.answerer import handler
from tests.servers.http import running
from xinheng.artifacts import Artifact, open_artifact, verify, write
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.tables import PREDICTION, SCORE, SUMMARY

EXAMPLES = "imhi/examples/response_generation_examples"


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """Address of a server on loopback, and every question it got."""
    heard: list[bytes] = []
    with running(handler(heard.append)) as url:
        yield f"{url}/v1", heard


def answers(texts: list[str | None], *, variant: str = "", problem: str | None = None, n: int = 0) -> pl.DataFrame:
    """PREDICTION rows for `cases()`; a text of None has a problem."""
    rows = [
        {"case_id": f"c{i + n:03}", "variant": variant, "system": "m", "text": text or "", "finish_reason": "stop",
         "problem": (problem or "empty") if text is None else None}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PREDICTION)


def predictions(place: Path, frame: pl.DataFrame, rows: pl.DataFrame, **facts: Any) -> Artifact:
    told = {"system": "m", "title": {"en": "t", "zh": "t"}, **facts}
    return write(
        place, kind="predictions", name="x-predictions", tables={"case": rows, "prediction": frame}, facts=told
    )


# -- artifacts -----------------------------------------------------------------------------------------------------


def test_scores_say_what_was_scored_and_what_could_not_be_read(tmp_path: Path) -> None:
    texts = ["Yes.", "No.", "Perhaps so", None]
    made = predictions(tmp_path / "p", answers(texts, problem="refused"), cases(4))
    scores = write_scores(made, score_predictions(made), out=tmp_path / "s")
    assert verify(scores) == []
    facts = scores.manifest["facts"]
    assert scores.kind == "scores"
    assert scores.manifest["parents"] == [made.link()]
    assert (facts["system"], facts["scorers"], facts["published"]) == ("m", ["rule", "upstream"], False)
    counts = facts["record"]["counts"]
    assert (counts["n"], counts["refusals"]) == (4, 1)
    assert (counts["invalid"], counts["invalid_by"]) == (2, {"rule": 2, "upstream": 1})
    score = scores.scan("score").filter(pl.col("scorer") == "rule").sort("case_id").collect()
    assert score["value"].to_list() == [1.0, 0.0, 0.0, 0.0]
    assert score["reason"].to_list() == [None, None, "unreadable", "refused"]


def test_only_the_scorer_that_is_named_scores(tmp_path: Path) -> None:
    made = predictions(tmp_path / "p", answers(["Yes."] * 4), cases(4))
    assert set(score_predictions(made, scorers=["upstream"]).score["scorer"]) == {"upstream"}
    with pytest.raises(UsageError, match="no such scorer"):
        score_predictions(made, scorers=["guess"])


@pytest.mark.parametrize(
    ("frame", "rows", "says"),
    [
        (answers([]), cases(0), "have 0 cases, 0 predictions"),
        (answers([]), cases(4), "have 4 cases, 0 predictions"),
        (answers(["Yes."] * 4, n=1), cases(4), "1 predictions of other cases, 0 more than once, 1 cases without"),
        (pl.concat([answers(["Yes."] * 4), answers(["No."])]), cases(4), "1 more than once"),
        (answers(["Yes."] * 3), cases(4), "1 cases without one"),
    ],
)
def test_cases_and_predictions_must_belong_together(
    tmp_path: Path, frame: pl.DataFrame, rows: pl.DataFrame, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        opened_predictions(predictions(tmp_path / "p", frame, rows))


def test_other_artifacts_are_no_predictions(tmp_path: Path) -> None:
    made = write(tmp_path / "d", kind="dataset", name="x", tables={"case": cases(2)})
    with pytest.raises(ArtifactError, match="have kind dataset"):
        opened_predictions(made)
    half = write(tmp_path / "h", kind="predictions", name="x", tables={"case": cases(2)})
    with pytest.raises(ArtifactError, match="not predictions"):
        opened_predictions(half)


def test_predictions_that_were_changed_or_lost_files_are_not_scored(run: Run, tmp_path: Path) -> None:
    for name in ("changed", "lost", "cut"):
        made = predictions(tmp_path / name, answers(["Yes."] * 4), cases(4))
        file = tmp_path / name / made.manifest["tables"]["prediction"]["files"][0]["name"]
        if name == "changed":
            answers(["No."] * 4).write_parquet(file)
        elif name == "cut":
            file.write_bytes(file.read_bytes()[:100])
        else:
            file.unlink()
        ran = run("score", tmp_path / name)
        assert (ran.code, "not as it was written" in ran.err) == (2, True), ran.err


def test_cases_that_nothing_reads_are_left_to_a_judge(tmp_path: Path) -> None:
    rows = cases(4, benchmark=["sample"] * 4)
    with pytest.raises(UsageError, match="without a judge"):
        score_predictions(predictions(tmp_path / "p", answers(["Yes."] * 4), rows))


def test_answers_that_none_can_be_read_score_nothing_by_default(tmp_path: Path) -> None:
    made = predictions(tmp_path / "p", answers(["???"] * 6), cases(6))
    scored = score_predictions(made, scorers=["rule"])
    assert scored.score["value"].to_list() == [0.0] * 6
    f1 = scored.summary.filter((pl.col("measure") == "weighted_f1") & (pl.col("part") == "mean")).row(0, named=True)
    assert (f1["value"], f1["n"], f1["missing"]) == (0.0, 6, 6)


def test_one_case_has_a_value_and_no_interval(tmp_path: Path) -> None:
    made = predictions(tmp_path / "p", answers(["Yes."]), cases(1))
    row = (
        score_predictions(made, scorers=["rule"]).summary.filter(pl.col("measure") == "weighted_f1").row(0, named=True)
    )
    assert (row["value"], row["low"], row["high"]) == (100.0, None, None)
    assert row["reason"]


# -- repeats -------------------------------------------------------------------------------------------------------


def test_repeats_are_scored_each_by_itself_and_told_together(tmp_path: Path) -> None:
    said = [["Yes."] * 4, ["Yes.", "Yes.", "No.", "No."]]
    frame = pl.concat([answers(texts, variant=f"repeat {i}") for i, texts in enumerate(said, 1)])
    scored = score_predictions(predictions(tmp_path / "p", frame, cases(4)), scorers=["rule"])
    assert scored.score.sort("case_id")["value"].to_list() == [1.0, 1.0, 0.5, 0.5]
    rows = {(r["part"], r["measure"]): r for r in scored.summary.iter_rows(named=True)}
    assert rows["DR", "accuracy"]["value"] == 75.0
    assert rows["DR", "accuracy_sd"]["value"] == pytest.approx((2 * 25**2) ** 0.5)
    assert rows["all", "repeat_agreement"]["value"] == 0.5
    assert rows["DR", "accuracy"]["method"].startswith("mean of 2 repeats")
    assert scored.more["answer"].height == 8


def test_a_measure_that_one_repeat_lacks_is_undefined() -> None:
    def part(value: float | None) -> Scored:
        names = {"benchmark": "x", "part": "p", "measure": "m", "scorer": "s", "system": "a"}
        row = {**names, "value": value, "n": 1, "missing": 0, "reason": None if value else "why", "method": ""}
        score = {"case_id": "c", "group_id": "g", "benchmark": "x", "part": "p", "system": "a", "scorer": "s",
                 "value": value, "reason": None}  # fmt: skip
        return Scored(pl.DataFrame([score], schema=SCORE), pl.DataFrame([row], schema=SUMMARY))

    found = together([part(1.0), part(None)]).summary.row(0, named=True)
    assert (found["value"], found["reason"]) == (None, "why")


def test_variants_that_are_no_repeats_are_refused() -> None:
    with pytest.raises(InputError, match="no repeats"):
        repeats(pl.concat([answers(["a"], variant=f"rotation {i}") for i in (1, 2)]))
    with pytest.raises(InputError, match="repeats of other cases"):
        repeats(pl.concat([answers(["a"], variant="repeat 1"), answers(["a", "b"], variant="repeat 2")]))


# -- the command ---------------------------------------------------------------------------------------------------


def test_scoring_again_sends_nothing_and_gives_the_same(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    model = f"openai:good@{server[0]}"
    assert run("predict", "imhi", "--form", "instruction", "--model", model, "--limit", "30",
               "--out", tmp_path / "p").code == 0  # fmt: skip
    sent = len(server[1])
    for name in ("a", "b"):
        ran = run("score", tmp_path / "p", "--out", tmp_path / name)
        assert ran.code == 0, ran.err
    assert len(server[1]) == sent
    assert open_artifact(tmp_path / "a").digest == open_artifact(tmp_path / "b").digest
    assert "weighted_f1" in ran.out
    told = json.loads(run("score", tmp_path / "p", "--with", "rule", "--json", "--out", tmp_path / "c").out)
    assert told["scorers"] == ["rule"]
    assert {row["scorer"] for row in told["summary"]} == {"rule"}


def test_the_publishers_outputs_score_as_by_their_program(run: Run, shared_data: Path, tmp_path: Path) -> None:
    arguments = ("--cases", "imhi", "--split", "expert", "--with", "upstream", "--json", "--out", tmp_path / "s")
    ran = run("score", shared_data / EXAMPLES, *arguments)
    assert ran.code == 0, ran.err
    found = {(row["part"], row["measure"]): row["value"] for row in json.loads(ran.out)["summary"]}
    want = {("DR", "accuracy"): 57.14, ("DR", "weighted_f1"): 56.23, ("dreaddit", "accuracy"): 65.71,
            ("dreaddit", "weighted_f1"): 68.95}  # fmt: skip
    assert {key: round(found[key], 2) for key in want} == want
    assert "70 answers joined by place" in ran.err
    record = open_artifact(tmp_path / "s").manifest["facts"]["record"]
    assert record["prompt"]["form"] == "IMHI"
    assert len(record["prompt"]["files"]) == 2
    assert open_artifact(tmp_path / "s-predictions").rows("prediction") == 70


def test_answers_by_id_are_joined_and_what_lacks_is_said(run: Run, shared_data: Path, tmp_path: Path) -> None:
    with (shared_data / EXAMPLES / "DR.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["generated_text"] for row in csv.DictReader(file)]
    rows = [{"id": f"imhi-DR-instruction-expert-{i:05}", "output": text} for i, text in enumerate(texts, 1)]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows[1:], {"id": "other", "output": "x"}]))
    arguments = ("score", path, "--cases", "imhi", "--split", "expert", "--with", "upstream", "--json")
    ran = run(*arguments, "--out", tmp_path / "s")
    assert ran.code == 0, ran.err
    assert "34" not in ran.err.splitlines()[-1]
    assert "cases without an answer, counted as unread: 1 (imhi-DR-instruction-expert-00001)" in ran.err
    assert "answers to no case, left out: 1 (other)" in ran.err
    f1 = next(row for row in json.loads(ran.out)["summary"] if row["measure"] == "weighted_f1")
    assert (f1["n"], f1["missing"]) == (35, 1)
    left = json.loads(run(*arguments, "--answered-only", "--out", tmp_path / "t").out)
    assert next(row for row in left["summary"] if row["measure"] == "weighted_f1")["n"] == 34


@pytest.mark.parametrize(
    ("name", "content", "more", "says"),
    [
        ("a.jsonl", '{"id": "x", "text": "y"}\n', (), "or --cases with the dataset"),
        ("a.jsonl", '{"id": "x", "text": "y"}\n{"id"\n', ("--cases", "mine"), "line 2: not JSON"),
        ("a.jsonl", '{"id": "x", "text": "y"}\n', ("--cases", "mine"), "nothing shows which answer"),
        ("a.jsonl", '{"id": "c000", "said": "y"}\n', ("--cases", "mine"), "want --text-column NAME"),
        ("a.jsonl", '{"id": "c000", "text": "y"}\n', ("--cases", "mine", "--set", "zzz"), "no set zzz"),
        ("a.jsonl", '{"id": "c000", "text": "y"}\n', ("--cases", "mine", "--with", "zzz"), "no such scorer"),
        ("a.csv", "", ("--cases", "mine"), "empty"),
    ],
)
def test_wrong_files_are_one_message(
    run: Run, tmp_path: Path, name: str, content: str, more: tuple[str, ...], says: str
) -> None:
    write(tmp_path / "mine", kind="dataset", name="mine", tables={"case": cases(4)}, facts={})
    (tmp_path / name).write_text(content)
    ran = run("score", tmp_path / name, *(str(tmp_path / one) if one == "mine" else one for one in more))
    assert (ran.code, says in ran.err.splitlines()[-1]) == (2, True), ran.err


# -- compare -------------------------------------------------------------------------------------------------------


def two(tmp_path: Path) -> tuple[Artifact, Artifact]:
    """Scores of a system that is right and of one that is so every third time."""
    made = []
    for name, texts in (("good", ["Yes."] * 24), ("bad", ["Yes.", "No.", "No."] * 8)):
        frame = answers(list(texts)).with_columns(system=pl.lit(name))
        first = predictions(tmp_path / f"{name}-predictions", frame, cases(24), system=name)
        made.append(write_scores(first, score_predictions(first), out=tmp_path / name))
    return made[0], made[1]


def test_compare_says_who_is_better_and_how_sure_that_is(run: Run, tmp_path: Path) -> None:
    good, bad = two(tmp_path)
    ran = run("compare", good.path, bad.path, "--resamples", "1000")
    assert ran.code == 0, ran.err
    assert "weighted_f1" in ran.out
    told = json.loads(run("compare", good.path, bad.path, "--resamples", "1000", "--json").out)
    whole = next(row for row in told["rows"] if (row["scorer"], row["part"]) == ("rule", "mean"))
    assert (whole["verdict"], whole["first_better"], whole["second_better"]) == ("first", 16, 0)
    turned = json.loads(run("compare", bad.path, good.path, "--resamples", "1000", "--json").out)
    assert next(row for row in turned["rows"] if row["part"] == "mean")["verdict"] == "second"


def test_predictions_compare_as_their_scores_do(run: Run, tmp_path: Path) -> None:
    good, bad = two(tmp_path)
    rows = [
        json.loads(run("compare", a, b, "--resamples", "500", "--json").out)["rows"]
        for a, b in ((good.path, bad.path), (tmp_path / "good-predictions", tmp_path / "bad-predictions"))
    ]
    assert rows[0] == rows[1]


def test_the_comparison_as_a_page(run: Run, tmp_path: Path) -> None:
    good, bad = two(tmp_path)
    ran = run("compare", good.path, bad.path, "--resamples", "500", "--page", tmp_path / "page.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "page.html").read_text()
    assert "Weighted F1" in page
    assert "good" in page
    assert "question 1" not in page


def test_other_cases_other_readers_and_other_things_are_refused(run: Run, tmp_path: Path) -> None:
    good, _ = two(tmp_path)
    fewer = predictions(tmp_path / "f", answers(["Yes."] * 12), cases(12))
    ran = run("compare", good.path, fewer.path)
    assert (ran.code, "runs on different cases" in ran.err) == (2, True)
    first = open_artifact(tmp_path / "bad-predictions")
    rule, upstream = (
        write_scores(first, score_predictions(first, scorers=[name]), out=tmp_path / name)
        for name in ("rule", "upstream")
    )
    ran = run("compare", rule.path, upstream.path)
    assert (ran.code, "have rule and upstream" in ran.err) == (2, True)
    ran = run("compare", good.path, rule.path, "--with", "upstream")
    assert (ran.code, "no scorer upstream" in ran.err) == (2, True)
    data = write(tmp_path / "d", kind="dataset", name="x", tables={"case": cases(2)})
    ran = run("compare", good.path, data.path)
    assert (ran.code, "neither scores nor predictions" in ran.err) == (2, True)


def test_what_only_one_of_them_has_is_left_out_and_said(run: Run, tmp_path: Path) -> None:
    good, _ = two(tmp_path)
    first = open_artifact(tmp_path / "bad-predictions")
    rule = write_scores(first, score_predictions(first, scorers=["rule"]), out=tmp_path / "rule")
    ran = run("compare", good.path, rule.path, "--resamples", "200")
    assert ran.code == 0, ran.err
    assert "only one of them has upstream: left out" in ran.out


# -- multiple choice -------------------------------------------------------------------------------------------------


def test_questions_go_the_same_way(run: Run, server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    """Asked, scored, compared; and a log of another program over the same questions beside them."""
    model = f"openai:good@{server[0]}"
    asked = ("predict", "sample-choices", "--split", "all", "--model", model)
    assert run(*asked, "--repeats", "2", "--temperature", "1", "--out", tmp_path / "p").code == 0
    prompts = [json.loads(body)["messages"][-1]["content"] for body in server[1]]
    assert all(prompt.endswith(("Answer:", "答案：")) for prompt in prompts)
    ran = run("score", tmp_path / "p", "--out", tmp_path / "s")
    assert ran.code == 0, ran.err
    summary = open_artifact(tmp_path / "s").scan("summary").collect()
    assert {"accuracy", "accuracy_sd", "repeat_agreement"} <= set(summary["measure"])
    questions = open_artifact(tmp_path / "p").scan("choice").sort("question_id").collect()
    log = [
        {"doc_id": i, "doc": {}, "arguments": {"gen_args_0": {"arg_0": f"Q: {row['question']}\nA:"}}, "target": "",
         "resps": [[row["answers"][0]]], "filtered_resps": [row["answers"][0]]}
        for i, row in enumerate(questions.iter_rows(named=True))
    ]  # fmt: skip
    path = tmp_path / "samples_mine_2025-10-11T00-00-00.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in log))
    ran = run("score", path, "--cases", "sample-choices", "--split", "all", "--system", "key", "--out", tmp_path / "k")
    assert ran.code == 0, ran.err
    told = json.loads(run("compare", tmp_path / "k", tmp_path / "s", "--resamples", "200", "--json").out)
    whole = told["rows"][-1]
    assert (whole["part"], whole["measure"]) == ("all", "mean")
    assert whole["difference"] > 0


def test_scorers_that_a_benchmark_has_not_are_refused(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    model = f"openai:good@{server[0]}"
    assert run("predict", "sample-choices", "--split", "all", "--model", model, "--out", tmp_path / "p").code == 0
    assert run("score", tmp_path / "p", "--with", "generated", "--out", tmp_path / "s").code == 0
    ran = run("score", tmp_path / "p", "--with", "rule", "--out", tmp_path / "s")
    assert (ran.code, "want of generated, have rule" in ran.err) == (2, True), ran.err


def test_a_page_that_cannot_be_written_whole_leaves_the_older_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = two(tmp_path)
    page = tmp_path / "page.html"
    page.write_text("older")
    arguments = ("compare", good.path, bad.path, "--resamples", "100", "--page", page)
    monkeypatch.setattr("reports.comparison.systems_page", lambda _: "\ud800 cannot be encoded")
    assert run(*arguments).code != 0
    assert page.read_text() == "older"
    assert not list(tmp_path.glob(".page-*"))
    monkeypatch.undo()


def test_a_page_may_go_to_a_pipe(run: Run, tmp_path: Path) -> None:
    good, bad = two(tmp_path)
    assert run("compare", good.path, bad.path, "--resamples", "100", "--page", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
