"""All that is kept of a client as one archive: for the client who asks for it, or for another practice."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

from app.desk import store
from app.desk.attachments import ALL_BYTES, attached, safe_name
from app.desk.blobs import file_pieces
from app.desk.paper import client_blocks, paper
from app.desk.unlock import Desk
from xinheng.errors import UsageError
from xinheng.storage import Place

# It is made in memory, so that nothing of it is on a disk before a person puts it there.
LARGEST_BYTES: Final = ALL_BYTES
_KINDS: Final = ("info", "note", "edit", "consent", "attachment")


def export_archive(desk: Desk, client_id: str, language: str, *, files: Place | None = None) -> bytes:
    """A ZIP with the client's file to print, every version of every record as JSON, and attachments as they were.

    It is not encrypted any more. Adapters stay: they are of use to this desk only.

    Args:
        desk: The desk.
        client_id: Whose.
        language: Of the sheet's headings.
        files: Where files are kept; None for `files` in the desk's folder.

    Raises:
        UsageError: The attachments are more than fits into memory.
        DeskError: No such client, or an attachment is gone or was changed.
    """
    there = attached(desk, client_id)
    size = sum(int(record.body.get("size", 0)) for record in there)
    if size > LARGEST_BYTES:
        want, have = f"{LARGEST_BYTES // 2**20} MB at most", f"{size / 2**20:,.0f} MB"
        raise UsageError("paper", "too many attachments", want=want, have=have, mend="Export the notes alone.")
    kept = {kind: _versions(desk, client_id, kind) for kind in _KINDS}
    blocks, out = client_blocks(desk, client_id, language), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, form in (("client.html", "html"), ("client.md", "markdown")):
            archive.writestr(name, paper(blocks, form, language))  # type: ignore[arg-type]  # of the forms
        archive.writestr("records.json", json.dumps(kept, ensure_ascii=False, indent=1).encode(errors="replace"))
        for number, record in enumerate(there, 1):
            name = f"attachments/{number:03}-{safe_name(str(record.body.get('name', '')))}"
            body = b"".join(file_pieces(desk, files or desk.home / "files", client_id, record))
            archive.writestr(name, body)
    store.log(desk, "exported", client=client_id, what="archive", attachments=len(there))
    return out.getvalue()


def _versions(desk: Desk, client_id: str, kind: str) -> list[dict[str, Any]]:
    """Every version of a kind, without the keys of files."""
    return [
        {"id": r.record_id, "version": r.version, **{k: v for k, v in r.body.items() if k not in ("key", "file")}}
        for r in store.records(desk, client_id, kind, every_version=True)
    ]
