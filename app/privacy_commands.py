"""The commands about what tells who somebody is: `xinheng privacy`, `reveal`, `forget`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.flags import Json, KeyFile

VaultFile = Annotated[Path, typer.Option("--vault", help="The vault with which the data was curated.")]
Client = Annotated[str, typer.Option(help="client_id, or a row's own id: as in the dataset, or as it was before.")]


def privacy(
    artifact: Annotated[str, typer.Argument(metavar="PLACE", help="Folder or s3:// address of an artifact.")],
    *,
    vault: Annotated[Path | None, typer.Option(help="The vault: tells surrogates from names overlooked.")] = None,
    key_file: KeyFile = None,
    quasi: Annotated[
        str | None, typer.Option(help="What others may know: age,sex,job,place,diagnosis (all), or columns.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="How many persons at least are to be alike in it.")] = 5,
    json: Json = False,
) -> None:
    """Look for what names or singles out a person; exit 1 when the data must not be published."""
    from app import privacy as private
    from app.terminal import Terminal
    from xinheng.artifacts import open_artifact
    from xinheng.storage import place_of

    terminal, opened = Terminal(as_json=json), open_artifact(place_of(artifact))
    held = private.opened(vault, key_file=key_file) if vault else None
    names = [name.strip() for name in quasi.split(",") if name.strip()] if quasi is not None else None
    with terminal.busy(f"looking through {artifact}"):
        found = private.check(opened, vault=held, k=k, quasi=names)
    private.show_check(terminal, found)
    if not found.passed:
        raise typer.Exit(1)


def reveal(
    file: Annotated[Path | None, typer.Argument(help="A text; standard input by default.")] = None,
    *,
    vault: VaultFile,
    client: Client,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Print a text with the names, numbers and places of a client as they were."""
    from app import privacy as private
    from app.terminal import Terminal

    private.reveal(Terminal(as_json=json), vault=vault, client=client, file=file, key_file=key_file)


def forget(
    *,
    vault: VaultFile,
    client: Client,
    key_file: KeyFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete the key of a client: nobody can turn the surrogates back any more. It cannot be undone."""
    from app import privacy as private
    from app.terminal import Terminal

    private.forget(Terminal(as_json=json), vault=vault, client=client, key_file=key_file, yes=yes)
