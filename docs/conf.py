"""How the documents become a site: `make docs`. Commands and tables are written into their pages while it is built."""

from __future__ import annotations

from typing import Any

from app import reference
from xinheng import __version__

project = "Xinheng 心衡"
author = "Xinheng"
version = release = __version__
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
# `--vault` stays `--vault`.
smartquotes = False
# Diagrams and sessions stand in blocks without a language.
highlight_language = "none"

html_theme = "furo"
html_title = f"Xinheng 心衡 {__version__}"
html_static_path = ["_static"]
html_css_files = ["xinheng.css"]
html_copy_source = False
# Summaries would be fetched, which a browser refuses to pages opened from a folder.
html_show_search_summary = False
html_show_sphinx = False

GENERATED = {"reference/commands": reference.commands, "reference/tables": reference.schemas}


def _generated(_app: Any, name: str, source: list[str]) -> None:
    """Add to a page what is written from the code itself, so that nothing generated is kept and grows old."""
    if name in GENERATED:
        source[0] = f"{source[0].rstrip()}\n\n{GENERATED[name]()}\n"


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
