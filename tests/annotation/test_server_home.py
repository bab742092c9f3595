"""A home: secrets made once for one pair of eyes, nobody else's folder touched, and the truth about who serves it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from annotation import server_home
from xinheng.errors import InputError, UsageError, WriteError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    server_home.make(tmp_path / "home")
    return tmp_path / "home"


def test_a_new_home_is_for_its_owner_only(home: Path) -> None:
    assert mode(home) == 0o700
    assert {mode(file) for file in home.iterdir()} == {0o600}


def test_the_secret_is_made_once(home: Path) -> None:
    before = (home / "secrets.json").read_text()
    server_home.make(home)
    assert (home / "secrets.json").read_text() == before
    assert len(json.loads(before)["auth_secret"]) == 64


def test_two_homes_have_two_secrets(home: Path, tmp_path: Path) -> None:
    server_home.make(tmp_path / "other")
    assert (tmp_path / "other" / "secrets.json").read_text() != (home / "secrets.json").read_text()


def test_a_folder_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="a folder of another kind"):
        server_home.make(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="have a file"):
        server_home.make(tmp_path / "file")


def test_a_home_of_a_newer_xinheng_is_refused(home: Path) -> None:
    (home / "home.json").write_text(json.dumps({"kind": server_home.KIND, "format": 99, "argilla": "9.0"}))
    with pytest.raises(InputError, match="written by a newer Xinheng"):
        server_home.make(home)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": 1}', "\x00"])
def test_damaged_files_are_told(home: Path, content: str) -> None:
    (home / "home.json").write_text(content)
    with pytest.raises(InputError, match="files that cannot be read"):
        server_home.make(home)


def test_what_a_killed_maker_left_is_finished(home: Path) -> None:
    (home / "home.json").unlink()
    (home / ".home.json.123").touch()
    server_home.make(home)
    assert server_home.check(home)["argilla"] == server_home.version()


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="--home"):
        server_home.make(tmp_path / "file" / "home")


def test_a_home_keeps_its_database(home: Path, tmp_path: Path) -> None:
    address = "postgresql://ann:word@localhost:5432/ratings"
    with pytest.raises(UsageError, match="have SQLite") as told:
        server_home.make(home, postgres=address)
    assert "word" not in str(told.value)
    server_home.make(tmp_path / "other", postgres=address)
    server_home.make(tmp_path / "other")
    assert server_home.postgres_of(tmp_path / "other") == address
    with pytest.raises(UsageError, match="have another PostgreSQL"):
        server_home.make(tmp_path / "other", postgres=address + "2")


@pytest.mark.parametrize(
    "address", ["", "localhost", "mysql://a/b", "postgresql://", "postgresql://host", "postgres:// /x"]
)
def test_what_is_no_address_of_postgresql_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="no address of PostgreSQL"):
        server_home.make(tmp_path / "home", postgres=address)
    assert not (tmp_path / "home").exists()


def test_an_absent_home_is_told_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xinheng annotate serve"):
        server_home.check(tmp_path / "none")


def test_no_lock_means_no_server_whatever_process_has_the_number(home: Path) -> None:
    (home / "lock").write_text(str(os.getpid()))
    (home / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": os.getpid()}))
    state = server_home.state(home)
    assert not state.running
    assert state.died


def test_a_held_lock_means_a_server(home: Path) -> None:
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("123")
        file.flush()
        (home / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 123}))
        state = server_home.state(home)
        with pytest.raises(UsageError, match="a server runs"), server_home.held(home):
            pass
    assert (state.running, state.died, state.pid, state.facts["url"]) == (True, False, 123, "http://127.0.0.1:1")


def test_a_stale_address_is_not_taken_for_a_starting_server(home: Path) -> None:
    (home / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 7}))
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("123")
        file.flush()
        assert server_home.state(home).facts == {}


def test_a_home_never_served_neither_runs_nor_died(home: Path) -> None:
    state = server_home.state(home)
    assert (state.running, state.died) == (False, False)


def test_who_keeps_servers_away_is_not_taken_for_the_dead_one(home: Path) -> None:
    (home / "lock").write_text(str(os.getpid()))
    with server_home.held(home):
        state = server_home.state(home)
    assert (state.running, state.pid) == (True, None)
