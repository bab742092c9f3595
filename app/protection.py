"""Rows pseudonymised between their sources and the first step of a recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from app.facts import dataset_table
from curation.privacy.vault import Vault
from curation.steps import NESTED_TEXTS
from xinheng.artifacts import Artifact
from xinheng.digests import digest
from xinheng.errors import UsageError
from xinheng.tables import KEYS, table_of


@dataclass(frozen=True)
class Protected:
    """What a recipe sees of its sources, and what the manifest says of it.

    Args:
        table: The rows, pseudonymised.
        whole: All rows of each source with keyed ids: only their ids and places may be looked at.
        classes: Class to places replaced.
        vault: The vault it was done with.
    """

    table: pl.LazyFrame
    whole: list[pl.LazyFrame]
    classes: Mapping[str, int]
    vault: Vault

    def unread(self, frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
        """Rows that could not be read, without what stood there and with keyed file names.

        What could not be read as a row cannot be pseudonymised as one: it stays in the source's artifact alone.
        """
        from curation.privacy.rows import keyed_origins

        return [keyed_origins(frame, self.vault).with_columns(row=pl.lit(None, dtype=pl.String)) for frame in frames]

    def forms(self, name: str) -> list[str]:
        """What an id of the sources is called in these rows."""
        from curation.privacy.rows import keyed_forms

        return keyed_forms(name, self.vault)

    @property
    def vault_id(self) -> str:
        """How a manifest names the vault."""
        from curation.privacy.vault import keyed_id

        return keyed_id(self.vault, "vault", "")

    def facts(self, kept: pl.DataFrame) -> dict[str, Any]:
        """What the manifest records of the rows that are written."""
        from curation.privacy.release import privacy_record

        return {"privacy": privacy_record(kept, vault=self.vault, classes=self.classes)}


def protected(
    table: pl.LazyFrame,
    whole: Sequence[pl.LazyFrame],
    sources: Sequence[Artifact],
    *,
    vault: Vault,
    engine: str,
    say: Callable[[str], None],
) -> Protected:
    """The rows as a recipe may see them; the vault is saved before this returns.

    Raises:
        UsageError: The rows are exam questions, or were pseudonymised before.
    """
    from curation.privacy.pseudonyms import pseudonymise
    from curation.privacy.rows import with_keyed_ids

    again = [str(a.manifest["name"]) for a in sources if a.manifest["facts"].get("privacy")]
    if again:
        raise UsageError(
            "curate",
            f"{', '.join(again)} is pseudonymised already",
            want="sources as they were ingested",
            mend="Leave --vault out: what was replaced stays replaced.",
        )
    say("replacing identifiers")
    workers = (os.cpu_count() or 1) if engine == "processes" else 1
    made = pseudonymise(table, vault=vault, workers=workers)
    raw = [_without_texts(frame).collect() for frame in whole]
    return Protected(made.rows.lazy(), _linked(raw, [with_keyed_ids(f, vault) for f in raw]), made.classes, vault)


def _without_texts(frame: pl.LazyFrame) -> pl.LazyFrame:
    texts = {name: dtype for name, dtype in frame.collect_schema().items() if name in NESTED_TEXTS}
    return frame.with_columns(pl.lit([], dtype=dtype).alias(name) for name, dtype in texts.items())


def _linked(raw: Sequence[pl.DataFrame], keyed: Sequence[pl.DataFrame]) -> list[pl.LazyFrame]:
    """The keyed rows, also with what they were made of (`derived_from`) by its keyed name, as far as it is here."""
    names: dict[str, str] = {}
    for before, after in zip(raw, keyed, strict=True):
        for column in {KEYS[table_of(before)], "origin"} & set(before.columns):
            names |= dict(zip(before[column], after[column], strict=True))
    return [frame.with_columns(_derived(frame, names)).lazy() for frame in keyed]


def _derived(frame: pl.DataFrame, names: Mapping[str, str]) -> list[pl.Expr]:
    dtype, column = frame.schema.get("derived_from"), pl.col("derived_from")
    if dtype == pl.List(pl.String):
        return [column.list.eval(pl.element().replace(names))]
    return [column.replace(names)] if dtype == pl.String else []


def record_of(manifest: Mapping[str, Any], table: str) -> dict[str, Any] | None:
    """The record of surrogates, where it was made of these very rows; None where it was carried over from others.

    How many surrogates the rows of a parent have says nothing of what was made of them: with half of the rows, as many
    originals as surrogates went would pass for some. A record of an older Xinheng names no rows: it counts where it
    was not carried over, which is where no dataset is among the parents.

    Args:
        manifest: Of an artifact, or of its publication.
        table: The name of its rows.
    """
    record = manifest["facts"].get("privacy")
    if not record:
        return None
    if "of" in record:
        return dict(record) if record["of"] == manifest["tables"][table]["digest"] else None
    carried = any(parent.get("kind") == "dataset" for parent in manifest.get("parents", []))
    return None if carried else dict(record)


def carried(source: Artifact, made: pl.DataFrame | None = None) -> dict[str, Any]:
    """The fact that rows were pseudonymised, for what is made of them; believed of no other texts than it was made of.

    Args:
        source: The rows.
        made: All of these rows with the same texts, where nothing but something else of them was changed: tags.
    """
    record = source.manifest["facts"].get("privacy")
    if not record:
        return {}
    table = dataset_table(source)
    believed = record_of(source.manifest, table)
    if believed is None:
        return {"privacy": {**record, "of": record.get("of", "")}}
    if made is not None and _texts(made) == _texts(source.scan(table).collect()):
        return {"privacy": {**believed, "of": digest(made)}}
    return {"privacy": {**believed, "of": source.manifest["tables"][table]["digest"]}}


def _texts(rows: pl.DataFrame) -> str:
    """The digest of rows without their tags."""
    said = pl.element().struct
    turns = pl.col("turns").list.eval(pl.struct(role=said.field("role"), text=said.field("text")))
    return digest(rows.select(KEYS["dialogue"], turns))


def inherited(sources: Sequence[Artifact]) -> dict[str, Any]:
    """The record of a single pseudonymised source: its surrogates are still no originals."""
    return carried(sources[0]) if len(sources) == 1 else {}
