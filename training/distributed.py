"""One training in several processes: `accelerate launch` or `torchrun` starts them, each takes its share of a step.

The rows of a step are those of one process: the accumulation of a recipe is divided by the processes, so that a recipe
says the same on one device and on several. The first process alone tells, writes and saves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from training.recipe import Training
from xinheng.errors import CheckFailed, UsageError

_T = TypeVar("_T")
# What a launcher says where the base is to be spread (FSDP); and the same said to ourselves.
_ASKED, _SPREAD = "ACCELERATE_USE_FSDP", "XINHENG_SPREAD"
_YES: Final = frozenset({"true", "1"})
# How torch's messages speak of a process that has gone.
_GONE: Final = ("Connection closed", "Connection reset", "gloo", "NCCL", "Broken pipe", "Timed out")


def processes() -> int:
    """How many train together; their launcher says so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process; 0 is the first."""
    return int(os.environ.get("RANK", "0"))


def device() -> int:
    """Which of the machine's GPUs is this process's."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def first() -> bool:
    """Whether this process is the one that tells, writes and saves."""
    return rank() == 0


def sharded() -> bool:
    """Whether the base's weights are spread over the processes (FSDP), not held whole by each."""
    return processes() > 1 and any(os.environ.get(word, "").lower() in _YES for word in (_ASKED, _SPREAD))


def accumulation_of(recipe: Training) -> int:
    """Batches per step and process.

    Raises:
        UsageError: They cannot be divided by the processes.
    """
    share, over = divmod(recipe.accumulation, processes())
    if over or not share:
        raise UsageError(
            "train",
            f"{processes()} processes cannot share a step of {recipe.accumulation} batches",
            want="an accumulation that the number of processes divides",
            mend=f"Start another number of processes, or a recipe with accumulation {processes() * max(1, share)}.",
        )
    return share


def meet() -> None:
    """Wait until all processes are here."""
    if processes() > 1:
        import torch

        if torch.distributed.is_initialized():
            torch.distributed.barrier()


def leave_to_first() -> None:
    """End all processes but the first, once all have trained: what is left to do is done once."""
    if processes() > 1:
        import torch

        meet()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        if not first():
            raise SystemExit(0)


def start(*, cpu: bool) -> None:
    """Make the processes known to each other, before any of them touches a file.

    A launcher's wish for FSDP is taken from it here and kept (`training.spreading`): left to accelerate, nothing is
    spread on processors, and transformers loads the weights in the first process alone.

    Args:
        cpu: They talk as processors do.
    """
    if sharded():
        os.environ[_ASKED], os.environ[_SPREAD] = "false", "true"
    if processes() > 1:
        from accelerate import PartialState  # type: ignore[import-untyped]

        PartialState(cpu=cpu)


def first_then_all(do: Callable[[], _T]) -> _T:
    """What `do` gives, done by the first process before the others, as for what is made on disk once."""
    if not first():
        meet()
    found = do()
    if first():
        meet()
    return found


def aloud(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say` in the first process, silence in the others."""
    return say if first() else lambda _: None


@contextmanager
def together(last_good: Callable[[], Any]) -> Iterator[None]:
    """Turn the end of another process into one readable message.

    Args:
        last_good: Tells the newest whole checkpoint, if there is one.
    """
    try:
        yield
    except RuntimeError as error:
        if processes() == 1 or not any(word in str(error) for word in _GONE):
            raise
        raise CheckFailed(
            "train",
            f"another of the {processes()} processes has ended",
            want="all of them to the end",
            have=f"process {rank()} waits for it in vain",
            mend=f"Look at its message, then go on with --resume from {last_good() or 'the beginning'}.",
        ) from error
