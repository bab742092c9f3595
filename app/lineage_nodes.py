"""The boxes of a lineage: what each kind of artifact counts, in lines short enough for a box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from app.leaderboard_runs import counted, mapping
from xinheng.artifacts import Artifact

FOUND, MISSING, DAMAGED, OUTSIDE = "found", "missing", "damaged", "outside"
_SPLITS: Final = ("train", "validation", "test")
Words = dict[str, str]


@dataclass
class Node:
    """One box of the picture.

    Args:
        node_id: Unique in the picture.
        kind: An artifact's, or `files`, `steps`, `model`, `publication`.
        name: As its manifest says.
        digest: Whole; empty where there is none.
        lines: What is counted, short, in both languages.
        state: `found`, `missing`, `damaged`, or `outside` for what is no artifact.
        problems: What is wrong with it.
        place: Below the folder in which it was found; empty where it was not.
    """

    node_id: str
    kind: str
    name: str
    digest: str = ""
    lines: list[Words] = field(default_factory=list)
    state: str = FOUND
    problems: list[Words] = field(default_factory=list)
    place: str = ""


def node_id(artifact: Artifact) -> str:
    """An artifact's own name in the picture."""
    return f"{artifact.kind}:{artifact.manifest['name']}:{artifact.digest}"


def said(en: str, zh: str) -> Words:
    """Both languages."""
    return {"en": en, "zh": zh}


def number(value: object) -> int:
    """A count; 0 for what is no number."""
    return int(counted(value) or 0)


def counts(artifact: Artifact) -> Iterator[Words]:
    """What a manifest counts: first what its kind is about, then gate, withdrawals and marks."""
    facts = mapping(artifact.manifest.get("facts"))
    if any(name in mapping(facts.get("splits")) for name in _SPLITS):
        sizes = " / ".join(f"{number(mapping(facts['splits']).get(name)):,}" for name in _SPLITS)
        yield said("train / validation / test:", "訓練／驗證／測試：")
        yield said(sizes, sizes)
    else:
        yield from _OF_KIND.get(artifact.kind, _rows)(artifact)
    gate = mapping(facts.get("gate")).get("passed")
    if gate is not None:
        yield said("gate passed", "通過檢核") if gate else said("gate failed", "未通過檢核")
    if gone := mapping(facts.get("withdrawn")).get("rows"):
        yield said(f"{number(gone):,} withdrawn", f"{number(gone):,} 筆已撤回")
    if artifact.marks:
        names = ", ".join(sorted({str(mark["mark"]) for mark in artifact.marks}))
        yield said(f"marked: {names}", f"標記：{names}")


def _source(artifact: Artifact) -> Iterator[Words]:
    rows = sum(artifact.rows(name) for name in artifact.manifest["tables"] if name != "dropped")
    yield said(f"{rows:,} rows", f"{rows:,} 筆")
    if unread := artifact.rows("dropped"):
        yield said(f"{unread:,} could not be read", f"{unread:,} 筆無法讀取")


def _adapter(artifact: Artifact) -> Iterator[Words]:
    facts = mapping(artifact.manifest.get("facts"))
    rows = mapping(mapping(facts.get("rows")).get("train")).get("rows")
    if rows is not None:
        yield said(f"trained on {number(rows):,} rows", f"以 {number(rows):,} 筆訓練")
    if weights := facts.get("trainable"):
        yield said(f"{number(weights):,} weights", f"{number(weights):,} 個權重")


def _scores(artifact: Artifact) -> Iterator[Words]:
    facts = mapping(artifact.manifest.get("facts"))
    yield said(f"{artifact.rows('score'):,} scores", f"{artifact.rows('score'):,} 筆評分")
    if scorers := facts.get("scorers"):
        named = ", ".join(map(str, scorers)) if isinstance(scorers, list) else str(scorers)
        yield said(f"by {named}", f"評分者：{named}")


def _predictions(artifact: Artifact) -> Iterator[Words]:
    facts = mapping(artifact.manifest.get("facts"))
    yield said(f"{artifact.rows('prediction'):,} answers", f"{artifact.rows('prediction'):,} 筆回答")
    record = mapping(facts.get("record"))
    if unusable := mapping(record.get("counts")).get("unusable") or record.get("unusable"):
        yield said(f"{number(unusable):,} not usable", f"{number(unusable):,} 筆無法使用")


def _rows(artifact: Artifact) -> Iterator[Words]:
    for name in list(artifact.manifest["tables"])[:2]:
        yield said(f"{name}: {artifact.rows(name):,} rows", f"{name}：{artifact.rows(name):,} 筆")


_OF_KIND: Final = {"source": _source, "adapter": _adapter, "scores": _scores, "predictions": _predictions}
