"""What judges are asked: replies, the fixed reply that must not win, and planted attacks; all known beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from app.scoring import opened_predictions, system_of
from benchmarks import judge as judging
from benchmarks.judge_attacks import planted, spread
from benchmarks.judge_scoring import unjudged
from benchmarks.rubrics import Rubric
from counselling.connect import way_of
from counselling.judge_guard import instructions_in
from curation.preferences import messages_of
from xinheng.artifacts import Artifact
from xinheng.batch import Request
from xinheng.errors import UsageError
from xinheng.messages import Message, Want
from xinheng.text import language_of

REPLY, CONSTANT, ATTACK = "reply", "constant", "attack"
# As many alternatives per token as servers tell.
_ALTERNATIVES: Final = 20


@dataclass(frozen=True)
class Plan:
    """Who judges, by what, and how.

    Args:
        judges: Names of models.
        rubric: By which they judge.
        repeats: Verdicts of each judge on each reply, as samples.
        temperature: Of verdicts; None for 0, or 0.7 where there are repeats.
        tokens: A verdict may have.
        language: Of rubric and instructions; None for each case's own.
        reference: Show the judge the case's reference too.
        logprobs: Weigh grades by the judge's log-probabilities as well.
        constant: On how many cases the fixed reply is judged beside the systems'.
        attacks: Whether attacks are planted, to see how far they move the judges.
        seed: Of verdicts, where the server takes one, and of which cases are drawn.
        limit: Only so many cases.
    """

    judges: tuple[str, ...]
    rubric: Rubric
    repeats: int = 1
    temperature: float | None = None
    tokens: int = 1024
    language: str | None = None
    reference: bool = False
    logprobs: bool = False
    constant: int = 30
    attacks: bool = False
    seed: int = 0
    limit: int | None = None

    def want(self, repeat: int) -> Want:
        """What is asked of a verdict."""
        by_default = 0.7 if self.repeats > 1 else 0.0
        return Want(
            max_tokens=self.tokens,
            temperature=by_default if self.temperature is None else self.temperature,
            seed=self.seed,
            schema=judging.schema(self.rubric),
            logprobs=_ALTERNATIVES if self.logprobs else None,
            sample=repeat,
        )

    def facts(self) -> dict[str, Any]:
        """For a manifest."""
        told = {n: getattr(self, n) for n in Plan.__dataclass_fields__ if n not in ("rubric", "judges")}
        return {**told, "temperature": self.want(0).temperature, "judges": list(self.judges)}


@dataclass(frozen=True)
class Run:
    """Predictions of one system, as they are judged."""

    artifact: Artifact
    system: str
    cases: pl.DataFrame
    predictions: pl.DataFrame


@dataclass(frozen=True)
class Item:
    """A reply that is shown to every judge.

    Args:
        kind: `reply`, `constant` or `attack`.
        run: The system's number; -1 for the fixed reply.
        case: Its row.
        variant: The prediction's.
        reply: The text.
        language: Of rubric and instructions.
        attack_id: Of an attack.
    """

    kind: str
    run: int
    case: Mapping[str, Any]
    variant: str
    reply: str
    language: str
    attack_id: str = ""

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Up to the client's turn that the reply answers."""
        return messages_of(self.case["messages"])


def require_judges(plan: Plan) -> None:
    """Raise unless every judge is a model, named once.

    Raises:
        UsageError: A way of answering, which gives no verdicts, or a judge twice.
    """
    if ways := [spec for spec in plan.judges if way_of(spec) is not None]:
        raise UsageError(
            "judge", "a way of answering cannot judge", want="a model's name", have=", ".join(ways),
            mend="Leave the word before the first colon out.",
        )  # fmt: skip
    if len(set(plan.judges)) < len(plan.judges):
        raise UsageError("judge", "a judge twice", want="each once", mend="--repeats asks each of them several times.")


def run_of(artifact: Artifact, plan: Plan) -> Run:
    """A system's predictions, after a look whether the rubric can be asked of them.

    Raises:
        ArtifactError: No predictions.
        InputError: Cases and predictions do not belong together.
        UsageError: Multiple choice, a language that the rubric lacks, or cases without the reference that is wanted.
    """
    cases, answers, table = opened_predictions(artifact)
    who = str(artifact.path)
    if table != "case":
        raise UsageError(
            who, "multiple-choice questions", want="cases with a conversation", mend="xinheng score reads these."
        )
    if plan.limit is not None:
        cases = cases.sort("case_id").head(plan.limit)
        answers = answers.filter(pl.col("case_id").is_in(cases["case_id"].to_list()))
    spoken = plan.rubric.languages
    strange = cases.filter(~pl.col("language").is_in(spoken)) if plan.language is None else cases.clear()
    if strange.height or (plan.language is not None and plan.language not in spoken):
        found = ", ".join(sorted(strange["language"].unique())) or str(plan.language)
        raise UsageError(
            who, f"the rubric {plan.rubric.name} has no words in {found}", want=f"cases in {', '.join(spoken)}",
            have=f"{strange.height:,} others" if strange.height else "",
            mend=f"Ask in one of them: --language {spoken[0]}.",
        )  # fmt: skip
    if plan.reference and (without := cases["reference"].null_count()):
        raise UsageError(
            who, "cases without a reference", want="--reference where every case has one", have=f"{without:,} without"
        )
    return Run(artifact, system_of(artifact), cases, answers.sort("case_id", "variant"))


def replies(runs: Sequence[Run], plan: Plan) -> list[Item]:
    """The replies that can be judged: no refusals, nothing empty, nothing endless."""
    found = []
    for number, run in enumerate(runs):
        by_id = {row["case_id"]: row for row in run.cases.iter_rows(named=True)}
        for row in run.predictions.iter_rows(named=True):
            if not unjudged(row["text"], row["problem"]):
                case = by_id[row["case_id"]]
                language = plan.language or case["language"]
                found.append(Item(REPLY, number, case, row["variant"], row["text"], language))
    return found


def constants(runs: Sequence[Run], plan: Plan) -> list[Item]:
    """The fixed reply to some of the cases, the same whoever else answered them."""
    cases = {row["case_id"]: row for run in reversed(runs) for row in run.cases.iter_rows(named=True)}
    drawn = sorted(cases, key=lambda case_id: _lot(case_id, plan.seed))[: plan.constant]
    return [
        Item(CONSTANT, -1, cases[name], "", judging.constant_reply(language), language)
        for name in sorted(drawn)
        for language in [plan.language or cases[name]["language"]]
    ]


def attacks(runs: Sequence[Run], plan: Plan) -> list[Item]:
    """Each attack planted in a reply of its language that holds none of its own; none unless they are wanted."""
    if not plan.attacks:
        return []
    harmless = [item for item in replies(runs, plan) if not instructions_in(item.reply)]
    drawn = sorted(harmless, key=lambda i: _lot(f"{i.run} {i.case['case_id']} {i.variant}", plan.seed))
    languages = [language_of(item.reply, default=item.case["language"]) for item in drawn]
    return [
        replace(
            drawn[number], kind=ATTACK, reply=planted(drawn[number].reply, attack, plan.rubric),
            attack_id=attack.attack_id,
        )
        for attack, number in spread(languages)
    ]  # fmt: skip


def _lot(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def requests(items: Sequence[Item], plan: Plan) -> list[Request]:
    """What one judge is asked: attacks and the fixed reply once, replies as often as wanted."""
    asked = []
    for item in items:
        reference = item.case["reference"] if plan.reference else None
        told = judging.messages(plan.rubric, item.conversation, item.reply, language=item.language, reference=reference)
        asked += [Request(f"{item.case['case_id']}@", told, plan.want(repeat)) for repeat in repeats_of(item, plan)]
    return asked


def repeats_of(item: Item, plan: Plan) -> range:
    """How often a judge is asked about an item, as sample numbers."""
    return range(plan.repeats if item.kind == REPLY else 1)
