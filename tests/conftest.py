"""What every test may use."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Tiny models are slower on several threads than on one, and much slower where other work has the cores. Before torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts background jobs deaf to Ctrl-C, and whatever they start is deaf too: tests that send it would wait.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of object stores are marked and come last; `make test` runs them on their own.

    Polars' client of a store asks the environment ten times a second, in a thread that never ends, and the C library
    lets nobody change the environment meanwhile: a test that does may end the process with a segmentation fault.
    """

    def in_store(item: pytest.Item) -> bool:
        return any("s3" in name for name in getattr(item, "fixturenames", ()))

    items.sort(key=in_store)
    for item in filter(in_store, items):
        item.add_marker(pytest.mark.s3)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The publishers' real files, which lie beside the checkout in development and CI."""
    folder = Path(os.environ.get("XINHENG_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.fail(f"real data not found at {folder}; set XINHENG_SHARED_DATA to its folder")
    return folder


class S3Server:
    """moto's HTTP server on a free port of loopback: S3 with signed requests, which it checks, all in memory."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys = {"AWS_ACCESS_KEY_ID": "bootstrap", "AWS_SECRET_ACCESS_KEY": "bootstrap"}
        self.start()

    def start(self) -> None:
        """Start it, empty, with one user, who may do all in S3; every other request is refused."""
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "3"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert self.process.poll() is None, "the S3 server does not start"
                assert time.monotonic() < deadline, "the S3 server does not answer"
                time.sleep(0.05)
        users = self._client("iam", {"AWS_ACCESS_KEY_ID": "bootstrap", "AWS_SECRET_ACCESS_KEY": "bootstrap"})
        users.create_user(UserName="tester")
        key = users.create_access_key(UserName="tester")["AccessKey"]
        rule = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        users.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=rule)
        self.keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        # botocore's own client: another driver than the one under test.
        self.client = self._client("s3", self.keys)

    def kill(self) -> None:
        """Kill it; what it held is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {**self.keys, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "us-east-1"}

    def _client(self, service: str, keys: dict[str, str]) -> Any:
        from botocore.session import Session

        return Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One server for all tests that do not break it."""
    server = S3Server()
    with pytest.MonkeyPatch.context() as environment:
        use_server(server, environment)
        yield server
    server.kill()


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    """A server with an empty bucket `bucket`, and the environment that leads there and to no file of the user's."""
    client = s3_server.client
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            if keys := [{"Key": item["Key"]} for item in page.get("Contents", [])]:
                client.delete_objects(Bucket=bucket["Name"], Delete={"Objects": keys})
        client.delete_bucket(Bucket=bucket["Name"])
    client.create_bucket(Bucket="bucket")
    return s3_server


def use_server(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point this process at a server and at no file of the user's; what is so already is left alone."""
    none = str(ROOT / "no-such-folder" / "aws")
    wanted = {**server.env, "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none}
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in wanted]:
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)


class Line:
    """A line to a server on loopback that counts what comes back, and that a test can hold or cut."""

    def __init__(self, port: int) -> None:
        self.target, self.bytes, self.held, self.cut_after = port, 0, threading.Event(), None
        self.sent = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.on_cut: Any = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            for a, b, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._copy, args=(a, b), kwargs={"up": up}, daemon=True).start()

    def _copy(self, a: socket.socket, b: socket.socket, *, up: bool) -> None:
        try:
            while data := a.recv(65536):
                if self.held.is_set():
                    time.sleep(3600)
                if up:
                    self.sent += len(data)
                    if self.cut_after is not None and self.sent > self.cut_after:
                        self.cut_after = None
                        self.on_cut()
                else:
                    self.bytes += len(data)
                b.sendall(data)
        except OSError:
            pass
        finally:
            for end in (a, b):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
