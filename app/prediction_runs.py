"""What `xinheng predict` does: cases chosen, put into prompts, asked as often as wanted, and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from app.model_flags import Flags
from app.predicting import KIND, Ask, Plan, Question, as_asked, as_cases, predictions_path
from app.predicting import predict as answered
from app.terminal import Terminal
from counselling.connect import way_of
from counselling.prompts import LANGUAGES
from xinheng.artifacts import Artifact
from xinheng.errors import UsageError
from xinheng.estimate import Estimate
from xinheng.messages import Message, Want
from xinheng.storage import Place

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What a person wants answered.

    Args:
        cases: A dataset's place or a source's name.
        model: Who answers: a model, or a way of answering.
        split: Of the dataset; None for all of it.
        form: Only cases of this form.
        shots: Solved examples before each case.
        answer_tokens: Of each answer.
        temperature: 0 for the likeliest.
        seed: Of answers and examples.
        repeats: How often each case is asked; repeat number k is asked for with seed + k - 1.
        language: Of a way's prompts.
        limit: Only so many cases.
    """

    cases: str
    model: str
    split: str | None = "test"
    form: str | None = None
    shots: int = 0
    answer_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    repeats: int = 1
    language: str | None = None
    limit: int | None = None

    @property
    def want(self) -> Want:
        """What is asked of each answer."""
        return Want(max_tokens=self.answer_tokens, temperature=self.temperature, seed=self.seed)


def predict(
    wanted: Wanted, *, out: Place | None, flags: Flags, only_estimate: bool = False, say: Say = lambda _: None
) -> Artifact | Estimate:
    """A predictions artifact, or only what it would take.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        ModelError: The model cannot be asked.
        BudgetSpent: A limit is reached; the same again goes on.
    """
    from app.pipeline import resolve_source

    dataset = resolve_source(wanted.cases, say=say)
    cases, table = as_cases(dataset, split=wanted.split, form=wanted.form, limit=wanted.limit)
    questions, prompt = prompts_of(dataset, cases, table, wanted)
    plan = Plan(wanted.model, wanted.want, prompt, _language(cases, wanted))
    return answered(
        dataset,
        cases,
        repeated(questions, wanted.repeats, wanted.want),
        plan,
        table=table,
        out=out or predictions_path(dataset, wanted.model),
        flags=flags,
        only_estimate=only_estimate,
    )


def _language(cases: pl.DataFrame, wanted: Wanted) -> str | None:
    """Of a way's prompts: the one that is named, or else that of the cases; a model itself has none.

    Raises:
        UsageError: The cases are in several, and a way answers in one.
    """
    found = way_of(wanted.model)
    if wanted.language is not None or found is None or "language" in found[2]:
        return wanted.language
    have = cases["language"].unique().sort().to_list()
    if len(have) > 1:
        raise UsageError("predict", "a way of answering speaks one language", want="--language", have=", ".join(have))
    return str(have[0]) if have[0] in LANGUAGES else None


def prompts_of(dataset: Artifact, cases: pl.DataFrame, table: str, wanted: Wanted) -> tuple[Ask, Mapping[str, Any]]:
    """How cases are asked, and what the record says of it.

    IMHI's cases and multiple-choice questions go through the prompts of their benchmarks; others are asked as they are.

    Raises:
        UsageError: Examples are wanted and there are none.
        InputError: There are too few.
    """
    if table == "choice":
        return _choice_prompts(dataset, cases, wanted)
    imhi = cases["benchmark"].str.starts_with("imhi/")
    if not imhi.any():
        if wanted.shots:
            raise UsageError("predict", "no examples for these cases", want="--shots 0", have=f"--shots {wanted.shots}")
        return as_asked, {"shots": 0, "made_by": "cases as they are"}
    if not imhi.all():
        have = f"{imhi.sum():,} of {len(imhi):,} cases of IMHI"
        raise UsageError("predict", "cases of several benchmarks", want="IMHI's, or others", have=have)
    from app.bench_imhi import Asking, shots_of
    from benchmarks.imhi_prompts import ZERO_SHOT, asked

    shots = ZERO_SHOT
    if wanted.shots:
        if dataset.kind == KIND:
            raise UsageError(str(dataset.path), "predictions hold no examples", want="--shots 0, or their dataset")
        forms = cases["form"].unique().sort().to_list()
        if len(forms) > 1:
            raise UsageError("predict", "examples for cases of several forms", want="--form", have=", ".join(forms))
        asking = Asking(form=forms[0], split=wanted.split or "all", shots=wanted.shots, seed=wanted.seed)
        shots = shots_of(dataset, cases, asking)

    def ask(rows: pl.DataFrame) -> Iterator[Question]:
        return (Question(case_id, messages) for case_id, messages in asked(rows, shots))

    return ask, shots.facts


def _choice_prompts(dataset: Artifact, cases: pl.DataFrame, wanted: Wanted) -> tuple[Ask, Mapping[str, Any]]:
    from benchmarks.mcq_prompts import facts, prompts, shot_pool
    from benchmarks.mcq_scoring import require_scorable

    require_scorable(cases)
    rows = dataset.scan("choice").collect() if wanted.shots else cases
    shots = shot_pool(rows, n=wanted.shots, seed=wanted.seed)

    def ask(asked: pl.DataFrame) -> Iterator[Question]:
        for question_id, prompt in prompts(asked, shots, "generated"):
            yield Question(question_id, (Message("user", prompt.text),))

    return ask, {**facts("generated"), **shots.facts}


def repeated(questions: Ask, repeats: int, want: Want) -> Ask:
    """Each question so often, each time as an answer of its own."""
    if repeats == 1:
        return questions

    def ask(rows: pl.DataFrame) -> Iterator[Question]:
        for question in questions(rows):
            for number in range(repeats):
                name = " ".join(part for part in (question.variant, f"repeat {number + 1}") if part)
                yield replace(question, variant=name, want=replace(question.want or want, sample=number))

    return ask


def show(terminal: Terminal, made: Artifact) -> None:
    """How many answers there are, how many cannot be used and why, what it took, and where it lies."""
    from app.generating import show_steps

    facts = made.manifest["facts"]
    counts = facts["record"]["counts"]
    show_steps(terminal, facts.get("steps", {}))
    problems = {name.removeprefix("problem_"): n for name, n in counts.items() if name.startswith("problem_")}
    told = f" ({', '.join(f'{name} {n:,}' for name, n in problems.items())})" if problems else ""
    terminal.line(f"\n{counts['n']:,} answers, without a usable one {counts['unusable']:,}{told}")
    terminal.line(f"predictions  {made.path}  {made.digest[:12]}")
    terminal.line(f"next         xinheng score {made.path}")
    terminal.result({"path": str(made.path), "digest": made.digest, **facts, "marks": made.marks})
