"""A desk with a quick key derivation, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.desk.unlock import Desk
from tests.app.desk.desks import new_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path / "desk")
