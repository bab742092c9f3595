"""Who is at the desk: sessions in this process's memory, known to a browser by a random token alone.

Keys, names and what is open stay here. A session ends by itself when nothing was done for a while, and in any case
after a working day; then its keys are let go (Python cannot wipe them).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from app.desk import store
from app.desk.search import NoteTexts, note_texts
from app.desk.unlock import Desk
from xinheng.errors import DeskError

IDLE_S: Final = 20 * 60.0
LONGEST_S: Final = 12 * 3600.0
MOST: Final = 200
COOKIE: Final = "xinheng_desk"
_LOG = logging.getLogger("xinheng.desk")


class Ended(Exception):
    """There is no such session, or not any more."""


@dataclass
class Session:
    """One browser of one counsellor: what handlers may use; `desk` raises once it has ended."""

    began: float
    seen: float
    _desk: Desk | None = field(repr=False)
    texts: NoteTexts = field(default_factory=NoteTexts, repr=False)
    # A sentence for each record that did not open when the session began.
    unread: list[str] = field(default_factory=list, repr=False)
    codes: dict[str, str] = field(default_factory=dict, repr=False)
    # Restored after a reload; which client a window shows is that window's own.
    client_id: str | None = None
    tabs: set[str] = field(default_factory=set, repr=False)
    # Who answers for a client (`models.py`): the adapter's record, the choice, and how to let go of it.
    answering: dict[str, tuple[str | None, Any, Callable[[], None]]] = field(default_factory=dict, repr=False)
    # What a model was asked for and can be stopped, by the name a page gave it.
    working: dict[str, asyncio.Task[Any]] = field(default_factory=dict, repr=False)
    # What rooms keep while the session lasts: an open library, for one.
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def desk(self) -> Desk:
        """The unlocked desk.

        Raises:
            Ended: It was locked meanwhile.
        """
        if self._desk is None:
            raise Ended
        return self._desk

    def belongs_to(self, desk_id: str, counsellor_id: str) -> bool:
        """Whether it is this counsellor's and lasts."""
        desk = self._desk
        return desk is not None and (desk.desk_id, desk.counsellor_id) == (desk_id, counsellor_id)

    def forget(self, client_id: str) -> None:
        """Let go of all that was read of a client: he is erased."""
        with self.lock:
            self.texts.forget(client_id)
            self.codes.pop(client_id, None)
            if self.client_id == client_id:
                self.client_id = None
            # An open library holds his notes; it is read again when it is asked next.
            for name in [name for name in self.kept if name == "library" or client_id in name]:
                del self.kept[name]
            for held in self.kept.values():
                if isinstance(held, dict):
                    held.pop(client_id, None)

    def close(self) -> None:
        """Let go of keys and of all words read."""
        with self.lock:
            self._desk, self.client_id = None, None
            self.texts.texts.clear()
            self.unread.clear()
            self.codes.clear()
            self.tabs.clear()
            self.kept.clear()
            answering, working = list(self.answering.values()), list(self.working.values())
            self.answering.clear()
        for task in working:
            task.get_loop().call_soon_threadsafe(task.cancel)
        for _, _, let_go in answering:
            try:
                let_go()
            except Exception as error:  # noqa: BLE001  the keys are gone; what else is kept may not hinder that others end
                _LOG.warning("what a session used could not be let go: %s", type(error).__name__)


class Sessions:
    """All sessions of a process, by the hash of their token."""

    def __init__(self, *, idle_s: float = IDLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        # Told of every session that begins, and that the process stops; neither may wait.
        self.begun: list[Callable[[Session], None]] = []
        self.over: list[Callable[[], None]] = []
        # Held while trainings are looked after, or a client is erased: neither meets the other half done.
        self.quiet = threading.RLock()
        self._held: dict[bytes, Session] = {}
        self._idle_s, self._clock, self._lock = idle_s, clock, threading.Lock()

    def begin(self, desk: Desk) -> str:
        """A token for a counsellor who was let in; his notes are read, so that they can be searched.

        What does not open is passed over, and named in `Session.unread`: it may not keep anybody from all the rest, nor
        from the room where the whole desk is looked at.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(now, now, desk)
        session.codes.update(codes_of(desk, unread=session.unread))
        session.texts = note_texts(desk, session.unread)
        session.unread[:] = dict.fromkeys(session.unread)
        self.sweep()
        with self._lock:
            if len(self._held) >= MOST:
                self._held.pop(min(self._held, key=lambda key: self._held[key].seen)).close()
            self._held[_hashed(token)] = session
        for told in self.begun:
            told(session)
        return token

    def of(self, token: str | None, *, touch: bool = True) -> Session:
        """The session of a token.

        Args:
            token: What the browser sent.
            touch: Whether a person did something; a page that asks by itself keeps no session alive.

        Raises:
            Ended: There is none, or it has lasted.
        """
        self.sweep()
        with self._lock:
            session = self._held.get(_hashed(token or ""))
            if session is None:
                raise Ended
            if touch:
                session.seen = self._clock()
            return session

    def all(self) -> list[Session]:
        """The sessions that last."""
        self.sweep()
        with self._lock:
            return list(self._held.values())

    def of_counsellor(self, session: Session) -> list[Session]:
        """This session and all others of the same counsellor here."""
        mine = (session.desk.desk_id, session.desk.counsellor_id)
        return [one for one in self.all() if one.belongs_to(*mine)] or [session]

    def claim(self, token: str | None, tab: str) -> None:
        """Let a window's answers go to this session alone.

        Raises:
            Ended: There is no such session, or the window is another's.
        """
        mine = self.of(token, touch=False)
        with self._lock:
            if any(tab in session.tabs for session in self._held.values() if session is not mine):
                raise Ended
            mine.tabs.add(tab)

    def end(self, token: str | None) -> None:
        """End a session; nothing happens where there is none."""
        with self._lock:
            session = self._held.pop(_hashed(token or ""), None)
        if session:
            session.close()

    def end_of(self, desk: Desk, *, but: Session | None = None) -> int:
        """End a counsellor's sessions, because he has another passphrase now; how many they were."""
        with self._lock:
            mine = [k for k, s in self._held.items() if s is not but and s.belongs_to(desk.desk_id, desk.counsellor_id)]
            gone = [self._held.pop(key) for key in mine]
        for session in gone:
            session.close()
        return len(gone)

    def sweep(self) -> None:
        """End what has lasted too long."""
        now = self._clock()
        with self._lock:
            over = [k for k, s in self._held.items() if now - s.seen > self._idle_s or now - s.began > LONGEST_S]
            gone = [self._held.pop(key) for key in over]
        for session in gone:
            session.close()

    def end_all(self) -> None:
        """End all of them: the process stops."""
        for told in self.over:
            told()
        with self._lock:
            gone = list(self._held.values())
            self._held.clear()
        for session in gone:
            session.close()


def codes_of(desk: Desk, known: set[str] | None = None, unread: list[str] | None = None) -> dict[str, str]:
    """Clients' codes by their ids, but for those known already.

    Args:
        desk: The desk.
        known: Ids.
        unread: Gets why a code does not open, instead of an error; such a client is called by his id's beginning.

    Raises:
        DeskError: A code, or a client's keys, were changed.
    """
    found = {}
    for client_id in store.clients(desk):
        if client_id in (known or set()):
            continue
        try:
            found[client_id] = code_of(desk, client_id)
        except DeskError as error:
            if unread is None:
                raise
            unread.append(str(error))
            found[client_id] = client_id[:8]
    return found


def code_of(desk: Desk, client_id: str) -> str:
    """A client's code."""
    return next(
        (str(r.body.get("code", "")) for r in store.records(desk, client_id, "info") if r.record_id == "code"), ""
    )


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
