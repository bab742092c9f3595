"""`xinheng annotate serve` and its neighbours as a person meets them on a terminal."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import re
import signal
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotation import server_home, server_process
from app import annotating_server
from tests.annotation.conftest import argilla_python as argilla_python  # noqa: PLC0414 a fixture
from xinheng.errors import InputError, UsageError

XINHENG = [str(Path(sys.executable).with_name("xinheng")), "annotate"]


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*XINHENG, *words], capture_output=True, text=True, check=False, **options)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that vouches for 127.0.0.1, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*plain))
    return cert_file, key_file


def test_a_person_starts_looks_adds_backs_up_and_stops(argilla_python: Path, home: Path, tmp_path: Path) -> None:
    place = ("--home", str(home))
    started = run("serve", *place, "--port", "0", "--raters", "wang,li", "--background")
    assert started.returncode == 0, started.stderr
    passwords = dict(re.findall(r"^(\w+) +(?:owner|annotator) +(\S+)$", started.stdout, re.MULTILINE))
    assert set(passwords) == {"owner", "wang", "li"}
    address = re.search(r"Argilla is ready at (http://127\.0\.0\.1:\d+)", started.stdout)
    assert address is not None
    url = address.group(1)
    for hint in (f"annotate stop {' '.join(place)}", f"--renew NAME {' '.join(place)}", f"push TASK --server {home}"):
        assert hint in started.stdout, "a hint that leaves the home out reaches another server, or none"
    try:
        login = {"username": "wang", "password": passwords["wang"]}
        assert httpx.post(f"{url}/api/v1/token", data=login).status_code == 201
        status = json.loads(run("status", "--server", str(home), "--json").stdout)
        assert (status["running"], status["url"], status["version"]) == (True, url, server_home.version())
        assert status["memory_bytes"] < 400 * 2**20
        listed = json.loads(run("users", *place, "--json").stdout)
        assert [user["username"] for user in listed] == ["owner", "wang", "li"]
        added = run("users", *place, "--add", "chen,wang").stdout
        assert "chen" in added
        assert "wang" not in added
        assert run("backup", str(tmp_path / "b.tar"), *place).returncode == 0
        refused = run("restore", str(tmp_path / "b.tar"), *place)
        assert (refused.returncode, f"xinheng annotate stop {' '.join(place)}" in refused.stderr) == (2, True)
        second = run("serve", *place, "--port", "0", "--background")
        assert (second.returncode, f"xinheng annotate stop {' '.join(place)}" in second.stderr) == (2, True)
        assert not any(word in (home / "server.log").read_text() for word in passwords.values())
    finally:
        stopped = run("stop", *place)
    assert "has stopped" in stopped.stdout
    assert "No server runs" in run("stop", *place).stdout
    silent = run("status", "--server", str(home)).stdout
    assert "No server runs" in silent
    assert f"annotate serve --background --home {home}" in silent
    assert run("restore", str(tmp_path / "b.tar"), *place).returncode == 0


def test_ctrl_c_in_the_foreground_is_a_graceful_end(argilla_python: Path, home: Path) -> None:
    command = [*XINHENG, "serve", "--home", str(home), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, process.communicate()
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "has stopped" in said
    assert "Traceback" not in said
    state = server_home.state(home)
    assert not state.running
    assert not state.died


def test_a_killed_command_takes_its_server_along(argilla_python: Path, home: Path) -> None:
    command = [*XINHENG, "serve", "--home", str(home), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        while '"accounts"' not in process.stdout.readline():
            assert process.poll() is None
        server = server_home.state(home).pid
        assert server is not None
        process.kill()
    with (home / "lock").open("rb") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH)  # comes free when the server has ended
    assert not server_home.state(home).died


def test_https_with_a_certificate_of_ones_own(argilla_python: Path, home: Path, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "mine")
    options = ("--host", "0.0.0.0", "--tls-cert", str(cert), "--tls-key", str(key))
    started = run("serve", "--home", str(home), "--port", "0", *options, "--background", "--json")
    assert started.returncode == 0, started.stderr
    try:
        url = json.loads(started.stdout)["url"]
        assert url.startswith("https://127.0.0.1:")
        facts = json.loads((home / "server.json").read_text())
        assert facts["ca"] == str(cert)
        trusted = ssl.create_default_context(cafile=facts["ca"])
        assert httpx.get(f"{url}/api/v1/version", verify=trusted).json() == {"version": "2.8.0"}
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http"))
    finally:
        run("stop", "--home", str(home))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "ratings.example.org", ""])
def test_beyond_loopback_it_wants_tls_or_a_word(host: str) -> None:
    with pytest.raises(UsageError, match="--tls-cert and --tls-key, or --allow-plain-http"):
        annotating_server.address(host, 6900, None, None, plain_allowed=False)
    assert annotating_server.address(host, 6900, None, None, plain_allowed=True).url.startswith("http://")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:{port}"),
        ("localhost", "http://localhost:{port}"),
        ("::1", "http://[::1]:{port}"),
    ],
)
def test_loopback_needs_nothing(host: str, url: str) -> None:
    assert annotating_server.address(host, 6900, None, None, plain_allowed=False).url == url


def test_a_certificate_needs_its_own_key(tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path, "mine")
    _, other = certificate(tmp_path, "other")
    for given in ((cert, other), (cert, cert), (cert, tmp_path / "none")):
        with pytest.raises(UsageError):
            annotating_server.address("0.0.0.0", 6900, *given, plain_allowed=False)
    with pytest.raises(UsageError, match="needs its key"):
        annotating_server.address("127.0.0.1", 6900, cert, None, plain_allowed=False)


@pytest.mark.parametrize("given", ["Wang", "wang li", "owner", "-a", "王", "a/b", "../x", "a'--"])
def test_names_that_argilla_does_not_take_are_refused(given: str) -> None:
    with pytest.raises(UsageError, match="no name for a rater"):
        annotating_server.names(given)


def test_names_are_read_once_each() -> None:
    assert annotating_server.names(" wang, li,,wang ") == ["wang", "li"]


def test_a_foreign_folder_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    away = {**os.environ, "XINHENG_ARGILLA_VENV": str(tmp_path / "thesis.txt")}
    refused = run("serve", "--home", str(tmp_path), env=away)
    assert refused.returncode == 2
    assert "is no server's home" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_an_older_home_is_brought_up_with_a_backup_first(argilla_python: Path, home: Path) -> None:
    server_home.make(home)
    server_process.ask(argilla_python, home, "upgrade", ["660d6c6b3360"])
    refused = run("serve", "--home", str(home), "--port", "0")
    assert (refused.returncode, "xinheng annotate upgrade" in refused.stderr) == (2, True)
    done = json.loads(run("upgrade", "--home", str(home), "--json").stdout)
    assert done["from"] == "660d6c6b3360"
    assert stat.S_IMODE(Path(done["backup"]).stat().st_mode) == 0o600
    started = run("serve", "--home", str(home), "--port", "0", "--background")
    assert started.returncode == 0, started.stderr
    running = run("upgrade", "--home", str(home))
    assert (running.returncode, "xinheng annotate stop" in running.stderr) == (2, True)
    run("stop", "--home", str(home))
    assert json.loads(run("upgrade", "--home", str(home), "--json").stdout)["backup"] is None


def test_a_home_of_a_newer_server_is_refused(argilla_python: Path, home: Path) -> None:
    import sqlite3

    server_home.make(home)
    server_process.ask(argilla_python, home, "upgrade")
    with sqlite3.connect(home / "argilla.db") as db:
        db.execute("UPDATE alembic_version SET version_num = 'fedcba987654'")
    db.close()
    refused = run("serve", "--home", str(home), "--port", "0")
    assert (refused.returncode, "written by a newer server" in refused.stderr) == (2, True)
    with pytest.raises(InputError, match="written by a newer server"):
        annotating_server.upgraded(argilla_python, home, lambda _: None)
