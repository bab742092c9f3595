"""A base spread over the processes (FSDP): each keeps a share of its weights; a layer is whole while computed.

What is spread is the base alone, which nothing changes. The adapters are small and whole in each process, as are their
moments: they are saved, resumed and read back as those of one process, and nothing has to be gathered for that. Their
gradients are averaged over the processes, once a step.

accelerate's own way spreads adapters and moments as well, and does nothing of it on processors. The launcher's word
is taken, and done here, the same on GPUs and processors.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from training.distributed import processes
from xinheng.errors import UsageError


def spread(model: Any, *, device: str) -> Any:
    """The model, with its base spread over the processes.

    Args:
        model: Of peft; what is to be trained in it stays whole.
        device: `cpu` or `cuda`.

    Raises:
        UsageError: The base does not tell which of its modules are layers.
    """
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    inner = model.get_base_model()
    found = layers(inner)
    if not found:
        raise UsageError(
            "train",
            f"{type(inner).__name__} cannot be spread over processes",
            want="a base that tells which of its modules are layers",
            mend="Launch without FSDP: accelerate launch --multi_gpu.",
        )
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    mesh = init_device_mesh(device, (processes(),))
    for part in (*found, inner):  # the last takes what is in no layer: embeddings, the output
        fully_shard(part, mesh=mesh, ignored_params=set(trained))
    with torch.no_grad():
        for weight in trained:
            weight.data = weight.data.to(mesh.device_type)
            torch.distributed.broadcast(weight.data, src=0)
            weight.register_post_accumulate_grad_hook(_averaged)
    return model


def layers(inner: Any) -> list[Any]:
    """The layers of a base, in its order."""
    kinds = set(getattr(inner, "_no_split_modules", None) or ())
    return [module for module in inner.modules() if type(module).__name__ in kinds]


def share(inner: Any, processes: int) -> float:
    """How much of a base a process holds at the fullest moment: its share, two layers whole, and what is in none.

    Args:
        inner: The base; on no device will do.
        processes: Over which it is spread.
    """
    sizes = [sum(weight.numel() for weight in layer.parameters()) for layer in layers(inner)]
    total = sum(weight.numel() for weight in inner.parameters())
    # The next layer is fetched while one is computed; embeddings and output stay whole once they have been fetched.
    flying = 2 * max(sizes, default=0)
    return min(1.0, float((total / processes + flying + total - sum(sizes)) / total))


def left_spread(trainer: Any) -> None:
    """Keep a trainer from wrapping a model that is spread already: for that it would be whole in each process."""
    accelerator = trainer.accelerator
    accelerator.prepare_model = partial(accelerator.prepare_model, evaluation_mode=True)


def _averaged(weight: Any) -> None:
    """The gradient's mean over the processes, at the last batch of a step: of a sum it is the same as of each."""
    import torch
    from accelerate.state import GradientState  # type: ignore[import-untyped]

    if GradientState().sync_gradients:
        torch.distributed.all_reduce(weight.grad, op=torch.distributed.ReduceOp.AVG)
