"""The room `training`: consent, what a client's notes teach, a training begun and followed, and what becomes of it.

Trainings go on in processes of their own; this room asks for them and shows them. All that it answers is read anew,
so a reload, or a server that was killed, loses nothing.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.routing import Route

from app.desk import adapters, jobs, teaching
from app.desk.jobs import LIMITS, OPEN, Job, Limits
from app.desk.pages.rooms import Call, Office, route
from app.desk.pages.tending import Tending
from app.desk.pages.training_shown import running, shown
from app.desk.store import clients
from xinheng.errors import DeskError, UsageError

RECIPES: Final = ("client", "client_dpo")
LONGEST_HOW: Final = 20_000


def routes(office: Office) -> list[Route]:
    """Its addresses; trainings are looked after from then on while anybody is at the desk."""
    room = _Room(office, Tending(office.sessions, office.files))
    deeds = {
        "show": room.show, "progress": room.progress, "consent": room.consent, "begin": room.begin,
        "cancel": room.cancel, "accept": room.accept, "reject": room.reject, "back": room.back,
    }  # fmt: skip
    return [route(office, f"training-{name}", work) for name, work in deeds.items()]


class _Room:
    """What the room does; each deed answers with all that is shown then."""

    def __init__(self, office: Office, tending: Tending) -> None:
        self._office, self._tending = office, tending

    def show(self, call: Call) -> dict[str, Any]:
        """All that is shown of a client."""
        return shown(call, self._office.models, _client(call))

    def progress(self, call: Call) -> dict[str, Any]:
        """How his training stands; a page asks this by itself, which keeps no session alive."""
        client_id = _client(call)
        found = running(call, jobs.jobs(call.session.desk), client_id)
        if found is None or found["phase"] in {"done", "failed", "elsewhere"}:
            self._tending.soon()
        return {"running": found}

    def consent(self, call: Call) -> dict[str, Any]:
        """Record that he consents, or takes it back: then trainings end and his adapter is used no more."""
        client_id, given = _client(call), call.given.get("given")
        if not isinstance(given, bool):
            raise TypeError
        desk = call.session.desk
        teaching.record_consent(desk, client_id, given=given, how=call.text("how", longest=LONGEST_HOW).strip())
        if not given:
            self._let_go(call, client_id)
            for one in jobs.jobs_of(desk, client_id):
                if one.state in OPEN:
                    jobs.cancel(desk, one, why="consent was taken back")
        return self.show(call)

    def begin(self, call: Call) -> dict[str, Any]:
        """Queue a training."""
        client_id, recipe, base = _client(call), call.text("recipe"), self._office.models.trainable
        if recipe not in RECIPES:
            raise ValueError
        if base is None:
            raise UsageError("desk", "the model that answers cannot be trained here", mend="Export the rows.")
        _require_consent(call, client_id)
        jobs.add(call.session.desk, client_id, base=base, recipe=recipe, limits=_limits(call))
        self._tending.soon()
        return self.show(call)

    def cancel(self, call: Call) -> dict[str, Any]:
        """End a queued or running training; blocks until its process has ended."""
        jobs.cancel(call.session.desk, _job(call))
        self._tending.soon()
        return self.show(call)

    def accept(self, call: Call) -> dict[str, Any]:
        """Use what was trained from now on."""
        one = _job(call)
        _require_consent(call, one.client_id)
        adapters.accept(call.session.desk, one, place=self._office.files)
        self._let_go(call, one.client_id)
        return self.show(call)

    def reject(self, call: Call) -> dict[str, Any]:
        """Delete what was trained."""
        one = _job(call)
        adapters.reject(call.session.desk, one, place=self._office.files)
        self._let_go(call, one.client_id)
        return self.show(call)

    def back(self, call: Call) -> dict[str, Any]:
        """Use the adapter before, or the base."""
        client_id = _client(call)
        adapters.roll_back(call.session.desk, client_id, place=self._office.files)
        self._let_go(call, client_id)
        return self.show(call)

    def _let_go(self, call: Call, client_id: str) -> None:
        for session in self._office.sessions.of_counsellor(call.session):
            self._office.models.let_go(session, client_id)


def _client(call: Call) -> str:
    """The client that was named.

    Raises:
        DeskError: No client of this counsellor.
    """
    client_id = call.text("client")
    if client_id not in clients(call.session.desk):
        raise DeskError("desk", "no such client here", mend="Choose a client.")
    return client_id


def _job(call: Call) -> Job:
    return jobs.job(call.session.desk, _client(call), call.text("training"))


def _require_consent(call: Call, client_id: str) -> None:
    """As `teaching.require_consent`, in words that a page has in its language."""
    if not teaching.consented(call.session.desk, client_id):
        raise UsageError("desk", "no consent to training", mend="Ask the client, and record what was said.")


def _limits(call: Call) -> Limits:
    """What was asked for; never more than the desk's own limits, which stand where nothing was."""

    def within(name: str, most: int) -> int:
        return min(call.number(name) or most, most)

    return Limits(
        LIMITS.adapters,
        characters=within("characters", LIMITS.characters),
        notes=within("notes", LIMITS.notes),
        minutes=within("minutes", int(LIMITS.minutes)),
        steps=call.number("steps") or None,
    )
