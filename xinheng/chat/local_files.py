"""The folders of a model in this process: checked before anything heavy is loaded, and named by what is in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xinheng.chat.cache import recall, remember
from xinheng.errors import ModelError, UsageError

_TOKENIZER: Final = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json",
    "special_tokens_map.json", "tokenizer_config.json", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_NANO: Final = Path(__file__).parents[1] / "nano"
_BYTES_OF: Final = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
_HEADER_MOST: Final = 100 * 2**20  # of a safetensors file, by its format
_WORTH_REMEMBERING: Final = 64 * 2**20  # bytes of a file whose digest is kept


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Which model.

    Args:
        base: Its folder.
        adapter: Folder of a LoRA adapter, or None.
        four_bit: Whether the weights are quantised to NF4 while they are loaded.
    """

    base: Path
    adapter: Path | None = None
    four_bit: bool = False

    @property
    def tokenizer(self) -> Path:
        """The adapter's folder where it brings a tokenizer (it was trained with that one), else the base's."""
        own = self.adapter and any(
            (self.adapter / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")
        )
        return self.adapter if own and self.adapter else self.base


def local_files(place: str, *, name: str) -> LocalFiles:
    """The folders that `PATH[+ADAPTER][?4bit]` means; a `+` or `?` in a folder's own name is taken as such.

    Raises:
        UsageError: An option that there is not.
        ModelError: A folder is missing, holds no model, or holds files that are not whole.
    """
    four_bit = False
    if not Path(place).expanduser().is_dir() and "?" in place:
        place, _, option = place.rpartition("?")
        if option != "4bit":
            raise UsageError(name, "no such option", want="4bit", have=repr(option))
        four_bit = True
    base, adapter = _parts(place)
    _check_base(base, name, four_bit=four_bit)
    if adapter is not None:
        _check_adapter(adapter, name)
    return LocalFiles(base, adapter, four_bit)


def identity_of(files: LocalFiles) -> str:
    """What answers: SHA-256 of weights, adapter, tokenizer, chat template and settings; the same in any folder.

    Device and precision are not part of it: they move the last digits of a probability, as any change of a machine.
    """
    parts = [("base", path) for path in (*weights(files.base), files.base / "config.json")]
    parts += [("base", files.base / "generation_config.json")]
    parts += [("words", files.tokenizer / name) for name in _TOKENIZER]
    if files.adapter:
        parts += [("adapter", path) for path in (*weights(files.adapter), files.adapter / "adapter_config.json")]
    whole = hashlib.sha256()
    for role, path in parts:
        if path.is_file():
            whole.update(f"{role} {path.name} {_file_digest(path)}\n".encode())
    return f"local:sha256:{whole.hexdigest()}{'?4bit' if files.four_bit else ''}"


def weights(folder: Path) -> list[Path]:
    """The safetensors files of a model or an adapter, in the order of their names."""
    for index in sorted(folder.glob("*.safetensors.index.json")):
        parts = _json(index).get("weight_map")
        if isinstance(parts, dict):
            return sorted({folder / str(part) for part in parts.values()})
    for single in ("model.safetensors", "adapter_model.safetensors"):
        if (folder / single).is_file():
            return [folder / single]
    return sorted(folder.glob("*.safetensors"))


def tensors(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, number of values and bytes per value of every tensor in a safetensors file.

    Raises:
        ValueError: It is none, or cut off; the message says where.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_HEADER_MOST, size - 8):
            raise ValueError(f"{path.name} is no safetensors file, or cut off after {size:,} bytes")
        try:
            header = json.loads(file.read(length))
            entries = [(k, v["data_offsets"], v["dtype"], v["shape"]) for k, v in header.items() if k != "__metadata__"]
            whole = 8 + length + max((int(offsets[1]) for _, offsets, _, _ in entries), default=0)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path.name} has a header that cannot be read") from None
    if size < whole:
        raise ValueError(f"{path.name} is cut off: {size:,} of {whole:,} bytes")
    for key, offsets, dtype, _ in entries:
        width = _BYTES_OF.get(dtype, 1)
        yield key, (int(offsets[1]) - int(offsets[0])) // width, width


def config_of(folder: Path) -> dict[str, Any]:
    """`config.json`."""
    return _json(folder / "config.json")


def folder_of(name: str) -> Path:
    """The folder of a model; `nano` is the small one that comes with Xinheng, where no folder here has that name."""
    folder = Path(name).expanduser()
    return _NANO if name == "nano" and not folder.is_dir() else folder


def _parts(place: str) -> tuple[Path, Path | None]:
    whole = folder_of(place)
    if whole.is_dir() or "+" not in place:
        return whole, None
    marks = [at for at, sign in enumerate(place) if sign == "+"]
    at = next((at for at in reversed(marks) if folder_of(place[:at]).is_dir()), marks[-1])
    return folder_of(place[:at]), Path(place[at + 1 :]).expanduser()


def _check_base(folder: Path, name: str, *, four_bit: bool) -> None:
    if not folder.is_dir():
        raise ModelError(name, "no such folder", want="a folder with a model", have=str(folder))
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            mend = f"Name the model that it adapts first: local:MODEL+{folder}"
            raise ModelError(name, "an adapter without its model", have=str(folder), mend=mend)
        if found := sorted(path.name for path in folder.glob("*.gguf")):
            mend = f"Serve it with Ollama or llama.cpp; this way wants safetensors. Found {found[0]}."
            raise ModelError(name, "a model of another kind", have=str(folder), mend=mend)
        raise ModelError(name, "no model in the folder", want="config.json", have=str(folder))
    config = _json(folder / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise ModelError(name, "config.json names no model_type", have=str(folder))
    if four_bit and config.get("quantization_config"):
        raise ModelError(name, "the weights are quantised already", have=str(folder), mend="Leave out ?4bit.")
    if not weights(folder):
        old = next((path.name for path in sorted(folder.glob("*.bin"))), "")
        mend = "Convert them: such files can run programs when they are opened." if old else ""
        raise ModelError(name, "no weights", want="*.safetensors", have=old or str(folder), mend=mend)
    _check_weights(folder, name)


def _check_adapter(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise ModelError(name, "no such folder", want="a folder with an adapter", have=str(folder))
    if not (folder / "adapter_config.json").is_file() or not weights(folder):
        want = "adapter_config.json and adapter_model.safetensors"
        raise ModelError(name, "no adapter in the folder", want=want, have=str(folder))
    _check_weights(folder, name)


def _check_weights(folder: Path, name: str) -> None:
    for path in weights(folder):
        if not path.is_file():
            raise ModelError(name, "a file of the weights is missing", want=str(path), mend="Fetch the model again.")
        try:
            any(tensors(path))
        except ValueError as error:
            raise ModelError(name, "weights are broken", have=f"{error} ({folder})", mend="Fetch it again.") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(str(path), "cannot be read", want="a JSON object", have=type(error).__name__) from None
    if not isinstance(value, dict):
        raise ModelError(str(path), "cannot be read", want="a JSON object", have=type(value).__name__)
    return value


def _file_digest(path: Path) -> str:
    """SHA-256 of a file; of large ones it is remembered while size and time of change stay as they are."""
    told = path.stat()
    key = f"{path.resolve()} {told.st_size} {told.st_mtime_ns}"
    large = told.st_size >= _WORTH_REMEMBERING
    kept = recall("files", key) if large else None
    if isinstance(kept, str):
        return kept
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if large:
        remember("files", key, digest)
    return digest
