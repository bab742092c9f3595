"""What `xinheng persona` does: pairs of a partner's words and a persona's reply, out of chats, in two passes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

import polars as pl

from app import pipeline
from app.asking import Composed, ask
from app.facts import dataset_table
from app.generating import show_steps
from app.model_flags import Flags
from app.models import Models, model_facts, opened, prompt_facts
from app.protection import carried
from app.terminal import Terminal
from counselling.connect import way_of
from counselling.prompts import prompts
from curation.persona import PAIR, UNREAD, Pair, candidates, checked, first_request, second_request
from curation.persona_cleaning import PARTNER, PERSONA, cleaned_messages
from curation.persona_habits import habits, mined
from curation.persona_tables import accounts, as_lines, examples, messages_of, pair_table, require_verbatim
from curation.persona_turns import Window, turns_of, windows
from curation.split import split
from xinheng.artifacts import Artifact, write
from xinheng.batch import Request
from xinheng.budget import Spent
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Want
from xinheng.storage import Place
from xinheng.text import language_of, plain_hash

KIND: Final = "persona"
LIMITED: Final = "not asked about: --limit"
RULE: Final = (
    "models select turns and choose from lists; every text is letter for letter as it was sent, but for control "
    "characters and blanks at its ends"
)
_TOKENS: Final = 2048
# How much of the chat tells its language.
_SAMPLE: Final = 20_000


@dataclass(frozen=True)
class Plan:
    """How pairs are looked for.

    Args:
        persona: The sender to learn from.
        model: Of the first pass.
        second: Of the second pass.
        habits: Turns of phrase of the persona, counted before and after.
        merge_minutes: Messages of one side within it are one turn.
        pause_minutes: Silence that ends a conversation.
        turns: Of a window, at most.
        language: Of the prompts; the chat's own where None.
        seed: Of the split, and where the server takes one.
    """

    persona: str
    model: str
    second: str
    habits: tuple[str, ...] = ()
    merge_minutes: float = 5.0
    pause_minutes: float = 360.0
    turns: int = 40
    language: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        for spec in (self.model, self.second):
            if way_of(spec) is not None:
                raise UsageError(spec, "a way of answering makes no selection", want="a model's own name")
        if self.language is not None:
            prompts(self.language)
        if not 0 < self.merge_minutes <= self.pause_minutes:
            raise UsageError(
                "persona",
                "messages merge beyond the end of a conversation",
                want="0 < --merge <= --pause",
                have=f"{self.merge_minutes:g} and {self.pause_minutes:g} minutes",
            )


def senders(dataset: Artifact) -> pl.DataFrame:
    """Who writes in a chat and how many messages: sender, messages; most first."""
    rows = _chat(dataset).group_by("sender").agg(messages=pl.len())
    return rows.filter(pl.col("sender").is_not_null()).sort("messages", "sender", descending=[True, False]).collect()


def persona(
    dataset: Artifact, plan: Plan, *, out: Place, flags: Flags, limit: int | None = None, only_estimate: bool = False
) -> Artifact | dict[str, Estimate]:
    """Pairs found, checked and written, with the fate of every message; or only what it would take.

    Args:
        dataset: A chat artifact.
        plan: How.
        out: The artifact's folder.
        flags: Limits, and what may leave the machine.
        limit: Only so many windows.
        only_estimate: Try a few windows and write nothing.

    Raises:
        UsageError: No such sender, no exchange, or texts would leave the machine.
        ModelError: A model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    rows = _chat(dataset).collect()
    messages = cleaned_messages(rows, plan.persona)
    _require_persona(messages)
    usable = messages.filter(pl.col("outcome").is_null())
    language = plan.language or language_of("".join(usable["text"].head(2_000).to_list())[:_SAMPLE])
    merge, pause = timedelta(minutes=plan.merge_minutes), timedelta(minutes=plan.pause_minutes)
    conversations = list(turns_of(messages, merge=merge, pause=pause))
    asked, left = windows(conversations, language=language, size=plan.turns)
    if not asked:
        raise UsageError(
            "persona",
            "no exchange to ask about",
            want="words of the partner and a reply of the persona in one conversation",
            have=f"{messages.height:,} messages, {usable.height:,} of them usable",
            mend="A longer --pause joins what lies further apart.",
        )
    for window in asked[limit:] if limit is not None else ():
        left |= {message: LIMITED for turn in window.turns for message in turn.messages}
    asked = asked[:limit]
    with opened(rows, key="chat_id", artifact=dataset, flags=flags) as models:
        if only_estimate:
            return {language: asyncio.run(_estimated(models, plan, asked, flags))}
        pairs, unread, facts = asyncio.run(_asked(models, plan, asked, flags))
        facts["privacy_of_requests"] = models.went_out()
    left |= {message: UNREAD for window in unread for turn in window.turns for message in turn.messages}
    require_verbatim(pairs, messages)
    fates = accounts(messages, left, pairs)
    found = examples(pairs, messages, source=str(dataset.manifest["name"]))
    # The same words with the same reply come again in other conversations, and would be on both sides of a split.
    told = pl.col("messages").list.tail(2).list.eval(pl.element().struct.field("content")).list.join("\n")
    found, certificate = split(
        found.with_columns(same=plain_hash(told)),
        key="example_id",
        stratum=None,
        groups=["group_id", "same"],
        seed=plan.seed,
    )
    found = found.drop("same")
    voice = _voice(plan, usable, pairs)
    facts |= {
        "title": {
            "en": f"{dataset.manifest['name']}: persona pairs",
            "zh": f"{dataset.manifest['name']}：人物對話配對",
        },
        "table": "example",
        # The sender's name and what was mined stay out: manifests are read by more people than chats.
        "plan": {k: v for k, v in asdict(plan).items() if k not in {"persona", "habits"}} | {"named": len(plan.habits)},
        "rule": RULE,
        "language": language,
        "limit": limit,
        "rows": found.height,
        "messages": {"all": messages.height, "usable": usable.height},
        "conversations": len(conversations),
        "windows": len(asked),
        "outcomes": _counts(fates["outcome"]),
        "candidates": _counts(pair_table(pairs)["outcome"]),
        "pairs": found.height,
        "splits": _counts(found["split"]),
        "voice": voice.filter(pl.col("found") == "shape").drop("found", "log_odds").to_dicts(),
        "prompts": prompt_facts([language]),
        "certificate": certificate,
        **carried(dataset),
    }
    return write(
        out,
        kind=KIND,
        name=f"{dataset.manifest['name']}-persona",
        tables={"example": found, "pair": pair_table(pairs), "message": fates, "habit": voice},
        texts={"pairs.jsonl": as_lines(pairs)},
        facts=facts,
        parents=[dataset],
    )


def _chat(dataset: Artifact) -> pl.LazyFrame:
    table = dataset_table(dataset)
    if table != "chat":
        raise UsageError(
            "persona",
            f"{dataset.path} holds {table} rows",
            want="a chat",
            mend="`xinheng ingest line --from FILE` reads one; see `xinheng sources` for other messengers.",
        )
    return dataset.scan("chat")


def _require_persona(messages: pl.DataFrame) -> None:
    here = set(messages["who"].unique())
    if {PERSONA, PARTNER} <= here:
        return
    raise UsageError(
        "persona",
        "no such sender" if PERSONA not in here else "nobody else writes in this chat",
        want="--persona with a sender's name, letter for letter, and a partner",
        mend="`xinheng persona ARTIFACT` without --persona lists the senders.",
    )


def _voice(plan: Plan, usable: pl.DataFrame, pairs: Sequence[Pair]) -> pl.DataFrame:
    """The persona's habits in all that it wrote and in the replies of the pairs."""
    own = usable.filter(pl.col("who") == PERSONA)
    replied = {message for pair in pairs if pair.outcome == PAIR for message in messages_of(pair, pair.reply)}
    before = own["text"].to_list()
    after = own.filter(pl.col("message_id").is_in(list(replied)))["text"].to_list()
    partner = usable.filter(pl.col("who") == PARTNER)["text"].to_list()
    return habits(before, after, named=plan.habits, known=mined(before, partner))


def _counts(values: pl.Series) -> dict[str, int]:
    counted = values.value_counts(sort=False).sort("count", values.name, descending=[True, False])
    return dict(counted.iter_rows())


def _want(plan: Plan, schema: Mapping[str, Any]) -> Want:
    return Want(max_tokens=_TOKENS, temperature=0.0, seed=plan.seed, schema=schema)


def _first(plan: Plan, window: Window) -> Request:
    messages, schema = first_request(window)
    return Request(window.window_id, messages, _want(plan, schema))


def _second(plan: Plan, pair: Pair) -> Request:
    messages, schema = second_request(pair)
    return Request(pair.pair_id, messages, _want(plan, schema))


def judged(pair: Pair, reply: Reply) -> Pair:
    """A candidate after the second pass."""
    return checked(pair, reply.data if reply.ok else None)


async def _asked(
    models: Models, plan: Plan, asked: Sequence[Window], flags: Flags
) -> tuple[list[Pair], list[Window], dict[str, Any]]:
    """All candidates with their outcomes, the windows without a usable answer, and what it took.

    The whole first pass comes before the second: two models of one machine change places once.
    """
    spent = {name: Spent(name) for name in ("first pass", "second pass")}
    wall_s: dict[str, float] = {}
    pairs: list[Pair] = []
    unread: list[Window] = []
    try:
        first, second = models.chat(plan.model), models.chat(plan.second)
        facts = await model_facts([("first pass", first), ("second pass", second)])
        replies = await ask(
            models, first, (_first(plan, w) for w in asked), len(asked), spent["first pass"], flags, wall_s
        )
        for window, reply in zip(asked, replies, strict=True):
            if reply.ok and isinstance(reply.data, Mapping):
                pairs += candidates(window, reply.data)
            else:
                unread.append(window)
        open_ = [pair for pair in pairs if pair.outcome is None]
        replies = await ask(
            models, second, (_second(plan, p) for p in open_), len(open_), spent["second pass"], flags, wall_s
        )
        done = {pair.pair_id: judged(pair, reply) for pair, reply in zip(open_, replies, strict=True)}
    finally:
        await models.close()
    steps = {name: {**spent[name].facts(), "wall_s": round(wall_s.get(name, 0.0), 3)} for name in spent}
    return [done.get(pair.pair_id, pair) for pair in pairs], unread, {"models": facts, "steps": steps}


async def _estimated(models: Models, plan: Plan, asked: Sequence[Window], flags: Flags) -> Estimate:
    """What both passes will take, from ten windows."""
    by_messages = {_first(plan, window).messages: window for window in asked}

    async def work(messages: Sequence[Message], *, kept_only: bool) -> list[Reply]:
        first, second = (models.chat(spec, kept_only=kept_only) for spec in (plan.model, plan.second))
        window = by_messages[tuple(messages)]
        reply = await first(messages, want=_first(plan, window).want)
        replies = [reply]
        if reply.ok and isinstance(reply.data, Mapping):
            for pair in candidates(window, reply.data):
                if pair.outcome is None:
                    request = _second(plan, pair)
                    replies.append(await second(request.messages, want=request.want))
        return replies

    try:
        chats = [models.chat(plan.model), models.chat(plan.second)]
        await model_facts([("first pass", chats[0]), ("second pass", chats[1])])
        requests = [Request(window.window_id, _first(plan, window).messages) for window in asked]
        whole = Composed(work, chats)
        return await estimate(whole, requests, concurrency=flags.concurrency, step="estimate", budget=models.budget)
    finally:
        await models.close()


def path_of(dataset: Artifact) -> Place:
    """Where pairs lie when nobody says where."""
    return pipeline.dataset_path(f"{dataset.manifest['name']}-persona")


def show(terminal: Terminal, made: Artifact) -> None:
    """What became of every message and candidate, whether the voice was kept, and what it took; never a text."""
    facts = made.manifest["facts"]
    fates = (
        made.scan("message")
        .group_by("outcome", "who")
        .len()
        .sort("len", "outcome", "who", descending=[True, False, False])
    )
    table = [[outcome, who, count] for outcome, who, count in fates.collect().iter_rows()]
    terminal.table(
        ["what became of the messages", "of", "messages"], [*table, ["all", "", facts["messages"]["all"]]], right=(2,)
    )
    terminal.line()
    terminal.table(["candidate pairs", "pairs"], [[name, n] for name, n in facts["candidates"].items()], right=(1,))
    terminal.line()
    voice = made.scan("habit").filter(pl.col("found") != "mined").collect()
    terminal.table(
        ["habit, per 1,000 characters", "all the persona wrote", "95 %", "replies in pairs", "95 %"],
        [[row["habit"], *_rate(row, "before"), *_rate(row, "after")] for row in voice.iter_rows(named=True)],
        right=(1, 2, 3, 4),
    )
    more = made.rows("habit") - voice.height
    terminal.line(
        f"{more:,} mined habits are in the table `habit`; they may quote the chat, so they are not shown here."
    )
    terminal.line()
    show_steps(terminal, facts["steps"])
    shares = ", ".join(f"{name} {n:,}" for name, n in facts["splits"].items())
    terminal.line(f"\n{facts['pairs']:,} pairs{f' ({shares})' if shares else ''} of {facts['windows']:,} windows")
    terminal.line(f"pairs    {made.path}  {made.digest[:12]}")
    terminal.line(f"lines    {made.file('pairs.jsonl')}")
    if facts["pairs"]:
        terminal.line(f"next     xinheng export {made.path} --format alpaca --out FOLDER")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "marks": made.marks})


def _rate(row: Mapping[str, Any], when: str) -> list[str]:
    rate, low, high = (row[f"{when}_{name}"] for name in ("rate", "low", "high"))
    return ["no text", ""] if rate is None else [f"{rate:.2f}", f"{low:.2f}–{high:.2f}"]
