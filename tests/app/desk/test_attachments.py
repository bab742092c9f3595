"""Attachments come back as they were; what is taken out is gone from the disk, and no name leads anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk import attachments, audit, blobs, checking, store
from app.desk.attachments import attach, attached, given_back, remove, safe_name
from app.desk.database import read
from app.desk.unlock import Desk
from xinheng.errors import DeskError, UsageError


def test_a_file_comes_back_whole_and_its_going_out_stands_in_the_log(desk: Desk) -> None:
    client, place = store.add_client(desk, "A"), desk.home / "files"
    data = bytes(range(256)) * 5000
    made = attach(desk, place, client, "../信.pdf", data)
    record, back = given_back(desk, place, client, made.record_id)
    assert (record.body["name"], record.body["size"], back) == ("信.pdf", len(data), data)
    last = read(desk.engine, lambda c: list(audit.entries(c, desk.counsellor_id, desk.keys)))[-1].facts
    assert (last["action"], last["what"], last["client"]) == ("exported", "attachment", client)
    assert not any(data[:64] in p.read_bytes() for p in desk.home.rglob("*") if p.is_file())


def test_nothing_empty_or_beyond_the_limits_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client, place = store.add_client(desk, "A"), desk.home / "files"
    monkeypatch.setattr(attachments, "LARGEST_BYTES", 10)
    monkeypatch.setattr(attachments, "ALL_BYTES", 15)
    with pytest.raises(UsageError, match="empty"):
        attach(desk, place, client, "a", b"")
    with pytest.raises(UsageError, match="no room"):
        attach(desk, place, client, "a", b"x" * 11)
    first = attach(desk, place, client, "a", b"x" * 10)
    with pytest.raises(UsageError, match="no room"):
        attach(desk, place, client, "b", b"x" * 6)
    remove(desk, place, client, first.record_id)
    assert attach(desk, place, client, "b", b"x" * 6)
    assert len([p for p in place.rglob("*") if p.is_file()]) == 1


def test_what_is_taken_out_is_gone_also_when_that_was_killed_half_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, place = store.add_client(desk, "A"), desk.home / "files"
    one, two = (attach(desk, place, client, name, name.encode() * 40) for name in ("one", "two"))

    def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(blobs, "remove_file", dies)
        with pytest.raises(KeyboardInterrupt):
            remove(desk, place, client, one.record_id)
    assert [left.record_id for left in attached(desk, client)] == [two.record_id]
    assert len([p for p in place.rglob("*") if p.is_file()]) == 2
    remove(desk, place, client, two.record_id)
    assert [p for p in place.rglob("*") if p.is_file()] == []
    with pytest.raises(DeskError, match="no such attachment"):
        given_back(desk, place, client, one.record_id)
    assert checking.verify(desk).wrong == []


@given(st.text(max_size=120))
def test_no_name_leads_out_of_its_folder_or_reads_backwards(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\:*?"<>|\0\n\u202e')
    assert safe.strip(".")
    assert safe_name(safe) == safe
