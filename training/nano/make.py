"""Nano made from scratch: documents to tokens, and tokens to a Llama of seven million weights, in a folder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.nano.words import rendered, train_tokenizer
from xinheng.errors import InputError

Tokens = npt.NDArray[np.uint16]
Conversation = list[tuple[str, str]]


@dataclass(frozen=True)
class Shape:
    """The model and how it is trained; the defaults are nano.

    Args:
        vocabulary: Tokens of the tokenizer.
        hidden: Width of the model.
        feed_forward: Width between.
        layers: Of the model.
        heads: Of attention.
        key_value_heads: Shared by the heads.
        context: Tokens that it takes, and of each training row.
        epochs: How often the documents are read.
        rows: Of `context` tokens in a step.
        rate: Highest learning rate, after a warm-up and before a cosine to a tenth.
        warm_up: Share of steps.
        decay: Of weights.
        seed: Of weights, order, and which documents are held back.
        held_back: Share of documents the loss is watched on.
    """

    vocabulary: int = 11_264
    hidden: int = 256
    feed_forward: int = 704
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    context: int = 1_024
    epochs: int = 4
    rows: int = 12
    rate: float = 2e-3
    warm_up: float = 0.03
    decay: float = 0.1
    seed: int = 20_261_121
    held_back: float = 0.02


@dataclass(frozen=True)
class Made:
    """What came of it.

    Args:
        parameters: Weights of the model, shared ones once.
        tokens: Of one reading of the documents.
        steps: Taken.
        curve: Step, loss of training (mean since the row before), loss of what was held back; nats per token.
        wall_s: Seconds of the training alone.
    """

    parameters: int
    tokens: int
    steps: int
    curve: tuple[tuple[int, float, float], ...]
    wall_s: float


_WATCHED: Final = 20  # points of the curve


def make(folder: Path, conversations: Sequence[Conversation], shape: Shape, *, say: Callable[[str], None]) -> Made:
    """Train tokenizer and model, and save both in `folder`: bf16 safetensors, tokenizer, chat template.

    The same documents, shape, machine and number of threads give the same weights.

    Raises:
        InputError: Too few documents for one row of training.
    """
    import torch

    texts = [rendered(conversation) for conversation in conversations]
    order = np.random.default_rng(shape.seed).permutation(len(texts))
    back = max(1, round(len(texts) * shape.held_back))
    say(f"tokenizer of {shape.vocabulary:,} tokens from {len(texts):,} documents")
    words = train_tokenizer((texts[i] for i in order[back:]), size=shape.vocabulary, context=shape.context)
    seen = _tokens(words, [texts[i] for i in order[back:]])
    watched = _tokens(words, [texts[i] for i in order[:back]])
    if min(len(seen), len(watched)) <= shape.context:
        raise InputError(
            "nano",
            "too few texts",
            want=f"more than {shape.context:,} tokens",
            have=f"{len(seen):,} and {len(watched):,} held back",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(shape.seed)
        model = _model(words, shape)
        parameters = sum(weight.numel() for weight in model.parameters())
        say(f"{parameters:,} parameters, {len(seen):,} tokens")
        made = _train(model, seen, watched, shape, parameters, say)
    model.to(torch.bfloat16).save_pretrained(folder)
    words.save_pretrained(folder)
    return made


def _model(words: Any, shape: Shape) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=shape.hidden,
            intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.key_value_heads,
            max_position_embeddings=shape.context,
            tie_word_embeddings=True,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )


def _tokens(words: Any, texts: Sequence[str]) -> Tokens:
    """All documents one after another; each has its beginning and its end in its text."""
    encoded = words(list(texts), add_special_tokens=False)["input_ids"] if texts else []
    return np.concatenate([np.asarray(ids, dtype=np.uint16) for ids in encoded] or [np.empty(0, np.uint16)])


def _train(
    model: Any, seen: Tokens, watched: Tokens, shape: Shape, parameters: int, say: Callable[[str], None]
) -> Made:
    import torch

    # Neither norms nor what is read by lookup shrink.
    decayed = [w for name, w in model.named_parameters() if w.ndim == 2 and "embed" not in name]
    others = [w for name, w in model.named_parameters() if w.ndim != 2 or "embed" in name]
    groups = [{"params": decayed, "weight_decay": shape.decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=shape.rate, betas=(0.9, 0.95))
    per_epoch = len(seen) // (shape.context * shape.rows)
    steps = max(1, per_epoch * shape.epochs)
    began, curve, losses = time.perf_counter(), list[tuple[int, float, float]](), list[float]()
    every = max(1, steps // _WATCHED)
    for step, batch in enumerate(_batches(seen, shape, steps)):
        for group in optimiser.param_groups:
            group["lr"] = shape.rate * _share(step, steps, shape.warm_up)
        losses.append(_loss(model, batch, learn=True))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if (step + 1) % every == 0 or step + 1 == steps:
            curve.append((step + 1, float(np.mean(losses)), _watched_loss(model, watched, shape)))
            losses.clear()
            rest = (time.perf_counter() - began) / (step + 1) * (steps - step - 1)
            say(
                f"step {step + 1:,} of {steps:,}: loss {curve[-1][1]:.3f}, held back {curve[-1][2]:.3f}, "
                f"{rest:,.0f} s to go"
            )
    return Made(parameters, len(seen), steps, tuple(curve), time.perf_counter() - began)


def _share(step: int, steps: int, warm_up: float) -> float:
    """Of the highest learning rate.

    >>> [round(_share(step, 100, 0.1), 2) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """
    first = max(1, round(steps * warm_up))
    if step < first:
        return (step + 1) / first
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - first) / max(1, steps - first)))


def _batches(seen: Tokens, shape: Shape, steps: int) -> Any:
    """Rows of one token more than the context; every epoch is cut at other places and in another order."""
    import torch

    random, left = np.random.default_rng(shape.seed), list[int]()
    for _ in range(steps):
        if len(left) < shape.rows:
            start = int(random.integers(shape.context))
            starts = np.arange(start, len(seen) - shape.context - 1, shape.context)
            left = [*left, *random.permutation(starts).tolist()]
        now, left = left[: shape.rows], left[shape.rows :]
        yield torch.from_numpy(np.stack([seen[i : i + shape.context + 1] for i in now]).astype(np.int64))


def _loss(model: Any, batch: Any, *, learn: bool) -> float:
    """Mean loss of a batch in nats per token.

    The logits of 512 tokens at a time: those of all would be the largest thing in memory by far, and reading and
    writing them took more than half of each step.
    """
    import torch

    total, count = 0.0, batch[:, 1:].numel()
    for piece in batch.split(4):
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.set_grad_enabled(learn):
            hidden = model.model(input_ids=piece[:, :-1]).last_hidden_state.flatten(0, 1)
        held = hidden.detach().requires_grad_(learn)
        for some, wanted in zip(held.split(512), piece[:, 1:].flatten().split(512), strict=True):
            with torch.autocast("cpu", dtype=torch.bfloat16), torch.set_grad_enabled(learn):
                logits = model.lm_head(some)
            loss = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum") / count
            if learn:
                loss.backward()
            total += float(loss.detach())
        if learn:
            hidden.backward(held.grad)
    return total


def _watched_loss(model: Any, watched: Tokens, shape: Shape) -> float:
    import torch

    rows = min(24, (len(watched) - 1) // shape.context)
    starts = [i * shape.context for i in range(rows)]
    batch = torch.from_numpy(np.stack([watched[i : i + shape.context + 1] for i in starts]).astype(np.int64))
    model.eval()
    loss = _loss(model, batch, learn=False)
    model.train()
    return loss


def facts(made: Made, shape: Shape) -> dict[str, Any]:
    """For the model card and its record, as JSON values."""
    return {"shape": asdict(shape), **asdict(made), "curve": [list(point) for point in made.curve]}
