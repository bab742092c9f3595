"""Who rates what, in which order: every item by as many raters, loads and pairs of raters balanced, all from a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from xinheng.errors import UsageError

# More sets of raters than this are not tried one by one.
_MOST_SETS: Final = 5_000


def blocks(units: int, raters: Sequence[str], per_unit: int, *, seed: int) -> list[tuple[str, ...]]:
    """The raters of each unit: as many for each, nobody with more than one unit more than another, all pairs meet.

    An incomplete block design by search: raters with the fewest units come first, and of the sets that this allows
    the one whose pairs have met least. With every rater on every unit it is the complete design.

    Args:
        units: How many units (dialogues) there are.
        raters: Who rates; the order in which they are named does not matter.
        per_unit: Raters of each unit.
        seed: Of ties.

    Returns:
        For each unit its raters, sorted.

    Raises:
        UsageError: More raters per unit than there are.

    >>> blocks(2, ["b", "a"], 2, seed=0)
    [('a', 'b'), ('a', 'b')]
    """
    names = sorted(raters)
    many = len(names)
    if not 1 <= per_unit <= many:
        raise UsageError(
            "plan", "raters per item", want=f"1 to {many}, the number of raters", have=str(per_unit),
            mend="Name more raters, or ask for fewer per item.",
        )  # fmt: skip
    if per_unit == many:
        return [tuple(names)] * units
    dice = np.random.default_rng([seed, 0xB10C])
    loads, met = np.zeros(many, np.int64), np.zeros((many, many), np.int64)
    made = []
    for _ in range(units):
        chosen = _next_block(loads, met, per_unit, dice)
        loads[chosen] += 1
        met[np.ix_(chosen, chosen)] += 1
        made.append(tuple(names[i] for i in sorted(chosen)))
    return made


def _next_block(loads: np.ndarray, met: np.ndarray, size: int, dice: np.random.Generator) -> list[int]:
    """The raters with the fewest units, filled up with those whose pairs have met least."""
    order = np.sort(loads)
    least = order[size - 1]
    fixed = [int(i) for i in np.flatnonzero(loads < least)]
    free = dice.permutation(np.flatnonzero(loads == least))
    wanted = size - len(fixed)
    if math.comb(len(free), wanted) <= _MOST_SETS:
        sets = np.array(list(combinations(free.tolist(), wanted)), dtype=np.int64).reshape(-1, wanted)
        cost = met[:, fixed].sum(axis=1)[sets].sum(axis=1).astype(float) if fixed else np.zeros(len(sets))
        # A pair that met often costs more than two that met once: the sum of squares is what is kept low.
        for a, b in combinations(range(wanted), 2):
            cost += met[sets[:, a], sets[:, b]]
        return [*fixed, *(int(i) for i in sets[int(np.argmin(cost))])]
    chosen = list(fixed)
    for _ in range(wanted):
        left = [int(i) for i in free if int(i) not in chosen]
        chosen.append(min(left, key=lambda i: int(met[i, chosen].sum())))
    return chosen


def meetings(given: Sequence[Sequence[str]], raters: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many units each pair of raters shares.

    >>> meetings([("a", "b"), ("a", "c")], ["a", "b", "c"])
    {('a', 'b'): 1, ('a', 'c'): 1, ('b', 'c'): 0}
    """
    counts = dict.fromkeys(combinations(sorted(raters), 2), 0)
    for block in given:
        for pair in combinations(sorted(block), 2):
            counts[pair] += 1
    return counts


def to_repeat(given: Mapping[str, Sequence[str]], n: int, *, seed: int) -> list[str]:
    """Items that are shown a second time, so that all raters have about as many repeats.

    Args:
        given: Item to its raters.
        n: How many; all where there are fewer.
        seed: Of the shuffle.
    """
    names = sorted(given)
    shuffled = [names[i] for i in np.random.default_rng([seed, 0x5EC0]).permutation(len(names))]
    raters = sorted({rater for block in given.values() for rater in block})
    column = {rater: i for i, rater in enumerate(raters)}
    has = np.zeros((len(shuffled), len(raters)), np.int64)
    for row, name in enumerate(shuffled):
        has[row, [column[rater] for rater in given[name]]] = 1
    loads, free = np.zeros(len(raters), np.int64), np.ones(len(shuffled), bool)
    chosen = []
    for _ in range(min(n, len(shuffled))):
        row = int(np.argmin(np.where(free, has @ loads, np.iinfo(np.int64).max)))
        free[row] = False
        loads += has[row]
        chosen.append(shuffled[row])
    return chosen


def sides(pairs: Sequence[tuple[str, str]], *, seed: int) -> list[bool]:
    """For each pair whether its second system stands left: of every two systems half the time, by lot.

    >>> sorted(sides([("a", "b")] * 4, seed=1))
    [False, False, True, True]
    """
    swapped = [False] * len(pairs)
    for number, pair in enumerate(sorted(set(pairs))):
        own = [i for i, one in enumerate(pairs) if one == pair]
        dice = np.random.default_rng([seed, 0x51DE, number])
        more = len(own) % 2 * int(dice.integers(2))
        for i in dice.permutation(len(own))[: len(own) // 2 + more]:
            swapped[own[int(i)]] = True
    return swapped


def order(
    plain: Mapping[str, str], repeats: Mapping[str, str], gold: Sequence[str], *, rater: str, seed: int
) -> list[str]:
    """One rater's items in his own order.

    Answers to one dialogue come in different rounds, which of them first by lot. A repeat stands at least a third of
    the list behind its original. Gold items are spread over the list, one in each equal stretch.

    Args:
        plain: Item to what it is about (its case), so that answers to one case stand apart.
        repeats: Repeat to its original.
        gold: Gold items.
        rater: Whose list; others have other orders.
        seed: Of all.
    """
    dice = np.random.default_rng([seed, 0x0DDE, *rater.encode()])
    listed = _in_rounds(plain, dice)
    whole = len(listed) + len(repeats)
    half = max(whole // 2, len(repeats))
    originals = set(repeats.values())
    late = [i for i in range(half, len(listed)) if listed[i] in originals]
    early = [int(i) for i in dice.permutation(min(half, len(listed))) if listed[int(i)] not in originals]
    for one, other in zip(late, early, strict=False):
        listed[one], listed[other] = listed[other], listed[one]
    listed = listed[:half] + _with_repeats(listed, half, repeats, whole // 3, dice)
    shuffled = [sorted(gold)[int(i)] for i in dice.permutation(len(gold))]
    final = len(listed) + len(shuffled)
    for number, name in enumerate(shuffled):
        first, last = number * final // len(shuffled), (number + 1) * final // len(shuffled)
        listed.insert(int(dice.integers(first, max(last, first + 1))), name)
    return listed


def _in_rounds(plain: Mapping[str, str], dice: np.random.Generator) -> list[str]:
    """Items shuffled so that two about the same case are in different rounds, and never neighbours where avoidable."""
    cases: dict[str, list[str]] = {}
    for name in sorted(plain):
        cases.setdefault(plain[name], []).append(name)
    rounds: list[list[str]] = [[] for _ in range(max(map(len, cases.values()), default=0))]
    for case in sorted(cases):
        own = cases[case]
        for place, i in zip(dice.permutation(len(rounds)), dice.permutation(len(own)), strict=False):
            rounds[int(place)].append(own[int(i)])
    listed: list[str] = []
    for one in rounds:
        shuffled = [one[int(i)] for i in dice.permutation(len(one))]
        if listed and len(shuffled) > 1 and plain[shuffled[0]] == plain[listed[-1]]:
            shuffled[0], shuffled[-1] = shuffled[-1], shuffled[0]
        listed += shuffled
    return listed


def _with_repeats(
    listed: Sequence[str], half: int, repeats: Mapping[str, str], gap: int, dice: np.random.Generator
) -> list[str]:
    """The second half of a list: its items, and repeats in places at least `gap` behind their originals."""
    rest = list(listed[half:])
    slots: list[str | None] = [None] * (len(rest) + len(repeats))
    where = {name: i for i, name in enumerate(listed[:half])}
    for name in sorted(repeats, key=lambda name: -where[repeats[name]]):
        first = max(0, where[repeats[name]] + gap - half)
        free = [i for i in range(first, len(slots)) if slots[i] is None]
        slots[int(dice.choice(free))] = name
    others = iter(rest)
    return [name if name is not None else next(others) for name in slots]
