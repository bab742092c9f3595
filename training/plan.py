"""What a training will take, before anything is loaded: parameters, steps, padding, memory by part, time, what fits."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from training.base import Layer, adapter_parameters, config_of, empty, followed, layers_of
from training.buckets import batches
from training.memory import Memory, memory_of
from training.recipe import ALL_LINEAR, Training

CARDS_GB: Final = (8, 16, 24, 48)
# What the driver, its libraries and the allocator's gaps take of a card.
_RESERVED: Final = 1.2e9
# Teraflops in sixteen bits, dense, as the makers state them; about four tenths of it are reached.
CARDS: Final = {"RTX 4090": 165.0, "RTX A6000": 155.0, "A100": 312.0, "H100, H200": 989.0}
_REACHED: Final = 0.4


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
        steps: Of the whole training.
        padding: Share of what is computed that is padding, in batches of like length; and in shuffled ones.
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
    def share(order: Sequence[Sequence[int]]) -> float:
        tokens = np.asarray(lengths.tokens)
        filled = sum(int(tokens[list(batch)].max()) * len(batch) for batch in order)
        return 1 - int(tokens.sum()) / filled

    shuffled = np.random.default_rng(recipe.seed).permutation(len(lengths.tokens))
    plain = [shuffled[i : i + recipe.batch].tolist() for i in range(0, len(shuffled), recipe.batch)]
    return share(batches(lengths.tokens, size=recipe.batch, seed=recipe.seed, epoch=0)), share(plain)


def _seconds(model: Any, config: Any, recipe: Training, lengths: Lengths, steps: int) -> dict[str, float]:
    """Forward, and backward for the inputs alone: the base's weights get no gradient."""
    met = _met(model, config)
    passes = 3 if recipe.checkpointing else 2
    mean = sum(lengths.tokens) / len(lengths.tokens)
    tokens = steps * recipe.batch * recipe.accumulation * mean * (2 if recipe.method == "dpo" else 1)
    # Attention: queries by keys and weights by values, half of which is masked.
    attention = 2 * mean * int(config.hidden_size) * int(config.num_hidden_layers)
    flops = passes * tokens * (2 * met + attention)
    told = {card: flops / (power * 1e12 * _REACHED) for card, power in CARDS.items()}
    return {**told, "this processor": flops / _processor_flops()}


def _met(model: Any, config: Any) -> int:
    """Parameters that a token meets: not those of a lookup, and of a mixture only the experts it is sent to."""
    experts, met = getattr(config, "num_local_experts", None), getattr(config, "num_experts_per_tok", None)
    total = 0
    for name, weight in model.named_parameters():
        if "embed" in name and not config.tie_word_embeddings:
            continue
        share = met / experts if experts and met and "experts" in name else 1
        total += round(weight.numel() * share)
    return total


def _processor_flops() -> float:
    """What this processor reaches in a product of matrices as wide as a small model's, in 32 bits; half of it."""
    import torch

    a, b = torch.randn(512, 512), torch.randn(512, 1024)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(4):
            a @ b
        best = min(best, time.perf_counter() - began)
    return 4 * 2 * 512 * 512 * 1024 / best / 2


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
