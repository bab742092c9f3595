"""What a library's passages mean to a model of the user's: vectors, made once for a document and kept sealed with it.

Vectors tell much of the words they were made of; so those of documents are encrypted as the documents are, and those of
clients' notes are kept nowhere.
"""

from __future__ import annotations

from dataclasses import replace

from app.desk.library import Part, indexed
from app.desk.library_documents import keep_vectors, own_records, vectors_of
from app.desk.library_index import Embed, unit
from app.desk.unlock import Desk
from xinheng.errors import XinhengError
from xinheng.storage import Place


def with_vectors(desk: Desk, part: Part, model: str, embed: Embed, *, files: Place | None = None) -> Part:
    """A part of a library with its vectors, kept ones where there are any.

    Args:
        desk: The desk.
        part: Without them.
        model: Whose they are; kept ones of another model are replaced.
        embed: Makes them.
        files: Where files are kept.

    Raises:
        XinhengError: The model does not answer, or what it made cannot be kept.
    """
    for record in () if part.case else own_records(desk):
        if (record.body.get("vectors_of"), record.body.get("model")) == (part.key, model):
            try:
                found = vectors_of(desk, record, files=files)
            except XinhengError:  # lost, or changed: they can be made again
                continue
            if len(found) == len(part.sources):
                return replace(part, found=replace(part.found, vectors=unit(found)))
    vectors = unit(embed([indexed(source) for source in part.sources]))
    if not part.case:
        keep_vectors(desk, part.key, model, vectors, files=files)
    return replace(part, found=replace(part.found, vectors=vectors))
