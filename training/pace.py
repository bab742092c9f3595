"""How long a training takes: what is computed of its rows, padding included, and how fast."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from training.buckets import batches
from training.packing import shape_of
from training.recipe import Training

# Teraflops in sixteen bits, dense, as the makers state them; about four tenths of it are reached.
CARDS: Final = {"RTX 4090": 165.0, "RTX A6000": 155.0, "A100": 312.0, "H100, H200": 989.0}
_REACHED: Final = 0.4
# A processor is measured on layers as wide as the base's, or so wide where they are wider.
_WIDEST: Final = 1024
_TIMES: Final = 4


def shapes(lengths: Sequence[int], recipe: Training, *, line: int | None, shuffled: bool = False) -> list[list[int]]:
    """Height and width of each batch of the first epoch.

    Args:
        lengths: Tokens of each row.
        recipe: How rows stand in batches: of like length, or packed.
        line: Most tokens of a line of packed rows; None for one line.
        shuffled: In batches as chance has them instead, and padded: as preferences are learnt, and elsewhere.
    """
    sort = not (recipe.packing or shuffled)
    made = batches(lengths, size=recipe.batch, seed=recipe.seed, epoch=0, sort=sort)
    packed = recipe.packing and not shuffled
    most = (line or sum(lengths)) if packed else None
    return [list(shape_of([lengths[i] for i in batch], most=most)) for batch in made]


def padding(lengths: Sequence[int], recipe: Training, *, line: int | None, shuffled: bool = False) -> float:
    """Share of what is computed in the first epoch that is padding; arguments as of `shapes`."""
    made = shapes(lengths, recipe, line=line, shuffled=shuffled)
    return 1 - sum(lengths) / sum(height * width for height, width in made)


def work(model: Any, config: Any, recipe: Training, lengths: Sequence[int], answered: int, steps: int) -> float:
    """Floating-point operations of the whole training.

    The base's weights get no gradient, so the way back costs as much as the way forward; attention's costs twice. Where
    answers are learnt, the output layer is computed for answered tokens alone. Where they are preferred, it is for all,
    both answers are read, and once more by the reference.

    Args:
        model: On no device.
        config: Its config.
        recipe: What is trained how.
        lengths: Tokens of each row; of a pair those of the better answer stand for both.
        answered: Tokens that bear loss.
        steps: Of each method.
    """
    head = int(config.vocab_size) * int(config.hidden_size)
    met = _met(model, config) - head
    again = int(recipe.checkpointing)
    epochs = steps * recipe.accumulation / math.ceil(len(lengths) / recipe.batch)
    total = 0.0
    for method in recipe.method.split("+"):
        preferred = method == "dpo"
        made = np.array(shapes(lengths, recipe, line=recipe.context, shuffled=preferred), dtype=float)
        tokens, squares = made.prod(axis=1).sum(), (made[:, 0] * made[:, 1] ** 2).sum()
        # Queries by keys and weights by values; half of it is masked.
        attention = 2 * squares * int(config.hidden_size) * int(config.num_hidden_layers)
        if preferred:
            total += 2 * ((3 + again) * 2 * met * tokens + (4 + again) * attention + 3 * 2 * head * tokens)
        else:
            pieces = 4 if recipe.tag_tokens else 2  # rows of the output layer that learn are computed again
            total += (2 + again) * 2 * met * tokens + (3 + again) * attention + pieces * 2 * head * answered
    return total * epochs


def seconds(flops: float, config: Any, recipe: Training, width: int) -> dict[str, float]:
    """How long so many operations take: on each card, and on the processor here.

    Args:
        flops: Of all steps.
        config: Of the base.
        recipe: What is trained how.
        width: Tokens of a usual row.
    """
    told = {card: flops / (power * 1e12 * _REACHED) for card, power in CARDS.items()}
    return {**told, "this processor": flops / _processor_flops(config, recipe, width)}


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


def _processor_flops(config: Any, recipe: Training, width: int) -> float:
    """Operations a second that this processor reaches in two layers with adapters, forth and back.

    Products of matrices alone say little: beside a small model's, most of the time goes elsewhere.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaModel

    from training.running import sixteen_bits

    wide = min(_WIDEST, int(config.hidden_size)) // 64 * 64 or 64
    inner = round(wide * int(getattr(config, "intermediate_size", 0) or 3 * wide) / int(config.hidden_size))
    shape = {"hidden_size": wide, "intermediate_size": inner, "num_attention_heads": wide // 64, "vocab_size": 8}
    everywhere = isinstance(recipe.lora.targets, str)
    lora = LoraConfig(r=recipe.lora.r, target_modules="all-linear" if everywhere else ["q_proj", "v_proj"])
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny = get_peft_model(LlamaModel(LlamaConfig(**shape, num_hidden_layers=2)), lora)
        read = torch.randn(recipe.batch, width, wide, requires_grad=True)
    best = math.inf
    for _ in range(_TIMES):
        began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=sixteen_bits(half=False)):
            tiny(inputs_embeds=read, use_cache=False).last_hidden_state.float().sum().backward()
        best = min(best, time.perf_counter() - began)
    met = sum(weight.numel() for weight in tiny.parameters() if not weight.requires_grad)
    tokens = recipe.batch * width
    return float(2 * 2 * met * tokens + 3 * 2 * tokens * width * wide * 2) / best
