"""An erased client is in no file of the folder any more, and others have lost nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk import blobs, checking, erasure, store
from app.desk.unlock import Desk, own_file
from tests.app.desk.desks import opened, run
from xinheng.errors import CheckFailed, DeskError, UsageError

LETTER = "這封信是某個人寫給另一個人的一段很長的話"


def test_keys_rows_and_files_are_gone_and_the_folder_was_searched(desk: Desk) -> None:
    client, other = store.add_client(desk, "A"), store.add_client(desk, "B")
    for n in range(30):
        store.save(desk, client, "note", {"text": LETTER + str(n) * 3000})
    store.save(desk, other, "note", {"text": LETTER})
    blobs.keep_file(desk, desk.home / "files", client, "attachment", [LETTER.encode()], {"name": "letter"})
    journal = desk.home / "journal"
    journal.mkdir()
    (journal / "answers.jsonl").write_text(LETTER, encoding="utf-8")
    needles = {bytes(row) for row in _bodies(desk, client)}
    assert erasure.found_in(desk.home, needles)[2]  # the search finds what is there
    told = erasure.erase(desk, client, derived=[journal])
    assert (told.rows["note"], told.files, told.derived) == (30, 1, 1)
    assert told.searched_for > 35
    assert erasure.found_in(desk.home, needles)[2] == []
    assert client not in store.clients(desk)
    assert store.records(desk, other, "note")[0].body["text"] == LETTER
    assert checking.verify(desk).wrong == []
    assert json.loads((desk.home / "erased" / f"{client}.json").read_text())["entry"] == told.entry
    with pytest.raises(DeskError, match="no such client"):
        erasure.erase(desk, client)
    assert store.clients(opened(desk.home)) == [other]


def test_what_is_left_in_another_file_is_found_and_the_file_named(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": LETTER})
    (desk.home / "forgotten.log").write_text("x" * 13 + LETTER, encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"forgotten\.log") as caught:
        erasure.erase(desk, client)
    assert LETTER not in str(caught.value)


def test_gradio_s_folder_is_searched_too(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caches = tmp_path / "caches"
    (caches / "a").mkdir(parents=True)
    (caches / "a" / "clean").write_bytes(b"x" * 1000)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(caches))
    one, two = store.add_client(desk, "A"), store.add_client(desk, "B")
    told = erasure.erase(desk, one)
    assert told.searched_bytes >= 1000
    store.save(desk, two, "note", {"text": LETTER})
    (caches / "a" / "held").write_bytes(b"x" * 13 + LETTER.encode())
    with pytest.raises(CheckFailed, match="a/held"):
        erasure.erase(desk, two)


def test_a_client_whose_records_were_tampered_with_can_still_be_erased(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": LETTER})
    run(desk, "UPDATE note SET body = x'00010203040506070809'")
    assert erasure.erase(desk, client).rows["note"] == 1


def test_the_counsellors_own_file_and_anothers_client_are_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="own file"):
        erasure.erase(desk, own_file(desk.counsellor_id))
    with pytest.raises(DeskError, match="no such client"):
        erasure.erase(desk, "0" * 32)


@given(st.binary(max_size=300), st.binary(min_size=16, max_size=32), st.data())
def test_a_needle_is_found_wherever_it_lies(
    tmp_path_factory: pytest.TempPathFactory, hay: bytes, needle: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(hay)))
    folder = tmp_path_factory.mktemp("hay")
    (folder / "f").write_bytes(hay[:at] + needle + hay[at:])
    (folder / "g").write_bytes(hay)
    found = erasure.found_in(folder, {needle})[2]
    assert (folder / "f") in found
    assert ((folder / "g") in found) == (needle in hay)


def test_a_needle_across_two_pieces_of_a_large_file_is_found(tmp_path: Path) -> None:
    body = np.zeros(2**24 + 100, dtype=np.uint8).tobytes()
    (tmp_path / "f").write_bytes(body[: 2**24 - 7] + b"needle of 16 bytes" + body[:50])
    assert erasure.found_in(tmp_path, {b"needle of 16 bytes"})[2] == [tmp_path / "f"]


def _bodies(desk: Desk, client: str) -> list[bytes]:
    from app.desk.database import RECORDS, read

    table = RECORDS["note"]
    rows = read(desk.engine, lambda c: c.execute(table.select().where(table.c.client_id == client)).all())
    return [bytes(row.body)[:32] for row in rows]
