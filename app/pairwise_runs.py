"""The systems of a pairwise comparison: predictions that are there, or answered first; and what all of it will take."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import polars as pl

from app.asking import Composed
from app.model_flags import Flags
from app.models import Models, model_facts, opened
from app.pairwise import Plan as Judging
from app.predicting import KIND, Question, as_cases, predict, predictions_path
from app.predicting import Plan as Answering
from app.prediction_runs import Wanted as Asking
from app.prediction_runs import prompts_of
from benchmarks.judge_scoring import unjudged
from benchmarks.pairwise_verdicts import messages
from counselling.connect import way_of
from xinheng.artifacts import Artifact, open_artifact, readable_write_errors
from xinheng.batch import Request
from xinheng.errors import UsageError
from xinheng.estimate import Estimate, estimate
from xinheng.messages import Message, Reply, Want
from xinheng.storage import place_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Which systems are compared.

    Args:
        places: Predictions; or one dataset or source, with `model` and `against`.
        model: Answers the cases first.
        against: And these.
        split: Of the dataset; None for all of it.
        form: Only cases of this form.
        language: Only cases in it, and of a way's prompts.
        answer_tokens: Of each answer.
        temperature: Of answers.
        seed: Of answers.
        limit: Only so many cases.
    """

    places: tuple[str, ...]
    model: str | None = None
    against: tuple[str, ...] = ()
    split: str | None = "test"
    form: str | None = None
    language: str | None = None
    answer_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    limit: int | None = None

    @property
    def systems(self) -> tuple[str, ...]:
        """Those that answer first."""
        return (self.model, *self.against) if self.model is not None else ()

    @property
    def want(self) -> Want:
        """What is asked of each answer."""
        return Want(max_tokens=self.answer_tokens, temperature=self.temperature, seed=self.seed)


def runs_of(wanted: Wanted, *, flags: Flags, say: Say) -> list[Artifact]:
    """The predictions that are compared; where models are named, they answer first.

    Raises:
        UsageError: Places and models do not fit each other.
        ModelError: A model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    _require_fit(wanted)
    if not wanted.systems:
        return [open_artifact(place_of(place)) for place in wanted.places]
    dataset, cases = cases_of(wanted, say=say)
    runs = []
    for system in wanted.systems:
        say(f"answers of {system}")
        questions, prompt = prompts_of(dataset, cases, "case", _asking(wanted, system))
        made = predict(
            dataset, cases, questions, Answering(system, wanted.want, prompt, _language(cases, wanted)),
            table="case", out=predictions_path(dataset, system), flags=flags,
        )  # fmt: skip
        assert isinstance(made, Artifact)  # noqa: S101 - for the type checker: nothing was to be estimated
        runs.append(made)
    return runs


def _require_fit(wanted: Wanted) -> None:
    if wanted.model is None and wanted.against:
        raise UsageError("pairwise", "--against without --model", mend="Name both, or predictions of both.")
    if wanted.model is None and len(wanted.places) < 2:
        raise UsageError(
            "pairwise", "one system", want="predictions of two or more, or --model and --against", have=wanted.places[0]
        )
    if wanted.model is not None and (not wanted.against or len(wanted.places) > 1):
        have = f"{len(wanted.places)} places, {len(wanted.against)} --against"
        raise UsageError("pairwise", "--model", want="one dataset, and --against another system", have=have)
    if len(set(wanted.systems)) < len(wanted.systems):
        raise UsageError(
            "pairwise", "a system against itself", want="each of them once", have=", ".join(wanted.systems)
        )


def cases_of(wanted: Wanted, *, say: Say) -> tuple[Artifact, pl.DataFrame]:
    """The cases that are answered, with their topics where the rows that they come from have some.

    Raises:
        UsageError: Questions instead of conversations, none in that language, or several languages for one prompt.
    """
    from app.pipeline import resolve_source

    dataset = resolve_source(wanted.places[0], say=say)
    whole = wanted.limit if wanted.language is None else None
    cases, table = as_cases(dataset, split=wanted.split, form=wanted.form, limit=whole)
    if table != "case":
        raise UsageError(
            str(dataset.path),
            "multiple-choice questions",
            want="cases with a conversation",
            mend="Use xinheng bench mcq.",
        )
    if wanted.language is not None:
        found = ", ".join(sorted(cases["language"].unique()))
        cases = cases.filter(pl.col("language") == wanted.language)
        if not cases.height:
            raise UsageError(str(dataset.path), f"no case in {wanted.language}", have=found)
        cases = cases if wanted.limit is None else cases.head(wanted.limit)
    return dataset, _with_topics(dataset, cases)


def _with_topics(dataset: Artifact, cases: pl.DataFrame) -> pl.DataFrame:
    """Cases made of dialogues lose their topics; they are found again by the row's id before the `@`."""
    for table, key in (("dialogue", "dialogue_id"), ("example", "example_id")):
        if dataset.kind == KIND or table not in dataset.manifest["tables"] or "topics" in cases.columns:
            continue
        rows = dataset.scan(table)
        if "topics" in rows.collect_schema():
            topics = rows.select(pl.col(key).alias("_row"), "topics").unique("_row").collect()
            row = pl.col("case_id").str.replace(r"@[^@]*$", "")
            return cases.with_columns(_row=row).join(topics, on="_row", how="left", maintain_order="left").drop("_row")
    return cases


def _language(cases: pl.DataFrame, wanted: Wanted) -> str | None:
    """Of a way's prompts: that of the cases, if they have one only."""
    languages = sorted(cases["language"].unique())
    if wanted.language is not None or len(languages) == 1:
        return wanted.language or languages[0]
    unsaid = [s for s in wanted.systems if (way := way_of(s)) is not None and "language" not in way[2]]
    if unsaid:
        raise UsageError(
            unsaid[0], "its prompts are in one language, and the cases in several", want="--language",
            have=", ".join(languages), mend="Compare one language at a time.",
        )  # fmt: skip
    return None


def _asking(wanted: Wanted, system: str) -> Asking:
    return Asking(wanted.places[0], system, split=wanted.split, form=wanted.form, seed=wanted.seed)


def estimated(wanted: Wanted, plan: Judging, *, flags: Flags, say: Say) -> dict[str, Estimate]:
    """What answers and verdicts together will take, from ten cases that go all the way."""
    _require_fit(wanted)
    dataset, cases = cases_of(wanted, say=say)
    cases = cases if plan.limit is None else cases.head(plan.limit)
    questions, _ = prompts_of(dataset, cases, "case", _asking(wanted, wanted.systems[0]))
    asked = list(questions(cases))
    language = _language(cases, wanted)
    spoken = dict(cases.select("case_id", "language").iter_rows())
    with opened(cases, key="case_id", artifact=dataset, flags=flags) as models:
        return asyncio.run(_estimated(models, wanted, plan, asked, language, spoken))


async def _estimated(
    models: Models,
    wanted: Wanted,
    plan: Judging,
    asked: Sequence[Question],
    language: str | None,
    spoken: dict[str, str],
) -> dict[str, Estimate]:
    words = {question.messages: plan.language or spoken[question.case_id] for question in asked}

    async def work(conversation: Sequence[Message], /, *, kept_only: bool) -> list[Reply]:
        replies, texts = [], []
        for system in wanted.systems:
            reply = await models.chat(system, language=language, kept_only=kept_only)(conversation, want=wanted.want)
            replies.append(reply)
            if not unjudged(reply.text, reply.problem):
                texts.append(reply.text)
        for judge in plan.judges:
            for a, b in permutations(texts, 2):
                if a.strip() != b.strip():
                    told = messages(conversation, a, b, language=words[tuple(conversation)], rubric=plan.rubric)
                    replies.append(await models.chat(judge, kept_only=kept_only)(told, want=plan.want))
        return replies

    try:
        chats = [models.chat(name, language=language) for name in wanted.systems]
        chats += [models.chat(name) for name in plan.judges]
        await model_facts([("estimate", chat) for chat in chats])
        requests = [Request(question.case_id, question.messages) for question in asked]
        return {
            "": await estimate(
                Composed(work, chats), requests, concurrency=models.flags.concurrency, step="estimate",
                budget=models.budget,
            )
        }  # fmt: skip
    finally:
        await models.close()


def write_page(html: str, path: Path) -> None:
    """A page as a file of its own; it appears whole, and an older one stays until then.

    Raises:
        WriteError: The disk refuses.
    """
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        place = path.resolve()
        if place.exists() and not place.is_file():
            # A pipe or a device, such as /dev/stdout, takes what comes and must not be replaced.
            path.write_text(html, encoding="utf-8")
            return
        half = place.with_name(f".page-{secrets.token_hex(8)}")
        try:
            half.write_text(html, encoding="utf-8")
            half.replace(place)
        finally:
            half.unlink(missing_ok=True)
