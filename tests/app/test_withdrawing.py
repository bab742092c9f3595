"""`xinheng curate --withdraw`: out in the next version and in all after it, and the changelog says so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from curation.split import certify
from xinheng.artifacts import open_artifact, verify


def test_withdrawn_rows_stay_out_of_every_later_version(run, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    place = tmp_path / "runs" / "datasets" / "tagged_dialogues"
    assert run("curate", "tagged_dialogues", "--no-page").code == 0
    first = open_artifact(place)
    row, client = (
        first.scan("dialogue")
        .filter(pl.col("client_id").is_not_null())
        .collect()
        .select("dialogue_id", "client_id")
        .row(3)
    )
    ids.write_text(f"{row}\nc-en-01\nnobody\n", encoding="utf-8")

    told = run("curate", "tagged_dialogues", "--no-page", "--withdraw", ids)
    assert told.code == 0
    assert "no row here has nobody" in told.err
    second = open_artifact(place)
    rows = second.scan("dialogue").collect()
    assert row not in set(rows["dialogue_id"])
    assert "c-en-01" not in set(rows["client_id"].drop_nulls())
    out = second.manifest["facts"]["withdrawn"]
    assert out == {"ids": 3, "new_ids": 3, "rows": first.rows("dialogue") - rows.height, "missing": 1}
    assert client != "c-en-01"
    assert second.scan("dropped").filter(step="withdrawn").collect()["row"].null_count() == out["rows"]
    assert f"{out['rows']:,} rows are out" in second.file("CHANGELOG.md").read_text(encoding="utf-8")
    assert verify(second) == []
    stayed = first.scan("dialogue").filter(pl.col("dialogue_id").is_in(rows["dialogue_id"].implode())).collect()
    assert stayed.equals(rows), "the others are what and where they were"
    certificate = json.loads(second.file("certificate.json").read_text(encoding="utf-8"))
    again = certify(rows, key="dialogue_id", stratum="stratum", groups=list(certificate["columns"])[1:], seed=0)
    assert {**again, "published_rows": 0} == certificate

    assert run("curate", "tagged_dialogues", "--no-page").code == 0
    third = open_artifact(place)
    assert third.digest == second.digest
    assert third.file("CHANGELOG.md").read_text(encoding="utf-8").count("Withdrawn") == 1


def test_a_list_that_cannot_be_read_changes_nothing(run, tmp_path: Path) -> None:
    told = run("curate", "tagged_dialogues", "--no-page", "--withdraw", tmp_path / "none.txt")
    assert told.code == 2
    assert "none.txt" in told.err
    assert not (tmp_path / "runs" / "datasets").exists()
