"""What a training will take, before anything is loaded: parameters, steps, padding, memory by part, time, what fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from training.base import Layer, adapter_parameters, config_of, empty, followed, layers_of
from training.memory import Memory, memory_of
from training.pace import padding, seconds, work
from training.recipe import ALL_LINEAR, Training

CARDS_GB: Final = (8, 16, 24, 48)
# What the driver, its libraries and the allocator's gaps take of a card.
_RESERVED: Final = 1.2e9


@dataclass(frozen=True)
class Lengths:
    """Tokens of the rows to train on, and how many of them bear loss."""

    tokens: tuple[int, ...]
    answered: int
    estimated: bool = False


@dataclass(frozen=True)
class Plan:
    """What a training will take.

    Args:
        base: Its name.
        total: Parameters of the base.
        trainable: Parameters of the adapter.
        by_kind: Of these, by kind of layer.
        r: Rank.
        rows: To train on; None where no data was given.
        tokens: Of all rows once.
        answered: Of these, those that bear loss.
        steps: Of the whole training; where answers are learnt and then preferred, of each.
        padding: Share of what is computed that is padding: as the recipe lays its rows (batches of like length, packed,
            or as chance has them where preferences are learnt), and in shuffled batches.
        checkpoint: Bytes of a saved adapter with its optimiser.
        memory: On the device.
        longest: Tokens of the longest row, that memory is planned for.
        fits: Per size of card in GB, whether it is enough.
        seconds: Per card or processor, the whole training.
        advice: What would make it fit a smaller card, each with what it would take.
    """

    base: str
    total: int
    trainable: int
    by_kind: dict[str, int]
    r: int
    rows: int | None
    tokens: int | None
    answered: int | None
    steps: int | None
    padding: tuple[float, float] | None
    checkpoint: int
    memory: Memory
    longest: int
    fits: dict[int, bool]
    seconds: dict[str, float]
    advice: tuple[str, ...]


def plan(recipe: Training, base: str, lengths: Lengths | None = None, *, half: bool = True) -> Plan:
    """What training a recipe on a base will take.

    Args:
        recipe: What is trained how.
        base: A folder, a name of the hub or a well-known name.
        lengths: Of the rows; without them nothing is said of steps and time, and rows are as long as the context.
        half: Planned for a device in sixteen bits; else for this machine's processor in 32.

    Raises:
        UsageError: No such base, or it lacks a layer that the recipe names.
    """
    config = config_of(base)
    model = empty(config)
    layers = followed(layers_of(model), recipe.lora, who=base)
    trainable = adapter_parameters(layers, recipe.lora.r)
    longest = min(recipe.context, max(lengths.tokens)) if lengths else recipe.context
    memory = memory_of(config, recipe, trainable=trainable, tokens=longest, half=half)
    steps = _steps(recipe, len(lengths.tokens)) if lengths else None
    return Plan(
        base=base,
        total=sum(weight.numel() for weight in model.parameters()),
        trainable=trainable,
        by_kind=_by_kind(layers, recipe.lora.r),
        r=recipe.lora.r,
        rows=len(lengths.tokens) if lengths else None,
        tokens=sum(lengths.tokens) if lengths else None,
        answered=lengths.answered if lengths else None,
        steps=steps,
        padding=_padding(recipe, lengths) if lengths else None,
        # Weights, and the two moments that belong to them.
        checkpoint=trainable * 4 + round(trainable * 8),
        memory=memory,
        longest=longest,
        fits={card: _fits(memory, card) for card in CARDS_GB},
        seconds=_seconds(model, config, recipe, lengths, steps) if lengths and steps else {},
        advice=tuple(_advice(config, recipe, trainable, longest, half=half)),
    )


def _by_kind(layers: Sequence[Layer], r: int) -> dict[str, int]:
    kinds = dict.fromkeys(layer.kind for layer in layers)
    return {kind: adapter_parameters([layer for layer in layers if layer.kind == kind], r) for kind in kinds}


def _fits(memory: Memory, card: int) -> bool:
    return memory.total + _RESERVED <= card * 1e9


def _steps(recipe: Training, rows: int) -> int:
    if recipe.steps is not None:
        return recipe.steps
    per_epoch = math.ceil(math.ceil(rows / recipe.batch) / recipe.accumulation)
    return max(1, round(per_epoch * float(recipe.epochs or 1)))


def _padding(recipe: Training, lengths: Lengths) -> tuple[float, float]:
    rows, line = lengths.tokens, recipe.context
    plain = padding(rows, recipe, line=line, shuffled=True)
    return (plain if recipe.method == "dpo" else padding(rows, recipe, line=line)), plain


def _seconds(model: Any, config: Any, recipe: Training, lengths: Lengths, steps: int) -> dict[str, float]:
    usual = max(1, sum(lengths.tokens) // len(lengths.tokens))
    return seconds(work(model, config, recipe, lengths.tokens, lengths.answered, steps), config, recipe, usual)


def _advice(config: Any, recipe: Training, trainable: int, longest: int, *, half: bool) -> list[str]:
    """Changes that spare memory, one after another, until the smallest card is enough."""
    changes: list[tuple[str, dict[str, Any]]] = []
    if recipe.batch > 1:
        same = recipe.accumulation * recipe.batch
        changes.append((f"batch 1 x {same}", {"batch": 1, "accumulation": same}))
    if not recipe.checkpointing:
        changes.append(("checkpointing", {"checkpointing": True}))
    if recipe.quantisation is None and half:
        changes.append(("quantisation nf4-double", {"quantisation": "nf4-double"}))
    if longest > 512:
        changes.append(("context 512", {"context": 512}))
    told, changed, names = list[str](), recipe, list[str]()
    memory = memory_of(config, recipe, trainable=trainable, tokens=longest, half=half)
    for name, change in changes:
        if _fits(memory, CARDS_GB[0]):
            break
        changed = replace(changed, **change)
        names.append(name)
        memory = memory_of(config, changed, trainable=trainable, tokens=min(longest, changed.context), half=half)
        told.append(f"{' + '.join(names)}: {memory.total / 1e9:.1f} GB")
    return told


def explained(config_base: str, recipe: Training, published: int) -> str | None:
    """Which rank a published number of trainable parameters follows from, where it is not the recipe's.

    >>> from training.recipe import load
    >>> explained("mistralai/Mixtral-8x7B-Instruct-v0.1", load("imhi_counselor"), 31_465_472)
    '31,465,472 follow from r = 32; r = 16 gives 15,732,736'
    """
    layers = followed(layers_of(empty(config_of(config_base))), recipe.lora, who=config_base)
    one = adapter_parameters(layers, 1)
    given = one * recipe.lora.r
    if published == given or published % one:
        return None
    return f"{published:,} follow from r = {published // one}; r = {recipe.lora.r} gives {given:,}"


def targets_of(recipe: Training) -> str:
    """The recipe's targets, for a person."""
    return recipe.lora.targets if recipe.lora.targets == ALL_LINEAR else ", ".join(recipe.lora.targets)
