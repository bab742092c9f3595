"""What `xinheng tag` does: a dataset's missing tags filled in by a model, with all that it said kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from app.generating import show_steps
from app.model_flags import Flags
from app.models import Models, model_facts, opened, prompt_facts, rows_of
from app.protection import carried
from app.terminal import Terminal
from counselling.connect import way_of
from curation.coverage import coverage
from curation.tagging import EMPTY, FILLED, TAGGED, Slot, Window, filled, given, request, tallied, windows
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request, ask_all
from xinheng.budget import Spent
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Chat, Reply, Want
from xinheng.storage import Place
from xinheng.tables import KEYS
from xinheng.tags import DEFAULT, TagSchema

# Braces, quotation marks and the longest value of an axis.
_TOKENS_PER_SLOT: Final = 32
_TOKENS_BESIDES: Final = 256
_INHERITED: Final = ("languages", "licences", "splits", "strata", "topics", "recipe")


@dataclass(frozen=True)
class Plan:
    """How tags are asked for.

    Args:
        model: Who is asked; a model's own name.
        passes: How often each window is asked, with the values in another order each time.
        window: Turns asked about at once.
        before: Turns shown before them.
        seed: Where the server takes one.
    """

    model: str
    passes: int = 2
    window: int = 12
    before: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if way_of(self.model) is not None:
            raise UsageError(self.model, "a way of answering gives no tags", want="a model's own name")


def tag(
    dataset: Artifact,
    plan: Plan,
    *,
    out: Place,
    flags: Flags,
    limit: int | None = None,
    only_estimate: bool = False,
    schema: TagSchema = DEFAULT,
) -> Artifact | dict[str, Estimate]:
    """The dataset with its missing tags filled in where the passes agree; or only what that would take.

    Args:
        dataset: Dialogues.
        plan: How.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        limit: Only so many dialogues.
        only_estimate: Try a few requests and write nothing.
        schema: The tags that should be there.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        ModelError: The model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    rows, table = rows_of(dataset, limit=limit)
    if table != "dialogue":
        raise UsageError("tag", f"{dataset.path} holds {table} rows", want="dialogues")
    asked = list(windows(rows, schema, size=plan.window, before=plan.before))
    if not asked:
        raise UsageError(
            "tag", "no tag is missing, or no dialogue is in a language with prompts", have=f"{rows.height:,} dialogues"
        )
    with opened(rows, key=KEYS[table], artifact=dataset, flags=flags) as models:
        if only_estimate:
            return {"": asyncio.run(_estimated(models, plan, asked, schema, flags))}
        passes, requests, facts = asyncio.run(_asked(models, plan, asked, schema, flags))
        went_out = models.went_out()
    tagged = _frame(asked, passes)
    made = filled(rows, tagged)
    told = {name: dataset.manifest["facts"][name] for name in _INHERITED if name in dataset.manifest["facts"]}
    facts |= {
        **told,
        **carried(dataset, made),
        "title": dataset.manifest["facts"].get("title")
        or {"en": dataset.manifest["name"], "zh": dataset.manifest["name"]},
        "table": "dialogue",
        "plan": asdict(plan),
        "limit": limit,
        "dialogues": {"all": rows.height, "asked": len({w.dialogue_id for w in asked}), **_losses(requests)},
        "tags": dict(tagged.group_by("outcome").len().sort("outcome").iter_rows()),
        "agreement": _agreement(tagged),
        "rule": "a value is filled in where more than half of the passes give it; tags that were there stay",
        "prompts": prompt_facts(sorted({window.language for window in asked})),
        "privacy_of_requests": went_out,
        "coverage": coverage(made, schema=schema) | {"before": coverage(rows, schema=schema)["completeness"]},
    }
    return write(
        out,
        kind="dataset",
        name=f"{dataset.manifest['name']}-tagged",
        tables={"dialogue": made, "tag": tagged, "request": requests},
        facts=facts,
        parents=[dataset],
    )


def _requests(asked: Sequence[Window], plan: Plan, schema: TagSchema) -> Iterator[Request]:
    """Pass by pass, so that servers can keep what two neighbours share."""
    for number in range(plan.passes):
        for window in asked:
            messages, answer = request(window, schema, turn_of_order=number)
            tokens = _TOKENS_BESIDES + _TOKENS_PER_SLOT * len(window.slots)
            want = Want(max_tokens=tokens, temperature=0.0, seed=plan.seed, schema=answer, sample=number)
            yield Request(window.label, tuple(messages), want)


async def _asked(
    models: Models, plan: Plan, asked: Sequence[Window], schema: TagSchema, flags: Flags
) -> tuple[list[list[dict[Slot, str]]], pl.DataFrame, dict[str, Any]]:
    """What each pass gave for each window, the requests' table, and what it took."""
    spent, total = Spent("tag"), plan.passes * len(asked)
    passes: list[list[dict[Slot, str]]] = [[] for _ in asked]
    rows: list[dict[str, Any]] = []
    began = time.perf_counter()
    chat: Chat | None = None
    try:
        chat = models.chat(plan.model)
        facts = await model_facts([("tags", chat)])
        answered = ask_all(
            chat,
            _requests(asked, plan, schema),
            concurrency=flags.concurrency,
            step="tag",
            budget=models.budget,
            progress=models.progress(total, "tag"),
        )
        async with aclosing(answered) as found:  # type: ignore[type-var]
            async for one in found:
                window = asked[len(rows) % len(asked)]
                passes[len(rows) % len(asked)].append(given(window, one.reply.data if one.reply.ok else None))
                rows.append(_row(window, len(rows) // len(asked), one.reply))
                spent.add(one.reply, one.spent)
    finally:
        await models.close()
    steps = {"tag": {**spent.facts(), "wall_s": round(time.perf_counter() - began, 3)}}
    return passes, pl.DataFrame(rows, schema=_REQUEST), {"models": facts, "steps": steps}


async def _estimated(models: Models, plan: Plan, asked: Sequence[Window], schema: TagSchema, flags: Flags) -> Estimate:
    try:
        chat = models.chat(plan.model)
        await model_facts([("tags", chat)])
        requests = list(_requests(asked, plan, schema))
        return await estimate(chat, requests, concurrency=flags.concurrency, step="estimate", budget=models.budget)
    finally:
        await models.close()


_REQUEST: Final = {
    "dialogue_id": pl.String(),
    "window": pl.Int64(),
    "first_turn": pl.Int64(),
    "pass": pl.Int64(),
    "tags_asked": pl.Int64(),
    "model": pl.String(),
    "problem": pl.String(),
    "detail": pl.String(),
    "input_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
}


def _row(window: Window, number: int, reply: Reply) -> dict[str, Any]:
    return {
        "dialogue_id": window.dialogue_id,
        "window": window.number,
        "first_turn": max(0, window.slots[0].turn),
        "pass": number,
        "tags_asked": len(window.slots),
        "model": reply.model,
        "problem": reply.problem,
        "detail": reply.detail,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
    }


def _frame(asked: Sequence[Window], passes: Sequence[Sequence[dict[Slot, str]]]) -> pl.DataFrame:
    rows = [row for window, found in zip(asked, passes, strict=True) for row in tallied(window, found)]
    return pl.DataFrame(rows, schema=TAGGED).sort("dialogue_id", "turn", "role", "axis")


def _losses(requests: pl.DataFrame) -> dict[str, int]:
    """Dialogues of which some request, or every one, has no answer that can be used."""
    lost = requests.group_by("dialogue_id").agg(
        some=pl.col("problem").is_not_null().any(), none=pl.col("problem").is_not_null().all()
    )
    return {"with_unread_requests": int(lost["some"].sum()), "wholly_unread": int(lost["none"].sum())}


def _agreement(tagged: pl.DataFrame) -> list[dict[str, Any]]:
    """Per role and axis: tags that all passes read, and how many of these have the same value in all."""
    whole = tagged.filter(pl.col("read") == pl.col("passes"))
    counted = whole.group_by("role", "axis").agg(read=pl.len(), same=(pl.col("confidence") == 1).sum())
    return counted.sort("role", "axis").to_dicts()


def show(terminal: Terminal, made: Artifact) -> None:
    """Tags before and after by axis, how far the passes agree, what it took, and where it lies."""
    facts = made.manifest["facts"]
    agreed = {(a["role"], a["axis"]): a for a in facts["agreement"]}
    rows = []
    for was, now in zip(facts["coverage"]["before"], facts["coverage"]["completeness"], strict=True):
        found = agreed.get((was["role"], was["axis"]))
        same = f"{found['same'] / found['read']:.0%} of {found['read']:,}" if found else ""
        rows.append([was["role"], was["axis"], was["turns"], _share(was), _share(now), same])
    terminal.table(["role", "axis", "turns", "tagged before", "after", "passes agree"], rows, right=(2, 3, 4, 5))
    dialogues, tags = facts["dialogues"], facts["tags"]
    terminal.line(f"\n{dialogues['all']:,} dialogues, {dialogues['asked']:,} with tags missing")
    terminal.line(
        f"tags filled {tags.get(FILLED, 0):,}; left open: "
        + (", ".join(f"{why} {n:,}" for why, n in tags.items() if why != FILLED) or "none")
    )
    if dialogues["with_unread_requests"]:
        terminal.line(
            f"answers that could not be read: in {dialogues['with_unread_requests']:,} dialogues, "
            f"{dialogues['wholly_unread']:,} of them without any other (see the table `request`)"
        )
    if facts["steps"]["tag"]["problems"].get("overflow"):
        terminal.line("Some requests do not fit the model: a smaller --window or --before, or a model that reads more.")
    if tags.get(EMPTY):
        terminal.line("`none fits` is an answer too: the axis does not suit those turns.")
    terminal.line()
    show_steps(terminal, facts["steps"])
    terminal.line(f"\ndataset  {made.path}  {made.digest[:12]}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "marks": made.marks})


def _share(entry: dict[str, Any]) -> str:
    return f"{entry['tagged'] / entry['turns']:.1%}" if entry["turns"] else ""
