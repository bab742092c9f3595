"""The views of a publication for trainers: which there are, and whether they are still those of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.exporting import lines
from curation.published_rows import LINES, View, view_lines
from xinheng.artifacts import file_sha256
from xinheng.staging import staging
from xinheng.tables import SPLITS

if TYPE_CHECKING:
    from hashlib import _Hash

_VIEWS: Final[Mapping[str, Sequence[str]]] = {
    "dialogue": ("messages", "tagged"),
    "example": ("messages",),
    "choice": ("messages",),
    "case": ("messages",),
    "preference": ("dpo",),
}


def views_of(table: str) -> dict[str, View]:
    """What writes each view of a kind of rows, by name."""
    return {name: lines(table, name) for name in _VIEWS[table]}


def written_views(folder: Path) -> dict[str, list[str]]:
    """The views that a publication has, by name, and the splits of each in their order."""
    found = {path.name: path for path in sorted((folder / LINES).glob("*")) if path.is_dir()}
    return {name: [one for one in SPLITS if (path / f"{one}.jsonl").is_file()] for name, path in found.items()}


def views_again(folder: Path, about: Mapping[str, Any]) -> Iterator[str]:
    """The files of views that are not what the rows give now: each is made again in pieces and only hashed.

    Args:
        folder: Of the publication.
        about: Its `provenance/about.json`.
    """
    hashes: dict[str, _Hash] = {}

    def take(view: str, split: str, part: Path) -> None:
        name = f"{LINES}/{view}/{split}.jsonl"
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                hashes.setdefault(name, hashlib.sha256()).update(piece)

    with staging() as place:
        held, _ = view_lines(folder, {} if about["ids_only"] else views_of(str(about["table"])), place / "part", take)
    wanted = {name: one.hexdigest() for name, one in hashes.items() if name.split("/")[1] in held}
    have = {path.relative_to(folder).as_posix() for path in (folder / LINES).rglob("*") if not path.is_dir()}
    for name in sorted({*wanted} | have):
        if name not in wanted:
            yield f"{name}: no view that the rows give"
        elif not (folder / name).is_file() or file_sha256(folder / name) != wanted[name]:
            yield f"{name}: not what the rows give"
