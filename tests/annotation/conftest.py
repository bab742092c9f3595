"""The embedded Argilla for every test that wants a real one, made and started by the project's own code."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotation import environment, server_home, server_process


@dataclass
class Argilla:
    """A running server: its home, address, the owner's key and everybody's password."""

    home: Path
    url: str
    key: str
    passwords: dict[str, str]
    python: Path
    process: subprocess.Popen[bytes]
    facts: dict[str, Any] = field(default_factory=dict)

    def owner(self) -> httpx.Client:
        """A client with the owner's key."""
        return httpx.Client(base_url=f"{self.url}/api/v1", headers={"X-Argilla-Api-Key": self.key}, timeout=60)

    def rater(self, name: str) -> httpx.Client:
        """A client that logged in by password, as the web page does."""
        login = {"username": name, "password": self.passwords[name]}
        token = httpx.post(f"{self.url}/api/v1/token", data=login, timeout=60).raise_for_status().json()["access_token"]
        return httpx.Client(base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def run_argilla(home: Path, python: Path, *, raters: tuple[str, ...] = (), **options: Any) -> Argilla:
    """Start a server for a home, which is made where it is absent, on a free port."""
    server_home.make(home, postgres=options.pop("postgres", None))
    passwords: dict[str, str] = {}
    facts: dict[str, Any] = {}

    def told(event: dict[str, Any]) -> None:
        if event["event"] == "account":
            passwords[event["username"]] = event["password"]
        else:
            facts.update(event)

    address = options.pop("address", server_process.Address(port=0))
    process = server_process.start(
        python, home, address, raters=list(raters), background=options.pop("background", True), told=told
    )
    key = (home / server_home.OWNER_KEY).read_text()
    return Argilla(home, facts["url"], key, passwords, python, process, facts)


def end_argilla(server: Argilla) -> None:
    """Stop it, gracefully where it lives."""
    with contextlib.suppress(ProcessLookupError):
        server.process.terminate()
    server.process.wait(timeout=60)
    if server.process.stdin:
        server.process.stdin.close()


@pytest.fixture(scope="session")
def argilla_python() -> Path:
    """The Python of the server's environment, which is installed where it is not there yet."""
    return environment.environment(lambda line: print(line, file=sys.stderr))


@pytest.fixture(scope="session")
def argilla(argilla_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Argilla]:
    """One server for all tests that do not break it, with the raters wang, li and chen."""
    server = run_argilla(tmp_path_factory.mktemp("argilla") / "home", argilla_python, raters=("wang", "li", "chen"))
    yield server
    end_argilla(server)
