"""Supervised training of adapters: loss on answers alone, batches of like length, and an end that resuming reaches."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.buckets import batches
from training.load import Ready
from training.recipe import Training
from training.render import Rendered
from training.running import Say, callbacks_of, identity_of, last_whole, settings_of, steps_of

_IGNORED: Final = -100
# Logits of so many tokens at a time: those of all are the largest thing in memory.
_PIECE: Final = 512


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Args:
        steps: Taken, those before an interruption included.
        epochs: Read.
        curve: Step, mean loss of training since the entry before; nats per token of an answer.
        validation: Step, loss on the validation rows.
        best: The step whose adapters were kept.
        tokens: Read, padding left out.
        answered: Of these, those that bore loss.
        padding: Share of what was computed that was padding.
        wall_s: Seconds by phase, in this run.
        resumed_from: The step that this run went on from; 0 for none.
    """

    steps: int
    epochs: float
    curve: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]
    best: int | None
    tokens: int
    answered: int
    padding: float
    wall_s: dict[str, float] = field(default_factory=dict)
    resumed_from: int = 0


def train(
    ready: Ready,
    rows: Sequence[Rendered],
    validation: Sequence[Rendered],
    recipe: Training,
    folder: Path,
    *,
    resume: bool = False,
    most_steps: int | None = None,
    say: Say = lambda _: None,
    watchers: Sequence[Any] = (),
) -> Trained:
    """Train the adapters of a model; they are in it afterwards, and checkpoints in `folder`.

    Args:
        ready: From `training.load`.
        rows: To train on.
        validation: To choose the best step by, and to end early by; may be none.
        recipe: How.
        folder: Of checkpoints. What another training left there is refused, or gone on from with `resume`.
        resume: Go on from the last whole checkpoint; the end is the same to the bit on a processor.
        most_steps: End here: a trial.
        say: Hears of losses.
        watchers: Further callbacks of the trainer.

    Raises:
        UsageError: There is a checkpoint of another training.
        CheckFailed: The loss is no number any more; the last good checkpoint is named.
    """
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments

    identity = identity_of(ready, rows, validation, recipe, most_steps)
    last = last_whole(folder, identity, resume=resume)
    total, every = steps_of(recipe, len(rows), most=most_steps)
    watched = bool(validation)

    class Answers(Trainer):  # type: ignore[misc]
        """Loss on what was answered, in pieces; batches of like length."""

        def get_train_dataloader(self) -> Any:
            order = _Order([len(row.ids) for row in rows], recipe)
            loader = torch.utils.data.DataLoader(list(rows), batch_sampler=order, collate_fn=_collate(ready.words))
            return self.accelerator.prepare(loader)

        def compute_loss(self, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
            del given
            total_loss, count = answer_loss(model, inputs)
            # Of all batches of a step, so that each answered token counts the same.
            items = named.get("num_items_in_batch")
            loss = total_loss / (items if items is not None else count)
            return (loss, {}) if named.get("return_outputs") else loss

        def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> tuple[Any, None, None]:
            with torch.no_grad():
                total_loss, count = answer_loss(model, self._prepare_inputs(inputs))
            return total_loss / count, None, None

    arguments = TrainingArguments(**settings_of(recipe, ready, folder, total=total, every=every, watched=watched))
    trainer = Answers(
        model=ready.model,
        args=arguments,
        data_collator=_collate(ready.words),
        train_dataset=list(rows),
        eval_dataset=list(validation) or None,
        callbacks=[*callbacks_of(recipe, folder, identity, watched=watched, say=say), *watchers],
    )
    trainer.remove_callback(PrinterCallback)  # `say` hears of it
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    # In mixed precision the trainer leaves its own way forward in the model.
    trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
    history = trainer.state.log_history
    best = trainer.state.best_model_checkpoint
    lengths, size = np.asarray([len(row.ids) for row in rows]), recipe.batch
    first = batches(lengths.tolist(), size=size, seed=recipe.seed, epoch=0)
    filled = sum(int(lengths[batch].max()) * len(batch) for batch in first)
    share = trainer.state.epoch or 0.0
    return Trained(
        steps=trainer.state.global_step,
        epochs=share,
        curve=tuple((int(h["step"]), float(h["loss"])) for h in history if "loss" in h),
        validation=tuple((int(h["step"]), float(h["eval_loss"])) for h in history if "eval_loss" in h),
        best=int(Path(best).name.rpartition("-")[2]) if best else None,
        tokens=round(int(lengths.sum()) * share),
        answered=round(sum(int(row.answered.sum()) for row in rows) * share),
        padding=1 - int(lengths.sum()) / filled,
        wall_s={"train": time.perf_counter() - began},
        resumed_from=int(last.name.rpartition("-")[2]) if last else 0,
    )


def answer_loss(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Sum of the loss over answered tokens, in nats, and how many there are.

    The output layer is computed where an answer stands and nowhere else, and for 512 tokens at a time.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    whole = getattr(model, "module", model)
    inner = whole.get_base_model() if hasattr(whole, "get_base_model") else whole
    hidden = inner.get_decoder()(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])[0]
    wanted = inputs["labels"][:, 1:]
    there = wanted != _IGNORED
    hidden, wanted = hidden[:, :-1][there], wanted[there]
    head = inner.get_output_embeddings()

    def piece(some: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(head(some).float(), labels, reduction="sum")

    total = hidden.new_zeros((), dtype=torch.float32)
    for some, labels in zip(hidden.split(_PIECE), wanted.split(_PIECE), strict=True):
        total = total + checkpoint(piece, some, labels, use_reentrant=False)
    return total, there.sum()


class _Order:
    """Batches of each epoch, as `DataLoader` takes them."""

    def __init__(self, lengths: Sequence[int], recipe: Training) -> None:
        self._lengths, self._recipe, self._epoch = list(lengths), recipe, 0
        self.batch_size = recipe.batch
        self.drop_last = False

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(batches(self._lengths, size=self._recipe.batch, seed=self._recipe.seed, epoch=0))

    def __iter__(self) -> Iterator[list[int]]:
        yield from batches(self._lengths, size=self._recipe.batch, seed=self._recipe.seed, epoch=self._epoch)
        self._epoch += 1


def _collate(words: Any) -> Callable[[Sequence[Rendered]], dict[str, Any]]:
    import torch

    def collate(rows: Sequence[Rendered]) -> dict[str, Any]:
        width = max(len(row.ids) for row in rows)
        ids = np.full((len(rows), width), words.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        labels = np.full((len(rows), width), _IGNORED, dtype=np.int64)
        for i, row in enumerate(rows):
            n = len(row.ids)
            ids[i, :n], mask[i, :n] = row.ids, 1
            labels[i, :n][row.answered] = row.ids[row.answered]
        return {
            name: torch.from_numpy(a) for name, a in (("input_ids", ids), ("attention_mask", mask), ("labels", labels))
        }

    return collate
