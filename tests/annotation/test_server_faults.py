"""The embedded server killed, stopped, hung, without room: how it ends and comes back."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from annotation import environment, server_home, server_process
from tests.annotation.conftest import Argilla, end_argilla, run_argilla
from tests.annotation.rated_dataset import answers, make_dataset, rate, record_ids
from xinheng.errors import InputError


def test_a_database_that_is_none_is_told(argilla: Argilla, tmp_path: Path) -> None:
    server_home.make(tmp_path / "home")
    (tmp_path / "home" / "argilla.db").write_bytes(b"no database at all " * 500)
    with pytest.raises(InputError, match=r"no database any more.*restore"):
        run_argilla(tmp_path / "home", argilla.python)


def test_a_killed_server_is_seen_and_starts_again_with_all_it_acknowledged(argilla: Argilla, tmp_path: Path) -> None:
    server = run_argilla(tmp_path / "home", argilla.python, raters=("wang",))
    with server.owner() as owner, server.rater("wang") as rater:
        dataset = make_dataset(owner, "killed", ["a", "b"], ("wang",))
        records = record_ids(owner, dataset)
        token = rater.headers["Authorization"]
        assert rate(rater, records[0], 4).status_code == 201
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    state = server_home.state(server.home)
    assert (state.running, state.died) == (False, True)
    again = run_argilla(server.home, argilla.python, raters=("wang",))
    try:
        assert again.passwords == {}, "the accounts were there already"
        with again.owner() as owner:
            assert answers(owner, dataset) == {records[0]: [4], records[1]: []}
        me = httpx.get(f"{again.url}/api/v1/me", headers={"Authorization": token})
        assert me.json()["username"] == "wang", "a login outlives a restart"
        assert server_process.stop(server.home)
        assert again.process.wait() == 0
        assert not (server.home / "server.json").exists()
        assert not server_process.stop(server.home)
    finally:
        end_argilla(again)


def test_a_server_in_the_foreground_ends_with_who_started_it(argilla: Argilla, tmp_path: Path) -> None:
    server = run_argilla(tmp_path / "home", argilla.python, background=False)
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(timeout=120) == 0
    assert not server_home.state(server.home).died


def test_it_ends_gracefully_under_load(argilla: Argilla, tmp_path: Path) -> None:
    server = run_argilla(tmp_path / "home", argilla.python, raters=("wang",))
    with server.owner() as owner, server.rater("wang") as rater:
        dataset = make_dataset(owner, "load", [str(number) for number in range(300)], ("wang",))
        records = record_ids(owner, dataset)
        done: list[str] = []

        def submit() -> None:
            for record in records:
                try:
                    if rate(rater, record, 3).status_code == 201:
                        done.append(record)
                except httpx.TransportError:
                    return

        working = threading.Thread(target=submit)
        working.start()
        while len(done) < 5:
            assert working.is_alive()
        server_process.stop(server.home)
        working.join()
    assert server.process.wait() == 0
    with sqlite3.connect(server.home / "argilla.db") as db:
        kept = {row[0] for row in db.execute("SELECT record_id FROM responses").fetchall()}
    db.close()
    assert {record.replace("-", "") for record in done} <= kept
    assert len(kept) <= len(done) + 1


def test_the_environment_of_the_user_changes_nothing(
    argilla: Argilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGILLA_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/elsewhere.db")
    monkeypatch.setenv("ARGILLA_AUTH_SECRET_KEY", "guessed")
    monkeypatch.setenv("ARGILLA_BASE_URL", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "search_plugin.py").write_text("raise SystemExit('not ours')")
    server = run_argilla(tmp_path / "home", argilla.python)
    assert httpx.get(f"{server.url}/api/v1/version").json() == {"version": server_home.version()}
    end_argilla(server)
    assert not (tmp_path / "elsewhere.db").exists()
    assert (tmp_path / "home" / "argilla.db").exists()


def test_a_full_disk_is_one_message(argilla: Argilla, tmp_path: Path) -> None:
    server_home.make(tmp_path / "home")
    script = (
        "import os, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"os.execv({str(argilla.python)!r}, [{str(argilla.python)!r}, '-I', *sys.argv[1:]])"
    )
    command = [str(environment.SERVER / "start.py"), str(tmp_path / "home"), "--port", "0"]
    done = subprocess.run(
        [os.environ.get("PYTHON", "python3"), "-c", script, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "the disk refuses" in done.stdout


def test_tables_that_cannot_be_made_leave_none_half_made(argilla: Argilla, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server_home.make(home)
    with sqlite3.connect(home / "argilla.db") as db:
        db.execute("CREATE TABLE webhooks (in_the_way INTEGER)")  # one of the last tables
    with pytest.raises(InputError, match="failed unexpectedly"):
        server_process.ask(argilla.python, home, "upgrade")
    assert db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("webhooks",)]
    db.execute("DROP TABLE webhooks")
    db.commit()
    db.close()
    version = server_process.ask(argilla.python, home, "upgrade")
    assert version["current"] == version["head"]


def test_a_stop_as_soon_as_it_is_ready_is_a_graceful_one(argilla: Argilla, tmp_path: Path) -> None:
    server = run_argilla(tmp_path / "home", argilla.python)
    end_argilla(server)
    assert server.process.returncode == 0
    assert "ERROR" not in (server.home / "server.log").read_text()
    assert not (server.home / "argilla.db-wal").exists()


def test_a_server_that_hangs_is_killed_in_the_end(
    argilla: Argilla, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "_STOP_S", 0.5)
    server = run_argilla(tmp_path / "home", argilla.python)
    server.process.send_signal(signal.SIGSTOP)
    assert server_process.stop(server.home)
    assert server.process.wait() == -signal.SIGKILL
