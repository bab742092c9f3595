"""Flags and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[
    str, typer.Argument(metavar="DATASET", help="A dataset's folder or s3:// address, or the name of a source.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
# A folder of this disk, or an address in an object store: s3://bucket/folder.
Out = Annotated[
    str | None, typer.Option("--out", metavar="PLACE", help="Folder or s3:// address; an artifact there is replaced.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Take only so many rows, for a first look.")]
KeyFile = Annotated[
    Path | None, typer.Option(help="Opens the vault instead of a passphrase (asked, or XINHENG_VAULT_PASSPHRASE).")
]
Encoding = Annotated[
    str | None, typer.Option(help="The files' encoding, if you know it: utf-8, utf-16, big5, gb18030.")
]
