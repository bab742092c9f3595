"""Verdicts read from judges: real stored ones come out exactly, and what is no grade is none."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.judge import messages, read_grade, read_verdict, schema, summary_grade, words
from benchmarks.kappa import cohen_kappa
from benchmarks.rubrics import Dimension, names, rubric
from xinheng.chat.structured import checker
from xinheng.errors import UsageError
from xinheng.messages import Message, Reply
from xinheng.tables import LANGUAGES

CLIENT = [Message("user", "我最近睡不好。")]
HUNDREDTHS = Dimension("score", "grade", 0, 10, 0.01, {}, {}, {})
WHOLE = Dimension("score", "grade", 0, 10, 1, {}, {}, {})


def value(text: str, of: Any = "empathy") -> float | None:
    grade = read_grade(text, of)
    return None if grade is None else grade.value


@pytest.mark.parametrize(
    "text",
    [
        "", " \n", "\x07\u200b", "I cannot grade this.", "八分", "Grade: eight", "得分：八", "十分好",
        "0", "11", "Grade: 11", "Grade: -3", "Grade: 80", "100", "7.5", "Grade: 7.5", "4/5", "Grade: 8/10",
        "Grade: 8 out of 10", "8-9", "Grade: 8-9", "Grade: 8 to 9", "得分：8到9", "8 or 9", "Grade: 8 or 9",
        "Grade: 8, grade: 3", "Rating: [[8]] Rating: [[3]]", "Grade: 8%", "Grade: 8e0", "Grade: 1O", "8 9",
        "<think>Grade: 8", "Between 7 and 8.", "My grade for the 3 sentences", "1. 2. 3.",
        '{"empathy": "8"}', '{"empathy": true}', '{"empathy": 8.5}', '{"empathy": 0}', '{"empathy": null}',
        '{"empathy": 8', '{"empathy": 8, "empathy": 3}', '{"empathy": [8]}', '{"empathy": 8} {"empathy": 9}', "[8]",
        "Grade: 8\n" + "x" * 200_000,
    ],
)  # fmt: skip
def test_what_is_no_grade_is_none(text: str) -> None:
    assert read_grade(text, "empathy") is None


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("8", 8), (" 8. ", 8), ("１０", 10), ("10分", 10), ("8 points", 8), ("[[8]]", 8), ("Rating: [[8]]", 8),
        ("Grade: 10", 10), ("Grade: 1", 1), ("**Grade:** 8", 8), ("Score = 8.", 8), ("得分：8，理由如下", 8),
        ("同理心：6", 6),
        ("The grade is 8, because of 3 kind words.", 8), ("Grade: 8. I repeat: grade: 8", 8), ("Grade: 8.0", 8),
        ("<think>Grade: 3</think>Grade: 7", 7), ('{"reason": "2 of 3", "empathy": 9}', 9),
        ('```json\n{"empathy": 9}\n```', 9), ('Here: {"reason": "score: 2", "empathy": 9}', 9),
        ('{"得分": 9}', 9), ("9", 9),
    ],
)  # fmt: skip
def test_one_whole_grade_is_read(text: str, grade: float) -> None:
    assert value(text) == grade


def test_one_of_ten_is_nothing_and_ten_is_all() -> None:
    assert [read_grade(t, "empathy").normalised for t in ("1", "10")] == [0.0, 1.0]
    assert read_grade("empathy: 3", "human", "empathy").normalised == 0.5


@given(st.integers(-3, 14), st.sampled_from(["{}", "Grade: {}", "得分：{}", '{{"empathy": {}}}', "Rating: [[{}]]"]))
def test_exactly_the_grades_of_the_scale_are_read(number: int, form: str) -> None:
    assert value(form.format(number)) == (number if 1 <= number <= 10 else None)


@given(st.text(max_size=60))
def test_any_text_gives_a_grade_of_the_scale_or_none(text: str) -> None:
    found = value(text)
    assert found is None or found in range(1, 11)


def test_psyevals_scores_come_out_exactly(shared_data: Path) -> None:
    path = shared_data / "judge/PsyEval/Qwen3-32B.dsv3_score_psyeval3-plus.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = [key.removesuffix("_score") for key in rows[0] if key.endswith("_score")]
    assert (len(rows), len(names)) == (24, 15)
    strict = []
    for row in rows:
        read = [read_grade(row[name], HUNDREDTHS, reader="upstream") for name in names]
        assert [grade.value for grade in read] == [row[f"{name}_score"] for name in names]
        assert row["Reward_label"] == pytest.approx(10 * sum(grade.value for grade in read) / len(names), abs=1e-9)
        strict += [(read_grade(row[name], HUNDREDTHS), row[f"{name}_score"]) for name in names]
    # Six of them grade parts of the dialogue too: more than one grade is none; the others are as stored.
    assert [grade is None for grade, _ in strict].count(True) == 6
    assert all(grade is None or grade.value == stored for grade, stored in strict)


def test_llmbars_ratings_give_the_stored_winners(shared_data: Path) -> None:
    path = shared_data / "judge/LLMBar/Natural/evaluators/ChatGPT/Rating/result.json"
    for row in json.loads(path.read_text(encoding="utf-8")):
        told = row["results"][-1]
        first, second = (read_grade(told[name][0], WHOLE).value for name in ("score_1", "score_2"))
        # Of equal scores the publishers let the order decide.
        winners = ("1", "1") if first > second else ("2", "2") if second > first else ("2", "1")
        assert (told["swap = False"]["winner"], told["swap = True"]["winner"]) == winners


@pytest.mark.parametrize("judge", ["CoT", "Rating", "Vanilla"])
def test_llmbars_averages_over_both_orders_come_out(shared_data: Path, judge: str) -> None:
    folder = shared_data / "judge/LLMBar/Natural/evaluators/ChatGPT" / judge
    published = json.loads((folder / "statistics.json").read_text())
    rows = json.loads((folder / "result.json").read_text())
    labels = [row["label"] for row in rows]
    winners = [[row["results"][-1][f"swap = {s}"]["winner"] for row in rows] for s in (False, True)]
    right = [sum(w == str(label) for w, label in zip(of, labels, strict=True)) for of in winners]
    assert published["correct_average"] == f"{sum(right) / 2}%"
    kappas = [cohen_kappa([int(w == "1") for w in of], labels).value for of in winners]
    assert sum(kappas) / 2 == pytest.approx(published["kappa_average"], abs=1e-12)


def test_pandalms_majority_labels_come_out(shared_data: Path) -> None:
    rows = json.loads((shared_data / "ratings/PandaLM/testset-v1.json").read_text())
    votes = [Counter(row[f"annotator{i}"] for i in (1, 2, 3)).most_common(1)[0] for row in rows]
    assert Counter(label for label, _ in votes) == {0: 105, 1: 422, 2: 472}


def test_a_rubric_with_several_grades_is_read_by_name_or_as_its_summary() -> None:
    told = {"reason": "r", "asks_question": True, "on_topic": 5, "helpful": 5, "reveals_answer": False}
    assert read_grade(told, "socratic").value == 1.0
    assert read_grade(told, "socratic", "on_topic").value == 5
    assert read_grade({**told, "helpful": 6}, "socratic") is None
    assert read_grade({**told, "reveals_answer": "no"}, "socratic") is None
    with pytest.raises(UsageError, match="which dimension"):
        read_grade("3", "plan")
    with pytest.raises(UsageError, match="no such rubric"):
        read_grade("3", "nope")


def test_free_text_for_several_grades_needs_their_names() -> None:
    text = "relevance: 4\nempathy: 5\nactionability: 2 or 3\nscore: 1"
    verdict = read_verdict(Reply(text, problem="schema"), rubric("plan"))
    assert verdict.values == {"relevance": 4, "empathy": 5, "actionability": None, "coherence": None}
    assert verdict.unread == {"actionability": "unreadable", "coherence": "unreadable"}
    said = "asks_question: yes\non_topic: 3\nhelpful: 3\nreveals_answer: 沒有"
    assert summary_grade(rubric("socratic"), read_verdict(Reply(said), rubric("socratic"))).value == pytest.approx(0.8)


@pytest.mark.parametrize("problem", ["refused", "filtered", "cut", "empty", "timeout", "overflow"])
def test_a_reply_with_a_problem_has_no_grade_whatever_it_says(problem: Any) -> None:
    verdict = read_verdict(Reply('{"empathy": 9}', problem=problem), rubric("empathy"))
    assert verdict.values == {"empathy": None}
    assert verdict.unread == {"empathy": f"judge: {problem}"}


def test_an_answer_that_was_cut_short_has_no_grade() -> None:
    assert read_grade(Reply("Grade: 1", finish="length"), "empathy") is None
    assert read_grade(Reply("Grade: 1"), "empathy").value == 1


def flagged(present: object, evidence: object) -> Reply:
    clean = {d.name: {"evidence": [], "present": False} for d in rubric("safety").dimensions}
    return Reply("", data={"reason": "r", **clean, "over_promise": {"evidence": evidence, "present": present}})


def test_a_flag_stands_on_words_of_the_text() -> None:
    safety, said = rubric("safety"), "放心，我保證 你一定會好。"
    seen = read_verdict(
        flagged(True, ["「我保證你一定會好」", "沒說過的話"]), safety, judged=said, conversation="我想死"
    )
    assert seen.values["over_promise"] == 1.0
    assert seen.grades["over_promise"].evidence == ("「我保證你一定會好」",)
    for evidence, why in (
        ([], "without evidence"),
        (["沒說過的話"], "does not stand"),
        ("我保證", "without"),
        ([""], "without"),
    ):
        unread = read_verdict(flagged(True, evidence), safety, judged=said)
        assert unread.values["over_promise"] is None
        assert why in unread.unread["over_promise"]
    assert read_verdict(flagged(False, []), safety, judged=said).values["over_promise"] == 0.0
    assert read_verdict(flagged("yes", ["我保證"]), safety, judged=said).values["over_promise"] is None
    assert read_grade("over_promise: yes", safety, "over_promise") is None, "free text has no evidence"


def test_the_evidence_of_a_missed_crisis_is_the_clients() -> None:
    told = {d.name: {"evidence": [], "present": False} for d in rubric("safety").dimensions}
    told["crisis_missed"] = {"evidence": ["我不想活了"], "present": True}
    seen = read_verdict(Reply("", data=told), rubric("safety"), judged="多喝水。", conversation="我不想活了。")
    assert seen.values["crisis_missed"] == 1.0
    other = read_verdict(Reply("", data=told), rubric("safety"), judged="我不想活了", conversation="我很好。")
    assert other.values["crisis_missed"] is None


@pytest.mark.parametrize("name", names())
def test_a_schema_puts_the_reason_first_and_takes_no_other_grades(name: str) -> None:
    one = rubric(name)
    form = schema(one)
    assert list(form["properties"]) == ["reason", *(d.name for d in one.dimensions)]
    best = {
        d.name: {"grade": int(d.high), "yes_no": True, "flag": {"evidence": [], "present": False}}[d.kind]
        for d in one.dimensions
    }
    check = checker(form)
    assert check({"reason": "r", **best}) == ""
    assert check(best), "a reason is wanted"
    graded = [d for d in one.dimensions if d.kind == "grade"]
    for d in graded:
        assert check({"reason": "r", **best, d.name: d.high + 1})
        assert check({"reason": "r", **best, d.name: d.low + 0.5})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", names())
def test_the_prompt_has_every_anchor_and_the_material_between_marks(name: str, language: str) -> None:
    one = rubric(name)
    system, user = messages(one, CLIENT, "多喝水。", language=language, reference="你辛苦了。")
    for d in one.dimensions:
        assert d.asks[language] in system.content
        assert all(texts[language] in system.content for texts in d.anchors.values())
    assert "{" not in system.content.replace("{evidence", ""), "nothing is left to be filled in"
    mark = re.search(r"⟦([0-9a-f]{16}) ", user.content)[1]
    assert user.content.count(mark) == 7
    assert user.content.index("睡不好") < user.content.index("你辛苦了") < user.content.index("多喝水")
    assert all(words(language)[part] in user.content for part in ("conversation", "reference", "reply"))


def test_the_rubric_is_the_same_for_all_cases_and_the_mark_is_not() -> None:
    first, second = (messages(rubric("plan"), CLIENT, text, language="en") for text in ("a", "b"))
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert messages(rubric("plan"), CLIENT, "a", language="en") == first, "the same on every machine, to be resumed"


def test_the_instructions_of_the_judged_system_are_not_shown() -> None:
    shown = messages(rubric("plan"), [Message("system", "SECRET"), *CLIENT], "a", language="en")
    assert not any("SECRET" in one.content for one in shown)


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(UsageError, match="no words in 'fr'"):
        messages(rubric("plan"), CLIENT, "a", language="fr")
