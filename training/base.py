"""A base model's shape without its weights: its config, its parameters on no device, and where adapters stand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from training.recipe import ALL_LINEAR, Lora
from xinheng.chat.local_files import folder_of
from xinheng.errors import UsageError

_KNOWN: Final = Path(__file__).with_name("bases.toml")
ROUTER: Final = "router"
# What adapters never follow when a recipe says all linear layers: the output.
_OUTPUT: Final = "lm_head"


@dataclass(frozen=True, slots=True)
class Layer:
    """A matrix that an adapter may stand beside.

    Args:
        name: Within the model.
        kind: The last part of its name, or `router`.
        inputs: Its columns.
        outputs: Its rows.
    """

    name: str
    kind: str
    inputs: int
    outputs: int


@cache
def known() -> dict[str, dict[str, Any]]:
    """Shapes of well-known bases by name, as `transformers.AutoConfig.for_model` takes them."""
    return tomllib.loads(_KNOWN.read_text(encoding="utf-8"))


def located(base: str) -> str:
    """Where a base is loaded from: a folder, or its name on the hub; `nano` comes with Xinheng."""
    return str(folder_of(base)) if base == "nano" else base


def config_of(base: str) -> Any:
    """The config of a base: of a folder, of a well-known name, or of the hub's.

    Raises:
        UsageError: There is none by that name or path.
    """
    from transformers import AutoConfig

    if base in known() and not Path(base).exists():
        shape = dict(known()[base])
        return AutoConfig.for_model(shape.pop("model_type"), **shape)
    try:
        return AutoConfig.from_pretrained(located(base))
    except (OSError, ValueError) as error:
        raise UsageError(
            base,
            "no base model",
            want=f"a folder with config.json, a model of the hub, or one of {', '.join(known())}",
            have=type(error).__name__,
        ) from error


def empty(config: Any, **given: Any) -> Any:
    """The model on no device: every parameter has a shape and no memory."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, **given)


def layers_of(model: Any) -> list[Layer]:
    """All matrices that adapters may stand beside, in the model's order; the experts of a mixture are none."""
    return list(_layers(model))


def _layers(model: Any) -> Iterator[Layer]:
    import torch

    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, torch.nn.Linear):
            yield Layer(name, name.rpartition(".")[2], module.in_features, module.out_features)
        elif "Router" in type(module).__name__ and weight is not None and weight.ndim == 2:
            # Since transformers 5 a mixture's router is a bare matrix.
            yield Layer(name, ROUTER, weight.shape[1], weight.shape[0])


def followed(layers: list[Layer], lora: Lora, *, who: str) -> list[Layer]:
    """The layers beside which a recipe puts adapters.

    Raises:
        UsageError: A target is not there.
    """
    if lora.targets == ALL_LINEAR:
        return [layer for layer in layers if layer.kind not in {_OUTPUT, ROUTER}]
    kinds = {layer.kind for layer in layers}
    missing = [target for target in lora.targets if target not in kinds and target != ROUTER]
    if missing:
        raise UsageError(
            who,
            f"the base has no layer {', '.join(missing)}",
            want=f"some of {', '.join(sorted(kinds - {_OUTPUT}))}, or all-linear",
            mend="Take another base, or a recipe with these targets.",
        )
    return [layer for layer in layers if layer.kind in lora.targets]


def adapter_parameters(layers: list[Layer], r: int) -> int:
    """Trainable parameters of adapters of rank `r`: r x (inputs + outputs) of each layer.

    >>> adapter_parameters([Layer("q", "q_proj", 4096, 4096), Layer("k", "k_proj", 4096, 1024)], 8)
    106496
    """
    return sum(r * (layer.inputs + layer.outputs) for layer in layers)
