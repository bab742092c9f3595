"""Who answers at the desk: its model, or for a client with an accepted adapter that model with the adapter."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from dataclasses import dataclass

from app.desk import adapters
from app.desk.asking import Model, model_of
from app.desk.pages.sessions import Session
from xinheng.storage import Place


@dataclass(frozen=True)
class Chosen:
    """Who answers, as a page says it.

    Args:
        model: Answers.
        named: The base, as a person named it.
        adapter: The adapter's record; None for the base.
        why: Why the base answers although there is an adapter; empty otherwise.
    """

    model: Model
    named: str
    adapter: str | None = None
    why: str = ""


class Models:
    """The desk's model, one for all, and clients' adapters for as long as a session uses them.

    Args:
        spec: As `xinheng.chat.connect` takes it.
        allow_remote: Whether clients' words may go to another machine.
        files: Where adapters are kept, sealed.
    """

    def __init__(self, spec: str, *, allow_remote: bool, files: Place) -> None:
        self.spec, self._allow_remote, self._files = spec, allow_remote, files
        self._base: Model | None = None

    @property
    def trainable(self) -> str | None:
        """The base whose adapters can be trained and used here; None where another program or machine answers."""
        base = self.spec.strip().removeprefix("local:")
        return base if self.spec.strip().startswith("local:") and "+" not in base else None

    def base(self) -> Model:
        """The desk's model without any adapter.

        Raises:
            XinhengError: It cannot be had.
        """
        if self._base is None:
            self._base = model_of(self.spec, allow_remote=self._allow_remote)
        return self._base

    def of(self, session: Session, client_id: str | None) -> Chosen:
        """Who answers for a client; the adapter lies in memory until the session ends or another is accepted.

        Blocks while an adapter is laid ready.

        Raises:
            XinhengError: The model cannot be had, or the adapter's file is gone or was changed.
        """
        base = self.trainable
        if client_id is None or base is None:
            there = client_id is not None and adapters.current(session.desk, client_id) is not None
            return Chosen(self.base(), self.spec, why="elsewhere" if there else "")
        with session.lock:
            held = adapters.current(session.desk, client_id)
            record_id = held.record_id if held else None
            if client_id in session.answering and session.answering[client_id][0] != record_id:
                self.let_go(session, client_id)
            if client_id not in session.answering:
                stack = ExitStack()
                used = stack.enter_context(adapters.in_use(session.desk, client_id, base=base, place=self._files))
                try:
                    plain = used.adapter is None
                    model = self.base() if plain else model_of(used.model, allow_remote=self._allow_remote)
                    if not plain:
                        stack.callback(_closed, model)
                except BaseException:
                    stack.close()
                    raise
                chosen = Chosen(model, self.spec, used.adapter.record_id if used.adapter else None, used.why)
                session.answering[client_id] = (record_id, chosen, stack.close)
            there_now: Chosen = session.answering[client_id][1]
            return there_now

    @staticmethod
    def let_go(session: Session, client_id: str) -> None:
        """Let go of a client's adapter: it is to be erased, or another was accepted."""
        with session.lock:
            held = session.answering.pop(client_id, None)
        if held is not None:
            held[2]()


def _closed(model: Model) -> None:
    """Give a model's memory back. Nobody waits: it may be in the middle of an answer."""
    threading.Thread(target=lambda: asyncio.run(model.chat.close()), daemon=True).start()
