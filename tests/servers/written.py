"""A model that says what a test has written down, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xinheng.messages import Message, Reply, Want


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
