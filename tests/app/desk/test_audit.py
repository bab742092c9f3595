"""The log's head, and the counter beside the database: never smaller, never in the way of a deed that is done."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.desk import audit, checking, rotation, store, unlock
from app.desk.database import connect, read
from app.desk.unlock import Desk
from tests.app.desk.desks import QUICK, WORDS, opened, run
from xinheng.errors import DeskError

ROOT = Path(__file__).resolve().parents[3]
_OPEN = """
import sys
from pathlib import Path
from app.desk import audit, store
from tests.app.desk.desks import opened
desk = opened(Path(sys.argv[1]))
client = store.clients(desk)[0]
print("ready", flush=True)
sys.stdin.readline()
"""
_SAVE = """
for n in range(20):
    store.save(desk, client, "note", {"n": n})
"""
# The counter alone, as fast as it goes: what two deeds at once do seldom.
_COUNT = """
for n in range(100 + int(sys.argv[2]), 500, 3):
    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, n, bytes(32))
"""


def _last(desk: Desk) -> int:
    query = sa.text("SELECT audit_seq FROM counsellor WHERE counsellor_id = :mine")
    return int(read(desk.engine, lambda c: c.execute(query, {"mine": desk.counsellor_id}).scalar_one()))


def _counted(desk: Desk) -> int:
    held = audit.counter(desk.home, desk.counsellor_id, desk.keys)
    assert held is not None
    return held[0]


def _in_the_way(desk: Desk) -> Path:
    """A folder where the next counter would be written: the disk refuses, as a full one does."""
    path = desk.home / f"counter-{desk.counsellor_id}.writing"
    path.mkdir()
    return path


def test_a_counter_that_cannot_be_written_fails_no_deed_and_is_caught_up(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    client = store.add_client(desk, "planted-code")
    before, block = _last(desk), _in_the_way(desk)
    saved = store.save(desk, client, "note", {"text": "planted words"})
    assert (saved.version, _last(desk), _counted(desk)) == (1, before + 1, before)
    assert [(r.name, r.levelno) for r in caplog.records] == [("xinheng.desk", logging.WARNING)]
    assert "counter" in caplog.text
    for secret in ("planted", client, client[:8]):
        assert secret not in caplog.text
    block.rmdir()
    store.save(desk, client, "note", {"text": "next"})
    assert _counted(desk) == _last(desk) == before + 2


def test_each_kind_of_deed_stands_without_its_counter_and_unlocking_catches_up(desk: Desk) -> None:
    block = _in_the_way(desk)
    client = store.add_client(desk, "A")
    store.log(desk, "exported", client=client)
    unlock.renew(desk, passphrase="another horse", cost=QUICK)
    again = unlock.unlock(desk.engine, desk.home, "lin", passphrase="another horse")
    rotated, _ = rotation.rotate(again, passphrase=WORDS, cost=QUICK)
    assert store.clients(rotated) == [client]
    assert _counted(rotated) == 1
    block.rmdir()
    assert _counted(opened(desk.home)) == _last(desk)
    assert checking.verify(opened(desk.home)).wrong == []


def test_a_counter_changed_while_the_desk_is_open_fails_no_save_and_is_kept_to_be_named(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    client, path = store.add_client(desk, "A"), audit.counter_file(desk.home, desk.counsellor_id)
    changed = json.dumps({"last": "0:00", "mac": "00"})
    path.write_text(changed, encoding="ascii")
    assert store.save(desk, client, "note", {}).version == 1
    assert "counter" in caplog.text
    assert path.read_text(encoding="ascii") == changed
    assert any("counter" in sentence for sentence in checking.verify(desk).wrong)
    with pytest.raises(DeskError, match=r"the counter .* was changed"):
        opened(desk.home)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"last": 1, "mac": "\\u00e9"}'])
def test_what_is_no_counter_is_named(desk: Desk, body: bytes) -> None:
    audit.counter_file(desk.home, desk.counsellor_id).write_bytes(body)
    with pytest.raises(DeskError, match=r"the counter .* was changed"):
        opened(desk.home)


def test_a_counter_that_cannot_be_read_is_named(desk: Desk) -> None:
    path = audit.counter_file(desk.home, desk.counsellor_id)
    path.unlink()
    path.mkdir()
    with pytest.raises(DeskError, match=r"the counter .* cannot be read"):
        opened(desk.home)


def test_a_save_does_not_wait_for_a_writer_that_was_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "_LONGEST_WAIT_S", 0.1)
    client, path = store.add_client(desk, "A"), desk.home / f"counter-{desk.counsellor_id}.writing"
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('has it', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has it\n"
        assert store.save(desk, client, "note", {}).version == 1
        assert "counter" in caplog.text
        assert _counted(desk) == _last(desk) - 1
        holder.kill()
    store.save(desk, client, "note", {})
    assert _counted(desk) == _last(desk)


def test_a_slower_window_does_not_put_the_counter_back(desk: Desk) -> None:
    store.add_client(desk, "A")
    last = _counted(desk)
    audit.keep_counter(desk.home, desk.counsellor_id, desk.keys, last - 1, bytes(32))
    assert _counted(desk) == last
    assert checking.verify(desk).wrong == []


@pytest.mark.parametrize("act", [_SAVE, _COUNT], ids=["saves", "counters"])
def test_of_processes_that_write_at_once_none_puts_the_counter_back(desk: Desk, act: str) -> None:
    store.add_client(desk, "A")
    others = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN + act, str(desk.home), str(n)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for one in others:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in others:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    seen = [_counted(desk)]
    while any(one.poll() is None for one in others):
        seen.append(_counted(desk))
    for one in others:
        assert one.communicate()[1] == ""  # no warning
        assert one.returncode == 0
    seen.append(_counted(desk))
    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    assert seen[-1] == (_last(desk) if act == _SAVE else 499)
    assert list(desk.home.glob("*.writing")) == []


def test_the_counter_is_on_the_disk_before_it_takes_its_place_and_its_place_after(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, whole, put, done = store.add_client(desk, "A"), os.fsync, Path.replace, []

    def fsync(handle: int) -> None:
        whole(handle)
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"file of {os.fstat(handle).st_size > 0}")

    def replace(*given: Path) -> Path:
        done.append("in its place")
        return put(*given)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    store.save(desk, client, "note", {})
    assert done == ["file of True", "in its place", "folder"]


def test_what_killed_writers_left_is_swept_or_taken_over(desk: Desk) -> None:
    half, young = desk.home / ".counter-abcdef", desk.home / ".counter-ghijkl"
    for path in (half, young):
        path.write_text("half")
    os.utime(half, (time.time() - 7200,) * 2)
    (desk.home / f"counter-{desk.counsellor_id}.writing").write_text("half a counter, longer than a whole one " * 20)
    again = opened(desk.home)
    assert (half.exists(), young.exists()) == (False, True)  # an older program may be writing the young one
    assert list(desk.home.glob("*.writing")) == []
    assert _counted(again) == _last(again)
    assert stat.S_IMODE(audit.counter_file(desk.home, desk.counsellor_id).stat().st_mode) == 0o600


def test_a_save_of_another_window_during_verify_is_no_older_database(desk: Desk) -> None:
    client, other = store.add_client(desk, "A"), opened(desk.home)
    saved: list[store.Record] = []

    def save_between(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM audit" in statement and not saved:
            saved.append(store.save(other, client, "note", {}))

    sa.event.listen(desk.engine, "after_cursor_execute", save_between)
    assert checking.verify(desk).wrong == []
    assert saved


def test_unlocking_tells_when_the_counter_began_anew(desk: Desk) -> None:
    assert not desk.new_counter
    assert not opened(desk.home).new_counter
    audit.counter_file(desk.home, desk.counsellor_id).unlink()
    anew = opened(desk.home)
    assert anew.new_counter
    found = checking.verify(anew)
    assert (found.new_counter, found.counters_begun, found.wrong) == (True, 1, [])
    assert not checking.verify(opened(desk.home)).new_counter


def test_an_older_database_without_its_counter_opens_and_that_is_told(desk: Desk, tmp_path: Path) -> None:
    client = store.add_client(desk, "A")
    desk.engine.dispose()
    older = (desk.home / "desk.sqlite").read_bytes()
    newer = opened(desk.home)
    store.save(newer, client, "note", {})
    newer.engine.dispose()
    for path in desk.home.glob("desk.sqlite*"):
        path.unlink()
    (desk.home / "desk.sqlite").write_bytes(older)
    with pytest.raises(DeskError, match="older state"):
        opened(desk.home)
    audit.counter_file(desk.home, desk.counsellor_id).unlink()
    assert opened(desk.home).new_counter


@pytest.mark.parametrize("change", ["0", "'x'", "-1", "1.5"])
def test_a_changed_last_number_of_the_log_is_named_by_deeds_and_unlocking(desk: Desk, change: str) -> None:
    client = store.add_client(desk, "A")
    run(desk, f"UPDATE counsellor SET audit_seq = {change}")
    with pytest.raises(DeskError, match=r"log: .*last"):
        store.save(desk, client, "note", {})
    with pytest.raises(DeskError, match=r"log: .*last|older state"):
        opened(desk.home, accept_older=True)
    assert any("broken" in sentence for sentence in checking.verify(desk).wrong)


def test_a_log_s_head_of_another_type_is_named(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    run(desk, "UPDATE counsellor SET audit_mac = 'text'")
    with pytest.raises(DeskError, match=r"log: .*last"):
        store.save(desk, client, "note", {})
    assert any("broken" in sentence for sentence in checking.verify(desk).wrong)


@pytest.mark.parametrize("column", ["body", "mac"])
@pytest.mark.parametrize("value", ["'text'", "10000000000000", "1.5"])
def test_an_entry_of_another_type_is_a_broken_link(desk: Desk, column: str, value: str) -> None:
    store.add_client(desk, "A")
    last = _last(desk)
    run(desk, f"UPDATE audit SET {column} = {value} WHERE seq = {last}")
    assert any(f"entry {last} changed" in sentence for sentence in checking.verify(desk).wrong)
    if column == "body":
        with pytest.raises(DeskError, match="chain is broken"):
            read(desk.engine, lambda c: audit.newest(c, desk.counsellor_id, desk.keys))
    else:
        with pytest.raises(DeskError, match="older state"):
            opened(desk.home)


def test_an_entry_s_number_of_another_type_is_a_broken_link(desk: Desk) -> None:
    store.add_client(desk, "A")
    run(desk, "UPDATE audit SET seq = 'x' WHERE seq = 2")
    assert any("entry 2 changed" in sentence for sentence in checking.verify(desk).wrong)
    with pytest.raises(DeskError, match="chain is broken"):
        read(desk.engine, lambda c: audit.newest(c, desk.counsellor_id, desk.keys))


def test_a_counsellor_s_row_that_is_gone_is_named(desk: Desk) -> None:
    client = store.add_client(desk, "A")
    behind = sqlite3.connect(desk.home / "desk.sqlite", isolation_level=None)
    behind.execute("DELETE FROM counsellor")
    behind.close()
    for act in (
        lambda: store.save(desk, client, "note", {}),
        lambda: store.log(desk, "exported"),
        lambda: store.add_client(desk, "B"),
        lambda: unlock.renew(desk, passphrase="another horse", cost=QUICK),
    ):
        with pytest.raises(DeskError, match=r"counsellor.* gone"):
            act()
    assert any("gone" in sentence for sentence in checking.verify(desk).wrong)
    with pytest.raises(DeskError, match="no counsellor of this name"):
        unlock.unlock(connect(desk.home), desk.home, "lin", passphrase=WORDS)
