"""Scores artifacts made up for tests: the tables of real ones, values drawn from a seed, records as runs write them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.intervals import mean
from benchmarks.records import record
from benchmarks.scored import summary_row, summary_table
from xinheng.artifacts import Artifact, write
from xinheng.messages import Message
from xinheng.tables import CASE, PREDICTION, SCORE

IMHI = ("DR", "CLP", "dreaddit", "swmh", "T-SID", "SAD", "CAMS", "loneliness", "MultiWD", "Irf")


def sha(text: str) -> str:
    """A digest that looks like one."""
    return hashlib.sha256(text.encode()).hexdigest()


def right(n: int, share: float, seed: int) -> np.ndarray[Any, Any]:
    """So many answers of which about a share is right; harder cases are hard for all."""
    hard = np.random.default_rng(n).random(n)
    noise = np.random.default_rng(seed).random(n)
    return ((0.7 * hard + 0.3 * noise) < share).astype(np.float64)


def run(
    folder: Path,
    system: str,
    values: Mapping[str, Sequence[float | None]],
    *,
    benchmark: str = "imhi",
    measure: str = "weighted_f1",
    scorers: Sequence[str] = ("rule", "upstream"),
    data: str = "data",
    overall: str | None = "mean",
    percent: bool = True,
    floors: float | None = 0.2,
    groups: int = 1,
    seed: int = 0,
    predictions: Artifact | None = None,
    facts: Mapping[str, Any] | None = None,
    recorded: bool = True,
    cost: Mapping[str, Any] | None = None,
) -> Artifact:
    """Write one run.

    Args:
        folder: Where.
        system: Who answered.
        values: Part to one value per case.
        benchmark: Such as `imhi`.
        measure: The headline.
        scorers: Who read it; each the same values.
        data: What the digest of the data is made from.
        overall: The part over all.
        percent: Figures times 100.
        floors: Of each part; None without.
        groups: Cases per post.
        seed: In the record.
        predictions: The parent.
        facts: Further facts, or others.
        recorded: With a record.
        cost: As the record has it.
    """
    unit = 100.0 if percent else 1.0
    score: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    refused = 0
    for scorer in scorers:
        estimates = {}
        for part, cells in values.items():
            numbers = np.array([np.nan if value is None else value for value in cells], dtype=np.float64)
            posts = [f"{part}-post-{i // groups}" for i in range(len(numbers))]
            for i, value in enumerate(numbers):
                reason = "refused" if np.isnan(value) and i % 2 else "unreadable" if np.isnan(value) else None
                refused += reason == "refused" and scorer == scorers[0]
                score.append({"case_id": f"{part}-{i}", "group_id": posts[i], "benchmark": benchmark, "part": part,
                              "system": system, "scorer": scorer,
                              "value": None if np.isnan(value) else float(value), "reason": reason})  # fmt: skip
            finite = np.where(np.isinf(numbers), np.nan, numbers)
            estimates[part] = mean(finite * unit, clusters=posts, bounds=(0, unit) if unit > 1 else None)
        whole = [e for e in estimates.values() if e.value is not None]
        if overall is not None and whole:
            middle = float(np.mean([e.value for e in whole]))
            spread = [e for e in whole if e.low is not None and e.high is not None]
            half = (
                float(np.mean([(e.high or 0) - (e.low or 0) for e in spread])) / 2 / len(spread) ** 0.5 if spread else 0
            )
            estimates[overall] = type(whole[0])(
                middle, middle - half if spread else None, middle + half if spread else None,
                n=sum(e.n for e in whole), missing=sum(e.missing for e in estimates.values()), method="bootstrap",
            )  # fmt: skip
        for part, estimate in estimates.items():
            names = {"benchmark": benchmark, "part": part, "scorer": scorer, "system": system}
            summary.append(summary_row(estimate, measure=measure, **names))
            if estimate.value is not None and percent:
                summary.append(
                    summary_row(type(estimate)(estimate.value * 1.02, n=estimate.n), measure="accuracy", **names)
                )
            if floors is not None:
                summary.append(summary_row(type(estimate)(floors * unit, n=estimate.n), measure="floor_f1", **names))
            cases = estimate.n + estimate.missing
            rate = type(estimate)(estimate.missing / cases if cases else None, n=cases)
            summary.append(summary_row(rate, measure="invalid_rate", **names))
    n = sum(map(len, values.values()))
    unread = sum(row["reason"] is not None for row in score) // len(scorers)
    spent = {
        "answers": n,
        "requests": n,
        "input_tokens": 310 * n,
        "output_tokens": 85 * n,
        "usd": None,
        "wall_s": 0.2 * n,
    }
    made = record(
        data={"name": data, "digest": sha(data), "rows": n, "table": "case"},
        prompt={"form": "instruction", "shots": 0, "digest": sha("prompt")},
        models=[{"role": "answers", "name": system, "identity": sha(system), "remote": False, "server": "made 0.1"}],
        decoding={"temperature": 0.0, "max_tokens": 512, "seed": seed},
        counts={"n": n, "refusals": refused, "invalid": unread},
        cost=cost if cost is not None else spent,
        command={"name": "bench imhi", "arguments": ["--model", system, "--seed", str(seed), "--", "/home/ann/imhi"]},
    )  # fmt: skip
    told: dict[str, Any] = {
        "title": {"en": f"{data}: answers of {system}", "zh": f"{data}：{system} 的回答"},
        "system": system, "data_digest": sha(data), "scorers": list(scorers), "published": False,
        **({"record": made} if recorded else {}), **(facts or {}),
    }  # fmt: skip
    tables = {"score": pl.DataFrame(score, schema=SCORE), "summary": summary_table(summary)}
    parents = [predictions] if predictions is not None else []
    return write(folder, kind="scores", name=f"{data}-scores", tables=tables, facts=told, parents=parents)


def predictions(folder: Path, system: str, replies: Mapping[str, str], *, asked: str = "question") -> Artifact:
    """Predictions of so many cases, id to reply; everybody is asked the same."""
    messages = [Message("user", asked)]
    cases = [
        {"case_id": name, "group_id": name, "benchmark": "imhi/DR", "form": "instruction", "language": "en",
         "messages": [{"role": m.role, "content": m.content, "tags": []} for m in messages],
         "reference": "gold", "labels": None, "published_split": "test", "source": "made", "licence": "CC0-1.0",
         "origin": "made"}
        for name in replies
    ]  # fmt: skip
    rows = [
        {"case_id": name, "variant": "", "system": system, "text": text, "finish_reason": "stop", "problem": None,
         "detail": None, "input_tokens": 1, "output_tokens": 1, "latency_s": 0.1, "first_token_s": None}
        for name, text in replies.items()
    ]  # fmt: skip
    tables = {"case": pl.DataFrame(cases, schema=CASE), "prediction": pl.DataFrame(rows, schema=PREDICTION)}
    return write(folder, kind="predictions", name="made-predictions", tables=tables, facts={"system": system})
