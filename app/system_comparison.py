"""What `xinheng compare` does: two runs opened, checked to be of the same cases, tested, shown and put on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from app.predicting import KIND, data_digest
from app.scored_runs import figure
from app.scoring import SCORES, opened_predictions, score_predictions, system_of
from app.terminal import Terminal
from benchmarks.comparison import compared, paired
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from xinheng.artifacts import Artifact
from xinheng.errors import ArtifactError, InputError, UsageError


def compare(
    first: Artifact, second: Artifact, *, scorers: Sequence[str] = (), how: Bootstrap = BOOTSTRAP
) -> dict[str, Any]:
    """What is known of the difference of two systems, as JSON values: who, on what, and COMPARISON rows.

    Args:
        first: Scores or predictions of one system.
        second: Of another.
        scorers: Only these; all that both have where empty.
        how: Resamples and seed.

    Raises:
        UsageError: Other cases, readers or measures, or several systems in one run.
        ArtifactError: Neither scores nor predictions.
        InputError: Nothing is scored.
    """
    runs = [_opened(run) for run in (first, second)]
    digests = [run["data_digest"] for run in runs]
    if digests[0] != digests[1]:
        raise UsageError(
            "compare",
            "runs on different cases",
            want="the same data digest",
            have=" and ".join(str(digest)[:12] for digest in digests),
            mend="Ask both about the same dataset, split, form and limit.",
        )
    left, right = (_of_scorers(run["score"], scorers) for run in runs)
    pairs = paired(left, right, first_labels=runs[0]["labels"], second_labels=runs[1]["labels"])
    names = [set(left["scorer"]), set(right["scorer"])]
    rows = compared(pairs, how=how, lower=_lower([run["rubric"] for run in runs]))
    return {
        "first": _told(first, runs[0]),
        "second": _told(second, runs[1]),
        "data_digest": digests[0],
        "data": runs[0]["data"],
        "resamples": how.resamples,
        "seed": how.seed,
        "confidence": how.confidence,
        "only_one_has": sorted(names[0] ^ names[1]),
        "rows": rows.to_dicts(),
    }


def _opened(run: Artifact) -> dict[str, Any]:
    """Scores of a run, scored now where they are not yet; with labels where the benchmark keeps them."""
    if run.kind not in {KIND, SCORES}:
        want = f"an artifact of kind {SCORES} or {KIND}"
        raise ArtifactError(str(run.path), "neither scores nor predictions", want=want, have=run.kind)
    facts = run.manifest["facts"]
    rubric = facts.get("rubric")
    told = {
        "system": system_of(run),
        "data": (facts.get("record") or {}).get("data", {}),
        "rubric": rubric if isinstance(rubric, Mapping) else {},
    }
    if run.kind == KIND:
        cases, _, table = opened_predictions(run)
        scored = score_predictions(run)
        more: Mapping[str, pl.DataFrame] = scored.more
        return {**told, "score": scored.score, "labels": _labels(more), "data_digest": data_digest(cases, table)}
    if facts.get("published"):
        raise UsageError(str(run.path), "published figures", want="a run, with a score for each case", have="none")
    score = run.scan("score").collect() if "score" in run.manifest["tables"] else pl.DataFrame()
    if not score.height:
        raise InputError(str(run.path), "nothing is scored", want="a score for each case", have="none")
    more = {"answer": run.scan("answer").collect()} if "answer" in run.manifest["tables"] else {}
    return {**told, "score": score, "labels": _labels(more), "data_digest": facts.get("data_digest")}


def _lower(rubrics: Sequence[Mapping[str, Any]]) -> set[str]:
    """The dimensions of which less is better.

    Raises:
        UsageError: The runs were graded by different rubrics: the same words with other scales or anchors.
    """
    digests = [rubric.get("digest") for rubric in rubrics]
    if digests[0] != digests[1]:
        raise UsageError(
            "compare",
            "graded by different rubrics",
            want="the same rubric",
            have=" and ".join(f"{rubric.get('name', 'none')} ({str(rubric.get('digest'))[:12]})" for rubric in rubrics),
            mend="Have both judged by one rubric: xinheng bench judge A B --rubric NAME.",
        )
    return {name for name, better in (rubrics[0].get("better") or {}).items() if better == "lower"}


def _labels(more: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    """The labels that were read, of one answer per case."""
    answer = more.get("answer")
    if answer is None or "repeat" in answer.columns:
        return None
    names = {"case_id", "group_id", "dataset", "part", "scorer", "gold", "predicted"}
    return answer if names <= set(answer.columns) and answer["gold"].dtype == pl.Int64 else None


def _of_scorers(score: pl.DataFrame, scorers: Sequence[str]) -> pl.DataFrame:
    if not scorers:
        return score
    have = score["scorer"].unique(maintain_order=True).to_list()
    if lost := [name for name in scorers if name not in have]:
        raise UsageError("compare", f"no scorer {', '.join(lost)}", want=f"one of {', '.join(have)}")
    return score.filter(pl.col("scorer").is_in(list(scorers)))


def _told(run: Artifact, opened: Mapping[str, Any]) -> dict[str, Any]:
    return {"system": opened["system"], "path": str(run.path), "digest": run.digest}


def show(terminal: Terminal, found: Mapping[str, Any], *, page: Path | None = None) -> None:
    """A row per scorer and part, who is better, and what these cases could not have shown."""
    terminal.line(f"A  {found['first']['system']}\nB  {found['second']['system']}\n")
    rows = found["rows"]
    terminal.table(
        ["scorer", "part", "measure", "A", "B", "A − B", "95 % interval", "n", "A only", "B only", "p", "Holm",
         "detectable", "better"],
        [[r["scorer"], r["part"], r["measure"], figure(r["first"]), figure(r["second"]), figure(r["difference"]),
          "none" if r["low"] is None else f"{figure(r['low'])} to {figure(r['high'])}", r["n"],
          r["first_better"], r["second_better"], _p(r["p"]), _p(r["p_holm"]), figure(r["detectable"]),
          {"first": "A", "second": "B"}.get(r["verdict"], r["verdict"])]
         for r in rows],
        right=(3, 4, 5, 7, 8, 9, 10, 11, 12),
    )  # fmt: skip
    for reason in dict.fromkeys(row["reason"] for row in rows if row["reason"]):
        terminal.line(reason)
    by_post = sorted({row["part"] for row in rows if row["clusters"] < row["n"]})
    if by_post:
        terminal.line(f"tested by post, not by case, since posts have several cases: {', '.join(by_post)}")
    if less := sorted({row["part"] for row in rows if row["lower_is_better"]}):
        terminal.line(f"less is better: {', '.join(less)}")
    if any(row["measure"] == "weighted_f1" for row in rows):
        terminal.line(
            "p is of right answers, case by case; the interval is of weighted F1: better are those who are by both"
        )
    if found["only_one_has"]:
        terminal.line(f"only one of them has {', '.join(found['only_one_has'])}: left out")
    terminal.line("detectable: the least true difference that as many cases would show four times in five")
    if page is not None:
        terminal.line(f"page  {page}")
    terminal.result(found)


def _p(value: float | None) -> str:
    return "none" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def write_page(found: Mapping[str, Any], path: Path) -> None:
    """The comparison as a page of its own.

    Raises:
        WriteError: The disk refuses.
    """
    from app.pairwise_runs import write_page as written
    from reports.comparison import systems_page

    written(systems_page(found), path)
