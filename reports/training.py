"""The page of a training: how the loss went, what the model said on the way, what was trained and on what.

What the model said stands on it, for who trains asked to see it; no text of the rows does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports import charts
from reports.charts import Figure
from reports.labels import SPLITS, Words, clean, named, words
from reports.render import count, page, part
from xinheng.progress import duration

PARTS: Final = {"train": Words("training", "訓練"), "validation": Words("validation", "驗證")}
METHODS: Final[Mapping[str, Words]] = {
    "sft": Words("Learning answers (SFT)", "學習回答（SFT）"),
    "dpo": Words("Learning preferences (DPO)", "學習偏好（DPO）"),
}
PHASES: Final[Mapping[str, Words]] = {
    "rows": Words("reading rows", "讀取資料"),
    "load": Words("loading the base", "載入基底模型"),
    "render": Words("writing rows as tokens", "轉為詞元"),
    "sft": METHODS["sft"],
    "dpo": METHODS["dpo"],
    "save and prove": Words("saving and reading back", "儲存並回讀驗證"),
}
MOST_SAMPLES: Final = 40
Point = tuple[str, int, str, float]


def training_page(facts: Mapping[str, Any], points: Sequence[Point], samples: Sequence[Mapping[str, Any]]) -> str:
    """The page of an adapter.

    Args:
        facts: As `app.training_run` writes them: title, digest, recipe, base, trainable, rows, trained, proof, trial,
            allowed, special_tokens, wall_s, licences.
        points: Method, step, split, loss in nats per token of an answer.
        samples: SAMPLE rows: method, step, row_id, text.

    Returns:
        One self-contained HTML document; the same facts give the same text.
    """
    methods = [
        {
            "words": named(METHODS, method),
            "name": method,
            "figure": _curve([point for point in points if point[0] == method]),
            "points": _by_step([point for point in points if point[0] == method]),
            **told,
        }
        for method, told in part(facts, "trained").items()
    ]
    rows = [{"words": named(SPLITS, split), **counts} for split, counts in part(facts, "rows").items()]
    return page(
        "training.html",
        title=words(facts.get("title")),
        figures=any(method["figure"] for method in methods),
        facts=facts,
        methods=methods,
        rows=rows,
        left_out=[
            {"split": row["words"], "why": why, "n": n} for row in rows for why, n in part(row, "unusable").items()
        ],
        samples=sorted(samples, key=lambda one: (one["row_id"], one["method"] != "sft", one["step"]))[:MOST_SAMPLES],
        all_samples=len(samples),
        phases=[
            {"words": named(PHASES, phase), "time": duration(float(seconds))}
            for phase, seconds in part(facts, "wall_s").items()
        ],
        settings={
            name: clean(value)
            for name, value in part(facts, "recipe").items()
            if name not in {"title", "name", "lora"} and value is not None
        }
        | {f"lora.{name}": _joined(value) for name, value in part(part(facts, "recipe"), "lora").items()},
        base=part(facts, "base"),
        recipe=part(facts, "recipe"),
        proof=part(facts, "proof"),
        trainable=count(facts.get("trainable")),
    )


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else clean(value)


def _curve(points: Sequence[Point]) -> Figure | None:
    if not points:
        return None
    drawn = [{"x": step, "y": loss, "part": split} for _, step, split, loss in points]
    parts = {name: words for name, words in PARTS.items() if any(p["part"] == name for p in drawn)}
    build = charts.lines(drawn, parts, Words("step", "步"), Words("loss", "損失"))
    caption = Words("Loss by step; the lower, the better.", "各步的損失；越低越好。")
    return charts.figure(build, caption, tuple(parts.items()))


def _by_step(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Step, loss of training, loss of validation; None where there is none."""
    steps = sorted({step for _, step, _, _ in points})
    found = {(step, split): loss for _, step, split, loss in points}
    return [{"step": step, **{split: found.get((step, split)) for split in PARTS}} for step in steps]
