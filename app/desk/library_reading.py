"""A document of any kind read into passages with where they stand, in a process of its own that can be stopped.

What is poured into a library was written by strangers: a file may unpack to gigabytes, run a parser in circles or be
something else than its name says. So it is read by a child that gets the bytes through a pipe and little else (no
environment, so much memory, so much time, no core dump), and nothing of it is written to a disk on the way.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from xinheng.errors import InputError, XinhengError

LARGEST_BYTES: Final = 64 * 2**20
LONGEST_S: Final = 120
_MEMORY_BYTES: Final = 3 * 2**30
# What a child needs to start; a passphrase in the environment is none of it.
_HANDED_ON: Final = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
# Where this program lies.
HERE: Final = Path(__file__).resolve().parents[2]
# What turns a line round or is not seen: a title stands in lists and file names.
_HIDDEN: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

# What a person is told of a document that was not read whole, and of how it was taken.
TOLD: Final = {
    "as_content": (
        "讀成 {count} 檔，因為內容如此",
        "按内容读作 {count} 文件",
        "read as {count}: that is what it holds",
    ),
    "pages_left": ("後面 {count} 頁沒有讀", "后面 {count} 页没有读", "the last {count} pages were not read"),
    "pages_empty": (
        "{count} 頁沒有文字（可能是掃描）",
        "{count} 页没有文字（可能是扫描件）",
        "{count} pages hold no text (scans?)",
    ),
    "pages_broken": ("{count} 頁讀不出來", "{count} 页读不出来", "{count} pages could not be read"),
    "rows_broken": ("{count} 列讀不出來", "{count} 行读不出来", "{count} rows could not be read"),
    "cut": (
        "太長，只讀了前面 {count} 字",
        "太长，只读了前面 {count} 字",
        "too long: only {count} characters were read",
    ),
    "signs_broken": ("{count} 個字元無法解讀", "{count} 个字符无法解读", "{count} signs could not be decoded"),
}


@dataclass(frozen=True)
class Passage:
    """A piece of a document, some 450 Chinese characters or 1,400 letters at most, and where it stands.

    Args:
        text: What is written there.
        page: Of a PDF, from 1.
        heading: The heading that it stands under.
        row: The line of a CSV or text file, or the paragraph of a DOCX, from 1.
    """

    text: str
    page: int | None = None
    heading: str = ""
    row: int | None = None

    def __repr__(self) -> str:
        return f"Passage(page={self.page}, row={self.row}, {len(self.text)} characters)"


@dataclass(frozen=True)
class Document:
    """A document as it was read.

    Args:
        title: What it calls itself, or its file's name.
        kind: `pdf`, `docx`, `markdown`, `text`, `csv` or `counselchat`.
        passages: In their order.
        told: What a person should know of the reading: (key of `TOLD`, count).
    """

    title: str
    kind: str
    passages: tuple[Passage, ...]
    told: tuple[tuple[str, int | str], ...] = ()


def place(passage: Passage, language: str) -> str:
    """Where a passage stands, as a person would cite it.

    >>> place(Passage("", page=3), "zh-Hant"), place(Passage("", row=12, heading="Grief"), "en")
    ('第 3 頁', 'Grief, line 12')
    """
    page, row, between = {
        "zh-Hant": ("第 {} 頁", "第 {} 行", "，"),
        "zh-Hans": ("第 {} 页", "第 {} 行", "，"),
        "en": ("p. {}", "line {}", ", "),
    }[language]
    parts = (
        passage.heading,
        page.format(passage.page) if passage.page else "",
        row.format(passage.row) if passage.row else "",
    )
    return between.join(part for part in parts if part)


def told(found: Sequence[tuple[str, int | str]], language: str) -> list[str]:
    """What a person should know of a document's reading, as sentences."""
    column = ("zh-Hant", "zh-Hans", "en").index(language)
    return [TOLD[what][column].format(count=count if isinstance(count, str) else f"{count:,}") for what, count in found]


def one_line(text: str) -> str:
    r"""A title as it is kept: one line, with nothing hidden in it.

    >>> one_line(" a\u202efdp.exe\n b ")
    'afdp.exe b'
    """
    return " ".join(_HIDDEN.sub("", text).split())[:200]


def read_document(name: str, source: bytes | Path, *, longest_s: float = LONGEST_S) -> Document:
    """A PDF, DOCX, Markdown, text or CSV file as passages; what it is, its bytes say, and the name only helps.

    Args:
        name: The file's name.
        source: Its bytes, or where it lies.
        longest_s: Time after which the reading is stopped.

    Raises:
        InputError: It is too large, locked, broken, of another kind, holds no text, or cannot be read within bounds.
    """
    who, data = _label(name), b""
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > LARGEST_BYTES:
        want, have = f"{LARGEST_BYTES // 2**20} MB at most", f"{size / 2**20:,.0f} MB"
        raise InputError(who, "the file is too large", want=want, have=have, mend="Divide it, or leave pictures out.")
    if not size:
        raise InputError(who, "the file is empty")
    data = source.read_bytes() if isinstance(source, Path) else source
    # A name may be a client's: it goes the way of the bytes, for a command line is seen by everybody on the machine.
    data = json.dumps(Path(name).name).encode() + b"\n" + data
    # `-P` and a place of this program's own: in the folder where somebody called it, a file `json.py` would be run.
    command = [sys.executable, "-P", "-m", "app.desk.library_reading"]
    environment = {key: os.environ[key] for key in _HANDED_ON if key in os.environ} | {"PYTHONUTF8": "1"}
    try:
        done = subprocess.run(  # noqa: S603  this program itself
            command, input=data, capture_output=True, timeout=longest_s, cwd=HERE, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            who, "the reading was stopped", have=f"no end after {longest_s:.0f} s", mend="Divide it, or save it anew."
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise InputError(
            who, "the file cannot be read within bounds", have=f"exit {done.returncode}", mend="Save it anew."
        ) from None
    if "problem" in answer:
        problem = dict(answer["problem"])
        raise InputError(who, str(problem.pop("what")), **problem)
    passages = tuple(Passage(**each) for each in answer["passages"])
    return Document(answer["title"], answer["kind"], passages, tuple((what, n) for what, n in answer["told"]))


def _label(name: str) -> str:
    """A file's name fit for a message: a client's name may stand in it, so only its end does."""
    suffix = Path(name).suffix.lower()
    return f"library: the {suffix[1:9]} file" if suffix else "library: the file"


def answered(name: str, data: bytes) -> dict[str, Any]:
    """What the child tells of a file: a document's fields, or under `problem` why there is none; it never raises."""
    try:
        from app.desk.library_kinds import read_bytes

        return asdict(read_bytes(name, data))
    except XinhengError as error:
        return {"problem": {key: getattr(error, key) for key in ("what", "want", "have", "mend")}}
    except MemoryError:
        return {"problem": {"what": "the file needs too much memory", "mend": "Divide it, or save it anew."}}
    except RecursionError:
        return {"problem": {"what": "the file is nested too deep", "mend": "Save it anew."}}
    # A parser that breaks on what a stranger made may raise anything; its message may quote the text.
    except Exception as error:  # noqa: BLE001  told to the parent by its kind
        return {"problem": {"what": "the file is broken", "have": type(error).__name__, "mend": "Save it anew."}}


def _bounded() -> None:
    """Take from this process what a hostile file could use."""
    try:
        import resource
    except ImportError:  # not POSIX: the time alone is bounded
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # No file may be written; a text in an old encoding needs one in memory, so it may be lifted this far.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, LARGEST_BYTES))


if __name__ == "__main__":
    _bounded()
    logging.disable(logging.CRITICAL)  # parsers grumble about single broken objects, and quote them
    called = json.loads(sys.stdin.buffer.readline())
    sys.stdout.write(json.dumps(answered(called, sys.stdin.buffer.read())))
