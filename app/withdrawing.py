"""Withdrawal lists in `xinheng curate`: remembered by the dataset, so that no later version brings a row back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from app.changelog import CHANGELOG, HEAD, unreleased
from curation.recipe import Recipe
from curation.split import certify
from curation.withdrawal import withdraw
from xinheng.artifacts import Artifact, open_artifact
from xinheng.errors import ArtifactError
from xinheng.storage import Place

TABLE: Final = "withdrawn"
_SHOWN: Final = 5


@dataclass(frozen=True)
class Taken:
    """Rows without those withdrawn, and what the dataset records of it: nothing where nobody ever withdrew."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def withdrawn_of(
    kept: pl.DataFrame,
    dropped: pl.DataFrame,
    ids: Collection[str],
    *,
    key: str,
    out: Place,
    say: Callable[[str], None],
) -> Taken:
    """What a recipe kept, without rows that were withdrawn now or in the version that lies at `out`.

    Args:
        kept: What the steps kept, divided.
        dropped: What they dropped, and what could not be read.
        ids: Withdrawn now.
        key: The column of ids.
        out: Where the dataset will lie.
        say: Hears how many went, and which ids stand nowhere.
    """
    older = _older(out)
    earlier = (
        set(older.scan(TABLE).collect()["id"]) if older is not None and TABLE in older.manifest["tables"] else set()
    )
    every = sorted({*ids, *earlier})
    if not every:
        return Taken(kept, dropped)
    found = withdraw(kept, dropped, every, key=key)
    new = sorted(set(ids) - earlier)
    say(f"withdrawn: {found.rows:,} rows of {len(every):,} ids ({len(every) - len(new):,} from the version before)")
    if lost := [one for one in found.missing if one in set(ids)]:
        more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
        say(f"withdrawn: no row here has {', '.join(lost[:_SHOWN])}{more}")
    facts = {"withdrawn": {"ids": len(every), "new_ids": len(new), "rows": found.rows, "missing": len(found.missing)}}
    line = f"- Withdrawn: {found.rows:,} rows are out at the request of those who wrote them ({len(new):,} new ids)."
    texts = {CHANGELOG: unreleased(_log(older), line) if new else _log(older)}
    tables = {TABLE: pl.DataFrame({"id": every}, schema={"id": pl.String})}
    return Taken(found.kept, found.dropped, tables, facts, texts)


def certificate_of(kept: pl.DataFrame, recipe: Recipe, *, groups: Sequence[str], seed: int) -> dict[str, Any]:
    """The split certificate of the rows that stay: they are where they were, so that no test row is ever trained on."""
    made = certify(kept, key=recipe.key, stratum=recipe.stratum, groups=groups, seed=seed)
    given = {name for name, place in (recipe.published or {}).items() if place is not None}
    fixed = kept["published_split"].is_in(sorted(given)).sum() if given and "published_split" in kept.columns else 0
    return {**made, "published_rows": int(fixed or 0)}


def _older(out: Place) -> Artifact | None:
    try:
        return open_artifact(out)
    except ArtifactError:
        return None


def _log(older: Artifact | None) -> str:
    """The changelog of the version before; an empty one where it had none."""
    if older is None or CHANGELOG not in older.manifest["files"]:
        return f"{HEAD}\n"
    return older.file(CHANGELOG).read_text(encoding="utf-8")
