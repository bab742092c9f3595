"""Models for the desk's tests: one that says what a test wrote down, and one that falls silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from app.desk.asking import Model
from tests.servers.written import Written
from xinheng.messages import Chat, Message, Reply, Usage, Want


class Hanging(Written):
    """Says a little and then nothing any more."""

    async def __call__(
        self, messages: Sequence[Message], /, *, want: Want = Want(), tell: Callable[[str], None] | None = None
    ) -> Reply:
        self.asked.append((list(messages), want))
        if tell is not None:
            tell("聽到一")
        await asyncio.Event().wait()
        raise AssertionError


def said(*values: Any) -> Written:
    """A model that gives these values: JSON, or text as it is."""
    replies: list[Reply | BaseException] = []
    for value in values:
        if isinstance(value, Reply | BaseException):
            replies.append(value)
        elif isinstance(value, str):
            replies.append(Reply(value, usage=Usage(10, 5)))
        else:
            replies.append(Reply(json.dumps(value, ensure_ascii=False), data=value, usage=Usage(10, 5)))
    chat = Written(replies)
    typed: Chat = chat
    assert typed is chat
    return chat


def model(chat: Chat, **more: Any) -> Model:
    return Model(chat, **{"context": 8192, "patience_s": 20.0, **more})


def all_asked(chat: Written) -> str:
    """Every word that a model was given."""
    return "\n".join(message.content for messages, _ in chat.asked for message in messages)
