"""A desk to practise with: a counsellor of its own, and two invented clients with notes, changes and consent."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from app.desk import items, store, teaching
from app.desk.draft_json import note_of
from app.desk.items import PARTS, Draft
from app.desk.keys import COST, Cost
from app.desk.unlock import Desk, add_counsellor
from xinheng.errors import UsageError
from xinheng.tables import LANGUAGES

_FOLDER: Final = Path(__file__).parent / "sample_clients"


def sample(
    engine: sa.Engine, home: Path, name: str, *, language: str = "zh-Hant", passphrase: str, cost: Cost = COST
) -> tuple[Desk, str]:
    """A new counsellor with the invented clients of a language, and the recovery code.

    Raises:
        UsageError: The name is taken, the passphrase short, or there are no clients in this language.
    """
    if language not in LANGUAGES:
        raise UsageError("desk", "no sample in this language", want=", ".join(LANGUAGES), have=language[:10])
    told = tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))
    desk, code = add_counsellor(engine, home, name, passphrase=passphrase, cost=cost)
    for one in told["client"]:
        _client(desk, one)
    return desk, code


def _client(desk: Desk, told: dict[str, Any]) -> None:
    client_id = store.add_client(desk, told["code"])
    store.save(desk, client_id, "info", told["info"], record_id="basic")
    for use in ("training", "corpus") if "consent" in told else ():
        teaching.record_consent(desk, client_id, given=True, how=told["consent"], use=use)
    for note in told["note"]:
        if "text" in note:
            store.save(desk, client_id, "note", {"date": note["date"], "text": note["text"]})
            continue
        draft = _drafted(note)
        made = store.save(desk, client_id, "note", note_of(draft, date=note["date"], model="", given={}))
        teaching.keep_changes(desk, client_id, made.record_id, draft)


def _drafted(note: dict[str, Any]) -> Draft:
    """A draft as it is after a model proposed its items and the counsellor went through all of them."""
    proposed = {part: [pair[0] for pair in note[part]] for part in PARTS}
    draft = items.proposed(items.asked(Draft(), note["question"]), proposed)
    kept = [text for part in PARTS for _, text in note[part]]
    for item, text in zip(draft.items, kept, strict=True):
        draft = items.edited(draft, item.item_id, text) if text else draft
    return items.all_accepted(draft)
