"""What of a client is left in a folder, looked for by a process of its own.

A process that closes a file gives up all its locks on it, also those that SQLite holds on another descriptor of the
same file: another program would then take itself for the database's only user and delete the log of what was saved
since. So the desk opens no file of its database by itself, and what searches them is another process.

What is looked for is told as its beginning and a digest, so that nobody who holds it holds a key or more than a few
signs.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xinheng.errors import DeskError

# A window this long is looked for; what begins like it is held against the digest of the whole.
WINDOW: Final = 8
LONGEST: Final = 32
_DIGEST_BYTES: Final = 16
_PIECE: Final = 2**24


@dataclass(frozen=True)
class Trace:
    """Bytes by which they are known again: the first eight, how many there are, 32 at most, and a digest of them."""

    start: bytes
    length: int
    digest: bytes

    def __str__(self) -> str:
        """As text, for a record or another process."""
        return base64.b64encode(self.start + bytes([self.length]) + self.digest).decode()


def trace(words: bytes) -> Trace:
    """What is looked for instead of some bytes; of long ones the first 32.

    Raises:
        ValueError: There are fewer than eight.
    """
    if len(words) < WINDOW:
        raise ValueError(f"want {WINDOW} bytes or more, have {len(words)}")
    words = words[:LONGEST]
    return Trace(words[:WINDOW], len(words), _digest(words))


def told(text: str) -> Trace:
    """A trace as it was before it was text."""
    body = base64.b64decode(text)
    return Trace(body[:WINDOW], body[WINDOW], body[WINDOW + 1 :])


def found_in(folder: Path, needles: Collection[bytes | Trace]) -> tuple[int, int, list[Path]]:
    """How many files and bytes were looked through, and which files hold one of the needles, of 8 bytes or more each.

    Raises:
        DeskError: A file cannot be read, or the search was ended.
    """
    traces = {needle if isinstance(needle, Trace) else trace(needle) for needle in needles}
    order = {"folder": str(folder.absolute()), "traces": sorted(map(str, traces))}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app.desk.folder_search"],
        input=json.dumps(order).encode(),
        capture_output=True,
        cwd=Path(__file__).resolve().parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith("XINHENG_DESK_")},
        check=False,
    )
    if done.returncode:
        raise DeskError("desk", "a folder cannot be searched", have=f"exit status {done.returncode}", mend="Repeat it.")
    answer = json.loads(done.stdout)
    if answer["closed"]:
        have = ", ".join(answer["closed"][:5])
        raise DeskError(
            "desk", "a file cannot be searched", have=have, mend="Whoever runs the desk must be able to read it."
        )
    return answer["looked"], answer["size"], [folder / name for name in answer["where"]]


def main() -> None:
    """Search what standard input names, and tell it on standard output."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.loads(sys.stdin.buffer.read())
    answer = searched(Path(order["folder"]), [told(text) for text in order["traces"]])
    sys.stdout.write(json.dumps(answer))


def searched(folder: Path, traces: Collection[Trace]) -> dict[str, Any]:
    """What was found by opening every file here; for a process that holds no database in this folder.

    Returns:
        `looked` and `size`, files and bytes; `where` and `closed`, the names of files that hold a trace and of those
        that cannot be read, in order.
    """
    import numpy as np

    wanted: dict[int, list[Trace]] = {}
    for one in traces:
        wanted.setdefault(int.from_bytes(one.start, "little"), []).append(one)
    starts = np.array(sorted(wanted), dtype=np.uint64)
    # Few places begin with the same three bytes as any trace: only those are held against all of them.
    begins = np.zeros(2**24, dtype=np.bool_)
    begins[starts & np.uint64(0xFFFFFF)] = True
    looked = size = 0
    where, closed = [], []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with contextlib.suppress(FileNotFoundError):  # what another deed of the desk has just put away
            looked, size = looked + 1, size + path.stat().st_size
            try:
                if _holds(path, wanted, starts, begins):
                    where.append(os.fspath(path.relative_to(folder)))
            except FileNotFoundError:
                raise
            except OSError:
                closed.append(os.fspath(path.relative_to(folder)))
    return {"looked": looked, "size": size, "where": where, "closed": closed}


def _holds(path: Path, wanted: dict[int, list[Trace]], starts: Any, begins: Any) -> bool:
    """Whether a file holds a trace: every eight neighbouring bytes are held against the beginnings of all at once."""
    import numpy as np

    with path.open("rb") as file:
        tail = b""
        while piece := file.read(_PIECE):
            data = tail + piece
            for shift in range(WINDOW):
                count = (len(data) - shift) // WINDOW
                if count <= 0:
                    continue
                words = np.frombuffer(data, dtype="<u8", count=count, offset=shift)
                likely = np.flatnonzero(begins[words & np.uint64(0xFFFFFF)])
                for at in likely[np.isin(words[likely], starts)]:
                    begin = int(at) * WINDOW + shift
                    if any(_digest(data[begin : begin + t.length]) == t.digest for t in wanted[int(words[at])]):
                        return True
            tail = data[-LONGEST:]
    return False


def _digest(words: bytes) -> bytes:
    return hashlib.blake2b(words, digest_size=_DIGEST_BYTES).digest()


if __name__ == "__main__":
    main()
