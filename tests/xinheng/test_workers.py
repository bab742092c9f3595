"""Workers end with the process that made them, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, os, signal, time
from concurrent.futures import ProcessPoolExecutor
from xinheng.workers import begin_worker
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=begin_worker) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(4)}, flush=True)
        time.sleep(600)
"""


def runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    with subprocess.Popen([sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = parent.stdout.readline().split()
        assert workers
        assert all(runs(pid) for pid in workers)
        parent.send_signal(how)
    until = time.monotonic() + 20
    while any(runs(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in workers if runs(pid)] == []


def test_ctrl_c_in_the_group_ends_workers_without_a_traceback_of_theirs(tmp_path: Path) -> None:
    """The parent here takes no notice, and leaves when its standard input ends: what is printed is the workers'."""
    quiet = SCRIPT.replace("        print(", "        signal.signal(signal.SIGINT, lambda *_: None)\n        print(")
    quiet = quiet.replace("time.sleep(600)", "input()")
    (tmp_path / "script.py").write_text(quiet, encoding="utf-8")
    command, pipe = [sys.executable, str(tmp_path / "script.py")], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        workers = parent.stdout.readline().split()
        os.killpg(parent.pid, signal.SIGINT)
        _, errors = parent.communicate("\n", timeout=60)
    assert errors == ""
    assert [pid for pid in workers if runs(pid)] == []


def test_the_module_does_not_load_polars_before_it_says_how_many_threads() -> None:
    script = "import sys, xinheng.workers; print('polars' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
