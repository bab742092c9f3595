"""How much adapters stand in each other's way: what their changes of the same matrices have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xinheng.errors import InputError


@dataclass(frozen=True)
class Pair:
    """Two adapters, as they are weighted.

    Args:
        first: Folder of one.
        second: Of the other.
        cosine: Of their changes, all matrices as one vector; None where one changes nothing.
        conflicts: Share of the values that both change in which they pull apart; None where there are none.
    """

    first: str
    second: str
    cosine: float | None
    conflicts: float | None


@dataclass(frozen=True)
class Interference:
    """What became of several adapters in one.

    Args:
        pairs: Each two of them.
        left: By adapter: how much of its change is in the merged one, in its own direction; its weight where nothing
            stands in its way, None for an adapter that changes nothing.
        norm: Norm of the merged change as a share of that of the exact weighted sum; 1 where nothing is lost.
        apart: Norm of what the merged change differs from the exact sum, likewise; 0 where it is the sum.
        kept: Norm of the exact sum as a share of the sum of the norms; 1 where all pull the same way.
    """

    pairs: tuple[Pair, ...]
    left: Mapping[str, float | None]
    norm: float
    apart: float
    kept: float


def interference(model: Any, names: Mapping[str, str], weights: Mapping[str, float], merged: str) -> Interference:
    """What the adapters of a model and the merged one have in common, a matrix at a time.

    Args:
        model: Of peft, with all of them.
        names: Folder of each adapter, and its name in the model.
        weights: By folder.
        merged: The merged adapter's name in the model.

    Raises:
        InputError: An adapter changes no matrix.
    """
    places, shared = list(names), dict[tuple[str, str], list[float]]()
    squares, with_merged = dict.fromkeys(places, 0.0), dict.fromkeys(places, 0.0)
    of_sum = of_merged = of_rest = 0.0
    changed = set[str]()
    for module in model.modules():
        there = {*getattr(module, "lora_A", {}), *getattr(module, "lora_embedding_A", {})}
        found = {place: weights[place] * _change(module, name) for place, name in names.items() if name in there}
        if not found:
            continue
        changed |= set(found)
        whole = _change(module, merged) if merged in there else 0 * next(iter(found.values()))
        exact = sum(found.values())
        of_sum += float(exact.square().sum())
        of_merged += float(whole.square().sum())
        of_rest += float((whole - exact).square().sum())
        for number, (place, change) in enumerate(found.items()):
            squares[place] += float(change.square().sum())
            with_merged[place] += float((change * whole).sum())
            for other in list(found)[:number]:
                signs = change.sign() * found[other].sign()
                counts = shared.setdefault((other, place), [0.0, 0.0, 0.0])
                counts[0] += float((change * found[other]).sum())
                counts[1] += float((signs < 0).sum())
                counts[2] += float((signs != 0).sum())
    if missing := [place for place in places if place not in changed]:
        raise InputError("merge", "an adapter changes no matrix", have=missing[0], mend="Leave it out.")
    norms = {place: square**0.5 for place, square in squares.items()}
    pairs = []
    for number, second in enumerate(places):
        for first in places[:number]:
            product, against, both = shared.get((first, second), [0.0, 0.0, 0.0])
            size = norms[first] * norms[second]
            pairs.append(Pair(first, second, product / size if size else None, against / both if both else None))
    left = {place: weights[place] * with_merged[place] / squares[place] if squares[place] else None for place in places}
    return Interference(
        tuple(pairs),
        left,
        norm=(of_merged / of_sum) ** 0.5 if of_sum else 1.0,
        apart=(of_rest / of_sum) ** 0.5 if of_sum else 0.0,
        kept=of_sum**0.5 / sum(norms.values()) if any(norms.values()) else 1.0,
    )


def _change(module: Any, name: str) -> Any:
    """What an adapter adds to one matrix of the base."""
    return module.get_delta_weight(name).detach().float()
