"""The commands `xinheng diff` and `xinheng lineage`: what changed between versions, and where artifacts come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json

_Place = Annotated[str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of an artifact.")]


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="Folder or s3:// address of the older artifact.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Of the newer one.")],
    *,
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which table; the one with their rows by default.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="X.Y.Z", help="Of A; by default the newest of --changelog, else 1.0.0."),
    ] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the difference as a page.")] = None,
    ids: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every id with its fate as CSV.")] = None,
    changelog: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the entry of the proposed version on top of this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what changed: rows added, removed and changed by column, labels, splits, and the version that follows."""
    from app import changelog as log
    from app import differing
    from app.pairwise_runs import write_page
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    for path, option in ((page, "--page"), (ids, "--ids"), (changelog, "--changelog")):
        if path is not None:
            local(path, option)
    artifacts = [open_artifact(place_of(place)) for place in (before, after)]
    text = log.read(changelog) if changelog is not None else ""
    since = version or log.version_before(text, *artifacts)
    with terminal.busy(f"comparing {before} with {after}"):
        facts, found = differing.compare(*artifacts, table=table, version=since)
    if page is not None:
        from reports.difference import difference_page

        write_page(difference_page(facts), page)
    if ids is not None:
        write_page(differing.id_rows(found), ids)
    if changelog is not None and facts["version"]["level"] != "same":
        write_page(log.with_entry(text, log.entry(facts), facts["version"]["now"]), changelog)
    differing.show(terminal, facts)


def lineage(
    artifact: Annotated[
        str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of an artifact, or a publication's folder.")
    ],
    *,
    below: Annotated[
        list[Path] | None,
        typer.Option("--in", metavar="DIR", help="Look for parents below this folder; repeatable. Default: runs."),
    ] = None,
    descendants: Annotated[bool, typer.Option("--descendants", help="Also what was made of it.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Also compare every file with its manifest.")] = False,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the picture as a page.")] = None,
    json: Json = False,
) -> None:
    """Trace an artifact to the publishers' files by its parents' digests; exit 1 when a part is missing or damaged."""
    from app import lineage as tracing
    from app.lineage_publication import published_lineage
    from app.lineage_shelf import shelf
    from app.lineage_shown import show
    from app.terminal import Terminal
    from xinheng import publication
    from xinheng.artifacts import open_artifact
    from xinheng.settings import settings
    from xinheng.storage import local, place_of

    terminal, place = Terminal(as_json=json), place_of(artifact)
    published = publication.is_publication(place)
    start = None if published else open_artifact(place)
    folders = [local(folder, "--in") for folder in below or ()]
    if not folders:
        near = [settings().runs, place.parent if isinstance(place, Path) else None]
        folders = [folder for folder in near if isinstance(folder, Path) and folder.is_dir()]
    if page is not None:
        local(page, "--page")
    with terminal.busy(f"looking below {', '.join(map(str, folders))}"):
        known = shelf(folders)
        if start is None and isinstance(place, Path):
            drawn = published_lineage(place, known, descendants=descendants, check=check)
        else:
            drawn = tracing.lineage(start or open_artifact(place), known, descendants=descendants, check=check)
    if page is not None:
        tracing.write_page(drawn, page)
    show(terminal, drawn, page=page)
    if drawn.broken:
        raise typer.Exit(1)
