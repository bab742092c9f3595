"""Figures that others published, to stand beside one's own: with their source, and never as if they had been rerun."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from benchmarks.imhi_labels import set_name

_IMHI: Final = "imhi"


@dataclass(frozen=True)
class Published:
    """One system's published figures. Nothing is known of their intervals, their data's digest or single answers.

    Args:
        benchmark: Such as `imhi`.
        system: Who answered, as the publication calls it.
        measure: Such as `weighted_f1`, in the unit of our own measure of that name.
        reader: The scorer with which they can be compared, and no other.
        source: Where they stand.
        parts: Set or subject, as ours is called, to figure; sets that were not published are absent.
    """

    benchmark: str
    system: str
    measure: str
    reader: str
    source: str
    parts: Mapping[str, float]


def published(benchmark: str) -> list[Published]:
    """The published figures of a benchmark, in the order of the file; empty where none are known.

    >>> [row.system for row in published("imhi") if row.parts["SAD"] > 60]
    ['MentaLLaMA-chat-13B', 'Gemini Pro']
    >>> published("another")
    []
    """
    return [row for row in _all() if row.benchmark == benchmark]


@cache
def _all() -> tuple[Published, ...]:
    text = resources.files("benchmarks").joinpath("published.toml").read_text(encoding="utf-8")
    rows = [Published(**figure) for figure in tomllib.loads(text)["figure"]]
    # Publications spell IMHI's sets in many ways; in a table they must meet ours.
    return tuple(
        replace(row, parts={set_name(part): value for part, value in row.parts.items()})
        if row.benchmark == _IMHI else row for row in rows
    )  # fmt: skip
