"""Cases answered by a system, and the answers written as an artifact: what every benchmark scores."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from app import pipeline
from app.asking import ask
from app.facts import dataset_table
from app.model_flags import Flags
from app.models import Models, model_facts, opened
from benchmarks.records import record
from curation.preferences import client_prompts
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.digests import combine, row_digests
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Want
from xinheng.storage import Place
from xinheng.tables import CASE, KEYS, PREDICTION

KIND: Final = "predictions"
_STEP: Final = "predict"


@dataclass(frozen=True, slots=True)
class Question:
    """A case as it is asked.

    Args:
        case_id: Which.
        messages: All that the system is told.
        variant: What tells this asking from others of the same case, such as `rotation 1`; "" where it is the only one.
        want: Of the answer, where it is another than the plan's.
    """

    case_id: str
    messages: tuple[Message, ...]
    variant: str = ""
    want: Want | None = None


Ask = Callable[[pl.DataFrame], Iterator[Question]]
"""From the rows of cases to what is asked."""


@dataclass(frozen=True)
class Plan:
    """Who is asked about what, and how.

    Args:
        system: The model, or the way of answering, by its name.
        want: Of each answer.
        prompt: What makes the prompts, for the record: shots, template, digests …
        language: Of a way's prompts, where its name does not say it.
        command: Name and options, for the record.
    """

    system: str
    want: Want
    prompt: Mapping[str, Any] = field(default_factory=dict)
    language: str | None = None
    command: Mapping[str, Any] | None = None


def as_cases(dataset: Artifact, *, split: str | None = "test", form: str | None = None) -> tuple[pl.DataFrame, str]:
    """The rows of a dataset that are asked about, as cases or questions, and the table they are of.

    Dialogues and examples become cases: asked is the conversation up to its last client turn, and what the counsellor
    then said is the reference.

    Args:
        dataset: A dataset or source of cases, choices, dialogues or examples, or predictions of an earlier run.
        split: Only these rows, where the dataset is divided; all of them where it is not or with None.
        form: Only cases of this form.

    Returns:
        CASE or CHOICE rows with whatever columns they have more, by id; and `case` or `choice`.

    Raises:
        UsageError: Rows of another kind, or none are left.
    """
    table = dataset_table(dataset)
    if table not in KEYS or table == "preference":
        raise UsageError(
            str(dataset.path), f"a {table} table", want="cases, multiple-choice questions, dialogues or examples"
        )
    rows = dataset.scan(table)
    have = rows.collect_schema()
    divided = [name for name in ("split", "published_split") if name in have]
    if divided and split is not None:
        found = pl.coalesce(pl.col(name).cast(pl.String) for name in divided)
        # A source without any split is a benchmark as a whole.
        rows = rows.with_columns(_split=found).filter(
            (pl.col("_split") == split) | pl.col("_split").is_null().all()
        ).drop("_split")  # fmt: skip
    if form is not None and "form" in have:
        rows = rows.filter(pl.col("form") == form)
    frame = rows.sort(KEYS[table]).collect()
    if table in {"dialogue", "example"} and frame.height:
        frame, table = _conversations(frame, str(dataset.manifest["name"])), "case"
    if not frame.height:
        wanted = ", ".join(f"{name} {value}" for name, value in (("split", split), ("form", form)) if value)
        raise UsageError(str(dataset.path), "no case to ask about", want=wanted or "rows", mend="See --split.")
    return frame, table


def _conversations(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """CASE rows of conversations: the last client turn is to be answered."""
    split = [column for column in ("split", "published_split") if column in rows.columns]
    prompts = client_prompts(rows.drop(split).lazy(), turns="last").filter(pl.col("outcome").is_null())
    return prompts.select(
        case_id="prompt_id",
        group_id="group_id",
        benchmark=pl.lit(name),
        form=pl.lit("dialogue"),
        language="language",
        messages="prompt",
        reference=pl.lit(None, pl.String),
        labels=pl.lit(None, pl.List(pl.String)),
        published_split=pl.lit(None, pl.String),
        source="source",
        licence="licence",
        origin="origin",
    ).cast(dict(CASE))  # type: ignore[arg-type]


def predict(
    dataset: Artifact,
    cases: pl.DataFrame,
    questions: Ask,
    plan: Plan,
    *,
    table: str,
    out: Place,
    flags: Flags,
    only_estimate: bool = False,
) -> Artifact | Estimate:
    """The answers of a system to all cases, written; or only what they would take.

    Args:
        dataset: Where the cases come from.
        cases: CASE or CHOICE rows, from `as_cases`.
        questions: How they are asked; called more than once, and gives the same each time.
        plan: Who is asked, and what is wanted.
        table: `case` or `choice`.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        only_estimate: Try ten and write nothing.

    Raises:
        UsageError: Texts would leave the machine and nobody allowed it.
        ModelError: The model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    with opened(cases, key=KEYS[table], artifact=dataset, flags=flags) as models:
        if only_estimate:
            return asyncio.run(_estimated(models, cases, questions, plan))
        predictions, told = asyncio.run(_answered(models, cases, questions, plan))
        privacy = models.went_out()
    return written(dataset, cases, predictions, plan, told, table=table, out=out, privacy=privacy)


def written(
    dataset: Artifact,
    cases: pl.DataFrame,
    predictions: pl.DataFrame,
    plan: Plan,
    told: Mapping[str, Any],
    *,
    table: str,
    out: Place,
    privacy: Mapping[str, Any] | None = None,
    more: Mapping[str, pl.DataFrame] | None = None,
) -> Artifact:
    """A predictions artifact: the cases with their gold, and what was answered.

    Args:
        dataset: Where the cases come from.
        cases: CASE or CHOICE rows.
        predictions: PREDICTION rows.
        plan: Who was asked how.
        told: `models` and `steps`, as `predict` records them.
        table: `case` or `choice`.
        out: The artifact's folder.
        privacy: What went out.
        more: Further tables.
    """
    problems = predictions["problem"].drop_nulls().value_counts().sort("problem")
    title = dataset.manifest["facts"].get("title") or {}
    name = str(dataset.manifest["name"])
    decoding = {n: getattr(plan.want, n) for n in Want.__slots__ if getattr(plan.want, n) not in (None, ())}
    facts = {
        "title": {
            "en": f"{title.get('en', name)}: answers of {plan.system}",
            "zh": f"{title.get('zh', name)}：{plan.system} 的回答",
        },
        "table": table,
        "system": plan.system,
        **told,
        "record": record(
            data={
                "name": name,
                "digest": combine([row_digests(cases)]),
                "rows": cases.height,
                "table": table,
                "dataset": dataset.link(),
            },
            prompt=plan.prompt,
            models=told.get("models", []),
            decoding=decoding,
            counts={
                "n": predictions.height,
                "refusals": predictions.filter(pl.col("problem") == "refused").height,
                "unusable": predictions["problem"].len() - predictions["problem"].null_count(),
                **{f"problem_{kind}": n for kind, n in problems.iter_rows()},
            },
            cost=told.get("steps", {}).get(_STEP, {}),
            command=plan.command,
        ),
        **({"privacy": dataset.manifest["facts"]["privacy"]} if dataset.manifest["facts"].get("privacy") else {}),
        **({"privacy_of_requests": privacy} if privacy is not None else {}),
    }
    tables = {table: cases, "prediction": predictions, **(more or {})}
    return write(out, kind=KIND, name=f"{name}-predictions", tables=tables, facts=facts, parents=[dataset])


async def _answered(
    models: Models, cases: pl.DataFrame, questions: Ask, plan: Plan
) -> tuple[pl.DataFrame, dict[str, Any]]:
    spent, wall_s = Spent(_STEP), dict[str, float]()
    asked = list(questions(cases))
    try:
        chat = models.chat(plan.system, language=plan.language)
        facts = await model_facts([("answers", chat)])
        requests = (_request(question, plan) for question in asked)
        replies = await ask(models, chat, requests, len(asked), spent, models.flags, wall_s)
    finally:
        await models.close()
    rows = [_row(question, plan.system, reply) for question, reply in zip(asked, replies, strict=True)]
    steps = {_STEP: {**spent.facts(), "wall_s": round(wall_s.get(_STEP, 0.0), 3)}}
    return pl.DataFrame(rows, schema=PREDICTION), {"models": facts, "steps": steps}


async def _estimated(models: Models, cases: pl.DataFrame, questions: Ask, plan: Plan) -> Estimate:
    try:
        chat = models.chat(plan.system, language=plan.language)
        await model_facts([("answers", chat)])
        requests = [_request(question, plan) for question in questions(cases)]
        return await estimate(
            chat, requests, concurrency=models.flags.concurrency, step="estimate", budget=models.budget
        )
    finally:
        await models.close()


def _request(question: Question, plan: Plan) -> Request:
    return Request(f"{question.case_id}@{question.variant}", question.messages, question.want or plan.want)


def _row(question: Question, system: str, reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    return {
        "case_id": question.case_id,
        "variant": question.variant,
        "system": system,
        # A lone surrogate is nothing that a file can hold.
        "text": reply.text.encode("utf-8", "replace").decode(),
        "finish_reason": reply.finish,
        "problem": reply.problem,
        "detail": reply.detail or None,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "latency_s": usage.seconds,
        "first_token_s": reply.first_token_s,
    }


def as_asked(cases: pl.DataFrame) -> Iterator[Question]:
    """Cases as their messages are, for those that need no prompt of ours."""
    for case_id, messages in cases.select("case_id", "messages").iter_rows():
        yield Question(case_id, tuple(Message(m["role"], m["content"]) for m in messages))


def digest_of(value: Any) -> str:
    """The digest of what makes prompts: SHA-256 of its JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def predictions_path(dataset: Artifact, system: str, kind: str = KIND) -> Place:
    """Where predictions or scores lie when nobody says where."""
    plain = "".join(c if c.isalnum() else "-" for c in system).strip("-").lower()
    return pipeline.dataset_path(f"{dataset.manifest['name']}-{plain}-{kind}")
