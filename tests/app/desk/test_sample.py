"""The desk to practise with: in every language it teaches, exports and is whole."""

from __future__ import annotations

import pytest

from app.desk import store, teaching
from app.desk.checking import verify
from app.desk.database import connect
from app.desk.sample import sample
from tests.app.desk.desks import QUICK, WORDS
from xinheng.errors import UsageError
from xinheng.text import language_of


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_its_clients_can_be_taught_from_and_all_records_are_whole(tmp_path, language):
    desk, code = sample(connect(tmp_path), tmp_path, "lin", language=language, passphrase=WORDS, cost=QUICK)
    assert code
    assert not verify(desk).wrong
    first, second = sorted(store.clients(desk), key=lambda c: len(store.records(desk, c, "note")), reverse=True)
    taught = teaching.rows(desk, first)
    assert taught.counts()["examples_train"] >= 4
    assert taught.preferences.height >= 8
    assert set(taught.examples["language"]) == {language}
    assert not teaching.consented(desk, second)
    assert {language_of(note.body["text"]) for note in store.records(desk, second, "note")} == {language}


def test_a_name_that_is_taken_and_an_unknown_language_make_nothing(tmp_path):
    engine = connect(tmp_path)
    with pytest.raises(UsageError):
        sample(engine, tmp_path, "lin", language="de", passphrase=WORDS, cost=QUICK)
    desk, _ = sample(engine, tmp_path, "lin", language="en", passphrase=WORDS, cost=QUICK)
    with pytest.raises(UsageError):
        sample(engine, tmp_path, "lin", language="en", passphrase=WORDS, cost=QUICK)
    assert len(store.clients(desk)) == 2
