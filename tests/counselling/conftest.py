"""A counsellor that says what a test has written down, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.servers.written import Written
from xinheng.messages import Chat, Reply, Usage


@pytest.fixture
def scripted() -> Callable[..., Written]:
    def make(replies: Iterable[str | Reply], *, name: str = "scripted") -> Written:
        cost = Usage(10, 5, requests=1, seconds=0.1)
        chat = Written([r if isinstance(r, Reply) else Reply(r, usage=cost) for r in replies], name=name)
        typed: Chat = chat
        assert typed is chat
        return chat

    return make
