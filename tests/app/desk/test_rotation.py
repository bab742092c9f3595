"""New keys for everything; what was cut off goes on, and old keys open nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.desk import checking, rotation, store, unlock
from app.desk.unlock import Desk
from tests.app.desk.desks import QUICK, WORDS, opened
from xinheng.errors import DeskError


def _three(desk: Desk) -> list[str]:
    made = [store.add_client(desk, f"code {n}") for n in range(3)]
    for client in made:
        store.save(desk, client, "note", {"text": client})
    return made


def test_all_is_there_under_new_keys_and_an_old_desk_must_unlock_again(desk: Desk) -> None:
    made = _three(desk)
    newer, code = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    assert newer.keys.master != desk.keys.master
    for client in made:
        assert store.records(newer, client, "note")[0].body == {"text": client}
    for act in (
        lambda: store.save(desk, made[0], "note", {}),
        lambda: store.add_client(desk, "D"),
        lambda: unlock.renew(desk, passphrase=WORDS, cost=QUICK),
        lambda: rotation.rotate(desk, passphrase=WORDS, cost=QUICK),
    ):
        with pytest.raises(DeskError, match="rotated"):
            act()
    assert checking.verify(opened(desk.home)).wrong == []
    again, _ = unlock.recover(desk.engine, desk.home, "lin", code, passphrase=WORDS, cost=QUICK)
    assert store.find_client(again, "code 1") == made[1]


@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_a_rotation_that_was_cut_off_loses_nothing_and_goes_on(
    desk: Desk, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _three(desk)
    whole, left = rotation._rotate_client, [done]

    def cut(begun: Desk, client_id: str) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        whole(begun, client_id)

    def never(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rotation, "_rotate_client", cut)
        patched.setattr(rotation, "_end", never)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    between = opened(desk.home)
    for client in made:
        assert store.records(between, client, "note")[0].body == {"text": client}
    store.save(between, made[0], "note", {"text": "between"})
    late = store.add_client(between, "made between")
    assert checking.verify(between).wrong == []
    rotation.rotate(between, passphrase=WORDS, cost=QUICK)
    last = opened(desk.home)
    assert last.keys.next_master is None
    assert len(store.records(last, made[0], "note")) == 2
    assert store.find_client(last, "made between") == late
    assert checking.verify(last).wrong == []


def test_a_client_made_by_another_desk_during_a_rotation_is_taken_along(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _three(desk)
    end = rotation._end
    late: list[str] = []

    def end_late(*given: object) -> object:
        if not late:
            late.append(store.add_client(desk, "late"))  # a desk that has not heard of the new key
        return end(*given)  # type: ignore[arg-type]  # what it was given

    monkeypatch.setattr(rotation, "_end", end_late)
    newer, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    assert store.records(newer, late[0], "info")[0].body == {"code": "late"}


def test_a_rotation_takes_no_new_passphrase_back_and_goes_on_with_it(desk: Desk) -> None:
    made = _three(desk)
    begun = rotation._begin(desk)
    elsewhere = opened(desk.home)
    code = unlock.renew(elsewhere, passphrase="another horse", cost=QUICK)
    with pytest.raises(DeskError, match="passphrase was changed meanwhile"):
        rotation.rotate(begun, passphrase=WORDS, cost=QUICK)
    with pytest.raises(DeskError, match="wrong passphrase"):
        opened(desk.home)
    again = unlock.unlock(desk.engine, desk.home, "lin", passphrase="another horse")
    assert again.keys.next_master == begun.keys.next_master
    for client in made:
        assert store.records(again, client, "note")[0].body == {"text": client}
    rotated, newer = rotation.rotate(again, passphrase="another horse", cost=QUICK)
    assert unlock.unlock(desk.engine, desk.home, "lin", passphrase="another horse").keys == rotated.keys
    assert checking.verify(rotated).wrong == []
    with pytest.raises(DeskError, match="recovery code"):
        unlock.recover(desk.engine, desk.home, "lin", code, passphrase=WORDS, cost=QUICK)
    assert unlock.recover(desk.engine, desk.home, "lin", newer, passphrase=WORDS, cost=QUICK)


def test_a_passphrase_changed_before_a_rotation_began_stops_it_at_once(desk: Desk) -> None:
    unlock.renew(opened(desk.home), passphrase="another horse", cost=QUICK)
    with pytest.raises(DeskError, match="passphrase was changed meanwhile"):
        rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    again = unlock.unlock(desk.engine, desk.home, "lin", passphrase="another horse")
    assert again.keys.next_master is None


def test_a_desk_that_was_rotated_can_be_rotated_and_renewed_again(desk: Desk) -> None:
    once, _ = rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
    twice, _ = rotation.rotate(once, passphrase=WORDS, cost=QUICK)
    unlock.renew(twice, passphrase="another horse", cost=QUICK)
    assert unlock.unlock(desk.engine, desk.home, "lin", passphrase="another horse").keys.epoch == 2


def test_two_rotations_at_once_are_refused(desk: Desk, tmp_path: Path) -> None:
    rotation._begin(desk)
    with pytest.raises(DeskError, match="rotated elsewhere"):
        rotation.rotate(desk, passphrase=WORDS, cost=QUICK)
