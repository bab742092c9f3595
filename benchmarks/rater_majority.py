"""What raters decided together: the answer that more than half of them gave, or that there is none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from benchmarks.rater_answers import MULTI_LABEL, PLAIN, SPAN, TEXT, Asked

AGREED: Final = "agreed"
MAJORITY: Final = "majority"
SPLIT: Final = "split"

# One row per item and question. `answer` is JSON, null where `how` is split; `votes` of `voters` gave it (of a split:
# its commonest answer), `lead` is how many more than the next.
DECISION: Final[Mapping[str, pl.DataType]] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "group_id": pl.String(),
    "question": pl.String(),
    "answer": pl.String(),
    "how": pl.String(),
    "votes": pl.UInt32(),
    "voters": pl.UInt32(),
    "lead": pl.UInt32(),
}


def decisions(answers: pl.DataFrame, asked: Sequence[Asked]) -> pl.DataFrame:
    """DECISION rows of the plain answers, by item and question; free texts and spans have none.

    All voters: agreed; more than half: majority; else split. Sets of labels count as a whole: two raters who want other
    sets disagree, also where the sets share labels. One voter alone agrees with himself, and `voters` tells it.

    Args:
        answers: ANSWER rows.
        asked: The questions.
    """
    kinds = {question.name: question.kind for question in asked if question.kind not in (TEXT, SPAN)}
    plain = answers.filter((pl.col("role") == PLAIN) & pl.col("question").is_in(list(kinds)))
    rows = []
    about = ["item_id", "case_id", "group_id", "question"]
    grouped = plain.group_by(about).agg("answer").sort("item_id", "question")
    for *names, given in grouped.iter_rows():
        votes = Counter(as_one(text, kinds[names[3]]) for text in given)
        rows.append({**dict(zip(about, names, strict=True)), **decided(votes)})
    return pl.DataFrame(rows, schema=DECISION)


def as_one(text: str, kind: str) -> str:
    """An answer in the one way of writing it: numbers alike, labels of a set in order.

    >>> as_one('["b", "a"]', "multi_label"), as_one("3.0", "rating"), as_one("3", "rating")
    ('["a", "b"]', '3', '3')
    """
    value: Any = json.loads(text)
    if kind == MULTI_LABEL:
        value = sorted(set(value))
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def decided(votes: Mapping[str, int]) -> dict[str, Any]:
    """Answer, how, votes, voters and lead of what was voted for.

    >>> decided({'"left"': 2, '"tie"': 1})
    {'answer': '"left"', 'how': 'majority', 'votes': 2, 'voters': 3, 'lead': 1}
    """
    ranked = sorted(votes.items(), key=lambda pair: (-pair[1], pair[0]))
    voters = sum(votes.values())
    first, most = ranked[0] if ranked else (None, 0)
    lead = most - (ranked[1][1] if len(ranked) > 1 else 0)
    how = SPLIT if not voters or most * 2 <= voters else AGREED if most == voters else MAJORITY
    return {"answer": None if how == SPLIT else first, "how": how, "votes": most, "voters": voters, "lead": lead}
