"""The embedded Argilla from the command line: its address judged, its state told, its home brought up to date."""

from __future__ import annotations

import ipaddress
import re
import shlex
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from annotation import server_backup, server_home, server_process
from annotation.server_process import Address
from app.terminal import Terminal
from xinheng.errors import InputError, UsageError
from xinheng.settings import settings

_WHO: Final = "annotate serve"
_WILD: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 they are refused or turned into loopback


def home_of(given: Path | None) -> Path:
    """The home that is meant: the one given, else `argilla` where artifacts lie.

    Raises:
        UsageError: Artifacts lie in an object store, where no server can live.
    """
    if given is not None:
        return given.expanduser().absolute()
    runs = settings().runs
    if not isinstance(runs, Path):
        raise UsageError("annotate", "a server's home is a folder of this disk", have=str(runs), mend="Name it: --home")
    return (runs / "argilla").absolute()


def again(given: Path | None, flag: str = "--home") -> str:
    """The flag that a command for later has to repeat, so that it reaches the same home.

    >>> again(None), again(Path("my home"))
    ('', " --home 'my home'")
    """
    return "" if given is None else f" {flag} {shlex.quote(str(given))}"


def names(given: str | None) -> list[str]:
    """Raters' names from `a,b,c`, without those said twice.

    Raises:
        UsageError: A name that Argilla does not take, or the owner's.
    """
    found = list(dict.fromkeys(name.strip() for name in (given or "").split(",") if name.strip()))
    wrong = [name for name in found if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name == "owner"]
    if wrong:
        want = "a-z, 0-9, _ and -, a letter or digit first, and not `owner`"
        raise UsageError("annotate", "no name for a rater", want=want, have=", ".join(wrong))
    return found


def address(host: str, port: int, tls_cert: Path | None, tls_key: Path | None, *, plain_allowed: bool) -> Address:
    """Where the server may listen: on loopback, or with TLS, or where the caller says that the network is safe.

    Raises:
        UsageError: Another address without TLS, or a certificate and a key that do not fit.
    """
    if (tls_cert is None) != (tls_key is None):
        raise UsageError(
            _WHO, "a certificate needs its key, and a key its certificate", want="--tls-cert and --tls-key"
        )
    if tls_cert and tls_key:
        _require_pair(tls_cert, tls_key)
        return Address(host, port, f"https://{_bracketed(_certified(tls_cert, host))}:{{port}}", tls_cert, tls_key)
    if not _loopback(host) and not plain_allowed:
        want = "--tls-cert and --tls-key, or --allow-plain-http in a network that you trust"
        raise UsageError(_WHO, "others could read what raters send", want=want, have=f"--host {host} without them")
    return Address(host, port, f"http://{_bracketed(_WILD.get(host, host))}:{{port}}")


def accounts_shown(terminal: Terminal, made: list[dict[str, Any]], home: Path | None) -> None:
    """Passwords, the only time that anybody sees them; `home` as the person gave it."""
    if not made:
        return
    terminal.table(("account", "role", "password"), [(a["username"], a["role"], a["password"]) for a in made])
    terminal.line("These passwords are shown this once: write them down now.")
    terminal.line(f"A new one: xinheng annotate users --renew NAME{again(home)}")


def show_status(terminal: Terminal, given: str | None) -> None:
    """What `annotate status` says without a task.

    Args:
        terminal: Where it is said.
        given: A home; the usual one where it is None.

    Raises:
        UsageError: An address: another's server tells its state itself.
    """
    if given is not None and "://" in given:
        mend = "Name a task, or the home of an embedded server."
        raise UsageError("annotate status", "only an embedded server's state is known here", have=given, mend=mend)
    named = None if given is None else Path(given)
    home = home_of(named)
    state = server_home.state(home)
    known: dict[str, Any] = {"home": str(home), "running": state.running, "died": state.died}
    if home.exists():
        server_home.check(home)
        known["database"] = "SQLite" if server_home.postgres_of(home) is None else "PostgreSQL"
    if state.running:
        known |= {"pid": state.pid, **{key: state.facts.get(key) for key in ("url", "version", "started_at")}}
        known |= {"memory_bytes": _memory_bytes(state.pid), "up_s": _up_s(state.facts.get("started_at"))}
    if (file := home / server_home.DATABASE).exists():
        known["database_bytes"] = file.stat().st_size
    terminal.result(known)
    if state.running and not state.facts:
        terminal.line(f"A server for {home} is starting or stopping (process {state.pid}).")
    elif state.running:
        terminal.line(
            f"Argilla {known['version']} runs at {known['url']} (process {state.pid}), since {known['started_at']}."
        )
    elif state.died:
        terminal.line(f"The server of {home} was killed or crashed; what raters submitted is in the database.")
        terminal.line(f"Start it again: xinheng annotate serve --background{again(named)}")
    else:
        terminal.line(f"No server runs for {home}. Start one: xinheng annotate serve --background{again(named)}")


def upgraded(python: Path, home: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Bring the home's tables to the installed server, a backup beside the home first.

    Returns:
        from, to (revisions of the tables; the same where nothing was to be done), backup (a path, or null).

    Raises:
        InputError: A newer server wrote it, or nothing is there yet.
        UsageError: A server runs for it.
    """
    server_home.check(home)
    with server_home.held(home):
        version = server_process.ask(python, home, "version")
        if version["current"] is None:
            raise InputError("annotate upgrade", f"{home} has no database yet", mend="Start it: xinheng annotate serve")
        if not version["known"]:
            want, have = f"tables of {version['head']} or older", version["current"]
            mend = "Use the Xinheng that wrote it, or a newer one."
            raise InputError(
                "annotate upgrade", "the home was written by a newer server", want=want, have=have, mend=mend
            )
        result = {"from": version["current"], "to": version["head"], "backup": None}
        if version["current"] == version["head"]:
            return result
        file = home.with_name(f"{home.name}.before-upgrade-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar")
        say(f"backup: {file}")
        server_backup.back_up(home, file)
        say("bringing the tables up to date")
        server_process.ask(python, home, "upgrade")
        server_home.stamp(home)
    return {**result, "backup": str(file)}


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _require_pair(cert: Path, key: Path) -> None:
    for file in (cert, key):
        if not file.is_file():
            raise UsageError(_WHO, "no such file", want="a PEM file", have=str(file))
    try:
        # Without a password function OpenSSL would ask on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        want = "a certificate and its own key, PEM, the key without a passphrase"
        raise UsageError(_WHO, "the certificate and the key do not fit", want=want, have=f"{cert}, {key}") from error


def _certified(cert: Path, host: str) -> str:
    """A name that the certificate vouches for: the host itself where it does, else its first."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(cert.read_bytes())
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return _WILD.get(host, host)
    vouched = [str(ip) for ip in names.get_values_for_type(x509.IPAddress)]
    vouched += [name for name in names.get_values_for_type(x509.DNSName) if not name.startswith("*")]
    wanted = _WILD.get(host, host)
    return wanted if wanted in vouched or not vouched else vouched[0]


def _memory_bytes(pid: int | None) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def _up_s(started_at: str | None) -> int | None:
    return None if started_at is None else int((datetime.now(UTC) - datetime.fromisoformat(started_at)).total_seconds())
