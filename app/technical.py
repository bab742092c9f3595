"""What `xinheng bench technical` does: real requests sent and timed, memory watched, and the figures written.

Nothing comes from the journal and nothing goes into it: a kept answer has no latency. Each request is sent once, so
that a server's failures are seen and not mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from app.model_flags import Flags
from app.models import Models, bare_model, model_facts, opened
from app.predicting import Question, as_cases, data_digest, predictions_path
from app.prediction_runs import Wanted, prompts_of
from app.recorded import recorded_command
from app.scoring import SCORES
from benchmarks import plan_gates, technical
from benchmarks.records import record
from benchmarks.scored import summary_table
from benchmarks.technical import BENCHMARK, TIMING
from xinheng.artifacts import Artifact, write
from xinheng.budget import Spent, asks, paid
from xinheng.errors import BudgetSpent, UsageError
from xinheng.messages import Chat, Reply, Want
from xinheng.storage import Place
from xinheng.tables import SCORE

STEP: Final = "technical"


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Args:
        system: A model or way of answering.
        levels: Requests at once, one block for each.
        requests: Of each block.
        repeats: How often the cases are asked again, to see whether answers stay the same; 0 or 1 for not at all.
        want: Of each answer.
        timeout_s: A request that takes longer counts as never answered; None for the settings'.
        warmups: Requests before the first block, told apart: they load the model.
        server_pid: A server's process on this machine, to watch its memory.
        language: Of a way's prompts.
    """

    system: str
    levels: tuple[int, ...] = (1, 4)
    requests: int = 60
    repeats: int = 3
    want: Want = Want(max_tokens=256, temperature=0.0, seed=0)
    timeout_s: float | None = None
    warmups: int = 1
    server_pid: int | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        if not self.levels or min(self.levels) < 1 or len(set(self.levels)) < len(self.levels):
            have = ",".join(map(str, self.levels))
            raise UsageError("technical", "no such concurrency", want="numbers from 1, each once", have=have)

    def sent(self, cases: int) -> int:
        """How many requests it takes at least; ways of answering send several for each."""
        again = self.repeats * min(cases, self.requests) if self.repeats > 1 else 0
        return self.warmups + len(self.levels) * self.requests + again


def questions_of(
    dataset: Artifact, plan: Plan, *, split: str | None, limit: int | None
) -> tuple[pl.DataFrame, list[Question], Plan]:
    """Cases and how they are asked, and the plan with the language of a way's prompts.

    Raises:
        UsageError: Questions instead of conversations, or nothing to ask.
    """
    cases, table = as_cases(dataset, split=split, limit=limit)
    if table != "case":
        raise UsageError(str(dataset.path), "multiple-choice questions", want="cases with a conversation")
    questions, _ = prompts_of(dataset, cases, table, Wanted(str(dataset.path), plan.system, split=split))
    languages = cases["language"].unique().to_list()
    language = plan.language or (languages[0] if len(languages) == 1 else None)
    return cases, list(questions(cases)), replace(plan, language=language)


def measure(
    dataset: Artifact,
    cases: pl.DataFrame,
    questions: Sequence[Question],
    plan: Plan,
    *,
    out: Place | None,
    flags: Flags,
) -> Artifact:
    """A scores artifact of what was measured.

    Raises:
        UsageError: Something does not fit, or texts would leave the machine.
        ModelError: The model cannot be asked at all.
        BudgetSpent: A limit is reached; nothing is kept, for half a measurement is none.
    """
    memory = Memory(plan)
    with opened(cases, key="case_id", artifact=dataset, flags=flags) as models:
        timing, told = asyncio.run(_measured(models, questions, plan, memory))
        privacy = models.went_out()
    return _written(dataset, cases, plan, timing, told, memory, out, privacy)


async def _measured(
    models: Models, questions: Sequence[Question], plan: Plan, memory: Memory
) -> tuple[pl.DataFrame, dict[str, Any]]:
    spent, rows = Spent(STEP), list[dict[str, Any]]()
    chat = models.fresh(plan.system, language=plan.language, timeout_s=plan.timeout_s)
    wall_s: dict[int, float] = {}
    began = time.perf_counter()
    try:
        facts = await model_facts([("answers", chat)])
        warm = await _block(models, chat, itertools.islice(itertools.cycle(questions), plan.warmups), plan, 1, 0, spent)
        load_s = time.perf_counter() - began
        for level in plan.levels:
            asked = itertools.islice(itertools.cycle(questions), plan.requests)
            start = time.perf_counter()
            rows += await _block(models, chat, asked, plan, level, 0, spent)
            wall_s[level] = time.perf_counter() - start
        for run in range(1, plan.repeats + 1 if plan.repeats > 1 else 0):
            rows += await _block(models, chat, iter(questions[: plan.requests]), plan, plan.levels[0], run, spent)
        memory.look()
    except BudgetSpent as error:
        raise BudgetSpent(
            "technical", error.what, mend="Half a measurement is none: raise the limit, or ask for fewer --requests."
        ) from None
    finally:
        await chat.close()
        await models.close()
    for model in facts:
        model["server"] = await models.server(plan.system)
    table = pl.DataFrame(rows, schema=dict(TIMING)).with_columns(number=pl.int_range(pl.len(), dtype=pl.UInt32))
    step = {**spent.facts(), "wall_s": round(time.perf_counter() - began, 3)}
    warmed = sorted({row["problem"] for row in warm if row["problem"]})
    told = {"models": facts, "steps": {STEP: step}, "wall_s": wall_s, "warmup_s": load_s, "warmup_problems": warmed}
    return table, told


async def _block(
    models: Models, chat: Chat, questions: Iterator[Question], plan: Plan, level: int, run: int, spent: Spent
) -> list[dict[str, Any]]:
    """Requests, so many at once: each worker asks its next as soon as it has its answer."""
    rows: list[dict[str, Any]] = []
    start = time.perf_counter()

    async def work() -> None:
        for question in questions:
            with asks(f"{question.case_id}@", STEP, models.budget) as about:
                began = time.perf_counter()
                heard: list[float] = []
                want = replace(question.want or plan.want)
                reply = await paid(
                    chat, question.messages, want, lambda _, since=began, to=heard: to.append(  # type: ignore[misc]
                        time.perf_counter() - since
                    ), about,
                )  # fmt: skip
                took = time.perf_counter() - began
            spent.add(reply, about.spent)
            rows.append(_row(question, level, run, began - start, took, heard[0] if heard else None, reply))

    workers = [asyncio.ensure_future(work()) for _ in range(level)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return rows


def _row(
    question: Question, level: int, run: int, began_s: float, took_s: float, first_s: float | None, reply: Reply
) -> dict[str, Any]:
    failed = reply.problem in technical.FAILURES
    return {
        "number": 0, "case_id": question.case_id, "concurrency": level, "repeat": run, "began_s": began_s,
        "latency_s": None if failed else took_s, "first_token_s": None if failed else first_s,
        "input_tokens": reply.usage.input_tokens, "output_tokens": reply.usage.output_tokens,
        "problem": reply.problem, "detail": reply.detail.encode("utf-8", "replace").decode() or None,
        "text_sha256": hashlib.sha256(reply.text.encode("utf-8", "replace")).hexdigest(),
    }  # fmt: skip


class Memory:
    """Peak memory of the run: this process where the model is in it, a named server's process, the accelerator's."""

    def __init__(self, plan: Plan) -> None:
        self._local, self._pid = bare_model(plan.system).startswith("local:"), plan.server_pid
        self.peaks: dict[str, float | None] = {}
        if self._pid is not None and not _status(self._pid):
            raise UsageError("technical", f"no process {self._pid} on this machine", want="--server-pid of the server")

    def look(self) -> None:
        """Take the peaks; before the model is closed, and after all requests."""
        if self._local:
            # Since the process began: loading the model is part of what it needs.
            unit = 1 if sys.platform == "darwin" else 1024
            self.peaks["process"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
        if self._pid is not None:
            self.peaks["server"] = _status(self._pid)
        torch = sys.modules.get("torch")
        if self._local and torch is not None and torch.cuda.is_available():
            self.peaks["device"] = float(torch.cuda.max_memory_reserved())

    @property
    def gated(self) -> list[float]:
        """What the gate is about: the accelerator's where there is one, else the process that holds the model."""
        peak = self.peaks.get("device", self.peaks.get("server", self.peaks.get("process")))
        return [math.nan if peak is None else peak]


def _status(pid: int) -> float | None:
    """The peak resident memory of a process, bytes; None where it cannot be read."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _written(
    dataset: Artifact,
    cases: pl.DataFrame,
    plan: Plan,
    timing: pl.DataFrame,
    told: dict[str, Any],
    memory: Memory,
    out: Place | None,
    privacy: dict[str, Any],
) -> Artifact:
    wall_s = told.pop("wall_s")
    found = technical.measures(timing, wall_s)
    found += [(technical.ALL, name, e) for name, e in technical.memory(memory.peaks)]
    gates = plan_gates.technical(technical.gates(timing, memory.gated), plan.system)
    if not memory.peaks:
        for row in gates:
            if row["gate"] == "memory":
                row["reason"] = "the model is in another process: --server-pid names one on this machine"
    name = str(dataset.manifest["name"]).removesuffix("-predictions")
    title = dataset.manifest["facts"].get("title") or {}
    digest = data_digest(cases, "case")
    groups = cases.select("case_id", "group_id")
    fast = timing.filter(pl.col("repeat") == 0).join(groups, on="case_id", how="left", maintain_order="left")
    score = fast.select(
        "case_id", "group_id", benchmark=pl.lit(BENCHMARK),
        part=pl.format("concurrency {}", "concurrency"), system=pl.lit(plan.system), scorer=pl.lit(technical.SCORER),
        value="latency_s", reason="problem",
    ).cast(dict(SCORE))  # type: ignore[arg-type]  # fmt: skip
    failed = int(timing["problem"].is_in(technical.FAILURES).fill_null(value=False).sum())
    facts = {
        "title": {
            "en": f"{title.get('en', name)}: speed and reliability of {plan.system}",
            "zh": f"{title.get('zh', name)}：{plan.system} 的速度與穩定性",
        },
        "table": "case",
        "system": plan.system,
        "data_digest": digest,
        "scorers": [technical.SCORER],
        "published": False,
        "plan": {"levels": list(plan.levels), "requests": plan.requests, "repeats": plan.repeats,
                 "warmups": plan.warmups, "timeout_s": plan.timeout_s},
        "wall_s": {str(level): round(seconds, 3) for level, seconds in wall_s.items()},
        "peaks_bytes": memory.peaks,
        "gated_bytes": [None if math.isnan(peak) else peak for peak in memory.gated],
        "gates": gates,
        "record": record(
            data={"name": name, "digest": digest, "rows": cases.height, "table": "case", "dataset": dataset.link()},
            prompt={},
            models=told["models"],
            decoding={n: getattr(plan.want, n) for n in ("max_tokens", "temperature", "seed")},
            counts={"n": timing.height, "invalid": failed},
            cost=told["steps"][STEP],
            command=recorded_command(),
        ),
        "privacy_of_requests": privacy,
        **told,
    }  # fmt: skip
    return write(
        out or predictions_path(dataset, f"{plan.system}-technical", SCORES),
        kind=SCORES,
        name=f"{name}-technical",
        tables={"score": score, "summary": summary_table(technical.rows(found, plan.system)), "timing": timing},
        facts=facts,
        parents=[dataset],
    )
