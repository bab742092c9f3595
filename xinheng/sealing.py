"""Sealed bytes: one way to encrypt, to derive keys from secrets, and to take a secret from a person or a key file.

A sealed text is a random nonce of 96 bits and what an AEAD cipher made of the body, the record's identity bound in:
under another identity it does not open. AES-256-GCM-SIV is the choice for whatever is new, since a nonce that comes
twice (a virtual machine's snapshot started twice, a poor random source) then shows only that two bodies are equal,
where AES-GCM would give away its key. The vault's files were made with AES-GCM, before, and stay so.
"""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path
from typing import Any, Final, Literal

from xinheng.errors import InputError, UsageError

Cipher = Literal["siv", "gcm"]

NONCE_BYTES: Final = 12


class Unopened(ValueError):
    """Sealed bytes were changed, belong to another identity, or were sealed with another key."""


def _aead(key: bytes, cipher: Cipher) -> Any:
    from cryptography.hazmat.primitives.ciphers import aead

    return aead.AESGCMSIV(key) if cipher == "siv" else aead.AESGCM(key)


def seal(key: bytes, body: bytes, identity: bytes, *, cipher: Cipher = "siv") -> bytes:
    """The body sealed with a key of 32 bytes, under an identity that is not part of it.

    >>> opened(b"k" * 32, seal(b"k" * 32, b"a note", b"client A, note 3"), b"client A, note 3")
    b'a note'
    """
    nonce = os.urandom(NONCE_BYTES)
    sealed: bytes = _aead(key, cipher).encrypt(nonce, body, identity)
    return nonce + sealed


def opened(key: bytes, sealed: bytes, identity: bytes, *, cipher: Cipher = "siv") -> bytes:
    """What was sealed with this key under this identity.

    Raises:
        Unopened: It was not, or it was changed since.
    """
    from cryptography.exceptions import InvalidTag

    try:
        body: bytes = _aead(key, cipher).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], identity)
    except (InvalidTag, ValueError) as error:
        raise Unopened from error
    return body


def subkey(key: bytes, use: str) -> bytes:
    """A key of its own for each use of a key."""
    return hmac.digest(key, b"xinheng " + use.encode(), "sha256")


def secret_of(who: str, passphrase: str | None, key_file: Path | None) -> bytes:
    """The bytes of a passphrase, or of a key file that only its owner can read.

    Raises:
        UsageError: Not exactly one of the two was given.
        InputError: The key file cannot be read, may be read by others, or holds less than 32 bytes.
    """
    if (passphrase is None) == (key_file is None) or passphrase == "":
        raise UsageError(who, "no way to open it", want="a passphrase or a key file", have="none, both or an empty one")
    if key_file is None:
        return (passphrase or "").encode()
    require_private(who, key_file, "key file")
    try:
        secret = key_file.read_bytes()
    except OSError as error:
        raise InputError(who, f"cannot read key file {key_file}", have=error.strerror or "an error") from error
    if len(secret) < 32:
        raise InputError(who, f"key file {key_file}", want="32 bytes or more", have=f"{len(secret)} bytes")
    return secret


def require_private(who: str, path: Path, what: str) -> None:
    """Refuse a file that others may read or write; one that is not there is for the caller to name.

    Raises:
        InputError: Its mode lets others in.
    """
    if os.name == "posix" and path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InputError(
            who,
            f"{what} {path} may be read or written by others",
            want="mode 600",
            have=f"mode {stat.S_IMODE(path.stat().st_mode):o}",
            mend=f"chmod 600 {path}",
        )
