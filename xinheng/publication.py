"""Publications: folders for others, written whole or not at all, in which every file is listed by its SHA-256.

`publication.json` is written last and says of what it was made; `SHA256SUMS` lists the other files in the format of
`sha256sum -c`. Nothing in it tells a time or a place of this machine: the same artifact gives the same bytes again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeGuard

from xinheng.artifacts import file_sha256, readable_write_errors
from xinheng.errors import ArtifactError, InputError
from xinheng.storage import Place
from xinheng.swapping import clear, make_beside, swap

MARKER: Final = "publication.json"
SUMS: Final = "SHA256SUMS"
FORMAT: Final = 1
# What the hub's own client and git leave in a folder that was sent or fetched.
_FOREIGN: Final = (".cache", ".git", ".gitattributes", ".huggingface")


def require_free(path: Path, *, overwrite: bool = False) -> None:
    """Nothing, unless something lies at a publication's place that would be lost.

    Args:
        path: The folder that is to be made.
        overwrite: Whether a publication that was changed by hand may go.

    Raises:
        ArtifactError: No publication lies there, or one that somebody changed.
        WriteError: Nothing may be written there.
    """
    with readable_write_errors(path):
        if not os.path.lexists(path):
            return
        if path.is_dir() and not any(path.iterdir()):
            return
    mend = "Choose another --out, or move it away; nothing was changed."
    try:
        told = read(path)
    except InputError:
        want = "no folder, an empty one or a publication"
        raise ArtifactError(str(path), "in the way", want=want, have="something else", mend=mend) from None
    if not overwrite and (found := differences(path, told)):
        have = "; ".join(found[:3])
        raise ArtifactError(str(path), "changed by hand since it was published", have=have, mend=f"{mend} --overwrite")


@contextmanager
def writing(path: Path, told: Mapping[str, Any], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a folder to fill, which takes its place when the block ends well; the lists are added.

    Args:
        path: Where it is to be.
        told: What `publication.json` says beside the files.
        overwrite: See `require_free`.

    Raises:
        ArtifactError: As `require_free`.
        WriteError: The disk refuses; an older publication is there as it was.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow a link the user set
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear(path, mark=MARKER)
        require_free(path, overwrite=overwrite)
        staging = make_beside(path)
        try:
            yield staging
            files = {name: file_sha256(staging / name) for name in names(staging)}
            _write(staging / SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in files.items()))
            marker = {"format": FORMAT, **told, "digest": _digest(files), "files": files}
            _write(staging / MARKER, json.dumps(marker, ensure_ascii=False, indent=1) + "\n")
            swap(staging, path, mark=MARKER)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


def is_publication(path: Place) -> TypeGuard[Path]:
    """Whether a publication lies there."""
    return isinstance(path, Path) and (path / MARKER).is_file()


def read(path: Path) -> dict[str, Any]:
    """What a publication says of itself.

    Raises:
        InputError: It is none, or cannot be read.
    """
    file = path / MARKER
    if not file.is_file():
        have = "no such folder" if not path.exists() else f"no {MARKER} in it"
        mend = "Make one: xinheng publish ARTIFACT --out DIR."
        raise InputError(str(path), "not a publication", want=f"a folder with {MARKER}", have=have, mend=mend)
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        inside = [PurePosixPath(name) for name in told["files"]]
        outside = any(name.is_absolute() or ".." in name.parts for name in inside)
        have = "another format" if told["format"] != FORMAT else "files outside of it" if outside else ""
        told["kind"], told["name"], told["artifact"]["digest"], told["digest"], told["files"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        have = type(error).__name__
    if have:
        raise InputError(str(file), "cannot be read", have=have, mend="Publish it again.")
    return dict(told)


def differences(path: Path, told: Mapping[str, Any]) -> list[str]:
    """Files that are missing, others than were written, or listed nowhere; sorted."""
    found = []
    have = {*names(path)} - {MARKER, SUMS}
    for name, sha256 in sorted(told["files"].items()):
        if name not in have:
            found.append(f"{name}: missing")
        elif file_sha256(path / name) != sha256:
            found.append(f"{name}: other bytes than were written")
    found += [f"{name}: not of the publication" for name in sorted(have - {*told["files"]})]
    sums = "".join(f"{sha256}  {name}\n" for name, sha256 in told["files"].items())
    if not (path / SUMS).is_file() or (path / SUMS).read_text(encoding="utf-8", errors="replace") != sums:
        found.append(f"{SUMS}: not the list of these files")
    if _digest(told["files"]) != told["digest"]:
        found.append(f"{MARKER}: its digest is not that of its files")
    return found


def names(path: Path) -> list[str]:
    """The files of a folder by their place in it, sorted; what git and the hub's client keep there is left out."""
    found = (file.relative_to(path) for file in path.rglob("*") if file.is_file() or file.is_symlink())
    return sorted(name.as_posix() for name in found if name.parts[0] not in _FOREIGN)


def _digest(files: Mapping[str, str]) -> str:
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
