"""What `xinheng annotate sheets` and `collect` do: a task as files, one per rater, and the files as ratings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from annotation.collecting import Collected, collected
from annotation.progress import progress
from annotation.sheet_reading import read_sheet
from annotation.sheets import table, workbook
from annotation.tables import RATINGS
from annotation.task import read_task
from app.terminal import Terminal
from xinheng.artifacts import Artifact, open_artifact, readable_write_errors, require_place, write
from xinheng.errors import CheckFailed, InputError, UsageError
from xinheng.settings import settings
from xinheng.storage import Place

_KINDS: Final = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
_MOST_TOLD: Final = 20


def sheets(place: Place, folder: Path, terminal: Terminal, *, as_csv: bool) -> None:
    """Write one file per rater; none replaces a file that is there, since somebody's answers may be in it.

    Raises:
        UsageError: A file is in the way, or openpyxl is missing.
        WriteError: The disk refuses.
    """
    artifact = open_artifact(place)
    task = read_task(artifact)
    paths = {rater: folder / f"{task.name}-{rater}.{'csv' if as_csv else 'xlsx'}" for rater in task.raters}
    if there := [path.name for path in paths.values() if path.exists()]:
        raise UsageError(
            "annotate sheets", f"{len(there)} files are there already in {folder}", want="a folder without them",
            have=", ".join(there[:5]), mend="Answers may be in them: name another --out, or move them away.",
        )  # fmt: skip
    with readable_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for rater, path in paths.items():
            if as_csv:
                body = table(task, rater, digest=artifact.digest).encode("utf-8")
            else:
                body = workbook(task, rater, digest=artifact.digest)
            half = path.with_name(f".{path.name}.part")
            try:
                half.write_bytes(body)
                half.replace(path)
            finally:
                half.unlink(missing_ok=True)
    loads = Counter(task.assignment["rater_id"])
    terminal.table(
        ["rater", "items", "file"], [[rater, loads[rater], str(path)] for rater, path in paths.items()], right=(1,)
    )
    terminal.line("\nSend each rater his own file and nothing else; each holds guidelines and questions.")
    terminal.line(f"next    xinheng annotate collect {artifact.path} {folder}")
    files = {rater: str(path) for rater, path in paths.items()}
    terminal.result({"task": task.name, "files": files, "items": dict(loads)})


def collect(place: Place, given: Sequence[Path], terminal: Terminal, *, out: Place | None) -> Artifact:
    """Read raters' files back into a `ratings` artifact; what cannot be read is named and left out.

    Raises:
        UsageError: No files.
        InputError: Not one submitted answer in them.
        CheckFailed: Something could not be taken; all else is written.
    """
    artifact = open_artifact(place)
    task = read_task(artifact)
    out = out or settings().runs / "ratings" / task.name
    require_place(out)
    files = _files(given)
    read = [read_sheet(_bytes(path), task, file=path.name, digest=artifact.digest) for path in files]
    found = collected(task, read)
    raters = {row["rater_id"]: row for row in progress(found.states).drop("last_at").to_dicts()}
    if not found.ratings.height:
        told = "; ".join(f"{one.place}: {one.reason}" for one in found.faults[:_MOST_TOLD])
        raise InputError(
            "annotate collect", "no item is answered in full", want="sheets with every required question answered",
            have=told or f"{len(files):,} files, all empty",
        )  # fmt: skip
    written = _written(artifact, found, raters, out)
    header = ["rater", "items", "submitted", "draft", "discarded", "pending"]
    rows = [[name, r["given"], r["done"], r["draft"], r["discarded"], r["pending"]] for name, r in raters.items()]
    terminal.table(header, rows, right=tuple(range(1, 6)))
    for fault in found.faults[:_MOST_TOLD]:
        terminal.line(
            f"not taken  {fault.rater or '?'}  {fault.place}{f'  {fault.item}' if fault.item else ''}: {fault.reason}"
        )
    if len(found.faults) > _MOST_TOLD:
        terminal.line(f"not taken  {len(found.faults) - _MOST_TOLD:,} more, in the table `dropped`")
    for rater in found.without:
        terminal.line(f"no sheet of {rater}")
    terminal.line(f"\nratings {written.path}  {written.digest[:12]}  {found.ratings.height:,} answers")
    terminal.line(f"next    xinheng annotate agreement {written.path}")
    facts = written.manifest["facts"]
    terminal.result({"path": str(written.path), "digest": written.digest, **facts})
    if found.faults:
        raise CheckFailed(
            "annotate collect", f"{len(found.faults):,} things in the sheets were not taken", want="all of them read",
            have="those above" if not terminal.as_json else "those in the table `dropped`",
            mend="The rest is written. Mend the files and collect again.",
        )  # fmt: skip
    return written


def _written(artifact: Artifact, found: Collected, raters: dict[str, Any], out: Place) -> Artifact:
    told = artifact.manifest["facts"]
    kinds = Counter(found.states["status"])
    facts = {
        **{name: told[name] for name in ("title", "template", "language", "adjudicates") if name in told},
        "task": {"name": artifact.manifest["name"], "place": str(artifact.path), "digest": artifact.digest},
        "counts": {
            **{kind: kinds[kind] for kind in ("submitted", "draft", "discarded", "pending")},
            "ratings": found.ratings.height,
            "dropped": found.dropped.height,
        },
        "raters": raters,
        "without": list(found.without),
        "changed": [],
        "from": "sheets",
    }
    tables = {
        "rating": found.ratings,
        "dropped": found.dropped,
        "state": found.states,
        **{name: artifact.scan(name).collect() for name in ("item", "assignment", "gold")},
    }
    return write(
        out, kind=RATINGS, name=str(artifact.manifest["name"]), tables=tables, facts=facts, parents=[artifact]
    )  # fmt: skip


def _files(given: Sequence[Path]) -> list[Path]:
    """The files, those of a folder by its kinds; spreadsheets' own lock files are none."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = (one for one in path.iterdir() if one.suffix.lower() in _KINDS and one.is_file())
            found += [one for one in inside if not one.name.startswith((".", "~$"))]
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError("annotate collect", "no such file or folder", want="raters' sheets", have=str(path))
    if not found:
        have = ", ".join(map(str, given))
        raise UsageError("annotate collect", "no sheets", want=f"files that end in {', '.join(_KINDS)}", have=have)
    return sorted(set(found), key=lambda path: (path.name, str(path)))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(str(path), "cannot be read", have=error.strerror or type(error).__name__) from None
