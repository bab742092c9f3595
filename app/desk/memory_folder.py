"""Folders in memory for what must lie in files unencrypted while it is used: a training's rows, an adapter in use.

They lie in a file system that has no disk behind it, mode 0700, and each is locked by the process that uses it: a
folder whose lock nobody holds was left by one that died, and is removed by whoever unlocks a desk next. The machine may
still write memory to its swap.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xinheng.errors import DeskError, WriteError

VARIABLE: Final = "XINHENG_DESK_MEMORY"
PREFIX: Final = "xinheng-desk-"
LOCK: Final = ".lock"
_NEW: Final = f"{PREFIX}new-"
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_YOUNG_S: Final = 60.0


@dataclass(frozen=True)
class Folder:
    """A folder that this process holds: `lock` is the descriptor that a child may be given."""

    path: Path
    lock: int

    def release(self) -> None:
        """Let go of it; a child that was given the lock holds it on."""
        os.close(self.lock)

    def remove(self) -> None:
        """Delete it with all that is in it, and let go."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def root() -> Path:
    """Where such folders may be made.

    Raises:
        DeskError: There is no file system in memory here, and nobody named one.
    """
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_dir():
            raise DeskError("desk", f"{VARIABLE} names no folder", mend="Name a folder in memory.")
        return Path(named)
    for place in (Path("/dev/shm"), Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"))):  # noqa: S108  not on a disk
        if place.is_dir() and os.access(place, os.W_OK) and _kind(place) in _IN_MEMORY:
            return place
    raise DeskError(
        "desk",
        "no folder in memory, and unencrypted files go to no disk",
        want="/dev/shm as tmpfs, or XDG_RUNTIME_DIR",  # noqa: S108  not on a disk
        mend=f"Mount a RAM disk and name a folder on it in {VARIABLE}.",
    )


def require_room(wanted: int) -> None:
    """Raise before anything is written where the memory folder has too little room.

    Raises:
        WriteError: It has.
    """
    place = root()
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise WriteError(
            "desk",
            f"too little room in {place}",
            want=f"{wanted / 1e6:,.0f} MB",
            have=f"{free / 1e6:,.0f} MB",
            mend="Close other programs, make it larger, or train on another machine (export, xinheng train client).",
        )


def named(name: str) -> Path:
    """The place of a folder of this name."""
    return root() / f"{PREFIX}{name}"


def make(name: str) -> Folder:
    """A new empty folder of this name, locked; one that a dead process left there is removed.

    It gets its name once it is locked, so that nobody takes it for one that was left behind.

    Raises:
        DeskError: A living process has it.
    """
    there = named(name)
    old = take(there)
    if old is not None:
        old.remove()
    making = Path(tempfile.mkdtemp(dir=root(), prefix=_NEW))
    handle = os.open(making / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        making.rename(there)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        os.close(handle)
        raise DeskError("desk", "another process has this folder in memory", mend="Wait until it has ended.") from error
    return Folder(there, handle)


def take(path: Path) -> Folder | None:
    """A folder that nobody holds, now held by this process; None where there is none or somebody holds it."""
    try:
        told = path.lstat()
        if not path.is_dir() or path.is_symlink() or told.st_uid != os.getuid():
            return None
        handle = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return Folder(path, handle)


def held(path: Path) -> bool:
    """Whether a living process holds it."""
    if not (path / LOCK).is_file():
        return False
    found = take(path)
    if found is None:
        return (path / LOCK).is_file()
    found.release()
    return False


def sweep(keep: Collection[str] = ()) -> int:
    """Remove what dead processes of this user left; how many folders there were.

    Args:
        keep: Names that are somebody's still, such as those of trainings that go on from their checkpoints.
    """
    try:
        place = root()
    except DeskError:
        return 0
    gone = 0
    for path in sorted(place.glob(f"{PREFIX}*")):
        if path.name.removeprefix(PREFIX) in keep:
            continue
        found = take(path)
        if found is not None:
            found.remove()
            gone += 1
        elif _abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
            gone += 1
    return gone


def _abandoned(path: Path) -> bool:
    """A folder without a lock that is no longer being made."""
    try:
        told = path.lstat()
        mine = told.st_uid == os.getuid() and path.is_dir() and not path.is_symlink()
        return mine and not (path / LOCK).exists() and time.time() - told.st_mtime > _YOUNG_S
    except OSError:
        return False


def _kind(place: Path) -> str:
    """The file system that a folder lies in; empty where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return ""
    found, longest = "", -1
    for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount, kind, *_ = line.split(" ")
        where = Path(mount.encode().decode("unicode_escape"))
        if place.resolve().is_relative_to(where) and len(where.parts) >= longest:
            found, longest = kind, len(where.parts)
    return found
