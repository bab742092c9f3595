"""A run's record: plain JSON values, the same on the same machine, and no look at it loads anything heavy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import records
from benchmarks.records import code, machine, record

WHOLE = {
    "data": {"digest": "d"},
    "prompt": {},
    "models": [{"name": "m"}],
    "decoding": {},
    "counts": {"n": 1},
    "cost": {},
}


def test_a_record_is_json_and_says_what_made_it() -> None:
    made = record(**WHOLE, command={"name": "predict", "arguments": []})  # type: ignore[arg-type]
    assert json.loads(json.dumps(made)) == made
    assert len(made["code"]["digest"]) == 64
    assert made["machine"]["cores"] >= 1
    assert made["machine"]["packages"]["polars"]
    assert made["machine"] == machine()
    assert record(**WHOLE)["command"] is None  # type: ignore[arg-type]


def test_the_code_digest_moves_with_any_source_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(at: Path) -> str:
        monkeypatch.setattr(records, "__file__", str(at / "benchmarks" / "records.py"))
        code.cache_clear()
        return code()["digest"]

    root = tmp_path / "a"
    for name in ("app/x.py", "benchmarks/rubrics/y.toml", "xinheng/z.py", "tests/t.py", "app/__pycache__/x.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
    first = digest(root)
    shutil.copytree(root, tmp_path / "b")
    assert digest(tmp_path / "b") == first, "wherever it lies"
    for name, moves in (("tests/t.py", False), ("app/__pycache__/x.pyc", False), ("benchmarks/rubrics/y.toml", True)):
        (root / name).write_text("two")
        assert (digest(root) != first) is moves, name
    monkeypatch.undo()
    code.cache_clear()


def test_looking_at_the_machine_loads_no_torch() -> None:
    program = "import sys; from benchmarks.records import record, machine; machine(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
