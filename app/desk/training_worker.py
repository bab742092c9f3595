"""`python -m app.desk.training_worker`: a client's adapter trained in a process of its own, which needs no page.

It is told by standard input what to train and a key made for this job alone, reads and writes a folder in memory, and
leaves one sealed file in the desk's folder. It holds no key of the desk. The lock of its folder, which it is given as
an open file, tells that it lives.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from app.desk import blobs
from app.desk.keys import identity
from app.desk.memory_folder import LOCK
from app.desk.packing import packed
from app.desk.training_status import NAME, Status, heard, tell
from app.terminal import Terminal
from xinheng.artifacts import Artifact, open_artifact
from xinheng.errors import ArtifactError, CheckFailed, WriteError, XinhengError
from xinheng.sealing import seal

ROWS: Final = "rows"
PID: Final = "pid"
_ADAPTER: Final = "adapter"
_STEP: Final = re.compile(r"step ([\d,]+) of ([\d,]+): (?:validation )?loss ([\d.]+)")
_ANSWER_TOKENS: Final = 160
_MOST_SAMPLES: Final = 6


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Args:
        folder: In memory; its `rows` are the dataset.
        sealed: The file to write; what is told of it goes beside it, `.told`.
        lock: Held while a training of this desk goes on: two go one after the other.
        client_id: Whose.
        job_id: Which.
        key: In base64.
        base: As `--base`.
        recipe: Its name.
        minutes: After which it ends.
        steps: Instead of the recipe's epochs, or None.
    """

    folder: str
    sealed: str
    lock: str
    client_id: str
    job_id: str
    key: str
    base: str
    recipe: str
    minutes: float
    steps: int | None


def told_identity(client_id: str, job_id: str) -> bytes:
    """What is told of a result is sealed under this."""
    return identity(client_id, job_id, "told")


def main() -> None:
    """Do what standard input says."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    os.nice(10)
    order = Order(**json.loads(sys.stdin.read()))
    folder = Path(order.folder)
    (folder / PID).write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    try:
        with Path(order.lock).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            signal.signal(signal.SIGALRM, _too_long)
            signal.setitimer(signal.ITIMER_REAL, order.minutes * 60)
            _run(order, folder)
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Exception as error:  # noqa: BLE001  the last one who can say what happened
        _empty(folder)
        before = heard(folder) or Status()
        tell(folder, replace(before, phase="failed", problem=_readable(error)))
        sys.exit(1)
    _empty(folder)
    tell(folder, replace(heard(folder) or Status(), phase="done"))


def _run(order: Order, folder: Path) -> None:
    from app import training_run
    from training.recipe import load

    tell(folder, Status("rows"))
    rows, out = open_artifact(folder / ROWS), folder / _ADAPTER
    recipe = load(order.recipe)
    if order.steps is not None:
        recipe = replace(recipe, epochs=None, steps=order.steps)
    try:
        made = open_artifact(out)  # it was killed between training and sealing
    except ArtifactError:
        options = training_run.Options(resume=True)
        terminal = _Heard(folder)
        made = training_run.trained(order.recipe, recipe, order.base, rows, out=out, options=options, terminal=terminal)
    tell(folder, replace(heard(folder) or Status(), phase="samples"))
    told = {**_facts(made), **_compared(order, rows, made, recipe)}
    tell(folder, replace(heard(folder) or Status(), phase="sealing"))
    keep_sealed(order, out, told)


class _Heard(Terminal):
    """Hears how the training goes and keeps the numbers; nothing is printed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(as_json=True)
        self._folder = folder

    def say(self, line: str) -> None:
        found = _STEP.search(line)
        step, steps = (int(part.replace(",", "")) for part in found.group(1, 2)) if found else (0, 0)
        loss = float(found.group(3)) if found else None
        tell(self._folder, Status("training", step, steps, loss))


def _facts(made: Artifact) -> dict[str, Any]:
    facts = made.manifest["facts"]
    return {
        "digest": made.digest,
        "base": facts["base"],
        "steps": {method: told["steps"] for method, told in facts["trained"].items()},
        "wall_s": round(sum(facts["wall_s"].values()), 1),
    }


def _compared(order: Order, rows: Artifact, made: Artifact, recipe: Any) -> dict[str, Any]:
    """What base and adapter say to held-back rows, and how near each is to what the counsellor wrote there."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from app.training_rows import conversations
    from training.adapters import quiet, with_rows_for, words_of
    from training.base import located
    from training.render import rendered, writer

    held = conversations(rows, recipe).get("test", [])
    folder = Path(str(made.path))
    with quiet():
        words = words_of(Path(located(order.base)), folder)
        plain = with_rows_for(AutoModelForCausalLM.from_pretrained(located(order.base)), words)
        model = PeftModel.from_pretrained(plain, folder).eval()
    if torch.cuda.is_available():
        model = model.to("cuda")
    found = rendered(words, held, write=writer(words, recipe.form), context=recipe.context).rows
    asked = dict(held)
    samples, losses = [], dict[str, list[float]]({"before": [], "after": []})
    with torch.no_grad():
        for n, row in enumerate(found):
            sample = {"row": row.example_id, "wanted": asked[row.example_id][-1]["content"]}
            for side in ("before", "after"):
                with _as(model, side):
                    losses[side].append(_loss(model, row))
                    if n < _MOST_SAMPLES:
                        sample[side] = _said(model, words, row)
            if n < _MOST_SAMPLES:
                samples.append(sample)
    mean = {side: round(sum(some) / len(some), 4) if some else None for side, some in losses.items()}
    return {"held_loss": mean, "held_rows": len(found), "samples": samples}


def _as(model: Any, side: str) -> Any:
    from contextlib import nullcontext

    return model.disable_adapter() if side == "before" else nullcontext()


def _loss(model: Any, row: Any) -> float:
    """Mean loss of the row's answered tokens, in nats."""
    import torch

    ids = torch.tensor([row.ids.tolist()], device=model.device)
    logits = model(input_ids=ids).logits[0, :-1].float()
    there = torch.tensor(row.answered[1:].tolist(), device=model.device)
    return float(torch.nn.functional.cross_entropy(logits[there], ids[0, 1:][there]))


def _said(model: Any, words: Any, row: Any) -> str:
    """The likeliest answer to what stands before the row's first."""
    import torch

    start = int(row.answered.nonzero()[0][0])
    ids = torch.tensor([row.ids[:start].tolist()], device=model.device)
    made = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=_ANSWER_TOKENS,
        do_sample=False,
        pad_token_id=words.pad_token_id,
    )
    return str(words.decode(made[0, start:], skip_special_tokens=True)).strip()


def keep_sealed(order: Order, adapter: Path, told: Mapping[str, Any]) -> None:
    """Write what is told, then the adapter; the second file's name says that both are whole."""
    key, to = base64.b64decode(order.key), Path(order.sealed)
    try:
        body = seal(key, json.dumps(told).encode(), told_identity(order.client_id, order.job_id))
        _put(to.with_suffix(".told"), lambda out: out.write(body))
        pieces = packed(adapter)
        _put(to, lambda out: blobs.encrypted(out, key, order.client_id, order.job_id, pieces))
    except OSError as error:
        to.with_suffix(".told").unlink(missing_ok=True)
        raise WriteError(
            "desk", "the adapter cannot be kept", have=error.strerror or "an error", mend="Free space, and train again."
        ) from error


def _put(to: Path, write: Any) -> None:
    writing = to.with_name(f"{to.name}.writing")
    try:
        with writing.open("wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        writing.replace(to)
    finally:
        writing.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    """Delete what is personal; how far it came stays to be read."""
    for path in folder.iterdir():
        if path.name in {LOCK, NAME, PID}:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _readable(error: Exception) -> str:
    """A deliberate message as it is; of others their kind alone, for they may quote what they read."""
    if isinstance(error, XinhengError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "desk: too little memory. Close other programs, or train on another machine (export)."
    if isinstance(error, OSError):
        return f"desk: the system refused: {error.strerror or type(error).__name__}."
    return f"desk: the training ended with {type(error).__name__}."


def _too_long(*_: object) -> None:
    raise CheckFailed("desk", "the training took longer than its limit", mend="Raise the minutes, or take fewer notes.")


if __name__ == "__main__":
    main()
