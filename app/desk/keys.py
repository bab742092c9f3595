"""The keys of a desk: a master per counsellor, a ring of it, and two random keys per client.

The master key is random. It is wrapped by what Argon2id makes of the passphrase or key file, and by the recovery code;
it wraps the ring (codes' hashes, the log) and each client's keys. So a new passphrase changes one row, and a client
whose wrapped keys are gone can be read by nobody.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.desk.recovery_code import code_bytes
from xinheng.errors import DeskError, UsageError
from xinheng.sealing import Unopened, opened, seal, secret_of, subkey


@dataclass(frozen=True)
class Cost:
    """What a guess of a passphrase costs: Argon2id's memory, passes and lanes."""

    memory_kib: int = 128 * 1024
    passes: int = 3
    lanes: int = 4

    def __str__(self) -> str:
        return f"{self.memory_kib}:{self.passes}:{self.lanes}"


# 0.5 s of one core on the machine this was written on. More memory than RFC 9106 asks where memory is short (64 MiB).
COST: Final = Cost()
# The settings stand in the database, which anybody may have changed: none may cost the memory of the machine.
_MOST: Final = Cost(memory_kib=2**20, passes=16, lanes=16)
# One derivation at a time in this process: OpenSSL's Argon2 with several lanes hangs for good where two threads meet
# in it, and each takes 128 MiB.
_DERIVING: Final = threading.Lock()
SALT_BYTES: Final = 16


@dataclass(frozen=True)
class Keys:
    """An unlocked counsellor's keys; they are shown nowhere."""

    epoch: int
    master: bytes = field(repr=False)
    lookup: bytes = field(repr=False)
    audit: bytes = field(repr=False)
    next_master: bytes | None = field(repr=False, default=None)


@dataclass(frozen=True)
class ClientKeys:
    """A client's keys: one seals records, the other marks what the log says of them."""

    data: bytes = field(repr=False)
    mark: bytes = field(repr=False)


def cost_of(text: str) -> Cost:
    """The settings as the database holds them.

    Raises:
        DeskError: They are none, or would take the machine's memory.
    """
    try:
        memory_kib, passes, lanes = (int(part) for part in text.split(":"))
        cost = Cost(memory_kib, passes, lanes)
    except (TypeError, ValueError, AttributeError):
        cost = Cost(0, 0, 0)
    # Argon2 wants eight blocks of 1 KiB for each lane.
    least = 8 * cost.lanes
    if not (0 < cost.lanes <= _MOST.lanes and 0 < cost.passes <= _MOST.passes):
        raise _settings_changed()
    if not least <= cost.memory_kib <= _MOST.memory_kib:
        raise _settings_changed()
    return cost


def blob(value: object) -> bytes:
    """A column of bytes as the database gave it: SQLite keeps whatever somebody put there.

    Raises:
        Unopened: It is something else, which nobody sealed.
    """
    if not isinstance(value, bytes):
        raise Unopened
    return value


def identity(*parts: str | int) -> bytes:
    """What a sealed body belongs to, as bytes that no other list of parts gives.

    Raises:
        Unopened: A part is neither text nor a whole number: somebody changed it, and nothing was sealed under it.
    """
    if not all(isinstance(part, (str, int)) for part in parts):
        raise Unopened
    return json.dumps(parts).encode()


def secret(passphrase: str | None, key_file: Path | None) -> bytes:
    """What opens a desk, as bytes: the same passphrase typed on another keyboard gives the same.

    It is read before a guess is counted: a key file that cannot be used is no guess.

    Raises:
        UsageError: Not exactly one of the two was given, or the passphrase is no text.
        InputError: The key file cannot be used.
    """
    normal = None if passphrase is None else unicodedata.normalize("NFKC", passphrase)
    if normal is not None and any("\ud800" <= sign <= "\udfff" for sign in normal):
        have = "a sign that is none in Unicode"
        raise UsageError("desk", "the passphrase cannot be read", have=have, mend="Type it again, as UTF-8.")
    return secret_of("desk", normal, key_file)


def derived(salt: object, cost: Cost, secret: bytes) -> bytes:
    """The key that a secret gives.

    Raises:
        DeskError: The salt is none, or there is too little memory.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    if not isinstance(salt, bytes) or len(salt) != SALT_BYTES:
        raise _settings_changed()
    kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    try:
        with _DERIVING:
            return bytes(kdf.derive(secret))
    except MemoryError:
        need = f"{cost.memory_kib // 1024} MiB"
        raise DeskError("desk", "too little memory to open a desk", want=need, mend="Close something.") from None


def _settings_changed() -> DeskError:
    return DeskError("desk", "its key settings were changed", mend="Restore the database from a backup.")


def recovery_key(code: str) -> bytes:
    """The key that a recovery code gives: it is random enough to need no slow derivation."""
    return subkey(code_bytes(code), "desk recovery")


def new_ring(master: bytes, who: bytes) -> bytes:
    """A sealed ring of two random keys."""
    return sealed_ring(master, who, os.urandom(32), os.urandom(32))


def sealed_ring(master: bytes, who: bytes, lookup: bytes, audit: bytes) -> bytes:
    """The ring under a master key."""
    return seal(subkey(master, "desk ring"), lookup + audit, who)


def keys_of(master: bytes, epoch: int, ring: object, next_wrapped: object, who: bytes) -> Keys:
    """The keys that a master key opens; the ring and the following master, or None, as the database gave them.

    Raises:
        DeskError: The ring or the next master was changed or is another counsellor's.
    """
    try:
        body = opened(subkey(master, "desk ring"), blob(ring), who)
        following = None if next_wrapped is None else opened(subkey(master, "desk next"), blob(next_wrapped), who)
    except Unopened as error:
        raise DeskError("desk", "the ring of keys was changed", mend="Restore the database from a backup.") from error
    return Keys(epoch, master, body[:32], body[32:], following)


def new_client_keys() -> ClientKeys:
    """Two random keys."""
    return ClientKeys(os.urandom(32), os.urandom(32))


def wrapped(keys: ClientKeys, master: bytes, who: bytes) -> bytes:
    """A client's keys under a master key."""
    return seal(subkey(master, "desk client"), keys.data + keys.mark, who)


def unwrapped(row: object, master: bytes, who: bytes) -> ClientKeys:
    """A client's keys.

    Raises:
        Unopened: They were changed, or are another client's.
    """
    body = opened(subkey(master, "desk client"), blob(row), who)
    return ClientKeys(body[:32], body[32:])


def tag(key: bytes, use: str, value: str) -> str:
    """A keyed hash by which a code is found and from which nobody can tell it; case and width do not matter."""
    normal = unicodedata.normalize("NFKC", value).casefold().strip()
    return hmac.new(subkey(key, use), normal.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
