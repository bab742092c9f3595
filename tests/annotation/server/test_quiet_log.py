"""The server's log: what happened and where, never a value."""

from __future__ import annotations

import importlib.util
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from annotation.environment import SERVER
from tests.annotation.conftest import Argilla, end_argilla, run_argilla
from tests.annotation.rated_dataset import make_dataset, rate, record_ids

WORDS = "secret-words-of-a-client 我站在橋上"


@pytest.fixture(scope="module")
def quiet_log() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quiet_log", SERVER / "quiet_log.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_exception_is_its_class_and_its_places(quiet_log: ModuleType) -> None:
    def inner(text: str) -> None:
        raise ValueError(text)

    try:
        try:
            inner(WORDS)
        except ValueError as error:
            raise RuntimeError(WORDS + "2") from error
    except RuntimeError as error:
        said = quiet_log.places(error)
    assert "builtins.RuntimeError" in said
    assert "builtins.ValueError" in said
    assert "inner (" in said
    assert "secret" not in said
    assert "橋" not in said


def test_a_process_with_it_quotes_nobody_whatever_speaks() -> None:
    script = f"""
import logging, sys, threading, warnings
sys.path.insert(0, {str(SERVER)!r})
import quiet_log
quiet_log.install()
words = {WORDS!r}
logging.getLogger("argilla").error(f"failed: {{words}}")
logging.getLogger("sqlalchemy.pool").error("failed: %s", words)
logging.getLogger("asyncio").error("Task exception", exc_info=ValueError(words))
logging.getLogger("uvicorn.error").error("Exception in ASGI application\\n" + words, exc_info=ValueError(words))
warnings.warn(words)
def broken(): raise KeyError(words)
thread = threading.Thread(target=broken); thread.start(); thread.join()
raise ValueError(words)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "secret" not in done.stderr + done.stdout
    assert "橋" not in done.stderr + done.stdout
    assert "Exception in ASGI application" in done.stderr
    for name in ("argilla", "sqlalchemy.pool", "asyncio", "builtins.ValueError", "builtins.KeyError"):
        assert name in done.stderr


def test_a_traceback_in_a_message_is_not_repeated(quiet_log: ModuleType) -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "x.py", 7, f"Traceback (most\n{WORDS}", (), None)
    assert "secret" not in quiet_log._Quiet().format(record)


def test_a_broken_database_is_logged_without_the_row(argilla: Argilla, tmp_path: Path) -> None:
    server = run_argilla(tmp_path / "home", argilla.python, raters=("wang",))
    try:
        with server.owner() as owner, server.rater("wang") as rater:
            dataset = make_dataset(owner, "broken", ["a"], ("wang",))
            (record,) = record_ids(owner, dataset)
            with sqlite3.connect(server.home / "argilla.db") as db:
                db.execute("ALTER TABLE records RENAME COLUMN fields TO gone")
            db.close()
            body = {"items": [{"fields": {"text": WORDS}, "external_id": "another"}]}
            assert owner.post(f"/datasets/{dataset}/records/bulk", json=body).status_code == 500
            assert rate(rater, record, 5).status_code == 500
            assert httpx.get(f"{server.url}/api/v1/version").status_code == 200
        log = (server.home / "server.log").read_text()
        assert "OperationalError" in log
        assert "secret" not in log
        assert "橋" not in log
    finally:
        end_argilla(server)
