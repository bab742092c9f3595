"""Withdrawal lists in `xinheng curate`: remembered by the dataset, so that no later version brings a row back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from app.changelog import CHANGELOG, HEAD, unreleased
from curation.recipe import Recipe
from curation.split import certify
from curation.withdrawal import rows_of, withdraw
from xinheng.artifacts import Artifact, open_artifact
from xinheng.errors import ArtifactError, UsageError
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
    forms: Callable[[str], Sequence[str]] = lambda name: [name],
    vault: str | None = None,
) -> Taken:
    """What a recipe kept, without rows that were withdrawn now or in the version that lies at `out`.

    Args:
        kept: What the steps kept, divided.
        dropped: What they dropped, and what could not be read.
        ids: Withdrawn now.
        key: The column of ids.
        out: Where the dataset will lie.
        forms: What an id may be called in these rows. Only these names are remembered: with a vault the id itself
            must not stand in a dataset that others get.
        vault: Keyed id of the vault with which these rows are pseudonymised.
        say: Hears how many went, and which ids stand nowhere.

    Raises:
        UsageError: What was withdrawn before is known by another vault's ids only: rows would come back.
    """
    older = _older(out)
    earlier = (
        set(older.scan(TABLE).collect()["id"]) if older is not None and TABLE in older.manifest["tables"] else set()
    )
    _require_vault(older, vault, out)
    earlier = {name for one in earlier for name in forms(one)}
    names = {one: [*forms(one)] for one in sorted(set(ids))}
    found = withdraw(kept, dropped, sorted({*earlier, *(name for told in names.values() for name in told)}), key=key)
    nowhere = set(found.missing)
    here = {one: [name for name in told if name not in nowhere] for one, told in names.items()}
    every = sorted({*earlier, *(name for one, told in here.items() for name in told or names[one])})
    if not every:
        return Taken(kept, dropped)
    new = [one for one, told in names.items() if not earlier & {*told}]
    before = f"{len(earlier):,} from the version before"
    say(f"withdrawn: {found.rows:,} rows of {len(new) + len(earlier):,} ids ({before})")
    if lost := [one for one, told in here.items() if not told]:
        more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
        say(f"withdrawn: no row here has {', '.join(lost[:_SHOWN])}{more}")
    told = {"ids": len(every), "new_ids": len(new), "rows": found.rows, "missing": len(nowhere & {*every})}
    # The rows of earlier ids are among those found again: the version before told of them.
    rows = found.rows - rows_of(kept, earlier, key=key)
    line = _line(rows, len([one for one in new if here[one]]))
    log = unreleased(_log(older), line) if rows else _log(older)
    texts = {} if log == f"{HEAD}\n" else {CHANGELOG: log}
    tables = {TABLE: pl.DataFrame({"id": every}, schema={"id": pl.String})}
    return Taken(found.kept, found.dropped, tables, {"withdrawn": told}, texts)


def _line(rows: int, ids: int) -> str:
    """What the changelog tells of rows that went now, and not of those that were out before."""
    what = "1 row is" if rows == 1 else f"{rows:,} rows are"
    return f"- Withdrawn: {what} out at the request of those who wrote them ({ids:,} new id{'s' if ids > 1 else ''})."


def _require_vault(older: Artifact | None, vault: str | None, out: Place) -> None:
    if older is None or TABLE not in older.manifest["tables"]:
        return
    known_by = (older.manifest["facts"].get("privacy") or {}).get("vault")
    if known_by is not None and known_by != vault:
        raise UsageError(
            "curate",
            f"what was withdrawn from {out} is known by the ids of its vault, and would come back",
            want="--vault FILE, the vault that it was made with",
            have="another vault" if vault else "no vault",
            mend="Or choose another --out, and give the whole list with --withdraw.",
        )


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
