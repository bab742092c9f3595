"""How values and names are printed in Markdown and YAML: whatever a name holds, nothing but itself comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from xinheng.errors import InputError

_STEERS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ue0f0\ue0f1]"
)
_MARKDOWN: Final = re.compile(r"[\\`*_\[\]|~$^]")
_ADDRESS: Final = re.compile(r"\b(https?|ftp|mailto|www)([:.])", re.IGNORECASE)


def plain(text: object, *, limit: int = 300) -> str:
    r"""Any text as one line that steers nothing: control and direction characters become code points.

    >>> plain("a\nb\u202e")
    'a b[U+202E]'
    """
    line = re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", str(text))
    line = _STEERS.sub(lambda found: f"[U+{ord(found.group()):04X}]", line)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def markdown(text: object, *, limit: int = 300) -> str:
    r"""Any text as one line of Markdown that is read as it stands: no link, tag, table, code or heading comes of it.

    >>> markdown("a|b <script> [x](y)")
    'a\\|b &lt;script&gt; \\[x\\](y)'
    """
    line = plain(text, limit=limit).strip()
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _MARKDOWN.sub(lambda found: f"\\{found.group()}", line)
    return _ADDRESS.sub(r"\1\\\2", line)


def scalar(text: object) -> str:
    r"""Any text as a YAML scalar (which is JSON's, with nothing in it that YAML reads otherwise).

    >>> scalar('a: "b"\n')
    '"a: \\"b\\"\\n"'
    """
    told = json.dumps(str(text), ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return _STEERS.sub(lambda found: f"\\u{ord(found.group()):04x}", told)


def printed(value: Any, form: str) -> str:
    """A value as it is printed.

    Raises:
        InputError: There is no such form, or the value is not of it.
    """
    try:
        return str(FORMS[form](value))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError("claims", f"no value of form {form}", have=type(value).__name__) from error


def _size_category(count: int) -> str:
    """The hub's classes of sizes."""
    below = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
    return next((name for limit, name in below if int(count) < limit), "1M<n<10M" if count < 10**7 else "n>10M")


def _megabytes(count: int) -> str:
    return f"{int(count) / 1e6:,.1f} MB" if count >= 100_000 else f"{int(count):,} bytes"


FORMS: Final[Mapping[str, Any]] = {
    "count": lambda value: f"{int(value):,}",
    "figure": lambda value: "–" if value is None else f"{float(value):.4g}",
    "percent": lambda value: f"{float(value):.1%}",
    "share": lambda value: f"{float(value):.0%}",
    "loss": lambda value: f"{float(value):.4f}",
    "short": lambda value: str(value)[:12],
    "date": lambda value: markdown(str(value)[:10]),
    "bytes": _megabytes,
    "size": _size_category,
    "passed": lambda value: "passed" if value else "FAILED",
    "yes": lambda value: "yes" if value else "no",
    "plain": plain,
    "text": markdown,
    "long": lambda value: markdown(value, limit=4_000),
    "scalar": scalar,
}
