"""What could be rated: answers of systems, pairs of them, dialogues or their turns, with what was left out and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import polars as pl

from annotation.assignment import sides
from annotation.sampling import lot
from annotation.showing import cells, conversation, messages_of, reply, tags_shown, topics_shown
from annotation.templates import Template
from counselling.judge_guard import visible
from xinheng.errors import InputError, UsageError
from xinheng.tables import COUNSELLOR

# What is shown is made for the cases that are drawn, not for all: `Pool.rows` gives ITEM-like rows.
DRAWN: Final = (
    "case_id",
    "group_id",
    "system",
    "left_system",
    "right_system",
    "stratum",
    "language",
    "shown",
    "hidden",
)


@dataclass(frozen=True)
class Run:
    """One system's answers.

    Args:
        system: Who answered.
        cases: CASE rows, and `stratum`.
        predictions: PREDICTION rows.
        scores: SCORE rows of judges, for `hidden`; raters never see them.
    """

    system: str
    cases: pl.DataFrame = field(repr=False)
    predictions: pl.DataFrame = field(repr=False)
    scores: pl.DataFrame | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Pool:
    """Cases that can be drawn, and what is needed to show them.

    Args:
        cases: One row per case: case_id, group_id, stratum, language, and what is shown.
        answers: System to case to its answer; empty where dialogues are rated.
        left_out: Reason to count.
        hidden: System and case to what no rater may see.
    """

    cases: pl.DataFrame = field(repr=False)
    answers: Mapping[str, Mapping[str, str]] = field(repr=False)
    left_out: Mapping[str, int]
    hidden: Mapping[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def systems(self) -> list[str]:
        """Who answered, sorted."""
        return sorted(self.answers)


def of_answers(runs: Sequence[Run], template: Template) -> Pool:
    """The cases that every system answered usably; what was not answered, empty or only thought is counted.

    Of a case that was asked in several variants the first counts.

    Raises:
        UsageError: A system twice, one system for pairs, or turns of answers.
        InputError: Systems answered different conversations under one id.
    """
    _require_systems(runs, template)
    left_out: Counter[str] = Counter()
    answers: dict[str, dict[str, str]] = {}
    for run in runs:
        usable: dict[str, str] = {}
        seen: set[str] = set()
        for row in run.predictions.sort("case_id", "variant").iter_rows(named=True):
            if row["case_id"] in seen:
                left_out["another variant of the same case"] += 1
                continue
            seen.add(row["case_id"])
            text = "" if row["problem"] is not None else reply(row["text"])
            if text:
                usable[row["case_id"]] = text
            else:
                nothing = "only thoughts" if visible(row["text"]).strip() else "empty"
                left_out[f"answer: {row['problem'] or nothing}"] += 1
        answers[run.system] = usable
    cases = _same_cases(runs)
    by_all = [name for name in cases["case_id"] if all(name in usable for usable in answers.values())]
    if template.layout == "pair":
        alike = [name for name in by_all if len({_plain(usable[name]) for usable in answers.values()}) == 1]
        left_out["cases with the same answer of every system"] += len(alike)
        by_all = sorted(set(by_all) - set(alike))
    if len(runs) > 1:
        lost = cases.height - len(by_all) - left_out["cases with the same answer of every system"]
        left_out["cases not answered by every system"] += lost
    hidden: dict[tuple[str, str], Any] = {}
    for run in runs:
        if run.scores is not None:
            for row in run.scores.select("case_id", "scorer", "part", "value").iter_rows(named=True):
                told = {"scorer": row["scorer"], "part": row["part"], "value": row["value"]}
                hidden.setdefault((run.system, row["case_id"]), []).append(told)
    counted = {reason: n for reason, n in sorted(left_out.items()) if n}
    return Pool(cases.filter(pl.col("case_id").is_in(by_all)), answers, counted, hidden)


def _require_systems(runs: Sequence[Run], template: Template) -> None:
    names = [run.system for run in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError("plan", "a system twice", want="predictions of different systems", have=", ".join(twice))
    if template.layout == "pair" and len(runs) < 2:
        raise UsageError(
            "plan", f"the template {template.name} compares two answers", want="predictions of two or more systems",
            have=", ".join(names), mend="Name the predictions of another system on the same cases as well.",
        )  # fmt: skip
    if template.layout == "turn":
        raise UsageError("plan", f"the template {template.name} is about tagged dialogues", have="predictions")


def _same_cases(runs: Sequence[Run]) -> pl.DataFrame:
    """The cases of all runs, once each."""
    first = runs[0].cases
    for run in runs[1:]:
        both = first.select("case_id", "messages").join(
            run.cases.select("case_id", other="messages"), on="case_id", how="inner"
        )
        said = zip(both["messages"].to_list(), both["other"].to_list(), strict=True)
        other = sum(messages_of(one) != messages_of(two) for one, two in said)
        if other or not both.height:
            raise InputError(
                "plan", f"{runs[0].system} and {run.system} did not answer the same", want="the same cases",
                have=f"{both.height:,} of the same id, {other:,} of them with another conversation",
            )  # fmt: skip
        first = pl.concat([first, run.cases.join(first, on="case_id", how="anti")], how="diagonal_relaxed")
    return first.sort("case_id")


def of_dialogues(rows: pl.DataFrame, template: Template) -> Pool:
    """Dialogues, or their turns, that can be rated as they stand.

    For a template about one answer that is the counsellor's last turn, behind what was said before.

    Args:
        rows: DIALOGUE rows, and `stratum`.
        template: What is asked.

    Raises:
        UsageError: Pairs of answers, which dialogues do not have.
    """
    if template.layout == "pair":
        raise UsageError(
            "plan", f"the template {template.name} compares two answers", want="predictions of two systems",
            have="dialogues",
        )  # fmt: skip
    left_out: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    for row in rows.sort("dialogue_id").iter_rows(named=True):
        turns = [turn for turn in row["turns"] or [] if turn["text"] and turn["text"].strip()]
        if not turns:
            left_out["dialogues without a word"] += 1
            continue
        said = messages_of(turns)
        group = row.get("client_id") or row["dialogue_id"]
        case = {"group_id": group, "stratum": row["stratum"], "language": row["language"]}
        if template.layout == "turn":
            # Numbers are those of the row's turns, so that a correction finds its way back.
            for number, turn in enumerate(row["turns"]):
                if turn["role"] == template.role and turn["text"] and turn["text"].strip():
                    told = {"turns": messages_of(row["turns"]), "here": number, "tags": turn["tags"]}
                    found.append({"case_id": f"{row['dialogue_id']}#{number}", **case, "told": told})
        elif template.layout == "answer":
            last = max((i for i, turn in enumerate(turns) if turn["role"] == COUNSELLOR), default=0)
            if last == 0:
                left_out["dialogues without a counsellor's turn behind a client's"] += 1
                continue
            found.append(
                {"case_id": row["dialogue_id"], **case, "told": {"turns": said[:last], "reply": said[last][1]}}
            )
        else:
            told = {"turns": said, "topics": row.get("topics")}
            found.append({"case_id": row["dialogue_id"], **case, "told": told})
    schema = {"case_id": pl.String, "group_id": pl.String, "stratum": pl.String, "language": pl.String}
    cases = pl.DataFrame([{k: v for k, v in one.items() if k != "told"} for one in found], schema=schema)
    cases = cases.with_columns(told=pl.Series([one["told"] for one in found], dtype=pl.Object))
    return Pool(cases, {}, dict(sorted(left_out.items())))


def rows_of(
    pool: Pool, drawn: Sequence[str], template: Template, *, language: str, seed: int, system: str | None = None
) -> list[dict[str, Any]]:
    """What is shown of the drawn cases: one row per case and system, or per case and two systems.

    Args:
        pool: From `of_answers` or `of_dialogues`.
        drawn: Cases.
        template: What is asked.
        language: Of turn marks.
        seed: Of the sides of pairs.
        system: Only answers of this one.

    Returns:
        Rows of the columns `DRAWN`, by case and system.
    """
    wanted = pool.cases.filter(pl.col("case_id").is_in(list(drawn))).sort("case_id")
    made: list[dict[str, Any]] = []
    pairs: list[tuple[dict[str, Any], str, str]] = []
    for case in wanted.iter_rows(named=True):
        row = {
            "case_id": case["case_id"], "group_id": case["group_id"], "system": None, "left_system": None,
            "right_system": None, "stratum": case["stratum"], "language": case["language"],
        }  # fmt: skip
        if not pool.answers:
            made.append(_of_dialogue(row, case["told"], template, language))
            continue
        said = messages_of(case["messages"])
        if template.layout == "pair":
            texts = {name: pool.answers[name][case["case_id"]] for name in pool.systems}
            pairs += [(case, a, b) for a, b in combinations(pool.systems, 2) if _plain(texts[a]) != _plain(texts[b])]
            continue
        for name in pool.systems if system is None else [system]:
            text = pool.answers[name][case["case_id"]]
            scores = pool.hidden.get((name, case["case_id"]))
            hidden = json.dumps({"scores": scores}, ensure_ascii=False) if scores else None
            shown = (
                {"dialogue": conversation([*said, ("assistant", text)], language)}
                if template.layout == "dialogue"
                else {"conversation": conversation(said, language), "reply": text}
            )
            made.append({**row, "system": name, "shown": cells(shown), "hidden": hidden})
    return made + _mixed(pool, pairs, language, seed)


def _mixed(
    pool: Pool, pairs: Sequence[tuple[Mapping[str, Any], str, str]], language: str, seed: int
) -> list[dict[str, Any]]:
    """Pairs with their sides by lot, of every two systems half and half."""
    by_lot = sorted(pairs, key=lambda pair: lot(seed, "side", f"{pair[0]['case_id']}\x1f{pair[1]}\x1f{pair[2]}"))
    made = []
    for (case, a, b), swapped in zip(by_lot, sides([(a, b) for _, a, b in by_lot], seed=seed), strict=True):
        left, right = (b, a) if swapped else (a, b)
        name = case["case_id"]
        scores = {system: pool.hidden.get((system, name)) for system in (left, right)}
        shown = {
            "conversation": conversation(messages_of(case["messages"]), language),
            "left": pool.answers[left][name],
            "right": pool.answers[right][name],
        }
        made.append({
            "case_id": name, "group_id": case["group_id"], "system": None, "left_system": left, "right_system": right,
            "stratum": case["stratum"], "language": case["language"], "shown": cells(shown),
            "hidden": json.dumps({"scores": scores}, ensure_ascii=False) if any(scores.values()) else None,
        })  # fmt: skip
    return sorted(made, key=lambda row: (row["case_id"], *sorted((row["left_system"], row["right_system"]))))


def _of_dialogue(row: dict[str, Any], told: Mapping[str, Any], template: Template, language: str) -> dict[str, Any]:
    hidden: str | None = None
    if template.layout == "turn":
        role, text = told["turns"][told["here"]]
        shown = {
            "dialogue": conversation(told["turns"], language, here=told["here"]),
            "turn": reply(text) or text,
            "tags": tags_shown(role, told["tags"], language),
        }
        hidden = json.dumps({"tags": told["tags"]}, ensure_ascii=False)
    elif template.layout == "answer":
        shown = {"conversation": conversation(told["turns"], language), "reply": reply(told["reply"]) or told["reply"]}
    else:
        shown = {"dialogue": conversation(told["turns"], language)}
        if template.role is None and any(question.name == "topic" for question in template.questions):
            shown["tags"] = topics_shown(told["topics"], language)
            hidden = json.dumps({"topics": told["topics"]}, ensure_ascii=False)
    return {**row, "shown": cells(shown), "hidden": hidden}


def _plain(text: str) -> str:
    return "".join(text.split())
