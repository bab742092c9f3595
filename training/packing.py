"""Rows as a model takes them: one below the other with padding, or end to end without reading one another.

Packed are the rows of a batch among themselves, so that a step learns from the same rows and gets the same loss either
way. What tells rows apart in a line are their positions, which begin at 0 with each: transformers lets no token see
beyond such a beginning, nor does flash attention. Padding is a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from training.render import Rendered
from xinheng.errors import UsageError

IGNORED: Final = -100
# Of the largest logit; sixteen bits are off by less, a row that is read along by more.
_APART: Final = 0.05
Collate = Callable[[Sequence[Rendered]], dict[str, Any]]


def lines(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Which rows stand in a line together, by their numbers: the longest first, each where it first fits.

    Args:
        lengths: Tokens of each row.
        most: Tokens of a line; a longer row has a line of its own.

    >>> lines([3, 9, 4, 2], 9)
    [[1], [2, 0, 3]]
    """
    made: list[list[int]] = []
    filled: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        place = next((k for k, there in enumerate(filled) if there + lengths[i] <= most), None)
        if place is None:
            made.append([i])
            filled.append(lengths[i])
        else:
            made[place].append(i)
            filled[place] += lengths[i]
    return made


def shape_of(lengths: Sequence[int], *, most: int | None) -> tuple[int, int]:
    """Height and width of what is computed for a batch, padding included.

    Args:
        lengths: Tokens of its rows.
        most: Of a line, where rows are packed; None where they are padded.

    >>> shape_of([3, 9, 4, 2], most=None), shape_of([3, 9, 4, 2], most=9)
    ((4, 9), (2, 9))
    """
    if not len(lengths):
        return 1, 1
    if most is None:
        return len(lengths), int(max(lengths))
    made = [sum(lengths[i] for i in line) for line in lines(lengths, most)]
    return len(made), int(max(made))


def padded(pad: int) -> Collate:
    """One row below the other, as wide as the longest; without rows a batch that bears no loss.

    Args:
        pad: The token that fills.
    """

    def collate(rows: Sequence[Rendered]) -> dict[str, Any]:
        height, width = max(1, len(rows)), max((len(row.ids) for row in rows), default=1)
        ids, labels = _blank(height, width, pad)
        mask = np.zeros((height, width), dtype=np.int64)
        mask[:, 0] = 1
        for i, row in enumerate(rows):
            _lay(ids[i], labels[i], row, 0)
            mask[i, : len(row.ids)] = 1
        return _tensors(input_ids=ids, attention_mask=mask, labels=labels)

    return collate


def packed(pad: int, most: int | None) -> Collate:
    """End to end, in lines of at most `most` tokens.

    Args:
        pad: The token that fills the shorter lines.
        most: Of a line; None for one line, which is what flash attention wants.
    """

    def collate(rows: Sequence[Rendered]) -> dict[str, Any]:
        lengths = [len(row.ids) for row in rows]
        made = lines(lengths, most if most is not None else sum(lengths)) or [[]]
        width = max(1, *(sum(lengths[i] for i in line) for line in made))
        ids, labels = _blank(len(made), width, pad)
        positions = np.zeros((len(made), width), dtype=np.int64)
        for number, line in enumerate(made):
            start = 0
            for i in line:
                _lay(ids[number], labels[number], rows[i], start)
                positions[number, start : start + lengths[i]] = np.arange(lengths[i])
                start += lengths[i]
            positions[number, start:] = np.arange(width - start)
        return _tensors(input_ids=ids, position_ids=positions, labels=labels)

    return collate


def require_apart(model: Any, rows: Sequence[Rendered]) -> None:
    """Raise when the model reads one row of a line into the next; tried on the two shortest.

    Not every model tells rows apart by their positions: one that reads step by step carries on what it has read.

    Args:
        model: That is to be trained.
        rows: To train on.

    Raises:
        UsageError: It does.
    """
    import torch

    # The longer stands first in a line.
    shorter, longer = sorted(rows, key=lambda row: len(row.ids))[:2] if len(rows) > 1 else (rows[0], rows[0])
    batch = {name: value.to(model.device) for name, value in packed(0, None)([longer, shorter]).items()}
    ids = torch.from_numpy(shorter.ids.astype(np.int64))[None].to(model.device)
    was = model.training
    model.eval()
    with torch.no_grad():
        alone = model(input_ids=ids, use_cache=False).logits[0].float()
        line = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
    model.train(was)
    line = line[len(longer.ids) :].float()
    off = float((line - alone).abs().max())
    if off > _APART * max(1.0, float(alone.abs().max())):
        raise UsageError(
            "train",
            "this base reads packed rows into one another",
            want="rows that do not see each other",
            have=f"logits that differ by {off:.2g}",
            mend="Set packing = False in the recipe.",
        )


def _blank(height: int, width: int, pad: int) -> tuple[Any, Any]:
    return np.full((height, width), pad, dtype=np.int64), np.full((height, width), IGNORED, dtype=np.int64)


def _lay(ids: Any, labels: Any, row: Rendered, start: int) -> None:
    """A row into a line. Its first token is nobody's answer: what stands before it is another row."""
    end = start + len(row.ids)
    ids[start:end] = row.ids
    labels[start + 1 : end] = np.where(row.answered, row.ids, IGNORED)[1:]


def _tensors(**arrays: Any) -> dict[str, Any]:
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items()}
