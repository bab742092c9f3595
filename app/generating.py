"""What `xinheng generate preferences` does: answers asked for, graded, paired and written as an artifact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from app.model_flags import Flags
from app.models import Models, NotKeptError, bare_model, model_facts, opened, prompt_facts, rows_of
from app.pair_plan import RULE, Plan
from app.pairs import KIND, divided, shares, title_of
from app.protection import carried
from app.terminal import Terminal
from counselling.connect import way_of
from counselling.rules import Rules
from curation.candidates import Graded, Prompt, Run, Speaker, Whole, answers, verdicts
from curation.preference_tables import broken_counts, tables
from curation.preferences import Answer, client_prompts, messages_of
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.storage import Place
from xinheng.tables import KEYS


@dataclass(frozen=True)
class _Part:
    """The prompts of one language and whom they go to."""

    language: str
    prompts: tuple[Prompt, ...]
    rules: Rules


def preferences(
    dataset: Artifact,
    plan: Plan,
    *,
    out: Place,
    flags: Flags,
    limit: int | None = None,
    after: Artifact | None = None,
    only_estimate: bool = False,
) -> Artifact | dict[str, Estimate]:
    """Answers asked for, graded and paired, and all of it written; or only what it would take.

    Args:
        dataset: Dialogues, examples or client statements.
        plan: What is wanted.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        limit: Only so many rows.
        after: The artifact of the round before.
        only_estimate: Try a few and write nothing.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        ModelError: A model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    _require_round(plan, after)
    rows, table = rows_of(dataset, limit=limit)
    prompts = client_prompts(rows.lazy(), turns=plan.turns)
    parts = _parts(prompts, plan)
    with opened(rows, key=KEYS[table], artifact=dataset, flags=flags) as models:
        if only_estimate:
            return asyncio.run(_estimated(models, plan, parts, flags))
        given, facts = asyncio.run(_asked(models, plan, parts, flags))
        made = tables(prompts, given, judge=plan.judges, unbroken=plan.unbroken)
        facts["privacy_of_requests"] = models.went_out()
    made["preference"], certificate = divided(made["preference"], seed=plan.seed)
    counts = made["prompt"].group_by("outcome").len().sort("len", "outcome", descending=[True, False])
    facts |= {
        "title": title_of(dataset, "preference pairs", "偏好配對"),
        "table": "preference",
        "rows": rows.height,
        "limit": limit,
        "plan": {**asdict(plan), "want": asdict(plan.want), "samples": plan.samples, "judge": plan.judges},
        "rule": RULE,
        "judged_by_itself": plan.judges == bare_model(plan.model),
        "round": plan.round,
        "after": after.link() if after is not None else None,
        "prompts": prompt_facts(sorted({part.language for part in parts})),
        "outcomes": dict(counts.iter_rows()),
        "answers": sum(answer.reply.ok for answer in given),
        "verdicts": sum(answer.verdict is not None for answer in given),
        "broken": broken_counts(given),
        **shares(made["preference"]),
        "terms": _terms(facts["models"]),
        **carried(dataset),
        "certificate": certificate,
    }
    parents = [dataset, *([after] if after is not None else [])]
    return write(out, kind=KIND, name=_name(dataset), tables=made, facts=facts, parents=parents)


def _require_round(plan: Plan, after: Artifact | None) -> None:
    """Raise unless a later round names the one before it."""
    if plan.round == 1 and after is None:
        return
    before = after.manifest["facts"].get("round") if after is not None and after.kind == KIND else None
    if before != plan.round - 1:
        raise UsageError(
            "generate preferences",
            f"round {plan.round}",
            want=f"--after with the pairs of round {plan.round - 1}" if plan.round > 1 else "no --after",
            have="none" if after is None else f"{after.kind} {after.path}, round {before}",
        )


def _parts(prompts: pl.DataFrame, plan: Plan) -> list[_Part]:
    """The prompts that are to be asked, by the language of the answers."""
    open_ = prompts.filter(pl.col("outcome").is_null())
    if not open_.height:
        reasons = ", ".join(f"{n:,} {why}" for why, n in prompts.group_by("outcome").len().sort("outcome").iter_rows())
        raise UsageError("generate preferences", "nothing to answer", have=reasons or "no rows")
    language = pl.lit(plan.language) if plan.language else pl.col("language")
    limit = plan.length or int((way_of(plan.model) or ("", "", {}))[2].get("limit", 0)) or None
    return [
        _Part(
            str(name),
            tuple(Prompt(i, messages_of(p)) for i, p in group.select("prompt_id", "prompt").iter_rows()),
            Rules(str(name), limit),
        )
        for (name,), group in sorted(open_.group_by(language.alias("_language"), maintain_order=True))
    ]


async def _asked(
    models: Models, plan: Plan, parts: Sequence[_Part], flags: Flags
) -> tuple[list[Answer], dict[str, Any]]:
    """All answers with their verdicts, and what it took."""
    run = Run(flags.concurrency, models.budget, models.progress)
    spent = {name: Spent(name) for name in ("candidates", "verdicts")}
    wall_s: dict[str, float] = {}
    try:
        facts = await model_facts(_roles(models, plan, parts[0].language))
        given: dict[str, list[Answer]] = {}
        with _timed(wall_s, "candidates"):
            for part in parts:
                speakers = _speakers(models, plan, part.language)
                given[part.language] = await answers(
                    speakers, part.prompts, part.rules, run=run, spent=spent["candidates"]
                )
        with _timed(wall_s, "verdicts"):
            for part in parts:
                graded = Graded(models.chat(plan.judges), part.language)
                given[part.language] = await verdicts(
                    graded,
                    part.prompts,
                    given[part.language],
                    run=run,
                    spent=spent["verdicts"],
                    tokens=plan.judge_tokens,
                )
    finally:
        await models.close()
    steps = {name: {**spent[name].facts(), "wall_s": round(wall_s[name], 3)} for name in spent}
    return [answer for part in given.values() for answer in part], {"models": facts, "steps": steps}


async def _estimated(models: Models, plan: Plan, parts: Sequence[_Part], flags: Flags) -> dict[str, Estimate]:
    """What each language's prompts will take, from ten of them."""
    found = {}
    try:
        await model_facts(_roles(models, plan, parts[0].language))
        for part in parts:
            kept, whole = (
                Whole(
                    _speakers(models, plan, part.language, kept_only=kept_only),
                    Graded(models.chat(plan.judges, kept_only=kept_only), part.language),
                    tokens=plan.judge_tokens,
                )
                for kept_only in (True, False)
            )
            whole = Whole(whole.speakers, whole.graded, tokens=plan.judge_tokens, kept=kept, missing=NotKeptError)
            requests = [Request(prompt.prompt_id, prompt.messages) for prompt in part.prompts]
            found[part.language] = await estimate(
                whole, requests, concurrency=flags.concurrency, step="estimate", budget=models.budget
            )
    finally:
        await models.close()
    return found


def _speakers(models: Models, plan: Plan, language: str, *, kept_only: bool = False) -> list[Speaker]:
    return [
        Speaker(models.chat(spec, language=language, kept_only=kept_only), plan.samples, plan.want)
        for spec in plan.speakers
    ]


def _roles(models: Models, plan: Plan, language: str) -> list[tuple[str, Any]]:
    spoken = [("answers", speaker.chat) for speaker in _speakers(models, plan, language)]
    return [*spoken, ("judge", models.chat(plan.judges))]


@contextmanager
def _timed(wall_s: dict[str, float], step: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    wall_s[step] = time.perf_counter() - began


def _terms(models: Sequence[dict[str, Any]]) -> str:
    remote = sorted({m["name"] for m in models if m["remote"]})
    if remote:
        return (
            f"Answers of {', '.join(remote)} stand under its provider's terms besides the licence of the prompts: "
            "read them before you train on these rows or pass them on."
        )
    return "Answers stand under the licence of the model's weights besides the licence of the prompts."


def _name(dataset: Artifact) -> str:
    return f"{dataset.manifest['name']}-preferences"


def show(terminal: Terminal, made: Artifact) -> None:
    """Why there are so many pairs and no more, what each step took, and where it lies."""
    facts = made.manifest["facts"]
    terminal.table(
        ["what became of the prompts", "prompts"], [[w, n] for w, n in facts["outcomes"].items()], right=(1,)
    )
    if "steps" in facts:
        terminal.line()
        show_steps(terminal, facts["steps"])
    broken = ", ".join(f"{rule} {n:,}" for rule, n in facts.get("broken", {}).items())
    if broken:
        terminal.line(f"answers that break a rule of form: {broken}; chosen among them: {facts['broken_chosen']:,}")
    shares = ", ".join(f"{name} {n:,}" for name, n in facts["splits"].items())
    terminal.line(f"\n{facts['pairs']:,} pairs{f' ({shares})' if shares else ''}")
    if not facts["pairs"]:
        terminal.line("No pair: see the tables `candidate` and `verdict`; a stronger judge or model may help.")
    if facts.get("judged_by_itself"):
        terminal.line("The model graded its own answers; --judge names another.")
    if facts.get("terms"):
        terminal.line(facts["terms"])
    terminal.line(f"pairs    {made.path}  {made.digest[:12]}")
    terminal.line(f"next     xinheng export {made.path} --format dpo --out FOLDER")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "marks": made.marks})


def show_steps(terminal: Terminal, steps: dict[str, Any]) -> None:
    """Answers, requests, tokens, money and time of each step, in this run and in all."""
    terminal.table(
        [
            "step",
            "answers",
            "from the journal",
            "unusable",
            "requests now",
            "tokens in",
            "tokens out",
            "USD",
            "seconds",
        ],
        [
            [
                name,
                told["answers"],
                told["kept"],
                sum(told["problems"].values()),
                told["now"]["requests"],
                "not told" if told["input_tokens"] is None else told["input_tokens"],
                "not told" if told["output_tokens"] is None else told["output_tokens"],
                "unknown" if told["usd"] is None else f"{told['usd']:.4f}",
                f"{told['wall_s']:,.1f}",
            ]
            for name, told in steps.items()
        ],
        right=tuple(range(1, 9)),
    )


def show_estimates(terminal: Terminal, found: Mapping[str, Estimate]) -> None:
    """What a run will take."""
    for number, (language, one) in enumerate(found.items()):
        terminal.line(("\n" if number else "") + (f"answers in {language}\n" if language else "") + str(one))
    terminal.line("\nThe trial's answers are kept: the run begins with them. Leave --estimate out to start it.")
    terminal.result({language or "all": asdict(one) for language, one in found.items()})
