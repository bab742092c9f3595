"""A model in this process, asked as a server is: requests that arrive together are answered together.

One thread owns the model. At temperature 0 an answer is the one that the request gets alone, and with a seed it
depends on the seed and not on its place in the queue, as far as floats allow: what is computed beside it moves
probabilities in the last digits. In single precision, which a CPU gets wherever memory allows, that hardly ever tells;
in half precision it tells where two tokens are nearly as likely, so that long answers may differ. Who must have the
very same answer there asks for one at a time (`at_once=1`).
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from xinheng.chat.faults import Fault
from xinheng.chat.local_desk import Desk, Task
from xinheng.chat.local_files import LocalFiles, config_of, identity_of, local_files
from xinheng.chat.local_model import load, release
from xinheng.chat.replies import AnswerOnly
from xinheng.errors import ModelError
from xinheng.messages import Message, Reply, Token, Want

_LINGER_S: Final = 0.005  # for requests that arrive together
_CONTEXTS: Final = ("max_position_embeddings", "n_positions")
_NEEDED: Final = ("torch", "transformers", "accelerate", "psutil")


def backend(spec: str, place: str, *, timeout_s: float = 0) -> LocalBackend:  # noqa: ARG001 - one call has no wire
    """The model that `local:PATH[+ADAPTER][?4bit]` names; nothing is loaded before the first request.

    Raises:
        ModelError: The folder holds none.
        UsageError: The name cannot be read.
        ModuleNotFoundError: A package is missing.
    """
    for package in _NEEDED:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(package, name=package)
    return LocalBackend(local_files(place, name=spec), name=spec)


class LocalBackend:
    """One model in this process.

    Args:
        files: Where it lies.
        name: As the user named it.
        at_once: Requests that are answered together; where memory does not suffice they are halved.
    """

    def __init__(self, files: LocalFiles, *, name: str, at_once: int | None = None) -> None:
        self.name, self.remote = name, False
        self._files, self._at_once = files, at_once
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._identity = ""

    async def identity(self) -> str:
        """What answers: the digest of all its files."""
        self._identity = self._identity or await asyncio.to_thread(identity_of, self._files)
        return self._identity

    @property
    def files(self) -> LocalFiles:
        """Where it lies."""
        return self._files

    @property
    def context(self) -> int | None:
        """Tokens of prompt and answer together, as the model's settings tell."""
        config = config_of(self._files.base)
        inner = config.get("text_config")
        told = [part.get(key) for part in (inner, config) if isinstance(part, dict) for key in _CONTEXTS]
        return next((value for value in told if isinstance(value, int)), None)

    async def send(self, messages: Sequence[Message], want: Want, tell: Callable[[str], None] | None = None) -> Reply:
        """One answer.

        Raises:
            Fault: There is none, or the model cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        heard = AnswerOnly(tell) if tell is not None else None
        reply: Reply = await self._put(Task(loop, loop.create_future(), messages, want, heard))
        return reply

    async def loglikelihoods(self, pairs: Sequence[tuple[str | Sequence[Message], str]]) -> list[tuple[Token, ...]]:
        """How likely the model finds given continuations.

        Args:
            pairs: What stands before, as plain text or as messages in the model's chat format, and how it goes on.
                Both are tokenised together; a token that reaches over the seam counts to the continuation.

        Returns:
            For each pair the tokens of the continuation with their log-probabilities; `top` holds the likeliest
            token in its place, which is the same token where greedy decoding would have said so.

        Raises:
            Fault: A pair does not fit the model's context, or there is nothing before a continuation.
        """
        loop = asyncio.get_running_loop()
        tasks = [Task(loop, loop.create_future(), before=before, after=after) for before, after in pairs]
        return list(await asyncio.gather(*map(self._put, tasks)))

    async def close(self) -> None:
        """End the thread and give the memory back; a later request loads the model again."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._closing.set()
                self._tasks.put(None)
        if thread is not None:
            await asyncio.to_thread(thread.join)

    async def _put(self, task: Task) -> Any:
        with self._lock:
            if self._thread is None:
                self._closing, self._tasks = threading.Event(), queue.SimpleQueue()
                work = functools.partial(_work, self._files, self.name, self._at_once, self._tasks, self._closing)
                self._thread = threading.Thread(target=work, name=f"xinheng {self.name}", daemon=True)
                self._thread.start()
            self._tasks.put(task)
        return await task.future


def _work(
    files: LocalFiles, name: str, at_once: int | None, tasks: queue.SimpleQueue[Task | None], closing: threading.Event
) -> None:
    """Own the model from the first request until it is closed."""
    waiting: list[Task] = []
    desk: Desk | None = None
    while not closing.is_set():
        _gather(tasks, waiting, closing)
        if closing.is_set():
            break
        try:
            desk = desk or Desk(load(files, name=name), files, closing)
        except ModelError as error:
            found = ", ".join(f"{word} {told}" for word, told in (("want", error.want), ("have", error.have)) if told)
            fault = Fault("stop", "unavailable", f"{error.what}: {found}", mend=error.mend)
            _settle(waiting, fault)
            waiting = []
            continue
        waiting = [task for task in waiting if not task.future.done() and desk.prepared(task)]
        now, waiting = _window(waiting, at_once or desk.at_once)
        desk.serve(now)
        del now
    while not tasks.empty():
        if (task := tasks.get()) is not None:
            waiting.append(task)
    _settle(waiting, Fault("stop", "unavailable", "closed while requests were waiting"))
    if desk is not None:
        loaded, desk = desk.loaded, None
        release(loaded)


def _settle(tasks: Sequence[Task], fault: Fault) -> None:
    for task in tasks:
        # One error for many would gather all their traces.
        task.settle(Fault(fault.action, fault.problem, fault.detail, mend=fault.mend))


def _gather(tasks: queue.SimpleQueue[Task | None], waiting: list[Task], closing: threading.Event) -> None:
    """Wait until there is something to do, then a moment for what comes with it."""
    fresh = bool(waiting)
    while True:
        try:
            task = tasks.get(timeout=_LINGER_S if waiting else None) if not fresh else tasks.get_nowait()
        except queue.Empty:
            return
        if task is None or closing.is_set():
            if task is not None:
                waiting.append(task)
            return
        waiting.append(task)


def _window(waiting: list[Task], size: int) -> tuple[list[Task], list[Task]]:
    """The oldest request with those that are about as long, and the others in their order."""
    if not waiting:
        return [], []
    oldest = waiting[0]
    alike = [task for task in waiting if (task.after is None) == (oldest.after is None)]
    alike.sort(key=lambda task: abs(task.size - oldest.size))
    now = alike[:size]
    chosen = set(map(id, now))
    return now, [task for task in waiting if id(task) not in chosen]
