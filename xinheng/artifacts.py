"""Artifacts: folders of Parquet tables with a manifest that is written last.

A folder that holds `manifest.json` is whole: everything is written into a hidden folder beside the
target and renamed into place at the end. The digest of a table is made of its rows, not of its
bytes: it survives reordering, resharding and another Parquet writer, and changes with any value.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

import polars as pl

from xinheng import __version__
from xinheng.digests import combine, row_digests
from xinheng.errors import ArtifactError, WriteError
from xinheng.marks import Mark, checked_marks, united
from xinheng.staging import on_disk
from xinheng.staging import staging as staged
from xinheng.storage import Place, RemotePath, scan_parquet
from xinheng.stored import publish, require_free
from xinheng.swapping import clear, make_beside, swap

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

Frames = pl.DataFrame | Iterable[pl.DataFrame]


@dataclass(frozen=True)
class Artifact:
    """A whole artifact: its folder, on disk or in an object store, and what its manifest says."""

    path: Place
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of all its rows."""
        return str(self.manifest["digest"])

    @property
    def kind(self) -> str:
        """What it is: `source`, `dataset`."""
        return str(self.manifest["kind"])

    @property
    def marks(self) -> list[Mark]:
        """What must not be forgotten of its rows, its own and inherited; see `xinheng.marks`."""
        return united(self.manifest.get("marks", []))

    def file(self, name: str) -> Place:
        """Where one of its files lies; in a store that is in the folder of one writing (`xinheng.stored`)."""
        folder = str(self.manifest.get("folder", ""))
        return self.path / folder / name if folder else self.path / name

    def scan(self, table: str) -> pl.LazyFrame:
        """The rows of a table, in the order in which they were written.

        Raises:
            ArtifactError: It has no such table.
        """
        if table not in self.manifest["tables"]:
            raise ArtifactError(
                str(self.path),
                "no such table",
                want=f"one of {', '.join(self.manifest['tables'])}",
                have=table,
            )
        return scan_parquet([self.file(f["name"]) for f in self.manifest["tables"][table]["files"]])

    def rows(self, table: str) -> int:
        """How many rows a table has; 0 when there is no such table."""
        return sum(f["rows"] for f in self.manifest["tables"].get(table, {}).get("files", []))

    def link(self) -> dict[str, str]:
        """How a child's manifest names this artifact as its parent."""
        return {"kind": self.kind, "name": str(self.manifest["name"]), "digest": self.digest}


def write(
    path: Place,
    *,
    kind: str,
    name: str,
    tables: Mapping[str, Frames],
    facts: Mapping[str, Any] | None = None,
    parents: Sequence[Artifact] = (),
    texts: Mapping[str, str] | None = None,
    finish: Callable[[], Mapping[str, Any]] | None = None,
    page: Callable[[str], Mapping[str, str]] | None = None,
    marks: Sequence[Mapping[str, Any]] = (),
    row_group_size: int | None = None,
    copies: Mapping[str, Path] | None = None,
    linked: bool = False,
) -> Artifact:
    """Write an artifact so that it appears whole or not at all; an older one is replaced.

    Args:
        path: The folder to make. If it exists it must be an artifact, or empty. In an object store it is
            made on this disk first, below TMPDIR, and uploaded.
        kind: `source`, `dataset` …
        name: The source's or recipe's name.
        tables: Table name -> frame, or frames of one schema that become one file each.
        facts: What else the manifest records (JSON values); not part of the digest.
        parents: What it was made from; it inherits the marks of all of them.
        texts: Further files, name -> content (a certificate, a coverage table).
        finish: Called when all tables are written, gives further facts: for what is only known when
            the frames have been used up. What it raises leaves nothing written.
        page: Called with the digest, gives further files that name it.
        marks: What must not be forgotten of its rows, beside what it inherits (see `xinheng.marks`).
        row_group_size: Rows per Parquet row group; Polars' choice by default.
        copies: Further files that lie elsewhere on this disk, name -> where, such as weights.
        linked: These lie in a folder of the caller's own, who deletes it afterwards: they are linked, where the
            disk can, so that it need not hold them twice. What fails leaves them where they are.

    Returns:
        The artifact as it lies on disk.

    Raises:
        ArtifactError: `path` holds something that is no artifact, or a table's frames differ in their
            columns, or there is none.
        WriteError: The disk is full, read-only or otherwise refuses; nothing is left behind.
        StoreError: The store refuses or does not answer; an older artifact there is as it was.
    """
    if isinstance(path, RemotePath):
        require_free(path, name=MANIFEST, ours=_is_artifact(path))
        with staged() as folder:
            made = write(
                folder / "artifact",
                kind=kind,
                name=name,
                tables=tables,
                facts=facts,
                parents=parents,
                texts=texts,
                finish=finish,
                page=page,
                marks=marks,
                row_group_size=row_group_size,
                copies=copies,
                linked=linked,
            )
            return Artifact(path, publish(folder / "artifact", path, made.manifest, name=MANIFEST))
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow a link the user set
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        require_place(path)
        clear(path, mark=MANIFEST)
        staging = make_beside(path)
        try:
            manifest: dict[str, Any] = {
                "format": FORMAT,
                "kind": kind,
                "name": name,
                "tables": {
                    table: _write_table(staging, table, frames, row_group_size) for table, frames in tables.items()
                },
                "parents": [parent.link() for parent in parents],
            }
            manifest["digest"] = _digest_of_tables(manifest["tables"])
            by = {"kind": kind, "name": name, "digest": manifest["digest"]}
            inherited = [parent.marks for parent in parents]
            manifest["marks"] = united(*inherited, [{**mark, "by": by} for mark in marks])
            files = {}
            more = page(manifest["digest"]) if page is not None else {}
            for file_name, content in {**(texts or {}), **more}.items():
                (staging / file_name).write_text(content, encoding="utf-8", errors="replace")
                files[file_name] = {"sha256": file_sha256(staging / file_name)}
            for file_name, file_path in (copies or {}).items():
                _lay(file_path, staging / file_name, linked=linked)
                files[file_name] = {"sha256": file_sha256(staging / file_name)}
            manifest["files"] = files
            manifest["facts"] = {**(facts or {}), **(finish() if finish is not None else {})}
            manifest["written"] = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "xinheng": __version__,
                "polars": pl.__version__,
            }
            text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
            # A file name that is no UTF-8 holds lone surrogates, which JSON can only write as escapes.
            with (staging / MANIFEST).open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            swap(staging, path, mark=MANIFEST)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    return Artifact(path, manifest)


def _lay(source: Path, target: Path, *, linked: bool) -> None:
    if linked and not source.is_symlink():
        target.touch()
        mode = target.stat().st_mode & 0o777  # libraries write for their user alone
        target.unlink()
        with suppress(OSError):  # another disk, or one without links
            os.link(source, target)
            target.chmod(mode)
            return
    shutil.copyfile(source, target)


def open_artifact(path: Place) -> Artifact:
    """Open an artifact by its folder.

    Raises:
        ArtifactError: There is no manifest, or it cannot be read.
        StoreError: Its store refuses or does not answer.
    """
    file = path / MANIFEST
    if not file.is_file():
        have = "no such folder" if not path.exists() else "a file" if path.is_file() else f"no {MANIFEST} in it"
        raise ArtifactError(
            str(path),
            "not an artifact",
            want=f"a folder with {MANIFEST}",
            have=have,
            mend="Run the step that makes it; an interrupted run leaves none.",
        )
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["format"] > FORMAT:
            raise ArtifactError(
                str(path),
                "written by a newer Xinheng",
                want=f"format {FORMAT}",
                have=f"format {manifest['format']}",
                mend="Upgrade, or make it again.",
            )
        manifest["kind"], manifest["name"], manifest["files"].items()
        checked_marks(manifest.get("marks", []))
        if _digest_of_tables(manifest["tables"]) != manifest["digest"]:
            raise ArtifactError(
                str(file),
                "edited since it was written",
                want="a digest that is that of its tables",
                have="another",
                mend="Make the artifact again.",
            )
        files = [(f["name"], f["rows"], f["sha256"]) for entry in manifest["tables"].values() for f in entry["files"]]
        # A manifest from elsewhere must not lead out of its folder.
        inside = [manifest.get("folder", ""), *manifest["files"], *(name for name, _, _ in files)]
        if any(".." in PurePosixPath(it).parts or PurePosixPath(it).is_absolute() for it in inside):
            raise ArtifactError(str(path), "names files outside its folder", mend="Make the artifact again.")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ArtifactError(
            str(file), "manifest cannot be read", have=type(error).__name__, mend="Make the artifact again."
        ) from error
    return Artifact(path, manifest)


def verify(artifact: Artifact) -> list[str]:
    """Everything on which an artifact's files and rows differ from its manifest; empty when whole."""
    problems = []
    for table, entry in artifact.manifest["tables"].items():
        digests: list[pl.Series] = []
        for file in entry["files"]:
            with on_disk(artifact.file(file["name"])) as path:
                problem = _file_problem(path, file["sha256"])
                frame = None if problem else pl.read_parquet(path)
            if frame is not None:
                digests.append(row_digests(frame))
                if frame.height != file["rows"] or _columns(frame) != entry["columns"]:
                    problem = "rows or columns are not those the manifest counts"
            problems += [f"{file['name']}: {problem}"] if problem else []
        if len(digests) == len(entry["files"]) and combine(digests) != entry["digest"]:
            problems.append(f"{table}: rows are not those of the manifest's digest")
    for name, entry in artifact.manifest["files"].items():
        with on_disk(artifact.file(name)) as path:
            problem = _file_problem(path, entry["sha256"])
        problems += [f"{name}: {problem}"] if problem else []
    return problems


def _file_problem(path: Path, sha256: str) -> str:
    if not path.is_file():
        return "missing"
    return "" if file_sha256(path) == sha256 else "bytes changed since it was written"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of_tables(tables: Mapping[str, Any]) -> str:
    lines = [f"{name} {tables[name]['digest']}" for name in sorted(tables)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _write_table(folder: Path, table: str, frames: Frames, row_group_size: int | None) -> dict[str, Any]:
    files: list[dict[str, Any]] = []
    digests: list[pl.Series] = []
    schema: dict[str, str] | None = None
    for number, frame in enumerate([frames] if isinstance(frames, pl.DataFrame) else frames):
        schema = _columns(frame) if schema is None else schema
        if _columns(frame) != schema:
            raise ArtifactError(
                f"table {table}",
                "frames differ",
                want=f"columns {', '.join(schema)} with the first frame's types",
                have=f"others in frame {number}",
                mend="Cast them before writing.",
            )
        name = f"{table}-{number:05d}.parquet"
        # zstd level 1: a fifth faster than the default and as small on dialogue text.
        frame.write_parquet(folder / name, compression="zstd", compression_level=1, row_group_size=row_group_size)
        digests.append(row_digests(frame))
        files.append(
            {
                "name": name,
                "rows": frame.height,
                "bytes": (folder / name).stat().st_size,
                "sha256": file_sha256(folder / name),
            }
        )
    if schema is None:
        raise ArtifactError(f"table {table}", "no frame", want="one, be it empty", have="none")
    return {"digest": combine(digests), "columns": schema, "files": files}


def _columns(frame: pl.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.schema.items()}


def _is_artifact(path: Place) -> bool:
    try:
        open_artifact(path)
    except ArtifactError:
        return False
    return True


def require_place(path: Place) -> None:
    """Raise what `write` would raise for what lies there: before work that would have no place to go.

    Raises:
        ArtifactError: `path` holds something that is no artifact.
        WriteError: Nothing may be written there.
        StoreError: The store does not answer.
    """
    if isinstance(path, RemotePath):
        require_free(path, name=MANIFEST, ours=_is_artifact(path))
        return
    with readable_write_errors(path):
        above = next(folder for folder in Path(os.path.abspath(path)).parents if folder.exists())  # noqa: PTH100
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(above))
        if not os.access(above, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))
    if not _may_replace(path):
        raise ArtifactError(
            str(path),
            "in the way",
            want="no folder, an empty one or an artifact",
            have="something else",
            mend="Choose another --out; nothing was changed.",
        )


def _may_replace(path: Path) -> bool:
    """Whether nothing is lost at `path`: no folder, an empty one, or an artifact of ours.

    Many programs keep a manifest.json: only one that reads as ours gives leave.
    """
    if not os.path.lexists(path):
        return True
    if not path.is_dir():
        return False
    return _is_artifact(path) or not any(path.iterdir())


@contextmanager
def readable_write_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one readable `WriteError`."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        text = str(error)
        if number == errno.ENOSPC or "No space left" in text:
            why, mend = "the disk is full", "Free space or choose another --out; nothing half written is left."
        elif number in {errno.EROFS, errno.EACCES, errno.EPERM}:
            why, mend = "may not be written", "Choose another --out or mend the permissions."
        elif isinstance(error, OSError) or "os error" in text:
            strerror = error.strerror if isinstance(error, OSError) else text.rpartition(": ")[2]
            why, mend = strerror or type(error).__name__, "Choose another --out."
        else:
            raise
        raise WriteError(str(path), why, mend=mend) from error
