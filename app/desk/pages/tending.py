"""Trainings looked after while somebody is at the desk: in a thread of its own, now and then, and when it is asked to.

It needs no page. Sessions that nobody used for long end here too, also where no browser asks any more: what lies in
memory unencrypted goes with them.
"""

from __future__ import annotations

import logging
import threading
import weakref
from typing import Final

from app.desk import jobs
from app.desk.pages.sessions import Ended, Session, Sessions
from xinheng.storage import Place

EVERY_S: Final = 20.0
_LOG = logging.getLogger("xinheng.desk")


class Tending:
    """Looks after the trainings of all who are at the desk, as long as anybody is.

    Args:
        sessions: Who is at the desk.
        files: Where adapters are kept.
        every_s: How long it rests.
    """

    def __init__(self, sessions: Sessions, files: Place, *, every_s: float = EVERY_S) -> None:
        self._sessions, self._files, self._every_s = sessions, files, every_s
        self._begun: list[Session] = []
        self._wake, self._lock, self._over = threading.Event(), threading.Lock(), False
        self._thread: threading.Thread | None = None
        # Sessions keep it alive, and nothing else: the thread ends where a desk was dropped.
        sessions.begun.append(self.begun)
        sessions.over.append(self.stop)

    def begun(self, session: Session) -> None:
        """A counsellor was let in: what was left behind is taken up. Returns at once."""
        with self._lock:
            self._begun.append(session)
        self.soon()

    def soon(self) -> None:
        """Look after them now. Returns at once."""
        with self._lock:
            if not self._over and (self._thread is None or not self._thread.is_alive()):
                work = (weakref.ref(self), self._wake, self._every_s)
                self._thread = threading.Thread(target=_tended, args=work, name="xinheng trainings", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """The process stops; trainings go on in theirs."""
        with self._lock:
            self._over, thread = True, self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def goes_on(self) -> bool:
        """Look after all once; whether anybody is still at the desk."""
        with self._lock:
            fresh, self._begun = self._begun, []
        there = self._sessions.all()
        counsellors: dict[tuple[str, str], tuple[Session, bool]] = {}
        for session in there:
            try:
                key = (session.desk.desk_id, session.desk.counsellor_id)
            except Ended:
                continue
            new = any(session is one for one in fresh)
            counsellors[key] = (session, new or counsellors.get(key, (session, False))[1])
        for session, new in counsellors.values():
            if not self._over:
                self._look_after(session, new=new)
        with self._lock:
            if self._over or not (there or self._begun):
                self._thread = None
                return False
            return True

    def _look_after(self, session: Session, *, new: bool) -> None:
        """Whatever goes wrong keeps nobody out and is tried again; its words could quote a person's."""
        try:
            with self._sessions.quiet:
                (jobs.at_unlock if new else jobs.tend)(session.desk, self._files)
        except Ended:
            pass
        except Exception as error:  # noqa: BLE001  see above
            _LOG.warning("trainings could not be looked after: %s", type(error).__name__)


def _tended(here: weakref.ref[Tending], wake: threading.Event, every_s: float) -> None:
    while True:
        wake.clear()
        tending = here()
        if tending is None or not tending.goes_on():
            return
        del tending
        wake.wait(every_s)
