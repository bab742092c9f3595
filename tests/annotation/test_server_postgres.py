"""The same server on a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation import server_backup
from tests.annotation.conftest import Argilla, end_argilla, run_argilla
from tests.annotation.postgres_server import postgres, programs
from tests.annotation.rated_dataset import answers, make_dataset, rate, record_ids
from xinheng.errors import InputError, UsageError


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="module")
def served(database: str, argilla_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Argilla]:
    home = tmp_path_factory.mktemp("postgres") / "home"
    server = run_argilla(home, argilla_python, raters=("wang",), postgres=database)
    yield server
    end_argilla(server)


def test_raters_rate_and_the_queue_is_theirs(served: Argilla) -> None:
    with served.owner() as owner, served.rater("wang") as rater:
        dataset = make_dataset(owner, "on-postgres", ["甲 first", "乙 second"], ("wang",))
        records = record_ids(owner, dataset)
        assert rate(rater, records[0], 4).status_code == 201
        assert answers(owner, dataset) == {records[0]: [4], records[1]: []}
        waiting = {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]}
        wish = {"query": {"text": {"q": "second"}}, "filters": {"type": "and", "and": [waiting]}}
        found = rater.post(f"/me/datasets/{dataset}/records/search", json=wish).raise_for_status().json()
        assert [item["record"]["id"] for item in found["items"]] == [records[1]]
        progress = owner.get(f"/datasets/{dataset}/progress").json()
        assert (progress["total"], progress["completed"]) == (2, 1)


def test_the_home_holds_no_database_and_the_password_only_among_the_secrets(served: Argilla) -> None:
    assert not (served.home / "argilla.db").exists()
    holding = [file.name for file in served.home.iterdir() if file.is_file() and b"p%40ss" in file.read_bytes()]
    assert holding == ["secrets.json"]
    command = Path(f"/proc/{served.process.pid}/cmdline")
    assert not command.exists() or b"p%40ss" not in command.read_bytes()


def test_a_backup_comes_back_on_postgres(served: Argilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = programs()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with served.owner() as owner, served.rater("wang") as rater:
        dataset = make_dataset(owner, "kept", ["a", "b"], ("wang",))
        records = record_ids(owner, dataset)
        rate(rater, records[0], 5).raise_for_status()
        assert server_backup.back_up(served.home, tmp_path / "b.tar")["database"] == "PostgreSQL"
        rate(rater, records[1], 1).raise_for_status()
    end_argilla(served)
    kept = server_backup.restore(tmp_path / "b.tar", served.home)
    assert kept is not None
    again = run_argilla(served.home, served.python)
    served.url, served.process = again.url, again.process
    with served.owner() as owner:
        assert answers(owner, dataset) == {records[0]: [5], records[1]: []}


def test_a_backup_without_the_tools_of_postgresql_says_which(
    served: Argilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="pg_dump is not installed"):
        server_backup.back_up(served.home, tmp_path / "b.tar")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("p%40ss", "wrong"), "refuses the user or the password"),
        (("/ratings", "/absent"), "has no such database"),
        (("@127.0.0.1:", "@127.0.0.1:9/ratings?"), "does not answer"),
    ],
)
def test_what_is_wrong_with_the_address_is_told(
    database: str, argilla_python: Path, tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    address = database.replace(*change).partition("?")[0]
    with pytest.raises(InputError, match=told) as message:
        run_argilla(tmp_path / "home", argilla_python, postgres=address)
    assert "p%40ss" not in str(message.value)
