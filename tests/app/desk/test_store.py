"""Records: what is saved is what is read, under its own name only."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.desk import checking, search, store
from app.desk.unlock import Desk
from tests.app.desk.desks import new_desk, opened, run
from xinheng.errors import DeskError, UsageError

PLANTED = "彼得潘住在永無島的樹洞裡面 planted-words-7431"


def test_notes_are_numbered_and_every_version_is_kept(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    first = store.save(desk, client, "note", {"text": "一"})
    second = store.save(desk, client, "note", {"text": "二"})
    store.save(desk, client, "note", {"text": "一之二"}, record_id="1", version=1)
    assert (first.record_id, second.record_id) == ("1", "2")
    assert [r.body["text"] for r in store.records(desk, client, "note")] == ["一之二", "二"]
    assert [r.version for r in store.records(desk, client, "note", every_version=True)] == [1, 2, 1]


def test_a_stale_write_is_refused_with_both_sides(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": "first"})
    store.save(desk, client, "note", {"text": "theirs"}, record_id="1", version=1)
    with pytest.raises(store.Conflict, match="version 2") as caught:
        store.save(desk, client, "note", {"text": "mine"}, record_id="1", version=1)
    assert caught.value.theirs is not None
    assert (caught.value.mine["text"], caught.value.theirs.body["text"]) == ("mine", "theirs")
    assert "mine" not in str(caught.value)
    assert "theirs" not in str(caught.value)


def test_a_client_is_found_by_code_whatever_its_case_and_width(desk: Desk) -> None:
    client = store.add_client(desk, "Ab-01")
    assert store.find_client(desk, " ＡＢ-01 ") == client
    assert store.find_client(desk, "AB-02") is None
    with pytest.raises(UsageError, match="code"):
        store.add_client(desk, "ab-01")


def test_records_put_in_each_others_place_are_found_and_named(desk: Desk) -> None:
    a, b = store.add_client(desk, "A"), store.add_client(desk, "B")
    for client in (a, b):
        for n in range(4):
            store.save(desk, client, "note", {"text": str(n)})
    of = "(SELECT body FROM note WHERE client_id = :a AND record_id = '3')"
    run(desk, f"UPDATE note SET body = {of} WHERE client_id = :b AND record_id = '3'", a=a, b=b)
    with pytest.raises(DeskError, match=f"note 3, version 1, of client {b[:8]}"):
        store.records(desk, b, "note")
    run(desk, f"UPDATE note SET body = {of} WHERE client_id = :a AND record_id = '4'", a=a)
    with pytest.raises(DeskError, match=f"note 4, version 1, of client {a[:8]}"):
        store.records(desk, a, "note")
    assert len(checking.verify(desk).wrong) == 2


def test_nothing_that_was_typed_is_in_any_file_of_the_folder(desk: Desk) -> None:
    client = store.add_client(desk, "planted-code-55")
    for kind in ("info", "note", "draft", "edit", "consent", "adapter", "attachment", "library"):
        store.save(desk, client, kind, {"text": PLANTED, "deep": [{PLANTED: PLANTED}]})
    with pytest.raises(store.Conflict):
        store.save(desk, client, "note", {"text": PLANTED}, record_id="1", version=7)
    held = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file())
    assert (desk.home / "desk.sqlite-wal").is_file()  # the search covers what is not in the database yet
    for planted in (PLANTED, "planted-words", "planted-code", "彼得潘住"):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            assert planted.encode(encoding) not in held
    assert b"\\u5f7c" not in held
    assert PLANTED not in repr(store.records(desk, client, "note")) + repr(desk)


def test_words_are_found_in_notes_and_a_query_written_otherwise_finds_the_nearest(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    for text in ("最近睡眠品質不好", "與母親爭吵後失眠", "Felt ANXIOUS about work"):
        store.save(desk, client, "note", {"items": [{"text": text}]})
    texts = search.note_texts(desk)
    assert [hit.record_id for hit in texts.find("睡眠")] == ["1"]
    assert [hit.record_id for hit in texts.find("anxious work")] == ["3"]
    assert [hit.record_id for hit in texts.find("睡眠品質變差")] == ["1"]
    assert texts.find("  ") == texts.find("完全無關的話題") == []
    texts.forget(client)
    assert texts.find("睡眠") == []


BODIES = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.booleans(), max_size=3)


class AgainstADict(RuleBasedStateMachine):
    """The store and a plain dict hear the same; after each step both hold the same, also once opened again."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="desk-")
        self.desk = new_desk(Path(self.folder.name) / "desk")
        self.held: dict[str, dict[str, list[Any]]] = {}

    @precondition(lambda self: len(self.held) < 3)
    @rule()
    def a_client(self) -> None:
        self.held[store.add_client(self.desk, f"code {len(self.held)}")] = {}

    @precondition(lambda self: self.held)
    @rule(data=st.data(), body=BODIES)
    def a_note(self, data: st.DataObject, body: dict[str, Any]) -> None:
        client = data.draw(st.sampled_from(sorted(self.held)).map(str), label="client")
        record = store.save(self.desk, client, "note", body)
        assert record.record_id == str(len(self.held[client]) + 1)
        self.held[client][record.record_id] = [body]

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data(), body=BODIES, stale=st.booleans())
    def a_change(self, data: st.DataObject, body: dict[str, Any], stale: bool) -> None:
        client = data.draw(st.sampled_from(sorted(c for c, notes in self.held.items() if notes)), label="client")
        number = data.draw(st.sampled_from(sorted(self.held[client])), label="note")
        versions = self.held[client][number]
        if stale:
            with pytest.raises(store.Conflict):
                store.save(self.desk, client, "note", body, record_id=number, version=len(versions) - 1)
        else:
            store.save(self.desk, client, "note", body, record_id=number, version=len(versions))
            versions.append(body)

    @rule()
    def opened_again(self) -> None:
        home = self.desk.home
        self.desk.engine.dispose()
        self.desk = opened(home)

    @invariant()
    def both_hold_the_same(self) -> None:
        for client, notes in getattr(self, "held", {}).items():
            found = store.records(self.desk, client, "note", every_version=True)
            assert [(r.record_id, r.version, r.body) for r in found] == [
                (number, n + 1, body)
                for number, versions in sorted(notes.items(), key=lambda item: int(item[0]))
                for n, body in enumerate(versions)
            ]

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            assert checking.verify(self.desk).wrong == []
            self.desk.engine.dispose()
            self.folder.cleanup()


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
