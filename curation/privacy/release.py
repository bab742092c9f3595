"""Whether a table may go out: what is still found in it, and who stands out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from curation.privacy.anonymity import Anonymity, by_class, found_again, k_anonymity
from curation.privacy.quasi import QUASI, quasi_identifiers
from curation.privacy.rows import id_column, kind_of, scope_expr
from curation.privacy.vault import Vault, keyed_id
from xinheng.digests import digest
from xinheng.errors import UsageError

# Files of this folder that have no say in what is found.
# Rows whose texts are in memory at once.
_ROWS: Final = 50_000
_NO_FINDERS: Final = re.compile("(anonymity|chooser|pseudonyms|quasi.*|release|rows|surrogate.*|vault)[.]py")


@dataclass(frozen=True)
class Release:
    """What stands against publishing a table.

    Args:
        passed: Nothing does: no identifier is found and nobody stands out.
        residual: Identifiers found, as of `curation.privacy.anonymity.residual`.
        anonymity: Of the persons of whom anything is known; k is 0 when that is nobody.
        quasi: What was taken to be known of a person.
        k: How many persons at least are to be alike.
        judged_by: How surrogates were told from originals: `vault`, `record` (of the manifest) or `nothing`.
    """

    passed: bool
    residual: pl.DataFrame
    anonymity: Anonymity
    quasi: tuple[str, ...]
    k: int
    judged_by: str


def release_check(
    table: pl.DataFrame | pl.LazyFrame,
    *,
    vault: Vault | None = None,
    k: int = 5,
    quasi: Sequence[str] | None = None,
    record: Mapping[str, Any] | None = None,
    heard: Callable[[int], None] = lambda _: None,
) -> Release:
    """What stands against publishing a table: identifiers found in it, and persons who stand out.

    A surrogate name looks like a name, and a list of surrogates beside the data would tell everybody which names are
    none. Without the vault the record is believed: it says how many surrogates of each class the vault knew in the
    whole table, and what is found beyond that number counts as an original. Without either everything found counts.

    Args:
        table: DIALOGUE, EXAMPLE, CASE or CHAT rows.
        vault: The open vault with which they were pseudonymised.
        k: How many persons at least are to be alike in `quasi`.
        quasi: Of `curation.privacy.quasi.QUASI` (found in the texts) or columns of the table; QUASI by default.
        record: `facts.privacy` of the manifest (see `privacy_record`); counts only for the finders it was made with.
        heard: Called with the number of rows looked through so far.

    Raises:
        UsageError: The rows are exam questions, or a quasi-identifier is neither known nor a column.
        SchemaError: A column is missing or of another type.
    """
    known = tuple(QUASI if quasi is None else quasi)
    parts, looked = [], 0
    for rows in _pieces(table):
        parts.append((found_again(rows, vault=vault), _told(rows, known)))
        looked += rows.height
        heard(looked)
    found = pl.concat([part for part, _ in parts])
    believed = vault is None and record is not None and record.get("finder") == finder_digest()
    left = by_class(found.filter(~pl.col("surrogate")))
    if believed and record is not None:
        left = _beyond(left, record.get("surrogates", {}))
    anonymity = _anonymity(pl.concat([told for _, told in parts]), known)
    passed = not left.height and (anonymity.k >= k or not anonymity.groups)
    return Release(passed, left, anonymity, known, k, "vault" if vault else "record" if believed else "nothing")


def person_anonymity(table: pl.DataFrame | pl.LazyFrame, quasi: Sequence[str] = QUASI) -> Anonymity:
    """How well persons, not rows, hide among each other: all rows of a client are put together first.

    Persons of whom nothing is known are left out: nobody can be picked out by nothing. A value that is not known
    is a value like any other among the rest.

    Args:
        table: DIALOGUE, EXAMPLE, CASE or CHAT rows; in a chat each sender is a person.
        quasi: As in `release_check`.

    Returns:
        Whose `riskiest` names each person by the first of its row ids, as `id`.
    """
    return _anonymity(pl.concat([_told(rows, quasi) for rows in _pieces(table)]), quasi)


def _pieces(table: pl.DataFrame | pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows, so many at once that what is found in them stays small; one piece where there are none."""
    lazy, start = table.lazy(), 0
    while (piece := lazy.slice(start, _ROWS).collect()).height or not start:
        yield piece
        start += _ROWS


def _told(frame: pl.DataFrame, quasi: Sequence[str]) -> pl.DataFrame:
    """What each row tells of its person: `_person`, `_id` and a column per quasi-identifier.

    Raises:
        UsageError: A quasi-identifier is neither known nor a column.
    """
    kind = kind_of(frame, who="release")
    strange = [name for name in quasi if name not in QUASI and name not in frame.columns]
    if strange or not quasi:
        columns = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.List(pl.String))]
        raise UsageError(
            "privacy",
            f"no quasi-identifier {', '.join(strange)}" if strange else "no quasi-identifier given",
            want=f"{', '.join(QUASI)} or a column: {', '.join(columns)}",
        )
    person = pl.format("{} {}", "chat_id", "sender") if kind == "chat" else scope_expr(frame, kind)
    said = quasi_identifiers(frame).drop("id") if set(quasi) - set(frame.columns) else pl.DataFrame()
    own = [name for name in quasi if name in frame.columns]
    return pl.concat(
        [
            frame.select(_person=person, _id=id_column(kind)),
            frame.select(_listed(frame, name) for name in own),
            said.select(pl.col(name) for name in quasi if name not in own),
        ],
        how="horizontal",
    )


def _anonymity(rows: pl.DataFrame, quasi: Sequence[str]) -> Anonymity:
    persons = (
        rows.drop_nulls("_person")
        .group_by("_person")
        .agg(pl.col("_id").min().alias("id"), *(_together(rows, name) for name in quasi))
    )
    known = persons.filter(pl.any_horizontal(pl.col(name) != "" for name in quasi)).rename({n: f"_{n}" for n in quasi})
    return k_anonymity(known, [f"_{name}" for name in quasi], key="id")


def _listed(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if isinstance(frame.schema[name], pl.List) else pl.col(name).cast(pl.String)


def _together(rows: pl.DataFrame, name: str) -> pl.Expr:
    """All values of a person in one text; empty where there are none."""
    values = pl.col(name).explode() if isinstance(rows.schema[name], pl.List) else pl.col(name)
    return values.drop_nulls().cast(pl.String).unique().sort().str.join(" / ").fill_null("").alias(name)


def _beyond(left: pl.DataFrame, surrogates: Mapping[str, int]) -> pl.DataFrame:
    """Classes of which more is found than there are surrogates; the rows may be any that were found."""
    expected = pl.col("kind").replace_strict(
        list(surrogates), list(surrogates.values()), default=0, return_dtype=pl.Int64
    )
    beyond = (pl.col("found").cast(pl.Int64) - expected).clip(lower_bound=0).cast(pl.UInt32)
    return left.with_columns(found=beyond if surrogates else "found").filter(pl.col("found") > 0)


@cache
def search_digest() -> str:
    """Sixteen hex digits for all code of a search: the finders, what tells of a person, and how persons are counted.

    Wider than `finder_digest`: a record of surrogates stays true while the finders do, a whole search only while
    nothing of this package changed, and Polars, whose expressions it is made of, neither.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    told = [pl.__version__.encode(), *(b"%s\0%s" % (p.name.encode(), p.read_bytes()) for p in files)]
    return hashlib.sha256(b"\0".join(told)).hexdigest()[:16]


@cache
def finder_digest() -> str:
    """Sixteen hex digits for the code that decides what is found: another code may find other things."""
    files = sorted(p for p in Path(__file__).parent.glob("*.py") if not _NO_FINDERS.fullmatch(p.name))
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in files)).hexdigest()[:16]


def privacy_record(table: pl.DataFrame | pl.LazyFrame, *, vault: Vault, classes: Mapping[str, int]) -> dict[str, Any]:
    """What a manifest records of a pseudonymised table; reveals nothing of what stood there.

    Args:
        table: The rows as they will be written, after every step.
        vault: The vault with which they were pseudonymised.
        classes: Class to places replaced.

    Returns:
        JSON values: pseudonymised, classes, finder, vault (a keyed id), of (the digest of the table: it tells of no
        other rows, also not of some that were made of these), and by class: surrogates (found in the table
        and known to the vault) and residual (found and not known: originals that were overlooked, or made by a step).
    """
    found = found_again(table, vault=vault)
    counted = {
        name: dict(found.filter(pl.col("surrogate") == flag).group_by("kind").len().sort("kind").iter_rows())
        for name, flag in (("surrogates", True), ("residual", False))
    }
    return {
        "pseudonymised": True,
        "classes": dict(classes),
        "finder": finder_digest(),
        "vault": keyed_id(vault, "vault", ""),
        "of": digest(table.lazy().collect()),
        **counted,
    }
