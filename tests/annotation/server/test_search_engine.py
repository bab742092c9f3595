"""What the engine promises its caller and no request reaches: run inside the server's own Python, claim by claim."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SERVER = HERE.parents[2] / "annotation" / "server"


@pytest.fixture(scope="module")
def held(argilla_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    command = [argilla_python, "-I", HERE / "engine_claims.py", SERVER, tmp_path_factory.mktemp("claims")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_claim_holds(held: dict[str, bool]) -> None:
    assert [claim for claim, holds in held.items() if not holds] == []
    assert len(held) >= 30
