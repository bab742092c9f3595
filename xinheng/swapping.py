"""Folders that appear whole: written beside their place, renamed into it, and what killed writers left cleared away.

A folder is whole when it holds its mark, a file that is written last and deleted first: an artifact's
`manifest.json`, a leaderboard's `site.json`. At every moment the place has the old folder or the new one; a writer
killed between the two renames leaves the old one beside it, and the next `clear` brings it back.

What is `kept` belongs to the place and not to the folder that lies there, as `.git` does where the place is a clone: it
moves into the new folder before the renames. A writer killed on the way leaves it beside the place; `clear` brings it
back, and deletes no folder that still holds any of it.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: after a power cut a renamed file may be at its old name else.

    Raises:
        OSError: The disk refuses.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_beside(path: Path) -> Path:
    """Make the hidden folder in which to write what is to be at `path`; its name says which process writes.

    Raises:
        OSError: The disk refuses.
    """
    # mkdtemp would make a folder that nobody else may read.
    folder = _beside(path, "writing")
    folder.mkdir()
    return folder


def swap(folder: Path, path: Path, *, mark: str, kept: Collection[str] = ()) -> None:
    """Rename a finished folder to its place; an older one goes only then.

    Args:
        folder: What is finished, on the same disk as `path`.
        path: Its place.
        mark: The file without which a folder is not whole.
        kept: Names in the old folder that move into the new one.

    Raises:
        OSError: The disk refuses; what was at `path` is there as before.
    """
    if not path.exists():
        folder.rename(path)
        return
    old = _beside(path, "replaced")
    try:
        if not path.is_symlink():
            _move(path, folder, kept)
        path.rename(old)
        try:
            folder.rename(path)
        except BaseException:
            old.rename(path)
            raise
    except BaseException:
        _move(folder, path, kept)
        raise
    _discard(old, mark)


def give_up(folder: Path, path: Path, *, kept: Collection[str] = ()) -> None:
    """Delete a folder that was being written for `path`, unless something that is kept cannot be brought back."""
    with suppress(OSError):
        _move(folder, path, kept)
    if not _holds(folder, kept):
        shutil.rmtree(folder, ignore_errors=True)


def clear(path: Path, *, mark: str, kept: Collection[str] = ()) -> None:
    """Delete what killed writers left beside `path`; bring back a folder lost between the two renames.

    What a living process writes stays. A number that is this process's own was another's: in a container each run
    may have the same.
    """
    name = glob.escape(path.name)
    for left in sorted(path.parent.glob(f".{name}.replaced-*")):
        if not _writing(left, path, "replaced"):
            if (left / mark).is_file() and not path.exists():
                left.rename(path)
            else:
                _recover(left, path, mark, kept)
    for left in path.parent.glob(f".{name}.writing-*"):
        if not _writing(left, path, "writing"):
            _recover(left, path, mark, kept)


def _recover(left: Path, path: Path, mark: str, kept: Collection[str]) -> None:
    if not left.is_symlink():
        with suppress(OSError):
            _move(left, path, kept)
        if _holds(left, kept):
            return
    _discard(left, mark)


def _move(folder: Path, to: Path, kept: Collection[str]) -> None:
    """Rename what is kept into another folder that is there and has none of the same name."""
    for name in kept:
        if os.path.lexists(folder / name) and to.is_dir() and not os.path.lexists(to / name):
            (folder / name).rename(to / name)


def _holds(folder: Path, kept: Collection[str]) -> bool:
    return any(os.path.lexists(folder / name) for name in kept)


def _beside(path: Path, why: str) -> Path:
    return path.with_name(f".{path.name}.{why}-{os.getpid()}-{secrets.token_hex(4)}")


def _writing(left: Path, path: Path, why: str) -> bool:
    """Whether the process that a folder's name names still runs."""
    pid = left.name.removeprefix(f".{path.name}.{why}-").partition("-")[0]
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


def _discard(folder: Path, mark: str) -> None:
    """Delete a folder, its mark first, so that one half deleted is never taken for whole.

    A link goes alone: what it points to is not ours. A folder that cannot be deleted stays: the new one is in its
    place already, and to fail now would say that nothing was written.
    """
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
        return
    with suppress(OSError):
        # An artifact that was made read-only against accidents.
        folder.chmod(0o700)
        (folder / mark).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
