"""The client tells apart what can go wrong on the way to an Argilla, repeats only what is safe, and quotes nothing."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from annotation.argilla import Argilla, Refused, Unsure
from annotation.argilla_place import Server, embedded_server, find_server, is_loopback
from tests.servers.faulty_proxy import FaultyProxy
from xinheng.errors import ArgillaError, UsageError

TEXT = "我不想活了"


@pytest.fixture
def server(argilla: Any) -> Server:
    return embedded_server(argilla.home)


def through(proxy: FaultyProxy, server: Server, **more: Any) -> Argilla:
    return Argilla(Server(proxy.url, server.key), wait_s=0.01, **more)


def test_an_owner_gets_in_and_the_tested_version_needs_no_note(server: Server) -> None:
    with Argilla(server) as client:
        assert client.version.startswith("2.8")
        assert client.note == ""
        assert client.get("/me")["role"] == "owner"


def test_a_wrong_key_says_where_the_right_one_goes(server: Server) -> None:
    with (
        pytest.raises(ArgillaError, match=r"key is not known there.*XINHENG_ARGILLA_KEY") as told,
        Argilla(Server(server.url, "wrong.key")),
    ):
        pass
    assert "wrong.key" not in str(told.value)


@pytest.mark.parametrize("key", ["", "two\nlines", "鑰匙"])
def test_a_key_that_no_header_can_carry_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(UsageError, match="no usable API key"):
        Argilla(Server("http://127.0.0.1:9", key))


def test_an_annotators_key_is_not_enough(server: Server) -> None:
    me = json.dumps({"role": "annotator"}).encode()
    with (
        FaultyProxy(server.url, lambda _m, path, _b: (200, me) if path.endswith("/me") else None) as proxy,
        pytest.raises(ArgillaError, match=r"not an owner's.*have one of an annotator"),
        through(proxy, server),
    ):
        pass


def test_nothing_listening_is_told_with_the_way_out() -> None:
    with (
        pytest.raises(ArgillaError, match=r"cannot be reached.*annotate status"),
        Argilla(Server("http://127.0.0.1:9", "k"), attempts=2, wait_s=0),
    ):
        pass


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>hello</html>"),
        (200, b'{"ok": true}'),
        (200, b"[1]"),
        (404, b"no"),
        (200, b'{"version": "latest"}'),
    ],
)
def test_what_is_no_argilla_is_called_so(server: Server, status: int, body: bytes) -> None:
    with (
        FaultyProxy(server.url, lambda *_: (status, body)) as proxy,
        pytest.raises(ArgillaError, match="is not an Argilla server"),
        through(proxy, server),
    ):
        pass


def version(told: str) -> Any:
    body = json.dumps({"version": told}).encode()
    return lambda _m, path, _b: (200, body) if path.endswith("/version") else None


@pytest.mark.parametrize("told", ["3.0.0", "1.29.1", "10.2.0"])
def test_another_series_is_refused_with_the_supported_one_and_the_tested_ones(server: Server, told: str) -> None:
    with (
        FaultyProxy(server.url, version(told)) as proxy,
        pytest.raises(ArgillaError, match=rf"want 2\.x \(tested: 2\.8\), have {told}"),
        through(proxy, server),
    ):
        pass


@pytest.mark.parametrize("told", ["2.0.0", "2.5.1", "2.9.0", "2.80.0", "2.8"])
def test_another_minor_version_works_and_says_what_was_tested(server: Server, told: str) -> None:
    with FaultyProxy(server.url, version(told)) as proxy, through(proxy, server) as client:
        assert ("2.8" in client.note and told in client.note) == (told != "2.8")


@pytest.mark.parametrize("fault", ["drop", "lose", 502, 503, 504, 429])
def test_reading_is_repeated_and_comes_through(server: Server, fault: Any) -> None:
    with FaultyProxy(server.url) as proxy, through(proxy, server) as client:
        left = iter([fault, fault])
        proxy.rule = lambda *_: next(left, None)
        assert client.get("/users")["items"]


def test_reading_gives_up_in_the_end(server: Server) -> None:
    with FaultyProxy(server.url) as proxy, through(proxy, server, attempts=3) as client:
        proxy.rule, before = (lambda *_: 503), len(proxy.asked)
        with pytest.raises(ArgillaError, match="busy or starting"):
            client.get("/users")
        assert len(proxy.asked) - before == 3


def test_a_silent_server_is_given_up_after_its_time(server: Server) -> None:
    with FaultyProxy(server.url) as proxy, through(proxy, server, attempts=1, timeout_s=0.5) as client:
        proxy.rule = lambda *_: "slow"
        with pytest.raises(ArgillaError, match="does not answer in time"):
            client.get("/users")


@pytest.mark.parametrize("fault", ["drop", "lose", 503])
def test_a_change_is_sent_once_and_its_fate_is_left_open(server: Server, fault: Any) -> None:
    with FaultyProxy(server.url) as proxy, through(proxy, server) as client:
        proxy.rule = lambda method, *_: fault if method == "POST" else None
        with pytest.raises(Unsure):
            client.post("/workspaces", {"name": f"once-{fault}"})
        assert len(proxy.changes()) == 1


@pytest.mark.parametrize(
    "detail",
    [
        f"Record at position 1 is not valid because {TEXT!r} is not a valid label",
        [{"loc": ["body", "items", 0, "fields", TEXT], "type": "string_type", "msg": TEXT, "input": TEXT}],
        {"message": TEXT},
        [TEXT],
        None,
    ],
)
def test_what_the_server_quotes_is_not_quoted_again(server: Server, detail: Any) -> None:
    body = json.dumps({"detail": detail, "code": TEXT}).encode()
    with FaultyProxy(server.url) as proxy, through(proxy, server) as client:
        proxy.rule = lambda *_: (422, body)
        with pytest.raises(Refused, match=r"does not take it.*HTTP 422") as told:
            client.get("/users")
    assert TEXT not in str(told.value)


def test_the_place_of_a_fault_is_told(server: Server) -> None:
    with Argilla(server) as client, pytest.raises(Refused, match=r"body\.name: missing"):
        client.post("/workspaces", {})


def test_a_redirect_is_not_followed_so_that_the_key_stays(server: Server) -> None:
    with FaultyProxy(server.url) as thief, FaultyProxy(server.url) as proxy, through(proxy, server) as client:
        proxy.rule = lambda *_: {"Location": f"{thief.url}/api/v1/users"}
        with pytest.raises(Refused, match=r"sends elsewhere.*https://"):
            client.get("/users")
        assert thief.keys == []


def test_a_server_never_shows_its_key(server: Server) -> None:
    assert server.key not in repr(server)


# Which server is meant.


def found(given: str | None, home: Path, **more: Any) -> Server:
    return find_server(given, home=home, **{"key": "k", **more})


def test_the_embedded_server_is_found_by_its_folder(argilla: Any, tmp_path: Path) -> None:
    assert found(None, argilla.home) == found(str(argilla.home), tmp_path) == embedded_server(argilla.home)
    assert found(None, argilla.home).embedded


def test_no_server_in_a_folder_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ArgillaError, match=r"no Argilla server runs here.*annotate serve"):
        found(None, tmp_path / "none")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pid": 3}', "\xff"])
def test_a_broken_server_file_is_one_message(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_bytes(content.encode("latin-1"))
    (tmp_path / "owner.key").write_text("k")
    with pytest.raises(ArgillaError, match=r"server\.json: cannot be read"):
        found(None, tmp_path)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("https://user:secret@host", "more than host and path"),
        ("https://host/?x=1", "more than host and path"),
        ("ftp://host", "no such address"),
        ("https://", "no such address"),
        ("http://argilla.example:6900", "without TLS"),
    ],
)
def test_odd_addresses_are_refused(tmp_path: Path, given: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as told:
        found(given, tmp_path)
    assert "secret" not in str(told.value)


def test_an_address_needs_a_key_and_plain_http_a_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="XINHENG_ARGILLA_KEY"):
        found("https://host", tmp_path, key=None)
    assert found("http://host:1", tmp_path, allow_plain_http=True).url == "http://host:1"
    assert found("https://host/argilla/", tmp_path).url == "https://host/argilla"
    assert found("http://127.0.0.1:6900", tmp_path).key == "k"


def test_what_is_on_this_machine() -> None:
    assert all(is_loopback(f"http://{host}:1") for host in ("localhost", "127.0.0.9", "[::1]"))
    assert not any(is_loopback(f"http://{host}") for host in ("10.0.0.1", "localhost.example", "0.0.0.0"))


# TLS with a certificate of its own.


def certificate(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert, private


@pytest.fixture
def tls(tmp_path: Path, server: Server) -> Any:
    """The real server behind TLS with a certificate that nobody knows."""
    cert, private = certificate(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = httpx.get(server.url + self.path, headers={"X-Argilla-Api-Key": server.key}, trust_env=False)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass

    listening = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"https://localhost:{listening.server_address[1]}", cert
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_an_unknown_certificate_is_refused_and_a_named_one_trusted(tls: tuple[str, Path], server: Server) -> None:
    url, cert = tls
    with pytest.raises(ArgillaError, match="certificate is not trusted"), Argilla(Server(url, server.key), attempts=1):
        pass
    with Argilla(Server(url, server.key, cert)) as client:
        assert client.version


def test_a_certificate_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(UsageError, match=r"no\.pem: no certificate"):
        Argilla(Server("https://localhost", "k", tmp_path / "no.pem"))
