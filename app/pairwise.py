"""What `xinheng bench pairwise` does: systems' replies shown to judges in both orders, and the comparison written.

All that is asked of a judge is known beforehand, and every reply goes through the journal: an interrupted comparison
goes on where it was, and a further system costs only its own pairs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final

import polars as pl

from app.asking import ask
from app.model_flags import Flags
from app.models import Models, bare_model, model_facts, opened
from app.predicting import data_digest, first_cases, predictions_path
from app.recorded import recorded_command
from app.scoring import SCORES, opened_predictions, system_of
from benchmarks.judge_scoring import unjudged
from benchmarks.pairwise import PANEL, VERDICT, Pair, outcomes
from benchmarks.pairwise_summary import scored
from benchmarks.pairwise_verdicts import SCHEMA, messages, prompt_facts, read_choice, said
from benchmarks.records import record
from benchmarks.resampling import BOOTSTRAP, Bootstrap
from benchmarks.rubrics import Rubric
from counselling.connect import way_of
from counselling.judge_guard import instructions_in
from counselling.rules import length
from curation.preferences import messages_of
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.digests import row_digests
from xinheng.errors import InputError, UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Reply, Want
from xinheng.storage import Place
from xinheng.tables import LANGUAGES, TABLES

PAGE: Final = "page.html"
_BESIDES: Final = frozenset({"source", "licence", "origin", "published_split"})


@dataclass(frozen=True)
class Plan:
    """Who judges, by what, and how.

    Args:
        judges: Names of models; several are a panel.
        rubric: By whose dimensions and anchors; the prompt's own words where None.
        tokens: A verdict may have.
        seed: Of verdicts, where the server takes one, and of the bootstrap.
        language: Of the judge's instructions; None for each case's own.
        limit: Only so many cases.
        resamples: Of the bootstrap.
    """

    judges: tuple[str, ...]
    rubric: Rubric | None = None
    tokens: int = 1024
    seed: int = 0
    language: str | None = None
    limit: int | None = None
    resamples: int = BOOTSTRAP.resamples

    @property
    def want(self) -> Want:
        """What is asked of a verdict."""
        return Want(max_tokens=self.tokens, temperature=0.0, seed=self.seed, schema=SCHEMA)


@dataclass(frozen=True)
class Field:
    """Systems that answered the same cases.

    Args:
        cases: CASE rows.
        systems: Their names, each once.
        runs: Their predictions, in that order.
        replies: One row per case, variant and system: case_id, variant, group_id, system, text, usable, why (null for
            a usable one), length (characters), flagged (list of kinds).
    """

    cases: pl.DataFrame
    systems: tuple[str, ...]
    runs: tuple[Artifact, ...]
    replies: pl.DataFrame


@dataclass(frozen=True)
class Asked:
    """One showing of two replies to a judge."""

    case_id: str
    variant: str
    first: str
    second: str


@dataclass(frozen=True)
class Compared:
    """A comparison: its artifact, all figures of it, and its page."""

    artifact: Artifact
    field: Field
    verdicts: pl.DataFrame
    outcomes: pl.DataFrame
    pairs: list[Pair]
    page: str


Page = Callable[[Field, pl.DataFrame, pl.DataFrame, Sequence[Pair], Mapping[str, Any]], str]
"""From field, verdicts, outcomes, pairs and the manifest's facts to the page."""


def compare(
    runs: Sequence[Artifact], plan: Plan, *, out: Place | None, flags: Flags, page: Page, only_estimate: bool = False
) -> Compared | dict[str, Estimate]:
    """The comparison of two or more systems, written; or only what judging would take.

    Args:
        runs: Predictions of the same cases.
        plan: Who judges how.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        page: Makes the page that lies in the artifact.
        only_estimate: Try ten per judge and write nothing.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        InputError: The systems answered other cases.
        ModelError: A judge cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    require_judges(plan)
    field = field_of(runs, plan)
    asked = showings(field)
    # Where any of them is not pseudonymised, the texts count as personal.
    open_one = next((run for run in runs if not run.manifest["facts"].get("privacy")), runs[0])
    with opened(field.cases, key="case_id", artifact=open_one, flags=flags) as models:
        requests = _requests(field, asked, plan)
        if only_estimate:
            return asyncio.run(_estimated(models, plan, requests))
        replies, told = asyncio.run(_judged(models, plan, requests))
        told["privacy_of_requests"] = models.went_out()
    verdicts = _verdicts(asked, replies)
    rows = outcomes(verdicts, field.replies, field.systems, plan.judges)
    return _written(field, plan, verdicts, rows, told, out=out, page=page)


def require_judges(plan: Plan) -> None:
    """Raise unless the judges are models, each named once."""
    if ways := [spec for spec in plan.judges if way_of(spec) is not None]:
        raise UsageError(
            "pairwise", "a way of answering cannot judge", want="a model's name", have=", ".join(ways),
            mend="Leave the word before the first colon out.",
        )  # fmt: skip
    if not plan.judges or len(set(plan.judges)) < len(plan.judges):
        raise UsageError("pairwise", "which judges?", want="--judge, each model once", have=", ".join(plan.judges))
    if PANEL in plan.judges:
        raise UsageError("pairwise", f"a judge called {PANEL}", want="another name")


def field_of(runs: Sequence[Artifact], plan: Plan) -> Field:
    """The systems with their replies, after a look whether they answered the same cases.

    Raises:
        UsageError: Fewer than two systems, one of them twice, or questions instead of conversations.
        InputError: Other cases; it says how many.
    """
    if len(runs) < 2:
        raise UsageError("pairwise", "one system", want="predictions of two or more", have=str(len(runs)))
    digests = [run.digest for run in runs]
    if len(set(digests)) < len(digests):
        raise UsageError(
            "pairwise", "the same predictions twice", want="two systems", mend="Name predictions of another system."
        )
    parts = [_conversations(run) for run in runs]
    _require_same(runs, [cases for cases, _ in parts])
    cases = first_cases(parts[0][0].sort("case_id"), plan.limit)
    names = _names(runs)
    replies = pl.concat(_replies(cases, answers, name) for (_, answers), name in zip(parts, names, strict=True))
    uneven = replies.group_by("case_id", "variant").len().filter(pl.col("len") < len(runs)).height
    if uneven:
        have = f"{uneven:,} that not all of them answered"
        raise InputError("pairwise", "other repeats", want="the same variants of every case", have=have)
    if plan.language is None and (strange := cases.filter(~pl.col("language").is_in(_spoken(plan))).height):
        raise UsageError(
            "pairwise", "no judge's words in the language of some cases", want=", ".join(_spoken(plan)),
            have=f"{strange:,} in others", mend="Name one with --judge-language.",
        )  # fmt: skip
    return Field(cases, names, tuple(runs), replies)


def _spoken(plan: Plan) -> tuple[str, ...]:
    return LANGUAGES if plan.rubric is None else plan.rubric.languages


def _conversations(run: Artifact) -> tuple[pl.DataFrame, pl.DataFrame]:
    cases, answers, table = opened_predictions(run)
    if table != "case":
        raise UsageError(
            str(run.path),
            "multiple-choice questions",
            want="cases with a conversation",
            mend="xinheng score reads these.",
        )
    return cases, answers


def _require_same(runs: Sequence[Artifact], cases: Sequence[pl.DataFrame]) -> None:
    """Raise unless all are about the same cases, with the same words."""
    told = [name for name in TABLES["case"] if name not in _BESIDES]
    rows = [dict(zip(c["case_id"], row_digests(c.select(told)).to_list(), strict=True)) for c in cases]
    for run, mine in zip(runs[1:], rows[1:], strict=True):
        if mine == rows[0]:
            continue
        only, other = len(rows[0].keys() - mine.keys()), len(mine.keys() - rows[0].keys())
        moved = sum(rows[0][name] != mine[name] for name in rows[0].keys() & mine.keys())
        raise InputError(
            "pairwise", f"{runs[0].path} and {run.path} are of other cases", want="the same cases in all",
            have=f"{only:,} in the first only, {other:,} in the other only, {moved:,} with other words",
            mend="Ask both about the same dataset, split, form and limit.",
        )  # fmt: skip


def _names(runs: Sequence[Artifact]) -> tuple[str, ...]:
    """The systems' names, with a piece of the digest where two are of one name."""
    names = [system_of(run) for run in runs]
    return tuple(
        name if names.count(name) == 1 else f"{name} #{run.digest[:8]}" for name, run in zip(names, runs, strict=True)
    )


def _replies(cases: pl.DataFrame, answers: pl.DataFrame, system: str) -> pl.DataFrame:
    mine = cases.select("case_id", "group_id").join(answers, on="case_id", how="inner").sort("case_id", "variant")
    why = [unjudged(text, problem) for text, problem in mine.select("text", "problem").iter_rows()]
    return mine.select(
        "case_id",
        "variant",
        "group_id",
        system=pl.lit(system),
        text="text",
        usable=pl.Series([not reason for reason in why], dtype=pl.Boolean),
        why=pl.Series([reason or None for reason in why], dtype=pl.String),
        length=pl.Series([length(text) for text in mine["text"]], dtype=pl.Int64),
        flagged=pl.Series([list(instructions_in(text)) for text in mine["text"]], dtype=pl.List(pl.String)),
    )


def showings(field: Field) -> list[Asked]:
    """Every two usable replies that differ, in both orders."""
    found = []
    for (case_id, variant), some in field.replies.group_by("case_id", "variant", maintain_order=True):
        usable = {
            name: text.strip() for name, text, there in some.select("system", "text", "usable").iter_rows() if there
        }
        found += [Asked(str(case_id), str(variant), a, b) for a, b in permutations(usable, 2) if usable[a] != usable[b]]
    return found


def _requests(field: Field, asked: Sequence[Asked], plan: Plan) -> list[Request]:
    cases = {row["case_id"]: row for row in field.cases.iter_rows(named=True)}
    texts = {
        (case, variant, system): text
        for case, variant, system, text in field.replies.select("case_id", "variant", "system", "text").iter_rows()
    }
    conversations = {case_id: messages_of(row["messages"]) for case_id, row in cases.items()}
    return [
        Request(
            f"{one.case_id}@",
            messages(
                conversations[one.case_id],
                texts[one.case_id, one.variant, one.first],
                texts[one.case_id, one.variant, one.second],
                language=plan.language or cases[one.case_id]["language"],
                rubric=plan.rubric,
            ),
            plan.want,
        )
        for one in asked
    ]


async def _judged(
    models: Models, plan: Plan, requests: Sequence[Request]
) -> tuple[dict[str, list[Reply]], dict[str, Any]]:
    """Each judge's replies; one judge after another, so that two models change places once."""
    spent = {spec: Spent(spec) for spec in plan.judges}
    wall_s: dict[str, float] = {}
    found: dict[str, list[Reply]] = {}
    try:
        facts = await model_facts([("judge", models.chat(spec)) for spec in plan.judges])
        for spec in plan.judges:
            chat = models.chat(spec)
            found[spec] = await ask(models, chat, requests, len(requests), spent[spec], models.flags, wall_s)
    finally:
        await models.close()
    for model, spec in zip(facts, plan.judges, strict=True):
        model["server"] = await models.server(spec)
        model["answered_as"] = sorted({reply.model for reply in found[spec] if reply.model})
    steps = {spec: {**spent[spec].facts(), "wall_s": round(wall_s.get(spec, 0.0), 3)} for spec in plan.judges}
    return found, {"models": facts, "steps": steps}


async def _estimated(models: Models, plan: Plan, requests: Sequence[Request]) -> dict[str, Estimate]:
    if not requests:
        raise UsageError("pairwise", "nothing to judge", want="two usable replies that differ", have="none")
    try:
        await model_facts([("judge", models.chat(spec)) for spec in plan.judges])
        return {
            spec: await estimate(
                models.chat(spec), requests, concurrency=models.flags.concurrency, step="estimate", budget=models.budget
            )
            for spec in plan.judges
        }
    finally:
        await models.close()


def _verdicts(asked: Sequence[Asked], replies: Mapping[str, Sequence[Reply]]) -> pl.DataFrame:
    rows = []
    for judge, given in replies.items():
        for one, reply in zip(asked, given, strict=True):
            choice, why = read_choice(reply)
            rows.append(
                {
                    "case_id": one.case_id, "variant": one.variant, "first": one.first, "second": one.second,
                    "judge": judge, "choice": choice, "reason": why or None,
                    "said": said(reply).encode("utf-8", "replace").decode(),
                }
            )  # fmt: skip
    return pl.DataFrame(rows, schema=dict(VERDICT))


def _written(
    field: Field,
    plan: Plan,
    verdicts: pl.DataFrame,
    rows: pl.DataFrame,
    told: Mapping[str, Any],
    *,
    out: Place | None,
    page: Page,
) -> Compared:
    made, pairs = scored(rows, field.cases, how=Bootstrap(plan.resamples, plan.seed))
    first = field.runs[0]
    name = str(first.manifest["name"]).removesuffix("-predictions")
    names = " – ".join(field.systems)
    digest = data_digest(field.cases, "case")
    facts = {
        "title": {"en": f"{name}: {names}, in pairs", "zh": f"{name}：{names} 兩兩比較"},
        "table": "case",
        "systems": list(field.systems),
        "judges": list(plan.judges),
        "judged_by_itself": sorted({bare_model(s) for s in field.systems} & {bare_model(j) for j in plan.judges}),
        "data_digest": digest,
        "scorers": list(dict.fromkeys(rows["judge"])),
        "published": False,
        "runs": [{"system": s, **run.link()} for s, run in zip(field.systems, field.runs, strict=True)],
        "records": {s: run.manifest["facts"].get("record") for s, run in zip(field.systems, field.runs, strict=True)},
        "record": record(
            data={"name": name, "digest": digest, "rows": field.cases.height, "table": "case"},
            prompt=prompt_facts(plan.rubric),
            models=told["models"],
            decoding={"max_tokens": plan.tokens, "temperature": 0.0, "seed": plan.seed},
            counts={
                "n": rows.height,
                "invalid": verdicts["choice"].null_count(),
                "unusable": field.replies.height - int(field.replies["usable"].sum()),
            },
            cost=_together(told["steps"]),
            command=recorded_command(),
        ),
        "limit": plan.limit,
        **told,
        **({"privacy": first.manifest["facts"]["privacy"]} if first.manifest["facts"].get("privacy") else {}),
    }
    tables = {
        "score": made.score, "summary": made.summary, **made.more, "verdict": verdicts,
        "unusable": field.replies.filter(~pl.col("usable")).select("case_id", "variant", "system", "why"),
        "flagged": field.replies.filter(pl.col("flagged").list.len() > 0).select(
            "case_id", "variant", "system", "flagged"
        ),
    }  # fmt: skip
    html = page(field, verdicts, rows, pairs, facts)
    artifact = write(
        out or predictions_path(first, " against ".join(field.systems), SCORES),
        kind=SCORES,
        name=f"{name}-pairwise",
        tables=tables,
        facts=facts,
        parents=field.runs,
        texts={PAGE: html},
    )
    return Compared(artifact, field, verdicts, rows, pairs, html)


def _together(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The cost of all judges; unknown where one of them is."""
    names = ("answers", "kept", "requests", "retries", "seconds", "usd", "input_tokens", "output_tokens", "wall_s")
    summed = {}
    for name in names:
        values = [step.get(name) for step in steps.values()]
        summed[name] = None if None in values else sum(values)  # type: ignore[arg-type]
    return summed
