"""A difference names every row that changed and none that did not; the same has none, and it makes one of the other."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from curation.difference import NUMBER, applied, difference, proposed, wanted
from xinheng.digests import digest, value_hashes
from xinheng.errors import UsageError
from xinheng.tables import DIALOGUE

IDS = st.sampled_from(["a", "b", "c", "d", "e", "é", "A"])
TAGS = st.lists(st.fixed_dictionaries({"axis": st.just("x"), "value": st.sampled_from(["", "1"])}), max_size=2)
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | st.sampled_from(["", "x", "xy", "0"]),
        "tags": st.none() | TAGS,
        "score": st.none() | st.sampled_from([0.0, -0.0, 1.5, float("nan")]),
        "split": st.none() | st.sampled_from(["train", "test"]),
        "origin": st.sampled_from(["f:1", "f:2"]),
    }
)
SCHEMA = {
    "id": pl.String, "text": pl.String, "tags": pl.List(pl.Struct({"axis": pl.String, "value": pl.String})),
    "score": pl.Float64, "split": pl.String, "origin": pl.String,
}  # fmt: skip


def frame(rows: dict[str, dict]) -> pl.DataFrame:
    return pl.DataFrame([{"id": name, **row} for name, row in rows.items()], schema=SCHEMA)


TABLE = st.dictionaries(IDS, ROW, max_size=6).map(frame)


@given(TABLE, st.randoms(use_true_random=False))
def test_a_table_does_not_differ_from_itself_in_any_order(table: pl.DataFrame, chance) -> None:
    order = list(range(table.height))
    chance.shuffle(order)
    found = difference(table.lazy(), table[order].lazy(), key=["id"])
    assert found.empty
    assert not found.test
    assert proposed(found, "1.4.2").version == "1.4.2"


@given(TABLE, TABLE)
def test_applied_to_the_one_it_gives_the_other(before: pl.DataFrame, after: pl.DataFrame) -> None:
    found = difference(before.lazy(), after.lazy(), key=["id"])
    needed = after.join(wanted(found), on="id", how="semi", nulls_equal=True)
    assert needed.height == found.added.height + found.changed.height
    assert digest(applied(before, found, needed)) == digest(after)


@given(TABLE, TABLE)
def test_it_is_empty_exactly_when_the_digests_are_equal(before: pl.DataFrame, after: pl.DataFrame) -> None:
    found = difference(before.lazy(), after.lazy(), key=["id"])
    assert found.empty == (digest(before) == digest(after))
    assert difference(before.lazy(), after.lazy(), key=[]).empty == found.empty


@given(TABLE, TABLE)
def test_the_way_back_is_its_mirror(before: pl.DataFrame, after: pl.DataFrame) -> None:
    there = difference(before.lazy(), after.lazy(), key=["id"])
    back = difference(after.lazy(), before.lazy(), key=["id"])
    assert_frame_equal(there.added, back.removed)
    assert_frame_equal(there.changed, back.changed)
    assert there.test == back.test
    assert there.rows == back.rows[::-1]
    counts = ["column", "value", "before", "after"]
    assert_frame_equal(
        there.strata.select(counts), back.strata.rename({"before": "after", "after": "before"}).select(counts)
    )


@given(TABLE, TABLE)
def test_rows_are_accounted_for(before: pl.DataFrame, after: pl.DataFrame) -> None:
    found = difference(before.lazy(), after.lazy(), key=["id"])
    assert before.height - found.removed.height + found.added.height == after.height
    by_column = dict(found.columns.iter_rows())
    for name, rows in by_column.items():
        assert rows == found.changed.filter(pl.col("columns").list.contains(name)).height
    strata = found.strata.filter(pl.col("column") == "split")
    assert (strata["before"].sum(), strata["after"].sum()) == (before.height, after.height)


def simple(**columns) -> pl.LazyFrame:
    return pl.LazyFrame({"id": ["a", "b", "c"], "split": ["train", "train", "test"], "n": [1, 2, 3], **columns})


@pytest.mark.parametrize(
    ("after", "version", "level"),
    [
        (simple(), "1.2.3", "same"),
        (simple(n=[1, 5, 3]), "1.3.0", "minor"),
        (simple(id=["a", "z", "c"]), "1.3.0", "minor"),
        (simple(extra=[0, 0, 0]), "1.3.0", "minor"),
        (simple(n=[1, 2, 9]), "2.0.0", "major"),
        (simple(split=["train", "test", "test"]), "2.0.0", "major"),
        (simple(id=["a", "b", "z"]), "2.0.0", "major"),
        (simple(n=["1", "2", "3"]), "2.0.0", "major"),
        (simple().drop("n"), "2.0.0", "major"),
    ],
)
def test_the_version_follows_what_changed(after: pl.LazyFrame, version: str, level: str) -> None:
    told = proposed(difference(simple(), after, key=["id"]), "1.2.3")
    assert (told.version, told.level) == (version, level)
    assert told.why


def test_where_rows_lie_is_a_patch_and_before_one_everything_is_less() -> None:
    found = difference(simple(origin=["1", "2", "3"]), simple(origin=["1", "2", "9"]), key=["id"])
    assert proposed(found, "1.2.3").version == "1.2.4"
    broken = difference(simple(), simple().drop("n"), key=["id"])
    assert proposed(broken, "v0.2.3").version == "0.3.0"
    assert proposed(difference(simple(), simple(extra=[0, 0, 0]), key=["id"]), "0.2.3").version == "0.2.4"


@pytest.mark.parametrize("version", ["", "1", "1.2", "1.2.x", "1.2.3-rc1", "-1.2.3", "1.2.³"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="not a version"):
        proposed(difference(simple(), simple(), key=["id"]), version)


def test_rows_that_move_between_splits_are_counted() -> None:
    found = difference(simple(), simple(split=["test", "train", None]), key=["id"])
    assert found.moved.rows() == [("test", None, 1), ("train", "test", 1)]
    assert found.columns.rows() == [("split", 2), ("n", 0)]


def test_rows_of_one_key_meet_by_what_they_say() -> None:
    before = pl.LazyFrame({"id": ["a", "a", None], "n": [1, 2, 3]})
    after = pl.LazyFrame({"id": [None, "a", "a"], "n": [3, 2, 1]})
    assert difference(before, after, key=["id"]).empty
    found = difference(before, after.filter(pl.col("n") != 2), key=["id"])
    assert found.key == ("id", NUMBER)
    assert found.removed.height == 1


def test_columns_of_any_name_do_not_get_in_the_way() -> None:
    odd = {"k0": ["a", "b"], "c0": [1, 2], "s": [3, 4], "n": [5, 6], "c0:after": [0, 0], "rows": [1, 1], "_row": [1, 2]}
    table = pl.LazyFrame(odd)
    assert difference(table, table, key=["k0"]).empty
    assert difference(table, table.with_columns(s=pl.lit(4)), key=["k0"]).columns.filter(pl.col("rows") > 0).rows() == [
        ("s", 1)
    ]


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="none called other"):
        difference(simple(), simple(), key=["other"])


def test_empty_tables_differ_from_full_ones_only() -> None:
    empty = pl.LazyFrame(schema=DIALOGUE)
    assert difference(empty, empty, key=["dialogue_id"]).empty
    assert difference(empty, empty, key=[]).empty


def test_labels_too_many_to_be_labels_are_left_out() -> None:
    many = pl.LazyFrame({"id": range(600), "subject": [f"s{i}" for i in range(600)], "split": ["train"] * 600})
    assert set(difference(many, many, key=["id"]).strata["column"]) == {"split"}


@pytest.mark.parametrize("values", [(0.0, -0.0), (0.0, None), (float("nan"), None), (1.0, 1.0 + 2**-52)])
@pytest.mark.parametrize("nested", [False, True])
def test_floats_differ_as_their_digests_do(values, nested: bool) -> None:
    before, after = (
        pl.DataFrame(
            {"id": [1], "x": [[v] if nested else v]},
            schema_overrides={"x": pl.List(pl.Float64) if nested else pl.Float64},
        )
        for v in values
    )
    assert not difference(before.lazy(), after.lazy(), key=["id"]).empty
    assert digest(before) != digest(after)


def test_nested_values_do_not_run_into_each_other() -> None:
    dtype = pl.List(pl.Struct({"a": pl.String, "b": pl.List(pl.String)}))
    values = [
        None, [], [None], [{"a": None, "b": None}], [{"a": "", "b": None}], [{"a": None, "b": []}],
        [{"a": None, "b": [None]}],
        [{"a": "", "b": [""]}], [{"a": "x", "b": ["y"]}], [{"a": "y", "b": ["x"]}], [{"a": "xy", "b": []}],
        [{"a": "x", "b": ["yz"]}], [{"a": "x", "b": ["y", "z"]}], [{"a": "x", "b": []}, {"a": None, "b": ["y"]}],
    ]  # fmt: skip
    hashes = value_hashes(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}))["x"]
    assert hashes.n_unique() == len(values)
    assert hashes.null_count() == 0
