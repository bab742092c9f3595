"""`xinheng predict`: cases chosen and asked of a server on loopback; killed, interrupted, limited, taken up again."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from app.predicting import as_cases, data_digest, first_cases, predictions_path
from app.prediction_runs import repeated
from tests.app.conftest import Run
from tests.app.harness import IMHI, cases, dataset, lines, slow_server, start, stopped
from tests.conftest import S3Server
from tests.servers.answerer import handler
from tests.servers.http import running
from xinheng.artifacts import open_artifact, verify, write
from xinheng.errors import InputError, UsageError, XinhengError
from xinheng.tables import PREDICTION

IN_TURN = 24


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """Address of a server on loopback, and every question it got."""
    heard: list[bytes] = []
    with running(handler(heard.append)) as url:
        yield f"{url}/v1", heard


# -- which cases ---------------------------------------------------------------------------------------------------


def test_only_the_split_and_form_that_are_wanted_are_asked(tmp_path: Path) -> None:
    frame = cases(6, published_split=["test", "expert"] * 3, form=["instruction", "completion"] * 3)
    made = dataset(tmp_path / "d", frame)
    assert as_cases(made)[0]["case_id"].to_list() == ["c000", "c002", "c004"]
    assert as_cases(made, split="expert")[0].height == 3
    assert as_cases(made, split=None)[0].height == 6
    assert as_cases(made, split=None, form="completion")[0].height == 3


def test_a_source_without_splits_is_asked_as_a_whole(tmp_path: Path) -> None:
    assert as_cases(dataset(tmp_path / "d", cases(4, split=None)))[0].height == 4


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (cases(0), UsageError, "no case to ask about"),
        (cases(4, split="train"), UsageError, "published_split train"),
        (cases(2, case_id=["a", "a"]), InputError, "1 more than once"),
    ],
)
def test_nothing_to_ask_is_said(tmp_path: Path, frame: pl.DataFrame, error: type[XinhengError], says: str) -> None:
    with pytest.raises(error, match=says):
        as_cases(dataset(tmp_path / "d", frame))


@pytest.mark.parametrize(
    "wrong",
    [
        {"case_id": [None, "x"]},
        {"benchmark": [None, "imhi/DR"]},
        {"messages": [[], [{"role": "user", "content": "q", "tags": []}]]},
        {"messages": [None, [{"role": "user", "content": "q", "tags": []}]]},
        {"messages": [[{"role": "user", "content": text, "tags": []}] for text in (None, "q")]},
        {"messages": [[{"role": role, "content": "q", "tags": []}] for role in ("bot", "user")]},
    ],
)
def test_cases_that_cannot_be_asked_are_counted(tmp_path: Path, wrong: dict[str, list[object]]) -> None:
    with pytest.raises(InputError, match=r"cannot be asked: .* have 1 of 2 without"):
        as_cases(dataset(tmp_path / "d", cases(2, **wrong)))


def test_what_is_in_the_way_is_known_before_anybody_is_asked(
    run: Run, server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    url, heard = server
    (tmp_path / "own").write_text("mine", encoding="utf-8")
    for place, told in (("own", "in the way"), ("own/below", "Not a directory"), ("own/far/below", "Not a directory")):
        ran = run(*IMHI, "--model", f"openai:good@{url}", "--limit", "2", "--out", tmp_path / place)
        assert (ran.code, told in ran.err) == (2, True), ran.err
    assert not heard


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    made = write(tmp_path / "d", kind="dataset", name="x", tables={"prediction": pl.DataFrame(schema=PREDICTION)})
    with pytest.raises(UsageError, match="want cases"):
        as_cases(made)


def test_cases_of_earlier_predictions_are_asked_whatever_their_split(tmp_path: Path) -> None:
    made = write(
        tmp_path / "p",
        kind="predictions",
        name="mine-predictions",
        tables={"case": cases(4, split="expert"), "prediction": pl.DataFrame(schema=PREDICTION)},
    )
    assert as_cases(made)[0].height == 4


def test_a_limit_takes_from_each_set_in_turn() -> None:
    frame = cases(8).sort("benchmark")
    assert Counter(first_cases(frame, 4)["benchmark"]) == {"imhi/DR": 2, "imhi/dreaddit": 2}
    assert first_cases(frame, 1)["benchmark"].to_list() == ["imhi/DR"]
    assert first_cases(frame, 100).equals(frame)
    one = first_cases(frame, 3)
    assert set(one["case_id"]) < set(first_cases(frame, 5)["case_id"]), "a larger look holds the smaller one"


def test_the_data_digest_is_of_what_is_asked_and_expected() -> None:
    frame = cases(4)
    same = [frame.sample(fraction=1.0, shuffle=True, seed=1), frame.with_columns(origin=pl.lit("elsewhere"), extra=1)]
    other = [
        frame.head(3),
        frame.with_columns(reference=pl.lit("No")),
        frame.with_columns(case_id=pl.col("case_id") + "x"),
    ]
    assert {data_digest(one, "case") for one in same} == {data_digest(frame, "case")}
    assert len({data_digest(one, "case") for one in [frame, *other]}) == 4


def test_each_repeat_is_an_asking_of_its_own() -> None:
    from app.predicting import as_asked
    from xinheng.messages import Want

    questions = list(repeated(as_asked, 3, Want(seed=5))(cases(2)))
    assert [(q.case_id, q.variant) for q in questions][:3] == [("c000", f"repeat {i}") for i in (1, 2, 3)]
    assert [q.want.sample for q in questions if q.want] == [0, 1, 2] * 2
    assert {q.want.seed for q in questions if q.want} == {5}
    assert repeated(as_asked, 1, Want()) is as_asked


def test_a_long_name_of_a_system_makes_a_name_that_a_disk_takes(tmp_path: Path) -> None:
    made = dataset(tmp_path / "d", cases(2))
    long = predictions_path(made, "openai:" + "x" * 400).name
    assert len(long) < 200
    assert long != predictions_path(made, "openai:" + "x" * 401).name
    assert predictions_path(made, "ollama:phi4").name == "mine-ollama-phi4"


@pytest.fixture
def mine(tmp_path: Path) -> tuple[str, ...]:
    """The command that asks a small dataset's cases."""
    return ("predict", str(dataset(tmp_path / "mine", cases(IN_TURN)).path), "--form", "instruction")


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_whole_path_on_imhi(run: Run, server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    ran = run(*IMHI, "--model", f"openai:good@{server[0]}", "--limit", "8", "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    made = open_artifact(tmp_path / "p")
    assert verify(made) == []
    assert (made.kind, made.rows("case"), made.rows("prediction")) == ("predictions", 8, 8)
    answers = made.scan("prediction").collect()
    assert answers["problem"].null_count() == 8
    assert answers["latency_s"].null_count() == answers["output_tokens"].null_count() == 0
    record = made.manifest["facts"]["record"]
    assert record["data"]["digest"] == data_digest(made.scan("case").collect(), "case")
    assert record["models"][0]["identity"].startswith("openai:good@")
    assert record["models"][0]["server"] == "vllm 1.2.3"
    assert record["models"][0]["answered_as"] == ["good"]
    assert record["decoding"] == {"max_tokens": 1024, "temperature": 0.0, "seed": 0}
    assert record["prompt"]["asked"]
    assert record["prompt"]["digest"]
    assert record["counts"] == {"n": 8, "refusals": 0, "unusable": 0}
    assert record["cost"]["now"]["requests"] == 8
    assert record["code"]["digest"]
    assert record["command"]["name"] == "predict"
    texts = [*answers["text"], *(m["content"] for ms in made.scan("case").collect()["messages"] for m in ms)]
    assert not any(text in ran.out + ran.err for text in texts), "nobody's words on the terminal"
    sent = [json.loads(body) for body in server[1]]
    assert {(body["temperature"], body["seed"]) for body in sent} == {(0.0, 0)}


def test_asked_again_nothing_is_sent_and_the_rows_are_the_same(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    arguments = (*mine, "--model", f"openai:good@{server[0]}", "--limit", "4")
    assert run(*arguments, "--out", tmp_path / "a").code == 0
    assert run(*arguments, "--out", tmp_path / "b").code == 0
    assert run("predict", tmp_path / "a", "--model", f"openai:good@{server[0]}", "--out", tmp_path / "c").code == 0
    assert len(server[1]) == 4
    digests = [open_artifact(tmp_path / name).manifest["tables"]["prediction"]["digest"] for name in "abc"]
    assert len(set(digests)) == 1
    asked = [open_artifact(tmp_path / name).manifest["facts"]["record"]["prompt"]["asked"] for name in "abc"]
    assert len(set(asked)) == 1


def test_repeats_are_asked_with_seeds_that_count_up(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    model = f"openai:good@{server[0]}"
    more = ("--limit", "2", "--repeats", "3", "--temperature", "0.7", "--seed", "10", "--out", tmp_path / "p")
    assert run(*mine, "--model", model, *more).code == 0
    assert Counter(json.loads(body)["seed"] for body in server[1]) == {10: 2, 11: 2, 12: 2}
    variants = open_artifact(tmp_path / "p").scan("prediction").collect()["variant"]
    assert Counter(variants) == {f"repeat {i}": 2 for i in (1, 2, 3)}


def test_refusals_and_silence_are_counted_and_kept(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    for name, problem in (("mute", "empty"), ("shy", "refused")):
        ran = run(*mine, "--model", f"openai:{name}@{server[0]}", "--limit", "8", "--out", tmp_path / name)
        assert ran.code == 0, ran.err
        made = open_artifact(tmp_path / name)
        counts = made.manifest["facts"]["record"]["counts"]
        answers = made.scan("prediction").collect()
        assert counts["unusable"] == answers["problem"].drop_nulls().len() == counts[f"problem_{problem}"] > 0
        assert counts["refusals"] == (counts["unusable"] if name == "shy" else 0)
        assert problem in ran.out


def test_examples_stand_before_each_case(run: Run, server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    model = ("--model", f"openai:good@{server[0]}")
    split = ("--split", "expert", "--limit", "1")
    ran = run(*IMHI, *model, *split, "--shots", "2", "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    (body,) = map(json.loads, server[1])
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"] * 2 + ["user"]
    again = run("predict", tmp_path / "p", *model, "--shots", "2", "--out", tmp_path / "q")
    assert (again.code, "hold no examples" in again.err) == (2, True)


def test_a_way_of_answering_speaks_the_language_of_the_cases(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    model = f"oneshot:openai:good@{server[0]}"
    assert run(*mine, "--model", model, "--limit", "1", "--out", tmp_path / "p").code == 0
    told = "".join(message["content"] for message in json.loads(server[1][0])["messages"])
    assert told.isascii(), "English prompts"
    several = cases(4, language=["en", "zh-Hant"] * 2)
    write(tmp_path / "mine", kind="dataset", name="mine", tables={"case": several}, facts={})
    ran = run(*mine, "--model", model)
    assert (ran.code, "speaks one language: want --language" in ran.err) == (2, True)


def test_an_estimate_writes_nothing(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    ran = run(*mine, "--model", f"openai:good@{server[0]}", "--limit", "20", "--estimate", "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    assert not (tmp_path / "p").exists()
    assert len(server[1]) == 10
    assert "answered already" in ran.out


def test_a_limit_stops_the_run_and_the_same_command_goes_on(
    run: Run, server: tuple[str, list[bytes]], mine: tuple[str, ...], tmp_path: Path
) -> None:
    arguments = (*mine, "--model", f"openai:good@{server[0]}", "--limit", "12", "--out", tmp_path / "p")
    stopped = run(*arguments, "--max-requests", "5")
    assert (stopped.code, "--max-requests" in stopped.err) == (130, True)
    assert not (tmp_path / "p").exists()
    assert len(server[1]) == 5
    assert run(*arguments).code == 0
    assert len(server[1]) == len(set(server[1])) == 12


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("imhi", "--split", "nowhere"), "want split nowhere"),
        (("imhi", "--form", "sonnet"), "form sonnet"),
        (("nothing-here", "--limit", "1"), "nothing-here"),
        (("sample-statements", "--split", "all", "--shots", "1"), "no examples for these cases"),
    ],
)
def test_wrong_use_is_one_message(run: Run, more: tuple[str, ...], says: str) -> None:
    ran = run("predict", *more, "--model", "openai:x@http://127.0.0.1:9/v1")
    assert ran.code == 2, ran.err
    assert says in ran.err.splitlines()[-1]


def test_a_half_written_folder_is_no_dataset(run: Run, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "manifest.json").write_text('{"format": 1, "kind": "predictions"')
    ran = run("predict", tmp_path / "half", "--model", "openai:x@http://127.0.0.1:9/v1")
    assert (ran.code, "manifest cannot be read" in ran.err) == (2, True)


# -- texts that are personal ----------------------------------------------------------------------------------------


def test_personal_dialogues_go_out_as_surrogates_or_not_at_all(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from app import models
    from app.privacy import PASSPHRASE
    from tests.app.test_models import NAME, PHONE, TEXT, Elsewhere, rows

    elsewhere = Elsewhere("openai:far@http://127.0.0.1:9/v1")
    monkeypatch.setattr(models, "connect", lambda _: elsewhere)
    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    made = write(tmp_path / "d", kind="dataset", name="d", tables={"dialogue": rows()}, facts={})
    arguments = ("predict", made.path, "--model", elsewhere.name, "--out", tmp_path / "p")
    refused = run(*arguments)
    assert (refused.code, "--allow-remote" in refused.err, elsewhere.heard) == (2, True, [])
    ran = run(*arguments, "--allow-remote", "--vault", tmp_path / "vaults" / "v")
    assert ran.code == 0, ran.err
    assert [NAME in heard or PHONE in heard for heard in elsewhere.heard] == [False]
    told = open_artifact(tmp_path / "p")
    assert told.scan("prediction").collect()["text"].to_list() == [f"你說：{TEXT}"]
    assert told.manifest["facts"]["privacy_of_requests"]["texts"] == "replaced"
    assert NAME not in ran.out + ran.err


# -- processes -----------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server in a process of its own, and the file of what it was asked."""
    with slow_server(tmp_path / "log") as url:
        yield url, tmp_path / "log"


def test_killed_and_interrupted_it_goes_on_and_asks_nothing_twice(
    slow: tuple[str, Path], tmp_path: Path, shared_data: Path
) -> None:
    """SIGKILL, then Ctrl-C, then to the end: the same rows as of a run that nobody disturbed."""
    url, log = slow
    assert start(url, tmp_path / "whole" / "p", shared_data).wait() == 0
    whole = Counter(lines(log))
    log.unlink()
    out = tmp_path / "killed" / "p"
    assert stopped(start(url, out, shared_data), log, 10, signal.SIGKILL) == -signal.SIGKILL
    assert stopped(start(url, out, shared_data), log, 25, signal.SIGINT) == 130
    assert "interrupted" in (out.parent / "said").read_text()
    assert not out.exists()
    asked_before = len(lines(log))
    assert asked_before < 60
    assert start(url, out, shared_data).wait() == 0
    assert open_artifact(out).digest != ""
    first, second = (open_artifact(tmp_path / name / "p").scan("prediction").collect() for name in ("whole", "killed"))
    assert first.drop("latency_s").equals(second.drop("latency_s"))
    sent = Counter(lines(log))
    assert sent.keys() == whole.keys()
    assert sum(sent.values()) - len(sent) <= 2, "two were on their way when it was killed"


# -- object stores -------------------------------------------------------------------------------------------------


def test_the_whole_path_in_an_object_store(run: Run, server: tuple[str, list[bytes]], s3: S3Server) -> None:
    from xinheng.storage import place_of

    write(place_of("s3://bucket/mine"), kind="dataset", name="mine", tables={"case": cases(6)}, facts={})
    model = f"openai:good@{server[0]}"
    assert run("predict", "s3://bucket/mine", "--model", model, "--out", "s3://bucket/p").code == 0
    assert run("score", "s3://bucket/p", "--out", "s3://bucket/s").code == 0
    assert run("compare", "s3://bucket/p", "s3://bucket/s", "--resamples", "200").code == 0
    ran = run("rerun", "s3://bucket/s", "--out", "s3://bucket/again")
    assert ran.code == 0, ran.out + ran.err
    assert len(server[1]) == 12
    again = open_artifact(place_of("s3://bucket/again"))
    assert again.digest == open_artifact(place_of("s3://bucket/s")).digest
    assert s3.url
