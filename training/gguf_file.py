"""What stands in the head of a GGUF file: its settings and its tokens, read without any package."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from xinheng.errors import InputError

_MAGIC: Final = b"GGUF"
_PLAIN: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9
_MOST: Final = 2**31  # of a text or a list: what is more is no such file


@dataclass(frozen=True)
class Head:
    """A GGUF file without its weights.

    Args:
        settings: Key and value.
        tensors: How many.
    """

    settings: dict[str, Any]
    tensors: int

    @property
    def tokens(self) -> list[str]:
        """In the order of their ids."""
        return [str(token) for token in self.settings.get("tokenizer.ggml.tokens", [])]

    @property
    def adds_begin(self) -> bool:
        """Whether servers put the token that begins a text in front by themselves."""
        return bool(self.settings.get("tokenizer.ggml.add_bos_token", False))


def head(path: Path) -> Head:
    """What stands in front of the weights.

    Raises:
        InputError: It is no GGUF file, or cut off.
    """
    try:
        with path.open("rb") as file:
            magic, version = file.read(4), _one(file, "<I")
            tensors, count = _one(file, "<Q"), _one(file, "<Q")
            if magic != _MAGIC or version not in {2, 3}:
                count = -1
            settings = {}
            for _ in range(count):
                key = _text(file)
                settings[key] = _value(file, _one(file, "<I"))
    except (ValueError, KeyError, struct.error, MemoryError, OverflowError):
        raise InputError(str(path), "not a GGUF file, or cut off", want="GGUF of version 2 or 3") from None
    if count < 0:
        raise InputError(str(path), "not a GGUF file", want="GGUF of version 2 or 3")
    return Head(settings, tensors)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        inner, count = _one(file, "<I"), _one(file, "<Q")
        if count > _MOST:
            raise ValueError
        return [_value(file, inner) for _ in range(count)]
    return _one(file, _PLAIN[kind])


def _one(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _text(file: BinaryIO) -> str:
    size = _one(file, "<Q")
    if size > _MOST:
        raise ValueError
    return file.read(size).decode("utf-8", errors="replace")
