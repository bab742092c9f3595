"""What `xinheng annotate corrections` does: tags that people put right, in a new dataset, each change accounted for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from annotation.tables import RATINGS
from annotation.templates import NONE_FOUND
from app import pipeline
from app.annotating_ratings import Ratings
from app.protection import carried
from app.recorded import recorded_command
from app.terminal import Terminal
from benchmarks.rater_answers import MULTI_LABEL, PLAIN, Asked, check
from benchmarks.rater_majority import AGREED, MAJORITY, SPLIT, as_one, decided
from curation.coverage import coverage
from xinheng.artifacts import MANIFEST, Artifact, open_artifact, write
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.storage import Place
from xinheng.tables import DIALOGUE, require
from xinheng.tags import DEFAULT, DIALOGUE_ROLE

KEEP: Final = "[]"
TOPIC: Final = "topic"
CHANGED: Final = "changed"
CONFIRMED: Final = "confirmed"
ONE_VOTER: Final = "one rater only"
NO_VOTER: Final = "nobody was sure"
MOVED: Final = "the tags are no longer those that were shown"
GONE: Final = "no such dialogue or turn"
_INHERITED: Final = ("languages", "licences", "splits", "recipe")
_TABLE: Final = "final"

# What became of each axis of each turn that people looked at. `turn` is null for topics, which are the dialogue's;
# `after` equals `before` where nothing changed. `by` are the raters or adjudicators who gave the answer.
CORRECTION: Final[Mapping[str, pl.DataType]] = {
    "dialogue_id": pl.String(),
    "turn": pl.Int64(),
    "axis": pl.String(),
    "before": pl.List(pl.String()),
    "after": pl.List(pl.String()),
    "outcome": pl.String(),
    "how": pl.String(),
    "by": pl.String(),
    "votes": pl.UInt32(),
    "voters": pl.UInt32(),
    "item_id": pl.String(),
}


def corrections(ratings: Ratings, onto: Place, *, final: Place | None, out: Place | None) -> Artifact:
    """The dataset with the tags that people settled on, as a new artifact; the old one is only read.

    Each axis of a turn is decided by itself: by more than half of at least two raters, or by what adjudication gave.
    Who left an axis open wants it as it is, unless he was unsure of the turn: then he has no vote. Where the tags are
    no longer those that were shown, nothing is changed. Splits, strata and texts stay as they were.

    Args:
        ratings: Of a tag-correction task.
        onto: The dialogues.
        final: Adjudicated answers, an artifact with a table `final`; None: the raters' majority.
        out: The folder; below `runs/datasets` where None.

    Raises:
        UsageError: The ratings are of no tags, or DATASET holds no dialogues.
        ArtifactError: FINAL is of other ratings.
        InputError: None of the dialogues that were looked at is in it.
    """
    axes = [question for question in ratings.asked if question.kind == MULTI_LABEL and _is_axis(question.name)]
    if not axes:
        raise UsageError(
            ratings.name, "no ratings of tags", want="questions named as the axes of tags",
            have=", ".join(question.name for question in ratings.asked), mend="Plan them with template tag_correction.",
        )  # fmt: skip
    dataset = open_artifact(onto)
    if "dialogue" not in dataset.manifest["tables"]:
        raise UsageError(str(onto), "no dialogues", want="a dataset of dialogues", have=f"kind {dataset.kind}")
    check(ratings.answers, ratings.asked)
    rows = dataset.scan("dialogue").collect()
    require(rows, DIALOGUE, who=str(onto))
    decisions = _adjudicated(ratings, open_artifact(final), axes) if final is not None else _voted(ratings, axes)
    told, made = _applied(rows, decisions, _shown(ratings))
    if told.height and (told["outcome"] == GONE).all():
        raise InputError(
            str(onto), "none of the dialogues that were looked at is in it", want="the dataset the task was drawn from",
            have=f"{rows.height:,} others",
        )  # fmt: skip
    return _written(ratings, dataset, made, told, final, out)


def _is_axis(name: str) -> bool:
    return any(name in axes for axes in DEFAULT.axes.values())


def _voted(ratings: Ratings, axes: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """Per item and axis: answer (JSON or None), how, by, votes, voters; by item and axis."""
    own = ratings.answers.filter(pl.col("role") == PLAIN)
    unsure = set(
        own.filter((pl.col("question") == "verdict") & (pl.col("answer") == '"unsure"'))
        .select("item_id", "rater_id")
        .iter_rows()
    )
    given = own.filter(pl.col("question").is_in([axis.name for axis in axes]))
    about = ["item_id", "case_id", "question"]
    for *names, raters, answers in given.group_by(about).agg("rater_id", "answer").sort(about).iter_rows():
        wanted = {
            rater: as_one(answer, MULTI_LABEL)
            for rater, answer in zip(raters, answers, strict=True)
            if not _void(answer) and not (as_one(answer, MULTI_LABEL) == KEEP and (names[0], rater) in unsure)
        }
        found = decided(Counter(wanted.values()))
        how = NO_VOTER if not wanted else ONE_VOTER if len(wanted) == 1 else found["how"]
        by = ", ".join(sorted(rater for rater, answer in wanted.items() if answer == found["answer"]))
        yield {**dict(zip(about, names, strict=True)), **found, "how": how, "by": by}


def _void(answer: str) -> bool:
    """Whether an answer says both: some labels, and none of them."""
    labels = json.loads(answer)
    return NONE_FOUND in labels and len(labels) > 1


def _adjudicated(ratings: Ratings, final: Artifact, axes: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    who = str(final.path)
    if _TABLE not in final.manifest["tables"]:
        raise ArtifactError(who, "no final answers", want="a table `final`", have=f"kind {final.kind}")
    parents = {str(parent.get("digest")) for parent in final.manifest["parents"]}
    if ratings.artifact is not None and ratings.artifact.digest not in parents:
        raise ArtifactError(
            who, "final answers of other ratings", want=f"those of {ratings.name} ({ratings.artifact.digest[:12]})",
            mend="`xinheng annotate final` writes them.",
        )  # fmt: skip
    rows = final.scan(_TABLE).collect().filter(pl.col("question").is_in([axis.name for axis in axes]))
    for row in rows.sort("item_id", "question").iter_rows(named=True):
        how = row["how"] if row["answer"] is not None and not _void(row["answer"]) else SPLIT
        answer = as_one(row["answer"], MULTI_LABEL) if how != SPLIT else None
        by = row["by"] or ""
        yield {**row, "answer": answer, "how": how, "by": by, "votes": len(by.split(", ")) if by else 0, "voters": None}


def _shown(ratings: Ratings) -> dict[str, Mapping[str, Any]]:
    """The tags that raters saw, by item: `tags` or `topics`; of items that are not at hand nothing is known."""
    for holder in (ratings.artifact, ratings.task):
        if holder is not None and "item" in holder.manifest["tables"]:
            rows = holder.scan("item").select("item_id", "hidden").collect().drop_nulls("hidden")
            return {item: json.loads(hidden) for item, hidden in rows.iter_rows()}
    return {}


def _applied(
    rows: pl.DataFrame, decisions: Iterator[dict[str, Any]], shown: Mapping[str, Mapping[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """CORRECTION rows, and the dialogues with their new tags."""
    found = {row["dialogue_id"]: row for row in rows.select("dialogue_id", "topics", "turns").iter_rows(named=True)}
    told, touched = [], set[str]()
    for decision in decisions:
        dialogue_id, turn = _place(decision["case_id"], decision["question"])
        axis, dialogue = decision["question"], found.get(dialogue_id)
        about = {
            "dialogue_id": dialogue_id, "turn": turn, "axis": axis, "how": decision["how"], "by": decision["by"],
            "votes": decision["votes"], "voters": decision["voters"], "item_id": decision["item_id"],
        }  # fmt: skip
        before = _tags(dialogue, turn, axis)
        after, outcome = _decision(decision, before, shown.get(decision["item_id"], {}), _order(dialogue, turn, axis))
        told.append({**about, "before": before, "after": after, "outcome": outcome})
        if outcome == CHANGED and dialogue is not None:
            _set(dialogue, turn, axis, after or [])
            touched.add(dialogue_id)
    changed = pl.DataFrame(
        [found[dialogue_id] for dialogue_id in sorted(touched)],
        schema={name: rows.schema[name] for name in ("dialogue_id", "topics", "turns")},
    )
    made = rows.update(changed, on="dialogue_id", how="left") if changed.height else rows
    return pl.DataFrame(told, schema=CORRECTION).sort("dialogue_id", "turn", "axis", "item_id"), made


def _place(case_id: str, axis: str) -> tuple[str, int | None]:
    """Dialogue and turn of a case: `<dialogue_id>#<turn>`; of topics the dialogue alone."""
    before, mark, number = case_id.rpartition("#")
    return (before, int(number)) if axis != TOPIC and mark and number.isdecimal() else (case_id, None)


def _tags(dialogue: Mapping[str, Any] | None, turn: int | None, axis: str) -> list[str] | None:
    """The values on an axis now; None where there is no such dialogue or turn, or where its side has no such axis."""
    if dialogue is None:
        return None
    if turn is None:
        return list(dialogue["topics"] or []) if axis in DEFAULT.axes[DIALOGUE_ROLE] else None
    if turn >= len(dialogue["turns"]) or axis not in DEFAULT.axes.get(dialogue["turns"][turn]["role"], {}):
        return None
    return [tag["value"] for tag in dialogue["turns"][turn]["tags"] or [] if tag["axis"] == axis]


def _order(dialogue: Mapping[str, Any] | None, turn: int | None, axis: str) -> list[str]:
    """The schema's values of the axis, in its order: `intent` has others on a client's turn than on a counsellor's."""
    if dialogue is None or (turn is not None and turn >= len(dialogue["turns"])):
        return []
    role = DIALOGUE_ROLE if turn is None else dialogue["turns"][turn]["role"]
    return list(DEFAULT.axes.get(role, {}).get(axis, {}))


def _decision(
    decision: Mapping[str, Any], before: list[str] | None, shown: Mapping[str, Any], order: Sequence[str]
) -> tuple[list[str] | None, str]:
    """What the axis is to be, and what that is called."""
    if before is None:
        return None, GONE
    axis = decision["question"]
    seen = shown.get("topics") or [tag["value"] for tag in shown.get("tags") or [] if tag["axis"] == axis]
    if shown and list(seen) != before:
        return before, MOVED
    if decision["how"] in (SPLIT, ONE_VOTER, NO_VOTER):
        return before, str(decision["how"])
    wanted = [label for label in json.loads(decision["answer"]) if label != NONE_FOUND]
    if decision["answer"] == KEEP or set(wanted) == set(before):
        return before, CONFIRMED
    if strange := [value for value in wanted if value not in order]:
        raise InputError(
            "corrections", "values that this side of a dialogue does not have", want=", ".join(order),
            have=f"{', '.join(strange)} on {axis} of {decision['case_id']}", mend="Was it another template's task?",
        )  # fmt: skip
    return sorted(wanted, key=order.index), CHANGED


def _set(dialogue: dict[str, Any], turn: int | None, axis: str, values: Sequence[str]) -> None:
    """Put values onto an axis, where its first tag stood; other axes keep their place."""
    if turn is None:
        dialogue["topics"] = list(values)
        return
    own = dialogue["turns"][turn]
    tags = own["tags"] or []
    place = next((i for i, tag in enumerate(tags) if tag["axis"] == axis), len(tags))
    rest = [tag for tag in tags if tag["axis"] != axis]
    own["tags"] = [*rest[:place], *({"axis": axis, "value": value} for value in values), *rest[place:]]


def _written(
    ratings: Ratings, dataset: Artifact, made: pl.DataFrame, told: pl.DataFrame, final: Place | None, out: Place | None
) -> Artifact:
    facts, name = dataset.manifest["facts"], str(dataset.manifest["name"])
    title = facts.get("title") or {"en": name, "zh": name}
    decided_by = "adjudication" if final is not None else f"{AGREED} or {MAJORITY} of at least two raters"
    kept = {key: facts[key] for key in _INHERITED if key in facts}
    parents = [dataset, *([ratings.artifact] if ratings.artifact else [])]
    if final is not None:
        parents.append(open_artifact(final))
    place = out or pipeline.dataset_path(f"{name}-corrected")
    if out is None:
        _require_own(place, ratings)
    return write(
        place,
        kind="dataset",
        name=f"{name}-corrected",
        tables={"dialogue": made, "correction": told},
        facts={
            **kept,
            **carried(dataset, made),
            "title": {"en": f"{title['en']}, corrected", "zh": f"{title['zh']}，標記已校正"},
            "table": "dialogue",
            "rule": f"a tag is changed by {decided_by}; all others stay",
            "outcomes": dict(told.group_by("outcome").len().sort("outcome").iter_rows()),
            "dialogues": {
                "all": made.height,
                "changed": told.filter(pl.col("outcome") == CHANGED)["dialogue_id"].n_unique(),
            },
            "coverage": coverage(made),
            "command": recorded_command(),
        },
        parents=parents,
    )


def _require_own(place: Place, ratings: Ratings) -> None:
    """Raise where other ratings' corrections stand in the usual place: each is of one template, and both are wanted."""
    if not (place / MANIFEST).is_file():
        return
    there = [parent["name"] for parent in open_artifact(place).manifest["parents"] if parent["kind"] == RATINGS]
    if there != [ratings.name]:
        raise UsageError(
            str(place), "corrections by other ratings are there", want="a free place, or the same ratings",
            have=", ".join(there) or "none", mend=f"Put these on top with --onto {place} and --out, or name an --out.",
        )  # fmt: skip


def show(terminal: Terminal, made: Artifact) -> None:
    """What was changed, confirmed and left alone, by axis, and where it lies."""
    facts = made.manifest["facts"]
    counts = made.scan("correction").group_by("axis", "outcome").len().collect()
    outcomes = sorted(counts["outcome"].unique())
    cells = {(axis, outcome): n for axis, outcome, n in counts.iter_rows()}
    lines = [[axis, *(cells.get((axis, o), 0) for o in outcomes)] for axis in sorted(counts["axis"].unique())]
    terminal.table(["axis", *outcomes], lines, right=tuple(range(1, len(outcomes) + 1)))
    dialogues = facts["dialogues"]
    terminal.line(f"\n{dialogues['changed']:,} of {dialogues['all']:,} dialogues changed; {facts['rule']}")
    terminal.line(f"dataset  {made.path}  {made.digest[:12]}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts})
