"""Loss on what was answered: the output layer is computed where an answer stands and nowhere else."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from training.packing import IGNORED

# Logits of so many tokens at a time: those of all are the largest thing in memory.
_PIECE: Final = 512


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """While it lasts, the model gives the loss when it is called with `answers=True`.

    The loss is computed within the model's way forward, not beside it: what stands around that (sixteen bits, several
    processes, weights that are spread over them) sees nothing that goes past it.

    Args:
        model: Of transformers, or of peft around one.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    usual, own = inner.forward, "forward" in vars(inner)

    @functools.wraps(type(inner).forward)
    def forward(*given: Any, answers: bool = False, **named: Any) -> Any:
        return _loss(inner, **named) if answers else usual(*given, **named)

    inner.forward = forward
    try:
        yield
    finally:
        if own:
            inner.forward = usual
        else:
            del inner.forward


def answer_loss(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Sum of the loss over answered tokens, in nats, and how many there are; within `answering`."""
    total, count = model(**inputs, answers=True)
    return total, count


def _loss(inner: Any, *, labels: Any, **inputs: Any) -> tuple[Any, Any]:
    import torch

    names = ("input_ids", "attention_mask", "position_ids")
    hidden = inner.get_decoder()(**{name: inputs.get(name) for name in names}, use_cache=False)[0]
    wanted = labels[:, 1:]
    there = wanted != IGNORED
    hidden, wanted = hidden[:, :-1][there], wanted[there]
    head, config = inner.get_output_embeddings(), inner.config.get_text_config()

    def piece(some: Any, said: Any) -> Any:
        return torch.nn.functional.cross_entropy(_scaled(head(some), config).float(), said, reduction="sum")

    if not torch.is_grad_enabled() or any(weight.requires_grad for weight in head.parameters()):
        return _by_pieces(piece, hidden, wanted), there.sum()
    return _function().apply(hidden, wanted, piece), there.sum()


def _by_pieces(piece: Any, hidden: Any, wanted: Any) -> Any:
    """Where the output layer learns too: computed again on the way back."""
    import torch
    from torch.utils.checkpoint import checkpoint

    total = hidden.new_zeros((), dtype=torch.float32)
    for some, said in zip(hidden.split(_PIECE), wanted.split(_PIECE), strict=True):
        total = total + checkpoint(piece, some, said, use_reentrant=False)
    return total


@functools.cache
def _function() -> Any:
    import torch

    class Summed(torch.autograd.Function):  # type: ignore[misc]
        """The loss with its gradient at once: the logits of a piece are made one time and forgotten."""

        @staticmethod
        def forward(ctx: Any, hidden: Any, wanted: Any, piece: Any) -> Any:
            total, slopes = hidden.new_zeros((), dtype=torch.float32), []
            for some, said in zip(hidden.split(_PIECE), wanted.split(_PIECE), strict=True):
                with torch.enable_grad():
                    here = some.detach().requires_grad_()
                    loss = piece(here, said)
                (slope,) = torch.autograd.grad(loss, here)
                slopes.append(slope)
                total += loss.detach()
            ctx.save_for_backward(torch.cat(slopes))
            return total

        @staticmethod
        def backward(ctx: Any, slope: Any) -> Any:
            (found,) = ctx.saved_tensors
            return (found * slope).to(found.dtype), None, None

    return Summed


def _scaled(logits: Any, config: Any) -> Any:
    """As the model's own way forward shapes them: Cohere multiplies, Granite divides, Gemma bends."""
    if getattr(config, "logit_scale", None):
        logits = logits * config.logit_scale
    if getattr(config, "logits_scaling", None):
        logits = logits / config.logits_scaling
    if most := getattr(config, "final_logit_softcapping", None):
        logits = most * (logits / most).tanh()
    return logits
