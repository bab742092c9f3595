"""What `xinheng annotate adjudicate` and `final` do: a second task about disputes, and labels with who says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import polars as pl

from annotation.adjudicate import ADJUDICATED, UNDECIDED, Rule, disputes, final_labels, settled
from annotation.second_task import second_task
from annotation.tables import RATING, RATINGS, SUBMITTED, TASK
from annotation.task import few, read_task, template_of
from app.terminal import Terminal
from xinheng.artifacts import Artifact, open_artifact, write
from xinheng.errors import ArtifactError, UsageError
from xinheng.settings import settings
from xinheng.storage import Place, place_of
from xinheng.tables import require

FINAL_LABELS: Final = "final_labels"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def adjudicate(
    place: Place,
    adjudicators: Sequence[str],
    terminal: Terminal,
    *,
    rule: Rule,
    task_place: Place | None,
    out: Place | None,
    seed: int,
) -> Artifact:
    """Make a second task of what raters disagree on."""
    bad = [name for name in adjudicators if not _NAME.fullmatch(name)]
    if bad:
        raise UsageError("adjudicate", "names that Argilla refuses", want="a-z, 0-9, - and _", have=few(bad))
    ratings, rows = _ratings(place)
    source = _task_of(ratings, task_place)
    task = read_task(source)
    found = settled(rows, task.template, rule)
    contested = disputes(found)
    template, tables = second_task(task, rows, contested, adjudicators, seed=seed)
    name = f"{task.name}-adjudication"
    facts = {
        **{key: source.manifest["facts"][key] for key in ("title",) if key in source.manifest["facts"]},
        "template": asdict(template),
        "language": task.language,
        "seed": seed,
        "raters": sorted(adjudicators),
        "adjudicates": {"name": ratings.manifest["name"], "digest": ratings.digest, "rule": asdict(rule)},
    }
    out = out or settings().runs / "tasks" / name
    made = write(out, kind=TASK, name=name, tables=tables, facts=facts, parents=[source, ratings])
    own = sorted(set(adjudicators) & set(rows["rater_id"]))
    by_question = contested.group_by("question", maintain_order=True).len().sort("question")
    whole = dict(found.group_by("question").len().iter_rows())
    terminal.line(rule.told())
    terminal.table(
        ["question", "in dispute", "of"],
        [[question, n, whole[question]] for question, n in by_question.iter_rows()],
        right=(1, 2),
    )
    if own:
        terminal.line(f"beware  {few(own)} rated these items themselves and will know their own answers")
    terminal.line(f"task    {made.path}  {tables['item'].height:,} items for {few(sorted(adjudicators))}")
    terminal.line(f"next    xinheng annotate push {made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, "items": tables["item"].height,
                     "disputes": dict(by_question.iter_rows()), "rule": asdict(rule), "own": own})  # fmt: skip
    return made


def final(
    place: Place,
    adjudicated: Place | None,
    terminal: Terminal,
    *,
    rule: Rule | None,
    out: Place | None,
) -> Artifact:
    """Write one label per item and question, and who says so."""
    ratings, rows = _ratings(place)
    template = template_of(ratings.manifest["facts"].get("template"), who=str(ratings.path))
    parents, second = [ratings], None
    if adjudicated is not None:
        other, second = _ratings(adjudicated)
        parents.append(other)
        told = other.manifest["facts"].get("adjudicates")
        if not isinstance(told, dict) or told.get("digest") != ratings.digest:
            raise UsageError(
                str(other.path), "adjudicates other ratings", want=f"those of {ratings.path} ({ratings.digest[:12]})",
                have=str(told.get("digest", ""))[:12] if isinstance(told, dict) else "no adjudication",
                mend="Were the ratings pulled again since? Adjudicate anew, or name the ratings it was made of.",
            )  # fmt: skip
        given = Rule(**told["rule"])
        if rule is not None and rule != given:
            raise UsageError("final", "another rule than that of the adjudication", want=given.told(), have=rule.told())
        rule = given
    rule = rule or Rule()
    labels = final_labels(settled(rows, template, rule), second)
    how = dict(labels.group_by("how").len().sort("how").iter_rows())
    facts = {
        "template": ratings.manifest["facts"].get("template"),
        "task": ratings.manifest["facts"].get("task"),
        "rule": {**asdict(rule), "told": rule.told()},
        "counts": how,
    }
    name = str(ratings.manifest["name"])
    out = out or settings().runs / "labels" / name
    made = write(out, kind=FINAL_LABELS, name=name, tables={"final": labels}, facts=facts, parents=parents)
    terminal.line(rule.told())
    counted = labels.group_by("question", "how").len().sort("question", "how")
    terminal.table(["question", "how", "labels"], [list(row) for row in counted.iter_rows()], right=(2,))
    if ADJUDICATED not in how and UNDECIDED in how:
        terminal.line(f"next    xinheng annotate adjudicate {ratings.path} --raters NAME")
    terminal.line(f"labels  {made.path}  {made.digest[:12]}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts})
    return made


def _ratings(place: Place) -> tuple[Artifact, pl.DataFrame]:
    artifact = open_artifact(place)
    if artifact.kind != RATINGS:
        raise UsageError(
            str(place), "no ratings", want="what `xinheng annotate pull` or `collect` made", have=artifact.kind
        )
    rows = artifact.scan("rating").collect()
    require(rows, RATING, who=str(place))
    if not rows.filter(pl.col("status") == SUBMITTED).height:
        raise UsageError(str(place), "no submitted answers in it")
    return artifact, rows


def _task_of(ratings: Artifact, named: Place | None) -> Artifact:
    """The task that ratings are of: the named one, or where it lay; it must be the very one."""
    told = ratings.manifest["facts"].get("task") or {}
    place = named or (place_of(str(told["place"])) if told.get("place") else None)
    if place is None:
        raise UsageError(str(ratings.path), "which task it is of is not recorded", want="--task PLACE")
    task = open_artifact(place)
    if task.digest not in {parent["digest"] for parent in ratings.manifest["parents"]}:
        raise ArtifactError(
            str(place), "not the task that was rated", want="the one its ratings name as parent", have=task.digest[:12],
            mend="Name it with --task.",
        )  # fmt: skip
    return task
