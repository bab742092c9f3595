"""Cells of answer files: answers, ids and prompts as text, or null where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from datasets_src.rows import kind_of
from xinheng.errors import InputError

ANSWER: Final = {
    "origin": pl.String(),
    "set": pl.String(),
    "answer_id": pl.String(),
    "number": pl.Int64(),
    "repeat": pl.UInt32(),
    "text": pl.String(),
    "prompt": pl.String(),
    "gold": pl.String(),
    "finish_reason": pl.String(),
    "problem": pl.String(),
}
"""One answer: where it stands, of which set by the file's name, its id or place in the set (0 first), and what was
asked and expected where the file tells. `text` is null where there is none."""

ID_NAMES: Final = ("case_id", "question_id", "id", "example_id", "qid", "uid", "key")


def answer_text(value: Any, name: str, line: int) -> str | None:
    """An answer as text; null where there is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value != value:  # noqa: PLR0124  NaN, which pandas writes for nothing
        return None
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{name}:{line}", "an answer that is no text", want="a text or null", have=kind_of(value))


def prompt_text(value: Any) -> str | None:
    """What was asked, as one text: a text, or messages, which may stand in a text themselves."""
    if isinstance(value, str):
        if value.lstrip().startswith("[{"):
            try:
                inner = json.loads(value)
            except (ValueError, RecursionError):
                return clean(value)
            return prompt_text(inner)
        return clean(value)
    if isinstance(value, list):
        keys = ("content", "prompt")
        told = [
            one.get(key) for one in value if isinstance(one, Mapping) for key in keys if isinstance(one.get(key), str)
        ]
        return clean("\n".join(map(str, told))) if told else None
    return None


def id_text(value: Any) -> str | None:
    """An id as text; null for what is none."""
    if isinstance(value, bool) or value is None or isinstance(value, list | Mapping | float):
        return None
    return clean(str(value)).strip() or None


def plain_text(value: Any) -> str | None:
    """A text; null for anything else."""
    return clean(value) if isinstance(value, str) else None


def repeat_of(variant: Any) -> int:
    """Which repeat a variant such as `repeat 2` is; the first where it is none."""
    match = re.fullmatch(r"repeat (\d{1,6})", variant) if isinstance(variant, str) else None
    return int(match[1]) if match else 1


def clean(text: str) -> str:
    """A text that a table can hold."""
    # A lone surrogate is nothing that a table can hold.
    return text.encode("utf-8", "replace").decode("utf-8")


def answer_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as an ANSWER table."""
    return pl.DataFrame(list(rows), schema=ANSWER)
