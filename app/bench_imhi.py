"""Which of IMHI's cases are asked, with which examples before them, and the answers to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from app.facts import dataset_table
from app.model_flags import Flags
from app.predicting import Plan, Question, as_cases, first_cases, predict, predictions_path
from benchmarks.imhi_labels import LABEL_SETS, set_name
from benchmarks.imhi_prompts import FORMS, Shots, asked, draw
from benchmarks.imhi_scoring import BENCHMARK, require_scorable
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.estimate import Estimate
from xinheng.messages import Want
from xinheng.storage import Place

SPLITS: Final = ("test", "expert", "validation")


@dataclass(frozen=True)
class Asking:
    """Which cases are asked about, and how.

    Args:
        sets: By name; all that there are where empty.
        form: `instruction` or `completion`.
        split: `test`; `expert` for those with gold by experts.
        shots: Examples before each case.
        examples: From which published split.
        seed: Of examples, and of answers where the server takes one.
        temperature: Of answers.
        answer_tokens: That an answer may have.
        limit: Only so many cases, of each set in turn.
    """

    sets: tuple[str, ...] = ()
    form: str = "instruction"
    split: str = "test"
    shots: int = 0
    examples: str = "train"
    seed: int = 0
    temperature: float = 0.0
    answer_tokens: int = 1024
    limit: int | None = None


def predicted(
    dataset: Artifact, system: str, asking: Asking, *, out: Place | None, flags: Flags, only_estimate: bool = False
) -> Artifact | Estimate:
    """The answers of a system to IMHI's cases, written; or what they would take.

    Raises:
        UsageError: Cases of another benchmark, an unknown set, form or split, or none are left.
        InputError: There are not as many examples.
    """
    cases = cases_of(dataset, asking)
    shots = shots_of(dataset, cases, asking)

    def questions(rows: pl.DataFrame) -> Iterator[Question]:
        return (Question(case_id, messages) for case_id, messages in asked(rows, shots))

    plan = Plan(
        system,
        Want(max_tokens=asking.answer_tokens, temperature=asking.temperature, seed=asking.seed),
        prompt={**shots.facts, "form": asking.form, "split": asking.split},
        language="en",
    )
    return predict(
        dataset, cases, questions, plan, table="case", flags=flags, only_estimate=only_estimate,
        out=out or predictions_path(dataset, system),
    )  # fmt: skip


def cases_of(dataset: Artifact, asking: Asking) -> pl.DataFrame:
    """The cases that are asked about, by id.

    A curated dataset has the experts' cases in its test split; the published split tells them apart.
    """
    if asking.form not in FORMS:
        raise UsageError(BENCHMARK, "no such form", want=" or ".join(FORMS), have=repr(asking.form))
    if asking.split not in SPLITS:
        raise UsageError(BENCHMARK, "no such split", want=", ".join(SPLITS), have=repr(asking.split))
    _require_imhi(dataset)
    curated = "split" in dataset.scan("case").collect_schema()
    split = "test" if curated and asking.split == "expert" else asking.split
    cases, _ = as_cases(dataset, split=split, form=asking.form)
    # Of predictions all cases are there, whatever was wanted.
    cases = cases.filter(
        (pl.col("form") == asking.form) & (pl.col("published_split").fill_null(asking.split) == asking.split)
    )
    sets = {name: set_name(name) for name in set(cases["benchmark"])}
    wanted = [set_name(name) for name in asking.sets]
    if lacking := [name for name in wanted if name not in sets.values()] or (["any"] if cases.is_empty() else []):
        raise UsageError(
            str(dataset.path), f"no {asking.split} cases, {asking.form} form", want=", ".join(lacking),
            have=", ".join(name for name in LABEL_SETS if name in sets.values()) or "none",
        )  # fmt: skip
    if wanted:
        cases = cases.filter(pl.col("benchmark").replace_strict(sets, return_dtype=pl.String).is_in(wanted))
    cases = first_cases(cases, asking.limit)
    require_scorable(cases)
    return cases


def _require_imhi(dataset: Artifact) -> None:
    table = dataset_table(dataset)
    have = []
    if table == "case":
        have = dataset.scan("case").select(pl.col("benchmark").unique().sort()).collect()["benchmark"].to_list()
    if not have or not all(name.startswith("imhi/") for name in have):
        raise UsageError(
            str(dataset.path), "not IMHI", want="cases of imhi/…", have=", ".join(have[:5]) or f"a {table} table",
            mend="Say imhi, or the folder of a dataset of it.",
        )  # fmt: skip


def shots_of(dataset: Artifact, cases: pl.DataFrame, asking: Asking) -> Shots:
    """The examples that stand before the cases; the same whichever of a set's cases are asked."""
    if asking.examples not in {"train", "validation"} or (asking.shots and asking.examples == asking.split):
        want = "train or validation, and not the split that is asked"
        raise UsageError(BENCHMARK, "examples of another split", want=want, have=repr(asking.examples))
    rows = dataset.scan("case")
    tested = rows.filter(pl.col("published_split").is_in(["test", "expert"]) | pl.col("published_split").is_null())
    held = tested.select("group_id").unique().collect()["group_id"].drop_nulls().to_list()
    pool = rows.filter((pl.col("published_split") == asking.examples) & (pl.col("form") == asking.form)).collect()
    return draw(cases, pool, shots=asking.shots, seed=asking.seed, held=held)
