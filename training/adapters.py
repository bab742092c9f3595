"""Adapters in folders: saved with the tokenizer they were trained with, proven by reading them back, and merged."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.load import Ready
from xinheng.errors import CheckFailed, InputError, WriteError


@dataclass(frozen=True)
class Proof:
    """That what was saved is what was trained.

    Args:
        tokens: Special tokens that were added, each one id before and after.
        largest: Largest difference of a logit, between the model in memory and the one read back.
        merged: The same of the merged model.
    """

    tokens: int
    largest: float
    merged: float


def save(ready: Ready, folder: Path, *, base: str) -> None:
    """Write adapter and tokenizer beside each other; an older adapter stays until the new one is whole.

    Args:
        ready: The trained model.
        folder: Of the adapter.
        base: As the adapter will name it.

    Raises:
        WriteError: The disk is full or refuses.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ready.model.peft_config["default"].base_model_name_or_path = base
            ready.model.save_pretrained(making, save_embedding_layers=False)
        ready.words.save_pretrained(making)
        old = folder.with_name(f".{folder.name}-old")
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        making.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise WriteError(str(folder), "the adapter cannot be written", have=error.strerror or str(error)) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def merged(base: str, adapters: Mapping[str, float], folder: Path, *, how: str = "linear") -> dict[str, float]:
    """A model of its own from a base and adapters, in `folder`.

    Args:
        base: The model's folder or name.
        adapters: Folder of an adapter, and its weight.
        folder: Is made.
        how: Of several: peft's `linear` (the weighted sum of the changes), `ties` or `dare_ties`.

    Returns:
        Interference: for each adapter the share of its change's norm that the merged change has in its direction; its
        weight for an adapter alone.

    Raises:
        InputError: An adapter is of another base.
    """
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    names = {path: f"a{number}" for number, path in enumerate(adapters)}
    for path in adapters:
        _require_base(base, Path(path))
    if len(names) > 1:
        _require_no_tokens(names)
    words = AutoTokenizer.from_pretrained(next(iter(adapters)))
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    if len(words) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(words), mean_resizing=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, *others = names.items()
        adapted = PeftModel.from_pretrained(model, first[0], adapter_name=first[1])
        for path, name in others:
            adapted.load_adapter(path, adapter_name=name)
        if others:
            # peft's own "linear" adds the factors, not what they multiply to: it has cross terms; "cat" has none.
            combined = "cat" if how == "linear" else how
            options: dict[str, Any] = {} if how == "linear" else {"density": 0.5}
            weights = [adapters[path] for path in names]
            adapted.add_weighted_adapter(list(names.values()), weights, "all", combination_type=combined, **options)
            adapted.set_adapter("all")
        before = {path: _change(adapted, name) for path, name in names.items()}
        if not others:
            for module in adapted.modules():
                if first[1] in getattr(module, "lora_A", {}):
                    module.scaling[first[1]] *= adapters[first[0]]
        whole = _change(adapted, "all" if others else first[1])
        told = {path: _left(change, whole) for path, change in before.items()}
        made = adapted.merge_and_unload()
    made.save_pretrained(folder)
    words.save_pretrained(folder)
    return told


def prove(ready: Ready, folder: Path, base: str, *, asked: str = "我最近睡不好。 I cannot sleep.") -> Proof:
    """Read an adapter back, and merge it; the answers must be those of the model in memory.

    Raises:
        CheckFailed: They are not, or a special token is no single id any more.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    tokens = ready.words.convert_ids_to_tokens(list(ready.new_tokens))
    split = [t for t in tokens if words(t, add_special_tokens=False)["input_ids"] != [words.convert_tokens_to_ids(t)]]
    text = "".join(tokens) + asked
    ids = torch.tensor([words(text, add_special_tokens=False)["input_ids"]])
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if len(words) > plain.get_input_embeddings().weight.shape[0]:
        plain.resize_token_embeddings(len(words), mean_resizing=False)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        ready.model.eval()
        want = ready.model(input_ids=ids.to(ready.model.device)).logits.float().cpu()
        back = PeftModel.from_pretrained(plain, folder).eval()
        have = back(input_ids=ids).logits
        whole = back.merge_and_unload()(input_ids=ids).logits
    largest, of_merged = (float((want - other).abs().max()) for other in (have, whole))
    # A quantised base is not read back as such here; its answers are near, not equal.
    quantised = getattr(ready.model.get_base_model(), "is_quantized", False) or ready.half
    most = (0.5 if quantised else 1e-3) * max(1.0, float(want.abs().max()))
    if split or not max(largest, of_merged) <= most:  # a difference that is no number is one
        raise CheckFailed(
            str(folder),
            "what was saved is not what was trained",
            want="equal answers, one id for each special token",
            have=f"logits differ by {max(largest, of_merged):.3g}; {len(split)} tokens split",
        )
    return Proof(len(tokens), largest, of_merged)


def _change(adapted: Any, name: str) -> dict[str, Any]:
    """What an adapter adds to each of the base's matrices."""
    found = {
        place: module.get_delta_weight(name).detach().float()
        for place, module in adapted.named_modules()
        if name in getattr(module, "lora_A", {})
    }
    if not found:
        raise InputError("merge", "the adapter changes no matrix", have=name)
    return found


def _left(change: dict[str, Any], whole: dict[str, Any]) -> float:
    """How much of a change is in the whole change; 0 for a change of nothing."""
    norm = sum(float(part.square().sum()) for part in change.values())
    both = sum(float((part * whole[place]).sum()) for place, part in change.items() if place in whole)
    return both / norm if norm else 0.0


def _require_no_tokens(adapters: Iterable[str]) -> None:
    """Raise where one of several adapters brings rows for tokens of its own: weighted merging would lose them."""
    for path in adapters:
        told = json.loads((Path(path) / "adapter_config.json").read_text(encoding="utf-8"))
        if told.get("trainable_token_indices"):
            raise InputError(
                path,
                "an adapter with special tokens of its own cannot be merged with others",
                want="adapters without new tokens, or this one alone",
                mend="Merge it into the base first, and train the others on that.",
            )


def _require_base(base: str, adapter: Path) -> None:
    """Raise when an adapter says that it was trained on another base."""
    try:
        told = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        have = type(error).__name__
        raise InputError(str(adapter), "no adapter", want="a folder with adapter_config.json", have=have) from error
    named = told.get("base_model_name_or_path")
    if named and named != base and Path(named).name != Path(base).name:
        raise InputError(
            str(adapter), "an adapter for another base", want=base, have=str(named), mend="Name the base it says."
        )
