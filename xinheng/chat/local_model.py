"""A model in this process, loaded so that whatever is wrong with it is said in words."""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xinheng.chat.local_files import LocalFiles, config_of, tensors, weights
from xinheng.errors import ModelError

_ROOM: Final = 0.9  # of the free memory that weights may take
_MISSING: Final = "pip install 'xinheng[local]'"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with all that belongs to it.

    Args:
        model: Of transformers, with its adapter.
        words: The tokenizer.
        device: Where inputs go.
        context: Tokens of prompt and answer together; None where the model tells no limit.
        ends: Tokens that end an answer.
        temperature: Where none is wanted: of the model's own settings, 0 where they do not sample.
        top_p: Likewise.
        top_k: Likewise; 0 for all.
        repetition_penalty: Likewise; 1 for none.
        takes: Which optional inputs the model knows.
    """

    model: Any
    words: Any
    device: Any
    context: int | None
    ends: frozenset[int]
    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    takes: frozenset[str]


def load(files: LocalFiles, *, name: str) -> Loaded:
    """The model, on the GPU where there is one.

    On a GPU it has the precision that it was saved with; on a CPU single precision where that fits into memory, since
    an answer then hardly depends on what it is batched with, else its own.

    Raises:
        ModelError: It cannot be loaded, with the way out.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ModelError(name, "a package is missing", have=f"no {error.name}", mend=_MISSING) from None
    words = _tokenizer(files.tokenizer, name)
    device = _device(torch)
    options: dict[str, Any] = {"dtype": _precision(torch, files, device, name)}
    if files.four_bit:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32 if device.type == "cpu" else torch.bfloat16,
        )
    if device.type == "cuda":
        options["device_map"] = "auto" if torch.cuda.device_count() > 1 else {"": 0}
    elif files.four_bit:
        options["device_map"] = {"": device.type}
    with _readable(name, files), _quiet():
        model, told = transformers.AutoModelForCausalLM.from_pretrained(
            files.base, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True,
            **options,
        )  # fmt: skip
        _require_whole(told, files.base, name)
        if files.adapter is not None:
            if len(words) > model.get_input_embeddings().weight.shape[0]:
                # Tokens that came with the adapter, which holds their rows.
                model.resize_token_embeddings(len(words), mean_resizing=False)
            model = _with_adapter(model, files.adapter, name)
        if "device_map" not in options:
            model = model.to(device)
        model.eval()
    return _described(model, words, device)


def release(loaded: Loaded) -> None:
    """Give the memory back; the caller must hold no other reference."""
    import torch

    device = loaded.device.type
    del loaded
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _described(model: Any, words: Any, device: Any) -> Loaded:
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    config, own = bare.config.get_text_config(decoder=True), bare.generation_config
    ends = own.eos_token_id if own.eos_token_id is not None else config.eos_token_id
    stated = ends if isinstance(ends, list | tuple) else [ends]
    samples = bool(own.do_sample)
    limits = [getattr(config, "max_position_embeddings", None), words.model_max_length]
    return Loaded(
        model,
        words,
        device,
        # Tokenizers without a limit say a number with thirty digits.
        next((int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < 10**9), None),
        frozenset(int(end) for end in (*stated, words.eos_token_id) if end is not None),
        float(own.temperature if own.temperature is not None else 1.0) if samples else 0.0,
        float(own.top_p or 1.0) if samples else 1.0,
        int(own.top_k or 0) if samples else 0,
        float(own.repetition_penalty or 1.0),
        frozenset(inspect.signature(bare.forward).parameters),
    )


def _tokenizer(folder: Path, name: str) -> Any:
    from transformers import AutoTokenizer

    if not any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")):
        mend = "Copy tokenizer.json and tokenizer_config.json from where the model came from."
        raise ModelError(name, "no tokenizer", want="tokenizer.json", have=str(folder), mend=mend)
    try:
        with _quiet():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - whatever a broken file leads to
        raise ModelError(name, "the tokenizer cannot be read", have=f"{type(error).__name__} ({folder})") from None


def _device(torch: Any) -> Any:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _precision(torch: Any, files: LocalFiles, device: Any, name: str) -> Any:
    """The precision to load with; `auto` is the weights' own.

    Raises:
        ModelError: The weights do not fit into this machine's memory in any.
    """
    sizes = [(count, width) for path in weights(files.base) for _, count, width in tensors(path)]
    whole, own = sum(count for count, _ in sizes), sum(count * width for count, width in sizes)
    if device.type != "cpu":
        return "auto"
    free = _ROOM * _free_bytes()
    needed = round(whole * 0.6) if files.four_bit else own
    if needed > free:
        mend = "Take a smaller model or a machine with more memory"
        mend += "." if files.four_bit else f", or try {name}?4bit, which needs about {_gib(whole * 0.6)}."
        raise ModelError(name, "too large", want=_gib(needed), have=f"{_gib(free)} that can be used", mend=mend)
    return torch.float32 if files.four_bit or whole * 4 <= free else "auto"


def _free_bytes() -> float:
    import psutil

    free = float(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):  # a container's own limit
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        free = min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    return free


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def _require_whole(told: Any, folder: Path, name: str) -> None:
    """Raise where weights are missing: transformers fills them with random numbers and warns."""
    missing = list(told["missing_keys"]) if "missing_keys" in told else []
    if missing:
        have = f"{len(missing)} tensors missing, such as {missing[0]} ({folder})"
        raise ModelError(name, "the weights are not those of config.json", have=have, mend="Fetch the model again.")


def _with_adapter(model: Any, folder: Path, name: str) -> Any:
    from peft import PeftModel, get_peft_model_state_dict

    mend = f"Name the model that it was trained on; it says {_trained_on(folder)}."
    try:
        with warnings.catch_warnings():
            # Between peft and transformers; whoever asks a model can do nothing about it.
            warnings.simplefilter("ignore", FutureWarning)
            adapted = PeftModel.from_pretrained(model, folder, local_files_only=True)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        have = f"shapes or names do not fit, {type(error).__name__} ({folder})"
        raise ModelError(name, "an adapter for another model", have=have, mend=mend) from None
    there = {key for path in weights(folder) for key, _, _ in tensors(path)}
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    lacking = {key for key in wanted - there if "lora_" in key}
    if lacking or {key for key in there - wanted if "lora_" in key}:
        have = f"{len(lacking)} of {len(wanted)} tensors missing ({folder})"
        raise ModelError(name, "an adapter for another model", have=have, mend=mend)
    return adapted


def _trained_on(folder: Path) -> str:
    import json

    told = json.loads((folder / "adapter_config.json").read_text("utf-8")).get("base_model_name_or_path")
    return str(told) if told else "nothing of it"


@contextlib.contextmanager
def _readable(name: str, files: LocalFiles) -> Iterator[None]:
    import torch

    try:
        yield
    except ModelError:
        raise
    except (torch.OutOfMemoryError, MemoryError):
        raise ModelError(name, "not enough memory to load it", mend=memory_mend(files.four_bit)) from None
    except ImportError as error:
        have = f"no {error.name}" if error.name else "see xinheng[local]"
        raise ModelError(name, "a package is missing", have=have, mend=_MISSING) from None
    except Exception as error:  # noqa: BLE001 - whatever a broken folder leads to
        if is_out_of_memory(error):
            raise ModelError(name, "not enough memory to load it", mend=memory_mend(files.four_bit)) from None
        kind = config_of(files.base).get("model_type")
        have = f"{type(error).__name__}, model_type {kind} ({files.base})"
        mend = (
            "It may be no model that answers, need a newer transformers, or programs of its own, which are never run."
        )
        raise ModelError(name, "cannot be loaded", have=have, mend=mend) from None


def memory_mend(four_bit: bool) -> str:  # noqa: FBT001
    """The way out where memory does not suffice."""
    return "Close other programs or take a smaller model" + ("." if four_bit else ", or add ?4bit to its name.")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; on a CPU torch says so only in its words."""
    import torch

    words = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("not enough memory" in words or "out of memory" in words)
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep libraries from drawing bars and telling warnings that `load` turns into errors."""
    import transformers.utils.logging as told

    level, bars = told.get_verbosity(), told.is_progress_bar_enabled()
    others = {name: logging.getLogger(name).level for name in ("bitsandbytes", "peft", "accelerate")}
    told.set_verbosity_error()
    told.disable_progress_bar()
    for other in others:
        logging.getLogger(other).setLevel(logging.ERROR)
    try:
        yield
    finally:
        told.set_verbosity(level)
        if bars:
            told.enable_progress_bar()
        for other, before in others.items():
            logging.getLogger(other).setLevel(before)
