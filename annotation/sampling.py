"""Which cases are rated: a stratified, seeded draw that does not depend on the order of the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from xinheng.errors import UsageError

MISSING: Final = "(none)"


def lot(seed: int, what: str, name: str) -> str:
    """A name's place in a shuffle: the same on every machine, whatever else is shuffled."""
    return hashlib.sha256(f"{seed}\x1f{what}\x1f{name}".encode("utf-8", "surrogatepass")).hexdigest()


def stratified(rows: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Rows with `stratum`: the values of the columns, of lists the first, joined by ` · `; `all` without columns.

    Raises:
        UsageError: A column is not there.

    >>> stratified(pl.DataFrame({"language": ["en"], "topics": [["stress", "family"]]}), ["language", "topics"])[
    ...     "stratum"].to_list()
    ['en · stress']
    """
    columns = list(columns)
    if lacking := [name for name in columns if name not in rows.columns]:
        plain = [n for n, kind in rows.schema.items() if kind in (pl.String, pl.Categorical, pl.List(pl.String))]
        raise UsageError("--stratify", f"no column {', '.join(lacking)}", want=f"some of {', '.join(plain)}")
    if not columns:
        return rows.with_columns(stratum=pl.lit("all"))
    lists = {name for name, kind in rows.schema.items() if isinstance(kind, pl.List)}
    parts = [
        (pl.col(name).list.first() if name in lists else pl.col(name)).cast(pl.String).fill_null(MISSING)
        for name in columns
    ]
    return rows.with_columns(stratum=pl.concat_str(parts, separator=" · "))


def shares(sizes: Mapping[str, int], n: int, *, seed: int) -> dict[str, int]:
    """How many of each stratum: in proportion to its size, by largest remainders, so that a mean needs no weights.

    A remainder that ties with another goes by lot. A stratum may get none: small ones do in small samples.

    >>> shares({"a": 60, "b": 30, "c": 10}, 10, seed=0)
    {'a': 6, 'b': 3, 'c': 1}
    """
    whole = sum(sizes.values())
    n = min(n, whole)
    exact = {name: n * size / whole for name, size in sizes.items()} if whole else {}
    taken = {name: int(n * size // whole) for name, size in sizes.items()} if whole else dict.fromkeys(sizes, 0)
    rest = sorted(exact, key=lambda name: (taken[name] - exact[name], lot(seed, "share", name)))
    for name in rest[: n - sum(taken.values())]:
        taken[name] += 1
    return {name: taken[name] for name in sorted(sizes)}


def draw(cases: pl.DataFrame, n: int, *, seed: int) -> list[str]:
    """Ids of `n` cases (all where there are fewer), by stratum; different dialogues before a second case of one.

    Args:
        cases: One row per case: case_id, group_id, stratum.
        n: How many.
        seed: Of the shuffle.

    Returns:
        Ids in the order of the draw, so that a longer draw of one stratum begins with a shorter.

    >>> cases = pl.DataFrame({"case_id": ["a", "b", "c"], "group_id": ["x", "x", "y"], "stratum": ["s"] * 3})
    >>> "c" in draw(cases, 2, seed=0)
    True
    """
    lots = [lot(seed, "case", name) for name in cases["case_id"]]
    shuffled = cases.select("case_id", "group_id", "stratum").with_columns(_lot=pl.Series(lots, dtype=pl.String))
    shuffled = shuffled.sort("_lot").with_columns(_turn=pl.int_range(pl.len()).over("group_id"))
    sizes = dict(shuffled.group_by("stratum").len().sort("stratum").iter_rows())
    wanted = shares(sizes, n, seed=seed)
    drawn: list[str] = []
    for stratum, count in wanted.items():
        own = shuffled.filter(pl.col("stratum") == stratum).sort("_turn", "_lot")
        drawn += own["case_id"].head(count).to_list()
    return drawn
