"""Object stores: addresses, and every fault of a store one readable message without a secret, in bounded time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import Line, S3Server, use_server
from xinheng import settings as settings_module
from xinheng.artifacts import Artifact, open_artifact, verify, write
from xinheng.errors import ArtifactError, InputError, StoreError, UsageError
from xinheng.staging import fetched
from xinheng.storage import Place, RemotePath, listing, local, place_of
from xinheng.store_errors import store_failure


def make(path: Place, value: int = 1, *, files: int = 1, rows: int = 100) -> Artifact:
    frames = [pl.DataFrame({"id": range(rows), "value": [value] * rows}) for _ in range(files)]
    return write(path, kind="source", name="made", tables={"case": frames}, texts={"note.txt": "note"})


def at(key: str) -> RemotePath:
    found = place_of(f"s3://bucket/{key}")
    assert isinstance(found, RemotePath)
    return found


def test_an_address_is_a_remote_place_and_everything_else_a_path() -> None:
    assert place_of("runs/x") == Path("runs/x")
    assert place_of("file:///runs/x") == Path("/runs/x")
    assert str(place_of("s3://bucket/a b/話/")) == "s3://bucket/a b/話"
    assert str(at("a") / "b" / "") == "s3://bucket/a/b"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://key:secret@bucket/x", "must not hold credentials"),
        ("s3://", "no bucket"),
        ("s3:///x", "no bucket"),
        ("gs://bucket/x", "pip install gcsfs"),
        ("nonsense://bucket/x", "no such kind of store"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_message(address: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        place_of(address)
    assert "secret" not in str(raised.value)


def test_where_only_a_disk_will_do_an_address_is_refused() -> None:
    with pytest.raises(UsageError, match="--page: must lie on this machine: have s3://bucket/x"):
        local(Path("s3://bucket/x"), "--page")
    assert local(Path("a:b/c"), "--page") == Path("a:b/c")


@pytest.mark.parametrize("wrong", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", None])
def test_wrong_credentials_are_refused_without_being_told(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, wrong: str | None
) -> None:
    made = make(at("x"))
    if wrong is None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    else:
        monkeypatch.setenv(wrong, "hush-hush")
    tries: list[Any] = [lambda: open_artifact(at("x")), lambda: listing(at("x")), lambda: make(at("y"))]
    for attempt in tries:
        with pytest.raises(StoreError, match="credentials") as raised:
            attempt()
        assert "hush-hush" not in str(raised.value)
        assert s3.keys["AWS_SECRET_ACCESS_KEY"] not in str(raised.value)
    if wrong is not None:
        with pytest.raises(Exception) as failed:  # noqa: PT011  Polars chooses its class
            made.scan("case").collect()
        told = store_failure(failed.value)
        assert isinstance(told, StoreError)
        assert "credentials" in str(told)
        assert "hush-hush" not in str(told)


def test_credentials_and_endpoint_come_from_profile_files_too(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(f"[profile lab]\nregion = us-east-1\nendpoint_url = {s3.url}\n")
    keys = "".join(f"{name.lower()} = {value}\n" for name, value in s3.keys.items())
    (tmp_path / "credentials").write_text(f"[lab]\n{keys}")
    for name in s3.env:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    make(at("x"), 7)
    assert open_artifact(at("x")).scan("case").select(pl.col("value").max()).collect().item() == 7
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match="no credentials"):
        open_artifact(at("x"))


def test_no_such_bucket_and_nothing_there_are_two_messages(s3: S3Server) -> None:
    for attempt in (open_artifact, make):
        with pytest.raises(StoreError, match="no such bucket"):
            attempt(RemotePath("s3://no-such-bucket/x"))  # type: ignore[operator]
    with pytest.raises(ArtifactError, match="have no such folder"):
        open_artifact(at("x"))
    with pytest.raises(InputError, match="no object there"), fetched(at("empty/")):
        pass


def test_a_store_that_falls_silent_is_waited_for_a_bounded_time(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(at("x"))
    line = Line(s3.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", line.url)
    assert verify(open_artifact(at("x"))) == []
    # Only from here on: a busy machine may well need half a second for an answer that does come.
    monkeypatch.setenv("XINHENG_STORE_TIMEOUT_S", "0.5")
    settings_module.settings.cache_clear()
    line.held.set()
    attempts: list[Any] = [lambda: open_artifact(at("x")), lambda: make(at("x")), lambda: listing(at("x"))]
    for attempt in attempts:
        with pytest.raises(StoreError, match="does not answer"):
            attempt()
    with pytest.raises(Exception) as failed:  # noqa: PT011  Polars chooses its class
        made.scan("case").collect()
    assert "does not answer" in str(store_failure(failed.value))
    settings_module.settings.cache_clear()


def test_a_server_that_dies_during_an_upload_costs_a_message_and_a_rerun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = S3Server()
    try:
        use_server(server, monkeypatch)
        server.client.create_bucket(Bucket="bucket")
        line = Line(server.port)
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.url)
        line.on_cut, line.cut_after = server.kill, 20_000
        with pytest.raises(StoreError, match="does not answer"):
            make(at("x"), files=8, rows=3000)
        server.start()
        server.client.create_bucket(Bucket="bucket")
        use_server(server, monkeypatch)
        assert verify(make(at("x"), files=8, rows=3000)) == []
    finally:
        server.kill()
