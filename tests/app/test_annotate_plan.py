"""Rating tasks on the command line: planned, shown, given out as sheets, collected, and what is said when it fails."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import load_workbook

from xinheng.artifacts import Artifact, open_artifact, write
from xinheng.tables import CASE, DIALOGUE, PREDICTION, SCORE

RATERS = ("--raters", "wang,li,chen")


def cases(n: int, *, language: str = "en") -> pl.DataFrame:
    said = [[{"role": "user", "content": f"I cannot sleep since {i} weeks.", "tags": []}] for i in range(n)]
    empty: dict[str, Any] = {name: [None] * n for name in CASE}
    rows = {**empty, "case_id": [f"c{i:03}" for i in range(n)], "group_id": [f"g{i:03}" for i in range(n)],
            "benchmark": ["posts"] * n, "form": ["dialogue"] * n, "language": [language] * n, "messages": said,
            "source": ["s"] * n, "licence": ["CC0-1.0"] * n, "origin": ["o"] * n}  # fmt: skip
    return pl.DataFrame(rows, schema=dict(CASE))


def predictions(place: Path, system: str, n: int = 60, **texts: str) -> Artifact:
    names = [f"c{i:03}" for i in range(n)]
    empty: dict[str, Any] = {name: [None] * n for name in PREDICTION}
    words = [texts.get(name, f"That sounds hard, and {name} is long.") for name in names]
    rows = {**empty, "case_id": names, "variant": [""] * n, "system": [system] * n, "text": words}
    tables = {"case": cases(n), "prediction": pl.DataFrame(rows, schema=dict(PREDICTION))}
    facts = {"title": {"en": "t", "zh": "t"}, "table": "case", "system": system}
    return write(place, kind="predictions", name="posts-predictions", tables=tables, facts=facts)


def scores(place: Path, of: Artifact, system: str, n: int = 60) -> Artifact:
    rows = {
        "case_id": [f"c{i:03}" for i in range(n)], "group_id": [f"g{i:03}" for i in range(n)],
        "benchmark": ["judge"] * n, "part": ["empathy"] * n, "system": [system] * n, "scorer": ["judge:x"] * n,
        "value": [0.123] * n, "reason": [None] * n,
    }  # fmt: skip
    facts = {"title": {"en": "t", "zh": "t"}, "system": system}
    frame = pl.DataFrame(rows, schema=dict(SCORE))
    return write(place, kind="scores", name="posts-scores", tables={"score": frame}, facts=facts, parents=[of])


def dialogues(place: Path, n: int = 12) -> Artifact:
    turns = [
        {"role": "client", "text": "我睡不著。", "tags": [{"axis": "emotion", "value": "sad"}]},
        {"role": "counsellor", "text": "多久了？", "tags": [{"axis": "tone", "value": "warm"}]},
    ]
    rows = {
        "dialogue_id": [f"d{i}" for i in range(n)], "client_id": [None] * n, "language": ["zh-Hant"] * n,
        "topics": [["stress"] if i % 3 else ["family"] for i in range(n)], "turns": [turns] * n, "source": ["s"] * n,
        "licence": ["CC0-1.0"] * n, "origin": ["o"] * n,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=dict(DIALOGUE)).with_columns(
        split=pl.Series([("train", "test")[i % 2] for i in range(n)])
    )
    facts = {"title": {"en": "t", "zh": "t"}}
    return write(place, kind="dataset", name="talks", tables={"dialogue": frame}, facts=facts)


def items(place: Path) -> pl.DataFrame:
    return open_artifact(place).scan("item").collect()


# Bad input first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--raters", ""), "no raters"),
        (("--raters", "wang,wang"), "a rater twice"),
        (("--raters", "Wang Li"), "a server would refuse"),
        (("--raters", "../x"), "a server would refuse"),
        (("--raters", "a,b", "--per-item", "3"), "want 1 to 2"),
        ((*RATERS, "--template", "poem"), "no template 'poem'"),
        ((*RATERS, "--template", "pairwise"), "two or more systems"),
        ((*RATERS, "--template", "tag_correction"), "about tagged dialogues"),
        ((*RATERS, "--language", "fr"), "no guidelines in 'fr'"),
        ((*RATERS, "--stratify", "mood"), "no column mood"),
        ((*RATERS, "--name", "phi4-mini"), "tells raters which system"),
        ((*RATERS, "--gold", "nothing.jsonl"), "no such file"),
        ((*RATERS, "--scores", "nothing"), "not an artifact"),
    ],
)
def test_what_does_not_fit_is_one_readable_message(run, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    predictions(tmp_path / "p", "phi4")
    ran = run("annotate", "plan", tmp_path / "p", *arguments)
    assert (ran.code, told in ran.err) == (2, True), ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "runs").exists()


def test_multiple_choice_questions_and_other_artifacts_are_refused(run, tmp_path: Path) -> None:
    write(tmp_path / "x", kind="dataset", name="x", tables={"case": cases(3)}, facts={"title": {"en": "", "zh": ""}})
    ran = run("annotate", "plan", tmp_path / "x", *RATERS)
    assert ran.code == 2
    assert "nothing that people could rate" in ran.err


def test_predictions_without_one_answer_are_refused_with_the_reasons(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano", 2, c000="<think>hm", c001=" ")
    ran = run("annotate", "plan", tmp_path / "p", *RATERS)
    assert ran.code == 2
    assert "1 answer: empty, 1 answer: only thoughts" in ran.err


def test_something_else_in_the_way_is_left_alone(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    ran = run("annotate", "plan", tmp_path / "p", *RATERS, "--out", tmp_path / "mine")
    assert ran.code == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


# Plans


def test_fifty_dialogues_go_to_three_raters_with_repeats_and_the_page_says_what_that_shows(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    ran = run("annotate", "plan", tmp_path / "p", *RATERS)
    assert ran.code == 0, ran.err
    task = open_artifact(tmp_path / "runs" / "tasks" / "posts-plan")
    facts = task.manifest["facts"]
    assert (facts["cases"], facts["roles"], facts["language"]) == (50, {"plain": 50, "repeat": 5}, "en")
    assert facts["loads"] == {"chen": 55, "li": 55, "wang": 55}
    assert "a mean: ± 0.22 / 0.24 / 0.26 grades" in ran.out
    assert "annotate push" in ran.out


def test_the_same_plan_twice_is_the_same_task_and_another_seed_another(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        run("annotate", "plan", tmp_path / "p", *RATERS, "--out", tmp_path / name, "--seed", seed)
    digests = [open_artifact(tmp_path / name).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_a_task_that_raters_may_have_is_not_replaced_unasked(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    place = ("annotate", "plan", tmp_path / "p", *RATERS, "--out", tmp_path / "t")
    run(*place)
    before = open_artifact(tmp_path / "t").digest
    assert run(*place).code == 0
    ran = run(*place, "--seed", "1")
    assert (ran.code, "another rating task is there" in ran.err) == (2, True)
    assert open_artifact(tmp_path / "t").digest == before
    assert run(*place, "--seed", "1", "--replace").code == 0
    assert open_artifact(tmp_path / "t").digest != before


def test_gold_of_a_pair_stands_on_the_sides_that_the_file_names(run, tmp_path: Path) -> None:
    for name in ("nano", "phi4"):
        texts = {f"c{i:03}": f"answer of {name[0]}" for i in range(8)}
        predictions(tmp_path / name, name, 8, **texts)
    rows = [{"case_id": f"c00{i}", "left_system": a, "right_system": b, "answers": {"preference": "left"}}
            for i, (a, b) in enumerate([("nano", "phi4"), ("phi4", "nano")])]  # fmt: skip
    (tmp_path / "gold").write_text("\n".join(map(json.dumps, rows)))
    ran = run("annotate", "plan", tmp_path / "nano", tmp_path / "phi4", *RATERS, "--template", "pairwise",
              "--gold", tmp_path / "gold", "--out", tmp_path / "t")  # fmt: skip
    assert ran.code == 0, ran.err
    golden = items(tmp_path / "t").filter(role="gold").sort("case_id")
    assert golden["left_system"].to_list() == ["nano", "phi4"]
    texts = [{cell["field"]: cell["text"] for cell in shown} for shown in golden["shown"]]
    assert [one["left"] for one in texts] == ["answer of n", "answer of p"]
    (tmp_path / "gold").write_text('{"case_id": "c000", "answers": {"preference": "left"}}')
    ran = run("annotate", "plan", tmp_path / "nano", tmp_path / "phi4", *RATERS, "--template", "pairwise",
              "--gold", tmp_path / "gold", "--out", tmp_path / "u")  # fmt: skip
    assert "line 1: want left_system and right_system" in ran.err


def test_two_systems_answers_to_a_dialogue_are_two_items_of_the_same_raters(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "ollama:phi4")
    predictions(tmp_path / "q", "local:nano", 60, c001="")
    ran = run("annotate", "plan", tmp_path / "p", tmp_path / "q", "--raters", "a,b,c,d,e", "--items", "20",
              "--repeats", "0", "--out", tmp_path / "t", "--json")  # fmt: skip
    told = json.loads(ran.out)
    assert told["systems"] == ["local:nano", "ollama:phi4"]
    assert told["left_out"] == {"answer: empty": 1, "cases not answered by every system": 1}
    drawn = items(tmp_path / "t")
    assert drawn.height == 40
    assert "c001" not in set(drawn["case_id"])
    assert {tuple(sorted(one["system"])) for _, one in drawn.group_by("case_id")} == {("local:nano", "ollama:phi4")}


def test_judges_scores_are_hidden_and_scores_lead_to_their_predictions(run, tmp_path: Path) -> None:
    made = predictions(tmp_path / "run" / "predictions", "nano")
    scores(tmp_path / "run" / "scores", made, "nano")
    ran = run("annotate", "plan", tmp_path / "run" / "scores", *RATERS, "--items", "5", "--out", tmp_path / "t")
    assert ran.code == 0, ran.err
    drawn = items(tmp_path / "t")
    assert drawn["hidden"].str.contains("0.123").all()
    assert not any("0.123" in cell["text"] for shown in drawn["shown"] for cell in shown)
    shutil.rmtree(tmp_path / "run" / "predictions")
    ran = run("annotate", "plan", tmp_path / "run" / "scores", *RATERS, "--out", tmp_path / "u")
    assert ran.code == 2
    assert "Name the predictions" in ran.err


def test_an_answer_that_names_its_system_is_told_as_a_risk(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "ollama:phi4", 3, c001="I am Phi4 and I am sorry.")
    ran = run("annotate", "plan", tmp_path / "p", *RATERS, "--repeats", "0", "--out", tmp_path / "t")
    assert "risk      1 items" in ran.out
    assert "Phi4" not in ran.out
    assert "there are only 3 of the 50" in ran.out


def test_gold_is_planted_for_everybody_and_not_drawn_as_well(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    gold = tmp_path / "gold.jsonl"
    own = {"conversation": [{"role": "user", "content": "Help."}], "reply": "No.", "answers": {"empathy": 1}}
    gold.write_text('{"case_id": "c007", "answers": {"empathy": 2, "expression": 4}}\n\n' + json.dumps(own))
    ran = run("annotate", "plan", tmp_path / "p", *RATERS, "--gold", gold, "--items", "59", "--out", tmp_path / "t")
    assert ran.code == 0, ran.err
    drawn = items(tmp_path / "t")
    assert drawn.filter(case_id="c007")["role"].to_list() == ["gold"]
    assert drawn.filter(role="plain")["case_id"].n_unique() == 59
    answers = open_artifact(tmp_path / "t").scan("gold").collect()
    assert sorted(answers.select("question", "answer").iter_rows()) == [
        ("empathy", "1"), ("empathy", "2"), ("expression", "4")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: no JSON"),
        ("[1]", "line 1: no answers"),
        ('{"case_id": "c001"}', "no answers"),
        ('{"case_id": "c001", "answers": {"mood": 1}}', "no question 'mood'"),
        ('{"case_id": "c001", "answers": {"empathy": 6}}', "want a grade from 1 to 5"),
        ('{"case_id": "c001", "answers": {"empathy": "4"}}', "want a grade from 1 to 5"),
        ('{"case_id": "zzz", "answers": {"empathy": 4}}', "no such case"),
        ('{"reply": "a", "answers": {"empathy": 4}}', "no text for conversation"),
        ('{"case_id": "c001", "answers": {"empathy": 4}, "colour": 1}', "unknown key"),
        ("", "no line"),
    ],
)
def test_a_mistake_in_gold_is_named_with_its_line(run, tmp_path: Path, line: str, told: str) -> None:
    predictions(tmp_path / "p", "nano")
    (tmp_path / "gold").write_text(line)
    ran = run("annotate", "plan", tmp_path / "p", *RATERS, "--gold", tmp_path / "gold")
    assert (ran.code, told in ran.err) == (2, True), ran.err


def test_turns_of_one_split_are_drawn_by_topic(run, tmp_path: Path) -> None:
    dialogues(tmp_path / "d")
    ran = run("annotate", "plan", tmp_path / "d", *RATERS, "--template", "tag_correction_client", "--split", "test",
              "--items", "6", "--repeats", "0", "--out", tmp_path / "t", "--json")  # fmt: skip
    told = json.loads(ran.out)
    assert (told["stratified_by"], told["strata"], told["language"]) == (
        ["topics"],
        {"family": 2, "stress": 4},
        "zh-Hant",
    )
    drawn = items(tmp_path / "t")
    assert set(drawn["case_id"]) == {f"d{i}#0" for i in range(1, 12, 2)}


def test_a_small_trial_first(run, tmp_path: Path) -> None:
    predictions(tmp_path / "p", "nano")
    run("annotate", "plan", tmp_path / "p", *RATERS, "--limit", "4", "--repeats", "0", "--out", tmp_path / "t")
    assert items(tmp_path / "t").height == 4


def test_templates_are_listed_and_shown_in_both_languages(run) -> None:
    ran = run("annotate", "templates")
    assert all(name in ran.out for name in ("plan", "pairwise", "socratic", "safety", "tag_correction"))
    assert "共同約定" in run("annotate", "templates", "plan").out
    assert "Rules for everyone" in run("annotate", "templates", "plan", "--language", "en").out
    assert run("annotate", "templates", "nothing").code == 2


@pytest.mark.parametrize("command", ["plan", "templates", "sheets", "collect"])
def test_help_has_an_example(run, command: str) -> None:
    assert f"Example: xinheng annotate {command}" in run("annotate", command, "--help").out


# Sheets


def fill(path: Path, **grades: int) -> None:
    book = load_workbook(path)
    sheet = next(one for one in book.worksheets if one.cell(1, 2).value == "item")
    column = {cell.value: cell.column for cell in sheet[1]}
    for row in range(3, sheet.max_row + 1):
        if "/" not in sheet.cell(row, 2).value:
            for name, grade in grades.items():
                sheet.cell(row, column[name]).value = grade
    book.save(path)


GRADES = {"professionalism": 4, "empathy": 5, "suggestion": 3, "expression": 4}


@pytest.fixture
def task(run, tmp_path: Path) -> Path:
    predictions(tmp_path / "p", "nano")
    run("annotate", "plan", tmp_path / "p", *RATERS, "--items", "6", "--repeats", "1", "--out", tmp_path / "t")
    return tmp_path / "t"


def test_sheets_go_out_and_come_back_as_ratings(run, tmp_path: Path, task: Path) -> None:
    assert run("annotate", "sheets", task, "--out", tmp_path / "sheets").code == 0
    files = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert files == [f"posts-plan-{rater}.xlsx" for rater in ("chen", "li", "wang")]
    for name in files:
        fill(tmp_path / "sheets" / name, **GRADES)
    ran = run("annotate", "collect", task, tmp_path / "sheets")
    assert ran.code == 0, ran.err
    made = open_artifact(tmp_path / "runs" / "ratings" / "posts-plan")
    rows = made.scan("rating").collect()
    assert (made.kind, rows.height) == ("ratings", 7 * 3 * 4)
    assert made.manifest["facts"]["counts"]["submitted"] == 21
    assert {parent["digest"] for parent in made.manifest["parents"]} == {open_artifact(task).digest}


def test_sheets_never_replace_what_may_hold_answers(run, tmp_path: Path, task: Path) -> None:
    run("annotate", "sheets", task, "--out", tmp_path / "sheets")
    fill(tmp_path / "sheets" / "posts-plan-li.xlsx", **GRADES)
    before = (tmp_path / "sheets" / "posts-plan-li.xlsx").read_bytes()
    ran = run("annotate", "sheets", task, "--out", tmp_path / "sheets")
    assert ran.code == 2
    assert "3 files are there already" in ran.err
    assert (tmp_path / "sheets" / "posts-plan-li.xlsx").read_bytes() == before


def test_what_cannot_be_read_is_named_the_rest_is_written_and_the_command_says_so(
    run, tmp_path: Path, task: Path
) -> None:
    run("annotate", "sheets", task, "--out", tmp_path / "sheets")
    fill(tmp_path / "sheets" / "posts-plan-li.xlsx", **GRADES)
    fill(tmp_path / "sheets" / "posts-plan-wang.xlsx", **{**GRADES, "empathy": 9})
    (tmp_path / "sheets" / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "sheets" / "~$posts-plan-li.xlsx").write_text("lock")
    ran = run("annotate", "collect", task, tmp_path / "sheets")
    assert ran.code == 1
    assert "8 things in the sheets were not taken" in ran.err
    assert "not taken  wang  posts-plan-wang.xlsx row" in ran.out
    assert "notes.csv" in ran.out
    made = open_artifact(tmp_path / "runs" / "ratings" / "posts-plan")
    assert set(made.scan("rating").collect()["rater_id"]) == {"li"}
    assert made.scan("dropped").collect().height == 8


def test_csv_files_do_without_openpyxl(run, tmp_path: Path, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    assert run("annotate", "sheets", task, "--out", tmp_path / "c", "--csv").code == 0
    assert len(list((tmp_path / "c").glob("*.csv"))) == 3
    ran = run("annotate", "sheets", task, "--out", tmp_path / "x")
    assert ran.code == 2
    assert "pip install" in ran.err


def test_empty_sheets_and_no_sheets_are_said(run, tmp_path: Path, task: Path) -> None:
    run("annotate", "sheets", task, "--out", tmp_path / "sheets")
    assert "no item is answered in full" in run("annotate", "collect", task, tmp_path / "sheets").err
    (tmp_path / "empty").mkdir()
    assert "no sheets" in run("annotate", "collect", task, tmp_path / "empty").err
    assert "no such file" in run("annotate", "collect", task, tmp_path / "nothing").err
    assert run("annotate", "collect", tmp_path / "p", tmp_path / "sheets").code == 2
