"""What is seen of a training while it goes on: its losses for TensorBoard, and what the model says at each evaluation.

Both are files beside the checkpoints, so that a training that was interrupted keeps what it showed.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import polars as pl

from training.distributed import first, sharded
from training.load import Ready
from training.render import Rendered

SAMPLE: Final = {"method": pl.String(), "step": pl.Int64(), "row_id": pl.String(), "text": pl.String()}
EVENTS: Final = "tensorboard"
_EVENT_FILE: Final = "events.out.tfevents"
_SAMPLES: Final = "samples.jsonl"
_TOKENS: Final = 64


def watchers(ready: Ready, rows: Sequence[Rendered], folder: Path) -> list[Any]:
    """Callbacks of a trainer; of several processes the first alone writes.

    Where the base is spread all of them answer, for each holds a part of it; else the first.

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
            if not first():
                return
            kept = [said for said in _read(folder) if said["step"] <= state.global_step]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _SAMPLES).write_text("".join(map(_line, kept)), encoding="utf-8")

        def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            del args, control
            for row in rows if first() or sharded() else ():
                said = {"step": state.global_step, "row_id": row.example_id, "text": _said(ready, model, row)}
                if first():
                    with (folder / _SAMPLES).open("a", encoding="utf-8") as file:
                        file.write(_line(said))

    class Losses(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            del args, control
            self.file = _opened(folder / EVENTS, state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            _append(self.file, _losses(logs or {}, state.global_step))

    found: list[Any] = [Samples()] if rows else []
    return [*found, Losses()] if first() and find_spec("tensorboardX") is not None else found


def _opened(folder: Path, step: int) -> Path:
    """A new file of TensorBoard's.

    Its own writer's thread has nobody to tell of a disk that is full, and its file's name tells which machine it was.
    """
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{_EVENT_FILE}.{len(list(folder.iterdir()))}"
    begins = [Event(wall_time=time.time(), file_version="brain.Event:2")]
    if step:  # what an interrupted run wrote of later steps is forgotten by its readers
        begins.append(Event(wall_time=time.time(), step=step, session_log=SessionLog(status=SessionLog.START)))
    _append(file, begins)
    return file


def _losses(logs: Mapping[str, Any], step: int) -> list[Any]:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.summary import scalar

    told = {
        f"validation/{name[5:]}" if name.startswith("eval_") else f"train/{name}": value
        for name, value in logs.items()
        if isinstance(value, int | float)
    }
    return [Event(wall_time=time.time(), step=step, summary=scalar(name, value)) for name, value in told.items()]


def _append(file: Path, events: Sequence[Any]) -> None:
    """Records of TFRecord: length, its checksum, the event, its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    with file.open("ab") as out:
        for event in events:
            body = event.SerializeToString()
            length = struct.pack("<Q", len(body))
            sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, body)]
            out.write(length + sums[0] + body + sums[1])


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
    return {f"{path.name}.{method}": path for path in sorted((folder / EVENTS).glob(f"{_EVENT_FILE}.*"))}


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
                synced_gpus=sharded(),
                pad_token_id=ready.words.pad_token_id,
            )
    finally:
        model.train(was)
        model.config.use_cache = cache
    return str(ready.words.decode(made[0, start:], skip_special_tokens=True)).strip()
