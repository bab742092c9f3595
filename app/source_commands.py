"""The commands that bring data in: `xinheng sources`, `fetch`, `ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.flags import Encoding, Json, Limit, Out


def sources(*, json: Json = False) -> None:
    """List every source: licence, size, languages, and whether it is on disk."""
    from app.terminal import Terminal
    from datasets_src.catalog import SOURCES
    from xinheng.settings import settings

    terminal, data = Terminal(as_json=json), settings().data
    rows: list[dict[str, Any]] = []
    for entry in SOURCES.values():
        there = entry.on_disk(data)
        place = entry.place(data)
        rows.append(
            {
                "name": entry.name,
                "table": entry.table,
                "languages": list(entry.languages),
                "licence": entry.licence,
                "size": entry.size,
                "on_disk": there,
                "title": entry.title,
                "place": str(place) if place else None,
                "note": entry.note,
            }
        )
    told = {True: "yes", False: "no", None: "--from"}
    terminal.table(
        ["name", "rows are", "languages", "licence", "size", "on disk", "title"],
        [
            [r["name"], r["table"], " ".join(r["languages"]), r["licence"], r["size"], told[r["on_disk"]], r["title"]]
            for r in rows
        ],
    )
    terminal.line(
        f"\nData folder: {data.absolute() if isinstance(data, Path) else data} (XINHENG_DATA). "
        "`--from`: name the file, xinheng ingest NAME --from FILE."
    )
    terminal.result(rows)


def fetch(
    name: Annotated[str, typer.Argument(help="A source; see `xinheng sources`.")],
    *,
    limit: Annotated[int | None, typer.Option(min=1, help="Fetch only the first so many files.")] = None,
    json: Json = False,
) -> None:
    """Download a source from its publisher, with checksums, resume and progress."""
    from app.terminal import Terminal
    from datasets_src.catalog import source
    from datasets_src.fetch import fetch as download
    from datasets_src.remote import remote
    from xinheng.settings import settings
    from xinheng.storage import local

    terminal = Terminal(as_json=json)
    entry = source(name)
    found = remote(name)
    folder = local(Path(str(settings().data)), "XINHENG_DATA") / found.folder
    terminal.say(f"{entry.title}, licence {entry.licence}, from {found.page}")
    with terminal.downloads() as progress:
        files = download(found.files, folder, progress=progress, limit=limit)
    terminal.line(f"{len(files)} files in {folder}")
    terminal.result({"source": name, "folder": str(folder), "files": [str(f) for f in files]})


def ingest(
    name: Annotated[str, typer.Argument(help="A source; see `xinheng sources`.")],
    *,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="File, folder or s3:// address, instead of the data folder."),
    ] = None,
    encoding: Encoding = None,
    mapping: Annotated[Path | None, typer.Option(help="JSON file of foreign field names (tagged).")] = None,
    date_order: Annotated[
        str | None, typer.Option(help="dmy or mdy, where an export leaves it open (line, whatsapp).")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The phone's time zone, e.g. Asia/Taipei (telegram, instagram, wechat).")
    ] = None,
    participant: Annotated[
        list[str] | None,
        typer.Option(help="A name in the chat, where the export leaves it open; may be repeated (line)."),
    ] = None,
    me: Annotated[str | None, typer.Option(help="Your name, where the export only says 'sent' (wechat).")] = None,
    other: Annotated[str | None, typer.Option(help="The other's name, likewise (wechat).")] = None,
    out: Out = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Read a source's files into an artifact; what cannot be read is kept with its reason."""
    from app import pipeline, show
    from app.terminal import Terminal
    from datasets_src.catalog import source
    from xinheng.errors import SourceError
    from xinheng.settings import settings
    from xinheng.storage import local, place_of

    terminal = Terminal(as_json=json)
    entry = source(name)
    where = place_of(origin) if origin else entry.place(settings().data)
    if mapping is not None:
        local(mapping, "--mapping")
    if where is None:
        raise SourceError(name, "which file?", mend=f"Say xinheng ingest {name} --from FILE.")
    if origin is None and not entry.on_disk(settings().data):
        raise SourceError(
            name,
            "not on this machine",
            want=f"its files in {where}",
            mend=f"`xinheng fetch {name}`, or set XINHENG_DATA to the folder that holds it.",
        )
    options = {
        "encoding": encoding,
        "mapping": mapping,
        "date_order": date_order,
        "timezone": timezone,
        "participants": participant,
        "me": me,
        "other": other,
    }
    with terminal.busy(f"reading {name} from {where}"):
        artifact = pipeline.ingest_source(
            entry, place=where, out=place_of(out) if out else pipeline.source_path(name), options=options, limit=limit
        )
    show.source(terminal, artifact)
