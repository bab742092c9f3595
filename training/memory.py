"""What training keeps in memory, by part, counted on a model that has no memory."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any, Final

from training.base import empty
from training.recipe import Training

# Of a matrix in four bits: a scale per block of 64 in 32 bits; with double quantisation in 8 bits and a little.
_BYTES: Final = {"nf4": 0.5 + 4 / 64, "nf4-double": 0.5 + 1 / 64 + 4 / (64 * 256), "int8": 1.0}
# Adam's two moments; the eight-bit one keeps a byte of each and a scale per block.
_MOMENTS: Final = {"adamw": 8.0, "paged_adamw_32bit": 8.0, "paged_adamw_8bit": 2.06}
_COUNTED: Final = "counted"


@dataclass(frozen=True)
class Memory:
    """Bytes on the device at the fullest moment of a step.

    Args:
        weights: Of the base.
        adapters: What is trained.
        gradients: Of the adapters.
        optimiser: Moments of the adapters.
        activations: What the way forward keeps for the way back, and the gradient of the logits.
        unpacked: The largest matrix while it is in sixteen bits, where the base is quantised.
    """

    weights: int
    adapters: int
    gradients: int
    optimiser: int
    activations: int
    unpacked: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, part.name) for part in fields(self))


def memory_of(config: Any, recipe: Training, *, trainable: int, tokens: int, half: bool) -> Memory:
    """What a step takes.

    Args:
        config: Of the base.
        recipe: What is trained how.
        trainable: Parameters.
        tokens: Of the longest row in a batch.
        half: Weights in sixteen bits, as on a GPU; else in 32.
    """
    model = empty(config)
    width = 2 if half or recipe.quantisation else 4
    matrices, others, largest = 0, 0, 0
    output = model.get_output_embeddings()
    kept = {id(output.weight)} if output is not None else set()
    for name, weight in model.named_parameters():
        if weight.ndim >= 2 and "embed" not in name and id(weight) not in kept:
            matrices += weight.numel()
            largest = max(largest, weight.numel() if weight.ndim == 2 else weight.numel() // weight.shape[0])
        else:
            others += weight.numel()
    packed = _BYTES[recipe.quantisation] if recipe.quantisation else width
    both = 2 if recipe.method == "dpo" else 1  # chosen and rejected stand in one batch
    return Memory(
        weights=round(matrices * packed + others * width),
        adapters=trainable * 4,
        gradients=trainable * 4,
        optimiser=round(trainable * _MOMENTS[recipe.optimiser]),
        activations=both * activations(config, recipe, rows=recipe.batch, tokens=tokens, half=width == 2),
        unpacked=largest * 2 if recipe.quantisation else 0,
    )


def activations(config: Any, recipe: Training, *, rows: int, tokens: int, half: bool) -> int:
    """Bytes that the way forward keeps for the way back, at their most.

    Counted, not estimated: a model of one layer and one of two are run on no device, and every tensor that is saved is
    counted once; further layers keep as much as the second. Attention keeps what flash attention keeps.
    """
    one, two = (_kept(config, recipe, layers, rows, tokens, half=half) for layers in (1, 2))
    layer, rest = two - one, one - (two - one)
    count = int(config.num_hidden_layers)
    # The gradient of the logits, in 32 bits, while they themselves are still there.
    logits = 4 * rows * tokens * int(config.vocab_size)
    if recipe.checkpointing:
        between = rows * tokens * int(config.hidden_size) * (2 if half else 4)
        return rest + count * between + layer + logits
    return rest + count * layer + logits


def _kept(config: Any, recipe: Training, layers: int, rows: int, tokens: int, *, half: bool) -> int:
    import torch

    # bitsandbytes warns on machines without its kernels, of which nothing is needed here.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from peft import LoraConfig, get_peft_model

    short = _dense(deepcopy(config))
    short.num_hidden_layers = layers
    if getattr(short, "layer_types", None):
        short.layer_types = short.layer_types[:layers]
    with _counting_attention(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an older name
        model = empty(short, attn_implementation=_COUNTED, dtype=torch.bfloat16 if half else torch.float32)
        lora = recipe.lora
        targets = lora.targets if isinstance(lora.targets, str) else [t for t in lora.targets if t != "router"]
        model = get_peft_model(
            model,
            LoraConfig(
                r=lora.r,
                lora_alpha=lora.alpha,
                lora_dropout=lora.dropout,
                target_modules=targets,
                task_type="CAUSAL_LM",
            ),
        )
        model.train()
        weights = {_place(weight) for weight in model.parameters()}
        seen: dict[int, tuple[int, Any]] = {}

        def pack(tensor: Any) -> Any:
            if (place := _place(tensor)) not in weights:
                storage = tensor.untyped_storage()
                seen[place] = (storage.nbytes(), storage)  # held, so that no other takes its place
            return tensor

        ids = torch.zeros((rows, tokens), dtype=torch.long, device="meta")
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(input_ids=ids, labels=ids)
    return sum(size for size, _ in seen.values())


def _place(tensor: Any) -> int:
    """Which memory a tensor lies in; on no device all of them have the address 0."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001


def _dense(config: Any) -> Any:
    """A mixture cannot be run without values; a dense model as wide as the experts that a token meets keeps as much."""
    met = getattr(config, "num_experts_per_tok", None)
    if not met:
        return config
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=met * (getattr(config, "moe_intermediate_size", None) or config.intermediate_size),
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads,
        max_position_embeddings=config.max_position_embeddings,
        tie_word_embeddings=config.tie_word_embeddings,
    )


@contextmanager
def _counting_attention() -> Iterator[None]:
    """Attention that keeps queries, keys, values and its output, as flash attention does, and computes nothing."""
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface

    class Counted(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, queries: Any, keys: Any, values: Any) -> Any:
            out = queries.new_empty((*queries.shape[:-1], values.shape[-1]))
            ctx.save_for_backward(queries, keys, values, out)
            return out

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            raise NotImplementedError  # nobody goes back on no device

    def attention(_: Any, queries: Any, keys: Any, values: Any, mask: Any, **given: Any) -> tuple[Any, None]:
        del mask, given
        return Counted.apply(queries, keys, values).transpose(1, 2), None

    AttentionInterface.register(_COUNTED, attention)
    AttentionMaskInterface.register(_COUNTED, lambda *_, **__: None)
    yield
