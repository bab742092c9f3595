"""A desk's entrance, asked in this process."""

from __future__ import annotations

import pytest

from tests.app.desk.pages.entrance import Entrance


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def entrance(anyio_backend, tmp_path):
    there = Entrance(tmp_path / "desk")
    yield there
    there.sessions.end_all()
