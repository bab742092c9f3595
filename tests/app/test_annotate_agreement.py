"""`xinheng annotate agreement`, `gate`, `pairs`, `corrections`, and judges held against an artifact of ratings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotation.tables import RATING, RATINGS
from annotation.templates import Question
from app.predicting import digest_of
from app.training_rows import preference_pairs
from tests.app.conftest import Run
from tests.app.raters import graded, item, items, rated
from xinheng.artifacts import Artifact, open_artifact, verify, write
from xinheng.tables import CASE, DIALOGUE, PREDICTION, PREFERENCE, SCORE, SUMMARY, require

FEW = ("--resamples", "200")
PLAN = ("professionalism", "empathy", "suggestion", "expression")


def rating_rows(artifact: Artifact) -> pl.DataFrame:
    return artifact.scan("rating").collect()


def rewritten(artifact: Artifact, rows: pl.DataFrame, place: Path, **facts: Any) -> Artifact:
    """The same ratings with other rows."""
    told = {**artifact.manifest["facts"], **facts}
    return write(place, kind=RATINGS, name="study", tables={"rating": rows.select(list(RATING))}, facts=told)


def test_agreement_is_an_artifact_with_every_table_and_a_page_without_a_word_that_anybody_wrote(
    tmp_path: Path, run: Run
) -> None:
    gold = [(f"g{n}", name, 4) for n in range(2) for name in PLAN]
    ratings = rated(tmp_path, items(12), gold=gold)
    ran = run("annotate", "agreement", ratings.path, "--page", tmp_path / "copy.html", *FEW, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    made = open_artifact(tmp_path / "runs" / "agreement" / "study")
    assert told["digest"] == made.digest
    assert verify(made) == []
    require(made.scan("summary"), SUMMARY, who="summary")
    assert set(made.manifest["tables"]) == {"summary", "rater", "pair", "window", "dispute"}
    assert made.manifest["parents"][0]["digest"] == ratings.digest
    counts = made.manifest["facts"]["counts"]
    assert (counts["items"], counts["dialogues"], counts["raters"]) == (24, 12, 3)
    assert counts["roles"] == {"gold": 2, "plain": 24, "repeat": 3}
    assert counts["left_out"] == {"draft": 2, "discarded": 1}
    measures = set(made.scan("rater").collect()["measure"])
    assert {"severity", "drift_severity", "gold_exact", "repeat_kappa"} <= measures
    page = (made.path / "page.html").read_text()
    assert page == (tmp_path / "copy.html").read_text()
    for shown in (page, ran.out, ran.err):
        assert "something private" not in shown


def test_a_page_names_a_system_without_the_folders_of_somebodys_machine(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(5, systems=("local:/home/ann/secret/phi",), repeats=0, gold=0))
    assert run("annotate", "agreement", ratings.path, "--out", tmp_path / "a", *FEW).code == 0
    page = (tmp_path / "a" / "page.html").read_text()
    assert "phi" in page
    assert "ann/secret" not in page


def test_the_severe_rater_is_the_one_that_was_made_so(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(25))
    assert run("annotate", "agreement", ratings.path, "--out", tmp_path / "a", *FEW).code == 0
    severe = open_artifact(tmp_path / "a").scan("rater").filter(pl.col("measure") == "severity").collect()
    by = dict(severe.group_by("rater_id").agg(pl.col("high").max()).iter_rows())
    assert by["c"] < -0.2
    assert min(by["a"], by["b"]) > 0


def test_the_same_ratings_give_the_same_artifact_whatever_their_order(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(8))
    shuffled = rewritten(ratings, rating_rows(ratings).sample(fraction=1, shuffle=True, seed=5), tmp_path / "shuffled")
    for place, out in ((ratings.path, "x"), (shuffled.path, "y")):
        assert run("annotate", "agreement", place, "--out", tmp_path / out, *FEW).code == 0
    assert open_artifact(tmp_path / "x").digest == open_artifact(tmp_path / "y").digest


def test_a_plain_table_does_too(tmp_path: Path, run: Run) -> None:
    rows = [f"c{i},{r},warmth,{1 + (i + (r == 'b')) % 5}" for i in range(8) for r in "ab"]
    (tmp_path / "r.csv").write_text("\n".join(["case_id,rater,question,value", *rows]))
    ran = run("annotate", "agreement", tmp_path / "r.csv", "--out", tmp_path / "a", *FEW)
    assert ran.code == 0, ran.err
    assert "warmth" in ran.out
    (tmp_path / "s.csv").write_text("case_id,rater,question,value\nc1,a,warmth,7\n")
    assert run("annotate", "agreement", tmp_path / "s.csv", *FEW).code == 2
    assert run("annotate", "agreement", tmp_path / "s.csv", "--scale", "0-10", "--out", tmp_path / "b", *FEW).code == 0


@pytest.mark.parametrize("scale", ["5-1", "x", "1", "1-99", "-3-3"])
def test_a_scale_that_is_none_is_refused(tmp_path: Path, run: Run, scale: str) -> None:
    (tmp_path / "r.csv").write_text("case_id,rater,question,value\nc1,a,warmth,3\n")
    assert run("annotate", "agreement", tmp_path / "r.csv", f"--scale={scale}").code == 2


def test_what_cannot_be_counted_is_refused_in_one_sentence(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(3))
    rows = rating_rows(ratings)
    cases = {
        "drafts": rows.with_columns(status=pl.lit("draft")),
        "off": rows.with_columns(value=pl.when(pl.col("question") == "empathy").then(9.0).otherwise("value")),
        "twice": pl.concat([rows, rows.head(1)]),
        "strange": rows.with_columns(question=pl.lit("other")),
    }
    for name, wrong in cases.items():
        ran = run("annotate", "agreement", rewritten(ratings, wrong, tmp_path / name).path)
        assert ran.code == 2, name
        assert "Traceback" not in ran.err
        assert "something private" not in ran.err
    bare = write(tmp_path / "bare", kind=RATINGS, name="x", tables={"rating": rows}, facts={})
    assert "template" in run("annotate", "agreement", bare.path).err
    assert run("annotate", "agreement", tmp_path / "task").code == 2
    assert run("annotate", "agreement", tmp_path / "nothing").code == 2


def test_another_task_than_the_ratings_own_is_refused(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path / "one", items(3))
    rated(tmp_path / "two", items(4))
    ran = run("annotate", "agreement", ratings.path, "--task", tmp_path / "two" / "task")
    assert ran.code == 2
    assert "another task" in ran.err


def constant(grade: int) -> Any:
    return lambda one, rater, question: grade if question.kind == "rating" else None


@pytest.mark.parametrize(("grade", "verdict"), [(5, "PASS"), (3, "FAIL")])
def test_the_human_gate_holds_the_mean_of_the_four_questions_against_four(
    tmp_path: Path, run: Run, grade: int, verdict: str
) -> None:
    ratings = rated(tmp_path, items(40), say=constant(grade))
    ran = run("annotate", "gate", ratings.path, "--out", tmp_path / "s", "--json", *FEW)
    assert ran.code == 0, ran.err
    assert [gate["verdict"] for one in json.loads(ran.out) for gate in one["gates"]] == [verdict, verdict]
    agreed = run("annotate", "agreement", ratings.path, "--out", tmp_path / "a", "--json", *FEW)
    assert {gate["verdict"] for gate in json.loads(agreed.out)["gates"]} == {verdict}


def test_the_gates_mean_is_over_items_of_means_over_questions_of_means_over_raters(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(20))
    assert run("annotate", "gate", ratings.path, "--out", tmp_path / "s", *FEW).code == 0
    made = open_artifact(tmp_path / "s" / "1")
    require(made.scan("score"), SCORE, who="score")
    row = made.scan("summary").filter(pl.col("part") == "all").collect().row(0, named=True)
    assert (row["benchmark"], row["measure"], row["scorer"], row["n"]) == ("human", "mean", "humans", 20)
    plain = rating_rows(ratings).filter((pl.col("role") == "plain") & (pl.col("system") == "base")).drop_nulls("value")
    by_question = plain.group_by("item_id", "question").agg(pl.col("value").mean())
    expected = by_question.group_by("item_id").agg(pl.col("value").mean())["value"].mean()
    assert row["value"] == pytest.approx(expected)
    assert row["low"] < row["value"] < row["high"]


def test_a_question_left_open_leaves_its_item_out_of_the_overall_mean(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(10, systems=("base",), repeats=0, gold=0))
    rows = rating_rows(ratings).filter(~((pl.col("item_id") == "i0000") & (pl.col("question") == "empathy")))
    less = rewritten(ratings, rows, tmp_path / "less")
    assert run("annotate", "gate", less.path, "--out", tmp_path / "s", *FEW).code == 0
    found = open_artifact(tmp_path / "s").scan("summary").collect()
    counts = {part: (n, missing) for part, n, missing in found.select("part", "n", "missing").iter_rows()}
    assert counts["all"] == (9, 1)
    assert counts["empathy"] == (9, 1)
    assert counts["expression"] == (10, 0)


def test_leaderboard_and_compare_take_human_scores(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(10))
    assert run("annotate", "gate", ratings.path, "--out", tmp_path / "s", *FEW).code == 0
    ran = run("leaderboard", tmp_path / "s", "--out", tmp_path / "site", "--json")
    assert ran.code == 0, ran.err
    (board,) = json.loads(ran.out)["boards"]
    assert (board["benchmark"], board["scorers"]) == ("human", ["humans"])
    assert run("compare", tmp_path / "s" / "1", tmp_path / "s" / "2").code == 0


def test_another_template_is_another_benchmark_and_passes_no_gate(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(6), name="empathy_actionability", say=constant(5))
    assert run("annotate", "gate", ratings.path, "--out", tmp_path / "s", *FEW).code == 0
    made = open_artifact(tmp_path / "s" / "1")
    assert made.scan("summary").collect()["benchmark"].unique().to_list() == ["human/empathy_actionability"]
    assert made.manifest["facts"]["gates"] == []


def test_grades_of_another_scale_are_not_held_against_four(tmp_path: Path, run: Run) -> None:
    rows = [f"c{i},{r},warmth,{8 + i % 2},mine" for i in range(20) for r in "ab"]
    (tmp_path / "r.csv").write_text("\n".join(["case_id,rater,question,value,system", *rows]))
    ran = run("annotate", "gate", tmp_path / "r.csv", "--scale", "0-10", "--out", tmp_path / "s", "--json", *FEW)
    assert ran.code == 0, ran.err
    (one,) = json.loads(ran.out)
    assert (one["system"], one["gates"]) == ("mine", [])


def test_ratings_without_systems_or_grades_have_no_scores(tmp_path: Path, run: Run) -> None:
    dialogues = rated(tmp_path / "d", [item(f"i{n}", f"c{n}") for n in range(3)])
    assert "no grades of systems" in run("annotate", "gate", dialogues.path).err
    pairs = rated(tmp_path / "p", [item("i", "c", left_system="x", right_system="y")], name="pairwise")
    assert run("annotate", "gate", pairs.path).code == 2


def judged(place: Path, ratings: Artifact) -> Artifact:
    """Scores of a judge who says what the people's mean is."""
    plain = rating_rows(ratings).filter((pl.col("role") == "plain") & (pl.col("system") == "base")).drop_nulls("value")
    mean = plain.group_by("case_id", "group_id", "question").agg(pl.col("value").mean()).sort("case_id", "question")
    score = mean.select(
        "case_id", "group_id", "value", benchmark=pl.lit("judge/human"), part="question", system=pl.lit("base"),
        scorer=pl.lit("robot"), reason=pl.lit(None, pl.String), measure="question",
    )  # fmt: skip
    rubric = {"name": "human", "digest": digest_of("human"), "scales": {name: [1, 5] for name in PLAN}}
    summary = pl.DataFrame(schema=SUMMARY)
    facts = {"system": "base", "judge": {"rubric": rubric}, "title": {"en": "x", "zh": "x"}}
    return write(place, kind="scores", name="x", tables={"score": score, "summary": summary}, facts=facts)


def test_judges_are_held_against_an_artifact_without_its_repeats_and_planted_items(tmp_path: Path, run: Run) -> None:
    ratings = rated(tmp_path, items(12))
    scores = judged(tmp_path / "s", ratings)
    ran = run("bench", "validity", scores.path, "--human", ratings.path, "--json", *FEW)
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    # Three repeats and two planted items by three raters, five answers each; a remark on each plain item.
    assert told["ratings_left_out"] == {"gold": 2 * 3 * 5, "repeat": 3 * 3 * 5, "no grade": 24 * 3}
    spearman = [row["value"] for row in told["summary"] if row["measure"] == "spearman"]
    assert spearman == pytest.approx([1.0] * len(PLAN))
    assert told["items"]["empathy"]["rated"] == 12


def predictions(place: Path, system: str, *, n: int = 12, split: str = "train", question: str = "q") -> Artifact:
    cases = pl.DataFrame(
        {
            "case_id": [f"c{i:03}" for i in range(n)], "group_id": [f"g{i // 2}" for i in range(n)],
            "benchmark": ["b"] * n, "form": ["dialogue"] * n, "language": ["en"] * n,
            "messages": [[{"role": "user", "content": f"{question} {i}", "tags": []}] for i in range(n)],
            "reference": [None] * n, "labels": [None] * n, "published_split": [None] * n, "source": ["s"] * n,
            "licence": ["MIT"] * n, "origin": [f"f:{i}" for i in range(n)],
        },
        schema=CASE,
    ).with_columns(split=pl.lit(split))  # fmt: skip
    answers = pl.DataFrame(
        [{"case_id": f"c{i:03}", "variant": "", "system": system, "text": f"<think>hm</think> {system} says {i}"}
         for i in range(n)],
        schema=PREDICTION,
    )  # fmt: skip
    facts = {"system": system, "title": {"en": system, "zh": system}, "table": "case"}
    return write(place, kind="predictions", name=system, tables={"case": cases, "prediction": answers}, facts=facts)


def pair_items(n: int = 12) -> list[dict[str, Any]]:
    """Items of pairs, `good` on the left of every other."""
    return [
        item(f"p{i:03}", f"c{i:03}", group_id=f"g{i // 2}", left_system=("good", "bad")[i % 2],
             right_system=("bad", "good")[i % 2])
        for i in range(n)
    ]  # fmt: skip


def prefers(votes: Mapping[int, tuple[str, str, str]]) -> Any:
    """What three raters choose by number of item: `good`, `bad` or `tie`; all choose `good` elsewhere."""

    def say(one: Mapping[str, Any], rater: str, question: Question) -> Any:
        if question.name != "preference":
            return None
        wanted = votes.get(int(one["item_id"][1:]), ("good",) * 3)["abc".index(rater)]
        return "tie" if wanted == "tie" else "left" if one["left_system"] == wanted else "right"

    return say


def pairwise(tmp_path: Path, votes: Mapping[int, tuple[str, str, str]], **more: Any) -> tuple[Artifact, list[Artifact]]:
    runs = [predictions(tmp_path / name, name, **more) for name in ("good", "bad")]
    told = {"from": [{"place": str(one.path), "digest": one.digest, "kind": one.kind, "name": "x"} for one in runs]}
    return rated(tmp_path, pair_items(), name="pairwise", say=prefers(votes), facts=told, parents=runs), runs


VOTES: Mapping[int, tuple[str, str, str]] = {
    0: ("good", "good", "bad"),
    1: ("bad", "bad", "tie"),
    2: ("tie", "tie", "good"),
    3: ("good", "bad", "tie"),
}


def test_most_raters_choose_and_ties_and_splits_are_left_out_and_counted(tmp_path: Path, run: Run) -> None:
    ratings, _ = pairwise(tmp_path, VOTES)
    ran = run("annotate", "pairs", ratings.path, "--out", tmp_path / "p", "--json")
    assert ran.code == 0, ran.err
    made = open_artifact(tmp_path / "p")
    assert made.manifest["facts"]["outcomes"] == {"a tie, by most raters": 1, "pair": 10, "raters are split": 1}
    pairs = {row["pair_id"]: row for row in made.scan("preference").collect().iter_rows(named=True)}
    assert pairs["p000"]["chosen"] == "good says 0"
    assert pairs["p001"]["chosen"] == "bad says 1"
    assert pairs["p001"]["rejected"] == "good says 1"
    assert pairs["p000"]["evidence"] == "2 of 3 raters"
    assert pairs["p000"]["prompt"] == [{"role": "user", "content": "q 0", "tags": []}]
    assert pairs["p000"]["chosen_score"] is None
    require(made.scan("preference"), PREFERENCE, who="pairs")


def test_a_margin_leaves_close_calls_out(tmp_path: Path, run: Run) -> None:
    ratings, _ = pairwise(tmp_path, VOTES)
    assert run("annotate", "pairs", ratings.path, "--margin", "2", "--out", tmp_path / "p").code == 0
    outcomes = open_artifact(tmp_path / "p").manifest["facts"]["outcomes"]
    # Two to one leads by one; two and a tie leads by two.
    assert outcomes["lead below the margin"] == 1
    assert outcomes["pair"] == 9


def test_training_takes_the_pairs_and_never_those_of_a_test_split(tmp_path: Path, run: Run) -> None:
    ratings, _ = pairwise(tmp_path / "a", {})
    ran = run("annotate", "pairs", ratings.path, "--out", tmp_path / "p")
    assert "xinheng train socratic_dpo" in ran.out
    taken = preference_pairs(open_artifact(tmp_path / "p"))
    assert {key: len(rows) for key, rows in taken.items()} == {"train": 12}
    assert taken["train"][0][2:] == ("good says 0", "bad says 0")
    held, _ = pairwise(tmp_path / "b", {}, split="test")
    ran = run("annotate", "pairs", held.path, "--out", tmp_path / "t")
    assert "none to train on" in ran.out
    assert set(preference_pairs(open_artifact(tmp_path / "t"))) == {"test"}


def test_pairs_need_the_predictions_that_were_rated(tmp_path: Path, run: Run) -> None:
    ratings, runs = pairwise(tmp_path, {})
    predictions(tmp_path / "bad", "bad", question="another question")
    ran = run("annotate", "pairs", ratings.path, "--out", tmp_path / "p")
    assert ran.code == 2
    assert "made anew" in ran.err
    other = ("--predictions", runs[0].path, "--predictions", tmp_path / "bad")
    ran = run("annotate", "pairs", ratings.path, *other, "--out", tmp_path / "p")
    assert "did not answer the same" in ran.err
    assert "another question" not in ran.err
    plan = rated(tmp_path / "plan", items(3))
    assert "which question says" in run("annotate", "pairs", plan.path).err


GREETED = [("tone", "warm"), ("intent", "greet")]
DIALOGUES: list[dict[str, Any]] = [
    {"dialogue_id": "d#1", "topics": ["stress"], "tags": [("client", []), ("counsellor", GREETED)]},
    {"dialogue_id": "d2", "topics": [], "tags": [("client", []), ("counsellor", [])]},
    {"dialogue_id": "d3", "topics": ["stress"], "tags": [("client", []), ("counsellor", [("tone", "calm")])]},
]  # fmt: skip


def tagged(place: Path) -> Artifact:
    rows = [
        {
            "dialogue_id": one["dialogue_id"], "client_id": None, "language": "en", "topics": one["topics"],
            "turns": [{"role": role, "text": f"private {n}", "tags": [{"axis": a, "value": v} for a, v in tags]}
                      for n, (role, tags) in enumerate(one["tags"])],
            "source": "s", "licence": "MIT", "origin": "f:1",
        }
        for one in DIALOGUES
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=DIALOGUE).with_columns(split=pl.lit("train"))
    facts = {"title": {"en": "D", "zh": "對話"}, "splits": {"train": 3}}
    return write(place, kind="dataset", name="talks", tables={"dialogue": frame}, facts=facts)


def turn_items() -> list[dict[str, Any]]:
    shown = {one["dialogue_id"]: [{"axis": a, "value": v} for a, v in one["tags"][1][1]] for one in DIALOGUES}
    return [
        item(f"t{n}", f"{one['dialogue_id']}#1", group_id=one["dialogue_id"],
             hidden=json.dumps({"tags": shown[str(one["dialogue_id"])]}))
        for n, one in enumerate(DIALOGUES)
    ]  # fmt: skip


def wants(told: Mapping[tuple[str, str], list[list[str] | None]], unsure: str = "") -> Any:
    """Per item and axis what raters a, b, c want; an empty list, so that it stays, elsewhere."""

    def say(one: Mapping[str, Any], rater: str, question: Question) -> Any:
        if question.name == "verdict":
            return "unsure" if rater == unsure else "wrong"
        if question.kind != "multi_label":
            return None
        given = told.get((one["item_id"], question.name))
        return given["abc".index(rater)] if given else []

    return say


def test_corrected_tags_make_a_new_dataset_and_the_old_one_stays(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    before = dataset.scan("dialogue").collect()
    told: dict[tuple[str, str], list[list[str] | None]] = {
        ("t0", "tone"): [["gentle", "calm"], ["calm", "gentle"], []],
        ("t0", "intent"): [["none_found"], ["none_found"], ["none_found"]],
        ("t1", "tone"): [["warm"], ["calm"], []],
        ("t2", "tone"): [["calm"], ["calm"], ["warm"]],
    }
    ratings = rated(tmp_path, turn_items(), name="tag_correction", say=wants(told))
    ran = run("annotate", "corrections", ratings.path, "--onto", dataset.path, "--out", tmp_path / "new")
    assert ran.code == 0, ran.err
    assert open_artifact(dataset.path).digest == dataset.digest
    made = open_artifact(tmp_path / "new")
    after = made.scan("dialogue").collect()
    tags = {row["dialogue_id"]: row["turns"][1]["tags"] for row in after.iter_rows(named=True)}
    assert tags["d#1"] == [{"axis": "tone", "value": "gentle"}, {"axis": "tone", "value": "calm"}]
    assert tags["d2"] == []
    assert tags["d3"] == [{"axis": "tone", "value": "calm"}]
    assert after.drop("turns").equals(before.drop("turns"))
    changes = {(r["dialogue_id"], r["axis"]): r for r in made.scan("correction").collect().iter_rows(named=True)}
    one = changes["d#1", "tone"]
    assert (one["turn"], one["before"], one["after"], one["by"]) == (1, ["warm"], ["gentle", "calm"], "a, b")
    assert (one["how"], one["votes"], one["voters"], one["item_id"]) == ("majority", 2, 3, "t0")
    assert changes["d#1", "intent"]["after"] == []
    assert changes["d2", "tone"]["outcome"] == "split"
    assert changes["d3", "tone"]["outcome"] == "confirmed"
    assert {parent["kind"] for parent in made.manifest["parents"]} == {"dataset", "ratings"}
    assert made.manifest["facts"]["dialogues"] == {"all": 3, "changed": 1}


def test_corrections_of_one_kind_never_take_the_place_of_anothers(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    told: dict[tuple[str, str], list[list[str] | None]] = {("t0", "tone"): [["gentle"], ["gentle"], ["gentle"]]}
    ratings = rated(tmp_path / "a", turn_items(), name="tag_correction", say=wants(told))
    made = run("annotate", "corrections", ratings.path, "--onto", dataset.path, "--json")
    assert run("annotate", "corrections", ratings.path, "--onto", dataset.path).code == 0, "the same once more"
    place, task = json.loads(made.out)["path"], open_artifact(tmp_path / "a" / "task")
    other = write(
        tmp_path / "other", kind="ratings", name="others", facts=ratings.manifest["facts"], parents=[task],
        tables={name: ratings.scan(name).collect() for name in ratings.manifest["tables"]},
    )  # fmt: skip
    ran = run("annotate", "corrections", other.path, "--onto", dataset.path, "--task", task.path)
    assert (ran.code, "corrections by other ratings are there" in ran.err) == (2, True), ran.err
    assert open_artifact(Path(place)).digest == json.loads(made.out)["digest"]


def test_who_is_unsure_or_alone_changes_nothing(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    told: dict[tuple[str, str], list[list[str] | None]] = {
        ("t1", "tone"): [["warm"], None, None],
        # With the one who is unsure left out, the vote is one to one.
        ("t0", "tone"): [["calm"], [], []],
        # Both at once says nothing.
        ("t2", "tone"): [["warm", "none_found"], ["warm"], []],
    }
    ratings = rated(tmp_path, turn_items(), name="tag_correction", say=wants(told, unsure="c"))
    assert run("annotate", "corrections", ratings.path, "--onto", dataset.path, "--out", tmp_path / "new").code == 0
    found = open_artifact(tmp_path / "new").scan("correction").filter(pl.col("axis") == "tone").collect()
    outcome = dict(found.select("item_id", "outcome").iter_rows())
    assert outcome == {"t0": "split", "t1": "one rater only", "t2": "one rater only"}


def test_tags_that_changed_since_they_were_shown_are_left_alone(tmp_path: Path, run: Run) -> None:
    told: dict[tuple[str, str], list[list[str] | None]] = {("t0", "tone"): [["calm"]] * 3}
    shown = turn_items()
    shown[0]["hidden"] = json.dumps({"tags": [{"axis": "tone", "value": "neutral"}]})
    ratings = rated(tmp_path, shown, name="tag_correction", say=wants(told))
    dataset = tagged(tmp_path / "talks")
    assert run("annotate", "corrections", ratings.path, "--onto", dataset.path, "--out", tmp_path / "new").code == 0
    found = open_artifact(tmp_path / "new").scan("correction").filter(pl.col("item_id") == "t0").collect()
    outcome = dict(found.select("axis", "outcome").iter_rows())
    assert outcome["tone"] == "the tags are no longer those that were shown"
    assert open_artifact(tmp_path / "new").manifest["facts"]["dialogues"]["changed"] == 0


def test_topics_belong_to_the_dialogue(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    rows = [item("t0", "d#1", hidden=json.dumps({"topics": ["stress"]}))]
    say = wants({("t0", "topic"): [["anxiety"], ["anxiety"], []]})
    ratings = rated(tmp_path, rows, name="tag_correction_topic", say=say)
    assert run("annotate", "corrections", ratings.path, "--onto", dataset.path, "--out", tmp_path / "new").code == 0
    after = open_artifact(tmp_path / "new").scan("dialogue").collect()
    assert dict(after.select("dialogue_id", "topics").iter_rows())["d#1"] == ["anxiety"]
    assert after["turns"].equals(dataset.scan("dialogue").collect()["turns"])


def test_adjudicated_answers_come_before_the_raters(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    ratings = rated(tmp_path, turn_items(), name="tag_correction", say=wants({}))
    about = {"question": "tone", "case_id": "d#1#1"}
    rows = [
        {"item_id": "t0", **about, "answer": '["calm"]', "how": "adjudicated", "by": "lin"},
        {"item_id": "t1", **about, "case_id": "d2#1", "answer": None, "how": "undecided", "by": ""},
    ]  # fmt: skip
    final = write(tmp_path / "final", kind="final_labels", name="x", tables={"final": pl.DataFrame(rows)},
                  facts={}, parents=[ratings])  # fmt: skip
    command = ("annotate", "corrections", ratings.path, "--onto", dataset.path, "--out", tmp_path / "new", "--final")
    assert run(*command, final.path).code == 0
    found = open_artifact(tmp_path / "new").scan("correction").collect()
    assert found.select("dialogue_id", "outcome", "how", "by").rows() == [
        ("d#1", "changed", "adjudicated", "lin"),
        ("d2", "split", "split", ""),
    ]
    after = open_artifact(tmp_path / "new").scan("dialogue").filter(pl.col("dialogue_id") == "d#1").collect()
    # The new value stands where the old one stood, before the other axis.
    tags = after["turns"][0][1]["tags"]
    assert tags == [{"axis": "tone", "value": "calm"}, {"axis": "intent", "value": "greet"}]
    other = write(tmp_path / "other", kind="final_labels", name="x", tables={"final": pl.DataFrame(rows)}, facts={})
    assert "of other ratings" in run(*command, other.path).err


def test_corrections_of_other_things_are_refused(tmp_path: Path, run: Run) -> None:
    dataset = tagged(tmp_path / "talks")
    plan = rated(tmp_path / "plan", items(3))
    assert "no ratings of tags" in run("annotate", "corrections", plan.path, "--onto", dataset.path).err
    elsewhere = [item("t", "somewhere#0", hidden=None)]
    ratings = rated(tmp_path / "e", elsewhere, name="tag_correction", say=wants({}))
    assert "none of the dialogues" in run("annotate", "corrections", ratings.path, "--onto", dataset.path).err
    run_of = predictions(tmp_path / "p", "x")
    assert "no dialogues" in run("annotate", "corrections", ratings.path, "--onto", run_of.path).err
    assert graded()(elsewhere[0], "a", Question("remark", "text", {})) == "something private"
