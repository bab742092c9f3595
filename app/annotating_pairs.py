"""What `xinheng annotate pairs` does: pairwise ratings of people as preference pairs to train on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from app import pipeline
from app.annotating_ratings import Ratings
from app.pairs import KIND, divided, shares
from app.recorded import recorded_command
from app.scoring import opened_predictions, system_of
from app.terminal import Terminal
from benchmarks.rater_answers import LABEL, PLAIN, Asked, check
from benchmarks.rater_majority import SPLIT, decisions
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, write
from xinheng.errors import InputError, UsageError
from xinheng.storage import Place, RemotePath, place_of
from xinheng.tables import PREFERENCE
from xinheng.thoughts import without_thoughts

LEFT: Final = "left"
RIGHT: Final = "right"
TIE: Final = "tie"
PAIR: Final = "pair"
CLOSE: Final = "lead below the margin"
NO_MAJORITY: Final = "raters are split"
TIED: Final = "a tie, by most raters"
NO_ANSWER: Final = "the predictions lack an answer"

# What became of each item: `winner` and `loser` are systems, null where nobody won.
OUTCOME: Final[Mapping[str, pl.DataType]] = {
    "item_id": pl.String(),
    "case_id": pl.String(),
    "winner": pl.String(),
    "loser": pl.String(),
    "votes": pl.UInt32(),
    "voters": pl.UInt32(),
    "lead": pl.UInt32(),
    "outcome": pl.String(),
}


def preference_pairs(
    ratings: Ratings,
    predictions: Sequence[Place],
    *,
    question: str | None,
    margin: int,
    seed: int,
    out: Place | None,
) -> Artifact:
    """Preference pairs of what most raters found better, as an artifact that `xinheng train` takes.

    The better answer needs more than half of an item's raters, and `margin` more of them than the other; raters who
    saw a tie count among them. All else is left out, and counted by item.

    Args:
        ratings: Of pairs.
        predictions: What was compared; where the task says it where none are named.
        question: Which question; the only one with the labels left and right where None.
        margin: By how many raters the better answer leads.
        seed: Of the splits, by dialogue.
        out: The folder; below `runs/datasets` where None.

    Raises:
        UsageError: No such question, or the ratings are of no pairs.
        InputError: Predictions are missing, or no pair is left.
    """
    asked = _question(ratings, question)
    check(ratings.answers, ratings.asked)
    if ratings.artifact is None or not {"left_system", "right_system"} <= _columns(ratings):
        raise UsageError(ratings.name, "no ratings of pairs", want="an artifact of ratings, with both sides' systems")
    runs = _runs(ratings, predictions)
    outcome = _outcomes(ratings, asked, margin, runs)
    rows = [_preference(row, runs, ratings.name) for row in outcome.iter_rows(named=True) if row["outcome"] == PAIR]
    counts = dict(outcome.group_by("outcome").len().sort("outcome").iter_rows())
    if not rows:
        have = ", ".join(f"{n:,} {what}" for what, n in counts.items()) or "no item"
        raise InputError(ratings.name, "no pair is left", want="items with a better answer", have=have)
    schema = {**PREFERENCE, "split": pl.String(), "votes": pl.UInt32(), "voters": pl.UInt32()}
    made = pl.DataFrame(rows, schema=schema).sort("pair_id")
    made, certificate = divided(made, seed=seed)
    facts = {
        "title": {
            "en": f"{ratings.title['en']}: preference pairs by people",
            "zh": f"{ratings.title['zh']}：人工偏好配對",
        },
        "table": "preference",
        "rows": outcome.height,
        "rule": f"chosen: the answer that more than half of the item's raters found better, with {margin} or more "
        "raters ahead of the other; ties, splits and closer calls are left out",
        "question": asked.name,
        "margin": margin,
        "outcomes": counts,
        "left_out": dict(ratings.left_out),
        **shares(made),
        "certificate": certificate,
        "command": recorded_command(),
    }
    place = out or pipeline.dataset_path(f"{ratings.name}-preferences")
    parents = [ratings.artifact, *(run.artifact for run in runs.values())]
    name = f"{ratings.name}-preferences"
    return write(
        place, kind=KIND, name=name, tables={"preference": made, "item": outcome}, facts=facts, parents=parents
    )


def _question(ratings: Ratings, name: str | None) -> Asked:
    pairwise = [q for q in ratings.asked if q.kind == LABEL and {LEFT, RIGHT} <= set(q.values)]
    found = [q for q in pairwise if name is None or q.name == name]
    if len(found) != 1:
        have = ", ".join(q.name for q in pairwise) or "none"
        mend = "Choose one with --question." if len(pairwise) > 1 else "Plan one with the template pairwise."
        raise UsageError(
            ratings.name, "which question says what is better?", want=f"one with the labels {LEFT} and {RIGHT}",
            have=have, mend=mend,
        )  # fmt: skip
    return found[0]


def _columns(ratings: Ratings) -> set[str]:
    return set(ratings.artifact.scan("rating").collect_schema().names()) if ratings.artifact else set()


class _Run:
    """One system's predictions: cases and answers by case."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        cases, answers, _ = opened_predictions(artifact)
        self.cases = {row["case_id"]: row for row in cases.iter_rows(named=True)}
        usable = answers.filter(pl.col("problem").is_null()).sort("case_id", "variant")
        self.answers: dict[str, str] = {}
        for case_id, text in usable.select("case_id", "text").iter_rows():
            self.answers.setdefault(case_id, without_thoughts(text).strip())


def _runs(ratings: Ratings, named: Sequence[Place]) -> dict[str, _Run]:
    """System to its predictions, from the places that were named or that the task recorded."""
    places = list(named) or _recorded(ratings)
    runs: dict[str, _Run] = {}
    for place in places:
        run = _Run(open_artifact(place))
        runs[system_of(run.artifact)] = run
    if not runs:
        raise InputError(
            ratings.name, "what was compared is not at hand", want="the predictions of both systems",
            mend="Name them with --predictions, once for each.",
        )  # fmt: skip
    return runs


def _recorded(ratings: Ratings) -> list[Place]:
    """The predictions that the task was drawn from, where they still lie there as they were."""
    holders = [holder for holder in (ratings.task, ratings.artifact) if holder is not None]
    lists = [h.manifest["facts"].get("from") for h in holders]
    told: list[dict[str, Any]] = next((one for one in lists if isinstance(one, list)), [])
    found = []
    for one in told:
        place = place_of(str(one["place"]))
        if isinstance(place, RemotePath) or (place / MANIFEST).is_file():
            opened = open_artifact(place)
            if one.get("digest") not in (None, opened.digest):
                raise InputError(
                    str(place), "predictions were made anew since", want=f"digest {str(one['digest'])[:12]}",
                    have=opened.digest[:12], mend="Name those that were rated with --predictions.",
                )  # fmt: skip
            found.append(place)
    return found


def _outcomes(ratings: Ratings, asked: Asked, margin: int, runs: Mapping[str, _Run]) -> pl.DataFrame:
    """OUTCOME rows by item."""
    if ratings.artifact is None:
        return pl.DataFrame(schema=OUTCOME)
    sides = ratings.artifact.scan("rating").select("item_id", "left_system", "right_system").unique().collect()
    systems = {item: {LEFT: left, RIGHT: right} for item, left, right in sides.iter_rows()}
    own = ratings.answers.filter((pl.col("question") == asked.name) & (pl.col("role") == PLAIN))
    votes: dict[str, Counter[Any]] = {
        item: Counter(json.loads(text) for text in given)
        for item, given in own.group_by("item_id").agg("answer").iter_rows()
    }
    rows = []
    for row in decisions(own, [asked]).iter_rows(named=True):
        choice = json.loads(row["answer"]) if row["answer"] is not None else None
        side: dict[str, str] = systems[row["item_id"]]
        told = votes[row["item_id"]]
        # Raters who saw a tie are on neither side, so that the lead is over the other answer alone.
        other = {LEFT: RIGHT, RIGHT: LEFT}.get(str(choice))
        winner, loser = (side[str(choice)], side[other]) if other else (None, None)
        lead = told[choice] - told[other] if other else 0
        said = all(name and name in runs and runs[name].answers.get(row["case_id"]) for name in (winner, loser))
        outcome = (
            NO_MAJORITY if row["how"] == SPLIT
            else TIED if winner is None
            else CLOSE if lead < margin
            else PAIR if said
            else NO_ANSWER
        )  # fmt: skip
        rows.append({**row, "winner": winner, "loser": loser, "lead": lead, "outcome": outcome})
    return pl.DataFrame([{k: row[k] for k in OUTCOME} for row in rows], schema=OUTCOME).sort("item_id")


def _preference(row: Mapping[str, Any], runs: Mapping[str, _Run], name: str) -> dict[str, Any]:
    winner, loser = runs[row["winner"]], runs[row["loser"]]
    case = winner.cases[row["case_id"]]
    if [_said(m) for m in case["messages"]] != [_said(m) for m in loser.cases[row["case_id"]]["messages"]]:
        raise InputError(
            name, "the two systems did not answer the same", want="one conversation per case",
            have=f"another one in case {row['case_id']}", mend="Name the predictions that were rated.",
        )  # fmt: skip
    return {
        "pair_id": row["item_id"],
        "group_id": case["group_id"],
        "language": case["language"],
        "prompt": [{"role": m["role"], "content": m["content"], "tags": []} for m in case["messages"]],
        "chosen": winner.answers[row["case_id"]],
        "rejected": loser.answers[row["case_id"]],
        "chosen_score": None,
        "rejected_score": None,
        "evidence": f"{row['votes']} of {row['voters']} raters",
        "source": case["source"],
        "licence": case["licence"],
        "origin": case["origin"],
        # People rate what is held back; that must not slip into training.
        "split": case.get("split") or case.get("published_split"),
        "votes": row["votes"],
        "voters": row["voters"],
    }


def _said(message: Mapping[str, Any]) -> tuple[str, str]:
    return message["role"], message["content"]


def show(terminal: Terminal, made: Artifact) -> None:
    """How many pairs there are, what was left out and why, and where they lie."""
    facts = made.manifest["facts"]
    terminal.line(f"{facts['pairs']:,} pairs of {facts['rows']:,} items: {facts['rule']}")
    told = [[outcome, n] for outcome, n in facts["outcomes"].items()]
    terminal.table(["outcome", "items"], told, right=(1,))
    splits = ", ".join(f"{name} {n:,}" for name, n in facts["splits"].items())
    terminal.line(f"splits: {splits}")
    if not facts["splits"].get("train"):
        terminal.line(
            "none to train on: what was rated is held back. Rate answers to cases of train (predict --split)."
        )
    terminal.line(f"pairs  {made.path}  {made.digest[:12]}")
    terminal.line(f"next   xinheng train socratic_dpo --base MODEL --data {made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts})
