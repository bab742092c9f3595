"""`xinheng curate --withdraw`: out in the next version and in all after it, and the changelog says so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

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


def test_the_changelog_tells_of_rows_that_went_now_and_of_no_others(run, tmp_path: Path) -> None:
    ids, place = tmp_path / "ids.txt", tmp_path / "runs" / "datasets" / "tagged_dialogues"
    assert run("curate", "tagged_dialogues", "--no-page").code == 0
    rows = open_artifact(place).scan("dialogue").collect()["dialogue_id"].to_list()

    def told(*named: str) -> str:
        ids.write_text("\n".join(named), encoding="utf-8")
        assert run("curate", "tagged_dialogues", "--no-page", "--withdraw", ids).code == 0
        made = open_artifact(place)
        log = made.file("CHANGELOG.md") if "CHANGELOG.md" in made.manifest["files"] else None
        return log.read_text(encoding="utf-8") if log else ""

    assert told("nobody") == "", "of nobody's row there is nothing to tell"
    one = "- Withdrawn: 1 row is out at the request of those who wrote them (1 new id)."
    assert told(rows[0]).count("Withdrawn") == 1
    assert told(rows[1]).count(one) == 2
    assert told(rows[0], rows[1], "nobody-else").count("Withdrawn") == 2
    two = "- Withdrawn: 2 rows are out at the request of those who wrote them (2 new ids)."
    assert told(*rows[:4], "nobody-more").split("## Unreleased\n\n")[1].splitlines() == [two, one, one]
    assert open_artifact(place).rows("dialogue") == len(rows) - 4


def test_a_list_that_cannot_be_read_changes_nothing(run, tmp_path: Path) -> None:
    told = run("curate", "tagged_dialogues", "--no-page", "--withdraw", tmp_path / "none.txt")
    assert told.code == 2
    assert "none.txt" in told.err
    assert not (tmp_path / "runs" / "datasets").exists()


def tagged(folder: Path) -> Path:
    """A file of one's own, whose ids tell who somebody is."""
    rows = [
        ("chart-17", "王大明", "我好累，睡不著"),
        ("chart-18", "王大明", "今天好一點了"),
        ("chart-19", "陳怡君", "工作壓力大"),
        ("chart-20", "林小華", "我跟家人吵架"),
        ("chart-21", "張美玲", "我很擔心明天"),
    ]
    lines = [
        {"dialogue_id": row, "client_id": client, "language": "zh-Hant",
         "turns": [{"role": "client", "text": text}, {"role": "counsellor", "text": "我在聽。"}]}
        for row, client, text in rows
    ]  # fmt: skip
    file = folder / "mine.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return file


def content(folder: Path) -> str:
    """All that a dataset's folder says, in texts and in tables."""
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in folder.iterdir() if p.suffix != ".parquet"]
    tables = [
        json.dumps(pl.read_parquet(p).to_dicts(), ensure_ascii=False, default=str) for p in folder.glob("*.parquet")
    ]
    return "\n".join(texts + tables)


@pytest.fixture
def pseudonymised(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XINHENG_VAULT_PASSPHRASE", "correct horse battery")
    (tmp_path / "files").mkdir()
    assert run("ingest", "tagged", "--from", tagged(tmp_path / "files")).code == 0
    return tmp_path / "files" / "v"


CURATE = ("curate", "tagged_dialogues", "--source", "tagged", "--no-page", "--no-gate")


def test_with_a_vault_the_ids_of_ones_own_files_are_found_and_never_written_down(
    run, pseudonymised: Path, tmp_path: Path
) -> None:
    place, ids = tmp_path / "runs" / "datasets" / "tagged_dialogues", tmp_path / "ids.txt"
    assert run(*CURATE, "--vault", pseudonymised).code == 0
    first = open_artifact(place)
    ids.write_text("王大明\nchart-19\nnobody-3\n", encoding="utf-8")
    told = run(*CURATE, "--vault", pseudonymised, "--withdraw", ids)
    assert told.code == 0, told.err
    assert "no row here has nobody-3" in told.err
    second = open_artifact(place)
    assert first.rows("dialogue") - second.rows("dialogue") == 3
    assert not any(name in content(place) for name in ("王大明", "chart-19", "nobody-3"))
    assert verify(second) == []
    told = run(*CURATE, "--vault", pseudonymised)
    assert told.code == 0, told.err
    assert open_artifact(place).digest == second.digest
    keyed = second.scan("dialogue").collect()["client_id"][0]
    ids.write_text(f"{keyed}\n", encoding="utf-8")
    assert run(*CURATE, "--vault", pseudonymised, "--withdraw", ids).code == 0
    assert open_artifact(place).rows("dialogue") == second.rows("dialogue") - 1


def test_without_the_vault_nobody_comes_back(run, pseudonymised: Path, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("王大明\n", encoding="utf-8")
    assert run(*CURATE, "--vault", pseudonymised, "--withdraw", ids).code == 0
    before = open_artifact(tmp_path / "runs" / "datasets" / "tagged_dialogues").digest
    for more in ((), ("--vault", tmp_path / "files" / "other")):
        told = run(*CURATE, *more)
        assert told.code == 2
        assert "would come back" in told.err
        assert "the vault that it was made with" in told.err
    assert open_artifact(tmp_path / "runs" / "datasets" / "tagged_dialogues").digest == before


def test_what_was_withdrawn_before_there_was_a_vault_stays_out_under_its_new_name(
    run, pseudonymised: Path, tmp_path: Path
) -> None:
    place, ids = tmp_path / "runs" / "datasets" / "tagged_dialogues", tmp_path / "ids.txt"
    ids.write_text("王大明\n", encoding="utf-8")
    assert run(*CURATE, "--withdraw", ids).code == 0
    rows = open_artifact(place).rows("dialogue")
    assert run(*CURATE, "--vault", pseudonymised).code == 0
    assert open_artifact(place).rows("dialogue") == rows
    assert "王大明" not in content(place)
