"""Many prompts and their continuations as one row of tokens: what each token sees, and where it stands."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(slots=True)
class Work:
    """A prompt with its options as tokens, and how they lie in the row; see `lay_out`."""

    place: int
    ids: list[int]  # of the prompt
    options: list[list[tuple[int, ...]]]  # tokens of each spelling
    tokens: list[int]  # what is to be computed: the end of the prompt, then the continuations as a tree
    parents: list[int]  # of each of these the one before it; -1 for the shared beginning
    read: list[int]  # behind which of them something follows
    nodes: dict[tuple[int, ...], int]  # where a continuation stands


def common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with; of each at least one is left."""
    if len(rows) < 2:
        return 0
    # What the first and the last in order have in common all have.
    least, most = min(map(list, rows)), max(map(list, rows))
    same = next((i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), min(len(least), len(most)))
    return min(same, min(map(len, rows)) - 1)


def lay_out(work: Work, shared: int) -> None:
    """Put what is to be computed into a row: the prompt behind the beginning, then each continuation but its end."""
    work.tokens = list(work.ids[shared:])
    work.parents = list(range(-1, len(work.tokens) - 1))
    last = len(work.tokens) - 1
    work.read, work.nodes = [last], {(): last}
    for spellings in work.options:
        for spelling in spellings:
            for step in range(1, len(spelling)):
                path = spelling[:step]
                if path not in work.nodes:
                    work.nodes[path] = len(work.tokens)
                    work.parents.append(work.nodes[path[:-1]])
                    work.read.append(len(work.tokens))
                    work.tokens.append(path[-1])


def seen_by(pack: Sequence[Work], shared: int) -> tuple[Any, Any, list[int]]:
    """What each token of a row sees (tokens x beginning and tokens), where it stands, and which are read."""
    size = sum(len(work.tokens) for work in pack)
    seen = np.zeros((size, shared + size), dtype=np.bool_)
    seen[:, :shared] = True
    positions = np.zeros(size, dtype=np.int64)
    read, start = [], 0
    for work in pack:
        here = work.nodes[()] + 1
        block = slice(start, start + here)
        seen[block, shared + start : shared + start + here] = np.tri(here, dtype=np.bool_)
        positions[block] = shared + np.arange(here)
        for node in range(here, len(work.tokens)):
            parent = start + work.parents[node]
            seen[start + node] = seen[parent]
            seen[start + node, shared + start + node] = True
            positions[start + node] = positions[parent] + 1
        read += [start + place for place in work.read]
        start += len(work.tokens)
    return seen, positions, read


def firsts(pack: Sequence[Work]) -> list[int]:
    """Where the scores of each prompt begin."""
    return list(itertools.accumulate((len(work.read) for work in pack[:-1]), initial=0))


def rows_of(work: Work, first: int, spelling: tuple[int, ...]) -> list[int]:
    """The scores by which each token of a continuation is held."""
    last = work.nodes[()]
    return [first + (work.nodes[spelling[:step]] - last) for step in range(len(spelling))]
