"""Sheets as Markdown and as a page to print, in which nothing that was typed is markup."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import escape

from app.desk.paper import Block, word

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#!|~&$^]|^[+=-])")
# Addresses that readers of Markdown turn into links without any sign.
_LINKS: Final = re.compile(r"(?i)(https?|ftp|mailto|xmpp|javascript|data)(:)|(www)(\.)|(@)")
_NUMBERED: Final = re.compile(r"^(\s*\d+)([.)])")
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_HEADS: Final = {"title": "# ", "heading": "## ", "subheading": "### "}
_STYLE: Final = """
body { font: 11pt/1.6 "Noto Serif CJK TC", "Noto Serif", "PMingLiU", "SimSun", serif; max-width: 42em; margin: 2em auto;
  padding: 0 1em; color: #111; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5em; margin: 0 0 .2em; } h2 { font-size: 1.15em; margin: 1.4em 0 .3em; } h3 { font-size: 1em; }
p { margin: .3em 0; white-space: pre-wrap; } p.item { padding-left: 1.2em; text-indent: -1em; }
p.item::before { content: "– "; } p.small, .mark { font-size: .85em; color: #555; }
h1, h2, h3 { break-after: avoid; } p { orphans: 3; widows: 3; } @page { margin: 2cm; }
"""


def markdown(blocks: list[Block], language: str) -> bytes:
    """A sheet as Markdown in UTF-8; every sign of the texts that could be markup has a backslash before it."""
    lines = []
    for block in blocks:
        text = "  \n".join(_plain(line) for line in _seen(block.text).strip().split("\n"))
        if block.style in _HEADS:
            text = _HEADS[block.style] + " ".join(text.split())
        elif block.style == "item":
            text = "- " + text.replace("\n", "\n  ")
        lines.append(text + (f" *{word('generated', language)}*" if block.generated else ""))
    return ("\n\n".join(lines) + "\n").encode()


def _plain(line: str) -> str:
    r"""A line in which Markdown sees letters only.

    >>> print(_plain("![x](http://a.b) <script> # 1"))
    \!\[x\]\(http\://a.b\) \<script\> \# 1
    """
    line = _SPECIAL.sub(r"\\\1", line.strip(" \t"))
    line = _LINKS.sub(lambda m: f"{m[1] or m[3] or ''}\\{m[2] or m[4] or m[5]}", line)
    return _NUMBERED.sub(r"\1\\\2", line)


def html(blocks: list[Block], language: str) -> bytes:
    """A sheet as a page to print: no script, nothing loaded, and a policy that forbids both."""
    tags = {"title": "h1", "heading": "h2", "subheading": "h3"}
    parts = []
    for block in blocks:
        tag = tags.get(block.style, "p")
        style = f' class="{block.style}"' if tag == "p" and block.style != "text" else ""
        mark = f' <span class="mark">{escape(word("generated", language))}</span>' if block.generated else ""
        parts.append(f"<{tag}{style}>{escape(_seen(block.text).strip())}{mark}</{tag}>")
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
    head = (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_seen(blocks[0].text)) if blocks else ''}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    return (head + "\n".join(parts) + "\n</body>\n</html>\n").encode()


def _seen(text: str) -> str:
    """Without control signs and those that turn the direction of reading, behind which words can hide."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
