"""Where the boxes of a diagram stand and how its lines run: in rows from top to bottom, or one below the other.

Rows: a box stands below all that points to it; lines over several rows run through places kept free for them, and
boxes stand near what they are joined to (barycentres, some sweeps). One below the other is for narrow screens: lines
that pass a box run beside them, each on a lane of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

GAP_X: Final = 28.0
GAP_Y: Final = 44.0
LANE: Final = 9.0
_SWEEPS: Final = 8
_FREE: Final = 18.0

Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass
class Drawing:
    """A diagram's measures, in pixels.

    Args:
        width: Of all of it.
        height: Likewise.
        boxes: Name -> left and top.
        lines: Edge -> the points that it runs through, from the bottom of one box to the top of another.
    """

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Point] = field(default_factory=dict)
    lines: dict[Edge, list[Point]] = field(default_factory=dict)


def ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """How far below the top each name stands: below all that points to it; an edge that closes a circle counts not.

    >>> ranks(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    below: dict[str, list[str]] = {name: [] for name in names}
    for one, other in edges:
        if one in below and other in below and one != other:
            below[one].append(other)
    order, state = [], dict.fromkeys(names, 0)
    forward: dict[str, list[str]] = {name: [] for name in names}
    for start in names:
        stack = [(start, iter(below[start]))] if not state[start] else []
        state[start] = state[start] or 1
        while stack:
            name, rest = stack[-1]
            for child in rest:
                if state[child] != 1:
                    forward[name].append(child)
                if not state[child]:
                    state[child] = 1
                    stack.append((child, iter(below[child])))
                    break
            else:
                stack.pop()
                state[name] = 2
                order.append(name)
    found = dict.fromkeys(names, 0)
    for name in reversed(order):
        for child in forward[name]:
            found[child] = max(found[child], found[name] + 1)
    return found


def in_rows(sizes: Mapping[str, Point], edges: Sequence[Edge]) -> Drawing:
    """Boxes in rows, wide screens.

    Args:
        sizes: Name -> width and height.
        edges: From what to what.
    """
    names = list(sizes)
    rank = ranks(names, edges)
    known = [(one, other) for one, other in edges if one in sizes and other in sizes and rank[one] < rank[other]]
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name in names:
        rows[rank[name]].append(name)
    through: dict[Edge, list[str]] = {}
    for one, other in known:
        free = [f"{one}\0{other}\0{at}" for at in range(rank[one] + 1, rank[other])]
        through[one, other] = [one, *free, other]
        for at, name in enumerate(free, start=rank[one] + 1):
            rows[at].append(name)
    _untangled(rows, list(through.values()))
    widths = {name: sizes[name][0] if name in sizes else _FREE for row in rows for name in row}
    whole = max((sum(widths[name] for name in row) + GAP_X * (len(row) - 1) for row in rows), default=0.0)
    drawn, top, places = Drawing(width=whole), 0.0, dict[str, Point]()
    for row in rows:
        left = (whole - sum(widths[name] for name in row) - GAP_X * (len(row) - 1)) / 2
        height = max(sizes[name][1] for name in row if name in sizes)
        for name in row:
            places[name] = (left, top)
            left += widths[name] + GAP_X
        drawn.boxes |= {name: places[name] for name in row if name in sizes}
        top += height + GAP_Y
    drawn.height = max(0.0, top - GAP_Y)
    bottoms = {number: max(sizes[n][1] for n in row if n in sizes) for number, row in enumerate(rows)}
    for edge, path in through.items():
        points = [(places[path[0]][0] + widths[path[0]] / 2, places[path[0]][1] + sizes[path[0]][1])]
        for number, name in enumerate(path[1:-1], start=rank[edge[0]] + 1):
            x = places[name][0] + _FREE / 2
            points += [(x, places[name][1]), (x, places[name][1] + bottoms[number])]
        points.append((places[path[-1]][0] + widths[path[-1]] / 2, places[path[-1]][1]))
        drawn.lines[edge] = points
    return drawn


def stacked(sizes: Mapping[str, Point], edges: Sequence[Edge]) -> Drawing:
    """Boxes one below the other, narrow screens; lines to the next box run straight, others on lanes at the left."""
    rank = ranks(list(sizes), edges)
    order = _near(list(sizes), edges, rank)
    place = {name: at for at, name in enumerate(order)}
    known = [(one, other) for one, other in edges if one in place and other in place and place[one] < place[other]]
    beside = sorted(
        (e for e in known if place[e[1]] - place[e[0]] > 1), key=lambda e: (place[e[1]] - place[e[0]], place[e[0]])
    )
    lanes: list[list[Edge]] = []
    for edge in beside:
        free = next((lane for lane in lanes if not any(_meet(edge, one, place) for one in lane)), None)
        if free is None:
            lanes.append([edge])
        else:
            free.append(edge)
    left = len(lanes) * LANE + (LANE if lanes else 0.0)
    drawn, top = Drawing(width=left + max((width for width, _ in sizes.values()), default=0.0)), 0.0
    for name in order:
        drawn.boxes[name] = (left, top)
        top += sizes[name][1] + GAP_Y / 2
    drawn.height = max(0.0, top - GAP_Y / 2)
    for one, other in known:
        if place[other] - place[one] == 1:
            x = left + sizes[one][0] / 2
            drawn.lines[one, other] = [(x, drawn.boxes[one][1] + sizes[one][1]), (x, drawn.boxes[other][1])]
    for number, lane in enumerate(lanes):
        for one, other in lane:
            x = left - LANE - number * LANE
            # Lines leave and meet a box each at its own height.
            start, end = drawn.boxes[one][1] + 26 + number % 3 * 7, drawn.boxes[other][1] + 12 + number % 2 * 6
            drawn.lines[one, other] = [(left, start), (x, start), (x, end), (left, end)]
    return drawn


def _meet(one: Edge, other: Edge, place: Mapping[str, int]) -> bool:
    return place[one[0]] <= place[other[1]] and place[other[0]] <= place[one[1]]


def _near(names: Sequence[str], edges: Sequence[Edge], rank: Mapping[str, int]) -> list[str]:
    """Names below all that points to them, each as soon after its parents as can be."""
    parents: dict[str, list[str]] = {name: [] for name in names}
    for one, other in edges:
        if one in parents and other in parents and rank[one] < rank[other]:
            parents[other].append(one)
    order: list[str] = []
    placed = set[str]()
    for name in sorted(names, key=lambda name: -rank[name]):
        stack = [(name, False)]
        while stack:
            at, ready = stack.pop()
            if at in placed:
                continue
            if ready:
                placed.add(at)
                order.append(at)
                continue
            stack.append((at, True))
            stack += [
                (one, False) for one in sorted(parents[at], key=lambda one: (rank[one], one)) if one not in placed
            ]
    return order


def _untangled(rows: list[list[str]], paths: Sequence[Sequence[str]]) -> None:
    """Sort each row by the mean place of what its boxes are joined to, down and up in turn."""
    joined: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for row in rows for name in row}
    for path in paths:
        for one, other in pairwise(path):
            joined[other][0].append(one)
            joined[one][1].append(other)
    for sweep in range(_SWEEPS):
        up = sweep % 2
        for at in range(len(rows) - 2, -1, -1) if up else range(1, len(rows)):
            beside = rows[at + 1 if up else at - 1]
            place = {name: (number + 0.5) / len(beside) for number, name in enumerate(beside)}
            own = {name: (number + 0.5) / len(rows[at]) for number, name in enumerate(rows[at])}
            mean = {name: _mean([place[n] for n in joined[name][up]], own[name]) for name in rows[at]}
            rows[at].sort(key=mean.__getitem__)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
