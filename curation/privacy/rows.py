"""What a row holds of a person: whose it is, its texts, and ids that may name somebody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from curation.privacy.find import find
from curation.privacy.vault import Vault, keyed_id
from curation.steps import NESTED_TEXTS
from xinheng.errors import UsageError
from xinheng.tables import KEYS, TABLES, require, table_of

# Columns with what people wrote, per kind of table; `sender` is a name in a chat.
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "dialogue": ("turns",),
    "example": ("messages",),
    "case": ("messages", "reference"),
    "chat": ("text", "sender"),
    "preference": ("prompt", "chosen", "rejected"),
}
_NEEDED: Final = {"dialogue": ("client_id",)}
# Ids become the same keyed id wherever they stand: a use for each kind of id, and the letter it begins with.
_IDS: Final[Mapping[str, tuple[str, str]]] = {
    "client_id": ("client", "c"),
    "dialogue_id": ("dialogue", "d"),
    "example_id": ("example", "e"),
    "case_id": ("case", "k"),
    "chat_id": ("chat", "h"),
    "pair_id": ("preference", "p"),
    "group_id": ("group", "g"),
    "segment_of": ("dialogue", "d"),
}
_LABELS: Final = ("topics", "labels")
_KEYED: Final = re.compile("[a-z]-[0-9a-f]{16}")
_ORIGIN: Final = re.compile(r"(.*?)((?:[:#][0-9]+)*)", re.DOTALL)

Texts = dict[str, pl.DataFrame]


def kind_of(table: pl.DataFrame | pl.LazyFrame, *, who: str) -> str:
    """The kind of a table whose rows are about people, by its id column.

    Raises:
        UsageError: They are exam questions, or of a kind whose texts are not known here.
        SchemaError: It lacks a column that the kind needs.
    """
    have = table.collect_schema()
    if KEYS["choice"] in have:
        raise UsageError(
            who, "exam questions are about nobody", have="a choice table", mend="Leave it as it is; no vault is needed."
        )
    kind = next((k for k in _TEXTS if id_column(k) in have), None) or table_of(table)
    if kind not in _TEXTS:
        raise UsageError(who, f"not for a {kind} table", want=f"one of {', '.join(_TEXTS)}")
    needed = (id_column(kind), *_NEEDED.get(kind, ()), *_TEXTS[kind])
    require(table, {name: TABLES[kind][name] for name in needed}, who=who)
    return kind


def id_column(kind: str) -> str:
    """The column that names a row; of a chat, where no column does, the conversation."""
    return KEYS.get(kind, "chat_id")


def scope_expr(table: pl.DataFrame | pl.LazyFrame, kind: str) -> pl.Expr:
    """Whose a row is, as `client:<id>`, or without a client as `<kind>:<id>` of the row itself.

    A segment belongs to the dialogue it was cut from, a message to its conversation.
    """
    have, parts = table.collect_schema(), []
    if "client_id" in have:
        parts.append(pl.lit("client:") + pl.col("client_id"))
    if "segment_of" in have:
        parts.append(pl.lit(f"{kind}:") + pl.col("segment_of"))
    return pl.coalesce(*parts, pl.lit(f"{kind}:") + pl.col(id_column(kind)))


def scopes_of(client: str, vault: Vault) -> list[str]:
    """The names under which a vault may hold a client: by the id in the data, or by the id it had before."""
    kinds = ("client", *_TEXTS)
    bare, _, prefixed = client.partition(":")
    letters = dict(_IDS.values())
    pairs = [(bare, prefixed)] if bare in kinds and prefixed else []
    pairs += [(kind, name) for kind in kinds for name in dict.fromkeys((client, client.partition("#")[0]))]
    return [
        f"{kind}:{name}" for kind, given in pairs for name in (given, f"{letters[kind]}-{keyed_id(vault, kind, given)}")
    ]


def keyed_forms(name: str, vault: Vault) -> list[str]:
    """What a row's, client's or group's id may be called in rows with keyed ids; one that is keyed stays as it is.

    Who withdraws names the id that stands in their own files, and nobody but the vault knows what became of it.
    """
    bare, mark, segment = name.partition("#")
    if _KEYED.fullmatch(bare):
        return [name]
    uses = dict.fromkeys(_IDS.values())
    return [
        f"{letter}-{keyed_id(vault, use, form)}{rest}"
        for use, letter in uses
        for form, rest in _cut(bare, mark, segment)
    ]


def _cut(bare: str, mark: str, segment: str) -> list[tuple[str, str]]:
    """An id whole, and without the number of a segment, which a step adds after ids were keyed."""
    return [(f"{bare}{mark}{segment}", "")] + ([(bare, f"{mark}{segment}")] if mark else [])


def texts_of(frame: pl.DataFrame, kind: str) -> Texts:
    """Every text of every row, by column: row (position in the frame) and text (String, may be null)."""
    found = {}
    for column in _TEXTS[kind]:
        values = frame.select(row=pl.int_range(pl.len()), text=column)
        if column in NESTED_TEXTS:
            values = values.explode("text", empty_as_null=False, keep_nulls=False).with_columns(
                pl.col("text").struct.field(NESTED_TEXTS[column]).alias("text")
            )
        found[column] = values
    return found


def with_texts(frame: pl.DataFrame, new: Mapping[str, Sequence[str | None]]) -> pl.DataFrame:
    """The frame with other texts, in the order of `texts_of`."""
    for column, texts in new.items():
        values = pl.Series(column, texts, dtype=pl.String)
        frame = _nested(frame, column, values) if column in NESTED_TEXTS else frame.with_columns(values)
    return frame


def _nested(frame: pl.DataFrame, column: str, texts: pl.Series) -> pl.DataFrame:
    items = frame.select(_row=pl.int_range(pl.len()), _item=column)
    items = items.explode("_item", empty_as_null=False, keep_nulls=False).with_columns(_text=texts)
    changed = pl.col("_item").struct.with_fields(pl.col("_text").alias(NESTED_TEXTS[column]))
    grouped = (
        items.with_columns(pl.when(pl.col("_item").is_not_null()).then(changed))
        .group_by("_row", maintain_order=True)
        .agg("_item")
    )
    joined = frame.with_columns(_row=pl.int_range(pl.len())).join(grouped, on="_row", how="left", maintain_order="left")
    # A row with an empty list or none has no item and keeps what it has.
    return joined.with_columns(pl.coalesce("_item", column).cast(frame.schema[column]).alias(column)).select(
        frame.columns
    )


def with_keyed_ids(frame: pl.DataFrame, vault: Vault) -> pl.DataFrame:
    """The frame with keyed ids for every id and file name, and for labels in which an identifier is found.

    A client's id may be a chart number, a dialogue's a name, a chat's the name of whom it is with. The line or number
    at the end of an origin stays: with the vault, `keyed_id` of a file's name tells which file it was.
    """
    for column, (use, letter) in _IDS.items():
        if column in frame.columns:
            frame = _replaced(frame, column, lambda v, u=use, c=letter: f"{c}-{keyed_id(vault, u, v)}")  # type: ignore[misc]
    return _with_labels(keyed_origins(frame, vault), vault)


def keyed_origins(frame: pl.DataFrame, vault: Vault) -> pl.DataFrame:
    """The frame with origins whose file is a keyed id and whose line or number stays."""

    def keyed(origin: str) -> str:
        found = _ORIGIN.fullmatch(origin)
        path, number = found.groups() if found else (origin, "")
        return f"file-{keyed_id(vault, 'origin', path)}{number}"

    return _replaced(frame, "origin", keyed) if "origin" in frame.columns else frame


def _replaced(frame: pl.DataFrame, column: str, new: Callable[[str], str]) -> pl.DataFrame:
    values = frame[column].drop_nulls().unique(maintain_order=True).to_list()
    return frame.with_columns(
        pl.col(column).replace_strict(values, [new(v) for v in values], default=None, return_dtype=pl.String)
        if values
        else pl.col(column)
    )


def _with_labels(frame: pl.DataFrame, vault: Vault) -> pl.DataFrame:
    for column in _LABELS:
        if column in frame.columns and (new := _telling(frame[column].explode(), vault)):
            frame = frame.with_columns(pl.col(column).list.eval(pl.element().replace(new)))
    for column in NESTED_TEXTS:
        if column not in frame.columns:
            continue
        items = frame[column].explode().drop_nulls()
        if new := _telling(items.struct.field("tags").explode().drop_nulls().struct.field("value"), vault):
            value = pl.field("value").replace(new).alias("value")
            tags = pl.field("tags").list.eval(pl.element().struct.with_fields(value)).alias("tags")
            frame = frame.with_columns(pl.col(column).list.eval(pl.element().struct.with_fields(tags)))
    return frame


def _telling(values: pl.Series, vault: Vault) -> dict[str, str]:
    """The labels in which an identifier is found, with a keyed id for each."""
    labels = values.drop_nulls().unique().sort()
    if not labels.len():
        return {}
    telling = labels.filter(find(labels).list.len() > 0)
    return {label: f"label-{keyed_id(vault, 'label', label)}" for label in telling}
