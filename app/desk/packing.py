"""An adapter's folder as bytes that can be sealed piece by piece, and a folder again."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.desk import blobs
from xinheng.artifacts import MANIFEST
from xinheng.errors import ArtifactError


def packed(folder: Path) -> Iterator[bytes]:
    """A folder as a tar's bytes, file by file; names and times of its owner are not in it."""
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
        entry.size = path.stat().st_size
        yield entry.tobuf(tarfile.PAX_FORMAT)
        with path.open("rb") as file:
            while piece := file.read(blobs.PIECE_BYTES):
                yield piece
        yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def unpacked(pieces: Iterator[bytes], folder: Path) -> None:
    """Put a tar's files into a folder.

    Raises:
        ArtifactError: It holds something else than files below the folder, or no adapter.
    """

    class Stream(io.RawIOBase):
        waiting = b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            while not self.waiting:
                try:
                    self.waiting = next(pieces)
                except StopIteration:
                    return 0
            size = min(len(buffer), len(self.waiting))
            buffer[:size], self.waiting = self.waiting[:size], self.waiting[size:]
            return size

    with tarfile.open(fileobj=io.BufferedReader(Stream()), mode="r|") as tar:
        for entry in tar:
            _put(tar, entry, folder)
    for _ in pieces:  # to the end, which says that nothing was cut off
        pass
    if not (folder / MANIFEST).is_file():
        raise ArtifactError(str(folder), "no adapter in it")


def _put(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    # By hand: `extractall` refuses what leads elsewhere only since Python 3.11.4.
    place = (folder / entry.name).resolve()
    held = tar.extractfile(entry) if entry.isreg() else None
    if held is None or not place.is_relative_to(folder.resolve()):
        raise ArtifactError(str(folder), "a part of an adapter that leads elsewhere")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(held, file)
