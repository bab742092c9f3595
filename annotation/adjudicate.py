"""Settle what raters disagree on: which answers are in dispute, and final labels with who says so.

A question about an item is in dispute when no answer was given by more than half of its raters, or when the highest and
lowest grade lie `spread` or more apart. Only plain items count; free text is a reason and never a label.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from annotation.tables import PLAIN, SUBMITTED
from annotation.task import few
from annotation.templates import Template
from xinheng.errors import UsageError

AGREED: Final = "agreed"
MAJORITY: Final = "majority"
ADJUDICATED: Final = "adjudicated"
UNDECIDED: Final = "undecided"

# One row per plain item and closed question that somebody answered. `answer` is JSON as in RATING rows, null where
# `how` is undecided; `by` names who gave it, with commas.
FINAL: Final = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "question": pl.String(),
    "answer": pl.String(),
    "how": pl.String(),
    "by": pl.String(),
}
DISPUTE: Final = {"item_id": pl.String(), "question": pl.String(), "reason": pl.String()}

OUTCOME: Final = "adjudication"
DECIDED: Final = "decided"


@dataclass(frozen=True)
class Rule:
    """When raters are in dispute.

    Args:
        spread: Grades so far apart are one, whatever the majority; at least 1.
        unanimous: Whether any difference at all is one.
    """

    spread: int = 2
    unanimous: bool = False

    def told(self) -> str:
        """The rule in a sentence."""
        if self.unanimous:
            return "in dispute: not all raters answer the same"
        return f"in dispute: no answer of more than half of the raters, or grades {self.spread} or more apart"


def settled(ratings: pl.DataFrame, template: Template, rule: Rule) -> pl.DataFrame:
    """FINAL rows of what raters say by themselves, sorted by item and question, with `reason` of what is undecided.

    Args:
        ratings: RATING rows; submitted ones of plain items count.
        template: What was asked.
        rule: When they are in dispute.

    Raises:
        UsageError: A rater answers the same twice.
    """
    kinds = {question.name: question.kind for question in template.questions if question.kind != "text"}
    counted = ratings.filter(
        (pl.col("status") == SUBMITTED) & (pl.col("role") == PLAIN) & pl.col("question").is_in(list(kinds))
    ).filter(pl.col("answer").is_not_null())
    twice = counted.filter(pl.struct("item_id", "question", "rater_id").is_duplicated())
    if twice.height:
        raise UsageError(
            "adjudicate", "a rater answers the same twice", want="one answer per item, question and rater",
            have=few(twice["item_id"].unique(maintain_order=True).to_list()),
        )  # fmt: skip
    rows = []
    ordered = counted.sort("item_id", "question", "rater_id")
    for (item, question), votes in ordered.group_by("item_id", "question", maintain_order=True):
        given = [(row["rater_id"], canonical(row["answer"])) for row in votes.iter_rows(named=True)]
        answer, how, reason = _vote(given, graded=kinds[str(question)] == "rating", rule=rule)
        by = ", ".join(rater for rater, said in given if said == answer)
        case = votes["case_id"][0]
        rows.append([item, case, question, answer, how, by, reason])
    return pl.DataFrame(rows, schema={**FINAL, "reason": pl.String()}, orient="row")


def _vote(given: Sequence[tuple[str, str]], *, graded: bool, rule: Rule) -> tuple[str | None, str, str]:
    """The answer of several raters, how it came about, and why there is none."""
    counts = Counter(answer for _, answer in given)
    answer, most = counts.most_common(1)[0]
    if len(given) == 1:
        return None, UNDECIDED, "one rater only"
    if most == len(given):
        return answer, AGREED, ""
    if rule.unanimous:
        return None, UNDECIDED, "raters differ"
    if graded:
        grades = [float(one) for one in counts]
        if max(grades) - min(grades) >= rule.spread:
            return None, UNDECIDED, f"grades {rule.spread} or more apart"
    if 2 * most <= len(given):
        return None, UNDECIDED, "no majority"
    return answer, MAJORITY, ""


def canonical(answer: str) -> str:
    """An answer's JSON written one way: lists in order, so that the same labels are the same answer.

    >>> canonical('["b", "a"]') == canonical('["a","b"]'), canonical("4.0"), canonical('"x"')
    (True, '4', '"x"')
    """
    value = json.loads(answer)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        value = sorted(value, key=lambda one: json.dumps(one, sort_keys=True))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def disputes(found: pl.DataFrame) -> pl.DataFrame:
    """DISPUTE rows of what `settled` left undecided; an answer by one rater alone is none."""
    open_ones = found.filter((pl.col("how") == UNDECIDED) & (pl.col("reason") != "one rater only"))
    return open_ones.select(list(DISPUTE))


def final_labels(found: pl.DataFrame, adjudicated: pl.DataFrame | None) -> pl.DataFrame:
    """FINAL rows: what raters agreed on, and what adjudicators said about the rest.

    Adjudicators decide disputes only; where several do, by majority.

    Args:
        found: What `settled` gave.
        adjudicated: RATING rows of the second task, or None before there is one.
    """
    if adjudicated is None:
        return found.select(list(FINAL))
    voted = adjudicated.filter((pl.col("status") == SUBMITTED) & pl.col("answer").is_not_null())
    hard = voted.filter((pl.col("question") == OUTCOME) & (pl.col("answer") != json.dumps(DECIDED)))
    votes = voted.join(hard.select("item_id", "rater_id"), on=["item_id", "rater_id"], how="anti")
    said: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in votes.sort("item_id", "question", "rater_id").iter_rows(named=True):
        key = (row["item_id"], row["question"])
        said.setdefault(key, []).append((row["rater_id"], row["answer"]))
    contested = {(item, question) for item, question, _ in disputes(found).iter_rows()}
    rows = []
    for row in found.iter_rows(named=True):
        given = [(rater, canonical(answer)) for rater, answer in said.get((row["item_id"], row["question"]), ())]
        if (row["item_id"], row["question"]) in contested and given:
            answer, most = Counter(answer for _, answer in given).most_common(1)[0]
            if 2 * most > len(given):
                by = ", ".join(rater for rater, said_so in given if said_so == answer)
                row |= {"answer": answer, "how": ADJUDICATED, "by": by}
        rows.append([row[name] for name in FINAL])
    return pl.DataFrame(rows, schema=FINAL, orient="row")
