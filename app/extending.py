"""What `xinheng generate choices` does: new questions from old ones, voted on by a second model, as an artifact."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import polars as pl

from app import pipeline
from app.asking import Composed, ask
from app.facts import dataset_table
from app.generating import show_steps
from app.held_out import rows_of
from app.model_flags import Flags
from app.models import Models, model_facts, opened, prompt_facts
from app.terminal import Terminal
from counselling.connect import way_of
from curation.choice_extension import ASKED, KEPT, New, items, read, without_copies, writing
from curation.choice_votes import balanced, checking, decided, voted
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Want
from xinheng.storage import Place

KIND: Final = "dataset"
LIMITED: Final = "not asked for: --limit"
RULE: Final = (
    "kept: texts in order, no copy of the source, of another new question or of a benchmark's case, and every vote of "
    "the checker, which does not see the key, is for it and calls no other option defensible"
)
_CANDIDATE: Final = {
    "question_id": pl.String(),
    "item_id": pl.String(),
    "number": pl.Int64(),
    "question": pl.String(),
    "options": pl.List(pl.String()),
    "point": pl.String(),
    "explanation": pl.String(),
    "outcome": pl.String(),
}
_VOTE: Final = {
    "question_id": pl.String(),
    "vote": pl.Int64(),
    "chosen": pl.Int64(),
    "also": pl.List(pl.Int64()),
    "reason": pl.String(),
    "problem": pl.String(),
}


@dataclass(frozen=True)
class Plan:
    """What questions are wanted.

    Args:
        model: Who writes them.
        checker: Who votes.
        per_item: New questions per item.
        votes: Of the checker, per question.
        temperature: Of the writing.
        seed: Of orders of options, and where the server takes one.
    """

    model: str
    checker: str
    per_item: int = 2
    votes: int = 3
    temperature: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        for spec in (self.model, self.checker):
            if way_of(spec) is not None:
                raise UsageError(spec, "a way of answering writes no questions", want="a model's own name")


def extend(
    dataset: Artifact,
    plan: Plan,
    *,
    out: Place,
    flags: Flags,
    against: Mapping[str, Artifact],
    limit: int | None = None,
    only_estimate: bool = False,
) -> Artifact | dict[str, Estimate]:
    """New questions written, checked and kept or refused, with all reasons; or only what it would take.

    Args:
        dataset: Multiple-choice questions.
        plan: What is wanted.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        against: Benchmarks by name; what holds a case of theirs is refused. Of a divided one its test split counts.
        limit: Only so many items.
        only_estimate: Try a few items and write nothing.

    Raises:
        UsageError: Another kind of table, nothing to ask for, or texts would leave the machine.
        ModelError: A model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    table = dataset_table(dataset)
    if table != "choice":
        raise UsageError("generate choices", f"{dataset.path} holds {table} rows", want="multiple-choice questions")
    source = dataset.scan("choice").sort("question_id").collect()
    told = items(source)
    wanted = told.filter(pl.col("outcome") == ASKED)["question_id"]
    if not wanted.len():
        raise UsageError(
            "generate choices",
            "no question may be extended",
            have="; ".join(f"{n:,} {outcome}" for outcome, n in _counts(told["outcome"]).items()),
            mend="Test questions are never extended: take a train split, or a publisher's dev questions.",
        )
    if limit is not None:
        late = pl.col("question_id").is_in(wanted[limit:].implode())
        told = told.with_columns(outcome=pl.when(late).then(pl.lit(LIMITED)).otherwise("outcome"))
        wanted = wanted[:limit]
    asked = source.filter(pl.col("question_id").is_in(wanted.implode())).to_dicts()
    benchmarks = {name: rows_of(artifact, splits=("test",)) for name, artifact in against.items()}
    with opened(source, key="question_id", artifact=dataset, flags=flags) as models:
        if only_estimate:
            return {"": asyncio.run(_estimated(models, plan, asked, flags))}
        new, votes, facts = asyncio.run(_asked(models, plan, asked, source, benchmarks, flags))
        facts["privacy_of_requests"] = models.went_out()
    made = balanced([n for n in new if n.outcome == KEPT], source, writer=plan.model, seed=plan.seed)
    facts |= {
        "title": {"en": f"{dataset.manifest['name']}: new questions", "zh": f"{dataset.manifest['name']}：延伸題"},
        "table": "choice",
        "rows": made.height,
        "plan": asdict(plan),
        "rule": RULE,
        "limit": limit,
        "items": _counts(told["outcome"]),
        "without_split": sum(not item["published_split"] and not item.get("split") for item in asked),
        "candidates": dict(sorted(Counter(str(n.outcome) for n in new).items(), key=lambda kv: (-kv[1], kv[0]))),
        "keys": dict(sorted(Counter(made["answers"].list.first().to_list()).items())),
        "against": {name: artifact.link() for name, artifact in against.items()},
        "prompts": prompt_facts(sorted({item["language"] for item in asked})),
        "origin": "written by a model from the questions named in derived_from",
    }
    return write(
        out,
        kind=KIND,
        name=f"{dataset.manifest['name']}-extended",
        tables={
            "choice": made,
            "candidate": pl.DataFrame([_candidate(n) for n in new], schema=_CANDIDATE),
            "vote": pl.DataFrame(votes, schema=_VOTE),
            "item": told,
        },
        facts=facts,
        parents=[dataset],
    )


def _candidate(new: New) -> dict[str, Any]:
    names = ("question_id", "item_id", "number", "question", "point", "explanation", "outcome")
    return {**{name: getattr(new, name) for name in names}, "options": list(new.options)}


def _counts(values: pl.Series) -> dict[str, int]:
    counted = values.value_counts(sort=False).sort("count", values.name, descending=[True, False])
    return dict(counted.iter_rows())


def _write(plan: Plan, item: Mapping[str, Any], number: int) -> Request:
    messages, schema = writing(item)
    want = Want(max_tokens=1536, temperature=plan.temperature, seed=plan.seed, schema=schema, sample=number)
    return Request(f"{item['question_id']}@{number}", messages, want)


def _check(plan: Plan, new: New, vote: int) -> Request:
    messages, schema = checking(new, vote, plan.seed)
    want = Want(max_tokens=768, temperature=0.0, seed=plan.seed, schema=schema, sample=vote)
    return Request(f"{new.item_id}@{new.number}.{vote}", messages, want)


async def _asked(
    models: Models,
    plan: Plan,
    asked: Sequence[Mapping[str, Any]],
    source: pl.DataFrame,
    benchmarks: Mapping[str, pl.DataFrame],
    flags: Flags,
) -> tuple[list[New], list[dict[str, Any]], dict[str, Any]]:
    """All new questions with their outcomes, all votes, and what it took. Copies are never voted on."""
    spent = {name: Spent(name) for name in ("write", "check")}
    wall_s: dict[str, float] = {}
    pairs = [(item, number) for item in asked for number in range(plan.per_item)]
    try:
        writer, checker = models.chat(plan.model), models.chat(plan.checker)
        facts = await model_facts([("write", writer), ("check", checker)])
        requests = (_write(plan, item, number) for item, number in pairs)
        replies = await ask(models, writer, requests, len(pairs), spent["write"], flags, wall_s)
        new = [read(item, number, reply) for (item, number), reply in zip(pairs, replies, strict=True)]
        new = without_copies(new, source, benchmarks)
        open_ = [n for n in new if n.outcome is None]
        checks = [(one, vote) for one in open_ for vote in range(plan.votes)]
        requests = (_check(plan, one, vote) for one, vote in checks)
        replies = await ask(models, checker, requests, len(checks), spent["check"], flags, wall_s)
    finally:
        await models.close()
    given: dict[str, list[Any]] = {}
    rows = []
    for (one, vote), reply in zip(checks, replies, strict=True):
        said = voted(one, vote, plan.seed, reply)
        given.setdefault(one.question_id, []).append(said)
        rows.append(_vote(one, vote, said, reply))
    new = [decided(n, given[n.question_id]) if n.outcome is None else n for n in new]
    steps = {name: {**spent[name].facts(), "wall_s": round(wall_s.get(name, 0.0), 3)} for name in spent}
    return new, rows, {"models": facts, "steps": steps}


def _vote(new: New, vote: int, said: tuple[int, tuple[int, ...]] | None, reply: Reply) -> dict[str, Any]:
    why = str(reply.data.get("why", "")) if reply.ok and isinstance(reply.data, dict) else ""
    return {
        "question_id": new.question_id,
        "vote": vote,
        "chosen": None if said is None else said[0],
        "also": None if said is None else list(said[1]),
        "reason": why.encode("utf-8", "replace").decode(),
        "problem": reply.problem or ("schema" if said is None else None),
    }


async def _estimated(models: Models, plan: Plan, asked: Sequence[Mapping[str, Any]], flags: Flags) -> Estimate:
    """What writing and checking will take, from ten items; refusing copies first will save some of it."""
    by_messages = {_write(plan, item, 0).messages: item for item in asked}

    async def work(messages: Sequence[Message], *, kept_only: bool) -> list[Reply]:
        writer, checker = (models.chat(spec, kept_only=kept_only) for spec in (plan.model, plan.checker))
        item, replies = by_messages[tuple(messages)], []
        for number in range(plan.per_item):
            request = _write(plan, item, number)
            replies.append(await writer(request.messages, want=request.want))
            new = read(item, number, replies[-1])
            for vote in range(plan.votes) if new.outcome is None else ():
                request = _check(plan, replace(new, outcome=None), vote)
                replies.append(await checker(request.messages, want=request.want))
        return replies

    try:
        chats = [models.chat(plan.model), models.chat(plan.checker)]
        await model_facts([("write", chats[0]), ("check", chats[1])])
        requests = [Request(f"{item['question_id']}@0", _write(plan, item, 0).messages) for item in asked]
        whole = Composed(work, chats)
        return await estimate(whole, requests, concurrency=flags.concurrency, step="estimate", budget=models.budget)
    finally:
        await models.close()


def path_of(dataset: Artifact) -> Place:
    """Where new questions lie when nobody says where."""
    return pipeline.dataset_path(f"{dataset.manifest['name']}-extended")


def show(terminal: Terminal, made: Artifact) -> None:
    """What became of the items and of the new questions, the letters of the keys, and what it took."""
    facts = made.manifest["facts"]
    terminal.table(["items", "questions"], [[name, n] for name, n in facts["items"].items()], right=(1,))
    terminal.line()
    terminal.table(["new questions", "questions"], [[n, c] for n, c in facts["candidates"].items()], right=(1,))
    terminal.line()
    show_steps(terminal, facts["steps"])
    keys = ", ".join(f"{letter} {n:,}" for letter, n in facts["keys"].items())
    terminal.line(f"\n{facts['rows']:,} new questions{f'; keys: {keys}' if keys else ''}")
    if facts["without_split"]:
        terminal.line(
            f"{facts['without_split']:,} of the questions asked about are in no split: if models are tested with them, "
            "do not train on what was made of them."
        )
    if not facts["against"]:
        terminal.line("Not held against any benchmark: --against NAME=FOLDER refuses what holds a case of it.")
    terminal.line(f"questions {made.path}  {made.digest[:12]}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "marks": made.marks})
