"""What changed between two tables of rows with ids: rows added, removed and changed, by column; never what they say.

A value counts as changed when it changes the digest (`xinheng.digests`), so two tables of the same columns have no
difference exactly when their digests are equal. Of each value only a 64-bit hash is kept: a table of a million rows
takes some hundred megabytes, whatever is written in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from xinheng.digests import value_hashes
from xinheng.errors import UsageError
from xinheng.tables import KEYS

BATCH_ROWS: Final = 20_000
# Of tables whose rows have no id of their own: what tells their rows apart.
TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    **{table: (key,) for table, key in KEYS.items()},
    "chat": ("chat_id", "position"),
    "prediction": ("case_id", "variant", "system"),
    "score": ("case_id", "part", "system", "scorer"),
    "summary": ("benchmark", "part", "measure", "scorer", "system"),
}
# Names of labels, by which rows are counted; none of them is anybody's text.
STRATA: Final = (
    "split", "stratum", "topic_group", "length_group", "topics", "language", "benchmark", "form", "subject", "source",
    "licence",
)  # fmt: skip
# What says where a row lies and not what it is.
BOOKKEEPING: Final = frozenset({"origin"})
_MOST_VALUES: Final = 500
NUMBER: Final = "_number"
ROW: Final = "_row"
_NUMBER: Final = "n"
_AFTER: Final = ":after"


@dataclass(frozen=True)
class Difference:
    """What changed from one table to another.

    Args:
        key: Columns that tell rows apart; with `_number` where several rows have the same.
        rows: How many there were and are.
        added: The key columns of new rows, sorted.
        removed: Those of rows that are gone, sorted.
        changed: Those of rows that are in both and differ, sorted, with `columns` (List(String), in the table's order).
        columns: A row per column of both, in the table's order: column, rows (that differ in it).
        schema: A row per column that is not the same: column, was, now (types; null where there was or is none).
        strata: A row per label: column, value (null is a value), before, after (rows); ordered by column and value.
        moved: A row per pair of splits between which rows went: was, now, rows.
        test: Whether the test split holds other rows, or its rows say something else; False without splits.
    """

    key: tuple[str, ...]
    rows: tuple[int, int]
    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame
    columns: pl.DataFrame
    schema: pl.DataFrame
    strata: pl.DataFrame
    moved: pl.DataFrame
    test: bool

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added.height or self.removed.height or self.changed.height or self.schema.height)


@dataclass(frozen=True)
class Proposal:
    """The next version, and why.

    Args:
        version: `MAJOR.MINOR.PATCH`.
        level: `major`, `minor`, `patch` or `same`.
        why: One sentence per reason.
    """

    version: str
    level: str
    why: tuple[str, ...] = field(default_factory=tuple)


RULE: Final = (
    "Major: a column is gone or has another type, or the test split holds other rows or says something else, so that "
    "figures and programs of the old version do not hold for the new. Minor: rows or columns came, or rows of other "
    "splits went or changed. Patch: only where rows lie in the publisher's files changed. The same digest is the same "
    "version. Before 1.0.0, what would be major raises the second number and everything else the third."
)


def difference(before: pl.LazyFrame, after: pl.LazyFrame, *, key: Sequence[str]) -> Difference:
    """What changed from one table to another; rows in any order.

    Rows with the same key are told apart by what they say, so that equal ones meet. Columns that only one table has are
    told in `schema` and change no row.

    Args:
        before: Any table.
        after: Another; the columns of `key` must be in both.
        key: Columns that tell rows apart; none: whole rows, which are then only added or removed.

    Raises:
        UsageError: A table lacks a column of the key.
    """
    schemas = before.collect_schema(), after.collect_schema()
    for schema in schemas:
        if missing := [name for name in key if name not in schema]:
            want, have = f"columns {', '.join(key)} in both", f"none called {', '.join(missing)}"
            raise UsageError("diff", "the tables have no key in common", want=want, have=have)
    common = [name for name in schemas[1] if key and name in schemas[0] and name not in key]
    # Names of our own, so that no column of the data gets in the way.
    at, values = [f"k{i}" for i in range(max(1, len(key)))], [f"c{i}" for i in range(len(common))]
    hashed = [_hashed(frame, key, common) for frame in (before, after)]
    if any(rows.select(at).is_duplicated().any() for rows, _ in hashed):
        hashed = [(_numbered(rows, at, values), counts) for rows, counts in hashed]
        at = [*at, _NUMBER]
    (old, counted), (new, counts) = hashed
    both = old.join(new, on=at, how="inner", nulls_equal=True, suffix=_AFTER)
    differs = both.select(*at, "s", *(pl.col(name) != pl.col(f"{name}{_AFTER}") for name in values))
    told = [pl.when(value).then(pl.lit(name)) for value, name in zip(values, common, strict=True)]
    changed = differs.filter(pl.any_horizontal(pl.lit(False), *values)).select(  # noqa: FBT003  a value, no switch
        *at, columns=pl.concat_list(told).list.drop_nulls() if told else pl.lit([], dtype=pl.List(pl.String))
    )
    sums = differs.select(pl.col(name).sum() for name in values).row(0) if values else ()
    own = dict(zip(at, (*(key or (ROW,)), NUMBER), strict=False))
    return Difference(
        key=tuple(own.values()),
        rows=(old.height, new.height),
        added=_without(new, old, at).select(at).rename(own),
        removed=_without(old, new, at).select(at).rename(own),
        changed=changed.sort(at, nulls_last=True).rename(own),
        columns=pl.DataFrame({"column": common, "rows": list(sums)}, schema={"column": pl.String, "rows": pl.UInt32}),
        schema=_schema_changes(*schemas),
        strata=_strata(counted, counts),
        moved=_moved(both),
        test=_test_changed(
            old, new, differs, [v for v, n in zip(values, common, strict=True) if n not in BOOKKEEPING], at
        ),
    )


def _without(rows: pl.DataFrame, others: pl.DataFrame, at: Sequence[str]) -> pl.DataFrame:
    return rows.join(others, on=at, how="anti", nulls_equal=True).sort(at, nulls_last=True)


def wanted(found: Difference) -> pl.DataFrame:
    """The keys of the rows of the newer table without which the older cannot become it; see `applied`."""
    return pl.concat([found.added, found.changed.select(found.key)])


def applied(before: pl.DataFrame, found: Difference, rows: pl.DataFrame) -> pl.DataFrame:
    """The newer table made of the older one, in any order: the difference left nothing out.

    Args:
        before: The older table; its keys are unique, and no column was added since.
        found: The difference.
        rows: The rows of the newer table that `wanted` names.
    """
    gone = pl.concat([found.removed, found.changed.select(found.key)])
    left = before.join(gone, on=found.key, how="anti", nulls_equal=True).select(rows.columns)
    return pl.concat([left.cast(dict(rows.schema)), rows])  # type: ignore[arg-type]


def proposed(found: Difference, version: str) -> Proposal:
    """The version that follows by `RULE`.

    >>> nothing = pl.LazyFrame({"id": [1], "text": ["a"]})
    >>> proposed(difference(nothing, nothing, key=["id"]), "1.2.3").version
    '1.2.3'

    Raises:
        UsageError: `version` is none.
    """
    parts = version.removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError("diff", "not a version", want="MAJOR.MINOR.PATCH, such as 1.2.0", have=repr(version))
    major, minor, patch = map(int, parts)
    level, why = _level(found)
    raised = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    if major == 0:
        raised = {"major": (0, minor + 1, 0), "minor": (0, minor, patch + 1), "patch": (0, minor, patch + 1)}
    return Proposal(".".join(map(str, raised.get(level, (major, minor, patch)))), level, tuple(why))


def _level(found: Difference) -> tuple[str, list[str]]:
    schema = found.schema.rows(named=True)
    major = [f"Column {row['column']} is gone." for row in schema if row["now"] is None]
    major += [
        f"Column {row['column']} was {row['was']} and is {row['now']}."
        for row in schema
        if row["was"] is not None and row["now"] is not None
    ]
    major += ["The test split is not the same."] if found.test else []
    minor = [f"Column {row['column']} is new." for row in schema if row["was"] is None]
    minor += [f"Rows that are new: {found.added.height:,}."] if found.added.height else []
    minor += [f"Rows that are gone: {found.removed.height:,}."] if found.removed.height else []
    bare = found.changed.filter(pl.col("columns").list.set_difference(sorted(BOOKKEEPING)).list.len() == 0).height
    minor += [f"Rows that changed: {found.changed.height - bare:,}."] if found.changed.height > bare else []
    patch = [f"Rows that changed in nothing but where they lie: {bare:,}."] if bare else []
    level = "major" if major else "minor" if minor else "patch" if patch else "same"
    return level, [*major, *minor, *patch] or ["No row and no column changed."]


def _hashed(frame: pl.LazyFrame, key: Sequence[str], common: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Key (`k0` …), a hash per column (`c0` …) and split (`s`) of each row; and how many rows have each label."""
    schema = frame.collect_schema()
    labels = [name for name in STRATA if name in schema and schema[name] in (pl.String, pl.List(pl.String))]
    split = pl.col("split") if schema.get("split") == pl.String else pl.lit(None, dtype=pl.String)
    rows, counts = [], []
    for batch in _batches(frame):
        if key:
            hashes = value_hashes(batch.select(common))
            names = [batch[name].alias(f"k{i}") for i, name in enumerate(key)]
            names += [hashes[name].alias(f"c{i}") for i, name in enumerate(common)]
        else:
            names = [_of_rows(value_hashes(batch)).alias("k0")]
        rows.append(
            pl.DataFrame(names).with_columns(
                batch.select(s=split).to_series() if "split" in schema else split.alias("s")
            )
        )
        counts.append(_counted(batch, labels))
    return pl.concat(rows), pl.concat(counts).group_by("column", "value").agg(pl.col("rows").sum())


def _batches(frame: pl.LazyFrame) -> Iterable[pl.DataFrame]:
    """The rows a stretch at a time; one empty stretch of an empty table."""
    some = False
    for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        some = some or bool(batch.height)
        yield batch
    if not some:
        yield frame.head(0).collect()


def _of_rows(hashes: pl.DataFrame) -> pl.Series:
    return hashes.select(pl.struct(sorted(hashes.columns)).hash(seed=1)).to_series()


def _numbered(rows: pl.DataFrame, at: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """Rows of one key numbered in the order of what they say."""
    ordered = rows.sort([*at, *values], nulls_last=True, maintain_order=True)
    return ordered.with_columns(pl.int_range(pl.len()).over(at).alias(_NUMBER))


def _counted(batch: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    schema = {"column": pl.String, "value": pl.String, "rows": pl.UInt32}
    found = [pl.DataFrame(schema=schema)]
    for name in labels:
        values = batch.select(value=name)
        if values.schema["value"] != pl.String:
            values = values.explode("value")
        counted = values.group_by("value").agg(rows=pl.len())
        found.append(counted.select(column=pl.lit(name), value="value", rows=pl.col("rows").cast(pl.UInt32)))
    return pl.concat(found)


def _schema_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> pl.DataFrame:
    rows = [
        (name, str(before[name]) if name in before else None, str(after[name]) if name in after else None)
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    return pl.DataFrame(rows, schema={"column": pl.String, "was": pl.String, "now": pl.String}, orient="row")


def _strata(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Labels of both, by column; a column of very many labels has none: it tells no groups."""
    both = before.rename({"rows": "before"}).join(
        after.rename({"rows": "after"}), on=["column", "value"], how="full", nulls_equal=True, coalesce=True
    )
    both = both.filter(pl.len().over("column") <= _MOST_VALUES).with_columns(pl.col("before", "after").fill_null(0))
    place = pl.col("column").replace_strict(list(STRATA), list(range(len(STRATA))), return_dtype=pl.Int32)
    return both.sort([place, pl.col("value")], nulls_last=True)


def _moved(both: pl.DataFrame) -> pl.DataFrame:
    went = both.filter(pl.col("s").ne_missing(pl.col(f"s{_AFTER}")))
    counted = went.group_by(was="s", now=f"s{_AFTER}").agg(rows=pl.len())
    return counted.sort("was", "now", nulls_last=True)


def _test_changed(
    old: pl.DataFrame, new: pl.DataFrame, differs: pl.DataFrame, telling: Sequence[str], at: Sequence[str]
) -> bool:
    """Whether the test split holds other rows, or any of them changed in more than where it lies."""
    before, after = (rows.filter(pl.col("s") == "test").select(at) for rows in (old, new))
    if before.height != after.height or before.join(after, on=at, how="anti", nulls_equal=True).height:
        return True
    changed = differs.filter((pl.col("s") == "test") & pl.any_horizontal(pl.lit(False), *telling))  # noqa: FBT003
    return changed.height > 0
