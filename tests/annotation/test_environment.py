"""The server's own environment: made once, made again after an interruption, never twice at a time."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from annotation import environment
from xinheng.errors import NetworkError, UsageError, WriteError
from xinheng.settings import settings


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of no package and pages that need none, so that only the making itself takes time; its room."""
    server = tmp_path / "server"
    server.mkdir()
    (server / "requirements.lock").write_text("# nothing\n")
    (server / "pages.py").write_text("print('prepared')\n")
    monkeypatch.setattr(environment, "SERVER", server)
    monkeypatch.setattr(environment, "LOCK", server / "requirements.lock")
    monkeypatch.setattr(settings(), "argilla_venv", tmp_path / "room")
    return tmp_path / "room"


def test_a_second_call_finds_what_the_first_one_made(small: Path) -> None:
    first: list[str] = []
    python = environment.environment(first.append)
    assert (
        subprocess.run([python, "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)"], check=False).returncode
        == 0
    )
    second: list[str] = []
    assert environment.environment(second.append) == python
    assert first
    assert not second


def test_an_interrupted_installation_is_made_again(small: Path) -> None:
    python = environment.environment(lambda _: None)
    folder = python.parents[1]
    (folder / ".whole").unlink()
    (folder / "half").touch()
    assert environment.environment(lambda _: None) == python
    assert not (folder / "half").exists()
    assert (folder / ".whole").exists()


def test_another_lock_gets_an_environment_of_its_own(small: Path) -> None:
    python = environment.environment(lambda _: None)
    environment.LOCK.write_text("# nothing, but otherwise\n")
    assert environment.environment(lambda _: None) != python


def test_two_at_once_make_it_once(small: Path) -> None:
    told: list[list[str]] = [[], []]
    found: list[Path] = []

    def make(number: int) -> None:
        found.append(environment.environment(told[number].append))

    both = [threading.Thread(target=make, args=(number,)) for number in (0, 1)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(set(found)) == 1
    assert sum(any(line.startswith("making") for line in lines) for lines in told) == 1


def test_a_killed_maker_leaves_a_lock_that_the_next_one_gets(small: Path) -> None:
    script = (
        "from pathlib import Path; from annotation import environment as e; from xinheng.settings import settings\n"
        f"e.SERVER = Path({str(environment.SERVER)!r}); e.LOCK = e.SERVER / 'requirements.lock'\n"
        f"settings().argilla_venv = Path({str(small)!r})\n"
        "e.environment(lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline().startswith("making")
        time.sleep(0.3)
        killed.send_signal(signal.SIGKILL)
    assert environment.environment(lambda _: None).exists()


def test_no_network_is_one_message_and_leaves_nothing_half_made(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.LOCK.write_text("xinheng-no-such-thing==1.0\n")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(NetworkError, match=r"want 1 packages from the registry, have .*PIP_INDEX_URL"):
        environment.environment(lambda _: None)
    assert not list(small.glob("argilla-*/bin"))


def test_a_python_that_the_server_does_not_run_on_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PYTHONS", ((3, 9),))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"want Python 3\.11, 3\.12 or 3\.13 .* have Python 3"):
        environment.environment(lambda _: None)


def test_a_room_that_cannot_be_made_is_told(small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(settings(), "argilla_venv", tmp_path / "file" / "room")
    with pytest.raises(WriteError, match="XINHENG_ARGILLA_VENV"):
        environment.environment(lambda _: None)


def test_every_pin_is_exact_and_what_would_call_home_is_not_among_them() -> None:
    pins = environment.pins()
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    names = {pin.partition("==")[0] for pin in pins}
    assert names.isdisjoint({"huggingface-hub", "datasets", "psycopg2", "psycopg2-binary"})
    assert {"argilla-server", "asyncpg"} <= names


@pytest.mark.parametrize("python", ["3.11.0", "3.11.2", "3.12.0", "3.13.0"])
def test_what_the_pinned_packages_need_on_every_python_is_pinned_too(argilla_python: Path, python: str) -> None:
    # Nothing is resolved at installation. Debian's 3.11.2 wants a package that 3.11.3 does not.
    pinned = {pin.partition("==")[0] for pin in environment.pins()}
    given = {"python_version": python.rpartition(".")[0], "python_full_version": python, "extra": ""}
    absent = set()
    for package in distributions(path=[str(next(argilla_python.parents[1].glob("lib/python3*/site-packages")))]):
        if package.name == "argilla-server":
            continue  # what it names and is left out stands in stand_ins.py
        for wanted in map(Requirement, package.requires or ()):
            if wanted.marker is None or wanted.marker.evaluate(given):
                absent.add(canonicalize_name(wanted.name))
    assert absent - pinned <= {"tzdata"}, "the system has time zones; all else must be in requirements.lock"
