"""How a desk's database is reached: what an address says, and a real PostgreSQL with a certificate."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.desk.database import connect, read
from app.desk.database_address import reached
from tests.annotation.postgres_server import postgres
from xinheng.errors import DeskError, UsageError

HOME = Path("nowhere")


@pytest.mark.parametrize("query", ["sslmode=perhaps", "sslmode=verify-full&sslrootcert=/no/such/file"])
def test_what_is_not_known_is_refused_without_the_password(query: str) -> None:
    with pytest.raises(UsageError) as caught:
        reached(HOME, f"postgresql://lin:geheim@db.example/desk?{query}")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "named", "verified"),
    [
        ("postgresql://lin@db.example/desk", True, True),
        ("postgres://lin@10.0.0.8/desk", True, True),
        ("postgresql://lin@db.example/desk?sslmode=verify-full", True, True),
        ("postgresql://lin@localhost/desk?sslmode=verify-full", True, True),
        ("postgresql://lin@db.example/desk?sslmode=verify-ca", False, True),
        ("postgresql://lin@db.example/desk?sslmode=require", False, False),
    ],
)
def test_a_database_on_another_machine_is_reached_by_tls(address: str, named: bool, verified: bool) -> None:
    url, given = reached(HOME, address)
    assert (url.drivername, dict(url.query)) == ("postgresql+pg8000", {})
    context = given["ssl_context"]
    assert (context.check_hostname, context.verify_mode != 0) == (named, verified)


@pytest.mark.parametrize(
    "address", ["postgresql://lin@127.0.0.1/desk", "postgresql://lin@db.example/d?sslmode=disable"]
)
def test_a_near_one_and_one_that_says_so_without(address: str) -> None:
    assert reached(HOME, address)[1] == {}


def test_other_addresses_are_left_as_they_are() -> None:
    url, given = reached(HOME, "cockroachdb://lin@db.example:26257/desk?sslmode=verify-full")
    assert (url.drivername, dict(url.query), given) == ("cockroachdb", {"sslmode": "verify-full"}, {})
    assert reached(HOME, None) == (sa.make_url("sqlite:///nowhere/desk.sqlite"), {})


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A PostgreSQL that answers by TLS, and its certificate, made out to 127.0.0.1."""
    certificate, key = _certificate()
    kept = tmp_path_factory.mktemp("certificate") / "server.crt"
    kept.write_bytes(certificate)
    with postgres() as url:
        engine = sa.create_engine(reached(HOME, url)[0], isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            data = Path(connection.execute(sa.text("SHOW data_directory")).scalar_one())
            for name, body in (("server.crt", certificate), ("server.key", key)):
                (data / name).write_bytes(body)
                (data / name).chmod(0o600)
                if os.geteuid() == 0:
                    shutil.chown(data / name, data.stat().st_uid)
            connection.execute(sa.text("ALTER SYSTEM SET ssl = on"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        engine.dispose()
        time.sleep(1)
        yield url, kept


def test_a_certificate_that_nobody_vouches_for_is_refused(certified: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DeskError, match="does not prove who it is"):
        connect(tmp_path, f"{certified[0]}?sslmode=verify-full")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_what_is_said_goes_by_tls(certified: tuple[str, Path], tmp_path: Path, mode: str) -> None:
    url, certificate = certified
    engine = connect(tmp_path, f"{url}?sslmode={mode}&sslrootcert={certificate}")
    query = sa.text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert read(engine, lambda connection: connection.execute(query).scalar_one()) is True
    engine.dispose()


def _certificate() -> tuple[bytes, bytes]:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8
    written = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), written
