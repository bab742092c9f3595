"""A client erased from the pages: what sessions hold of him goes with what lies on the disk."""

from __future__ import annotations

from app.desk import jobs, store
from app.desk.erasure import Certificate
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import Session
from xinheng.errors import DeskError


def erase(office: Office, session: Session, client_id: str) -> Certificate:
    """Erase a client for good: his trainings end, no session of the counsellor holds anything of him any more.

    Blocks while the folder is searched. Nobody can take it back; the page asks first.

    Args:
        office: The desk's.
        session: Whose counsellor erases.
        client_id: Who.

    Raises:
        DeskError: No such client of this counsellor.
        CheckFailed: Something of the client is still in the folder; the files are named.
    """
    desk = session.desk
    if client_id not in store.clients(desk):
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
