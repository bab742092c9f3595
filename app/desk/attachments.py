"""A client's attachments: letters, scans, forms; kept sealed, given back as they were, taken out.

What is taken out loses its file at once. Its sealed record keeps the name and the day, and the versions before keep a
key that opens nothing any more.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.desk import blobs, store
from app.desk.blobs import PIECE_BYTES
from app.desk.store import Record
from app.desk.unlock import Desk
from xinheng.errors import DeskError, UsageError
from xinheng.storage import Place

LARGEST_BYTES: Final = 64 * 2**20
# All of a client's are made into one archive in memory.
ALL_BYTES: Final = 256 * 2**20
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]')


def attached(desk: Desk, client_id: str) -> list[Record]:
    """What is attached now, the oldest first."""
    there = [one for one in store.records(desk, client_id, "attachment") if not one.body.get("removed")]
    return sorted(there, key=lambda one: (str(one.body.get("at", "")), one.record_id))


def attach(desk: Desk, place: Place, client_id: str, name: str, data: bytes) -> Record:
    """Keep a file of a client, sealed.

    Raises:
        UsageError: It is empty, too large, or all of them together would be.
        DeskError: No such client here.
    """
    there = sum(int(one.body.get("size", 0)) for one in attached(desk, client_id))
    if not data:
        raise UsageError("desk", "the attachment is empty")
    if len(data) > LARGEST_BYTES or there + len(data) > ALL_BYTES:
        want = f"{LARGEST_BYTES // 2**20} MB a file, {ALL_BYTES // 2**20} MB a client"
        have = f"{len(data) / 2**20:,.0f} MB beside {there / 2**20:,.0f} MB"
        raise UsageError("desk", "no room for this attachment", want=want, have=have, mend="Take one out first.")
    pieces = (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))
    about = {"name": safe_name(name), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    return blobs.keep_file(desk, place, client_id, "attachment", pieces, about)


def given_back(desk: Desk, place: Place, client_id: str, record_id: str) -> tuple[Record, bytes]:
    """An attachment and its bytes as they were; the log says that it went out.

    Raises:
        DeskError: There is no such attachment, or its file is gone or was changed.
    """
    record = _one(desk, client_id, record_id)
    data = b"".join(blobs.file_pieces(desk, place, client_id, record))
    store.log(desk, "exported", client=client_id, what="attachment", attachment=record_id)
    return record, data


def remove(desk: Desk, place: Place, client_id: str, record_id: str) -> None:
    """Take an attachment out: its file is deleted.

    Raises:
        DeskError: There is no such attachment.
    """
    record = _one(desk, client_id, record_id)
    about = {"name": record.body.get("name"), "at": record.body.get("at"), "removed": True}
    gone = datetime.now(UTC).isoformat(timespec="seconds")
    store.save(
        desk, client_id, "attachment", {**about, "removed_at": gone}, record_id=record_id, version=record.version
    )
    # Also what an earlier removal left when it was killed before it came to its file.
    every = store.records(desk, client_id, "attachment", every_version=True)
    out = {one.record_id for one in every if one.body.get("removed")}
    for one in every:
        if one.record_id in out and "file" in one.body:
            blobs.remove_file(desk, place, client_id, one)


def safe_name(name: str) -> str:
    """A file's name that leads nowhere, hides nothing and means the same on every system.

    >>> safe_name("../../etc/pass:wd"), safe_name(""), safe_name("信.pdf")
    ('pass_wd', 'file', '信.pdf')
    """
    bare = _UNSAFE.sub("_", Path(name.replace("\\", "/")).name).strip(". ")
    return bare[-80:].strip(". ") or "file"


def _one(desk: Desk, client_id: str, record_id: str) -> Record:
    found = next((one for one in attached(desk, client_id) if one.record_id == record_id), None)
    if found is None:
        raise DeskError("desk", "no such attachment", have=f"attachment {record_id[:8]}")
    return found
