"""Adapters trained by preferences: TRL's DPO on pairs that are rendered as in supervised training."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import distributed
from training.load import Ready
from training.recipe import Training
from training.render import Message, Rendered, Writer, rendered
from training.running import Say, adapters_alone, callbacks_of, identity_of, last_whole, newest, settings_of, steps_of
from training.sft import Trained
from training.spreading import left_spread
from xinheng.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows: the same prompt, two answers.

    Args:
        chosen: The better answers.
        rejected: The worse ones, in the same order.
        unusable: Pairs left out, by id, with the reason.
    """

    chosen: tuple[Rendered, ...]
    rejected: tuple[Rendered, ...]
    unusable: Mapping[str, str]


def pairs_of(
    words: Any, pairs: Sequence[tuple[str, Sequence[Message], str, str]], *, write: Writer, context: int
) -> Pairs:
    """Pairs as token ids; the loss is on the last answer alone.

    A prompt that is too long loses its earliest turns, the same for both answers. A pair that does not fit even so, or
    whose answers are the same, is left out with its reason.

    Args:
        words: The tokenizer.
        pairs: Id, prompt, chosen answer, rejected answer.
        write: From `training.render.writer`.
        context: Most tokens of prompt and answer.

    Raises:
        InputError: No pair is left.
    """
    chosen, rejected, unusable = list[Rendered](), list[Rendered](), dict[str, str]()
    for pair_id, prompt, better, worse in pairs:
        if better == worse:
            unusable[pair_id] = "the answers are the same"
            continue
        made = _shortest(words, pair_id, list(prompt), (better, worse), write, context)
        if made is None:
            unusable[pair_id] = f"prompt and answer are longer than {context:,} tokens"
            continue
        chosen.append(made[0])
        rejected.append(made[1])
    if not chosen:
        why = sorted(set(unusable.values()))
        raise InputError("render", "no pair is left", want="two answers that fit", have="; ".join(why))
    return Pairs(tuple(chosen), tuple(rejected), unusable)


def _shortest(
    words: Any, pair_id: str, prompt: list[Message], answers: tuple[str, str], write: Writer, context: int
) -> tuple[Rendered, Rendered] | None:
    """Both rows with as much of the prompt as fits, from a client's turn on."""
    head = [message for message in prompt[:1] if message["role"] == "system"]
    turns = prompt[len(head) :]
    for start in (i for i, turn in enumerate(turns) if turn["role"] == "user"):
        rows = []
        for answer in answers:
            messages = [*head, *turns[start:], {"role": "assistant", "content": answer}]
            found = rendered(words, [(pair_id, messages)], write=write, context=2**31)
            rows.append(_last_answer(found.rows[0]))
        if all(len(row.ids) <= context for row in rows):
            return rows[0], rows[1]
    return None


def _last_answer(row: Rendered) -> Rendered:
    """The row with loss on its last answer alone."""
    answered = row.answered.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], answered]).astype(np.int8)) == 1)
    answered[: edges[-1]] = False
    return Rendered(row.example_id, row.ids, answered)


def train(
    ready: Ready,
    pairs: Pairs,
    validation: Pairs | None,
    recipe: Training,
    folder: Path,
    *,
    resume: bool = False,
    most_steps: int | None = None,
    say: Say = lambda _: None,
    watchers: Sequence[Any] = (),
) -> Trained:
    """Train the adapters of a model on pairs; the reference is the model as it comes, its adapters frozen.

    Args and errors are those of `training.sft.train`.
    """
    from transformers import PrinterCallback
    from trl import DPOConfig, DPOTrainer

    distributed.start(cpu=not ready.half)
    rows = (*pairs.chosen, *pairs.rejected)
    watched = validation is not None
    held = (*validation.chosen, *validation.rejected) if validation is not None else ()
    identity = identity_of(ready, rows, held, recipe, most_steps)
    last = last_whole(folder, identity, resume=resume)
    total, every = steps_of(recipe, len(pairs.chosen), most=most_steps)

    class Preferences(DPOTrainer):  # type: ignore[misc]
        """TRL's, on rows that are token ids already."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    _readable_head(ready.model)
    given = settings_of(recipe, ready, folder, total=total, every=every, watched=watched)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Preferences(
            model=ready.model,
            args=DPOConfig(**{**given, "label_names": None}, beta=recipe.beta, max_length=None),
            train_dataset=_dataset(pairs),
            eval_dataset=_dataset(validation) if validation is not None else None,
            processing_class=ready.words,
            callbacks=[
                *callbacks_of(recipe, folder, identity, watched=watched, say=say),
                *watchers,
            ],
        )
        trainer.remove_callback(PrinterCallback)  # `say` hears of it
        if distributed.sharded():
            left_spread(trainer)
        began = time.perf_counter()
        with adapters_alone(ready.model), distributed.together(lambda: newest(folder)):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
    history, share = trainer.state.log_history, trainer.state.epoch or 0.0
    best = trainer.state.best_model_checkpoint if recipe.keep == "best" else None
    return Trained(
        steps=trainer.state.global_step,
        epochs=share,
        curve=tuple((int(h["step"]), float(h["loss"])) for h in history if "loss" in h),
        validation=tuple((int(h["step"]), float(h["eval_loss"])) for h in history if "eval_loss" in h),
        best=int(Path(best).name.rpartition("-")[2]) if best else None,
        tokens=round(sum(len(row.ids) for row in rows) * share),
        answered=round(sum(int(row.answered.sum()) for row in rows) * share),
        padding=0.0,
        wall_s={"train": time.perf_counter() - began},
        resumed_from=int(last.name.rpartition("-")[2]) if last else 0,
    )


def _readable_head(model: Any) -> None:
    """What TRL reads of the output layer, which peft hides behind new tokens' rows; and the layer whole, if spread.

    The reference is a second adapter, whose rows begin as the base's are.
    """
    inner = model.get_base_model()
    head = inner.get_output_embeddings()
    if not hasattr(head, "bias"):
        head.bias = head.original_module.bias
    if distributed.sharded():
        inner.unshard()


def _dataset(pairs: Pairs) -> Any:
    """As TRL's collator takes it: prompt, chosen, rejected as ids; the prompt is what both rows begin with."""
    from datasets import Dataset

    made = []
    for chosen, rejected in zip(pairs.chosen, pairs.rejected, strict=True):
        start = int(np.flatnonzero(chosen.answered)[0])
        end = [int(np.flatnonzero(row.answered)[-1]) + 1 for row in (chosen, rejected)]
        made.append(
            {
                "prompt_ids": chosen.ids[:start].tolist(),
                "chosen_ids": chosen.ids[start : end[0]].tolist(),
                "rejected_ids": rejected.ids[start : end[1]].tolist(),
            }
        )
    return Dataset.from_list(made)
