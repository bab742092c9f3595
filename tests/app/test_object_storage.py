"""The commands with sources, artifacts and exports in S3: the same results as on disk, the same plain errors."""

from __future__ import annotations

import dataclasses
import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import pipeline
from datasets_src.catalog import SAMPLE, source
from tests.conftest import S3Server
from xinheng import settings as settings_module
from xinheng.artifacts import open_artifact, verify
from xinheng.errors import InputError
from xinheng.storage import listing, place_of

Run = Callable[..., Any]

CHAT = "[LINE] 與小明的聊天記錄\n儲存日期：2024/01/01 00:00\n\n2023/03/09（四）\n10:00\t小明\t早安\n10:01\t我\t早\n"


@pytest.fixture
def quiet_run(run: Run, s3: S3Server) -> Run:
    """`run`, on a server with an empty bucket; no command may print a traceback or a secret."""

    def command(*arguments: str | Path) -> Any:
        ran = run(*arguments)
        for printed in (ran.out, ran.err):
            assert "Traceback" not in printed
            assert s3.keys["AWS_SECRET_ACCESS_KEY"] not in printed
        return ran

    return command


def put(s3: S3Server, key: str, content: bytes) -> None:
    s3.client.put_object(Bucket="bucket", Key=key, Body=content)


def keys(address: str) -> list[str]:
    where = place_of(address)
    assert not isinstance(where, Path)
    return list(listing(where))


def put_sample(s3: S3Server, folder: str) -> None:
    for file in sorted(SAMPLE.glob("dialogues.*.jsonl")):
        put(s3, f"{folder}/{file.name}", file.read_bytes())


def test_a_chat_in_a_bucket_becomes_a_source_in_a_bucket(quiet_run: Run, s3: S3Server, tmp_path: Path) -> None:
    put(s3, "chats/a b/小明.txt", CHAT.encode())
    ran = quiet_run("ingest", "line", "--from", "s3://bucket/chats/a b/小明.txt", "--out", "s3://bucket/line", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["path"] == "s3://bucket/line"
    made = open_artifact(place_of("s3://bucket/line"))
    assert verify(made) == []
    (tmp_path / "小明.txt").write_text(CHAT)
    assert quiet_run("ingest", "line", "--from", tmp_path / "小明.txt", "--out", tmp_path / "line").code == 0
    here = open_artifact(tmp_path / "line")
    assert made.digest == here.digest
    checksums = [artifact.file("files.sha256").read_text(encoding="utf-8") for artifact in (made, here)]
    assert checksums[0] == checksums[1]


def test_a_dataset_is_curated_validated_and_exported_from_bucket_to_bucket(
    quiet_run: Run, s3: S3Server, tmp_path: Path
) -> None:
    put_sample(s3, "in")
    there, here = "s3://bucket/runs/x", tmp_path / "x"
    (tmp_path / "in").mkdir()
    for file in SAMPLE.glob("dialogues.*.jsonl"):
        shutil.copy(file, tmp_path / "in")
    for place, name in (("s3://bucket/in", "s3://bucket/runs/source"), (tmp_path / "in", tmp_path / "source")):
        assert quiet_run("ingest", "tagged", "--from", place, "--out", name, "--limit", "100").code == 0
    for name, out in (("s3://bucket/runs/source", there), (tmp_path / "source", here)):
        quick = ["--no-page", "--no-gate"]
        assert quiet_run("curate", "tagged_dialogues", "--source", name, "--out", out, *quick).code == 0
    assert open_artifact(place_of(there)).digest == open_artifact(here).digest
    assert quiet_run("validate", there).code == quiet_run("validate", here).code
    ran = quiet_run("export", there, "--out", "s3://bucket/export", "--json")
    assert ran.code == 0, ran.err
    assert "s3://bucket/export/train.jsonl" in json.loads(ran.out)["files"]
    assert quiet_run("export", here, "--out", tmp_path / "export").code == 0
    for file in (tmp_path / "export").iterdir():
        assert s3.client.get_object(Bucket="bucket", Key=f"export/{file.name}")["Body"].read() == file.read_bytes()


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(quiet_run: Run, s3: S3Server) -> None:
    put_sample(s3, "in")
    quiet_run("ingest", "tagged", "--from", "s3://bucket/in", "--out", "s3://bucket/source", "--limit", "60")
    quick = ["--no-page", "--no-gate", "--out", "s3://bucket/x"]
    quiet_run("curate", "tagged_dialogues", "--source", "s3://bucket/source", *quick)
    put(s3, "export/README.md", b"mine")
    put(s3, "export/data/test-00007-of-00009.parquet", b"of an earlier, larger one")
    for form in ("messages", "datasets", "parquet", "parquet"):
        ran = quiet_run("export", "s3://bucket/x", "--format", form, "--out", "s3://bucket/export")
        assert ran.code == 0, ran.err
    names = [name for name in keys("s3://bucket/export") if "README" not in name]
    assert {name.partition("/")[0] for name in names} > {"data", "train.jsonl", "dataset_dict.json", "train"}
    assert "data/test-00007-of-00009.parquet" not in names
    assert s3.client.get_object(Bucket="bucket", Key="export/README.md")["Body"].read() == b"mine"


def test_data_and_runs_may_both_be_buckets(quiet_run: Run, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINHENG_DATA", "s3://bucket/data")
    monkeypatch.setenv("XINHENG_RUNS", "s3://bucket/runs")
    settings_module.settings.cache_clear()
    ran = quiet_run("ingest", "sample")
    assert ran.code == 0, ran.err
    assert keys("s3://bucket/runs/sources/sample")
    put(s3, f"data/{source('smile').folder}/1.json", b"[]")
    listed = quiet_run("sources", "--json")
    assert listed.code == 0, listed.err
    there = {row["name"] for row in json.loads(listed.out) if row["on_disk"]}
    assert "smile" in there
    assert "imhi" not in there
    refused = quiet_run("fetch", "smile")
    assert refused.code == 2
    assert "XINHENG_DATA: must lie on this machine" in refused.err


def test_a_source_in_a_bucket_is_read_again_only_when_its_objects_change(
    quiet_run: Run, s3: S3Server, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    entry = source("smile")
    folder = shared_data / entry.folder
    files = sorted(p for p in folder.rglob("*.json") if p.is_file())[:5]
    for file in files:
        put(s3, f"data/{entry.folder}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    monkeypatch.setenv("XINHENG_DATA", "s3://bucket/data")
    settings_module.settings.cache_clear()
    data, said = settings_module.settings().data, []
    first = pipeline.source_artifact(entry, data=data, say=said.append)
    assert pipeline.source_artifact(entry, data=data, say=said.append).digest == first.digest
    assert len(said) == 1
    put(s3, f"data/{entry.folder}/one-more.json", files[0].read_bytes())
    pipeline.source_artifact(entry, data=data, say=said.append)
    assert len(said) == 2


def test_an_object_that_changes_while_it_is_read_leaves_nothing_written(s3: S3Server) -> None:
    put_sample(s3, "in")
    entry = source("tagged")

    def read(folder: Path) -> Iterator[Any]:
        rows = list(entry.read(folder))
        yield from rows[:5]
        put(s3, "in/dialogues.en.jsonl", b"{}\n")
        yield from rows[5:]

    with pytest.raises(InputError, match=r"changed while they were read: have 'dialogues\.en\.jsonl'"):
        pipeline.ingest_source(
            dataclasses.replace(entry, read=read),
            place=place_of("s3://bucket/in"),
            out=place_of("s3://bucket/out"),
        )
    assert keys("s3://bucket/out") == []


def test_a_reader_s_error_names_the_bucket_and_not_the_copy(quiet_run: Run, s3: S3Server) -> None:
    put(s3, "in/notes.pdf", b"%PDF")
    ran = quiet_run("ingest", "tagged", "--from", "s3://bucket/in", "--out", "s3://bucket/out")
    assert ran.code == 2
    assert "xinheng: s3://bucket/in: no file of this source" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["validate", "s3://no-such-bucket/x"], "no such bucket"),
        (["validate", "s3://bucket/nothing"], "not an artifact"),
        (["ingest", "line", "--from", "s3://bucket/nothing/"], "no object there"),
        (["ingest", "line", "--from", "s3://k:hush@bucket/x"], "must not hold credentials"),
        (["curate", "tagged_dialogues", "--source", "s3://bucket/nothing"], "not an artifact"),
        (["ingest", "sample", "--out", "gs://bucket/x"], "pip install gcsfs"),
        (["sweep", "runs/x"], "not in an object store"),
    ],
)
def test_every_fault_is_one_message_and_leaves_with_2(quiet_run: Run, arguments: list[str], told: str) -> None:
    ran = quiet_run(*arguments)
    assert ran.code == 2
    assert told in ran.err
    assert "hush" not in ran.err


def test_a_page_in_a_bucket_is_refused_rather_than_written_elsewhere(quiet_run: Run, tmp_path: Path) -> None:
    assert quiet_run("ingest", "sample", "--out", tmp_path / "x").code == 0
    ran = quiet_run("validate", tmp_path / "x", "--page", "s3://bucket/gate.html")
    assert ran.code == 2
    assert "--page: must lie on this machine" in ran.err


def test_data_that_vanishes_while_it_is_scanned_is_one_message(quiet_run: Run, s3: S3Server) -> None:
    assert quiet_run("ingest", "sample", "--out", "s3://bucket/x").code == 0
    file = open_artifact(place_of("s3://bucket/x")).file("dialogue-00000.parquet")
    s3.client.delete_object(Bucket="bucket", Key=str(file).removeprefix("s3://bucket/"))
    ran = quiet_run("duplicates", "s3://bucket/x")
    assert ran.code == 2
    assert "no such object" in ran.err


def test_sweep_of_a_folder_says_what_sweeps_there(quiet_run: Run, tmp_path: Path) -> None:
    ran = quiet_run("sweep", str(tmp_path))
    assert (ran.code, "s3://" in ran.err, "run the step that makes the artifact again" in ran.err) == (2, True, True)


def test_sweep_names_and_deletes_what_killed_writers_left(quiet_run: Run, s3: S3Server) -> None:
    assert quiet_run("ingest", "sample", "--out", "s3://bucket/x").code == 0
    put(s3, "x/files-20250101T000000Z-0123abcd/dialogue-00000.parquet", b"half")
    put(s3, "x/notes.txt", b"mine")
    ran = quiet_run("sweep", "s3://bucket/x", "--dry-run")
    assert "1 files would be deleted" in ran.out
    ran = quiet_run("sweep", "s3://bucket/x", "--json")
    assert json.loads(ran.out)["files"] == ["s3://bucket/x/files-20250101T000000Z-0123abcd/dialogue-00000.parquet"]
    assert quiet_run("validate", "s3://bucket/x").code in {0, 1}
    assert "notes.txt" in keys("s3://bucket/x")
    assert verify(open_artifact(place_of("s3://bucket/x"))) == []


def test_without_the_driver_the_package_to_install_is_named(quiet_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(protocol: str) -> Any:
        raise ImportError(protocol)

    monkeypatch.setattr(importlib.import_module("fsspec"), "get_filesystem_class", missing)
    ran = quiet_run("validate", "s3://bucket/x")
    assert ran.code == 2
    assert "pip install 'xinheng[s3]'" in ran.err
