"""Adapters and attachments: large files, encrypted in pieces, on this disk or in an object store.

Each file has a random key of its own, which stands in its sealed record; so keys are rotated without touching files,
and a file whose record is gone can be read by nobody. Every piece is bound to its place, and the last one says that it
is the last: nothing can be exchanged, left out or cut off unseen.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from app.desk.keys import identity
from app.desk.store import Record, save
from app.desk.unlock import Desk
from xinheng.errors import DeskError
from xinheng.sealing import Unopened, opened, seal
from xinheng.storage import Place, RemotePath, delete, download, listing, seen, upload
from xinheng.swapping import sync_folder

PIECE_BYTES: Final = 2**20
_SEALED_BYTES: Final = PIECE_BYTES + 28
# A file on its way to a place or back lies in the desk's folder under such a name; none is on its way for a day.
_ON_ITS_WAY: Final = ".file-"
_STALE_S: Final = 24 * 3600.0


def keep_file(
    desk: Desk, place: Place, client_id: str, kind: str, pieces: Iterable[bytes], about: dict[str, Any]
) -> Record:
    """Encrypt a file into a place, then save its record; what is killed in between is a file that nobody can read.

    Args:
        desk: The desk.
        place: The desk's folder of files, or an address.
        client_id: Whose.
        kind: `attachment` or `adapter`.
        pieces: Its bytes, in order.
        about: What the record says of it; `file`, `key` and `size` are added.
    """
    name, key = os.urandom(16).hex(), os.urandom(32)
    # A folder may be on another disk than the desk's: nothing is moved in one step from disk to disk.
    beside = desk.home if isinstance(place, RemotePath) else place
    beside.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, written = tempfile.mkstemp(dir=beside, prefix=_ON_ITS_WAY)
    try:
        with os.fdopen(handle, "wb") as out:
            size = encrypted(out, key, client_id, name, pieces)
            out.flush()
            os.fsync(out.fileno())
        to = _folder(desk, place, client_id) / name
        if isinstance(to, RemotePath):
            upload(Path(written), to)
        else:
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(written).replace(to)
            for folder in to.parents[:3]:  # the record must not be on its disk before the file is on its own
                sync_folder(folder)
    finally:
        Path(written).unlink(missing_ok=True)
    return save(desk, client_id, kind, {**about, "file": name, "key": base64.b64encode(key).decode(), "size": size})


def file_pieces(desk: Desk, place: Place, client_id: str, record: Record) -> Iterator[bytes]:
    """A kept file's bytes, piece by piece; none of it is written to a disk unencrypted.

    Raises:
        DeskError: The file is gone, or was changed, cut off or exchanged.
    """
    name, key = str(record.body["file"]), base64.b64decode(record.body["key"])
    there = _folder(desk, place, client_id) / name
    gone = DeskError("desk", f"the file of {record.kind} {record.record_id[:8]} is gone", mend="Restore a backup.")
    if isinstance(there, RemotePath):
        held = seen(there)
        if held is None:
            raise gone
        with tempfile.TemporaryDirectory(dir=desk.home, prefix=_ON_ITS_WAY) as folder:
            download(there, Path(folder) / name, size=held.size)
            yield from decrypted(Path(folder) / name, key, client_id, name)
        return
    if not there.is_file():
        raise gone
    yield from decrypted(there, key, client_id, name)


def remove_files(desk: Desk, place: Place, client_id: str) -> int:
    """Delete all files of a client; how many there were."""
    folder = _folder(desk, place, client_id)
    if isinstance(folder, RemotePath):
        names = list(listing(folder))
        for name in names:
            delete(folder / name)
        return len(names)
    count = sum(file.is_file() for file in folder.rglob("*"))
    if folder.is_dir():
        shutil.rmtree(folder)
    return count


def remove_file(desk: Desk, place: Place, client_id: str, record: Record) -> bool:
    """Delete the file of a record, which stays; whether it was there."""
    there = _folder(desk, place, client_id) / str(record.body["file"])
    if isinstance(there, RemotePath):
        found = seen(there) is not None
        if found:
            delete(there)
        return found
    found = there.is_file()
    there.unlink(missing_ok=True)
    return found


def sweep(desk: Desk, place: Place | None = None) -> int:
    """Remove what killed processes left on its way, sealed with keys that nobody has; how many there were."""
    gone = 0
    folders = {desk.home, desk.home / "files" if place is None or isinstance(place, RemotePath) else place}
    for path in [path for folder in sorted(folders) for path in folder.glob(f"{_ON_ITS_WAY}*")]:
        with suppress(OSError):  # another desk sweeps as well
            if time.time() - path.lstat().st_mtime > _STALE_S:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                gone += 1
    return gone


def _folder(desk: Desk, place: Place, client_id: str) -> Place:
    return place / desk.counsellor_id / client_id


def encrypted(out: IO[bytes], key: bytes, client_id: str, name: str, pieces: Iterable[bytes]) -> int:
    """Write pieces sealed with a file's key; how many bytes they had."""
    size = place = 0
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) > PIECE_BYTES:  # one is always left for the end, which is sealed as the last
            out.write(seal(key, waiting[:PIECE_BYTES], identity(client_id, name, place, "more")))
            waiting, size, place = waiting[PIECE_BYTES:], size + PIECE_BYTES, place + 1
    out.write(seal(key, waiting, identity(client_id, name, place, "last")))
    return size + len(waiting)


def decrypted(file: Path, key: bytes, client_id: str, name: str) -> Iterator[bytes]:
    """The pieces of a file on this disk.

    Raises:
        DeskError: It was changed, cut off, or is another's.
    """
    left, place = file.stat().st_size, 0
    with file.open("rb") as lines:
        while piece := lines.read(_SEALED_BYTES):
            left -= len(piece)
            try:
                yield opened(key, piece, identity(client_id, name, place, "more" if left else "last"))
            except Unopened as error:
                raise DeskError("desk", f"piece {place} of file {name[:8]} was changed", mend="Restore it.") from error
            place += 1
    if not place:
        raise DeskError("desk", f"file {name[:8]} is empty", mend="Restore it.")
