"""Argilla's web pages, prepared once where the server is installed.

argilla-server copies its 14 MB of pages to a temporary folder at every start, to write its address into them, and
deletes no copy: a second of every start, and a disk that fills. This server always answers at the root of its address,
so the pages are written once, in place.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any, Final

# Where argilla-server's pages leave room for the part of the address before them.
_ROOM: Final = b"@@baseUrl@@"
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def _package() -> Path:
    found = importlib.util.find_spec("argilla_server")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("argilla_server")
    return Path(found.origin).parent


def prepare() -> None:
    """Write the pages for the root of an address, under a name that argilla-server does not look for."""
    static = _package() / "static"
    if not static.is_dir():
        return
    for file in sorted(static.rglob("*")):
        if file.suffix in {".js", ".html"}:
            content = file.read_bytes()
            if _ROOM in content:
                file.write_bytes(content.replace(_ROOM, b""))
    static.rename(static.with_name("pages"))


def mount(app: Any) -> None:
    """Serve the prepared pages; where they were never prepared argilla-server serves its own."""
    from argilla_server.static_rewrite import RewriteStaticFiles

    folder = _package() / "pages"
    if folder.is_dir():
        app.mount("/", RewriteStaticFiles(directory=folder, html=True, check_dir=False), name="static")


def inline_scripts() -> list[str]:
    """The scripts that stand in the pages themselves, as a content security policy names them."""
    pages = sorted((_package() / "pages").rglob("*.html"))
    found = {script for page in pages for script in _INLINE.findall(page.read_bytes())}
    return sorted(f"sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}" for script in found)


if __name__ == "__main__":
    prepare()
