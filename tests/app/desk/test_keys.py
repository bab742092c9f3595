"""Keys: what opens a desk, what does not, and how slow guessing is."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.desk import checking, guesses, recovery_code, store, unlock
from app.desk.database import connect
from app.desk.unlock import Desk
from tests.app.desk.desks import QUICK, WORDS, new_desk, opened, run
from tests.conftest import ROOT
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


def test_a_key_file_that_cannot_be_used_is_no_guess(tmp_path: Path) -> None:
    home, file = tmp_path / "desk", tmp_path / "key"
    file.write_bytes(bytes(range(32)))
    file.chmod(0o600)
    engine = connect(home)
    desk, _ = unlock.add_counsellor(engine, home, "lin", key_file=file, cost=QUICK)
    open_readable = tmp_path / "readable"
    open_readable.write_bytes(bytes(range(32)))
    open_readable.chmod(0o644)
    for bad in (open_readable, tmp_path / "absent", tmp_path):
        for _ in range(guesses.FREE_GUESSES + 2):
            with pytest.raises(InputError, match="key file"):
                unlock.unlock(engine, home, "lin", key_file=bad)
            with pytest.raises(InputError, match="key file"):
                unlock.confirm(desk, key_file=bad)
    for _ in range(guesses.FREE_GUESSES + 2):
        with pytest.raises(UsageError, match="no way to open it"):
            unlock.unlock(engine, home, "lin")
    assert unlock.unlock(engine, home, "lin", key_file=file).counsellor_id == desk.counsellor_id


def test_a_passphrase_that_is_no_text_is_refused_in_a_sentence_and_is_no_guess(desk: Desk) -> None:
    torn = "correct horse \udcff battery"
    for _ in range(guesses.FREE_GUESSES + 2):
        with pytest.raises(UsageError, match="passphrase cannot be read") as caught:
            unlock.unlock(desk.engine, desk.home, "lin", passphrase=torn)
        assert "horse" not in str(caught.value)
    for act in (
        lambda: unlock.add_counsellor(desk.engine, desk.home, "wang", passphrase=torn, cost=QUICK),
        lambda: unlock.renew(desk, passphrase=torn, cost=QUICK),
        lambda: unlock.recover(desk.engine, desk.home, "lin", recovery_code.new_code(), passphrase=torn, cost=QUICK),
    ):
        with pytest.raises(UsageError, match="passphrase cannot be read"):
            act()
    assert opened(desk.home).counsellor_id == desk.counsellor_id


def test_a_clock_that_was_put_back_locks_out_for_the_longest_wait_at_most(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(desk, "UPDATE counsellor SET failures = 9, not_before = :ahead", ahead=time.time() + 10**8)
    with pytest.raises(DeskError, match=r"Wait 900 s\."):
        opened(desk.home)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + guesses.LONGEST_WAIT_S + 5)
    assert opened(desk.home).counsellor_id == desk.counsellor_id


def test_of_two_that_change_the_passphrase_the_second_is_refused_until_he_knows_the_new_one(desk: Desk) -> None:
    other = opened(desk.home)
    unlock.renew(other, passphrase="another horse", cost=QUICK)
    with pytest.raises(DeskError, match="passphrase was changed meanwhile"):
        unlock.renew(desk, passphrase="a third horse", cost=QUICK)
    with pytest.raises(DeskError, match="wrong passphrase"):
        unlock.confirm(desk, passphrase=WORDS)
    unlock.renew(unlock.confirm(desk, passphrase="another horse"), passphrase="a third horse", cost=QUICK)
    assert unlock.unlock(desk.engine, desk.home, "lin", passphrase="a third horse")


@pytest.mark.parametrize(
    "change",
    [
        "cost = '999999999:3:4'",
        "cost = '1:1:4'",
        "cost = '1024:0:1'",
        "cost = '1024:1'",
        "cost = ''",
        "cost = x'00'",
        "salt = x'00'",
        "salt = 'a salt as text '",
        "salt = 1.5",
    ],
)
def test_key_settings_that_are_none_or_would_take_the_machine_are_refused(desk: Desk, change: str) -> None:
    run(desk, f"UPDATE counsellor SET {change}")
    with pytest.raises(DeskError, match="settings"):
        opened(desk.home)


@pytest.mark.parametrize("value", ["'text'", "x''", "10000000000000", "1.5"])
@pytest.mark.parametrize("column", ["wrapped", "ring", "next_wrapped", "epoch", "failures", "not_before"])
def test_a_counsellor_s_row_of_another_kind_is_an_error_of_the_desk(desk: Desk, column: str, value: str) -> None:
    if column in {"failures", "not_before"} and value in {"10000000000000", "1.5"}:
        value = "'many'"
    run(desk, f"UPDATE counsellor SET {column} = {value}")
    with pytest.raises(DeskError, match="changed"):
        opened(desk.home)
    if column in {"ring", "next_wrapped"}:
        assert any("ring" in sentence for sentence in checking.verify(desk).wrong)


def test_a_changed_recovery_is_an_error_of_the_desk_and_a_changed_wrapping_is_mended_by_it(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    engine = connect(home)
    desk, code = unlock.add_counsellor(engine, home, "lin", passphrase=WORDS, cost=QUICK)
    run(desk, "UPDATE counsellor SET wrapped = 'text'")
    _, code = unlock.recover(engine, home, "lin", code, passphrase=WORDS, cost=QUICK)
    assert opened(home).keys == desk.keys
    run(desk, "UPDATE counsellor SET recovery = 'text'")
    with pytest.raises(DeskError, match="recovery code opens nothing"):
        unlock.recover(engine, home, "lin", code, passphrase=WORDS, cost=QUICK)


@pytest.mark.parametrize(
    "change", ["DELETE FROM desk", "INSERT INTO desk VALUES ('another', 2)", "UPDATE desk SET desk_id = 'another'"]
)
def test_a_database_that_does_not_say_which_desk_it_is_is_named(desk: Desk, change: str) -> None:
    engine = connect(desk.home)
    run(desk, change)
    with pytest.raises(DeskError, match=r"which desk it is|no counsellor of this name"):
        unlock.unlock(engine, desk.home, "lin", passphrase=WORDS)
    assert any("which desk" in sentence for sentence in checking.verify(desk).wrong)


@pytest.mark.parametrize(
    "change", ["DELETE FROM desk", "INSERT INTO desk VALUES ('another', 2)", "UPDATE desk SET schema = 'x'"]
)
def test_a_database_whose_schema_nobody_can_tell_takes_nothing(desk: Desk, change: str) -> None:
    client = store.add_client(desk, "A")
    run(desk, change)
    for act in (lambda: store.save(desk, client, "note", {}), lambda: connect(desk.home)):
        with pytest.raises(DeskError, match="does not say which desk"):
            act()


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


def test_several_people_open_desks_at_the_same_moment() -> None:
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from app.desk.keys import COST, SALT_BYTES, derived\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    keys = set(pool.map(lambda _: derived(bytes(SALT_BYTES), COST, b'x'), range(3)))\n"
        "print(len(keys))\n"
    )
    # A process of its own: threads that hang in OpenSSL could not be ended.
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=ROOT, check=True
    )
    assert told.stdout == "1\n"
