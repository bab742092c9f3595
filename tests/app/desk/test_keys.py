"""Keys: what opens a desk, what does not, and how slow guessing is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk import checking, guesses, recovery_code, store, unlock
from app.desk.database import connect
from app.desk.unlock import Desk
from tests.app.desk.desks import QUICK, WORDS, new_desk, opened, run
from xinheng.errors import DeskError, InputError, UsageError


def test_a_wrong_passphrase_is_named_and_opens_nothing(desk: Desk) -> None:
    with pytest.raises(DeskError, match="wrong passphrase"):
        unlock.unlock(desk.engine, desk.home, "lin", passphrase="wrong horse battery")


def test_guesses_are_slowed_down_and_the_right_passphrase_waits_too(desk: Desk) -> None:
    for _ in range(guesses.FREE_GUESSES + 1):
        with pytest.raises(DeskError, match="wrong passphrase"):
            unlock.unlock(desk.engine, desk.home, "lin", passphrase="wrong horse battery")
    with pytest.raises(DeskError, match="too many guesses"):
        opened(desk.home)
    run(desk, "UPDATE counsellor SET not_before = :past", past=time.time() - 1)
    assert opened(desk.home).counsellor_id == desk.counsellor_id


def test_a_short_passphrase_or_a_name_that_is_taken_makes_no_counsellor(desk: Desk) -> None:
    with pytest.raises(UsageError, match="too short"):
        unlock.add_counsellor(desk.engine, desk.home, "wang", passphrase="short", cost=QUICK)
    with pytest.raises(UsageError, match="name"):
        unlock.add_counsellor(desk.engine, desk.home, "LIN", passphrase=WORDS, cost=QUICK)


def test_a_key_file_opens_and_one_that_others_may_read_does_not(tmp_path: Path) -> None:
    home, file = tmp_path / "desk", tmp_path / "key"
    file.write_bytes(bytes(range(32)))
    file.chmod(0o600)
    engine = connect(home)
    unlock.add_counsellor(engine, home, "lin", key_file=file, cost=QUICK)
    assert store.clients(unlock.unlock(engine, home, "lin", key_file=file)) == []
    file.chmod(0o644)
    with pytest.raises(InputError, match="mode 600"):
        unlock.unlock(engine, home, "lin", key_file=file)


def test_key_settings_that_would_take_the_machine_are_refused(desk: Desk) -> None:
    run(desk, "UPDATE counsellor SET cost = '999999999:3:4'")
    with pytest.raises(DeskError, match="settings"):
        opened(desk.home)


def test_the_recovery_code_opens_gives_a_new_passphrase_and_serves_once(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    engine = connect(home)
    desk, code = unlock.add_counsellor(engine, home, "lin", passphrase=WORDS, cost=QUICK)
    client = store.add_client(desk, "A")
    store.save(desk, client, "note", {"text": "kept"})
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    again, newer = unlock.recover(engine, home, "lin", typed, passphrase="another horse", cost=QUICK)
    assert store.records(again, client, "note")[0].body == {"text": "kept"}
    with pytest.raises(DeskError, match="wrong passphrase"):
        opened(home)
    with pytest.raises(DeskError, match="recovery code"):
        unlock.recover(engine, home, "lin", code, passphrase="another horse", cost=QUICK)
    assert newer != code
    assert checking.verify(again).wrong == []


@given(st.integers(0, 39), st.integers(1, 31))
def test_one_wrong_sign_in_a_code_is_found_and_its_group_named(place: int, by: int) -> None:
    code = recovery_code.new_code()
    signs = list(code.replace("-", ""))
    signs[place] = recovery_code.ALPHABET[(recovery_code.ALPHABET.index(signs[place]) + by) % 32]
    with pytest.raises(UsageError, match=rf"group {place // 5 + 1}\."):
        recovery_code.code_bytes("".join(signs))


@given(st.integers(0, 7), st.integers(0, 3))
def test_neighbouring_signs_that_changed_places_are_found(group: int, place: int) -> None:
    signs = list(recovery_code.new_code().replace("-", ""))
    at = 5 * group + place
    if signs[at] != signs[at + 1]:
        signs[at], signs[at + 1] = signs[at + 1], signs[at]
        with pytest.raises(UsageError, match=f"group {group + 1}"):
            recovery_code.code_bytes("".join(signs))


def test_two_counsellors_never_see_each_others_clients(desk: Desk) -> None:
    other = new_desk(desk.home, name="wang")
    client = store.add_client(desk, "A-1")
    store.save(desk, client, "note", {"text": "mine"})
    assert store.clients(other) == []
    assert store.find_client(other, "A-1") is None
    for act in (
        lambda: store.records(other, client, "note"),
        lambda: store.save(other, client, "note", {"text": "x"}),
        lambda: store.discard(other, client, "x"),
    ):
        with pytest.raises(DeskError, match="no such client here"):
            act()
    store.add_client(other, "A-1")  # the same code is another client there
    run(desk, "UPDATE client SET counsellor_id = :to WHERE client_id = :client", to=other.counsellor_id, client=client)
    with pytest.raises(DeskError, match="keys were changed"):
        store.records(other, client, "note")
