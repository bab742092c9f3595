"""Guesses at names that nobody has tell no more than guesses at a counsellor's."""

from __future__ import annotations

import re

import pytest

from app.desk.pages import strangers
from app.desk.pages.strangers import Strangers
from tests.app.desk.desks import QUICK


@pytest.mark.anyio
async def test_an_invented_name_is_answered_as_a_counsellor_s(entrance):
    told = {}
    async with entrance.web() as web:
        for name in ("lin", "nobody"):
            answers = [
                await web.post("/unlock", data={"name": name, "passphrase": "not this one at all"}) for _ in range(7)
            ]
            alerts = [re.search(r'role="alert">([^<]*)', one.text) for one in answers]
            told[name] = [(one.status_code, found and found[1]) for one, found in zip(answers, alerts, strict=True)]
        by_code = await entrance.recover(web, name="Nobody ")
        assert "Wait" in by_code.text
    assert told["lin"] == told["nobody"]
    assert "Wait" in str(told["nobody"][-1])


def test_waits_double_begin_again_with_the_clock_and_another_name_waits_for_none():
    now = 0.0
    there = Strangers(QUICK, clock=lambda: now)
    told = [there.refuse("nobody", derive=False) for _ in range(6)]
    assert [error.what for error in told] == ["wrong name"] * 5 + ["too many guesses"]
    assert "possible in 2 s" in told[4].mend
    assert there.refuse("NOBODY ", derive=True).what == "too many guesses"
    assert there.refuse("somebody", derive=True).what == "wrong name"
    now = 3.0
    assert "possible in 4 s" in there.refuse("nobody", derive=True).mend


def test_names_that_are_invented_fill_no_memory(monkeypatch):
    monkeypatch.setattr(strangers, "MOST", 10)
    there = Strangers(QUICK, clock=lambda: 0.0)
    for _ in range(6):
        there.refuse("the first", derive=False)
    for n in range(11):
        there.refuse(f"name {n}", derive=False)
    assert len(there._tried) == 10
    assert there.refuse("the first", derive=False).what == "wrong name"
