"""The documents of a counsellor's library: read, kept in sealed files with a record each, and taken out again.

What is taken out is really gone: its file is deleted, and the vectors that a model of the user's made of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from app.desk import store
from app.desk.blobs import file_pieces, keep_file, remove_file
from app.desk.library_reading import Document, Passage, one_line, read_document
from app.desk.store import Record
from app.desk.unlock import Desk, own_file
from xinheng.errors import DeskError, UsageError
from xinheng.storage import Place

KIND: Final = "library"
DOCUMENTS: Final = 500


@dataclass(frozen=True)
class Held:
    """A document of the library."""

    document_id: str
    title: str
    kind: str
    passages: int
    told: tuple[tuple[str, int | str], ...]


def add_document(
    desk: Desk, name: str, source: bytes | Path, *, files: Place | None = None, title: str = ""
) -> tuple[Held, Document]:
    """Read a document and keep it, sealed.

    Args:
        desk: The desk.
        name: The file's name.
        source: Its bytes, or where it lies.
        files: Where files are kept; None for `files` in the desk's folder.
        title: What to call it; what it calls itself otherwise.

    Raises:
        InputError: It cannot be read; see `read_document`.
        UsageError: The library is full, or holds this document already.
    """
    there = documents(desk)
    if len(there) >= DOCUMENTS:
        raise UsageError("library", "the library is full", want=f"{DOCUMENTS} documents at most", mend="Remove one.")
    made = read_document(name, source)
    called = one_line(title) or made.title
    if any((held.title, held.passages) == (called, len(made.passages)) for held in there):
        raise UsageError("library", "a document of this title and length is there", mend="Give it another title.")
    about = {"title": called, "kind": made.kind, "passages": len(made.passages), "told": list(map(list, made.told))}
    body = json.dumps([asdict(passage) for passage in made.passages]).encode()
    record = keep_file(desk, files or desk.home / "files", own_file(desk.counsellor_id), KIND, [body], about)
    return _held(record), made


def documents(desk: Desk) -> list[Held]:
    """The documents of this counsellor's library, by title."""
    there = [_held(record) for record in own_records(desk) if is_document(record)]
    return sorted(there, key=lambda held: (held.title, held.document_id))


def passages_of(desk: Desk, record: Record, *, files: Place | None = None) -> list[Passage]:
    """A document's passages, in their order.

    Raises:
        DeskError: Its file is gone or was changed.
        StoreError: The object store does not give it.
    """
    pieces = file_pieces(desk, files or desk.home / "files", own_file(desk.counsellor_id), record)
    return [Passage(**each) for each in json.loads(b"".join(pieces))]


def remove_document(desk: Desk, document_id: str, *, files: Place | None = None) -> None:
    """Take a document out: its file is deleted, and with it all that its key would open.

    Raises:
        DeskError: There is none of this id.
        StoreError: The object store does not delete it.
    """
    there = own_records(desk)
    record = next((one for one in there if one.record_id == document_id and is_document(one)), None)
    if record is None:
        raise DeskError("library", "no such document here", mend="It was removed before.")
    for one in (record, *(one for one in there if one.body.get("vectors_of") == document_id)):
        _remove(desk, one, files)


def keep_vectors(
    desk: Desk, document_id: str, model: str, vectors: npt.NDArray[np.float32], *, files: Place | None = None
) -> None:
    """Keep what a model made of a document's passages, sealed as the document is; what was kept before is removed.

    Nothing is kept of a document that was taken out meanwhile.
    """
    older = [one for one in own_records(desk) if one.body.get("vectors_of") == document_id]
    about = {"vectors_of": document_id, "model": model, "width": int(vectors.shape[1])}
    body = vectors.astype("<f2").tobytes()
    made = keep_file(desk, files or desk.home / "files", own_file(desk.counsellor_id), KIND, [body], about)
    gone = not any(one.record_id == document_id for one in own_records(desk))
    for one in [*older, made] if gone else older:
        _remove(desk, one, files)


def vectors_of(desk: Desk, record: Record, *, files: Place | None = None) -> npt.NDArray[np.float32]:
    """The vectors that a record of `keep_vectors` stands for, one for each passage.

    Raises:
        DeskError: The file is gone or was changed.
    """
    pieces = file_pieces(desk, files or desk.home / "files", own_file(desk.counsellor_id), record)
    held = np.frombuffer(b"".join(pieces), dtype="<f2").astype(np.float32)
    return held.reshape(-1, int(record.body["width"]))


def own_records(desk: Desk) -> list[Record]:
    """All records of the library that stand for a file."""
    held = store.records(desk, own_file(desk.counsellor_id), KIND)
    return [record for record in held if "file" in record.body]


def is_document(record: Record) -> bool:
    """Whether a record is a document's, and not of vectors."""
    return "passages" in record.body


def _remove(desk: Desk, record: Record, files: Place | None) -> None:
    # The file goes first: earlier versions of the record keep its key, and a store that is away must not leave a
    # document there that nobody sees any more. What was stopped in between is removed by removing it again.
    owner = own_file(desk.counsellor_id)
    remove_file(desk, files or desk.home / "files", owner, record)
    store.save(desk, owner, KIND, {"removed": True}, record_id=record.record_id, version=record.version)


def _held(record: Record) -> Held:
    body = record.body
    told = tuple((str(what), count) for what, count in body["told"])
    return Held(record.record_id, str(body["title"]), str(body["kind"]), int(body["passages"]), told)
