"""A step's requests asked of a Chat, and a Chat that does several steps at once, by which an estimate tries them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from app.model_flags import Flags
from app.models import Models, NotKeptError
from xinheng.batch import Request, ask_all
from xinheng.budget import Spent
from xinheng.messages import Chat, Message, Reply, Usage, Want


class Work(Protocol):
    """All replies that one item takes."""

    async def __call__(self, messages: Sequence[Message], /, *, kept_only: bool) -> list[Reply]:
        """Ask for them; with `kept_only` nothing is sent, and what is not kept raises `NotKeptError`."""
        ...


async def ask(
    models: Models,
    chat: Chat,
    requests: Iterable[Request],
    total: int,
    spent: Spent,
    flags: Flags,
    wall_s: dict[str, float],
) -> list[Reply]:
    """The replies to a step's requests, in order; what they cost is counted."""
    began, replies = time.perf_counter(), []
    if total:
        answered = ask_all(
            chat,
            requests,
            concurrency=flags.concurrency,
            step=spent.step,
            budget=models.budget,
            progress=models.progress(total, spent.step),
        )
        async with aclosing(answered) as found:  # type: ignore[type-var]
            async for one in found:
                spent.add(one.reply, one.spent)
                replies.append(one.reply)
    wall_s[spent.step] = time.perf_counter() - began
    return replies


class Composed:
    """A Chat that does all that one item takes, so that an estimate can try it on a few.

    Args:
        work: From messages, and whether anything may be sent, to the replies it takes.
        chats: Which are asked.
    """

    def __init__(self, work: Work, chats: Sequence[Chat]) -> None:
        self._work, self._chats = work, chats
        self.name = " + ".join(dict.fromkeys(chat.name for chat in chats))
        self.remote = any(chat.remote for chat in chats)

    async def identity(self) -> str:
        """Of all together."""
        return "\n".join([await chat.identity() for chat in self._chats])

    async def close(self) -> None:
        """The chats are somebody else's."""

    async def __call__(self, messages: Sequence[Message], /, *, want: Want = Want(), tell: Any = None) -> Reply:
        """A reply that costs what all of them cost, with the first problem there was."""
        del want, tell  # each request that it is made of has its own
        replies = await self._work(messages, kept_only=False)
        problem = next((reply.problem for reply in replies if reply.problem), None)
        return Reply("", problem=problem, usage=sum((reply.usage for reply in replies), Usage()))

    async def kept(self, requests: Iterable[tuple[Sequence[Message], Want]]) -> list[bool]:
        """For each item whether all that it takes is kept."""
        return [await self._is_kept(messages) for messages, _ in requests]

    async def _is_kept(self, messages: Sequence[Message]) -> bool:
        try:
            await self._work(messages, kept_only=True)
        except NotKeptError:
            return False
        return True
