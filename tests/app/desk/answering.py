"""Models for tests: what a test wrote down, one that hangs, one that breaks; and the real nano."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.desk.asking import Model
from xinheng.messages import Chat, Message, Reply, Usage, Want


@dataclass
class Written:
    """Answers in order, the last again and again; what is an exception is raised."""

    answers: Sequence[Reply | BaseException]
    name: str = "written"
    remote: bool = False
    asked: list[tuple[list[Message], Want]] = field(default_factory=list)

    async def identity(self) -> str:
        return self.name

    async def close(self) -> None:
        return None

    async def __call__(
        self, messages: Sequence[Message], /, *, want: Want = Want(), tell: Callable[[str], None] | None = None
    ) -> Reply:
        self.asked.append((list(messages), want))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            if tell is not None:
                tell("聽到一")
            raise answer
        if tell is not None:
            for piece in answer.text:
                tell(piece)
        return answer


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
