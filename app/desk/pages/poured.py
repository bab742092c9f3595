"""Text that was poured into a client's form: a sealed draft with what was chosen for its passages, until it is saved.

The draft also holds what was put into the fields already, with its places: the form's own boxes hold words alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.desk import intake, store
from app.desk.intake import FIELDS, MOST, Intake
from app.desk.pages.sessions import Session
from app.desk.unlock import own_file
from xinheng.errors import UsageError

# Of a text, and of all that one form keeps: some hundred pages; what is longer is no account of one person.
LONGEST: Final = 500_000
_RECORD: Final = "intake"
_NEW: Final = "new client intake"


@dataclass(frozen=True, repr=False)
class Poured:
    """What a form's panel holds.

    Args:
        text: What is still to be put into fields.
        chosen: A field or "" for each of its passages that is shown.
        sources: What was put into fields, as `intake.confirmed` gives it.
        draft: The version of the draft that keeps this; 0 for none.
    """

    text: str = ""
    chosen: tuple[str, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    draft: int = 0


def poured(session: Session, client_id: str | None) -> Poured:
    """What was poured into the form of a client, or of a new one, and not saved yet."""
    owner, record_id = _of(session, client_id)
    for record in store.records(session.desk, owner, "draft"):
        if record.record_id == record_id:
            body = record.body
            return Poured(body["text"], tuple(body["chosen"]), tuple(body["sources"]), record.version)
    return Poured()


def keep(
    session: Session,
    client_id: str | None,
    text: str,
    chosen: Sequence[str],
    draft: int,
    by: dict[str, Any] | None = None,
) -> int:
    """Keep the text and what was chosen as it stands; the draft's version. `by` says which page it comes from.

    Raises:
        Conflict: Another window keeps it too.
        UsageError: It is too long, or no choice.
    """
    return _kept(session, client_id, Poured(text, tuple(chosen), poured(session, client_id).sources, draft), by)


def put(
    session: Session, client_id: str | None, text: str, chosen: Sequence[str], draft: int
) -> tuple[Poured, dict[str, str]]:
    """Put the passages that are shown into their fields: the panel as it is then, and each field's new words.

    What lies behind the passages that can be shown at once stays in the panel.

    Raises:
        Conflict: Another window keeps the same draft.
        UsageError: It is too long, or there is nothing to put.
    """
    passages = intake.chosen_in(intake.passages_of(text)[:MOST], chosen)
    if not passages:
        raise UsageError("intake", "nothing was poured in")
    rest = text[passages[-1].end :].strip()
    done = Intake(text[: passages[-1].end], tuple(passages))
    sources = (*poured(session, client_id).sources, intake.confirmed(done))
    made = _kept(session, client_id, Poured(rest, (), sources, draft))
    fields = {name: intake.field_text(done, name) for name in FIELDS}
    return Poured(rest, (), sources, made), {name: words for name, words in fields.items() if words}


def forget(session: Session, client_id: str | None) -> None:
    """Throw it away: the form was saved, or given up."""
    store.discard(session.desk, *_of(session, client_id))


def _kept(session: Session, client_id: str | None, panel: Poured, by: dict[str, Any] | None = None) -> int:
    if len(panel.text) + sum(len(one["text"]) for one in panel.sources) > LONGEST:
        raise UsageError("intake", "too much poured in", want=f"{LONGEST:,} characters at most")
    if len(panel.chosen) > MOST or not {*panel.chosen} <= {"", *FIELDS}:
        raise UsageError("intake", "no such field or passage", mend="Sort the text again.")
    owner, record_id = _of(session, client_id)
    body = {"text": panel.text, "chosen": list(panel.chosen), "sources": list(panel.sources), **(by or {})}
    return store.save(session.desk, owner, "draft", body, record_id=record_id, version=panel.draft).version


def _of(session: Session, client_id: str | None) -> tuple[str, str]:
    return (own_file(session.desk.counsellor_id), _NEW) if client_id is None else (client_id, _RECORD)
