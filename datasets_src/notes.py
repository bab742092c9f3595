"""A counsellor's notes as the desk gives them away: a question and what was answered, under other names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datasets_src.folders import files_in
from datasets_src.json_files import jsonl_rows
from datasets_src.reading import Rejected
from datasets_src.rows import Row, message, reject, wrong_kind
from xinheng.tables import LANGUAGES

FIELDS = ("note_id", "client_id", "language", "question", "answer")


def read(folder: Path, *, encoding: str | None = None) -> Iterator[Row | Rejected]:
    """Yield one EXAMPLE per note; the notes of a client are one group, so that no split divides them.

    Args:
        folder: A JSON Lines file, or a folder with `notes*.jsonl`; each line has the strings note_id, client_id,
            language, question and answer, and may have a licence and a list of topics.
        encoding: The user's word for the encoding.
    """
    for path, name in files_in(folder, "notes*.jsonl"):
        for record in jsonl_rows(path, name=name, encoding=encoding):
            if isinstance(record, Rejected):
                yield record
                continue
            origin, row = f"{name}:{record.line}", record.value
            problems = wrong_kind("the line", "an object", row) or _problems(row)
            if problems:
                yield reject(origin, problems, row)
                continue
            example = {
                "example_id": row["note_id"],
                "group_id": row["client_id"],
                "language": row["language"],
                "topics": row.get("topics", []),
                "messages": [message("user", row["question"]), message("assistant", row["answer"])],
                "published_split": None,
                "origin": origin,
            }
            yield example | ({"licence": row["licence"]} if isinstance(row.get("licence"), str) else {})


def _problems(row: Row) -> list[str]:
    found = [f"{name}: want a text" for name in FIELDS if not (isinstance(row.get(name), str) and row[name].strip())]
    if not found and row["language"] not in LANGUAGES:
        found.append(f"language: want one of {', '.join(LANGUAGES)}")
    return found
