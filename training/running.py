"""What every training shares: how long it is, its settings, its checkpoints, and what is heard of its losses."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from training.distributed import accumulation_of, first, meet
from training.load import Ready
from training.recipe import Training
from training.render import Rendered
from xinheng.errors import CheckFailed, UsageError

WHOLE: Final = "whole.json"
# What peft saves of a model: DPO keeps a second adapter, as which the training began.
ALONE: Final = {"save_embedding_layers": False, "selected_adapters": ["default"]}
Say = Callable[[str], None]


def steps_of(recipe: Training, rows: int, *, most: int | None = None) -> tuple[int, int]:
    """Steps of the whole training, and between two evaluations: once an epoch, four times at least.

    >>> from training.recipe import load
    >>> steps_of(load("mcq"), 800), steps_of(load("imhi_counselor"), 800, most=66)
    ((150, 37), (66, 16))
    """
    per_epoch = math.ceil(math.ceil(rows / recipe.batch) / recipe.accumulation)
    total = recipe.steps or max(1, round(per_epoch * float(recipe.epochs or 1)))
    total = min(total, most) if most else total
    return total, max(1, min(per_epoch, total // 4 or 1))


def settings_of(
    recipe: Training, ready: Ready, folder: Path, *, total: int, every: int, watched: bool
) -> dict[str, Any]:
    """The settings as `transformers.TrainingArguments` takes them.

    Args:
        recipe: How.
        ready: What is trained.
        folder: Of checkpoints.
        total: Steps.
        every: Steps between evaluations and checkpoints.
        watched: Whether there are validation rows, by which the best step is chosen.
    """
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": recipe.batch,
        "per_device_eval_batch_size": recipe.batch,
        "gradient_accumulation_steps": accumulation_of(recipe),
        "learning_rate": recipe.rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": round(total * recipe.warm_up),
        "weight_decay": recipe.decay,
        "max_grad_norm": recipe.clip,
        "max_steps": total,
        "optim": {"adamw": "adamw_torch_fused"}.get(recipe.optimiser, recipe.optimiser),
        "gradient_checkpointing": recipe.checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if recipe.checkpointing else None,
        "use_cpu": not ready.half,
        "bf16": sixteen_bits(half=ready.half),
        "logging_steps": max(1, total // 50),
        "logging_nan_inf_filter": False,
        "save_steps": every,
        "save_total_limit": 3 if watched else 2,
        "eval_strategy": "steps" if watched else "no",
        "eval_steps": every if watched else None,
        "load_best_model_at_end": watched and recipe.keep == "best",
        "metric_for_best_model": "eval_loss" if watched else None,
        "greater_is_better": False if watched else None,
        "report_to": _reports(),
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "seed": recipe.seed,
        "disable_tqdm": True,
        "log_level": "error",
    }


def callbacks_of(recipe: Training, folder: Path, identity: str, *, watched: bool, say: Say) -> list[Any]:
    """What tells of losses, marks checkpoints as whole, ends early, and stops at a loss that is no number."""
    from transformers import EarlyStoppingCallback, TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            for name, label in (("loss", "loss"), ("eval_loss", "validation loss")):
                if name in (logs or {}):
                    _require_number(float(logs[name]), label, state.global_step, folder)
                    if first():
                        say(f"step {state.global_step:,} of {state.max_steps:,}: {label} {float(logs[name]):.4f}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, control
            meet()  # each process keeps its random numbers in it
            if not first():
                return
            mark = folder / f"checkpoint-{state.global_step}" / WHOLE
            mark.write_text(json.dumps({"identity": identity, "step": state.global_step}))

    early = [EarlyStoppingCallback(recipe.patience)] if watched and recipe.patience is not None else []
    return [Watch(), *early]


@contextmanager
def adapters_alone(model: Any) -> Iterator[None]:
    """While it lasts, a checkpoint holds what is trained and nothing of the base.

    peft saves all embeddings as soon as there are new tokens; their rows are adapters here, and the rest is the base's.
    Nor is the base looked at: spread over processes, one that looks at it alone no longer keeps step with the others.
    """
    usual = model.save_pretrained

    def save(folder: str, *, state_dict: Any = None, **named: Any) -> None:
        del state_dict
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        usual(folder, state_dict=trained, **{**ALONE, **named})

    model.save_pretrained = save
    try:
        yield
    finally:
        del model.save_pretrained


def _require_number(value: float, label: str, step: int, folder: Path) -> None:
    if not math.isfinite(value):
        raise CheckFailed(
            "train",
            f"the {label} is no number at step {step}",
            want="a finite loss",
            have=str(value),
            mend=f"The last good checkpoint is {newest(folder) or 'none'}. Lower the rate, or look at the rows.",
        )


def sixteen_bits(*, half: bool) -> bool:
    """Sixteen bits where they are fast: on GPUs, and on processors with units for them."""
    import torch

    if half:
        return True
    cpu = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(cpu.get("amx_bf16") or cpu.get("avx512_bf16"))


def _reports() -> list[str]:
    """Where losses go beside our own files: wandb only where somebody has set it up, for it sends them away."""
    from importlib.util import find_spec

    wandb = find_spec("wandb") is not None and bool({"WANDB_API_KEY", "WANDB_MODE"} & set(os.environ))
    found = {"wandb": wandb, "trackio": find_spec("trackio") is not None}
    return [name for name, there in found.items() if there] or ["none"]


def identity_of(
    ready: Ready, rows: Sequence[Rendered], validation: Sequence[Rendered], recipe: Training, most_steps: int | None
) -> str:
    """What a checkpoint must be of to be gone on from: rows, recipe and base."""
    digest = hashlib.sha256(repr((recipe, most_steps, ready.model.config.to_json_string())).encode())
    for row in (*rows, *validation):
        digest.update(row.example_id.encode() + row.ids.tobytes() + row.answered.tobytes())
    return digest.hexdigest()


def newest(folder: Path) -> Path | None:
    """The last checkpoint that was written whole."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def last_whole(folder: Path, identity: str, *, resume: bool) -> Path | None:
    """The checkpoint to go on from; halves that a killed run left are deleted."""
    for path in folder.glob("checkpoint-*") if first() else ():
        if not (path / WHOLE).is_file():
            shutil.rmtree(path)
    meet()
    last = newest(folder)
    if last is None:
        return None
    if not resume:
        raise UsageError("train", f"there are checkpoints in {folder}", mend="Say --resume to go on, or delete them.")
    if json.loads((last / WHOLE).read_text())["identity"] != identity:
        raise UsageError(
            "train",
            f"the checkpoints in {folder} are of another training",
            want="the same rows, recipe and base",
            mend="Take another folder, or delete them.",
        )
    return last
