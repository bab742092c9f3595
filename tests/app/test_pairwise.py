"""`xinheng bench pairwise` from end to end, against a server on loopback that answers and judges."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.app.conftest import Run
from tests.servers.arbiter import HOSTILE, handler
from tests.servers.http import running
from xinheng.artifacts import Artifact, open_artifact, verify, write

Server = tuple[str, list[bytes]]


@pytest.fixture
def server() -> Iterator[Server]:
    """Address of an arbiter on loopback, and every request it got."""
    heard: list[bytes] = []
    with running(handler(heard.append)) as url:
        yield f"{url}/v1", heard


def spec(server: Server, name: str) -> str:
    return f"openai:{name}@{server[0]}"


def answered(run: Run, server: Server, tmp_path: Path, name: str, *more: str) -> Path:
    ran = run("predict", "sample", "--split", "all", "--limit", "30", "--model", spec(server, name), *more,
              "--out", tmp_path / name)  # fmt: skip
    assert ran.code == 0, ran.err
    return tmp_path / name


def test_other_cases_the_same_run_and_wrong_use_are_readable_errors(run: Run, server: Server, tmp_path: Path) -> None:
    warm, cold = (answered(run, server, tmp_path, name) for name in ("warm", "cold"))
    ran = run("predict", "sample", "--split", "all", "--limit", "20", "--model", spec(server, "long"), "--out",
              tmp_path / "few")  # fmt: skip
    assert ran.code == 0, ran.err
    sent, judge = len(server[1]), ("--judge", spec(server, "fair"))
    for arguments, says in (
        ((warm, tmp_path / "few", *judge), "10 in the first only"),
        ((warm, warm, *judge), "the same predictions twice"),
        ((warm, *judge), "one system"),
        ((warm, cold, "--judge", "staged:" + spec(server, "fair")), "cannot judge"),
        ((warm, cold, *judge, *judge), "each model once"),
        ((warm, cold, *judge, "--rubric", "nonsense"), "no such rubric"),
        (("sample", *judge, "--model", spec(server, "warm")), "--against another system"),
        (("sample", *judge, "--model", spec(server, "warm"), "--against", spec(server, "warm")), "against itself"),
        (("sample-choices", *judge, "--model", "ollama:x", "--against", "ollama:y"), "multiple-choice"),
        (("sample", *judge, "--split", "all", "--model", "staged:" + spec(server, "warm"), "--against",
          spec(server, "cold")), "--language"),
    ):  # fmt: skip
        ran = run("bench", "pairwise", *arguments)
        assert (ran.code, says in ran.err) == (2, True), ran.err
        assert "Traceback" not in ran.err
    assert len(server[1]) == sent, "nothing is sent for what cannot be compared"


def test_the_whole_path_and_taken_up_again_it_asks_nothing_twice(run: Run, server: Server, tmp_path: Path) -> None:
    warm, cold = (answered(run, server, tmp_path, name) for name in ("warm", "cold"))
    arguments = ("bench", "pairwise", warm, cold, "--judge", spec(server, "fair"), "--out", tmp_path / "p")
    stopped = run(*arguments, "--max-requests", "7")
    assert stopped.code == 130
    assert not (tmp_path / "p").exists()
    ran = run(*arguments, "--json")
    assert ran.code == 0, ran.err
    assert max(Counter(server[1]).values()) == 1
    made = open_artifact(tmp_path / "p")
    assert verify(made) == []
    told = json.loads(ran.out)
    assert told["systems"] == [spec(server, "warm"), spec(server, "cold")]
    assert "is better than" in told["verdicts"][0]["en"]
    verdicts = made.scan("verdict").collect()
    shown = verdicts.group_by("case_id").len()
    assert set(shown["len"]) == {2}
    assert made.manifest["facts"]["record"]["counts"]["invalid"] == 0
    assert made.manifest["facts"]["data_digest"] == made.manifest["facts"]["record"]["data"]["digest"]
    rate = made.scan("summary").filter(
        pl.col("measure") == "win_rate", pl.col("part").str.ends_with("cold@" + server[0])
    )
    assert rate.collect()["value"].item() > 0.7
    page = (tmp_path / "p" / "page.html").read_text("utf-8")
    texts = open_artifact(warm).scan("prediction").collect()["text"].to_list()
    assert not any(text in page + ran.out + ran.err for text in texts), "nobody's words without --with-text"


def test_two_ways_are_one_command_with_answers_first(run: Run, server: Server, tmp_path: Path) -> None:
    ran = run(
        "bench", "pairwise", "sample", "--split", "all", "--language", "zh-Hant", "--limit", "6",
        "--model", "staged:" + spec(server, "warm"), "--against", "oneshot:" + spec(server, "cold"),
        "--judge", spec(server, "moody"), "--page", tmp_path / "deep" / "page.html",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    page = (tmp_path / "deep" / "page.html").read_text("utf-8")
    assert "staged:openai" in page
    assert "oneshot:openai" in page
    judged = [json.loads(body) for body in server[1] if b"response_format" in body]
    assert judged
    assert all(body["temperature"] == 0 for body in judged)


def test_a_missing_reply_and_an_unread_verdict_are_told_apart(run: Run, server: Server, tmp_path: Path) -> None:
    warm, cold, mute = (answered(run, server, tmp_path, name) for name in ("warm", "cold", "mute"))
    told = [one["en"] for one in json.loads(
        run("bench", "pairwise", warm, cold, mute, "--judge", spec(server, "moody"), "--json").out
    )["verdicts"]]  # fmt: skip
    assert not any("Nothing can be said" in one for one in told), (
        "equal replies tie, and the others were not asked about"
    )
    assert any("lack a reply" in one for one in told)
    panel = json.loads(run("bench", "pairwise", warm, cold, "--judge", spec(server, "fair"), "--judge",
                           spec(server, "prose"), "--json").out)  # fmt: skip
    cautions = [one["en"] for one in panel["verdicts"] if one["state"] == "caution"]
    assert any(f"by {spec(server, 'prose')}" in one and "the panel is the others alone" in one for one in cautions)
    whole = [row for row in panel["summary"] if row["measure"] == "win_rate" and "·" not in row["part"]]
    rates = {row["scorer"]: row["value"] for row in whole if row["system"] == spec(server, "warm")}
    assert rates[spec(server, "prose")] is None
    assert rates["panel"] == rates[spec(server, "fair")] > 0.7


def test_an_estimate_goes_all_the_way_for_a_few_and_the_run_uses_it(run: Run, server: Server, tmp_path: Path) -> None:
    arguments = ("bench", "pairwise", "sample", "--split", "all", "--limit", "12",
                 "--model", spec(server, "warm"), "--against", spec(server, "cold"), "--judge", spec(server, "fair"),
                 "--out", tmp_path / "p")  # fmt: skip
    ran = run(*arguments, "--estimate", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["all"]["trial"] == 10
    assert not (tmp_path / "p").exists()
    assert run(*arguments).code == 0
    assert max(Counter(server[1]).values()) == 1


def test_a_judge_without_json_is_unread_and_one_with_marks_is_read(run: Run, server: Server, tmp_path: Path) -> None:
    warm, cold = (answered(run, server, tmp_path, name) for name in ("warm", "cold"))
    for judge, readable in (("prose", False), ("marked", True)):
        ran = run("bench", "pairwise", warm, cold, "--judge", spec(server, judge), "--out", tmp_path / judge)
        assert ran.code == 0, ran.err
        verdicts = open_artifact(tmp_path / judge).scan("verdict").collect()
        assert (verdicts["choice"].null_count() == 0) == readable
        assert set(verdicts["reason"]) == ({None} if readable else {"unreadable"})
    assert "Nothing can be said" in run("bench", "pairwise", warm, cold, "--judge", spec(server, "prose")).out


def test_a_judge_that_says_the_first_is_warned_of_and_decides_nothing(run: Run, server: Server, tmp_path: Path) -> None:
    warm, cold = (answered(run, server, tmp_path, name) for name in ("warm", "cold"))
    ran = run("bench", "pairwise", warm, cold, "--judge", spec(server, "first"), "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    assert "No difference" in ran.out
    assert "prefers what is shown first" in ran.out


def test_hostile_replies_and_a_system_named_in_markup_stay_text(run: Run, server: Server, tmp_path: Path) -> None:
    hostile, mute = (answered(run, server, tmp_path, name) for name in ("hostile", "mute"))
    named = _renamed(open_artifact(mute), tmp_path / "named", '<img src=x onerror="alert(1)">')
    ran = run("bench", "pairwise", hostile, named.path, "--judge", spec(server, "fair"), "--with-text",
              "--out", tmp_path / "p")  # fmt: skip
    assert ran.code == 0, ran.err
    page = (tmp_path / "p" / "page.html").read_text("utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page
    assert "<img" not in page
    assert page.count("<script") == 1
    made = open_artifact(tmp_path / "p")
    lacking = made.scan("unusable").collect()
    assert lacking.height
    assert set(lacking["why"]) == {"reply: empty"}
    lost = made.scan("outcome").filter(pl.col("value").is_null()).collect()
    assert lost.height == lacking.height
    assert "looks like an attempt on the judge" in ran.out


def test_several_systems_and_judges_make_a_panel_and_a_ranking(run: Run, server: Server, tmp_path: Path) -> None:
    places = [answered(run, server, tmp_path, name) for name in ("warm", "cold", "long")]
    judges = [part for name in ("fair", "moody", "first") for part in ("--judge", spec(server, name))]
    ran = run("bench", "pairwise", *places, *judges, "--rubric", "empathy", "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    assert "rank" in ran.out
    made = open_artifact(tmp_path / "p")
    assert set(made.scan("score").collect()["scorer"]) == {
        *(spec(server, n) for n in ("fair", "moody", "first")),
        "panel",
    }
    strengths = made.scan("summary").filter(pl.col("measure") == "strength", pl.col("scorer") == "panel").collect()
    assert strengths.height == 3
    assert made.manifest["facts"]["record"]["prompt"]["rubric"] == "empathy"
    assert any(
        b"Mocks" in body or "嘲笑".encode("unicode_escape") in body or "嘲笑".encode() in body for body in server[1]
    )


def _renamed(run: Artifact, place: Path, system: str) -> Artifact:
    """The same predictions under another name."""
    facts = {**run.manifest["facts"], "system": system}
    tables = {name: run.scan(name).collect() for name in run.manifest["tables"]}
    tables["prediction"] = tables["prediction"].with_columns(system=pl.lit(system))
    return write(place, kind=run.kind, name=str(run.manifest["name"]), tables=tables, facts=facts)
