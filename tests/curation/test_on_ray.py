"""Ray gives what one process gives: on a cluster of its own or the one that is named, whoever is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import duplicates_in_shards
from curation.duplicates import drop_near_duplicates
from curation.engine import curate_shards
from curation.recipe import load
from curation.run import curate
from tests.perf.corpus import dialogues
from tests.perf.duplicates import copied, hard
from xinheng.digests import digest
from xinheng.errors import UsageError

KEY = "dialogue_id"

# Ray Data warns of options that its own constructor sets.
pytestmark = pytest.mark.filterwarnings(r"ignore:`\w+` is deprecated::ray.data.context")

NOTED = '''
import os, signal
from pathlib import Path
from curation.duplicates import drop_near_duplicates
from curation.run import row_wise
from curation.steps import drop_exact_duplicates
TABLE, SOURCES = "dialogue", ("sample",)
HERE = Path(__file__).parent

@row_wise
def noted(frame):
    """Notes in which cluster it ran, and by whom; its worker is killed, once."""
    import ray
    if ray.is_initialized():
        (HERE / f"worker-{os.getpid()}").write_text(ray.get_runtime_context().gcs_address)
    if (HERE / "kill").exists() and "d00000042" in frame.select("dialogue_id").collect()["dialogue_id"]:
        (HERE / "kill").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return frame

STEPS = [noted, drop_exact_duplicates, drop_near_duplicates]
'''


def same(table: pl.DataFrame, recipe: Any, *, rows: int, recipe_ref: str | None = None) -> bool:
    heard: list[str] = []
    spread = curate_shards(
        table.lazy(),
        recipe,
        key=KEY,
        engine="ray",
        recipe_ref=recipe_ref,
        rows_per_shard=rows,
        say=heard.append,
    )
    whole = curate(table.lazy(), recipe, key=KEY)
    assert not heard, heard
    pairs = [(whole.kept, spread.kept), (whole.dropped, spread.dropped), (whole.steps, spread.steps)]
    return all(digest(a) == digest(b) and a.equals(b) and a.schema == b.schema for a, b in pairs)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def head() -> Iterator[str]:
    """The address of a cluster of two cores on loopback that these tests did not start through Xinheng."""
    # Ray's sockets lie in its folder, and a socket's path has at most 107 characters.
    folder, port = tempfile.mkdtemp(prefix="r", dir="/tmp"), free_port()
    ports = [f"--{name}-port={free_port()}" for name in ("node-manager", "object-manager")]
    ray = Path(sys.executable).with_name("ray")
    command = [ray, "start", "--head", "--block", f"--port={port}", f"--temp-dir={folder}", "--num-cpus=2", *ports]
    process = subprocess.Popen(
        [*command, "--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answers(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        # It waits for ever when asked to end; its servers are of its process group, its workers follow them.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def same_for_all() -> Iterator[None]:
    """One token for all clusters: Ray decides once in a process whether it wants one, by what it finds in the home."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "token")
        environment.setenv("RAY_AUTH_TOKEN", "0" * 32)
        # Loopback stays loopback: Ray would put the machine's other address in its place, where nobody listens.
        environment.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        yield


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with head() as address:
        yield address


def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "Ray's head has ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail("Ray's head does not answer")


def test_ray_that_is_not_installed_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"Ray is not installed. `pip install"):
        same(dialogues(10), [], rows=5)


def heard(address: str) -> str:
    """What a process is told that would work on a cluster which does not take it."""
    program = "from curation.on_ray import on_ray\nwith on_ray(): pass"
    environment = {**os.environ, "RAY_ADDRESS": address, "RAY_AUTH_MODE": "disabled"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 1
    return ended.stderr.splitlines()[-1]


def test_a_cluster_that_is_not_there_is_one_message() -> None:
    address = f"127.0.0.1:{free_port()}"
    assert f"curate: Ray's cluster at {address} was not reached: have ConnectionRefusedError. Is it running" in heard(
        address
    )


def test_a_cluster_that_wants_a_token_is_one_message_and_no_long_wait(cluster: str) -> None:
    assert "was not reached: have one that wants a token. Set RAY_AUTH_MODE=token" in heard(cluster)


def test_a_cluster_is_made_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert same(dialogues(2_000).sample(fraction=1, shuffle=True, seed=3), load("tagged_dialogues").steps, rows=700)


def test_the_cluster_of_ray_address_is_used_and_a_killed_worker_changes_nothing(
    cluster: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    ref = tmp_path / "mine.py"
    ref.write_text(NOTED, encoding="utf-8")
    (tmp_path / "kill").touch()
    table = pl.concat([dialogues(300), copied(dialogues(30))])
    recipe = load(str(ref)).steps
    assert same(table, recipe, rows=60, recipe_ref=str(ref))
    noted = [path.read_text() for path in tmp_path.glob("worker-*")]
    assert not (tmp_path / "kill").exists(), "nobody was killed"
    assert len(noted) >= 2
    assert set(noted) == {cluster}


def test_near_duplicates_go_through_rays_own_shuffle(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster)
    monkeypatch.setattr(duplicates_in_shards, "FEW", 0)
    base = dialogues(600, seed=5).with_columns(pl.format("e{}", KEY).alias(KEY))
    table = pl.concat([hard(30), base, copied(base.head(60))]).sample(fraction=1, shuffle=True, seed=1)
    assert same(table, [drop_near_duplicates], rows=300)
