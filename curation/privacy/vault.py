"""The way back, encrypted: which surrogate stands for what, per client, in one file of mode 0600.

Each client has a random key of its own, wrapped by the master key; the client's map is encrypted with it and its
surrogates are chosen with it. Forgetting a client deletes the wrapped key: what is left of the map, here or in a copy
of the data, can then be read by nobody. A backup of this file holds the key still and must go as well.
"""

from __future__ import annotations

import base64
import errno
import glob
import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from xinheng import sealing
from xinheng.errors import InputError, UsageError, WriteError
from xinheng.sealing import require_private, secret_of, subkey

_FORMAT: Final = "xinheng-vault-1"
_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1}
_BROKEN: Final = "Give the passphrase or key file it was made with; if that is right, restore the file from a backup."

# Original to surrogate, class and form of the name.
Pairs = dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class ClientMap:
    """One client's key and map.

    Args:
        key: 32 random bytes; choose the surrogates.
        pairs: Original to (surrogate, kind, family).
        aliases: Further surrogates to their originals, for texts in which the first could not be read back.
    """

    key: bytes
    pairs: Pairs = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ClientMap({len(self.pairs)} pairs)"


@dataclass(frozen=True)
class Vault:
    """An open vault. Changes live in memory until `save_vault`.

    Args:
        path: Its file.
        master: The key that wraps the clients' keys.
        header: Format and the settings of the key derivation.
        stored: Client token to wrapped key and encrypted map, as in the file.
        opened: Client token to what was opened or made since.
        changed: Tokens of `opened` that the file does not hold as they are.
        seal: The file's seal when it was read, as the only element; shows that another process wrote since.
    """

    path: Path
    master: bytes
    header: dict[str, Any]
    stored: dict[str, dict[str, str]]
    opened: dict[str, ClientMap] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    seal: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Vault({self.path}, {len(self.stored)} clients)"


def _locked(lock: Path, flock: Callable[[int, int], None], how: int) -> int:
    """A locked file, open; whoever held it before may have removed it meanwhile, then another is made."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            flock(handle, how)
            if lock.exists() and os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def create_vault(path: Path, *, passphrase: str | None = None, key_file: Path | None = None) -> Vault:
    """A new, empty vault at a path where there is nothing yet.

    Raises:
        UsageError: Something is there already, or not exactly one of passphrase and key file was given.
        InputError: The key file cannot be read or holds less than 32 bytes.
    """
    if path.exists():
        raise UsageError("vault", f"{path} is there already", mend="Open it, or choose another path.")
    header: dict[str, Any] = {"format": _FORMAT, "salt": _text(os.urandom(16)), **_SCRYPT}
    header["key"] = "file" if key_file else "passphrase"
    vault = Vault(path, _master(header, passphrase, key_file), header, {})
    save_vault(vault)
    return vault


def open_vault(path: Path, *, passphrase: str | None = None, key_file: Path | None = None) -> Vault:
    """The vault in a file; its seal is checked before anything in it is believed.

    Raises:
        InputError: No vault there, a wrong passphrase or key file, a file that was changed, or one that others than
            its owner may read or write.
        UsageError: Not exactly one of passphrase and key file was given.
    """
    header, stored, seal = _read(path)
    require_private("vault", path, "vault")
    vault = Vault(path, _master(header, passphrase, key_file), header, stored)
    if not hmac.compare_digest(seal, _seal(vault)):
        raise InputError("vault", f"{path} does not open", have="a wrong key, or a changed file", mend=_BROKEN)
    vault.seal.append(seal)
    return vault


def made_with(path: Path) -> str:
    """What opens the vault in a file: `passphrase` or `file`.

    Raises:
        InputError: There is no vault.
    """
    return str(_read(path)[0]["key"])


def client_map(vault: Vault, client: str, *, create: bool = False) -> ClientMap | None:
    """A client's key and map; None for a client the vault does not know, unless `create`."""
    token = _token(vault, client)
    if token in vault.opened:
        return vault.opened[token]
    if token in vault.stored:
        vault.opened[token] = _opened(vault, token)
    elif create:
        vault.opened[token] = ClientMap(os.urandom(32))
        vault.changed.add(token)
    return vault.opened.get(token)


def keep_map(vault: Vault, client: str, found: ClientMap) -> None:
    """Put a client's map into the vault, in memory."""
    token = _token(vault, client)
    if vault.opened.get(token) != found:
        vault.opened[token] = found
        vault.changed.add(token)


def keyed_id(vault: Vault, use: str, value: str) -> str:
    """Sixteen hex digits for a value, the same in every run with this vault, from which nobody can tell the value.

    Whoever has the vault's secret can check a guess, nobody else can.

    Args:
        vault: The open vault.
        use: What is named: equal values of different uses get different ids.
        value: An id, a file name, a label.
    """
    return hmac.new(_sub(vault, use), value.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:16]


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """Hold a vault for writing: of two processes with one vault, the second is told at once and has lost nothing.

    Whoever opens, changes and saves a vault does so inside this. The hold ends with the process, however it ends.

    Raises:
        WriteError: Another process holds it, or the folder may not be written.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows: `save_vault` still sees what another process wrote
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(lock, fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WriteError(
            "vault", f"{path} is in use by another process", mend="Wait until that one is done and repeat."
        ) from error
    except OSError as error:
        raise WriteError("vault", f"cannot write {path}", have=error.strerror or "an error") from error
    try:
        for left in path.parent.glob(f".{glob.escape(path.name)}.writing-*"):  # of a killed run
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def forget_client(vault: Vault, client: str) -> bool:
    """Delete a client's key and map and save; whether there were any. It cannot be undone."""
    token = _token(vault, client)
    known = vault.stored.pop(token, None) is not None
    known = vault.opened.pop(token, None) is not None or known
    vault.changed.discard(token)
    save_vault(vault)
    return known


def save_vault(vault: Vault) -> None:
    """Write the vault in one move: the old file stays whole until the new one is on the disk.

    Raises:
        WriteError: The disk refuses, or another process wrote the file since it was opened.
    """
    if vault.seal and vault.path.exists() and _read(vault.path)[2] != vault.seal[0]:
        raise WriteError(
            "vault", f"{vault.path} was written by another process since", mend="Open it again and repeat."
        )
    for token in sorted(vault.changed):
        vault.stored[token] = _closed(vault, token, vault.opened[token])
    seal = _seal(vault)
    body = json.dumps({**vault.header, "clients": vault.stored, "seal": seal}, sort_keys=True)
    try:
        vault.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=vault.path.parent, prefix=f".{vault.path.name}.writing-"
        )  # mkstemp makes it 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(vault.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        full = " Free space and repeat." if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) else ""
        raise WriteError(
            "vault",
            f"cannot write {vault.path}",
            have=error.strerror or "an error",
            mend=f"What was in it before is whole.{full}",
        ) from error
    vault.changed.clear()
    vault.seal[:] = [seal]


def _master(header: dict[str, Any], passphrase: str | None, key_file: Path | None) -> bytes:
    secret = secret_of("vault", passphrase, key_file)
    return hashlib.scrypt(
        secret, salt=_bytes(header["salt"]), n=header["n"], r=header["r"], p=header["p"], maxmem=2**27, dklen=32
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, str]], str]:
    wrong = InputError("vault", f"{path} is no vault", want=_FORMAT, mend=_BROKEN)
    try:
        body = json.loads(path.read_bytes())
        header = {name: body[name] for name in ("format", "salt", "n", "r", "p", "key")}
        stored, seal = body["clients"], body["seal"]
        entries = all(set(e) == {"key", "map"} and all(isinstance(v, str) for v in e.values()) for e in stored.values())
        # The derivation's cost comes from the file before its seal can be checked: only ours is believed.
        if (
            header["format"] != _FORMAT
            or not entries
            or {k: header[k] for k in _SCRYPT} != _SCRYPT
            or not isinstance(seal, str)
        ):
            raise wrong
        _bytes(header["salt"])
    except OSError as error:
        raise InputError("vault", f"cannot read {path}", have=error.strerror or "an error") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise wrong from error
    return header, stored, seal.encode("ascii", "replace").decode()


def _seal(vault: Vault) -> str:
    body = json.dumps([vault.header, vault.stored], sort_keys=True).encode()
    return hmac.new(_sub(vault, "seal"), body, "sha256").hexdigest()


def _sub(vault: Vault, use: str) -> bytes:
    return subkey(vault.master, use)


def _token(vault: Vault, client: str) -> str:
    return hmac.new(_sub(vault, "token"), client.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:32]


def _closed(vault: Vault, token: str, found: ClientMap) -> dict[str, str]:
    body = json.dumps([found.pairs, found.aliases]).encode()
    return {
        "key": _encrypt(_sub(vault, "wrap"), found.key, token),
        "map": _encrypt(hmac.digest(found.key, b"map", "sha256"), body, token),
    }


def _opened(vault: Vault, token: str) -> ClientMap:
    entry = vault.stored[token]
    key = _decrypt(_sub(vault, "wrap"), entry["key"], token)
    pairs, aliases = json.loads(_decrypt(hmac.digest(key, b"map", "sha256"), entry["map"], token))
    return ClientMap(key, {original: (s, k, f) for original, (s, k, f) in pairs.items()}, aliases)


def _encrypt(key: bytes, body: bytes, token: str) -> str:
    return _text(sealing.seal(key, body, token.encode(), cipher="gcm"))


def _decrypt(key: bytes, text: str, token: str) -> bytes:
    try:
        return sealing.opened(key, _bytes(text), token.encode(), cipher="gcm")
    except ValueError as error:
        raise InputError("vault", "an entry does not open", have="a changed file", mend=_BROKEN) from error


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
