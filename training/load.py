"""A base made ready for adapters: loaded, quantised where the recipe says so, its new tokens given their rows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from training.base import ROUTER, followed, layers_of
from training.distributed import device, sharded, start
from training.recipe import Training
from training.spreading import spread
from xinheng.errors import UsageError

_QUANTISED: Final[Mapping[str, Mapping[str, Any]]] = {
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "nf4-double": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
    "int8": {"load_in_8bit": True},
}


@dataclass(frozen=True)
class Ready:
    """A model with adapters, and its tokenizer.

    Args:
        model: Of peft, its adapters trainable and nothing else but the rows of new tokens.
        words: The tokenizer.
        new_tokens: Ids of the tokens that were added.
        half: Whether it computes in sixteen bits.
    """

    model: Any
    words: Any
    new_tokens: tuple[int, ...]
    half: bool


def on_gpu() -> bool:
    """Whether there is a GPU to train on."""
    import torch

    return bool(torch.cuda.is_available())


def tokenizer_of(base: str, new: Mapping[str, str]) -> tuple[Any, tuple[int, ...]]:
    """The base's tokenizer with new tokens, and the ids of those it did not have.

    Raises:
        UsageError: It cannot take a token as one.
    """
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(base)
    if words.pad_token_id is None:
        words.pad_token = words.eos_token or words.unk_token
    before = len(words)
    words.add_special_tokens({"additional_special_tokens": list(new)}, replace_extra_special_tokens=False)
    broken = [token for token in new if len(words(token, add_special_tokens=False)["input_ids"]) != 1]
    if broken:
        raise UsageError(
            base,
            f"its tokenizer splits {len(broken)} of {len(new)} special tokens",
            want="one id for each",
            have=", ".join(broken[:5]),
            mend="Take another base.",
        )
    return words, tuple(range(before, len(words)))


def ready(base: str, recipe: Training, *, new: Mapping[str, str] | None = None) -> Ready:
    """A base with fresh adapters.

    A router is a bare matrix in transformers 5. peft (0.21) adds to such a matrix itself, where no input could be
    dropped, and refuses any dropout; and one setting holds for all adapters of a model. With a router among the targets
    none of them gets dropout, whatever the recipe says.

    New tokens begin as the mean of what their meanings' tokens are, and only their rows are trained. Where the launcher
    asks for FSDP, the base is spread over the processes.

    Args:
        base: A folder, or a name of the hub.
        recipe: What adapters it gets.
        new: Special tokens and what they mean.

    Raises:
        UsageError: The base lacks what the recipe names, or it is quantised and to be spread.
    """
    import torch

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    half = on_gpu()
    start(cpu=not half)
    _require_spreadable(recipe)
    words, ids = tokenizer_of(base, new or {})
    dtype = torch.bfloat16 if half else torch.float32
    given: dict[str, Any] = {"dtype": dtype}
    if recipe.quantisation:
        given["quantization_config"] = BitsAndBytesConfig(
            **_QUANTISED[recipe.quantisation], **({} if recipe.quantisation == "int8" else _compute(dtype))
        )
        given["device_map"] = {"": device()} if half else {"": "cpu"}
    model = AutoModelForCausalLM.from_pretrained(base, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by older names
        if recipe.quantisation:
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=recipe.checkpointing)
        if ids:
            _give_rows(model, words, ids, new or {})
        torch.manual_seed(recipe.seed)  # of the adapters
        adapted = get_peft_model(model, LoraConfig(**_adapters(model, recipe, base), **_rows(model, ids)))
    if recipe.checkpointing:
        adapted.enable_input_require_grads()
    if sharded():
        spread(adapted, device="cuda" if half else "cpu")
    return Ready(adapted, words, ids, half)


def _require_spreadable(recipe: Training) -> None:
    if sharded() and recipe.quantisation:
        raise UsageError(
            "train",
            f"a base in {recipe.quantisation} cannot be spread over processes (FSDP)",
            want="a recipe without quantisation, or the base whole in each process",
            mend="Launch without FSDP, where each process holds it whole, or set quantisation = None in the recipe.",
        )


def _compute(dtype: Any) -> dict[str, Any]:
    return {"bnb_4bit_compute_dtype": dtype}


def _adapters(model: Any, recipe: Training, base: str) -> dict[str, Any]:
    lora = recipe.lora
    kinds = {layer.kind for layer in followed(layers_of(model), lora, who=base)}
    found: dict[str, Any] = {
        "r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": lora.targets if isinstance(lora.targets, str) else sorted(kinds - {ROUTER}),
        "task_type": "CAUSAL_LM",
    }
    if ROUTER in kinds:
        found["target_parameters"] = ["gate.weight"]
        # Beside a bare matrix peft adds to the matrix itself; there is no input that could be dropped, and it refuses.
        found["lora_dropout"] = 0.0
    return found


def _rows(model: Any, ids: tuple[int, ...]) -> dict[str, Any]:
    """New tokens alone get new rows; where input and output are one matrix, peft follows."""
    if not ids:
        return {}
    embedding = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
    rows = {embedding.rpartition(".")[2]: list(ids)}
    output = model.get_output_embeddings()
    if output is not None and output.weight is not model.get_input_embeddings().weight:
        name = next(name for name, module in model.named_modules() if module is output)
        rows[name.rpartition(".")[2]] = list(ids)
    return {"trainable_token_indices": rows}


def _give_rows(model: Any, words: Any, ids: tuple[int, ...], new: Mapping[str, str]) -> None:
    """Rows for new tokens: the mean of the rows of what they mean, scaled to the usual length."""
    import torch

    old = ids[0]
    make_room(model, words)
    matrices = [model.get_input_embeddings().weight]
    output = model.get_output_embeddings()
    if output is not None and output.weight is not matrices[0]:
        matrices.append(output.weight)
    with torch.no_grad():
        for matrix in matrices:
            for index in ids:
                meaning = new[words.convert_ids_to_tokens(index)]
                pieces = [i for i in words(meaning, add_special_tokens=False)["input_ids"] if i < old]
                matrix[index] = matrix[pieces].mean(dim=0) if pieces else matrix[:old].mean(dim=0)


def make_room(model: Any, words: Any) -> None:
    """As many rows as the tokenizer has tokens; those that nobody fills are 0, not by chance what they are.

    A base's own tokenizer may have tokens that its model has no row for.
    """
    import torch

    before = model.get_input_embeddings().weight.shape[0]
    if before < len(words):
        model.resize_token_embeddings(len(words), mean_resizing=False)
        with torch.no_grad():
            for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
                if layer is not None:
                    layer.weight[before:] = 0
