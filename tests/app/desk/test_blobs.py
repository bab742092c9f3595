"""Files are encrypted in pieces, and no piece can be changed, moved or cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.desk import blobs, store
from app.desk.blobs import PIECE_BYTES
from app.desk.unlock import Desk
from xinheng.errors import DeskError
from xinheng.storage import Place, RemotePath, listing


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES]), st.integers(1, 9))
def test_a_file_comes_back_as_it_was(desk: Desk, size: int, parts: int) -> None:
    client = (store.clients(desk) or [store.add_client(desk, "A")])[0]
    body = bytes(range(251)) * (size // 251 + 1)
    body = body[:size]
    step = max(1, size // parts)
    pieces = [body[at : at + step] for at in range(0, size, step)]
    record = blobs.keep_file(desk, desk.home / "files", client, "attachment", pieces, {"name": "x"})
    assert record.body["size"] == size
    assert b"".join(blobs.file_pieces(desk, desk.home / "files", client, record)) == body


def test_pieces_that_were_changed_moved_or_cut_off_are_found(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    body = b"planted words" * (PIECE_BYTES // 6)
    record = blobs.keep_file(desk, desk.home / "files", client, "adapter", [body], {})
    file = next(path for path in (desk.home / "files").rglob("*") if path.is_file())
    whole, one = file.read_bytes(), PIECE_BYTES + 28
    assert b"planted" not in whole
    for wrong in (
        whole[:-1],
        whole[: 2 * one],
        whole[one : 2 * one] + whole[:one] + whole[2 * one :],
        whole[:5] + bytes([whole[5] ^ 1]) + whole[6:],
        whole + b"x",
        b"",
    ):
        file.write_bytes(wrong)
        with pytest.raises(DeskError, match=r"changed|empty"):
            list(blobs.file_pieces(desk, desk.home / "files", client, record))
    file.unlink()
    with pytest.raises(DeskError, match="gone"):
        list(blobs.file_pieces(desk, desk.home / "files", client, record))


def test_a_store_holds_files_too_and_gives_them_up(desk: Desk, tmp_path: Path) -> None:
    place: Place = RemotePath("memory://desk-files")
    client = store.add_client(desk, "A")
    record = blobs.keep_file(desk, place, client, "attachment", [b"planted ", b"letter"], {})
    assert b"".join(blobs.file_pieces(desk, place, client, record)) == b"planted letter"
    assert len(listing(RemotePath("memory://desk-files"))) == 1
    assert blobs.remove_files(desk, place, client) == 1
    with pytest.raises(DeskError, match="gone"):
        list(blobs.file_pieces(desk, place, client, record))
