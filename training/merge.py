"""Adapters merged: one into its base, or several into one; what was written is read back and must say the same."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from training.adapters import folder_of, quiet, readable_saving, require_base, settings_of, with_rows_for, words_of
from training.interference import Interference, interference
from training.merge_check import EXACT, Checked, asked, compared
from xinheng.chat.local_files import config_of, local_files, tensors, weights
from xinheng.errors import CheckFailed, InputError, UsageError, WriteError

CAT: Final = "cat"
# What peft's ways are; `cat` alone is the weighted sum itself, the others shorten or thin it.
WAYS: Final = (
    CAT, "linear", "svd", "ties", "ties_svd", "dare_ties", "dare_ties_svd", "dare_linear", "dare_linear_svd",
    "magnitude_prune", "magnitude_prune_svd",
)  # fmt: skip
_OF_EQUAL_RANK: Final = {"linear", "ties", "dare_ties", "dare_linear", "magnitude_prune"}
_WHOLE: Final = {CAT, "linear", "svd"}  # have no density
# What an adapter may bring beside low-rank changes of whole matrices; weights would lose or misread it.
_OWN: Final = {
    "trainable_token_indices": "special tokens of its own",
    "modules_to_save": "whole layers of its own",
    "target_parameters": "a change of a mixture's router",
    "use_dora": "magnitudes of its own (DoRA)",
    "lora_bias": "biases of its own",
    "bias": "biases of its own",
}
_ROOM: Final = 0.8  # of free memory


@quiet()
def into_base(base: str, adapter: Path, folder: Path, *, weight: float = 1.0) -> Checked:
    """A model of its own from a base and an adapter: weights, tokenizer, chat template, settings.

    It is summed in 32 bits where they fit into memory, and written in the base's own type.

    Args:
        base: The model's folder, or its name where it is in the hub's cache.
        adapter: The adapter's folder.
        folder: Is made; whole or not at all.
        weight: What the adapter's change is multiplied by; rows of new tokens are taken as they are.

    Raises:
        InputError: The adapter is of another base or cannot be merged.
        CheckFailed: What was written does not answer as base and adapter together.
        WriteError: The disk is full.
    """
    import torch

    where = _checked_base(base, [adapter])
    words = words_of(where, adapter)
    model, own = loaded(where, words)
    adapted = with_adapter(model, adapter, "a0", base)
    if weight != 1.0:
        _require_lora(adapter)
        for module in adapted.modules():
            scaling = getattr(module, "scaling", None)  # attention has one too, a number
            if isinstance(scaling, dict) and "a0" in scaling:
                scaling["a0"] *= weight
    ids, split = asked(words)
    with torch.no_grad():
        want = adapted(input_ids=ids).logits.float()
    made = adapted.merge_and_unload().to(own)
    with _staged(folder, "the merged model") as making:
        made.save_pretrained(making)
        words.save_pretrained(making)
        parameters = sum(weight.numel() for weight in made.parameters())
        del model, adapted, made
        gc.collect()
        back, again = _read(making)
        return compared(back, again, words, want, ids, split, own=own, parameters=parameters, who=str(folder))


@quiet()
def into_one(
    base: str,
    adapters: Mapping[str, float],
    folder: Path,
    *,
    way: str = CAT,
    density: float = 0.5,
    seed: int = 0,
) -> tuple[Interference, Checked]:
    """One adapter from several on the same base, and how much they stand in each other's way.

    Args:
        base: The model's folder, or its name where it is in the hub's cache.
        adapters: Folder of each adapter, and its weight.
        folder: Is made; whole or not at all.
        way: Of `WAYS`. `cat` is the exact weighted sum, its rank the sum of theirs; the others are peft's, of the
            largest rank.
        density: Share of the values that ways which thin out keep.
        seed: Of ways that draw what they keep.

    Raises:
        InputError: One is of another base, has tokens or layers of its own, or cannot be merged this way.
        CheckFailed: What was written does not answer as what was merged.
        WriteError: The disk is full.
    """
    import torch

    places = [Path(place) for place in adapters]
    where = _checked_base(base, places)
    _require_mergeable(places, way)
    words = _same_words(where, places)
    model, _ = loaded(where, words)
    names = {place: f"a{number}" for number, place in enumerate(adapters)}
    adapted = with_adapter(model, places[0], "a0", base)
    for place, name in list(names.items())[1:]:
        further(adapted, Path(place), name, base)
    options = {} if way in _WHOLE else {"density": density}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            # The merged factors have their scale in them; peft would scale them by the first adapter's rule once more.
            adapted.peft_config["a0"].use_rslora = False
            adapted.add_weighted_adapter(
                list(names.values()), list(adapters.values()), "merged", combination_type=way, **options
            )
        except (ValueError, TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
            mend = "Merge them into the base one by one." if way == CAT else "Take --way cat."
            have = type(error).__name__
            raise InputError("merge", f"peft cannot merge them by {way}", have=have, mend=mend) from error
    adapted.set_adapter("merged")
    ids, split = asked(words)
    told = interference(adapted, names, adapters, "merged")
    with torch.no_grad():
        want = adapted(input_ids=ids).logits.float()
    if way == CAT and not told.apart <= EXACT:
        have = f"a change that differs from it by {told.apart:.3g} of its norm"
        raise CheckFailed(str(folder), "the merged adapter is not the weighted sum", have=have)
    adapted.peft_config["merged"].base_model_name_or_path = str(where.resolve()) if Path(base).is_dir() else base
    with _staged(folder, "the merged adapter") as making:
        adapted.save_pretrained(making, selected_adapters=["merged"], save_embedding_layers=False)
        for file in (making / "merged").iterdir():
            file.rename(making / file.name)
        (making / "merged").rmdir()
        (making / "README.md").unlink(missing_ok=True)  # peft's empty card
        words.save_pretrained(making)
        count = sum(size for file in weights(making) for _, size, _ in tensors(file))
        del model, adapted
        gc.collect()
        again = words_of(where, making)
        back, _ = loaded(where, again)
        back = with_adapter(back, making, "a0", base)
        checked = compared(back, again, words, want, ids, split, own=torch.float32, parameters=count, who=str(folder))
        return told, checked


def _checked_base(base: str, adapters: Sequence[Path]) -> Path:
    where = folder_of(base)
    local_files(str(where), name=base)
    for adapter in adapters:
        require_base(base, adapter)
    if config_of(where).get("quantization_config"):
        raise InputError(
            base,
            "the base is quantised: a sum with its rounded weights would be rounded again",
            want="the base in 16 or 32 bits, of which it was made",
            mend="Merge into that one; then xinheng quantise.",
        )
    return where


def _require_mergeable(adapters: Sequence[Path], way: str) -> None:
    """Raise where merging by weights would lose what an adapter brings beside low-rank changes."""
    told = {str(adapter): settings_of(adapter) for adapter in adapters}
    for adapter, settings in told.items():
        own = [what for key, what in _OWN.items() if settings.get(key) and settings[key] != "none"]
        kind = str(settings.get("peft_type", "LORA"))
        if kind != "LORA" or own:
            raise InputError(
                adapter,
                f"an adapter with {own[0] if own else f'changes of the kind {kind}'} cannot be merged with others",
                want="plain LoRA adapters, or this one alone",
                mend="Merge it into the base first, and train the others on that.",
            )
    ranks = {settings.get("r") for settings in told.values()}
    if way in _OF_EQUAL_RANK and len(ranks) > 1:
        raise UsageError(
            "merge",
            f"{way} wants adapters of one rank",
            have=", ".join(map(str, sorted(ranks, key=str))),
            mend=f"Take --way cat, or {'svd' if way == 'linear' else way + '_svd'}.",
        )


def _require_lora(adapter: Path) -> None:
    if (kind := settings_of(adapter).get("peft_type", "LORA")) != "LORA":
        raise InputError(str(adapter), "a weight other than 1", want="a LoRA adapter", have=str(kind))


def _same_words(base: Path, adapters: Sequence[Path]) -> Any:
    first, *others = [words_of(base, adapter) for adapter in adapters]
    for adapter, other in zip(adapters[1:], others, strict=True):
        if other.get_vocab() != first.get_vocab():
            raise InputError(
                str(adapter), "its tokenizer is not that of the first adapter", mend="Merge adapters of one tokenizer."
            )
    return first


def loaded(folder: Path, words: Any) -> tuple[Any, Any]:
    """A model on the processor, in 32 bits where they fit, and its own type.

    Raises:
        InputError: It does not fit into memory.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    own = config.get_text_config(decoder=True).dtype or torch.float32
    values = sum(count for file in weights(folder) for _, count, _ in tensors(file))
    room = require_room(folder, min(4, own.itemsize) * values)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32 if 4 * values <= room else own)
    return with_rows_for(model, words).eval(), own


def _read(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    return loaded(folder, words)[0], words


def require_room(folder: Path, needed: int) -> float:
    """Bytes of memory that can be used.

    Raises:
        InputError: They are fewer than a model needs: said before it is loaded.
    """
    import psutil

    room: float = _ROOM * psutil.virtual_memory().available
    if needed > room:
        have = f"{room / 2**30:.1f} GiB that can be used"
        raise InputError(
            str(folder), "too large for this machine", want=f"{needed / 2**30:.1f} GiB of memory", have=have
        )
    return room


def with_adapter(model: Any, adapter: Path, name: str, base: str) -> Any:
    """A model with an adapter.

    Raises:
        InputError: Its shapes or names do not fit.
    """
    from peft import PeftModel

    with _fitting(adapter, base):
        return PeftModel.from_pretrained(model, str(adapter), adapter_name=name).eval()


def further(adapted: Any, adapter: Path, name: str, base: str) -> None:
    """Load one more adapter beside those that a model has; as `with_adapter`."""
    with _fitting(adapter, base):
        adapted.load_adapter(str(adapter), adapter_name=name)


@contextmanager
def _fitting(adapter: Path, base: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        have = f"shapes or names that do not fit ({type(error).__name__})"
        raise InputError(
            str(adapter), "an adapter for another base", want=base, have=have, mend="Name the base it was trained on."
        ) from error


@contextmanager
def _staged(folder: Path, what: str) -> Iterator[Path]:
    """A folder beside `folder` that takes its place when all is written and checked."""
    making = folder.with_name(f".{folder.name}.making")
    with readable_saving(folder, what):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise WriteError(str(folder), "in the way", want="no folder, or an empty one", mend="Choose another.")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            yield making
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
