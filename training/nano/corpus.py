"""What nano is made of: conversations and plain texts as documents, Chinese ones in both scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import polars as pl

from xinheng.errors import InputError
from xinheng.tables import table_of

# A conversation is a list of (role, text); a plain text is one entry whose role is "".
DOCUMENT: Final = {
    "document_id": pl.String(),
    "source": pl.String(),
    "licence": pl.String(),
    "language": pl.String(),
    "turns": pl.List(pl.Struct({"role": pl.String(), "text": pl.String()})),
}
_ROLES: Final = {"client": "user", "counsellor": "assistant"}
_OTHER_SCRIPT: Final = {"zh-Hans": ("zh-Hant", "s2twp"), "zh-Hant": ("zh-Hans", "tw2sp")}
_SYSTEM: Final = "system"


def documents(rows: pl.DataFrame) -> pl.DataFrame:
    """DIALOGUE or EXAMPLE rows as conversations.

    Tags and system messages are left out: a base model should know neither.

    Args:
        rows: Of training and validation splits only; this function cannot tell.

    Returns:
        DOCUMENT rows in the order of their ids.

    Raises:
        InputError: Rows of another kind.
    """
    kind = table_of(rows)
    if kind == "dialogue":
        message = pl.element().struct
        role = message.field("role").replace_strict(_ROLES, return_dtype=pl.String)
        turns = pl.col("turns").list.eval(pl.struct(role=role, text=message.field("text")))
        key = "dialogue_id"
    elif kind == "example":
        message = pl.element().struct
        spoken = pl.col("messages").list.filter(message.field("role") != _SYSTEM)
        turns = spoken.list.eval(pl.struct(role=message.field("role"), text=message.field("content")))
        key = "example_id"
    else:
        raise InputError("nano", f"{kind} rows", want="dialogues or examples")
    return _selected(rows, key, turns)


def plain_texts(rows: pl.DataFrame, *, key: str, text: pl.Expr) -> pl.DataFrame:
    """Texts without a conversation around them.

    Args:
        rows: With `key`, source, licence, language.
        key: The id column.
        text: What is read of each row.
    """
    turn = pl.concat_list(pl.struct(role=pl.lit(""), text=text))
    return _selected(rows, key, turn)


def _selected(rows: pl.DataFrame, key: str, turns: pl.Expr) -> pl.DataFrame:
    return rows.select(document_id=key, source="source", licence="licence", language="language", turns=turns).cast(
        DOCUMENT  # type: ignore[arg-type]
    ).sort("document_id")  # fmt: skip


def both_scripts(rows: pl.DataFrame) -> pl.DataFrame:
    """The documents, and each Chinese one in the other script as well, its id with the script behind it."""
    more = [
        {**row, "document_id": f"{row['document_id']}~{script}", "language": script, "turns": turned}
        for row in rows.iter_rows(named=True)
        if row["language"] in _OTHER_SCRIPT
        for script, table in [_OTHER_SCRIPT[row["language"]]]
        for turned in [_converted(row["turns"], table)]
    ]
    return pl.concat([rows, pl.DataFrame(more, schema=rows.schema)]).sort("document_id")


def _converted(turns: Sequence[dict[str, Any]], table: str) -> list[dict[str, Any]]:
    return [{"role": turn["role"], "text": _converter(table).convert(turn["text"])} for turn in turns]


@cache
def _converter(table: str) -> Any:
    import opencc

    return opencc.OpenCC(table)


def conversations(rows: pl.DataFrame) -> Iterator[list[tuple[str, str]]]:
    """Each document as (role, text) pairs, in order."""
    for turns in rows["turns"].to_list():
        yield [(turn["role"], turn["text"]) for turn in turns]
