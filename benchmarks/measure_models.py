"""A model that measures texts, from a folder or the hub: whatever is wrong with it is said in words.

Such a model is no counsellor: it is asked nothing, it reads. It runs on the GPU where there is one, in single
precision, and no program that comes with it is ever run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from xinheng.errors import ModelError

Kind = Literal["encoder", "classifier", "writer"]

_CLASSES: Final = {
    "encoder": "AutoModel",
    "classifier": "AutoModelForSequenceClassification",
    "writer": "AutoModelForSeq2SeqLM",
}
_SMALL: Final = ("*.json", "*.txt", "*.model")
_WEIGHTS: Final = ("*.safetensors", "*.bin")
_INSTALL: Final = "pip install 'xinheng[local]'"
_UNBOUNDED: Final = 10**9  # tokenizers without a limit say a number with thirty digits


@dataclass(frozen=True)
class Reader:
    """A model with its tokenizer.

    Args:
        name: The last part of its folder or hub name.
        identity: SHA-256 of weights, settings and tokenizer; the same in any folder.
        model: Of transformers, in evaluation mode.
        words: The tokenizer.
        device: Where inputs go.
        limit: Tokens of a text that it can read.
    """

    name: str
    identity: str
    model: Any
    words: Any
    device: Any
    limit: int

    @property
    def facts(self) -> dict[str, str]:
        """For the record."""
        return {"name": self.name, "identity": self.identity}


def reader(place: str, kind: Kind, *, who: str) -> Reader:
    """A model, loaded.

    Args:
        place: A folder with a model of transformers, or a name on the Hugging Face hub (`facebook/bart-large-cnn`).
        kind: What it is used as.
        who: The measure, for messages.

    Raises:
        ModelError: It is not there, of another kind, broken, or lacks weights (which would be filled at random).
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ModelError(who, "a package is missing", have=f"no {error.name}", mend=_INSTALL) from None
    folder = _folder(place, who)
    name = Path(place).name or place
    device = torch.device(
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )
    with _readable(folder, kind, who), quiet():
        words = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, told = getattr(transformers, _CLASSES[kind]).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    # Poolers stand above the layers that are read: many published encoders come without one.
    if missing := sorted(key for key in told["missing_keys"] if "pooler" not in key):
        raise ModelError(
            who,
            "the weights are not those of a " + kind,
            have=f"{len(missing)} tensors missing, such as {missing[0]} ({folder})",
            mend="Name a model that was trained for this.",
        )
    model = model.eval().to(device)
    return Reader(name, digest_of(folder), model, words, device, _limit(model, words))


def settings_of(place: str, *, who: str) -> dict[str, Any]:
    """A model's `config.json`, so that what does not fit is known before anything is asked or loaded.

    Raises:
        ModelError: It is not there, or cannot be read.
    """
    path = _folder(place, who) / "config.json"
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(who, "cannot be read", want="a JSON object", have=f"{path} ({type(error).__name__})") from None
    if not isinstance(told, dict):
        raise ModelError(who, "cannot be read", want="a JSON object", have=str(path))
    return told


def digest_of(folder: Path) -> str:
    """SHA-256 of all files of a model's folder that take part in what it says."""
    whole = hashlib.sha256()
    for path in sorted(path for pattern in (*_SMALL, *_WEIGHTS) for path in folder.glob(pattern)):
        with path.open("rb") as file:
            whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; on a CPU torch says so only in its words."""
    return isinstance(error, MemoryError) or "out of memory" in str(error) or "not enough memory" in str(error)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and telling warnings that are errors here."""
    import transformers.utils.logging as told

    level, bars = told.get_verbosity(), told.is_progress_bar_enabled()
    told.set_verbosity(logging.ERROR)
    told.disable_progress_bar()
    try:
        yield
    finally:
        told.set_verbosity(level)
        if bars:
            told.enable_progress_bar()


def _folder(place: str, who: str) -> Path:
    folder = Path(place).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(who, "no model in the folder", want="config.json", have=str(folder))
        return folder
    if place.startswith((".", "/", "~")) or place.count("/") > 1:
        raise ModelError(who, "no such folder", want="a folder with a model, or a name on the hub", have=place)
    from huggingface_hub import snapshot_download

    try:
        found = Path(snapshot_download(place, allow_patterns=[*_SMALL, "*.safetensors"]))
        if not any(found.glob("*.safetensors")):
            found = Path(snapshot_download(place, allow_patterns=[*_SMALL, "pytorch_model*.bin"]))
    except Exception as error:  # noqa: BLE001 - whatever the network, the hub or its name checks lead to
        raise ModelError(
            who, "not in a folder, and not to be had from the hub", have=f"{place} ({type(error).__name__})",
            mend="Fetch it where there is a network, and name its folder.",
        ) from None  # fmt: skip
    return found


@contextlib.contextmanager
def _readable(folder: Path, kind: str, who: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ModelError(who, "a package is missing", have=f"no {error.name or 'package'}", mend=_INSTALL) from None
    except Exception as error:  # noqa: BLE001 - whatever a broken folder leads to
        if out_of_memory(error):
            raise ModelError(who, "not enough memory to load it", have=str(folder)) from None
        raise ModelError(
            who, "cannot be loaded", want=f"a {kind} with its tokenizer", have=f"{type(error).__name__} ({folder})"
        ) from None


def _limit(model: Any, words: Any) -> int:
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and config.model_type in {"roberta", "xlm-roberta", "camembert", "longformer"}:
        positions -= int(config.pad_token_id or 0) + 1  # its positions begin behind that of padding
    limits = [n for n in (positions, words.model_max_length) if isinstance(n, int) and 0 < n < _UNBOUNDED]
    return min(limits, default=512)
