"""Disputes are found by the stated rule, shown without names, settled by whom it says, and by nobody else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.adjudicate import DISPUTE, FINAL, Rule, canonical, disputes, final_labels, settled
from annotation.argilla import Argilla
from annotation.argilla_place import embedded_server
from annotation.rater_dataset import dataset_name, find_dataset
from annotation.second_task import OUTCOME, second_task
from annotation.tables import RATING
from annotation.task import OPINIONS, read_task
from app import cli
from tests.annotation.made_task import RATERS, SECRET_SYSTEM, TEMPLATE, Rater, made, task
from xinheng import settings
from xinheng.artifacts import open_artifact
from xinheng.errors import UsageError

RULE = Rule()


def ratings(*rows: tuple[str, str, str, Any], role: str = "plain", status: str = "submitted") -> pl.DataFrame:
    """RATING rows of item, rater, question and answer."""
    filled = [
        {
            **dict.fromkeys(RATING),
            "item_id": item,
            "case_id": f"case of {item}",
            "role": role,
            "rater_id": rater,
            "question": question,
            "value": float(answer) if isinstance(answer, int) else None,
            "answer": json.dumps(answer, ensure_ascii=False),
            "status": status,
        }
        for item, rater, question, answer in rows
    ]
    return pl.DataFrame(filled, schema=RATING, orient="row")


def of(question: str, *answers: Any, item: str = "i") -> pl.DataFrame:
    return ratings(*((item, f"r{n}", question, answer) for n, answer in enumerate(answers)))


@pytest.mark.parametrize(
    ("question", "answers", "rule", "answer", "how", "by"),
    [
        ("empathy", [4, 4, 4], RULE, "4", "agreed", "r0, r1, r2"),
        ("empathy", [4, 5, 4], RULE, "4", "majority", "r0, r2"),
        ("empathy", [4, 4, 2], RULE, None, "undecided", ""),
        ("empathy", [4, 4, 2], Rule(spread=3), "4", "majority", "r0, r1"),
        ("empathy", [4, 5], RULE, None, "undecided", ""),
        ("empathy", [4], RULE, None, "undecided", ""),
        ("empathy", [4, 5, 4], Rule(unanimous=True), None, "undecided", ""),
        ("stage", ["early", "late", "early"], RULE, '"early"', "majority", "r0, r2"),
        ("stage", ["early", "late"], RULE, None, "undecided", ""),
        ("flags", [["a", "b"], ["b", "a"], []], RULE, '["a", "b"]', "majority", "r0, r1"),
        ("flags", [[], []], RULE, "[]", "agreed", "r0, r1"),
        ("flags", [["a"], ["b"], []], RULE, None, "undecided", ""),
    ],
)
def test_the_rule(question: str, answers: list[Any], rule: Rule, answer: str | None, how: str, by: str) -> None:
    found = settled(of(question, *answers), TEMPLATE, rule)
    row = found.row(0, named=True)
    assert (row["answer"], row["how"], row["by"]) == (answer, how, by)
    assert disputes(found).height == (how == "undecided" and len(answers) > 1)


def test_reasons_gold_repeats_drafts_and_strange_questions_are_never_labels() -> None:
    rows = [
        of("remark", "x", "y"),
        of("strange", 1, 5),
        *(ratings(("i", "a", "empathy", 1), ("i", "b", "empathy", 5), role=role) for role in ("gold", "repeat")),
        *(ratings(("i", "a", "empathy", 1), ("i", "b", "empathy", 5), status=s) for s in ("draft", "discarded")),
    ]
    assert settled(pl.concat(rows), TEMPLATE, RULE).height == 0


def test_a_rater_who_answers_twice_is_named_by_item() -> None:
    with pytest.raises(UsageError, match=r"same twice.*have i"):
        settled(ratings(("i", "a", "empathy", 1), ("i", "a", "empathy", 5)), TEMPLATE, RULE)


GRADES = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@given(st.lists(GRADES, min_size=1, max_size=5), st.integers(1, 4), st.booleans(), st.randoms())
def test_every_answered_question_gets_one_row_whoever_comes_first(
    groups: list[list[int]], spread: int, unanimous: bool, luck: Any
) -> None:
    rule = Rule(spread, unanimous)
    rows = [(f"i{i}", f"r{n}", "empathy", grade) for i, grades in enumerate(groups) for n, grade in enumerate(grades)]
    found = settled(ratings(*rows), TEMPLATE, rule)
    luck.shuffle(rows)
    assert settled(ratings(*rows), TEMPLATE, rule).equals(found)
    assert found["item_id"].to_list() == [f"i{i}" for i in range(len(groups))]
    for row, grades in zip(found.iter_rows(named=True), groups, strict=True):
        if row["how"] == "undecided":
            assert row["answer"] is None
            assert row["reason"]
        else:
            votes = grades.count(int(row["answer"]))
            assert 2 * votes > len(grades)
            assert (row["how"] == "agreed") == (votes == len(grades))
            assert len(row["by"].split(", ")) == votes
            assert votes == len(grades) or max(grades) - min(grades) < spread


# What adjudicators decide.


FOUND = settled(
    pl.concat([of("empathy", 1, 5, item="i1"), of("empathy", 4, 4, item="i2"), of("empathy", 3, item="i3")]),
    TEMPLATE,
    RULE,
)


def decided(*rows: tuple[str, str, str, Any]) -> dict[str, tuple[Any, ...]]:
    labels = final_labels(FOUND, ratings(*rows))
    assert dict(labels.schema) == FINAL
    return {row["item_id"]: (row["answer"], row["how"], row["by"]) for row in labels.iter_rows(named=True)}


def test_an_adjudicator_settles_disputes_and_nothing_else() -> None:
    found = decided(("i1", "chen", "empathy", 2), ("i2", "chen", "empathy", 1), ("i3", "chen", "empathy", 1))
    assert found["i1"] == ("2", "adjudicated", "chen")
    assert found["i2"] == ("4", "agreed", "r0, r1")
    assert found["i3"] == (None, "undecided", "")


def test_several_adjudicators_decide_by_majority_and_a_tie_decides_nothing() -> None:
    votes = [("i1", name, "empathy", grade) for name, grade in (("a", 2), ("b", 3), ("c", 2))]
    assert decided(*votes)["i1"] == ("2", "adjudicated", "a, c")
    assert decided(*votes[:2])["i1"] == (None, "undecided", "")


def test_who_says_that_it_cannot_be_decided_has_not_decided_it() -> None:
    found = decided(("i1", "chen", "empathy", 2), ("i1", "chen", OUTCOME, "cannot_decide"))
    assert found["i1"] == (None, "undecided", "")


def test_without_an_adjudication_disputes_stay_open() -> None:
    assert set(final_labels(FOUND, None)["how"]) == {"agreed", "undecided"}


# The second task.


def rated(*grades: int) -> pl.DataFrame:
    rows = []
    for rater, grade in zip(RATERS, grades, strict=True):
        rows += [("i00000", rater, "empathy", grade), ("i00000", rater, "stage", "early")]
        rows += [("i00000", rater, "remark", f"理由 {grade}")]
        rows += [("i00000", rater, "evidence", [{"field": "reply", "start": 0, "end": 8, "label": "harm"}])]
        rows += [("i00001", rater, "empathy", 3)]
    return ratings(*rows)


def second(tmp_path: Path, seed: int = 0, who: Sequence[str] = ("dora", "emil")) -> Any:
    source = task(tmp_path / uuid4().hex, n=2)
    rows = rated(1, 3, 5)
    return second_task(source, rows, disputes(settled(rows, TEMPLATE, RULE)), who, seed=seed)


def test_only_items_in_dispute_are_shown_with_every_raters_answers_under_letters(tmp_path: Path) -> None:
    template, tables = second(tmp_path)
    assert tables["item"]["item_id"].to_list() == ["i00000"]
    shown = {cell["field"]: cell["text"] for cell in tables["item"]["shown"][0].to_list()}
    told = shown[OPINIONS]
    assert "◆ 同理（待裁定）" in told
    assert "◆ 階段\nA：前段\nB：前段\nC：前段" in told
    assert "傷害「<script>」" in told
    assert sorted(told.split("◆ 理由\n")[1][2::6]) == sorted("135") or all(f"理由 {n}" in told for n in (1, 3, 5))
    assert not any(name in told for name in RATERS)
    assert SECRET_SYSTEM not in str(shown)
    assert [question.name for question in template.questions] == [OUTCOME, "empathy", "adjudication_grounds"]
    assert [question.required for question in template.questions] == [True, False, False]
    assert dict(tables["dispute"].schema) == DISPUTE
    assert tables["assignment"].height == 2


def test_letters_hide_who_is_who_and_hold_within_an_item(tmp_path: Path) -> None:
    opinions = {
        next(cell["text"] for cell in second(tmp_path, seed)[1]["item"]["shown"][0] if cell["field"] == OPINIONS)
        for seed in range(12)
    }
    assert len(opinions) > 1
    for told in opinions:
        blocks = {block.split("\n")[0]: block.split("\n")[1:] for block in told.split("\n\n")}
        grades = [line.split("：")[1] for line in blocks["◆ 同理（待裁定）"]]
        reasons = [line.split("理由 ")[1] for line in blocks["◆ 理由"]]
        assert grades == reasons
    assert second(tmp_path, 3)[1]["item"].equals(second(tmp_path, 3)[1]["item"])


def test_nothing_in_dispute_or_nobody_to_decide_is_told(tmp_path: Path) -> None:
    source, rows = task(tmp_path / "t", n=2), rated(3, 3, 3)
    with pytest.raises(UsageError, match="nothing is in dispute"):
        second_task(source, rows, disputes(settled(rows, TEMPLATE, RULE)), ["dora"], seed=0)
    for who in ([], ["dora", "dora"]):
        with pytest.raises(UsageError, match="no adjudicators, or one twice"):
            second(tmp_path, who=who)


@given(st.lists(st.sampled_from("abc"), max_size=4))
def test_one_answer_is_written_one_way(labels: list[str]) -> None:
    assert canonical(json.dumps(labels)) == canonical(json.dumps(labels[::-1], separators=(",", ":")))


# All of it on the command line, with a real server.


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("XINHENG_RUNS", str(tmp_path))
    settings.settings.cache_clear()

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["xinheng", "annotate", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    yield command
    settings.settings.cache_clear()


def answer(server: Any, name: str, who: str, values: Callable[[int], dict[str, Any]]) -> None:
    with Argilla(server) as client:
        users = {user["username"]: user for user in client.get("/users")["items"]}
        dataset = find_dataset(client, dataset_name(name, who))
        assert dataset is not None
        rater = Rater(client.url, users[who]["api_key"])
        for record in rater.queue(dataset["id"]):
            rater.answer(record["id"], values(int(record["external_id"][1:])))


def test_from_a_task_to_final_labels_by_five_commands(argilla: Any, tmp_path: Path, run: Any) -> None:
    server, name = embedded_server(argilla.home), f"t-{uuid4().hex[:8]}"
    made(tmp_path / "tasks" / name, name=name, n=3)
    where, place = ("--server", str(argilla.home)), str(tmp_path / "tasks" / name)
    code, out, err = run("push", place, *where)
    assert code == 0, err
    assert out.count("/annotation-mode?") == 3
    same = " ".join(where)
    assert f"annotate status {place} {same}" in out, "a hint that leaves the server out reaches another, or none"
    code, _, err = run("pull", place, *where)  # nobody has rated
    assert (code, f"annotate status {place} {same}" in err) == (2, True)
    assert "annotate pull" not in run("status", place, *where)[1], "there is nothing to pull"
    for number, who in enumerate(RATERS):
        answer(server, name, who, lambda item, n=number: {"empathy": 3 + n * (item == 1), "stage": "early"})
    code, out, err = run("status", place, *where, "--json")
    assert [row["done"] for row in json.loads(out)["raters"]] == [3, 3, 3]
    told = run("status", place, *where)[1]
    assert "all is done" in told
    assert told.rstrip().endswith(f"annotate pull {place} {same}")
    assert run("pull", place, *where)[0] == 0
    ratings_place = str(tmp_path / "ratings" / name)
    pulled = open_artifact(Path(ratings_place))
    assert (pulled.kind, pulled.rows("rating"), pulled.manifest["facts"]["counts"]["submitted"]) == ("ratings", 27, 9)
    assert [parent["kind"] for parent in pulled.manifest["parents"]] == ["rating_task"]
    code, out, _ = run("adjudicate", ratings_place, "--raters", "dora", "--json")
    assert json.loads(out)["disputes"] == {"empathy": 1}
    again = str(tmp_path / "tasks" / f"{name}-adjudication")
    assert read_task(open_artifact(Path(again))).raters == ["dora"]
    assert run("final", ratings_place, "--adjudicated", ratings_place)[0] == 2  # no adjudication
    assert run("push", again, *where)[0] == 0
    answer(server, f"{name}-adjudication", "dora", lambda _: {OUTCOME: "decided", "empathy": 4})
    assert run("pull", again, *where)[0] == 0
    adjudicated = str(tmp_path / "ratings" / f"{name}-adjudication")
    code, out, _ = run("final", ratings_place, "--adjudicated", adjudicated, "--json")
    assert json.loads(out)["counts"] == {"adjudicated": 1, "agreed": 8}
    labels = open_artifact(tmp_path / "labels" / name).scan("final").filter(pl.col("how") == "adjudicated").collect()
    assert labels.rows() == [("i00001", "case-1", "empathy", "4", "adjudicated", "dora")]
    assert run("final", ratings_place, "--adjudicated", adjudicated, "--spread", "3")[0] == 2


def test_a_name_that_betrays_the_system_is_not_sent(argilla: Any, tmp_path: Path, run: Any) -> None:
    made(tmp_path / "t", name="secret_system_7B-plan", n=1)
    code, _, err = run("push", str(tmp_path / "t"), "--server", str(argilla.home))
    assert code == 2
    assert "tells raters which system" in err


def test_no_server_and_no_task_are_one_line_each(tmp_path: Path, run: Any) -> None:
    made(tmp_path / "t", n=1)
    for arguments in (("push", str(tmp_path / "t")), ("pull", str(tmp_path / "t")), ("push", str(tmp_path / "none"))):
        code, out, err = run(*arguments)
        assert code == 2
        assert out == ""
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) <= 2
