"""Batches of like length, in another order each epoch: little padding, and no epoch like the one before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Rows of so many batches are sorted among each other: the more, the less padding and the less chance.
_POOL = 50


def batches(lengths: Sequence[int], *, size: int, seed: int, epoch: int, sort: bool = True) -> list[list[int]]:
    """The rows of each batch of an epoch, by their numbers.

    Rows are shuffled, sorted by length within pools of 50 batches, cut, and the batches shuffled. The longest batch
    comes first in the first epoch: what does not fit the memory shows at once, not after an hour.

    Args:
        lengths: Tokens of each row.
        size: Rows of a batch; the last of a pool may have fewer.
        seed: Of the order.
        epoch: From 0.
        sort: By length within pools; without it rows stand as they were shuffled, as where nothing is padded.

    >>> batches([5, 1, 9, 2], size=2, seed=0, epoch=0)
    [[2, 0], [3, 1]]
    """
    random = np.random.default_rng([seed, epoch])
    tokens, order = np.asarray(lengths), random.permutation(len(lengths))
    made: list[list[int]] = []
    for start in range(0, len(order), size * _POOL):
        pool = order[start : start + size * _POOL]
        if sort:
            pool = pool[np.argsort(-tokens[pool], kind="stable")]
        made += [pool[i : i + size].tolist() for i in range(0, len(pool), size)]
    made = [made[i] for i in random.permutation(len(made))]
    if epoch == 0 and made:
        longest = max(range(len(made)), key=lambda i: int(tokens[made[i]].max()) * len(made[i]))
        made[0], made[longest] = made[longest], made[0]
    return made
