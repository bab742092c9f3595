"""Posts with the question whether their writer is under stress: asked and answered as IMHI's Dreaddit set does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from datasets_src.folders import files_in
from datasets_src.json_files import jsonl_rows
from datasets_src.reading import Rejected
from datasets_src.rows import Row, lf, message, reject, wrong_kind

_TEXTS: Final = ("post_id", "split", "post", "because")
_ASKED: Final = 'A post: "{post}" Is its writer under stress? Begin with Yes or No, then say why.'
_ANSWERED: Final = "{label}. Reasoning: {because}"


def read(folder: Path, *, encoding: str | None = None) -> Iterator[Row | Rejected]:
    """Yield one CASE per post, of the benchmark `imhi/dreaddit`, so that its reader and its measures serve.

    Args:
        folder: A JSON Lines file, or a folder with `posts*.jsonl`; each line has the texts post_id, split, post and
            because, and stressed, true or false.
        encoding: The user's word for the encoding.
    """
    for path, name in files_in(folder, "posts*.jsonl"):
        for record in jsonl_rows(path, name=name, encoding=encoding):
            if isinstance(record, Rejected):
                yield record
                continue
            origin, row = f"{name}:{record.line}", record.value
            problems = (
                wrong_kind("the line", "an object", row)
                if not isinstance(row, dict)
                else [f"{name}: want a text" for name in _TEXTS if not _is_text(row.get(name))]
                + ([] if isinstance(row.get("stressed"), bool) else ["stressed: want true or false"])
            )
            if problems:
                yield reject(origin, problems, row)
                continue
            label = "Yes" if row["stressed"] else "No"
            yield {
                "case_id": f"sample-{row['post_id']}",
                "group_id": row["post_id"],
                "benchmark": "imhi/dreaddit",
                "form": "instruction",
                "language": "en",
                "messages": [message("user", _ASKED.format(post=lf(row["post"])))],
                "reference": _ANSWERED.format(label=label, because=lf(row["because"])),
                "labels": [],
                "published_split": row["split"],
                "origin": origin,
            }


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
