"""What `xinheng bench judge` does: replies shown to judges, their verdicts read, and scores written for each system.

All that is asked of a judge is known beforehand: replies, the fixed reply that must not win, and planted attacks. So
an estimate tries the same requests, and an interrupted run goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from app.asking import ask
from app.judge_checks import across, attack_facts
from app.judge_items import (
    ATTACK,
    CONSTANT,
    REPLY,
    Item,
    Plan,
    Run,
    attacks,
    constants,
    repeats_of,
    replies,
    requests,
    require_judges,
    run_of,
)
from app.model_flags import Flags
from app.models import Models, model_facts, opened
from app.predicting import digest_of, predictions_path
from app.scoring import SCORES, write_scores
from benchmarks import judge as judging
from benchmarks.judge_scoring import ANSWER, UNANSWERED, answer_rows, scored, unjudged
from benchmarks.judge_weights import weighted
from benchmarks.rubrics import Rubric
from counselling.judge_guard import instructions_in
from xinheng.artifacts import Artifact
from xinheng.budget import Spent
from xinheng.errors import ModelError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Reply
from xinheng.storage import Place
from xinheng.tables import CASE


def judge(
    predictions: Sequence[Artifact], plan: Plan, *, out: Place | None, flags: Flags, only_estimate: bool = False
) -> list[Artifact] | dict[str, Estimate]:
    """Scores of each system, written; or only what they would take.

    Args:
        predictions: One or more, best over the same cases.
        plan: Who judges how.
        out: The folder; of several systems each has one of its own in it.
        flags: Limits, and what may leave the machine.
        only_estimate: Try ten per judge and write nothing.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        ModelError: A judge cannot be asked, or gives no log-probabilities that were wanted.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    require_judges(plan)
    runs = [run_of(artifact, plan) for artifact in predictions]
    items = [*replies(runs, plan), *constants(runs, plan), *attacks(runs, plan)]
    cases = pl.concat([run.cases.select(list(CASE)) for run in runs]).unique(
        "case_id", keep="first", maintain_order=True
    )
    # Where any of them is not pseudonymised, the texts count as personal.
    open_one = next((r.artifact for r in runs if not r.artifact.manifest["facts"].get("privacy")), runs[0].artifact)
    with opened(cases, key="case_id", artifact=open_one, flags=flags) as models:
        if only_estimate:
            return asyncio.run(_estimated(models, plan, items))
        said, told = asyncio.run(_asked(models, plan, items))
        told["privacy_of_requests"] = models.went_out()
    return _written(runs, plan, items, said, told, out)


async def _asked(models: Models, plan: Plan, items: Sequence[Item]) -> tuple[dict[str, list[Reply]], dict[str, Any]]:
    """Each judge's replies to all that is asked; one judge after another, so that two models change places once."""
    spent = {spec: Spent(spec) for spec in plan.judges}
    wall_s: dict[str, float] = {}
    found: dict[str, list[Reply]] = {}
    try:
        facts = await model_facts([("judge", models.chat(spec)) for spec in plan.judges])
        asked = requests(items, plan)
        for spec in plan.judges:
            found[spec] = await ask(models, models.chat(spec), asked, len(asked), spent[spec], models.flags, wall_s)
            _require_logprobs(spec, found[spec], plan)
    finally:
        await models.close()
    steps = {spec: {**spent[spec].facts(), "wall_s": round(wall_s.get(spec, 0.0), 3)} for spec in plan.judges}
    return found, {"models": facts, "steps": steps}


def _require_logprobs(spec: str, said: Sequence[Reply], plan: Plan) -> None:
    if plan.logprobs and said and all(r.problem == "unsupported" and "logprobs" in r.detail for r in said):
        raise ModelError(
            spec, "gives no log-probabilities", want="a judge that does, for --logprobs",
            mend="Leave --logprobs out; xinheng doctor tells what a model can do.",
        )  # fmt: skip


async def _estimated(models: Models, plan: Plan, items: Sequence[Item]) -> dict[str, Estimate]:
    try:
        await model_facts([("judge", models.chat(spec)) for spec in plan.judges])
        asked = requests(items, plan)
        return {
            spec: await estimate(
                models.chat(spec), asked, concurrency=models.flags.concurrency, step="estimate", budget=models.budget
            )
            for spec in plan.judges
        }
    finally:
        await models.close()


def _written(
    runs: Sequence[Run],
    plan: Plan,
    items: Sequence[Item],
    said: Mapping[str, Sequence[Reply]],
    told: Mapping[str, Any],
    out: Place | None,
) -> list[Artifact]:
    asked = [(item, repeat) for item in items for repeat in repeats_of(item, plan)]
    read = {
        spec: [_read(item, repeat, reply, plan, spec) for (item, repeat), reply in zip(asked, given, strict=True)]
        for spec, given in said.items()
    }
    answers = {
        (kind, number): pl.DataFrame(
            [row for rows in read.values() for (item, _), several in zip(asked, rows, strict=True)
             if (item.kind, item.run) == (kind, number) for row in several],
            schema={**ANSWER, "attack_id": pl.String()},
        )
        for kind, number in {(item.kind, item.run) for item in items} | {(REPLY, n) for n in range(len(runs))}
    }  # fmt: skip
    by_run = [_with_unjudged(run, answers[REPLY, n].drop("attack_id"), plan) for n, run in enumerate(runs)]
    parts = [
        scored(run.cases, run.predictions, rows, plan.rubric, system=run.system)
        for run, rows in zip(runs, by_run, strict=True)
    ]
    constant = answers[CONSTANT, -1].drop("attack_id") if (CONSTANT, -1) in answers else None
    checks = across(
        [run.system for run in runs], [run.cases for run in runs], [run.predictions for run in runs], by_run, constant,
        plan.rubric,
    )  # fmt: skip
    attacked = [rows.with_columns(run=pl.lit(n)) for (kind, n), rows in sorted(answers.items()) if kind == ATTACK]
    numbered = pl.concat([rows.with_columns(run=pl.lit(n)) for n, rows in enumerate(by_run)])
    seen = {item.attack_id for item in items if item.kind == ATTACK and instructions_in(item.reply)}
    effects = attack_facts(pl.concat(attacked), numbered, plan.rubric, flagged=seen) if attacked else None
    made = []
    for number, (run, part) in enumerate(zip(runs, parts, strict=True)):
        verdicts = _verdicts(
            [(i, r, spec, reply) for spec, given in said.items() for (i, r), reply in zip(asked, given, strict=True)
             if i.kind == REPLY and i.run == number]
        )  # fmt: skip
        flagged = _flagged(run)
        facts = {
            "judge": {
                "rubric": part.facts["rubric"],
                "plan": plan.facts(),
                "prompt": {**judging.prompt_facts(plan.rubric), "digest": digest_of(judging.prompt_facts(plan.rubric))},
                **told,
                **checks[number],
                **({"attacks": effects} if effects else {}),
                "flagged": dict(flagged.explode("kinds").group_by("kinds").len().sort("kinds").iter_rows()),
                "together_with": [other.system for other in runs if other is not run],
            },
            "gates": part.facts["gates"],
            "missing": part.facts["missing"],
        }
        tables = {**part.more, "verdict": verdicts, "flagged": flagged}
        if constant is not None:
            tables["constant"] = constant
        if attacked:
            tables["attack"] = pl.concat(attacked)
        made.append(
            write_scores(
                run.artifact, replace(part, more=tables, facts=facts), out=_place(out, runs, number, plan.rubric)
            )
        )
    return made


def _read(item: Item, repeat: int, reply: Reply, plan: Plan, spec: str) -> list[dict[str, Any]]:
    conversation = "\n".join(m.content for m in item.conversation if m.role != "system")
    verdict = judging.read_verdict(reply, plan.rubric, judged=item.reply, conversation=conversation)
    only = len(plan.rubric.dimensions) == 1
    weights = {
        one.name: (found.value, found.mass)
        for one in plan.rubric.dimensions
        if plan.logprobs and (found := weighted(reply.tokens, one, only=only)) is not None
    }
    about = {
        "case_id": item.case["case_id"], "variant": item.variant, "judge": spec, "repeat": repeat,
        "attack_id": item.attack_id,
    }  # fmt: skip
    return [{**about, **row} for row in answer_rows(plan.rubric, verdict, weights=weights)]


def _with_unjudged(run: Run, answers: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """The answers with a row for each reply that was not shown to the judges, and why."""
    rows = [
        {"case_id": row["case_id"], "variant": row["variant"], "judge": spec, "repeat": 0, **told}
        for row in run.predictions.iter_rows(named=True)
        if (why := unjudged(row["text"], row["problem"]))
        for spec in plan.judges
        for told in answer_rows(plan.rubric, None, why=why)
    ]
    return pl.concat([answers, pl.DataFrame(rows, schema=ANSWER)])


def _verdicts(told: Sequence[tuple[Item, int, str, Reply]]) -> pl.DataFrame:
    """What judges said, word by word, for whoever looks a grade up."""
    rows = [
        {
            "case_id": item.case["case_id"],
            "variant": item.variant,
            "judge": spec,
            "repeat": repeat,
            "text": reply.text.encode("utf-8", "replace").decode(),
            "problem": reply.problem,
            "flags": list(reply.flags),
        }
        for item, repeat, spec, reply in told
    ]
    names = {"case_id": pl.String, "variant": pl.String, "judge": pl.String, "repeat": pl.UInt32, "text": pl.String}
    return pl.DataFrame(rows, schema={**names, "problem": pl.String, "flags": pl.List(pl.String)})


def _flagged(run: Run) -> pl.DataFrame:
    """The replies in which something looks like an attempt on the judge, and what."""
    rows = [
        {"case_id": row["case_id"], "variant": row["variant"], "kinds": list(kinds)}
        for row in run.predictions.iter_rows(named=True)
        if not unjudged(row["text"], row["problem"]).startswith(UNANSWERED) and (kinds := instructions_in(row["text"]))
    ]
    return pl.DataFrame(rows, schema={"case_id": pl.String, "variant": pl.String, "kinds": pl.List(pl.String)})


def _place(out: Place | None, runs: Sequence[Run], number: int, rubric: Rubric) -> Place:
    run = runs[number]
    if out is None:
        return predictions_path(run.artifact, f"{run.system}-{rubric.name}", SCORES)
    return out if len(runs) == 1 else out / f"{number + 1}"
