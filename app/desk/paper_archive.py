"""All that is kept of a client as one archive: for the client who asks for it, or for another practice."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Final

from app.desk import store
from app.desk.blobs import file_pieces
from app.desk.paper import client_blocks, paper
from app.desk.unlock import Desk
from xinheng.errors import UsageError
from xinheng.storage import Place

# It is made in memory, so that nothing of it is on a disk before a person puts it there.
LARGEST_BYTES: Final = 256 * 2**20
_KINDS: Final = ("info", "note", "edit", "consent", "attachment")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


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
    attached = store.records(desk, client_id, "attachment")
    size = sum(int(record.body.get("size", 0)) for record in attached)
    if size > LARGEST_BYTES:
        want, have = f"{LARGEST_BYTES // 2**20} MB at most", f"{size / 2**20:,.0f} MB"
        raise UsageError("paper", "too many attachments", want=want, have=have, mend="Export the notes alone.")
    kept = {kind: _versions(desk, client_id, kind) for kind in _KINDS}
    blocks, out = client_blocks(desk, client_id, language), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, form in (("client.html", "html"), ("client.md", "markdown")):
            archive.writestr(name, paper(blocks, form, language))  # type: ignore[arg-type]
        archive.writestr("records.json", json.dumps(kept, ensure_ascii=False, indent=1).encode(errors="replace"))
        for number, record in enumerate(attached, 1):
            name = f"attachments/{number:03}-{safe_name(str(record.body.get('name', '')))}"
            body = b"".join(file_pieces(desk, files or desk.home / "files", client_id, record))
            archive.writestr(name, body)
    store.log(desk, "exported", client=client_id, what="archive", attachments=len(attached))
    return out.getvalue()


def safe_name(name: str) -> str:
    """A file's name that leads nowhere and means the same on every system.

    >>> safe_name("../../etc/pass:wd"), safe_name(""), safe_name("信.pdf")
    ('pass_wd', 'file', '信.pdf')
    """
    bare = _UNSAFE.sub("_", Path(name.replace("\\", "/")).name).strip(". ")
    return bare[-80:] or "file"


def _versions(desk: Desk, client_id: str, kind: str) -> list[dict[str, Any]]:
    """Every version of a kind, without the keys of files."""
    return [
        {"id": r.record_id, "version": r.version, **{k: v for k, v in r.body.items() if k not in ("key", "file")}}
        for r in store.records(desk, client_id, kind, every_version=True)
    ]
