"""Publications: folders for others, written whole or not at all, in which every file is listed by its SHA-256.

`publication.json` is written last and says of what it was made; `SHA256SUMS` lists the other files in the format of
`sha256sum -c`. Nothing in it tells a time or a place of this machine: the same artifact gives the same bytes again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeGuard

from xinheng.artifacts import file_sha256, readable_write_errors
from xinheng.errors import ArtifactError, InputError
from xinheng.storage import Place
from xinheng.swapping import clear, give_up, make_beside, swap

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
        # A new clone is as good as an empty folder.
        if path.is_dir() and all(entry.name in _FOREIGN for entry in path.iterdir()):
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

    Where the place is a clone of a repository it stays one: what git and the hub's client keep there goes over into
    the new folder.

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
        clear(path, mark=MARKER, kept=_FOREIGN)
        require_free(path, overwrite=overwrite)
        staging = make_beside(path)
        try:
            yield staging
            files = {name: file_sha256(staging / name) for name in names(staging)}
            _write(staging / SUMS, "".join(f"{sha256}  {name}\n" for name, sha256 in files.items()))
            marker = {"format": FORMAT, **told, "digest": _digest(files), "files": files}
            _write(staging / MARKER, json.dumps(marker, ensure_ascii=False, indent=1) + "\n")
            swap(staging, path, mark=MARKER, kept=_FOREIGN)
        except BaseException:
            give_up(staging, path, kept=_FOREIGN)
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
        have = have or _ill_typed(told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        have = type(error).__name__
    if have:
        raise InputError(str(file), "cannot be read", have=have, mend="Publish it again.")
    return dict(told)


def _ill_typed(told: Mapping[str, Any]) -> str:
    names = ("kind", "name", "version", "digest")
    texts = {**{name: told[name] for name in names}, "artifact": told["artifact"]["digest"], **told["files"]}
    return next((f"no text in {name}" for name, value in texts.items() if not isinstance(value, str)), "")


def differences(path: Path, told: Mapping[str, Any]) -> list[str]:
    """What is missing, other than was written, listed nowhere, or no file of this folder; sorted within each kind.

    A link's bytes may be the right ones here and are elsewhere tomorrow; a pipe would never end. Neither is opened.
    """
    found = []
    have, strange = {*names(path)} - {MARKER, SUMS}, irregular(path)
    for name, sha256 in sorted(told["files"].items()):
        if name not in have:
            found.append(f"{name}: missing")
        elif name not in strange and (other := _other(path / name, sha256)):
            found.append(f"{name}: {other}")
    found += [f"{name}: {what}" for name, what in strange.items()]
    found += [f"{name}: not of the publication" for name in sorted(have - {*told["files"], *strange})]
    found += [f"{name}: an empty folder" for name in _empty(path)]
    sums = "".join(f"{sha256}  {name}\n" for name, sha256 in told["files"].items())
    if not (path / SUMS).is_file() or (path / SUMS).read_text(encoding="utf-8", errors="replace") != sums:
        found.append(f"{SUMS}: not the list of these files")
    if _digest(told["files"]) != told["digest"]:
        found.append(f"{MARKER}: its digest is not that of its files")
    return found


def names(path: Path) -> list[str]:
    """All of a folder that is no folder itself, by its place in it, sorted; without what git and the hub's client keep.

    A link to a folder is named and not followed.
    """
    found = []
    for folder, inside, files in _walk(path):
        found += [folder / name for name in (*files, *(name for name in inside if (folder / name).is_symlink()))]
    return sorted(file.relative_to(path).as_posix() for file in found)


def irregular(path: Path) -> dict[str, str]:
    """What of a folder is no file, and must not be opened: its name and what it is, sorted."""
    modes = {name: (path / name).lstat().st_mode for name in names(path)}
    return {
        name: "a link, and no file" if stat.S_ISLNK(mode) else "no file"
        for name, mode in modes.items()
        if not stat.S_ISREG(mode)
    }


def _empty(path: Path) -> list[str]:
    found = (folder for folder, inside, files in _walk(path) if folder != path and not inside and not files)
    return sorted(folder.relative_to(path).as_posix() for folder in found)


def _walk(path: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    for folder, inside, files in os.walk(path):
        if Path(folder) == path:
            inside[:] = [name for name in inside if name not in _FOREIGN]
            files = [name for name in files if name not in _FOREIGN]  # noqa: PLW2901  the same names, fewer
        yield Path(folder), inside, files


def _other(file: Path, sha256: str) -> str:
    try:
        return "" if file_sha256(file) == sha256 else "other bytes than were written"
    except OSError as error:
        return f"cannot be read ({type(error).__name__})"


def _digest(files: Mapping[str, str]) -> str:
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
