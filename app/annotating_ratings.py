"""Ratings opened, from an artifact or a plain table, as what agreement and everything behind it starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from annotation.tables import DISCARDED, DRAFT, GOLD, PLAIN, RATING, RATINGS, SUBMITTED
from benchmarks.human_ratings import read_ratings
from benchmarks.rater_answers import ANSWER, Asked
from benchmarks.rater_answers import RATING as GRADES
from xinheng.artifacts import MANIFEST, Artifact, open_artifact
from xinheng.errors import ArtifactError, InputError, UsageError
from xinheng.storage import Place, RemotePath, place_of
from xinheng.tables import require

SCALE: Final = tuple(str(grade) for grade in range(1, 6))
_HIGHEST: Final = 30


@dataclass(frozen=True)
class Ratings:
    """What people said.

    Args:
        name: Of the artifact or file.
        template: The template's name; "" where nobody recorded one.
        title: In two languages.
        asked: The questions.
        answers: ANSWER rows, submitted ones, of all roles.
        gold: GOLD rows; empty where none were planted.
        left_out: `draft`, `discarded` and whatever else was not counted, with how many.
        artifact: The ratings; None of a plain table.
        task: The task they are of, where it is at hand.
    """

    name: str
    template: str
    title: Mapping[str, str]
    asked: tuple[Asked, ...]
    answers: pl.DataFrame = field(repr=False)
    gold: pl.DataFrame = field(repr=False)
    left_out: Mapping[str, int]
    artifact: Artifact | None = None
    task: Artifact | None = None

    def roles(self) -> dict[str, int]:
        """How many items there are of each role."""
        return dict(self.answers.group_by("role").agg(pl.col("item_id").n_unique()).sort("role").iter_rows())


def scale_of(text: str | None) -> tuple[int, int] | None:
    """Least and greatest grade, from `1-5`.

    Raises:
        UsageError: Not of that form.

    >>> scale_of("0-10")
    (0, 10)
    """
    if text is None:
        return None
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and int(low) < int(high) <= _HIGHEST):
        want = f"LOW-HIGH, whole numbers up to {_HIGHEST}, such as 1-5"
        raise UsageError("--scale", "cannot be read", want=want, have=text)
    return int(low), int(high)


def open_ratings(place: Place, *, task: Place | None = None, scale: Sequence[int] | None = None) -> Ratings:
    """Ratings of an artifact, or of a CSV, TSV, JSONL or Parquet file.

    Args:
        place: The artifact's folder, or the file.
        task: The rating task, where the ratings do not hold its gold answers and it is not where it was.
        scale: Least and greatest grade, of a plain table; 1 and 5 by default.

    Raises:
        ArtifactError: It holds no ratings, or is of another task.
        InputError: The table cannot be read, or nobody submitted anything.
        SchemaError: Columns are missing.
        UsageError: A scale for an artifact, which has its own.
    """
    if isinstance(place, RemotePath) or (place / MANIFEST).is_file():
        if scale is not None:
            raise UsageError("--scale", "an artifact has its own", want="a plain table, or no --scale", have=str(place))
        return _of_artifact(open_artifact(place), task)
    return _of_file(Path(place), scale)


def _of_artifact(artifact: Artifact, task: Place | None) -> Ratings:
    who, facts = str(artifact.path), artifact.manifest["facts"]
    if artifact.kind != RATINGS or "rating" not in artifact.manifest["tables"]:
        raise ArtifactError(
            who, "no ratings", want="what `xinheng annotate pull` or `collect` wrote", have=f"kind {artifact.kind}"
        )
    rows = artifact.scan("rating").collect()
    require(rows, RATING, who=who)
    opened = _task_of(artifact, task)
    template = facts.get("template") or (opened.manifest["facts"].get("template") if opened else None)
    if not isinstance(template, Mapping):
        raise ArtifactError(who, "no template", want="the questions, in its facts or its task's", mend="Name --task.")
    submitted = rows.filter(pl.col("status") == SUBMITTED)
    left_out = _left_out(rows, facts)
    if not submitted.height:
        have = ", ".join(f"{n:,} {what}" for what, n in left_out.items()) or "none"
        raise InputError(who, "nobody submitted a rating", want="submitted answers", have=have)
    asked = tuple(question_of(one) for one in template["questions"])
    return Ratings(
        name=str(artifact.manifest["name"]),
        template=str(template.get("name", "")),
        title=_title(facts, template, str(artifact.manifest["name"])),
        asked=asked,
        answers=_with_positions(submitted.rename({"submitted_at": "at"}), artifact, opened),
        gold=_gold(artifact, opened),
        left_out=left_out,
        artifact=artifact,
        task=opened,
    )


def question_of(told: Mapping[str, Any]) -> Asked:
    """A question as the template's facts tell it."""
    values = {str(value["value"]): value for value in told.get("values", ())}
    labels = {name: _words(value.get("title"), name) for name, value in values.items()}
    return Asked(told["name"], told["kind"], tuple(values), _words(told.get("title"), told["name"]), labels)


def _words(title: Mapping[str, str] | None, name: str) -> dict[str, str]:
    """A title of the template in the pages' two languages."""
    said = title or {}
    return {"en": said.get("en") or name, "zh": said.get("zh-Hant") or name}


def _title(facts: Mapping[str, Any], template: Mapping[str, Any], name: str) -> Mapping[str, str]:
    of = facts.get("title") or {}
    title = template.get("title") or {}
    return {"en": of.get("en") or title.get("en") or name, "zh": of.get("zh") or title.get("zh-Hant") or name}


def _task_of(artifact: Artifact, named: Place | None) -> Artifact | None:
    """The task, where it was named or recorded, if it is the one whose digest the ratings name as their parent's."""
    told = artifact.manifest["facts"].get("task")
    recorded = told.get("place") or told.get("path") if isinstance(told, Mapping) else None
    digests = {str(parent.get("digest")) for parent in artifact.manifest["parents"]}
    if named is not None:
        task = open_artifact(named)
        if task.digest not in digests:
            raise ArtifactError(
                str(named), "another task", want="the task these ratings are of", have=f"digest {task.digest[:12]}"
            )
        return task
    place = place_of(str(recorded)) if recorded else None
    if isinstance(place, Path) and (place / MANIFEST).is_file() and (task := open_artifact(place)).digest in digests:
        return task
    return None


def _with_positions(rows: pl.DataFrame, artifact: Artifact, task: Artifact | None) -> pl.DataFrame:
    """ANSWER rows, with the place of each item in its rater's order where the assignment is at hand."""
    for holder in (artifact, task):
        if holder is not None and "assignment" in holder.manifest["tables"]:
            assigned = holder.scan("assignment").select("rater_id", "item_id", "position").collect()
            assigned = assigned.unique(["rater_id", "item_id"], keep="first", maintain_order=True)
            joined = rows.join(assigned, on=["rater_id", "item_id"], how="left", maintain_order="left")
            return joined.with_columns(pl.col("position").cast(pl.UInt32)).select(list(ANSWER))
    return rows.with_columns(position=pl.lit(None, pl.UInt32)).select(list(ANSWER))


def _gold(artifact: Artifact, task: Artifact | None) -> pl.DataFrame:
    for holder in (artifact, task):
        if holder is not None and "gold" in holder.manifest["tables"]:
            rows = holder.scan("gold").collect()
            require(rows, GOLD, who=str(holder.path))
            return rows
    return pl.DataFrame(schema=GOLD)


def _left_out(rows: pl.DataFrame, facts: Mapping[str, Any]) -> dict[str, int]:
    """What was not counted: rows of another status here, and whatever was counted when the ratings were brought in."""
    counts = facts.get("left_out") or facts.get("counts") or {}
    kept = (DRAFT, DISCARDED, "pending", "dropped")
    found = {str(k): int(n) for k, n in counts.items() if k in kept and isinstance(n, int)}
    here = rows.filter(pl.col("status") != SUBMITTED)
    for status, n in (
        here.group_by("status").agg(pl.struct("item_id", "rater_id").n_unique()).sort("status").iter_rows()
    ):
        found.setdefault(str(status), int(n))
    return {what: n for what, n in found.items() if n}


def _of_file(path: Path, scale: Sequence[int] | None) -> Ratings:
    rated = read_ratings(path).drop_nulls("value")
    values = SCALE if scale is None else tuple(str(grade) for grade in range(scale[0], scale[1] + 1))
    asked = tuple(
        Asked(name, GRADES, values, {"en": name, "zh": name})
        for name in rated["dimension"].unique(maintain_order=True).sort()
    )
    item = (
        pl.when(pl.col("system").is_null())
        .then("case_id")
        .otherwise(pl.concat_str("case_id", "system", separator=" · "))
    )
    answers = rated.select(
        item_id=item,
        case_id="case_id",
        group_id="case_id",
        system="system",
        role=pl.lit(PLAIN),
        repeats=pl.lit(None, pl.String),
        rater_id="rater",
        question="dimension",
        value="value",
        answer=pl.Series([json.dumps(value) for value in rated["value"]], dtype=pl.String),
        at=pl.lit(None, ANSWER["at"]),
        seconds=pl.lit(None, pl.Float64),
        position=pl.lit(None, pl.UInt32),
    )
    title = {"en": path.name, "zh": path.name}
    return Ratings(path.stem, "", title, asked, answers, pl.DataFrame(schema=GOLD), {})
