"""A recipe of training: what is trained on which rows in which format, as a few typed values in a Python file."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from training import recipes
from training.render import Format
from xinheng.errors import RecipeError

Method = Literal["sft", "dpo", "sft+dpo"]
Keep = Literal["best", "last"]
Quantisation = Literal["nf4", "nf4-double", "int8"]
Optimiser = Literal["adamw", "paged_adamw_32bit", "paged_adamw_8bit"]
Schedule = Literal["constant", "cosine", "linear"]
Rows = Literal["example", "preference"]

ALL_LINEAR: Final = "all-linear"


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters.

    Args:
        r: Rank.
        alpha: Scale; what is added is multiplied by alpha / r.
        dropout: In front of the adapter.
        targets: Names of the layers that get one, such as `q_proj`; `all-linear` for all but the output. A mixture's
            router is named `router`.
    """

    r: int
    alpha: int
    dropout: float = 0.0
    targets: tuple[str, ...] | Literal["all-linear"] = ALL_LINEAR


@dataclass(frozen=True)
class Training:
    """All that a recipe says.

    Args:
        title: In English and Chinese.
        lora: The adapter.
        method: Supervised, by preferences, or first one and then the other.
        rows: What it trains on; `sft+dpo` wants PREFERENCE rows and trains on their chosen answers first.
        form: How conversations are written.
        context: Most tokens of a row.
        rate: Highest learning rate.
        schedule: Of the rate.
        warm_up: Share of the steps in which the rate rises.
        decay: Of weights.
        clip: Largest norm of a gradient.
        batch: Rows of a device at once.
        accumulation: Batches per step.
        epochs: Over the rows; None where `steps` says how long.
        steps: None where `epochs` say how long.
        optimiser: Paged ones fall back to memory where there is no GPU.
        quantisation: Of the base while it is trained on.
        checkpointing: Compute activations twice instead of keeping them.
        packing: Lay the rows of a batch end to end, none reading another, where answers are learnt: without padding,
            which pays with flash attention on a GPU; on a processor batches of like length are faster.
        tag_tokens: Give the tags of tagged dialogues a token each.
        beta: Of DPO: how far answers may go from the base's.
        patience: Evaluations without a better loss until it ends early; None for never.
        keep: Whose adapters are kept where there are validation rows: of the step of the least loss, or of the last.
            Where a label stands before a long reason, the loss is nearly all of the reason and tells little of it.
        seed: Of order, dropout and new weights.
    """

    title: Mapping[str, str]
    lora: Lora
    method: Method = "sft"
    rows: Rows = "example"
    form: Format = "template"
    context: int = 1024
    rate: float = 2e-4
    schedule: Schedule = "cosine"
    warm_up: float = 0.03
    decay: float = 0.0
    clip: float = 1.0
    batch: int = 4
    accumulation: int = 4
    epochs: float | None = 3
    steps: int | None = None
    optimiser: Optimiser = "adamw"
    quantisation: Quantisation | None = None
    checkpointing: bool = False
    packing: bool = False
    tag_tokens: bool = False
    beta: float = 0.1
    patience: int | None = None
    keep: Keep = "best"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        wrong = []
        if (self.epochs is None) == (self.steps is None):
            wrong.append("epochs or steps: one of them")
        if self.method != "sft" and self.rows != "preference":
            wrong.append(f"{self.method} needs rows = 'preference'")
        if self.keep == "last" and self.patience is not None:
            wrong.append("patience ends at the best step: it needs keep = 'best'")
        wrong += [
            f"{name} {value}"
            for name, value in (("r", self.lora.r), ("context", self.context), ("batch", self.batch))
            if value < 1
        ]
        if wrong:
            raise RecipeError("training recipe", "cannot be", have="; ".join(wrong))


def names() -> list[str]:
    """The recipes that come with Xinheng."""
    return sorted(module.name for module in pkgutil.iter_modules(recipes.__path__))


def load(name: str) -> Training:
    """A recipe by name, or by the path of a Python file that defines RECIPE (which is run).

    Raises:
        RecipeError: There is none, it cannot be run, or holds no RECIPE.
    """
    if name in names():
        found = importlib.import_module(f"{recipes.__name__}.{name}").RECIPE
        if isinstance(found, Training):
            return found
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise RecipeError(name, "no such recipe", want=f"one of {', '.join(names())}, or a Python file with RECIPE")
    spec = importlib.util.spec_from_file_location(f"xinheng_training_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RecipeError(name, "not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(name, "the recipe cannot be run", have=f"{type(error).__name__}: {error}") from error
    found = getattr(module, "RECIPE", None)
    if not isinstance(found, Training):
        raise RecipeError(name, "no recipe in it", want="RECIPE = Training(…)", have=type(found).__name__)
    return found
