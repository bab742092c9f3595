"""Supervised training of adapters: loss on answers alone, batches of like length, and an end that resuming reaches."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.answer_loss import answer_loss, answering
from training.buckets import batches
from training.distributed import processes, rank, sharded, start, together
from training.load import Ready
from training.pace import padding
from training.packing import Collate, packed, padded, require_apart
from training.recipe import Training
from training.render import Rendered
from training.running import Say, adapters_alone, callbacks_of, identity_of, last_whole, newest, settings_of, steps_of
from training.spreading import left_spread


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
        UsageError: There is a checkpoint of another training, or rows are to be packed and the model mixes them.
        CheckFailed: The loss is no number any more; the last good checkpoint is named.
    """
    import torch
    from accelerate.data_loader import prepare_data_loader  # type: ignore[import-untyped]
    from transformers import PrinterCallback, Trainer, TrainingArguments

    start(cpu=not ready.half)
    identity = identity_of(ready, rows, validation, recipe, most_steps)
    last = last_whole(folder, identity, resume=resume)
    total, every = steps_of(recipe, len(rows), most=most_steps)
    watched, collate = bool(validation), _collate(ready, recipe)
    if recipe.packing:
        require_apart(ready.model, rows)

    class Answers(Trainer):  # type: ignore[misc]
        """Loss on what was answered, in pieces; batches of like length."""

        def get_train_dataloader(self) -> Any:
            order = _Order([len(row.ids) for row in rows], recipe)
            loader = torch.utils.data.DataLoader(list(rows), batch_sampler=order, collate_fn=collate)
            # Already shared out among the processes.
            return prepare_data_loader(loader, self.accelerator.device, 1, 0, put_on_device=True)

        def compute_loss(self, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
            del given
            total_loss, count = answer_loss(model, inputs)
            # Of all batches of a step, so that each answered token counts the same.
            items = named.get("num_items_in_batch")
            loss = total_loss / (items if items is not None else count)
            if items is not None:
                loss = loss * self.accelerator.num_processes  # they are all counted, and gradients are averaged
            return (loss, {}) if named.get("return_outputs") else loss

        def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> tuple[Any, None, None]:
            with torch.no_grad():
                total_loss, count = answer_loss(model, self._prepare_inputs(inputs))
            return total_loss / count.clamp(min=1), None, None

    arguments = TrainingArguments(**settings_of(recipe, ready, folder, total=total, every=every, watched=watched))
    trainer = Answers(
        model=ready.model,
        args=arguments,
        data_collator=collate,
        train_dataset=list(rows),
        eval_dataset=list(validation) or None,
        callbacks=[*callbacks_of(recipe, folder, identity, watched=watched, say=say), *watchers],
    )
    trainer.remove_callback(PrinterCallback)  # `say` hears of it
    if sharded():
        left_spread(trainer)
    began = time.perf_counter()
    with (
        warnings.catch_warnings(),
        answering(ready.model),
        adapters_alone(ready.model),
        together(lambda: newest(folder)),
    ):
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    # In mixed precision the trainer leaves its own way forward in the model.
    trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
    history = trainer.state.log_history
    best = trainer.state.best_model_checkpoint if recipe.keep == "best" else None
    lengths = [len(row.ids) for row in rows]
    share = trainer.state.epoch or 0.0
    return Trained(
        steps=trainer.state.global_step,
        epochs=share,
        curve=tuple((int(h["step"]), float(h["loss"])) for h in history if "loss" in h),
        validation=tuple((int(h["step"]), float(h["eval_loss"])) for h in history if "eval_loss" in h),
        best=int(Path(best).name.rpartition("-")[2]) if best else None,
        tokens=round(sum(lengths) * share),
        answered=round(sum(int(row.answered.sum()) for row in rows) * share),
        padding=padding(lengths, recipe, line=_line(ready, recipe)),
        wall_s={"train": time.perf_counter() - began},
        resumed_from=int(last.name.rpartition("-")[2]) if last else 0,
    )


class _Order:
    """Batches of each epoch, as `DataLoader` takes them; of several processes each has every so-manieth.

    Where they do not come out even, the last have a batch without rows: all must take each step together.
    """

    def __init__(self, lengths: Sequence[int], recipe: Training) -> None:
        self._lengths, self._recipe, self._epoch = list(lengths), recipe, 0
        self.batch_size = recipe.batch
        self.drop_last = False

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def _made(self, epoch: int) -> list[list[int]]:
        recipe = self._recipe
        made = batches(self._lengths, size=recipe.batch, seed=recipe.seed, epoch=epoch, sort=not recipe.packing)
        return [*made, *([[]] * (-len(made) % processes()))]

    def __len__(self) -> int:
        return len(self._made(0)) // processes()

    def __iter__(self) -> Iterator[list[int]]:
        yield from self._made(self._epoch)[rank() :: processes()]
        self._epoch += 1


def _collate(ready: Ready, recipe: Training) -> Collate:
    pad = ready.words.pad_token_id
    return packed(pad, _line(ready, recipe)) if recipe.packing else padded(pad)


def _line(ready: Ready, recipe: Training) -> int | None:
    """Tokens of a line; flash attention wants all in one, others take the square of it in time."""
    flash = "flash" in str(getattr(ready.model.config, "_attn_implementation", ""))
    return None if flash else recipe.context
