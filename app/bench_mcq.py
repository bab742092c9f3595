"""Multiple-choice questions asked of a model: generated answers, likelihoods and rotations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from app.likelihood import STEP, Weighing, estimated, is_local, likelihoods
from app.model_flags import Flags
from app.models import model_facts, opened
from app.predicting import Plan, Question, as_cases, predict, predictions_path, written
from app.scoring import score_predictions, write_scores
from benchmarks.mcq_debias import rotatable
from benchmarks.mcq_positions import rotations
from benchmarks.mcq_prompts import Form, Prompt, Shots, facts, prompts, shot_pool
from benchmarks.mcq_scoring import NOT_ASKED, require_scorable, variant_of
from xinheng.artifacts import Artifact, require_place
from xinheng.errors import UsageError
from xinheng.estimate import Estimate
from xinheng.messages import Message, Want
from xinheng.storage import Place
from xinheng.tables import CHOICE, PREDICTION

_WHO: Final = "bench mcq"


@dataclass(frozen=True)
class Asking:
    """Which questions are asked, and how.

    Args:
        split: Of a divided dataset.
        shots: Solved examples before each question.
        rotate: Ask each question once for every rotation of its options.
        generate: Have the answer written.
        likelihood: Look at how likely the options are.
        seed: Of examples, PriDe's draw, and answers where the server takes one.
        temperature: Of answers.
        answer_tokens: That an answer may have.
        limit: Only so many questions, of each subject in turn.
    """

    split: str | None = "test"
    shots: int = 0
    rotate: bool = False
    generate: bool = True
    likelihood: bool = False
    seed: int = 0
    temperature: float = 0.0
    answer_tokens: int = 1024
    limit: int | None = None


def questions_of(dataset: Artifact, asking: Asking) -> pl.DataFrame:
    """The questions that are asked, by id.

    Raises:
        UsageError: The dataset holds no multiple-choice questions, or nothing is to be asked.
        InputError: Questions that could not be scored.
    """
    if not asking.generate and not asking.likelihood:
        raise UsageError(_WHO, "nothing to ask", want="--likelihood, or answers that are generated", have="neither")
    cases, table = as_cases(dataset, split=asking.split, limit=asking.limit)
    if table != "choice":
        raise UsageError(
            str(dataset.path), f"a {table} table", want="multiple-choice questions",
            mend="Ingest some: xinheng ingest choices --from FILE.csv.",
        )  # fmt: skip
    require_scorable(cases)
    return cases


def shots_of(dataset: Artifact, cases: pl.DataFrame, asking: Asking, source: Artifact | None = None) -> Shots:
    """Where the examples come from: the publisher's dev and train splits, of this dataset or another.

    Raises:
        UsageError: Examples are wanted and there are none.
        InputError: Too few that fit.
    """
    from app.facts import dataset_table

    place = source or dataset
    if asking.shots and dataset_table(place) != "choice":
        raise UsageError(str(place.path), "no examples", want="multiple-choice questions")
    rows = (
        place.scan(dataset_table(place)).select(list(CHOICE)).collect() if asking.shots else cases.select(list(CHOICE))
    )
    shots = shot_pool(rows, n=asking.shots, seed=asking.seed)
    for _ in prompts(cases.select(list(CHOICE)), shots, "letters"):
        pass  # too few examples are known before anything is asked
    return shots


def predicted(
    dataset: Artifact,
    cases: pl.DataFrame,
    system: str,
    asking: Asking,
    shots: Shots,
    *,
    out: Place | None,
    flags: Flags,
    only_estimate: bool = False,
) -> Artifact | dict[str, Estimate]:
    """The answers of a system, written with the likelihoods; or what either would take, by name.

    Raises:
        UsageError: A way of answering is asked for likelihoods, or texts would leave the machine unallowed.
        ModelError: The model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    # Whatever is wrong with it is known before anything is asked.
    weighings = list(_weighings(cases, shots, asking, system)) if asking.likelihood else []
    place = out or predictions_path(dataset, system)
    plan = Plan(
        system,
        Want(max_tokens=asking.answer_tokens, temperature=asking.temperature, seed=asking.seed),
        prompt=_prompt_facts(system, asking, shots),
    )

    def questions(rows: pl.DataFrame) -> Iterator[Question]:
        for case_id, variant, _, prompt in _asked(rows, shots, "generated", rotate=asking.rotate):
            yield Question(case_id, (Message("user", prompt.text),), variant)

    sent = weighings if asking.likelihood and not is_local(system) else []
    if only_estimate and not asking.generate and not sent:
        raise UsageError(_WHO, "nothing to estimate", want="requests", have="likelihoods of weights on this machine")
    trials: dict[str, Estimate] = {}
    answers, known = _unasked(cases, system), dict[str, Any]()
    if asking.generate:
        made = predict(
            dataset, cases, questions, plan, table="choice", out=place, flags=flags, only_estimate=only_estimate
        )
        if isinstance(made, Estimate):
            trials["generated"] = made
        elif not asking.likelihood:
            return made
        else:
            answers, known = made.scan("prediction").collect(), made.manifest["facts"]
    if only_estimate:
        return trials | _estimated(dataset, cases, system, sent, flags)
    require_place(place)
    return _with_likelihoods(dataset, cases, plan, weighings, answers, known, out=place, flags=flags)


def _estimated(
    dataset: Artifact, cases: pl.DataFrame, system: str, sent: Sequence[Weighing], flags: Flags
) -> dict[str, Estimate]:
    if not sent:
        return {}
    with opened(cases, key="question_id", artifact=dataset, flags=flags) as models:
        return {STEP: asyncio.run(estimated(models, system, sent))}


def _with_likelihoods(
    dataset: Artifact,
    cases: pl.DataFrame,
    plan: Plan,
    weighings: Sequence[Weighing],
    answers: pl.DataFrame,
    known: Mapping[str, Any],
    *,
    out: Place,
    flags: Flags,
) -> Artifact:
    """The answers written with the likelihoods that are now looked at; `known` is what is told of the answers."""
    system = plan.system
    with opened(cases, key="question_id", artifact=dataset, flags=flags) as models:
        table, account = likelihoods(models, system, weighings)
        told: dict[str, Any] = {"models": known.get("models"), "steps": {**known.get("steps", {}), STEP: account}}
        if told["models"] is None:
            told["models"] = asyncio.run(_models(models, system))
        if asked := known.get("record", {}).get("prompt", {}).get("asked"):
            told["asked"] = asked
        privacy = models.went_out()
    # What went out for the answers went out too.
    privacy = privacy if privacy.get("remote") else known.get("privacy_of_requests", privacy)
    return written(
        dataset, cases, answers, plan, told, table="choice", out=out, privacy=privacy, more={"likelihood": table}
    )


async def _models(models: Any, system: str) -> list[dict[str, Any]]:
    try:
        told = await model_facts([("likelihoods", models.chat(system))])
    finally:
        await models.close()
    for one in told:
        one["server"] = await models.server(system)
    return told


def _prompt_facts(system: str, asking: Asking, shots: Shots) -> dict[str, Any]:
    told: dict[str, Any] = {**shots.facts, "split": asking.split, "rotations": asking.rotate}
    if asking.generate:
        told["generated"] = facts("generated")
    if asking.likelihood:
        local = is_local(system)
        told["letters"] = {
            **facts("letters" if local else "generated"),
            "read": "whole prompt as plain text" if local else "most likely first tokens of the answer",
        }
        if local:
            told["texts"] = facts("texts")
    return told


def _asked(
    cases: pl.DataFrame, shots: Shots, form: Form, *, rotate: bool
) -> Iterator[tuple[str, str, tuple[str, ...], Prompt]]:
    """Id, variant, options as they stand, and prompt; options that name each other's places are not turned."""
    rows = {row["question_id"]: row for row in cases.select(list(CHOICE)).iter_rows(named=True)}
    turned = {name for name, row in rows.items() if rotate and rotatable(row["options"])}
    most = max((len(rows[name]["options"]) for name in turned), default=1)
    for turn in range(most):
        orders = {
            name: rotations(row["options"])[turn] if name in turned else list(range(len(row["options"])))
            for name, row in rows.items()
            if (turn < len(row["options"]) if name in turned else turn == 0)
        }
        some = cases.select(list(CHOICE)).filter(pl.col("question_id").is_in(list(orders)))
        for case_id, prompt in prompts(some, shots, form, orders=orders):
            options = tuple(rows[case_id]["options"][place] for place in orders[case_id])
            yield case_id, variant_of(turn if case_id in turned else None), options, prompt


def _weighings(cases: pl.DataFrame, shots: Shots, asking: Asking, system: str) -> Iterator[Weighing]:
    """Letters of all questions with one answer; of weights on this machine their texts too, wherever they stand."""
    one = cases.filter(pl.col("answers").list.len() == 1)
    several = cases.filter(pl.col("answers").list.len() != 1)
    if one.is_empty():
        raise UsageError(
            _WHO, "no likelihood to look at", want="questions with one answer", have=f"{several.height:,} with several"
        )
    local = is_local(system)
    for case_id, variant, options, prompt in _asked(
        one, shots, "letters" if local else "generated", rotate=asking.rotate
    ):
        yield Weighing(case_id, variant, "letters", prompt, options)
    if local:
        for case_id, _, options, prompt in _asked(one, shots, "texts", rotate=False):
            yield Weighing(case_id, "", "texts", prompt, options)


def _unasked(cases: pl.DataFrame, system: str) -> pl.DataFrame:
    """A prediction for each question that says that its answer was not to be generated."""
    row = dict.fromkeys(PREDICTION) | {
        "variant": "", "system": system, "text": "", "finish_reason": "stop", "problem": "unsupported",
        "detail": NOT_ASKED,
    }  # fmt: skip
    return pl.DataFrame([{**row, "case_id": case_id} for case_id in cases["question_id"]], schema=PREDICTION)


def scores_of(predictions: Artifact, *, out: Place | None = None) -> Artifact:
    """The scores of predictions, written."""
    return write_scores(predictions, score_predictions(predictions), out=out)
