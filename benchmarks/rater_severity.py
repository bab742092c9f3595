"""How severe each rater is, and the means of systems with that taken out, with intervals by dialogue.

Rating = item + rater by least squares, as in `reliability.severity_adjusted`. All that enters are sums over items (how
often two raters share one, by how much they differ there), so that whole dialogues can be drawn again at the price of
one small system of equations each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.estimates import Estimate, Floats, undefined
from benchmarks.intervals import mean
from benchmarks.rater_answers import Grid
from benchmarks.reliability import rater_means
from benchmarks.resampling import Bootstrap, bootstrap_many

_APART: Final = "some raters share no item with the others, even indirectly"
_ALONE: Final = "fewer than two raters"


def raters(grid: Grid, *, how: Bootstrap) -> list[dict[str, object]]:
    """Each rater: `rater`, `mean` of the own grades, and `severity`, both as estimates.

    Severities sum to 0 over the raters; below 0 is severe: lower grades than the others gave to the same items.

    Args:
        grid: Grades.
        how: Resamples, seed, confidence.
    """
    own = rater_means(grid.values, clusters=grid.clusters, bounds=(min(grid.scale), max(grid.scale)), how=how)
    severe = severities(grid, how=how)
    return [
        {"rater": name, "mean": one, "severity": two} for name, one, two in zip(grid.raters, own, severe, strict=True)
    ]


def severities(grid: Grid, *, how: Bootstrap) -> tuple[Estimate, ...]:
    """The severity of each rater, in the order of the columns; undefined where nothing links the raters."""
    used = np.flatnonzero((~np.isnan(grid.values)).any(axis=0))
    if len(used) < 2:
        return tuple(undefined(_ALONE, n=len(grid.items)) for _ in grid.raters)
    values = grid.values[:, used]
    k = len(used)

    def solved(sums: Floats) -> Floats:
        return _solved(sums, k)

    made = bootstrap_many(_parts(values), solved, clusters=grid.clusters, how=how, what=_APART)
    by_column = dict(zip(used.tolist(), made, strict=True))
    counts = (~np.isnan(grid.values)).sum(axis=0)
    return tuple(
        by_column[j].counted(n=int(counts[j]), missing=0) if j in by_column else undefined("no ratings")
        for j in range(len(grid.raters))
    )


def _parts(values: Floats) -> Floats:
    """Per item: its share of the Laplacian of shared items (k x k, flat), and of the right side (k)."""
    there = ~np.isnan(values)
    seen, x = there.astype(np.float64), np.where(there, values, 0.0)
    m = np.maximum(seen.sum(axis=1), 1)
    n, k = values.shape
    laplacian = -seen[:, :, None] * (seen / m[:, None])[:, None, :]
    laplacian[:, np.arange(k), np.arange(k)] += seen
    right = x - seen * (x.sum(axis=1) / m)[:, None]
    return np.concatenate([laplacian.reshape(n, k * k), right], axis=1)


def _solved(sums: Floats, k: int) -> Floats:
    """Severities per resample; NaN where a resample leaves some raters unlinked."""
    laplacian, right = sums[:, : k * k].reshape(-1, k, k), sums[:, k * k : k * k + k]
    linked = np.linalg.eigvalsh(laplacian)[:, 1] > 1e-9 * np.maximum(1.0, np.trace(laplacian, axis1=1, axis2=2))
    # A constant added to every entry fixes the sum at 0 and changes nothing else.
    system = np.where(linked[:, None, None], laplacian + 1.0, np.eye(k))
    found = np.linalg.solve(system, right[:, :, None])[:, :, 0]
    return np.where(linked[:, None], found, np.nan)


def systems(grid: Grid, *, how: Bootstrap) -> list[dict[str, object]]:
    """Each system: `system`, its plain `mean` over items of the raters' mean, and the `adjusted` one, as estimates.

    Where every rater rated every item the two are the same. Items without a system stand under null together.

    Args:
        grid: Grades.
        how: Resamples, seed, confidence.
    """
    bounds = (min(grid.scale), max(grid.scale))
    plain = item_means(grid.values)
    names = sorted(dict.fromkeys(grid.systems), key=lambda name: (name is None, name or ""))
    adjusted = _adjusted(grid, names, how)
    made: list[dict[str, object]] = []
    for number, name in enumerate(names):
        of = np.array([one == name for one in grid.systems])
        groups = [group for group, there in zip(grid.groups, of, strict=True) if there]
        own = mean(plain[of], clusters=groups, bounds=bounds, how=how)
        made.append({"system": name, "mean": own, "adjusted": adjusted[number].counted(n=own.n, missing=own.missing)})
    return made


def item_means(values: Floats) -> Floats:
    """Each item's mean over the raters who rated it; NaN where none did."""
    counted = (~np.isnan(values)).sum(axis=1)
    return np.where(counted > 0, np.nansum(values, axis=1) / np.maximum(counted, 1), np.nan)


def _adjusted(grid: Grid, names: list[str | None], how: Bootstrap) -> tuple[Estimate, ...]:
    used = np.flatnonzero((~np.isnan(grid.values)).any(axis=0))
    if len(used) < 2:
        return tuple(undefined(_ALONE) for _ in names)
    values = grid.values[:, used]
    k = len(used)
    seen = (~np.isnan(values)).astype(np.float64)
    m = seen.sum(axis=1)
    shares = seen / np.maximum(m, 1)[:, None]
    plain = np.nan_to_num(item_means(values))
    of = np.stack([[one == name for one in grid.systems] for name in names], axis=1) & (m > 0)[:, None]
    # Per system: its items, the sum of their means, and how much of them each rater rated.
    own = [np.column_stack([w, w * plain, w[:, None] * shares]) for w in of.T.astype(np.float64)]
    parts = np.concatenate([_parts(values), *own], axis=1)
    return bootstrap_many(parts, _system_means(k, len(names)), clusters=grid.clusters, how=how, what=_APART)


def _system_means(k: int, n: int) -> Callable[[Floats], Floats]:
    def means(sums: Floats) -> Floats:
        severity = _solved(sums, k)
        rest = sums[:, k * k + k :].reshape(len(sums), n, k + 2)
        moved = np.einsum("bsk,bk->bs", rest[:, :, 2:], severity)
        return np.asarray((rest[:, :, 1] - moved) / rest[:, :, 0])

    return means
