"""A session's open library: read once after the desk is unlocked, and again only where something was saved since.

Nothing of it is kept beyond the session.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.desk.library import Cited, Library, Part, open_library, states
from app.desk.library_index import Embed
from app.desk.library_meaning import with_vectors
from app.desk.pages.rooms import Office
from app.desk.pages.sessions import Ended, Session
from xinheng.chat.embedding import BATCH, Embedder

_LOG = logging.getLogger("xinheng.desk")
REMEMBERED: Final = 12
# Somebody waits for an answer: after this, words alone decide.
QUESTION_S: Final = 8.0
AGAIN_S: Final = 30.0
_NAME: Final = "library"


@dataclass
class Kept:
    """What a session holds of its library.

    Args:
        library: As it was read last; None before the first time.
        seen: Of what it was read.
        again: When what could not be read is tried again; 0 for never.
        began: When the reading under way began; 0 where none is.
        done: How many documents and clients are read of those to be read,
        of: and how many those are.
        meaning: The thread that has vectors made, while there is one,
        meaning_again: and when it may begin anew after the model failed.
        asked: The questions asked last and their passages: what a model answers from is what a person sees.
    """

    library: Library | None = field(default=None, repr=False)
    seen: dict[str, tuple[int, ...]] | None = field(default=None, repr=False)
    again: float = 0.0
    began: float = 0.0
    done: int = 0
    of: int = 0
    meaning: threading.Thread | None = field(default=None, repr=False)
    meaning_again: float = 0.0
    asked: dict[str, tuple[str, tuple[Cited, ...]]] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def remember(self, question: str, cited: tuple[Cited, ...]) -> str:
        """Keep the passages of a question for a while, under the name that comes back."""
        named = secrets.token_hex(8)
        while len(self.asked) >= REMEMBERED:
            self.asked.pop(next(iter(self.asked)), None)
        self.asked[named] = (question, cited)
        return named

    def progress(self) -> dict[str, Any] | None:
        """How far a reading is, and about how many seconds are left; None where nothing is read."""
        if not self.began:
            return None
        spent = time.monotonic() - self.began
        left = spent / self.done * (self.of - self.done) if self.done else None
        return {"read": self.done, "of": self.of, "left_s": None if left is None else round(left)}


def library_of(office: Office, session: Session) -> Library:
    """The counsellor's library with all that was saved up to now; blocks while it is read.

    Two that ask at once wait for one reading. A document that cannot be read is named in `wrong`; the others answer.

    Raises:
        Ended: The session has ended meanwhile.
        DeskError: The database does not answer, or a note was changed.
    """
    desk, kept = session.desk, kept_of(session)

    def tell(done: int, of: int) -> None:
        kept.done, kept.of = done, of
        session.desk  # noqa: B018  raises once the session has ended: nobody waits for the rest

    with kept.lock:
        now = states(desk)
        if kept.library is None or kept.seen != now or 0 < kept.again < time.monotonic():
            kept.began, kept.done, kept.of = time.monotonic(), 0, 0
            try:
                kept.library = open_library(
                    desk, files=office.files, embed=_question(office.embed), before=kept.library, tell=tell
                )
            finally:
                kept.began = 0.0
            kept.seen = now
            # A store may only have been away.
            kept.again = time.monotonic() + AGAIN_S if kept.library.wrong else 0.0
        session.desk  # noqa: B018  as above
        if office.embed is not None:
            _begin(office, session, kept)
        return kept.library


def _question(embed: Embedder | None) -> Embed | None:
    return None if embed is None else partial(embed, patience_s=QUESTION_S)


def _begin(office: Office, session: Session, kept: Kept) -> None:
    """Have vectors made of what has none, beside all else; words answer until then."""
    lacking = kept.library is not None and any(not part.meant for part in kept.library.parts)
    running = kept.meaning is not None and kept.meaning.is_alive()
    if lacking and not running and time.monotonic() >= kept.meaning_again:
        kept.meaning = threading.Thread(target=_meant, args=(office, session, kept), daemon=True)
        kept.meaning.start()


def _meant(office: Office, session: Session, kept: Kept) -> None:
    """Give each part its vectors: those of documents are kept sealed, those of notes as long as the session."""
    embed = office.embed
    try:
        assert embed is not None  # noqa: S101  for the type alone
        model = embed.identity()
        while (part := next((one for one in _parts(kept) if not one.meant), None)) is not None:
            made = with_vectors(session.desk, part, model, _while(session, kept, embed), files=office.files)
            with kept.lock:
                parts = tuple(made if one is part else one for one in _parts(kept))
                kept.library = replace(kept.library, parts=parts) if kept.library else None
    except Ended:
        pass
    except Exception as error:  # noqa: BLE001  a thread's traceback could quote a passage
        _LOG.warning("no vectors were made: %s", type(error).__name__)
        kept.meaning_again = time.monotonic() + AGAIN_S


def _parts(kept: Kept) -> tuple[Part, ...]:
    return kept.library.parts if kept.library is not None else ()


def _while(session: Session, kept: Kept, embed: Embedder) -> Embed:
    """The model for as long as the session lasts and holds this library; so many texts at a time."""

    def made(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        parts = []
        for start in range(0, len(texts), BATCH):
            if session.desk and session.kept.get(_NAME) is not kept:  # a client was erased: his words go nowhere
                raise Ended
            parts.append(embed(texts[start : start + BATCH]))
        return np.concatenate(parts)

    return made


def kept_of(session: Session) -> Kept:
    """What a session holds of its library, made where there is nothing yet."""
    held: Kept = session.kept.setdefault(_NAME, Kept())
    return held


def forget_library(session: Session) -> None:
    """Let go of what was read; it is read anew when it is asked next."""
    session.kept.pop(_NAME, None)
