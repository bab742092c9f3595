"""Supervised training of adapters: loss on answers alone, batches of like length, and an end that resuming reaches."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
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
from xinheng.errors import CheckFailed, UsageError

WHOLE: Final = "whole.json"
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
    say: Callable[[str], None] = lambda _: None,
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

    Raises:
        UsageError: There is a checkpoint of another training.
        CheckFailed: The loss is no number any more; the last good checkpoint is named.
    """
    import torch
    from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    identity = _identity(ready, rows, validation, recipe, most_steps)
    last = _last_whole(folder, identity, resume=resume)
    steps_per_epoch = math.ceil(math.ceil(len(rows) / recipe.batch) / recipe.accumulation)
    total = recipe.steps or max(1, round(steps_per_epoch * float(recipe.epochs or 1)))
    total = min(total, most_steps) if most_steps else total
    every = max(1, min(steps_per_epoch, total // 4 or 1))
    watched = bool(validation)

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Losses told, checkpoints marked as whole, and a loss that is no number ends it."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            for name, label in (("loss", "loss"), ("eval_loss", "validation loss")):
                if name in (logs or {}):
                    value = float(logs[name])
                    if not math.isfinite(value):
                        good = _newest(folder)
                        raise CheckFailed(
                            "train",
                            f"the {label} is no number at step {state.global_step}",
                            want="a finite loss",
                            have=str(value),
                            mend=f"The last good checkpoint is {good or 'none'}. Lower the rate, or look at the rows.",
                        )
                    say(f"step {state.global_step:,} of {state.max_steps:,}: {label} {value:.4f}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, control
            mark = folder / f"checkpoint-{state.global_step}" / WHOLE
            mark.write_text(json.dumps({"identity": identity, "step": state.global_step}))

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

    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=round(total * recipe.warm_up),
        weight_decay=recipe.decay,
        max_grad_norm=recipe.clip,
        max_steps=total,
        optim={"adamw": "adamw_torch"}.get(recipe.optimiser, recipe.optimiser),
        gradient_checkpointing=recipe.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if recipe.checkpointing else None,
        use_cpu=not ready.half,
        bf16=_bf16(ready),
        logging_steps=max(1, total // 50),
        logging_nan_inf_filter=False,
        save_steps=every,
        save_total_limit=2 if not watched else 3,
        eval_strategy="steps" if watched else "no",
        eval_steps=every if watched else None,
        load_best_model_at_end=watched,
        metric_for_best_model="eval_loss" if watched else None,
        greater_is_better=False if watched else None,
        report_to=_reports(),
        remove_unused_columns=False,
        label_names=["labels"],
        seed=recipe.seed,
        disable_tqdm=True,
        log_level="error",
    )
    callbacks: list[Any] = [Watch()]
    if watched and recipe.patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    trainer = Answers(
        model=ready.model,
        args=arguments,
        data_collator=_collate(ready.words),
        train_dataset=list(rows),
        eval_dataset=list(validation) or None,
        callbacks=callbacks,
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


def _bf16(ready: Ready) -> bool:
    """Sixteen bits where they are fast: on GPUs, and on processors with units for them."""
    import torch

    if ready.half:
        return True
    cpu = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(cpu.get("amx_bf16") or cpu.get("avx512_bf16"))


def _reports() -> list[str]:
    from importlib.util import find_spec

    names = (("tensorboard", "tensorboard"), ("wandb", "wandb"), ("trackio", "trackio"))
    return [name for name, module in names if find_spec(module) is not None] or ["none"]


def _identity(
    ready: Ready, rows: Sequence[Rendered], validation: Sequence[Rendered], recipe: Training, most_steps: int | None
) -> str:
    """What a checkpoint must be of to be gone on from: rows, recipe and base."""
    digest = hashlib.sha256(repr((recipe, most_steps, ready.model.config.to_json_string())).encode())
    for row in (*rows, *validation):
        digest.update(row.example_id.encode() + row.ids.tobytes() + row.answered.tobytes())
    return digest.hexdigest()


def _newest(folder: Path) -> Path | None:
    found = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _last_whole(folder: Path, identity: str, *, resume: bool) -> Path | None:
    """The checkpoint to go on from; halves that a killed run left are deleted."""
    for path in folder.glob("checkpoint-*"):
        if not (path / WHOLE).is_file():
            shutil.rmtree(path)
    newest = _newest(folder)
    if newest is None:
        return None
    if not resume:
        raise UsageError("train", f"there are checkpoints in {folder}", mend="Say --resume to go on, or delete them.")
    if json.loads((newest / WHOLE).read_text())["identity"] != identity:
        raise UsageError(
            "train",
            f"the checkpoints in {folder} are of another training",
            want="the same rows, recipe and base",
            mend="Take another folder, or delete them.",
        )
    return newest
