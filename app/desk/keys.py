"""The keys of a desk: a master per counsellor, a ring of it, and two random keys per client.

The master key is random. It is wrapped by what Argon2id makes of the passphrase or key file, and by the recovery code;
it wraps the ring (codes' hashes, the log) and each client's keys. So a new passphrase changes one row, and a client
whose wrapped keys are gone can be read by nobody.
"""

from __future__ import annotations

import hmac
import json
import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.desk.recovery_code import code_bytes
from xinheng.errors import DeskError
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
        cost = Cost(*(int(part) for part in text.split(":")))
    except (TypeError, ValueError):
        cost = Cost(0, 0, 0)
    if not (0 < cost.memory_kib <= _MOST.memory_kib and 0 < cost.passes <= _MOST.passes and 0 < cost.lanes <= 16):
        raise DeskError("desk", "its key settings were changed", mend="Restore the database from a backup.")
    return cost


def identity(*parts: str | int) -> bytes:
    """What a sealed body belongs to, as bytes that no other list of parts gives."""
    return json.dumps(parts).encode()


def derived(salt: bytes, cost: Cost, passphrase: str | None, key_file: Path | None) -> bytes:
    """The key that a passphrase or key file gives; the same passphrase typed on another keyboard gives the same."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    normal = None if passphrase is None else unicodedata.normalize("NFKC", passphrase)
    secret = secret_of("desk", normal, key_file)
    kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return bytes(kdf.derive(secret))


def recovery_key(code: str) -> bytes:
    """The key that a recovery code gives: it is random enough to need no slow derivation."""
    return subkey(code_bytes(code), "desk recovery")


def new_ring(master: bytes, who: bytes) -> bytes:
    """A sealed ring of two random keys."""
    return sealed_ring(master, who, os.urandom(32), os.urandom(32))


def sealed_ring(master: bytes, who: bytes, lookup: bytes, audit: bytes) -> bytes:
    """The ring under a master key."""
    return seal(subkey(master, "desk ring"), lookup + audit, who)


def keys_of(master: bytes, epoch: int, ring: bytes, next_wrapped: bytes | None, who: bytes) -> Keys:
    """The keys that a master key opens.

    Raises:
        DeskError: The ring or the next master was changed or is another counsellor's.
    """
    try:
        body = opened(subkey(master, "desk ring"), ring, who)
        following = None if next_wrapped is None else opened(subkey(master, "desk next"), next_wrapped, who)
    except Unopened as error:
        raise DeskError("desk", "the ring of keys was changed", mend="Restore the database from a backup.") from error
    return Keys(epoch, master, body[:32], body[32:], following)


def new_client_keys() -> ClientKeys:
    """Two random keys."""
    return ClientKeys(os.urandom(32), os.urandom(32))


def wrapped(keys: ClientKeys, master: bytes, who: bytes) -> bytes:
    """A client's keys under a master key."""
    return seal(subkey(master, "desk client"), keys.data + keys.mark, who)


def unwrapped(row: bytes, master: bytes, who: bytes) -> ClientKeys:
    """A client's keys.

    Raises:
        Unopened: They were changed, or are another client's.
    """
    body = opened(subkey(master, "desk client"), row, who)
    return ClientKeys(body[:32], body[32:])


def tag(key: bytes, use: str, value: str) -> str:
    """A keyed hash by which a code is found and from which nobody can tell it; case and width do not matter."""
    normal = unicodedata.normalize("NFKC", value).casefold().strip()
    return hmac.new(subkey(key, use), normal.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
