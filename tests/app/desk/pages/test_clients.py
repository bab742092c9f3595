"""Clients and notes on a session, without any page."""

from __future__ import annotations

import pytest

from app.desk import store
from app.desk.pages import clients, showing
from app.desk.pages.drafts import kept
from app.desk.pages.sessions import Ended, Sessions
from app.desk.store import Conflict
from app.desk.unlock import Desk, add_counsellor
from tests.app.desk.desks import QUICK, WORDS
from xinheng.errors import DeskError, UsageError

HOSTILE = "<script>x</script> ![a](http://127.0.0.1:9/) **b** $$c$$ # d\n\n- e &amp; `f`"


def session_of(desk: Desk, sessions: Sessions | None = None):
    sessions = sessions or Sessions()
    return sessions.of(sessions.begin(desk))


def test_typed_words_come_back_after_a_reload_and_go_when_saved(desk):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {"demographic": "三十歲"})
    at = clients.writing(session, clients.opened(session, client_id))
    clients.keep(session, at, "睡不好", at.day)
    again = clients.writing(session_of(desk), clients.opened(session, client_id))
    assert again.restored
    assert again.text == "睡不好"
    made = clients.save(session, again, again.text, again.day)
    assert (made.record_id, made.version) == ("1", 1)
    assert not clients.writing(session, clients.opened(session, client_id)).restored


def test_a_stale_save_shows_both_sides_and_saves_nothing(desk):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {})
    clients.save(session, clients.writing(session, clients.opened(session, client_id)), "first", "2026-11-21")
    at = clients.writing(session, clients.opened(session, client_id), "1")
    clients.save(session, at, "theirs", "2026-11-21")
    with pytest.raises(Conflict) as met:
        clients.save(session, at, "mine", "2026-11-21")
    sides = showing.sides("en", "mine", met.value.theirs)
    assert "theirs" in sides
    assert "mine" in sides
    assert clients.text_of(clients.opened(session, client_id).newest["1"]) == "theirs"
    moved = clients.rebased(session, at, 2, "mine", "2026-11-21")
    assert clients.save(session, moved, "mine", "2026-11-21").version == 3


@pytest.mark.parametrize("day", ["", "yesterday", "2026-13-01", "21.11.2026"])
def test_no_date_no_note(desk, day):
    session = session_of(desk)
    at = clients.writing(session, clients.opened(session, clients.create(session, "A-1", {})))
    with pytest.raises(UsageError):
        clients.save(session, at, "words", day)


def test_clients_are_found_by_code_and_by_words(desk):
    session = session_of(desk)
    one, two = (clients.create(session, code, {}) for code in ("A-1", "B-2"))
    at = clients.writing(session, clients.opened(session, two))
    clients.save(session, at, "和母親吵架", "2026-11-21")
    assert [c for _, c in clients.listed(session, "a-").clients] == [one]
    assert [c for _, c in clients.listed(session, "母親").clients] == [two]
    assert len(clients.listed(session).clients) == 2


def test_a_counsellor_reaches_no_client_of_another(desk):
    mine = session_of(desk)
    client_id = clients.create(mine, "A-1", {})
    other = session_of(add_counsellor(desk.engine, desk.home, "wang", passphrase=WORDS, cost=QUICK)[0])
    assert clients.listed(other).clients == ()
    with pytest.raises(DeskError):
        clients.opened(other, client_id)
    with pytest.raises(DeskError):
        kept(other, {"window": f'{{"client": "{client_id}"}}', "fields": {"text": "x"}})


def test_a_session_ends_when_nothing_is_done_and_lets_its_keys_go(desk):
    now = [0.0]
    sessions = Sessions(idle_s=60, clock=lambda: now[0])
    token = sessions.begin(desk)
    session = sessions.of(token)
    now[0] = 59
    sessions.of(token, touch=False)
    now[0] = 61
    with pytest.raises(Ended):
        sessions.of(token)
    with pytest.raises(Ended):
        clients.listed(session)


def test_a_window_belongs_to_one_session(desk):
    sessions = Sessions()
    first, second = sessions.begin(desk), sessions.begin(desk)
    sessions.claim(first, "tab")
    with pytest.raises(Ended):
        sessions.claim(second, "tab")


def test_a_draft_that_arrives_after_its_note_was_saved_leaves_nothing(desk):
    session = session_of(desk)
    client_id = clients.create(session, "A-1", {})
    clients.save(session, clients.writing(session, clients.opened(session, client_id)), "words", "2026-11-21")
    sent = {"window": f'{{"client": "{client_id}"}}', "fields": {"text": "words", "date": "2026-11-21"}}
    assert kept(session, sent) == {"why": "done"}
    assert store.records(desk, client_id, "draft") == []


def test_hostile_text_stays_text():
    shown = showing.plain(HOSTILE)
    assert not set("<>!*[]()$`#\n") & set(shown.replace("<br>", "").replace("&#", ""))
    assert "&amp;" not in shown
