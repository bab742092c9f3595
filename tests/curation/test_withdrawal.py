"""Who withdraws is out: by row, client or group, wherever a copy was kept, and no copy comes up in its place."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.withdrawal import STEP, ids_in, withdraw
from xinheng.errors import DecodingError, InputError
from xinheng.tables import DROPPED


def kept() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row_id": ["r1", "r2", "r3#1", "r4", "r5"],
            "client_id": ["ann", "bob", None, "ann", None],
            "segment_of": [None, None, "r3", None, None],
            "derived_from": [[], [], [], [], ["r2", "x"]],
            "origin": [f"f:{i}" for i in range(5)],
            "text": ["secret"] * 5,
        },
        schema_overrides={"derived_from": pl.List(pl.String)},
    )


def dropped() -> pl.DataFrame:
    rows = [
        ("d1", "drop_exact_duplicates", "same text as r1", "f:6", json.dumps({"client_id": "eve", "text": "secret"})),
        ("d2", "drop_links", "holds a web address", "f:7", json.dumps({"client_id": "bob", "text": "secret"})),
        ("d3", "read", "not JSON", "f:8", "{secret"),
        (None, "read", "not JSON", "f:9", None),
    ]
    return pl.DataFrame(rows, schema=dict(DROPPED), orient="row")


@pytest.mark.parametrize(
    ("ids", "left", "emptied"),
    [
        (["r1"], ["r2", "r3#1", "r4", "r5"], {"d1"}),
        (["ann"], ["r2", "r3#1", "r5"], {"d1"}),
        (["bob"], ["r1", "r3#1", "r4", "r5"], {"d2"}),
        (["r2"], ["r1", "r3#1", "r4"], set()),
        (["r3"], ["r1", "r2", "r4", "r5"], set()),
        (["d3"], ["r1", "r2", "r3#1", "r4", "r5"], {"d3"}),
        (["nobody"], ["r1", "r2", "r3#1", "r4", "r5"], set()),
    ],
)
def test_rows_go_by_their_own_id_their_writer_and_what_they_are_made_of(ids, left, emptied) -> None:
    found = withdraw(kept(), dropped(), ids, key="row_id")
    assert found.kept["row_id"].to_list() == left
    assert found.rows == 5 - len(left)
    before = found.dropped.filter(pl.col("step") != STEP)
    assert set(before.filter(pl.col("row").is_null())["row_id"].drop_nulls()) == emptied
    assert found.missing == (("nobody",) if ids == ["nobody"] else ())


@given(st.sets(st.sampled_from(["r1", "r2", "r3", "r3#1", "ann", "bob", "d1", "d2", "zzz"]), min_size=1))
def test_nothing_of_who_withdrew_is_left_and_every_row_is_accounted_for(ids: set[str]) -> None:
    found = withdraw(kept(), dropped(), ids, key="row_id")
    gone = found.dropped.filter(pl.col("step") == STEP)
    assert sorted([*found.kept["row_id"], *gone["row_id"]]) == sorted(kept()["row_id"])
    assert gone["row"].null_count() == gone.height
    assert not set(found.kept["row_id"]) & ids
    assert not set(found.kept["client_id"].drop_nulls()) & ids
    again = withdraw(found.kept, found.dropped, ids, key="row_id")
    assert (again.rows, again.kept.equals(found.kept)) == (0, True)


def test_a_list_holds_ids_and_remarks(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\ufeff# by mail\nr2\n\n  r1 \nr2\n", encoding="utf-8")
    assert ids_in(file) == ["r1", "r2"]


@pytest.mark.parametrize(
    ("content", "error"), [(b"", InputError), (b"# none\n", InputError), (b"\xff\xfe\x00", DecodingError)]
)
def test_a_list_without_ids_is_refused(content: bytes, error, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(content)
    with pytest.raises(error):
        ids_in(file)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            ids_in(place)
