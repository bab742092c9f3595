"""A client erased from the pages: what sessions hold of him goes with what lies on the disk."""

from __future__ import annotations

from contextlib import suppress

from app.desk import erasure, jobs, store
from app.desk.erasure import Certificate, Unfinished
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import Session
from xinheng.errors import CheckFailed, DeskError


def erase(office: Office, session: Session, client_id: str) -> Certificate:
    """Erase a client for good: his trainings end, no session of the counsellor holds anything of him any more.

    What was begun and is not finished goes on. Blocks while the folder is searched. Nobody can take it back; the page
    asks first.

    Args:
        office: The desk's.
        session: Whose counsellor erases.
        client_id: Who.

    Raises:
        DeskError: No such client of this counsellor.
        Unfinished: His keys are gone, and something kept the rest from being done.
        CheckFailed: Something of the client is still in the folder; the files are named.
    """
    desk = session.desk
    if client_id not in store.clients(desk) and not begun(session, client_id):
        raise DeskError("desk", "no such client here", have=f"client {client_id[:8]}")
    theirs = office.sessions.of_counsellor(session)
    # Trainings are not looked after meanwhile: what is taken up just now would be written after it was deleted.
    with office.sessions.quiet:
        for one in theirs:
            office.models.let_go(one, client_id)
        try:
            return jobs.erase_client(desk, client_id, place=office.files)
        finally:
            if client_id not in store.clients(desk):
                for one in {id(one): one for one in (*theirs, *office.sessions.of_counsellor(session))}.values():
                    one.forget(client_id)
                    # A question that was on its way may have laid the adapter ready once more.
                    office.models.let_go(one, client_id)


def begun(session: Session, client_id: str) -> bool:
    """Whether a client's erasure was begun and has no certificate."""
    return any(left.client_id == client_id for left in erasure.pending(session.desk))


def unfinished(session: Session) -> int:
    """How many erasures were begun and have no certificate; what somebody changed of them is told by `verify`."""
    with suppress(DeskError):
        return len(erasure.pending(session.desk))
    return 0


def finish(office: Office, session: Session) -> tuple[list[str], list[str]]:
    """Go on with what was begun: the files that something is left in, and why others could not be finished."""
    left, why = [], []
    with office.sessions.quiet:
        for one in erasure.pending(session.desk):
            try:
                erasure.finish(session.desk, one, place=office.files)
            except Unfinished as failed:
                why.append(failed.have)
            except CheckFailed as failed:
                left.append(failed.have)
    return left, why
