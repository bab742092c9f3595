"""Cases answered by a system, and the answers written as an artifact: what every benchmark scores."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import polars as pl

from app.asking import ask
from app.facts import dataset_table
from app.model_flags import Flags
from app.models import Models, model_facts, opened
from app.recorded import recorded_command
from benchmarks.records import record
from curation.preferences import client_prompts
from xinheng.artifacts import Artifact, require_place, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.digests import combine, row_digests
from xinheng.errors import InputError, UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Role, Want, request_key
from xinheng.settings import settings
from xinheng.storage import Place
from xinheng.tables import CASE, KEYS, PREDICTION, TABLES, require

KIND: Final = "predictions"
REFUSALS: Final = ("refused", "filtered")
"""Problems that mean: it would not answer."""
_STEP: Final = "predict"
_BESIDES: Final = frozenset({"source", "licence", "origin", "published_split"})
_NOT_PLAIN: Final = re.compile(r"[^\w.]+")
_LONGEST_NAME: Final = 120


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


def as_cases(
    dataset: Artifact, *, split: str | None = "test", form: str | None = None, limit: int | None = None
) -> tuple[pl.DataFrame, str]:
    """The rows of a dataset that are asked about, as cases or questions, and the table they are of.

    Dialogues and examples become cases: asked is the conversation up to its last client turn, and what the counsellor
    then said is the reference.

    Predictions of an earlier run are a selection already: their cases are taken as they are.

    Args:
        dataset: A dataset or source of cases, choices, dialogues or examples, or predictions of an earlier run.
        split: Only these rows, where the dataset is divided; all of them where it is not or with None.
        form: Only cases of this form.
        limit: Only so many, taken in turn from each set or subject, so that a first look sees all of them.

    Returns:
        CASE or CHOICE rows with whatever columns they have more, by id; and `case` or `choice`.

    Raises:
        UsageError: Rows of another kind, or none are left.
        InputError: A case stands there twice, or cannot be asked.
        SchemaError: Columns are missing.
    """
    table = dataset_table(dataset)
    if table not in KEYS or table == "preference":
        raise UsageError(
            str(dataset.path), f"a {table} table", want="cases, multiple-choice questions, dialogues or examples"
        )
    rows = dataset.scan(table)
    require(rows, TABLES[table], who=str(dataset.path))
    if dataset.kind != KIND:
        rows = _selected(rows, split, form)
    frame = rows.sort(KEYS[table]).collect()
    if frame.height and (twice := frame.height - frame[KEYS[table]].n_unique()):
        raise InputError(str(dataset.path), "cases of the same id", want="each once", have=f"{twice:,} more than once")
    if table in {"dialogue", "example"} and frame.height:
        frame, table = _conversations(frame, str(dataset.manifest["name"])), "case"
    if not frame.height:
        raise _nothing_left(dataset, table, split, form)
    _require_askable(frame, table, str(dataset.path))
    return first_cases(frame, limit), table


def _require_askable(cases: pl.DataFrame, table: str, who: str) -> None:
    """Raise where a case has no id, or nothing that could be sent: before anybody is asked about the others."""
    wrong = pl.col(KEYS[table]).is_null()
    if table == "case":
        said = pl.element().struct
        speaks = said.field("role").is_in(get_args(Role)) & said.field("content").is_not_null()
        whole = (pl.col("messages").list.len() > 0) & pl.col("messages").list.eval(
            speaks.fill_null(value=False)
        ).list.all()
        wrong = wrong | pl.col("benchmark").is_null() | ~whole.fill_null(value=False)
    if lost := cases.filter(wrong).height:
        want = "an id, a benchmark and messages with role and text in each" if table == "case" else "an id in each"
        raise InputError(who, "cases that cannot be asked", want=want, have=f"{lost:,} of {cases.height:,} without")


def first_cases(cases: pl.DataFrame, limit: int | None) -> pl.DataFrame:
    """So many cases, taken in turn from each set, form or subject, in the order in which they stood.

    >>> import polars as pl
    >>> first_cases(pl.DataFrame({"subject": ["a", "a", "b"]}), 2)["subject"].to_list()
    ['a', 'b']
    """
    if limit is None or limit >= cases.height:
        return cases
    kinds = [name for name in ("benchmark", "form", "subject") if name in cases.columns]
    turn = pl.int_range(pl.len()).over(kinds) if kinds else pl.int_range(pl.len())
    place = cases.with_columns(_place=pl.int_range(pl.len()), _turn=turn).sort("_turn", "_place").head(limit)
    return place.sort("_place").drop("_place", "_turn")


def _selected(rows: pl.LazyFrame, split: str | None, form: str | None) -> pl.LazyFrame:
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
    return rows


def _nothing_left(dataset: Artifact, table: str, split: str | None, form: str | None) -> UsageError:
    """The error that says which splits and forms there are."""
    rows = dataset.scan(dataset_table(dataset))
    have = rows.collect_schema()
    kinds = [name for name in ("split", "published_split", "form") if name in have]
    found = rows.select(pl.col(kinds).cast(pl.String)).unique().collect() if kinds else pl.DataFrame()
    told = [f"{name} {', '.join(sorted(found[name].drop_nulls().unique()))}" for name in kinds if found.height]
    wanted = ", ".join(f"{name} {value}" for name, value in (("split", split), ("form", form)) if value)
    have_rows = dataset.rows(dataset_table(dataset))
    return UsageError(
        str(dataset.path),
        "no case to ask about",
        want=wanted or f"{table} rows",
        have=f"{have_rows:,} rows" + (f": {'; '.join(told)}" if told else ""),
        mend="See --split and --form." if have_rows else "Make the artifact again with rows in it.",
    )


def _conversations(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """CASE rows of conversations: the last client turn is to be answered."""
    # What was selected is to be asked about, of whatever split it is.
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
        ArtifactError: Something else is in the way of the artifact.
        ModelError: The model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    if not only_estimate:
        require_place(out)
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
    name = str(dataset.manifest["name"]).removesuffix(f"-{KIND}")
    decoding = {
        n: getattr(plan.want, n) for n in Want.__slots__ if getattr(plan.want, n) not in (None, ()) and n != "sample"
    }
    facts = {
        "title": {
            "en": f"{title.get('en', name)}: answers of {plan.system}",
            "zh": f"{title.get('zh', name)}：{plan.system} 的回答",
        },
        "table": table,
        "system": plan.system,
        **{name: value for name, value in told.items() if name != "asked"},
        "record": record(
            data={
                "name": name,
                "digest": data_digest(cases, table),
                "rows": cases.height,
                "table": table,
                "dataset": dataset.link(),
            },
            prompt={**plan.prompt, **({"asked": told["asked"]} if "asked" in told else {})},
            models=told.get("models", []),
            decoding=decoding,
            counts={
                "n": predictions.height,
                "refusals": predictions.filter(pl.col("problem").is_in(REFUSALS)).height,
                "unusable": predictions["problem"].len() - predictions["problem"].null_count(),
                **{f"problem_{kind}": n for kind, n in problems.iter_rows()},
            },
            cost=told.get("steps", {}).get(_STEP, {}),
            command=plan.command or recorded_command(),
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
    asked = _asked(cases, questions)
    try:
        chat = models.chat(plan.system, language=plan.language)
        facts = await model_facts([("answers", chat)])
        requests = (_request(question, plan) for question in asked)
        replies = await ask(models, chat, requests, len(asked), spent, models.flags, wall_s)
    finally:
        await models.close()
    rows = [_row(question, plan.system, reply) for question, reply in zip(asked, replies, strict=True)]
    steps = {_STEP: {**spent.facts(), "wall_s": round(wall_s.get(_STEP, 0.0), 3)}}
    for model in facts:
        model["server"] = await models.server(plan.system)
        model["answered_as"] = sorted({reply.model for reply in replies if reply.model})
    return pl.DataFrame(rows, schema=PREDICTION), {"models": facts, "steps": steps, "asked": asked_digest(asked, plan)}


def _asked(cases: pl.DataFrame, questions: Ask) -> list[Question]:
    """All questions; each asking of a case is told from its others by its variant."""
    asked = list(questions(cases))
    names = {(question.case_id, question.variant) for question in asked}
    if not asked or len(names) < len(asked):
        have = f"{len(asked) - len(names):,} more than once" if asked else "none"
        raise UsageError("predict", "questions", want="each case and variant once", have=have)
    return asked


def asked_digest(asked: Sequence[Question], plan: Plan) -> str:
    """The digest of everything that was asked: all messages and all that was wanted of answers, in any order."""
    return digest_of(sorted([q.case_id, q.variant, request_key("", q.messages, q.want or plan.want)] for q in asked))


def data_digest(cases: pl.DataFrame, table: str) -> str:
    """The digest of what is asked about and what is expected: equal wherever the same cases come from.

    Where a row was published, under which licence and in which split does not move a figure, and is not part of it.
    """
    told = [name for name in TABLES[table] if name not in _BESIDES]
    return combine([row_digests(cases.select(told))])


async def _estimated(models: Models, cases: pl.DataFrame, questions: Ask, plan: Plan) -> Estimate:
    try:
        chat = models.chat(plan.system, language=plan.language)
        await model_facts([("answers", chat)])
        requests = [_request(question, plan) for question in _asked(cases, questions)]
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
        "detail": reply.detail.encode("utf-8", "replace").decode() or None,
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
    """Where predictions or scores lie when nobody says where; those of the same data and system replace each other."""
    name = str(dataset.manifest["name"]).removesuffix(f"-{KIND}")
    plain = "-".join(part for part in _NOT_PLAIN.split(f"{name}-{system}") if part).lower()
    if len(plain) > _LONGEST_NAME:
        plain = f"{plain[:_LONGEST_NAME]}-{digest_of(plain)[:8]}"
    return settings().runs / kind / plain
