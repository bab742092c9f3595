"""What is seen of a training while it goes on: its losses for TensorBoard, and what the model says at each evaluation.

Both are files beside the checkpoints, so that a training that was interrupted keeps what it showed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import polars as pl

from training.load import Ready
from training.render import Rendered

SAMPLE: Final = {"method": pl.String(), "step": pl.Int64(), "row_id": pl.String(), "text": pl.String()}
EVENTS: Final = "tensorboard"
_SAMPLES: Final = "samples.jsonl"
_TOKENS: Final = 64


def watchers(ready: Ready, rows: Sequence[Rendered], folder: Path) -> list[Any]:
    """Callbacks of a trainer.

    Args:
        ready: What is trained.
        rows: Of these the model answers the last message at every evaluation, always with the likeliest token: it
            takes nothing from the random numbers of the training.
        folder: Of checkpoints.
    """
    from transformers import TrainerCallback

    class Samples(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, control
            kept = [said for said in _read(folder) if said["step"] <= state.global_step]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _SAMPLES).write_text("".join(map(_line, kept)), encoding="utf-8")

        def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            del args, control
            with (folder / _SAMPLES).open("a", encoding="utf-8") as file:
                for row in rows:
                    said = {"step": state.global_step, "row_id": row.example_id, "text": _said(ready, model, row)}
                    file.write(_line(said))

    class Losses(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, control
            from tensorboardX import SummaryWriter

            # What an interrupted run wrote of later steps is forgotten by its readers.
            self.file = SummaryWriter(str(folder / EVENTS), purge_step=state.global_step or None)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            for name, value in (logs or {}).items():
                if isinstance(value, int | float):
                    place = f"validation/{name[5:]}" if name.startswith("eval_") else f"train/{name}"
                    self.file.add_scalar(place, value, state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, state, control
            self.file.close()

    found: list[Any] = [Samples()] if rows else []
    return [*found, Losses()] if find_spec("tensorboardX") is not None else found


def samples(folder: Path, method: str) -> pl.DataFrame:
    """What the model said at each evaluation, as SAMPLE rows.

    Args:
        folder: Of checkpoints.
        method: `sft` or `dpo`.
    """
    said = [(method, one["step"], one["row_id"], one["text"]) for one in _read(folder)]
    return pl.DataFrame(said, schema=SAMPLE, orient="row")


def events(folder: Path, method: str) -> dict[str, Path]:
    """TensorBoard's files, by a name that tells nothing of the machine."""
    found = sorted((folder / EVENTS).glob("*tfevents*"))
    return {f"events.out.tfevents.{number}.{method}": path for number, path in enumerate(found)}


def _read(folder: Path) -> list[dict[str, Any]]:
    file = folder / _SAMPLES
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        with suppress(ValueError):  # a killed run may leave half of the last line
            found.append(json.loads(line))
    return found


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=True) + "\n"


def _said(ready: Ready, model: Any, row: Rendered) -> str:
    """What the model answers where the row's last answer begins."""
    import torch

    last = row.answered.copy()
    last[1:] &= ~row.answered[:-1]
    start = int(last.nonzero()[0][-1])
    was, cache = model.training, model.config.use_cache
    model.eval()
    ids = torch.tensor([row.ids[:start].tolist()], device=model.device)
    try:
        with torch.no_grad():
            made = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=_TOKENS,
                do_sample=False,
                use_cache=True,
                pad_token_id=ready.words.pad_token_id,
            )
    finally:
        model.train(was)
        model.config.use_cache = cache
    return str(ready.words.decode(made[0, start:], skip_special_tokens=True)).strip()
